from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner

from cef_bridge.cli.mapping import command

GOOD = """\
mapping: good
description: Says who did it.
cluster: prod
extension:
  act: {from: Action}
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


def test_test_says_that_examples_hold(run, write):
    write("good.yaml", GOOD)
    result = run("test", "good.yaml")
    assert (result.exit_code, result.output) == (0, "1 example: 1 passed, 0 failed\n")


def test_test_shows_a_failing_example_key_by_key_and_ends_with_3(run, write):
    write("bad.yaml", GOOD.replace("{act: Block, cs1: null}", "{act: Allow, cs1: x, cat: null}"))
    result = run("test", "bad.yaml")
    assert result.exit_code == 3
    assert result.output == (
        "bad.yaml:7:5 example of good (a block) fails\n"
        '  act: expected "Allow", got "Block"\n'
        '  cs1: expected "x", got nothing\n'
        "1 example: 0 passed, 1 failed\n"
    )
    assert json.loads(run("test", "bad.yaml", "--json").stdout) == [
        {
            "mapping": "good",
            "example": "a block",
            "at": "bad.yaml:7:5",
            "passed": False,
            "differences": [
                {"key": "act", "expected": "Allow", "got": "Block"},
                {"key": "cs1", "expected": "x", "got": None},
            ],
        }
    ]


def test_test_of_a_wrong_mapping_ends_with_2_and_still_runs_the_others(run, write):
    write("good.yaml", GOOD)
    write("bad.yaml", "mapping: bad\nextension: {cs2: x}\n")
    result = run("test", "bad.yaml", "good.yaml")
    assert result.exit_code == 2
    assert result.stderr == 'bad.yaml:2:13 M003 cs2 has no label. Add "label: TEXT".\n'
    assert result.stdout == "1 example: 1 passed, 0 failed\n"


def test_the_examples_of_shipped_mappings_hold(run):
    result = run("test")
    assert result.exit_code == 0, result.output


BAD = """\
mapping: bad
cluster: prod
extension:
  act: {from: Action}
  cat: {from: Operation}
examples:
  # a block
  - name: a block
    event: {Type: MatchedPolicy, Operation: File, Action: Block}
    expect: {cat: Network, cs1: x, act: "Allow"}   # who
"""
BAD_FIXED = BAD.replace("Network", "File").replace("cs1: x", "cs1: null").replace("Allow", "Block")
BESIDE = """\
examples:
  - {event: {Type: MatchedPolicy, Operation: File, Action: Audit}, expect: {act: Audit}}
