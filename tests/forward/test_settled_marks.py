"""How far a stream is dealt with: never past a message that has no fate, in any queue or lane."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.forward.settled_marks import SettledMarks, settled_in_all
from cef_bridge.queue.queue import ALERTS, TELEMETRY, MessageBatch, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "siem.queue")
    yield queue
    queue.close()


def append(queue, marks, offset, lane=TELEMETRY, key="k", count=2):
    mark = Checkpoint(key, offset, b"{}")
    messages = [b"%s %d" % (key.encode(), offset)] * count
    queue.append([MessageBatch(lane, messages)] if count else [], [mark])
    marks.stored([mark])


def settle(queue, most=None, *, hold=False):
    stored = queue.fetch(most)
    queue.settle([stored], "confirmed", hold=hold)


def offsets(*marks):
    return settled_in_all(marks)


def test_a_mark_is_settled_with_all_messages_before_it(queue):
    marks = SettledMarks(queue, {}, when_settled=True)
    assert offsets(marks) == {}
    append(queue, marks, 5)
    append(queue, marks, 9)
    assert offsets(marks) == {}
    settle(queue, 1)
    assert offsets(marks) == {}
    settle(queue, 1)
    assert offsets(marks) == {"k": 5}
    settle(queue)
    assert offsets(marks) == {"k": 9}


def test_an_alert_that_overtakes_does_not_carry_the_telemetry_before_it(queue):
    marks = SettledMarks(queue, {}, when_settled=True)
    append(queue, marks, 5, TELEMETRY)
    append(queue, marks, 9, ALERTS)
    settle(queue)
    assert offsets(marks) == {}
    settle(queue)
    assert offsets(marks) == {"k": 9}


def test_what_is_held_for_a_collector_that_may_forget_is_settled(queue):
    marks = SettledMarks(queue, {}, when_settled=True)
    append(queue, marks, 5)
    settle(queue, hold=True)
    assert offsets(marks) == {"k": 5}


def test_dead_letters_and_what_made_no_message_are_dealt_with(queue):
    marks = SettledMarks(queue, {}, when_settled=True)
    append(queue, marks, 5, count=0)
    assert offsets(marks) == {"k": 5}
    append(queue, marks, 9, count=1)
    queue.dead_letter(queue.fetch(), 0, "too large")
    assert offsets(marks) == {"k": 9}


def test_what_a_queue_holds_from_an_earlier_run_holds_up_its_marks(queue, tmp_path):
    append(queue, SettledMarks(queue, {}, when_settled=True), 5)
    queue.close()
    again = Queue.open(tmp_path / "siem.queue")
    known = {key: mark.offset for key, mark in again.marks().items()}
    marks = SettledMarks(again, known, when_settled=True)
    assert marks.positions == {"k": 5}
    assert offsets(marks) == {}
    settle(again)
    assert offsets(marks) == {"k": 5}
    again.close()


def test_of_several_queues_the_slowest_counts_and_one_that_knows_nothing_holds_up_all(
    queue, tmp_path
):
    other = Queue.open(tmp_path / "other.queue")
    one = SettledMarks(queue, {"k": 100}, when_settled=True)
    two = SettledMarks(other, {}, when_settled=True)
    assert offsets(one, two) == {}
    append(other, two, 50)
    assert offsets(one, two) == {}
    settle(other)
    assert offsets(one, two) == {"k": 50}
    other.close()


def test_when_stored_is_enough_nothing_waits_for_a_receipt(queue):
    marks = SettledMarks(queue, {}, when_settled=False)
    append(queue, marks, 5)
    assert offsets(marks) == {"k": 5}


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32))
def test_no_mark_is_settled_before_its_messages_whatever_order_they_go_in(tmp_path_factory, seed):
    rng = random.Random(seed)  # noqa: S311 - a test
    queue = Queue.open(tmp_path_factory.mktemp("q") / "siem.queue")
    marks = SettledMarks(queue, {}, when_settled=True)
    open_: dict[str, list[int]] = {"a": [], "b": []}
    flying, at = [], 0
    for _ in range(40):
        action = rng.random()
        if action < 0.4:
            key, at = rng.choice("ab"), at + 1
            append(queue, marks, at, rng.choice((ALERTS, TELEMETRY)), key, count=1)
            open_[key].append(at)
        elif action < 0.7:
            if (stored := queue.fetch(1)) is not None:
                flying.append(stored)
        elif action < 0.95 and flying:
            stored = flying.pop(rng.randrange(len(flying)))
            queue.settle([stored], "confirmed", hold=rng.random() < 0.3)
            key, _, number = stored.messages[0].decode().partition(" ")
            open_[key].remove(int(number))
        elif rng.random() < 0.2:
            queue.rewind(held=False)
            flying = []
        for key, offset in offsets(marks).items():
            assert all(number > offset for number in open_[key])
    while (stored := queue.fetch()) is not None:
        queue.settle([stored], "confirmed")
    for stored in flying:
        queue.settle([stored], "confirmed")
    assert max(offsets(marks).values(), default=0) == at
    queue.close()
