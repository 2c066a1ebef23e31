"""Messages to a topic of a real broker: each is there before it counts as confirmed."""

from __future__ import annotations

import re
import signal

import pytest
from brokers import Topics, noida
from forwards import Forward, books, forward, ids, write_events
from waiting import until

COUNT = 2000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with noida(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture
def topics(broker, request):
    found = Topics(broker.port)
    found.name = re.sub(r"\W+", "-", request.node.name)[:80].strip("-")
    found.create(found.name)
    return found


def sent(topics, tmp_path, *words, count=COUNT, query="", **options):
    path = write_events(tmp_path / "events.ndjson", count)
    to = f"kafka://{topics.servers}/{topics.name}?name=topic{query}"
    run = ["--once", "--timeout", "100", "--from", path, "--to", to, "--queue", tmp_path / "queue"]
    return forward(*run, *words, **options)


def test_every_event_is_in_the_topic_with_its_id_as_key_and_its_class_in_a_header(topics, tmp_path):
    ended = sent(topics, tmp_path)
    assert ended.code == 0, ended.err
    found = topics.read(topics.name, COUNT)
    assert len({each.value() for each in found}) == COUNT
    for each in found:
        assert each.value().startswith(b"CEF:0|KubeArmor|")
        assert ids([each.value()]) == [each.key()]
        headers = dict(each.headers())
        assert headers["content-type"] == b"text/plain; charset=utf-8"
        assert headers["cef-bridge-class"] == each.value().split(b"|")[4]
    assert books(tmp_path / "queue")["topic"]["confirmed"] == COUNT


@pytest.mark.parametrize("key", ["container", "none"])
def test_the_key_is_what_is_asked_for(topics, tmp_path, key):
    assert sent(topics, tmp_path, count=200, query=f"&message_key={key}&compression=zstd").code == 0
    places = {}
    for each in topics.read(topics.name, 200):
        if key == "none":
            assert each.key() is None
        elif each.key() is not None:
            assert b"flexString2=%b " % each.key() in each.value()
            assert places.setdefault(each.key(), each.partition()) == each.partition()
    assert key == "none" or len(places) > 1


def test_killed_while_it_sends_it_loses_nothing(topics, tmp_path):
    path = write_events(tmp_path / "events.ndjson", 20_000)
    to = f"kafka://{topics.servers}/{topics.name}?name=topic"
    words = ("--from", path, "--to", to, "--queue", tmp_path / "queue")
    for _ in range(2):
        with Forward("--once", "--timeout", "100", *words) as run:
            before = topics.count(topics.name)
            until(lambda before=before: topics.count(topics.name) > before)
            run.kill()
    ended = forward("--once", "--timeout", "100", *words)
    assert ended.code == 0, ended.err
    found = topics.read(topics.name, 20_000)
    assert len({each.key() for each in found}) == 20_000
    assert books(tmp_path / "queue")["topic"]["confirmed"] == 20_000


def test_a_broker_that_is_away_is_told_and_gets_everything_when_it_is_back(tmp_path):
    with noida(tmp_path / "broker") as server:
        topics = Topics(server.port)
        topics.name = "events"
        topics.create("events")
        server.settle()
        path = write_events(tmp_path / "events.ndjson", 500)
        to = f"kafka://{topics.servers}/events?name=topic"
        with Forward("--from", path, "--to", to, "--queue", tmp_path / "queue") as run:
            until(lambda: topics.count("events") == 500)
            server.kill()
            with path.open("ab") as file:
                file.write(write_events(tmp_path / "more", 500, seed=2).read_bytes())
            run.until_says("no broker of")
            server.start()
            run.until_says("takes messages again")
            ended = run.end(signal.SIGTERM)
        assert ended.code == 0, ended.err
        assert books(tmp_path / "queue")["topic"]["confirmed"] == 1000
