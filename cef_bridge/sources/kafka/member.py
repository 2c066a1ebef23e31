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
from typing import TYPE_CHECKING, Any, NamedTuple

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.errors import CefBridgeError
from cef_bridge.kafka import client
from cef_bridge.kafka.errors import Topic, fault, plain
from cef_bridge.log_fields import fields
from cef_bridge.sources.feed import Arrival, Notice
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
_AGAIN = 0.5  # seconds between two tries to begin
_PROBE = 2.0  # seconds between two looks whether a trouble is over
_COMMIT = 1.0  # seconds between two commits
_QUIET = 60.0  # seconds until the same trouble is told again

_ENDED_BY_AN_ANSWER = (
    *("_TRANSPORT", "_ALL_BROKERS_DOWN", "_RESOLVE", "_TIMED_OUT"),
    *("UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"),
)

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
        self._source = f"{cluster}/{','.join(asked.topics)}"  # as in metrics
        self._trouble = _Trouble(str(cluster), self._source)
        self._given: list[Place] | None = None  # assigned, and not begun with
        self._astray: set[Place] = set()  # whose offset the broker does not have
        self._joined = self._paused = self._full = False
        self._ended: set[Place] = set()
        self._gaps = self._bytes = 0
        self._failure: Exception | None = None
        self._told_commit = False
        self._words: dict[str, Any] = {}
        self._consumer: Consumer | None = None
        self._thread = threading.Thread(target=self._run, name=f"{cluster} group", daemon=True)

    # --- for others -------------------------------------------------------------------------------

    def start(self, marks: Mapping[str, Checkpoint]) -> None:
        """Join the group; UsageError when the client cannot be made."""
        from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415 - see check_library

        self._partitions = Partitions(marks)
        self._words = client.settings(self._cluster)
        milliseconds = int(self._asked.session_timeout * 1000)
        words = {
            **self._words,
            "error_cb": self._on_error,
            "on_commit": self._on_commit,
            "group.id": self._asked.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            # `cooperative-sticky` handed nothing over within ten seconds on three brokers.
            "partition.assignment.strategy": "range",
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16 << 10,
            # Both, for we always poll: so long others wait for a member that is gone.
            "session.timeout.ms": milliseconds,
            "max.poll.interval.ms": milliseconds,
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
            if not self._thread.is_alive() and not self._orders.close.is_set():
                raise CefBridgeError(f"{self._cluster}: the client ended without a reason")
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
        """Whether all that there was when it was asked has been read."""
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
        finally:
            with contextlib.suppress(Exception):
                consumer.close()
            with self._lock:  # `take` sees that it has ended
                self._lock.notify_all()

    def _poll(self, consumer: Consumer) -> None:
        committed = probed = begun = 0.0
        while not self._orders.close.is_set():
            self._take_breath(consumer)
            self._read(consumer.consume(_MOST, _WAIT))
            now = time.monotonic()
            if (self._given is not None or self._astray) and now - begun >= _AGAIN:
                self._begin(consumer)
                begun = time.monotonic()
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
            owned = list(self._partitions.owned) if self._given is None else []
        if full != self._full:
            self._full = full
            (consumer.pause if full else consumer.resume)(_client_places(owned))

    def _read(self, messages: Iterable[Message]) -> None:
        by_place: dict[Place, list[KafkaRecord]] = {}
        for message in messages:
            error = message.error()
            place = Place(message.topic() or "", message.partition() or 0)
            if error is None:
                record = KafkaRecord(message.offset() or 0, message.value())
                by_place.setdefault(place, []).append(record)
                continue
            # What came before it counts before it.
            self._hand_over(place, by_place.pop(place, []))
            self._met(error, place)
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
        self._trouble.over()

    def _met(self, error: KafkaError, place: Place) -> None:
        """Take note of an error that came in the place of a message."""
        if error.name() == "_PARTITION_EOF":
            self._trouble.over()
            with self._lock:
                self._ended.add(place)
                self._lock.notify_all()
        elif error.name() == "_AUTO_OFFSET_RESET":
            self._astray.add(place)
        else:
            self._on_error(error, place.topic)

    def _on_error(self, error: KafkaError, topic: str = "") -> None:
        if error.name() == "_MAX_POLL_EXCEEDED":
            return  # it joins again by itself
        asked = Topic(topic or ",".join(self._asked.topics), self._asked.group)
        found = fault(error, self._cluster, asked)
        # The client tells once that it may not read a topic: a broker that answers is no end of it.
        stays = bool(topic) and error.name() not in _ENDED_BY_AN_ANSWER
        self._trouble.met(found.text, permanent=found.permanent, stays=stays)

    def _probe(self, consumer: Consumer) -> None:
        """See whether the brokers answer, and have the topics."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        try:
            for topic in self._asked.topics:
                found = consumer.list_topics(topic, timeout=1.0).topics.get(topic)
                if found is not None and found.error is not None:
                    self._on_error(found.error, topic)
                    return
        except KafkaException:
            return  # what is wrong is known
        self._trouble.answered()

    # --- where to begin ---------------------------------------------------------------------------

    def _on_assign(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        """Take note of what was assigned; where to begin is asked outside of the callback."""
        consumer.assign([])
        with self._lock:
            self._given = sorted(Place(each.topic, each.partition) for each in given)
            self._partitions.revoke()
        self._astray.clear()

    def _on_revoke(self, consumer: Consumer, given: list[TopicPartition]) -> None:
        del given
        self._commit(consumer, last=True)
        with self._lock:
            self._given = None
            self._partitions.revoke()
            self._joined = False
            self._ended.clear()
        self._astray.clear()
        _log.info(
            "%s: the group %s assigns its partitions again",
            *(self._cluster, self._asked.group),
            extra=fields("partitions", source=self._source, count=0),
        )

    def _begin(self, consumer: Consumer) -> None:
        """Begin to read what was assigned; try again later when the broker does not answer."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        try:
            if self._given is not None:
                self._begin_with(self._given, consumer)
            for place in list(self._astray):
                self._find_again(place, consumer)
                self._astray.discard(place)
        except KafkaException as error:
            self._on_error(error.args[0])

    def _begin_with(self, given: list[Place], consumer: Consumer) -> None:
        """Begin with all of them, or raise KafkaException and have begun with none."""
        keys = self._keys(consumer, given)
        committed = self._committed(consumer, given)
        ends = {}
        if self._asked.start == "latest":
            ends = {place: self._bounds(consumer, place)[1] for place in given}
        with self._lock:
            if self._given != given:  # not ours any more
                return
            self._partitions.assign(keys, committed)
            owned = self._partitions.owned
            for place, each in owned.items():
                if each.next is None and place in ends:  # remembered: what comes is not skipped
                    each.begin(ends[place], ends[place])
                if each.next is not None:
                    self._found.append(_beginning(each))
            self._given = None
            self._joined = True
            self._full = False
            self._ended.clear()
            self._lock.notify_all()
        self._assign(consumer)
        self._trouble.over()
        _log.info(
            "%s: the group %s assigned %s",
            *(self._cluster, self._asked.group, ", ".join(map(str, given)) or "nothing"),
            extra=fields("partitions", source=self._source, count=len(given)),
        )

    def _assign(self, consumer: Consumer) -> None:
        """Have the client read all that is owned, each from where it is to go on."""
        first = _beginning_offset()
        with self._lock:
            places = [(it.place, it.next) for it in self._partitions.owned.values()]
        consumer.assign([_client_places([it], first if at is None else at)[0] for it, at in places])
        self._full = False

    def _bounds(self, consumer: Consumer, place: Place) -> tuple[int, int]:
        """Return the first offset that the broker has of a partition, and where it ends."""
        (asked,) = _client_places([place])
        lowest, end = consumer.get_watermark_offsets(asked, timeout=_ASK)
        return lowest, end

    def _keys(self, consumer: Consumer, found: list[Place]) -> dict[Place, str]:
        """Return the keys of positions: with the ids of cluster and topic, where there are some."""
        if not found:
            return {}
        cluster = consumer.list_topics(self._asked.topics[0], timeout=_ASK).cluster_id or ""
        ids = client.topic_ids(self._words, {place.topic for place in found})
        return {
            place: ":".join(
                (
                    *("kafka", cluster, self._asked.group, place.topic),
                    *(ids.get(place.topic, ""), str(place.number)),
                )
            )
            for place in found
        }

    def _committed(self, consumer: Consumer, given: list[Place]) -> dict[Place, int]:
        """Return what the group has committed; KafkaException when the broker does not say it."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - as above

        if not given:
            return {}
        found = consumer.committed(_client_places(given), timeout=_ASK)
        for each in found:
            if each.error:
                raise KafkaException(each.error)
        return {Place(it.topic, it.partition): it.offset for it in found if it.offset >= 0}

    def _find_again(self, place: Place, consumer: Consumer) -> None:
        """Go on where the broker has messages: those at our offset are gone, or never were."""
        lowest, end = self._bounds(consumer, place)
        key = self._keys(consumer, [place])[place]
        with self._lock:
            partition = self._partitions.owned.get(place)
            if partition is None:
                return
            at = partition.next
            notice = None
            if at is None:  # it was asked for its beginning, and was not answered
                partition.begin(lowest, lowest)
            elif at < lowest:
                text = (
                    f"{place}: the broker deleted {counted(lowest - at, 'event')} before they were "
                    "read. Keep messages longer, or read faster."
                )
                notice = Notice(str(place), "kafka-retention", text, lowest - at)
                partition.begin(lowest, partition.settled)
            elif at > end and self._partitions.is_same(place, key):
                text = (
                    f"{place} ends at {end:,}, and {at:,} were read of it: the broker lost its "
                    "last messages. Reading goes on at its end."
                )
                notice = Notice(str(place), "kafka-truncated", text, None)
                partition.begin(end, min(partition.settled or 0, end))
            elif at > end:
                text = (
                    f"{place} ends at {end:,}, and {at:,} were read of it: the topic was made "
                    "again. It is read from its beginning."
                )
                notice = Notice(str(place), "kafka-topic-new", text, None)
                empty = Block([], 0, 0, 0, True)
                self._found.append(Arrival(partition.key, str(place), empty, None, ended=True))
                partition = self._partitions.forget(place, lowest)
            if notice is not None:
                self._gaps += 1
                self._found += [notice, _beginning(partition)]
            self._lock.notify_all()
        if notice is not None:
            known = fields("source-gap", source=notice.name, reason=notice.reason, lost=notice.lost)
            _log.error("%s: %s", self._cluster, notice.text, extra=known)
        # The client reads nothing more of a partition that was reset, and cannot seek in it.
        self._assign(consumer)

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
        if error is None:
            with self._lock:
                self._partitions.committed(
                    {Place(it.topic, it.partition): it.offset for it in done}
                )
        else:
            level = logging.DEBUG if self._told_commit else logging.WARNING
            text = (
                "%s: the group %s does not take offsets now (%s). They are committed later, or "
                "events are read again."
            )
            why = plain(error.str())
            known = fields("commit-failed", source=self._source, reason=why)
            _log.log(level, text, self._cluster, self._asked.group, why, extra=known)
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

    def __init__(self, name: str, source: str) -> None:
        self.text = ""
        self.count = 0
        self._name = name
        self._source = source
        self._told = (-_QUIET, "")
        self._permanent = self._stays = False

    def met(self, text: str, *, permanent: bool, stays: bool) -> None:
        """Take note of it. What somebody must act on is not hidden by what follows from it.

        `stays`: that brokers answer is no end of it.
        """
        if self.text and self._permanent and not permanent:
            return
        self._permanent = permanent
        self._stays = stays or (bool(self.text) and self._stays)
        self.count += not self.text
        self.text = text.removesuffix(".")
        now = time.monotonic()
        news = text != self._told[1] or now - self._told[0] >= _QUIET
        if news:
            self._told = now, text
        level = logging.ERROR if permanent else logging.WARNING
        known = fields("source-trouble", source=self._source, reason=text)
        _log.log(level if news else logging.DEBUG, "%s: %s", self._name, text, extra=known)

    def answered(self) -> None:
        """The brokers answer."""
        if not self._stays:
            self.over()

    def over(self) -> None:
        """Messages come again."""
        if self.text:
            self.text = ""
            known = fields("source-back", source=self._source)
            _log.info("%s: it works again", self._name, extra=known)


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
