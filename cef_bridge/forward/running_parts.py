"""The sources and destinations of a forwarder while they run: opened, changed and ended.

In come configs, out go threads that move events from sources to collectors. What a change leaves as
it is goes on undisturbed. Decides neither when anything begins nor when it ends.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.destination_sender import DestinationSender
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.forward import private_queue
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.config.spec import Destination
from cef_bridge.forward.message_tap import MessageTap
from cef_bridge.forward.parts import feed_of, queue_of, route_of
from cef_bridge.forward.source_thread import SourceThread
from cef_bridge.lines.facts import facts_of
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cef_bridge.forward.config import Config
    from cef_bridge.forward.config import Source as SourceSpec
    from cef_bridge.forward.route import DestinationRoute
    from cef_bridge.queue.queue import Queue
    from cef_bridge.sources.feed import Feed

    Deadline = Callable[[], float | None]  # asked again and again: a word to stop changes it

TICK = 0.2
_JOIN = 10.0  # seconds that a thread may take to end when it was told to

_log = logging.getLogger(__name__)


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


class RunningParts:
    """All sources and destinations, by their keys and names; one thread changes them, any looks.

    The folder of the queues is that of the first config: another takes effect at the next start.
    `once`: files are read to their end, not followed. `fail` gets a sentence when a part has died,
    from its thread; `on_wait` is called while one is waited for.
    """

    def __init__(
        self, *, once: bool, fail: Callable[[str], None], on_wait: Callable[[], None]
    ) -> None:
        self.destinations: dict[str, RunningDestination] = {}
        self.sources: dict[str, RunningSource] = {}
        self.taps: dict[str, MessageTap] = {}
        self.folder = Path()  # of the queues, since `open`
        self.private: Path | None = None
        self._once = once
        self._fail = fail
        self._on_wait = on_wait

    def routes(self) -> list[DestinationRoute]:
        """Return where events of sources go."""
        return [way.route for way in self.destinations.values()]

    # --- the beginning ----------------------------------------------------------------------------

    def open(self, config: Config) -> Counter[str]:
        """Open the destinations, whose threads can be started then; return their queues' totals."""
        if config.queue is None:
            self.private = private_queue.make()
        self.folder = self.private or Path(str(config.queue))
        before: Counter[str] = Counter()
        for spec in config.destinations:
            queue = queue_of(spec, self.folder)
            try:
                route = self._route(spec, queue, config)
            except CefBridgeError:
                queue.close()
                raise
            _tell_header(spec, route)
            before.update(queue.totals())
            self.destinations[spec.name] = self._made(spec, route)
        return before

    def read(self, specs: Sequence[SourceSpec]) -> None:
        """Start more sources; all can be as they were asked for, or none is started."""
        self.sources = {**self.sources, **self._started(self._feeds(specs))}

    def _route(self, spec: Destination, queue: Queue, config: Config) -> DestinationRoute:
        """Return the route of a destination; its tap outlives a change of the config."""
        tap = self.taps.get(spec.name) or MessageTap()
        route = route_of(spec, queue, config)._replace(tap=tap)
        self.taps = {**self.taps, spec.name: tap}
        return route

    def _made(self, spec: Destination, route: DestinationRoute) -> RunningDestination:
        """Return a destination whose thread can be started."""
        stop = threading.Event()
        framing = _framing(spec, route)
        forwarder = DestinationSender(
            route.queue, spec.target, framing=framing, name=spec.name, stop=stop, facts=facts_of
        )
        thread = self._thread(f"destination {spec.name}", forwarder.run)
        return RunningDestination(spec, route, forwarder, thread, stop)

    def _feeds(self, specs: Iterable[SourceSpec]) -> list[tuple[SourceSpec, Feed]]:
        """Return the feeds of sources, which bring nothing yet.

        CefBridgeError when one cannot be as it was asked for.
        """
        return [(spec, self._feed(spec)) for spec in specs]

    def _feed(self, spec: SourceSpec) -> Feed:
        try:
            return feed_of(spec, once=self._once)
        except OSError as error:
            raise CefBridgeError(f"{spec}: {error.strerror or error}") from error

    def _started(self, feeds: Iterable[tuple[SourceSpec, Feed]]) -> dict[str, RunningSource]:
        threads = [SourceThread(spec, feed, self.routes()) for spec, feed in feeds]
        found = {}
        for source_thread in threads:
            thread = self._thread(f"source {source_thread.spec}", source_thread.run)
            thread.start()
            found[_key(source_thread.spec)] = RunningSource(source_thread, thread)
        return found

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

    # --- another config ---------------------------------------------------------------------------

    def start_again(self, part: Destination | SourceSpec, config: Config) -> None:
        """Let a part that reads its files once read them again."""
        if not isinstance(part, Destination):
            key = _key(part)
            self._change_sources({key: self.sources[key]}, self._feeds([part]), config.grace)
            return
        before = self.destinations[part.name]
        way = self._made(before.spec, before.route)
        self._begin(way)
        self.destinations[part.name] = way

    def change(self, config: Config) -> None:
        """Make it so; CefBridgeError for a config that cannot be used, which changes nothing.

        All that can be refused is made before anything ends.
        """
        new = [spec for key, spec in _named(config).items() if key not in self.sources]
        _check_sources(new)
        feeds = self._feeds(new)
        destinations = self._changed(config)
        gone = [way for name, way in self.destinations.items() if name not in destinations]
        self.taps = {name: tap for name, tap in self.taps.items() if name in destinations}
        for way in destinations.values():
            self._begin(way)
        self.destinations = destinations
        stale = {key: it for key, it in self.sources.items() if key not in _named(config)}
        for key, each in self.sources.items():
            if key not in stale:
                each.source_thread.replace(self.routes())
        self._change_sources(stale, feeds, config.grace)
        # What a removed destination still has waits for someone to name it again.
        until = time.monotonic() + config.grace
        self.finish(gone, lambda: until)
        let_go = all(each.source_thread.let_go(config.grace) for each in self.sources.values())
        for way in gone:
            if let_go:
                way.route.queue.close()
            else:  # it is full, and sources wait for it
                way.route.queue.stop_waiting()

    def _changed(self, config: Config) -> dict[str, RunningDestination]:
        """Return the destinations of a config: those at work that go on, and those made anew.

        Queues are opened for new ones.
        """
        opened: list[Queue] = []
        found: dict[str, RunningDestination] = {}
        try:
            for spec in config.destinations:
                way = self.destinations.get(spec.name)
                if way is None:
                    opened.append(queue_of(spec, self.folder))
                route = self._route(spec, way.route.queue if way else opened[-1], config)
                if way is not None and _goes_on(way, spec, route):
                    found[spec.name] = way._replace(spec=spec, route=route)
                else:
                    found[spec.name] = self._made(spec, route)
        except CefBridgeError:
            for queue in opened:
                queue.close()
            raise
        for name, way in found.items():
            if name not in self.destinations:
                _tell_header(way.spec, way.route)
        return found

    def _begin(self, way: RunningDestination) -> None:
        """Let a destination take the place of the one before, which ends if it is another."""
        before = self.destinations.get(way.spec.name)
        if before is not None:
            way.route.queue.bound(limit=way.spec.queue_limit, policy=way.spec.when_full)
            if way.thread is before.thread:
                return
            before.stop.set()
            before.thread.join()
        way.thread.start()

    def _change_sources(
        self, stale: dict[str, RunningSource], new: list[tuple[SourceSpec, Feed]], grace: float
    ) -> None:
        for each in stale.values():
            each.source_thread.stop()
        for each in stale.values():
            each.thread.join(grace)
            each.source_thread.give_up()  # one that waits for room is read again from its marks
            each.thread.join(_JOIN)
        _tell_sources(stale.values())
        kept = {key: each for key, each in self.sources.items() if key not in stale}
        self.sources = {**kept, **self._started(new)}

    # --- the end ----------------------------------------------------------------------------------

    def stop_reading(self, until: Deadline) -> None:
        """Stop the sources, and let them hand over what they have until then."""
        sources = list(self.sources.values())
        for each in sources:
            each.source_thread.stop()
        self._wait((each.thread for each in sources), until)
        for way in self.destinations.values():
            way.route.queue.stop_waiting()
        for each in sources:
            each.thread.join(_JOIN)

    def finish(self, ways: Sequence[RunningDestination], until: Deadline) -> None:
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
                self._on_wait()
                thread.join(TICK)

    def stop(self) -> None:
        """End all that still runs, at once."""
        for way in self.destinations.values():
            way.stop.set()
            way.route.queue.stop_waiting()
        for each in self.sources.values():
            each.source_thread.stop()
            each.thread.join(_JOIN)
        for way in self.destinations.values():
            if way.thread.ident is not None:  # it was started
                way.thread.join(_JOIN)
        _tell_sources(self.sources.values())

    def close(self) -> Path | None:
        """Close the queues; return the private folder if there is something in it."""
        for way in self.destinations.values():
            way.route.queue.close()
        return self.private if self.private and private_queue.leave(self.private) else None


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


def _goes_on(way: RunningDestination, spec: Destination, route: DestinationRoute) -> bool:
    """Tell whether a destination at work already sends as another config asks for."""
    same = _framing(spec, route) == _framing(way.spec, way.route)
    return same and spec.target == way.spec.target


def _framing(spec: Destination, route: DestinationRoute) -> str:
    return spec.target.framing or route.converter.program.mapping.envelope.framing


def _tell_header(spec: Destination, route: DestinationRoute) -> None:
    """Warn of a syslog header that nobody asked for."""
    if unsaid := spec.unsaid_header(route.converter.program.mapping):
        known = fields("no-syslog-header", destination=spec.name)
        _log.warning("destination %s: %s", spec.name, unsaid, extra=known)
