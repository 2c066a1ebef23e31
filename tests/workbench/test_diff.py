"""What `diff` counts is what comparing the two lines of every event by the reference counts."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from user_lines import lines_of, one_by_one, run_lines

from cef_bridge.engine.machine import MappingEngine
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter, Filtered
from cef_bridge.workbench.diff import MOST_KEYS, OTHER, Diff
from cef_bridge.workbench.machines import Comparing

if TYPE_CHECKING:
    from cef_bridge.lines.message import ParsedMessage

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import datasets  # noqa: E402 - the benchmark's generator makes the busy events

SAMPLES = sample_events()
BUSY = [json.loads(datasets.line(event)) for event in datasets.events(250, pods=5)]
OWN = {
    "acme": """\
mapping: acme
extends: splunk
cluster: prod
extension:
  KubeArmorTeam: {from: NamespaceName, table: {shop: retail}, else: platform}
  cs2: null
  cs5: {from: [Resource, Source], via: redact, label: CommandLine}
""",
    "severe": """\
mapping: severe
extends: splunk
severity: [{value: 9, when: {event.kind: alert}}, {value: 2}]
header: {name: {from: event.class_id}}
""",
    "lean": "mapping: lean\nextends: splunk\ndrop_events: [{event.kind: log, PodName: ['*a*']}]\n",
    "small": "mapping: small\nextends: splunk\nenvelope: {max_bytes: 1300}\n",
    "ids": "mapping: ids\nextends: splunk\nextension: {spid: {from: HostPPID}, cn3: {from: PPID, label: P}}\n",
    "dropping": "mapping: dropping\nextends: splunk\ndrop: [PodName, Cwd]\n",
    "words": """\
mapping: words
extends: sentinel
extension:
  KubeArmorA: {from: Resource, via: [first_word, upper]}
  KubeArmorB: {from: Source, via: basename}
  KubeArmorC: {from: ProcessName, via: [first_word, basename]}
""",
    "twisted": """\
mapping: twisted
extends: sentinel
extension: {KubeArmorA: {from: Resource, via: [basename, first_word]}}
""",
    "never": """\
