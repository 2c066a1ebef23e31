"""The table of keys that the shipped rules need: up to date, and lint speaks where a rule goes blind."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from cef_bridge.content import rule_files, rule_keys, shipped_rules, trial
from cef_bridge.content.receivers import receivers
from cef_bridge.mapping.load import check, load
from cef_bridge.siems.detection_keys import FILE, rules_by_key
from cef_bridge.siems.registry import SIEMS

RULES, _ = rule_files.read(shipped_rules.rules())
EVERY = [*dict.fromkeys(name for siem in SIEMS.values() for name in siem.mappings)]


def test_the_table_is_up_to_date():
    assert json.loads(FILE.read_text()) == rule_keys.table(), "run: python docs/generate.py"


def test_the_table_has_every_rule_and_every_mapping():
    table = json.loads(FILE.read_text())
    assert set(table) == set(EVERY)
    for rules in table.values():
        assert set(rules) == {rule.name for rule in RULES}


def acme(folder, parent, key):
    path = folder / f"{parent}-{key}.yaml"
    path.write_text(
        f"mapping: acme\nextends: {parent}\ncluster: c\nunmapped: drop\nextension: {{{key}: null}}\n",
        encoding="utf-8",
    )
    return path


def said(path):
    return [it.message for it in check([path]).problems if it.code in ("M081", "M046")]


@pytest.mark.parametrize("parent", EVERY)
def test_lint_speaks_of_each_key_whose_removal_blinds_a_rule(tmp_path, parent):
    """Each key of the table is removed: what then is blind is what lint says, and what fails."""
    siem = next(name for name, it in SIEMS.items() if parent in it.mappings)
    # KubeArmorExecEventExecID is there because no rule reads that field: `unmapped: keep`.
    written = load(parent).extension.keys() | {it.key for it in SIEMS[siem].needs}
    by_key = {key: it for key, it in rules_by_key(parent).items() if key in written}
    assert len(by_key) > 10
    for key, names in by_key.items():
        path = acme(tmp_path, parent, key)
        messages = said(path)
        assert messages, key
        (store,) = receivers(path, (siem,))
        rules = [rule for rule in RULES if rule.name in names]
        failed = {it.rule.name for it in trial.run(rules, [store]) if it.result in trial.FAILURES}
        assert failed, (key, messages)


@pytest.mark.parametrize("parent", ["splunk", "qradar-leef"])
def test_lint_is_silent_about_other_keys(tmp_path, parent):
    for key in load(parent).extension.keys() - rules_by_key(parent).keys():
        if key not in {need.key for siem in SIEMS.values() for need in siem.needs}:
            assert said(acme(tmp_path, parent, key)) == [], key


def test_a_field_that_is_kept_or_in_another_key_is_no_problem(tmp_path):
    for text in (
        "extension: {cs1: null}\n",  # unmapped: keep has it as KubeArmorPolicyName
        "unmapped: drop\nextension: {cs1: null, KubeArmorPolicy: {from: PolicyName}}\n",
        "unmapped: drop\nextension: {cs1: {from: PolicyName, label: Policy}}\n",
    ):
        path = tmp_path / "acme.yaml"
        path.write_text(f"mapping: acme\nextends: splunk\ncluster: c\n{text}", encoding="utf-8")
        assert said(path) == []


def test_a_mapping_that_takes_nothing_away_is_silent_though_its_parent_is_not(tmp_path):
    (tmp_path / "base.yaml").write_text(
        "mapping: base\nextends: splunk\ncluster: c\nunmapped: drop\nextension: {filePath: null}\n",
        encoding="utf-8",
    )
    path = tmp_path / "acme.yaml"
    path.write_text("mapping: acme\nextends: base.yaml\nextension: {msg: null}\n", encoding="utf-8")
    found = [it for it in check([path]).problems if it.code == "M081"]
    assert {it.at.path.rpartition("/")[2] for it in found} <= {"base.yaml"}


def test_lint_does_not_load_pysigma():
    program = (
        "import sys\nfrom cef_bridge.mapping.load import check\n"
        "check(['splunk'])\n"
        "assert 'cef_bridge.content' not in sys.modules\n"
        "assert not any(name.partition('.')[0] == 'sigma' for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
