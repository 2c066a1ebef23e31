r"""A gRPC server that speaks KubeArmor's LogService, for tests: what is sent goes to all who watch.

    with RelayServer() as relay:
        relay.wait_for("alerts")
        relay.send("alerts", {"Type": "MatchedPolicy", ...}, b"\\x08\\x01 raw bytes of a message")

Like KubeArmor's it keeps nothing for those who come later, ends a stream at once with status OK
when the filter is none that it knows, and (`buffer`) drops what a client does not take in time.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from concurrent import futures
from typing import TYPE_CHECKING, Self

# First, for it keeps gRPC's C core from writing to stderr.
import cef_bridge.sources.relay.channel  # noqa: F401  # isort: skip
import grpc
import orjson

from cef_bridge.sources.relay.schema import CLASSES, SERVICE, STREAMS, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from certificates import Pair

StatusCode = grpc.StatusCode
SERVING, NOT_SERVING = 1, 2
_NESTED = {"Owner", "ExecEvent"}


def encode(kind: str, event: dict[str, object]) -> bytes:
    """Return an event in the relay's JSON form as the bytes of a message; unknown keys fail."""
    message = CLASSES[STREAMS[kind].message]()
    for name, value in event.items():
        if name in _NESTED:
            inner = getattr(message, name)
            inner.SetInParent()
            for key, text in value.items():
                setattr(inner, key, text)
        elif isinstance(value, list):
            getattr(message, name).extend(value)
        elif isinstance(value, dict):
            getattr(message, name).update(value)
        else:
            setattr(message, name, value)
    return message.SerializeToString()


def kind_of(event: dict[str, object]) -> str:
    """Return the stream that an event in the relay's JSON form comes by."""
    if event.get("Type") == "Message":
        return "messages"
    names = {field.name for field in TABLE["Log"]}
    return "logs" if event.keys() <= names else "alerts"


class _Client:
    """One who watches: its filter, and what waits to be sent to it."""

    def __init__(self, kind: str, filter_: str, buffer: int) -> None:
        self.kind = kind
        self.filter = filter_
        self.waiting: queue.SimpleQueue[object] = queue.SimpleQueue()
        self.dropped = 0
        self._buffer = buffer

    def put(self, item: object) -> None:
        if self._buffer and self.waiting.qsize() >= self._buffer:
            self.dropped += 1
        else:
            self.waiting.put(item)


