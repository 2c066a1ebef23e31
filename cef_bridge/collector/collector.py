"""A collector in threads: listens, reads, judges, counts; can be stopped, killed and started again.

In come listeners, out go messages with their faults to `on_message`, and a `Snapshot` whenever
asked. One thread a listener and one a connection; a lock makes the counting one after the other.
Must not know who sends, nor what is done with what it found.
"""

from __future__ import annotations

import contextlib
import logging
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple, Self

from cef_bridge.collector.judge import RULES, MessageLimits, MessageProblem, judge, kind_of
from cef_bridge.collector.ledger import ID_KEYS, Ledger, PeerCounts, Snapshot
from cef_bridge.collector.listeners import Listener, bound, parse_listener, tls_context
from cef_bridge.collector.streams import Ending, PeerConnection
from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

log = logging.getLogger(__name__)

MOST_CONNECTIONS = 256
MOST_FRAME = 1 << 20
"""Bytes of a message that are read at most; `max_bytes` only says which are too long."""
_MOST_ADDRESSES = 1000
_DATAGRAM = 1 << 16
_DATAGRAMS_AT_ONCE = 500
_RXQ_OVFL = 40  # SO_RXQ_OVFL (asm-generic/socket.h): the kernel tells how many it dropped
_JOIN = 5.0


class Received(NamedTuple):
    """One message without framing, and what was found out about it."""

    message: bytes
    transport: str
    peer: str
    event_id: str
    duplicate: bool
    faults: list[MessageProblem]


