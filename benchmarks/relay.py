"""Relay → TCP: the rate at which events begin to be lost upstream of `cef-bridge forward`.

KubeArmor's relay keeps 10,000 logs (1,000 alerts) for a client that is slow, and drops the rest
without a word. Here a server of its own process speaks just enough HTTP/2 to offer prepared events
at a steady rate over that protocol, with a buffer of that size, and counts what it had to drop; the
installed `cef-bridge forward` reads it and sends to a TCP port that counts lines. The rate doubles
until something is lost; then the limit is searched for. A client that only reads (gRPC, and nothing
done with what came) shows what gRPC alone takes.

    python benchmarks/relay.py [--seconds 10] [--stream logs] [--first 2000] [--steps 4]
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import datasets
from sink import Sink

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import relay_server

from cef_bridge.sources.relay.channel import Channel
from cef_bridge.sources.relay.errors import RelayEndpoint

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_COMMAND = Path(sys.executable).with_name("cef-bridge")
_BUFFER = {"logs": 10_000, "alerts": 1_000}
_DISTINCT = 50_000

# RFC 9113: frame types, flags, settings.
_DATA, _HEADERS, _SETTINGS, _PING, _WINDOW_UPDATE = 0, 1, 4, 6, 8
_END_STREAM, _ACK, _END_HEADERS = 1, 1, 4
_INITIAL_WINDOW, _FRAME = 4, 16_384
_PREFACE = 24


class Run(NamedTuple):
    """What became of the events of one run."""

    rate: int
    offered: int
    dropped: int
    arrived: int
    cpu: float


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one HTTP/2 frame."""
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def literal(name: bytes, value: bytes) -> bytes:
    """Return a header as HPACK writes it without its table (RFC 7541 6.2.2)."""
    return b"\0" + bytes((len(name),)) + name + bytes((len(value),)) + value


_OK = b"\x88" + literal(b"content-type", b"application/grpc")  # :status 200
_UNIMPLEMENTED = _OK + literal(b"grpc-status", b"12")


class Offer:
    """One client: the stream that watches gets the events, any other the answer UNIMPLEMENTED."""

    def __init__(self, client: socket.socket, messages: list[bytes], buffer: int) -> None:
        self.dropped = 0
        self._client = client
        self._messages = messages
        self._buffer = buffer
        self._next = 0
        self._kept: deque[bytes] = deque()
        self._windows = {0: 65_535}
        self._initial = 65_535
        self._in, self._out = bytearray(), bytearray()
        self._stream = 0  # the one that watches, once it is open
        self._skip = _PREFACE

    def run(self, rate: int, seconds: float) -> int:
        """Offer events at this rate for so long, send what is kept, return how many there were."""
        self._client.setblocking(False)
        self._out += frame(_SETTINGS, 0, 0, b"")
        while not self._stream:
            self._exchange(0.05)
        began, offered = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            due = int(rate * passed) - offered
            offered += due
            self._offer(due)
            self._exchange(0.002)
        patience = time.monotonic() + 30
        while (self._kept or self._out) and time.monotonic() < patience:
            self._exchange(0.01)
        return offered

    def _offer(self, count: int) -> None:
        room = self._buffer - len(self._kept)
        self.dropped += max(count - room, 0)
        for _ in range(min(count, room)):
            self._kept.append(self._messages[self._next])
            self._next = (self._next + 1) % len(self._messages)

    def _exchange(self, timeout: float) -> None:
        self._fill()
        wanted = [self._client] if self._out else []
        readable, writable, _ = select.select([self._client], wanted, [], timeout)
        if readable:
            with contextlib.suppress(BlockingIOError):
                received = self._client.recv(65_536)
                if not received:
                    raise ConnectionResetError
                self._in += received
                self._understand()
        if writable:
            with contextlib.suppress(BlockingIOError):
                del self._out[: self._client.send(self._out)]

    def _fill(self) -> None:
        """Put kept messages into frames, as many as the client's windows allow."""
        while self._kept and len(self._out) < 1 << 18:
            room = min(self._windows[0], self._windows[self._stream], _FRAME)
            parts, size = [], 0
            while self._kept and size + len(self._kept[0]) <= room:
                parts.append(self._kept.popleft())
                size += len(parts[-1])
            if not parts:
                return
            self._windows[0] -= size
            self._windows[self._stream] -= size
            self._out += frame(_DATA, 0, self._stream, b"".join(parts))

    def _understand(self) -> None:
        data = self._in
        if self._skip:
            if len(data) < self._skip:
                return
            del data[: self._skip]
            self._skip = 0
        while len(data) >= 9 and len(data) >= 9 + (size := int.from_bytes(data[:3], "big")):
            kind, flags, stream = struct.unpack(">BBI", data[3:9])
            payload = bytes(data[9 : 9 + size])
            del data[: 9 + size]
            if kind == _SETTINGS and not flags & _ACK:
                self._settings(payload)
            elif kind == _PING and not flags & _ACK:
                self._out += frame(_PING, _ACK, 0, payload)
            elif kind == _WINDOW_UPDATE and stream in self._windows:
                self._windows[stream] += int.from_bytes(payload, "big")
            elif kind == _HEADERS:
                self._open(stream, payload)

    def _open(self, stream: int, headers: bytes) -> None:
        if b"LogService/Watch" in headers:  # gRPC's C core writes a path as it is
            self._stream = stream
            self._windows[stream] = self._initial
            self._out += frame(_HEADERS, _END_HEADERS, stream, _OK)
        else:
            self._out += frame(_HEADERS, _END_HEADERS | _END_STREAM, stream, _UNIMPLEMENTED)

    def _settings(self, payload: bytes) -> None:
        for at in range(0, len(payload), 6):
            name, value = struct.unpack(">HI", payload[at : at + 6])
            if name == _INITIAL_WINDOW:
                for stream in self._windows.keys() - {0}:
                    self._windows[stream] += value - self._initial
                self._initial = value
        self._out += frame(_SETTINGS, _ACK, 0, b"")


