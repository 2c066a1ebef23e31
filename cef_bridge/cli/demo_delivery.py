"""The second half of `cef-bridge demo`: a collector dies in the middle, and no event is lost.

In comes a way to print, out goes the verdict. Generator, forwarder and collector run in this
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
        return (
            f"sent {self.sent:,}, received {self.received:,}, lost {self.lost:,}, "
            f"duplicates {self.duplicates:,}"
        )


def deliver(echo: Callable[[str], None]) -> DemoResult:
    """Forward events to a collector that is killed half-way and comes back; tell how it goes."""
    collector = Collector(["tcp://127.0.0.1:0"])
    with tempfile.TemporaryDirectory(prefix="cef-bridge-demo-") as folder, collector:
        log = Path(folder) / "kubearmor.log"
        log.touch()
        target = f"{collector.urls[0]}?confirm_interval=1s"
        echo(f"events -> {log} -> cef-bridge forward -> {collector.urls[0]}")
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
        handler = _Told(echo)
        logger = logging.getLogger("cef_bridge")
        logger.addHandler(handler)
        thread.start()
        try:
            _write(log, collector, echo)
            collector.wait(EVENTS, _PATIENCE)
        finally:
            service.stop()
            thread.join()
            logger.removeHandler(handler)
        if failure:
            raise failure[0]
        seen = collector.snapshot()
        return DemoResult(EVENTS, seen.distinct, EVENTS - seen.distinct, seen.duplicates)


class _Told(logging.Handler):
    """What the forwarder logs, among what is told."""

    def __init__(self, echo: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._echo = echo

    def emit(self, record: logging.LogRecord) -> None:
        self._echo(f"forward says: {record.getMessage()}")


def _run(service: Service, failure: list[CefBridgeError]) -> None:
    try:
        service.run()
    except CefBridgeError as error:
        failure.append(error)


def _write(log: Path, collector: Collector, echo: Callable[[str], None]) -> None:
    """Append the events a bit at a time; kill the collector on the way, and start it again."""
    lines = list(events(EVENTS))
    size, back = EVENTS // _STEPS, _STEPS // 2 + int(_STEPS * _DOWN / _SECONDS)
    started = time.monotonic()

    def tell(text: str) -> None:
        echo(f"{time.monotonic() - started:.1f} s: {text}")

    with log.open("ab", buffering=0) as file:
        for step in range(_STEPS):
            file.write(b"".join(lines[step * size : (step + 1) * size]))
            if step == _STEPS // 2:
                collector.kill()
                tell("the collector is killed, its connections reset")
            if step == back:
                tell(f"{(step + 1) * size:,} events are written, and the collector is back")
                collector.start()
            time.sleep(_SECONDS / _STEPS)
