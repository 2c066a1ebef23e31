"""The way to a collector: a name looked up, a connection over TCP or TLS, or datagrams.

In come a target and one of its endpoints, out goes a `Connection` (or `Datagrams`), or a sentence
why there is none. The `transport*` modules and `datagrams` are the only ones of delivery that know
sockets; they know nothing of queues, frames and messages.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.connection import (
    SLOW,
    STALLED,
    UNANSWERED,
    BrokenError,
    ConnectError,
    Connection,
    DeliveryError,
    OversizeError,
    PeerEndedError,
    Receipt,
)
from cef_bridge.delivery.datagrams import Datagrams
from cef_bridge.delivery.names import Address, resolve, shown_peer
from cef_bridge.delivery.transport_tcp import TcpConnection
from cef_bridge.delivery.transport_tls import context_of, secure
from cef_bridge.delivery.transport_wire import Wire
from cef_bridge.delivery.urls import shown_endpoint

if TYPE_CHECKING:
    import ssl
    import threading

    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.urls import Endpoint

__all__ = [
    "SLOW",
    "STALLED",
    "UNANSWERED",
    "BrokenError",
    "ConnectError",
    "Connection",
    "Datagrams",
    "DeliveryError",
    "OversizeError",
    "PeerEndedError",
    "Receipt",
    "connect",
    "dial",
]

_SLICE = 0.1

# An idle connection is asked every minute whether it still stands, and given up after two.
_KEEPALIVE = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 60),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 10),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 6),
)

# What connecting fails with -> what that means, and what to do.
_REFUSALS = {
    errno.ECONNREFUSED: "nothing listens there. Start the collector, or correct the port.",
    errno.EHOSTUNREACH: "host unreachable. Check the address, and whether the host is up.",
    errno.ENETUNREACH: "network unreachable. Check the address and the routes of this machine.",
    errno.ECONNRESET: "it reset the connection at once. Check its log.",
    errno.EACCES: "this machine's firewall forbids it. Allow the connection.",
    errno.EPERM: "this machine's firewall forbids it. Allow the connection.",
    errno.EADDRNOTAVAIL: "this machine has no address or port left to connect from.",
}


def connect(target: DestinationUrl, endpoint: Endpoint, *, stop: threading.Event) -> Connection:
    """Return a connection to one endpoint of a `tcp` or `tls` target.

    Its name is looked up each time, and all its addresses are tried in order, `connect_timeout`
    seconds each. Certificates and keys are read each time. Raises ConnectError, also soon after
    `stop` is set.
    """
    host, _ = endpoint
    context: ssl.SSLContext | None = None
    if target.scheme == "tls":
        try:
            context = context_of(target)
        except ConnectError as error:
            text = f"cannot connect to {shown_endpoint(endpoint)}: {error}"
            raise ConnectError(text, permanent=error.permanent) from error
    errors: list[ConnectError] = []
    for address in resolve(endpoint, socket.SOCK_STREAM, target.connect_timeout, stop):
        peer = shown_peer(endpoint, address)
        try:
            sock = dial(address, peer, target.connect_timeout, stop)
            try:
                wire = Wire(sock, peer, target.tcp_user_timeout)
                if context is None:
                    return TcpConnection(wire)
                return secure(wire, context, target, host, stop=stop)
            except BaseException:
                sock.close()
                raise
        except ConnectError as error:
            errors.append(error)
            if stop.is_set():
                break
    raise _of_all(errors)


def _of_all(errors: list[ConnectError]) -> ConnectError:
    """Return one error for all addresses of a name: the one that somebody has to act on, if any."""
    telling = next((error for error in errors if error.permanent), errors[-1])
    others = list(dict.fromkeys(str(error) for error in errors if error is not telling))
    return ConnectError(" ".join([str(telling), *others]), permanent=telling.permanent)


def dial(address: Address, peer: str, seconds: float, stop: threading.Event) -> socket.socket:
    """Return a socket that is connected to an address; ConnectError names it as `peer`."""
    sock = socket.socket(address.family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        # What is sent comes in large pieces; the last one of a batch must not wait for an answer.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in _KEEPALIVE:
            sock.setsockopt(*option)
        _wait_for_answer(sock, address, peer, seconds, stop)
    except OSError as error:
        sock.close()
        raise ConnectError(f"cannot reach {peer}: {refusal(error)}") from error
    except BaseException:
        sock.close()
        raise
    return sock


def refusal(error: OSError) -> str:
    """Return what an error of connecting means, and what to do: the rest of a sentence."""
    return _REFUSALS.get(error.errno or 0, f"{error.strerror or 'unknown error'}.")


def _wait_for_answer(
    sock: socket.socket, address: Address, peer: str, seconds: float, stop: threading.Event
) -> None:
    until = time.monotonic() + seconds
    number = sock.connect_ex(address.sockaddr)
    if number == errno.EINPROGRESS:
        poll = select.poll()
        poll.register(sock, select.POLLOUT)
        while not poll.poll(_SLICE * 1000):
            if stop.is_set():
                raise ConnectError(f"cannot reach {peer}: stopped while connecting.")
            if time.monotonic() >= until:
                raise ConnectError(
                    f"cannot reach {peer}: no answer within {seconds:g} seconds. Check the "
                    "address, the route, and the firewalls on the way."
                )
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number == 0 and sock.getsockname() == sock.getpeername():
        # Without a listener on a port of this machine, TCP can connect to itself (RFC 793 3.4).
        number = errno.ECONNREFUSED
    if number:
        raise OSError(number, errno.errorcode.get(number, ""))
