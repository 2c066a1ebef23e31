"""Chunks of text, with their places in the inputs.

Plain values, and a reader of a chunk's text. Must not know what the text says.
"""

from __future__ import annotations

from typing import NamedTuple


class Segment(NamedTuple):
    """The part of a chunk that is of one stream; `input` and `stream` count from 0.

    `offset` and `line` are its place in the stream, `size` and `breaks` its bytes and line ends.
    `ended`: the stream ends behind it, because of `damage` if there is any. `consumed` is how much
    of the raw input was read by then.
    """

    input: int
    stream: int
    name: str
    offset: int
    line: int
    size: int
    breaks: int
    consumed: int
    ended: bool = False
    damage: str | None = None

    @property
    def end(self) -> int:
        """The offset behind it."""
        return self.offset + self.size


class Finished(NamedTuple):
    """An input that was read to its end: its size and SHA-256, as they are on the disk."""

    input: int
    size: int
    sha256: str | None


class Chunk(NamedTuple):
    """Segments, one behind the other in a text, and the inputs that end with them.

    `alone`: it seems to begin and to end between records, so it can be converted without the text
    before it.
    """

    text: bytes
    segments: tuple[Segment, ...]
    finished: tuple[Finished, ...]
    alone: bool

    @property
    def size(self) -> int:
        """How many bytes of the text are of this chunk."""
        return sum(each.size for each in self.segments)


class SegmentReader:
    """A reader of the `size` bytes at `start` of a text. At its end it has nothing yet."""

    __slots__ = ("_stop", "_text", "left")

    def __init__(self, text: bytes, start: int, size: int) -> None:
        self._text = text
        self._stop = start + size
        self.left = size

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes; None when all were read."""
        if not self.left:
            return None
        start = self._stop - self.left
        data = self._text[start : min(start + size, self._stop)]
        self.left -= len(data)
        return data
