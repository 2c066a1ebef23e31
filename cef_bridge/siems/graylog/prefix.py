"""What Graylog makes of what stands before a CEF message: time and host.

In comes a line, out come the parts that the expression of its CEF parser finds, and the time that
Java's date formats read. Must not know the message.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import NamedTuple

from cef_bridge.siems.parsed_line import integer

_PRI = re.compile(r"<[0-9]{1,9}>")
# Meant for the version of RFC 5424: it takes any number.
_NUMBER_FIRST = re.compile(r"[0-9]+[ \t\x0b\f\r\n]+(?=[^ \t\x0b\f\r\n])")
BEGINNING = re.compile(r"CEF:[0-9]+")
_BLANK = re.compile(r"[ \t\x0b\f\r\n]")
_WITHOUT_HOST = re.compile(
    r"([A-Za-z]+[ \t]+[0-9]{1,2}[ \t]+[0-9]{1,2}:[0-9]{2}:[0-9]{2})[ \t]+(?:ASM:)?(CEF:[0-9]+)"
)
# Forms of a time; a text need only begin with one.
_TIME = re.compile(
    r"(?:[A-Z][a-z]{2} +[0-9]{1,2} +(?:[0-9]{1,4} +)?[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?"
    r"|[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)? ?"
    r"(?:Z|[+-][0-9]{2}:?[0-9]{2}|[A-Z]{3,4}))"
)
# A time with a fraction, whose digits are taken for milliseconds however many they are.
_FRACTION = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\.([0-9]+)(.*)")
_MILLISECONDS = 3
_MOST_DIGITS = 9


class Prefix(NamedTuple):
    """What stands before a message: time, host, and where the message begins."""

    time: str
    host: str
    start: int

    @property
    def is_timed(self) -> bool:
        """Tell whether the time is one, or absent: only then the event is stored."""
        return not self.time or bool(_TIME.match(self.time)) or integer(self.time, 64) is not None


def without_numbers(line: str) -> tuple[str, str]:
    """Return a line without its priority and the number behind it, and that number."""
    text = line[found.end() :] if (found := _PRI.match(line)) else line
    number = found[0] if (found := _NUMBER_FIRST.match(text)) else ""
    return text[len(number) :], number


def read_prefix(text: str) -> Prefix:
    """Return what stands before the message.

    The last word with `CEF:` and digits begins it; the word before that is the host, and all
    before the host is the time. Without both, the first `CEF:` of the text begins it.
    """
    if bare := _WITHOUT_HOST.match(text):
        return Prefix(bare[1], "", bare.start(2))
    *_, last = BEGINNING.finditer(text)
    *_, word = [0, *(found.end() for found in _BLANK.finditer(text, 0, last.start()))]
    begin = BEGINNING.search(text, word)
    words = text[:word].rsplit(None, 1)
    if begin and len(words) > 1:
        return Prefix(words[0].strip(), words[1].strip(), begin.start())
    first = BEGINNING.search(text)
    return Prefix("", "", first.start() if first else 0)


def moment(text: str) -> tuple[str, str]:
    """Return the time that is read from a text, and the one that was meant."""
    found = _TIME.match(text)
    meant = found[0] if found else text
    parts = _FRACTION.fullmatch(meant)
    if parts is None or len(parts[2]) == _MILLISECONDS or len(parts[2]) > _MOST_DIGITS:
        return meant, meant
    try:
        moved = datetime.fromisoformat(parts[1]) + timedelta(milliseconds=int(parts[2]))
    except (ValueError, OverflowError):  # no day of the calendar
        return meant, meant
    return f"{moved.isoformat(timespec='milliseconds')}{parts[3]}", meant
