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
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.destination_sender import DestinationSender
from cef_bridge.engine import native
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.forward import private_queue
from cef_bridge.forward.beginning import start_rows
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.config.spec import Destination
from cef_bridge.forward.credential_files import CredentialFiles, reads_once
from cef_bridge.forward.internal_events import enqueue_heartbeat, enqueue_test
from cef_bridge.forward.leaving import Leaving
from cef_bridge.forward.missing_sources import MissingSources, SourceLook
from cef_bridge.forward.parts import destination_view, queue_of, route_of, source_view
from cef_bridge.forward.replays import replay
from cef_bridge.forward.result import ForwardResult, outcome_of
from cef_bridge.forward.source_thread import SourceThread
from cef_bridge.forward.status import ForwarderStatus, Reloads, minute
from cef_bridge.forward.watched_files import WatchedFiles
from cef_bridge.lines.facts import facts_of
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cef_bridge.forward.beginning import StartRow
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.config import Source as SourceSpec
    from cef_bridge.forward.pipeline import DestinationRoute
    from cef_bridge.forward.status import Report
    from cef_bridge.queue.queue import Queue

    Deadline = Callable[[], float | None]  # asked again and again: a word to stop changes it
    from cef_bridge.forward.metrics import Metrics

TICK = 0.2
MINUTE = 60.0
SECOND = 1.0
REPLAYS = 5.0
_JOIN = 10.0  # seconds that a thread may take to end when it was told to

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


class RunningDestination(NamedTuple):
    """A destination at work."""

    spec: Destination
    route: DestinationRoute
    forwarder: DestinationSender
    thread: threading.Thread
    stop: threading.Event


class RunningSource(NamedTuple):
    """A source at work."""

    source_thread: SourceThread
    thread: threading.Thread


