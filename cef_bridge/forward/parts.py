"""The parts of a forwarder, made of what the config says: feeds, outlets, and how they look.

In come a Source or a Destination, out go a Feed or an Outlet that is ready to be used.
"""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import MappingError
from cef_bridge.forward.config.mappings import mapping_problems
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.route import ROOM, DestinationRoute
from cef_bridge.forward.status import DestinationStatus, SourceStatus
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.queue.queue import Queue

if TYPE_CHECKING:
    from pathlib import Path

    from cef_bridge.delivery.destination_sender import ForwarderState
    from cef_bridge.forward.config import Config, Destination, Source
    from cef_bridge.sources.feed import Feed, FeedState

COMPARE_EVERY = 5000
"""Of so many lines that the engine converts one is converted by the reference, too."""
MOST_FAULTS = 5
"""After so many kinds of differences Python converts for that destination."""
_LEAST = 512  # a message may not be made shorter than this


def feed_of(source: Source, *, once: bool) -> Feed:
    """Return the feed of a source; `once`: files are read to their end, not followed."""
    return SOURCES[source.kind].feed(source, once)


def converter_of(spec: Destination) -> Converter:
    """Return what makes messages for a destination; MappingError for a wrong mapping."""
    mapping = spec.narrowed(load(spec.mapping))
    envelope = mapping.envelope
    most = envelope.max_bytes
    if SCHEMES[spec.target.scheme].datagrams:
        most = min(most, spec.target.max_datagram)
    if envelope.sequence:
        most = max(most - ROOM, _LEAST)
    header = spec.header(mapping)
    return Converter(mapping, syslog_header=header, max_bytes=most, when=spec.when)


def route_of(spec: Destination, queue: Queue, config: Config) -> DestinationRoute:
    """Return where a source's events go for one destination.

    MappingError for a wrong mapping, with what is wrong with all mappings of the config.
    """
    try:
        converter = converter_of(spec)
    except MappingError as error:
        found = mapping_problems(one.mapping for one in config.destinations)
        raise MappingError(found or error.problems) from error
    numbered = converter.program.mapping.envelope.sequence
    machine = MappingEngine(converter, compare_every=COMPARE_EVERY, most_faults=MOST_FAULTS)
    return DestinationRoute(spec.name, queue, machine, stream_of(queue) if numbered else "")


def queue_of(spec: Destination, folder: Path) -> Queue:
    """Open a destination's queue; UsageError when another process has it."""
    path = folder / f"{spec.name}.queue"
    return Queue.open(path, limit=spec.queue_limit, policy=spec.when_full)


def stream_of(queue: Queue) -> str:
    """Return the name of a queue's numbers: a new file begins anew, so it has another."""
    known = queue.recall("stream")
    if known is None:
        known = secrets.token_hex(4)
        queue.remember("stream", known)
    return known


def source_view(name: str, state: FeedState, *, alive: bool) -> SourceStatus:
    """Return how a source looks; one that was read to its end is as good as connected."""
    connected = state.connected or not alive
    text = state.text if alive else "read to its end"
    silent = state.silent and alive
    return SourceStatus(
        name,
        connected,
        text,
        state.gaps,
        state.reconnects,
        state.bytes,
        silent,
        state.lag,
        ended=not alive,
    )


def destination_view(spec: Destination, queue: Queue, state: ForwarderState) -> DestinationStatus:
    """Return how a destination and its queue look."""
    fate, oldest = queue.sum(), queue.oldest()
    return DestinationStatus(
        name=spec.name,
        target=str(spec.target),
        connected=state.connected,
        state=state.text,
        last_error=state.last_error,
        counts=queue.totals(),
        accepted=fate.accepted,
        confirmed=fate.confirmed,
        unconfirmed=fate.unconfirmed,
        in_flight=fate.in_flight,
        waiting=fate.waiting,
        dropped=dict(fate.dropped),
        dead_lettered=fate.dead_lettered,
        queue_bytes=queue.bytes(),
        queue_limit=spec.queue_limit,
        oldest_age=max(time.time() - oldest, 0.0) if oldest is not None else 0.0,
        sent=state.sent,
        sent_bytes=state.sent_bytes,
        resent=state.resent,
        breaks=state.breaks,
        trouble=queue.trouble(),
        duplicates=state.duplicates,
        reason=state.reason,
    )
