"""TLS on top of a TCP connection: the handshake, what is written and read, and its orderly end.

In come a connected wire and the settings of a target, out goes a `Connection`. TLS runs in memory
(ssl.MemoryBIO) and the bytes go over the same wire as plain ones: so an end or a reset of TCP and
an end of TLS (close_notify) can be told apart, and nothing is read or written behind our back.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import ssl
import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery import tcp_info, tls_errors
from cef_bridge.delivery.certificates import look_at
from cef_bridge.delivery.connection import BrokenError, ConnectError, Receipt
from cef_bridge.delivery.transport_tcp import MOST_READS, TcpConnection
from cef_bridge.errors import UsageError
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    import threading

    from cef_bridge.delivery.connection import OnWait
    from cef_bridge.delivery.destination_url import DestinationUrl, Tls
    from cef_bridge.delivery.transport_wire import Wire

_log = logging.getLogger(__name__)

_PIECE = 256 << 10  # bytes that are encrypted at a time
_READ = 65536
_SLICE = 0.1
_NO_EOF = 2.0  # seconds that a collector may take to end TCP after it has ended TLS
_NO_ANSWER = 1.0  # seconds until one that has not ended TCP after our close_notify is told so
_RESET_BEHIND = 0.03  # seconds in which a reset follows an end, if one does
_MAYBE_PLAIN = "If it takes plain text there, write tcp://; else check its log."


_last_good: dict[Tls, ssl.SSLContext] = {}


def context_of(tls: Tls) -> ssl.SSLContext:
    """Return a context made of the files as they are now.

    TLS 1.2 and later (RFC 8996). Certificates are read each time, so that renewed ones are taken.
    When they cannot be used, the last that could are; ConnectError where there were none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION
    try:
        _believe(context, tls)
        if tls.cert is not None:
            # Without a password, OpenSSL would ask the terminal for one.
            context.load_cert_chain(tls.cert, tls.key, password=tls.read_key_password() or "")
    except (OSError, ValueError, UsageError) as error:  # ssl.SSLError is an OSError
        if (kept := _last_good.get(tls)) is not None:
            _log.debug("TLS files cannot be used, the earlier ones stay in use: %s", error)
            return kept
        wrong = look_at(tls, time.time()).errors or [f"the TLS files cannot be used: {error}."]
        raise ConnectError(" ".join(wrong), permanent=True) from error
    _last_good[tls] = context
    return context


def _believe(context: ssl.SSLContext, tls: Tls) -> None:
    if not tls.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif tls.ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        context.load_verify_locations(cafile=tls.ca)
        # What is named is believed, also when it is not the root of its chain.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN


@functools.cache  # said once, not at every connection
def warn_unverified(shown: str) -> None:
    """Warn that anyone may pose as this server, once."""
    _log.warning(
        "%s: its certificate is not verified (verify=no): traffic can be intercepted. Name its CA "
        "with ca=.",
        shown,
        extra=fields("not-verified", peer=shown),
    )


def secure(
    wire: Wire, context: ssl.SSLContext, target: DestinationUrl, host: str, *, stop: threading.Event
) -> TlsConnection:
    """Return the connection after the handshake; ConnectError says why there is none.

    With TLS 1.3 the collector looks at our certificate only after the handshake: its refusal comes
    later, as an error of `check`, `send` or `finish`.
    """
    if not target.verify:
        warn_unverified(wire.peer.partition(" ")[0])
    name = (target.server_name or host).rstrip(".")
    bios = Bios(ssl.MemoryBIO(), ssl.MemoryBIO())
    try:
        session = context.wrap_bio(bios.incoming, bios.outgoing, server_hostname=name)
    except ValueError as error:
        raise ConnectError(
            f"cannot reach {wire.peer}: no certificate can be for {name}. Set server_name= to a "
            "name it covers.",
            permanent=True,
        ) from error
    Handshake(wire, target.connect_timeout, stop).run(session, bios, target, name)
    return TlsConnection(wire, session, bios, target)


class Bios(NamedTuple):
    """The memory between TLS and the wire."""

    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO


