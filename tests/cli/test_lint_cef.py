"""`cef-bridge lint-cef`, run as the installed command."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import xml.etree.ElementTree as ET

import commands
import pytest
from click.testing import CliRunner
from running import COMMAND, plain

from cef_bridge.cli.lint_cef import command
from cef_bridge.lines.lint.codes import CODES

GOOD = "CEF:0|Acme|Gate|2.1|login|User logged in|3|cnt=1 act=Allow\n"
BAD = "CEF:0|Acme|Gate|2.1|login|User logged in|Uknown|cnt=1 act=Allow\n"
WARNED = "CEF:0|Acme|Gate|2.1|login|User logged in|3|act=Allow\n"
NOTHING = "\n \r\n"


def lint(*words, stdin=b"", **options):
    done = commands.run(
        [COMMAND, "lint-cef", *map(str, words)],
        check=False,
        capture_output=True,
        input=stdin,
        timeout=120,
        env={**os.environ, "NO_COLOR": "1"},
        **options,
    )
    return done.returncode, done.stdout.decode(), plain(done.stderr.decode())


def test_a_problem_is_a_line_and_the_sum_stands_on_stderr(tmp_path):
    (tmp_path / "a.log").write_text(GOOD + NOTHING + BAD + WARNED)
    code, out, err = lint("a.log", cwd=tmp_path)
    assert code == 3
    assert out == (
        'a.log:4:42 L018 "Uknown" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High. '
        'Did you mean "Unknown"?\n'
        "a.log:5:44 L043 Splunk's add-on loses the first key, here act. Begin with cnt=1. [splunk]\n"
    )
    assert err == (
        "code  severity  found  lines  meaning\n"
        "L018  error     1      1      Invalid severity.\n"
        "L043  warning   1      1      A key that matters in the first place.\n"
        "3 lines: 1 clean, 1 error, 1 warning\n"
        "score 66.6: 2 of 3 lines without an error. Without L018 it would be 100.0.\n"
    )


@pytest.mark.parametrize(
    ("text", "words", "code"),
    [
        (GOOD, [], 0),
        (WARNED, [], 0),
        (WARNED, ["--strict"], 3),
        (WARNED, ["--strict", "--for", "sentinel"], 0),
        (WARNED, ["--strict", "--for", "standard"], 0),
        (WARNED, ["--strict", "--for", "splunk"], 3),
        (BAD, ["--for", "standard"], 3),
        ("", [], 0),
        (NOTHING, [], 0),
    ],
)
def test_the_exit_code_tells_of_errors_and_if_asked_of_warnings(text, words, code):
    assert lint(*words, stdin=text.encode())[0] == code


def test_without_lines_there_is_no_score():
    assert lint(stdin=NOTHING.encode()) == (0, "", "0 lines: 0 clean, 0 errors, 0 warnings\n")
    _, out, _ = lint("--json")
    assert json.loads(out) == {
        "problems": [], "files": [{"path": "stdin", "lines": 0, "clean": 0, "errors": 0, "warnings": 0}],
        "lines": 0, "clean": 0, "errors": 0, "warnings": 0, "score": None, "by_code": {},
    }  # fmt: skip


def test_json_has_every_problem_and_all_counts(tmp_path):
    (tmp_path / "a.log").write_text(BAD * 30 + GOOD)
    (tmp_path / "b.log.gz").write_bytes(gzip.compress(WARNED.encode()))
    code, out, err = lint("a.log", "b.log.gz", "--json", cwd=tmp_path)
    assert (code, err) == (3, "")
    found = json.loads(out)
    problems = found.pop("problems")
    assert len(problems) == 31
    assert problems[0] == {
        "path": "a.log", "line": 1, "column": 42, "code": "L018", "severity": "error",
        "message": '"Uknown" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High. Did you mean "Unknown"?',
    }  # fmt: skip
    assert found == {
        "files": [
            {"path": "a.log", "lines": 31, "clean": 1, "errors": 30, "warnings": 0},
            {"path": "b.log.gz", "lines": 1, "clean": 0, "errors": 0, "warnings": 1},
        ],
        "lines": 32, "clean": 1, "errors": 30, "warnings": 1, "score": 6.2, "by_code": {"L018": 30, "L043": 1},
    }  # fmt: skip


def test_of_one_code_twenty_are_printed_unless_all_are_asked_for():
    code, out, _ = lint(stdin=(BAD * 25).encode())
    lines = out.splitlines()
    assert (code, len(lines)) == (3, 21)
    assert lines[-1] == "L018 and 5 more; --all prints them"
    _, out, _ = lint("--all", stdin=(BAD * 25).encode())
    assert out.count("L018") == 25


def test_sarif_has_a_rule_for_each_code_and_the_problems(tmp_path):
    (tmp_path / "a.log").write_text(GOOD + BAD)
    code, out, err = lint("--format", "sarif", "a.log", cwd=tmp_path)
    (run,) = json.loads(out)["runs"]
    assert code == 3
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == list(CODES)
    (result,) = run["results"]
    assert (result["ruleId"], list(CODES)[result["ruleIndex"]]) == ("L018", "L018")
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "a.log"}, "region": {"startLine": 2, "startColumn": 42},
    }  # fmt: skip
    assert "score 50.0" in err


def test_junit_has_a_case_for_each_file_and_rule(tmp_path):
    (tmp_path / "a.log").write_text(BAD * 2)
    (tmp_path / "b.log").write_text(WARNED)

    def failures(*words):
        _, out, _ = lint("--format", "junit", *words, "a.log", "b.log", cwd=tmp_path)
        root = ET.fromstring(out.encode())  # noqa: S314  # written by the command just now
        cases = root.findall("testsuite/testcase")
        assert len(cases) == 2 * len(CODES)
        return {
            (case.get("classname"), case.get("name")): case.find("failure").text.count("\n") + 1
            for case in cases
            if case.find("failure") is not None
        }

    of_a = ("a.log", "L018 Invalid severity.")
    of_b = ("b.log", "L043 A key that matters in the first place.")
    assert failures() == {of_a: 2}
    assert failures("--strict") == {of_a: 2, of_b: 1}


def test_a_document_leaves_out_what_is_too_much_and_says_so():
    _, out, err = lint("--format", "sarif", stdin=(BAD * 1100).encode())
    assert len(json.loads(out)["runs"][0]["results"]) == 1000
    assert "L018 and 100 more are left out; --all keeps them\n" in err


def test_folders_and_globs_are_read_file_by_file(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.log").write_text(BAD)
    (tmp_path / "logs" / "b.log").write_text(BAD)
    _, out, _ = lint("logs", cwd=tmp_path)
    assert [line.split(":")[0] for line in out.splitlines()] == ["logs/a.log", "logs/b.log"]


def test_a_damaged_file_is_named_and_the_others_are_checked(tmp_path):
    (tmp_path / "a.gz").write_bytes(gzip.compress(BAD.encode() * 200)[:-20])
    (tmp_path / "b.log").write_text(WARNED)
    code, out, err = lint("a.gz", "b.log", cwd=tmp_path)
    assert code == 1
    assert "b.log:1:44 L043" in out
    assert err.splitlines()[-1].startswith("cef-bridge: a.gz: ")


def test_a_file_that_is_not_there_is_wrong_use(tmp_path):
    assert lint("none.log", cwd=tmp_path) == (
        2,
        "",
        "cef-bridge: none.log: no such file or folder\n",
    )


def test_a_rule_explains_itself():
    code, out, err = lint("--explain", "l018")
    assert (code, err) == (0, "")
    assert out == (
        "L018 error: Invalid severity.\n\n"
        "The severity is 0 to 10, or Unknown, Low, Medium, High or Very-High.\n\n"
        "Bad:\n"
        "    CEF:0|Acme|Gate|2.1|login|User logged in|Uknown|act=Allow\n"
        "    CEF:0|Acme|Gate|2.1|login|User logged in|warning|act=Allow\n"
        "Good:\n"
        "    CEF:0|Acme|Gate|2.1|login|User logged in|Unknown|act=Allow\n"
        "    CEF:0|Acme|Gate|2.1|login|User logged in|Medium|act=Allow\n"
    )


@pytest.mark.parametrize("code", CODES)
def test_every_page_can_be_printed(code):
    done = CliRunner().invoke(command, ["--explain", code])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{code} {CODES[code].severity}")
    assert done.stdout.index("\nBad:\n    ") < done.stdout.index("\nGood:\n    ")


def test_a_rule_that_is_none_is_told():
    code, out, err = lint("--explain", "L999")
    assert (code, out) == (2, "")
    assert err.startswith('cef-bridge: There is no rule "L999". Expected L001 to ')
    code, out, err = lint("--explain", "M011")
    assert (code, out) == (2, "")
    assert 'Write "cef-bridge mapping explain-rule M011".' in err


def test_bytes_that_are_no_utf8_are_told_and_printed_safely():
    _, out, _ = lint("--for", "standard", stdin=GOOD.encode().replace(b"Allow", b"R\xe9\x1b[2J"))
    assert out == (
        "stdin:1:55 L009 the byte E9 is no UTF-8 here. Send UTF-8 only.\n"
        "stdin:1:56 L007 a raw control character, U+001B. Write line breaks as \\n and \\r in values, and leave the others out.\n"
    )


def test_a_line_over_a_mebibyte_is_told_by_its_size():
    line = GOOD.encode().replace(b"Allow", b"x" * (3 << 20))
    code, out, _ = lint("--for", "splunk", stdin=line + GOOD.encode())
    assert code == 3  # act has 63 characters
    assert out.startswith(
        "stdin:1:1 L002 the line has 3,145,781 bytes, more than is taken by Splunk Connect for Syslog (65,536). "
        "Only its first 1,048,576 were looked at.\n"
    )
    assert "stdin:2" not in out


def test_a_reader_that_goes_ends_the_run_quietly():
    with commands.Popen(
        [COMMAND, "lint-cef", "--all"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        process.stdout.close()
        _, err = process.communicate((BAD * 20000).encode(), timeout=60)
    assert b"Traceback" not in err
    assert process.returncode in {0, 3}


def test_lines_of_a_pipe_are_checked_as_they_come():
    with commands.Popen(
        [COMMAND, "lint-cef"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdin.write(BAD.encode())
        process.stdin.flush()
        assert process.stdout.readline().startswith(b"stdin:1:42 L018")
        process.stdin.close()
        assert process.wait(60) == 3