class Collector:
    """Takes syslog on all its listeners until it is stopped; counts over all its starts.

    `listeners` are URLs (see `parse_listener`). `on_message` is called for each message, one after
    the other; `on_trouble` with the peer for what befell a connection, and faults of its framing.
    What either raises ends the collector with resets, and stands in `failure`: a message that
    could not be handed over is not acknowledged. `keep` the last so many messages in `messages`.
    Without `rules` messages are counted and not judged.
    """

    def __init__(
        self,
        listeners: Sequence[str | Listener],
        on_message: Callable[[Received], None] | None = None,
        keep: int | None = None,
        *,
        on_trouble: Callable[[str, MessageProblem], None] | None = None,
        rules: MessageLimits | None = RULES,
        id_keys: tuple[str, ...] = ID_KEYS,
        most_connections: int = MOST_CONNECTIONS,
    ) -> None:
        self._listeners = [
            parse_listener(each) if isinstance(each, str) else each for each in listeners
        ]
        self._contexts = [tls_context(each) for each in self._listeners]
        self._on_message = on_message
        self._on_trouble = on_trouble
        self._rules = rules
        self._most = most_connections
        self._ledger = Ledger(id_keys=id_keys)
        self._changed = threading.Condition()
        self._kept: deque[bytes] = deque(maxlen=keep or 0)
        self._threads: set[threading.Thread] = set()
        self._open = 0
        self._ending: Ending | None = None
        self._wake = -1
        self._last = time.monotonic()
        self.failure: Exception | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ---- what others see

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Host and port of each listener, in the order given; once started, no port is 0."""
        return [(each.host, each.port) for each in self._listeners]

    @property
    def urls(self) -> list[str]:
        """Each listener as a sender names it: `tcp://127.0.0.1:5514`."""
        return [str(each) for each in self._listeners]

    @property
    def messages(self) -> list[bytes]:
        """The last messages, as many as are kept, in the order of their arrival."""
        with self._changed:
            return list(self._kept)

    @property
    def open_connections(self) -> int:
        """How many connections are open."""
        return self._open

    @property
    def quiet(self) -> float:
        """Seconds since the last message or the end of a connection."""
        return time.monotonic() - self._last

    @property
    def distinct(self) -> int:
        """How many different events came; cheaper than a snapshot."""
        return self._ledger.distinct

    def snapshot(self) -> Snapshot:
        """Return all counts."""
        with self._changed:
            return self._ledger.snapshot()

    def wait(self, distinct: int, timeout: float, *, closed: bool = False) -> bool:
        """Wait until so many different events came, and no connection is open if `closed`.

        Returns False when the time is over, or the collector failed.
        """
        with self._changed:
            return self._changed.wait_for(
                lambda: (
                    bool(self.failure)
                    or (self._ledger.distinct >= distinct and not (closed and self._open))
                ),
                timeout,
            ) and not bool(self.failure)

    # ---- its life

    def start(self) -> None:
        """Listen, on the same ports as before. CefBridgeError when an address cannot be had."""
        if self._wake >= 0:
            return
        sockets: list[socket.socket] = []
        try:
            for at, listener in enumerate(self._listeners):
                sockets.append(bound(listener))
                port = sockets[-1].getsockname()[1]
                self._listeners[at] = listener._replace(port=port)
        except BaseException:
            for each in sockets:
                each.close()
            raise
        self._ending = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        for listener, context, sock in zip(self._listeners, self._contexts, sockets, strict=True):
            work = self._datagrams if listener.scheme == "udp" else self._accept
            self._spawn(str(listener), work, listener, context, sock)

    def stop(self) -> None:
        """End in order: read what is there, answer with FIN, read what comes for a second more."""
        self._finish(Ending.STOP)

    def kill(self) -> None:
        """End at once: every connection is reset, what was not read is lost."""
        self._finish(Ending.KILL)

    def _finish(self, how: Ending) -> None:
        if self._wake < 0:
            return
        self._ask(how)
        until = time.monotonic() + _JOIN
        while (left := until - time.monotonic()) > 0:
            with self._changed:
                running = [each for each in self._threads if each is not threading.current_thread()]
            if not running:
                break
            running[0].join(left)
        with self._changed:
            if self._threads <= {threading.current_thread()}:  # else someone still looks at it
                os.close(self._wake)
        self._wake = -1

    def _ask(self, how: Ending) -> None:
        self._ending = how
        os.eventfd_write(self._wake, 1)

    def _spawn(self, name: str, work: Callable[..., None], *words: object) -> None:
        def run() -> None:
            try:
                work(*words)
            except Exception as error:  # noqa: BLE001 - a thread's end must not go unseen
                self._fail(error)
            finally:
                with self._changed:
                    self._threads.discard(threading.current_thread())
                    self._changed.notify_all()

        thread = threading.Thread(target=run, name=f"collector {name}", daemon=True)
        with self._changed:  # who joins finds only threads that have started
            thread.start()
            self._threads.add(thread)

    def _fail(self, error: Exception) -> None:
        with self._changed:
            self.failure = self.failure or error
            self._changed.notify_all()
        if self._wake >= 0:
            self._ask(Ending.KILL)

    def _ended(self, sock: socket.socket) -> bool:
        """Wait for a listener's socket; tell whether to end instead."""
        poll = select.poll()
        poll.register(sock, select.POLLIN)
        poll.register(self._wake, select.POLLIN)
        return any(place == self._wake for place, _ in poll.poll())

    # ---- streams

    def _accept(
        self, listener: Listener, context: ssl.SSLContext | None, sock: socket.socket
    ) -> None:
        with sock:
            ended = False
            while not ended:
                # At the end those that wait to be accepted are taken too: a close resets them.
                ended = self._ended(sock)
                if self._ending is not Ending.KILL:
                    self._accept_all(listener, context, sock)

    def _accept_all(
        self, listener: Listener, context: ssl.SSLContext | None, sock: socket.socket
    ) -> None:
        while True:
            try:
                connection, address = sock.accept()
            except BlockingIOError:
                return
            except OSError as error:  # the sender has gone again, or no descriptors are left
                log.warning(
                    "%s: cannot accept a connection: %s",
                    *(listener, error.strerror),
                    extra=fields("refused", reason=error.strerror),
                )
                time.sleep(0.05)
                return
            peer = shown_endpoint(address[:2])
            with self._changed:
                full = self._open >= self._most
                if full:
                    self._ledger.refused += 1
                else:
                    self._open += 1
            if full:
                log.warning(
                    "%s: %s refused: too many connections",
                    *(listener, peer),
                    extra=fields("refused", peer=peer, reason="too many connections"),
                )
                connection.close()
                continue
            connection.setblocking(False)
            sender = PeerCounts(listener.scheme, peer, str(listener))
            self._spawn(f"{listener} {peer}", self._stream, sender, context, connection)

    def _stream(
        self, sender: PeerCounts, context: ssl.SSLContext | None, connection: socket.socket
    ) -> None:
        stream = None
        try:
            with self._changed:
                self._ledger.opened(sender)
            handler = _Handler(self, sender)
            stream = PeerConnection(connection, context, self._wake, handler, max_bytes=MOST_FRAME)
            handler.stream = stream
            sender.ended = stream.run()
            sender.framing = stream.framing
        finally:
            connection.close()
            with self._changed:
                self._open -= 1
                self._last = time.monotonic()
                sender.ended = sender.ended or "failed"
                self._changed.notify_all()

    # ---- datagrams

    def _datagrams(self, listener: Listener, _: object, sock: socket.socket) -> None:
        senders: dict[object, PeerCounts] = {}
        lost = 0
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, _RXQ_OVFL, 1)
        with sock:
            ended = False
            while not ended:
                ended = self._ended(sock)
                while self._ending is not Ending.KILL:
                    found, so_far = _waiting(sock)
                    if not found:
                        break
                    for address, messages in found.items():
                        self.take(self._address(listener, address, senders), messages)
                    with self._changed:
                        self._ledger.datagrams_lost += max(so_far - lost, 0)
                    lost = max(so_far, lost)

    def _address(
        self, listener: Listener, address: object, senders: dict[object, PeerCounts]
    ) -> PeerCounts:
        if address not in senders and len(senders) >= _MOST_ADDRESSES:
            address = None
        if address not in senders:
            host, port = address if isinstance(address, tuple) else ("other addresses", 0)
            sender = PeerCounts("udp", shown_endpoint((host, port)), str(listener))
            sender.framing = "datagram"
            with self._changed:
                self._ledger.opened(sender)
            senders[address] = sender
        return senders[address]

    # ---- counting

    def ending(self) -> Ending | None:
        """Return how to end, None while there is no need to."""
        return self._ending

    def take(self, sender: PeerCounts, found: Sequence[bytes]) -> None:
        """Judge and count messages, and hand them over."""
        faults: list[list[MessageProblem]] = [[] for _ in found]
        if self._rules:
            faults = [judge(each, self._rules) for each in found]
        with self._changed:
            self._last = time.monotonic()
            for message, blamed in zip(found, faults, strict=True):
                if self.failure:
                    return
                note = self._ledger.take(sender, message)
                if blamed:
                    self._ledger.blame([fault.kind for fault in blamed])
                if self._kept.maxlen:
                    self._kept.append(message)
                if self._on_message:
                    received = Received(message, sender.transport, sender.peer, *note, blamed)
                    self._call(self._on_message, received)
            self._changed.notify_all()

    def trouble(self, sender: PeerCounts, text: str) -> None:
        """Count what befell a connection, and tell it."""
        self._tell(sender, text, self._ledger.befell)

    def garbage(self, sender: PeerCounts, text: str, number: int) -> None:
        """Count a fault of the framing, and tell it once, however often it came in a row."""
        self._tell(sender, text, lambda kind: self._ledger.blame_framing(kind, number))

    def _tell(self, sender: PeerCounts, text: str, count: Callable[[str], None]) -> None:
        fault = MessageProblem(kind_of(text), text)
        with self._changed:
            count(fault.kind)
            if self._on_trouble:
                self._call(self._on_trouble, sender.peer, fault)

    def _call(self, function: Callable[..., None], *words: object) -> None:
        try:
            function(*words)
        except Exception as error:  # noqa: BLE001 - the caller's function; see `failure`
            self._fail(error)


