"""Slots by name: a name gets a custom slot once and keeps it, whatever becomes of the mapping."""

from __future__ import annotations

import os
import stat

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cef_bridge.errors import MappingError
from cef_bridge.mapping import examples
from cef_bridge.mapping import load as loading
from cef_bridge.mapping.language import codes, slots_file
from cef_bridge.mapping.language.dump import to_yaml
from cef_bridge.mapping.language.slots_file import NUMBER_SLOTS, SLOTS, TEXT_SLOTS, read
from cef_bridge.mapping.load import load

M = "mapping: m\ncluster: c\nextension:\n"
FULL = M + "".join(
    f"  {slot}: {{from: Cwd, label: L{number}}}\n" for number, slot in enumerate(TEXT_SLOTS)
)


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda name, text: (tmp_path / name).write_text(text)


def problems(path):
    """Return what is wrong with the slots: a piece of a mapping lacks much besides."""
    return [each for each in loading.problems(path) if each.code not in OTHERS]


# What such a piece lacks, and what labels and fields chosen for their letters are told.
OTHERS = {
    code.id
    for code in (
        codes.NO_EVENT_ID,
        codes.NO_EXAMPLES,
        codes.LABEL_DIFFERS,
        codes.WILL_BE_CUT,
        codes.LABEL_SHADOWS,
        codes.NEVER_FITS,
    )
}


def labels(name="m.yaml"):
    return {key: rules[0].label for key, rules in load(name).extension.items() if rules[0].label}


def told(name="m.yaml"):
    return [str(problem) for problem in problems(name)]


def test_a_name_gets_the_first_free_slot_and_is_its_label(write):
    write(
        "m.yaml",
        M + "  cs1: {from: PolicyName, label: Policy}\n"
        "  Team: {from: Labels.team, slot: auto}\n"
        "  cs3: {from: PodName, label: Pod}\n"
        "  Zone: {from: Labels.zone, slot: auto}\n",
    )
    assert labels() == {"cs1": "Policy", "cs2": "Team", "cs3": "Pod", "cs4": "Zone"}
    assert list(load("m.yaml").extension) == ["cs1", "cs2", "cs3", "cs4"]
    rule = load("m.yaml").extension["cs2"][0]
    assert (rule.from_, rule.slot, str(rule.at)) == (("Labels.team",), None, "m.yaml:5:3")


def test_the_slots_file_is_yaml_with_a_head_that_says_what_it_is(write, tmp_path):
    write("m.yaml", M + "  Team: {from: Cwd, slot: auto}\n  null: {from: TTY, slot: auto}\n")
    load("m.yaml")
    assert (tmp_path / "m.slots.yaml").read_text() == (
        '# The custom slots of the names in m.yaml that have "slot: auto". cef-bridge adds to this file.\n'
        "# Keep it in version control, beside the mapping: a label never changes its slot while it is here.\n"
        "# A line may go when its name will never be written again.\n"
        "Team: cs1\n"
        "'null': cs2\n"
    )
    file, wrong = read("m.yaml")
    assert {name: kept.slot for name, kept in file.slots.items()} == {"Team": "cs1", "null": "cs2"}
    assert wrong == []


def test_the_slots_file_has_the_mode_of_other_files_and_nothing_is_left_beside_it(write, tmp_path):
    write("m.yaml", M + "  Team: {from: Cwd, slot: auto}\n")
    old = os.umask(0o027)
    try:
        load("m.yaml")
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "m.slots.yaml").stat().st_mode) == 0o640
    assert sorted(each.name for each in tmp_path.iterdir()) == ["m.slots.yaml", "m.yaml"]


def test_nothing_is_written_or_said_when_nothing_is_new(write, tmp_path, caplog):
    write("m.yaml", M + "  Team: {from: Cwd, slot: auto}\n  Pid: {from: HostPID, slot: auto}\n")
    assert told() == []
    assert [record.getMessage() for record in caplog.records] == [
        "m.slots.yaml: Team is cs1, Pid is cn1 from now on. Keep this file in version control."
    ]
    path = tmp_path / "m.slots.yaml"
    path.write_text(path.read_text() + "# mine\n")
    before = path.stat().st_mtime_ns, path.stat().st_ino
    load("m.yaml")
    assert told() == []
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == before
    assert len(caplog.records) == 1