mapping: never
extends: splunk
extension: {KubeArmorNever: {value: x, when: {PodName: that no event has}}}
""",
    "lossy": "mapping: lossy\nextends: splunk\nunmapped: drop\n",
    "host": "mapping: host\nextends: splunk\nenvelope: {hostname: {from: PodName}, app_name: other}\n",
}
PAIRS = [
    *(("splunk", name) for name in OWN),
    ("splunk", "splunk"),
    ("kubearmor-cef", "qradar"),
    ("kubearmor-cef", "qradar-leef"),
    ("sentinel", "elastic"),
    ("splunk", "sentinel"),
    ("small", "dropping"),
    ("arcsight", "acme"),
]


@pytest.fixture(scope="module")
def machines(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    found = {}
    for name in {name for pair in PAIRS for name in pair}:
        if name in OWN:
            (folder / f"{name}.yaml").write_text(OWN[name])
        mapping = load(folder / f"{name}.yaml" if name in OWN else name)
        found[name] = Converter(mapping, syslog_header=mapping.envelope.syslog_header)
    return found


@functools.lru_cache(64)
def read(
    converter: Converter, data: bytes
) -> list[tuple[Converted | Filtered, ParsedMessage | None]]:
    """Return what becomes of each event by itself, and its line as it reads."""
    found = []
    for raw, origin in one_by_one(data):
        fate = converter.convert(raw, origin)
        line = fate.message if isinstance(fate, Converted) else None
        found.append((fate, None if line is None else converter.program.format.parse(line)))
    return found


def compared(old: Converter, new: Converter, data: bytes):
    """Return what reading the two whole lines of each event tells."""
    counts: Counter[str] = Counter()
    changes: Counter[tuple[str, str]] = Counter()
    severities: Counter[tuple[str, str]] = Counter()
    sizes = [0, 0]
    for reads in zip(read(old, data), read(new, data), strict=True):
        fates = [fate for fate, _ in reads]
        for side, fate in enumerate(fates):
            if isinstance(fate, Converted):
                sizes[side] += len(fate.message.encode())
        filtered = tuple(isinstance(fate, Filtered) for fate in fates)
        if any(filtered):
            counts["filtered" if all(filtered) else "only_new" if filtered[0] else "only_old"] += 1
            continue
        lines = [fate.message for fate in fates]
        counts["same" if lines[0] == lines[1] else "different"] += 1
        before, after = (message for _, message in reads)
        if fates[0].severity != fates[1].severity:
            severities[str(fates[0].severity), str(fates[1].severity)] += 1
        if before.format == after.format:
            for name, one, two in zip(
                before.header._fields, before.header, after.header, strict=True
            ):
                if name != "severity" and one != two:
                    changes["changed", f"header.{name}"] += 1
        one, two = (labelled(message.extension) for message in (before, after))
        for key in {*one, *two}:
            if one.get(key) != two.get(key):
                kind = "gained" if key not in one else "lost" if key not in two else "changed"
                changes[kind, key] += 1
    return counts, changes, severities, sizes


def labelled(extension: dict[str, str]) -> dict[str, tuple[str, str | None]]:
    return {
        key: (text, extension.get(f"{key}Label"))
        for key, text in extension.items()
        if not (key.endswith("Label") and key.removesuffix("Label") in extension)
    }


def ran(old: Converter, new: Converter, data: bytes) -> Diff:
    diff = Diff(old, new)
    run_lines(Comparing(diff, machine(old), machine(new)), data)
    return diff


def machine(converter: Converter) -> MappingEngine:
    """Return a converter's machine, the same one each time: to write its table takes a while."""
    key = id(converter), os.environ.get("CEF_BRIDGE_ENGINE")
    if key not in MACHINES:
        MACHINES[key] = MappingEngine(converter)
    return MACHINES[key]


MACHINES: dict[object, MappingEngine] = {}


def check(old: Converter, new: Converter, raws) -> Diff:
    data = lines_of(raws)
    diff = ran(old, new, data)
    counts, changes, severities, sizes = compared(old, new, data)
    for name in ("same", "different", "filtered", "only_old", "only_new"):
        assert getattr(diff, name) == counts[name], name
    if old.program.format.name == new.program.format.name:
        assert diff.changes == changes
        assert diff.severities == severities
    assert diff.bytes == sizes
    assert diff.messages == [
        counts["same"] + counts["different"] + counts[only] for only in ("only_old", "only_new")
    ]
    return diff


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_counts_of_sample_events_are_those_of_their_lines(machines, pair):
    check(machines[pair[0]], machines[pair[1]], SAMPLES[::2] + SAMPLES[::6])


NEW = [json.loads(datasets.line(it)) for it in datasets.events(120, pods=3, novelty=1.0)]


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_counts_of_texts_that_never_come_again_are_those_of_their_lines(machines, pair):
    check(machines[pair[0]], machines[pair[1]], NEW)


PIPED = (
    "/bin/sh -c 'a | b'",
    "/bin/sh -c x",
    "/a|b/c d",
    "/a/b|c d",
    "/a/b c/d|e",
    "/a|/b c/d",
    "|",
    "/a b|c d/e f",
)


@pytest.mark.parametrize("new", ["sentinel", "words", "twisted", "acme"])
def test_pipes_are_told_apart_by_where_they_stand(machines, new):
    base = next(it for it in BUSY if it["Operation"] == "Process" and it["Type"] == "ContainerLog")
    raws = [
        {**base, "HostPID": 4000 + number, **dict.fromkeys(fields, text)}
        for fields in (
            ("Resource",),
            ("Source",),
            ("ProcessName",),
            ("Resource", "Source"),
            ("Cwd",),
        )
        for number, text in enumerate((*PIPED, *(f"{text}z" for text in PIPED)))
    ]
    check(machines["splunk"], machines[new], raws * 2)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_counts_of_busy_pods_are_those_of_their_lines(machines, pair):
    check(machines[pair[0]], machines[pair[1]], BUSY)


