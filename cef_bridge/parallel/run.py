"""One run of `convert` by several processes: the same bytes, counts and rejects as by one.

In come inputs and a machine that converts, out go messages and rejects to sinks, in the order of
the inputs. Workers convert pieces ahead; a piece counts only when the one before it ended where it
begins, with no part of a line waiting for its rest. All else is converted here, by the same code as
in a run by one process, up to a place where a piece begins. Must not know what is in an event.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge.conversion import MAX_EXPAND, Results, take_in
from cef_bridge.parallel.feeder import BEGINNING, Feeder, Position
from cef_bridge.parallel.mark import Mark
from cef_bridge.parallel.pieces import DEPTH, Slots, Text
from cef_bridge.sources.blocks import Block, Cutter, Idle
from cef_bridge.sources.units import DamagedError
from cef_bridge.unitloop import Options, UnitLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.parallel.pieces import Piece, Segment, Sink
    from cef_bridge.parallel.team import Team
    from cef_bridge.parallel.worker import Result
    from cef_bridge.sources.inputs import Input
    from cef_bridge.stats import Stats
    from cef_bridge.unitloop import Machine

_MOST_SHARED = 64 << 20  # bytes of all slots
_LEAST_PIECE, _MOST_PIECE = 1 << 20, 4 << 20


class Plan(NamedTuple):
    """How a run is made: by `jobs` processes, which are forked after `patience` bytes of text.

    `max_expand` and `hashed` are as in a run by one process. `piece_size` (bytes) changes nothing
    of what comes out.
    """

    jobs: int = 1
    patience: int = 0
    max_expand: int = MAX_EXPAND
    hashed: bool = False
    piece_size: int = 0


class _StoppedError(Exception):
    """The run was stopped while it waited for more."""


class ParallelRun:
    """Converts inputs by several processes. `stop()` ends it after what is in hand.

    `begin` first, before any thread is started: it forks the workers, unless the plan has patience:
    then that is done when so many bytes of text were converted here. While it is `waiting` nothing
    is in hand. `progress` is called with an input's name and how many bytes of it were read.
    """

    def __init__(
        self,
        machine: Machine,
        out: Sink,
        rejects: Sink | None = None,
        options: Options | None = None,
        plan: Plan | None = None,
    ) -> None:
        self.inputs: list[dict[str, object]] = []
        self.options = options or Options()
        # Called between pieces, when all before has been written and `mark` says how far it is.
        self.between: Callable[[], None] = lambda: None
        self.progress: Callable[[str, int], None] = lambda _name, _consumed: None
        self.waiting = False
        self.stopped = False
        self._machine = machine
        self._out = out
        self._rejects = rejects
        self._plan = plan or Plan()
        self._patience = self._plan.patience
        count = DEPTH * self._plan.jobs + 2
        size = min(max(_MOST_SHARED // count, _LEAST_PIECE), _MOST_PIECE)
        self._slots = Slots(count, self._plan.piece_size or size)
        self._results = results = Results(out, rejects)
        lane = results.messages
        self._loop = UnitLoop(machine, lane, lane, results.refuse, self.options)
        self.stats: Stats = self._loop.stats
        self._feeder: Feeder | None = None
        self._pieces: Iterator[Piece] = iter(())
        self._names: list[str] = []
        # The pieces that are known and not done with; the first is the one that is next.
        self._ahead: deque[Piece] = deque()
        self._exhausted = False
        self._team: Team | None = None
        # Where the last piece left off: parts of lines that wait, the line of the last block.
        self._pending, self._last = b"", 1
        self._place = BEGINNING
        self._lines: Counter[int] = Counter()
        self._consumed = 0
        self._started = time.monotonic()

    def stop(self) -> None:
        """End the run after what is in hand; counters stay right."""
        self.stopped = True
        if self._team is not None:
            self._team.wake()

    def resume(self, mark: Mark) -> None:
        """Go on where another run was; to be called before `begin`, with the same inputs."""
        self._place, self._pending, self._last = mark.place, mark.pending, mark.last
        self._lines[mark.place.input] = mark.lines
        self.inputs = [*mark.inputs]
        self.stats.merge(mark.stats)

    def mark(self) -> Mark:
        """Return how far it is, `between` pieces."""
        self._loop.settle()
        lines = self._lines[self._place.input]
        return Mark(self._place, self._pending, self._last, lines, tuple(self.inputs), self.stats)

    def begin(self, inputs: Sequence[Input]) -> None:
        """Get ready for some inputs."""
        self._names = [each.name for each in inputs]
        self._feeder = Feeder(
            inputs,
            self._slots,
            max_expand=self._plan.max_expand,
            hashed=self._plan.hashed,
            start=self._place,
        )
        self._pieces = self._feeder.pieces()
        if not self._patience:
            self._fork()

    def run(self, inputs: Sequence[Input]) -> None:
        """Convert what it was begun with; a damaged input is reported and the next goes on."""
        self._started = time.monotonic()
        try:
            self._run()
        except _StoppedError:
            pass
        finally:
            self.close()
            if len(self.inputs) < len(inputs):
                self._finish_input(self._consumed, None)
            self._loop.settle()

    def close(self) -> None:
        """End the workers."""
        if self._team is not None:
            self._team.end()
            self._team = None

    def _run(self) -> None:
        while not self.stopped and (piece := self._head()) is not None:
            if not self._by_worker(piece):
                self._by_hand()

    def _fork(self) -> None:
        if self._plan.jobs > 1 and self._feeder is not None:
            from cef_bridge.parallel.team import Served, Team  # noqa: PLC0415 - not for little

            serve = Served(self._slots, self._machine, self.options, self._out, self._rejects)
            self._feeder.ahead = True
            self._team = Team(self._plan.jobs, serve, self._slots, self._pieces)

    # --- pieces

    def _head(self) -> Piece | None:
        """Return the next piece, None at the end; waits for it."""
        if not self._ahead and not self._exhausted:
            if self._team is None:
                self._read_on()
            else:
                self._until(lambda: bool(self._ahead) or self._exhausted)
        return self._ahead[0] if self._ahead else None

    def _read_on(self) -> None:
        """Read the next piece in this process."""
        self.waiting = True
        try:
            piece = next(self._pieces, None)
        finally:
            self.waiting = False
        if piece is None:
            self._exhausted = True
        else:
            self._ahead.append(piece)

    def _until(self, there: Callable[[], bool], *, stoppable: bool = True) -> None:
        """Deal with what the reader and the workers say until something is there."""
        team = cast("Team", self._team)
        while True:
            for piece in team.arrived():
                if piece is None:
                    self._exhausted = True
                else:
                    self._ahead.append(piece)
            team.give_out(self._ahead)
            if there():
                return
            if self.stopped and stoppable:
                raise _StoppedError
            team.listen()

    def _done(self, piece: Piece) -> None:
        """Let go of the first piece, all of which was converted."""
        self._ahead.popleft()
        if piece.slot >= 0:
            self._slots.release(piece.slot)
        if piece.segments:
            last = piece.segments[-1]
            self._consumed = last.consumed
            self.progress(self._names[last.input], last.consumed)
        for each in piece.finished:
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

    def _settled(self, piece: Piece) -> None:
        """All up to the end of a piece was written, and nothing is in hand."""
        self._place = _behind(piece, self._place)
        self.between()
        if self._team is None and self._patience:
            self._patience -= min(self._patience, sum(each.size for each in piece.segments))
            if not self._patience:
                self._fork()

    # --- pieces that a worker has converted

    def _by_worker(self, piece: Piece) -> bool:
        """Write what a worker made of the first piece; False when it made nothing of it."""
        team = self._team
        if team is None or not team.has(piece):
            return False
        if self._pending and piece.segments[0].offset:
            team.drop(piece)
            return False
        self._until(lambda: team.result(piece) is not None)
        result = cast("Result", team.result(piece))
        if not result.whole:
            team.drop(piece)
            return False
        aside = self._rejects.size if self._rejects is not None else 0
        if result.written or result.aside:
            team.write(piece, self._out.size, aside)
            self._until(lambda: team.written(piece), stoppable=False)
            self._out.size += result.written
            if self._rejects is not None:
                self._rejects.size += result.aside
        team.drop(piece)
        self.stats.merge(result.stats)
        for segment, lines in zip(piece.segments, result.lines, strict=True):
            self._lines[segment.input] += lines
        self._pending = result.pending
        self._last = result.last or self._last
        if piece.segments[-1].ended:
            self._pending, self._last = b"", 1
        self._done(piece)
        self._settled(piece)
        return True

    # --- pieces that are converted here

    def _by_hand(self) -> None:
        """Convert from the first piece on, until one ends between records."""
        if self._team is not None:
            self._team.drop(self._ahead[0])
        along = Along(self._slots, self._ahead, self._next_by_hand)
        while not self.stopped:
            piece = self._ahead[0]
            if along.at == len(piece.segments):
                self._done(piece)
                self._settled(piece)
                return
            self._stretch(along)

    def _next_by_hand(self) -> None:
        """Let go of the first piece, which was read, and wait for the next."""
        piece = self._ahead[0]
        self._done(piece)
        if self._head() is None:
            raise _StoppedError  # cannot be: a stream's last segment says that it is the last
        if self._team is not None:
            self._team.drop(self._ahead[0])

    def _stretch(self, along: Along) -> None:
        """Convert one stream, to its end or to that of a piece that ends between records."""
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


def _behind(piece: Piece, before: Position) -> Position:
    """Return the place behind a piece."""
    place = before
    if piece.segments:
        last = piece.segments[-1]
        place = Position(last.input, last.stream, last.end, last.line + last.breaks)
        if last.ended:
            place = Position(last.input, last.stream + 1)
    if piece.finished and piece.finished[-1].input >= place.input:
        place = Position(piece.finished[-1].input + 1)
    return place


class Along:
    """A reader of one stream after another, from the first piece on and over the next ones.

    `at` is the segment of the first piece that is read, or will be; `onward` brings the next piece
    to the first place.
    """

    def __init__(self, slots: Slots, ahead: deque[Piece], onward: Callable[[], None]) -> None:
        self._slots = slots
        self._ahead = ahead
        self._onward = onward
        self.at = 0
        self._start = 0
        self._text = Text(slots, 0, 0, 0)

    @property
    def segment(self) -> Segment:
        """What is read."""
        return self._ahead[0].segments[self.at]

    @property
    def between(self) -> bool:
        """Whether a piece was read to its end, and its stream goes on in the next."""
        return not self._text.left and not self.segment.ended

    def open(self) -> Segment:
        """Turn to the segment at `at`."""
        segment = self.segment
        self._text = Text(self._slots, self._ahead[0].slot, self._start, segment.size)
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
        self._onward()
        self.at = self._start = 0
        self.open()
