"""Coverage that the engine counts by sort is what examining every event by itself counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_lines import lines_of, one_by_one, run_lines

from cef_bridge.engine.machine import MappingEngine
from cef_bridge.kubearmor.derive import derive
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.workbench.coverage import Coverage
from cef_bridge.workbench.fates import raw_fields
from cef_bridge.workbench.machines import Examining

if TYPE_CHECKING:
    from cef_bridge.stats import Stats

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


def converters(tmp_path_factory) -> dict[str, Converter]:
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
    return {name: MappingEngine(it) for name, it in converters(tmp_path_factory).items()}


def told(coverage: Coverage):
    return (
        {row.path: (row.fates, set(row.keys)) for row in coverage.fields()},
        [(row.key, row.fired) for row in coverage.rules()],
        coverage.cut,
        coverage.truncated,
        coverage.longest,
    )


def examined(converter: Converter, data: bytes) -> Coverage:
    """Return what examining every event by itself counts."""
    coverage = Coverage(converter)
    known = {}
    for raw, origin in one_by_one(data):
        which = json.dumps(raw), origin
        if which not in known:
            known[which] = coverage.examine(raw, origin)
        coverage.count(known[which], 1)
    return coverage


class Counted(NamedTuple):
    """What counting by sort came to: the coverage, how many events were examined, the counters."""

    coverage: Coverage
    examined: int
    stats: Stats


def counted(machine: MappingEngine, data: bytes, block_size: int = 1 << 14) -> Counted:
    coverage = Looking(machine.converter)
    examining = Examining(coverage, machine)
    stats = run_lines(examining, data, block_size)
    examining.finish()
    return Counted(coverage, coverage.looked, stats)


class Looking(Coverage):
    """Counts how often it examines."""

    looked = 0

    def examine(self, raw, origin):
        self.looked += 1
        return super().examine(raw, origin)


def few(machine: MappingEngine, count: int, most: int) -> bool:
    """Tell whether so many examined events are few; without the engine each one is examined."""
    return machine.native is None or count < most


def check(machine: MappingEngine, raws) -> Counted:
    data = lines_of(raws)
    found = counted(machine, data)
    assert told(found.coverage) == told(examined(machine.converter, data))
    return found


NAMES = (*shipped.names(), *OWN)


@pytest.mark.parametrize("name", NAMES)
def test_the_counts_of_sample_events_are_those_of_examining_each(name, machines):
    check(machines[name], SAMPLES[::2] * 2)


BUSY = [json.loads(datasets.line(event)) for event in datasets.events(400, pods=6)]
NEW = [json.loads(datasets.line(it)) for it in datasets.events(200, pods=3, novelty=1.0)]


@pytest.mark.parametrize("name", ["kubearmor-cef", "qradar-leef", *OWN])
def test_the_counts_of_texts_that_never_come_again_are_those_of_examining_each(name, machines):
    found = check(machines[name], NEW)
    assert few(machines[name], found.examined, 100)


@pytest.mark.parametrize("name", ["kubearmor-cef", "arcsight", *OWN])
def test_the_counts_of_busy_pods_are_those_of_examining_each(name, machines):
    machine = machines[name]
    found = check(machine, BUSY)
    filtered = machine.converter.program.filtered
    assert found.stats.filtered == sum(filtered(derive(raw).fields) for raw in BUSY)
    assert few(machine, found.examined, 100)


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
    check(machines[name], [*raws, *raws[::-1]])


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
@given(
    st.sampled_from(NAMES),
    st.lists(events | st.sampled_from(BUSY[:50]), min_size=1, max_size=6),
    st.lists(st.sampled_from(VARIANTS), max_size=3),
)
def test_the_counts_of_hostile_events_are_those_of_examining_each(machines, name, raws, changes):
    raws = [*raws, *(mutated(raw, **change) for raw in raws for change in changes)] * 2
    check(machines[name], raws)


def test_every_field_of_every_event_has_one_fate(machines):
    coverage = counted(machines["kubearmor-cef"], lines_of(BUSY)).coverage
    present = sum(len(list(raw_fields(derive(raw)))) for raw in BUSY)
    assert coverage.totals().total() == present


def test_a_coverage_is_the_same_wherever_blocks_are_cut(machines):
    machine, data = machines["small"], lines_of(BUSY[:60])
    first, *others = (told(counted(machine, data, size).coverage) for size in (300, 2000, 1 << 20))
    assert all(other == first for other in others)


@pytest.mark.parametrize("name", ["kubearmor-cef", "small"])
def test_the_counts_without_an_engine_are_the_same(machines, name, monkeypatch):
    data = lines_of(BUSY[:100])
    with_engine = counted(machines[name], data)
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    without = counted(MappingEngine(machines[name].converter), data)
    assert told(without.coverage) == told(with_engine.coverage)
    assert without.stats.converted == with_engine.stats.converted
    assert without.examined == 100


def test_the_longest_of_texts_that_were_cut_is_known_though_few_are_examined(machines):
    raws = [{**BUSY[0], "Action": "a" * (70 + number % 40)} for number in range(300)]
    found = check(machines["kubearmor-cef"], raws)
    assert found.coverage.longest["act"] == 109
    assert found.coverage.cut["act"] == 300
    assert few(machines["kubearmor-cef"], found.examined, 50)


def test_texts_that_are_white_space_alone_are_told_apart(machines):
    texts = ("x", " ", "\u00a0", "\u2003", "\u200b", "\t", "\u0000", "é")
    check(machines["kubearmor-cef"], [{**BUSY[0], "Cwd": text, "New": text} for text in texts * 2])


def test_lines_in_a_wrapper_are_counted(machines):
    lines = lines_of(BUSY[:30]).splitlines()
    data = b"".join(
        json.dumps({"log": line.decode() + "\n", "stream": "stdout", "time": TIME}).encode() + b"\n"
        for line in lines
    )
    machine = machines["kubearmor-cef"]
    found = counted(machine, data)
    assert told(found.coverage) == told(examined(machine.converter, data))
    assert found.stats.converted == 30


TIME = "2026-03-03T09:00:00.000001Z"
