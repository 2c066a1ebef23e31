"""Topics of a real broker through `forward`: every event arrives, offsets follow what is settled."""

from __future__ import annotations

import contextlib
import re
import signal
import urllib.request

import orjson
import pytest
from brokers import Topics, free_port, mock, noida
from forwards import Forward, forward, ids
from waiting import until

from cef_bridge.generator import events
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

COUNT = 3000


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with noida(tmp_path_factory.mktemp("broker")) as server:
        yield server


@pytest.fixture(scope="module")
def forgetting():
    """The port of a broker whose groups forget a member that was killed."""
    with mock() as port:
        yield port


@pytest.fixture
def topics(broker, request):
    """Topics with names of their own for each test: `topics.name`."""
    return named(broker.port, request)


@pytest.fixture
def drilled(forgetting, request):
    """Topics of a broker whose groups forget a member that was killed."""
    return named(forgetting, request)


def named(port, request):
    found = Topics(port)
    found.name = re.sub(r"\W+", "-", request.node.name)[:80].strip("-")
    return found


def committed(topics):
    return topics.committed(topics.name, topics.name)


def source(topics, *more, words="", group=""):
    names = ",".join([topics.name, *more])
    return (
        f"kafka://{topics.servers}/{names}?group={group or topics.name}&session_timeout=6s{words}"
    )


def lines(path):
    return path.read_bytes().splitlines() if path.exists() else []


def once(topics, tmp_path, *words, url=None, **options):
    where = ["--to", f"file://{tmp_path}/out.cef", "--queue", tmp_path / "queue"]
    run = ["--once", "--timeout", "100", "--from", url or source(topics), *where, *words]
    return forward(*run, **options)


def test_every_event_arrives_once_and_its_offset_is_committed(topics, tmp_path):
    topics.create(topics.name)
    topics.send(topics.name, events(COUNT))
    ended = once(topics, tmp_path)
    assert ended.code == 0, ended.err
    found = lines(tmp_path / "out.cef")
    assert len(found) == len(set(found)) == COUNT
    assert sum(committed(topics).values()) == COUNT
    topics.send(topics.name, events(10, seed=2))
    ended = once(topics, tmp_path)
    assert ended.code == 0, ended.err
    assert len(lines(tmp_path / "out.cef")) == COUNT + 10
    assert sum(committed(topics).values()) == COUNT + 10


def test_each_message_becomes_something_and_the_counters_say_what(topics, tmp_path):
    event = next(iter(events(1))).strip()
    values = [
        None,
        b"",
        b"no event",
        event,
        event + b"\n" + event + b"\n",
        orjson.dumps(orjson.loads(event), option=orjson.OPT_INDENT_2),
        b"[" + event + b"," + event + b"]",
        b'{"Type": "Log", "half": ',
        b'{"x": "' + b"y" * 5000 + b'"}',
    ]
    topics.create(topics.name, 1)
    topics.send(topics.name, values)
    ended = once(topics, tmp_path, url=source(topics, words="&max_record=4k"))
    assert len(lines(tmp_path / "out.cef")) == 6, ended.err
    assert "6 converted" in ended.err
    assert "2 rejected, 1 skipped, 2 blank" in ended.err
    assert committed(topics) == {0: len(values)}


def test_several_topics_are_read_by_one_group(topics, tmp_path):
    topics.create(topics.name)
    topics.create(f"{topics.name}-2", 1)
    topics.send(topics.name, events(100))
    topics.send(f"{topics.name}-2", events(100, seed=2))
    ended = once(topics, tmp_path, url=source(topics, f"{topics.name}-2"))
    assert ended.code == 0, ended.err
    assert len(set(lines(tmp_path / "out.cef"))) == 200


