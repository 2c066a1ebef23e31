"""Microsoft Sentinel: the columns of CommonSecurityLog that a line fills."""

from __future__ import annotations

import pytest
from reading_help import EXEC, HEADER, RFC3164, RFC5424, fields, found, problems, read, written


def test_keys_become_columns_and_others_one_text():
    reading = read("sentinel", written("sentinel", EXEC))
    shown = fields(reading)
    assert shown["DeviceAction"] == "Block"
    assert shown["DeviceEventClassID"] == "alert.container.process.exec.block"
    assert shown["Activity"] == "Process execution blocked by policy"
    assert shown["DeviceCustomString1"] == "deny-curl"
    assert shown["DeviceCustomString1Label"] == "PolicyName"
    assert shown["StartTime"] == "2026-02-11T08:15:42.118Z"
    assert shown["EventOutcome"] == "failure"
    assert shown["Computer"] == "worker-3"
    assert "KubeArmorType=MatchedPolicy;" in shown["AdditionalExtensions"]
    assert "KubeArmorSyscall" in found(reading, "ignored")


def test_an_event_id_does_not_fit_an_int_column_unless_another_one_has_it():
    reading = read("sentinel", written("arcsight", EXEC))
    lost = found(reading, "lost")["externalId"]
    assert "type int" in lost.message
    assert lost.fix == "extension: {devicePayloadId: {from: event.id}}"
    assert "ExternalID" not in fields(reading)
    beside = read("sentinel", written("sentinel", EXEC))
    assert "externalId" in found(beside, "note")
    assert fields(beside)["DevicePayloadId"]


@pytest.mark.parametrize(
    ("prefix", "word"), [(RFC5424, '"fence"'), (RFC3164 + "fence: ", '"fence"'), ("", "No time")]
)
def test_a_line_without_time_host_and_cef_in_a_row_ends_elsewhere(prefix, word):
    reading = read("sentinel", prefix + HEADER + "act=a")
    assert reading.fields == ()
    assert word in reading.problems[0].message
    assert reading.problems[0].fix == "envelope: {syslog_header: rfc3164}"


def test_a_pipe_in_a_value_tears_the_event_of_an_older_agent():
    event = {**EXEC, "Resource": "/bin/sh -c a|b"}
    reading = read("sentinel", written("arcsight", event))
    assert found(reading, "misread")["cs5"].fix == "envelope: {pipe: replace}"
    assert ("misread", "cs5") not in problems(read("sentinel", written("sentinel", event)))


def test_what_is_no_number_does_not_fit_a_number():
    reading = read(
        "sentinel", RFC3164 + HEADER + "dpt=http cn1=5000000000 cfp1=x cfp2=1.5 end=2026"
    )
    assert problems(reading) == {("lost", "dpt"), ("lost", "cfp1"), ("lost", "end")}
    assert fields(reading)["DeviceCustomNumber1"] == "5000000000"


def test_over_8096_bytes_rsyslog_cuts():
    reading = read("sentinel", RFC3164 + HEADER + "msg=" + "x" * 8096)
    assert found(reading, "lost")[""].fix == "envelope: {max_bytes: 8000}"


def test_a_semicolon_among_the_additional_extensions_is_noted():
    reading = read("sentinel", RFC3164 + HEADER + "FenceText=a;b act=c")
    assert "FenceText" in found(reading, "note")


def test_without_start_the_column_stays_empty():
    reading = read("sentinel", RFC3164 + HEADER + "rt=1770797742118")
    assert "StartTime is empty" in found(reading, "note")["rt"].message


def test_cef_1_is_not_looked_for():
    reading = read("sentinel", RFC3164 + HEADER.replace("CEF:0", "CEF:1") + "act=a")
    assert "Syslog" in reading.problems[0].message


def test_a_line_that_breaks_the_standard_is_told():
    reading = read("sentinel", RFC3164 + HEADER + "act=a=b=c")
    assert "not what the standard says" in reading.problems[0].message
