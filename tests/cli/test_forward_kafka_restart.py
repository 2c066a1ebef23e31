"""A broker that is killed and comes back with all that it confirmed; both ends of `forward`."""

from __future__ import annotations

import signal

from brokers import Topics, tansu
from forwards import Forward, ids
from waiting import until

from cef_bridge.generator import events

COUNT = 2000


def test_a_broker_that_is_killed_costs_no_event_and_keeps_what_was_committed(tmp_path):
    out = tmp_path / "out.cef"
    with tansu(tmp_path / "broker") as server:
        topics = Topics(server.port)
        topics.create("events")
        topics.send("events", events(COUNT))
        source = f"kafka://{topics.servers}/events?group=siem"
        words = ("--from", source, "--to", f"file://{out}", "--queue", tmp_path / "queue")

        def arrived():
            return ids(out.read_bytes().splitlines()) if out.exists() else []

        with Forward(*words) as run:
            until(lambda: len(arrived()) == COUNT)
            until(lambda: sum(topics.committed("siem", "events").values()) == COUNT)
            server.kill()
            run.until_says("answers")
            server.start()
            assert sum(topics.committed("siem", "events").values()) == COUNT
            topics.send("events", events(COUNT, seed=2))
            until(lambda: len(arrived()) >= 2 * COUNT)
            ended = run.end(signal.SIGTERM)
        assert ended.code == 0, ended.err
        assert len(arrived()) == len(set(arrived())) == 2 * COUNT
        assert sum(topics.committed("siem", "events").values()) == 2 * COUNT


def test_a_broker_that_is_killed_while_it_is_sent_to_has_every_confirmed_message(tmp_path):
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"".join(events(20_000)))
    # An idempotent producer of anybody loses there what tansu 0.6 confirmed before it was killed.
    with tansu(tmp_path / "broker") as server:
        topics = Topics(server.port)
        topics.create("lines")
        to = f"kafka://{topics.servers}/lines?name=topic&idempotence=no"
        words = ("--from", path, "--to", to, "--queue", tmp_path / "queue")
        with Forward("--once", "--timeout", "110", *words) as run:
            run.until_says("connected to")
            until(lambda: len(topics.read("lines", 100)) >= 100)
            server.kill()
            server.start()
            ended = run.wait()
        assert ended.code == 0, ended.err
        found = {each.key() for each in topics.read("lines", 20_000)}
        assert len(found) == 20_000
