"""A CEF or LEEF message in parts: what the writers take and the readers give.

`Header` and `Message` are plain values, all text; `locate` finds where a message begins behind a
syslog header. Must not know how either format escapes.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from cef_bridge.errors import FormatError
from cef_bridge.formats.syslog import split


class Header(NamedTuple):
    """The header's fields after the version; LEEF has no `name` and no `severity` (both "")."""

    device_vendor: str
    device_product: str
    device_version: str
    device_event_class_id: str
    name: str
    severity: str


class Message(NamedTuple):
    """What a line says: `prefix` is all that stood before `CEF:` or `LEEF:`, as it stood."""

    format: Literal["cef", "leef"]
    version: str
    header: Header
    extension: dict[str, str]
    prefix: str = ""
    delimiter: str = ""


# RFC 5424 6.4 lets a BOM stand before a UTF-8 message. A colon ends the tag of RFC 3164.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_BEGINNING = re.compile(r"(?:^|(?<=[ :\ufeff]))(?:CEF|LEEF):")


def locate(line: str) -> tuple[Literal["cef", "leef"] | None, int]:
    """Return the format of the message in a line and where it begins; (None, 0) if there is none.

    The first `CEF:` or `LEEF:` at the start of the line or after a space, colon or BOM counts:
    what follows in values is text.
    """
    # A host in a proper header may be called CEF:0; there is no message inside the header.
    _, rest = split(line)
    found = _BEGINNING.search(line, len(line) - len(rest))
    if found is None:
        return None, 0
    return ("cef" if found[0] == "CEF:" else "leef"), found.start()


def refuse_controls(line: str, start: int, end: int, allowed: str = "") -> None:
    """Raise FormatError when this part holds a control character, U+2028/9 or lone surrogate."""
    for found in _CONTROL.finditer(line, start, end):
        if found[0] != allowed:
            raise FormatError(
                f"position {found.start() + 1}: a raw control character U+{ord(found[0]):04X}. "
                "A message has it escaped or not at all."
            )
