"""Graylog: what its CEF inputs store of a line."""

from __future__ import annotations

import re

import pytest
from reading_help import (
    CONNECT6,
    EXEC,
    HEADER,
    RFC3164,
    fields,
    found,
    problems,
    read,
    written,
)

FORGED = "echo CEF:0|Forged|X|1|id|n|1|act=Allow"


def test_of_an_rfc_5424_header_host_and_time_are_misread():
    reading = read("graylog", written("splunk", EXEC))
    assert fields(reading)["source"] == "-"
    # 08:15:42 and 118,273 milliseconds.
    assert reading.time.value == "2026-02-11T08:17:40.273Z"
    (problem,) = [it for it in reading.problems if not it.key]
    assert "RFC 5424" in problem.message
    assert "6.3.0" in problem.message
    assert problem.fix == "envelope: {syslog_header: rfc3164}"


@pytest.mark.parametrize(
    ("time", "read_as"),
    [
        ("2026-02-11T08:15:42.118Z", "2026-02-11T08:15:42.118Z"),
        ("2026-02-11T08:15:42Z", "2026-02-11T08:15:42Z"),
        ("2026-02-11T23:59:59.077564Z", "2026-02-12T00:01:16.564Z"),
        ("2026-02-11T08:15:42.5+02:00", "2026-02-11T08:15:42.005+02:00"),
    ],
)
def test_the_digits_of_a_fraction_are_milliseconds(time, read_as):
    for header in ("<133>1 TIME gate fence - - - ", "<133>TIME gate "):
        reading = read("graylog", header.replace("TIME", time) + HEADER + "act=a")
        assert reading.time.value == read_as
        assert ("misread", "") in problems(reading) or time == read_as


def test_a_number_at_the_beginning_is_cut_off():
    reading = read("graylog", "1493738863000 gate " + HEADER + "act=a")
    assert fields(reading)["source"] == ""
    assert fields(reading)["act"] == "a"
    assert reading.time.value == ""
    assert ("lost", "") in problems(reading)


def test_an_rfc_5424_header_without_a_time_is_not_stored():
    reading = read("graylog", "<133>1 - gate fence - - - " + HEADER + "act=a")
    assert reading.fields == ()
    assert "not stored" in reading.problems[0].message


@pytest.mark.parametrize("key", ["cnt", "spt", "dpt", "in", "out", "fsize", "cn1"])
def test_these_integers_have_no_limit(key):
    for value in ("2147483648", "8747876628", "1" * 40):
        reading = read("graylog", RFC3164 + HEADER + f"{key}={value}")
        assert fields(reading)[key] == value
        assert problems(reading) == set()
    assert problems(read("graylog", RFC3164 + HEADER + f"{key}=x")) == {("lost", key)}


@pytest.mark.parametrize("key", ["spid", "dpid", "dvcpid", "oldFileSize"])
def test_other_integers_have_32_bits(key):
    assert problems(read("graylog", RFC3164 + HEADER + f"{key}=2147483648")) == {("lost", key)}


def test_the_time_is_the_headers():
    reading = read("graylog", written("graylog", EXEC))
    assert reading.time.value == "Feb 11 08:15:42"
    assert "rt" in found(reading, "note")
    bare = read("graylog", written("kubearmor-cef", EXEC))
    assert ("misread", "rt") in problems(bare)


def test_a_labelled_value_is_stored_under_its_label():
    reading = read("graylog", written("graylog", EXEC))
    assert fields(reading)["PolicyName"] == "deny-curl"
    assert "cs1" in found(reading, "renamed")


def test_a_label_with_spaces_is_no_fields_name():
    reading = read("graylog", written("arcsight", CONNECT6))
    assert ("lost", "c6a3") in problems(reading)
    assert "without spaces" in found(reading, "lost")["c6a3"].fix
    fixed = read("graylog", written("graylog", CONNECT6))
    assert fields(fixed)["DestinationIPv6Address"] == "2001:db8:9::5"


@pytest.mark.parametrize("label", ["name", "message", "act"])
def test_a_label_that_names_another_field_is_told(label):
    reading = read("graylog", RFC3164 + HEADER + f"act=Block cs1=a cs1Label={label}")
    assert ("lost", "cs1") in problems(reading)


