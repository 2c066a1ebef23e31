"""Time zones of syslog headers: names, offsets, `local`, and what cannot be one."""

from __future__ import annotations

import time
import zoneinfo
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.errors import UsageError
from cef_bridge.lines.syslog import rfc3164_time, rfc5424_time, split
from cef_bridge.lines.zones import zone

# 2026-03-29T01:00:00Z is when Berlin's clocks go from 02:00 to 03:00.
CHANGE = 1_774_746_000


@pytest.mark.parametrize(
    ("said", "seconds", "header", "stamp"),
    [
        ("UTC", CHANGE, "Mar 29 01:00:00", "2026-03-29T01:00:00.000000Z"),
        ("Z", CHANGE, "Mar 29 01:00:00", "2026-03-29T01:00:00.000000Z"),
        ("+00:00", CHANGE, "Mar 29 01:00:00", "2026-03-29T01:00:00.000000Z"),
        ("Europe/Berlin", CHANGE - 1, "Mar 29 01:59:59", "2026-03-29T01:59:59.000000+01:00"),
        ("Europe/Berlin", CHANGE, "Mar 29 03:00:00", "2026-03-29T03:00:00.000000+02:00"),
        ("Europe/London", CHANGE - 1, "Mar 29 00:59:59", "2026-03-29T00:59:59.000000+00:00"),
        ("+05:30", CHANGE, "Mar 29 06:30:00", "2026-03-29T06:30:00.000000+05:30"),
        ("-0800", CHANGE, "Mar 28 17:00:00", "2026-03-28T17:00:00.000000-08:00"),
        ("-03", CHANGE, "Mar 28 22:00:00", "2026-03-28T22:00:00.000000-03:00"),
        ("Asia/Kathmandu", CHANGE, "Mar 29 06:45:00", "2026-03-29T06:45:00.000000+05:45"),
        # Local mean time, -0:44:30, until 1972.
        ("Africa/Monrovia", 0, "Dec 31 23:16:00", "1969-12-31T23:16:00.000000-00:44"),
    ],
)
def test_a_header_s_time_stands_in_the_zone(said, seconds, header, stamp):
    where = zone(said)
    assert rfc3164_time(seconds * 1000, where) == header
    assert rfc5424_time(seconds * 1_000_000, where) == stamp


@given(
    micros=st.integers(-1, 253_402_300_799_999_999),
    name=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "-11:30", "+14"]),
)
def test_a_time_with_an_offset_is_the_same_moment(micros, name):
    text = rfc5424_time(micros, zone(name))
    header, _ = split(f"<14>1 {text} host app - - - CEF:0|")
    assert header is not None
    if 0 <= micros < 253_402_214_400_000_000:  # the last day of the year 9999 has no day after
        moment = datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)
        apart = abs(moment - timedelta(microseconds=micros))
        assert apart < timedelta(minutes=1)  # local mean times are rounded to minutes


def test_local_is_the_zone_of_the_machine(monkeypatch):
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert rfc3164_time(CHANGE * 1000 + 5, zone("local")) == "Mar 28 21:00:00"
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("Europe/Berln", 'Unknown time zone "Europe/Berln". Did you mean "Europe/Berlin"?'),
        ("europe/berlin", 'Did you mean "Europe/Berlin"?'),
        (
            "my zone",
            "Expected a name such as Europe/Berlin, an offset such as +01:00, UTC, or local.",
        ),
        ("../../etc/passwd", 'Unknown time zone "../../etc/passwd".'),
        ("America", 'Unknown time zone "America".'),
        ("a\0b", 'Unknown time zone "a\\u0000b".'),
        ("", 'Unknown time zone "".'),
        ("+15:00", 'Invalid offset from UTC "+15:00". Expected -14:00 to +14:00.'),
        ("+01:60", 'Invalid offset from UTC "+01:60".'),
    ],
)
def test_what_is_no_zone_is_an_error_with_what_to_write(said, expected):
    with pytest.raises(UsageError) as error:
        zone(said)
    assert expected in str(error.value)


def test_without_a_database_the_error_says_what_to_install(monkeypatch):
    def nothing(_):
        raise zoneinfo.ZoneInfoNotFoundError

    monkeypatch.setattr(zoneinfo, "ZoneInfo", nothing)
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    with pytest.raises(UsageError, match=r"no time zone database\. Install the package tzdata"):
        zone("Europe/Berlin")
    assert zone("+01:00") is not None
