"""A TCP connection to a collector, and the receipt that its orderly end gives.

In come framed bytes, out they go; what the collector says is read and thrown away, for plain syslog
knows no answer. All waiting is done in slices, so that the caller can give up. Must not know frames
and messages.
"""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery import tcp_info
from cef_bridge.delivery.connection import SLOW, BrokenError, PeerEndedError, Receipt
from cef_bridge.delivery.transport_wire import ResetError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.delivery.connection import OnWait
    from cef_bridge.delivery.transport_wire import Wire

SLICE = 0.5
"""Seconds, at most, between two calls of `on_wait`."""

MOST_READS = 16
"""Reads of one look: a collector that talks without end must not keep us from sending."""

_PAUSE = 0.01
_AVERSION = 0.3  # seconds, and twice the way, in which a program that wants no syslog has closed
_HEAD = 16  # bytes that tell what speaks there
_CROSSED = {tcp_info.CLOSING, tcp_info.LAST_ACK}
_ALL_OVER = {tcp_info.TIME_WAIT, tcp_info.CLOSE}


class TcpConnection:
    """A `Connection` over plain TCP, and what TLS has in common with it."""

    _wants = "it does not take what is sent, such as plain text when it wants TLS (tls://)"

    def __init__(self, wire: Wire) -> None:
        self.reason = ""
        self._wire = wire
        self._written = 0
        self._begun = 0.0  # when the first byte went
        self._ended = False  # the other side of TCP
        self._one_way = False  # it has, and is written to all the same
        self._crossed = False  # its end came before it had ours
        self._head = b""  # the first bytes that it said
        self._wary = True

    @property
    def peer(self) -> str:
        """The collector as operators see it."""
        return self._wire.peer

    def check(self) -> None:
        """Raise BrokenError when the connection's end can be seen already."""
        self._hear()
        if self._peer_has_ended():
            self._wire.raise_error()
            if not self._one_way:
                raise self._peer_ended()
        self._wire.look()

    def send(self, data: bytes, on_wait: OnWait) -> None:
        """Write all of it, or raise BrokenError."""
        self._begun = self._begun or time.monotonic()
        self._push(memoryview(data), on_wait)
        self._written += len(data)

    def unacknowledged(self) -> int:
        """Return how many bytes the collector's kernel has not acknowledged."""
        return self._wire.unacknowledged()

    def written(self) -> int:
        """Return how many bytes were sent so far."""
        return self._written

    def go_on(self) -> None:
        """Write on although the collector has ended its side."""
        self._one_way = True

    def finish(self, on_wait: OnWait, *, wary: bool = True) -> Receipt:
        """End the connection in order, and return what the collector's end says."""
        self._wary = wary
        try:
            receipt, self.reason = self._finish(on_wait)
        except (ResetError, PeerEndedError) as error:
            receipt, self.reason = Receipt.NONE, str(error)
        finally:
            self.abandon()
        return receipt

    def abandon(self) -> None:
        """Close at once; may be called twice."""
        self._wire.close()

    # What TLS does otherwise

    def _hear(self) -> None:
        """Read what has come, and note whether that was the end."""
        for _ in range(MOST_READS):
            if self._ended:
                return
            data = self._read()
            if data is None:
                return
            self._ended = not data

    def _peer_has_ended(self) -> bool:
        """Tell whether the collector has ended its side, above TCP or of TCP."""
        return self._ended

    def _misunderstood(self) -> BrokenError | None:
        """Return an explanation, when what the collector said is one."""
        if self._head[:1] in {b"\x15", b"\x16"} and self._head[1:2] == b"\x03":  # RFC 8446 5.1
            text = f"{self.peer} speaks TLS. Write tls:// instead of tcp://."
        elif self._head.startswith(b"HTTP/"):
            text = f"{self.peer} is a web server and takes no syslog. Correct the port."
        else:
            return None
        return BrokenError(text, permanent=True)

    # What both do

    def _read(self) -> bytes | None:
        try:
            data = self._wire.read()
        except ResetError as error:
            raise self._misunderstood() or error from error
        if data and len(self._head) < _HEAD:
            self._head = (self._head + data)[:_HEAD]
        return data

    def _push(self, data: memoryview, on_wait: OnWait) -> None:
        """Write all of it, listening meanwhile: who is not listened to may stop to read."""
        due = time.monotonic() + SLICE
        moved = False
        while data:
            try:
                count = self._wire.write(data)
            except ResetError as error:
                raise self._explained(error) from error
            data = data[count:]
            moved = moved or count > 0
            if data:
                left = due - time.monotonic()
                self._wire.wait(left, read=not self._peer_has_ended(), write=True)
                self._hear()
                if self._peer_has_ended() and not self._one_way:
                    raise self._peer_ended()
            if data and time.monotonic() >= due:
                waits_for = self._wire.look()
                on_wait(SLOW if moved else waits_for)
                due = time.monotonic() + SLICE
                moved = False

    def _explained(self, error: BrokenError) -> BrokenError:
        """Return a better explanation, if the collector gave one before it left.

        TLS 1.3 judges our certificate after the handshake: the writes succeed, then one fails, and
        only what can still be read tells why.
        """
        try:
            self._hear()
        except BrokenError as said:
            return said if said.permanent else error
        return self._misunderstood() or error

    def _peer_ended(self) -> BrokenError:
        return self._misunderstood() or PeerEndedError(
            f"{self.peer} closed the connection. It was stopped or restarted, or {self._wants}: "
            "check its log."
        )

    def _finish(self, on_wait: OnWait) -> tuple[Receipt, str]:
        self._hear()
        if self._begun and self._wary:
            # A program that waits for TLS reads what is no TLS, and closes without a word. Did our
            # end come before that, its own would look like an answer.
            until = self._begun + _AVERSION + 2e-6 * self._wire.info().rtt
            self._listen(self._peer_has_ended, on_wait, until)
        # Who has ended before us did not wait for our end, and so does not answer it.
        if not self._stands():
            return self._early()
        self._wire.end()
        self._listen(self._peer_has_ended, on_wait)
        return self._early() if self._crossed else self._judge()

    def _listen(self, done: Callable[[], bool], on_wait: OnWait, until: float = math.inf) -> None:
        """Read until something is done, or so long, telling `on_wait` what is waited for."""
        due = time.monotonic() + SLICE
        while not done() and (now := time.monotonic()) < until:
            if self._ended:  # there is nothing to wait for that poll would see
                time.sleep(_PAUSE)
            else:
                self._wire.wait(min(due, until) - now, read=True, write=False)
            # Looked at before the end is read: on its way our end can still be seen crossing it.
            self._crossed = self._crossed or self._wire.info().state in _CROSSED
            self._hear()
            if time.monotonic() >= due and not done():
                on_wait(self._wire.look())
                due = time.monotonic() + SLICE

    def _stands(self) -> bool:
        return not self._peer_has_ended() and self._wire.info().state == tcp_info.ESTABLISHED

    def _early(self) -> tuple[Receipt, str]:
        self._wire.raise_error()
        misunderstood = self._misunderstood()
        if misunderstood is not None:
            raise misunderstood
        return Receipt.NONE, str(self._peer_ended())

    def _judge(self) -> tuple[Receipt, str]:
        """Return what the end that was read is worth: an end alone can hide a reset.

        In 5 of 20 trials with unread data it did; the error waited behind it.
        """
        waiting = self._wire.unacknowledged()
        self._wire.raise_error()
        misunderstood = self._misunderstood()
        if misunderstood is not None:
            raise misunderstood
        if waiting or self._wire.info().state not in _ALL_OVER:
            return Receipt.NONE, f"{self.peer} ended the connection before everything had arrived."
        return Receipt.STRONG, ""
