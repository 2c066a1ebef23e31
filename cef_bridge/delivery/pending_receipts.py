"""What went over connections whose end was not answered in time, and may still be.

In come messages with their farewells, out they go again when an answer has come, or when nobody
waits for one any more. Must not know what an answer means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cef_bridge.delivery.orderly_close import OrderlyClose
    from cef_bridge.queue.values import Stored

_MOST = 2  # connections that are listened to: a target that never answers must not collect them


class PendingReceipt(NamedTuple):
    """The messages of one connection, how many they are, and its end."""

    stored: list[Stored]
    messages: int
    orderly_close: OrderlyClose


class PendingReceipts:
    """In the order in which they were sent."""

    def __init__(self) -> None:
        self._pending: list[PendingReceipt] = []
        self._unheard: list[Stored] = []  # nobody listens to the ends of these any more
        self._leaving: list[OrderlyClose] = []

    def __bool__(self) -> bool:
        return bool(self._pending or self._unheard)

    @property
    def may_answer(self) -> bool:
        """Whether any end is still listened to."""
        return bool(self._pending)

    def add(self, pending_receipt: PendingReceipt) -> None:
        """Listen to one more; the oldest is not listened to any more if they become many."""
        self._pending.append(pending_receipt)
        while len(self._pending) > _MOST:
            self._unheard += self._dismiss(self._pending.pop(0))

    def keep(self, stored: list[Stored]) -> None:
        """Keep what went over a connection whose end said nothing."""
        self._unheard += stored

    def take_heard(self) -> list[PendingReceipt]:
        """Take out those whose end has come."""
        heard = [
            pending_receipt
            for pending_receipt in self._pending
            if pending_receipt.orderly_close.wait(0)
        ]
        self._pending = [
            pending_receipt for pending_receipt in self._pending if pending_receipt not in heard
        ]
        return heard

    def drop(self) -> list[Stored]:
        """Take out everything; no end is listened to any more."""
        everything, self._unheard = self._unheard, []
        for pending_receipt in self._pending:
            everything += self._dismiss(pending_receipt)
        self._pending = []
        return everything

    def close(self) -> None:
        """Drop everything, and return when all connections are closed."""
        self.drop()
        for orderly_close in self._leaving:
            orderly_close.abandon()
        self._leaving = []

    def _dismiss(self, pending_receipt: PendingReceipt) -> list[Stored]:
        pending_receipt.orderly_close.give_up()
        self._leaving = [each for each in self._leaving if not each.wait(0)]
        self._leaving.append(pending_receipt.orderly_close)
        return pending_receipt.stored