"""


def test_what_differs_is_told_in_the_order_of_the_line_and_absent_keys_last(run, write):
    write("bad.yaml", BAD)
    assert run("test", "bad.yaml").stdout == (
        "bad.yaml:8:5 example of bad (a block) fails\n"
        '  act: expected "Allow", got "Block"\n'
        '  cat: expected "Network", got "File"\n'
        '  cs1: expected "x", got nothing\n'
        "1 example: 0 passed, 1 failed\n"
    )


def test_the_files_beside_a_mapping_are_run_with_it(run, write):
    write("good.yaml", GOOD)
    write("good.test.yaml", BESIDE)
    write("good.more.test.yaml", BESIDE.replace("act: Audit}", "act: Block}"))
    result = run("test", "good.yaml")
    assert result.exit_code == 3
    assert result.stdout == (
        "good.more.test.yaml:2:5 example of good fails\n"
        '  act: expected "Block", got "Audit"\n'
        "3 examples: 2 passed, 1 failed\n"
    )
    assert [row["at"] for row in json.loads(run("test", "good.yaml", "--json").stdout)] == [
        "good.yaml:7:5",
        "good.test.yaml:2:5",
        "good.more.test.yaml:2:5",
    ]
    assert run("test", "good.test.yaml").output == "1 example: 1 passed, 0 failed\n"


def test_a_file_of_examples_is_run_once_however_often_it_is_meant(run, write):
    write("good.yaml", GOOD)
    write("good.test.yaml", BESIDE)
    result = run("test", "good.yaml", "good.test.yaml", "./good.test.yaml")
    assert result.output == "2 examples: 2 passed, 0 failed\n"


def test_a_wrong_file_beside_a_mapping_ends_with_2_and_the_rest_is_run(run, write):
    write("good.yaml", GOOD)
    write("good.test.yaml", "exmples: []\n" + BESIDE)
    result = run("test", "good.yaml")
    assert (result.exit_code, result.stdout) == (2, "1 example: 1 passed, 0 failed\n")
    assert result.stderr == (
        'good.test.yaml:1:1 M001 Unknown setting "exmples". Did you mean "examples"?\n'
    )


def test_a_mapping_without_examples_says_so_and_is_fine(run, write):
    write("none.yaml", "mapping: none\ncluster: c\n")
    result = run("test", "none.yaml")
    assert (result.exit_code, result.stdout) == (0, "0 examples: 0 passed, 0 failed\n")
    assert result.stderr == (
        'none has no examples. Write some under "examples:", in it or in none.test.yaml beside it.\n'
    )


def test_a_file_that_names_another_mapping_is_told_of(run, write):
    write("good.yaml", GOOD)
    write("other.yaml", GOOD.replace("good", "other"))
    write("good.test.yaml", "mapping: other.yaml\n" + BESIDE)
    result = run("test", "good.yaml")
    assert (result.exit_code, result.stdout) == (0, "1 example: 1 passed, 0 failed\n")
    assert result.stderr == (
        "good.test.yaml names other.yaml, so it was not run for good.yaml. Name it to run it.\n"
    )


def test_update_writes_what_came_out_and_a_second_run_passes(run, write, tmp_path):
    write("bad.yaml", BAD)
    result = run("test", "bad.yaml", "--update")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == (
        'bad.yaml:10:19 cat: expected "Network", now "File"\n'
        'bad.yaml:10:33 cs1: expected "x", now nothing\n'
        'bad.yaml:10:41 act: expected "Allow", now "Block"\n'
        "bad.yaml: 3 values updated\n"
        "1 example: 1 passed, 0 failed\n"
    )
    assert (tmp_path / "bad.yaml").read_text() == BAD_FIXED
    stamp = (tmp_path / "bad.yaml").stat().st_mtime_ns
    assert run("test", "bad.yaml", "--update").output == "1 example: 1 passed, 0 failed\n"
    assert (tmp_path / "bad.yaml").stat().st_mtime_ns == stamp


def test_update_writes_files_beside_a_mapping_too_and_only_those_that_differ(run, write, tmp_path):
    write("good.yaml", GOOD)
    write("good.test.yaml", BESIDE.replace("act: Audit}", "act: Block}"))
    result = run("test", "good.yaml", "--update")
    assert (result.exit_code, result.stderr) == (0, "")
    assert (tmp_path / "good.test.yaml").read_text() == BESIDE
    assert (tmp_path / "good.yaml").read_text() == GOOD


def test_update_says_that_an_event_is_dropped_now_and_that_it_is_not(run, write, tmp_path):
    write("drops.yaml", BAD + "drop_events: [{event.kind: alert}]\n")
    assert run("test", "drops.yaml", "--update").exit_code == 0
    shown = (tmp_path / "drops.yaml").read_text()
    assert '{filtered: "true", cat: null, cs1: null, act: null}   # who\n' in shown
    write("drops.yaml", shown.replace("drop_events", "#"))
    assert run("test", "drops.yaml", "--update").exit_code == 0
    shown = (tmp_path / "drops.yaml").read_text()
    assert "{filtered: null, cat: File, cs1: null, act: Block}   # who\n" in shown


def test_update_of_what_an_alias_shares_is_refused_and_the_example_still_fails(
    run, write, tmp_path
):
    text = BAD.replace('{cat: Network, cs1: x, act: "Allow"}   # who', "&e {act: Allow}")
    text += "  - {event: {Type: MatchedPolicy, Action: Audit, Operation: File}, expect: *e}\n"
    write("bad.yaml", text)
    result = run("test", "bad.yaml", "--update")
    assert result.exit_code == 3
    assert result.stderr == (
        "cef-bridge: bad.yaml cannot be updated in place: examples in it share a value by an "
        "alias (*name). Write the value out where it is used.\n"
    )
    assert (tmp_path / "bad.yaml").read_text() == text


def test_update_never_touches_a_shipped_mapping(run, tmp_path, monkeypatch):
    folder = tmp_path / "shipped"
    folder.mkdir()
    (folder / "bad.yaml").write_text(BAD)
    monkeypatch.setattr("cef_bridge.mapping.language.shipped.folder", lambda: folder)
    for name in ("bad", "shipped/bad.yaml"):
        result = run("test", name, "--update")
        assert result.exit_code == 3
        assert result.stderr == "bad comes with cef-bridge and was not updated.\n"
        assert (folder / "bad.yaml").read_text() == BAD


def test_update_keeps_to_a_file_that_may_not_be_written(run, write, tmp_path, monkeypatch):
    write("bad.yaml", BAD)
    monkeypatch.setattr("os.access", lambda *_: False)
    result = run("test", "bad.yaml", "--update")
    assert result.exit_code == 3
    assert result.stderr == "cef-bridge: cannot write bad.yaml: Permission denied\n"
    assert (tmp_path / "bad.yaml").read_text() == BAD


def test_junit_has_a_case_an_example_and_one_a_wrong_file(run, write):
    write("bad.yaml", BAD)
    write("good.yaml", GOOD)
    write("wrong.yaml", "mapping: wrong\nextension: {cs2: x}\n")
    result = run("test", "good.yaml", "bad.yaml", "wrong.yaml", "--format", "junit")
    assert result.exit_code == 2
    suite = ET.fromstring(result.stdout.encode())[0]  # noqa: S314 - our own document
    assert suite.attrib == {
        "name": "cef-bridge mapping test",
        "tests": "3",
        "failures": "2",
        "errors": "0",
        "skipped": "0",
    }
    rows = [(it.get("classname"), it.get("name"), it.findtext("failure")) for it in suite]
    assert rows[0] == ("good", "a block", None)
    assert rows[1][:2] == ("bad", "a block")
    assert rows[1][2].splitlines()[1] == '  act: expected "Allow", got "Block"'
    assert rows[2] == (
        "wrong.yaml",
        "M003",
        'wrong.yaml:2:13 M003 cs2 has no label. Add "label: TEXT".',
    )
    assert result.stderr.endswith("2 examples: 1 passed, 1 failed\n")


def test_with_update_json_and_junit_stay_whole_documents(run, write):
    for form in (["--json"], ["--format", "json"]):
        write("bad.yaml", BAD)
        result = run("test", "bad.yaml", "--update", *form)
        assert [row["passed"] for row in json.loads(result.stdout)] == [True]
        assert "bad.yaml: 3 values updated\n" in result.stderr
    write("bad.yaml", BAD)
    shown = run("test", "bad.yaml", "--update", "--format", "junit").stdout
    ET.fromstring(shown.encode())  # noqa: S314 - our own document
