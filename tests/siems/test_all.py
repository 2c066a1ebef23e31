"""What holds for every simulator: shipped mappings pass theirs, and no text breaks one."""

from __future__ import annotations

import time

import pytest
from hostile_events import events, sample_events, texts
from hypothesis import assume, given
from hypothesis import strategies as st
from reading_help import HEADER, LEEF, RFC3164, RFC5424, read

from cef_bridge.lines import parse
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS, SiemFinding, gathered

EVENTS = sample_events()
PAIRS = [(name, mapping) for name in SIMULATORS for mapping in SIEMS[name].mappings]
CONVERTERS = {
    name: Converter(mapping := load(name), syslog_header=mapping.envelope.syslog_header)
    for name in {name for _, name in PAIRS}
}


def line(mapping: str, event: dict[str, object]) -> str:
    fate = CONVERTERS[mapping].convert(dict(event))
    assert isinstance(fate, Converted)
    return fate.message


def test_a_simulator_says_whose_it_is_and_what_it_is_made_from():
    assert SIMULATORS
    for name, simulator in SIMULATORS.items():
        assert simulator.name == name
        assert simulator.unknown
        assert simulator.sources


@pytest.mark.parametrize(("siem", "mapping"), PAIRS)
def test_of_no_sample_event_a_receiver_loses_or_misreads_anything(siem, mapping):
    examples = [example.event for example in load(mapping).examples]
    for event in EVENTS + examples:
        text = line(mapping, event)
        assert read(siem, text).problems == [], text


@pytest.mark.parametrize(("siem", "mapping"), PAIRS)
def test_every_key_of_a_sample_event_is_a_field_or_told(siem, mapping):
    for event in EVENTS:
        text = line(mapping, event)
        reading = read(siem, text)
        known = {key for field in reading.fields for key in field.key.split(", ")}
        known |= {finding.key for finding in reading.findings}
        keys = parse(text).extension
        assert {key for key in keys if not key.endswith("Label")} <= known


@pytest.mark.parametrize(("siem", "mapping"), PAIRS)
@given(event=events)
def test_of_no_hostile_event_a_receiver_loses_or_misreads_anything(siem, mapping, event):
    text = line(mapping, event)
    # KubeArmor's version is no attacker's: what it can break is told.
    assume("=" not in parse(text).header.device_version)
    assert read(siem, text).problems == [], text


PIECES = (
    HEADER, LEEF, RFC3164, RFC5424, "CEF:0|", "CEF:1|", "CEF:", "LEEF:1.0|", "LEEF:2.0|a|b|c|d|x09|", "|", "=", " ", "\\", "\\=",
    "\\|", "\t", "^", "cs1=a", "cs1Label=b", " cs1Label=", "c6a3=2001:db8::5", "rt=1770797742118", " rt=Feb 11 2026 08:15:42",
    "Label=", "src=h", " dst=10.0.0.1", "sev=11", "flexString1=x", "act=b", " dvchost=n", "\r\n", "\u2028", "\ud800", "é=1",
)  # fmt: skip
lines = st.lists(st.sampled_from(PIECES) | texts, max_size=12).map("".join)


@pytest.mark.parametrize("siem", SIMULATORS)
@given(text=lines)
def test_no_text_makes_a_simulator_fail(siem, text):
    reading = read(siem, text)
    assert all(finding.message for finding in reading.findings)
    assert all(finding.fix for finding in reading.problems)
    if not reading.fields:
        assert reading.problems


LONG = {
    "equals": HEADER + "=" * 100_000,
    "keys": HEADER + "a=" * 50_000,
    "escaped equals": HEADER + "a=" + "\\=" * 50_000 + "=",
    "backslashes": HEADER + "a=" + "\\" * 100_000,
    "backslashes in the header": "CEF:0|" + "\\" * 100_000 + "|",
    "escaped pipes": "CEF:0|" + "\\|" * 50_000,
    "pipes": HEADER + "a=" + "|" * 100_000,
    "spaces": HEADER + "a=b" + " " * 100_000 + "=c",
    "words": HEADER + "a=" + "b " * 50_000,
    "one word": HEADER + "b" * 100_000,
    "records": "CEF:0|" * 17_000,
    "records with words": "a CEF:0 " * 13_000,
    "labels": HEADER + "cs1Label=cs1 " * 8_000,
    "slots": HEADER + "cs1=x cs1Label=cs2 cs2=y cs2Label=cs1 " * 2_700,
    "leef": LEEF + "a=b^" * 27_000,
    "leef pipes": LEEF + "a=" + "|" * 100_000,
    "before": "a " * 50_000 + HEADER,
    "digits": "CEF:" + "0" * 100_000,
    "headers": RFC3164 * 3_300,
}


@pytest.mark.parametrize("siem", SIMULATORS)
@pytest.mark.parametrize("shape", LONG)
def test_a_long_hostile_line_takes_no_longer_than_its_length(siem, shape):
    began = time.process_time()
    read(siem, LONG[shape])
    # Some hundredths of a second are usual; what is quadratic takes tens of seconds.
    assert time.process_time() - began < 1


def test_findings_that_say_the_same_are_one_with_their_keys():
    same = [SiemFinding("note", key, "x") for key in ("a", "b", "a", "")]
    other = SiemFinding("lost", "c", "y", "z")
    assert gathered([same[0], other, *same[1:]]) == [
        (SiemFinding("note", "", "x"), ["a", "b"]),
        (SiemFinding("lost", "", "y", "z"), ["c"]),
    ]


def test_a_field_whose_name_ends_as_a_label_s_key_does_is_read():
    event = {"Type": "HostLog", "Operation": "File", "HostName": "n", "NodeLabel": "x"}
    for siem, mapping in PAIRS:
        assert read(siem, line(mapping, event)).problems == []
