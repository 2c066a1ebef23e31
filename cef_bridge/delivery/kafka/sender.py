"""Messages to a topic of Kafka, in batches; the broker says of each message what became of it.

In come a queue and a destination, out go messages with a key and headers; each is confirmed, sent
again or made a dead letter by its delivery report. One batch is on its way at a time. What has no
report yet stays in flight in the queue: a process that is killed loses nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from cef_bridge.delivery.batches import Batch, Outbox
from cef_bridge.delivery.kafka.settings import cluster_of
from cef_bridge.delivery.sender_context import SLICE, StopSending
from cef_bridge.kafka import client
from cef_bridge.kafka.errors import KafkaFault, Topic, fault, plain
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from confluent_kafka import KafkaError, Message, Producer

    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import SenderContext

_MOST = 1 << 20  # bytes of messages in a batch
_ANSWERS = 0.4  # seconds that a broker has to answer while there is nothing to send
_ASK_EVERY = 1.0  # seconds
_CONTENT = ("content-type", b"text/plain; charset=utf-8")
_CLASS = "cef-bridge-class"
# What is wrong with a message itself: to send it again changes nothing.
_OF_THE_MESSAGE = ("MSG_SIZE_TOO_LARGE", "INVALID_RECORD", "INVALID_MSG", "INVALID_TIMESTAMP")

_log = logging.getLogger(__name__)


class _Fates:
    """What the broker said of a batch's messages: errors by their places, None for a receipt."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.said: dict[int, KafkaError | None] = {}

    @property
    def complete(self) -> bool:
        return len(self.said) == self.batch.count

    def places(self, names: tuple[str, ...]) -> list[int]:
        """Return the places of messages with one of these errors."""
        return [at for at, error in self.said.items() if error and error.name() in names]


