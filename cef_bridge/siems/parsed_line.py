"""A line taken apart for a simulator: its syslog header, its message, what the standard says of it.

In comes a line, out go Parts; beside them what several receivers have in common. The standard's
reading is what a receiver's is measured by. Must not know any receiver's rules.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import FormatError
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.lines.lint.lenient import read_leniently
from cef_bridge.lines.message import locate
from cef_bridge.siems.reading import ARRIVAL, SiemFinding, SiemTime, nothing

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.lines import ParsedMessage
    from cef_bridge.lines.syslog import SyslogHeader
    from cef_bridge.siems.reading import Reading

NO_TIME = "Jan  1 00:00:00"
"""What an RFC 3164 header says for an event without a time."""

HEADER_3164 = "envelope: {syslog_header: rfc3164}"
HEADER_5424 = "envelope: {syslog_header: rfc5424}"

_MILLISECONDS = re.compile(r"[0-9]{1,13}")
_SECONDS = re.compile(r"[0-9]{10}")


class Parts(NamedTuple):
    """A line's parts: `rest` is what follows the syslog header, `body` begins with CEF: or LEEF:.

    `tag` is what stands between the two; both are empty where there is no message.
    `meant` is the message as the standard reads it, or what can be read where it cannot; None where
    that is nothing. `fault` says what is wrong with it.
    """

    line: str
    header: SyslogHeader | None
    rest: str
    tag: str
    body: str
    format: str
    meant: ParsedMessage | None
    fault: str

    @property
    def said(self) -> dict[str, str]:
        """The keys and values that the sender meant; none where the standard cannot tell."""
        return self.meant.extension if self.meant else {}


def take_apart(line: str) -> Parts:
    """Return the parts of a line; never fails, whatever the line is."""
    name, start, header, between = locate(line)
    if name is None:
        rest = between
        return Parts(
            line, header, rest, "", "", "", None, "there is no CEF: or LEEF: where a message begins"
        )
    meant, fault = None, ""
    try:
        meant, faults = read_leniently(line)
        fault = " ".join(faults)
    except FormatError as error:
        fault = str(error)
    return Parts(line, header, between + line[start:], between, line[start:], name, meant, fault)


def refused(parts: Parts, wanted: str, who: str) -> Reading | None:
    """Return the reading of a line that holds no message, or none of the format that is wanted."""
    if parts.format == wanted:
        return None
    if not parts.format:
        message = f"{who} finds no event here: {parts.fault}."
        fix = "Send a line of cef-bridge, or another CEF or LEEF line."
        return nothing(SiemFinding("lost", "", message, fix))
    message = (
        f"{who} does not read {parts.format.upper()}: the line stays raw text, without fields."
    )
    fix = f"Use a mapping with `format: {wanted}`."
    return nothing(SiemFinding("lost", "", message, fix))


def broken(parts: Parts) -> Iterator[SiemFinding]:
    """Yield a finding when the line is not what the standard asks for."""
    if parts.fault:
        yield SiemFinding(
            "misread",
            "",
            f"The line is not what the standard says: {parts.fault.rstrip('.')}. "
            "What follows is what the receiver still makes of it.",
            r"Have the sender escape: `\=` and `\\` in values, no pipe in the header.",
        )


def differences(
    said: Mapping[str, str], read: Mapping[str, str], fix: str = ""
) -> Iterator[SiemFinding]:
    """Yield what a receiver finds otherwise than it was said: keys without, changed, invented.

    Without anything said (a line that the standard cannot read) nothing can be compared.
    """
    fix = fix or "Leave the key out (`KEY: null`), or change its value with `via` or `table`."
    for key, value in said.items():
        if key not in read:
            yield SiemFinding("lost", key, "The receiver's parser does not find this key.", fix)
        elif read[key] != value:
            yield SiemFinding(
                "misread", key, "The receiver's parser takes another text for it.", fix
            )
    for key in read:
        if said and key not in said:
            yield SiemFinding("misread", key, "Nobody wrote this key: it is part of a value.", fix)


def moment(text: str) -> str:
    """Return epoch seconds or milliseconds as RFC 3339 in UTC; other texts as they are."""
    if _SECONDS.fullmatch(text):
        return f"{datetime.fromtimestamp(int(text), UTC):%Y-%m-%dT%H:%M:%S}Z"
    return cef_moment(text) if len(text) == 13 else text


def cef_moment(text: str) -> str:
    """Return epoch milliseconds as RFC 3339 in UTC; other texts as they are.

    An integer is milliseconds however small it is (CEF v27, Appendix A; decode_cef's types.go).
    """
    if not _MILLISECONDS.fullmatch(text):
        return text
    at = datetime.fromtimestamp(int(text) // 1000, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{int(text) % 1000:03d}Z"


def in_seconds(parts: Parts) -> Iterator[SiemFinding]:
    """Yield what is misread when a time is written in seconds."""
    for key, value in parts.said.items():
        row = CEF_KEYS.get(key)
        if row is not None and row.kind == "timestamp" and _SECONDS.fullmatch(value):
            message = f"Seconds, read as milliseconds: {cef_moment(value)}."
            yield SiemFinding(
                "misread", key, message, f"extension: {{{key}: {{from: event.time}}}}"
            )


def header_time(header: SyslogHeader | None) -> SiemTime:
    """Return the time that a syslog header says; RFC 3164 has no year, zone or fraction."""
    if header is None or not header.timestamp:
        return SiemTime("", ARRIVAL)
    if not header.strict:
        return SiemTime(
            header.timestamp, "the syslog header, which follows neither RFC 3164 nor RFC 5424"
        )
    if header.version == "rfc3164":
        return SiemTime(header.timestamp, "the RFC 3164 header: whole seconds, no year, no zone")
    return SiemTime(header.timestamp, "the RFC 5424 header")


def untimed(parts: Parts, key: str = "rt") -> Iterator[SiemFinding]:
    """Yield a note when neither the event nor, so, its RFC 3164 header says a time."""
    header = parts.header
    if header and header.timestamp == NO_TIME and key not in parts.said:
        message = (
            "The event says no time. `forward` writes the time of receipt, `convert --assume-time`"
            " the one you give; without, an RFC 3164 header says 1 January."
        )
        yield SiemFinding("note", key, message)


def is_address(text: str) -> bool:
    """Tell whether a text is an IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_ipv6(text: str) -> bool:
    """Tell whether a text is an IPv6 address."""
    return ":" in text and is_address(text)


def integer(text: str, bits: int) -> int | None:
    """Return a decimal integer of so many bits, sign included; None when the text is none."""
    if len(text) > 20 or not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    number = int(text)
    return number if -(1 << (bits - 1)) <= number < 1 << (bits - 1) else None
