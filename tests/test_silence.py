"""A source that reads bytes and hands out nothing is found out, by a clock that the test moves."""

from __future__ import annotations

import pytest

from cef_bridge.forward.parts import source_view
from cef_bridge.forward.status import SILENT, ForwarderStatus, not_ready
from cef_bridge.forward.watched_source import SILENCE, WatchedSource
from cef_bridge.sources.feed import Arrival, FeedState
from cef_bridge.sources.records.units import Block

ARRIVAL = Arrival("a", "a", Block([b"x"], 1, 0, 2, single=True), None)


class _Feed:
    """Hands out what a step says: seconds that pass, bytes that were read until then, an item."""

    name = "a.log"
    can_wait = True
    receipts = None

    def __init__(self, steps):
        self.steps = steps
        self.now = 0.0
        self.bytes = 0

    def arrivals(self, _marks):
        for seconds, read, item in self.steps:
            self.now += seconds
            self.bytes += read
            yield item

    def stop(self):
        pass

    def state(self):
        return FeedState(connected=True, text="reading", bytes=self.bytes)


def states(steps):
    """Return what is told about a feed after each step: whether it is silent."""
    feed, told, found = _Feed(steps), [], []
    watched = WatchedSource(feed, told.append, lambda: feed.now)
    for _ in watched.arrivals({}):
        found.append(told[-1].silent)
        assert watched.state().silent == found[-1]
    return found


def test_bytes_without_a_record_for_ten_seconds_are_a_silence():
    assert states([(1, 0, None), (1, 10, None), (SILENCE - 0.5, 10, None), (0.5, 10, None)]) == [
        False,
        False,
        False,
        True,
    ]


def test_a_record_ends_the_silence():
    steps = [(1, 10, None), (SILENCE, 10, None), (1, 5, ARRIVAL), (SILENCE, 0, None), (9, 0, None)]
    assert states(steps) == [False, True, False, False, False]


def test_a_quiet_source_is_not_silent():
    assert not any(states([(1, 10, ARRIVAL)] + [(60, 0, None)] * 5))


def test_the_silence_is_told_once(caplog):
    states([(1, 10, None)] + [(SILENCE, 10, None)] * 5)
    assert [each.getMessage().partition(" bytes")[0] for each in caplog.records] == ["a.log: 20"]


@pytest.mark.parametrize("alive", [True, False])
def test_a_silent_source_is_not_ready_while_it_is_read(alive):
    state = FeedState(connected=True, text="reading", bytes=9, silent=True)
    view = ForwarderStatus((source_view("a.log", state, alive=alive),), ())
    assert not_ready(view) == ([f"source a.log: {SILENT}"] if alive else [])
