"""Elastic: what decode_cef makes of a line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
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

from cef_bridge.lines import Cef, Header
from cef_bridge.siems.elastic.simulator import pairs


def test_keys_become_fields_of_ecs_or_stay_by_their_full_names():
    reading = read("elastic", written("elastic", EXEC))
    shown = fields(reading)
    assert shown["event.code"] == "alert.container.process.exec.block"
    assert shown["event.action"] == "Block"
    assert shown["process.name"] == shown["source.process.name"] == "/bin/sh"
    assert shown["destination.process.name"] == "/usr/bin/curl"
    assert shown["cef.extensions.deviceCustomString1"] == "deny-curl"
    assert shown["observer.hostname"] == "worker-3"
    assert shown["file.name"] == "curl"
    assert reading.time == ("2026-02-11T08:15:42.118Z", "rt")


def test_ipv6_is_an_address_in_src_and_dst_and_a_text_in_c6a2():
    assert (
        fields(read("elastic", written("elastic", CONNECT6)))["destination.ip"] == "2001:db8:9::5"
    )
    reading = read("elastic", HEADER + "c6a2=2001:db8::7 c6a2Label=Source IPv6 Address")
    assert fields(reading)["cef.extensions.c6a2"] == "2001:db8::7"
    assert "src: {from: source.ip}" in found(reading, "ignored")["c6a2"].fix
    assert problems(reading) == set()


@pytest.mark.parametrize(
    ("pair", "word"),
    [
        ("dst=db.example", "IP address"),
        ("dpt=http", "integer"),
        ("cn1=x", "64 bits"),
        ("cfp1=x", "a number"),
        ("rt=2026-02-11T08:15:42Z", "epoch milliseconds"),
        ("smac=x", "MAC"),
        ("spid=3000000000", "32 bits"),
    ],
)
def test_a_value_of_another_type_is_dropped(pair, word):
    key = pair.partition("=")[0]
    reading = read("elastic", RFC5424 + HEADER + f"{pair} act=a")
    assert word in found(reading, "lost")[key].message
    assert found(reading, "lost")[key].fix
    assert fields(reading)["event.action"] == "a"


def test_a_name_in_dst_belongs_in_dhost():
    reading = read("elastic", HEADER + "dst=db.example")
    assert "dhost" in found(reading, "lost")["dst"].fix


def test_a_bare_equals_sign_loses_the_value_and_the_next_key_is_read():
    reading = read("elastic", HEADER + "request=/x?a-b=c act=Block msg=d")
    assert ("lost", "request") in problems(reading)
    assert fields(reading)["event.action"] == "Block"


def test_an_escape_that_is_none_loses_the_value():
    found_pairs, malformed = pairs(r"msg=a\|b act=c")
    assert (found_pairs, malformed) == ({"act": "c"}, ["msg"])


keys = st.from_regex(r"[a-z][A-Za-z0-9]{0,8}", fullmatch=True)
values = st.text("ab =\\|\n\r.日", min_size=1, max_size=20)


@given(st.dictionaries(keys, values, max_size=5))
def test_what_our_writer_writes_is_read_as_it_was_meant(extension):
    cef = Cef()
    header = Header("a", "b", "c", "d", "e", "5")
    _, meant = cef.normalise(header, extension)
    written_text = cef.render(header, extension).split("|", 7)[7]
    assert pairs(written_text) == (meant, [])


@pytest.mark.parametrize(
    "zone", ["", " GMT+08:00", " UTC", " CEST", " Z", " +0200", " +02:00", " -07:00"]
)
@pytest.mark.parametrize("time", ["Mar 09 2015 11:58:25", "Mar 09 11:58:25.123", "Mar  9 11:58:25"])
def test_a_time_in_words_is_read_with_any_zone(time, zone):
    reading = read("elastic", HEADER + f"rt={time}{zone} act=a")
    assert reading.time == (f"{time}{zone}", "rt")
    assert problems(reading) == set()


def test_of_two_spaces_between_pairs_the_first_belongs_to_the_value():
    reading = read("elastic", HEADER + "src=192.0.2.1  act=Block  dpt=443  msg=a  ")
    assert problems(reading) == {("lost", "src"), ("lost", "dpt")}
    assert fields(reading)["event.action"] == "Block "
    assert fields(reading)["message"] == "a"


@pytest.mark.parametrize(
    ("written_as", "read_as"), [("0443", "291"), ("0x1F", "31"), ("443", "443"), ("0", "0")]
)
def test_a_number_that_begins_with_0_is_another(written_as, read_as):
    reading = read("elastic", HEADER + f"dpt={written_as}")
    assert fields(reading)["destination.port"] == read_as
    assert (problems(reading) == {("misread", "dpt")}) == (written_as != read_as)
    assert problems(read("elastic", HEADER + "dpt=0899")) == {("lost", "dpt")}


@pytest.mark.parametrize(
    "mac", ["00:0a:0b:0c:0d:0e", "00-0A-0B-0C-0D-0E", "000a.0b0c.0d0e", "000A0B0C0D0E"]
)
def test_a_mac_address_is_read_in_each_of_its_forms(mac):
    assert fields(read("elastic", HEADER + f"smac={mac}"))["source.mac"] == "00-0A-0B-0C-0D-0E"


def test_a_severity_that_is_no_number_has_no_place_in_ecs():
    assert "event.severity" not in fields(read("elastic", HEADER.replace("|5|", "|Unknown|")))
    assert fields(read("elastic", HEADER.replace("|5|", "|low|")))["event.severity"] == "0"


def test_two_keys_for_one_field_are_told():
    reading = read("elastic", HEADER + "dhost=db destinationDnsDomain=example.com")
    assert ("misread", "destinationDnsDomain") in problems(reading)


def test_a_direction_is_a_word_and_a_protocol_lower_case():
    shown = fields(read("elastic", HEADER + "deviceDirection=1 proto=TCP smac=00:0a:0b:0c:0d:0e"))
    assert shown["network.direction"] == "outbound"
    assert shown["network.transport"] == "tcp"
    assert shown["source.mac"] == "00-0A-0B-0C-0D-0E"
    assert ("lost", "deviceDirection") in problems(read("elastic", HEADER + "deviceDirection=2"))


def test_both_flex_labels_are_noted_for_older_versions():
    line = HEADER + "flexString1=a flexString1Label=A flexString2=b flexString2Label=B"
    assert "flexString1Label" in found(read("elastic", line), "note")


def test_an_escaped_pipe_in_the_header_is_read():
    reading = read("elastic", r"CEF:0|Ac\|me|Fence|2.0|id|Gate|High|act=a")
    assert fields(reading)["observer.vendor"] == "Ac|me"
    assert fields(reading)["event.severity"] == "7"


def test_a_header_without_its_pipes_has_raw_text_only():
    reading = read("elastic", "CEF:0|Acme|Fence|2.0|id")
    assert reading.fields == ()
    assert "of its pipes" in reading.problems[0].message


def test_without_rt_the_headers_time_counts():
    assert read("elastic", RFC5424 + HEADER + "act=a").time.source == "the RFC 5424 header"
    reading = read("elastic", RFC3164 + HEADER + "act=a")
    assert "rt" in found(reading, "note")


def test_over_10_kib_a_udp_input_cuts():
    reading = read("elastic", HEADER + "msg=" + "x" * 10240)
    assert any("A UDP input" in finding.message for finding in reading.findings)
    shorter = read("elastic", HEADER + "msg=" + "x" * 1024)
    assert not any("A UDP input" in finding.message for finding in shorter.findings)


def test_a_mapping_without_the_acting_process_of_ecs_is_told_so():
    assert "sproc" in found(read("elastic", written("arcsight", EXEC)), "note")


def test_a_time_in_seconds_is_read_as_milliseconds():
    reading = read("elastic", RFC3164 + HEADER + "rt=1770797742 start=1770797742118")
    assert ("misread", "rt") in problems(reading)
    assert ("misread", "start") not in problems(reading)
    assert reading.time.value == "1970-01-21T11:53:17.742Z"
