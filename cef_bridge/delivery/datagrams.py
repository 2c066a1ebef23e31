"""Messages as UDP datagrams: one message each, whole (RFC 5426 3.1).

In come messages, out they go; whether one arrives, nobody knows. Pacing is the sender's business.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.connection import SLOW, BrokenError, ConnectError, OversizeError
from cef_bridge.delivery.names import resolve, shown_peer
from cef_bridge.delivery.urls import shown_endpoint

if TYPE_CHECKING:
    import threading

    from cef_bridge.delivery.connection import OnWait
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.urls import Endpoint

_SLICE = 0.5
_AGAIN = {errno.EAGAIN, errno.ENOBUFS, errno.ENOMEM}
# Answers of the way (ICMP) to an earlier datagram; the system reports them instead of sending.
_EARLIER = {errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPROTO}
_TRIES = 3


class Datagrams:
    """A sender of datagrams to one endpoint of a `udp` target; for one thread.

    `refused` counts answers that nothing listens there: noted, for UDP has no other sign, and not
    fatal, for they are seldom complete. ConnectError when its name is not known.
    """

    def __init__(
        self, target: DestinationUrl, endpoint: Endpoint, *, stop: threading.Event
    ) -> None:
        self.refused = 0
        self._written = 0
        address = resolve(endpoint, socket.SOCK_DGRAM, target.connect_timeout, stop)[0]
        self.peer = shown_peer(endpoint, address)
        self._sock = socket.socket(address.family, socket.SOCK_DGRAM)
        try:
            self._sock.setblocking(False)
            self._sock.connect(address.sockaddr)
        except OSError as error:
            self._sock.close()
            raise ConnectError(
                f"cannot send to {shown_endpoint(endpoint)}: {error.strerror or 'unknown error'}. "
                "Check the address and the routes of this machine."
            ) from error

    def send(self, message: bytes, on_wait: OnWait | None = None) -> None:
        """Send one message, whole; it may not arrive.

        OversizeError: no datagram is that long. BrokenError: this machine cannot send now. While
        the system has no room, `on_wait` is called at least twice a second with SLOW.
        """
        earlier = 0
        while True:
            try:
                self._sock.send(message)
            except OSError as error:
                number = error.errno or 0
                if number == errno.EMSGSIZE:
                    raise OversizeError(
                        f"a message of {len(message)} bytes is longer than a datagram to "
                        f"{self.peer} can be. Lower max_datagram, or the mapping's max_bytes."
                    ) from error
                if number in _EARLIER and earlier < _TRIES:
                    earlier += 1
                    self.refused += number == errno.ECONNREFUSED
                elif number in _AGAIN:
                    self._wait(on_wait)
                else:
                    raise BrokenError(
                        f"cannot send to {self.peer}: {error.strerror or 'unknown error'}. Check "
                        "the routes and the firewall of this machine."
                    ) from error
            else:
                self._written += len(message)
                return

    def written(self) -> int:
        """Return how many bytes were sent so far."""
        return self._written

    def abandon(self) -> None:
        """Close the socket; may be called twice."""
        self._sock.close()

    def _wait(self, on_wait: OnWait | None) -> None:
        """Wait for room; a full queue of the network card does not show in poll."""
        poll = select.poll()
        poll.register(self._sock, select.POLLOUT)
        if poll.poll(_SLICE * 1000):
            time.sleep(0.01)
        if on_wait is not None:
            on_wait(SLOW)