def test_a_mapping_without_names_has_no_slots_file(write, tmp_path):
    write("m.yaml", M + "  act: {from: Action}\n")
    load("m.yaml")
    assert [each.name for each in tmp_path.iterdir()] == ["m.yaml"]


def test_a_label_stays_when_rules_are_added_reordered_and_removed(write):
    team, zone, area = (
        f"  {name}: {{from: Cwd, slot: auto}}\n" for name in ("Team", "Zone", "Area")
    )
    write("m.yaml", M + team + zone)
    assert labels() == {"cs1": "Team", "cs2": "Zone"}
    write("m.yaml", M + area + zone + team)
    assert labels() == {"cs3": "Area", "cs2": "Zone", "cs1": "Team"}
    write("m.yaml", M + area)
    assert labels() == {"cs3": "Area"}
    write("m.yaml", M + "  New: {from: TTY, slot: auto}\n" + area)
    assert labels() == {"cs4": "New", "cs3": "Area"}
    write("m.yaml", M + team + area)
    assert labels() == {"cs1": "Team", "cs3": "Area"}


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    versions=st.lists(
        st.lists(st.sampled_from("ABCDEFGHIJ"), unique=True, max_size=5), min_size=2, max_size=6
    )
)
def test_through_any_versions_a_label_has_one_slot_and_a_slot_one_label(tmp_path_factory, versions):
    folder = tmp_path_factory.mktemp("versions")
    seen: dict[str, str] = {}
    for names in versions:
        rules = "".join(f"  {name}: {{from: Cwd, slot: auto}}\n" for name in names)
        (folder / "m.yaml").write_text(M + "  act: x\n" + rules)
        found = problems(folder / "m.yaml")
        if found:
            assert {problem.code for problem in found} == {"M064"}
            assert len({*seen, *names}) > len(TEXT_SLOTS)
            return
        now = labels(folder / "m.yaml")
        assert [*now.values()] == names
        for slot, label in now.items():
            assert seen.setdefault(label, slot) == slot
    assert len({*seen.values()}) == len(seen)


@pytest.mark.parametrize(
    ("rule", "slot"),
    [
        ("from: HostPID", "cn1"),
        ("from: [container.pid, HostPID]", "cn1"),
        ("from: Labels.restarts", "cs1"),
        ("from: Labels.restarts, when: {Labels.restarts: {is: integer}}", "cn1"),
        ("from: Labels.restarts, when: {Labels.restarts: {is: [integer, present]}}", "cs1"),
        ('from: Labels.level, when: {Labels.level: ["1", "2"]}', "cn1"),
        ("from: [HostPID, Cwd]", "cs1"),
        ("from: HostPID, default: none", "cs1"),
        ("from: HostPID, default: 0", "cn1"),
        ("from: HostPID, via: upper", "cs1"),
        ("from: Action, table: {Block: 1, Audit: 0}", "cn1"),
        ("from: Action, table: {Block: 1, Audit: 0}, else: other", "cs1"),
        ("value: 7", "cn1"),
        ("value: seven", "cs1"),
    ],
)
def test_what_can_only_be_a_whole_number_takes_a_number_slot(write, rule, slot):
    write("m.yaml", M + f"  Some: {{{rule}, slot: auto}}\n")
    assert labels() == {slot: "Some"}


def test_numbers_take_text_slots_when_the_number_slots_are_taken(write):
    numbers = "".join(f"  N{n}: {{from: HostPID, slot: auto}}\n" for n in range(5))
    write("m.yaml", M + numbers)
    assert list(labels()) == [*NUMBER_SLOTS, "cs1", "cs2"]


def test_of_a_list_one_rule_is_enough_to_say_it(write):
    write("m.yaml", M + "  Team: [{from: Labels.team}, {value: none, slot: auto}]\n")
    rules = load("m.yaml").extension["cs1"]
    assert [(rule.label, rule.slot) for rule in rules] == [("Team", None), ("Team", None)]


def test_an_examples_slot_and_label_are_read_back_from_the_line(write):
    write(
        "m.yaml",
        M + "  Team: {from: Labels.team, slot: auto}\nexamples:\n"
        "  - event: {Type: ContainerLog, Operation: File, Labels: team=blue}\n"
        "    expect: {cs1: blue, cs1Label: Team}\n",
    )
    assert [outcome.differences for outcome in examples.run(load("m.yaml"))] == [()]


