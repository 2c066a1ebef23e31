"""A receiver has one name for -m, --siem and --for; old names go on to work and are not shown."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cef_bridge.cli.lint_cef import command as lint_cef
from cef_bridge.cli.simulate import command as simulate
from cef_bridge.forward.config import from_urls
from cef_bridge.lines.lint.codes import CODES
from cef_bridge.lines.lint.linter import Linter
from cef_bridge.mapping.load import load
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS

EVENT = (
    '{"Type":"MatchedPolicy","Operation":"File","HostName":"n","Resource":"/a","Action":"Block"}'
)
LINE = "CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow\n"


@pytest.mark.parametrize("name", SIEMS)
def test_each_name_is_known_to_all_three_options(name):
    assert name in SIMULATORS
    done = CliRunner().invoke(simulate, ["--siem", name, "-m", name, "--json", EVENT])
    assert json.loads(done.stdout)["siem"] == name
    assert CliRunner().invoke(lint_cef, ["--for", name], input=LINE).exit_code == 0


@pytest.mark.parametrize("name", SIEMS)
def test_forward_takes_each_name_as_a_mapping(name):
    (destination,) = from_urls(["-"], [f"tcp://siem?mapping={name}"]).destinations
    assert load(destination.mapping).name in SIEMS[name].mappings


def test_a_receiver_without_a_mapping_of_its_own_has_anothers():
    assert load("sc4s") == load("splunk")


@pytest.mark.parametrize(("old", "name"), [("splunk-addon", "splunk"), ("qradar-leef", "qradar")])
def test_an_old_name_goes_on_to_work_and_is_not_shown(old, name):
    done = CliRunner().invoke(simulate, ["--siem", old, "--json", EVENT])
    assert json.loads(done.stdout)["siem"] == name
    assert CliRunner().invoke(lint_cef, ["--for", old], input=LINE).exit_code == 0
    for command in (simulate, lint_cef):
        assert old not in CliRunner().invoke(command, ["--help"]).output


def test_a_name_that_is_none_is_refused_with_those_there_are():
    done = CliRunner().invoke(simulate, ["--siem", "splunkk", EVENT])
    assert done.exit_code == 2
    assert all(f"'{name}'" in done.stderr for name in SIMULATORS)


def test_what_sc4s_minds_is_told_for_splunk_too():
    for code in CODES.values():
        assert "sc4s" not in code.receivers or "splunk" in code.receivers or code.severity == "note"


@pytest.mark.parametrize("name", SIEMS)
def test_a_line_without_a_header_is_told_once_and_only_for_a_receiver_that_needs_one(name):
    linter = Linter(name)
    found = [it for _ in range(3) for it in linter.lint(LINE.strip()) if it.code.id == "L063"]
    assert len(found) == (name in {"graylog", "qradar", "sc4s", "sentinel"})
    for other in ("", "standard", "splunk"):
        assert [it for it in Linter(other).lint(LINE.strip()) if it.code.id == "L063"] == []
    headed = "<134>Mar  1 10:00:00 gate-1 " + LINE.strip()
    assert [it for it in Linter(name).lint(headed) if it.code.id == "L063"] == []
