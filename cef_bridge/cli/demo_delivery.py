"""The second half of `cef-bridge demo`: a collector dies in the middle, and no event is lost.

In comes who watches, out goes the result. Generator, forwarder and collector run in this
process and talk over loopback: the file, the queue and the sockets are real ones.
"""

from __future__ import annotations

import logging
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.collector.collector import Collector
from cef_bridge.errors import CefBridgeError
from cef_bridge.forward.config import from_urls
from cef_bridge.forward.service import RunOptions, Service
from cef_bridge.generator import events

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 6000
_SECONDS = 2.0  # over which they are written
_STEPS = 100
_DOWN = 0.7  # seconds that the collector is away
_PATIENCE = 60.0


class DemoResult(NamedTuple):
    """What came out: how many events were written, arrived, were lost, and came twice."""

    sent: int
    received: int
    lost: int
    duplicates: int

    def __str__(self) -> str:
        same = " (same event id)" if self.duplicates else ""
        return (
            f"sent {self.sent:,}, received {self.received:,}, lost {self.lost:,}, "
            f"duplicates {self.duplicates:,}{same}"
        )


class DemoProgress(NamedTuple):
    """Who watches: `say` takes a sentence, `counts` how many events were written and received."""

    say: Callable[[str], None]
    counts: Callable[[int, int], None]


def deliver(progress: DemoProgress) -> DemoResult:
    """Forward events to a collector that is killed half-way and comes back."""
    collector = Collector(["tcp://127.0.0.1:0"])
    with tempfile.TemporaryDirectory(prefix="cef-bridge-demo-") as folder, collector:
        log = Path(folder) / "kubearmor.log"
        log.touch()
        target = f"{collector.urls[0]}?confirm_interval=1s"
        progress.say(f"events -> a log file -> cef-bridge forward -> {collector.urls[0]}")
        config = from_urls(
            [str(log)],
            [target],
            syslog_header="rfc3164",
            queue=f"{folder}/queue",
            grace=_PATIENCE,
        )
        service = Service(config, RunOptions())
        failure: list[CefBridgeError] = []
        thread = threading.Thread(target=_run, args=(service, failure))
        handler = _LogHandler(progress.say)
        logger = logging.getLogger("cef_bridge")
        logger.addHandler(handler)
        thread.start()
        try:
            _write(log, collector, progress)
            _await_all(collector, progress)
        finally:
            service.stop()
            thread.join()
            logger.removeHandler(handler)
        if failure:
            raise failure[0]
        seen = collector.snapshot()
        return DemoResult(EVENTS, seen.distinct, EVENTS - seen.distinct, seen.duplicates)


class _LogHandler(logging.Handler):
    """What the forwarder logs, among what is said."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        self._say(f"forward says: {record.getMessage()}")


def _run(service: Service, failure: list[CefBridgeError]) -> None:
    try:
        service.run()
    except CefBridgeError as error:
        failure.append(error)


def _write(log: Path, collector: Collector, progress: DemoProgress) -> None:
    """Append the events a bit at a time; kill the collector on the way, and start it again."""
    lines = list(events(EVENTS))
    size, back = EVENTS // _STEPS, _STEPS // 2 + int(_STEPS * _DOWN / _SECONDS)
    started = time.monotonic()

    def say(text: str) -> None:
        progress.say(f"{time.monotonic() - started:.1f} s: {text}")

    with log.open("ab", buffering=0) as file:
        for step in range(_STEPS):
            written = (step + 1) * size
            file.write(b"".join(lines[written - size : written]))
            progress.counts(written, collector.distinct)
            if step == _STEPS // 2:
                collector.kill()
                say("the collector is killed, its connections reset")
            if step == back:
                say(f"{written:,} events are written, and the collector is back")
                collector.start()
            time.sleep(_SECONDS / _STEPS)


def _await_all(collector: Collector, progress: DemoProgress) -> None:
    """Wait until all events came, or patience ends."""
    until = time.monotonic() + _PATIENCE
    while not collector.wait(EVENTS, _SECONDS / _STEPS) and not collector.failure:
        progress.counts(EVENTS, collector.distinct)
        if time.monotonic() > until:
            return
    progress.counts(EVENTS, collector.distinct)
