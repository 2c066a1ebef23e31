"""The last hour of a forwarder in rows of ten seconds, and its rates now.

In comes a function that gives a status, out go numbers a second. What is kept is bounded: arrays of
an hour, a pair for each destination. Knows neither a page nor a queue.
"""

from __future__ import annotations

import math
import threading
import time
from array import array
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.forward.status import ForwarderStatus

STEP = 10.0
ROWS = 360
WINDOW = 5.0
"""Rates are over so many seconds, where somebody asks each second."""
_LEAST = 0.5  # seconds between two samples

_NOTHING = math.nan


class RateTotals(NamedTuple):
    """What was counted at one moment, in seconds of the clock: lines by source, and messages by
    destination that were confirmed or sent without a receipt.
    """

    at: float
    sources: dict[str, int]
    destinations: dict[str, int]


class LiveRates(NamedTuple):
    """Lines a second by source, messages a second by destination."""

    sources: dict[str, float]
    destinations: dict[str, float]


class HistoryRows(NamedTuple):
    """Columns of the same length: Unix times, lines a second, and of each destination messages a
    second and messages that wait. None: it was not there.
    """

    times: list[float]
    read: list[float | None]
    destinations: dict[str, tuple[list[float | None], list[float | None]]]


class LiveHistory:
    """Takes a row each STEP in a thread: `start`, then `stop`. Any thread may ask.

    `also` is called with each row, for what else is due.
    """

    def __init__(
        self,
        view: Callable[[], ForwarderStatus],
        also: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._view = view
        self._also = also
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="history", daemon=True)
        self._last: RateTotals | None = None  # of the row before
        self._recent: deque[RateTotals] = deque()
        self._times = array("d")
        self._read = array("d")
        self._columns: dict[str, tuple[array[float], array[float]]] = {}

    def start(self) -> None:
        """Take the first sample, and a row each STEP from now on."""
        self.take()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.ident is not None:
            self._thread.join()

    def _run(self) -> None:
        due = self._clock() + STEP
        while not self._stopped.wait(max(due - self._clock(), 0.0)):
            due = due_behind(due, self._clock())
            self.take()
            self._also()

    def take(self) -> None:
        """Take a row; the first time, only what it begins with."""
        view = self._view()
        with self._lock:
            now = self._noted(view)
            before, self._last = self._last, now
            if before is not None and now.at > before.at:
                self._add(view, rates_between(before, now))

    def rates(self, view: ForwarderStatus) -> LiveRates:
        """Return the rates up to this status, which is of now."""
        with self._lock:
            now = self._noted(view)
            return rates_between(self._recent[0], now)

    def rows(self, since: float = 0.0) -> HistoryRows:
        """Return the rows behind a Unix time."""
        with self._lock:
            first = next((at for at, each in enumerate(self._times) if each > since), None)
            begin = len(self._times) if first is None else first
            return HistoryRows(
                self._times[begin:].tolist(),
                _numbers(self._read[begin:]),
                {
                    name: (_numbers(done[begin:]), _numbers(queued[begin:]))
                    for name, (done, queued) in self._columns.items()
                },
            )

    def bytes(self) -> int:
        """Return the size of all rows."""
        with self._lock:
            columns = [each for pair in self._columns.values() for each in pair]
            return sum(
                each.buffer_info()[1] * each.itemsize
                for each in (self._times, self._read, *columns)
            )

    def _noted(self, view: ForwarderStatus) -> RateTotals:
        """Return the totals of a status, and keep them for rates."""
        now = RateTotals(
            self._clock(),
            {each.name: each.lines for each in view.sources},
            {each.name: each.confirmed + each.unconfirmed for each in view.destinations},
        )
        recent = self._recent
        while len(recent) > 1 and now.at - recent[1].at >= WINDOW:
            recent.popleft()
        if not recent or now.at - recent[-1].at >= _LEAST:
            recent.append(now)
        return now

    def _add(self, view: ForwarderStatus, rates: LiveRates) -> None:
        rows = len(self._times)
        self._times.append(self._wall())
        self._read.append(sum(rates.sources.values()))
        for each in view.destinations:
            done, queued = self._columns.setdefault(
                each.name, (array("d", [_NOTHING] * rows), array("d", [_NOTHING] * rows))
            )
            done.append(rates.destinations.get(each.name, _NOTHING))
            queued.append(each.waiting + each.in_flight)
        for name, pair in tuple(self._columns.items()):
            for column in pair:
                if len(column) == rows:  # a destination that is gone
                    column.append(_NOTHING)
                del column[:-ROWS]
            if all(map(math.isnan, pair[1])):
                del self._columns[name]
        del self._times[:-ROWS], self._read[:-ROWS]


def due_behind(due: float, now: float) -> float:
    """Return when the row behind one that was due is due: once, however late it is now."""
    return due + STEP if due + STEP > now else now + STEP


def rates_between(before: RateTotals, now: RateTotals) -> LiveRates:
    """Return numbers a second; of what was not there before, or has begun anew, none."""
    seconds = now.at - before.at
    return LiveRates(
        _each(before.sources, now.sources, seconds),
        _each(before.destinations, now.destinations, seconds),
    )


def _each(before: dict[str, int], now: dict[str, int], seconds: float) -> dict[str, float]:
    if seconds <= 0:
        return dict.fromkeys(now, 0.0)
    return {
        name: max(number - before.get(name, number), 0) / seconds for name, number in now.items()
    }


def _numbers(column: array[float]) -> list[float | None]:
    return [None if math.isnan(each) else round(each, 2) for each in column]
