"""What a strict reader finds wrong with one message as it came over the network.

In come a message's bytes without framing, out come faults: sentences, each with the kind that it
is counted under. The syslog header is looked at here, the message behind it by
`lines.check`. Pure. Must not know how the message came.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines import FORMATS
from cef_bridge.lines.check import faults
from cef_bridge.lines.message import locate
from cef_bridge.lines.text import cut, sanitize
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.lines.message import MessageStart

MAX_BYTES = 8192
"""With its syslog header, as the base mapping's `max_bytes`."""

_READERS = {name: make() for name, make in FORMATS.items()}
_SHOWN = 60
# What differs between two faults of one kind: places, quoted texts, lengths.
_POSITION = re.compile(r"^(position|byte) \d+")
_QUOTED = re.compile(r'"[^"]*"')
_NUMBER = re.compile(r"(?<=\bhas )\d+|(?<=\bis )\d+|\d+(?= bytes?\b)|(?<=\(hex )[0-9A-F]{2}")

# What begins so is no message, but something that operators know by name.
_STRANGERS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (
        re.compile(rb"\x16\x03[\x00-\x04]"),
        "this is a TLS handshake. Send without TLS, or listen on tls://.",
    ),
    (
        re.compile(rb"(?:GET|POST|PUT|HEAD|OPTIONS|CONNECT) \S+ HTTP/|[\w-]+: .*\r$"),
        "this is HTTP. Expected syslog.",
    ),
    (
        re.compile(rb"\s*[{\[]"),
        "this is JSON. Expected CEF: or LEEF:; cef-bridge convert or forward make it of events.",
    ),
    (
        re.compile(rb"\d{1,9} <"),
        "a frame length before the message. Remove it for datagrams and lines.",
    ),
    (re.compile(rb"\x1f\x8b|\x28\xb5\x2f\xfd"), "this is compressed. Expected text."),
    (re.compile(rb"\s*\Z"), "the message is empty."),
)


class MessageProblem(NamedTuple):
    """`text` is for people and has nothing that drives a terminal; `kind` is what it counts as."""

    kind: str
    text: str


class MessageLimits(NamedTuple):
    """How strict to be: `max_bytes` of a message with its syslog header; `ipv6_in_addresses` lets
    IPv6 into src, dst and dvc of `CEF:0`, as the mappings write it whose receivers read it there.
    """

    max_bytes: int = MAX_BYTES
    ipv6_in_addresses: bool = True


RULES = MessageLimits()


def judge(message: bytes, rules: MessageLimits = RULES) -> list[MessageProblem]:
    """Return what is wrong with a message; an empty list for a strict one."""
    found: list[str] = []
    if len(message) > rules.max_bytes:
        size = counted(len(message), "byte")
        found.append(f"the message has {size}. Expected {rules.max_bytes:,} at most.")
    try:
        line = message.decode()
    except UnicodeDecodeError as error:
        found.append(
            f"byte {error.start + 1} is no UTF-8 (hex {message[error.start]:02X}). "
            "Expected UTF-8 throughout."
        )
        line = message.decode("utf-8", "replace")
    place = locate(line)
    if place.format is None:
        found.append(_stranger(message, line, place))
    else:
        found += _before(line[: place.start], place)
        found += faults(line, _READERS[place.format], ipv6_in_addresses=rules.ipv6_in_addresses)
    return [_fault(text) for text in found]


def kind_of(text: str) -> str:
    """Return what a sentence counts as: places, quoted texts and lengths left out."""
    text = _QUOTED.sub('"…"', _POSITION.sub(r"\1 …", text))
    return _NUMBER.sub("…", text)


def _fault(text: str) -> MessageProblem:
    text = sanitize(text).replace("\n", "<U+000A>").replace("\r", "<U+000D>")
    return MessageProblem(kind_of(text), text)


def _stranger(message: bytes, line: str, place: MessageStart) -> str:
    """Say what a line is that holds no message."""
    for pattern, sentence in _STRANGERS:
        if pattern.match(message):
            return sentence
    if place.header is not None:
        shown = cut(sanitize(place.between), _SHOWN)
        return f'syslog without a CEF or LEEF message: "{shown}".'
    shown = cut(sanitize(line), _SHOWN)
    return f'no message: "{shown}". Expected CEF: or LEEF:, with or without a syslog header.'


def _before(prefix: str, place: MessageStart) -> list[str]:
    """Return what is wrong with what stands before the message."""
    if not prefix or prefix == "\ufeff":
        return []
    header = place.header
    if header is None or not header.strict:
        shown = cut(sanitize(prefix), _SHOWN)
        if header is not None or prefix.startswith("<"):
            forms = "RFC 3164 (<PRI>Mmm dd hh:mm:ss host) nor RFC 5424 (<PRI>1 time host app - - -)"
            return [f'the syslog header "{shown}" is neither {forms}.']
        return [f'"{shown}" before the message is no syslog header.']
    found = []
    if header.priority is None:
        found.append("the syslog header has no priority. Over a network it begins with <PRI>.")
    if place.between:
        # ArcSight and Sentinel look for the message right behind the host.
        shown = cut(sanitize(place.between), _SHOWN)
        found.append(f'"{shown}" between the syslog header and the message.')
    return found
