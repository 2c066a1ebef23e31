"""Messages of the queue as batches: none is lost, doubled or cut, however they are divided."""

from __future__ import annotations

import pytest
from forwarding import fill, message
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.delivery.batches import MOST_MESSAGES, Batch, Outbox
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue
from cef_bridge.queue.values import Stored


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "siem.queue")
    yield queue
    queue.close()


def all_of(batch: Batch) -> list[bytes]:
    return [text for text, _ in batch.messages()]


def drained(outbox: Outbox) -> list[Batch]:
    found = []
    while outbox.fill() or len(outbox):
        found.append(outbox.take())
    return found


@pytest.mark.parametrize("most", [1, 99, 100, 101, 1000, 1 << 20])
def test_batches_have_all_messages_once_and_in_order_and_are_as_large_as_they_may_be(queue, most):
    sent = fill(queue, 700, row=37)
    batches = drained(Outbox(queue, most))
    assert [text for batch in batches for text in all_of(batch)] == sent
    size = max(1, most // 100)
    assert {batch.count for batch in batches[:-1]} <= {min(size, 700)}
    assert sum(batch.size for batch in batches) == 70_000


def test_a_message_larger_than_a_batch_goes_alone_and_whole(queue):
    large = message(1, 5000)
    queue.append([MessageBatch(ALERTS, [message(0), large, message(2)])])
    batches = drained(Outbox(queue, 1000))
    assert [all_of(batch) for batch in batches] == [[message(0)], [large], [message(2)]]


def test_a_batch_has_a_bounded_number_of_messages(queue):
    fill(queue, MOST_MESSAGES + 10, row=1000, size=40)
    assert [batch.count for batch in drained(Outbox(queue, 1 << 30))] == [MOST_MESSAGES, 10]


def test_what_comes_back_goes_first_in_its_order_and_says_that_it_is_resent(queue):
    sent = fill(queue, 30, row=10)
    outbox = Outbox(queue, 1000)
    outbox.fill()
    first = outbox.take()
    outbox.give_back(first.where(lambda index: index % 2 == 1), resent=True)
    outbox.fill()
    again = outbox.take()
    assert all_of(again) == sent[1:10:2] + sent[10:15]
    assert [part.resent for part in again.parts] == [True] * 5 + [False]


def test_halves_of_a_batch_end_at_one_message(queue):
    fill(queue, 20, size=200)
    outbox = Outbox(queue, 1 << 20)
    sizes = []
    for _ in range(10):
        outbox.fill()
        batch = outbox.take()
        sizes.append(batch.count)
        outbox.halve(batch)
    assert sizes == [20, 10, 5, *[1] * 7]
    outbox.whole()
    outbox.fill()
    assert outbox.take().count == 20


def test_after_many_that_were_taken_larger_batches_are_tried(queue):
    fill(queue, 20, size=200)
    outbox = Outbox(queue, 4000)
    outbox.fill()
    outbox.halve(outbox.take())
    for expected in (10, 20):
        outbox.fill()
        batch = outbox.take()
        assert batch.count == expected
        outbox.give_back(batch.parts, resent=False)
        for _ in range(100):
            outbox.passed()


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.data(),
)
def test_the_chosen_and_the_others_are_the_whole(counts, data):
    parts = [
        Stored(
            row, ALERTS, row * 3, [b"%d.%d" % (row, place) for place in range(count)], 0.0, False
        )
        for row, count in enumerate(counts)
    ]
    batch = Batch(parts)
    chosen = data.draw(st.sets(st.integers(0, batch.count - 1)))
    inside = batch.where(lambda index: index in chosen)
    outside = batch.where(lambda index: index not in chosen)

    def places(stored):
        return {
            (each.id, each.first + place): text
            for each in stored
            for place, text in enumerate(each.messages)
        }

    assert places(inside) | places(outside) == places(parts)
    assert len(places(inside)) == len(chosen)
    texts = all_of(batch)
    for index in range(batch.count):
        stored, place = batch.place(index)
        assert stored.messages[place] == texts[index]