class TlsConnection(TcpConnection):
    """A `Connection` over TLS, made by `secure`."""

    _wants = "it does not take what is sent"

    def __init__(self, wire: Wire, session: ssl.SSLObject, bios: Bios, tls: Tls) -> None:
        super().__init__(wire)
        self._session = session
        self._bios = bios
        self._tls = tls
        self._asked = 0.0  # when our close_notify went
        self._orderly_close: float | None = None  # when its own came

    def certificate(self) -> bytes:
        """Return the other side's certificate (DER)."""
        return self._session.getpeercert(binary_form=True) or b""

    def send(self, data: bytes, on_wait: OnWait) -> None:
        """Encrypt and write all of it, or raise BrokenError."""
        rest = memoryview(data)
        while rest:
            piece = rest[:_PIECE]
            rest = rest[_PIECE:]
            size = len(piece)
            while piece:  # it takes a record of 16 KiB at a time
                try:
                    piece = piece[self._session.write(piece) :]
                except ssl.SSLError as error:
                    raise self._explained(self._broken(error)) from error
            self._push(memoryview(self._bios.outgoing.read()), on_wait)
            self._written += size

    def _hear(self) -> None:
        for _ in range(MOST_READS):
            if self._ended:
                return
            data = self._read()
            if data is None:
                return
            if data:
                self._bios.incoming.write(data)
                self._decrypt()
            else:
                # The session is not told: Python's contexts take it for a close_notify then.
                self._ended = True

    def _decrypt(self) -> None:
        """Throw away what was said; tickets and new keys are no data, and no end either."""
        try:
            while self._orderly_close is None:
                if not self._session.read(_READ):
                    self._orderly_close = time.monotonic()
        except ssl.SSLWantReadError:
            return
        except ssl.SSLZeroReturnError:  # the same, when we have ended before
            self._orderly_close = time.monotonic()
        except ssl.SSLError as error:
            raise self._broken(error) from error

    def _broken(self, error: ssl.SSLError) -> BrokenError:
        text, permanent = tls_errors.later(error, self._tls)
        return BrokenError(f"{self.peer} {text}", permanent=permanent)

    def _peer_has_ended(self) -> bool:
        return self._ended or self._orderly_close is not None

    def _finish(self, on_wait: OnWait) -> tuple[Receipt, str]:
        """End TLS, and TCP only when the collector has: our end would hide a reset behind its own.

        Who does nothing for a while may wait for the end of TCP, and then gets it.
        """
        self._hear()
        if not self._stands():
            return self._early()
        # All that came is decrypted, so that it finds no data where it looks for an answer.
        with contextlib.suppress(ssl.SSLError):
            self._session.unwrap()
        self._push(memoryview(self._bios.outgoing.read()), on_wait)
        self._asked = time.monotonic()
        self._listen(self._tls_ended, on_wait)
        if self._ended:
            self._listen(lambda: False, on_wait, time.monotonic() + _RESET_BEHIND)
            self._wire.raise_error()
        self._wire.end()
        self._listen(self._both_ended, on_wait)
        self._listen(self._all_over, on_wait)
        return self._judge()

    def _tls_ended(self) -> bool:
        """Tell whether it has ended TCP, or may be waiting for our end of that."""
        return self._ended or (
            time.monotonic() > self._asked + _NO_ANSWER and not self._wire.unacknowledged()
        )

    def _both_ended(self) -> bool:
        """Tell whether it has ended TCP, or TLS alone and will not end TCP."""
        orderly_close = self._orderly_close
        return self._ended or (
            orderly_close is not None and time.monotonic() > orderly_close + _NO_EOF
        )

    def _all_over(self) -> bool:
        """Tell whether our end has arrived, or never will."""
        return not self._wire.unacknowledged() or self._wire.info().state == tcp_info.CLOSE

    def _judge(self) -> tuple[Receipt, str]:
        if not self._ended:
            self._wire.raise_error()
            return Receipt.WEAK, f"{self.peer} ended TLS (close_notify), but not the connection."
        receipt, reason = super()._judge()
        if receipt is Receipt.STRONG and self._orderly_close is None:
            return Receipt.WEAK, f"{self.peer} ended the connection, but not TLS (no close_notify)."
        return receipt, reason

    def _misunderstood(self) -> BrokenError | None:
        return None  # whoever has shaken hands speaks TLS


class Handshake:
    """The handshake of one connection; it may not take longer than `seconds`."""

    def __init__(self, wire: Wire, seconds: float, stop: threading.Event) -> None:
        self._wire = wire
        self._seconds = seconds
        self._until = time.monotonic() + seconds
        self._stop = stop
        self._head = b""  # the first bytes that the other side said

    def run(self, session: ssl.SSLObject, bios: Bios, tls: Tls, name: str) -> None:
        """Shake hands; ConnectError says why that failed."""
        shaken = False
        try:
            while not shaken:
                try:
                    session.do_handshake()
                    shaken = True
                except ssl.SSLWantReadError:
                    pass
                self._flush(bios)
                if not shaken:
                    bios.incoming.write(self._take())
        except ssl.SSLError as error:
            with contextlib.suppress(BrokenError):
                # The alert that tells the collector's log why we leave.
                self._wire.write(memoryview(bios.outgoing.read()))
            text = tls_errors.handshake(error, session, tls, name, self._head)
            raise self._failed(text, permanent=True) from error
        except BrokenError as error:
            raise self._failed(f"it aborted the TLS handshake. {_MAYBE_PLAIN}") from error

    def _flush(self, bios: Bios) -> None:
        data = memoryview(bios.outgoing.read())
        while data:
            try:
                data = data[self._wire.write(data) :]
            except BrokenError:
                return  # what it said before it left says more
            if data:
                self._pause(write=True)

    def _take(self) -> bytes:
        """Return bytes of the handshake as soon as there are some."""
        while True:
            data = self._wire.read()
            if data:
                self._head = (self._head + data[:64])[:64]
                return data
            if data is not None:
                raise self._failed(f"it closed the connection in the TLS handshake. {_MAYBE_PLAIN}")
            self._pause(write=False)

    def _pause(self, *, write: bool) -> None:
        left = self._until - time.monotonic()
        if self._stop.is_set():
            raise self._failed("stopped while connecting.")
        if left <= 0:
            raise self._failed(
                f"no answer to the TLS handshake within {self._seconds:g} seconds. {_MAYBE_PLAIN}"
            )
        self._wire.wait(min(left, _SLICE), read=not write, write=write)

    def _failed(self, text: str, *, permanent: bool = False) -> ConnectError:
        return ConnectError(f"cannot reach {self._wire.peer}: {text}", permanent=permanent)
