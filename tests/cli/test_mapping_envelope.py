"""The workbench on a syslog header that rules make: show, explain, coverage, diff."""

from __future__ import annotations

import json

import commands
import pytest
from running import COMMAND, DATA

TEXT = """\
mapping: own
extends: arcsight
cluster: c
envelope:
  facility:
    - {from: Labels.fac}
    - {value: local3, when: {NamespaceName: shop}}
    - {value: local6, when: {NamespaceName: nobody}}
    - local5
  time_zone: Europe/Berlin
examples:
  - event: {Type: MatchedPolicy, Operation: File, Action: Block}
    expect: {act: Block}
"""
EVENT = {"Type": "MatchedPolicy", "Operation": "File", "NamespaceName": "shop", "HostName": "n",
         "Labels": "fac=locl1", "Action": "Block", "UpdatedTime": "2026-07-01T09:00:00Z"}  # fmt: skip


@pytest.fixture
def mapping(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return path


def run(*words, codes=(0,)):
    done = commands.run(
        [COMMAND, "mapping", *map(str, words)], capture_output=True, text=True, check=False
    )
    assert done.returncode in codes, done.stderr
    return done.stdout


def test_lint_and_the_examples_take_it(mapping):
    assert run("lint", "--strict", mapping) == ""
    run("test", mapping)


def test_show_writes_it_as_it_is_read(mapping, tmp_path):
    shown = run("show", mapping)
    assert (
        "  facility:\n  - {from: Labels.fac}\n  - {value: local3, when: {NamespaceName: shop}}\n"
        in shown
    )
    assert "  time_zone: Europe/Berlin\n" in shown
    again = tmp_path / "again.yaml"
    again.write_text(shown, encoding="utf-8")
    assert run("show", again) == shown.split("\n", 1)[1]  # the first line names the parents
    assert "\n  facility: local4\n" in run("show", "sentinel")


def test_explain_says_which_rule_chose_the_facility_and_which_named_none(mapping):
    told = json.loads(run("explain", "-m", mapping, "--json", json.dumps(EVENT)))
    assert told["message"].startswith("<156>Jul  1 11:00:00 n CEF:0|")
    (row,) = told["syslog"]
    assert (row["key"], row["value"], row["rule"]) == ("syslog.facility", "local3", f"{mapping}:7")
    assert [(it["rule"], it["why"]) for it in row["lost"]] == [
        (f"{mapping}:6", '"locl1" is no syslog facility'),
        (f"{mapping}:8", "a rule before it won"),
        (f"{mapping}:9", 'a rule before it won; it has "local5"'),
    ]
    table = run("explain", "-m", mapping, json.dumps(EVENT))
    assert "\nsyslog.facility " in table


def test_coverage_lists_the_rules_of_the_header_that_never_fired(mapping):
    told = json.loads(run("coverage", "-m", mapping, "--json", DATA / "kinds.ndjson"))
    rules = [
        (it["key"], it["rule"])
        for it in told["rules"]["never_fired"]
        if it["key"].startswith("syslog.")
    ]
    assert rules == [("syslog.facility", f"{mapping}:{line}") for line in (6, 8)]


def test_diff_shows_the_settings_and_counts_no_line_as_the_same(mapping, tmp_path):
    plain = tmp_path / "plain.yaml"
    plain.write_text("mapping: own\nextends: arcsight\ncluster: c\n", encoding="utf-8")
    told = run("diff", plain, mapping, DATA / "kinds.ndjson", codes=(3,))
    assert "0 lines equal" in told
    rows = [line.split(None, 2) for line in told.splitlines()]
    assert ["time_zone", "UTC", "Europe/Berlin"] in rows
    assert any(row[:2] == ["facility", "local0"] for row in rows)
