"""How far the streams of a source are dealt with, over all queues that its messages go to.

In come the marks that were stored, each with the queue's last row then; out go the offsets up to
which all is settled. A mark is settled with the rows that were there when it was stored: ids only
grow, over both lanes, so it is enough to know the first row that is not. Rows of other sources hold
it up as well; they are sent before it anyway, but for alerts, which go first.

At the beginning of a run a queue may hold messages of an earlier one: its marks are settled with
all rows that it holds then.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.queue.queue import Queue


class _Stored(NamedTuple):
    """Marks, by key, and the last row when they were stored."""

    row: int
    offsets: dict[str, int]


class SettledMarks:
    """Of one queue and one source, by key: `positions` are how far each stream is stored, `offsets`
    how far it is settled. `when_settled` False: what is stored counts.
    """

    def __init__(self, queue: Queue, offsets: Mapping[str, int], *, when_settled: bool) -> None:
        self.positions = dict(offsets)
        self.offsets: dict[str, int] = {}
        self._queue = queue
        self._when_settled = when_settled
        self._waiting = deque([_Stored(queue.last_row, dict(offsets))])

    def stored(self, marks: Iterable[Checkpoint]) -> None:
        """Take note of marks that were stored just now."""
        offsets = {mark.key: mark.offset for mark in marks}
        if offsets:
            self.positions.update(offsets)
            self._waiting.append(_Stored(self._queue.last_row, offsets))

    def look(self) -> None:
        """Bring `offsets` up to date."""
        if not self._waiting:
            return
        first = self._queue.first_unsettled() if self._when_settled else None
        while self._waiting and (first is None or self._waiting[0].row < first):
            self.offsets.update(self._waiting.popleft().offsets)


def settled_in_all(queues: Sequence[SettledMarks]) -> dict[str, int]:
    """Return how far each stream is settled in all queues; not those that one does not know."""
    for each in queues:
        each.look()
    known = set.intersection(*(set(each.offsets) for each in queues)) if queues else set()
    return {key: min(each.offsets[key] for each in queues) for key in known}
