"""One source's thread: what its feed brings becomes messages in the queues of all destinations.

In come arrivals with their marks, out go batches; a mark is stored in the transaction of the
messages made of what stands before it, so that a kill at any moment loses nothing that the source
can bring again, and repeats nothing. While what came fast is stored, the next of it is converted.
Opens neither files nor sockets.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.engine.line_loop import LineLoop, Options, Refused
from cef_bridge.forward.settled_marks import SettledMarks, settled_in_all
from cef_bridge.kubearmor.alert_rate import AlertRate
from cef_bridge.log_fields import fields
from cef_bridge.queue.queue import ALERTS, TELEMETRY, DeadLetter, Joined, MessageBatch, QueueStopped
from cef_bridge.sources.feed import Notice
from cef_bridge.sources.records.units import Block
from cef_bridge.stats import REJECTED, SKIPPED, line_ends
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from concurrent.futures import Future

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.engine.machine import MappingEngine
    from cef_bridge.forward.message_tap import MessageTap
    from cef_bridge.kubearmor.alert_rate import Flood
    from cef_bridge.kubearmor.decode import EventDecoder
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.queue.queue import Queue
    from cef_bridge.sources.feed import Arrival, Feed
    from cef_bridge.stats import Stats

ROW = 500
"""Messages in a row of a queue: measured best between 200 and 1000."""
ROW_BYTES = 1 << 20
"""And so many bytes, beyond the first of them: a row is read as a whole."""
MOST = 2000
"""So many messages are stored at once, in one transaction, when they come fast."""
MOST_BYTES = 4 << 20
"""Or so many bytes of messages and of what is rejected: what sends large ones takes no memory."""
AGE = 0.1
"""So many seconds the first of them waits when they come slowly."""
ACKNOWLEDGE = 0.5
"""A source that keeps what it brought hears so often, in seconds, how far it is dealt with."""
ROOM = len(" KubeArmorQueue=01234567 KubeArmorSeq=") + 19
"""Bytes that a message is shorter, when it is to be numbered."""
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
_log = logging.getLogger(__name__)


class DestinationRoute(NamedTuple):
    """One destination as a source sees it: messages of `machine` go into `queue`.

    `stream`: the name under which each message gets its number in the queue; "" for no numbers.
    `tap`: who may look at messages, None where nobody can.
    """

    name: str
    queue: Queue
    machine: MappingEngine
    stream: str = ""
    tap: MessageTap | None = None

    @property
    def converter(self) -> Converter:
        """The mapping at work, as the reference."""
        return self.machine.converter


def store(
    route: DestinationRoute,
    batches: Sequence[MessageBatch | Joined],
    *,
    marks: Sequence[Checkpoint] = (),
    pending: dict[str, bytes] | None = None,
    counts: dict[str, int] | None = None,
    dead: Sequence[DeadLetter] = (),
    replayed: Sequence[int] = (),
    given_up: threading.Event | None = None,
) -> None:
    """Append to an outlet's queue in one transaction, numbered if the mapping wants it so."""
    queue = route.queue
    append = partial(
        queue.append,
        marks=marks,
        pending=pending,
        counts=counts,
        dead=dead,
        replayed=replayed,
        given_up=given_up,
    )
    if not route.stream:
        append(batches)
        return
    with queue.appending:  # so that no other thread takes the same numbers
        append(_numbered(batches, route))


def _numbered(
    batches: Sequence[MessageBatch | Joined], route: DestinationRoute
) -> list[MessageBatch]:
    separator = route.converter.program.format.separator.encode()
    stream = route.stream.encode()
    number = route.queue.sequence
    result = []
    for batch in batches:
        messages = []
        for message in (
            batch.messages if isinstance(batch, MessageBatch) else batch.text.split(b"\n")
        ):
            number += 1
            between = b"" if message.endswith((b"|", separator)) else separator
            messages.append(
                b"%b%bKubeArmorQueue=%b%bKubeArmorSeq=%d"
                % (message, between, stream, separator, number)
            )
        result.append(MessageBatch(batch.lane, messages))
    return result


