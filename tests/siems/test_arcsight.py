"""ArcSight: what a SmartConnector makes of a line."""

from __future__ import annotations

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


def test_the_dictionarys_keys_are_fields_and_others_are_additional_data():
    reading = read("arcsight", written("arcsight", EXEC))
    shown = fields(reading)
    assert shown["deviceAction"] == "Block"
    assert shown["deviceCustomString1"] == "deny-curl"
    assert shown["deviceEventClassId"] == "alert.container.process.exec.block"
    assert shown["additional data: KubeArmorSyscall"] == "SYS_EXECVE"
    assert "KubeArmorSyscall" in found(reading, "ignored")
    assert reading.time == ("2026-02-11T08:15:42.118Z", "rt (deviceReceiptTime)")


def test_ipv6_in_dst_is_not_taken_under_cef_0():
    reading = read("arcsight", written("splunk", CONNECT6))
    lost = found(reading, "lost")["dst"]
    assert "2001:db8:9::5" in lost.message
    assert "c6a3" in lost.fix
    assert "ipv6: custom" in lost.fix
    assert problems(read("arcsight", written("arcsight", CONNECT6))) == set()
    version_1 = HEADER.replace("CEF:0", "CEF:1") + "dst=2001:db8:9::5"
    assert problems(read("arcsight", version_1)) == set()


def test_what_is_longer_than_its_key_may_be_is_cut():
    reading = read("arcsight", HEADER + "act=" + "x" * 64)
    assert ("lost", "act") in problems(reading)
    assert "max_length: 63" in found(reading, "lost")["act"].fix
    assert fields(reading)["deviceAction"] == "x" * 63


def test_a_long_dvchost_is_cut_by_older_connectors():
    reading = read("arcsight", HEADER + "dvchost=" + "x" * 80)
    assert found(reading, "note")["dvchost"].fix.endswith("max_length: 63}}")
    assert problems(reading) == set()


def test_a_value_of_another_type_is_not_taken():
    reading = read("arcsight", HEADER + "dpt=http rt=2026-02-11T08:15:42Z spid=1")
    assert problems(reading) == {("lost", "dpt"), ("lost", "rt")}


def test_keys_that_arcsight_fills_itself_are_not_believed():
    assert ("misread", "agt") in problems(read("arcsight", HEADER + "agt=10.0.0.1"))


def test_a_slot_without_a_label_and_a_label_without_a_slot_are_told():
    reading = read("arcsight", HEADER + "cs1=a cs2Label=b")
    assert problems(reading) == {("misread", "cs1"), ("misread", "cs2Label")}


def test_another_header_than_the_standards_is_noted():
    assert "" in found(read("arcsight", RFC5424 + HEADER + "act=a"), "note")
    assert "" in found(read("arcsight", RFC3164 + "fence: " + HEADER + "act=a"), "note")
    assert found(read("arcsight", RFC3164 + HEADER + "act=a"), "note") == {}


def test_a_line_that_breaks_the_standard_is_told():
    reading = read("arcsight", HEADER + "act=a=b")
    assert fields(reading)["deviceAction"] == "a=b"
    assert "position" in reading.problems[0].message


def test_an_event_without_a_time_is_noted():
    event = {key: value for key, value in EXEC.items() if key != "UpdatedTime"}
    assert (
        "--assume-time" in found(read("arcsight", written("arcsight", event)), "note")["rt"].message
    )


def test_a_time_in_seconds_is_read_as_milliseconds():
    reading = read("arcsight", RFC3164 + HEADER + "rt=1770797742 start=1770797742118")
    assert ("misread", "rt") in problems(reading)
    assert ("misread", "start") not in problems(reading)
    assert reading.time.value == "1970-01-21T11:53:17.742Z"
