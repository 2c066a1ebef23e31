"""Splunk Connect for Syslog: what it takes a line for."""

from __future__ import annotations

import re

import pytest
from hostile_events import texts
from hypothesis import given
from reading_help import (
    CONNECT6,
    EXEC,
    HEADER,
    RFC3164,
    RFC5424,
    fields,
    found,
    problems,
    read,
    written,
)

from cef_bridge.siems.sc4s.simulator import pairs

# Its own expression for pairs (parser_cef.py), and the one that looks for the record.
PAIR = re.compile(r"([^=\s]+)=((?:\\=|[^=])+)(?:\s|$)")
RECORD = re.compile(r"^(?P<preamble>(?!-)[a-zA-Z-/0-9.]+).*(?P<message>CEF:0.*)")


@given(texts)
def test_pairs_are_those_of_its_expression(text):
    text = re.sub(r"[\n\r]", "", text)
    assert pairs(text) == PAIR.findall(text)


@pytest.mark.parametrize("value", ["a", "echo CEF:0|x|y|1|z|n|1|act=Allow", "CEF:0", "CEF:0CEF:0"])
@pytest.mark.parametrize("tag", ["", "fence: ", "-"])
def test_the_record_is_the_one_that_its_expression_takes(tag, value):
    escaped = value.replace("=", "\\=")
    text = f"{tag}{HEADER}KubeArmorFormat=1 cs5={escaped} cs5Label=CommandLine"
    match = RECORD.match(text)
    taken = match["message"] if match else text
    reading = read("sc4s", RFC5424 + text)
    if taken.count("|") < 7:
        assert reading.fields == ()
    else:
        assert fields(reading)["sc4s_vendor"] == taken.split("|")[1]
        assert fields(reading)["host"] == (match["preamble"] if match else "gate-1")


def test_rt_in_milliseconds_is_thrown_away_and_the_header_has_seconds_without_a_zone():
    reading = read("sc4s", written("arcsight", EXEC))
    misread = found(reading, "misread")["rt"]
    assert "whole seconds" in misread.message
    assert "no zone" in misread.message
    assert "extends: splunk" in misread.fix
    assert "envelope: {syslog_header: rfc5424}" in misread.fix
    assert reading.time.value == "Feb 11 08:15:42"


def test_with_an_rfc_5424_header_the_time_is_as_exact():
    reading = read("sc4s", written("arcsight", EXEC, "rfc5424"))
    assert reading.time.value == "2026-02-11T08:15:42.118273Z"
    assert problems(reading) == set()
    assert "rt" in found(reading, "note")


def test_without_a_header_the_time_is_that_of_arrival():
    reading = read("sc4s", written("kubearmor-cef", EXEC))
    assert ("misread", "rt") in problems(reading)
    assert reading.time.value == ""


def test_a_time_in_words_or_in_seconds_is_believed():
    words = read("sc4s", RFC3164 + HEADER + "rt=Feb 11 2026 08:15:42 UTC act=a")
    assert (words.time.value, words.time.source) == ("Feb 11 2026 08:15:42 UTC", "rt")
    seconds = read("sc4s", RFC3164 + HEADER + "end=1770797742 act=a")
    assert (seconds.time.value, seconds.time.source) == ("2026-02-11T08:15:42Z", "end")
    fraction = read("sc4s", RFC5424 + HEADER + "rt=Feb 11 2026 08:15:42.118 act=a")
    assert fraction.time.source == "the RFC 5424 header"


def test_a_forged_record_in_a_command_line_takes_the_place_of_the_real_one():
    forged = "echo CEF:0|Forged|X|1|id|n|1|act=Allow dvchost=nowhere"
    line = written("kubearmor-cef", {**EXEC, "Resource": forged}, "rfc5424")
    reading = read("sc4s", line)
    assert problems(reading) >= {("misread", "cs5")}
    assert found(reading, "misread")["cs5"].fix == 'envelope: {defang: ["CEF:0", "LEEF:"]}'
    assert fields(reading)["sc4s_vendor"] == "Forged"
    fixed = read("sc4s", written("splunk", {**EXEC, "Resource": forged}))
    assert problems(fixed) == set()
    assert fields(fixed)["sc4s_vendor"] == "KubeArmor"


def test_fewer_than_eight_columns_drop_the_event():
    reading = read("sc4s", RFC5424 + "CEF:0|Acme|Fence|2.0|fence.open|Gate opened|5")
    assert reading.fields == ()
    assert "drops the whole event" in reading.problems[0].message


def test_an_escaped_pipe_in_the_header_shifts_every_column():
    line = RFC5424 + r"CEF:0|Ac\|me|Fence|2.0|fence.open|Gate|5|x=1 act=a"
    reading = read("sc4s", line)
    assert problems(reading) >= {("misread", "header"), ("lost", "x")}
    assert fields(reading)["sc4s_product"] == "me"


def test_a_version_other_than_0_is_not_known():
    reading = read("sc4s", RFC5424 + HEADER.replace("CEF:0", "CEF:1") + "act=a")
    assert reading.fields == ()
    assert "Send CEF:0" in reading.problems[0].fix


def test_dvchost_takes_the_place_of_the_headers_host():
    reading = read("sc4s", RFC5424 + HEADER + "act=a dvchost=other")
    assert fields(reading)["host"] == "other"
    assert "gate-1" in found(reading, "note")["dvchost"].message
    assert fields(read("sc4s", RFC5424 + HEADER + "act=a"))["host"] == "gate-1"


def test_labels_take_the_place_of_keys_and_may_overwrite_one():
    reading = read("sc4s", written("splunk", CONNECT6))
    assert fields(reading)["K8sNamespace"] == "shop"
    clash = read("sc4s", RFC5424 + HEADER + "act=Block cs1=other cs1Label=act")
    assert ("misread", "act") in problems(clash)
    assert fields(clash)["act"] == "other"


def test_a_key_that_ends_with_label_is_lost():
    reading = read("sc4s", RFC5424 + HEADER + "act=a KubeArmorLabel=b")
    assert ("lost", "KubeArmorLabel") in problems(reading)


def test_a_message_over_its_size_is_cut():
    reading = read("sc4s", RFC5424 + HEADER + "msg=" + "x" * 65536)
    assert ("lost", "") in problems(reading)


def test_leef_is_read_behind_an_rfc_3164_header():
    reading = read("sc4s", written("qradar-leef", EXEC))
    assert problems(reading) == set()
    assert fields(reading)["policy"] == "deny-curl"


def test_leef_behind_an_rfc_5424_header_is_not_known():
    reading = read("sc4s", written("qradar-leef", EXEC, "rfc5424"))
    assert reading.fields == ()
    assert reading.problems[0].fix == "envelope: {syslog_header: rfc3164}"


def test_a_pipe_in_a_leef_value_loses_what_stands_before_it():
    line = RFC3164 + "LEEF:2.0|Acme|Fence|2.0|fence.open|^|sev=5^cmd=a | b^act=c"
    reading = read("sc4s", line)
    assert problems(reading) >= {("misread", "cmd"), ("lost", "sev")}
    assert "via: comma" in found(reading, "misread")["cmd"].fix


def test_a_delimiter_in_hexadecimal_is_looked_for_as_it_is_written():
    line = RFC3164 + "LEEF:2.0|Acme|Fence|2.0|fence.open|x09|sev=5\tact=c"
    reading = read("sc4s", line)
    assert problems(reading) >= {("misread", "sev"), ("lost", "act")}
    assert any('delimiter: "^"' in finding.fix for finding in reading.problems)
