from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cef_bridge.cli.mapping import command
from cef_bridge.errors import MappingError
from cef_bridge.kubearmor import fields
from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import load

GOOD = """\
mapping: good
description: Says who did it.
cluster: prod
extension:
  act: {from: Action}
  externalId: {from: event.id}
examples:
  - {name: a block, event: {Type: MatchedPolicy, Operation: File, Action: Block}, expect: {act: Block, cs1: null}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(command, words)


@pytest.fixture
def write(tmp_path):
    return lambda name, text: (tmp_path / name).write_text(text)


def test_list_names_every_shipped_mapping_with_format_and_description(run):
    result = run("list")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["name", "format", "description"]
    assert [line.split()[0] for line in lines[1:]] == shipped.names()
    rows = json.loads(run("list", "--json").stdout)
    assert [row["name"] for row in rows] == shipped.names()
    assert rows[0].keys() == {"name", "format", "description"}


def test_a_table_has_no_trailing_blanks_and_no_escapes_when_it_is_piped(run):
    for words in (["list"], ["fields"], ["class-ids"]):
        for line in run(*words).stdout.splitlines():
            assert line == line.rstrip()
            assert "\x1b" not in line


def test_show_prints_what_loads_again(run, write, tmp_path):
    write("good.yaml", GOOD)
    write("child.yaml", "mapping: child\nextends: good.yaml\nextension: {cat: {from: Operation}}\n")
    result = run("show", "child.yaml")
    assert result.exit_code == 0
    assert result.stdout == (
        "# child extends good.yaml; all of it is here.\n"
        "mapping: child\n"
        "format: cef\n"
        "cluster: prod\n"
        "extension:\n"
        "  act: {from: Action}\n"
        "  externalId: {from: event.id}\n"
        "  cat: {from: Operation}\n"
    )
    write("again.yaml", result.stdout)
    assert list(load(tmp_path / "again.yaml").extension) == ["act", "externalId", "cat"]
    assert json.loads(run("show", "child.yaml", "--json").stdout) == {
        "mapping": "child",
        "format": "cef",
        "cluster": "prod",
        "extension": {
            "act": {"from": "Action"},
            "externalId": {"from": "event.id"},
            "cat": {"from": "Operation"},
        },
    }


def test_show_of_what_is_not_there_says_what_is(run):
    result = run("show", "kubearmor-cfe")
    assert isinstance(result.exception, MappingError)
    assert str(result.exception) == (
        'kubearmor-cfe:1:1 M016 There is no shipped mapping "kubearmor-cfe". '
        'Did you mean "kubearmor-cef"? Name a file of your own with its path.'
    )


def test_fields_lists_every_raw_and_derived_field(run):
    rows = json.loads(run("fields", "--json").stdout)
    assert [row["field"] for row in rows] == [*fields.RAW, *fields.DERIVED]
    assert rows[0] == {
        "field": "Timestamp",
        "kind": "integer",
        "source": "event",
        "since": "0.1",
        "description": "Epoch seconds.",
    }
    assert len(run("fields").stdout.splitlines()) == len(rows) + 1


def test_event_ids_lists_the_whole_catalogue(run):
    rows = json.loads(run("class-ids", "--json").stdout)
    assert [tuple(row.values()) for row in rows] == [tuple(row) for row in catalogue()]
    assert list(rows[0]) == ["id", "name", "category", "severity"]


def test_lint_prints_every_problem_and_ends_with_2_when_one_is_an_error(run, write):
    write("bad.yaml", "mapping: bad\nextension:\n  cs2: {from: NamespaceName}\n")
    write("good.yaml", GOOD)
    result = run("lint", "good.yaml", "bad.yaml")
    assert result.exit_code == 2
    assert result.stdout == (
        'bad.yaml:1:1 M029 The cluster has no name, and all are "default". Add "cluster: ${CLUSTER}".\n'
        "bad.yaml:1:1 M048 Without externalId an event that is sent again counts twice. "
        'Write "externalId: {from: event.id}".\n'
        'bad.yaml:1:1 M049 No example shows what this mapping does. Add "examples:", or a test file.\n'
        'bad.yaml:3:3 M003 cs2 has no label. Add "label: K8sNamespace".\n'
    )
    assert result.stderr == "1 error, 3 warnings\n"
    assert json.loads(run("lint", "bad.yaml", "--json").stdout)[3] == {
        "path": "bad.yaml",
        "line": 3,
        "column": 3,
        "code": "M003",
        "severity": "error",
        "message": 'cs2 has no label. Add "label: K8sNamespace".',
    }


def test_lint_with_warnings_only_ends_with_0(run, write):
    write("m.yaml", "mapping: m\n")
    result = run("lint", "m.yaml")
    assert (result.exit_code, result.stderr) == (0, "0 errors, 3 warnings\n")


def test_lint_of_a_parent_with_two_children_tells_its_problem_once(run, write):
    write(
        "p.yaml",
        "mapping: p\ncluster: c\nextension: {externalId: {from: event.id}, act: {from: Acton}}\n",
    )
    for name in ("a", "b"):
        write(f"{name}.yaml", f"mapping: {name}\nextends: p.yaml\n")
        write(f"{name}.test.yaml", "")
    result = run("lint", "a.yaml", "b.yaml")
    assert result.stdout == (
        'p.yaml:3:55 M008 No event has a field "Acton". Did you mean "Action"?\n'
    )


def test_lint_without_a_name_checks_all_that_is_shipped(run):
    result = run("lint")
    assert (result.exit_code, result.output) == (0, "")
    assert run("lint", "--json").stdout == "[]\n"
