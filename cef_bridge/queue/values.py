"""What goes into a queue and comes out of it: values, and the body of a row.

A body is a zstd frame with a checksum of its content, so that a flipped bit is found when it is
read and not sent to a SIEM. Between messages is LF, which no message holds: every format escapes
it. Opens no queue.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, overload

import zstandard

from cef_bridge.errors import CefBridgeError
from cef_bridge.stats import line_ends

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.checkpoint import Checkpoint

ALERTS, TELEMETRY = 0, 1
LANES = (ALERTS, TELEMETRY)

EVENT, MESSAGE, DAMAGED = "event", "message", "damaged"

POLICIES = ("block", "drop_telemetry_first", "drop_oldest", "drop_newest")


class QueueStopped(CefBridgeError):  # noqa: N818  # it is an order that was followed, not a fault
    """The queue was told to stop waiting for room; nothing of what was to be appended is in it."""


class MessageBatch(NamedTuple):
    """Finished messages of one lane, unframed and without a line end."""

    lane: int
    messages: list[bytes]


class Joined(NamedTuple):
    """A Batch of so many messages that stand in one text, LF between two of them."""

    lane: int
    number: int
    text: bytes


class DeadLetter(NamedTuple):
    """What can never be sent. `kind`: an `event` no mapping takes, or a finished `message`."""

    kind: str
    reason: str
    source: str
    raw: bytes


class StoredDeadLetter(NamedTuple):
    """A Dead as it lies in a queue; `replay`: someone asked for it to be sent after all.

    The kind `damaged` is a row of the queue that could not be read any more, as it was found.
    """

    id: int
    kind: str
    reason: str
    source: str
    raw: bytes
    born: float
    lane: int
    replay: bool


class Messages(Sequence[bytes]):
    """Messages of one text, LF between two of them; it is split when one of them is asked for."""

    __slots__ = ("_each", "_number", "text")

    def __init__(self, text: bytes, number: int) -> None:
        self.text = text
        self._number = number
        self._each: list[bytes] | None = None

    def __len__(self) -> int:
        return self._number

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> list[bytes]: ...
    def __getitem__(self, place: int | slice) -> bytes | list[bytes]:
        return self._split()[place]

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._split())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._split() == list(other)

    __hash__ = None  # type: ignore[assignment]  # as a list has none

    def _split(self) -> list[bytes]:
        if self._each is None:
            self._each = self.text.split(b"\n")
        return self._each


class Stored(NamedTuple):
    """Messages on their way: a run of one row of the queue, from the row's message `first` on.

    `born` is when they were appended, in seconds since 1970; `resent`: they were in flight or held
    before, so the collector may have them already.
    """

    id: int
    lane: int
    first: int
    messages: Sequence[bytes]
    born: float
    resent: bool

    @property
    def text(self) -> bytes:
        """The messages in one text, LF between two of them."""
        messages = self.messages
        return messages.text if isinstance(messages, Messages) else b"\n".join(messages)


class Sum(NamedTuple):
    """What became of all messages that a queue ever took.

    accepted == confirmed + unconfirmed + in_flight + waiting + sum(dropped.values())
    + dead_lettered, always. What is held is part of `confirmed`.
    """

    accepted: int
    confirmed: int
    unconfirmed: int
    in_flight: int
    waiting: int
    dropped: dict[str, int]
    dead_lettered: int

    def holds(self) -> bool:
        """Tell whether the parts make up the whole."""
        return self.accepted == (
            self.confirmed
            + self.unconfirmed
            + self.in_flight
            + self.waiting
            + sum(self.dropped.values())
            + self.dead_lettered
        )


_SUMMED = ("accepted", "confirmed", "unconfirmed", "dead_lettered")


def sum_of(totals: Mapping[str, int], *, unsettled: int, in_flight: int) -> Sum:
    """Return the sum of a queue's totals, and of what is not settled (that in flight included)."""
    accepted, confirmed, unconfirmed, dead = (totals.get(name, 0) for name in _SUMMED)
    dropped = {
        name.removeprefix("dropped:"): count
        for name, count in totals.items()
        if name.startswith("dropped:") and count
    }
    waiting = unsettled - in_flight
    return Sum(accepted, confirmed, unconfirmed, in_flight, waiting, dropped, dead)


class Load(NamedTuple):
    """One append: all of it goes into a queue in one transaction, or none of it."""

    batches: Sequence[Packed]
    marks: Sequence[Checkpoint] = ()
    pending: Mapping[str, bytes] = {}
    counts: Mapping[str, int] = {}
    dead: Sequence[DeadLetter] = ()
    replayed: Sequence[int] = ()


class Packed(NamedTuple):
    """A Batch as it is stored: `number` messages in one compressed body."""

    lane: int
    number: int
    body: bytes


class DamagedRowError(Exception):
    """A row that is not what was written; it costs itself, and no other."""


class _Tools(threading.local):
    """One of each a thread: they keep their tables between calls, and no two threads may share."""

    def __init__(self) -> None:
        # Level 1. Measured for rows of 500 messages (telemetry, alerts, hostile ones): microseconds
        # a message, and to which part it shrinks. What lower levels save is 1 to 3 % of all that
        # `forward` does, and a backlog takes up to 1.7 times the disk.
        #    3: 2.2, 2.7, 3.7   a 9.3th, 8.9th, 7.4th
        #    1: 1.8, 2.0, 2.5   a 9.1th, 8.7th, 7.0th
        #   -1: 1.5, 1.9, 2.4   a 6.5th, 6.4th, 5.4th
        #   -3: 1.4, 1.9, 2.2   a 6.2th, 6.1th, 5.1th
        #   -7: 1.3, 1.7, 2.2   a 5.3th, 5.1th, 4.4th
        self.compress = zstandard.ZstdCompressor(level=1, write_checksum=True).compress
        self.decompress = zstandard.ZstdDecompressor().decompress


_tools = _Tools()


def squeeze(raw: bytes) -> bytes:
    """Return `raw` compressed, with a checksum."""
    return _tools.compress(raw)


def unsqueeze(body: bytes) -> bytes:
    """Return what was compressed; DamagedRowError when it is not what was written."""
    try:
        return _tools.decompress(body)
    except (zstandard.ZstdError, MemoryError, TypeError) as error:
        raise DamagedRowError("its bytes are not those that were written") from error


def pack(batch: MessageBatch | Joined) -> Packed:
    """Return the batch as it is stored; ValueError when a message holds a line end."""
    if isinstance(batch, MessageBatch):
        batch = Joined(batch.lane, len(batch.messages), b"\n".join(batch.messages))
    if line_ends(batch.text) != batch.number - 1:
        raise ValueError("a message holds a line end")
    return Packed(batch.lane, batch.number, squeeze(batch.text))


def unpack(body: bytes, count: int) -> Messages:
    """Return the `count` messages of a body; DamagedRowError when it does not hold them."""
    text = unsqueeze(body)
    if (held := line_ends(text) + 1) != count:
        raise DamagedRowError(f"it holds {held} messages and should hold {count}")
    return Messages(text, count)


def pack_all(batches: Sequence[MessageBatch | Joined]) -> list[Packed]:
    """Return all batches that hold anything, as they are stored."""
    return [pack(each) for each in batches if isinstance(each, Joined) or each.messages]
