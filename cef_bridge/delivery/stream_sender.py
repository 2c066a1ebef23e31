"""Messages to a collector over TCP or TLS, each kept until a receipt says that it has arrived.

In come a queue and a target, out go frames; `receipts` decides what the end of a connection means,
and this module does it: connect, send, ask for the receipt by closing in order, settle or send
again. The next connection is used when the fate of the last is known, so that the order of a lane
is kept also by collectors that read each connection in a thread of its own. Must not know sockets,
or what is in a message.
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
        desk: SenderContext,
        target: DestinationUrl,
        framing: str,
        backoff: Backoff,
        patience: Patience,
    ) -> None:
        self._desk = desk
        self._queue = desk.queue
        self._progress = desk.progress
        self._target = target
        self._frame = frame_octets if framing == "octet-counting" else frame_lf
        self._patience = patience
        self._route = EndpointSelector(desk, target, backoff, patience.back)
        self._flight = InFlight(desk.queue, target.confirm_hold, patience.hold)
        self._connection: Connection | None = None
        self._probing = False  # this connection carries one message, to see if it is answered
        self._strays = PendingReceipts()
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
                self._desk.heed()
        except StopSending:
            _log.debug("%s: stopped", self._progress.name)
        finally:
            self._hang_up("stopped")
            self._strays.close()
        self._flight.release(None)

    # One step

    def _step(self) -> bool:
        """Do one thing; False when all is done."""
        try:
            self._hear_strays()
            if self._connection is None:
                if self._all_done():
                    return False
                self._use(self._route.connect(self._unreachable))
            self._go_on(self._connection)
        except BrokenError as error:
            self._broke(error)
        return True

    def _all_done(self) -> bool:
        if not self._desk.ending.is_set() or not self._desk.nothing_waits():
            return False
        # The kernels of their collectors have them, and silence is all that can be had there.
        self._flight.leave(self._strays.drop())
        return True

    def _use(self, connection: Connection) -> None:
        self._connection = connection
        self._flight.connected()
        standing = self._route.standing
        self._probing = standing.wants_probe(self._desk.clock())
        if self._refused:
            # With TLS 1.3 a certificate is refused after the handshake: it may seem that we are in.
            self._desk.sleep(_GREETING)
            self._look(connection)
            self._refused = False
        self._progress.connected(connection.peer)
        if standing.mode is Mode.WINDOW:
            self._desk.sleep(_GREETING)

    def _go_on(self, connection: Connection | None) -> None:
        if connection is None:
            return
        now = self._desk.clock()
        self._flight.release(now)
        self._look(connection)
        self._pass(connection, now)
        if self._go_back(connection):
            return
        if self._is_due(now):
            self._turn_over(connection)
            return
        stored = self._queue.fetch(self._room())
        if stored is not None:
            self._send(connection, stored)
        elif not self._desk.ending.is_set():
            self._desk.wait_for_messages()
        elif self._flight.generation:
            self._turn_over(connection, last=True)
        else:
            self._hang_up("all is sent")

    def _look(self, connection: Connection) -> None:
        """Raise BrokenError when the connection's end can be seen."""
        try:
            connection.check()
        except PeerEndedError:
            # Not a break where it comes before anything was sent: some end their own side at once
            # and read on. Who has really closed answers what is sent by a reset.
            if self._route.standing.mode is not Mode.WINDOW or connection.written():
                raise
            connection.go_on()

    def _room(self) -> int | None:
        messages = self._flight.generation.messages
        return max(0, 1 - messages) if self._probing else self._route.standing.room(messages)

    def _is_due(self, now: float) -> bool:
        """Tell whether it is time to settle the generation."""
        if self._room() == 0:
            return True
        target, standing, generation = self._target, self._route.standing, self._flight.generation
        if standing.mode is Mode.WINDOW:
            return bool(generation) and standing.wants_probe(now)
        return generation.due(
            now, age=target.turnover, size=target.turnover_bytes, idle=self._patience.idle
        )

    def _send(self, connection: Connection, stored: Stored) -> None:
        data = self._frame(stored.messages)
        self._flight.send(stored, len(data), connection.written() + len(data), self._desk.clock())
        connection.send(data, self._desk.on_wait)
        self._progress.moves()
        self._progress.sent(len(stored.messages), len(data), resent=stored.resent)
        self._desk.busy()

    def _hang_up(self, why: str) -> None:
        if self._connection is not None:
            self._connection.abandon()
            self._connection = None
        self._progress.disconnected(why)

    # The end of a generation

    def _turn_over(self, connection: Connection, *, last: bool = False) -> None:
        """Settle the generation; `last`: nothing will follow it."""
        mode = self._route.standing.mode
        if self._probing:
            self._ask(connection, self._patience.probe * (_PROBES if mode is Mode.UNKNOWN else 1))
        elif mode is Mode.WINDOW:
            self._part(connection, last=last)
        else:
            self._ask(connection, None)

    def _ask(self, connection: Connection, patience: float | None) -> None:
        """Close in order, and do what the answer says; `patience` None: it will come."""
        farewell = self._take_leave(connection, patience)
        if not farewell.wait(0):
            self._stray(farewell)
            return
        receipt = farewell.receipt()
        if receipt is Receipt.NONE:
            raise BrokenError(farewell.sentence)
        self._answered(receipt, farewell.sentence)

    def _part(self, connection: Connection, *, last: bool) -> None:
        """End a generation of a target that does not answer.

        That its connection outlived it is all that will be known. A small one, after a break,
        leaves with that; else the target is asked once more, and if it is silent again, what was
        sent waits for the window to pass.
        """
        self._outlive(connection)
        if self._room() == 0 and not last:
            self._route.standing.outlived(self._flight.generation.messages)
            self._flight.leave(self._flight.generation.clear())
            self._route.went_well()
            return
        farewell = self._take_leave(connection, self._patience.probe)
        receipt = Receipt.NONE
        if farewell.wait(0):
            with contextlib.suppress(BrokenError):
                receipt = farewell.receipt()
        if receipt is not Receipt.NONE:
            self._answered(receipt, farewell.sentence)
            return
        if farewell.wait(0):
            self._strays.keep(self._flight.generation.clear())
            self._route.standing.silent(self._desk.clock())
        else:
            self._stray(farewell)
        if last:
            self._flight.leave(self._strays.drop())
            self._route.went_well()

    def _take_leave(self, connection: Connection, patience: float | None) -> OrderlyClose:
        """Close in order; return when that is done, or when a patience is over.

        It begins when all was taken, and does not end when it is None.
        """
        self._connection = None
        farewell = OrderlyClose(connection, wary=not self._trusted)
        since: float | None = None
        try:
            while not farewell.wait(SLICE):
                self._desk.on_wait(farewell.reason)
                now = self._desk.clock()
                if patience is None or farewell.reason != UNANSWERED:
                    since = None
                elif since is None:
                    since = now
                elif now - since >= patience:
                    break
        except BaseException:
            farewell.abandon()
            raise
        self._progress.moves()
        return farewell

    def _outlive(self, connection: Connection) -> None:
        """Return when all was taken and the connection was whole for a while after that."""
        since: float | None = None
        before = 0
        while since is None or self._desk.clock() - since < self._patience.probe:
            self._desk.sleep(SLICE)
            self._look(connection)
            left = connection.unacknowledged()
            if left:
                since = None
                self._progress.waits(STALLED if left == before else SLOW)
            elif since is None:
                since = self._desk.clock()
            before = left
        self._progress.moves()

    def _answered(self, receipt: Receipt, sentence: str) -> None:
        """Settle the generation, whose end was answered."""
        generation, now = self._flight.generation, self._desk.clock()
        weakly = receipt is Receipt.WEAK
        fate = self._route.standing.answered(generation.messages, now, weakly=weakly)
        self._route.take_note()
        if fate is RoundResult.AGAIN:
            raise BrokenError(sentence)
        if fate is RoundResult.CONFIRMED:
            self._flight.confirm(generation.clear(), now)
            self._progress.confirmed()
            self._trusted = not weakly
            self._resolve_strays()
        else:
            self._flight.leave(self._strays.drop() + generation.clear())
        self._route.went_well()

    def _pass(self, connection: Connection, now: float) -> None:
        """Let go of what the window has passed, where nothing else will tell."""
        if self._route.standing.mode is not Mode.WINDOW or now - self._passed_at < SLICE:
            return
        self._passed_at = now
        window = self._target.window
        acknowledged = connection.written() - connection.unacknowledged()
        gone = [sent.what for sent in self._flight.generation.passed(acknowledged, window)]
        if acknowledged >= window:
            gone += self._strays.drop()
        if gone:
            self._flight.leave(gone)
            self._route.went_well()

    # Strays

    def _stray(self, farewell: OrderlyClose) -> None:
        """Go on without an answer, and with an ear for it."""
        generation = self._flight.generation
        messages = generation.messages
        self._strays.add(PendingReceipt(generation.clear(), messages, farewell))
        self._route.standing.silent(self._desk.clock())
        self._route.take_note()

    def _hear_strays(self) -> None:
        """Settle what is answered after all; BrokenError when one ends otherwise."""
        for stray in self._strays.take_heard():
            receipt, now = stray.farewell.receipt(), self._desk.clock()
            fate = RoundResult.AGAIN
            if receipt is not Receipt.NONE:
                weakly = receipt is Receipt.WEAK
                fate = self._route.standing.answered(stray.messages, now, weakly=weakly)
                self._route.take_note()
            if fate is RoundResult.AGAIN:
                raise BrokenError(stray.farewell.sentence)
            if fate is RoundResult.CONFIRMED:
                self._flight.confirm(stray.stored, now)
                self._progress.confirmed()
            else:
                self._flight.leave(stray.stored)
            self._route.went_well()

    def _resolve_strays(self) -> None:
        """Send strays again when a later connection was answered and theirs are not even then."""
        until = self._desk.clock() + self._patience.probe
        while self._strays.may_answer and self._desk.clock() < until:
            self._hear_strays()
            self._desk.sleep(SLICE / 4)
        if self._strays.drop():
            self._queue.rewind(held=False)

    # Breaks

    def _broke(self, error: BrokenError) -> None:
        """Send again what was sent over the connection, and what is held."""
        self._hang_up("broken")
        self._trusted = False
        self._refused = error.permanent
        messages = self._flight.generation.messages
        lost = bool(messages) or not self._desk.nothing_waits()
        if lost and not error.permanent:
            self._route.standing.broke(messages, self._desk.clock(), probe=self._probing)
            self._route.take_note()
        if lost or self._strays or self._flight.holds or error.permanent:
            self._send_again()
            waiting = self._desk.unsent()
            self._progress.trouble(str(error), waiting, act=error.permanent, broke=True)
        else:  # collectors and firewalls end idle connections, and nothing depends on this one
            _log.debug("%s: %s", self._progress.name, error)
        self._route.broke(counts=lost)

    def _unreachable(self) -> None:
        """Take nothing for granted of a collector that is down; do not wait for it in vain."""
        self._trusted = False
        if self._strays or self._flight.holds:
            self._send_again()
        if self._desk.ending.is_set() and self._desk.nothing_waits():
            raise StopSending  # it was told to end while it was connecting

    def _send_again(self) -> None:
        self._strays.drop()
        self._flight.again()

    def _go_back(self, connection: Connection) -> bool:
        """Change to a preferred endpoint, if it is back: between two generations, if there are."""
        if self._flight.generation and self._route.standing.mode is not Mode.WINDOW:
            return False
        spare = self._route.preferred()
        if spare is None:
            return False
        connection.abandon()
        if self._flight.generation or self._strays:
            self._send_again()
        self._route.taken()
        self._trusted = False
        self._use(spare)
        return True