def test_what_is_shown_of_a_mapping_with_names_loads_again_without_them(write, tmp_path):
    write("m.yaml", M + "  Team: {from: Labels.team, slot: auto}\n")
    write("again.yaml", to_yaml(load("m.yaml")))
    assert "auto" not in (tmp_path / "again.yaml").read_text()
    assert to_yaml(load("again.yaml")) == to_yaml(load("m.yaml"))
    assert not (tmp_path / "again.slots.yaml").exists()


# --- Parents -------------------------------------------------------------------------------------


def test_a_slot_that_a_child_frees_is_free_and_stands_where_the_parent_had_it(write):
    write("a.yaml", FULL.replace("mapping: m", "mapping: a") + "  msg: {from: Message}\n")
    write(
        "m.yaml",
        "mapping: m\nextends: a.yaml\nextension:\n  Team: {from: Cwd, slot: auto}\n  cs6: null\n",
    )
    assert labels()["cs6"] == "Team"
    assert list(load("m.yaml").extension) == [*TEXT_SLOTS, "msg"]
    assert told() == []


def test_a_new_name_stands_before_msg(write):
    write("a.yaml", "mapping: a\ncluster: c\nextension: {act: x, msg: y}\n")
    write("m.yaml", "mapping: m\nextends: a.yaml\nextension: {Team: {from: Cwd, slot: auto}}\n")
    assert list(load("m.yaml").extension) == ["act", "cs1", "msg"]


@pytest.fixture
def family(write):
    """A parent with the name Team in cs1, and a child that says what it is given."""
    write("a.yaml", "mapping: a\ncluster: c\nextension: {Team: {from: Cwd, slot: auto}}\n")

    def child(extension):
        write("m.yaml", f"mapping: m\nextends: a.yaml\nextension: {extension}\n")

    return child


def test_a_child_inherits_its_parents_names_and_keeps_only_its_own(family, tmp_path):
    family("{Zone: {from: TTY, slot: auto}}")
    assert labels() == {"cs1": "Team", "cs2": "Zone"}
    assert (tmp_path / "a.slots.yaml").read_text().splitlines()[3:] == ["Team: cs1"]
    assert (tmp_path / "m.slots.yaml").read_text().splitlines()[3:] == ["Zone: cs2"]


@pytest.mark.parametrize("slot", ["", ", slot: auto"])
def test_a_childs_rule_for_a_parents_name_replaces_it_in_its_slot(family, tmp_path, slot):
    family(f"{{Team: {{from: TTY{slot}}}}}")
    assert told() == []
    assert labels() == {"cs1": "Team"}
    assert load("m.yaml").extension["cs1"][0].from_ == ("TTY",)
    assert not (tmp_path / "m.slots.yaml").exists()


def test_a_child_removes_a_parents_name_and_has_its_slot_to_give(family):
    family("{Team: null}")
    assert told() == []
    assert labels() == {}
    family("{Team: null, Zone: {from: TTY, slot: auto}}")
    assert labels() == {"cs1": "Zone"}
    family("{Zone: {from: TTY, slot: auto}}")
    assert told() == [
        (
            'm.slots.yaml:4:1 M065 cs1 is kept for Zone here, and a parent of m.yaml has "Team" in it. '
            'Write "cs1: null" there, or remove this line: Zone then gets another slot.'
        )
    ]


def test_a_slot_kept_for_a_grandparents_name_and_written_by_a_parent_is_told_when_it_comes_back(
    family, write
):
    write("a.slots.yaml", "Team: cs1\n")
    write("a.yaml", "mapping: a\nextends: b.yaml\n")
    write("b.yaml", "mapping: b\ncluster: c\nextension: {act: x}\n")
    write("b.slots.yaml", "Zone: cs2\n")
    write(
        "a.yaml", "mapping: a\nextends: b.yaml\nextension: {cs2: {from: Cwd, label: Directory}}\n"
    )
    family("{Zone: {from: TTY, slot: auto}}")
    assert told() == [
        (
            'b.slots.yaml:1:1 M065 cs2 is kept for Zone here, and a parent of m.yaml has "Directory" in '
            'it. Write "cs2: null" there, or remove this line: Zone then gets another slot.'
        )
    ]
    family("{Zone: {from: TTY, slot: auto}, cs2: null}")
    assert told() == []
    assert labels() == {"cs2": "Zone"}


