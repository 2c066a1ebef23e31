"""One TCP or TLS connection, read until its end; and how a collector answers that end.

In comes an accepted socket, out go messages without framing. An end is answered with our own only
after all before it was read and handed over: that is what senders take as a receipt. Must not know
what a message says, nor who counts it.
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from cef_bridge.delivery.framing import Deframer
from cef_bridge.lines.text import sanitize
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from cef_bridge.delivery.framing import Garbage

CHUNK = 1 << 18
_HANDSHAKE = 10.0
_AFTER_OUR_END = 1.0
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: on, no time: close() resets

# OpenSSL's word -> what a refused handshake means to who set the sender up.
_REFUSALS = {
    "HTTP_REQUEST": "the sender speaks HTTP. Expected TLS",
    "WRONG_VERSION_NUMBER": "the sender does not speak TLS. Listen on tcp:// or let it send TLS",
    "UNSUPPORTED_PROTOCOL": "the sender speaks TLS older than 1.2",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the sender showed no certificate; client_ca asks for one",
    "CERTIFICATE_VERIFY_FAILED": "the sender's certificate is not of client_ca, or expired",
    "TLSV1_ALERT_UNKNOWN_CA": "the sender does not know the CA of our certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "the sender refused our certificate",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the sender refused our certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "the sender takes our certificate for expired",
}


# The framing's word for a message that the end of its connection cut.
_CUT = "the connection ended within a message"
_SHOWN = 60


class Ending(Enum):
    """How a collector is asked to end: reading what is there, or at once with resets."""

    STOP = "stop"
    KILL = "kill"


class Handler(Protocol):
    """Who takes what a connection brings."""

    def ending(self) -> Ending | None:
        """Return how to end, None while there is no need to."""

    def messages(self, found: list[bytes]) -> None:
        """Take messages; they are counted when this returns, unless `ending` is KILL then."""

    def trouble(self, text: str) -> None:
        """Take what befell the connection, a sentence."""

    def garbage(self, text: str, number: int) -> None:
        """Take a fault of the framing, a sentence, that came so many times in a row."""


def _told(garbage: Garbage) -> str:
    head = sanitize(garbage.head.decode("utf-8", "replace"))
    shown = head.replace("\n", "<U+000A>").replace("\r", "<U+000D>")[:_SHOWN]
    return f'{garbage.reason}: {counted(garbage.size // garbage.number, "byte")}, "{shown}".'


class CollectorStopped(Exception):  # noqa: N818 - no error: the collector ends
    """The collector ends."""


class PeerConnection:
    """One connection; `run` reads it to its end and closes it. `wake` is readable at the end."""

    def __init__(
        self,
        sock: socket.socket,
        context: ssl.SSLContext | None,
        wake: int,
        handler: Handler,
        *,
        max_bytes: int,
    ) -> None:
        self._socket = sock
        self._context = context
        self._wake = wake
        self._handler = handler
        self._deframer = Deframer(max_bytes)
        self._first = True

    @property
    def framing(self) -> str:
        """Its framing: "lf" or "octet-counting"; "" while nothing tells."""
        return self._deframer.framing or ""

    def run(self) -> str:
        """Read to the end; return how it ended, in words."""
        with contextlib.ExitStack() as closing:
            closing.callback(self._close)
            try:
                if self._context and (refused := self._handshake(self._context)):
                    return refused
                ended = self._read()
            except CollectorStopped:
                return self._end()
            except (ConnectionError, TimeoutError, ssl.SSLError, OSError):
                # A sender that broke off sends again what was cut: no fault of a message.
                return "broken off"
            return self._answer(ended)

    def _close(self) -> None:
        self._socket.close()  # the one of now: TLS has put its own in the place of the first

    def _handshake(self, context: ssl.SSLContext) -> str:
        """Shake hands; return why it failed, "" for success."""
        self._socket = context.wrap_socket(
            self._socket,
            server_side=True,
            do_handshake_on_connect=False,
            suppress_ragged_eofs=False,
        )
        until = time.monotonic() + _HANDSHAKE
        while True:
            try:
                self._socket.do_handshake()
            except ssl.SSLWantReadError:
                wanted = select.POLLIN
            except ssl.SSLWantWriteError:
                wanted = select.POLLOUT
            except ssl.SSLEOFError:
                return "left during the TLS handshake"
            except ssl.SSLError as error:
                reason = error.reason or ""
                known = _REFUSALS.get(reason)
                text = known or f"TLS says {reason.lower().replace('_', ' ') or 'no reason'}"
                self._handler.trouble(f"the TLS handshake failed: {text}.")
                self._let_read()
                return "refused"
            else:
                return ""
            if not self._wait(wanted, until - time.monotonic()):
                self._handler.trouble("the TLS handshake took more than 10 seconds.")
                return "refused"

    def _let_read(self) -> None:
        """Let the sender read our alert: closing over unread data would reset it away."""
        with contextlib.suppress(OSError, CollectorStopped):
            raw = socket.socket(fileno=self._socket.detach())
            self._socket = raw
            raw.setblocking(False)
            raw.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _AFTER_OUR_END
            while self._wait(select.POLLIN, until - time.monotonic()) and raw.recv(CHUNK):
                pass

    def _read(self) -> str:
        """Hand over all messages until the sender's end; return how it ended."""
        while True:
            try:
                data = self._socket.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, None)
                continue
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, None)
                continue
            except ssl.SSLEOFError:
                return "ended without close_notify"
            if not data:
                return "ended"
            self._take(data)
            if self._handler.ending():
                raise CollectorStopped

    def _take(self, data: bytes) -> None:
        if self._first:
            self._first = False
            if self._context is None and data.startswith(b"\x16\x03"):
                self._handler.trouble(
                    "the sender speaks TLS. Listen on tls:// or let it send without TLS."
                )
                raise ConnectionError
        if found := self._deframer.feed(data):
            self._handler.messages(found)
        for garbage in self._deframer.take_garbage():
            self._handler.garbage(_told(garbage), garbage.number)
        if self._handler.ending() is Ending.KILL:
            raise CollectorStopped

    def _answer(self, ended: str) -> str:
        """Answer the sender's end; all it sent is counted."""
        self._finish()
        if isinstance(self._socket, ssl.SSLSocket) and ended == "ended":
            # close_notify for close_notify (RFC 8446 6.1)
            with contextlib.suppress(OSError, ValueError):
                self._socket = self._socket.unwrap()
        return ended

    def _finish(self) -> None:
        """Report what came of something that has no end."""
        self._deframer.end()
        for garbage in self._deframer.take_garbage():
            if garbage.reason == _CUT:  # its sender has to send it again: no fault of it
                self._handler.trouble(
                    f"{_CUT}: {counted(garbage.size, 'byte')} of it do not count."
                )
            else:
                self._handler.garbage(_told(garbage), garbage.number)

    def _end(self) -> str:
        """End by our own will: when what is there was read, or at once with a reset."""
        if self._handler.ending() is not Ending.KILL:
            with contextlib.suppress(CollectorStopped):
                return self._leave()
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        return "reset by us"

    def _leave(self) -> str:
        """Read what is there, say that we end, and read what comes for a second more."""
        with contextlib.suppress(OSError, ValueError):
            if self._drain():
                return self._answer("ended")
            if isinstance(self._socket, ssl.SSLSocket):
                with contextlib.suppress(ssl.SSLError):
                    self._socket.unwrap()
            else:
                self._socket.shutdown(socket.SHUT_WR)
            until = time.monotonic() + _AFTER_OUR_END
            while (left := until - time.monotonic()) > 0:
                if select.select([self._socket], [], [], left)[0] and self._drain():
                    break
        return "ended by us"

    def _drain(self) -> bool:
        """Take what can be read without waiting, for a second at most; tell whether it ended."""
        until = time.monotonic() + _AFTER_OUR_END
        while time.monotonic() < until:
            try:
                data = self._socket.recv(CHUNK)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            if not data:
                return True
            self._take(data)
        return False

    def _wait(self, wanted: int, seconds: float | None) -> bool:
        """Wait for the socket; False when the time is over. Raises Stopped when asked to end."""
        poll = select.poll()
        poll.register(self._socket, wanted)
        poll.register(self._wake, select.POLLIN)
        ready = poll.poll(None if seconds is None else max(seconds, 0) * 1000)
        if any(place == self._wake for place, _ in ready):
            raise CollectorStopped
        return bool(ready)
