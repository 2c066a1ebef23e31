"""Excuses: what they take away, where they count, and when they are problems themselves."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.errors import Location, MappingError
from cef_bridge.mapping.language import suppressions
from cef_bridge.mapping.load import check, load

BEGIN = "mapping: m\ncluster: c\nextends: splunk\n"


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that gives what is left and what is excused, as `line code`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.test.yaml").write_text("")

    def of(text):
        (tmp_path / "m.yaml").write_text(text)
        return tuple(
            [f"{problem.at.line} {problem.code}" for problem in problems]
            for problems in check(["m.yaml"])
        )

    return of


@pytest.mark.parametrize(
    "text",
    [
        "extension:\n  act: Action # lint-ok M059 a word on purpose\n",
        "extension:\n  # lint-ok M059 a word on purpose\n  act: Action\n",
        "extension:\n  # lint-ok M059 a word on purpose\n  # and more about it\n\n  act: Action\n",
        "extension:\n  # lint-ok M050 M059 a word, whenever\n  act: {value: Action, when: {event.verb: exec, event.kind: event}}\n",
        "extension:\n  # lint-ok M050 never\n  # lint-ok M059 a word\n  act: {value: Action, when: {event.verb: exec, event.kind: event}}\n",
        "extension:\n  act: Action #lint-ok: m059, a word on purpose\n",
        "extension:\n  act: 'Action'  #\tlint-ok\tM059\ta word\n",
        "extension: {act: Action} # lint-ok M059 a word on purpose",
        "extension: {act: Action, cat: 'a # lint-ok b'} # lint-ok M059 a word on purpose",
    ],
)
def test_an_excuse_with_a_reason_takes_a_warning_away(text, run):
    left, excused = run(BEGIN + text)
    assert left == []
    assert set(excused) <= {f"{line} {code}" for line in range(4, 10) for code in ("M050", "M059")}
    assert any("M059" in each for each in excused)


def test_an_excuse_counts_for_its_line_and_code_only(run):
    text = "extension:\n  act: Action # lint-ok M059 a word\n  cat: Operation\n"
    assert run(BEGIN + text) == (["6 M059"], ["5 M059"])
    assert run(BEGIN + "extension:\n  act: Action # lint-ok M058 x y\n") == (
        ["5 M059", "5 M057"],
        [],
    )


@pytest.mark.parametrize(
    ("comment", "codes"),
    [
        ("# lint-ok M059", ["M055", "M059"]),
        ("# lint-ok M059 , :", ["M055", "M059"]),
        ("# lint-ok", ["M056", "M059"]),
        ("# lint-ok we know", ["M056", "M059"]),
        ("# lint-ok M990 we know", ["M056", "M059"]),
        ("# lint-ok M003 we know", ["M057", "M059"]),
        ("# lint-ok M055 we know", ["M057", "M059"]),
        ("# lint-ok M033 we know", ["M058", "M059"]),
        ("# lint-ok M059 M033 we know", ["M058"]),
        ("# lint-okay M059 we know", ["M059"]),
        ("# see lint-ok M059 we know", ["M059"]),
    ],
)
def test_an_excuse_that_is_none_is_a_problem(comment, codes, run):
    left, _ = run(f"{BEGIN}extension:\n  act: Action {comment}\n")
    assert sorted(each.partition(" ")[2] for each in left) == codes


def test_an_error_stays_an_error_whatever_is_said_beside_it(run, tmp_path):
    left, excused = run(
        "mapping: m\nextension:\n  cs2: {from: Cwd} # lint-ok M003 no label needed\n"
    )
    assert "3 M003" in left
    assert excused == []
    with pytest.raises(MappingError):
        load(tmp_path / "m.yaml")


@pytest.mark.parametrize(
    "text",
    [
        'description: "a # lint-ok M059 in quotes" # and a comment\n',
        "description: 'a # lint-ok M059\n  in quotes'\n",
        "description: |\n  a block # lint-ok M059 of text\n  # lint-ok M059 too\n",
        "description: >-\n  a block\n  # lint-ok M059 of text\n",
        "description: a#lint-ok M059 in a word\n",
        "extension:\n  act: {value: 'x # lint-ok', when: {Resource: \"# lint-ok M1 x\"}}\n",
    ],
)
def test_what_stands_in_quotes_or_in_a_block_is_no_excuse(text, run):
    assert run(BEGIN + text) == ([], [])


def test_a_comment_behind_a_block_of_text_is_one(run):
    text = (
        "description: |\n  # lint-ok M059 text\n# lint-ok M059 a word\nextension: {act: Action}\n"
    )
    assert run(BEGIN + text) == ([], ["7 M059"])


def test_a_place_counts_characters_and_any_end_of_a_line():
    found = suppressions.find(
        '\ufeffa: "é𝄞" # lint-ok M059 x\r\n# lint-ok M033 y\r\rb: c\n'.encode(), "p"
    )
    assert [(excuse.at, excuse.line) for excuse in found] == [
        (Location("p", 1, 9), 1),
        (Location("p", 2, 1), 4),
    ]


def test_an_excuse_in_a_parent_counts_and_is_idle_only_where_that_file_is_checked(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.yaml").write_text(
        "mapping: p # lint-ok M029 M049 a base of others\nextends: splunk\n"
        "# lint-ok M059 a word\nextension: {act: Action}\n"
    )
    (tmp_path / "c.yaml").write_text("mapping: c\nextends: p.yaml\ncluster: c\n")
    (tmp_path / "c.test.yaml").write_text("")
    found = check(["c.yaml"])
    assert found.problems == []
    assert [problem.code for problem in found.excused] == ["M059"]
    found = check(["p.yaml"])
    assert found.problems == []
    assert [problem.code for problem in found.excused] == ["M029", "M049", "M059"]
    found = check(["c.yaml", "p.yaml"])
    assert found.problems == []


def test_an_excuse_of_what_only_another_mapping_shows_is_never_idle(run):
    text = (
        "extension:\n  cs2: {from: PodName, label: K8sNamespace} # lint-ok M054 the old one goes\n"
    )
    assert run(BEGIN + text) == ([], [])


@given(st.text(st.sampled_from("#: lintokM059'\"|>\n\t-[]{}é\x85\u2028"), max_size=120))
def test_any_text_is_looked_through_and_never_breaks(text):
    for excuse in suppressions.find(f"# lint-ok {text}".encode(), "p"):
        assert excuse.line >= 1
        assert all(code == code.upper() for code in excuse.codes)


@pytest.mark.parametrize(
    "piece",
    ["# lint-ok ", "M059 ", " \t,", '"# lint-ok" ', "#", "# lint-ok M059 x\n", "'# lint-ok'\n"],
)
def test_a_megabyte_of_anything_is_looked_through_in_linear_time(piece):
    begin = time.perf_counter()
    suppressions.find(f"# lint-ok {piece * (1_000_000 // len(piece))}".encode(), "p")
    assert time.perf_counter() - begin < 20
