"""The files of tests/data: each dialect and wrapper, alone and all in one, and every kind once."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from samples import DATA, EXPECTED, derived, raw_events, results, units

from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.kubearmor.decode import Decoded, Noise, Unreadable
from cef_bridge.kubearmor.derive import derive

# file -> units, events, noise (blank lines are no units), unreadable
FILES = {
    "array.json": (4, 4, 0, 0),
    "bom.ndjson": (4, 4, 0, 0),
    "cri.log": (10, 4, 3, 0),
    "crlf.ndjson": (4, 4, 0, 0),
    "daemon-log-file.ndjson": (5, 5, 0, 0),
    "docker.log": (10, 6, 3, 0),
    "elasticsearch-pretty.json": (1, 4, 0, 0),
    "elasticsearch.json": (1, 4, 0, 0),
    "kinds.ndjson": (118, 118, 0, 0),
    "lower-cased.ndjson": (3, 3, 0, 0),
    "mixed.log": (71, 56, 18, 1),
    "noise.log": (14, 4, 10, 0),
    "otlp.ndjson": (2, 4, 0, 0),
    "pretty.json": (4, 4, 0, 0),
    "seed.ndjson": (9, 9, 0, 0),
    "sidekick.ndjson": (4, 4, 0, 0),
    "syslog.log": (6, 4, 2, 0),
}
# The four events that these files all hold.
IDS = [
    "dcd1d7",
    "06da9a",
    "2e003e",
    "d7fdfd",
]
SAME = (
    *("array.json", "bom.ndjson", "cri.log", "crlf.ndjson", "docker.log", "noise.log"),
    *("elasticsearch.json", "elasticsearch-pretty.json", "otlp.ndjson", "pretty.json"),
    "syslog.log",
)


def ids(name):
    return [str(derive(raw).fields["event.id"]) for raw in raw_events(name)]


def test_every_sample_file_is_accounted_for():
    assert sorted(path.name for path in DATA.iterdir()) == sorted(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_unit_of_a_sample_file_has_the_fate_it_should_have(name):
    counts = Counter(type(result) for result in results(name))
    found = (len(units(name)), counts[Decoded], counts[Noise], counts[Unreadable])
    assert found == FILES[name]


@pytest.mark.parametrize("name", SAME)
def test_an_event_has_the_same_id_in_every_dialect_and_wrapper(name):
    assert [found[:6] for found in ids(name)][:4] == IDS


@pytest.mark.parametrize("name", SAME)
def test_an_event_means_the_same_in_every_dialect_and_wrapper(name):
    expected = [derived(derive(raw)) for raw in raw_events("array.json")]
    assert [derived(derive(raw)) for raw in raw_events(name)][:4] == expected


def test_all_dialects_and_wrappers_are_recognised_in_one_input():
    apart = [name for name in FILES if name not in ("mixed.log", "kinds.ndjson", "seed.ndjson")]
    assert set(ids("mixed.log")) == {found for name in apart for found in ids(name)}


def test_the_cut_off_event_of_the_mixed_input_is_reported_in_plain_words():
    (found,) = [result for result in results("mixed.log") if isinstance(result, Unreadable)]
    assert found.reason == "not JSON: a text has no end; it begins at character 289"
    assert found.raw.startswith(b'{"Timestamp":1772528401,"UpdatedTime"')


@pytest.mark.parametrize("name", ["seed", "kinds"])
def test_what_is_concluded_from_each_kind_of_event_is_as_reviewed(name):
    text = (EXPECTED / f"{name}.expected.ndjson").read_text()
    found = [derived(derive(raw)) for raw in raw_events(f"{name}.ndjson")]
    for number, (ours, line) in enumerate(zip(found, text.splitlines(), strict=True), 1):
        assert json.loads(json.dumps(ours)) == json.loads(line), f"{name}.ndjson, line {number}"


def test_every_kind_has_an_id_of_its_own():
    assert len(set(ids("kinds.ndjson"))) == FILES["kinds.ndjson"][1]


def test_every_class_of_the_samples_is_in_the_published_list():
    published = {row.class_id for row in catalogue()}
    classes = {derive(raw).kind.class_id for name in FILES for raw in raw_events(name)}
    assert classes <= published


def test_the_samples_have_every_operation_and_verb_but_those_that_no_event_has():
    verbs = {
        (kind.operation, kind.verb)
        for name in FILES
        for kind in (derive(raw).kind for raw in raw_events(name))
    }
    published = {tuple(row.class_id.split(".")[2:4]) for row in catalogue()}
    # KubeArmor 1.7 writes no such event: exec and ptrace have Operation Process.
    never = {
        *(("syscall", verb) for verb in ("exec", "ptrace", "attr", "other")),
        ("process", "other"),
        # What cef-bridge says of itself.
        *(("system", verb) for verb in ("heartbeat", "gap", "test", "flood")),
    }
    assert published - verbs == never


# Which part of a file a forced format leaves: its dialect, or its wrapper.
@pytest.mark.parametrize(
    ("name", "input_format", "events"),
    [
        ("docker.log", "docker", 6),
        ("docker.log", "relay", 6),
        ("docker.log", "cri", 0),
        ("cri.log", "cri", 4),
        ("syslog.log", "syslog", 4),
        ("sidekick.ndjson", "sidekick", 4),
        ("sidekick.ndjson", "relay", 0),
        ("otlp.ndjson", "otlp", 4),
        ("elasticsearch.json", "elasticsearch", 4),
        ("daemon-log-file.ndjson", "logfile", 5),
        ("lower-cased.ndjson", "logfile", 3),
        ("noise.log", "relay", 4),
        ("noise.log", "otlp", 0),
    ],
)
def test_a_forced_format_takes_the_events_of_that_format_only(name, input_format, events):
    found = results(name, input_format=input_format)
    assert sum(isinstance(result, Decoded) for result in found) == events
    assert not any(isinstance(result, Unreadable) for result in found)
