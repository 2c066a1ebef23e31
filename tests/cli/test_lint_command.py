from __future__ import annotations

import json
import subprocess

import commands
import pytest
from click.testing import CliRunner
from commands import COMMAND
from running import DATA
from terminals import at_a_terminal

from cef_bridge.cli.mapping import command, explain_rule
from cef_bridge.errors import UsageError
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.lint import linter

WARNED = "mapping: m # lint-ok M029 M049 for a test\nextends: splunk\nextension:\n  act: Action\n"
WRONG = "mapping: m\nextends: splunk\nextension:\n  dpt: none\n"


@pytest.fixture
def cli(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "warned.yaml").write_text(WARNED)
    (tmp_path / "wrong.yaml").write_text(WRONG)
    return lambda *words: CliRunner().invoke(command, words)


def test_the_summary_counts_what_is_excused(cli):
    result = cli("lint", "warned.yaml")
    assert result.stdout == (
        'warned.yaml:4:8 M059 This writes the text "Action". Write {from: Action} for the field.\n'
    )
    assert (result.exit_code, result.stderr) == (0, "0 errors, 1 warning, 2 suppressed\n")


def test_with_strict_a_warning_ends_with_2_and_an_excused_one_does_not(cli, tmp_path):
    assert cli("lint", "--strict", "warned.yaml").exit_code == 2
    (tmp_path / "warned.yaml").write_text(WARNED.replace("Action", "Action # lint-ok M059 a word"))
    result = cli("lint", "--strict", "warned.yaml")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "0 errors, 0 warnings, 3 suppressed\n"


def test_json_has_two_names(cli):
    rows = cli("lint", "warned.yaml", "--format", "json").stdout
    assert rows == cli("lint", "warned.yaml", "--json").stdout
    assert [row["code"] for row in json.loads(rows)] == ["M059"]
    result = cli("lint", "warned.yaml", "--json", "--format", "sarif")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == "--json and --format sarif are two formats. Keep one."


def test_sarif_has_every_rule_with_its_page_and_every_problem_with_its_place(cli):
    result = cli("lint", "wrong.yaml", "--format", "sarif")
    assert result.exit_code == 2
    (found,) = json.loads(result.stdout)["runs"]
    rules = found["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == list(codes.CODES)
    assert all("Bad:" in rule["help"]["text"] for rule in rules)
    last = found["results"][-1]
    assert (last["ruleId"], last["level"]) == ("M035", "error")
    assert rules[last["ruleIndex"]]["id"] == "M035"
    assert last["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "wrong.yaml"},
        "region": {"startLine": 4, "startColumn": 8},
    }


FULL = """\
warned.yaml:4:8 warning M059 This writes the text "Action". Write {from:
  Action} for the field.
    4 |   act: Action
      |        ^^^^^^
0 errors, 1 warning, 2 suppressed
"""


@pytest.mark.usefixtures("cli")
def test_a_terminal_shows_severity_line_and_place_with_colours_unless_told_not_to(tmp_path):
    seen = at_a_terminal("mapping", "lint", "warned.yaml", cwd=tmp_path)
    assert (seen.code, seen.text) == (0, FULL)
    assert "\x1b[33m\x1b[1mwarning M059\x1b[0m" in seen.raw
    plain = at_a_terminal("mapping", "lint", "warned.yaml", cwd=tmp_path, NO_COLOR="1")
    assert plain.raw == FULL
    seen = at_a_terminal("mapping", "lint", "wrong.yaml", cwd=tmp_path)
    assert "\x1b[31m\x1b[1merror M035\x1b[0m" in seen.raw


def test_a_pipe_gets_a_line_a_problem_and_severities_when_asked(cli):
    assert cli("lint", "wrong.yaml").stdout == cli("lint", "wrong.yaml", "--format", "text").stdout
    full = cli("lint", "wrong.yaml", "--format", "full")
    assert full.exit_code == 2
    assert "wrong.yaml:4:8 error M035 " in full.stdout
    assert "    4 |   dpt: none\n      |        ^^^^\n" in full.stdout
    assert "wrong.yaml:1:1 warning M029 " in full.stdout


def test_a_lines_escapes_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "bad.yaml").write_text(f"mapping: bad\nextends: splunk\n# {chr(0x9B)}2J\n")
    (tmp_path / "odd.yaml").write_text(
        "mapping: odd\nextends: splunk\nextension:\n  cs2: {from: Podname} # \u202e\u2066\n"
    )
    seen = at_a_terminal("mapping", "lint", "bad.yaml", "odd.yaml", cwd=tmp_path, NO_COLOR="1")
    assert "    3 | # \\u009b2J\n" in seen.text
    assert "# \\u202e\\u2066\n" in seen.text
    assert all(char.isprintable() for char in seen.text.replace("\n", ""))


