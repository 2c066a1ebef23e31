"""KubeArmor's relay (or a node's daemon) as a feed: its gRPC streams as lines of JSON.

In come endpoints and the names of streams; out come Arrivals, as if they were read from the
relay's own JSON output, and a Notice for each gap. A relay keeps nothing and numbers nothing: what
is sent while nobody reads is lost, so an outage can be timed, and what it cost cannot be counted.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.sources.feed import TICK, Arrival, FeedState
from cef_bridge.sources.records.units import HEAD, Block, BrokenLine, Oversized
from cef_bridge.sources.relay.channel import credentials
from cef_bridge.sources.relay.dedupe import Dedupe
from cef_bridge.sources.relay.errors import RelayEndpoint
from cef_bridge.sources.relay.json_lines import UnreadableMessageError, line_of
from cef_bridge.sources.relay.reader import Reader, RelaySettings
from cef_bridge.sources.relay.schema import STREAMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.sources.feed import Notice
    from cef_bridge.sources.records.units import Item

MOST_UNITS = 500
PERIOD = 0.1
_PATIENCE = 0.3  # seconds for all threads to end; they are daemons

_UNREADABLE = "the bytes are no protobuf message of KubeArmor"


class Relay:
    """Reads `streams` of all `endpoints` (host, port) at once; see `Feed`.

    `alerts` may be "policy" and `logs` "system": with "all" the only filters that KubeArmor knows.
    `health` is the port of its health service, when that has one of its own. `dedupe` seconds (0:
    not at all) is how long a line is remembered, so that replicas bring each event once.
    `max_record` (bytes) is the longest line. UsageError when something is asked for that there is
    not, or a certificate cannot be read.
    """

    can_wait = False
    receipts = None

    def __init__(  # noqa: PLR0913  # the words of a URL, all by name
        self,
        endpoints: Sequence[tuple[str, int]],
        *,
        streams: Sequence[str] = ("alerts", "logs"),
        alerts: str = "all",
        logs: str = "all",
        dedupe: float = 0.0,
        tls: bool = False,
        ca: str | None = None,
        cert: str | None = None,
        key: str | None = None,
        server_name: str | None = None,
        health: int | None = None,
        max_record: int = 1 << 20,
        settings: RelaySettings | None = None,
        clock: Callable[[], float] = time.monotonic,
        rng: random.Random | None = None,
    ) -> None:
        words = _checked(streams, {"alerts": alerts, "logs": logs})
        places = [
            RelayEndpoint(host, port, tls, ca, cert, key, server_name) for host, port in endpoints
        ]
        for place in places[:1]:
            _check_tls(place)
        addresses = dict.fromkeys(place.address for place in places)
        if not addresses or len(addresses) < len(places):
            raise UsageError("kubearmor:// needs a host and port, and each of them once")
        self.name = f"kubearmor://{','.join(addresses)}"
        self._stop, self._wake = threading.Event(), threading.Event()
        self._clock = clock
        several = dedupe > 0 and len(places) > 1
        self._dedupe = Dedupe(dedupe, clock=clock) if several else None
        settings = settings or RelaySettings()
        share = settings.buffer // (len(words) * len(places))
        settings = settings._replace(health=health, buffer=share)
        self._outlets = [
            _Outlet(
                Reader(
                    place,
                    kind,
                    words[kind],
                    endpoint=number,
                    settings=settings,
                    wake=self._wake,
                    stop=self._stop,
                    rng=rng or random.Random(),  # noqa: S311  # spreads reconnects
                    clock=clock,
                ),
                max_record,
                self._dedupe,
            )
            for kind in words
            for number, place in enumerate(places)
        ]

    def arrivals(self, marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | Notice | None]:
        """Yield what arrives; there are no marks, for a relay cannot be read again."""
        del marks
        for outlet in self._outlets:
            outlet.reader.start()
        try:
            yield from self._arrivals()
        finally:
            self.stop()
            until = time.monotonic() + _PATIENCE
            for outlet in self._outlets:
                outlet.reader.join(max(until - time.monotonic(), 0))

    def stop(self) -> None:
        """End `arrivals` soon; what was read before is still given."""
        self._stop.set()
        self._wake.set()
        for outlet in self._outlets:
            outlet.reader.cancel()

    def state(self) -> FeedState:
        """Return how all streams are doing; `text` names those that are not there."""
        readers = [outlet.reader for outlet in self._outlets]
        down = [reader for reader in readers if not reader.is_up]
        said = [f"{each.name}: {each.problem}" for each in down]
        said += [f"{each.name}: {each.remark}" for each in readers if each.remark]
        if self._dedupe is not None:
            said.append(f"{self._dedupe.dropped:,} copies left out")
            if self._dedupe.hurried:
                said.append("too many events for all of the dedupe time")
        return FeedState(
            connected=not down,
            text="; ".join(said) or "connected",
            gaps=sum(reader.gaps for reader in readers),
            reconnects=sum(reader.breaks for reader in readers),
            bytes=sum(reader.received for reader in readers),
        )

    @property
    def duplicates(self) -> int:
        """How many copies of events were left out so far."""
        return self._dedupe.dropped if self._dedupe is not None else 0

    def _arrivals(self) -> Iterator[Arrival | Notice | None]:
        quiet = self._clock()
        while True:
            ending = self._stop.is_set()
            came = False
            for outlet in self._outlets:
                if outlet.reader.failure is not None:
                    raise outlet.reader.failure
                for arrival in outlet.take():
                    came = True
                    yield arrival
            for outlet in self._outlets:
                for notice in outlet.reader.look(last=ending):
                    came = True
                    yield notice
            if self._dedupe is not None:
                self._dedupe.turn()
            if ending and not came:
                return
            now = self._clock()
            if came:
                quiet = now
            elif now - quiet >= TICK:
                quiet = now
                yield None
            if not any(outlet.reader.is_full for outlet in self._outlets):
                self._wake.wait(PERIOD)
                self._wake.clear()


class _Outlet:
    """What a reader has read, as lines with their places."""

    def __init__(self, reader: Reader, max_record: int, dedupe: Dedupe | None) -> None:
        self.reader = reader
        self._limit = max_record
        self._dedupe = dedupe
        self._convert = line_of(STREAMS[reader.kind].message)
        self._line, self._offset, self._consumed = 1, 0, 0

    def take(self) -> list[Arrival]:
        """Return the next messages that were read, at most MOST_UNITS."""
        raws = self.reader.take(MOST_UNITS)
        if not raws:
            return []
        items: list[Item] = []
        lines: list[bytes] = []
        for raw in raws:
            self._consumed += len(raw)
            try:
                line = self._convert(raw)
            except UnreadableMessageError:
                line = raw
                odd: Item | None = BrokenLine(0, 0, _UNREADABLE, raw)
            else:
                if self._dedupe is not None and not self._dedupe.is_new(line, self.reader.endpoint):
                    continue
                odd = Oversized(0, 0, len(line), line[:HEAD]) if len(line) > self._limit else None
            if odd is None:
                lines.append(line)
                continue
            self._add_block(items, lines)
            lines = []
            items.append(odd._replace(line=self._line, offset=self._offset))
            self._advance([line])
        self._add_block(items, lines)
        name = self.reader.name
        return [Arrival(name, name, item, None) for item in items]

    def _add_block(self, items: list[Item], lines: list[bytes]) -> None:
        if lines:
            items.append(Block(lines, self._line, self._offset, self._consumed, single=True))
            self._advance(lines)

    def _advance(self, lines: list[bytes]) -> None:
        self._line += len(lines)
        self._offset += sum(map(len, lines)) + len(lines)


def _checked(streams: Sequence[str], filters: Mapping[str, str]) -> dict[str, str]:
    """Return each stream with its filter, alerts first: they matter most."""
    unknown = next((each for each in streams if each not in STREAMS), None)
    if unknown is not None or not streams:
        found = f"there is no stream {unknown!r}" if unknown else "no stream is asked for"
        raise UsageError(f"{found}; KubeArmor has {', '.join(STREAMS)}")
    for kind, word in filters.items():
        known = STREAMS[kind].filters
        if word not in known:
            raise UsageError(
                f"{kind}={word}: KubeArmor knows {' and '.join(known)} only, and ends the stream "
                "at any other word"
            )
    return {kind: filters.get(kind, "all") for kind in STREAMS if kind in streams}


def _check_tls(place: RelayEndpoint) -> None:
    if not place.tls:
        given = {
            "ca": place.ca,
            "cert": place.cert,
            "key": place.key,
            "server_name": place.server_name,
        }
        word = next((word for word, value in given.items() if value), None)
        if word:
            raise UsageError(f"{word} is for TLS: say tls=yes as well, or leave it out")
        return
    if bool(place.cert) != bool(place.key):
        raise UsageError("a client certificate needs both cert=PATH and key=PATH")
    credentials(place)
