"""What the senders of all kinds of destinations have in common: a queue, orders, and waiting.

Must not know how anything is sent.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from cef_bridge.delivery.progress import Progress
    from cef_bridge.queue.queue import Queue

SLICE = 0.2
"""Seconds, at most, until an order is followed."""

_REST = 2.0  # seconds without a message after which the queue's file is tidied up


class EventFacts(Protocol):
    """What a message says of itself; "" and None where it does not. Times since 1970."""

    @property
    def event_id(self) -> str:
        """The id of its event: the same each time that the event is sent."""

    @property
    def host(self) -> str:
        """The machine that it is about."""

    @property
    def milliseconds(self) -> int | None:
        """When it happened."""

    @property
    def class_id(self) -> str:
        """The class of its event."""

    @property
    def container(self) -> str:
        """The id of the container that it is about."""


class StopSending(Exception):  # noqa: N818  # it is an order that was followed, not a fault
    """Stop now: what is in flight stays in the queue."""


class SenderContext:
    """One destination's queue and orders: `stop` (now) and `ending` (when all is sent).

    `facts` reads a message for senders that must know its event id, host or time.
    """

    def __init__(
        self,
        queue: Queue,
        progress: Progress,
        stop: threading.Event,
        ending: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        facts: Callable[[bytes], EventFacts] | None = None,
    ) -> None:
        self.queue = queue
        self.progress = progress
        self.stop = stop
        self.ending = ending
        self.clock = clock
        self.facts = facts
        self._busy_at: float | None = None

    def raise_if_stopped(self) -> None:
        """Raise StopSending when it is time."""
        if self.stop.is_set():
            raise StopSending

    def on_wait(self, reason: str) -> None:
        """Take note that the other side makes us wait; StopSending when it is time."""
        self.raise_if_stopped()
        self.progress.waits(reason)

    def sleep(self, seconds: float) -> None:
        """Wait, unless StopSending comes first."""
        if self.stop.wait(max(0.0, seconds)):
            raise StopSending

    def wait_for_messages(self) -> None:
        """Wait for something to send, a slice; the queue is tidied up when there is nothing."""
        now = self.clock()
        if self._busy_at is not None and now - self._busy_at >= _REST:
            self._busy_at = None
            self.queue.housekeeping()
        self.queue.wait(SLICE)
        self.raise_if_stopped()

    def busy(self) -> None:
        """Take note that something was sent."""
        self._busy_at = self.clock()

    def nothing_waits(self) -> bool:
        """Tell whether there is nothing to fetch at the moment."""
        return not self.queue.wait(0)

    def unsent(self) -> int:
        """Return how many messages have not arrived, as far as is known."""
        total = self.queue.sum()
        return total.waiting + total.in_flight
