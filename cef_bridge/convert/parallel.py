"""One run of `convert` by several threads: the same bytes, counts and rejects as by one.

In come inputs and a machine that converts, out go messages and rejects to sinks, in the order of
the inputs. Workers convert chunks ahead; a chunk counts only when the one before it ended where it
begins, with no part of a line waiting for its rest. All else is converted here, by the same code as
in a run by one thread, up to a place where a chunk begins. Must not know what is in an event.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge.convert.chunks import SegmentReader
from cef_bridge.convert.conversion import MAX_EXPAND, Results, take_in
from cef_bridge.convert.feeder import BEGINNING, Feeder, InputPosition
from cef_bridge.convert.run_checkpoint import RunCheckpoint
from cef_bridge.convert.worker import Worker
from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.sources.records.blocks import Block, Cutter, Idle
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from cef_bridge.convert.chunks import Chunk, Segment
    from cef_bridge.convert.conversion import Sink
    from cef_bridge.convert.team import Team
    from cef_bridge.convert.worker import Result
    from cef_bridge.engine.line_loop import EventConverter
    from cef_bridge.sources.files.inputs import Input
    from cef_bridge.stats import Stats

_MOST_TOGETHER = 64 << 20  # bytes of all chunks that may be in memory
# Measured for 300,000 events, memory and time: with -j 2 by chunks of 512 KiB 42 MB and 1.3 s, by
# 1 MiB 49 MB and 1.0 s; with -j 3 45 MB and 1.3 s, 56 MB and 1.0 s. 2 MiB take 78 MB with -j 2.
_LEAST_PIECE, _MOST_PIECE = 1 << 17, 1 << 20
_SMALL = 1 << 14  # bytes; to hand less to another thread costs more than to convert it


class _StoppedError(Exception):
    """The run was stopped before it waited for more."""


class ParallelOptions(NamedTuple):
    """How a run is made: by `jobs` threads that convert; one does all of it by itself.

    `max_expand` and `hashed` are as in `conversion.Run`. `piece_size` (bytes) changes nothing of
    what comes out.
    """

    jobs: int = 1
    max_expand: int = MAX_EXPAND
    hashed: bool = False
    piece_size: int = 0


class ParallelRun:
    """Converts inputs by several threads. `stop()` ends it after what is in hand.

    `begin` first: it starts the threads. While it is `waiting` nothing is in hand: an exception may
    end it there and then, and the counters are right. `progress` is called with an input's name and
    how many bytes of it were read.
    """

    def __init__(
        self,
        machine: EventConverter,
        out: Sink,
        rejects: Sink | None = None,
        options: Options | None = None,
        plan: ParallelOptions | None = None,
    ) -> None:
        self.inputs: list[dict[str, object]] = []
        self.options = options or Options()
        # Called between chunks, when all before has been written and `mark` says how far it is.
        self.between: Callable[[], None] = lambda: None
        self.progress: Callable[[str, int], None] = lambda _name, _consumed: None
        self.waiting = False
        self.stopped = False
        self._machine = machine
        self._out = out
        self._rejects = rejects
        self._plan = plan or ParallelOptions()
        self._results = results = Results(out, rejects)
        lane = results.messages
        self._loop = LineLoop(machine, lane, lane, results.refuse, self.options)
        self.stats: Stats = self._loop.stats
        self._chunks: Iterator[Chunk] = iter(())
        self._names: list[str] = []
        # The chunk in hand, and what a worker makes of it.
        self._chunk: Chunk | None = None
        self._ahead: Future[Result] | None = None
        self._team: Team | None = None
        # Where the last chunk left off: parts of lines that wait, the line of the last block.
        self._pending, self._last = b"", 1
        self._place = BEGINNING
        self._lines: Counter[int] = Counter()
        self._consumed = 0
        self._started = time.monotonic()

    def stop(self) -> None:
        """End the run after what is in hand; counters stay right."""
        self.stopped = True

    def resume(self, mark: RunCheckpoint) -> None:
        """Go on where another run was; to be called before `begin`, with the same inputs."""
        self._place, self._pending, self._last = mark.place, mark.pending, mark.last
        self._lines[mark.place.input] = mark.lines
        self.inputs = [*mark.inputs]
        self.stats.merge(mark.stats)

    def mark(self) -> RunCheckpoint:
        """Return how far it is, `between` chunks."""
        self._loop.settle()
        lines = self._lines[self._place.input]
        return RunCheckpoint(
            self._place, self._pending, self._last, lines, tuple(self.inputs), self.stats
        )

    def begin(self, inputs: Sequence[Input]) -> None:
        """Get ready for some inputs."""
        self._names = [each.name for each in inputs]
        jobs = self._plan.jobs
        size = min(max(_MOST_TOGETHER // (jobs + 1), _LEAST_PIECE), _MOST_PIECE)
        size = self._plan.piece_size or size
        self._chunks = Feeder(
            inputs,
            size,
            max_expand=self._plan.max_expand,
            hashed=self._plan.hashed,
            start=self._place,
            ahead=jobs > 1,
        ).chunks()
        if jobs > 1:
            from cef_bridge.convert.team import Team  # noqa: PLC0415 - not for one

            self._team = Team(jobs, self._worker, self._chunks, min(_SMALL, size // 4))

    def _worker(self) -> Worker:
        return Worker(self._machine, self.options, rejects=self._rejects is not None)

    def run(self, inputs: Sequence[Input]) -> None:
        """Convert what it was begun with; a damaged input is reported and the next goes on."""
        self._started = time.monotonic()
        try:
            while self._advance():
                if not self._by_worker():
                    self._by_hand()
        except _StoppedError:
            pass
        finally:
            self.close()
            if len(self.inputs) < len(inputs):
                self._finish_input(self._consumed, None)
            self._loop.settle()

    def close(self) -> None:
        """End the threads."""
        team, self._team = self._team, None
        if team is not None:
            team.end()

    # --- chunks

    def _advance(self) -> bool:
        """Turn to the next chunk, and wait for it; False at the end."""
        self._chunk = self._ahead = None
        self.waiting = True
        try:
            if self.stopped:
                raise _StoppedError
            if self._team is None:
                self._chunk = next(self._chunks, None)
            elif (given := self._team.next()) is not None:
                self._chunk, self._ahead = given
        finally:
            self.waiting = False
        return self._chunk is not None

    def _in_hand(self) -> Chunk:
        return cast("Chunk", self._chunk)

    def _done(self) -> None:
        """Report the current chunk as converted."""
        chunk = self._in_hand()
        if chunk.segments:
            last = chunk.segments[-1]
            self._consumed = last.consumed
            self.progress(self._names[last.input], last.consumed)
        for each in chunk.finished:
            self.progress(self._names[each.input], each.size)
            self._finish_input(each.size, each.sha256)
            self._consumed = 0

    def _finish_input(self, size: int, digest: str | None) -> None:
        number = len(self.inputs)
        now = time.monotonic()
        self.inputs.append(
            {
                "name": self._names[number],
                "bytes": size,
                "sha256": digest,
                "lines": self._lines.pop(number, 0),
                "seconds": round(now - self._started, 3),
            }
        )
        self._started = now

    def _settled(self) -> None:
        """All up to the end of the chunk in hand was written."""
        self._place = _behind(self._in_hand(), self._place)
        self.between()

    # --- chunks that a worker has converted

    def _by_worker(self) -> bool:
        """Write what a worker made of the chunk; False when it made nothing of it."""
        chunk = self._in_hand()
        if self._ahead is None:
            return False
        if self._pending and chunk.segments[0].offset:
            return False
        self.waiting = True
        try:
            result = self._ahead.result()
        finally:
            self.waiting = False
        if not result.whole:
            return False
        for each in result.messages:
            self._out.write(each)
        if result.rejects and self._rejects is not None:
            self._rejects.write(result.rejects)
        self.stats.merge(result.stats)
        for segment, lines in zip(chunk.segments, result.lines, strict=True):
            self._lines[segment.input] += lines
        self._pending = result.pending
        self._last = result.last or self._last
        if chunk.segments[-1].ended:
            self._pending, self._last = b"", 1
        self._done()
        self._settled()
        return True

    # --- chunks that are converted here

    def _by_hand(self) -> None:
        """Convert from the chunk in hand on, until one ends between records."""
        self._drop()
        along = Along(self._in_hand(), self._next_by_hand)
        while not self.stopped:
            if along.at == len(along.chunk.segments):
                self._done()
                self._settled()
                return
            self._stretch(along)

    def _next_by_hand(self) -> Chunk:
        """Let go of the chunk in hand, which was read, and wait for the next."""
        self._done()
        if not self._advance():
            raise RuntimeError("a stream without an end")  # its last segment says that it is that
        self._drop()
        return self._in_hand()

    def _drop(self) -> None:
        """Let nobody convert the chunk in hand ahead."""
        if self._ahead is not None:
            self._ahead.cancel()
            self._ahead = None

    def _stretch(self, along: Along) -> None:
        """Convert one stream, to its end or to that of a chunk that ends between records."""
        segment = along.open()
        first = not segment.offset
        decoder = None if first else self._loop.new_decoder(self._pending)
        self._loop.begin(segment.name, decoder)
        before, last = self.stats.lines, 1 if first else self._last
        limit = self.options.max_record
        cutter = Cutter(along, max_record=limit, offset=segment.offset, line=segment.line)
        try:
            for item in cutter.items():
                if isinstance(item, Idle):
                    continue  # cannot be: it waits itself
                last = take_in(self._loop, item) or last
                self._results.flush()
                if isinstance(item, Block):
                    self.progress(self._names[along.segment.input], along.segment.consumed)
                if self.stopped:
                    return
                if along.between and cutter.clean:
                    self._pending, self._last = self._loop.decoder.pending(), last
                    along.at += 1
                    return
            along.finish()
            self._loop.finish(last)
            self._results.flush()
            self._pending, self._last = b"", 1
        finally:
            self._lines[segment.input] += self.stats.lines - before


def _behind(chunk: Chunk, before: InputPosition) -> InputPosition:
    """Return the place behind a chunk."""
    place = before
    if chunk.segments:
        last = chunk.segments[-1]
        place = InputPosition(last.input, last.stream, last.end, last.line + last.breaks)
        if last.ended:
            place = InputPosition(last.input, last.stream + 1)
    if chunk.finished and chunk.finished[-1].input >= place.input:
        place = InputPosition(chunk.finished[-1].input + 1)
    return place


class Along:
    """A reader of one stream after another, from a chunk on and over the next ones.

    `at` is the segment of the `chunk` that is read, or will be; `onward` brings the next chunk.
    """

    def __init__(self, chunk: Chunk, onward: Callable[[], Chunk]) -> None:
        self.chunk = chunk
        self._onward = onward
        self.at = 0
        self._start = 0
        self._text = SegmentReader(b"", 0, 0)

    @property
    def segment(self) -> Segment:
        """What is read."""
        return self.chunk.segments[self.at]

    @property
    def between(self) -> bool:
        """Whether a chunk was read to its end, and its stream goes on in the next."""
        return not self._text.left and not self.segment.ended

    def open(self) -> Segment:
        """Turn to the segment at `at`."""
        segment = self.segment
        self._text = SegmentReader(self.chunk.text, self._start, segment.size)
        self._start += segment.size
        return segment

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end of the stream; DamagedError as a stream."""
        while (data := self._text.read(size)) is None:
            if self.segment.ended:
                if self.segment.damage is not None:
                    raise DamagedError(self.segment.damage)
                return b""
            self._over()
        return data

    def finish(self) -> None:
        """Pass by what is left of the stream, and turn to what is behind it."""
        while not self.segment.ended:
            self._over()
        self.at += 1

    def _over(self) -> None:
        self.chunk = self._onward()
        self.at = self._start = 0
        self.open()
