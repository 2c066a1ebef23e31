"""A CEF or LEEF message in parts: what the writers take and the readers give.

`Header` and `ParsedMessage` are plain values, all text; `locate` finds where a message begins
behind a syslog header. Must not know how either format escapes.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Literal, NamedTuple

from cef_bridge.errors import FormatError
from cef_bridge.lines.syslog import SyslogHeader, read_loosely, split


class Header(NamedTuple):
    """The header's fields after the version; LEEF has no `name` and no `severity` (both "")."""

    device_vendor: str
    device_product: str
    device_version: str
    device_event_class_id: str
    name: str
    severity: str


class ParsedMessage(NamedTuple):
    """What a line says: `prefix` is all that stood before `CEF:` or `LEEF:`, as it stood."""

    format: Literal["cef", "leef"]
    version: str
    header: Header
    extension: dict[str, str]
    prefix: str = ""
    delimiter: str = ""


# RFC 5424 6.4 lets a BOM stand before a UTF-8 message. A colon ends the tag of RFC 3164.
_BEGINNING = re.compile(r"(?:^(?:<[0-9]{1,3}>)?|(?<=[ \t:\ufeff]))((?:CEF|LEEF):)")


class MessageStart(NamedTuple):
    """Where the message stands in a line: `format` is None and `start` 0 where there is none.

    `between` is what stands between the syslog header and the message: a tag, as a rule.
    """

    format: Literal["cef", "leef"] | None
    start: int
    header: SyslogHeader | None
    between: str


def locate(line: str) -> MessageStart:
    """Return where the message of a line begins, and the syslog header before it.

    The first `CEF:` or `LEEF:` at the start of the line, behind a priority, or after white space, a
    colon or a BOM counts: what follows in values is text. All who read lines read them by this.
    """
    # A host in a proper header may be called CEF:0; there is no message inside the header.
    header, rest = split(line)
    header_end = len(line) - len(rest)
    found = _BEGINNING.search(line, header_end)
    start = found.start(1) if found else len(line)
    if header is None:
        header, header_end = read_loosely(line[:start])
    between = line[header_end:start]
    if found is None:
        return MessageStart(None, 0, header, between)
    return MessageStart("cef" if found[1] == "CEF:" else "leef", start, header, between)


@cache
def _control() -> re.Pattern[str]:
    # Slow to compile, and only for who reads lines
    return re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def refuse_controls(line: str, start: int, end: int, allowed: str = "") -> None:
    """Raise FormatError when this part holds a control character, U+2028/9 or lone surrogate."""
    for found in _control().finditer(line, start, end):
        if found[0] != allowed:
            raise FormatError(
                f"position {found.start() + 1}: a raw control character U+{ord(found[0]):04X}. "
                "A message has it escaped or not at all."
            )