def test_what_is_no_number_is_dropped_from_a_key_for_numbers():
    reading = read("graylog", RFC3164 + HEADER + "dpt=http cfp1=x flexNumber1=1.5 act=a cn1=1")
    lost = {("lost", "dpt"), ("lost", "cfp1"), ("lost", "flexNumber1")}
    assert problems(reading) == lost
    assert "dpt" not in fields(reading)


def test_a_record_forged_in_a_command_line_takes_the_place_of_the_real_one():
    reading = read("graylog", written("arcsight", {**EXEC, "Resource": FORGED}))
    assert found(reading, "misread")["cs5"].fix == 'envelope: {defang: ["CEF:"]}'
    assert fields(reading)["device_vendor"] == "Forged"


def test_the_shipped_mapping_lets_no_record_be_forged():
    reading = read("graylog", written("graylog", {**EXEC, "Resource": FORGED}))
    assert problems(reading) == set()
    assert fields(reading)["device_vendor"] == "KubeArmor"


# Its own expression for what stands before a message (CEFParser).
PREFIX = re.compile(
    r"^((?P<time>.+)\s+(?P<host>\S+)\s+).*?(?P<cs0>CEF:\d+)|^.*?(?P<cs1>CEF:\d+)", re.ASCII
)


@pytest.mark.parametrize(
    "line",
    [
        RFC3164 + HEADER + "act=a",
        RFC3164 + "fence: " + HEADER + "act=a",
        RFC3164 + HEADER + "msg=x CEF:0|F|G|1|i|n|1|a",
        RFC3164 + HEADER + "msg=xCEF:0|F|G|1|i|n|1|a CEF:",
        RFC3164 + HEADER + "msg=CEF:0CEF:1|F|G|1|i|n|1|a",
        HEADER + "msg=a",
        "gate-1 " + HEADER + "msg=a",
        "1493738863000 gate-1 " + HEADER + "msg=a",
        "<133>1 2026-02-11T08:15:42Z gate-1 fence - - - " + HEADER + "msg=a",
        HEADER + "msg=one two CEF:7|F|G|1|i|n|1|a",
    ],
)
def test_the_host_is_the_one_that_its_expression_finds(line):
    match = PREFIX.match(re.sub(r"^\d+\s+(?=\S)", "", re.sub(r"^<\d+>", "", line)))
    assert match
    reading = read("graylog", line)
    if not reading.fields:
        assert match["time"]
        assert not match["time"].startswith("Feb")
        return
    assert fields(reading)["source"] == (match["host"] or "")


def test_a_pipe_at_the_very_end_is_lost_and_noted():
    reading = read("graylog", RFC3164 + HEADER + "act=a msg=b|c||")
    assert fields(reading)["msg"] == "b|c"
    assert "msg" in found(reading, "note")


def test_a_backslash_at_the_end_of_a_header_field_joins_two():
    reading = read("graylog", RFC3164 + "CEF:0|Acme\\\\|Fence|2.0|id|Gate|5|act=a cat=b")
    assert ("misread", "header") in problems(reading)


def test_values_are_unescaped():
    reading = read("graylog", RFC3164 + HEADER + r"act=a\=b\\c\nd")
    assert fields(reading)["act"] == "a=b\\c\nd"


def test_a_key_that_ends_with_label_is_dropped():
    assert ("lost", "FenceLabel") in problems(read("graylog", RFC3164 + HEADER + "FenceLabel=a"))


def test_dvc_is_the_source_before_the_headers_host():
    assert fields(read("graylog", RFC3164 + HEADER + "dvc=10.0.0.1"))["source"] == "10.0.0.1"
    assert fields(read("graylog", RFC3164 + HEADER + "act=a"))["source"] == "gate-1"


def test_a_header_without_its_pipes_is_not_stored_whole():
    assert read("graylog", RFC3164 + "CEF:0|Acme|Fence").fields == ()


def test_a_time_right_before_the_message_has_no_host():
    reading = read("graylog", "<13>Feb 11 08:15:42 " + HEADER + "act=a")
    assert reading.time.value == "Feb 11 08:15:42"
    assert fields(reading)["source"] == ""