def test_a_new_group_begins_at_the_end_if_it_is_told_to_and_skips_nothing_that_comes(
    topics, tmp_path
):
    topics.create(topics.name, 1)
    topics.send(topics.name, events(50))
    url = source(topics, words="&start=latest")
    assert once(topics, tmp_path, url=url).code == 0
    topics.send(topics.name, events(7, seed=3))
    assert once(topics, tmp_path, url=url).code == 0
    assert len(lines(tmp_path / "out.cef")) == 7


def test_events_without_a_time_have_the_same_id_when_they_are_read_again(topics, tmp_path):
    timeless = [
        orjson.dumps({k: v for k, v in orjson.loads(line).items() if "Time" not in k})
        for line in [*events(20)] * 2
    ]
    topics.create(topics.name, 2)
    topics.send(topics.name, timeless)
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        ended = once(topics, tmp_path / name, url=source(topics, group=name))
        assert ended.code == 0, ended.err
        found.append(sorted(ids(lines(tmp_path / name / "out.cef"))))
    assert found[0] == found[1]
    assert len(set(found[0])) == 40


def test_a_queue_that_is_kept_is_not_filled_twice(drilled, tmp_path):
    """Killed with messages in the queue: the next run begins behind them."""
    drilled.send(drilled.name, events(COUNT))
    words = ("--from", source(drilled), "--queue", tmp_path / "queue")
    with metered(*words, "--to", "tcp://127.0.0.1:9?name=siem") as (run, value):
        until(lambda: value("queue_messages") == COUNT)
        assert committed(drilled) == {}
        until(lambda: value("source_lag") == COUNT)
        run.kill()
    to = f"file://{tmp_path}/out.cef?name=siem"
    ended = forward(
        *("--once", "--timeout", "100", "--from", source(drilled), "--to", to),
        *("--queue", tmp_path / "queue"),
    )
    assert ended.code == 0, ended.err
    found = lines(tmp_path / "out.cef")
    assert len(found) == len(set(found)) == COUNT
    assert sum(committed(drilled).values()) == COUNT


def test_what_waits_is_sent_and_committed_when_it_is_told_to_stop(topics, tmp_path):
    topics.create(topics.name)
    topics.send(topics.name, events(COUNT))
    words = ("--from", source(topics), "--queue", tmp_path / "queue")
    with metered(*words, "--to", f"file://{tmp_path}/out.cef") as (run, value):
        until(lambda: (value("received_total") or 0) >= COUNT)
        ended = run.end(signal.SIGTERM)
    assert ended.code == 0, ended.err
    assert len(set(lines(tmp_path / "out.cef"))) == COUNT
    assert sum(committed(topics).values()) == COUNT


