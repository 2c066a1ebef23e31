"""What goes into a queue and comes out of it: values without behaviour.

Imports nothing but the errors: whoever handles messages may use these without opening a queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import CefBridgeError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

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


class Stored(NamedTuple):
    """Messages on their way: a run of one row of the queue, from the row's message `first` on.

    `born` is when they were appended, in seconds since 1970; `resent`: they were in flight or held
    before, so the collector may have them already.
    """

    id: int
    lane: int
    first: int
    messages: list[bytes]
    born: float
    resent: bool


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
