"""HTTP servers on loopback that misbehave on command: what all have in common.

A test says what the next requests meet (`next`), small faults named by what they do; a request that
meets none is answered by the server's own rules. What came is kept in `requests`.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from waiting import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from email.message import Message
    from pathlib import Path

    from certificates import Pair


class Request(NamedTuple):
    path: str
    headers: Message
    body: bytes


class Answers(NamedTuple):
    """Answers with a status, and JSON."""

    status: int
    said: object = None
    headers: Mapping[str, str] = MappingProxyType({})

    def meet(self, handler: _Handler, _: Request) -> None:
        handler.answer(self.status, self.said, self.headers)


class ClosesBeforeAnswer:
    """Reads the request, and closes the connection."""

    def meet(self, handler: _Handler, _: Request) -> None:
        handler.hang_up()


class ClosesInAnswer:
    """Takes the request as it always does, and closes in the middle of the answer."""

    def meet(self, handler: _Handler, request: Request) -> None:
        handler.torn = True
        handler.server.owner.respond(handler, request)


class ClosesInRequest:
    """Closes when it has read so many bytes of the body."""

    def __init__(self, count: int = 100) -> None:
        self.count = count


class Hangs:
    """Reads the request, and says nothing until it is told to."""

    def __init__(self) -> None:
        self.met, self.over = threading.Event(), threading.Event()

    def meet(self, handler: _Handler, _: Request) -> None:
        self.met.set()
        self.over.wait(PATIENCE)
        handler.hang_up()


class Server:
    """A server in threads of its own; a `with` block ends it. `respond` is its protocol.

    `clients_of`: it asks for certificates that this authority issued.
    """

    def __init__(
        self, pair: Pair | None = None, port: int = 0, clients_of: Path | None = None
    ) -> None:
        self.requests: list[Request] = []
        self.next: list[object] = []
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.owner = self
        if pair is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.cert, pair.key)
            if clients_of is not None:
                context.load_verify_locations(clients_of)
                context.verify_mode = ssl.CERT_REQUIRED
            self._server.context = context
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Close the port and all connections."""
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            with self._server.lock:
                for each in self._server.open:
                    close(each)

    def respond(self, handler: _Handler, request: Request) -> None:
        raise NotImplementedError

    def paths(self) -> list[str]:
        return [request.path for request in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    owner: Server
    context: ssl.SSLContext | None = None

    def __init__(self, *args) -> None:
        self.open: set[socket.socket] = set()
        self.lock = threading.Lock()
        super().__init__(*args)

    def process_request(self, request, address) -> None:
        with self.lock:
            self.open.add(request)
        super().process_request(request, address)

    def shutdown_request(self, request) -> None:
        with self.lock:
            self.open.discard(request)
        close(request)

    def finish_request(self, request, address) -> None:
        if self.context is None:
            super().finish_request(request, address)
            return
        try:
            wrapped = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return
        super().finish_request(wrapped, address)
        close(wrapped)

    def handle_error(self, *_: object) -> None:
        """A client that leaves is what tests are about."""


def close(sock: socket.socket) -> None:
    with contextlib.suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
    sock.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    torn = False

    def do_POST(self) -> None:
        owner = self.server.owner
        size = int(self.headers["Content-Length"])
        with owner.lock:
            fault = owner.next[0] if owner.next and self._matters() else None
            if fault is not None and not isinstance(fault, Always):
                owner.next.pop(0)
        if isinstance(fault, Always):
            fault = fault.fault
        if isinstance(fault, ClosesInRequest):
            self.rfile.read(min(size, fault.count))
            self.hang_up()
            return
        body = self.rfile.read(size)
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        request = Request(self.path, self.headers, body)
        with owner.lock:
            owner.requests.append(request)
        if fault is None:
            owner.respond(self, request)
        else:
            fault.meet(self, request)

    def _matters(self) -> bool:
        return not self.path.endswith("/ack")

    def answer(
        self, status: int, said: object = None, headers: dict[str, str] | None = None
    ) -> None:
        data = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.torn:
            self.wfile.write(data[: len(data) // 2])
            self.hang_up()
        else:
            self.wfile.write(data)

    def hang_up(self) -> None:
        self.close_connection = True
        self.wfile.flush()
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


class Always(NamedTuple):
    """A fault that all requests meet, until it is taken out of `next`."""

    fault: object


class ConnectProxy:
    """A proxy that knows CONNECT alone (RFC 9110 9.3.6); `asked`: hosts, and who asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str | None]] = []
        self.refuses = False
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_CONNECT(self) -> None:
                owner.asked.append((self.path, self.headers["Proxy-Authorization"]))
                self.close_connection = True
                if owner.refuses:
                    self.send_error(407)
                    return
                host, _, port = self.path.partition(":")
                with socket.create_connection((host, int(port))) as there:
                    self.send_response(200)
                    self.end_headers()
                    back = threading.Thread(target=pump, args=(there, self.connection))
                    back.start()
                    pump(self.connection, there)
                    back.join()

            def log_message(self, *_: object) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def pump(source: socket.socket, to: socket.socket) -> None:
    """Carry bytes until there are no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