class Service:
    """A forwarder that runs until it is stopped: `run` blocks, `stop` ends and `reload` changes it.

    They may be called from any thread and from signal handlers. UsageError for what the config is
    to blame for, CefBridgeError when a part died.
    """

    def __init__(self, config: Config, ways: RunOptions | None = None) -> None:
        self.config = config
        self.ways = ways or RunOptions()
        self.metrics: Metrics | None = None
        self._private: Path | None = None
        self._asked: float | None = None  # when it was asked to stop
        self._wake = threading.Event()
        self._fault = ""
        self._ways: dict[str, RunningDestination] = {}
        self._sources: dict[str, RunningSource] = {}
        self._again = False
        self._missing = MissingSources()
        self._leaving = Leaving()
        self._before: Counter[str] = Counter()  # the totals of the queues when it began
        self._unread: tuple[str, ...] = ()
        self._unreached: tuple[tuple[str, str], ...] = ()
        self._started = 0.0
        self._engine = native.status()
        self._files = WatchedFiles()  # config and mappings
        self._credentials = CredentialFiles()
        self._reloads = Reloads()

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
            tuple(
                source_view(
                    it.source_thread.spec.name or str(it.source_thread.spec),
                    it.source_thread.state,
                    alive=it.thread.is_alive(),
                )
                for it in tuple(self._sources.values())
            ),
            tuple(
                destination_view(way.spec, way.route.queue, way.forwarder.state())
                for way in tuple(self._ways.values())
            ),
            self._fault,
            self._asked is not None,
            self._engine.engine,
            self._reloads,
            self._credentials.expiries,
        )

    def run(self) -> ForwardResult:
        """Forward until the end, and say how it ended."""
        self._started = time.monotonic()
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
        with self._files.reading():
            if self.config.watch and self.ways.reload is not None:
                self.config = self.ways.reload()
            self._open_destinations()
        self._credentials.watch(self.config)
        self._strangers()
        if (address := self.config.metrics_address) is not None:
            from cef_bridge.forward.metrics import Metrics  # noqa: PLC0415 - only who asks for it pays

            self.metrics = Metrics(address, self.view)
            self.metrics.start()
        self._tell_start()
        for way in self._ways.values():
            way.thread.start()
        if self.ways.test:
            for way in self._ways.values():
                if not enqueue_test(way.route):
                    raise UsageError(f"{way.spec.name}: the mapping filters test events out.")
            return
        self._sources = self._read(self.config.sources)

    def _open_destinations(self) -> None:
        for spec in self.config.destinations:
            queue = queue_of(spec, self._folder())
            try:
                route = route_of(spec, queue, self.config)
            except CefBridgeError:
                queue.close()
                raise
            _tell_header(spec, route)
            self._before.update(queue.totals())
            self._ways[spec.name] = self._forward(spec, route)

    def _tell_start(self) -> None:
        """Say what was found and what was opened."""
        if self.ways.test:
            return
        address = self.metrics.address if self.metrics is not None else None
        private = self._private is not None
        found = self._ways.values()
        rows = start_rows(self.config, found, self._folder(), address, private=private)
        if self.ways.began is not None:
            self.ways.began(rows)
            return
        for row in rows:
            log_report(row.report)

    def _folder(self) -> Path:
        if self.config.queue is not None:
            return Path(self.config.queue)
        if self._private is None:
            self._private = private_queue.make()
        return self._private

    def _forward(self, spec: Destination, route: DestinationRoute) -> RunningDestination:
        """Return a destination whose thread can be started."""
        stop = threading.Event()
        framing = _framing(spec, route)
        forwarder = DestinationSender(
            route.queue, spec.target, framing=framing, name=spec.name, stop=stop, facts=facts_of
        )
        thread = self._thread(f"destination {spec.name}", forwarder.run)
        return RunningDestination(spec, route, forwarder, thread, stop)

    def _read(self, specs: Sequence[SourceSpec]) -> dict[str, RunningSource]:
        """Start sources; all can be as they were asked for, or none is started."""
        threads = [self._source_thread(spec) for spec in specs]
        found = {}
        for source_thread in threads:
            thread = self._thread(f"source {source_thread.spec}", source_thread.run)
            thread.start()
            found[_key(source_thread.spec)] = RunningSource(source_thread, thread)
        return found

    def _source_thread(self, spec: SourceSpec) -> SourceThread:
        try:
            return SourceThread(spec, self._routes(), once=self.ways.once)
        except OSError as error:
            raise CefBridgeError(f"{spec}: {error.strerror or error}") from error

    def _routes(self) -> list[DestinationRoute]:
        return [way.route for way in self._ways.values()]

    def _thread(self, name: str, work: Callable[[], None]) -> threading.Thread:
        """Return a thread whose death is the service's: one that died unseen would lose events."""

        def guarded() -> None:
            try:
                work()
            except CefBridgeError as error:
                self._fail(f"{name}: {error}")
            except Exception as error:  # noqa: BLE001 - told, and ends the service
                _log.debug("%s", name, exc_info=True)
                why = getattr(error, "strerror", None) or "an error inside the program"
                self._fail(f"{name} ended: {why}. --debug shows where.")

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _fail(self, sentence: str) -> None:
        self._fault = self._fault or sentence
        self.stop()

    def _strangers(self) -> None:
        """Warn of queues in the folder that no destination uses any more."""
        for path in sorted(self._folder().glob("*.queue")):
            if path.stem not in self._ways:
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
                self._reload()
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
                for way in self._ways.values():
                    way.route.queue.look_at_file()
                self._look_at_files()
            if now - looked >= REPLAYS:
                looked = now
                for way in self._ways.values():
                    replay(way.route)
            if self.config.heartbeat is not None and now - beaten >= self.config.heartbeat:
                beaten = now
                for way in self._ways.values():
                    enqueue_heartbeat(way.route)
        if self._asked is None:
            self._cut_off()

    def _looks(self) -> list[SourceLook]:
        return [
            SourceLook(key, it.source_thread.spec, it.source_thread.state, not it.thread.is_alive())
            for key, it in self._sources.items()
        ]

    def _ended(self) -> bool:
        return not self._alive() or self._late()

    def _alive(self) -> list[SourceThread]:
        return [each.source_thread for each in self._sources.values() if each.thread.is_alive()]

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

    # --- another config ---------------------------------------------------------------------------

    def _look_at_files(self) -> None:
        """Take what has changed in the files that config, mappings and certificates are in."""
        if self.config.watch and self._files.changed():
            self._reload()
        for renewed in self._credentials.renewed():
            if renewed.errors:
                self._reloads = self._reloads.after(renewed.used_by, good=False)
                why = " ".join(renewed.errors)
                known = fields("certificates-failed", used_by=renewed.used_by, reason=why)
                _log.error(
                    "%s: changed files cannot be used, earlier certificates kept: %s",
                    renewed.used_by,
                    why,
                    extra=known,
                )
                continue
            self._reloads = self._reloads.after(renewed.used_by, good=True)
            if reads_once(renewed.part):
                self._start_again(renewed.part)
            known = fields("certificates-renewed", used_by=renewed.used_by)
            _log.info("%s: changed certificates or secrets taken", renewed.used_by, extra=known)

    def _start_again(self, part: Destination | SourceSpec) -> None:
        """Let a part that reads its files once read them again."""
        if not isinstance(part, Destination):
            key = _key(part)
            self._change_sources(self.config, {key: self._sources[key]})
            return
        way = self._ways[part.name]
        way.stop.set()
        way.thread.join()
        self._ways[part.name] = self._launch(way.spec, way.route)

    def _reload(self) -> None:
        """Make it so. What stays as it is goes on undisturbed; a wrong one changes nothing."""
        try:
            with self._files.reading():
                self._change(self.ways.reload() if self.ways.reload is not None else self.config)
        except CefBridgeError as error:
            self._reloads = self._reloads.after("configuration", good=False)
            known = fields("reload-failed", reason=str(error))
            _log.error("reload failed, old configuration kept: %s", error, extra=known)
        else:
            self._reloads = self._reloads.after("configuration", good=True)
            self._credentials.watch(self.config)
            _log.info("configuration reloaded", extra=fields("reloaded"))

    def _change(self, config: Config) -> None:
        _check_sources([it for key, it in _named(config).items() if key not in self._sources])
        opened: list[Queue] = []
        routes: dict[str, DestinationRoute] = {}
        try:
            for spec in config.destinations:
                way = self._ways.get(spec.name)
                if way is None:
                    opened.append(queue_of(spec, self._folder()))
                queue = way.route.queue if way else opened[-1]
                routes[spec.name] = route_of(spec, queue, config)
        except CefBridgeError:
            for queue in opened:
                queue.close()
            raise
        for spec in config.destinations:
            if spec.name not in self._ways:
                _tell_header(spec, routes[spec.name])
        gone = [way for name, way in self._ways.items() if name not in routes]
        self._ways = {
            spec.name: self._changed(spec, routes[spec.name]) for spec in config.destinations
        }
        stale = {key: it for key, it in self._sources.items() if key not in _named(config)}
        for key, each in self._sources.items():
            if key not in stale:
                each.source_thread.replace(self._routes())
        self._change_sources(config, stale)
        if fixed := [name for name in ("queue", "metrics") if _differs(self.config, config, name)]:
            known = fields("next-start", reason=", ".join(fixed))
            _log.warning("%s: takes effect at the next start", " and ".join(fixed), extra=known)
        self.config = config
        # What a removed destination still has waits for someone to name it again.
        until = time.monotonic() + config.grace
        self._end(gone, lambda: until)
        let_go = all(each.source_thread.let_go(config.grace) for each in self._sources.values())
        for way in gone:
            if let_go:
                way.route.queue.close()
            else:  # it is full, and sources wait for it
                way.route.queue.stop_waiting()

    def _changed(self, spec: Destination, route: DestinationRoute) -> RunningDestination:
        way = self._ways.get(spec.name)
        if way is None:
            return self._launch(spec, route)
        way.route.queue.bound(limit=spec.queue_limit, policy=spec.when_full)
        same = _framing(spec, route) == _framing(way.spec, way.route)
        if same and spec.target == way.spec.target:
            return way._replace(spec=spec, route=route)
        way.stop.set()
        way.thread.join()
        return self._launch(spec, route)

    def _launch(self, spec: Destination, route: DestinationRoute) -> RunningDestination:
        way = self._forward(spec, route)
        way.thread.start()
        return way

    def _change_sources(self, config: Config, stale: dict[str, RunningSource]) -> None:
        for each in stale.values():
            each.source_thread.stop()
        for each in stale.values():
            each.thread.join(config.grace)
            each.source_thread.give_up()  # one that waits for room is read again from its marks
            each.thread.join(_JOIN)
        _tell_sources(stale.values())
        kept = {key: each for key, each in self._sources.items() if key not in stale}
        new = [spec for key, spec in _named(config).items() if key not in kept]
        self._sources = {**kept, **self._read(new)}

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
        sources = list(self._sources.values())
        for each in sources:
            each.source_thread.stop()
        self._wait((each.thread for each in sources), self._deadline)
        for way in self._ways.values():
            way.route.queue.stop_waiting()
        for each in sources:
            each.thread.join(_JOIN)
        self._end(list(self._ways.values()), self._deadline)

    def _end(self, ways: list[RunningDestination], until: Deadline) -> None:
        """Send what waits for some destinations, keep what is left when the time is over."""
        for way in ways:
            way.forwarder.finish()
        self._wait((way.thread for way in ways), until)
        for way in ways:
            way.stop.set()
        for way in ways:
            way.thread.join(_JOIN)

    def _wait(self, threads: Iterable[threading.Thread], until: Deadline) -> None:
        for thread in threads:
            while thread.is_alive():
                deadline = until()
                if deadline is not None and time.monotonic() >= deadline:
                    return
                self._tell_leaving()
                thread.join(TICK)
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
            self._folder(),
            unread=self._unread,
            unreached=self._unreached,
            damaged=any(way.route.queue.damaged() for way in self._ways.values()),
        )

    def _close(self) -> Path | None:
        """End all that is left; return the private folder if there is something in it."""
        for way in self._ways.values():
            way.stop.set()
            way.route.queue.stop_waiting()
        for each in self._sources.values():
            each.source_thread.stop()
            each.thread.join(_JOIN)
        for way in self._ways.values():
            if way.thread.ident is not None:  # it was started
                way.thread.join(_JOIN)
        _tell_sources(self._sources.values())
        if self.metrics is not None:
            self.metrics.stop()
        for way in self._ways.values():
            way.route.queue.close()
        return self._private if self._private and private_queue.leave(self._private) else None