@pytest.mark.parametrize("steady", [False, True], ids=["backlog", "steady load"])
def test_killed_with_its_queue_every_event_arrives_and_copies_are_bounded(
    drilled, tmp_path, steady
):
    """The machine dies: what was taken in and not confirmed is read again by another one."""
    ahead = 500
    drilled.send(drilled.name, events(1 if steady else COUNT))
    out = tmp_path / "out.cef"
    kills = 0
    for number in range(2):
        words = ("--from", source(drilled, words=f"&ahead={ahead}"), "--to", f"file://{out}")
        with Forward(*words, "--queue", tmp_path / f"queue-{number}") as run:
            if steady:
                drilled.send(drilled.name, events(COUNT // 2, seed=number))
            before = len(lines(out))
            until(lambda before=before: len(lines(out)) > before + COUNT // 10)
            run.kill()
            kills += 1
    if steady:
        drilled.send(drilled.name, events(50, seed=9))
    ended = once(drilled, tmp_path, url=source(drilled))
    assert ended.code == 0, ended.err
    sent = {ids([each])[0] for each in converted(drilled)}
    found = ids(lines(out))
    assert set(found) == sent
    # A line that a kill cut in two has no id, and its event was sent again.
    assert len(found) - len(sent) <= kills * (ahead + 2 * 500)


def test_two_members_share_partitions_and_one_that_dies_with_its_queue_loses_nothing(
    drilled, tmp_path
):
    drilled.send(drilled.name, events(COUNT // 6, seed=9))
    url = source(drilled, words="&ahead=500")

    def member(name):
        return Forward(
            *("--from", url, "--to", f"file://{tmp_path}/{name}.cef"),
            *("--queue", tmp_path / f"queue-{name}"),
        )

    with member("one") as one, member("two") as two:
        one.until_says("assigned")
        two.until_says("assigned")
        for seed in range(5):
            drilled.send(drilled.name, events(COUNT // 6, seed=seed))
            if seed == 2:
                one.kill()
        sent = {ids([each])[0] for each in converted(drilled)}

        def arrived():
            return set(ids(lines(tmp_path / "one.cef") + lines(tmp_path / "two.cef")))

        until(lambda: arrived() == sent, what="every event")
        assert two.end(signal.SIGTERM).code == 0


def test_a_topic_that_was_made_again_is_read_from_its_beginning_and_that_is_told(topics, tmp_path):
    topics.create(topics.name, 1)
    topics.send(topics.name, events(200))
    assert once(topics, tmp_path).code == 0
    topics.delete(topics.name)
    until(lambda: not topics.exists(topics.name))
    topics.create(topics.name, 1)
    topics.send(topics.name, events(20, seed=5))
    (tmp_path / "out.cef").unlink()
    ended = once(topics, tmp_path)
    found = lines(tmp_path / "out.cef")
    assert "the topic was made again" in ended.err
    assert len([line for line in found if b"kafka-topic-new" in line]) == 1
    assert len(ids(found)) >= 20
    assert committed(topics) == {0: 20}


def test_a_topic_that_is_not_there_is_told_and_read_when_it_comes(topics, tmp_path):
    words = ("--from", source(topics), "--to", f"file://{tmp_path}/out.cef")
    with metered(*words, "--queue", tmp_path / "queue") as (run, value):
        run.until_says(f"there is no topic {topics.name}")
        assert value("source_connected") == 0
        topics.create(topics.name)
        topics.send(topics.name, events(100))
        until(lambda: len(lines(tmp_path / "out.cef")) == 100)
        until(lambda: value("source_connected") == 1)


def test_a_broker_that_is_away_is_told_and_its_topic_is_read_when_it_is_back(tmp_path):
    """It dies while it is read: what comes later arrives, and nothing comes twice."""
    with noida(tmp_path / "broker") as server:
        topics = Topics(server.port)
        topics.name = "events"
        topics.create("events")
        topics.send("events", events(100))
        server.settle()
        out = tmp_path / "out.cef"
        words = ("--from", source(topics), "--to", f"file://{out}", "--queue", tmp_path / "queue")
        with metered(*words) as (run, value):
            until(lambda: len(lines(out)) == 100)
            server.kill()
            run.until_says("answers")
            until(lambda: value("source_connected") == 0)
            server.start()
            until(lambda: value("source_connected") == 1)
            topics.send("events", events(100, seed=2))
            until(lambda: len(lines(out)) == 200)
            assert run.end(signal.SIGTERM).code == 0
        assert len(set(lines(out))) == 200


def converted(topics):
    """Return what the messages of a topic are as lines, converted by itself."""
    converter = Converter(load("kubearmor-cef"))
    values = [each.value() for each in topics.read(topics.name, topics.count(topics.name))]
    for value in values:
        yield converter.convert(orjson.loads(value)).message.encode()


@contextlib.contextmanager
def metered(*words, **options):
    """Run a forwarder; give it, and a function that asks for the sum of a metric."""
    address = f"127.0.0.1:{free_port()}"

    def value(name):
        try:
            with urllib.request.urlopen(f"http://{address}/metrics", timeout=30) as answer:
                text = answer.read().decode()
        except OSError:  # it has not begun
            return None
        return sum(
            float(line.rpartition(" ")[2])
            for line in text.splitlines()
            if line.startswith(f"cef_bridge_{name}{{")
        )

    with Forward(*words, "--metrics", address, **options) as run:
        yield run, value
