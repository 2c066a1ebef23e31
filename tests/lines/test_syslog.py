from __future__ import annotations

import pytest
from hostile_text import texts
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.errors import UsageError
from cef_bridge.lines.message import locate
from cef_bridge.lines.syslog import (
    SyslogHeader,
    app_name5424,
    hostname3164,
    hostname5424,
    priority,
    rfc3164,
    rfc3164_time,
    rfc5424,
    rfc5424_time,
    split,
)


def test_headers_read_like_this():
    assert rfc3164(134, "Aug 23 18:05:48", "node-1") == "<134>Aug 23 18:05:48 node-1 "
    assert (
        rfc5424(134, "2023-08-23T18:05:48.301798Z", "node-1", "kubearmor")
        == "<134>1 2023-08-23T18:05:48.301798Z node-1 kubearmor - - - "
    )


@pytest.mark.parametrize(
    ("facility", "severity", "pri"),
    [("kern", 0, 0), ("local0", 6, 134), ("local7", 7, 191), ("authpriv", 2, 82)],
)
def test_priority_is_facility_times_eight_and_severity(facility, severity, pri):
    assert priority(facility, severity) == pri


def test_an_unknown_facility_or_severity_is_refused():
    with pytest.raises(UsageError, match='"local8" is no syslog facility'):
        priority("local8", 6)
    with pytest.raises(UsageError, match="8 is no syslog severity"):
        priority("local0", 8)


@pytest.mark.parametrize(
    ("epoch_ms", "text"),
    [
        (1692813948301, "Aug 23 18:05:48"),
        (0, "Jan  1 00:00:00"),
        (-1, "Jan  1 00:00:00"),
        (10**30, "Dec 31 23:59:59"),
    ],
)
def test_the_day_is_padded_with_a_space(epoch_ms, text):
    assert rfc3164_time(epoch_ms) == text


@pytest.mark.parametrize(
    ("epoch_us", "text"),
    [
        (1692813948301798, "2023-08-23T18:05:48.301798Z"),
        (1692813948000001, "2023-08-23T18:05:48.000001Z"),
        (-5, "1970-01-01T00:00:00.000000Z"),
        (10**30, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_microseconds_stand_whole(epoch_us, text):
    assert rfc5424_time(epoch_us) == text


@pytest.mark.parametrize(
    ("raw", "in_3164", "in_5424"),
    [
        ("node-1.example.org", "node-1.example.org", "node-1.example.org"),
        ("", "unknown", "-"),
        ("a b\nc", "a-b-c", "a-b-c"),
        ("2001:db8::7", "2001-db8--7", "2001:db8::7"),
        ("CEF:0|a|b", "CEF-0-a-b", "CEF-0-a-b"),
        ("nöde", "n-de", "n-de"),
        ("no=de<1>", "no-de<1>", "no-de<1>"),
        ("h" * 300, "h" * 255, "h" * 255),
    ],
)
def test_host_names_are_printable_and_bounded(raw, in_3164, in_5424):
    assert hostname3164(raw) == in_3164
    assert hostname5424(raw) == in_5424


def test_an_app_name_has_48_characters():
    assert app_name5424("kube armor" * 9) == ("kube-armor" * 9)[:48]


@given(texts, texts, st.integers(0, 191), st.integers(0, 4 * 10**15))
def test_what_was_written_is_read_back_whatever_the_host(host, app, pri, epoch_us):
    time_text = rfc5424_time(epoch_us)
    line = rfc5424(pri, time_text, hostname5424(host), app_name5424(app)) + "CEF:0|a"
    header, rest = split(line)
    assert rest == "CEF:0|a"
    assert header is not None
    assert (header.priority, header.timestamp) == (pri, time_text)
    assert header.hostname == hostname5424(host).removeprefix(
        "-" if hostname5424(host) == "-" else "\0"
    )
    line = rfc3164(pri, rfc3164_time(epoch_us // 1000), hostname3164(host)) + "CEF:0|a"
    assert split(line) == (
        SyslogHeader("rfc3164", pri, rfc3164_time(epoch_us // 1000), hostname3164(host)),
        "CEF:0|a",
    )


@given(texts)
def test_a_host_name_never_looks_like_a_message(host):
    for name in (hostname3164(host), hostname5424(host)):
        assert locate(f"<134>? {name} ").format is None


@pytest.mark.parametrize(
    ("line", "header", "rest"),
    [
        (
            "<134>Aug  3 18:05:48 h tag[1]: x",
            SyslogHeader("rfc3164", 134, "Aug  3 18:05:48", "h"),
            "tag[1]: x",
        ),
        (
            "Jan 18 11:07:53 host CEF:0|",
            SyslogHeader("rfc3164", None, "Jan 18 11:07:53", "host"),
            "CEF:0|",
        ),
        (
            '<13>1 2023-08-23T18:05:48+02:00 h a p m [x@1 k="\\"v\\]"][y] \ufeffmsg',
            SyslogHeader(
                "rfc5424",
                13,
                "2023-08-23T18:05:48+02:00",
                "h",
                "a",
                "p",
                "m",
                '[x@1 k="\\"v\\]"][y]',
            ),
            "msg",
        ),
        ("<13>1 - - - - - -", SyslogHeader("rfc5424", 13, "", "", "", "", "", ""), ""),
    ],
)
def test_other_peoples_headers_are_read(line, header, rest):
    assert split(line) == (header, rest)


@pytest.mark.parametrize(
    "line",
    [
        "CEF:0|a",
        "<192>Aug 23 18:05:48 h x",
        "<013>Aug 23 18:05:48 h x",
        "<13>Aug 3 18:05:48 h x",
        "<13>Aug 23 24:05:48 h x",
        "<13> Aug 23 18:05:48 h x",
        "<13>aug 23 18:05:48 h x",
        "<192>1 - - - - - - x",
        "<13>2 - - - - - - x",
        "<13>1 2023-08-23T18:05:48.1234567Z h a - - - x",
        "<13>1 2023-08-23 18:05:48Z h a - - - x",
        '<13>1 - h a - - [x k="]"] x',
        "<13>1 - h a - -  x",
    ],
)
def test_what_breaks_the_grammar_is_no_header(line):
    assert split(line) == (None, line)
