"""A worker: converts pieces that others cut for it, keeps what comes out, and writes it when told.

In come Pieces, out go Results, and at a word the messages and rejects of a piece, to the same sinks
as everyone's. What is no whole piece after all is not converted: `Result.whole` is false. Must not
know how words reach it (`pool`), nor in which order pieces are written (`run`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.conversion import row, take_in
from cef_bridge.parallel.pieces import Text
from cef_bridge.sources.blocks import Cutter, Idle
from cef_bridge.sources.units import DamagedError
from cef_bridge.unitloop import UnitLoop

if TYPE_CHECKING:
    from cef_bridge.parallel.pieces import Piece, Segment, Slots
    from cef_bridge.stats import Stats
    from cef_bridge.unitloop import Machine, Options, Refused


class Result(NamedTuple):
    """What became of a piece: its counts, the lines of each segment.

    `last` is the line of the last block, 0 without one; `pending` is what waits for its rest.
    `written` and `aside` are how many bytes of messages and rejects are kept.
    """

    number: int
    whole: bool
    stats: Stats
    lines: tuple[int, ...] = ()
    last: int = 0
    pending: bytes = b""
    written: int = 0
    aside: int = 0


class Ended(Text):
    """A reader of a segment with which its stream ends."""

    __slots__ = ("_damage",)

    def __init__(self, slots: Slots, slot: int, start: int, segment: Segment) -> None:
        super().__init__(slots, slot, start, segment.size)
        self._damage = segment.damage

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end; DamagedError when it is none."""
        data = super().read(size)
        if data is None and self._damage is not None:
            raise DamagedError(self._damage)
        return data or b""


class Worker:
    """Converts one piece after another; `machine` remembers what they have in common."""

    def __init__(self, slots: Slots, machine: Machine, options: Options, *, rejects: bool) -> None:
        self._slots = slots
        self._machine = machine
        self._options = options
        self._keep = rejects
        self._messages: list[bytes] = []
        self._out: list[bytes] = []
        self._aside: list[bytes] = []
        self._last = 0
        self._held: dict[int, tuple[list[bytes], bytes]] = {}

    def convert(self, piece: Piece) -> Result:
        """Convert a piece, and keep what comes of it for `take`."""
        self._out, self._aside, self._last = [], [], 0
        self._messages.clear()
        loop = UnitLoop(self._machine, self._messages, self._messages, self._refuse, self._options)
        stats, lines, start = loop.stats, [], 0
        whole = True
        for segment in piece.segments:
            before = stats.lines
            whole = whole and self._segment(loop, segment, piece.slot, start)
            start += segment.size
            lines.append(stats.lines - before)
        loop.settle()
        if piece.slot >= 0:
            self._slots.forget(piece.slot)
        if not whole:
            return Result(piece.number, False, stats)
        aside = b"\n".join([*self._aside, b""])
        self._held[piece.number] = self._out, aside
        pending = loop.decoder.pending()
        sizes = sum(map(len, self._out)), len(aside)
        return Result(piece.number, True, stats, tuple(lines), self._last, pending, *sizes)

    def take(self, number: int) -> tuple[list[bytes], bytes]:
        """Return the messages and the rejects of a piece, and forget them."""
        return self._held.pop(number)

    def drop(self, number: int) -> None:
        """Forget what came of a piece."""
        self._held.pop(number, None)

    def _segment(self, loop: UnitLoop, segment: Segment, slot: int, start: int) -> bool:
        """Convert a segment; False when records do not end where it ends."""
        loop.begin(segment.name)
        text = (
            Ended(self._slots, slot, start, segment)
            if segment.ended
            else Text(self._slots, slot, start, segment.size)
        )
        limit = self._options.max_record
        cutter = Cutter(text, max_record=limit, offset=segment.offset, line=segment.line)
        last = 0
        for item in cutter.items():
            if isinstance(item, Idle):
                self._last = last
                return cutter.clean and cutter.safe[0] == segment.end
            last = take_in(loop, item) or last
            self._flush()
        if not segment.ended or text.left:
            return False
        loop.finish(last or 1)
        self._flush()
        self._last = 0
        return True

    def _flush(self) -> None:
        if self._messages:
            self._messages.append(b"")
            self._out.append(b"\n".join(self._messages))
            self._messages.clear()

    def _refuse(self, refused: Refused) -> None:
        if self._keep:
            self._aside.append(row(refused))
