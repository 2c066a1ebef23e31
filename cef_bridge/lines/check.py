"""What a strict receiver finds wrong with a message: types, lengths, labels, white space.

In comes one line, out come sentences; none means that the line is what the standard asks for
(CEF v27; IBM's LEEF) and what the receivers that read less than the standard can take. Must not
know which mapping wrote the line.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from cef_bridge.errors import FormatError
from cef_bridge.lines.cef import no_severity, split_header
from cef_bridge.lines.dictionary import HEADER_LENGTHS, LABELS, SEVERITIES, Key
from cef_bridge.lines.leef import LEEF_HEADER_LENGTHS, not_parted, undeclared
from cef_bridge.lines.text import cut, sanitize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.lines import Format, ParsedMessage

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_FLOAT = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_MAC = re.compile(r"[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}")
# v27, Appendix A: epoch, or MMM dd [yyyy] HH:mm:ss[.SSS][ zzz].
_TIMESTAMP = re.compile(
    r"[0-9]{10}|[0-9]{13}"
    r"|(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) (?:0?[1-9]|[12][0-9]|3[01])"
    r"(?: [0-9]{4})? (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{3})?(?: [A-Za-z0-9:+-]+)?"
)


def faults(
    message_line: str,
    format: Format,  # noqa: A002 - the field's own word, as everywhere here
    *,
    own_prefix: str = "KubeArmor",
    ipv6_in_addresses: bool = False,
) -> list[str]:
    """Return what is wrong with a line, a sentence each; an empty list for a strict one.

    In CEF a key outside the dictionary must begin with `own_prefix`; LEEF leaves such keys free.
    `ipv6_in_addresses` lets IPv6 into src, dst and dvc of `CEF:0`, for receivers that read it
    there (Splunk, Elastic).
    """
    try:
        message = format.parse(message_line)
    except FormatError as error:
        return [str(error)]
    found = [*_header_faults(message), *_edge_faults(message_line, message)]
    for name, value in message.extension.items():
        row = format.key(name)
        found += _value_faults(name, value)
        if row is None:
            if message.format == "cef" and not name.startswith(own_prefix):
                found.append(
                    f"{name} is not in the dictionary. A key of one's own begins with {own_prefix}."
                )
        else:
            found += row_faults(row, value, message, ipv6=ipv6_in_addresses)
    if message.format == "cef":
        found += _label_faults(message.extension)
    return found


def _header_faults(message: ParsedMessage) -> Iterator[str]:
    lengths = HEADER_LENGTHS
    if message.format == "leef":
        lengths = {**LEEF_HEADER_LENGTHS}
        del lengths["name"]
    elif message.version not in ("0", "1"):
        yield f"version {message.version} of CEF does not exist. Expected 0 (or 1)."
    for name, length in lengths.items():
        text = getattr(message.header, name)
        if not text:
            yield f"the header's {name} is empty."
        if len(text) > length:
            yield f"the header's {name} has {len(text)} characters. Expected {length} at most."
        if "|" in text:
            yield f"the header's {name} holds a pipe, which Splunk takes for the field's end."
        yield from _value_faults(f"the header's {name}", text)


def _edge_faults(line: str, message: ParsedMessage) -> Iterator[str]:
    if line.endswith(" "):
        yield "white space at the end of the line, which readers lose."
    if message.format == "leef":
        if len(message.extension) == 1:
            ((name, value),) = message.extension.items()
            if mark := undeclared(f"{name}={value}", message.delimiter):
                yield not_parted(mark, message.delimiter)
    else:
        # The reader takes such spaces for no part of a value, so the values do not show them.
        _, _, fields, extension_at = split_header(line)
        severity, at = fields[-1]
        if severity not in SEVERITIES:
            yield no_severity(severity, at)
        if line.startswith(" ", extension_at):
            yield "a space behind the seventh pipe, which breaks strict readers."


def _value_faults(name: str, value: str) -> Iterator[str]:
    if value != value.strip():
        yield f"{name} begins or ends with white space."
    if sanitize(value) != value:
        yield f"{name} holds a control or bidi character."


def row_faults(row: Key, value: str, message: ParsedMessage, *, ipv6: bool) -> Iterator[str]:
    """Yield what is wrong with a value of a dictionary's key, a sentence each."""
    if row.role == "consumer":
        yield f"{row.name} is filled by receivers. A device leaves it out."
    if row.name == "devTime" and "devTimeFormat" in message.extension:
        return  # IBM: any form that the pattern describes
    # CEF:1 has both families in one key.
    yield from misfits(row, value, both_families=ipv6 or message.version == "1")


