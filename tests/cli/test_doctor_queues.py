"""What the doctor says of queues, and of a forwarder that runs or does not."""

from __future__ import annotations

import os
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest
from forwards import Forward
from looking import Collector, closed_port, event, look, row, write
from waiting import until

from cef_bridge.queue.inspector import inspect


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "k.log", *[event(number) for number in range(20)])


def filled(log, folder, waiting: int = 20) -> None:
    """Leave messages in a queue for a collector that is away."""
    left_by_a_kill(log, folder, lambda status: status.sum.waiting == waiting)


def left_by_a_kill(log, folder, when, *words: str) -> None:
    """Run a forwarder until its queue is so, and kill it."""
    path = folder / "out.queue"
    to = f"tcp://127.0.0.1:{closed_port()}?name=out"
    words = ["--from", log, "--to", to, "-m", "splunk", "--queue", folder, *words]
    with Forward(*words) as running:
        running.until_says("nothing listens there")
        until(lambda: when(inspect(path).status()))
        running.kill()


def seen(log, folder, **options):
    with Collector() as collector:
        return look(
            [log], [f"tcp://127.0.0.1:{collector.port}?name=out"], queue=str(folder), **options
        )


def test_messages_that_wait_and_no_forwarder(log, tmp_path):
    filled(log, tmp_path / "q")
    found = seen(log, tmp_path / "q")
    assert found.broken is None
    said = row(found, "waiting messages")
    assert said.status == "warning"
    assert said.text.startswith("20 messages, the oldest for ")
    assert said.text.endswith(", and no forwarder runs")
    assert row(found, "read so far").text == "all of it; new lines are read"


def test_a_file_that_is_shorter_than_what_was_read(log, tmp_path):
    filled(log, tmp_path / "q")
    os.truncate(log, 900)
    said = row(seen(log, tmp_path / "q"), "read so far")
    assert said.status == "warning"
    assert f"and {log} has 900: it was truncated" in said.text


def test_lines_that_were_not_read_yet(log, tmp_path):
    filled(log, tmp_path / "q")
    with log.open("ab") as file:
        file.write(b"x" * 99 + b"\n")
    assert row(seen(log, tmp_path / "q"), "read so far").text == "100 bytes not read yet"


def test_a_full_queue(log, tmp_path):
    large = write(
        tmp_path / "large.log",
        *[event(number, Resource="/bin/x " + os.urandom(2000).hex()) for number in range(600)],
    )
    left_by_a_kill(
        large,
        tmp_path / "q",
        lambda status: status.bytes >= 0.95 * (1 << 20),
        "--queue-limit",
        "1M",
    )
    found = seen(log, tmp_path / "q", queue_limit=1 << 20)
    assert found.broken == row(found, "queue limit")
    assert "of 1 MiB, and when_full=block makes sources wait" in found.sentence


def test_dead_letters(log, tmp_path):
    broken = write(
        tmp_path / "broken.log", '{"Type": "MatchedPolicy", "Operation": "Process", "Resource": '
    )
    with broken.open("a") as file:
        file.write('{"Type": "MatchedPolicy", "Operation": "File"}\n')
    filled(broken, tmp_path / "q", 1)
    said = row(seen(log, tmp_path / "q"), "dead letters")
    assert (said.status, said.text) == ("warning", "1 dead letter")
    assert said.advice.endswith(f"cef-bridge deadletter list {tmp_path}/q/out.queue")


def test_a_damaged_queue(log, tmp_path):
    filled(log, tmp_path / "q")
    path = tmp_path / "q" / "out.queue"
    data = bytearray(path.read_bytes())
    data[100:4000] = b"\xff" * 3900
    path.write_bytes(data)
    found = seen(log, tmp_path / "q")
    assert found.broken == row(found, "queue file")
    assert "is damaged" in found.sentence


def test_a_folder_that_is_none(log, tmp_path):
    found = seen(log, write(tmp_path / "q"))
    assert found.broken == row(found, "folder")
    assert f"{tmp_path}/q is no folder" in found.sentence


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(log, tmp_path):
    (tmp_path / "q").mkdir(mode=0o500)
    assert seen(log, tmp_path / "q").broken.check == "folder"


def test_a_running_forwarder_is_found_by_its_queue_and_its_metrics(log, tmp_path):
    metrics = f"127.0.0.1:{closed_port()}"
    with Collector() as collector:
        to = f"tcp://127.0.0.1:{collector.port}?name=out"
        words = ["--from", log, "--to", to, "-m", "splunk", "--queue", tmp_path / "q"]
        with Forward(*words, "--metrics", metrics) as running:
            until(lambda: b"CEF:0" in collector.received)
            found = look([log], [to], queue=str(tmp_path / "q"), metrics=metrics)
            running.end()
    assert found.broken is None, found.sentence
    assert row(found, "queue file").text.startswith("in use by a running forwarder (process ")
    assert row(found, "metrics address").text == f"a forwarder runs at {metrics}, and is ready"
    assert row(found, "rate").text.startswith("out: in ")


def test_a_running_forwarder_that_is_not_ready_says_why(log, tmp_path):
    metrics = f"127.0.0.1:{closed_port()}"
    to = f"tcp://127.0.0.1:{closed_port()}?name=out"
    words = ["--from", log, "--to", to, "-m", "splunk", "--queue", tmp_path / "q"]
    with Forward(*words, "--metrics", metrics) as running:
        running.until_says("nothing listens there")
        found = look([log], [to], metrics=metrics)
        running.end()
    said = row(found, "metrics address")
    assert said.status == "problem"
    assert "is not ready: destination out: cannot reach" in said.text
    assert found.broken.stage == "destination"  # the cause comes first


def test_another_program_at_the_address_of_the_metrics(log):
    with Collector() as collector, socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        metrics = f"127.0.0.1:{port}"
        found = look([log], [f"tcp://127.0.0.1:{collector.port}"], metrics=metrics, limit=1.0)
        server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            metrics = f"127.0.0.1:{server.server_port}"
            web = look([log], [f"tcp://127.0.0.1:{collector.port}"], metrics=metrics)
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
    for each in (found, web):
        assert each.broken == row(each, "metrics address")
        assert "another program listens on" in each.broken.text


def test_a_free_address_is_fine(log):
    with Collector() as collector:
        metrics = f"127.0.0.1:{closed_port()}"
        found = look([log], [f"tcp://127.0.0.1:{collector.port}"], metrics=metrics)
    assert not found.found
    assert row(found, "metrics address").text.startswith(f"{metrics} is free")


def test_the_doctor_does_not_wait_long_for_what_works(log):
    begun = time.monotonic()
    with Collector() as collector:
        look([log], [f"tcp://127.0.0.1:{collector.port}"], limit=600.0)
    assert time.monotonic() - begun < 60
