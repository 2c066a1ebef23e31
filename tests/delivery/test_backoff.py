from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.delivery.backoff import Backoff


def test_the_bound_of_a_wait_doubles_up_to_half_a_minute():
    backoff = Backoff(lambda: 1.0)
    assert [round(backoff.next(), 1) for _ in range(11)] == [
        0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0,
    ]  # fmt: skip


def test_after_a_reset_waits_are_short_again():
    backoff = Backoff(lambda: 1.0, first=1, most=8)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 8, 8]
    backoff.reset()
    assert [backoff.next() for _ in range(2)] == [1, 2]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_a_wait_is_drawn_from_nothing_to_its_bound(numbers):
    drawn = iter(numbers)
    backoff = Backoff(lambda: next(drawn), first=1, most=100)
    for turn, number in enumerate(numbers):
        assert backoff.next() == number * min(2**turn, 100)


@given(st.floats(0, 1))
def test_what_needs_someone_is_tried_seldom(number):
    backoff = Backoff(lambda: number, first=1, most=100)
    assert 50 <= backoff.longest() <= 100
    assert backoff.next() == number * 100
