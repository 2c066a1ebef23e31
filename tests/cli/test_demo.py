"""What `cef-bridge demo` shows, in a pipe and on a terminal."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import commands
from commands import COMMAND
from terminals import at_a_terminal

import cef_bridge
from cef_bridge.lines import FORMATS
from cef_bridge.lines.check import faults

DEMO = [COMMAND, "demo"]


@functools.cache
def in_a_pipe(*options: str) -> str:
    done = commands.run([*DEMO, *options], check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def on_a_terminal(*options: str, columns: int = 80, **variables: str) -> str:
    seen = at_a_terminal(*DEMO[1:], *options, columns=columns, **variables)
    assert seen.code == 0
    return seen.raw


def messages(shown: str) -> list[str]:
    lines = [line.strip() for line in shown.splitlines()]
    found = [line for line in lines if line.startswith(("CEF:", "LEEF:"))]
    for message in found:
        assert faults(message, FORMATS[message.partition(":")[0].lower()]()) == []
    return found


def test_an_event_is_shown_whole_beside_its_message():
    lines = in_a_pipe().splitlines()
    event = json.loads(lines[lines.index("An event of KubeArmor") + 1])
    assert event["Resource"] == "/usr/bin/apt install nmap"
    (message,) = messages(in_a_pipe())
    assert message in lines
    assert "|alert.container.process.exec.block|" in message


def test_a_table_says_what_became_of_a_field_in_cef_splunk_and_qradar():
    rows = [line.split("  ") for line in in_a_pipe().splitlines()]
    table = {row[0]: [cell.strip() for cell in row[1:] if cell] for row in rows}
    assert table["KubeArmor"] == ["value", "CEF", "Splunk reads", "QRadar reads"]
    assert table["PolicyName"] == ["shop-hardening", "cs1", "PolicyName", "(policy)"]
    assert table["Severity"] == ["7", "severity", "KubeArmorSeverity", "Severity"]
    assert table["Result"] == ["Permission denied", "reason", "vendor_reason", "(reason)"]


def test_a_name_in_the_table_is_what_the_simulator_shows():
    seed = Path(cef_bridge.__file__).with_name("samples") / "events.ndjson"
    words = [COMMAND, "simulate", "--siem", "splunk", "--event", "1", "--json", str(seed)]
    done = commands.run(words, check=False, capture_output=True, text=True)
    fields = json.loads(done.stdout)["fields"]
    rows = [re.split(r"  +", line) for line in in_a_pipe().splitlines()]
    read = {row[3]: row[1] for row in rows if len(row) == 5 and row[0] != "KubeArmor"}
    assert len(read) == 11
    del read["rt"]  # the time in another form
    assert {name: fields[name] for name in read} == read


def test_the_other_events_are_summed_up():
    shown = in_a_pipe()
    for operation in (
        *("process", "file", "network", "syscall", "capabilities"),
        *("device", "firewall", "system", "other"),
    ):
        assert re.search(rf"^{operation} +[0-9]+ ", shown, re.MULTILINE)
    assert "27 converted, 0 rejected, 2 skipped; all valid CEF." in shown


def test_all_shows_each_sample_event_as_one_valid_line_and_sums_up():
    shown = in_a_pipe("--all")
    assert len(messages(shown)) == 27 + 2  # and the first one for two SIEMs
    lines = shown.splitlines()
    at = lines.index("27 converted, 0 rejected, 2 skipped")
    assert lines[at + 1 : at + 3] == [
        "14 of kind alert, 11 of kind log, 2 of kind event; 24 different class ids",
        "All messages are valid CEF.",
    ]
    operations = set(re.findall(r"\|(?:alert|log|event)\.\w+\.(\w+)\.", shown))
    assert operations == {
        *("process", "file", "network", "syscall", "capabilities"),
        *("device", "firewall", "system", "other"),
    }


def test_a_collector_that_is_killed_on_the_way_costs_no_event():
    shown = in_a_pipe()
    assert "the collector is killed, its connections reset" in shown
    assert "forward says: " in shown
    verdict = re.search(
        r"^sent ([\d,]+), received ([\d,]+), lost 0, duplicates", shown, re.MULTILINE
    )
    assert verdict
    assert verdict[1] == verdict[2] == "6,000"


def test_a_terminal_of_80_columns_shows_it_on_two_screens():
    shown = on_a_terminal(NO_COLOR="1")
    assert "\x1b" not in shown
    rows = shown.splitlines()
    assert max(map(len, rows)) <= 80
    first = rows[: rows.index("27 sample events, by operation")]
    assert len(first) <= 24
    # What the forwarder says may take a row more or less
    assert len(rows) - len(first) <= 24


def test_a_terminal_gets_colours():
    shown = on_a_terminal()
    assert "\x1b[97m\x1b[1mAn event of KubeArmor" in shown
    assert "\x1b[36mPolicyName" in shown
    assert "\x1b[92m\x1b[1msent 6,000, received 6,000, lost 0" in shown
    assert re.search(r"written  .*[0-9,]+ of 6,000", shown)


def test_all_wraps_lines_on_a_terminal():
    shown = on_a_terminal("--all", columns=100)
    assert "\x1b[31m\x1b[1m 1  Process execution blocked by policy" in shown
    rows = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(len(row) for row in rows if row.startswith("    ")) == 100
