"""Where a partition begins, and what of it may be committed: never past what is not settled."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.sources.kafka.partitions import Partitions, Place

PLACE = Place("events", 0)
KEY = "kafka:c:siem:events::0"


def partitions(mark=None):
    marks = {} if mark is None else {KEY: Checkpoint(KEY, mark, b"{}")}
    return Partitions(marks)


def assigned(found, committed=None):
    found.assign({PLACE: KEY}, {} if committed is None else {PLACE: committed})
    return found.owned[PLACE]


@pytest.mark.parametrize(
    ("mark", "committed", "start"),
    [(None, None, None), (None, 5, 5), (7, None, 7), (7, 5, 7), (5, 7, 7)],
)
def test_it_begins_at_the_highest_of_what_is_known(mark, committed, start):
    assert assigned(partitions(mark), committed).next == start


def test_what_was_handed_over_is_not_read_again_after_a_rebalance():
    found = partitions()
    assigned(found, 5).handed(5, 20)
    found.revoke()
    assert found.owned == {}
    assert assigned(found, 8).next == 20
    assert found.to_commit() == {}


def test_what_others_committed_meanwhile_is_passed_over():
    found = partitions()
    assigned(found, 5).handed(5, 20)
    found.revoke()
    one = assigned(found, 500)
    assert (one.next, one.settled, one.ahead) == (500, 500, 0)


def test_what_the_queue_has_from_before_is_committed_only_when_it_is_settled():
    found = partitions(mark=200)
    one = assigned(found, 150)
    assert found.to_commit() == {}
    assert one.ahead == 50
    found.settle({KEY: 200})
    assert found.to_commit() == {PLACE: 200}
    found = partitions(mark=200)
    assigned(found)
    assert found.to_commit() == {}
    found.settle({KEY: 200})
    assert found.to_commit() == {PLACE: 200}


def test_a_topic_that_was_made_again_has_nothing_of_the_old_one():
    found = partitions()
    assigned(found, 5).handed(5, 500)
    fresh = found.forget(PLACE, 0)
    found.settle({KEY: 500})
    assert found.to_commit() == {PLACE: 0}
    fresh.handed(0, 3)
    assert fresh.key != KEY
    found.settle({fresh.key: 3})
    assert found.to_commit() == {PLACE: 3}
    other = found.owned[PLACE]
    found.assign({PLACE: "another id"}, {})
    assert found.owned[PLACE] is not other
    assert found.owned[PLACE].next is None


def test_lag_counts_what_is_not_settled():
    found = partitions()
    one = assigned(found, 5)
    assert found.lags() == {}
    one.end = 30
    one.handed(5, 20)
    assert found.lags() == {"events/0": 25}
    found.settle({KEY: 12})
    assert found.lags() == {"events/0": 18}
    assert found.ahead() == 8


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("hand"), st.integers(1, 9)),
        st.tuples(st.just("settle"), st.integers(0, 9)),
        st.tuples(st.just("commit"), st.just(0)),
        st.tuples(st.just("other"), st.integers(0, 9)),
        st.tuples(st.just("rebalance"), st.just(0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_offset_is_committed_past_what_is_settled(steps):
    """A partition and its broker, through rebalances; others commit what they settled."""
    found = partitions()
    broker, settled = 0, 0
    one = assigned(found, broker)
    for step, number in steps:
        if step == "hand":
            one.handed(one.next, one.next + number)
        elif step == "settle":
            settled = min(max(settled, one.settled) + number, one.next)
            found.settle({KEY: settled})
        elif step == "commit":
            due = found.to_commit()
            assert all(offset <= max(settled, broker) for offset in due.values())
            assert all(offset > broker for offset in due.values())
            broker = due.get(PLACE, broker)
            found.committed(due)
        elif step == "other":
            found.revoke()
            broker += number
            one = assigned(found, broker)
            settled = max(settled, broker)
        else:
            found.revoke()
            one = assigned(found, broker)
        assert one.settled <= one.next
        assert broker <= one.next
        assert one.ahead == one.next - one.settled
