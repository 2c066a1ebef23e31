"""Line rules about the whole line: whether a message is in it, what stands before it, its bytes.

In comes a `ParsedLine`, out come findings. `<U+0007>` in a page stands for that character.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.lint import codes
from cef_bridge.lines.lint.parts import LineFinding, ParsedLine
from cef_bridge.lines.lint.registry import reports
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_READ = 1 << 20
"""Characters of a line that are looked at."""

_ASCII_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udc7f\udd00-\udfff]")
_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# What a decoder with "surrogateescape" makes of bytes that are no UTF-8.
_RAW_BYTE = re.compile(r"[\udc80-\udcff]")
_TAG = re.compile(r"([!-9;-~]{1,64}): ?$")
_FRAME = re.compile(r"[0-9]{1,7} <[0-9]{1,3}>")
_BEGINNING = re.compile(r"CEF:0|LEEF:")
_ANY_BEGINNING = re.compile(r"(?:CEF|LEEF):", re.IGNORECASE)


class Limit(NamedTuple):
    """A size, in bytes, from which on a receiver cuts or refuses; and how it is called."""

    size: int
    receivers: tuple[str, ...]
    called: str


LIMITS = (
    Limit(1024, ("syslog",), "RFC 3164 relays"),
    Limit(2048, ("syslog",), "relays that keep to RFC 5424's 2,048"),
    Limit(4096, ("qradar",), "QRadar's TCP listener"),
    Limit(6144, ("wazuh",), "Wazuh"),
    Limit(8192, ("rsyslog",), "rsyslog"),
    Limit(8192, ("sentinel",), "Sentinel's forwarder"),
    Limit(10240, ("elastic",), "Elastic over UDP"),
    Limit(65536, ("sc4s", "splunk"), "Splunk Connect for Syslog"),
)
"""What receivers take at most, unless they are told otherwise."""


@reports(codes.NO_MESSAGE)
def no_message(line: ParsedLine) -> Iterator[LineFinding]:
    """A line has one message: `CEF:` or `LEEF:` at its start, or after a syslog header.

    A receiver stores anything else as unknown. Often it is the rest of a message that its
    sender cut, or that had a line break in it. Or the sender writes JSON.

    Bad:
        ame=curl Resource=/usr/bin/curl -s http://203.0.113.9/x
        {"rule": "Shell in a container", "priority": "Warning"}
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow
    """
    if line.format:
        return
    text = line.prefix.raw.strip()
    elsewhere = _ANY_BEGINNING.search(line.text)
    if text.startswith(("{", "[{")):
        hint = "This looks like JSON: the sender writes another format than CEF."
    elif elsewhere:
        hint = (
            f'found "{elsewhere[0]}" at column {elsewhere.start() + 1}; a message begins with '
            "CEF: or LEEF: in capitals, after a space."
        )
    elif line.syslog is None:
        hint = "It may be the rest of a message that was cut, or that had a line break in it."
    else:
        hint = "Only a syslog header is as it should be."
    yield LineFinding(0, f"no message. Expected CEF: or LEEF: after the syslog header. {hint}")


@reports(codes.TOO_LONG)
def too_long(line: ParsedLine) -> Iterator[LineFinding]:
    """A receiver cuts a line that is too long, or reads its rest as another one.

    RFC 3164 allows 1,024 bytes; RFC 5424 recommends 2,048. QRadar's TCP listener accepts 4,096,
    Wazuh 6,144, rsyslog and with it Sentinel's forwarder 8,192, Elastic over UDP 10,240, Splunk
    Connect for Syslog 65,536. Most have a setting for it. Leave out complete fields before the
    receiver cuts the line. (The example shortens a value of 1,100 characters.)

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow msg=<1100 x>
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow msg=All of it
    """
    over = [
        limit
        for limit in LIMITS
        if line.size > limit.size and line.read_by in {"", *limit.receivers}
    ]
    if over:
        who = ", ".join(
            f"{it.called} ({it.size:,})" if f"{it.size:,}" not in it.called else it.called
            for it in over
        )
        read = f" Only its first {MOST_READ:,} were looked at." if line.size > MOST_READ else ""
        yield LineFinding(
            0, f"the line has {line.size:,} bytes, more than is taken by {who}.{read}"
        )


@reports(codes.RFC5424)
def rfc5424(line: ParsedLine) -> Iterator[LineFinding]:
    """Graylog's CEF input is made for RFC 3164 headers.

    It reads the word before `CEF:` as the host, which in RFC 5424 is a dash. It reads
    microseconds as milliseconds, so the time is off by up to 17 minutes. Before 6.3.0 it stored
    nothing.

    Bad:
        <134>1 2026-03-01T10:00:00Z gate-1 acme - - - CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    Good:
        <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    """
    if line.format and line.syslog is not None and line.syslog.version == "rfc5424":
        yield LineFinding(
            0,
            "an RFC 5424 header, whose host and time Graylog's CEF input misreads. Send RFC 3164.",
        )


@reports(codes.TAG)
def tag(line: ParsedLine) -> Iterator[LineFinding]:
    """Sentinel's agent looks for a time, a host, and CEF right behind them.

    With a program's name in between, the event is stored in the Syslog table.

    Bad:
        <134>Mar  1 10:00:00 gate-1 gated[71]: CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    Good:
        <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    """
    if line.format and (line.syslog is None or line.syslog.version == "rfc3164"):
        found = _TAG.search(line.prefix.raw[-80:])
        if found:
            at = line.at - len(found[0])
            yield LineFinding(
                at,
                f'the tag "{shown(found[1])}" precedes the message, so Sentinel stores it as '
                "syslog. Send without a tag.",
            )


@reports(codes.FRAME_LENGTH)
def frame_length(line: ParsedLine) -> Iterator[LineFinding]:
    """A number before the priority is the length of an octet-counted frame.

    The receiver expected lines, and read the length as text. Use the same framing (RFC 6587) on
    both sides.

    Bad:
        88 <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    Good:
        <134>Mar  1 10:00:00 gate-1 CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    """
    found = _FRAME.match(line.text)
    if found:
        number = found[0].partition(" ")[0]
        yield LineFinding(
            0,
            f"{number} before the priority is a frame's length. The sender counts octets "
            "(RFC 6587), and the receiver waits for line feeds: set both alike.",
        )


@reports(codes.BOM)
def bom(line: ParsedLine) -> Iterator[LineFinding]:
    """No byte order mark precedes a message.

    RFC 5424 allows one, but it hides `CEF:` from receivers that look for it at a word's start.

    Bad:
        <134>1 2026-03-01T10:00:00Z h acme - - - <U+FEFF>CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    Good:
        <134>1 2026-03-01T10:00:00Z h acme - - - CEF:0|Acme|Gate|2.1|login|In|3|act=Allow
    """
    at = line.text.find("\ufeff", 0, line.at) if not line.text.isascii() else -1
    if at >= 0:
        yield LineFinding(at, "a byte order mark, which hides the message. Leave it out.")


@reports(codes.CONTROL)
def control(line: ParsedLine) -> Iterator[LineFinding]:
    r"""A message has no raw control characters; a line break in a value is written `\n`.

    Some receivers end the message there, some refuse it, and a terminal that shows it executes
    it. U+2028 and U+2029 also end a line in some programs. Only LEEF has the TAB, as delimiter.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|msg=bell <U+0007> rings
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|msg=first line\nsecond line
    """
    text = line.text
    if text.isprintable():
        return
    pattern = _ASCII_CONTROL if text.isascii() else _CONTROL
    parts = line.format == "leef" and line.delimiter
    for found in pattern.finditer(text):
        if found[0] != parts or found.start() < line.extension_at:
            what = f"U+{ord(found[0]):04X}"
            yield LineFinding(
                found.start(),
                f"a raw control character, {what}. Write line breaks as \\n and \\r in values, "
                "and leave the others out.",
            )


@reports(codes.BIDI)
def bidi(line: ParsedLine) -> Iterator[LineFinding]:
    """A message has no character that reverses the reading order: people would read another text.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|filePath=/tmp/<U+202E>gpj.sh
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|filePath=/tmp/hs.jpg
    """
    if line.text.isascii():
        return
    for found in _BIDI.finditer(line.text):
        what = f"U+{ord(found[0]):04X}"
        yield LineFinding(found.start(), f"{what} turns the reading order. Write it visibly.")


@reports(codes.NOT_UTF8)
def not_utf8(line: ParsedLine) -> Iterator[LineFinding]:
    """A message is valid UTF-8 (v27, "Character Encoding"; IBM requires the same for LEEF).

    Reported once per line. The example shows the byte E9, é in Latin 1.

    Bad:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=Ren<U+DCE9>
    Good:
        CEF:0|Acme|Gate|2.1|login|User logged in|3|suser=René
    """
    found = _RAW_BYTE.search(line.text) if not line.text.isascii() else None
    if found:
        byte = ord(found[0]) - 0xDC00
        yield LineFinding(found.start(), f"the byte {byte:02X} is no UTF-8 here. Send UTF-8 only.")


@reports(codes.SECOND_BEGINNING)
def second_beginning(line: ParsedLine) -> Iterator[LineFinding]:
    """No value contains the beginning of another message.

    Splunk Connect for Syslog looks for the last `CEF:0` of a line. An attacker who chooses an
    argument with this text replaces the real record.

    Bad:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|act=Block msg=echo CEF:0|A|B|1|x|y|0|act=Allow
    Good:
        CEF:0|Acme|Gate|2.1|exec|Program started|3|act=Block msg=echo CEF 0
    """
    if not line.format:
        return
    found = _BEGINNING.search(line.text, line.at + 1)
    if found and line.text.startswith(("CEF", "LEEF"), found.start()):
        yield LineFinding(
            found.start(),
            f"{found[0]} inside the message. SC4S takes the last one of a line for its "
            "beginning: break it up.",
        )