def _waiting(sock: socket.socket) -> tuple[dict[object, list[bytes]], int]:
    """Return the datagrams that wait, by address, and how many the kernel says it has dropped."""
    found: dict[object, list[bytes]] = {}
    lost = 0
    for _ in range(_DATAGRAMS_AT_ONCE):
        try:
            data, ancillary, _, address = sock.recvmsg(_DATAGRAM, 64)
        except OSError:  # nothing more
            break
        for level, kind, value in ancillary:
            if (level, kind) == (socket.SOL_SOCKET, _RXQ_OVFL):
                lost = struct.unpack("I", value[:4])[0]
        # A line end is no part of the message, and some senders write one (or a NUL).
        found.setdefault(address[:2], []).append(data.rstrip(b"\n\x00"))
    return found, lost


class _Handler:
    """What one connection brings, on its way to the collector."""

    stream: PeerConnection | None = None

    def __init__(self, collector: Collector, sender: PeerCounts) -> None:
        self._collector = collector
        self._sender = sender

    def ending(self) -> Ending | None:
        return self._collector.ending()

    def messages(self, found: list[bytes]) -> None:
        if self.stream:
            self._sender.framing = self.stream.framing
        self._collector.take(self._sender, found)

    def trouble(self, text: str) -> None:
        self._collector.trouble(self._sender, text)

    def garbage(self, text: str, number: int) -> None:
        self._collector.garbage(self._sender, text, number)
