"""A Kafka cluster: does it answer, is the topic there, how far behind is the group.

In come a source or a destination, out go rows. Joins no group and commits nothing: what it reads of
a topic is read beside the group.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from cef_bridge.delivery.kafka.settings import cluster_of
from cef_bridge.doctor.conversion import MOST_LINES
from cef_bridge.doctor.diagnosis import Verdict, ok, problem, warning
from cef_bridge.kafka import client
from cef_bridge.kafka.errors import Topic, fault
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from confluent_kafka import Consumer, KafkaError, TopicPartition

    from cef_bridge.delivery.destination_url import Login
    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.doctor.links import Link

_PER_PARTITION = 50  # messages of a sample


class KafkaProbe:
    """A cluster and some of its topics. `group` is that of a source, "" for a destination."""

    def __init__(
        self,
        link: Link,
        said: Login,
        endpoints: Sequence[Endpoint],
        topics: Sequence[str],
        group: str = "",
    ) -> None:
        self._link = link
        self._cluster = cluster_of(said, endpoints)
        self._topics = topics
        self._group = group
        self._heard: list[KafkaError] = []
        self._partitions: list[TopicPartition] = []
        self._ends: dict[tuple[str, int], tuple[int, int]] = {}

    def look(self) -> list[bytes]:
        """Add the rows; return the last messages of a source's topics."""
        link = self._link
        link.run("brokers", self._brokers)
        for topic in self._topics:
            link.run(f"topic {topic}", lambda topic=topic: self._topic(topic))  # type: ignore[misc]
        if not self._group or not link.run("messages", self._messages, vital=False):
            return []
        link.run(f"group {self._group}", self._lag, vital=False)
        return self._sample() if self._partitions else []

    # --- one check each ---------------------------------------------------------------------------

    def _brokers(self) -> Verdict:
        found = self._metadata()
        if isinstance(found, Verdict):
            return found
        return ok(f"{counted(len(found.brokers), 'broker')} of the cluster")

    def _topic(self, name: str) -> Verdict:
        from confluent_kafka import TopicPartition  # noqa: PLC0415 - see client.check_library

        found = self._metadata()
        if isinstance(found, Verdict):
            return found
        topic = found.topics.get(name)
        if topic is None:
            return problem(
                f"there is no topic {name} at {self._cluster}", "Create it, or correct its name."
            )
        if topic.error is not None:
            return problem(fault(topic.error, self._cluster, Topic(name, self._group)).text)
        self._partitions += [TopicPartition(name, number) for number in topic.partitions]
        return ok(counted(len(topic.partitions), "partition"))

    def _messages(self) -> Verdict:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        consumer = self._consumer()
        try:
            for each in self._partitions:
                self._ends[each.topic, each.partition] = consumer.get_watermark_offsets(
                    each, timeout=self._link.limit
                )
        except KafkaException as error:
            return self._failed(error)
        finally:
            consumer.close()
        kept = sum(high - low for low, high in self._ends.values())
        if not kept:
            return warning(
                "the topic has no message",
                "Look at what writes it: a sidekick, an exporter or a forwarder.",
            )
        return ok(f"{counted(kept, 'message')} in the topic")

    def _lag(self) -> Verdict:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        consumer = self._consumer()
        try:
            committed = consumer.committed(self._partitions, timeout=self._link.limit)
        except KafkaException as error:
            return self._failed(error)
        finally:
            consumer.close()
        known = [each for each in committed if each.offset >= 0]
        if not known:
            return ok("it has no offset yet: it begins where start= says")
        lag = 0
        for each in committed:
            low, high = self._ends[each.topic, each.partition]
            lag += high - (each.offset if each.offset >= 0 else low)
        return ok(f"{counted(lag, 'message')} behind" if lag else "all messages are done")

    def _sample(self) -> list[bytes]:
        """Return the last messages of each partition."""
        from confluent_kafka import TopicPartition  # noqa: PLC0415 - as above

        starts = []
        for each in self._partitions:
            low, high = self._ends.get((each.topic, each.partition), (0, 0))
            if high > low:
                start = max(low, high - _PER_PARTITION)
                starts.append(TopicPartition(each.topic, each.partition, start))
        consumer = self._consumer()
        values: list[bytes] = []
        wanted = sum(
            min(_PER_PARTITION, high - low) for low, high in self._ends.values() if high > low
        )
        try:
            consumer.assign(starts)
            until = time.monotonic() + self._link.limit
            while len(values) < min(wanted, MOST_LINES) and time.monotonic() < until:
                came = consumer.consume(MOST_LINES, 0.2)
                values += [each.value() or b"" for each in came if each.error() is None]
        finally:
            consumer.close()
        return values

    # --- the client -------------------------------------------------------------------------------

    def _metadata(self) -> Any:  # noqa: ANN401 - of the library, or a verdict
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415 - as above

        client.check_library()
        try:
            admin = AdminClient(client.settings(self._cluster, self._heard.append))
        except (KafkaException, ValueError) as error:
            raise client.unusable(self._cluster, error) from error
        try:
            return admin.list_topics(timeout=self._link.limit)
        except KafkaException as error:
            admin.poll(0)
            return self._failed(error)

    def _consumer(self) -> Consumer:
        from confluent_kafka import Consumer  # noqa: PLC0415 - as above

        return Consumer(
            {
                **client.settings(self._cluster, self._heard.append),
                "group.id": self._group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "earliest",
            }
        )

    def _failed(self, error: Exception) -> Verdict:
        """Return why a question failed: what the client heard of the brokers says more."""
        asked = Topic(", ".join(self._topics), self._group)
        faults = [fault(each, self._cluster, asked) for each in (*self._heard, error.args[0])]
        telling = next((each for each in faults if each.permanent), faults[-1])
        return problem(telling.text)