def log_report(report: Report) -> None:
    """Log a report, at INFO."""
    _log.info("%s", report.text, extra=fields(report.code, **report.facts))


def _tell_sources(sources: Iterable[RunningSource]) -> None:
    """Tell sources that have ended how far all is dealt with, side by side: each takes seconds."""
    threads = [threading.Thread(target=each.source_thread.close) for each in sources]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _check_sources(specs: Iterable[SourceSpec]) -> None:
    """Look at the files that sources name; UsageError for one that cannot be used."""
    for spec in specs:
        if faults := SOURCES[spec.kind].check(spec, time.time()).errors:
            raise UsageError(f"source {spec}: {' '.join(faults)}")


def _named(config: Config) -> dict[str, SourceSpec]:
    """Return the sources of a config by what they were asked to be: any change makes another."""
    return {_key(spec): spec for spec in config.sources}


def _key(spec: SourceSpec) -> str:
    return f"{spec} {hash(spec)}"


def _framing(spec: Destination, route: DestinationRoute) -> str:
    return spec.target.framing or route.converter.program.mapping.envelope.framing


def _tell_header(spec: Destination, route: DestinationRoute) -> None:
    """Warn of a syslog header that nobody asked for."""
    if unsaid := spec.unsaid_header(route.converter.program.mapping):
        known = fields("no-syslog-header", destination=spec.name)
        _log.warning("destination %s: %s", spec.name, unsaid, extra=known)


def _differs(old: Config, new: Config, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))
