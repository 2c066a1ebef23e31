"""Messages to a server that says by HTTP what became of each: sent in batches, settled one by one.

In come a queue and a destination, out go batches; each message is confirmed, sent again or made a
dead letter as the server says. What a server wants and what its answers mean is its `Session`'s.
Must not know HTTP, or what is in a message.

A message is confirmed by a server's word about it, never by a request that went well. All that was
sent and has no fate stays in flight in the queue: a process that is killed loses nothing.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cef_bridge.delivery.batches import Batch, Outbox
from cef_bridge.delivery.connection import (
    SLOW,
    UNANSWERED,
    BrokenError,
    DeliveryError,
)
from cef_bridge.delivery.http.answers import BatchRefusedError, RefusedError
from cef_bridge.delivery.sender_context import SLICE, StopSending
from cef_bridge.log_fields import fields
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.http.answers import Fates, MessageFate, Session
    from cef_bridge.delivery.sender_context import SenderContext
    from cef_bridge.delivery.stream_sender import Patience
    from cef_bridge.delivery.urls import Endpoint

_log = logging.getLogger(__name__)

_LONGEST = 600.0  # seconds between tries of a preferred endpoint, when it fails again and again


class HttpSender:
    """Sends what a queue holds to the first of a destination's endpoints that takes it.

    `session` makes the session of an endpoint. `patience.back`: seconds until a preferred endpoint
    is tried again.
    """

    def __init__(
        self,
        context: SenderContext,
        target: DestinationUrl,
        backoff: Backoff,
        patience: Patience,
        session: Callable[[Endpoint], Session],
    ) -> None:
        self._context = context
        self._queue = context.queue
        self._progress = context.progress
        self._target = target
        self._backoff = backoff
        self._back = self._pause = patience.back
        self._outbox = Outbox(context.queue, target.batch_bytes)
        self._sessions = [session(endpoint) for endpoint in target.endpoints]
        self._at = 0  # the endpoint that is sent to
        self._back_at = 0.0  # when the preferred one is tried again
        self._failures = 0  # in a row, with nothing that went well in between
        self._act = False  # one of them does not heal by itself
        self._since: float | None = None  # when the batch that is not full was begun
        self._told_dead = False

    def run(self) -> None:
        """Send until told to stop, or to end and all has its fate. What is in flight stays."""
        self._queue.rewind()  # what was in flight when an earlier process was killed
        try:
            while self._step():
                self._context.raise_if_stopped()
        except StopSending:
            _log.debug("%s: stopped", self._progress.name)
        finally:
            for session in self._sessions:
                session.close()
            self._progress.disconnected("stopped")

    # One step

    def _step(self) -> bool:
        """Do one thing; False when all is done."""
        try:
            self._hear()
            self._prefer()
            if self._is_window_full():
                self._progress.waits(UNANSWERED)
                self._rest()
                return True
            batch = self._next()
            if batch is not None:
                self._send(batch)
            elif self._all_done():
                return False
            else:
                self._rest()
        except DeliveryError as error:
            self._failed(error)
        return True

    def _all_done(self) -> bool:
        return (
            self._context.ending.is_set()
            and not len(self._outbox)
            and not self._pending()
            and self._context.nothing_waits()
        )

    def _pending(self) -> int:
        return sum(session.pending_bytes for session in self._sessions)

    def _is_window_full(self) -> bool:
        pending = self._pending()
        return pending > 0 and pending >= self._target.ack_window

    def _next(self) -> Batch | None:
        """Return a batch that is full, or that has waited long enough for more."""
        full = self._outbox.fill()
        if not len(self._outbox):
            self._since = None
            return None
        now = self._context.clock()
        if self._since is None:
            self._since = now
        waited = now - self._since
        if full or waited >= self._target.batch_wait or self._context.ending.is_set():
            self._since = None
            return self._outbox.take()
        return None

    def _rest(self) -> None:
        """Wait for a message, or until something is to be heard."""
        now = self._context.clock()
        due = min((it.due(now) for it in self._sessions if it.pending_bytes), default=SLICE)
        if self._since is not None:
            due = min(due, self._since + self._target.batch_wait - now)
        if self._is_window_full() or due < SLICE:
            self._context.sleep(min(due, SLICE))
        else:
            self._context.wait_for_messages()

    def _on_wait(self) -> None:
        self._context.raise_if_stopped()
        if self._progress.state().connected:
            self._progress.waits(SLOW)

    # Batches and their fates

    def _send(self, batch: Batch) -> None:
        session = self._sessions[self._at]
        try:
            fates = session.send(batch, self._on_wait)
        except BatchRefusedError as error:
            self._divide(batch, error)
            return
        except DeliveryError as error:
            sent = isinstance(error, BrokenError)
            if sent:
                self._count(batch)
            self._outbox.give_back(batch.parts, resent=sent)
            raise
        self._count(batch)
        self._outbox.passed()
        self._context.busy()
        if fates is None:
            self._went_well(session)
        else:
            self._settle(session, batch, fates)

    def _count(self, batch: Batch) -> None:
        for part in batch.parts:
            size = sum(map(len, part.messages))
            self._progress.sent(len(part.messages), size, resent=part.resent)

    def _divide(self, batch: Batch, error: BatchRefusedError) -> None:
        """Send a refused batch in halves; what is refused alone is a dead letter."""
        if batch.count == 1:
            self._dead_letter(batch, 0, str(error))
            self._outbox.whole()
            return
        _log.debug("%s: %s It is sent in smaller batches.", self._progress.name, error)
        self._outbox.halve(batch)

    def _settle(self, session: Session, batch: Batch, fates: Fates) -> None:
        """Give each message of a batch its fate; a DeliveryError tells why some are sent again."""
        kinds = [fates.of(index) for index in range(batch.count)]
        good = {"confirmed", "duplicate"}
        arrived = batch.where(lambda index: kinds[index].kind in good)
        if arrived:
            self._queue.settle(arrived, "confirmed")
            self._progress.confirmed()
        unconfirmed = batch.where(lambda index: kinds[index].kind == "unconfirmed")
        if unconfirmed:
            self._queue.settle(unconfirmed, "unconfirmed")
        if duplicates := sum(fate.kind == "duplicate" for fate in kinds):
            self._progress.duplicates(duplicates)
        for index, fate in enumerate(kinds):
            if fate.kind == "dead":
                self._dead_letter(batch, index, fate.reason)
        again = [fate for fate in kinds if fate.kind == "retry"]
        if len(again) < len(kinds):
            self._went_well(session)
        if again:
            self._outbox.give_back(
                batch.where(lambda index: kinds[index].kind == "retry"), resent=True
            )
            self._raise(session, again)

    def _raise(self, session: Session, again: list[MessageFate]) -> None:
        """Raise the reason why messages are sent again; none for what can be sent at once."""
        fate = next((it for it in again if it.act), again[0])
        if fate.reason:
            text = f"{session.peer} did not confirm {counted(len(again), 'message')}: {fate.reason}"
            raise RefusedError(text, permanent=fate.act)

    def _dead_letter(self, batch: Batch, index: int, reason: str) -> None:
        stored, place = batch.place(index)
        self._queue.dead_letter(stored, place, reason)
        _log.log(
            logging.DEBUG if self._told_dead else logging.ERROR,
            "%s: %s It is kept among the dead letters, and so will be all others like it.",
            *(self._progress.name, reason),
            extra=fields("dead-letter", destination=self._progress.name, reason=reason),
        )
        self._told_dead = True

    def _hear(self) -> None:
        """Settle what is answered by now."""
        now = self._context.clock()
        for at, session in enumerate(self._sessions):
            if not session.pending_bytes or session.due(now) > 0:
                continue
            try:
                heard = session.hear(now, self._on_wait)
            except DeliveryError as error:
                if at == self._at:
                    raise
                _log.debug("%s: %s", self._progress.name, error)
                if not isinstance(error, RefusedError):
                    self._forget(session)
                continue
            self._take(session, [*heard])

    def _take(self, session: Session, heard: list[tuple[Batch, Fates]]) -> None:
        """Settle all of what was heard, and raise the first reason to send some of it again."""
        first: DeliveryError | None = None
        for batch, fates in heard:
            try:
                self._settle(session, batch, fates)
            except DeliveryError as error:
                first = first or error
        if heard:
            self._progress.moves()
        if first is not None:
            raise first

    # Endpoints

    def _went_well(self, session: Session) -> None:
        if session is self._sessions[0]:
            self._pause = self._back
        self._failures = 0
        self._act = False
        self._backoff.reset()
        self._progress.moves()
        state = self._progress.state()
        if not state.connected or state.peer != session.peer:
            self._progress.connected(session.peer)
        self._progress.works()

    def _failed(self, error: DeliveryError) -> None:
        """Say so, wait, and choose where to go on.

        The first time the server may only have been restarted; after that it is another one's turn.
        """
        self._context.raise_if_stopped()
        act, lost = error.permanent, not isinstance(error, RefusedError)
        waiting = self._context.unsent()
        broke = isinstance(error, BrokenError)
        self._progress.trouble(str(error), waiting, act=act, broke=broke)
        self._failures += 1
        self._act = self._act or act
        others = len(self._sessions) > 1
        if not others or (self._failures == 1 and broke):
            self._sleep()
            return
        if lost:
            self._forget(self._sessions[self._at])
        self._at += 1
        if self._at == len(self._sessions):
            self._at = 0
            self._sleep()
        self._back_at = self._context.clock() + self._pause

    def _sleep(self) -> None:
        act, self._act = self._act, False
        self._context.sleep(self._backoff.longest() if act else self._backoff.next())

    def _forget(self, session: Session) -> None:
        """Send again what waits for the word of an endpoint that cannot be asked."""
        for batch in reversed([*session.give_back()]):
            self._outbox.give_back(batch.parts, resent=True)
        session.close()

    def _prefer(self) -> None:
        """Go back to the first endpoint now and then; what waits for this one is heard on."""
        if self._at and self._context.clock() >= self._back_at:
            self._at = 0
            self._pause = min(2 * self._pause, _LONGEST)
