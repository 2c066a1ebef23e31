"""Mappings of one run that use a label or a slot differently are told so, at both places."""

from __future__ import annotations

import pytest

from cef_bridge.mapping.load import check


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that writes mappings by name and gives what is told across them."""
    monkeypatch.chdir(tmp_path)

    def of(*names, **files):
        for name, text in files.items():
            (tmp_path / f"{name}.yaml").write_text(f"mapping: {name}\n{text}\n")
        found = check([f"{name}.yaml" for name in (names or files)]).problems
        return [str(problem) for problem in found if problem.code == "M054"]

    return of


def slots(**labels):
    rows = ", ".join(f"{slot}: {{from: Cwd, label: {label}}}" for slot, label in labels.items())
    return f"extension: {{{rows}}}"


def test_one_label_in_two_slots_is_told_at_both_places(run):
    assert run(a=slots(cs1="Team"), b=slots(cs2="Team")) == [
        'a.yaml:2:30 M054 "Team" is cs1 here, and cs2 in b.yaml:2:30. Agree on one.',
        'b.yaml:2:30 M054 "Team" is cs2 here, and cs1 in a.yaml:2:30. Agree on one.',
    ]


def test_one_slot_with_two_labels_is_told_at_both_places(run):
    assert run(a=slots(cs1="Team"), b=slots(cs1="Zone")) == [
        'a.yaml:2:30 M054 cs1 is "Team" here, and "Zone" in b.yaml:2:30. Agree on one.',
        'b.yaml:2:30 M054 cs1 is "Zone" here, and "Team" in a.yaml:2:30. Agree on one.',
    ]


def test_names_that_got_different_slots_are_told(run):
    a = "extension: {cs2: null, Team: {from: Cwd, slot: auto}}"
    parent = "extends: splunk\n"
    assert run(a=parent + a, b=parent + a.replace("cs2", "cs3")) == [
        'a.yaml:3:42 M054 "Team" is cs2 here, and cs3 in b.yaml:3:42. Agree on one.',
        'b.yaml:3:42 M054 "Team" is cs3 here, and cs2 in a.yaml:3:42. Agree on one.',
    ]
    assert run(c=parent + a, d=parent + a.replace("Team", "Crew")) == [
        'c.yaml:3:42 M054 cs2 is "Team" here, and "Crew" in d.yaml:3:42. Agree on one.',
        'd.yaml:3:42 M054 cs2 is "Crew" here, and "Team" in c.yaml:3:42. Agree on one.',
    ]


def test_of_many_mappings_each_is_told_once(run):
    files = {name: slots(cs1="Team") for name in "abcd"}
    assert len(run(**files, e=slots(cs1="Zone"))) == 5


def test_mappings_that_agree_or_are_checked_alone_are_not_told(run):
    assert run(a=slots(cs1="Team", cs2="Zone"), b=slots(cs2="Zone")) == []
    assert run("a", a=slots(cs1="Team"), b=slots(cs1="Zone")) == []


def test_a_mapping_is_not_held_against_one_that_ships(run):
    assert run(a=f"extends: splunk\n{slots(cs1='Other')}", b="extends: splunk") == []


def test_what_a_child_says_stands_over_its_own_parent(run):
    parent = slots(cs1="Team")
    child = "extends: p.yaml\nextension: {cs1: null, cs3: {from: Cwd, label: Team}}"
    assert run("c", p=parent, c=child) == []
    assert len(run("c", "p", p=parent, c=child)) == 2
    assert run("c", "d", p=parent, c="extends: p.yaml", d="extends: p.yaml") == []


def test_a_label_of_a_parent_of_ones_own_counts(run):
    parent = slots(cs1="Team")
    assert run("c", "d", p=parent, c="extends: p.yaml", d=slots(cs1="Zone")) == [
        'p.yaml:2:30 M054 cs1 is "Team" here, and "Zone" in d.yaml:2:30. Agree on one.',
        'd.yaml:2:30 M054 cs1 is "Zone" here, and "Team" in p.yaml:2:30. Agree on one.',
    ]


def test_it_can_be_excused(run):
    text = slots(cs1="Team") + " # lint-ok M054 b goes next month"
    assert run(a=text, b=slots(cs1="Zone")) == [
        'b.yaml:2:30 M054 cs1 is "Zone" here, and "Team" in a.yaml:2:30. Agree on one.'
    ]