class SourcePipeline:
    """Reads one feed and fills the queues of its outlets, in a thread of its own: `run`.

    `notice` and `flood` make a message for an outlet: of a Notice, and of a container that floods
    it, with the source's name. `replace` gives it other outlets, at a moment where nothing is in
    hand.
    """

    def __init__(
        self,
        feed: Feed,
        routes: Sequence[DestinationRoute],
        options: Options,
        notice: Callable[[DestinationRoute, Notice], None],
        flood: Callable[[DestinationRoute, str, Flood], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.feed = feed
        self.options = options
        self._notice = notice
        self._flood = flood
        self._clock = clock
        self._given_up = threading.Event()
        self._acknowledged = 0.0  # when the source heard last how far it is dealt with
        self._branches = [self._branch(route) for route in routes]
        self._next: tuple[Sequence[DestinationRoute], Callable[[], None]] | None = None
        self._told_unrouted = False
        self._since = 0.0  # when the oldest message that is not stored yet was made
        self._lost = 0  # messages of destinations that are gone: see _Branch.lost
        self._read = 0, self._branches  # lines that were read before these branches
        self.last: float | None = None  # when something arrived last, by the clock

    @property
    def stats(self) -> dict[str, Stats]:
        """The counters of this run, by destination."""
        return {branch.route.name: branch.loop.stats for branch in self._branches}

    @property
    def lines(self) -> int:
        """How many lines it has read; from any thread."""
        before, branches = self._read
        return before + max((branch.loop.stats.lines for branch in branches), default=0)

    def replace(
        self, routes: Sequence[DestinationRoute], then: Callable[[], None] = lambda: None
    ) -> None:
        """Fill these queues from the next block on; `then` is called when the others are let go."""
        self._next = routes, then

    def stop(self) -> None:
        """End soon; what was read is stored."""
        self.feed.stop()

    def give_up(self) -> None:
        """Store nothing more, and wait for no room: what was not stored, another reads again."""
        self._given_up.set()
        self.feed.stop()

    def run(self) -> None:
        """Read until the feed ends; raises what nobody expected, for the service to end with."""
        try:
            self._run()
        finally:
            for branch in self._branches:
                branch.close()
        if lost := self._lost + sum(branch.lost for branch in self._branches):
            _log.error(
                "%s: %s lost: there was no room in a queue",
                *(self.feed.name, counted(lost, "event")),
                extra=fields("no-room", source=self.feed.name, lost=lost),
            )

    def _run(self) -> None:
        for item in self.feed.arrivals(self._marks()):
            if self._next is not None:
                self._switch(*self._next)
            if item is None:
                self._store()
            elif isinstance(item, Notice):
                self._store()
                for branch in self._branches:
                    branch.tell(self._notice, branch.route, item)
            else:
                self._take(item)
            if self._clock() - self._acknowledged >= ACKNOWLEDGE:
                self.acknowledge()
        self._store()

    def acknowledge(self) -> None:
        """Tell the source how far all queues have dealt with what it brought, if it asks for it.

        Not from two threads at once: while `run` runs, it does it.
        """
        receipts = self.feed.receipts
        if receipts is None:
            return
        self._acknowledged = self._clock()
        settled = [each.settled for each in self._branches if each.settled is not None]
        receipts.acknowledge(settled_in_all(settled))

    def close(self) -> None:
        """Tell the source for the last time; after `run`, when the queues take nothing more."""
        if self.feed.receipts is not None:
            self.acknowledge()
            self.feed.receipts.close()

    def _marks(self) -> dict[str, Checkpoint]:
        """Return where to go on: of each stream the position of the queue that has least of it.

        A stream that one of them does not know is read from its beginning, for its sake.
        """
        known = [branch.route.queue.marks() for branch in self._branches]
        marks: dict[str, Checkpoint] = {}
        for one in known:
            for key, mark in one.items():
                if key not in marks or mark.offset < marks[key].offset:
                    marks[key] = mark
        return {key: mark for key, mark in marks.items() if all(key in one for one in known)}

    def _switch(self, routes: Sequence[DestinationRoute], then: Callable[[], None]) -> None:
        self._next = None
        self._store()
        before = {branch.route.name: branch for branch in self._branches}
        for branch in self._branches:
            branch.close()
        self._lost += sum(branch.lost for branch in self._branches)
        # A queue that is new has nothing of what came before, and is not to be waited for.
        passed: dict[str, int] = {}
        for each in self._branches:
            passed |= each.settled.positions if each.settled is not None else {}
        read = self.lines
        self._branches = [self._branch(route, before.get(route.name), passed) for route in routes]
        self._read = read, self._branches
        then()

    def _branch(
        self,
        route: DestinationRoute,
        before: _Branch | None = None,
        passed: dict[str, int] | None = None,
    ) -> _Branch:
        live = not self.feed.can_wait
        branch = _Branch(route, self.options, self._given_up, live=live, before=before)
        receipts = self.feed.receipts
        if receipts is not None:
            marks = {key: mark.offset for key, mark in route.queue.marks().items()}
            branch.settled = (before.settled if before else None) or SettledMarks(
                route.queue, {**marks, **(passed or {})}, when_settled=receipts.when_settled
            )
        return branch

    def _take(self, arrival: Arrival) -> None:
        now = self._clock()
        if not isinstance(arrival.item, Block) or arrival.item.lines:
            self.last = now
        for branch in self._branches:
            branch.take(arrival)
        self._count_unrouted()
        if not self._since:
            self._since = now
        if now - self._since >= AGE or any(each.is_full() for each in self._branches):
            self._store(ahead=True)

    def _count_unrouted(self) -> None:
        """Count the events of the last arrival that no destination takes, in each of them."""
        loops = [branch.loop for branch in self._branches]
        nowhere = set(loops[0].away) if loops else set()
        for loop in loops:
            nowhere.intersection_update(loop.away)
            loop.away.clear()
        if not nowhere:
            return
        for loop in loops:
            loop.stats.unrouted += len(nowhere)
        if not self._told_unrouted:
            self._told_unrouted = True
            _log.warning(
                "%s: an event matches no destination's when, so it is not sent. It is counted as "
                "unrouted, like all that follow",
                self.feed.name,
                extra=fields("unrouted", source=self.feed.name),
            )

    def _store(self, *, ahead: bool = False) -> None:
        """Store what waits; with `ahead` it may be stored while more is converted."""
        self._since = 0.0
        for branch in self._branches:
            branch.store(ahead=ahead)
            for flood in branch.alert_rate.floods:
                branch.tell(self._flood, branch.route, self.feed.name, flood)
            branch.alert_rate.floods.clear()
        if any(branch.ended for branch in self._branches):
            for branch in self._branches:  # none forgets a stream before all have all of it
                branch.settle()
            for branch in self._branches:
                branch.forget()


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


class _Branch:
    """A feed on its way to one outlet: its own conversion, so its own counters and decoders."""

    def __init__(
        self,
        route: DestinationRoute,
        options: Options,
        given_up: threading.Event,
        *,
        live: bool,
        before: _Branch | None = None,
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
        self._alerts: list[bytes] = []  # texts: a message, or several with LF between them
        self._telemetry: list[bytes] = []
        self._dead: list[DeadLetter] = []
        self._stored = 0  # messages so far
        self._measured = [0, 0]  # texts of each lane that `_bytes` has
        self._bytes = 0
        self.ended: list[str] = []
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
