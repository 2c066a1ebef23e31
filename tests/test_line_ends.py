"""Line ends are counted right, however long the lines are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.stats import line_ends


@given(st.lists(st.binary(max_size=5)).map(b"\n".join))
def test_every_line_feed_counts_and_nothing_else(data):
    assert line_ends(data) == data.count(b"\n")
