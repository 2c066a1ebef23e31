"""A feed on its way to one destination: its own conversion, and what waits to be stored.

In come arrivals, out go transactions of its queue. Up to one of them is stored by a thread of its
own while the next is made. Knows neither the feed nor other destinations.
"""

from __future__ import annotations

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.engine.line_loop import LineLoop, Options, Refused
from cef_bridge.forward.route import DestinationRoute, store
from cef_bridge.kubearmor.alert_rate import AlertRate
from cef_bridge.queue.queue import ALERTS, TELEMETRY, DeadLetter, Joined, QueueStopped
from cef_bridge.sources.records.units import Block
from cef_bridge.stats import REJECTED, SKIPPED, line_ends

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.forward.settled_marks import SettledMarks
    from cef_bridge.kubearmor.decode import EventDecoder
    from cef_bridge.sources.feed import Arrival

ROW = 500
"""Messages in a row of a queue: measured best between 200 and 1000."""
ROW_BYTES = 1 << 20
"""And so many bytes, beyond the first of them: a row is read as a whole."""
MOST = 2000
"""So many messages are stored at once, in one transaction, when they come fast."""
MOST_BYTES = 4 << 20
"""Or so many bytes of messages and of what is rejected: what sends large ones takes no memory."""
_RAW = 65536  # bytes of a rejected record that are kept

_COUNTED = (
    *("converted", "filtered", "rejected", "noise", "blank"),
    *("without_time", "routed_away", "unrouted", "alerts_over_rate"),
)
_BOTH_WAYS = {
    "engine_left": "left",
    "engine_compared": "compared",
    "engine_different": "differed",
}
_THROTTLED = "AlertThreshold"
"""The operation of the event by which KubeArmor says that it withholds a container's alerts."""


class _Made(NamedTuple):
    """What is to be stored in one transaction. `texts` of each lane: a message, or several with LF
    between them.
    """

    texts: tuple[Sequence[bytes], Sequence[bytes]]
    marks: Sequence[Checkpoint]
    pending: dict[str, bytes]
    counts: dict[str, int]
    dead: Sequence[DeadLetter]

    def rows(self) -> list[Joined]:
        """Return the messages in rows."""
        alerts, telemetry = self.texts
        return [*_rows(ALERTS, alerts), *_rows(TELEMETRY, telemetry)]


