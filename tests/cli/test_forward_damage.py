"""A queue's file that is damaged, or goes away: the forwarder says so, and goes on."""

from __future__ import annotations

import sqlite3

from forwards import books, forward, write_events

from cef_bridge.delivery import queue_schema as schema


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
    renamed = path.with_name("out.queue")
    path.rename(renamed)
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
    assert 0 < lost
    assert len(out.read_bytes().splitlines()) == 201 - lost
