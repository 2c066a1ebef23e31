"""`parse --pretty`: messages to read, at a terminal and in a pipe."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess

import commands
from commands import COMMAND
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from terminals import at_a_terminal

from cef_bridge.cli.pretty import print_pretty
from cef_bridge.errors import FormatError
from cef_bridge.lines.lint.lenient import read_leniently

LINE = (
    "<13>CEF:0|Acme|Gate|2.1|77|Login|5|suser=ann act=blo\\qck cs1=deny cs1Label=PolicyName "
    "cs2Label=X own=1 dst=\n"
)
SHOWN = """\
header          value
syslog          <13>
format          CEF:0
vendor          Acme
product         Gate
device version  2.1
class id        77
name            Login
severity        5

key       name                              value
suser     sourceUserName                    ann
act       deviceAction                      blo\\qck
cs1       "PolicyName" deviceCustomString1  deny
cs2Label  deviceCustomString2Label          X
own                                         1

fault: position 53: \\q in the value of act is no escape. A backslash is written \\\\.
  | <13>CEF:0|Acme|Gate|2.1|77|Login|5|suser=ann act=blo\\qck cs1=deny cs1Label=PolicyName cs2Label=X own=1 dst=
  |                                                     ^^^^
fault: position 104: dst has no value. Leave the key out.
  | <13>CEF:0|Acme|Gate|2.1|77|Login|5|suser=ann act=blo\\qck cs1=deny cs1Label=PolicyName cs2Label=X own=1 dst=
  |                                                                                                        ^^^
"""


def parse(text, *words):
    return commands.run(
        [COMMAND, "parse", *words],
        input=text.encode("utf-8", "surrogateescape"),
        check=False,
        capture_output=True,
    )


def test_a_message_has_its_header_its_keys_with_names_and_labels_and_its_faults():
    done = parse(LINE, "--pretty")
    assert done.stdout.decode() == SHOWN
    assert (done.returncode, done.stderr) == (3, b"1 line has faults\n")


def test_json_lines_are_as_they_were():
    done = parse(LINE)
    assert json.loads(done.stdout)["extension"]["cs1Label"] == "PolicyName"
    assert done.stderr == b'1 line has faults, listed in its "faults"\n'


def test_messages_are_parted_by_an_empty_line_and_a_line_without_one_is_told():
    good = "CEF:0|a|b|1|x|y|3|\n"
    done = parse(f"{good}none\nLEEF:1.0|P|Q|8.1|allow|cat=x\tsrc=192.0.2.1\n", "--pretty")
    first, second = done.stdout.decode().split("\n\nheader")
    assert first.endswith("severity        3")
    assert "key" not in first
    assert "\nformat          LEEF:1.0\n" in second
    assert "name  " not in second.partition("\n\n")[0]
    assert done.returncode == 3
    assert done.stderr.startswith(b"stdin:2: no message.")


def test_at_a_terminal_it_fits_and_faults_have_colours(tmp_path):
    path = tmp_path / "lines.log"
    path.write_text(LINE)
    seen = at_a_terminal("parse", "--pretty", path, columns=50)
    assert seen.code == 3
    assert max(map(cell_len, seen.lines)) <= 50
    assert "\x1b[31m\x1b[1mfault\x1b[0m: position 53" in seen.raw
    assert "\x1b" not in at_a_terminal("parse", "--pretty", path, NO_COLOR="1").raw


def test_nothing_of_a_line_reaches_the_terminal_as_an_escape(tmp_path):
    path = tmp_path / "lines.log"
    path.write_bytes(
        b"\x1b]0;t\x07 CEF:0|\x1b[2J|\xc2\x9b2J|\xff|x|\xe2\x80\xaey|3|act=\x1b[31m \x08cs1=\r\xe2\x80\xa8 "
        b"cs1Label=\x1b[1m\n"
    )
    seen = at_a_terminal("parse", "--pretty", path, NO_COLOR="1")
    assert "\\u001b[2J" in seen.text
    assert all(char.isprintable() for char in seen.raw.replace("\n", ""))


@given(st.text(max_size=80), st.lists(st.text(max_size=12), max_size=6))
def test_whatever_a_line_says_only_printable_text_comes_out(begin, parts):
    line = f"CEF:0|{begin}|b|1|x|y|3|cs1={' '.join(parts)} cs1Label={begin}".replace("\n", "")
    try:
        found = read_leniently(line)
    except FormatError:
        return
    with contextlib.redirect_stdout(io.StringIO()) as out:
        print_pretty(line, found)
    assert all(char.isprintable() for char in out.getvalue().replace("\n", ""))


def test_a_reader_that_goes_is_no_error():
    ours, theirs = os.pipe()
    os.close(ours)
    done = commands.run(
        [COMMAND, "parse", "--pretty"],
        input=b"CEF:0|a|b|1|x|y|3|act=x\n" * 5000,
        check=False,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, b"")
