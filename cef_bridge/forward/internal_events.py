"""What the forwarder sends of its own accord: gaps of sources, floods, heartbeats, tests.

In come an outlet and facts, out goes an event that the outlet's mapping converted, in the queue as
any other. A mapping's filters hold for it, too.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from cef_bridge.forward.parts import stream_of
from cef_bridge.forward.route import DestinationRoute, store
from cef_bridge.kubearmor import internal
from cef_bridge.kubearmor.alert_rate import RATE
from cef_bridge.mapping.program.converter import Converted
from cef_bridge.queue.queue import ALERTS, MessageBatch

if TYPE_CHECKING:
    from cef_bridge.kubearmor.alert_rate import Flood
    from cef_bridge.sources.feed import Notice

_COUNTS = ("received", "converted", "filtered", "rejected", "noise", "blank", "own")


def enqueue_gap(route: DestinationRoute, notice: Notice) -> None:
    """Send what a source has to say of events that nobody may see."""
    event = internal.gap(_host(), time.time(), *notice)
    _send(route, event, {"gaps": 1})


def tell_flood(route: DestinationRoute, source: str, flood: Flood) -> None:
    """Send what says that a container floods, and that its alerts may be late."""
    names = {
        "HostName": flood.host,
        "NamespaceName": flood.namespace,
        "PodName": flood.pod,
        "ContainerName": flood.container,
        "ContainerID": flood.container_id,
    }
    _send(route, internal.flood(_host(), time.time(), source, RATE, names), {"floods": 1})


def enqueue_heartbeat(route: DestinationRoute) -> None:
    """Send a sign of life, with the numbers that let a search prove that nothing is missing.

    They are of the queue's whole life; `HighestSeq` is the number of the last message before this.
    Two sums hold: Received = Converted + Filtered + Rejected + Noise + Blank, and Converted + Own
    + Replayed = Confirmed + Unconfirmed + Waiting + DeadLettered + Dropped.
    """
    queue = route.queue
    totals, fate = queue.totals(), queue.sum()
    facts: dict[str, object] = {
        "Destination": route.name,
        "HighestSeq": queue.sequence,
    }
    if not route.stream:  # else the message is numbered, and has the queue's name from there
        facts = {"Queue": stream_of(queue), **facts}
    facts |= {name.capitalize(): totals.get(name, 0) for name in _COUNTS}
    facts["Replayed"] = totals.get("replay_converted", 0)
    facts |= {
        "Confirmed": fate.confirmed,
        "Unconfirmed": fate.unconfirmed,
        "Waiting": fate.waiting + fate.in_flight,
        "DeadLettered": fate.dead_lettered,
        "Dropped": sum(fate.dropped.values()),
    }
    for reason, number in sorted(fate.dropped.items()):
        facts[f"Dropped{reason.title().replace('-', '')}"] = number
    _send(route, internal.heartbeat(_host(), time.time(), facts), {"heartbeats": 1})


def enqueue_test(route: DestinationRoute) -> bool:
    """Send one test event; False when the mapping filters it out."""
    return _send(route, internal.test_event(_host(), time.time()), {})


def _send(route: DestinationRoute, event: dict[str, object], counts: dict[str, int]) -> bool:
    fate = route.converter.convert(event)
    if not isinstance(fate, Converted):
        return False
    batches = [MessageBatch(ALERTS, [fate.message.encode()])]
    store(route, batches, counts={**counts, "own": 1})
    return True


def _host() -> str:
    return os.uname().nodename
