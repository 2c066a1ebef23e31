"""A worker: converts chunks that others cut for it, one after another.

In come Chunks, out go Results. What is no whole chunk after all is not converted: `Result.whole` is
false. Must not know which thread it is in, nor in which order chunks are written (`run`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.convert.chunks import SegmentReader
from cef_bridge.convert.conversion import row, take_in
from cef_bridge.engine.line_loop import LineLoop
from cef_bridge.sources.records.blocks import Cutter, Idle
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.convert.chunks import Chunk, Segment
    from cef_bridge.engine.line_loop import EventConverter, Options, Refused
    from cef_bridge.stats import Stats


class Result(NamedTuple):
    """What became of a chunk: its counts, the lines of each segment.

    `last` is the line of the last block, 0 without one; `pending` is what waits for its rest.
    `messages` and `rejects` are to be written.
    """

    whole: bool
    stats: Stats
    lines: tuple[int, ...] = ()
    last: int = 0
    pending: bytes = b""
    messages: Sequence[bytes] = ()
    rejects: bytes = b""


class FinalSegment(SegmentReader):
    """A reader of a segment with which its stream ends."""

    __slots__ = ("_damage",)

    def __init__(self, text: bytes, start: int, segment: Segment) -> None:
        super().__init__(text, start, segment.size)
        self._damage = segment.damage

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end; DamagedError when it is none."""
        data = super().read(size)
        if data is None and self._damage is not None:
            raise DamagedError(self._damage)
        return data or b""


class Worker:
    """Converts one chunk after another, in one thread; `rejects`: somebody wants them."""

    def __init__(self, machine: EventConverter, options: Options, *, rejects: bool) -> None:
        self._options = options
        self._keep = rejects
        self._messages: list[bytes] = []
        self._out: list[bytes] = []
        self._aside: list[bytes] = []
        self._last = 0
        lane = self._messages
        self._loop = LineLoop(machine, lane, lane, self._refuse, options)

    def convert(self, chunk: Chunk) -> Result:
        """Convert a chunk."""
        self._out, self._aside, self._last = [], [], 0
        self._messages.clear()
        loop, lines, start = self._loop, [], 0
        stats = loop.count_anew()
        whole = True
        for segment in chunk.segments:
            before = stats.lines
            whole = whole and self._segment(segment, chunk.text, start)
            start += segment.size
            lines.append(stats.lines - before)
        loop.settle()
        if not whole:
            return Result(False, stats)
        aside = b"\n".join([*self._aside, b""])
        pending = loop.decoder.pending()
        return Result(True, stats, tuple(lines), self._last, pending, self._out, aside)

    def _segment(self, segment: Segment, text: bytes, start: int) -> bool:
        """Convert a segment; False when records do not end where it ends."""
        loop = self._loop
        loop.begin(segment.name)
        part = (
            FinalSegment(text, start, segment)
            if segment.ended
            else SegmentReader(text, start, segment.size)
        )
        cutter = Cutter(
            part,
            max_record=self._options.max_record,
            block_size=max(segment.size, 1),
            offset=segment.offset,
            line=segment.line,
        )
        last = 0
        for item in cutter.items():
            if isinstance(item, Idle):
                self._last = last
                return cutter.clean and cutter.safe[0] == segment.end
            last = take_in(loop, item) or last
            self._flush()
        if not segment.ended or part.left:
            return False
        loop.finish(last or 1)
        self._flush()
        self._last = 0
        return True

    def _flush(self) -> None:
        if self._messages:
            self._out.append(b"".join(self._messages))
            self._messages.clear()

    def _refuse(self, refused: Refused) -> None:
        if self._keep:
            self._aside.append(row(refused))