def prepared(kind: str) -> list[bytes]:
    """Return events of the benchmark's set as gRPC messages (a flag, a length, protobuf)."""
    found = []
    for event in datasets.events(_DISTINCT * 13):
        if relay_server.kind_of(event) == kind:
            raw = relay_server.encode(kind, event)
            found.append(b"\0" + struct.pack(">I", len(raw)) + raw)
            if len(found) == (_DISTINCT if kind == "logs" else _DISTINCT // 5):
                break
    return found


def offer(kind: str, requests: Connection) -> None:
    """Be the relay: for each (rate, seconds) that comes, serve one client and say what was lost."""
    messages = prepared(kind)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        requests.send(listener.getsockname()[1])
        while (request := requests.recv()) is not None:
            client, _ = listener.accept()
            with client:
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                one = Offer(client, messages, _BUFFER[kind])
                requests.send((one.run(*request), one.dropped))
                requests.recv()  # the client may go


def forwarded(port: int, kind: str, rate: int, seconds: float, requests: Connection) -> Run:
    """Run `cef-bridge forward` against the relay at this rate."""
    counter = Sink()
    with tempfile.TemporaryDirectory() as folder:
        before = children_cpu()
        requests.send((rate, seconds))
        command = [str(_COMMAND), "forward", "--queue", f"{folder}/q", "--from"]
        source = f"kubearmor://127.0.0.1:{port}?streams={kind}"
        process = subprocess.Popen(
            [*command, source, "--to", f"tcp://127.0.0.1:{counter.port}"],
            stderr=subprocess.DEVNULL,
        )
        offered, dropped = requests.recv()
        expected, patience = offered - dropped, time.monotonic() + 60
        while counter.lines < expected and time.monotonic() < patience:
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        requests.send(None)
        cpu = (children_cpu() - before) / max(expected, 1) * 1e6
    return Run(rate, offered, dropped, counter.lines, cpu)


def read_only(port: int, kind: str, rate: int, seconds: float, requests: Connection) -> Run:
    """Let a client read and do nothing else."""
    requests.send((rate, seconds))
    channel = Channel(RelayEndpoint("127.0.0.1", port), 4 << 20)
    channel.open(kind, "all")
    began, arrived = time.process_time(), 0

    def read() -> None:
        nonlocal arrived
        with contextlib.suppress(Exception):  # it is cancelled at the end
            for _ in channel.read():
                arrived += 1

    reader = threading.Thread(target=read)
    reader.start()
    offered, dropped = requests.recv()
    patience = time.monotonic() + 30
    while arrived < offered - dropped and time.monotonic() < patience:
        time.sleep(0.05)
    cpu = (time.process_time() - began) / max(arrived, 1) * 1e6
    channel.close()
    reader.join()
    requests.send(None)
    return Run(rate, offered, dropped, arrived, cpu)


def children_cpu() -> float:
    """Return the CPU seconds of all processes that were waited for."""
    times = os.times()
    return times.children_user + times.children_system


def search(way: str, arguments: argparse.Namespace, port: int, requests: Connection) -> int:
    """Print runs at rising rates; return the highest without a loss."""
    run = {"forward": forwarded, "gRPC alone": read_only}[way]
    good, bad, rate = 0, 0, arguments.first
    for _ in range(arguments.steps + 6):
        found = run(port, arguments.stream, rate, arguments.seconds, requests)
        lost = found.offered - found.arrived
        print(
            f"{way:>12} {found.rate:>8,} {found.offered:>9,} {found.dropped:>9,}"
            f" {found.arrived:>9,} {found.cpu:>7.1f}",
            flush=True,
        )
        if lost > 0:
            bad = rate
        else:
            good = rate
        if bad and (bad - good) * 2 ** (arguments.steps - 1) < bad:
            break
        rate = (good + bad) // 2 if bad else 2 * rate
    return good


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--stream", choices=sorted(_BUFFER), default="logs")
    parser.add_argument("--first", type=int, default=2000, help="the first rate, events a second")
    parser.add_argument("--steps", type=int, default=4, help="how closely the limit is searched")
    parser.add_argument("--ways", default="gRPC alone,forward")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    requests, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(
        target=offer, args=(arguments.stream, theirs), daemon=True
    )
    server.start()
    port = requests.recv()
    print(f"{os.cpu_count()} cores, {arguments.stream}, {arguments.seconds:g} s a rate")
    print(
        f"{'':>12} {'rate/s':>8} {'offered':>9} {'dropped':>9} {'arrived':>9} {'CPU us':>7}",
        flush=True,
    )
    found = {way: search(way, arguments, port, requests) for way in arguments.ways.split(",")}
    for way, rate in found.items():
        print(f"{way}: nothing lost at {rate:,} events/s")
    if arguments.json:
        print(json.dumps(found))
    requests.send(None)
    server.join(5)


if __name__ == "__main__":
    main()
