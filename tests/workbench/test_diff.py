"""What `diff` counts is what comparing the two lines of every event would count."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cef_bridge.converter import Converted, Converter, Filtered
from cef_bridge.mapping.load import load
from cef_bridge.workbench.diff import Diff
from cef_bridge.workbench.survey import Survey

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))
import datasets  # noqa: E402 - the benchmark's generator makes the busy events

SAMPLES = sample_events()
BUSY = [json.loads(datasets.line(event)) for event in datasets.events(500, pods=5)]
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


def compared(old: Converter, new: Converter, raws):
    """Return what reading the two whole lines of each event tells, without a survey."""
    counts: Counter[str] = Counter()
    changes: Counter[tuple[str, str]] = Counter()
    severities: Counter[tuple[str, str]] = Counter()
    sizes = [0, 0]
    for raw in raws:
        fates = old.convert(raw, "x"), new.convert(raw, "x")
        for side, fate in enumerate(fates):
            if isinstance(fate, Converted):
                sizes[side] += len(fate.message.encode())
        filtered = tuple(isinstance(fate, Filtered) for fate in fates)
        if any(filtered):
            counts["filtered" if all(filtered) else "only_new" if filtered[0] else "only_old"] += 1
            continue
        lines = [fate.message for fate in fates]
        counts["same" if lines[0] == lines[1] else "different"] += 1
        before, after = (
            machine.program.format.parse(line)
            for machine, line in zip((old, new), lines, strict=True)
        )
        if before.format == after.format == "cef":
            for name, one, two in zip(
                before.header._fields, before.header, after.header, strict=True
            ):
                if name == "severity" and one != two:
                    severities[one, two] += 1
                elif one != two:
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


def surveyed(old: Converter, new: Converter, raws):
    diff = Diff(old, new)
    survey = Survey(diff)
    recalled = 0
    for raw in raws:
        fate = survey.recall(raw)
        recalled += fate is not None
        if fate is None:
            survey.convert(raw, "x")
    survey.finish()
    return diff, recalled


def check(old: Converter, new: Converter, raws):
    diff, recalled = surveyed(old, new, raws)
    counts, changes, severities, sizes = compared(old, new, raws)
    for name in ("same", "different", "filtered", "only_old", "only_new"):
        assert getattr(diff, name) == counts[name], name
    if old.program.format.name == new.program.format.name:
        assert diff.changes == changes
        assert diff.severities == severities
    assert diff.bytes == sizes
    assert diff.messages == [
        counts["same"] + counts["different"] + counts[only] for only in ("only_old", "only_new")
    ]
    return recalled


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_counts_of_sample_events_are_those_of_their_lines(machines, pair):
    check(machines[pair[0]], machines[pair[1]], SAMPLES[::2] + SAMPLES[::6])


NEW = [json.loads(datasets.line(it)) for it in datasets.events(250, pods=3, novelty=1.0)]


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


def test_mappings_that_differ_in_pipes_are_compared_as_fast_as_others(machines):
    raws = [json.loads(datasets.line(it)) for it in datasets.events(400, pods=3, novelty=1.0)]
    _, recalled = surveyed(machines["splunk"], machines["sentinel"], raws)
    assert recalled > 200


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_the_counts_of_busy_pods_are_those_of_their_lines(machines, pair):
    recalled = check(machines[pair[0]], machines[pair[1]], BUSY)
    # Where lines are cut, keys are ordered anew or process ids go elsewhere, each is looked at.
    assert recalled > 50 or {"small", "qradar-leef", "ids"} & {*pair}


@settings(deadline=None, suppress_health_check=list(HealthCheck), max_examples=40)
@given(
    st.sampled_from(PAIRS), st.lists(events | st.sampled_from(BUSY[:40]), min_size=1, max_size=6)
)
def test_the_counts_of_hostile_events_are_those_of_their_lines(machines, pair, raws):
    check(machines[pair[0]], machines[pair[1]], raws * 2)


def test_a_change_has_the_texts_of_the_first_event_it_happened_to(machines):
    diff, _ = surveyed(machines["splunk"], machines["acme"], BUSY[:200])
    assert diff.samples["changed", "cs6"].after == "prod (K8sCluster)"
    assert diff.samples["gained", "KubeArmorTeam"].before is None
    assert diff.samples["lost", "cs2"].after is None
    assert 1 <= len(diff.lines) <= 20
    for lines in diff.lines:
        assert lines.before != lines.after
        assert "cs2=" not in lines.after


def test_the_time_between_the_events_is_told(machines):
    diff, _ = surveyed(machines["splunk"], machines["acme"], BUSY)
    stamps = sorted(str(raw["UpdatedTime"]) for raw in BUSY)
    assert (diff.first, diff.last) == (stamps[0], stamps[-1])


def test_a_header_that_is_written_the_same_is_no_change(machines):
    check(machines["sentinel"], machines["elastic"], [{"Type": "x", "KubeArmorVersion": "1|2"}])
