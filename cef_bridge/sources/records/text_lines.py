"""A stream of bytes as lines of text, however long; LF alone ends one.

In comes what is read from; out go the lines, with at most so many bytes of each. For text that is
no record of events: those are `blocks`. Must not know what a line says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.sources.records.units import Readable

_READ = 1 << 18


class TextLine(NamedTuple):
    """A line: its number from 1, its bytes without LF and a CR before it, how many there were.

    `data` is only the first bytes of a line over the limit.
    """

    number: int
    data: bytes
    size: int


def text_lines(stream: Readable, most: int) -> Iterator[TextLine]:
    """Yield the lines of a stream, blank ones too, with at most `most` bytes of each.

    A line is given when its LF was read, the last one at the end. Memory is a line and a block.
    DamagedError is the stream's own; what was whole before it has been given.
    """
    number, kept, size = 1, bytearray(), 0
    while block := stream.read(_READ):
        first, *others = block.split(b"\n")
        for piece in others:
            yield _line(number, kept + first[: most - len(kept) + 1], size + len(first), most)
            kept.clear()
            number, size, first = number + 1, 0, piece
        kept += first[: most - len(kept) + 1]
        size += len(first)
    if size:
        yield _line(number, kept, size, most)


def _line(number: int, kept: bytearray, size: int, most: int) -> TextLine:
    # One byte over the limit was kept: a CR at the very end is none of the line's.
    if len(kept) == size and kept.endswith(b"\r"):
        del kept[-1]
        size -= 1
    return TextLine(number, bytes(kept[:most]), size)
