"""What is on its way to a collector, until the queue is told what became of it.

In come messages that were sent and what was found out, out go fates to the queue. Three places: the
`round_` on the connection in use; strays, sent over connections whose end was not answered yet;
and what is held, confirmed but not trusted. Must not know connections.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from cef_bridge.delivery.receipts import COPIES, HeldRounds, Round

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.queue.queue import Queue
    from cef_bridge.queue.values import Stored


class InFlight:
    """`hold`: rounds that are held, `longest`: for so many seconds at most.

    With `hold` 0 the last one is held until the next connection stands (`connected`). A collector
    that is killed has its connections closed by its kernel, and that looks like an answer, also
    when it had read and not yet stored what was sent. Its listener is gone then.
    """

    def __init__(self, queue: Queue, hold: int, longest: float) -> None:
        self.round_: Round[Stored] = Round()
        self._queue = queue
        self._hold = hold
        self._held: HeldRounds[Stored] = HeldRounds(max(1, hold), longest)
        self._copies: Counter[int] = Counter()  # by row: how often it was sent for being held

    def send(self, stored: Stored, size: int, end: int, now: float) -> None:
        """Take note of what is about to be sent: if that fails, some of it may have arrived."""
        count = len(stored.messages)
        light = stored._replace(messages=[b""] * count)  # what was sent need not fill the memory
        self.round_.add(light, count, size, end, now)

    def confirm(self, stored: Sequence[Stored], now: float) -> None:
        """Settle what has arrived; what was not held too often is held."""
        kept = [each for each in stored if self._copies[each.id] < COPIES]
        gone = [each for each in stored if self._copies[each.id] >= COPIES]
        if gone:
            self._queue.settle(gone, "confirmed")
            self._forget(gone)
        if kept:
            self._queue.settle(kept, "confirmed", hold=True)
            self._release(self._held.add(kept, now))

    def leave(self, stored: Sequence[Stored]) -> None:
        """Settle what nothing more will be known of."""
        if stored:
            self._queue.settle(stored, "unconfirmed")
            self._forget(stored)

    def connected(self) -> None:
        """Take note that the collector is still there: the last answer was its own."""
        if not self._hold:
            self.release(None)

    def release(self, now: float | None) -> None:
        """Let go of what was held long enough; None: of everything."""
        self._release(self._held.clear() if now is None else self._held.expired(now))

    def _release(self, stored: Sequence[Stored]) -> None:
        if stored:
            self._queue.release(stored)
            self._forget(stored)

    def again(self) -> None:
        """Send again what is in flight, and what is held."""
        for each in self._held.clear():
            self._copies[each.id] += 1
        self.round_.clear()
        self._queue.rewind()

    @property
    def holds(self) -> bool:
        """Whether anything is held."""
        return bool(self._held)

    def _forget(self, stored: Iterable[Stored]) -> None:
        for each in stored:
            self._copies.pop(each.id, None)
