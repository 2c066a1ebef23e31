"""Copies are told from events, in bounded time and memory."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.sources.relay.dedupe import Dedupe


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_copy_is_what_another_endpoint_has_brought():
    dedupe = Dedupe(10, clock=Clock())
    assert dedupe.is_new(b"event", 0)
    assert not dedupe.is_new(b"event", 1)
    assert not dedupe.is_new(b"event", 2)
    assert dedupe.is_new(b"event", 1), "its second: it happened twice"
    assert not dedupe.is_new(b"event", 0)
    assert dedupe.dropped == 3


def test_a_line_is_remembered_for_its_time_and_not_for_ever():
    clock = Clock()
    dedupe = Dedupe(10, clock=clock)
    dedupe.is_new(b"event", 0)
    clock.now = 10
    dedupe.turn()
    assert not dedupe.is_new(b"event", 1)
    assert dedupe.is_new(b"other", 0)
    for clock.now in (20, 30):
        dedupe.turn()
    assert dedupe.is_new(b"other", 1)
    assert not dedupe.hurried


def test_memory_is_bounded_and_a_time_that_became_shorter_is_said():
    dedupe = Dedupe(1000, most=100, clock=Clock())
    for number in range(10_000):
        assert dedupe.is_new(b"%d" % number, 0)
        dedupe.turn()
    assert dedupe.hurried
    assert len(dedupe._young) + len(dedupe._old) <= 200  # noqa: SLF001  # it is the claim
    assert not dedupe.is_new(b"9999", 1)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3)), max_size=60))
def test_each_event_comes_as_often_as_the_endpoint_that_has_it_most(arrivals):
    dedupe = Dedupe(10, clock=Clock())
    passed = [line for endpoint, line in arrivals if dedupe.is_new(b"%d" % line, endpoint)]
    for line in range(4):
        most = max(arrivals.count((endpoint, line)) for endpoint in range(3))
        assert passed.count(line) == most


def test_a_line_that_comes_ever_again_takes_no_more_room_and_no_more_time():
    dedupe = Dedupe(1000, clock=Clock())
    assert all(dedupe.is_new(b"event", 0) for _ in range(50_000))
    assert len(dedupe._young) == 1  # noqa: SLF001  # it is the claim
    assert not any(dedupe.is_new(b"event", 1) for _ in range(50_000))
    assert dedupe.is_new(b"event", 1)
