"""SigmaHQ's rules that fire on KubeArmor's events go on to do so, though none of them is here.

benchmarks/sigma_rules.txt names them, and has what each asks for: fields, comparisons, characters. A
rule is made of each such need, with values of our own, and tried in every SIEM. A pipeline that loses
one fails with the names of the rules that would no longer fire.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from cef_bridge.content import pipeline, rule_files, trial
from cef_bridge.content.fieldmap import FieldMap, FieldPlace
from cef_bridge.content.receivers import receivers
from cef_bridge.content.rule_files import RuleFile, RuleTest
from cef_bridge.errors import Location

BENCHMARKS = Path(__file__).parent.parent.parent / "benchmarks"
LIST = BENCHMARKS / "sigma_rules.txt"
LEAST_RULES = 121
SIGNS = {"_": " "}


def script():
    spec = importlib.util.spec_from_file_location("sigma_rules", BENCHMARKS / "sigma_rules.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def listed():
    """Return rule -> what it asks for: category and need."""
    rows = [line.split() for line in LIST.read_text(encoding="utf-8").splitlines()]
    return {name: [(category, need) for need in needs] for name, category, *needs in rows}


def value(field, how, signs):
    """Return a value of our own with these characters."""
    if field.endswith("Ip"):
        return "198.51.100.0/24" if how == "cidr" else "198.51.100.7"
    if field == "DestinationPort":
        return 4711
    if field == "Initiated":
        return "true"
    if how == "re":
        return r"probe\d+x"
    text = "probe" + "".join(f"{SIGNS.get(sign, sign)}x" for sign in signs if sign != "w")
    if field == "CommandLine":
        is_anchored = how in ("", "startswith")
        return text if "w" in signs else f"/usr/bin/{text}" if is_anchored else text
    return {"": "/opt/probe", "startswith": "/opt/probe/"}.get(how, "/probe") + text[5:]


def made(category, need):
    """Return a rule that asks for this and nothing else."""
    item, _, signs = need.partition(":")
    field, _, how = item.partition("|")
    wanted = value(field, how.removesuffix("|all"), signs)
    rule = {
        "title": f"{category} {need}",
        "logsource": {"product": "linux", "category": category},
        "detection": {"selection": {item: [wanted]}, "condition": "selection"},
    }
    path = Path(f"{category} {need}")
    tests = ()
    if how == "re":  # of an expression no event is made
        event = {
            "Type": "HostLog",
            "Operation": "Process",
            "ProcessName": "/usr/bin/probe",
            "Resource": "/usr/bin/probe probe12x",
            "Data": "syscall=SYS_EXECVE",
        }
        tests = (RuleTest("matches", True, (event,), 1, Location("here")),)
    return RuleFile(path, (rule,), tests)


def lost(siems=()):
    """Return the rules of the list with what is missing, as a line each."""
    needs = listed()
    rules = [made(*need) for need in dict.fromkeys(it for each in needs.values() for it in each)]
    failed = {}
    for it in trial.run(rules, receivers(None, siems)):
        if it.result not in (trial.FIRES, trial.NEEDS):
            failed.setdefault(it.rule.path.name, f"{it.siem}: {it.result}: {'; '.join(it.why)}")
    return {
        name: [f"{need}: {failed[f'{category} {need}']}" for category, need in each if f"{category} {need}" in failed]
        for name, each in needs.items()
        if any(f"{category} {need}" in failed for category, need in each)
    }  # fmt: skip


def test_the_list_has_at_least_as_many_rules_as_ever():
    needs = listed()
    assert len(needs) >= LEAST_RULES
    assert all(needs.values())
    assert {category for each in needs.values() for category, _ in each} == {
        "process_creation",
        "file_event",
        "network_connection",
    }


def test_each_rule_of_the_list_has_what_it_needs_in_every_siem():
    assert lost() == {}


def test_a_field_that_the_pipeline_loses_is_seen(monkeypatch):
    place = FieldMap.place

    def without_parent(self, path, kinds):
        gone = FieldPlace((), why="taken away by this test")
        return gone if path == "process.actor" else place(self, path, kinds)

    monkeypatch.setattr(FieldMap, "place", without_parent)
    found = lost(("splunk",))
    assert 3 < len(found) < 60
    assert any("ParentImage" in line for lines in found.values() for line in lines)


def test_a_path_in_front_of_a_command_that_is_not_expected_is_seen(monkeypatch):
    nothing = {"id": "nothing", "type": "set_state", "key": "nothing", "val": "nothing"}
    monkeypatch.setattr(pipeline, "_begins_with_path", lambda _label, _when: nothing)
    found = lost(("elastic",))
    assert found
    assert all(":" in line and "w:" in line for lines in found.values() for line in lines)


def test_characters_that_are_not_searched_as_they_are_stored_are_seen(monkeypatch):
    monkeypatch.setattr(pipeline, "_stored", lambda _fields: [])
    for siem, sign in (("splunk", "="), ("qradar", "|")):
        found = lost((siem,))
        assert found
        assert all(sign in line.partition(": ")[0] for lines in found.values() for line in lines)


@pytest.mark.parametrize(
    ("detection", "expected"),
    [
        ("{a: {Image|endswith: [/x, /y]}, condition: a}", ["Image|endswith"]),
        (
            "{a: [{CommandLine: 'x a=b'}, {CommandLine|contains|all: ['a|b', \" c\"]}], f: {User: x}, condition: a and not f}",
            ["CommandLine:_=w", "CommandLine|contains|all:_", "CommandLine|contains|all:|", "User"],
        ),
        ("{a: {DestinationPort: 22}, condition: a}", ["DestinationPort"]),
    ],
)
def test_what_a_rule_asks_for_is_read_from_it(tmp_path, detection, expected):
    path = tmp_path / "x.yml"
    path.write_text(
        f"title: x\nlogsource: {{product: linux, category: process_creation}}\ndetection: {detection}\n",
        encoding="utf-8",
    )
    ((rule,), problems) = rule_files.read([path])
    assert not problems
    assert script().needs(rule) == expected
