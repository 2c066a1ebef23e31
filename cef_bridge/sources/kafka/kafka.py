"""Topics of Kafka as a feed: arrivals with marks, committed when their events are settled.

In come a cluster and a subscription, out go Arrivals of one stream a partition; back come offsets
up to which all is settled. Must not know what a message says.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from cef_bridge.kafka.client import check_library
from cef_bridge.sources.feed import TICK, FeedState
from cef_bridge.sources.kafka.member import Member

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.kafka.client import KafkaCluster
    from cef_bridge.sources.feed import Arrival, Notice
    from cef_bridge.sources.kafka.member import Subscription

_PATIENCE = 5.0  # seconds to commit and to leave the group


class KafkaTopics:
    """Reads topics as a member of a group; see `Feed`.

    `when_settled`: an offset is committed when its events are settled, else when they are stored
    in all queues. UsageError when the library is not installed.
    """

    can_wait = True

    def __init__(
        self, cluster: KafkaCluster, asked: Subscription, *, when_settled: bool = True
    ) -> None:
        check_library()
        self.name = f"{cluster}/{','.join(asked.topics)}"
        self.receipts = self
        self.when_settled = when_settled
        self._once = asked.once
        self._member = Member(cluster, asked)
        self._stop = threading.Event()

    def arrivals(self, marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | Notice | None]:
        """Yield what arrives; ends after `stop`, or where the partitions end if it reads once."""
        self._member.start(marks)
        while not self._stop.is_set():
            found = self._member.take(TICK)
            yield from found
            if not found:
                yield None
                if self._once and self._member.at_end:
                    break
        self._member.pause()

    def stop(self) -> None:
        """End `arrivals` soon; what was not handed over stays where it is."""
        self._stop.set()
        self._member.pause()

    def acknowledge(self, offsets: Mapping[str, int]) -> None:
        """Say up to where each partition can be committed, by the key of its marks."""
        self._member.settle(offsets)

    def close(self) -> None:
        """Commit what was acknowledged, and leave the group."""
        self._stop.set()
        self._member.close(_PATIENCE)

    def state(self) -> FeedState:
        """Return how it is doing now."""
        now = self._member.state()
        return FeedState(now.connected, now.text, now.gaps, now.troubles, now.bytes, lag=now.lag)
