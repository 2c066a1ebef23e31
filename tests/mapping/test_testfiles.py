"""Files of examples beside a mapping: which belong to it, and what can be wrong with them."""

from __future__ import annotations

import pytest

from cef_bridge.errors import MappingError
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.testfiles import suite

MAPPING = "mapping: acme\nextends: splunk\ncluster: prod\n"
EXAMPLE = (
    "  - {event: {Type: MatchedPolicy, Operation: File, Action: Block}, expect: {act: Block}}\n"
)
EXAMPLES = f"examples:\n{EXAMPLE}"


@pytest.fixture
def write(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda name, text: (tmp_path / name).write_text(text)


def found(name: str) -> list[tuple[str, int]]:
    """Return the files that are run for a mapping, with the number of their examples."""
    return [(str(file.path), len(file.examples)) for file in suite(name).files]


def told(name: str) -> list[str]:
    """Return what is wrong, whether it stops the run or not."""
    try:
        return [str(problem) for problem in suite(name).problems]
    except MappingError as error:
        return [str(problem) for problem in error.problems]


def test_a_mappings_own_examples_come_first_then_the_files_beside_it(write):
    write("acme.yaml", MAPPING + EXAMPLES)
    write("acme.test.yaml", EXAMPLES + EXAMPLE)
    write("acme.alerts.test.yaml", EXAMPLES)
    write("acmes.test.yaml", EXAMPLES)
    write("acme.yaml.bak", "")
    assert found("acme.yaml") == [
        ("acme.yaml", 1),
        ("acme.test.yaml", 2),
        ("acme.alerts.test.yaml", 1),
    ]


def test_a_file_of_examples_that_is_named_is_run_alone(write):
    write("acme.yaml", MAPPING + EXAMPLES)
    write("acme.test.yaml", EXAMPLES)
    assert found("acme.test.yaml") == [("acme.test.yaml", 1)]
    assert suite("acme.test.yaml").mapping.name == "acme"


def test_a_file_belongs_to_the_mapping_with_the_longest_name_that_begins_its_own(write):
    write("acme.yaml", MAPPING)
    write("acme.eu.yaml", MAPPING.replace("acme", "acme-eu"))
    write("acme.eu.test.yaml", EXAMPLES)
    assert suite("acme.eu.test.yaml").mapping.name == "acme-eu"
    assert found("acme.eu.yaml") == [("acme.eu.yaml", 0), ("acme.eu.test.yaml", 1)]
    assert found("acme.yaml") == [("acme.yaml", 0)]


def test_a_file_may_name_its_mapping_by_a_path_from_where_it_stands(write, tmp_path):
    (tmp_path / "tests").mkdir()
    write("acme.yaml", MAPPING)
    write("tests/all.test.yaml", "mapping: ../acme.yaml\n" + EXAMPLES)
    assert suite("tests/all.test.yaml").mapping.name == "acme"


def test_a_file_may_name_a_shipped_mapping(write):
    write("ours.test.yaml", "mapping: splunk\n" + EXAMPLES)
    assert suite("ours.test.yaml").mapping.name == "splunk"
    assert found("ours.test.yaml") == [("ours.test.yaml", 1)]


def test_a_file_beside_a_mapping_that_names_another_one_is_told_of_and_not_run(write):
    write("acme.yaml", MAPPING)
    write("base.yaml", MAPPING)
    write("acme.test.yaml", "mapping: base.yaml\n" + EXAMPLES)
    assert found("acme.yaml") == [("acme.yaml", 0)]
    assert [(str(path), name) for path, name in suite("acme.yaml").others] == [
        ("acme.test.yaml", "base.yaml")
    ]


def test_shipped_mappings_are_not_mine(write):
    write("acme.yaml", MAPPING)
    assert [file.mine for file in suite("splunk").files] == [False]
    assert [file.mine for file in suite(shipped.path("splunk")).files] == [False]
    assert [file.mine for file in suite("acme.yaml").files] == [True]


PROBLEMS = {
    "a misspelt setting": (
        "exampels: []\n",
        [
            'acme.test.yaml:1:1 M001 Unknown setting "exampels". Did you mean "examples"?',
            'acme.test.yaml:1:1 M023 "examples" is missing. Add "examples: …".',
        ],
    ),
    "a misspelt part of an example": (
        "examples:\n  - {evnt: {}, event: {Type: a}, expect: {act: a}}\n",
        ['acme.test.yaml:2:6 M001 Unknown setting "evnt". Did you mean "event"?'],
    ),
    "an example without expectations": (
        "examples:\n  - event: {Type: a}\n",
        ['acme.test.yaml:2:5 M023 "expect" is missing. Add "expect: …".'],
    ),
    "no mapping of that path": (
        "mapping: nope.yaml\n" + EXAMPLES,
        [
            'acme.test.yaml:1:1 M016 There is no mapping "nope.yaml": a path is taken from where this file is.'
        ],
    ),
    "no shipped mapping of that name": (
        "mapping: splnk\n" + EXAMPLES,
        [
            'acme.test.yaml:1:1 M016 There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of your own with its path.'
        ],
    ),
    "a mapping that is a list": (
        "mapping: [a]\n" + EXAMPLES,
        ["acme.test.yaml:1:10 M005 Expected a text. Found a list."],
    ),
    "an empty file": ("", ['acme.test.yaml:1:1 M016 The file is empty. Begin with "examples:".']),
    "a list": (
        "- a\n",
        ['acme.test.yaml:1:1 M005 A file of examples begins with "examples:". Found a list.'],
    ),
    "no YAML": (
        'examples: "\n',
        ["acme.test.yaml:1:11 M019 A quoted text begins here and never ends. Add the quote."],
    ),
    "no examples": ("examples:\n", ['acme.test.yaml:1:1 M005 "examples" has no value. Write one, or remove the line.']),
}  # fmt: skip


@pytest.mark.parametrize("case", PROBLEMS)
def test_what_is_wrong_with_a_file_of_examples_is_told_with_its_place(case, write):
    text, expected = PROBLEMS[case]
    write("acme.yaml", MAPPING + EXAMPLES)
    write("acme.test.yaml", text)
    assert told("acme.test.yaml") == expected
    # Named by its mapping the mapping's own examples are run all the same.
    assert told("acme.yaml") == expected
    assert found("acme.yaml") == [("acme.yaml", 1)]


def test_a_file_without_a_mapping_is_told_which_one_was_looked_for(write):
    write("acme.alerts.test.yaml", EXAMPLES)
    assert told("acme.alerts.test.yaml") == [
        'acme.alerts.test.yaml:1:1 M023 There is no mapping "acme.alerts.yaml" beside this file. Name the one that the examples are of: "mapping: PATH".'
    ]
    assert told("nowhere/a.test.yaml") == [
        "nowhere/a.test.yaml:1:1 M016 nowhere/a.test.yaml cannot be read: No such file or directory."
    ]
