"""Inputs, read and unpacked in their order, become chunks of text.

In come inputs and where to begin, out go Chunks. What damage, hashes and bombs are is known below
(`sources`); what stands in the text is known to `seams` only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.convert.chunks import Chunk, Finished, Segment
from cef_bridge.convert.seams import seam
from cef_bridge.sources.records.units import DamagedError
from cef_bridge.stats import line_ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.sources.files.archives import UnpackedStream
    from cef_bridge.sources.files.inputs import Input
    from cef_bridge.sources.files.raw import Raw

_READ = 1 << 18  # as a run by one thread does: whether it is a bomb is asked after each read
_MOST_SEGMENTS = 64  # so many small inputs are a chunk
# So long a pipe may have nothing to read before what came is passed on: whoever writes into it gets
# its turn, and whoever waits for a message does not notice.
_PATIENCE = 0.005
_NEAR = 1 << 16  # bytes before the end of a text that are searched for a seam first


class InputPosition(NamedTuple):
    """A place between records: all before it was converted. `line` counts from 1."""

    input: int = 0
    stream: int = 0
    offset: int = 0
    line: int = 1


BEGINNING = InputPosition()


class Feeder:
    """Makes chunks of `size` bytes, and up to twice as many. Any thread may drive the iterator of
    `chunks`.

    `ahead`: chunks are converted ahead by others; without them all that a pipe brought at a time is
    one chunk.
    """

    def __init__(
        self,
        inputs: Sequence[Input],
        size: int,
        *,
        max_expand: int,
        hashed: bool,
        start: InputPosition = BEGINNING,
        ahead: bool = False,
    ) -> None:
        self._inputs = inputs
        self._size = size
        self._max_expand = max_expand
        self._hashed = hashed
        self._start = start
        self._ahead = ahead
        self._parts: list[bytes] = []
        self._used = 0  # bytes of them
        self._begun = 0  # where the open segment begins in them
        self._breaks = 0  # line ends of the open segment
        self._segments: list[Segment] = []
        self._finished: list[Finished] = []
        self._alone = True  # the text begins between records

    def chunks(self) -> Iterator[Chunk]:
        """Yield all of it. Waits for what a pipe brings."""
        start = self._start
        for index in range(start.input, len(self._inputs)):
            each = self._inputs[index]
            raw: Raw | None = None
            streams = each.streams(max_expand=self._max_expand, hashed=self._hashed)
            for number, stream in enumerate(streams):
                raw = stream.raw
                offset, line = 0, 1
                if index == start.input and number <= start.stream:
                    if number < start.stream:
                        stream.skip(None)
                        continue
                    offset, line = start.offset, start.line
                    stream.skip(offset)
                yield from self._stream(stream, index, number, offset, line)
            size, digest = (raw.consumed, raw.sha256()) if raw else (0, None)
            self._finished.append(Finished(index, size, digest))
        yield from self._emit(alone=True)

    def _stream(
        self, stream: UnpackedStream, index: int, number: int, offset: int, line: int
    ) -> Iterator[Chunk]:
        """Read one stream to its end."""
        self._open = Segment(index, number, stream.name, offset, line, 0, 0, 0)
        self._begun, self._breaks = self._used, 0
        ended, damage = False, None
        while not ended:
            if self._used and not stream.raw.ready(_PATIENCE):
                if self._ahead:
                    yield from self._cut(stream.raw.consumed)
                yield from self._rest(stream.raw.consumed)
            try:
                data = stream.read(_READ)
            except DamagedError as error:
                data, damage = b"", str(error)
            ended = not data
            while data:
                part = data
                if len(data) > self._size:  # else it is not cut, for that is a copy
                    part = data[: max(self._size - self._used, 1)]
                data = data[len(part) :]
                self._parts.append(part)
                self._used += len(part)
                self._breaks += line_ends(part)
                if self._used >= self._size:
                    yield from self._cut(stream.raw.consumed)
        self._close(self._used, self._breaks, stream.raw.consumed, damage, ended=True)
        if len(self._segments) >= _MOST_SEGMENTS:
            yield from self._emit(alone=True)

    def _cut(self, consumed: int) -> Iterator[Chunk]:
        """Emit the text up to a seam; the rest belongs to the next chunk.

        Without a seam all of it goes.
        """
        begun = self._begun
        before = self._used - len(self._parts[-1])  # bytes of the other parts
        at = _seam_near_end(self._parts[-1], begun - before)
        if at >= 0:
            at += before
        else:
            self._parts, before = [b"".join(self._parts)], 0
            at = _seam(self._parts[-1], begun)
        if at < 0 and self._segments:
            at = begun  # what ended before this stream can go
        if at < 0:
            yield from self._rest(consumed)
            return
        last = self._parts.pop()
        self._parts.append(last[: at - before])
        tail = last[at - before :]
        breaks = line_ends(tail)
        if at > begun:
            self._close(at, self._breaks - breaks, consumed, None, ended=False)
        yield from self._emit(alone=True)
        if tail:
            self._parts, self._used = [tail], len(tail)
        self._breaks = breaks

    def _rest(self, consumed: int) -> Iterator[Chunk]:
        """Emit what stands behind the last seam: nobody knows when there will be more."""
        if self._used:
            self._close(self._used, self._breaks, consumed, None, ended=False)
            yield from self._emit(alone=False)

    def _close(
        self, at: int, breaks: int, consumed: int, damage: str | None, *, ended: bool
    ) -> None:
        """End the open segment at a place in the text; what follows is of the same stream."""
        segment = self._open._replace(
            size=at - self._begun, breaks=breaks, consumed=consumed, ended=ended, damage=damage
        )
        self._segments.append(segment)
        self._open = segment._replace(offset=segment.end, line=segment.line + breaks)
        self._begun, self._breaks = at, 0

    def _emit(self, *, alone: bool) -> Iterator[Chunk]:
        if self._segments or self._finished:
            text, alone_now = b"".join(self._parts), alone and self._alone
            yield Chunk(text, tuple(self._segments), tuple(self._finished), alone_now)
        self._alone = alone
        self._parts, self._used, self._begun = [], 0, 0
        self._segments, self._finished = [], []


def _seam_near_end(text: bytes, begun: int) -> int:
    """Return where to cut the open segment near the end of a text, -1 when nowhere.

    Usually there is a place. `begun` is where the segment begins, which may be before the text.
    """
    near = len(text) - _NEAR
    if near <= max(begun, 0):
        return -1
    line = text.find(b"\n", near) + 1
    at = seam(text[line:]) if line else -1
    return line + at if at >= 0 else -1


def _seam(text: bytes, begun: int) -> int:
    """Return where to cut the open segment anywhere in a text, -1 when nowhere."""
    at = seam(text[begun:])
    return begun + at if at >= 0 else -1