def test_a_slot_kept_for_a_parents_name_that_went_is_not_given_to_a_child(family, write):
    family("{Zone: {from: TTY, slot: auto}}")
    load("a.yaml")
    write("a.yaml", "mapping: a\ncluster: c\nextension: {act: x}\n")
    assert labels() == {"cs2": "Zone"}
    family("{Team: {from: TTY, slot: auto}}")
    assert labels() == {"cs1": "Team"}


def test_a_parents_name_in_another_slot_than_the_childs_is_told(family, write):
    write("m.slots.yaml", "Team: cs2\n")
    family("{Team: {from: TTY, slot: auto}}")
    assert told() == [
        (
            "m.slots.yaml:1:1 M065 Team is kept in cs2 here, and in cs1 by a parent (a.yaml:3:13). "
            "Remove one of the two lines."
        )
    ]


def test_one_slot_for_a_parents_name_and_a_childs_is_told(family, write):
    write("a.slots.yaml", "Team: cs1\n")
    write("a.yaml", "mapping: a\ncluster: c\n")
    write("m.slots.yaml", "Zone: cs1\n")
    family("{Team: {from: TTY, slot: auto}, Zone: {from: Cwd, slot: auto}}")
    assert told() == [
        (
            "m.slots.yaml:1:1 M065 cs1 is kept for Zone here, and for Team by a parent (a.slots.yaml:1:1). "
            "Remove one of the two lines."
        )
    ]


def test_a_child_that_writes_the_slot_of_a_parents_name_is_told(family):
    family("{cs1: {from: TTY, label: Terminal}}")
    assert told() == [
        (
            'm.yaml:3:13 M065 cs1 is kept for Team (a.yaml:3:13), not for "Terminal". '
            'Choose another slot here, or remove the name with "Team: null".'
        )
    ]
    family("{cs1: {from: TTY, label: Terminal}, Team: null}")
    assert told() == []
    assert labels() == {"cs1": "Terminal"}


SOME = st.lists(st.sampled_from("ABCDE"), unique=True, max_size=3)
NUMBERED = st.dictionaries(
    st.sampled_from(["cs1", "cs2", "cs3"]), st.sampled_from([*"ABX"]) | st.none(), max_size=2
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions=st.lists(st.tuples(SOME, SOME, NUMBERED, NUMBERED), min_size=1, max_size=4))
def test_whatever_is_written_by_name_and_by_number_a_mapping_has_slots_or_problems(
    tmp_path_factory, versions
):
    folder = tmp_path_factory.mktemp("numbers")
    for above, own, above_numbered, own_numbered in versions:
        for file, head, names, numbered in (
            ("a", M + "  act: x\n", above, above_numbered),
            ("m", "mapping: m\nextends: a.yaml\nextension:\n", own, own_numbered),
        ):
            rules = "".join(f"  {name}: {{from: Cwd, slot: auto}}\n" for name in names)
            for slot, label in numbered.items():
                rules += f"  {slot}: {f'{{from: TTY, label: {label}}}' if label else 'null'}\n"
            (folder / f"{file}.yaml").write_text(head + rules)
        found = problems(folder / "m.yaml")
        assert {problem.code for problem in found} <= {"M026", "M028", "M064", "M065"}
        if not [problem for problem in found if problem.severity == "error"]:
            now = labels(folder / "m.yaml")
            assert {*load(folder / "m.yaml").extension} == {"act", *now}
            assert {*now} <= {*SLOTS}
            assert {*own} <= {*now.values()}
            assert len({*now.values()}) == len(now)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(versions=st.lists(st.tuples(SOME, SOME, SOME), min_size=2, max_size=8))
def test_through_any_versions_of_a_parent_and_a_child_a_label_has_one_slot(
    tmp_path_factory, versions
):
    folder = tmp_path_factory.mktemp("family")
    seen: dict[str, str] = {}
    loaded = 0
    for above, own, gone in versions:
        rules = "".join(f"  {name}: {{from: Cwd, slot: auto}}\n" for name in above)
        (folder / "a.yaml").write_text(M + "  act: x\n" + rules)
        rules = "".join(f"  {name}: {{from: TTY, slot: auto}}\n" for name in own)
        rules += "".join(f"  {name}: null\n" for name in gone if name in above and name not in own)
        (folder / "m.yaml").write_text(f"mapping: m\nextends: a.yaml\nextension:\n{rules}")
        found = problems(folder / "m.yaml")
        if found:
            assert {problem.code for problem in found} <= {"M064", "M065"}
            continue
        loaded += 1
        now = labels(folder / "m.yaml")
        assert {*now.values()} == {*above, *own} - ({*gone} - {*own})
        assert len({*now.values()}) == len(now)
        for slot, label in now.items():
            assert seen.setdefault(label, slot) == slot
    assert loaded


