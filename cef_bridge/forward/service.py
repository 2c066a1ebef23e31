"""The forwarder: source → converter → queue → collector, and every thread of it.

In comes a checked config, out goes an orderly end or the error of the part that died. Puts the
parts together in the order in which the data flows, and does none of their work. Signals, and what
is shown to whom, are the command line's.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.engine import native
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.forward.beginning import start_rows
from cef_bridge.forward.changed_files import ChangedFiles
from cef_bridge.forward.internal_events import enqueue_heartbeat, enqueue_test
from cef_bridge.forward.leaving import Leaving
from cef_bridge.forward.missing_sources import MissingSources, SourceLook
from cef_bridge.forward.parts import destination_view, source_view
from cef_bridge.forward.replays import replay
from cef_bridge.forward.result import ForwardResult, outcome_of
from cef_bridge.forward.running_parts import TICK, RunningParts
from cef_bridge.forward.status import ForwarderStatus, minute
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cef_bridge.forward.beginning import StartRow
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.running_parts import RunningSource
    from cef_bridge.forward.source_thread import SourceThread
    from cef_bridge.forward.status import Report, SourceStatus
    from cef_bridge.forward.watching import Watching

MINUTE = 60.0
SECOND = 1.0
REPLAYS = 5.0

_log = logging.getLogger(__name__)


class RunOptions(NamedTuple):
    """How a service is run.

    `once`: end when the inputs are read and all is confirmed or sent, after `timeout` seconds at
    the latest. `test`: send one test event to each destination, and read no source. `began` gets
    what there is to say at the start, `minute` what there is once a minute, `show` the status at
    each tick, `ready` is called once, when every part runs. `reload` reads the config anew;
    UsageError leaves the old one in use.
    """

    once: bool = False
    timeout: float | None = None
    test: bool = False
    began: Callable[[list[StartRow]], None] | None = None
    minute: Callable[[list[Report]], None] | None = None
    show: Callable[[ForwarderStatus], None] | None = None
    ready: Callable[[], None] | None = None
    reload: Callable[[], Config] | None = None


class Service:
    """A forwarder that runs until it is stopped: `run` blocks, `stop` ends and `reload` changes it.

    They may be called from any thread and from signal handlers. UsageError for what the config is
    to blame for, CefBridgeError when a part died.
    """

    def __init__(self, config: Config, ways: RunOptions | None = None) -> None:
        self.ways = ways or RunOptions()
        self.metrics: Watching | None = None
        self._asked: float | None = None  # when it was asked to stop
        self._wake = threading.Event()
        self._fault = ""
        self._parts = RunningParts(once=self.ways.once, fail=self._fail, on_wait=self._waiting)
        self._files = ChangedFiles(config, self._parts, self.ways.reload)
        self._again = False
        self._missing = MissingSources()
        self._leaving = Leaving()
        self._before: Counter[str] = Counter()  # the totals of the queues when it began
        self._unread: tuple[str, ...] = ()
        self._unreached: tuple[tuple[str, str], ...] = ()
        self._started = 0.0
        self._engine = native.status()

    @property
    def config(self) -> Config:
        """The configuration in use."""
        return self._files.config

    def stop(self) -> None:
        """End in order: sources first, then what waits is sent, for the time of grace."""
        if self._asked is None:
            self._asked = time.monotonic()
        self._wake.set()

    def reload(self) -> None:
        """Read config and mappings again and go on with them, without losing an event."""
        self._again = True
        self._wake.set()

    def view(self) -> ForwarderStatus:
        """Return how it is doing now."""
        return ForwarderStatus(
            tuple(_source_status(it) for it in tuple(self._parts.sources.values())),
            tuple(
                destination_view(way.spec, way.route.queue, way.forwarder.state())
                for way in tuple(self._parts.destinations.values())
            ),
            self._fault,
            self._asked is not None,
            self._engine.engine,
            self._files.reloads,
            self._files.expiries,
        )

    def run(self) -> ForwardResult:
        """Forward until the end, and say how it ended."""
        self._started = time.monotonic()
        native.keep_freed_memory()
        outcome: ForwardResult | None = None
        try:
            self._open()
            if self.ways.ready is not None:
                self.ways.ready()
            self._watch()
            self._drain()
            outcome = self._outcome()
        finally:
            kept = self._close()
            if kept and (self._fault or outcome is None):  # else the last words say it
                _log.warning(
                    "%s keeps what is left. forward --queue %s sends it.",
                    *(kept, kept),
                    extra=fields("queue-kept", path=str(kept)),
                )
        if self._fault:
            raise CefBridgeError(self._fault)
        return outcome._replace(kept=bool(kept))

    # --- the parts --------------------------------------------------------------------------------

    def _open(self) -> None:
        self._files.begin(self._open_destinations)
        self._strangers()
        if (address := self.config.metrics_address) is not None:
            from cef_bridge.forward.watching import Watching  # noqa: PLC0415 - only who asks for it pays

            self.metrics = Watching(
                self.config,
                address,
                self.view,
                lambda: self._parts.taps,
                self._parts.folder,
                is_seen=self.ways.began is not None,
            )
            self.metrics.start()
        self._tell_start()
        ways = self._parts.destinations.values()
        for way in ways:
            way.thread.start()
        if self.ways.test:
            for way in ways:
                if not enqueue_test(way.route):
                    raise UsageError(f"{way.spec.name}: the mapping filters test events out.")
            return
        self._parts.read(self.config.sources)

    def _open_destinations(self, config: Config) -> None:
        self._before.update(self._parts.open(config))

    def _tell_start(self) -> None:
        """Say what was found and what was opened."""
        if self.ways.test:
            return
        address = self.metrics.address if self.metrics is not None else None
        private = self._parts.private is not None
        found = self._parts.destinations.values()
        live = self.metrics.live if self.metrics is not None else None
        rows = start_rows(self.config, found, self._parts.folder, address, live, private=private)
        if self.ways.began is not None:
            self.ways.began(rows)
            return
        for row in rows:
            log_report(row.report)

    def _fail(self, sentence: str) -> None:
        self._fault = self._fault or sentence
        self.stop()

    def _strangers(self) -> None:
        """Warn of queues in the folder that no destination uses any more."""
        for path in sorted(self._parts.folder.glob("*.queue")):
            if path.stem not in self._parts.destinations:
                _log.warning(
                    "%s is the queue of a destination that is not in use; what waits in it is not "
                    "sent. `cef-bridge queue status %s` shows it.",
                    path,
                    path.parent,
                    extra=fields("queue-unused", queue=str(path)),
                )

    # --- while it runs ----------------------------------------------------------------------------

    def _watch(self) -> None:
        """Do what is due, until it is time to stop or the inputs have ended."""
        before: ForwarderStatus | None = None
        told = looked = beaten = seen = time.monotonic()
        while self._asked is None and not self._ended():
            self._wake.wait(TICK)
            self._wake.clear()
            now = time.monotonic()
            if self._again:
                self._again = False
                self._files.reload()
            if self.ways.show is not None:
                self.ways.show(self.view())
            if now - told >= MINUTE:
                view = self.view()
                if self.ways.minute is not None:
                    self.ways.minute(minute(before, view, now - told))
                before, told = view, now
            if now - seen >= SECOND:
                seen = now
                self._missing.look(self._looks(), now)
                for way in self._parts.destinations.values():
                    way.route.queue.look_at_file()
                self._files.look()
            if now - looked >= REPLAYS:
                looked = now
                for way in self._parts.destinations.values():
                    replay(way.route)
            if self.config.heartbeat is not None and now - beaten >= self.config.heartbeat:
                beaten = now
                for way in self._parts.destinations.values():
                    enqueue_heartbeat(way.route)
        if self._asked is None:
            self._cut_off()

    def _looks(self) -> list[SourceLook]:
        return [
            SourceLook(key, it.source_thread.spec, it.source_thread.state, not it.thread.is_alive())
            for key, it in self._parts.sources.items()
        ]

    def _ended(self) -> bool:
        return not self._alive() or self._late()

    def _alive(self) -> list[SourceThread]:
        return [
            each.source_thread for each in self._parts.sources.values() if each.thread.is_alive()
        ]

    def _cut_off(self) -> None:
        """Take note of the sources that the time was too short for."""
        alive = self._alive()
        self._unread = tuple(str(it.spec) for it in alive if not it.spec.endless)
        self._unreached = tuple(
            (str(it.spec), it.state.text)
            for it in alive
            if not it.state.connected and not it.state.bytes
        )

    def _late(self) -> bool:
        timeout = self.ways.timeout
        return timeout is not None and time.monotonic() - self._started >= timeout

    # --- the end ----------------------------------------------------------------------------------

    def _deadline(self) -> float | None:
        """Return when to give up sending; None: when all is confirmed or sent, and not before."""
        if self._asked is not None:
            return self._asked + self.config.grace
        timeout = self.ways.timeout
        return None if timeout is None else self._started + timeout

    def _drain(self) -> None:
        """Stop the sources, send what waits, keep the rest."""
        self._tell_leaving()
        self._parts.stop_reading(self._deadline)
        self._parts.finish(list(self._parts.destinations.values()), self._deadline)

    def _waiting(self) -> None:
        """Show how it goes while a part is waited for."""
        self._tell_leaving()
        if self.ways.show is not None:
            self.ways.show(self.view())

    def _tell_leaving(self) -> None:
        """Say what is left, when it was asked to stop."""
        if self._asked is not None and not self.ways.test:
            self._leaving.look(self.view(), self._asked + self.config.grace - time.monotonic())

    def _outcome(self) -> ForwardResult:
        view = self.view()
        return outcome_of(
            view,
            self._before,
            self._parts.folder,
            unread=self._unread,
            unreached=self._unreached,
            damaged=any(way.route.queue.damaged() for way in self._parts.destinations.values()),
        )

    def _close(self) -> Path | None:
        """End all that is left; return the private folder if there is something in it."""
        self._parts.stop()
        if self.metrics is not None:
            self.metrics.stop()
        return self._parts.close()


def _source_status(source: RunningSource) -> SourceStatus:
    thread = source.source_thread
    spec = thread.spec
    seen = source_view(spec.name or str(spec), thread.state, alive=source.thread.is_alive())
    return seen._replace(lines=thread.lines, kind=spec.kind, last=thread.last)


def log_report(report: Report) -> None:
    """Log a report, at INFO."""
    _log.info("%s", report.text, extra=fields(report.code, **report.facts))
