"""What `cef-bridge demo` shows, in a pipe and on a terminal."""

from __future__ import annotations

import functools
import os
import pty
import re

import commands
from commands import COMMAND

from cef_bridge.lines import FORMATS
from cef_bridge.lines.check import faults

DEMO = [COMMAND, "demo"]


@functools.cache
def in_a_pipe() -> str:
    done = commands.run(DEMO, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def on_a_terminal(**variables: str) -> str:
    ours, theirs = pty.openpty()
    env = {**os.environ, "COLUMNS": "100", "TERM": "xterm-256color", **variables}
    env = {name: text for name, text in env.items() if text}
    with commands.Popen(DEMO, stdout=theirs, stderr=theirs, env=env) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 1 << 16)
            except OSError:  # Linux: the other end of the terminal has gone
                break
            if not part:
                break
            shown += part
        os.close(ours)
    assert process.returncode == 0
    return shown.decode()


def test_the_demo_shows_each_sample_event_as_one_strict_line_and_sums_up():
    shown = in_a_pipe()
    lines = [line.strip() for line in shown.splitlines()]
    messages = [line for line in lines if line.startswith(("CEF:", "LEEF:"))]
    assert len(messages) == 27 + 2  # and the first one for two receivers
    for message in messages:
        assert faults(message, FORMATS[message.partition(":")[0].lower()]()) == []
    assert lines[lines.index("27 events converted, 0 rejected, 2 other lines passed over") :][
        :3
    ] == [
        "27 events converted, 0 rejected, 2 other lines passed over",
        "14 of kind alert, 11 of kind log, 2 of kind event; 24 different class ids",
        "A strict reader finds no problems.",
    ]


def test_a_collector_that_is_killed_on_the_way_costs_no_event():
    shown = in_a_pipe()
    assert "the collector is killed, its connections reset" in shown
    assert "forward says: " in shown
    verdict = re.search(
        r"^sent ([\d,]+), received ([\d,]+), lost 0, duplicates", shown, re.MULTILINE
    )
    assert verdict
    assert verdict[1] == verdict[2] == "6,000"


def test_the_samples_have_every_operation_of_kubearmor_and_an_unknown_one():
    operations = set(re.findall(r"\|(?:alert|log|event)\.\w+\.(\w+)\.", in_a_pipe()))
    assert operations == {
        *("process", "file", "network", "syscall", "capabilities"),
        *("device", "firewall", "system", "other"),
    }


def test_a_terminal_gets_colours_and_wrapped_lines():
    shown = on_a_terminal(NO_COLOR="")
    assert "\x1b[31m\x1b[1m 1  Process execution blocked by policy" in shown
    rows = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(len(row) for row in rows if row.startswith("    ")) == 100


def test_no_color_leaves_no_escape_on_a_terminal():
    assert "\x1b" not in on_a_terminal(NO_COLOR="1")
