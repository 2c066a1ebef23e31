"""A queue's file that is damaged, or goes away: the forwarder says so, and goes on."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import urllib.error
import urllib.request

import pytest
from forwards import Forward, books, forward, write_events
from waiting import until

from cef_bridge.errors import CefBridgeError
from cef_bridge.generator import events
from cef_bridge.queue import schema
from cef_bridge.queue.queue import QueueInspector


def waiting_queue(tmp_path):
    """Return a folder whose queue holds 200 messages: nobody listens where they should go."""
    source = write_events(tmp_path / "events.ndjson", 200)
    ended = forward(
        *("--from", source, "--to", "tcp://127.0.0.1:9", "--queue", tmp_path / "queue"),
        *("--once", "--timeout", "3"),
    )
    assert ended.code == 1
    (books_of,) = books(tmp_path / "queue").values()
    assert books_of["waiting"] == 200
    return next((tmp_path / "queue").glob("*.queue"))


def send(path, tmp_path):
    """Send what waits in the queue to a file; return how it ended, and how many lines there are."""
    out = tmp_path / "out.txt"
    for suffix in ("-wal", ""):
        if schema.beside(path, suffix).exists():
            schema.beside(path, suffix).rename(path.with_name(f"out.queue{suffix}"))
    empty = write_events(tmp_path / "more.ndjson", 1)
    config = tmp_path / "config.yaml"
    config.write_text(
        f"sources: [{{from: {empty}}}]\ndestinations: [{{name: out, to: 'file://{out}'}}]\n"
        f"queue: {path.parent}\n"
    )
    return forward("--config", config, "--once"), out


def test_damage_that_cost_messages_is_told_and_ends_a_run_once_with_3(tmp_path):
    path = waiting_queue(tmp_path)
    with sqlite3.connect(path) as file:
        (body,) = file.execute("SELECT body FROM bodies ORDER BY length(body) DESC").fetchone()
    file.close()
    raw = bytearray(path.read_bytes())
    at = raw.index(body[-200:])
    raw[at + 100] ^= 1
    raw[schema.PAGE - 300] ^= 1  # the names of the tables, too
    path.write_bytes(raw)
    ended, out = send(path, tmp_path)
    assert ended.code == 3
    assert "out.queue is damaged (" in ended.err
    assert ": cef-bridge queue status " in ended.err
    assert "Traceback" not in ended.err
    (found,) = books(path.parent).values()
    lost = found["dropped:damaged"]
    assert lost > 0
    assert len(out.read_bytes().splitlines()) == 201 - lost


def test_a_file_deleted_while_forward_runs_is_seen_and_nothing_that_came_is_lost(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        address = f"127.0.0.1:{free.getsockname()[1]}"
    folder = tmp_path / "queue"
    lines = list(events(300, seed=1))
    words = ("--from", "-", "--to", "tcp://127.0.0.1:9?name=siem", "--queue", folder)
    with Forward(*words, "--metrics", address, stdin=subprocess.PIPE) as run:

        def hand_over(first: int, number: int) -> None:
            run.process.stdin.write(b"".join(lines[first : first + number]))
            run.process.stdin.flush()
            until(lambda: received(folder) == first + number)

        hand_over(0, 100)
        (folder / "siem.queue").unlink()
        run.until_says("siem.queue was deleted while it was in use")
        assert "its file was deleted" in not_ready(address)
        hand_over(100, 100)
        for path in folder.glob("siem.queue*"):
            path.unlink()
        run.until_says("siem.queue was deleted while it was in use", times=2)
        hand_over(200, 100)
        run.kill()
        said = run.said()
    assert said.count(" ERROR ") == 2
    assert said.count("none is lost") == 2
    ended, out = send(folder / "siem.queue", tmp_path)
    assert ended.code == 0
    (found,) = books(folder).values()
    assert found["received"] == 301
    assert found["dropped"] == found["waiting"] == 0
    assert len(out.read_bytes().splitlines()) == found["accepted"] == 301


def received(folder) -> int:
    try:
        return QueueInspector(folder / "siem.queue").status().totals.get("received", 0)
    except CefBridgeError:
        return 0  # it is not there at the moment


def not_ready(address: str) -> str:
    with (
        pytest.raises(urllib.error.HTTPError) as error,
        urllib.request.urlopen(f"http://{address}/readyz", timeout=30),
    ):
        pass
    with error.value as answer:
        assert answer.code == 503
        return answer.read().decode()
