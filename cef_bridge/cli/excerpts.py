"""A line of a file with a mark under a place in it, made safe for a terminal and cut to fit.

In come a line's text, a column and the room there is, out come two lines. Must not know what is
wrong there.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from cef_bridge.wording import printable

_WORD = re.compile(r"""'(?:[^']|'')*'|"(?:[^"\\]|\\.)*"|[^\s,:{}\[\]"'#|=]+""")
_CUT = "…"
_MARKS = 2  # columns of the marks where the line was cut, left and right
_BEFORE = 0.6  # of the room: what stands before the place, when not all of it can be shown


class Excerpt(NamedTuple):
    """A line, and below it the mark: `  cn3: {from: Pod}` and `           ^^^^`."""

    text: str
    mark: str


def excerpt(text: str, column: int, room: int) -> Excerpt:
    """Return a line as it can be printed in so many columns, and a mark under its `column`.

    `column` counts characters from 1. What cannot be printed is shown by its number, a tab as a
    space.
    """
    at = min(max(column - 1, 0), len(text))
    word = _WORD.match(text, at)
    end = word.end() if word else at + 1
    cells = [_shown(char) for char in text]
    begin, stop = _window([_width(cell) for cell in cells], at, room)
    before = (_CUT if begin else "") + "".join(cells[begin:at])
    inside = "".join(cells[at : min(end, stop)])
    after = "".join(cells[min(end, stop) : stop]) + (_CUT if stop < len(cells) else "")
    mark = " " * _width(before) + "^" * max(_width(inside), 1)
    return Excerpt((before + inside + after).rstrip(), mark)


def _shown(char: str) -> str:
    return " " if char == "\t" else printable(char)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from rich.cells import cell_len  # noqa: PLC0415 - most lines are ASCII

    return cell_len(text)


def _window(widths: list[int], at: int, room: int) -> tuple[int, int]:
    """Return which characters are shown, from and to, of a line that may be too long."""
    if sum(widths) <= room:
        return 0, len(widths)
    room = max(room - _MARKS, 1)
    begin, used = at, 0
    while begin and used + widths[begin - 1] <= room * _BEFORE:
        begin -= 1
        used += widths[begin]
    stop = at
    while stop < len(widths) and used + widths[stop] <= room:
        used += widths[stop]
        stop += 1
    while begin and used + widths[begin - 1] <= room:
        begin -= 1
        used += widths[begin]
    return begin, stop
