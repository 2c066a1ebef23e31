"""One source's thread: what its feed brings becomes messages in the queues of all destinations.

In come arrivals with their marks, out go batches; a mark is stored in the transaction of the
messages made of what stands before it, so that a kill at any moment loses nothing that the source
can bring again, and repeats nothing. While what came fast is stored, the next of it is converted.
Opens neither files nor sockets.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING

from cef_bridge.forward.branch import Branch
from cef_bridge.forward.settled_marks import SettledMarks, settled_in_all
from cef_bridge.log_fields import fields
from cef_bridge.sources.feed import Notice
from cef_bridge.sources.records.units import Block
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.engine.line_loop import Options
    from cef_bridge.forward.route import DestinationRoute
    from cef_bridge.kubearmor.alert_rate import Flood
    from cef_bridge.sources.feed import Arrival, Feed
    from cef_bridge.stats import Stats

AGE = 0.1
"""So many seconds the first message waits to be stored when they come slowly."""
ACKNOWLEDGE = 0.5
"""A source that keeps what it brought hears so often, in seconds, how far it is dealt with."""
_log = logging.getLogger(__name__)


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
        self._lost = 0  # messages of destinations that are gone: see Branch.lost
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
            with contextlib.ExitStack() as ending:
                for branch in self._branches:
                    ending.callback(branch.close)
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
        before: Branch | None = None,
        passed: dict[str, int] | None = None,
    ) -> Branch:
        live = not self.feed.can_wait
        branch = Branch(route, self.options, self._given_up, live=live, before=before)
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
