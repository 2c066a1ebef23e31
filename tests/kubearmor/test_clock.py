from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.clock import (
    ADDED_TIMES,
    WRAPPER_TIME,
    event_time,
    microseconds,
    number,
    repeats,
    timed,
)

T = 1692813948_301798


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2023-08-23T18:05:48.301798Z", T),
        ("2023-08-23t18:05:48.301798z", T),
        ("2023-08-23 18:05:48.301798", T),
        ("2023-08-23T20:05:48.301798+02:00", T),
        ("2023-08-23T18:05:48.301798111Z", T),
        ("2023-08-23T18:05:48.301Z", 1692813948_301000),
        ("2023-08-23T18:05:48Z", 1692813948_000000),
        ("2023-08-23T18:05:48.000000Z", 1692813948_000000),
        (" 2023-08-23T18:05:48.301798Z ", T),
        ("2024-02-29T23:59:59.999999Z", 1709251199_999999),
        ("", None),
        ("yesterday", None),
        ("2023-02-29T18:05:48.301798Z", None),
        ("2023-08-23T24:05:48.301798Z", None),
        ("1969-12-31T23:59:59.000000Z", None),
        ("0001-01-01T00:00:00.000000Z", None),
        ("2023-08-23T18:05:48.30179x8Z", None),
        ("2023-08-23T18:05:48.٣01798Z", None),
        ("2023-08-23T18:05:48,301798999Z", T),
        ("2023-08-23T14:35:48.301798-0330", T),
        ("2023-08-23T20:05:48.301798+02", T),
        ("2023-08-23T18:05Z", 1692813900_000000),
        ("\u30002023-08-23T18:05:48.301798Z\x1f", T),
        ("1970-01-01T00:00:01Z", 1_000000),
        ("1970-01-01T00:00:00.5Z", None),
        ("9999-12-31T23:59:59.999999Z", 253402300799_999999),
        ("9999-12-31T23:59:59-00:01", None),
        ("2023-08-23T24:00:00Z", None),
        ("2023-08-23T23:59:60Z", None),
        ("0000-01-01T00:00:00Z", None),
        ("2023-08-23T18:05:48+24:00", None),
        ("2023-08-23T18:05:48+02:60", None),
    ],
)
def test_a_time_is_read_to_the_microsecond_and_never_guessed(text, micros):
    assert microseconds(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "20230823T180548Z",
        "2023-08-23T180548Z",
        "2023-W34-3T18:05:48Z",
        "2023-W34-3",
        "2023-235T18:05:48Z",
        "2023-08-23",
        "2023-08-23T18",
        "2023-08-23_18:05:48",
        "2023-08-23  18:05:48",
        "2023-08-23T18:05:48.Z",
        "2023-08-23T18:05.5Z",
        "2023-08-23T18:05:48+02:00:30",
        "2023-08-23T18:05:48 Z",
    ],
)
def test_what_some_pythons_take_for_a_time_is_none(text):
    """datetime.fromisoformat takes some of these, others since 3.11."""
    assert microseconds(text) is None


@given(st.datetimes(datetime(1971, 1, 1), datetime(9998, 1, 1)))  # noqa: DTZ001 - made UTC below
def test_every_time_kubearmor_can_write_is_read_exactly(moment):
    text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    if len(text) == 27:
        since = moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)
        assert microseconds(text) == since // timedelta(microseconds=1)


@pytest.mark.parametrize("value", [1692813948, "1692813948", 1692813948.0, "1.692813948e9"])
def test_seconds_may_be_a_number_or_a_text(value):
    assert number(value) == 1692813948_000000


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (1692813948301, 1692813948_301000),
        (1692813948301798, 1692813948_301798),
        (1692813948301798123, 1692813948_301798),
        ("1679915426000", 1679915426_000000),
        (0, None),
        (-1, None),
        (True, None),
        (None, None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        (float("nan"), None),
        (10**400, None),
        ("9" * 5000, None),
        ("1_692_813_948", None),
        ("١٦٩٢٨١٣٩٤٨", None),
        ("1692813948." + "3" * 40, None),
        ([1], None),
    ],
)
def test_the_size_of_a_number_tells_seconds_from_fractions(value, micros):
    assert number(value) == micros


def test_updated_time_comes_before_timestamp_and_timestamp_before_the_wrapper():
    event = {"UpdatedTime": "2023-08-23T18:05:48.301798Z", "Timestamp": 1, WRAPPER_TIME: 2}
    assert event_time(event) == T
    assert event_time({**event, "UpdatedTime": "?"}) == 1_000000
    assert event_time({WRAPPER_TIME: 2, "Timestamp": 0}) == 2
    assert event_time({"Timestamp": "?"}) is None


@pytest.mark.parametrize(
    ("event", "micros", "name"),
    [
        ({"Timestamp": "2023-08-23T18:05:48Z"}, 1692813948_000000, "Timestamp"),
        ({"Timestamp": "2023-08-23T18:05:48.301798Z"}, T, "Timestamp"),
        ({"UpdatedTime": 1692813948}, 1692813948_000000, "UpdatedTime"),
        ({"UpdatedTime": 1692813948301}, 1692813948_301000, "UpdatedTime"),
        ({"UpdatedTime": 1692813948301798}, T, "UpdatedTime"),
        ({"UpdatedTime": "1692813948301"}, 1692813948_301000, "UpdatedTime"),
        ({"UpdatedTime": 1692813948.301}, 1692813948_301000, "UpdatedTime"),
        ({"UpdatedTime": 7, "Timestamp": 1692813948}, 1692813948_000000, "Timestamp"),
        ({"UpdatedTime": None, "@timestamp": "2023-08-23T18:05:48.301Z"}, 1692813948_301000, "@timestamp"),
        ({"date": 1692813948.301, WRAPPER_TIME: 5}, 1692813948_301000, "date"),
        ({"time": "soon", "ts": 3, WRAPPER_TIME: 5}, 5, WRAPPER_TIME),
        ({"time": 3}, None, ""),
    ],
)  # fmt: skip
def test_a_time_that_stands_there_is_read_whatever_its_form(event, micros, name):
    assert timed(event) == (micros, name)


@given(
    st.dictionaries(
        st.sampled_from(["UpdatedTime", "Timestamp", *ADDED_TIMES]),
        st.sampled_from(["", "2023-08-23T18:05:48Z", 1692813948301, "?", None]),
    )
)
def test_what_an_id_is_made_of_does_not_depend_on_the_times_that_are_read(event):
    """The recipe of an id is public: its last part is there as it was before these were read."""
    number_of_seconds = event.get("Timestamp") == 1692813948301
    assert repeats(event) == (not event.get("UpdatedTime") and not number_of_seconds)


@given(st.text() | st.integers() | st.floats() | st.none() | st.lists(st.integers()))
def test_nothing_that_may_stand_there_is_a_fault(value):
    found = event_time({"UpdatedTime": value, "Timestamp": value})
    assert found is None or isinstance(found, int)
