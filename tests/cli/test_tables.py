"""Tables at a terminal: no line is wider than it, and nothing of a row is missing."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import commands
import pytest
from commands import COMMAND
from rich.cells import cell_len
from running import DATA
from terminals import at_a_terminal, environment

KINDS = DATA / "kinds.ndjson"
EXPLAIN = ("mapping", "explain", "-m", "splunk", "--event", "3", KINDS)
LISTS = [
    ("mapping", "list"),
    ("mapping", "fields"),
    ("mapping", "class-ids"),
    ("mapping", "explain-rule"),
]


def in_a_pipe(*words: object, **variables: str) -> str:
    done = commands.run(
        [COMMAND, *map(str, words)],
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment(**variables),
    )
    return done.stdout


def squeezed(text: str) -> str:
    return "".join(text.split())


def table_of(text: str) -> str:
    """Return what follows the message, which is printed whole so that it can be copied."""
    return text.partition("bytes\n\n")[2]


@pytest.mark.parametrize("words", LISTS, ids=" ".join)
@pytest.mark.parametrize("columns", [40, 80, 120])
def test_a_list_fits_the_terminal_and_has_every_word_of_every_row(words, columns):
    seen = at_a_terminal(*words, columns=columns)
    assert seen.code == 0
    assert max(map(cell_len, seen.lines)) <= columns
    rows = json.loads(in_a_pipe(*words, "--json"))
    assert len(rows) > 5
    said = set(seen.text.split())
    for row in rows:
        for cell in row.values():
            assert {word for word in str(cell).split() if len(word) < 20} <= said


@pytest.mark.parametrize("columns", [40, 80, 119])
def test_below_120_columns_explain_prints_blocks_with_all_of_each_key(columns):
    seen = at_a_terminal(*EXPLAIN, columns=columns)
    shown = table_of(seen.text)
    assert max(map(cell_len, shown.splitlines())) <= columns
    document = json.loads(in_a_pipe(*EXPLAIN, "--json"))
    rows = [*document["syslog"], *document["header"], *document["fields"]]
    assert len(rows) > 40
    rest = squeezed(shown)
    for row in rows:
        source = row["from"] or ""
        source += f" ({', '.join(row['sources'])})" if row["sources"] else ""
        notes = [f"label {row['label']}"] if row["label"] else []
        notes += [*row["steps"], *row["notes"]]
        parts = {
            "value": row["value"],
            "from": source,
            "rule": row["rule"],
            "notes": "; ".join(notes),
        }
        block = row["key"] + "".join(name + text for name, text in parts.items() if text)
        _, found, rest = rest.partition(squeezed(block))
        assert found, f"{row['key']} is missing, or not in its order"


def test_from_120_columns_on_explain_prints_a_table_that_fits():
    seen = at_a_terminal(*EXPLAIN, columns=120)
    shown = table_of(seen.text).splitlines()
    assert shown[0].split() == ["key", "value", "from", "rule", "notes"]
    assert max(map(cell_len, shown)) <= 120


def test_a_pipe_gets_plain_columns_unless_told_how_wide_it_is():
    plain = in_a_pipe(*EXPLAIN)
    assert table_of(plain).split("\n")[0].split() == ["key", "value", "from", "rule", "notes"]
    assert max(map(len, table_of(plain).splitlines())) > 120
    told = in_a_pipe(*EXPLAIN, COLUMNS="80")
    assert "\x1b" not in told
    assert told == at_a_terminal(*EXPLAIN, NO_COLOR="1").raw
    for wrong in ("", "0", "wide", "-4"):
        assert in_a_pipe(*EXPLAIN, COLUMNS=wrong) == plain


def test_wide_letters_take_two_columns(tmp_path):
    event = tmp_path / "event.json"
    event.write_text(
        json.dumps(
            {
                "Type": "MatchedPolicy",
                "Operation": "File",
                "Resource": "/data/" + "界" * 60,
                "UpdatedTime": "2026-03-03T09:00:00.000001Z",
            }
        )
    )
    seen = at_a_terminal("mapping", "explain", "-m", "splunk", event)
    shown = table_of(seen.text)
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert "/data/" + "界" * 60 in squeezed(shown)


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize(
    "words",
    [
        ("mapping", "coverage", "-m", "splunk", KINDS),
        ("mapping", "diff", "splunk", "graylog", "--samples", "0", KINDS),
        ("simulate", "--siem", "graylog", "-m", "arcsight", "--event", "2", KINDS),
        ("simulate", "--siem", "qradar", "--event", "2", KINDS),
    ],
    ids=lambda words: " ".join(map(str, words[:3])),
)
def test_what_is_found_fits_the_terminal(words, columns):
    seen = at_a_terminal(*words, columns=columns, stderr=subprocess.DEVNULL)
    assert seen.code in (0, 3)
    own = [line for line in seen.lines if "http" not in line and str(DATA) not in line]
    assert max(map(cell_len, own)) <= columns


def test_what_is_lost_and_misread_has_a_colour_and_none_with_no_color():
    words = ("simulate", "--siem", "sc4s", "-m", "arcsight", "--event", "45", KINDS)
    seen = at_a_terminal(*words)
    assert "\x1b[33m\x1b[1mmisread\x1b[0m: rt: SC4S" in seen.raw
    assert "\x1b" not in at_a_terminal(*words, NO_COLOR="1", stderr=subprocess.DEVNULL).raw
    words = ("mapping", "diff", "splunk", "graylog", "--samples", "0", KINDS)
    seen = at_a_terminal(*words)
    assert "\x1b[1;31mlost" in seen.raw
    assert "\x1b[32mgained" in seen.raw
    assert "\x1b" not in at_a_terminal(*words, NO_COLOR="1", stderr=subprocess.DEVNULL).raw


def test_stderr_has_a_width_of_its_own(tmp_path):
    """lint-cef sums up on stderr, which is the terminal, while stdout is a file."""
    lines = tmp_path / "lines.log"
    lines.write_text("CEF:0|a|b|1|x|y|3|dptt=1 cs1=a\n")
    with Path(tmp_path / "out").open("w") as out:
        seen = at_a_terminal("lint-cef", lines, columns=60, stdout=out)
    assert seen.code in (0, 3)
    assert "\x1b[1;33mwarning" in seen.raw
    assert max(map(cell_len, seen.lines)) <= 60


PAGES = [
    ("mapping", "explain-rule", "M003"),
    ("mapping", "lint", "--explain", "M034"),
    ("lint-cef", "--explain", "L042"),
]


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
def test_the_page_of_a_rule_fits_the_terminal_and_is_whole(words):
    seen = at_a_terminal(*words, columns=72)
    assert seen.code == 0
    prose, found, examples = seen.text.partition("\nBad:\n")
    assert found
    assert max(map(cell_len, prose.splitlines())) <= 72
    plain = in_a_pipe(*words)
    assert prose.split() == plain.partition("\nBad:\n")[0].split()
    assert examples == plain.partition("\nBad:\n")[2]


def test_lint_explain_prints_the_page_and_names_what_was_meant():
    assert in_a_pipe("mapping", "lint", "--explain", "m003") == in_a_pipe(
        "mapping", "explain-rule", "M003"
    )
    seen = at_a_terminal("mapping", "lint", "--explain", "M0033", NO_COLOR="1")
    assert seen.code == 2
    assert 'There is no code "M0033". Did you mean "M003"?' in seen.text


def test_an_example_that_fails_fits_the_terminal(tmp_path):
    (tmp_path / "t.yaml").write_text(
        "mapping: t\nextends: splunk\ncluster: c\nexamples:\n"
        f"  - {{event: {{Type: MatchedPolicy}}, expect: {{msg: {'long ' * 30}}}}}\n"
    )
    seen = at_a_terminal("mapping", "test", "t.yaml", cwd=tmp_path)
    assert seen.code == 3
    assert max(map(cell_len, seen.lines)) <= 80
    assert "\x1b[31m\x1b[1mt.yaml:5:5 example of t fails" in seen.raw
    assert '  msg: expected "long long' in seen.text