@pytest.mark.parametrize("pair", [("splunk", "splunk"), ("splunk", "acme"), ("splunk", "lean")])
def test_the_counts_without_an_engine_are_the_same(machines, pair, monkeypatch):
    old, new = (machines[name] for name in pair)
    data = lines_of(BUSY[:100])
    diff = ran(old, new, data)
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    assert (
        vars(ran(old, new, data)).items()
        >= {name: value for name, value in vars(diff).items() if not name.startswith("_")}.items()
    )


# An entry of EventData that a rule spreads is left to Python by the one mapping only.
SPREAD = "mapping: own\nextends: splunk\nextension: {KubeArmorE: {spread: EventData}}\n"


@pytest.mark.parametrize("turned", [False, True])
def test_lines_that_one_of_the_two_leaves_to_python_are_compared(machines, turned, tmp_path):
    (tmp_path / "own.yaml").write_text(SPREAD)
    mapping = load(tmp_path / "own.yaml")
    own = Converter(mapping, syslog_header=mapping.envelope.syslog_header)
    pair = (own, machines["lean"]) if turned else (machines["lean"], own)
    extra = {"EventData": {"Fd": "3", "Flags": "O_RDONLY"}}
    raws = [{**raw, **extra} if number % 3 else raw for number, raw in enumerate(BUSY[:60])]
    raws[5] = {**raws[5], "hostname": "n1"}  # both leave it
    check(*pair, raws)


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
@given(
    st.sampled_from(PAIRS), st.lists(events | st.sampled_from(BUSY[:40]), min_size=1, max_size=6)
)
def test_the_counts_of_hostile_events_are_those_of_their_lines(machines, pair, raws):
    check(machines[pair[0]], machines[pair[1]], raws * 2)


def test_a_change_has_the_texts_of_the_first_event_it_happened_to(machines):
    diff = ran(machines["splunk"], machines["acme"], lines_of(BUSY[:200]))
    assert diff.samples["changed", "cs6"].after == "prod (K8sCluster)"
    assert diff.samples["gained", "KubeArmorTeam"].before is None
    assert diff.samples["lost", "cs2"].after is None
    assert 1 <= len(diff.lines) <= 20
    for lines in diff.lines:
        assert lines.before != lines.after
        assert "cs2=" not in lines.after


def test_a_text_is_shown_as_a_reader_finds_it(machines):
    raw = {**BUSY[0], "Source": "a=b\\c", "KubeArmorVersion": "1\\2"}
    for new in ("acme", "qradar-leef"):
        diff = ran(machines["splunk"], machines[new], lines_of([raw]))
        texts = [text for sample in diff.samples.values() for text in sample if text]
        assert not any("\\=" in text or "\\\\" in text for text in texts)


def test_the_time_between_the_events_is_told(machines):
    diff = ran(machines["splunk"], machines["acme"], lines_of(BUSY))
    times = sorted(event_time(raw) for raw in BUSY)
    assert (diff.first, diff.last) == (times[0], times[-1])


def test_the_keys_that_are_told_apart_are_bounded(machines):
    raws = [{**BUSY[0], f"New{number}": "x"} for number in range(MOST_KEYS + 50)]
    diff = ran(machines["splunk"], machines["lossy"], lines_of(raws))
    assert len(diff.changes) <= MOST_KEYS + 1
    assert diff.changes["lost", OTHER] >= 50
    assert len(diff.samples) <= MOST_KEYS


def test_a_header_that_is_written_the_same_is_no_change(machines):
    check(machines["sentinel"], machines["elastic"], [{"Type": "Log", "KubeArmorVersion": "1|2"}])
