"""The Splunk Add-on for CEF: what its expressions make of a line."""

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
    fields,
    found,
    problems,
    read,
    written,
)

from cef_bridge.siems.splunk.simulator import pairs

# The add-on's own expression for fields (transforms.conf), with Python's names for its groups.
FIELD = re.compile(r"(?:^| )([^=]*)=(?! )(.+?)(?=(?: [^ ]*(?<!\\)=|$))", re.DOTALL)


@given(texts)
def test_pairs_are_those_of_the_add_ons_expression(text):
    text = re.sub(r"[\n\r]", "", text)
    assert pairs(text) == FIELD.findall(text)


def test_the_first_key_swallows_the_header_and_is_lost():
    reading = read("splunk", HEADER + "act=Block cat=File")
    assert ("lost", "act") in problems(reading)
    assert "leading_key: KubeArmorFormat" in found(reading, "lost")["act"].fix
    assert "act" not in fields(reading)
    assert fields(reading)["cat"] == "File"


def test_a_first_key_that_says_nothing_may_be_swallowed():
    reading = read("splunk", written("splunk", EXEC))
    assert problems(reading) == set()
    assert "KubeArmorFormat" in found(reading, "ignored")


def test_ipv6_in_a_slot_of_its_own_is_gone_and_src_and_dst_are_named_as_the_way_out():
    line = written("kubearmor-cef", CONNECT6)
    reading = read("splunk", line)
    lost = found(reading, "lost")["c6a3"]
    assert "2001:db8:9::5 is gone" in lost.message
    assert "dst: {from: destination.ip}" in lost.fix
    assert "2001:db8:9::5" not in fields(reading).values()
    fixed = read("splunk", written("splunk", CONNECT6))
    assert fields(fixed)["dest_ip"] == fields(fixed)["dest"] == "2001:db8:9::5"
    assert problems(fixed) == set()


def test_what_stands_only_in_the_header_is_told_with_the_rule_that_says_it_again():
    reading = read("splunk", written("arcsight", EXEC))
    fixes = {key: finding.fix for key, finding in found(reading, "lost").items()}
    assert fixes["header.device_event_class_id"] == (
        "extension: {KubeArmorEventId: {from: event.class_id}}"
    )
    assert fixes["header.severity"] == "extension: {KubeArmorSeverity: {from: event.severity}}"


def test_a_label_is_the_fields_name_and_the_slot_is_emptied():
    reading = read("splunk", written("splunk", EXEC))
    shown = fields(reading)
    assert shown["PolicyName"] == "deny-curl"
    assert not {"cs1", "cs1Label"} & shown.keys()
    assert "cs1" in found(reading, "renamed")


def test_a_slot_without_a_label_is_emptied_and_told():
    reading = read("splunk", HEADER + "x=1 cs1=a")
    assert ("lost", "cs1") in problems(reading)


def test_of_two_slots_with_one_label_the_second_is_lost():
    line = HEADER + "x=1 cs1=a cs1Label=Where cs2=b cs2Label=Where"
    reading = read("splunk", line)
    assert fields(reading)["Where"] == "a"
    assert ("lost", "cs2") in problems(reading)


def test_a_label_with_spaces_gets_underscores():
    reading = read("splunk", HEADER + "x=1 cs1=a cs1Label=Rule Name")
    assert fields(reading)["Rule_Name"] == "a"


def test_a_flex_string_behind_its_label_keeps_its_keys_name():
    reading = read("splunk", HEADER + "x=1 flexString1Label=Image flexString1=a")
    assert fields(reading)["flexString1"] == "a"
    assert "Image" not in fields(reading)
    assert "flexString1" in found(reading, "note")
    other = read("splunk", HEADER + "x=1 flexString1=a flexString1Label=Image")
    assert fields(other)["Image"] == "a"


def test_a_pods_name_in_shost_stands_where_an_address_is_expected():
    reading = read("splunk", HEADER + "x=1 shost=ledger-0 src=10.0.0.7")
    assert problems(reading) >= {("misread", "shost"), ("lost", "src")}
    assert fields(reading)["src_ip"] == fields(reading)["src"] == "ledger-0"


def test_dest_is_not_made_of_dst():
    reading = read("splunk", HEADER + "x=1 dst=10.0.0.7")
    assert "dest" not in fields(reading)
    assert "dhost: {from: destination.ip}" in found(reading, "note")["dst"].fix
    assert fields(read("splunk", HEADER + "x=1 dst=10.0.0.7 dhost=db"))["dest"] == "db"


def test_values_keep_their_backslashes():
    reading = read("splunk", HEADER + r"x=1 request=a\=b msg=c")
    assert fields(reading)["url"] == r"a\=b"
    assert "request" in found(reading, "note")


def test_a_dash_for_a_process_is_emptied():
    reading = read("splunk", HEADER + "x=1 dproc=-")
    assert ("lost", "dproc") in problems(reading)


def test_an_equals_sign_in_the_header_ends_the_first_name_too_early():
    line = HEADER.replace("Gate opened", "Gate a=b opened") + "x=1 act=Block"
    reading = read("splunk", line)
    assert ("lost", "x") in problems(reading)
    assert fields(reading)["act"] == "Block"


def test_the_time_is_the_headers_or_splunks_guess():
    assert read("splunk", written("splunk", EXEC)).time.value == "2026-02-11T08:15:42.118273Z"
    assert read("splunk", HEADER + "x=1").time.value == ""
    seconds = read("splunk", RFC3164 + HEADER + "x=1 rt=1770797742118")
    assert seconds.time.value == "Feb 11 08:15:42"
    assert "rt" in found(seconds, "note")


def test_leef_stays_raw_text():
    reading = read("splunk", written("qradar-leef", EXEC))
    assert reading.fields == ()
    assert "format: cef" in reading.problems[0].fix


@pytest.mark.parametrize(
    ("key", "name"), [("ad.foo[0]", "ad_foo_0_"), ("_cefVer", "cefVer"), ("2x-y", "x_y")]
)
def test_keys_are_cleaned_as_labels_are(key, name):
    reading = read("splunk", HEADER + f"x=1 {key}=a")
    assert fields(reading)[name] == "a"
    assert key not in fields(reading)
    assert key in found(reading, "renamed")


def test_of_two_keys_that_are_cleaned_to_one_name_the_first_stays():
    reading = read("splunk", HEADER + "x=1 a.b=c a_b=d 1=e")
    assert fields(reading)["a_b"] == "c"
    assert {("lost", "a_b"), ("lost", "1")} <= problems(reading)


def test_a_calculated_field_takes_the_place_of_the_key_of_its_name():
    line = HEADER + "KubeArmorFormat=1 dvc=192.0.2.5 dvchost=node-a1 src=192.0.2.7 smac=x"
    names = [field.name for field in read("splunk", line).fields]
    assert len(names) == len(set(names))
    assert fields(read("splunk", line))["dvc"] == "node-a1"
    assert fields(read("splunk", line))["src"] == "192.0.2.7"
