"""A survey counts what examining every event by itself would count, whatever it remembers."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cef_bridge.converter import Converter, Filtered
from cef_bridge.mapping import shipped
from cef_bridge.mapping.load import load
from cef_bridge.workbench.coverage import Coverage
from cef_bridge.workbench.split import split_of
from cef_bridge.workbench.survey import Survey

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import datasets  # noqa: E402 - the benchmark's generator makes the busy events

SAMPLES = sample_events()
OWN = {
    "filters by place and act": """\
mapping: own
extends: splunk
drop_events:
  - {event.kind: log, NamespaceName: ["shop*", kube-system], event.verb: [read, connect]}
""",
    "mixes place and act in a rule": """\
mapping: own
extends: kubearmor-cef
extension:
  KubeArmorTeam:
    - {from: Owner.Name, when: {event.kind: alert}}
    - {value: web, when: {Labels.app: "*e*", Operation: File}}
  act: {from: [PodName, Action]}
""",
    "asks for what always changes": """\
mapping: own
extends: kubearmor-cef
extension:
  KubeArmorOdd: {value: "yes", when: {HostPID: ["*1", "*3"]}}
  act: {from: HostPID, table: {"40001": one}, else: other}
""",
    "drops": "mapping: own\nextends: kubearmor-cef\ndrop: [Cwd, Owner, UID]\nunmapped: drop\n",
    "small": "mapping: own\nextends: kubearmor-cef\nenvelope: {max_bytes: 900}\n",
    "reads new fields": """\
mapping: own
extends: qradar
extension: {KubeArmorA: {from: Alpha}, cs6: {from: Beta, when: {PodName: {is: present}}, label: B}}
filters: [soc_lean]
""",
    "asks for texts": """\
mapping: own
extends: kubearmor-cef
extension:
  KubeArmorShell: {value: "1", when: {ProcessName: ["*/sh", "/usr/bin/*"]}}
  act: {from: Source}
  app: {from: TTY, via: strip_digest}
  cs5: {from: [Resource, Source], via: [redact, basename], label: C}
  dpt: {from: Cwd}
