"""A broker that refuses requests at the worst moments: nothing is taken for an answer that is none."""

from __future__ import annotations

import re
import signal
import time
import urllib.request

import pytest
from brokers import Topics, free_port
from forwards import Forward, forward, ids
from mock_broker import FETCH, LIST_OFFSETS, NOT_AUTHORIZED, OFFSET_FETCH, mock_broker
from waiting import until

from cef_bridge.generator import events


class Case:
    """A broker of its own, a topic, and a forwarder's words."""

    def __init__(self, broker, tmp_path, partitions=1):
        self.broker = broker
        self.out = tmp_path / "out.cef"
        self.folder = tmp_path
        self.topics = Topics(broker.port)
        self.address = f"127.0.0.1:{free_port()}"
        broker.create("t", partitions)

    def words(self, query="", name="queue", out=None):
        source = f"kafka://127.0.0.1:{self.broker.port}/t?group=g&session_timeout=6s{query}"
        to = f"file://{out or self.out}"
        return ("--from", source, "--to", to, "--queue", self.folder / name)

    def run(self, query=""):
        return Forward(*self.words(query), "--metrics", self.address)

    def arrived(self):
        return ids(self.out.read_bytes().splitlines()) if self.out.exists() else []

    def connected(self):
        with urllib.request.urlopen(f"http://{self.address}/metrics", timeout=30) as answer:
            return re.search(rb"\ncef_bridge_source_connected\{.*\} 1", answer.read()) is not None


@pytest.fixture
def case(tmp_path):
    with mock_broker() as broker:
        yield Case(broker, tmp_path)


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_without_an_answer_about_offsets_nothing_is_read_and_nothing_committed(case, start):
    case.topics.send("t", events(100))
    assert forward("--once", "--timeout", "60", *case.words()).code == 0
    assert case.topics.committed("g", "t") == {0: 100}
    case.topics.send("t", events(50, seed=2))
    case.broker.refuse(OFFSET_FETCH, NOT_AUTHORIZED)
    case.out.unlink()
    with Forward(*case.words(f"&start={start}", name="another")) as run:
        run.until_says("no right")
        assert run.end(signal.SIGTERM).code == 0
    case.broker.allow(OFFSET_FETCH)
    assert case.topics.committed("g", "t") == {0: 100}
    words = case.words(f"&start={start}", name="another")
    assert forward("--once", "--timeout", "60", *words).code == 0
    assert len(case.arrived()) == 50


@pytest.mark.parametrize("start", ["earliest", "latest"])
def test_without_an_answer_about_the_ends_of_partitions_it_waits(case, start):
    case.topics.send("t", events(100))
    case.broker.refuse(LIST_OFFSETS, NOT_AUTHORIZED)
    with case.run(f"&start={start}") as run:
        run.until_says("no right")
        case.broker.allow(LIST_OFFSETS)
        until(case.connected)
        case.topics.send("t", events(100, seed=2))
        until(lambda: len(case.arrived()) == (200 if start == "earliest" else 100))
        assert run.end(signal.SIGTERM).code == 0


def test_a_topic_that_may_not_be_read_is_not_said_to_work_because_the_broker_answers(case):
    case.topics.send("t", events(100))
    case.broker.refuse(FETCH, NOT_AUTHORIZED)
    with case.run() as run:
        run.until_says("no right to the topic t")
        until(lambda: not case.connected())
        for _ in range(20):  # longer than it takes to look whether brokers answer
            time.sleep(0.2)
            assert not case.connected()
        case.broker.allow(FETCH)
        until(lambda: len(case.arrived()) == 100)
        until(case.connected)


def test_what_the_broker_deletes_before_it_is_read_is_counted(case):
    case.topics.send("t", events(100))
    assert forward("--once", "--timeout", "60", *case.words()).code == 0
    case.topics.send("t", events(100, seed=2))
    case.broker.delete_before("t", 0, 130)
    ended = forward("--once", "--timeout", "60", *case.words())
    assert "the broker deleted 30 events" in ended.err
    found = case.out.read_bytes().splitlines()
    (gap,) = [line for line in found if b"kafka-retention" in line]
    assert b"30" in gap
    assert len(found) == 100 + 70 + 1
    assert case.topics.committed("g", "t") == {0: 200}


def test_a_part_of_a_line_is_not_committed_before_its_rest_has_come(case):
    """A container runtime cuts lines; the first part is in one queue alone."""
    line = next(iter(events(1))).strip()

    def wrapped(part, tag):
        return b"2026-11-29T10:00:00.123456789Z stdout %b %b" % (tag, part)

    whole = [wrapped(each.strip(), b"F") for each in events(20, seed=3)]
    case.topics.send("t", [*whole, wrapped(line[:200], b"P")])
    with case.run() as run:
        until(lambda: len(case.arrived()) == 20)
        run.end(signal.SIGTERM)
    assert case.topics.committed("g", "t").get(0, 0) <= 20
    case.topics.send("t", [wrapped(line[200:], b"F")])
    ended = forward("--once", "--timeout", "60", *case.words(name="another"))
    assert "0 rejected" in ended.err
    assert len(set(case.arrived())) == 21
    assert case.topics.committed("g", "t") == {0: 22}


def test_a_run_to_the_end_does_not_end_when_partitions_go_to_another_member(tmp_path):
    with mock_broker() as broker:
        case = Case(broker, tmp_path, partitions=4)
        case.topics.send("t", events(20_000))
        words = case.words("&ahead=1000")
        with Forward("--once", "--timeout", "110", *words) as one:
            until(lambda: len(case.arrived()) > 0)
            two = Forward(*case.words(name="two", out=tmp_path / "two.cef"))
            with two:
                ended = one.wait()
                assert ended.code == 0, ended.err

                def found():
                    lines = (tmp_path / "two.cef").read_bytes().splitlines()
                    return set(case.arrived()) | set(ids(lines))

                until(lambda: (tmp_path / "two.cef").exists() and len(found()) == 20_000)
