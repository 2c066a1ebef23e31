"""Coverage says what became of each field, how often, and which rules had no part in it."""

from __future__ import annotations

import pytest
from user_lines import lines_of, run_lines

from cef_bridge.engine.machine import MappingEngine
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.workbench.coverage import MOST_FIELDS, OTHER, Coverage
from cef_bridge.workbench.machines import Examining

LOG = {"Type": "ContainerLog", "Operation": "File", "Resource": "/a/b", "Cwd": "/", "UID": 7}


@pytest.fixture
def covered(tmp_path):
    def run(text: str, *raws: dict[str, object]) -> Coverage:
        path = tmp_path / "own.yaml"
        path.write_text(f"mapping: own\n{text}\n")
        converter = Converter(load(path))
        coverage = Coverage(converter)
        examining = Examining(coverage, MappingEngine(converter))
        run_lines(examining, lines_of(raws))
        examining.finish()
        return coverage

    return run


def fates(coverage: Coverage) -> dict[str, dict[str, int]]:
    return {row.path: row.fates for row in coverage.fields()}


RULES = "extension: {cat: {from: Operation}, fname: {from: Resource, via: basename}}"


def test_each_fate_is_counted(covered):
    assert fates(covered(RULES + "\ndrop: [Cwd]", LOG, LOG, {**LOG, "Labels": "a=b"})) == {
        "Cwd": {"dropped": 3},
        "Labels": {"unmapped": 1},
        "Operation": {"mapped": 3},
        "Resource": {"mapped": 3},
        "Type": {"unmapped": 3},
        "UID": {"unmapped": 3},
    }
    assert fates(covered(RULES + "\nunmapped: drop", LOG)) == {
        "Cwd": {"lost": 1},
        "Operation": {"mapped": 1},
        "Resource": {"partial": 1},
        "Type": {"lost": 1},
        "UID": {"lost": 1},
    }


def test_an_own_name_of_the_cluster_is_kept_unless_it_is_the_mappings(covered):
    same, other = ({"ClusterName": name, "HostName": "n"} for name in ("prod", "default"))
    coverage = covered("extends: splunk\ncluster: prod\n", same, other, other)
    assert fates(coverage)["ClusterName"] == {"redundant": 1, "unmapped": 2}


def test_of_a_filtered_event_every_field_is_filtered(covered):
    coverage = covered(
        RULES + "\ndrop_events: [{Operation: File}]", LOG, {**LOG, "Operation": "Process"}
    )
    assert fates(coverage)["Cwd"] == {"filtered": 1, "unmapped": 1}
    assert coverage.totals()["filtered"] == len(LOG)
    assert [rule.fired for rule in coverage.rules()] == [1, 1]


def test_the_percentages_count_what_was_not_filtered(covered):
    assert covered(RULES, LOG).percent() == (100.0, 40.0)
    assert covered(RULES + "\nunmapped: drop", LOG).percent() == (20.0, 20.0)
    assert covered(RULES + "\nunmapped: drop\ndrop: [Cwd, Type]", LOG).percent() == (60.0, 60.0)
    assert covered(RULES + "\nfilters: [alerts_only]", LOG).percent() == (100.0, 100.0)


def test_a_rule_that_never_wins_is_counted_with_zero(covered):
    coverage = covered(
        "header: {name: {from: Action}}\nseverity: [{value: 3, when: {event.kind: alert}}, {value: 2}]\n"
        "extension:\n  act: [{from: Action}, {value: none}]\n  KubeArmorL: {spread: Labels}\n",
        LOG,
        {**LOG, "Labels": "app=x,b=c"},
    )
    assert [(rule.key, rule.at.line, rule.fired) for rule in coverage.rules()] == [
        ("header.name", 2, 0),
        ("severity", 3, 0),
        ("severity", 3, 2),
        ("act", 5, 0),
        ("act", 5, 2),
        ("KubeArmorL", 6, 1),
    ]


def test_what_is_cut_and_what_is_shed_is_counted_with_the_longest(covered):
    coverage = covered(
        "extension: {act: {from: Action}, KubeArmorLabels: {from: Labels}}\nenvelope: {max_bytes: 512, truncate_first: [KubeArmorLabels]}",
        {**LOG, "Action": "a" * 70, "Labels": "x" * 500},
        {**LOG, "Action": "a" * 80},
    )
    assert coverage.cut == {"act": 2}
    assert coverage.longest == {"act": 80}
    assert coverage.truncated["KubeArmorLabels"] == 1


def test_fields_that_this_version_does_not_know_stand_last_with_a_sample(covered):
    last = covered(RULES, {**LOG, "Zone": "eu-1"}).fields()[-1]
    assert (last.path, last.known, last.sample, last.keys) == (
        "Zone",
        False,
        "eu-1",
        ("KubeArmorZone",),
    )


def test_the_names_of_fields_are_bounded(covered):
    coverage = covered(RULES, *({**LOG, f"New{n}": "x"} for n in range(MOST_FIELDS + 50)))
    rows = coverage.fields()
    assert len(rows) <= MOST_FIELDS + 1
    assert coverage.totals().total() == sum(row.events for row in rows)
    assert next(row for row in rows if row.path == OTHER).events >= 50