# --- What is wrong, and the whole line an operator sees ------------------------------------------

AUTO = "  Team: {from: Labels.team, slot: auto}\n"

CASES = {
    # text, slots file, expected
    "bad characters": (
        M + '  "Cost centre": {from: Labels.cc, slot: auto}\n', "",
        ('m.yaml:4:3 M062 "Cost centre" cannot be a label, which becomes the name of a field. '
        "Use at most 128 letters, digits and _, no digit first: Cost_centre."),
    ),
    "digit first": (
        M + "  2fa: {from: Labels.cc, slot: auto}\n", "",
        ('m.yaml:4:3 M062 "2fa" cannot be a label, which becomes the name of a field. '
        "Use at most 128 letters, digits and _, no digit first: _2fa."),
    ),
    "a key of CEF": (
        M + "  src: {from: Cwd, slot: auto}\n", "",
        'm.yaml:4:3 M062 src is a key of CEF. Remove "slot: auto", or choose another name.',
    ),
    "a slot": (
        M + "  cs1: {from: Cwd, slot: auto}\n", "",
        ('m.yaml:4:3 M003 cs1 has no label. Add "label: Cwd".\n'
        'm.yaml:4:3 M062 cs1 is a slot itself. Write "label: TEXT" for "slot: auto", or a name for it.'),
    ),
    "a label beside": (
        M + "  Team: {from: Cwd, label: Squad, slot: auto}\n", "",
        'm.yaml:4:21 M004 Team is the label itself. Remove "label".',
    ),
    "a label that is there": (
        M + "  cs4: {from: Cwd, label: Team}\n" + AUTO, "",
        'm.yaml:5:3 M026 cs4 has the label "Team" already. Write the rule there, or rename one.',
    ),
    "in LEEF": (
        "mapping: m\nformat: leef\ncluster: c\nextension:\n" + AUTO, "",
        'm.yaml:5:29 M063 LEEF takes any name and has no slots. Remove "slot".',
    ),
    "in the header": (
        "mapping: m\ncluster: c\nheader:\n  name: {from: event.name, slot: auto}\n", "",
        'm.yaml:4:28 M063 name is no key of the extension and has no slot. Remove "slot".',
    ),
    "no slot is free": (
        FULL + AUTO, "",
        ("m.yaml:12:3 M064 No slot is free for Team: cs1 L0, cs2 L1, cs3 L2, cs4 L3, cs5 L4, cs6 L5, "
        'flexString1 L6, flexString2 L7. Take one of them out, or write KubeArmorTeam without "slot: auto".'),
    ),
    "no slot is free under a shipped one": (
        "mapping: m\ncluster: c\nextends: splunk\nextension:\n" + AUTO, "",
        ("m.yaml:5:3 M064 No slot is free for Team: cs1 PolicyName, cs2 K8sNamespace, cs3 K8sPod, "
        "cs4 ContainerName, cs5 CommandLine, cs6 K8sCluster, flexString1 ContainerImage, "
        'flexString2 ContainerID, cn1 ContainerPID, cn2 ContainerPPID. Free one ("cs6: null"), '
        'or write KubeArmorTeam without "slot: auto".'),
    ),
    "no slot is free, and one is only kept": (
        FULL.replace("  cs2: {from: Cwd, label: L1}\n", "") + AUTO, "Old: cs2\n",
        ("m.yaml:11:3 M064 No slot is free for Team: cs1 L0, cs2 Old (only kept, m.slots.yaml:1:1), cs3 L2, "
        "cs4 L3, cs5 L4, cs6 L5, flexString1 L6, flexString2 L7. Take one of them out, remove the line of "
        'one that is only kept, or write KubeArmorTeam without "slot: auto".'),
    ),
    "a name in its slot, and the slot by number": (
        M + "  cs6: {from: Cwd, label: Team}\n" + AUTO, "Team: cs6\n",
        'm.yaml:5:3 M026 cs6 has the label "Team" already. Write the rule there, or rename one.',
    ),
    "a kept slot used by number": (
        M + "  cs6: {from: Cwd, label: Directory}\n" + AUTO, "Team: cs6\n",
        ('m.yaml:4:3 M065 cs6 is kept for Team (m.slots.yaml:1:1), not for "Directory". '
        "Choose another slot here."),
    ),
    "the slot of a name that went": (
        M + "  cs6: {from: Cwd, label: Directory}\n", "Team: cs6\n",
        ('m.yaml:4:3 M065 cs6 is kept for Team (m.slots.yaml:1:1), not for "Directory". '
        "Choose another slot here, or remove that line if Team never comes back."),
    ),
    "the same label by number": (M + "  cs6: {from: Cwd, label: Team}\n", "Team: cs6\n", ""),
    "a kept slot that a parent writes": (
        "mapping: m\ncluster: c\nextends: splunk\nextension:\n" + AUTO, "Team: cs6\n",
        ('m.slots.yaml:1:1 M065 cs6 is kept for Team here, and a parent of m.yaml has "K8sCluster" in '
        'it. Write "cs6: null" there, or remove this line: Team then gets another slot.'),
    ),
    "that of a name that went": (
        "mapping: m\ncluster: c\nextends: splunk\n", "Team: cs6\n",
        ('m.slots.yaml:1:1 M065 cs6 is kept for Team here, and a parent of m.yaml has "K8sCluster" in '
        'it. Write "cs6: null" there, or remove this line if Team never comes back.'),
    ),
    "a slots file with what is no slot": (
        M + AUTO, "Team: cs7\nZone: dst\n",
        ('m.slots.yaml:1:7 M066 Team has no custom slot here, but "cs7". Expected one of: cs1, cs2, cs3, '
        "cs4, cs5, cs6, flexString1, flexString2, cn1, cn2, cn3.\n"
        'm.slots.yaml:2:7 M066 Zone has no custom slot here, but "dst". Expected one of: cs1, cs2, cs3, '
        "cs4, cs5, cs6, flexString1, flexString2, cn1, cn2, cn3."),
    ),
    "one slot twice": (
        M + AUTO, "Team: cs6\nZone: cs6\n",
        "m.slots.yaml:2:7 M066 cs6 is kept for Team already. Remove one of the lines.",
    ),
    "one name twice": (
        M + AUTO, "Team: cs6\nTeam: cs5\n",
        'm.slots.yaml:2:1 M007 Duplicate "Team". Remove one, or make it a list.',
    ),
    "a slots file's bad name": (
        M + AUTO, "a b: cs6\n",
        'm.slots.yaml:1:1 M066 "a b" is no name. Letters, digits and _ are expected.',
    ),
    "a slots file that is a list": (
        M + AUTO, "- cs6\n",
        'm.slots.yaml:1:1 M066 A slots file has lines such as "Team: cs6" and nothing else.',
    ),
    "a slots file that is no YAML": (
        M + AUTO, "Team: [\n",
        "m.slots.yaml:2:1 M019 A value is missing, or a bracket or comma is out of place.",
    ),
    "a slots file that is too large": (
        M + AUTO, "# " + "x" * 70_000,
        "m.slots.yaml:1:1 M066 The slots file cannot be read: it is larger than 64 KiB. Restore it from version control.",
    ),
    "all lines removed": (M + AUTO, "# what it is\n\n", ""),
    "a text for a number slot": (
        M + AUTO, "Team: cn2\n",
        ("m.yaml:4:3 M068 Team is kept in cn2, where only whole numbers are written. "
        'Add "when: {Labels.team: {is: integer}}", or choose another name.'),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_problem_is_told_with_its_place_and_what_to_do(name, write, tmp_path):
    text, slots, expected = CASES[name]
    write("m.yaml", text)
    if slots:
        write("m.slots.yaml", slots)
    assert "\n".join(told()) == expected
    if "M068" not in expected and expected:
        assert (tmp_path / "m.slots.yaml").exists() == bool(slots), (
            "an error, and written all the same"
        )


def test_every_code_of_slots_has_a_case():
    lines = [line for *_, expected in CASES.values() for line in expected.splitlines()]
    # M067 needs a file that cannot be written.
    known = {f"M{number:03d}" for number in range(62, 69)}
    assert {line.split()[1] for line in lines} | {"M067"} >= known


def test_all_that_is_wrong_comes_in_one_run_and_nothing_is_kept_of_it(write, tmp_path):
    write("m.yaml", FULL + "  dstt: {from: Cwd}\n" + AUTO + "  Pid: {from: HostPID, slot: auto}\n")
    assert [line.split()[:2] for line in told()] == [
        ["m.yaml:12:3", "M002"],
        ["m.yaml:13:3", "M064"],
    ]
    with pytest.raises(MappingError):
        load("m.yaml")
    assert [each.name for each in tmp_path.iterdir()] == ["m.yaml"]


def test_a_slots_file_that_cannot_be_written_is_an_error(write, tmp_path):
    write("m.yaml", M + AUTO)
    (tmp_path / "m.slots.yaml").symlink_to(tmp_path / "nowhere" / "m.slots.yaml")
    with pytest.raises(MappingError) as error:
        load("m.yaml")
    expected = (
        "m.yaml:4:3 M067 Team has no slot yet, and it cannot be kept: cannot write m.slots.yaml: its "
        'folder does not exist. Without that it could move. Run "cef-bridge mapping lint" where the '
        "folder can be written, and take both files along."
    )
    assert str(error.value) == expected
    assert told() == [expected]


def test_a_mapping_that_comes_through_a_pipe_has_nothing_beside_it(caplog):
    read_end, write_end = os.pipe()
    try:
        os.write(write_end, (M + AUTO).encode())
        os.close(write_end)
        found = [problem.code for problem in problems(f"/dev/fd/{read_end}")]
    finally:
        os.close(read_end)
    assert found == ["M067"]
    assert caplog.records == []


def test_a_slots_file_that_is_a_pipe_or_a_folder_is_not_waited_for(write, tmp_path):
    write("m.yaml", M + AUTO)
    os.mkfifo(tmp_path / "m.slots.yaml")
    assert told() == [
        (
            "m.slots.yaml:1:1 M066 The slots file cannot be read: it is a named pipe. Write its "
            "content to a file and name that. Restore it from version control."
        )
    ]
    (tmp_path / "m.slots.yaml").unlink()
    (tmp_path / "m.slots.yaml").mkdir()
    assert told() == [
        (
            "m.slots.yaml:1:1 M066 The slots file cannot be read: Is a directory. Restore it from "
            "version control."
        )
    ]


def test_a_name_too_long_for_a_file_beside_it_is_told_only_when_one_is_needed(write):
    name = "m" * 248 + ".yaml"
    write(name, M + "  act: x\n")
    assert told(name) == []
    write(name, M + AUTO)
    (line,) = told(name)
    assert " M067 Team has no slot yet, and it cannot be kept: " in line
    assert "File name too long" in line


def test_a_file_that_somebody_else_wrote_meanwhile_is_not_written_over(write, tmp_path):
    write("m.yaml", M + AUTO)
    file, _ = slots_file.read("m.yaml")
    write("m.slots.yaml", "Zone: cs1\n")
    with pytest.raises(Exception, match="written by somebody else"):
        slots_file.write(file, {"Team": "cs1"})
    assert (tmp_path / "m.slots.yaml").read_text() == "Zone: cs1\n"


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    data=st.binary(max_size=40)
    | st.dictionaries(
        st.text(max_size=5) | st.sampled_from(["Team", "Zone"]),
        st.sampled_from(SLOTS) | st.text(max_size=3),
        max_size=4,
    ).map(
        lambda said: "".join(f"{key}: {value}\n" for key, value in said.items()).encode(
            "utf-8", "surrogatepass"
        )
    )
)
def test_whatever_a_slots_file_holds_it_is_read_or_told(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "m.yaml").write_text(M + AUTO)
    (folder / "m.slots.yaml").write_bytes(data)
    found = problems(folder / "m.yaml")
    if any(problem.severity == "error" for problem in found):
        assert (folder / "m.slots.yaml").read_bytes() == data
        assert all(str(problem).isprintable() for problem in found)
    else:
        kept = read(str(folder / "m.yaml"))[0].slots["Team"].slot
        assert labels(folder / "m.yaml") == {kept: "Team"}
