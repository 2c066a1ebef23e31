"""The studio's server: a socket on loopback, and what serves an application on it.

In comes an address and an application, out goes how it ended. Must not know what is served.
"""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
from typing import TYPE_CHECKING

import uvicorn

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.request_safety import is_loopback
from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from starlette.types import ASGIApp

_GRACE = 2  # seconds for requests under way at the end
_MOST_AT_ONCE = 100


def listen(address: str, *, anywhere: bool) -> socket.socket:
    """Return a socket that listens at HOST:PORT; port 0 is any free one.

    UsageError for what is no such address, and, unless `anywhere`, for one that other machines
    reach; CefBridgeError when it cannot be listened at.
    """
    host, _, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not (port.isascii() and port.isdigit() and int(port) < 65536):
        raise UsageError(f'"{shown(address)}" is no address. Expected HOST:PORT: 127.0.0.1:0')
    if not anywhere and not is_loopback(host):
        raise UsageError(
            f"{shown(host)} can be reached from other machines, and the studio shows and changes "
            "mappings without TLS. Listen at 127.0.0.1 and use ssh -L, or give --token-file, too."
        )
    try:
        info = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)[0]
        listening = socket.socket(info[0], socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(info[4])
        listening.listen(_MOST_AT_ONCE)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise CefBridgeError(f"cannot listen at {shown(address)}: {why}.") from error
    return listening


def reaches_far(listening: socket.socket) -> bool:
    """Tell whether other machines reach a socket."""
    return not is_loopback(listening.getsockname()[0])


def url_of(listening: socket.socket) -> str:
    """Return the URL of a socket that listens, for a browser on this machine."""
    host, port = listening.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if listening.family == socket.AF_INET else "::1"
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


class _Server(uvicorn.Server):
    """A server that leaves signals to us: it says which one ended it."""

    signal = 0

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take SIGINT and SIGTERM while it runs."""

        def handle(number: int, _: FrameType | None) -> None:
            self.force_exit = self.should_exit
            self.signal = self.signal or number
            self.should_exit = True

        before = [(each, signal.signal(each, handle)) for each in (signal.SIGINT, signal.SIGTERM)]
        try:
            yield
        finally:
            for each, handler in before:
                signal.signal(each, handler)


def serve(app: ASGIApp, listening: socket.socket) -> int:
    """Serve an application until a signal ends it; return the signal's number."""
    config = uvicorn.Config(
        app,
        access_log=False,  # the first request's line has the token
        date_header=False,
        h11_max_incomplete_event_size=64 << 10,
        http="h11",
        lifespan="off",
        limit_concurrency=_MOST_AT_ONCE,
        log_config=None,
        log_level="critical",  # what goes wrong with a request is its answer
        loop="asyncio",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
        timeout_keep_alive=30,
        ws="none",
    )
    server = _Server(config)
    server.run([listening])
    return server.signal
