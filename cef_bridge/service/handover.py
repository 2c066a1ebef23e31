"""What a source's process and the forwarder say to each other, over a pair of sockets.

In come the calls that an intake makes of a queue, out go the same calls as messages: batches are
compressed here, in the process that made them, so that little is copied and nothing is done twice.
A source has a process of its own because converting takes all of one core: measured from a file to
a collector, 12 % less time than with a thread, and half the memory in each process.
"""

from __future__ import annotations

import threading
from contextlib import nullcontext
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.delivery.queue import Batch, Dead, Packed, packed
from cef_bridge.sources.feed import FeedState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from multiprocessing.connection import Connection

    from cef_bridge.config import Destination, Source
    from cef_bridge.fairness import Flood
    from cef_bridge.marks import Mark
    from cef_bridge.sources.feed import Notice

AHEAD = 2
"""So many appends may be on their way: a source does not run ahead of a queue that is full."""


class Place(NamedTuple):
    """A destination as a source's process is told of it: what its queue knows of all streams.

    `numbered`: messages get a number in the queue, so they are handed over as they are.
    """

    spec: Destination
    marks: dict[str, Mark]
    pending: dict[str, bytes]
    numbered: bool


class Begin(NamedTuple):
    """The first word to a source's process; `level` is the log's."""

    source: Source
    once: bool
    places: list[Place]
    level: int


class Replace(NamedTuple):
    """Go on with these destinations."""

    places: list[Place]


class Append(NamedTuple):
    """One transaction for one queue, of so many messages; an Ack says that it is on the disk."""

    name: str
    messages: int
    batches: list[Batch | Packed]
    marks: list[Mark]
    pending: dict[str, bytes]
    counts: dict[str, int]
    dead: list[Dead]


class Forget(NamedTuple):
    """A stream ended for good."""

    name: str
    key: str


class Told(NamedTuple):
    """A source has something to say to whoever reads one destination's events."""

    name: str
    notice: Notice


class Flooded(NamedTuple):
    """A container floods one destination's alert lane, by way of a source."""

    name: str
    source: str
    flood: Flood


class Log(NamedTuple):
    """A log record."""

    logger: str
    level: int
    text: str


class Failed(NamedTuple):
    """The source's process cannot go on; `usage`: what it was asked for is to blame."""

    text: str
    usage: bool
    trace: str


class Ready(NamedTuple):
    """The feed is there, and is read now."""


class Replaced(NamedTuple):
    """Nothing more comes for the destinations that were there before a Replace."""


class Ended(NamedTuple):
    """The feed was read to its end; all that came of it was handed over before."""


class Stop(NamedTuple):
    """Stop the feed, and hand over what was read."""


class Ack(NamedTuple):
    """An Append is on the disk."""


Upward: TypeAlias = (
    Append | Forget | Told | Flooded | Log | Failed | Ready | Replaced | Ended | FeedState
)
Downward: TypeAlias = Begin | Replace | Stop | Ack


class Sender:
    """The way up, for all threads of a source's process."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self.ahead = threading.Semaphore(AHEAD)  # released by each Ack

    def send(self, word: Upward) -> None:
        """Send it; OSError when the forwarder has gone."""
        with self._lock:
            self._connection.send(word)


class Distant:
    """A queue as an intake knows it, in another process: see `Queue` for what each call does."""

    sequence = 0  # numbers are given where the queue is

    def __init__(self, place: Place, sender: Sender) -> None:
        self.appending: AbstractContextManager[None] = nullcontext()
        self._place = place
        self._sender = sender

    def marks(self) -> dict[str, Mark]:
        """Return the positions that were known when this began."""
        return dict(self._place.marks)

    def pending(self) -> dict[str, bytes]:
        """Return what waited for the rest of its line when this began."""
        return dict(self._place.pending)

    def append(
        self,
        batches: Sequence[Batch],
        marks: Sequence[Mark] = (),
        *,
        pending: Mapping[str, bytes] | None = None,
        counts: Mapping[str, int] | None = None,
        dead: Sequence[Dead] = (),
        replayed: Sequence[int] = (),
    ) -> None:
        """Hand it over; waits while too much is on its way."""
        del replayed  # there are no dead letters here
        made: list[Batch | Packed] = []
        made += batches if self._place.numbered else packed(batches)
        self._sender.ahead.acquire()
        name = self._place.spec.name
        whole = Append(
            name,
            sum(len(batch.messages) for batch in batches),
            made,
            list(marks),
            dict(pending or {}),
            dict(counts or {}),
            list(dead),
        )
        self._sender.send(whole)

    def forget_mark(self, key: str) -> None:
        """Forget a stream, after all that was appended before."""
        self._sender.send(Forget(self._place.spec.name, key))
