"""A connected TCP socket that never blocks, and what its kernel knows of the other end.

In come and out go bytes; errors come out as sentences. Must not know when to read or to write, or
what for.
"""

from __future__ import annotations

import array
import errno
import fcntl
import os
import select
import socket
import termios
import time

from cef_bridge.delivery import tcp_info
from cef_bridge.delivery.connection import SLOW, STALLED, UNANSWERED, BrokenError

_READ = 65536
_LOST = {errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN}


class ResetError(BrokenError):
    """The other side reset the connection: what it had not read is gone."""


class Wire:
    """A connected socket of one `peer`, as operators see it; it is given up after `black_hole`
    seconds in which nothing of what was sent was answered.
    """

    def __init__(self, sock: socket.socket, peer: str, black_hole: float) -> None:
        self.peer = peer
        self._sock = sock
        self._black_hole = black_hole
        self._silence = tcp_info.Silence()

    def read(self) -> bytes | None:
        """Return what there is, b"" at the other side's end, None when there is nothing."""
        try:
            return self._sock.recv(_READ)
        except BlockingIOError:
            return None
        except OSError as error:
            raise self._broken(error.errno) from error

    def write(self, data: memoryview) -> int:
        """Return how much of it the kernel took."""
        try:
            return self._sock.send(data)
        except BlockingIOError:
            return 0
        except OSError as error:
            raise self._broken(error.errno) from error

    def wait(self, seconds: float, *, read: bool, write: bool) -> None:
        """Wait until the socket can be read or written, or has failed, but not longer."""
        poll = select.poll()
        events = (select.POLLIN if read else 0) | (select.POLLOUT if write else 0)
        poll.register(self._sock, events)
        poll.poll(max(0.0, seconds) * 1000)

    def end(self) -> None:
        """Tell the other side that nothing more will come."""
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError as error:
            raise self._broken(error.errno) from error

    def unacknowledged(self) -> int:
        """Return how many bytes, a FIN included, the other side's kernel has not acknowledged."""
        waiting = array.array("i", [0])
        fcntl.ioctl(self._sock, termios.TIOCOUTQ, waiting)  # SIOCOUTQ is the same number
        return waiting[0]

    def info(self) -> tcp_info.TcpInfo:
        """Return what the kernel knows of the connection."""
        return tcp_info.parse(
            self._sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, tcp_info.SIZE)
        )

    def raise_error(self) -> None:
        """Raise the error that the socket keeps; behind an end, reading does not show it."""
        number = self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if number:
            raise self._broken(number)

    def look(self) -> str:
        """Return what is waited for (STALLED, SLOW, UNANSWERED); BrokenError in a black hole."""
        waiting = self.unacknowledged()
        info = self.info()
        silent = self._silence.seconds(time.monotonic(), waiting, info)
        if silent >= self._black_hole:
            raise BrokenError(
                f"{self.peer} has answered nothing for {silent:.0f} seconds: the machine is off, "
                "or something on the way drops what is sent."
            )
        if waiting == 0:
            return UNANSWERED
        return STALLED if info.window_closed else SLOW

    def close(self) -> None:
        """Close the socket; may be called twice."""
        self._sock.close()

    def _broken(self, number: int | None) -> BrokenError:
        """Return what an error of the socket means, for operators."""
        if number in _LOST:
            return ResetError(
                f"{self.peer} reset the connection. It was stopped, or it rejects what is sent: "
                "check its log."
            )
        if number == errno.ETIMEDOUT:
            return BrokenError(
                f"{self.peer} no longer answers: the machine is off, or the network in between."
            )
        return BrokenError(f"the connection to {self.peer} failed: {os.strerror(number or 0)}.")
