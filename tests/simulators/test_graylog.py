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


def test_an_rfc_5424_header_makes_it_fail():
    reading = read("graylog", written("splunk", EXEC))
    assert reading.fields == ()
    assert "RFC 5424" in reading.problems[0].message
    assert reading.problems[0].mend == "envelope: {syslog_header: rfc3164}"


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
    assert "without spaces" in found(reading, "lost")["c6a3"].mend
    mended = read("graylog", written("graylog", CONNECT6))
    assert fields(mended)["DestinationIPv6Address"] == "2001:db8:9::5"


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
    assert found(reading, "misread")["cs5"].mend == 'envelope: {break_up: ["CEF:"]}'
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
        HEADER + "msg=one two CEF:7|F|G|1|i|n|1|a",
    ],
)
def test_the_host_is_the_one_that_its_expression_finds(line):
    match = PREFIX.match(re.sub(r"^<\d+>", "", line))
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
