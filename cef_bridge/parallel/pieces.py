"""Pieces of text, and the memory that the reader and the workers share for them.

Plain values, and slots that a text is written into once and read from by any process. Must not know
what the text says.
"""

from __future__ import annotations

import mmap
from queue import SimpleQueue
from typing import NamedTuple, Protocol

DEPTH = 3
"""Pieces that a worker has: one that waits to be written, one in hand, one that comes next."""


class Sink(Protocol):
    """Where bytes go; `size` is how many went there, by whichever process."""

    size: int

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes, or raise."""


class Segment(NamedTuple):
    """The part of a piece that is of one stream; `input` and `stream` count from 0.

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


class Piece(NamedTuple):
    """Segments in one slot, one behind the other, and the inputs that end with them.

    `alone`: it seems to begin and to end between records, so that a worker may convert it without
    knowing what stands before it.
    """

    number: int
    slot: int
    segments: tuple[Segment, ...]
    finished: tuple[Finished, ...]
    alone: bool


class ClosedError(Exception):
    """The run has ended; nobody wants more."""


class Slots:
    """Memory for `count` texts of `size` bytes, shared with processes that are forked later."""

    def __init__(self, count: int, size: int) -> None:
        self.count = count
        self.size = size
        self._free: SimpleQueue[int] = SimpleQueue()
        self._map = mmap.mmap(-1, count * size)  # anonymous and shared
        for slot in range(count):
            self._free.put(slot)

    def take(self) -> int:
        """Return a free slot; waits for one. ClosedError when there will be none any more."""
        slot = self._free.get()
        if slot < 0:
            self.close()
            raise ClosedError
        return slot

    def close(self) -> None:
        """Let nobody wait for a slot any more."""
        self._free.put(-1)

    def release(self, slot: int) -> None:
        """Give a slot back."""
        self._free.put(slot)

    def write(self, slot: int, at: int, data: bytes | memoryview) -> None:
        """Put bytes into a slot."""
        start = slot * self.size + at
        self._map[start : start + len(data)] = data

    def read(self, slot: int, start: int, stop: int) -> bytes:
        """Return bytes of a slot."""
        base = slot * self.size
        return self._map[base + start : base + stop]

    def forget(self, slot: int) -> None:
        """Let go of a slot's pages in this process; the others keep them, and the text.

        Otherwise each worker would seem to use the memory of all slots.
        """
        page = mmap.PAGESIZE
        start = -(-slot * self.size // page) * page
        whole = ((slot + 1) * self.size - start) // page * page
        if whole > 0:
            self._map.madvise(mmap.MADV_DONTNEED, start, whole)


class Text:
    """A reader of a segment that lies at `start` in a slot. At its end it has nothing yet."""

    __slots__ = ("_slot", "_slots", "_stop", "left")

    def __init__(self, slots: Slots, slot: int, start: int, size: int) -> None:
        self._slots = slots
        self._slot = slot
        self._stop = start + size
        self.left = size

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes; None when all were read."""
        if not self.left:
            return None
        start = self._stop - self.left
        data = self._slots.read(self._slot, start, min(start + size, self._stop))
        self.left -= len(data)
        return data
