"""A feed of files: those that grow are followed through every rotation, or all are read once.

In come paths and globs; out go Arrivals with marks, and Notices of what was lost. Positions are in
the marks; a restart goes on behind them, also in a file that was renamed, copied or packed
meanwhile. Must not know what the units mean.

The idea, its invariants and who does which part: `sources.files`.
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.sources.feed import TICK, Arrival, FeedState, Notice
from cef_bridge.sources.files.archives import MAX_EXPAND, printable
from cef_bridge.sources.files.file_watcher import FileWatcher, FollowOptions
from cef_bridge.sources.files.follow_packed import packed
from cef_bridge.sources.files.follow_paths import patterns as parse
from cef_bridge.sources.records.units import BrokenLine
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.sources.files.follow_tail import Tail

    News = Iterator[Arrival | Notice]


_MISSES = 3


class Follow:
    """Files that match paths or globs (also `**`), and those that will.

    `once`: read what is there, archives too, and end. `from_end`: the first time, begin behind the
    last line of what is there. `max_record` in bytes, `max_expand` as a factor. Every `poll`
    seconds all known files are looked at, every `rescan` seconds the patterns. A file that was
    replaced or deleted is left when nothing was added to it for `linger` seconds. No more than
    about `max_open` files are open at once. UsageError: what is named cannot be followed.

    A stream that ends for good has an Arrival with `ended` and no mark: its mark can be forgotten.
    With `once` the files are still there, so the mark of an ended one is to be kept.
    """

    can_wait = True
    receipts = None

    def __init__(  # noqa: PLR0913  # options of one command
        self,
        patterns: Sequence[str],
        *,
        name: str | None = None,
        once: bool = False,
        from_end: bool = False,
        max_record: int = 1 << 20,
        max_expand: int = MAX_EXPAND,
        poll: float = TICK,
        rescan: float = 1.0,
        linger: float = 10.0,
        max_open: int = 256,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name or ", ".join(map(printable, patterns))
        self._patterns = parse(patterns)
        self._rules = FollowOptions(once, from_end, max_record, linger, max_open)
        self._max_expand = max_expand
        self._poll = poll
        self._rescan = rescan
        self._clock = clock
        self._stop = threading.Event()
        self._files = self._gaps = self._bytes = 0
        self._text = "not started"
        if once:
            problems = [each.unread() for each in self._patterns]
            if any(problems):
                raise UsageError("\n".join(filter(None, problems)))

    def arrivals(self, marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | Notice | None]:
        """Yield what stands in the files behind these marks; None while there is nothing new."""
        watch = FileWatcher(self._patterns, self._rules, marks)
        self._text = "reading"
        try:
            for each in self._run(watch):
                self._gaps += isinstance(each, Notice)
                yield each
                if self._stop.is_set():
                    break
            self._text = "stopped" if self._stop.is_set() else "read to the end"
        finally:
            watch.close()

    def _run(self, watch: FileWatcher) -> Iterator[Arrival | Notice | None]:
        turns = _Turns()
        scan_due = self._clock()
        while not self._stop.is_set():
            now = self._clock()
            yield from watch.look(now)
            if now >= scan_due:
                yield from watch.scan()
                scan_due = now + self._rescan if not self._rules.once else math.inf
            self._files = len(watch.tails)
            due = now + self._poll
            turns.add(watch.ready())
            while turns and self._clock() < due:
                yield from self._turn(watch, turns)
            if turns:
                continue
            turns.add(watch.ready())  # what waited for a stream that has just been read
            if turns:
                continue
            if self._rules.once and watch.unsettled:
                continue
            if self._rules.once:
                yield from self._packed(watch)
                return
            yield None
            self._stop.wait(max(0.0, due - self._clock()))

    def _turn(self, watch: FileWatcher, turns: _Turns) -> Iterator[Arrival | Notice | None]:
        """Read one block of the stream whose turn it is."""
        tail = turns.take()
        if not watch.descriptors.open(tail):
            tail.shifted = tail.caught_up = True  # until the next look
            tail.missed += 1
            if tail.final and tail.missed > _MISSES:
                text = "it cannot be opened any more"
                yield Arrival(
                    tail.key, tail.name, BrokenLine(tail.at.line, tail.offset, text), None
                )
                tail.shifted, tail.done = False, True
                yield from watch.end(tail)
            return
        tail.missed = 0
        before = tail.bytes
        arrival, more = tail.step()
        self._bytes += tail.bytes - before
        if arrival is not None:
            yield arrival
        if tail.done:
            yield from watch.end(tail)
        elif more and not tail.cut:
            turns.add([tail])
        watch.descriptors.relax(tail)

    def _packed(self, watch: FileWatcher) -> Iterator[Arrival | None]:
        for file, name in watch.packed:
            key, known = watch.book.archive(file)
            yield from packed(file, name, key, known, self._rules.max_record, self._max_expand)
            self._bytes += file.size

    def stop(self) -> None:
        """End `arrivals` soon."""
        self._stop.set()

    def state(self) -> FeedState:
        """Return how it is doing now."""
        text = (
            f"{self._text}, {counted(self._files, 'file')}"
            if self._text == "reading"
            else self._text
        )
        reading = self._text == "reading"
        return FeedState(connected=reading, text=text, gaps=self._gaps, bytes=self._bytes)


class _Turns:
    """The streams that have something to read, one after another: a block each."""

    def __init__(self) -> None:
        self._queue: deque[Tail] = deque()
        self._queued: set[int] = set()

    def __bool__(self) -> bool:
        return bool(self._queue)

    def add(self, tails: Sequence[Tail]) -> None:
        for tail in tails:
            if id(tail) not in self._queued:
                self._queued.add(id(tail))
                self._queue.append(tail)

    def take(self) -> Tail:
        tail = self._queue.popleft()
        self._queued.discard(id(tail))
        return tail
