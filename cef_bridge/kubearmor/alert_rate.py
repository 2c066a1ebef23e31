"""Which alerts go first: those over the rate of their container take the telemetry lane.

In come alerts as raw events, or the key of their container and their time, out goes whether one is
over the rate, and a `Flood` now and then for whoever reads the events. A container that floods
delays its own alerts, and no other's. The rate is by the times that the events say, so that an
archive is judged as its events came; KubeArmor writes them, a container cannot. Nothing is lost
here, and no line changes.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.identity import container_key

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

RATE = 200
"""Alerts a second of one container that keep the alert lane. KubeArmor's own throttling, where it
is on, lets 10 a second through (`alertThrottling`, `maxAlertPerSec`).
"""
BURST = 1000
"""Alerts of one container that may come at once."""
MOST_CONTAINERS = 4096
QUIET = 60.0
"""Seconds after a flood was told of before the same container is told of again."""
_LONGEST = 128  # characters of a name
_SECOND = 1_000_000


class Flood(NamedTuple):
    """A container whose alerts are over the rate: its names, "" where an event had none."""

    host: str
    namespace: str
    pod: str
    container: str
    container_id: str


class _Bucket:
    __slots__ = ("at", "left", "told")

    def __init__(self, at: int) -> None:
        self.left: float = BURST
        self.at = at
        self.told = -math.inf


class AlertRate:
    """The rates of all containers. `came` after each block, `over` for each alert while `crowded`.

    Where the event is not at hand, `is_over`, and if that holds and `has_to_tell`, `tell`.

    While all alerts together are under the rate of one container, no alert has to be looked at.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.floods: list[Flood] = []
        self._clock = clock
        self._all: float = BURST  # what may still come, of all containers together
        self._since = clock()
        self._buckets: dict[int, _Bucket] = {}

    @property
    def crowded(self) -> bool:
        """Whether so many alerts come that a container may be over its rate."""
        return self._all < 0

    def came(self, alerts: int) -> None:
        """Count alerts that were just read."""
        now = self._clock()
        self._all = min(self._all + (now - self._since) * RATE, BURST)
        # So far below zero that a lull of a few seconds ends it.
        self._all = max(self._all - alerts, -BURST)
        self._since = now

    def over(self, raw: Mapping[str, object]) -> bool:
        """Tell whether an alert is over the rate of its container; it counts from now on."""
        container = container_key(raw)
        over = self.is_over(container, event_time(raw))
        if over and self.has_to_tell(container):
            self.tell(container, raw)
        return over

    def is_over(self, container: int, at: int | None) -> bool:
        """Tell whether an alert is over the rate of its container; it counts from now on.

        `container` is its `container_key`, `at` its time in epoch microseconds.
        """
        bucket = self._buckets.pop(container, None)
        if bucket is None:
            if len(self._buckets) >= MOST_CONTAINERS:  # the one that was quiet for longest
                del self._buckets[next(iter(self._buckets))]
            bucket = _Bucket(at or 0)
        self._buckets[container] = bucket
        if at is not None:
            passed = at - bucket.at
            if passed > 0:
                bucket.left = min(bucket.left + passed * RATE / _SECOND, BURST)
            if passed > 0 or passed < -_SECOND:  # a clock that was set back
                bucket.at = at
        if bucket.left >= 1:
            bucket.left -= 1
            return False
        return True

    def has_to_tell(self, container: int) -> bool:
        """Tell whether a container that is over its rate was not told of for so long."""
        return self._clock() - self._buckets[container].told >= QUIET

    def tell(self, container: int, raw: Mapping[str, object]) -> None:
        """Tell of a container that is over its rate; `raw` is an event of it."""
        self._buckets[container].told = self._clock()
        names = ("HostName", "NamespaceName", "PodName", "ContainerName", "ContainerID")
        self.floods.append(Flood(*(_text(raw, name) for name in names)))


def _text(raw: Mapping[str, object], name: str) -> str:
    value = raw.get(name)
    return value[:_LONGEST] if isinstance(value, str) else ""
