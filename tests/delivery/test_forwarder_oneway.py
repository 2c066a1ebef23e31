"""The forwarder where nobody answers: datagrams, a file, standard output."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
import time

import pytest
from forwarding import fill, forwarding, target

from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.one_way_senders import Tokens
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "queue" / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture
def receiver():
    """A UDP socket, and what it got."""
    got: list[bytes] = []
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(("127.0.0.1", 0))
    sock.settimeout(0.1)
    stop = threading.Event()

    def read():
        while not stop.is_set():
            try:
                got.append(sock.recv(1 << 17))
            except TimeoutError:
                continue

    thread = threading.Thread(target=read)
    thread.start()
    yield sock.getsockname()[1], got
    stop.set()
    thread.join()
    sock.close()


def arrived(got, count):
    until = time.monotonic() + 10
    while len(got) < count and time.monotonic() < until:
        time.sleep(0.01)
    return got


# A token bucket


def test_tokens_let_a_fiftieth_of_a_second_through_and_then_keep_the_pace():
    tokens = Tokens(500, 0.0)
    waits = [tokens.take(0.0) for _ in range(13)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == pytest.approx([0.002, 0.004, 0.006])


def test_tokens_do_not_gather_while_nothing_is_sent():
    tokens = Tokens(500, 0.0)
    assert [tokens.take(1e6) > 0 for _ in range(12)] == [False] * 10 + [True] * 2


def test_tokens_of_a_slow_pace_come_one_by_one():
    tokens = Tokens(1, 0.0)
    assert [tokens.take(0.0), tokens.take(0.0), tokens.take(2.0)] == [0.0, 1.0, 0.0]


# Datagrams


def test_each_message_is_a_datagram_and_counts_as_unconfirmed(queue, receiver):
    port, got = receiver
    sent = fill(queue, 300)
    with forwarding(queue, target("udp", port, rate=100_000)) as running:
        running.finish()
        assert running.state.sent == 300
        assert running.state.sent_bytes == 300 * 100
    assert arrived(got, 300) == sent
    total = queue.sum()
    assert (total.unconfirmed, total.confirmed) == (300, 0)


def test_datagrams_are_paced(queue, receiver):
    port, _ = receiver
    fill(queue, 60)
    began = time.monotonic()
    with forwarding(queue, target("udp", port, rate=50)) as running:
        running.finish()
    assert time.monotonic() - began > 1.0  # 5 at once, and 55 at 50 a second


def test_a_datagram_is_never_cut(queue, receiver, caplog):
    port, got = receiver
    whole = [b"a" * 600, b"b" * 601, b"c", b"d" * 9000]
    queue.append([MessageBatch(ALERTS, whole)])
    with forwarding(queue, target("udp", port, max_datagram=600)) as running:
        running.finish()
    assert arrived(got, 2) == [whole[0], whole[2]]
    total = queue.sum()
    assert (total.unconfirmed, total.dead_lettered) == (2, 2)
    assert [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR] == [
        (
            "siem: a message of 601 bytes is longer than max_datagram (600) lets a datagram be. It is "
            "kept among the dead letters, and so will be all others like it."
        )
    ]


def test_what_no_datagram_can_hold_is_buried_whatever_was_allowed(queue, receiver):
    port, got = receiver
    queue.append([MessageBatch(ALERTS, [b"a", b"b" * 70_000, b"c"])])
    with forwarding(queue, target("udp", port, max_datagram=100_000)) as running:
        running.finish()
    assert arrived(got, 2) == [b"a", b"c"]
    assert queue.sum().dead_lettered == 1


def test_a_stop_leaves_what_was_not_sent(queue, receiver):
    port, got = receiver
    fill(queue, 100)
    with forwarding(queue, target("udp", port, rate=20)) as running:
        running.wait_for(lambda: len(got) >= 4)
        assert running.end() < 2
    total = queue.sum()
    assert total.unconfirmed == len(arrived(got, total.unconfirmed))
    assert total.in_flight + total.waiting == 100 - total.unconfirmed > 0


def test_that_nobody_listens_is_said_once(queue, caplog):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    port = sock.getsockname()[1]
    sock.close()
    fill(queue, 50)
    with forwarding(queue, target("udp", port)) as running:
        running.finish()
    assert queue.sum().unconfirmed == 50
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == [
        (
            f"siem: nothing listens at 127.0.0.1:{port}, so what is sent there is lost. UDP sending continues; messages count as unconfirmed. Start the collector, or correct the port."
        )
    ]


# Files


def test_lines_of_a_file_are_confirmed(queue, tmp_path):
    path = tmp_path / "out.cef"
    sent = fill(queue, 1000)
    to = DestinationUrl(scheme="file", path=str(path), rotate_bytes=1 << 30)
    with forwarding(queue, to) as running:
        running.finish()
        assert (running.state.sent, running.state.sent_bytes) == (1000, 101_000)
    assert path.read_bytes().splitlines() == sent
    assert queue.sum().confirmed == 1000


def test_a_file_is_rotated_and_nothing_is_lost(queue, tmp_path):
    path = tmp_path / "out.cef"
    sent = fill(queue, 1000)
    to = DestinationUrl(scheme="file", path=str(path), rotate_bytes=30_000, keep=9)
    with forwarding(queue, to) as running:
        running.finish()
    files = [path, *(tmp_path / f"out.cef.{number}" for number in range(1, 4))]
    assert [line for each in reversed(files) for line in each.read_bytes().splitlines()] == sent
    assert max(each.stat().st_size for each in files) <= 30_000


def test_a_folder_that_is_missing_is_waited_for(queue, tmp_path, caplog):
    path = tmp_path / "later" / "out.cef"
    sent = fill(queue, 10)
    with forwarding(queue, DestinationUrl(scheme="file", path=str(path))) as running:
        running.wait_for(lambda: running.state.last_error)
        assert running.state.reason == "cannot-write"
        assert queue.sum().confirmed == 0
        path.parent.mkdir()
        running.finish()
        assert running.state.reason == ""
    assert path.read_bytes().splitlines() == sent
    said = [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
    assert said == [
        (
            f"siem: cannot write {path}: its folder does not exist. Make it. 10 messages queued, "
            "none lost."
        )
    ]


def test_a_run_that_ended_in_mid_line_leaves_whole_lines(queue, tmp_path):
    path = tmp_path / "out.cef"
    path.write_bytes(b"whole\nhal")
    sent = fill(queue, 3)
    with forwarding(queue, DestinationUrl(scheme="file", path=str(path))) as running:
        running.finish()
    assert path.read_bytes().splitlines() == [b"whole", *sent]


# Standard output, of a process of its own

SENDS_ALL = """
import sys, threading
from pathlib import Path
from cef_bridge.delivery.destination_sender import DestinationSender
from cef_bridge.queue.queue import Queue
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.errors import CefBridgeError
queue = Queue.open(Path(sys.argv[1]))
forwarder = DestinationSender(
    queue, DestinationUrl(scheme="stdout"), framing="lf", name="out", stop=threading.Event()
)
forwarder.finish()
try:
    forwarder.run()
except CefBridgeError as error:
    sys.exit(str(error))
finally:
    queue.close()
"""


@pytest.fixture
def process(tmp_path, queue):
    """A process that writes what is in the queue, and what was put there before."""
    sent = fill(queue, 10_000)
    queue.close()
    path = tmp_path / "queue" / "siem.queue"
    arguments = [sys.executable, "-c", SENDS_ALL, str(path)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        yield process, sent, path


def total_of(path):
    queue = Queue.open(path)
    total = queue.sum()
    queue.close()
    assert total.holds()
    return total


def test_standard_output_gets_lines_and_they_are_confirmed(process):
    process, sent, path = process
    out, errors = process.communicate(timeout=30)
    assert (out.splitlines(), errors) == (sent, b"")
    assert total_of(path).confirmed == 10_000


def test_a_reader_that_is_gone_ends_the_run_and_loses_nothing(process):
    process, sent, path = process
    assert process.stdout.readline() == sent[0] + b"\n"
    process.stdout.close()
    assert process.wait(30) == 1
    assert process.stderr.read() == (b"cannot write to standard output: the reader closed it.\n")
    total = total_of(path)
    assert total.confirmed == 0
    assert total.waiting == 10_000
