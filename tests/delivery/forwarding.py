"""A forwarder in a thread, with a real queue, and what tests ask of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.destination_sender import DestinationSender, Patience
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

# Short enough for tests; what they claim does not depend on it.
HASTY = Patience(probe=0.3, idle=0.1, hold=60, back=0.3)
SLOW = 30.0  # seconds that a busy machine is given


def message(number: int, size: int = 100) -> bytes:
    return (b"CEF:0|test|%06d|externalId=%06d " % (number, number)).ljust(size, b"x")


def messages(count: int, start: int = 0, size: int = 100) -> list[bytes]:
    return [message(number, size) for number in range(start, start + count)]


def fill(
    queue: Queue, count: int, *, row: int = 50, start: int = 0, lane: int = ALERTS, size: int = 100
) -> list[bytes]:
    """Append messages in rows; return them."""
    sent = messages(count, start, size)
    for first in range(0, count, row):
        queue.append([MessageBatch(lane, sent[first : first + row])])
    return sent


def target(scheme: str, *ports: int, **words: object) -> DestinationUrl:
    endpoints = tuple(("127.0.0.1", port) for port in ports)
    words.setdefault("confirm_interval", 0.3)
    return DestinationUrl(scheme=scheme, endpoints=endpoints, **words)


class Kind(NamedTuple):
    """A way to speak to a collector."""

    scheme: str
    framing: str

    def __str__(self) -> str:
        return f"{self.scheme}-{self.framing}"


KINDS = [Kind("tcp", "lf"), Kind("tcp", "octet-counting"), Kind("tls", "lf")]


class Running:
    """A forwarder whose thread runs."""

    def __init__(self, queue: Queue, to: DestinationUrl, **options: object) -> None:
        self.queue = queue
        self.stop = threading.Event()
        options.setdefault("patience", HASTY)
        options.setdefault("framing", "lf")
        self.forwarder = DestinationSender(
            queue, to, name="siem", stop=self.stop, rng=lambda: 0.02, **options
        )
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.forwarder.run()
        except BaseException as error:  # noqa: BLE001  # raised in `finish`
            self.error = error

    @property
    def state(self):
        return self.forwarder.state()

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def finish(self, seconds: float = SLOW) -> None:
        """Let it send everything, and wait for it."""
        self.forwarder.finish()
        self._thread.join(seconds)
        assert not self.alive, (self.state, self.queue.sum())
        if self.error:
            raise self.error

    def end(self) -> float:
        """Stop it; return how long that took."""
        began = time.monotonic()
        self.stop.set()
        self._thread.join(SLOW)
        assert not self.alive, self.state
        return time.monotonic() - began

    def wait_for(self, claim: object, seconds: float = SLOW) -> None:
        until = time.monotonic() + seconds
        while not claim():
            assert time.monotonic() < until, (self.state, self.queue.sum())
            assert self.error is None, self.error
            time.sleep(0.02)


@contextlib.contextmanager
def forwarding(queue: Queue, to: DestinationUrl, **options: object) -> Iterator[Running]:
    """Run a forwarder; in the end it is stopped, and the sums hold."""
    running = Running(queue, to, **options)
    try:
        yield running
    finally:
        running.end()
        total = queue.sum()
        assert total.holds(), total


def copies(frames: list[bytes]) -> int:
    """Return how often the message that came most often came."""
    return max(Counter(frames).values(), default=0)


def in_order(frames: list[bytes]) -> list[bytes]:
    """Return messages in the order in which each came first."""
    return list(dict.fromkeys(frames))
