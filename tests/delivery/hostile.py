"""Collectors that do what collectors do on bad days: small classes, named by what they do.

Each listens on a real loopback socket, plain or with TLS, and notes every byte that its program
really read. What the kernel took and nobody read is not noted: that is what gets lost. They leave as
programs do that end: when something is unread, the kernel resets the connection.

One lie no sender can see through, and nobody tells it here: a program that has not read to the
sender's end, and after that end has come calls shutdown(SHUT_WR) before it closes. With
`well_behaved_after=k` the first k connections are treated badly and all later ones well, so that a
sender which loses nothing can show it.

    with ResetsAfter(3, well_behaved_after=1) as collector:
        send_to(collector.port)
        assert set(collector.frames()) == set(sent)
"""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path

    from certificates import Pair

_SLICE = 0.05
_ESTABLISHED = 1  # tcp_states.h
_WE_FIRST = {4, 5}  # FIN_WAIT1 and 2
_SMALL_BUFFER = 4096  # the kernel doubles it; a sender soon has to wait


class Stopped(Exception):  # noqa: N818 - it is no error
    """The test is over."""


class Tls:
    """The server's side of TLS, apart from the socket, so that ending it never reads from there."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)
        self._plain = bytearray()  # decrypted, and not read by the program yet
        self._ended = False

    def handshake(self, sock: socket.socket) -> None:
        """Shake hands; an OSError says why that failed. The other side is told, too."""
        while True:
            try:
                self._object.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(self._out.read())
                data = sock.recv(16384)
                if not data:
                    raise ConnectionAbortedError("left in the handshake") from None
                self._in.write(data)
            except ssl.SSLError:
                sock.sendall(self._out.read())
                raise
            else:
                sock.sendall(self._out.read())
                return

    def read(self, sock: socket.socket, size: int) -> bytes:
        self._decrypt()  # something may have come with the end of the handshake
        while not self._plain and not self._ended:
            raw = sock.recv(16384)
            self._ended = not raw
            self._in.write(raw)
            self._decrypt()
        data = bytes(self._plain[:size])
        del self._plain[:size]
        return data

    def _decrypt(self) -> None:
        if not self._in.pending:
            return
        try:
            while data := self._object.read(65536):
                self._plain += data
            self._ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._ended = True

    def encrypt(self, data: bytes) -> bytes:
        self._object.write(data)
        return self._out.read()

    @property
    def decrypted(self) -> int:
        return len(self._plain)

    @property
    def unread(self) -> int:
        """What came, and the program has not read: decrypted bytes, and part of a record."""
        return len(self._plain) + self._in.pending

    def close_notify(self) -> bytes:
        # What is decrypted first cannot be taken for an answer to the close_notify.
        self._decrypt()
        with contextlib.suppress(ssl.SSLError):
            self._object.unwrap()
        return self._out.read()


class Talk:
    """One connection, seen by the collector's program; `got` is what that program has read."""

    def __init__(
        self, sock: socket.socket, stop: threading.Event, framing: str, tls: Tls | None
    ) -> None:
        sock.settimeout(_SLICE)
        self.sock = sock
        self._tls = tls
        self.got = bytearray()
        self.ended = False  # the sender's orderly end was read
        self._stop = stop
        self._framing = framing

    def read(self, size: int = 65536) -> bytes:
        """Read and note what there is; b"" when the sender has ended its side."""
        while not self._stop.is_set():
            try:
                data = self._tls.read(self.sock, size) if self._tls else self.sock.recv(size)
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            self.got += data
            self.ended = not data
            return data
        raise Stopped

    def read_frames(self, count: int) -> bool:
        """Read exactly so many frames and not a byte more; False when the sender ends before."""
        for _ in range(count):
            if self._framing == "lf":
                while self._one() != b"\n":
                    if self.ended:
                        return False
            else:
                digits = b""
                while (digit := self._one()).isdigit():
                    digits += digit
                if self.ended or not self.read_exactly(int(digits)):
                    return False
        return True

    def read_exactly(self, size: int) -> bool:
        return all(self._one() for _ in range(size))

    def _one(self) -> bytes:
        return self.read(1)

    def read_all(self) -> None:
        while self.read():
            pass

    def read_what_is_there(self) -> None:
        while not self.ended and select.select([self.sock], [], [], 0)[0]:
            self.read()
        while self._tls and self._tls.decrypted:
            self.read()

    def wait_for_unread(self, seconds: float = 5.0) -> bool:
        """Wait until the kernel, or TLS, holds something that will never be read."""
        until = time.monotonic() + seconds
        while not self._stop.is_set() and time.monotonic() < until:
            if self._tls and self._tls.decrypted:
                return True
            if select.select([self.sock], [], [], _SLICE)[0]:
                return True
        return False

    def pause(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise Stopped

    def write(self, data: bytes) -> None:
        self.sock.sendall(self._tls.encrypt(data) if self._tls else data)

    def close_notify(self) -> None:
        """With TLS, end our side of it; wait for no answer."""
        if self._tls:
            self.sock.sendall(self._tls.close_notify())

    def fin(self) -> None:
        """End our side, whatever is still unread."""
        self.close_notify()
        self.sock.shutdown(socket.SHUT_WR)

    def leave(self) -> None:
        """End before the sender does, unless it has ended already; with unread data, reset."""
        if self._tls and self._tls.unread:
            self.reset()
        else:
            self.end_first()
            self.close()

    def end_first(self) -> bool:
        """End our side, whatever is unread, unless the sender has ended; tell whether we did."""
        if self._state() != _ESTABLISHED:
            return False
        self.sock.shutdown(socket.SHUT_WR)
        if self._state() in _WE_FIRST:
            return True
        self.read_all()  # the sender's end came in between: that would be the lie of above
        return False

    def _state(self) -> int:
        return self.sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


class Collector:
    """A good collector: reads to the sender's end, then ends its own side. The others derive.

    `tls`: its certificate; `client_ca`: it wants a client certificate of this authority; `versions`:
    lowest and highest of ssl.TLSVersion; `small`: with small buffers, so that senders soon wait.
    """

    small = False
    late = False  # whether it listens only some time after it was entered

    def __init__(
        self,
        *,
        framing: str = "lf",
        tls: Pair | None = None,
        client_ca: Path | None = None,
        versions: tuple[ssl.TLSVersion, ssl.TLSVersion] | None = None,
        well_behaved_after: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self.framing = framing
        self.well_behaved_after = well_behaved_after
        self.tls = tls
        self.talks: list[Talk] = []
        self.refused: list[str] = []  # handshakes that failed, and why
        self.troubles: list[BaseException] = []  # what went wrong after the handshake
        self._client_ca = client_ca
        self._versions = versions
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._listener = socket.socket(
            socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM
        )
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.small:
            self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL_BUFFER)
        self._listener.bind((host, port))
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    # What tests ask

    @property
    def connections(self) -> int:
        """How many connections have come (with TLS: whose handshake succeeded)."""
        return len(self.talks)

    def received(self) -> list[bytes]:
        """Return what was read of each connection, in the order in which they came."""
        return [bytes(talk.got) for talk in list(self.talks)]

    def frames(self) -> list[bytes]:
        """Return the messages of all whole frames, connection after connection."""
        split = _lf if self.framing == "lf" else _octets
        return [message for got in self.received() for message in split(got)]

    def wait_for(self, count: int, seconds: float = 10.0) -> bool:
        """Wait until so many frames (duplicates included) have been read."""
        until = time.monotonic() + seconds
        while len(self.frames()) < count:
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    def frames_with(self, sent: list[bytes], seconds: float = 60.0) -> list[bytes]:
        """Return the messages once all of `sent` are among them; after so long whatever came.

        A collector that ends its side before it reads is confirmed by its kernel: it may read
        later.
        """
        until = time.monotonic() + seconds
        while not set(sent) <= set(frames := self.frames()) and time.monotonic() < until:
            time.sleep(0.02)
        return frames

    # What they do

    def misbehave(self, talk: Talk) -> None:
        """Treat a connection; the subclasses say how. Afterwards it is closed."""
        self.behave(talk)

    def behave(self, talk: Talk) -> None:
        """Read to the sender's end, then end our side, as rsyslog and syslog-ng do."""
        talk.read_all()
        talk.close_notify()

    # Threads

    def __enter__(self) -> Self:
        if not self.late:
            self.listen()
        self._spawn(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _spawn(self, target: object, *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def listen(self) -> None:
        """Begin to accept; before, connections are refused."""
        self._listener.listen(64)
        self._listener.settimeout(_SLICE)

    def _accept(self) -> None:
        if self.late:
            self.listen()
        while not self._stop.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                continue
            self._spawn(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        tls = None
        if self.tls is not None:
            sock.settimeout(5)
            tls = Tls(self._context(self.tls))
            try:
                tls.handshake(sock)
            except OSError as error:
                self.refused.append(str(error))
                sock.close()
                return
        talk = Talk(sock, self._stop, self.framing, tls)
        with self._lock:
            self.talks.append(talk)
            number = len(self.talks)
        good = self.well_behaved_after is not None and number > self.well_behaved_after
        try:
            (self.behave if good else self.misbehave)(talk)
        except Stopped:
            pass
        except OSError as error:
            self.troubles.append(error)
        finally:
            talk.close()

    def _context(self, pair: Pair) -> ssl.SSLContext:
        """Make a context of the certificate as it is now, so that a renewed one is shown."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.cert, pair.key)
        if self._client_ca is not None:
            context.load_verify_locations(self._client_ca)
            context.verify_mode = ssl.CERT_REQUIRED
        if self._versions is not None:
            context.minimum_version, context.maximum_version = self._versions
        return context


class ResetsAfter(Collector):
    """Reads so many frames, then resets the connection, with more of them unread."""

    def __init__(self, frames: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames

    def misbehave(self, talk: Talk) -> None:
        if talk.read_frames(self._frames):
            talk.wait_for_unread(2.0)
        talk.reset()


class KilledBeforeItStores(Collector):
    """Reads all and is killed: its kernel closes what it had open, the listener first."""

    def misbehave(self, talk: Talk) -> None:
        talk.read_all()
        self._stop.set()
        self._threads[0].join()  # while it waits in accept(), the kernel goes on listening
        self._listener.close()


class ClosesWithFin(Collector):
    """Reads so many frames and what else is there, and closes: more may be on its way."""

    def __init__(self, frames: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames

    def misbehave(self, talk: Talk) -> None:
        talk.read_frames(self._frames)
        talk.read_what_is_there()
        talk.leave()


class ClosesInMidFrame(Collector):
    """Reads so many frames and a few bytes of the next one, then closes."""

    def __init__(self, frames: int, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames

    def misbehave(self, talk: Talk) -> None:
        talk.read_frames(self._frames)
        talk.read_exactly(5)
        talk.leave()


class HidesAReset(Collector):
    """Reads so many frames, ends its side, then resets: to the sender it can look like an end."""

    def __init__(self, frames: int, pause: float = 0.0, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames
        self._pause = pause

    def misbehave(self, talk: Talk) -> None:
        talk.read_frames(self._frames)
        if talk.wait_for_unread(2.0) and talk.end_first():
            talk.pause(self._pause)
        talk.reset()


class Stalls(Collector):
    """Reads so many frames, then nothing for a while, then all the rest."""

    small = True

    def __init__(self, frames: int, seconds: float, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames
        self._seconds = seconds

    def misbehave(self, talk: Talk) -> None:
        talk.read_frames(self._frames)
        talk.pause(self._seconds)
        self.behave(talk)


class Refuses(Collector):
    """Has no listener for a while: connections are refused. Then it behaves."""

    late = True

    def __init__(self, seconds: float, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._seconds = seconds

    def listen(self) -> None:
        self._stop.wait(self._seconds)
        super().listen()


class HalfClosesFirst(Collector):
    """Ends its own side at once (or after so many frames), and goes on reading to the end."""

    def __init__(self, frames: int = 0, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._frames = frames

    def misbehave(self, talk: Talk) -> None:
        talk.read_frames(self._frames)
        talk.fin()
        talk.read_all()


class HangsWithoutReading(Collector):
    """Accepts, and reads nothing until the test ends."""

    small = True

    def misbehave(self, talk: Talk) -> None:
        while True:
            talk.pause(1)


class NeverAnswers(Collector):
    """Reads everything, and does not answer the sender's end, as some proxies do."""

    def misbehave(self, talk: Talk) -> None:
        talk.read_all()
        while True:
            talk.pause(1)


class ReadsSlowly(Collector):
    """Reads everything, a few bytes at a time; then ends in order."""

    small = True

    def __init__(self, size: int = 1000, pause: float = 0.05, **options: object) -> None:
        super().__init__(**options)  # type: ignore[arg-type]
        self._size = size
        self._pause = pause

    def misbehave(self, talk: Talk) -> None:
        while talk.read(self._size):
            talk.pause(self._pause)
        talk.close_notify()


class EndsWithoutNotice(Collector):
    """With TLS: reads to the sender's end, then closes without a close_notify (GnuTLS programs)."""

    def misbehave(self, talk: Talk) -> None:
        talk.read_all()


class Talks(Collector):
    """A good collector that also sends: a banner first, then an answer to whatever it reads."""

    banner = b"220 ready\r\n" * 50

    def misbehave(self, talk: Talk) -> None:
        talk.write(self.banner)
        while talk.read():
            talk.write(b"ok\r\n")
        talk.close_notify()


def _lf(got: bytes) -> list[bytes]:
    return got.split(b"\n")[:-1]


def _octets(got: bytes) -> list[bytes]:
    messages = []
    start = 0
    while (space := got.find(b" ", start)) >= 0:
        end = space + 1 + int(got[start:space])
        if end > len(got):
            break
        messages.append(got[space + 1 : end])
        start = end
    return messages