def misfits(row: Key, value: str, *, both_families: bool = False) -> Iterator[str]:
    """Yield what is wrong with a value under a key of the dictionary: its length, type, range.

    `both_families` lets IPv6 into the keys that are IPv4 under `CEF:0`.
    """
    if row.max_length is not None and len(value) > row.max_length:
        yield f"{row.name} has {len(value)} characters. Expected {row.max_length} at most."
    if fault := type_fault(row, value, both_families=both_families):
        yield fault


def type_fault(row: Key, value: str, *, both_families: bool = False) -> str | None:
    """Return what is wrong with the type or range of a value, a sentence; None when it is right."""
    kind: str = "ip" if both_families and row.kind == "ipv4" else row.kind
    test, expected = _KINDS.get(kind, _ANY)
    if not test(value):
        return f'{row.name} is "{cut(value, 40)}". Expected {expected}.'
    if row.full_name.lower().endswith("port") and not 0 <= int(value) <= 65535:
        return f"{row.name} is {value}. Expected a port, 0 to 65535."
    if row.name == "sev" and not 1 <= int(value) <= 10:
        return f"sev is {value}. Expected 1 to 10."
    return None


def _label_faults(extension: dict[str, str]) -> Iterator[str]:
    for slot, label in LABELS.items():
        if slot in extension and label not in extension:
            yield f"{slot} has no {label}."
        if label in extension and slot not in extension:
            yield f"{label} without {slot}."
    texts = [extension[label] for label in LABELS.values() if label in extension]
    for text in sorted({text for text in texts if texts.count(text) > 1}):
        yield f'two custom keys have the label "{cut(text, 40)}". Labels differ within an event.'


def _is_integer(bits: int) -> Callable[[str], bool]:
    def test(value: str) -> bool:
        most: int = 2 ** (bits - 1)
        return bool(_INTEGER.fullmatch(value)) and -most <= int(value) < most

    return test


def _is_address(
    *families: type[ipaddress.IPv4Address | ipaddress.IPv6Address],
) -> Callable[[str], bool]:
    def test(value: str) -> bool:
        for family in families:
            try:
                family(value)
            except ValueError:
                continue
            return "%" not in value
        return False

    return test


_ANY: tuple[Callable[[str], bool], str] = (lambda _: True, "text")
_KINDS: dict[str, tuple[Callable[[str], bool], str]] = {
    # CEF:0 has 32 bits; a long has 64 (v27, "Data Types").
    "integer": (_is_integer(32), "an integer below 2147483648"),
    "long": (_is_integer(64), "an integer of 64 bits"),
    "float": (lambda value: bool(_FLOAT.fullmatch(value)), "a number"),
    "timestamp": (
        lambda value: bool(_TIMESTAMP.fullmatch(value)),
        "epoch seconds or milliseconds, or MMM dd yyyy HH:mm:ss",
    ),
    "ipv4": (_is_address(ipaddress.IPv4Address), "an IPv4 address"),
    "ipv6": (_is_address(ipaddress.IPv6Address), "an IPv6 address"),
    "ip": (_is_address(ipaddress.IPv4Address, ipaddress.IPv6Address), "an IP address"),
    "mac": (lambda value: bool(_MAC.fullmatch(value)), "six pairs of hex digits with colons"),
}