class RelayServer:
    """Listens on loopback; `port` 0 lets the kernel choose, once: a second `start` keeps it.

    `pair` (with `client_ca`: mutual) makes it TLS. `health` is what grpc.health.v1 answers, None:
    it is not there. `buffer` is how many messages a client may leave waiting (0: any number).
    """

    def __init__(
        self,
        *,
        port: int = 0,
        pair: Pair | None = None,
        client_ca: Path | None = None,
        health: int | None = None,
        buffer: int = 0,
        kubearmor: bool = True,
    ) -> None:
        self.port = port
        self.health = health
        self.clients: list[_Client] = []
        self.watched = dict.fromkeys(STREAMS, 0)
        self.checks = 0
        self.dropped = 0
        self._pair, self._client_ca = pair, client_ca
        self._buffer = buffer
        self._kubearmor = kubearmor
        self._lock = threading.Lock()
        self._server: grpc.Server | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", self.port

    def start(self) -> None:
        """Listen, on the same port as the time before."""
        self._server = grpc.server(
            futures.ThreadPoolExecutor(16), options=[("grpc.so_reuseport", 0)]
        )
        if self._kubearmor:
            handlers = {
                stream.method: grpc.unary_stream_rpc_method_handler(self._watch(kind))
                for kind, stream in STREAMS.items()
            }
            handlers["HealthCheck"] = grpc.unary_unary_rpc_method_handler(self._nonce)
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler(SERVICE, handlers),)
            )
        if self.health is not None:
            check = {"Check": grpc.unary_unary_rpc_method_handler(self._check)}
            self._server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler("grpc.health.v1.Health", check),)
            )
        address = f"127.0.0.1:{self.port}"
        deadline = time.monotonic() + 5
        while True:
            try:
                self.port = self._bind(address)
                break
            except RuntimeError:  # the one before has not let go of the port
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
        self._server.start()

    def stop(self) -> None:
        """End at once, as a kill does; whoever watches sees the connection go."""
        if self._server is not None:
            server, self._server = self._server, None
            self._tell(None)
            server.stop(None).wait(5)
            with self._lock:  # a thread that has not ended watches nothing any more
                self.clients = []

    def send(self, kind: str, *events: dict[str, object] | bytes) -> None:
        """Send events, or raw bytes of messages, to everyone who watches this stream now."""
        raws = [each if isinstance(each, bytes) else encode(kind, each) for each in events]
        with self._lock:
            watching = [client for client in self.clients if client.kind == kind]
        for raw in raws:
            for client in watching:
                client.put(raw)

    def abort(self, kind: str, code: grpc.StatusCode, details: str = "") -> None:
        """End this stream for all with a status (OK: as if the server had no more to say)."""
        self._tell((code, details), kind)

    def wait_for(self, *kinds: str, count: int = 1, timeout: float = 60) -> None:
        """Wait until so many watch each of these streams."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with self._lock:
                found = [client.kind for client in self.clients]
            if all(found.count(kind) >= count for kind in kinds):
                return
            time.sleep(0.01)
        raise AssertionError(f"nobody watches {kinds}, only {found}")

    def waiting(self) -> int:
        """Return how many messages no client has taken yet."""
        with self._lock:
            return sum(client.waiting.qsize() for client in self.clients)

    def _bind(self, address: str) -> int:
        assert self._server is not None
        if self._pair is None:
            return self._server.add_insecure_port(address)
        credentials = grpc.ssl_server_credentials(
            [(self._pair.key.read_bytes(), self._pair.cert.read_bytes())],
            self._client_ca.read_bytes() if self._client_ca else None,
            self._client_ca is not None,
        )
        return self._server.add_secure_port(address, credentials)

    def _watch(self, kind: str):
        def watch(request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
            filter_ = CLASSES["RequestMessage"].FromString(request).Filter
            self.watched[kind] += 1
            if kind != "messages" and filter_ not in STREAMS[kind].filters:
                return
            client = _Client(kind, filter_, self._buffer)
            context.add_callback(lambda: client.waiting.put(None))
            with self._lock:
                self.clients.append(client)
            try:
                while (item := client.waiting.get()) is not None:
                    if isinstance(item, tuple):
                        code, details = item
                        if code is grpc.StatusCode.OK:
                            return
                        context.abort(code, details)
                    yield item
            finally:
                with self._lock:
                    self.clients = [each for each in self.clients if each is not client]
                    self.dropped += client.dropped

        return watch

    def _nonce(self, request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.checks += 1
        nonce = CLASSES["NonceMessage"].FromString(request).nonce
        return CLASSES["ReplyMessage"](Retval=nonce).SerializeToString()

    def _check(self, _request: bytes, _context: grpc.ServicerContext) -> bytes:
        self.checks += 1
        return bytes((8, self.health or 0))

    def _tell(self, item: object, kind: str | None = None) -> None:
        with self._lock:
            watching = [client for client in self.clients if kind in (None, client.kind)]
        for client in watching:
            client.waiting.put(item)


class Valve:
    """A TCP proxy before a server: `shut()` and nothing passes any more, in silence."""

    def __init__(self, to: tuple[str, int]) -> None:
        self._to = to
        self._open = threading.Event()
        self._open.set()
        self._stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()[:2]

    def __enter__(self) -> Self:
        self._run(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._open.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for each in self._sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
        for thread in self._threads:
            thread.join(5)
        for each in (*self._sockets, self._listener):
            each.close()

    def shut(self) -> None:
        self._open.clear()

    def open(self) -> None:
        self._open.set()

    def _run(self, target, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._stopped.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._to)
            self._sockets += [client, server]
            self._run(self._pump, client, server)
            self._run(self._pump, server, client)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            return


def lines(events: list[dict[str, object]]) -> list[bytes]:
    """Return events as the lines that a relay would print, were there nothing to escape."""
    return [orjson.dumps(event) for event in events]
