"""What a source that does not end brings: arrivals with their marks, and notices of what was lost.

The types that all feeds share. A feed reads files, standard input or a relay; whoever asks it
turns what arrives into messages. Must not know what a unit means, nor who keeps the marks.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.sources.records.units import Block, BrokenLine, Oversized

TICK = 0.2
"""After so many seconds without anything new a feed yields None."""


class Arrival(NamedTuple):
    """Units of one byte stream, in its order.

    `stream` names the byte stream (for files the mark's key): what belongs together there, like a
    line that a container runtime cut, carries this name. `name` is what operators see. `mark` is
    the position once all units of `item` are dealt with; None: the source cannot be read again.
    `ended`: nothing more will come of this stream, and its mark can be forgotten once this arrival
    is dealt with; if there is a mark all the same, the source is still there and the mark is to be
    kept. A Block may be empty, only to set a mark or to say that a stream ended. A stream with
    marks begins with an empty one, so that it is known to all who keep marks before its units are.
    """

    stream: str
    name: str
    item: Block | Oversized | BrokenLine
    mark: Checkpoint | None
    ended: bool = False


class Notice(NamedTuple):
    """Something that whoever reads the events must hear of: a gap in what the source brought.

    `reason` is a short slug for machines, `text` a sentence for people, `lost` how many events are
    known to be lost; None: unknown.
    """

    name: str
    reason: str
    text: str
    lost: int | None


class FeedState(NamedTuple):
    """How a feed is doing: `bytes` were read so far, `gaps` are the notices given. `silent`: much
    later than bytes were read, nothing was handed out. `lag`: events that wait at the source, by
    the name of a part of it, where the source can say.
    """

    connected: bool
    text: str
    gaps: int = 0
    reconnects: int = 0
    bytes: int = 0
    silent: bool = False
    lag: Mapping[str, int] = MappingProxyType({})


class Receipts(Protocol):
    """Of a source that keeps what it brought until it is told how far all of it is dealt with.

    `when_settled`: the messages made of it are settled in every queue; otherwise they are stored
    in every queue. An offset is that of a mark, by its key.
    """

    when_settled: bool

    def acknowledge(self, offsets: Mapping[str, int]) -> None:
        """Say how far each stream is dealt with; from any thread, and not for each event."""

    def close(self) -> None:
        """Tell the source what was acknowledged; to be called when nothing more will be."""


class Feed(Protocol):
    """A source that is asked for what arrives until it ends or is stopped.

    `can_wait`: what is not asked for stays where it comes from (files, standard input); otherwise
    it is lost there (a relay). `receipts`: for whom it must be known how far messages are dealt
    with; None where the source is not told.
    """

    name: str
    can_wait: bool

    @property
    def receipts(self) -> Receipts | None:
        """Who is told; see above."""

    def arrivals(self, marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | Notice | None]:
        """Yield what arrives from these marks on; None at least every TICK seconds while quiet.

        Ends at the end of the input, or soon after `stop()`.
        """

    def stop(self) -> None:
        """End `arrivals` soon; may be called from any thread, and more than once."""

    def state(self) -> FeedState:
        """Return how it is doing now; may be called from any thread."""
