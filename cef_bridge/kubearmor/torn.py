"""A line into which two writes ran: the beginning of one record, and whole events behind it.

In comes a line that is no JSON, out goes where the whole events begin. Must never take an event out
of a text value, or out of what may be a document: see `whole_events`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.kubearmor.json_text import loads, several
from cef_bridge.kubearmor.names import Likeness, is_name, likeness

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGINS = b'{"'
_NEAR, _LAST = 4, 12  # places that are tried: before the first fault, and before the end
_FEWEST = 3  # names of KubeArmor that an event has here


def whole_events(line: bytes) -> int:
    """Return where the whole events begin that end the line, 0 if none do.

    Nothing is taken out of a line that is the beginning of valid JSON: an object in it belongs to
    what is around it. Elsewhere what begins inside of a text value cannot be an event: KubeArmor
    escapes quotes, so a reading that begins there takes for text what is not, up to the end. Its
    keys are then the commas and colons between texts, and never the name of a field. The first key
    is asked for its name: where two lines were cut and ran together, it begins with a comma, too.
    """
    line = line.rstrip(b", \t\r\n\0")
    if not line.endswith(b"}"):
        return 0
    fault = _first_fault(line)
    if fault >= len(line):
        return 0
    for at in _places(line, fault):
        values, rest = several(line[at:])
        if values and not rest and all(map(_is_event, values)):
            return at
    return 0


def _first_fault(line: bytes) -> int:
    """Return where the line stops to be the beginning of JSON, its length if it does not."""
    try:
        json.loads(line.decode("latin-1"), strict=False, parse_int=len)  # a character a byte
    except json.JSONDecodeError as error:
        return len(line) if error.msg.startswith("Unterminated") else error.pos
    except (ValueError, RecursionError):
        pass
    return len(line)


def _places(line: bytes, fault: int) -> Iterator[int]:
    for end, most in ((fault + 1, _NEAR), (len(line), _LAST)):
        at = end
        for _ in range(most):
            at = line.rfind(_BEGINS, 0, at)
            if at <= 0:
                break
            yield at


def _is_event(text: bytes) -> bool:
    try:
        value = loads(text)
    except ValueError:
        return False
    return (
        isinstance(value, dict)
        and is_name(next(iter(value), ""))
        and likeness(value) is Likeness.EVENT
        and sum(map(is_name, value)) >= _FEWEST
    )
