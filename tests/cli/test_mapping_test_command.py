from __future__ import annotations

import json

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
