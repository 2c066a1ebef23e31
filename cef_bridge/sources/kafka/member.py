"""A member of a consumer group, in a thread of its own: reads messages, and commits offsets.

In come positions and orders, out go arrivals and notices, to be fetched with `take`. All calls of
the client are made by this thread: a rebalance calls back from its poll. It polls however long
nobody fetches what was read, for a member that does not is thrown out of its group.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.kafka import client
from cef_bridge.kafka.errors import Topic, fault, plain
from cef_bridge.sources.feed import TICK, Arrival, Notice
from cef_bridge.sources.kafka.messages import KafkaRecord, pieces
from cef_bridge.sources.kafka.partitions import Partition, Partitions, Place
from cef_bridge.sources.records.units import Block
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

    from cef_bridge.kafka.client import KafkaCluster

_MOST = 500  # messages that are read at once
_WAIT = 0.1  # seconds that a poll waits for them
_ROOM = 4 << 20  # bytes that wait to be fetched, at most, but for what one poll brings
_ASK = 10.0  # seconds that the broker has to answer a question
_PROBE = 2.0  # seconds between two looks whether a trouble is over
_COMMIT = 1.0  # seconds between two commits
_QUIET = 60.0  # seconds until the same trouble is told again

_log = logging.getLogger(__name__)


class Subscription(NamedTuple):
    """What is read: topics, as a member of a group.

    `start`: "earliest" or "latest", where the group has no offset. `ahead`: events that are handed
    over and not settled, at most. `max_record` in bytes, `session_timeout` in seconds.
    `once`: end where the partitions end.
    """

    topics: tuple[str, ...]
    group: str
    start: str = "earliest"
    ahead: int = 10_000
    max_record: int = 1 << 20
    session_timeout: float = 45.0
    once: bool = False


class MemberState(NamedTuple):
    """How it goes, in numbers and a sentence."""

    connected: bool
    text: str
    gaps: int
    troubles: int
    bytes: int
    lag: dict[str, int]


class Member:
    """Reads from `start` on until `close`; `take`, `settle`, `pause` and `state` are for others."""

    def __init__(self, cluster: KafkaCluster, asked: Subscription) -> None:
        self._cluster = cluster
        self._asked = asked
        self._lock = threading.Condition()
        self._found: deque[Arrival | Notice] = deque()
        self._waiting = 0  # bytes of `_found`
        self._partitions = Partitions({})
        self._orders = _Orders()
        self._trouble = _Trouble(str(cluster))
        self._joined = self._paused = self._full = False
        self._ended: set[Place] = set()
        self._gaps = self._bytes = 0
        self._failure: Exception | None = None
        self._told_commit = False
        self._consumer: Consumer | None = None
        self._thread = threading.Thread(target=self._run, name=f"{cluster} group", daemon=True)

    # --- for others -------------------------------------------------------------------------------

    def start(self, marks: Mapping[str, Checkpoint]) -> None:
        """Join the group; UsageError when the client cannot be made."""
        from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415 - see check_library

        self._partitions = Partitions(marks)
        words = {
            **client.settings(self._cluster, self._on_error),
            "group.id": self._asked.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            # `cooperative-sticky` handed nothing over within ten seconds on three brokers.
            "partition.assignment.strategy": "range",
            "enable.partition.eof": self._asked.once,
            # Both, for we always poll: so long others wait for a member that is gone.
            "session.timeout.ms": int(self._asked.session_timeout * 1000),
            "max.poll.interval.ms": int(self._asked.session_timeout * 1000),
            "queued.max.messages.kbytes": 16 << 10,
            "on_commit": self._on_commit,
        }
        try:
            self._consumer = Consumer(words)
        except (KafkaException, ValueError) as error:
            raise client.unusable(self._cluster, error) from error
        self._thread.start()

    def take(self, timeout: float) -> list[Arrival | Notice]:
        """Return what was read since the last time; wait for it so many seconds."""
        with self._lock:
            self._lock.wait_for(lambda: self._found or self._failure, timeout)
            if self._failure is not None:
                raise self._failure
            found, self._waiting = list(self._found), 0
            self._found.clear()
            return found

    def settle(self, offsets: Mapping[str, int]) -> None:
        """Say how far each partition is settled, by the key of its marks."""
        with self._lock:
            self._partitions.settle(offsets)

    def pause(self) -> None:
        """Hand over nothing more; stay in the group, so that what is settled can be committed."""
        self._orders.pause.set()

    def close(self, patience: float) -> None:
        """Commit what is settled and leave the group, within so many seconds."""
        self._orders.close.set()
        if self._thread.is_alive():
            self._thread.join(patience)

    @property
    def at_end(self) -> bool:
        """Whether all that there was when it was asked has been read; with `once` only."""
        with self._lock:
            owned = set(self._partitions.owned)
            return self._joined and owned <= self._ended and not self._found

    def state(self) -> MemberState:
        """Return how it is doing; any thread may ask."""
        with self._lock:
            owned, ahead = len(self._partitions.owned), self._partitions.ahead()
            text = self._trouble.text
            if not text and not self._joined:
                text = "waiting for the group to assign partitions"
            if not text:
                text = f"reading {counted(owned, 'partition')}" if owned else "no partition is left"
                if self._paused:
                    text += f", paused: {counted(ahead, 'event')} not confirmed yet"
            return MemberState(
                self._joined and not self._trouble.text,
                text,
                self._gaps,
                self._trouble.count,
                self._bytes,
                self._partitions.lags(),
            )

    # --- the thread -------------------------------------------------------------------------------

    def _run(self) -> None:
        consumer = self._consumer
        assert consumer is not None  # noqa: S101 - `start` made it
        try:
            consumer.subscribe(
                list(self._asked.topics),
                on_assign=self._on_assign,
                on_revoke=self._on_revoke,
                on_lost=self._on_revoke,
            )
            self._poll(consumer)
            self._commit(consumer, last=True)
        except Exception as error:  # noqa: BLE001 - whoever takes is told
            with self._lock:
                self._failure = error
                self._lock.notify_all()
        finally:
            with contextlib.suppress(Exception):
                consumer.close()

    def _poll(self, consumer: Consumer) -> None:
        committed = probed = time.monotonic()
        while not self._orders.close.is_set():
            self._take_breath(consumer)
            self._read(consumer.consume(_MOST, _WAIT), consumer)
            now = time.monotonic()
            if now - committed >= _COMMIT:
                committed = now
                self._commit(consumer)
                self._look_at_ends(consumer)
            if self._trouble.text and now - probed >= _PROBE:
                probed = now
                self._probe(consumer)

    def _take_breath(self, consumer: Consumer) -> None:
        """Pause all partitions when there is enough of them, and go on when there is room."""
        with self._lock:
            ahead = self._partitions.ahead()
            enough = ahead >= (self._asked.ahead // 2 if self._full else self._asked.ahead)
            full = enough or self._waiting >= _ROOM or self._orders.pause.is_set()
            self._paused = enough
            owned = list(self._partitions.owned)
        if full != self._full:
            self._full = full
            (consumer.pause if full else consumer.resume)(_client_places(owned))

    def _read(self, messages: Iterable[Message], consumer: Consumer) -> None:
        by_place: dict[Place, list[KafkaRecord]] = {}
        for message in messages:
            error = message.error()
            if error is None:
                place = Place(message.topic() or "", message.partition() or 0)
                record = KafkaRecord(message.offset() or 0, message.value())
                by_place.setdefault(place, []).append(record)
            else:
                self._met(error, message, consumer)
        if by_place:
            self._trouble.over()
        for place, records in by_place.items():
            self._hand_over(place, records)

    def _hand_over(self, place: Place, records: list[KafkaRecord]) -> None:
        with self._lock:
            partition = self._partitions.owned.get(place)
            if partition is None:  # it was revoked while they were on their way
                return
            # A batch may hold messages of before a rebalance, which come again after it.
            known = partition.next
            records = [it for it in records if known is None or it.offset >= known]
            if not records:
                return
            size = sum(len(record.value or b"") for record in records)
            self._bytes += size
            self._waiting += size
            partition.handed(records[0].offset, records[-1].offset + 1)
            for piece in pieces(records, self._asked.max_record):
                mark = Checkpoint(partition.key, piece.next, b"{}")
                self._found.append(Arrival(partition.key, str(place), piece.item, mark))
            self._lock.notify_all()

    def _met(self, error: KafkaError, message: Message, consumer: Consumer) -> None:
        """Take note of an error that came in the place of a message."""
        place = Place(message.topic() or "", message.partition() or 0)
        if error.name() == "_PARTITION_EOF":
            self._trouble.over()
            with self._lock:
                self._ended.add(place)
                self._lock.notify_all()
        elif error.name() == "_AUTO_OFFSET_RESET":
            self._find_again(place, consumer)
        else:
            self._on_error(error, place.topic)

    def _on_error(self, error: KafkaError, topic: str = "") -> None:
        if error.name() == "_MAX_POLL_EXCEEDED":
            return  # it joins again by itself
        asked = Topic(topic or ",".join(self._asked.topics), self._asked.group)
        found = fault(error, self._cluster, asked)
        self._trouble.met(found.text, permanent=found.permanent)

    def _probe(self, consumer: Consumer) -> None:
        """See whether the brokers answer, and have the topics."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        try:
            for topic in self._asked.topics:
                found = consumer.list_topics(topic, timeout=1.0).topics[topic]
                if found.error is not None:
                    self._on_error(found.error, topic)
                    return
        except KafkaException:
            return  # what is wrong is known
        self._trouble.over()

    # --- where to begin ---------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        found = [Place(each.topic, each.partition) for each in given]
        keys = self._keys(consumer, found)
        committed = self._committed(consumer, given)
        with self._lock:
            self._partitions.assign(keys, committed)
            owned = self._partitions.owned
            self._joined = True
            self._full = False
            self._ended.clear()
            for each in owned.values():
                if each.next is not None:
                    self._found.append(_beginning(each))
            starts = {place: each.next for place, each in owned.items()}
            self._lock.notify_all()
        for place, start in starts.items():
            if start is None and self._asked.start == "latest":
                self._begin_at_end(consumer, place, starts)
        for one in given:
            begin = starts[Place(one.topic, one.partition)]
            one.offset = _beginning_offset() if begin is None else begin
        consumer.assign(given)
        self._trouble.over()
        _log.info(
            "%s: the group %s assigned %s",
            *(self._cluster, self._asked.group, ", ".join(map(str, sorted(found))) or "nothing"),
        )

    def _begin_at_end(
        self, consumer: Consumer, place: Place, starts: dict[Place, int | None]
    ) -> None:
        """Begin where the partition ends now, and remember it: what comes then is not skipped."""
        _, end = consumer.get_watermark_offsets(_client_places([place])[0], timeout=_ASK)
        with self._lock:
            partition = self._partitions.owned[place]
            partition.begin(end, end)
            self._found.append(_beginning(partition))
        starts[place] = end

    def _on_revoke(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        del given
        self._commit(consumer, last=True)
        with self._lock:
            self._partitions.revoke()
        _log.info("%s: the group %s assigns its partitions again", self._cluster, self._asked.group)

    def _keys(self, consumer: Consumer, found: list[Place]) -> dict[Place, str]:
        """Return the keys of positions: with the ids of cluster and topic, where there are some."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        cluster = ""
        with contextlib.suppress(KafkaException):
            cluster = consumer.list_topics(self._asked.topics[0], timeout=_ASK).cluster_id or ""
        ids = client.topic_ids(self._cluster, {place.topic for place in found})
        return {
            place: ":".join(
                ("kafka", cluster, self._asked.group, place.topic, ids.get(place.topic, ""))
            )
            + f":{place.number}"
            for place in found
        }

    def _committed(self, consumer: Consumer, given: list[TopicPartition]) -> dict[Place, int]:
        """Return what the group has committed; without an answer we begin where we were."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        if not given:
            return {}
        found: list[TopicPartition] = []
        while not self._orders.close.is_set():
            try:
                found = consumer.committed(given, timeout=_ASK)
                break
            except KafkaException as error:
                self._on_error(error.args[0])
                self._orders.close.wait(TICK)
        return {Place(it.topic, it.partition): it.offset for it in found if it.offset >= 0}

    def _find_again(self, place: Place, consumer: Consumer) -> None:
        """Go on where the broker has messages: those at our offset are gone, or never were."""
        lowest, end = consumer.get_watermark_offsets(_client_places([place])[0], timeout=_ASK)
        with self._lock:
            partition = self._partitions.owned.get(place)
            at = partition.next if partition is not None else None
            if partition is None or at is None:
                return
            self._gaps += 1
            if at > end:
                text = (
                    f"{place} ends at {end:,}, and {at:,} were read of it: the topic was made "
                    f"again. It is read from its beginning."
                )
                notice = Notice(str(place), "kafka-topic-new", text, None)
                empty = Block([], 0, 0, 0, True)
                self._found.append(Arrival(partition.key, str(place), empty, None, ended=True))
                partition = self._partitions.forget(place, lowest)
            else:
                lost = lowest - at
                text = (
                    f"{place}: the broker deleted {counted(lost, 'event')} before they were read. "
                    "Keep messages longer, or read faster."
                )
                notice = Notice(str(place), "kafka-retention", text, lost)
                partition.begin(lowest, partition.settled)
            self._found += [notice, _beginning(partition)]
            owned = self._partitions.owned.values()
            places = {each.place: each.next or _beginning_offset() for each in owned}
            self._lock.notify_all()
        _log.error("%s: %s", self._cluster, text)
        # The client reads nothing more of a partition that was reset, and cannot seek in it.
        consumer.assign([_client_places([it], at)[0] for it, at in places.items()])
        self._full = False

    # --- what is settled --------------------------------------------------------------------------

    def _commit(self, consumer: Consumer, *, last: bool = False) -> None:
        """Commit what is settled; the `last` time wait for the answer."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        with self._lock:
            due = self._partitions.to_commit()
        if not due:
            return
        offsets = [_client_places([place], offset)[0] for place, offset in due.items()]
        try:
            if last:
                self._on_commit(None, consumer.commit(offsets=offsets, asynchronous=False) or [])
            else:
                consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            self._on_commit(error.args[0], [])

    def _on_commit(self, error: KafkaError | None, done: list[TopicPartition]) -> None:
        """Take note of the broker's answer, which comes from a poll later on."""
        error = error or next((each.error for each in done if each.error), None)
        with self._lock:
            self._partitions.committed(
                {Place(it.topic, it.partition): it.offset for it in done if not it.error}
                if error is None
                else {}
            )
        if error is not None:
            level = logging.DEBUG if self._told_commit else logging.WARNING
            text = (
                "%s: the group %s does not take offsets now (%s). They are committed later, or "
                "events are read again."
            )
            _log.log(level, text, self._cluster, self._asked.group, plain(error.str()))
        self._told_commit = error is not None

    def _look_at_ends(self, consumer: Consumer) -> None:
        """Take note of where the partitions end, as far as the client has heard."""
        with self._lock:
            owned = list(self._partitions.owned.values())
        for each in owned:
            _, end = consumer.get_watermark_offsets(_client_places([each.place])[0], cached=True)
            each.end = end if end >= 0 else None


class _Orders:
    def __init__(self) -> None:
        self.pause = threading.Event()
        self.close = threading.Event()


class _Trouble:
    """What keeps messages from coming: told once, and again when it lasts."""

    def __init__(self, name: str) -> None:
        self.text = ""
        self.count = 0
        self._name = name
        self._told = (-_QUIET, "")
        self._permanent = False

    def met(self, text: str, *, permanent: bool) -> None:
        """Take note of it. What somebody must act on is not hidden by what follows from it."""
        if self.text and self._permanent and not permanent:
            return
        self._permanent = permanent
        self.count += not self.text
        self.text = text.removesuffix(".")
        now = time.monotonic()
        news = text != self._told[1] or now - self._told[0] >= _QUIET
        if news:
            self._told = now, text
        level = logging.ERROR if permanent else logging.WARNING
        _log.log(level if news else logging.DEBUG, "%s: %s", self._name, text)

    def over(self) -> None:
        """Messages come again."""
        if self.text:
            self.text = ""
            _log.info("%s: it works again", self._name)


def _beginning(partition: Partition) -> Arrival:
    """Return an arrival that only says where a partition begins, for all who keep marks."""
    start = partition.next or 0
    mark = Checkpoint(partition.key, start, b"{}")
    empty = Block([], start, 0, 0, True, numbered=True)
    return Arrival(partition.key, str(partition.place), empty, mark)


def _client_places(found: Iterable[Place], offset: int | None = None) -> list[TopicPartition]:
    from confluent_kafka import TopicPartition  # noqa: PLC0415 - see check_library

    if offset is None:
        return [TopicPartition(*place) for place in found]
    return [TopicPartition(*place, offset) for place in found]


def _beginning_offset() -> int:
    from confluent_kafka import OFFSET_BEGINNING  # noqa: PLC0415 - see check_library

    return int(OFFSET_BEGINNING)
