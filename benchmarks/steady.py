"""Telemetry at a steady rate, without end: what soak.py feeds the forwarder.

Making an event takes more CPU than forwarding one, so what applications do over and over comes from
a pool that is made before, with the time of each event written anew; the share that never was there
before (3 %, as in the set `telemetry`) is made while it goes.
"""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from itertools import count, cycle
from typing import IO, TYPE_CHECKING

from busy import Mix, events, line

if TYPE_CHECKING:
    from collections.abc import Iterator

_POOL = 100_000
_NEW_EACH = 33
_TICK = 0.05
_TIMES = len(line(next(events(1))).partition(b',"ClusterName"')[0])  # they have a fixed width


def _old() -> Iterator[bytes]:
    """Yield the pool's events again and again, from where their times end."""
    yield from cycle([line(event)[_TIMES:] for event in events(_POOL, mix=Mix(novelty=0))])


def _new() -> Iterator[bytes]:
    """Yield events of something that never was before."""
    for seed in count(100):
        for event in events(50_000, seed=seed, mix=Mix(novelty=1)):
            event["Cwd"] = f"/run/{seed}/"
            yield line(event)[_TIMES:]


class Feeder(threading.Thread):
    """Writes so many events a second to a pipe or a file, and is behind when that blocks."""

    def __init__(self, out: IO[bytes], rate: int, seconds: float) -> None:
        super().__init__(daemon=True)
        self.written = 0
        self.behind = 0.0  # seconds
        self._out, self._rate, self._seconds = out, rate, seconds
        self._old, self._new = _old(), _new()
        next(self._old)  # the pool is made before the clock runs

    def run(self) -> None:
        """Write until the time is over, and close."""
        began = time.monotonic()
        with self._out:
            while (passed := time.monotonic() - began) < self._seconds:
                due = int(passed * self._rate) - self.written
                self._write(due)
                self.behind = time.monotonic() - began - self.written / self._rate
                time.sleep(max(_TICK - (time.monotonic() - began - passed), 0))

    def _write(self, due: int) -> None:
        now = datetime.now(UTC)
        moment = f'{{"Timestamp":{int(now.timestamp())},"UpdatedTime":"{now:%Y-%m-%dT%H:%M:%S}.'
        micro = now.microsecond
        pieces = []
        for number in range(self.written, self.written + due):
            rest = next(self._old) if number % _NEW_EACH else next(self._new)
            micro = min(micro + 1, 999_999)
            pieces.append(f'{moment}{micro:06d}Z"'.encode() + rest)
        self._out.write(b"".join(pieces))
        self._out.flush()
        self.written += due
