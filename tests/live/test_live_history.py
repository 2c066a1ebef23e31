"""The last hour in rows, and rates: with a clock and a status of the test."""

from __future__ import annotations

import pytest

from cef_bridge.forward.live_history import ROWS, STEP, LiveHistory, due_behind
from cef_bridge.forward.status import DestinationStatus, ForwarderStatus, SourceStatus


def destination(name: str, confirmed: int, waiting: int = 0) -> DestinationStatus:
    return DestinationStatus(
        name, "", True, "", "", {}, 0, confirmed, 0, 0, waiting, {}, 0, 0, 1, 0.0, 0, 0, 0, 0
    )  # fmt: skip


class Watched:
    """A forwarder whose numbers the test sets, and its history."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.lines = 0
        self.destinations = {"siem": destination("siem", 0)}
        self.history = LiveHistory(self.view, clock=lambda: self.now, wall=lambda: 1e9 + self.now)
        self.history.take()

    def view(self) -> ForwarderStatus:
        source = SourceStatus("a.log", True, "", 0, 0, 0, lines=self.lines)
        return ForwarderStatus((source,), tuple(self.destinations.values()))

    def goes_on(self, seconds: float = STEP, **confirmed: int) -> None:
        self.now += seconds
        for name, number in confirmed.items():
            self.destinations[name] = destination(name, number, number)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_a_row_has_numbers_a_second_since_the_one_before(watched):
    for step in range(1, 4):
        watched.lines += 500
        watched.goes_on(siem=100 * step)
        watched.history.take()
    rows = watched.history.rows()
    assert rows.times == [1e9 + 1010, 1e9 + 1020, 1e9 + 1030]
    assert rows.read == [50.0, 50.0, 50.0]
    assert rows.destinations == {"siem": ([10.0, 10.0, 10.0], [100.0, 200.0, 300.0])}


def test_only_rows_behind_a_time_are_told(watched):
    for step in range(3):
        watched.goes_on(siem=step)
        watched.history.take()
    assert watched.history.rows(1e9 + 1010).times == [1e9 + 1020, 1e9 + 1030]
    late = watched.history.rows(1e9 + 1030)
    assert (late.times, late.read, late.destinations) == ([], [], {"siem": ([], [])})


def test_a_destination_that_comes_and_goes_leaves_gaps_and_is_forgotten_in_the_end(watched):
    watched.goes_on(siem=10)
    watched.history.take()
    watched.goes_on(other=7)
    watched.history.take()
    del watched.destinations["siem"]
    watched.goes_on(other=17)
    watched.history.take()
    assert watched.history.rows().destinations == {
        "siem": ([1.0, 0.0, None], [10.0, 10.0, None]),
        "other": ([None, 0.0, 1.0], [None, 7.0, 17.0]),
    }
    for _ in range(ROWS):
        watched.goes_on()
        watched.history.take()
    assert set(watched.history.rows().destinations) == {"other"}


def test_an_hour_is_kept_and_no_byte_more(watched):
    watched.destinations = {f"d{number}": destination(f"d{number}", 0) for number in range(10)}
    for _ in range(ROWS * 2 + 5):
        watched.goes_on()
        watched.history.take()
        assert watched.history.bytes() <= ROWS * 8 * (2 + 2 * 11)
    rows = watched.history.rows()
    assert len(rows.times) == len(rows.read) == ROWS
    assert {len(column) for pair in rows.destinations.values() for column in pair} == {ROWS}
    assert rows.times[-1] - rows.times[0] == STEP * (ROWS - 1)
    assert watched.history.bytes() == ROWS * 8 * (2 + 2 * 10)


def test_rates_are_of_the_last_seconds_and_two_who_ask_get_the_same(watched):
    for second in range(20):
        watched.lines += 100
        watched.goes_on(1.0, siem=10 * (second + 1))
        rates = watched.history.rates(watched.view())
        assert rates == watched.history.rates(watched.view())
    assert (rates.sources, rates.destinations) == ({"a.log": 100.0}, {"siem": 10.0})
    for _ in range(6):  # a quiet window
        watched.goes_on(1.0)
        rates = watched.history.rates(watched.view())
    assert (rates.sources, rates.destinations) == ({"a.log": 0.0}, {"siem": 0.0})


def test_a_source_that_begins_anew_has_no_negative_rate(watched):
    watched.lines = 1000
    watched.goes_on()
    watched.history.take()
    watched.lines = 10
    watched.goes_on()
    watched.history.take()
    assert watched.history.rows().read == [100.0, 0.0]


def test_after_a_pause_of_the_whole_process_rows_do_not_come_in_a_burst():
    assert due_behind(100.0, 100.5) == 100.0 + STEP
    assert due_behind(100.0, 100.0 + STEP) == 100.0 + 2 * STEP
    assert due_behind(100.0, 4000.0) == 4000.0 + STEP
