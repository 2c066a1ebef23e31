"""What is dropped first when a queue is full, and how much room an append needs.

Only rows that wait are dropped: not what is in flight, and not what is held.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from cef_bridge.queue.open_rows import OpenRows
    from cef_bridge.queue.values import Load

_CHUNK = 100  # rows that are looked at in one go


class EvictedRow(NamedTuple):
    """A row that may be dropped."""

    id: int
    lane: int
    unsettled: int


class EvictionOrder:
    """The rows of some lanes that wait, the oldest first over all of them."""

    def __init__(self, rows: OpenRows, writer: sqlite3.Connection, lanes: Sequence[int]) -> None:
        self._heads = [each for each in (_Lane(rows, writer, lane) for lane in lanes) if each.head]

    def next(self) -> EvictedRow | None:
        """Return the oldest one; each is returned once."""
        oldest = min(self._heads, key=lambda lane: lane.head or _NEVER, default=None)
        if oldest is None:
            return None
        victim = oldest.head
        oldest.head = next(oldest.rest, None)
        if oldest.head is None:
            self._heads.remove(oldest)
        return victim


_NEVER = EvictedRow(1 << 62, 0, 0)


class _Lane:
    def __init__(self, rows: OpenRows, writer: sqlite3.Connection, lane: int) -> None:
        self.rest = _waiting(rows, writer, lane)
        self.head = next(self.rest, None)


def _waiting(rows: OpenRows, writer: sqlite3.Connection, lane: int) -> Iterator[EvictedRow]:
    for row in rows.idle(lane):
        yield EvictedRow(row.id, row.lane, row.unsettled)
    last = rows.read[lane]
    while True:
        found = writer.execute(
            "SELECT id, lane, unsettled FROM rows "
            "WHERE lane = ? AND id > ? AND unsettled > 0 AND held = x'' ORDER BY id LIMIT ?",
            (lane, last, _CHUNK),
        ).fetchall()
        for values in found:
            last = values[0]
            yield EvictedRow(*values)
        if len(found) < _CHUNK:
            return


def need(load: Load) -> int:
    """Return about how many bytes the file grows by, at most, when all of it is stored."""
    bodies = [len(each.body) for each in load.batches] + [len(each.raw) for each in load.dead]
    return sum(_room(size) for size in bodies) + sum(len(value) for value in load.pending.values())


def _room(size: int) -> int:
    if size < schema.PAGE // 2:
        return size + 100  # it shares its page with others
    return (size // schema.PAGE + 1) * schema.PAGE