""",
    "spreads": "mapping: own\nextends: kubearmor-cef\nextension: {KubeArmorL: {spread: Labels, only: [app]}}\n",
}


def converters(tmp_path_factory=None) -> dict[str, Converter]:
    found = {name: load(name) for name in shipped.names()}
    folder = tmp_path_factory.mktemp("own")
    for name, text in OWN.items():
        path = folder / "own.yaml"
        path.write_text(text)
        found[name] = load(path)
    return {
        name: Converter(mapping, syslog_header=mapping.envelope.syslog_header)
        for name, mapping in found.items()
    }


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    return converters(tmp_path_factory)


def told(coverage: Coverage):
    return (
        {row.path: (row.fates, set(row.keys)) for row in coverage.fields()},
        [(row.key, row.fired) for row in coverage.rules()],
        coverage.cut,
        coverage.shed,
        coverage.longest,
    )


def one_by_one(converter: Converter, raws):
    coverage = Coverage(converter)
    split = split_of(coverage.programs)
    for raw in raws:
        look = coverage.examine(raw, "x", split)
        coverage.count(look.workload, 1, filtered=look.filtered)
        coverage.count(look.rest, 1, filtered=look.filtered)
    return coverage


def surveyed(converter: Converter, raws):
    """Feed events as the unit loop does; return the coverage and how many were recalled."""
    coverage = Coverage(converter)
    survey = Survey(coverage)
    recalled = filtered = 0
    for raw in raws:
        fate = survey.recall(raw)
        recalled += fate is not None
        fate = fate or survey.convert(raw, "x")
        filtered += isinstance(fate, Filtered)
    survey.finish()
    return coverage, recalled, filtered


NAMES = (*shipped.names(), *OWN)


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_of_sample_events_are_those_of_examining_each(name, machines):
    raws = SAMPLES[::2] * 2
    coverage, _, _ = surveyed(machines[name], raws)
    assert told(coverage) == told(one_by_one(machines[name], raws))


BUSY = [json.loads(datasets.line(event)) for event in datasets.events(700, pods=6)]
NEW = [json.loads(datasets.line(it)) for it in datasets.events(400, pods=3, novelty=1.0)]


@pytest.mark.parametrize("name", ["kubearmor-cef", "qradar-leef", *OWN])
def test_the_counts_of_texts_that_never_come_again_are_those_of_examining_each(name, machines):
    coverage, recalled, _ = surveyed(machines[name], NEW)
    assert told(coverage) == told(one_by_one(machines[name], NEW))
    assert recalled > 100 or name in ("asks for what always changes", "small", "asks for texts")


@pytest.mark.parametrize("name", ["kubearmor-cef", "arcsight", *OWN])
def test_the_counts_of_busy_pods_are_those_of_examining_each(name, machines):
    converter = machines[name]
    coverage, recalled, filtered = surveyed(converter, BUSY)
    plain = one_by_one(converter, BUSY)
    assert told(coverage) == told(plain)
    assert filtered == sum(converter.program.filtered(e.fields) for e in map(derived, BUSY))
    assert recalled > 120 or name in ("asks for what always changes", "small")


def derived(raw):
    from cef_bridge.events.derive import derive

    return derive(raw, origin="x")


def mutated(raw, **changes):
    return {key: value for key, value in {**raw, **changes}.items() if value is not ...}


VARIANTS = [
    {"HostPID": 0},
    {"PID": 0},
    {"PPID": 0},
    {"PPID": 31007, "HostPPID": 31007},
    {"HostPID": 41, "PID": 41},
    {"HostPID": 7.0},
    {"HostPID": True},
    {"HostPID": -1},
    {"HostPID": 2**40},
    {"UID": 0},
    {"UID": 0.0},
    {"UID": False},
    {"Timestamp": 0},
    {"Timestamp": "1772528401"},
    {"UpdatedTime": "1999-03-03T09:00:00.000001Z"},
    {"UpdatedTime": "2026-03-03T09:00:00.00001Z"},
    {"UpdatedTime": "2026-03-03T09:00:00,000001Z"},
    {"UpdatedTime": ""},
    {"UpdatedTime": 7},
    {"NamespaceName": "n" * 400},
    {"PodName": "p" * 1200},
    {"PodName": "evil\n"},
    {"PodName": ""},
    {"ContainerImage": "x=" * 2000},
    {"Labels": "a=b," * 900},
    {"Resource": "/etc/" + "r" * 1100},
    {"Resource": "CEF:0|x"},
    {"Source": "\u202e"},
    {"Source": "/bin/other --flag value"},
    {"Source": "/bin/other", "ParentProcessName": "/bin/other"},
    {"Source": "x" * 300},
    {"Source": "/bin/LEEF"},
    {"Source": "a|b"},
    {"Source": "sh -c 'a=b\\c' \"|\" CEF :"},
    {
        "Resource": "/bin/x Fd=-100 Flags=O_RDONLY y",
        "EventData": {"Flags": "O_RDONLY", "Fd": "-100"},
    },
    {"Resource": "=x=", "Operation": "Process"},
    {"Source": "a^b"},
    {"Source": "^"},
    {"Source": " a"},
    {"Source": "mysql --password hunter2 -p x"},
    {"Source": "12"},
    {"ProcessName": "/usr/bin/new"},
    {"ProcessName": ""},
    {"ProcessName": 7},
    {"Cwd": "/"},
    {"Cwd": "443"},
    {"TTY": "pts1"},
    {"Resource": "SYS_OPENAT"},
    {"Resource": "O_RDONLY"},
    {"Resource": "/some/where else"},
    {"Resource": "x", "Operation": "Network"},
    {"Resource": "SYS_OPENAT", "EventData": {"Syscall": "SYS_OPENAT", "Flags": "O_RDONLY a"}},
    {"Resource": "TCP", "EventData": {"Protocol": "TCP"}},
    {"Resource": "TCP", "Data": "lsm=FILE_OPEN protocol=TCP"},
    {"NewField": "x"},
    {"NewField": " "},
    {"NewField": ""},
    {"NewField": None},
    {"NewField": {"a": 1}},
    {"NewField": "CEF:0|"},
    {"NewField": 2**70},
    {"NewField": "\n"},
    {"Owner": {"Ref": "Deployment", "Name": "other", "Namespace": "elsewhere"}},
    {"Owner": {"Ref": "Deployment", "Name": "x", "Namespace": "shop"}},
    {"Owner": "x"},
    {"EventData": {"Syscall": "SYS_OPENAT", "Fd": "-100", "Flags": "O_RDONLY"}},
    {"EventData": {"Syscall": "SYS_OPENAT", "More": "1"}},
    {"Type": "MatchedPolicy", "Action": "Block"},
    {"Type": "matchedpolicy", "Action": "Audit (Block)"},
    {"Operation": "Process"},
    {"Severity": 5},
    {"Severity": "5"},
    {"Tags": "MITRE_T1105,x"},
    {"HostName": ""},
    {"ContainerID": "", "PodName": "", "NamespaceName": ""},
]


@pytest.mark.parametrize("name", ["kubearmor-cef", "splunk", *OWN])
def test_events_that_differ_in_one_thing_are_told_apart_where_it_matters(name, machines):
    bases = [BUSY[0], next(e for e in SAMPLES if e.get("Message"))]
    raws = [mutated(base, **change) for base in bases for change in ({}, *VARIANTS)]
    converter = machines[name]
    coverage, _, _ = surveyed(converter, [*raws, *raws[::-1]])
    assert told(coverage) == told(one_by_one(converter, raws + raws))


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
@given(
    st.sampled_from(NAMES),
    st.lists(events | st.sampled_from(BUSY[:50]), min_size=1, max_size=6),
    st.lists(st.sampled_from(VARIANTS), max_size=3),
)
def test_the_counts_of_hostile_events_are_those_of_examining_each(machines, name, raws, changes):
    raws = [*raws, *(mutated(raw, **change) for raw in raws for change in changes)] * 2
    coverage, _, _ = surveyed(machines[name], raws)
    assert told(coverage) == told(one_by_one(machines[name], raws))


def test_every_field_of_every_event_has_one_fate(machines):
    coverage, _, _ = surveyed(machines["kubearmor-cef"], BUSY)
    from cef_bridge.workbench.fates import raw_fields

    present = sum(len(list(raw_fields(derived(raw)))) for raw in BUSY)
    assert coverage.totals().total() == present


def test_what_is_remembered_is_bounded(machines, monkeypatch):
    from cef_bridge.workbench import survey as module

    monkeypatch.setattr(module, "MOST_ENTRIES", 50)
    monkeypatch.setattr(module, "MOST_SHAPES", 3)
    coverage, _, _ = surveyed(machines["kubearmor-cef"], BUSY)
    assert told(coverage) == told(one_by_one(machines["kubearmor-cef"], BUSY))


def test_what_no_event_is_is_not_recalled(machines):
    survey = Survey(Coverage(machines["kubearmor-cef"]))
    survey.convert(BUSY[0], "x")
    for value in ([], [1], 7, "x", None, {}, {"a": 1}, list(BUSY[0])):
        assert survey.recall(value) is None