def test_a_mapping_that_cannot_be_run_says_severities_on_a_terminal(tmp_path):
    (tmp_path / "wrong.yaml").write_text(WRONG)
    words = ("convert", "-m", "wrong.yaml", DATA / "kinds.ndjson")
    seen = at_a_terminal(*words, cwd=tmp_path, stdout=subprocess.DEVNULL)
    assert seen.code == 2
    assert seen.text.startswith("wrong.yaml:4:8 error M035 ")
    assert "dpt: none" not in seen.text  # a config's lines may hold secrets


def test_explain_rule_prints_a_rules_page(cli):
    result = cli("explain-rule", "m048")
    assert result.exit_code == 0
    assert result.stdout == (
        "M048 warning: No key with the event's id.\n"
        "\n"
        "A message has the event id, in externalId (in LEEF: eventId).\n"
        "\n"
        "After a connection failure, unconfirmed messages are resent. The id lets the SIEM recognize\n"
        "duplicates, and lets people refer to an event.\n"
        "\n"
        "Bad:\n"
        "    extends: splunk\n"
        "    extension:\n"
        "      externalId: null\n"
        "Good:\n"
        "    extends: splunk\n"
        "    extension:\n"
        "      externalId: {from: event.id}\n"
    )


@pytest.mark.parametrize("code", codes.CODES.values(), ids=codes.CODES)
def test_every_code_can_be_explained(code, cli):
    assert linter.page(code).rstrip() in cli("explain-rule", code.id).stdout
    assert json.loads(cli("explain-rule", code.id, "--json").stdout)["page"] == linter.page(code)


def test_explain_rule_without_a_code_lists_all(cli):
    lines = cli("explain-rule").stdout.splitlines()
    assert lines[0].split() == ["code", "severity", "meaning"]
    assert [line.split()[0] for line in lines[1:]] == list(codes.CODES)
    rows = json.loads(cli("explain-rule", "--json").stdout)
    assert [row["code"] for row in rows] == list(codes.CODES)


def test_a_code_of_lint_cef_is_asked_there():
    done = commands.run(
        [COMMAND, "mapping", "explain-rule", "l011"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert 'Write "cef-bridge lint-cef --explain l011".' in done.stderr


def test_explain_rule_of_an_unknown_code_says_which_was_meant():
    done = commands.run(
        [COMMAND, "mapping", "explain-rule", "M0122"], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        'cef-bridge: There is no code "M0122". Did you mean "M012"? '
        '"cef-bridge mapping explain-rule" lists all of them.\n'
    )


def test_what_stands_beside_mappings_is_no_mapping(cli, tmp_path):
    (tmp_path / "wrong.yaml").write_text("mapping: m\nextends: splunk\ncluster: c\n")
    (tmp_path / "wrong.slots.yaml").write_text("Team: cs6\n")
    (tmp_path / "wrong.test.yaml").write_text("examples:\n  - {event: {Type: x}, expct: {}}\n")
    names = [f"wrong{end}.yaml" for end in ("", ".slots", ".test")]
    result = cli("lint", *names)
    assert [line.split()[:2] for line in result.stdout.splitlines()] == [
        ["wrong.slots.yaml:1:1", "M065"],
        ["wrong.test.yaml:2:5", "M023"],
        ["wrong.test.yaml:2:24", "M001"],
    ]
    assert result.exit_code == 2


def test_a_code_is_offered_to_the_shell():
    code = explain_rule.command.params[0]
    offered = code.type.shell_complete(None, code, "m06")
    assert [item.value for item in offered] == [it for it in codes.CODES if it.startswith("M06")]
