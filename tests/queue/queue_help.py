"""What the tests of the queue share: messages that can be told apart, and ways to empty a queue."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.queue.queue import TELEMETRY, MessageBatch, Queue

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


def texts(first: int, count: int, size: int = 40) -> list[bytes]:
    """Return messages that carry their number; what follows it does not compress well."""
    return [
        (b"%09d " % number + _noise(number, size - 10))[: max(size, 9)]
        for number in range(first, first + count)
    ]


def _noise(number: int, size: int) -> bytes:
    word = number * 0x9E3779B97F4A7C15 + 0xD1B54A32D192ED03
    found = bytearray()
    while len(found) < size:
        word = (word * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        found += b"%016x" % word
    return bytes(found[:size])


def batch(first: int, count: int, lane: int = TELEMETRY, size: int = 40) -> MessageBatch:
    return MessageBatch(lane, texts(first, count, size))


def mark(offset: int, key: str = "stream") -> Checkpoint:
    return Checkpoint(key, offset, b'{"at": %d}' % offset)


def number(message: bytes) -> int:
    return int(message[:9])


@contextlib.contextmanager
def opened(path: Path, **settings) -> Iterator[Queue]:
    """Open a queue, and look at the end whether its sum holds."""
    queue = Queue.open(path, **settings)
    try:
        yield queue
        assert queue.sum().holds(), queue.sum()
    finally:
        queue.close()


def drained(queue: Queue, fate: str = "confirmed") -> list[bytes]:
    """Settle all there is; return the messages in the order in which they came."""
    found: list[bytes] = []
    while stored := queue.fetch():
        found += stored.messages
        queue.settle([stored], fate)
    return found


def numbers(messages: Sequence[bytes]) -> list[int]:
    return [number(message) for message in messages]
