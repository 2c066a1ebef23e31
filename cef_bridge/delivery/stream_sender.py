"""Messages to a collector over TCP or TLS, each kept until a receipt says that it has arrived.

In come a queue and a target, out go frames; `receipts` decides what the end of a connection means,
and this module does it: connect, send, ask for the receipt by closing in order, settle or send
again. The idea and its invariants: `receipts`. Must not know sockets, or what is in a message.
"""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.connection import (
    SLOW,
    STALLED,
    UNANSWERED,
    BrokenError,
    PeerEndedError,
    Receipt,
)
from cef_bridge.delivery.endpoint_selector import EndpointSelector
from cef_bridge.delivery.framing import frame_lf, frame_octets
from cef_bridge.delivery.in_flight import InFlight
from cef_bridge.delivery.orderly_close import OrderlyClose
from cef_bridge.delivery.pending_receipts import PendingReceipt, PendingReceipts
from cef_bridge.delivery.receipts import Mode, RoundResult
from cef_bridge.delivery.sender_context import SLICE, StopSending

if TYPE_CHECKING:
    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.connection import Connection
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import SenderContext
    from cef_bridge.queue.values import Stored

_log = logging.getLogger(__name__)

_PROBES = 3  # times its patience that a target has for the first answer of all
_GREETING = 0.3  # seconds in which a collector that ends its side or refuses us has done so


class Patience(NamedTuple):
    """Seconds.

    `probe`: for an answer, where none ever came; `idle`: without a message until a receipt is asked
    for; `hold`: that a confirmed message is kept at most; `back`: between looks whether a preferred
    endpoint can be had again (longer and longer when it cannot).
    """

    probe: float = 5.0
    idle: float = 1.0
    hold: float = 60.0
    back: float = 30.0


