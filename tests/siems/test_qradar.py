"""QRadar: what its universal types make of a line."""

from __future__ import annotations

import pytest
from reading_help import (
    CONNECT6,
    EXEC,
    HEADER,
    LEEF,
    RFC3164,
    fields,
    found,
    problems,
    read,
    written,
)

ATTRIBUTES = "LEEF:2.0|Acme|Fence|2.0|fence.open|"


def test_normalised_attributes_fill_columns_and_others_need_a_property():
    reading = read("qradar", written("qradar-leef", EXEC))
    shown = fields(reading)
    assert shown["Event ID"] == "alert.container.process.exec.block"
    assert shown["Event Category"] == "Process"
    assert shown["Severity"] == "8"
    assert shown["Log Source Time"] == "2026-02-11T08:15:42.118Z"
    assert "policy" in found(reading, "ignored")
    assert "custom property" in found(reading, "ignored")["policy"].message
    assert reading.time == ("2026-02-11T08:15:42.118Z", "devTime")


def test_ipv6_stands_where_ipv4_stands():
    reading = read("qradar", written("qradar-leef", CONNECT6))
    assert fields(reading)["Destination IP"] == "2001:db8:9::5"
    assert fields(reading)["Destination Port"] == "8443"


def test_a_severity_outside_1_to_10_is_told():
    assert ("misread", "sev") in problems(read("qradar", RFC3164 + LEEF + "sev=0^cat=a"))
    assert ("misread", "sev") in problems(read("qradar", RFC3164 + LEEF + "sev=11^cat=a"))


def test_a_time_in_no_known_form_is_told():
    reading = read("qradar", RFC3164 + LEEF + "devTime=2026-02-11T08:15:42Z^cat=a")
    assert ("misread", "devTime") in problems(reading)
    assert reading.time.value == "Feb 11 08:15:42"
    told = read("qradar", RFC3164 + LEEF + "devTime=2026-02-11^devTimeFormat=yyyy-MM-dd^cat=a")
    assert ("misread", "devTime") not in problems(told)


def test_a_pipe_in_a_value_is_told():
    reading = read("qradar", RFC3164 + LEEF + "cat=a^cmd=x | y")
    assert "via: comma" in found(reading, "misread")["cmd"].fix


def test_a_tab_in_a_value_ends_it_where_tab_is_the_delimiter():
    line = RFC3164 + ATTRIBUTES + "x09|cat=a\tusrName=Joe\tSmith\tsev=5"
    reading = read("qradar", line)
    assert fields(reading)["Username"] == "Joe"
    assert reading.problems
    assert "position" in reading.problems[0].message


def test_a_hexadecimal_delimiter_is_read():
    reading = read("qradar", RFC3164 + ATTRIBUTES + "x5E|cat=a^sev=5")
    assert fields(reading)["Severity"] == "5"
    assert problems(reading) == set()


def test_what_fits_no_column_leaves_it_empty():
    reading = read("qradar", RFC3164 + LEEF + "src=ledger-0^srcPort=http^usrName=" + "x" * 300)
    assert problems(reading) == {("lost", "src"), ("lost", "srcPort"), ("lost", "usrName")}
    assert "Source IP" not in fields(reading)


def test_a_key_that_stands_twice_loses_the_later_one():
    reading = read("qradar", RFC3164 + LEEF + "cat=a^cat=b")
    assert ("lost", "cat") in problems(reading)


def test_a_long_event_id_is_not_found_in_the_map():
    line = RFC3164 + f"LEEF:2.0|Acme|Fence|2.0|{'x' * 256}|^|cat=a"
    assert ("misread", "header.device_event_class_id") in problems(read("qradar", line))


def test_a_pipe_in_the_header_shifts_the_event_id():
    line = RFC3164 + r"LEEF:2.0|Ac\|me|Fence|2.0|fence.open|^|cat=a"
    assert fields(read("qradar", line))["Event ID"] == "2.0"


def test_universal_cef_has_an_event_id_and_needs_properties():
    reading = read("qradar", written("qradar", EXEC))
    shown = fields(reading)
    assert shown["Event ID"] == "alert.container.process.exec.block"
    assert shown["Event Category"] == "Process"
    assert "cs1" in found(reading, "ignored")
    assert problems(reading) == set()


def test_universal_cef_takes_cef_0_only():
    reading = read("qradar", RFC3164 + HEADER.replace("CEF:0", "CEF:1") + "cat=a")
    assert reading.fields == ()
    assert "extends: qradar-leef" in reading.problems[0].fix


@pytest.mark.parametrize("line", [HEADER + "msg=", LEEF + "msg="])
def test_over_4096_bytes_the_listener_cuts(line):
    reading = read("qradar", RFC3164 + line + "x" * 4096)
    assert found(reading, "lost")[""].fix == "envelope: {max_bytes: 4096}"


def test_the_headers_host_is_the_log_source():
    assert fields(read("qradar", RFC3164 + LEEF + "cat=a"))["Log Source Identifier"] == "gate-1"
    assert "log source" in found(read("qradar", LEEF + "cat=a"), "note")[""].message
    ipv6 = RFC3164.replace("gate-1", "2001:db8::1")
    assert ("misread", "") in problems(read("qradar", ipv6 + LEEF + "cat=a"))


def test_what_is_no_event_is_told():
    assert read("qradar", "Feb 11 08:15:42 gate-1 sshd: hello").fields == ()


def test_a_leef_header_without_its_pipes_is_told():
    assert read("qradar", RFC3164 + "LEEF:2.0|Acme|Fence").fields == ()
