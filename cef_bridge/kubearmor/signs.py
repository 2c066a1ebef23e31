"""What a text shows before it is parsed: an event's names, a log line's prefix, a runtime's cut.

In come bytes, out go yes, no or places. Each question costs what the text has bytes, whatever they
are. Must not know what is done with the answer.
"""

from __future__ import annotations

import re
from functools import cache

from cef_bridge.kubearmor.classes import OPERATIONS, TYPES

BLANK = b" \t\r\n\x00"
MOST_PREFIX = 512  # bytes of syslog, journald or kubectl before the `{`

CRI = re.compile(
    rb"(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?::\S*)?(?: |\Z)"
)
"""`2023-08-23T18:05:48.303111222Z stdout F message`; P is a part, F the last (or only) one."""

_KARMOR = re.compile(rb"== (?:Alert|Log|Message) / [^=\n]{0,64}==[ \t\r]*(?:\n|\Z)")

# Inside a text of JSON the quotes are escaped, once or several times; .NET writes \u0022.
_QUOTE = rb"(?:\\*\"|\\+u0022)"
_KNOWN = b"|".join(sorted(word.encode() for word in TYPES | OPERATIONS))


@cache
def _names() -> re.Pattern[bytes]:
    # Type and Operation are words of many programs: spelled otherwise only a known value counts.
    # Slow to compile, and only for what is no plain event
    return re.compile(
        rb'(?:"|u0022)(?=[A-Za-z])(?:'
        rb"(?:Operation|Type|HostName|(?i:clustername|policyname|updatedtime|hostpid|namespacename))"
        + _QUOTE
        + rb"\s*[:,]|(?i:operation|type)"
        + _QUOTE
        + rb"\s*:\s*"
        + _QUOTE
        + rb"(?i:"
        + _KNOWN
        + rb")"
        + _QUOTE
        + rb")"
    )


_ARRAY = re.compile(rb"\[[ \t\r\n]*+\{")
_OBJECT = re.compile(rb'\{(?=\s*["}]|\s*\Z)')


# What Docker's and CRI's lines have, whose text may be a part of an event without any name in it;
# and what karmor's events for people begin with.
_OF_PARTS = (b'"log"', b"stdout ", b"stderr ", b"== ")


def has_names(text: bytes) -> bool:
    """Tell whether an event's names stand in a text, as keys, or as values in OTLP."""
    return _names().search(text) is not None


def begins_json(text: bytes) -> bool:
    """Tell whether a text begins as an object or an array of objects does; `[INFO] …` does not."""
    return _OBJECT.match(text) is not None or _ARRAY.match(text) is not None


def is_karmor_text(line: bytes) -> bool:
    """Tell whether a line begins an event as `karmor logs` prints it for people."""
    return line.startswith(b"== ") and _KARMOR.match(line) is not None


def after_prefix(text: bytes) -> bytes | None:
    """Return the object after the prefix of a log line, whole or cut off; else None."""
    found = _OBJECT.search(text, 0, MOST_PREFIX)
    if found is None:
        return None
    rest = text[found.start() :]
    return rest if rest.endswith(b"}") or has_names(rest) else None


def may_be_events(text: bytes) -> bool:
    """Tell whether a text that is no strict JSON may hold an event, or a part of one."""
    return has_names(text) or any(sign in text for sign in _OF_PARTS)


def may_hold(text: bytes) -> bool:
    """Tell whether a text inside of an object is worth being read as a line."""
    begun = text.lstrip(BLANK)
    return has_names(text) or CRI.match(begun) is not None or begun.startswith(b"== ")