class StreamSender:
    """Sends what a queue holds to the first of a target's endpoints that takes it.

    `framing`: "lf" or "octet-counting".
    """

    def __init__(
        self,
        context: SenderContext,
        target: DestinationUrl,
        framing: str,
        backoff: Backoff,
        patience: Patience,
    ) -> None:
        self._context = context
        self._queue = context.queue
        self._progress = context.progress
        self._target = target
        self._counts_octets = framing == "octet-counting"
        self._patience = patience
        self._selector = EndpointSelector(context, target, backoff, patience.back)
        self._in_flight = InFlight(context.queue, target.confirm_hold, patience.hold)
        self._connection: Connection | None = None
        self._probing = False  # this connection carries one message, to see if it is answered
        self._pending = PendingReceipts()
        self._passed_at = 0.0
        self._trusted = False  # a receipt came, and nothing has failed since
        self._refused = (
            False  # the last connection ended with an error that will not heal by itself
        )

    def run(self) -> None:
        """Send until told to stop, or to end and all is sent. What is in flight then, stays."""
        self._queue.rewind()  # what was in flight or held when an earlier process was killed
        try:
            while self._step():
                self._context.raise_if_stopped()
        except StopSending:
            _log.debug("%s: stopped", self._progress.name)
        finally:
            self._hang_up("stopped")
            self._pending.close()
        self._in_flight.release(None)

    # One step

    def _step(self) -> bool:
        """Do one thing; False when all is done."""
        try:
            self._hear_strays()
            if self._connection is None:
                if self._all_done():
                    return False
                self._use(self._selector.connect(self._unreachable))
            self._go_on(self._connection)
        except BrokenError as error:
            self._broke(error)
        return True

    def _all_done(self) -> bool:
        if not self._context.ending.is_set() or not self._context.nothing_waits():
            return False
        # The kernels of their collectors have them, and silence is all that can be had there.
        self._in_flight.leave(self._pending.drop())
        return True

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        self._in_flight.connected()
        standing = self._selector.standing
        self._probing = standing.wants_probe(self._context.clock())
        if self._refused:
            # With TLS 1.3 a certificate is refused after the handshake: it may seem that we are in.
            self._context.sleep(_GREETING)
            self._look(connection)
            self._refused = False
        self._progress.connected(connection.peer)
        if standing.mode is Mode.WINDOW:
            self._context.sleep(_GREETING)

    def _go_on(self, connection: Connection | None) -> None:
        if connection is None:
            return
        now = self._context.clock()
        self._in_flight.release(now)
        self._look(connection)
        self._pass(connection, now)
        if self._go_back(connection):
            return
        if self._is_due(now):
            self._finish_round(connection)
            return
        stored = self._queue.fetch(self._room())
        if stored is not None:
            self._send(connection, stored)
        elif not self._context.ending.is_set():
            self._context.wait_for_messages()
        elif self._in_flight.round_:
            self._finish_round(connection, last=True)
        else:
            self._hang_up("all is sent")

    def _look(self, connection: Connection) -> None:
        """Raise BrokenError when the connection's end can be seen."""
        try:
            connection.check()
        except PeerEndedError:
            # Not a break where it comes before anything was sent: some end their own side at once
            # and read on. Who has really closed answers what is sent by a reset.
            if self._selector.standing.mode is not Mode.WINDOW or connection.written():
                raise
            connection.go_on()

    def _room(self) -> int | None:
        messages = self._in_flight.round_.messages
        return max(0, 1 - messages) if self._probing else self._selector.standing.room(messages)

    def _is_due(self, now: float) -> bool:
        """Tell whether it is time to settle the round."""
        if self._room() == 0:
            return True
        target, standing, round_ = (
            self._target,
            self._selector.standing,
            self._in_flight.round_,
        )
        if standing.mode is Mode.WINDOW:
            return bool(round_) and standing.wants_probe(now)
        return round_.due(
            now, age=target.confirm_interval, size=target.confirm_bytes, idle=self._patience.idle
        )

    def _send(self, connection: Connection, stored: Stored) -> None:
        # With LF a text of messages is framed as one: most rows are sent without being split.
        octets = self._counts_octets
        data = frame_octets(stored.messages) if octets else frame_lf([stored.text])
        self._in_flight.send(
            stored, len(data), connection.written() + len(data), self._context.clock()
        )
        connection.send(data, self._context.on_wait)
        self._progress.moves()
        self._progress.sent(len(stored.messages), len(data), resent=stored.resent)
        self._context.busy()

    def _hang_up(self, why: str) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        self._progress.disconnected(why)

    # The end of a round

    def _finish_round(self, connection: Connection, *, last: bool = False) -> None:
        """Settle the round; `last`: nothing will follow it."""
        mode = self._selector.standing.mode
        if self._probing:
            self._ask(connection, self._patience.probe * (_PROBES if mode is Mode.UNKNOWN else 1))
        elif mode is Mode.WINDOW:
            self._part(connection, last=last)
        else:
            self._ask(connection, None)

    def _ask(self, connection: Connection, patience: float | None) -> None:
        """Close in order, and do what the answer says; `patience` None: it will come."""
        orderly_close = self._take_leave(connection, patience)
        if not orderly_close.wait(0):
            self._pending_receipt(orderly_close)
            return
        receipt = orderly_close.receipt()
        if receipt is Receipt.NONE:
            raise BrokenError(orderly_close.sentence)
        self._answered(receipt, orderly_close.sentence)

    def _part(self, connection: Connection, *, last: bool) -> None:
        """End a round of a target that does not answer.

        That its connection outlived it is all that will be known. A small one, after a break,
        leaves with that; else the target is asked once more, and if it is silent again, what was
        sent waits for the window to pass.
        """
        self._outlive(connection)
        if self._room() == 0 and not last:
            self._selector.standing.outlived(self._in_flight.round_.messages)
            self._in_flight.leave(self._in_flight.round_.clear())
            self._selector.went_well()
            return
        orderly_close = self._take_leave(connection, self._patience.probe)
        receipt = Receipt.NONE
        if orderly_close.wait(0):
            with contextlib.suppress(BrokenError):
                receipt = orderly_close.receipt()
        if receipt is not Receipt.NONE:
            self._answered(receipt, orderly_close.sentence)
            return
        if orderly_close.wait(0):
            self._pending.keep(self._in_flight.round_.clear())
            self._selector.standing.silent(self._context.clock())
        else:
            self._pending_receipt(orderly_close)
        if last:
            self._in_flight.leave(self._pending.drop())
            self._selector.went_well()

    def _take_leave(self, connection: Connection, patience: float | None) -> OrderlyClose:
        """Close in order; return when that is done, or when a patience is over.

        It begins when all was taken, and does not end when it is None.
        """
        self._connection = None
        orderly_close = OrderlyClose(connection, wary=not self._trusted)
        since: float | None = None
        try:
            while not orderly_close.wait(SLICE):
                self._context.on_wait(orderly_close.reason)
                now = self._context.clock()
                if patience is None or orderly_close.reason != UNANSWERED:
                    since = None
                elif since is None:
                    since = now
                elif now - since >= patience:
                    break
        except BaseException:
            orderly_close.abandon()
            raise
        self._progress.moves()
        return orderly_close

    def _outlive(self, connection: Connection) -> None:
        """Return when all was taken and the connection was whole for a while after that."""
        since: float | None = None
        before = 0
        while since is None or self._context.clock() - since < self._patience.probe:
            self._context.sleep(SLICE)
            self._look(connection)
            left = connection.unacknowledged()
            if left:
                since = None
                self._progress.waits(STALLED if left == before else SLOW)
            elif since is None:
                since = self._context.clock()
            before = left
        self._progress.moves()

    def _answered(self, receipt: Receipt, sentence: str) -> None:
        """Settle the round, whose end was answered."""
        round_, now = self._in_flight.round_, self._context.clock()
        weakly = receipt is Receipt.WEAK
        fate = self._selector.standing.answered(round_.messages, now, weakly=weakly)
        self._selector.take_note()
        if fate is RoundResult.AGAIN:
            raise BrokenError(sentence)
        if fate is RoundResult.CONFIRMED:
            self._in_flight.confirm(round_.clear(), now)
            self._progress.confirmed()
            self._trusted = not weakly
            self._resolve_strays()
        else:
            self._in_flight.leave(self._pending.drop() + round_.clear())
        self._selector.went_well()

    def _pass(self, connection: Connection, now: float) -> None:
        """Let go of what the window has passed, where nothing else will tell."""
        if self._selector.standing.mode is not Mode.WINDOW or now - self._passed_at < SLICE:
            return
        self._passed_at = now
        window = self._target.unconfirmed_window
        acknowledged = connection.written() - connection.unacknowledged()
        gone = [sent.what for sent in self._in_flight.round_.passed(acknowledged, window)]
        if acknowledged >= window:
            gone += self._pending.drop()
        if gone:
            self._in_flight.leave(gone)
            self._selector.went_well()

    # Strays

    def _pending_receipt(self, orderly_close: OrderlyClose) -> None:
        """Go on without an answer, and with an ear for it."""
        round_ = self._in_flight.round_
        messages = round_.messages
        self._pending.add(PendingReceipt(round_.clear(), messages, orderly_close))
        self._selector.standing.silent(self._context.clock())
        self._selector.take_note()

    def _hear_strays(self) -> None:
        """Settle what is answered after all; BrokenError when one ends otherwise."""
        for pending_receipt in self._pending.take_heard():
            receipt, now = pending_receipt.orderly_close.receipt(), self._context.clock()
            fate = RoundResult.AGAIN
            if receipt is not Receipt.NONE:
                weakly = receipt is Receipt.WEAK
                fate = self._selector.standing.answered(
                    pending_receipt.messages, now, weakly=weakly
                )
                self._selector.take_note()
            if fate is RoundResult.AGAIN:
                raise BrokenError(pending_receipt.orderly_close.sentence)
            if fate is RoundResult.CONFIRMED:
                self._in_flight.confirm(pending_receipt.stored, now)
                self._progress.confirmed()
            else:
                self._in_flight.leave(pending_receipt.stored)
            self._selector.went_well()

    def _resolve_strays(self) -> None:
        """Send strays again when a later connection was answered and theirs are not even then."""
        until = self._context.clock() + self._patience.probe
        while self._pending.may_answer and self._context.clock() < until:
            self._hear_strays()
            self._context.sleep(SLICE / 4)
        if self._pending.drop():
            self._queue.rewind(held=False)

    # Breaks

    def _broke(self, error: BrokenError) -> None:
        """Send again what was sent over the connection, and what is held."""
        self._hang_up("broken")
        self._trusted = False
        self._refused = error.permanent
        messages = self._in_flight.round_.messages
        lost = bool(messages) or not self._context.nothing_waits()
        if lost and not error.permanent:
            self._selector.standing.broke(messages, self._context.clock(), probe=self._probing)
            self._selector.take_note()
        if lost or self._pending or self._in_flight.holds or error.permanent:
            self._send_again()
            waiting = self._context.unsent()
            self._progress.trouble(str(error), waiting, act=error.permanent, broke=True)
        else:  # collectors and firewalls end idle connections, and nothing depends on this one
            _log.debug("%s: %s", self._progress.name, error)
        self._selector.broke(counts=lost)

    def _unreachable(self) -> None:
        """Take nothing for granted of a collector that is down; do not wait for it in vain."""
        self._trusted = False
        if self._pending or self._in_flight.holds:
            self._send_again()
        if self._context.ending.is_set() and self._context.nothing_waits():
            raise StopSending  # it was told to end while it was connecting

    def _send_again(self) -> None:
        self._pending.drop()
        self._in_flight.again()

    def _go_back(self, connection: Connection) -> bool:
        """Change to a preferred endpoint, if it is back: between two rounds, if there are."""
        if self._in_flight.round_ and self._selector.standing.mode is not Mode.WINDOW:
            return False
        spare = self._selector.preferred()
        if spare is None:
            return False
        connection.abandon()
        if self._in_flight.round_ or self._pending:
            self._send_again()
        self._selector.taken()
        self._trusted = False
        self._use(spare)
        return True
