"""A sample: each event is what the input has, wherever it came from; surveys of it count all."""

from __future__ import annotations

import itertools
import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from cef_bridge.errors import UsageError
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.files.inputs import expand
from cef_bridge.workbench.events import events_of
from cef_bridge.workbench.explain import explain
from cef_bridge.workbench.line_parts import located
from cef_bridge.workbench.sample import MOST_FIELDS, SampleEvents
from cef_bridge.workbench.survey import SampleSurvey

DATA = Path(__file__).parent.parent / "data"
FILES = sorted(path.name for path in DATA.iterdir() if path.is_file())


def read(*names: str, **limits: int) -> SampleEvents:
    sample = SampleEvents(**limits)
    sample.read(expand([str(DATA / name) for name in names]))
    return sample


def whole(path: Path) -> list[dict[str, object]]:
    return [it.fields for it in events_of(expand([str(path)]), [])]


def without_id(message: str) -> str:
    """Return a message without event ids: that of an event without a time depends on its place."""
    return re.sub("[0-9a-f]{40}", "", message)


@pytest.mark.parametrize("name", FILES)
def test_each_event_is_the_one_of_the_input(name):
    sample = read(name)
    assert [it.raw() for it in sample.events] == whole(DATA / name)
    assert [it.number for it in sample.events] == list(range(1, len(sample.events) + 1))
    for event in sample.events:
        assert event.shown()
        assert event.place.startswith(str(DATA / name))


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("before", ["splunk", "same output", None])
@pytest.mark.parametrize("name", FILES)
def test_a_survey_beside_a_mapping_that_makes_the_same_counts_each_message(
    monkeypatch, tmp_path, name, before, engine
):
    if engine == "python":
        monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    (tmp_path / "same.yaml").write_text(
        "mapping: splunk\nextends: splunk\nextension:\n"
        "  KubeArmorNever: {from: Type, when: {event.class_id: never}}\n"
    )
    sample = read(name)
    names = {"splunk": "splunk", "same output": str(tmp_path / "same.yaml")}
    new = Converter(load("splunk"), syslog_header="rfc5424")
    old = Converter(load(names[before]), syslog_header="rfc5424") if before else None
    survey = SampleSurvey(sample.events, new, old)
    steps = [*survey.steps()]
    made = [new.convert(it.raw()) for it in sample.events]
    assert (steps[-1] if made else 0) == survey.converted == survey.diff.same == len(made)
    sizes = sorted(len(it.message.encode()) for it in made)
    assert sorted(survey.diff.sizes.elements()) == sizes
    assert survey.diff.levels == [[it.severity for it in made].count(at) for at in range(11)]
    assert survey.diff.changed == []


@pytest.mark.parametrize("engine", ["native", "python"])
@pytest.mark.parametrize("name", FILES)
def test_a_survey_makes_of_each_event_what_the_converter_does(monkeypatch, name, engine):
    if engine == "python":
        monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    sample = read(name)
    if not sample.events:
        return
    new, old = (Converter(load(it), syslog_header="rfc5424") for it in ("splunk", "sentinel"))
    survey = SampleSurvey(sample.events, new, old)
    steps = [*survey.steps()]
    assert steps[-1] == len(sample.events)
    messages = [new.convert(it.raw()).message for it in sample.events]
    assert survey.converted == len(messages)
    assert survey.diff.sizes.total() == len(messages)
    assert sorted(survey.diff.sizes.elements()) == sorted(len(it.encode()) for it in messages)
    assert survey.diff.different == len(messages)
    assert survey.diff.changed or not all(it.raw().get("UpdatedTime") for it in sample.events)
    for each in survey.diff.changed:
        assert without_id(each.after) == without_id(messages[each.number - 1])
        before = old.convert(sample.events[each.number - 1].raw()).message
        assert without_id(each.before) == without_id(before)
    rows = {row.path: row.events for row in survey.coverage.fields()}
    counts = [path for it in sample.events for path in it.raw() if path == "Type"]
    assert rows.get("Type", 0) == len(counts)


