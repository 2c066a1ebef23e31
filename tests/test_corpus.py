"""Real events that people published, where they are at hand: beside the repository, in shared/.

They are other people's, so they are not part of the repository; tests/data has our own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise
from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.fields import DERIVED, RAW
from cef_bridge.lines.check import faults
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter

CORPUS = Path(__file__).parents[1].parent / "shared" / "corpus"

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason=f"no corpus of real events at {CORPUS}")


def real_events():
    lines = (CORPUS / "real-events.ndjson").read_bytes().splitlines()
    decoder = EventDecoder()
    found = [decoder.decode(line) for line in lines]
    assert decoder.finish() == []
    return found


def test_every_real_event_is_read():
    for number, results in enumerate(real_events(), 1):
        assert [type(result) for result in results] == [Decoded], f"line {number}"


def test_every_real_event_has_a_listed_class_and_an_id_of_its_own():
    listed = {row.class_id for row in catalogue()}
    ids = []
    for number, (found,) in enumerate(real_events(), 1):
        event = derive(found.fields, origin=f"corpus\x1f{number}")
        assert event.kind.class_id in listed, f"line {number}"
        ids.append(event.fields["event.id"])
    assert len(set(ids)) == len(ids)


def test_every_field_of_a_real_event_is_known_or_kept():
    for number, (found,) in enumerate(real_events(), 1):
        for path, value in derive(found.fields).fields.items():
            known = path in RAW or path in DERIVED or path.startswith(("data.", "EventData."))
            kept = found.fields.get(path) == value or path == "event.time_us"
            assert known or kept, f"line {number}: {path}"


def test_nothing_that_a_collector_meets_around_events_is_taken_for_one():
    decoder = EventDecoder()
    for line in (CORPUS / "noise-and-wrappers.txt").read_bytes().splitlines():
        kinds = {type(found) for found in decoder.decode(line)}
        if b'"Operation"' in line or b'"Type"' in line or b'\\"Type\\"' in line:
            assert Noise not in kinds, line
        elif not line.endswith(b"05:48.3"):  # the first part of a line, which waits for its rest
            assert kinds == {Noise}, line


@pytest.mark.parametrize("mapping", names())
def test_every_real_event_becomes_one_strict_line_of_every_mapping(mapping):
    loaded = load(mapping, env={})
    converter = Converter(loaded, syslog_header=loaded.envelope.syslog_header)
    fmt = converter.program.format
    for number, (found,) in enumerate(real_events(), 1):
        fate = converter.convert(found.fields, f"corpus\x1f{number}")
        assert isinstance(fate, Converted)
        assert "\n" not in fate.message
        assert len(fate.message.encode()) <= loaded.envelope.max_bytes
        direct = loaded.envelope.ipv6 == "direct"
        assert faults(fate.message, fmt, ipv6_in_addresses=direct) == [], f"line {number}"
