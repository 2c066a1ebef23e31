"""Messages of the queue as batches: as many as fit into a request, and in parts again.

In come runs of messages from the queue, out go batches; what is to be sent again goes first. A
message is never cut: one that is larger than a batch may be goes alone. Must not know the protocol.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.queue.queue import Queue
    from cef_bridge.queue.values import Stored

MOST_MESSAGES = 5000
"""Messages of a batch, at most: an answer may have a part for each of them."""
_FETCHED = 500  # messages that are taken from the queue at a time
_LEAST = 1 << 10  # bytes below which messages go one by one, not in halves
_GROWS = 100  # batches that were taken, until larger ones are tried again


class Batch:
    """Runs of messages that go by one request."""

    def __init__(self, parts: list[Stored]) -> None:
        self.parts = parts
        self.count = sum(len(part.messages) for part in parts)
        self.size = sum(sum(map(len, part.messages)) for part in parts)

    def messages(self) -> Iterator[tuple[bytes, float]]:
        """Yield each message, and when it was queued (seconds since 1970)."""
        for part in self.parts:
            for message in part.messages:
                yield message, part.born

    def where(self, is_chosen: Callable[[int], bool]) -> list[Stored]:
        """Return the messages at some places of the batch, as runs."""
        found: list[Stored] = []
        index = 0
        for part in self.parts:
            chosen = [is_chosen(index + place) for place in range(len(part.messages))]
            index += len(chosen)
            found += [part] if all(chosen) else _runs(part, chosen)
        return found

    def place(self, index: int) -> tuple[Stored, int]:
        """Return the run that a message is in, and its place there."""
        for part in self.parts:
            if index < len(part.messages):
                return part, index
            index -= len(part.messages)
        raise IndexError(index)


def _runs(part: Stored, chosen: list[bool]) -> Iterator[Stored]:
    start: int | None = None
    for place, is_chosen in enumerate([*chosen, False]):
        if is_chosen and start is None:
            start = place
        elif not is_chosen and start is not None:
            yield _cut(part, start, place)
            start = None


def _cut(part: Stored, start: int, end: int) -> Stored:
    return part._replace(first=part.first + start, messages=part.messages[start:end])


class Outbox:
    """What is to be sent: first what comes back, then what the queue has.

    `most`: bytes of messages in a batch.
    """

    def __init__(self, queue: Queue, most: int) -> None:
        self._queue = queue
        self._limit = self._most = most
        self._passed = 0
        self._parts: deque[Stored] = deque()

    def __len__(self) -> int:
        return sum(len(part.messages) for part in self._parts)

    def fill(self) -> bool:
        """Take from the queue what fits into a batch; tell whether one is full."""
        messages = len(self)
        size = sum(sum(map(len, part.messages)) for part in self._parts)
        while not messages or (size < self._limit and messages < MOST_MESSAGES):
            stored = self._queue.fetch(_FETCHED)
            if stored is None:
                return False
            self._parts.append(stored)
            messages += len(stored.messages)
            size += sum(map(len, stored.messages))
        return True

    def take(self) -> Batch | None:
        """Return the next batch; None when there is nothing."""
        parts: list[Stored] = []
        size = count = 0
        while self._parts:
            part = self._parts[0]
            end = 0
            for message in part.messages:
                if count and (size + len(message) > self._limit or count >= MOST_MESSAGES):
                    break
                size += len(message)
                count += 1
                end += 1
            if end:
                parts.append(part if end == len(part.messages) else _cut(part, 0, end))
            if end < len(part.messages):
                self._parts[0] = _cut(part, end, len(part.messages))
                break
            self._parts.popleft()
        return Batch(parts) if parts else None

    def give_back(self, parts: list[Stored], *, resent: bool) -> None:
        """Send these first; `resent`: the server may have them already."""
        again = [part._replace(resent=part.resent or resent) for part in parts]
        self._parts.extendleft(reversed(again))

    def halve(self, batch: Batch) -> None:
        """Give a batch back that is to be sent in smaller ones."""
        self._passed = 0
        self._limit = max(_LEAST, batch.size // 2) if batch.size > _LEAST else 0
        self.give_back(batch.parts, resent=False)

    def passed(self) -> None:
        """Take note that a batch was taken: after many, larger ones are tried again."""
        self._passed += 1
        if self._limit < self._most and self._passed >= _GROWS:
            self._passed = 0
            self._limit = min(self._most, max(_LEAST, 2 * self._limit))

    def whole(self) -> None:
        """Make batches of full size again."""
        self._limit = self._most