class Branch:
    """A feed on its way to one outlet: its own conversion, so its own counters and decoders."""

    def __init__(
        self,
        route: DestinationRoute,
        options: Options,
        given_up: threading.Event,
        *,
        live: bool,
        before: Branch | None = None,
    ) -> None:
        self.route = route
        self.marks: dict[str, Checkpoint] = {}
        self.settled: SettledMarks | None = None  # for a source that asks for it
        self.lost = 0  # messages that the queue did not take and the source cannot bring again
        self._given_up = given_up
        self._stopped = False  # the queue takes nothing more
        # Stores while the feed's thread converts: half of what an event costs is not converting it.
        self._storer = ThreadPoolExecutor(1, "store")
        self._storing: tuple[_Made, Future[int | None]] | None = None
        self._live = live
        self._alerts: list[bytes] = []  # see `_Made.texts`
        self._telemetry: list[bytes] = []
        self._dead: list[DeadLetter] = []
        self._stored = 0  # messages so far
        self._measured = [0, 0]  # texts of each lane that `_bytes` has
        self._bytes = 0
        self.ended: list[str] = []  # streams that ended for good, and are not forgotten yet
        self._machine = route.machine.own() if live else route.machine
        self.alert_rate: AlertRate = before.alert_rate if before else AlertRate()
        self.loop = LineLoop(
            self._machine, self._alerts, self._telemetry, self._refused, options, self.alert_rate
        )
        self._counted: Counter[str] = Counter()
        self.decoders: dict[str, EventDecoder] = before.decoders if before else {}
        self.pending: dict[str, bytes] = before.pending if before else route.queue.pending()
        # What the queue has already of a stream that is read again for the sake of another queue.
        self.done: dict[str, int] = (
            before.done
            if before
            else {key: mark.offset for key, mark in route.queue.marks().items()}
        )

    def is_full(self) -> bool:
        """Whether it is time to store what waits."""
        for lane, texts in enumerate((self._alerts, self._telemetry)):
            self._bytes += sum(map(len, texts[self._measured[lane] :]))
            self._measured[lane] = len(texts)
        waiting = self.loop.stats.converted - self._stored
        return waiting >= MOST or self._bytes >= MOST_BYTES

    def tell(self, say: Callable[..., None], *facts: object) -> None:
        """Have something said to whoever reads the destination's events, if its queue takes it."""
        self.settle()
        if not self._stopped:
            try:
                say(*facts)
            except QueueStopped:
                self._stopped = True

    def take(self, arrival: Arrival) -> None:
        """Convert what arrived, unless the queue has it already."""
        item, mark = arrival.item, arrival.mark
        if mark is not None and (done := self.done.get(mark.key)) is not None:
            if mark.offset <= done and not arrival.ended:
                return
            if isinstance(item, Block):
                item = item.behind(done)
            del self.done[mark.key]
        if mark is not None and isinstance(item, Block) and item.begins_anew:
            self._let_go_of_parts(arrival.stream, arrival.name, item.line)
        decoder = self.decoders.get(arrival.stream)
        if decoder is None:
            pending = self.pending.get(arrival.stream, b"")
            decoder = self.decoders[arrival.stream] = self.loop.new_decoder(pending)
        self.loop.begin(arrival.name, decoder)
        if not isinstance(item, Block):
            self.loop.lost(item)
            line = item.line
        else:
            if self._live:  # the time of an event that says none: it came just now
                self._machine.converter.assumed_time = time.time_ns() // 1000
            self.loop.block(item)
            if (tap := self.route.tap) is not None and tap.on:
                tap.look(item, arrival.name, self.loop.options, self._machine.converter)
            line = item.last or item.line
        if arrival.ended:
            self.loop.finish(line)
            del self.decoders[arrival.stream]
        if mark is not None:
            self.marks[mark.key] = mark
        elif arrival.ended:  # for good: a file that is gone, not one that was read to its end
            self.ended.append(arrival.stream)

    def _let_go_of_parts(self, stream: str, name: str, line: int) -> None:
        """Reject the part of a line whose rest others have read, unless this goes on behind it."""
        self.settle()
        known = self.marks.get(stream) or self.route.queue.marks().get(stream)
        if known is not None and known.offset == line:
            return
        decoder = self.decoders.get(stream) or self.loop.new_decoder(self.pending.get(stream, b""))
        self.loop.begin(name, decoder)
        self.loop.finish(line)
        self.decoders[stream] = self.loop.new_decoder()

    def store(self, *, ahead: bool) -> None:
        """Put all that was made into the queue, with the marks and the counters.

        What was handed over before is stored by then; with `ahead` this is handed over.
        """
        self.loop.settle()
        counts = self._counts()
        made = _Made(
            ([*self._alerts], [*self._telemetry]),
            [*self.marks.values()],
            self._pendings(),
            counts,
            [*self._dead],
        )
        self.settle()
        if not (any(made.texts) or made.marks or counts or made.pending or made.dead):
            return
        if ahead:
            self._storing = made, self._storer.submit(self._put, made)
        else:
            self._note(made, self._put(made))
        self._counted.update(counts)
        self.pending.update(made.pending)
        for each in (self._alerts, self._telemetry, self._dead):
            each.clear()
        self._stored = self.loop.stats.converted
        self._measured, self._bytes = [0, 0], 0
        self.marks.clear()

    def _put(self, made: _Made) -> int | None:
        """Store it; return how many messages were not, None where all were. From any thread."""
        rows = made.rows()
        if not self._stopped:
            try:
                store(
                    self.route,
                    rows,
                    marks=made.marks,
                    pending=made.pending,
                    counts=made.counts,
                    dead=made.dead,
                    given_up=self._given_up,
                )
            except QueueStopped:
                pass
            else:
                return None
        return sum(row.number for row in rows)

    def settle(self) -> None:
        """Wait for what was handed over; raises what nobody expected."""
        if self._storing is not None:
            made, storing = self._storing
            self._storing = None
            self._note(made, storing.result())

    def _note(self, made: _Made, lost: int | None) -> None:
        """Take note of what was stored, or was not."""
        if lost is not None:
            # Nothing behind it may be stored: its marks would say that this was.
            self._stopped = True
            self.lost += 0 if made.marks else lost  # else it is read again
        elif self.settled is not None:
            # A part of a line is in this queue alone: what brings it is not dealt with before its
            # rest has come.
            waits = {key for key, text in {**self.pending, **made.pending}.items() if text}
            self.settled.stored(mark for mark in made.marks if mark.key not in waits)

    def close(self) -> None:
        """Wait for what was handed over, and end the thread that stores."""
        try:
            self.settle()
        finally:
            self._storer.shutdown()

    def forget(self) -> None:
        """Forget the streams that ended for good; when all queues have all of them."""
        for key in self.ended:
            if not self._stopped:
                self.route.queue.forget_mark(key)
            self.pending.pop(key, None)
        self.ended.clear()

    def _counts(self) -> dict[str, int]:
        stats = self.loop.stats
        now = {name: getattr(stats, name) for name in _COUNTED}
        now["received"] = stats.lines
        now["throttle_notices"] = sum(
            number for kind, number in stats.kinds.items() if kind[1] == _THROTTLED
        )
        now |= {name: getattr(stats, of) for name, of in _BOTH_WAYS.items()}
        now |= {f"{REJECTED}{label}": number for label, number in stats.labels.items()}
        now |= {f"{SKIPPED}{label}": number for label, number in stats.skipped.items()}
        new = {name: number - self._counted[name] for name, number in now.items()}
        return {name: number for name, number in new.items() if number}

    def _pendings(self) -> dict[str, bytes]:
        """Return what waits for its rest in each stream that can be read again, if it changed."""
        changed = {}
        for key in self.marks:
            decoder = self.decoders.get(key)
            pending = decoder.pending() if decoder else b""
            if pending != self.pending.get(key, b""):
                changed[key] = pending
        return changed

    def _refused(self, refused: Refused) -> None:
        place = f"{refused.source}:{refused.line}"
        dead = DeadLetter("event", refused.reason, place, refused.raw[:_RAW])
        self._bytes += len(dead.raw)
        self._dead.append(dead)


def _rows(lane: int, texts: Sequence[bytes]) -> Iterator[Joined]:
    """Yield messages in rows of so many, or of so many bytes; no text is cut."""
    row: list[bytes] = []
    number = size = 0
    for text in texts:
        more = line_ends(text) + 1
        if row and (number + more > ROW or size + len(text) > ROW_BYTES):
            yield Joined(lane, number, b"\n".join(row))
            row, number, size = [], 0, 0
        row.append(text)
        number += more
        size += len(text) + 1
    if row:
        yield Joined(lane, number, b"\n".join(row))
