"""One question to the metrics server of a running forwarder, answered within a time and a size.

In come an address and a path, out goes an answer, or why there is none. Who answers may be anybody:
nothing is followed elsewhere, and neither an endless nor a slow answer holds up who asks.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cef_bridge.delivery.urls import Endpoint

MOST = 4 << 20
"""Bytes of an answer; a forwarder with a hundred destinations has a fifth of it."""


class MetricsAnswer(NamedTuple):
    """A status, the text, and the program that answers, as it calls itself."""

    status: int
    text: str
    server: str


class NoAnswerError(Exception):
    """Why there is no answer, as the middle of a sentence: `connection refused`."""


def ask(endpoint: Endpoint, path: str, limit: float, *, tls: bool = False) -> MetricsAnswer:
    """Return an answer, whatever its status; NoAnswerError when there is none.

    `limit`: seconds that a connection may take, and after it the whole answer.
    """
    connection = (HTTPSConnection if tls else HTTPConnection)(*endpoint, timeout=limit)
    late = threading.Event()

    def hang_up() -> None:
        late.set()
        with contextlib.suppress(OSError):
            opened[0].shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(limit, hang_up)
    timer.daemon = True
    opened: list[socket.socket] = []
    try:
        connection.connect()
        opened.append(connection.sock)  # an answer without a length takes it from the connection
        timer.start()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read(MOST + 1)
        server = answer.getheader("Server", "")
    except (OSError, HTTPException) as error:
        raise NoAnswerError(_why(error, limit, late=late.is_set())) from error
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        raise NoAnswerError(_why(TimeoutError(), limit, late=True))
    if len(body) > MOST:
        raise NoAnswerError(f"its answer is larger than {MOST >> 20} MiB")
    return MetricsAnswer(answer.status, body.decode("utf-8", "replace"), server)


def _why(error: Exception, limit: float, *, late: bool) -> str:
    if late or isinstance(error, TimeoutError):
        return f"no answer within {limit:.0f} seconds"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return "it does not speak HTTP"