def test_the_limits_of_a_sample_are_kept_and_said():
    some = read("kinds.ndjson", most_events=5)
    assert (len(some.events), some.more) == (5, True)
    short = read("kinds.ndjson", most_bytes=3000)
    assert 0 < len(short.events) < 5
    assert short.more
    with pytest.raises(UsageError, match="the sample is full: 5 events"):
        some.paste('{"Type": "ContainerLog", "Operation": "File"}')


def test_what_is_counted_of_fields_is_bounded_and_of_events_that_were_taken():
    sample = SampleEvents(most_events=3)
    odd = {f"Odd{n}": n for n in range(MOST_FIELDS + 500)}
    row = json.dumps({"Type": "ContainerLog", "Operation": "File", "PodName": "p", **odd})
    sample.paste(row)
    assert len(sample.fields()) <= MOST_FIELDS
    with pytest.raises(UsageError, match="the sample is full"):
        sample.paste("\n".join([row] * 100))
    counts = {it.path: it.events for it in sample.fields()}
    assert len(counts) <= MOST_FIELDS
    assert counts["PodName"] <= len(sample.events) + 1


def test_texts_that_are_pasted_at_the_same_time_get_numbers_of_their_own():
    sample = SampleEvents()
    rows = "\n".join(
        json.dumps({"Type": "ContainerLog", "Operation": "File", "PodName": f"p{n}"})
        for n in range(300)
    )
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(sample.paste, [rows] * 8)]
    assert sorted(itertools.chain(*found)) == [*range(1, 2401)]
    assert [it.number for it in sample.events] == [*range(1, 2401)]
    assert all(each == [*range(each[0], each[0] + 300)] for each in found)


def test_fields_are_listed_with_their_most_frequent_values():
    sample = SampleEvents()
    rows = [{"Type": "ContainerLog", "Operation": "File", "PodName": f"p{n % 3}", "Odd\u202e": "x" * 500} for n in range(10)]  # fmt: skip
    sample.paste("\n".join(map(json.dumps, rows)))
    fields = {row.path: row for row in sample.fields()}
    assert (fields["PodName"].events, fields["PodName"].values) == (10, ("p0", "p1", "p2"))
    assert fields["PodName"].about
    assert len(fields["Odd\\u202e"].values[0] if "Odd\\u202e" in fields else "x" * 80) == 80
    assert not [path for path in fields if "\u202e" in path]


@pytest.mark.parametrize("header", ["none", "rfc3164", "rfc5424"])
@pytest.mark.parametrize("name", ["splunk", "qradar-leef", "sentinel", "graylog", "arcsight"])
def test_each_key_is_found_where_it_is_in_the_line(name, header):
    converter = Converter(load(name), syslog_header=header)
    seen = 0
    for event in read("kinds.ndjson", "seed.ndjson").events:
        explained = explain(converter, event.raw())
        line = explained.message
        for row, start, end, _ in located(converter, explained):
            found = line[start:end]
            if row.key == "syslog.facility":
                assert line[: start + len(found) + 1] == f"<{found}>"
            elif row.key.startswith("syslog."):
                assert found == row.value
            elif row.key.startswith("header."):
                assert found.replace("\\\\", "\\") == row.value
                assert line[end] == "|"
            else:
                assert found == row.written
                assert line[:start].endswith(f"{row.key}=")
            seen += 1
    assert seen > 4000


def test_truncated_messages_are_counted_and_their_parts_found():
    mapping = load("splunk")
    converter = Converter(mapping, syslog_header="rfc5424", max_bytes=700)
    sample = read("kinds.ndjson")
    survey = SampleSurvey(sample.events, converter, None)
    assert [*survey.steps()]
    assert not survey.compares
    assert 0 < survey.coverage.truncated_events <= len(sample.events)
    assert max(survey.diff.sizes) <= survey.limit == 700
    for event in sample.events:
        explained = explain(converter, event.raw())
        for row, start, end, _ in located(converter, explained):
            assert row.key.startswith(("header.", "syslog.")) or explained.message[start:end] == row.written  # fmt: skip
