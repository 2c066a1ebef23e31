"""Which messages of which rows may be sent next: the state of the rows on their way. Pure.

A message's place in its row is a bit, and a state is a set of bits: `gone` (settled, or buried),
`held` (confirmed, and kept in case the collector forgets it), `flying`. A row that nothing was
fetched from is not here; the queue's file knows it. Must not know files, locks or totals.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue.values import LANES

if TYPE_CHECKING:
    from collections.abc import Iterable


def bits(first: int, count: int) -> int:
    """Return the set of `count` places from `first` on."""
    return ((1 << count) - 1) << first


def to_blob(places: int) -> bytes:
    """Return a set of places as it is stored; nothing is no bytes."""
    return places.to_bytes((places.bit_length() + 7) // 8, "little")


def from_blob(blob: bytes) -> int:
    """Return a set of places that was stored."""
    return int.from_bytes(blob, "little")


class RowSpan(NamedTuple):
    """`number` messages in a row's order, from its place `first` on."""

    row: OpenRow
    first: int
    number: int
    resent: bool


class OpenRow:
    """One row of which something was fetched, or is to be sent again."""

    __slots__ = ("again", "born", "count", "flying", "gone", "held", "id", "lane", "seen")

    def __init__(
        self, lane: int, id_: int, count: int, born: float, states: tuple[int, int]
    ) -> None:
        self.lane, self.id, self.count, self.born = lane, id_, count, born
        self.gone, self.held = states
        self.flying = 0
        self.seen = self.held  # it was in flight before
        self.again = 0  # of what is held: what shall be sent once more

    @property
    def all(self) -> int:
        """Every place of the row."""
        return bits(0, self.count)

    @property
    def unsettled(self) -> int:
        """How many messages wait or are in flight."""
        return self.count - (self.gone | self.held).bit_count()

    @property
    def in_flight(self) -> int:
        """How many are in flight that were not confirmed before."""
        return (self.flying & ~self.held).bit_count()

    @property
    def fetchable(self) -> int:
        """The places that may be fetched."""
        return self.all & ~(self.gone | self.flying | (self.held & ~self.again))

    def take(self, most: int | None) -> RowSpan:
        """Put the first run of at most `most` fetchable messages in flight.

        A run has no gaps, and is all new or all resent.
        """
        able = self.fetchable
        first = (able & -able).bit_length() - 1
        resent = bool(self.seen >> first & 1)
        same = (able & self.seen if resent else able & ~self.seen) >> first
        count = (~same & (same + 1)).bit_length() - 1
        if most is not None:
            count = min(count, max(most, 1))
        self.flying |= bits(first, count)
        return RowSpan(self, first, count, resent)

    def back(self) -> None:
        """Make what is in flight fetchable again."""
        self.seen |= self.flying
        self.flying = 0

    def settle(self, places: int) -> None:
        """Take note that these are gone or held now."""
        self.flying &= ~places
        self.again &= ~places


class OpenRows:
    """The rows on their way, and how far each lane was read.

    A row stands in `known` while any of it is in flight or may be fetched a second time; `read`
    is the last row of each lane that was fetched from, so what comes after it is waiting.
    """

    def __init__(self) -> None:
        self.known: dict[int, OpenRow] = {}
        self.read = dict.fromkeys(LANES, 0)
        self._open: dict[int, list[int]] = {lane: [] for lane in LANES}  # heaps of ids

    def add(self, row: OpenRow) -> None:
        """Take in the next row of its lane, as read from the file; one that is known stays."""
        self.known.setdefault(row.id, row)
        self.read[row.lane] = max(self.read[row.lane], row.id)
        heapq.heappush(self._open[row.lane], row.id)

    def first(self, lane: int) -> OpenRow | None:
        """Return the first row of the lane, among those known, that has something to fetch."""
        heap = self._open[lane]
        while heap:
            row = self.known.get(heap[0])
            if row is not None and row.fetchable:
                return row
            heapq.heappop(heap)
        return None

    def forget(self, row: OpenRow) -> None:
        """Forget the row if nothing of it is on its way any more."""
        if not row.flying and not row.fetchable:
            self.known.pop(row.id, None)

    def remove(self, id_: int) -> OpenRow | None:
        """Forget the row, whatever its state: it is not in the file any more."""
        return self.known.pop(id_, None)

    def only(self, rows: Iterable[OpenRow]) -> None:
        """Go on with these alone, which another file holds: some that were read may wait anew."""
        there = set()
        for row in rows:
            there.add(row.id)
            if row.unsettled and row.id <= self.read[row.lane]:
                self.add(row)
        for id_ in set(self.known) - there:
            self.remove(id_)

    def idle(self, lane: int) -> list[OpenRow]:
        """Return the rows of the lane that were read, and wait wholly now; oldest first."""
        found = (
            row
            for row in self.known.values()
            if row.lane == lane
            and row.id <= self.read[lane]
            and row.fetchable
            and not row.flying
            and not row.held
        )
        return sorted(found, key=lambda row: row.id)

    def rewind(self) -> int:
        """Make all in flight fetchable again; return how many messages that is."""
        count = 0
        for row in self.known.values():
            if row.flying:
                count += row.flying.bit_count()
                row.back()
        self._reopen()
        return count

    def hold_no_more(self, row: OpenRow) -> int:
        """Make what is held of the row fetchable; return how many messages more that is."""
        row = self.known.setdefault(row.id, row)
        more = row.held & ~row.again & ~row.flying
        row.again |= more
        row.seen |= more
        self._open[row.lane] = [*self._open[row.lane], row.id]
        heapq.heapify(self._open[row.lane])
        return more.bit_count()

    def _reopen(self) -> None:
        for lane in LANES:
            self._open[lane] = sorted(row.id for row in self.known.values() if row.lane == lane)