class KafkaSender:
    """Sends what a queue holds to a topic.

    UsageError when the client cannot be made of the destination's settings.
    """

    def __init__(self, context: SenderContext, target: DestinationUrl, backoff: Backoff) -> None:
        client.check_library()
        self._context = context
        self._target = target
        self._backoff = backoff
        self._cluster = cluster_of(target, target.endpoints)
        self._topic = target.path.removeprefix("/")
        self._outbox = Outbox(context.queue, _MOST)
        self._producer: Producer | None = None
        self._fatal = False  # the producer can do nothing more
        self._told_dead = False
        self._act = False  # somebody must act before anything is taken
        self._answered = False  # a broker did, and there was no trouble after that
        self._asked_at: float | None = None

    def run(self) -> None:
        """Send until told to stop, or to end and all has its fate. What is in flight stays."""
        context = self._context
        context.queue.rewind()
        try:
            while True:
                context.raise_if_stopped()
                self._outbox.fill()
                batch = self._outbox.take()
                if batch is not None:
                    self._send(batch)
                elif context.ending.is_set() and context.nothing_waits():
                    break
                else:
                    self._idle()
                    context.wait_for_messages()
        except StopSending:
            _log.debug("%s: stopped", context.progress.name)
        finally:
            self._drop_producer()
            context.progress.disconnected("stopped")

    def _send(self, batch: Batch) -> None:
        """Send a batch, wait for what the broker says of each message, and settle them."""
        fates = _Fates(batch)
        producer = self._producer or self._make()
        for at, (message, _) in enumerate(batch.messages()):
            self._produce(producer, fates, at, message)
        while not fates.complete and not self._fatal:
            self._poll(SLICE)
            self._context.raise_if_stopped()
        if self._fatal:  # what has no report goes to another producer
            self._drop_producer()
        self._settle(fates)

    def _idle(self) -> None:
        """Keep a producer that can send, and know whether a broker answers it."""
        producer = self._producer or self._make()
        self._poll(0)
        if self._fatal:
            self._drop_producer()
        elif not self._answered:
            self._ask(producer)

    def _ask(self, producer: Producer) -> None:
        """See whether a broker answers; what it has against the topic, messages will tell."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - see check_library

        now = self._context.clock()
        if self._asked_at is not None and now - self._asked_at < _ASK_EVERY:
            return
        self._asked_at = now
        try:
            producer.list_topics(self._topic, timeout=_ANSWERS)
        except KafkaException:
            return  # what is wrong comes to `_on_error`
        self._act = False
        self._hears()
        self._context.progress.works()

    def _hears(self) -> None:
        """Take note that a broker answers."""
        if not self._answered:
            self._answered = True
            self._context.progress.connected(str(self._target))

    def _poll(self, seconds: float) -> None:
        """Have the producer bring reports and errors, for so long at most."""
        from confluent_kafka import KafkaException  # noqa: PLC0415 - see check_library

        try:
            if self._producer is not None:
                self._producer.poll(seconds)
        except KafkaException as error:  # a fatal one
            self._on_error(error.args[0])

    def _produce(self, producer: Producer, fates: _Fates, at: int, message: bytes) -> None:
        from confluent_kafka import KafkaException  # noqa: PLC0415 - see check_library

        def report(error: KafkaError | None, _: Message) -> None:
            fates.said[at] = error

        key, headers = self._key_and_headers(message)
        while True:
            try:
                producer.produce(self._topic, message, key=key, headers=headers, on_delivery=report)
            except BufferError:  # the producer's own queue is full
                self._poll(SLICE)
                self._context.raise_if_stopped()
            except KafkaException as error:
                self._fatal = self._fatal or bool(error.args[0].fatal())
                fates.said[at] = error.args[0]
                return
            else:
                return

    def _key_and_headers(self, message: bytes) -> tuple[str | None, list[Any]]:
        facts = self._context.facts(message) if self._context.facts is not None else None
        if facts is None:
            return None, [_CONTENT]
        key = {"externalId": facts.event_id, "container": facts.container}.get(self._target.key_by)
        return key or None, [_CONTENT, (_CLASS, facts.class_id.encode())]

    def _settle(self, fates: _Fates) -> None:
        batch, queue, progress = fates.batch, self._context.queue, self._context.progress
        large = fates.places(_OF_THE_MESSAGE[:1])
        dead = fates.places(_OF_THE_MESSAGE[1:]) + (large if batch.count == 1 else [])
        for at in dead:
            self._make_dead(batch, at, fates.said[at])
        done = {at for at, error in fates.said.items() if error is None}
        if done:
            parts = batch.where(done.__contains__)
            queue.settle(parts, "confirmed")
            self._hears()
            for part in parts:
                size = sum(map(len, part.messages))
                progress.sent(len(part.messages), size, resent=part.resent)
            progress.confirmed()
            progress.works()
            self._act = False
            self._context.busy()
            self._backoff.reset()
        settled = done | set(dead)
        again = batch.where(lambda at: at not in settled)
        if not again:
            self._outbox.passed()
        elif large:  # one is too large for the broker, or all of them together
            self._outbox.halve(Batch(again))
        else:
            self._outbox.give_back(again, resent=True)
            self._wait(next((error for error in fates.said.values() if error), None))

    def _make_dead(self, batch: Batch, at: int, error: KafkaError | None) -> None:
        part, place = batch.place(at)
        reason = f"the broker does not take it: {plain(error.str() if error else '')}."
        self._context.queue.dead_letter(part, place, reason)
        _log.log(
            logging.DEBUG if self._told_dead else logging.ERROR,
            "%s: %s It is kept among the dead letters, and so will be all others like it.",
            *(self._context.progress.name, reason),
            extra=fields("dead-letter", destination=self._context.progress.name, reason=reason),
        )
        self._told_dead = True

    def _wait(self, error: KafkaError | None) -> None:
        """Wait before messages are sent again."""
        if error is not None:
            found = fault(error, self._cluster, Topic(self._topic))
            self._trouble(found)
            if found.permanent:
                self._context.sleep(self._backoff.longest())
                return
        self._context.sleep(self._backoff.next())

    # --- the client -------------------------------------------------------------------------------

    def _make(self) -> Producer:
        from confluent_kafka import KafkaException, Producer  # noqa: PLC0415 - see check_library

        words = {
            **client.settings(self._cluster, self._on_error),
            "acks": "all",
            "enable.idempotence": self._target.idempotence,
            "compression.type": self._target.compression,
            "linger.ms": 5,
            # Without an end: what a broker that is away has not answered stays with the producer.
            "message.timeout.ms": 0,
        }
        try:
            self._producer = Producer(words)
        except (KafkaException, ValueError) as error:
            raise client.unusable(self._cluster, error) from error
        self._fatal = self._answered = False
        return self._producer

    def _drop_producer(self) -> None:
        """End the producer at once; what it has not sent is in the queue."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer.purge()

    def _on_error(self, error: KafkaError) -> None:
        self._fatal = self._fatal or bool(error.fatal())
        self._trouble(fault(error, self._cluster, Topic(self._topic)))

    def _trouble(self, found: KafkaFault) -> None:
        if self._act and not found.permanent:  # what follows from it hides it otherwise
            return
        self._act = found.permanent
        self._answered = False
        waiting = self._context.unsent()
        self._context.progress.trouble(found.text, waiting, act=found.permanent)
