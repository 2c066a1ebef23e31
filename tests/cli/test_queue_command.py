"""`cef-bridge queue` and `cef-bridge deadletter`: on queues at rest, and while a forwarder has them."""

from __future__ import annotations

import json
import os
import re

import commands
import pytest
from click.testing import CliRunner
from running import COMMAND, plain

from cef_bridge.cli import deadletter, queue
from cef_bridge.errors import UsageError
from cef_bridge.queue.queue import ALERTS, TELEMETRY, DeadLetter, MessageBatch, Queue

NOW = 1769853600.0  # 2026-01-31T10:00:00Z


@pytest.fixture
def folder(tmp_path):
    """Two queues: one at rest, one in use by this process."""
    path = tmp_path / "q"
    other = Queue.open(path / "other.queue", clock=lambda: NOW)
    other.append([MessageBatch(TELEMETRY, [b"other 0"])])
    other.close()
    siem = Queue.open(path / "siem.queue", clock=lambda: NOW)
    siem.append([MessageBatch(TELEMETRY, [b"telemetry %d" % each for each in range(6)])])
    siem.append([MessageBatch(ALERTS, [b"alert 0", b"alert 1 \xff"])], counts={"received": 8})
    siem.settle([siem.fetch(1)], "confirmed")
    siem.settle([siem.fetch()], "confirmed", hold=True)
    siem.settle([siem.fetch(2)], "dropped:refused")
    stored = siem.fetch(2)
    siem.dead_letter(stored, 0, "larger than a datagram")
    dead = [DeadLetter("event", "a text has no end", "/var/log/ka.log:11", b'{"Operation":"Fi\n')]
    siem.append([], dead=[*dead, DeadLetter("event", "no\x1b[31m such type", "stdin", b"\x00\xff")])
    yield path
    siem.close()


@pytest.fixture
def in_use(folder):
    """The queue that is in use."""
    return folder / "siem.queue"


def run(command, *words):
    return CliRunner().invoke(command, [str(word) for word in words])


def test_status_says_what_waits_and_what_became_of_the_rest(folder):
    result = run(queue.command, "status", folder)
    assert result.exit_code == 0, result.output
    lines = [re.split(r"  +", line) for line in result.stdout.splitlines()]
    assert lines[0] == [
        *("queue", "waiting", "oldest", "accepted", "confirmed", "unconfirmed", "dropped"),
        *("dead letters", "on the disk", "in use by"),
    ]
    assert lines[1][0:2] == ["other", "1"]
    assert lines[1][3:8] == ["1", "0", "0", "0", "0"]
    assert lines[2][0:2] == ["siem", "3"]
    assert lines[2][3:8] == ["8", "2", "0", "2", "3"]
    assert lines[2][9] == f"process {os.getpid()}"
    assert result.stdout.splitlines()[3:] == [
        "siem: 2 dropped: refused",
        "siem: 1 confirmed messages are kept for a while",
    ]


def test_status_as_json_has_all_numbers_and_they_add_up(folder):
    other, siem = json.loads(run(queue.command, "status", folder, "--json").stdout)
    assert other["queue"] == "other"
    assert other["process"] is None
    size = siem.pop("bytes")
    assert size > 100_000
    assert siem == {
        "queue": "siem",
        "path": str(folder / "siem.queue"),
        "accepted": 8,
        "confirmed": 2,
        "unconfirmed": 0,
        "waiting": 3,
        "dropped": {"refused": 2},
        "dead_lettered": 1,
        "lanes": {"alerts": 0, "telemetry": 3},
        "held": 1,
        "dead_letters": 3,
        "oldest": "2026-01-31T10:00:00Z",
        "process": os.getpid(),
        "totals": {
            "accepted": 8,
            "confirmed": 2,
            "dropped:refused": 2,
            "dead_lettered": 1,
            "dead_events": 2,
            "received": 8,
        },
    }
    assert siem["accepted"] == siem["confirmed"] + siem["waiting"] + 2 + siem["dead_lettered"]


def test_a_single_queue_can_be_named_by_its_file(in_use):
    rows = json.loads(run(queue.command, "status", in_use, "--json").stdout)
    assert [row["queue"] for row in rows] == ["siem"]


def test_peek_prints_what_goes_next_and_takes_nothing_out(folder):
    for _ in range(2):
        result = run(queue.command, "peek", folder)
        assert result.stdout == "other 0\ntelemetry 3\ntelemetry 4\ntelemetry 5\n"
    assert run(queue.command, "peek", folder, "--count", 1).stdout == "other 0\ntelemetry 3\n"
    assert run(queue.command, "peek", folder, "--lane", "alerts").stdout == ""
    rows = json.loads(run(queue.command, "peek", folder / "other.queue", "--json").stdout)
    assert rows == [
        {
            "queue": "other",
            "lane": "telemetry",
            "appended": "2026-01-31T10:00:00Z",
            "message": "other 0",
        }
    ]


def test_alerts_are_peeked_first_and_any_bytes_are_printed(tmp_path):
    siem = Queue.open(tmp_path / "siem.queue")
    siem.append([MessageBatch(TELEMETRY, [b"t"]), MessageBatch(ALERTS, [b"\xff\x00a"])])
    siem.close()
    assert run(queue.command, "peek", tmp_path).stdout_bytes == b"\xff\x00a\nt\n"
    rows = json.loads(run(queue.command, "peek", tmp_path, "--json").stdout)
    assert [row["message"] for row in rows] == ["\\xff\x00a", "t"]


def test_deadletter_list_says_where_each_came_from_and_why(folder):
    result = run(deadletter.command, "list", folder)
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "id      since                 kind     source              reason\n"
        "siem:1  2026-01-31T10:00:00Z  message  siem                larger than a datagram\n"
        "siem:2  2026-01-31T10:00:00Z  event    /var/log/ka.log:11  a text has no end\n"
        "siem:3  2026-01-31T10:00:00Z  event    stdin               no [31m such type\n"
    )
    rows = json.loads(run(deadletter.command, "list", folder, "--json").stdout)
    assert rows[1] == {
        "id": "siem:2",
        "queue": "siem",
        "since": "2026-01-31T10:00:00Z",
        "kind": "event",
        "replay": False,
        "source": "/var/log/ka.log:11",
        "reason": "a text has no end",
        "bytes": 17,
    }
    assert len(run(deadletter.command, "list", folder, "--count", 1).stdout.splitlines()) == 2


def test_deadletter_list_of_none_says_so(folder):
    result = run(deadletter.command, "list", folder / "other.queue")
    assert result.stdout == "There are no dead letters.\n"
    assert run(deadletter.command, "list", folder / "other.queue", "--json").stdout == "[]\n"


def test_deadletter_show_prints_the_bytes_that_came(folder):
    shown = run(deadletter.command, "show", folder).stdout_bytes
    assert shown == b'telemetry 2\n{"Operation":"Fi\n\x00\xff\n'
    assert run(deadletter.command, "show", folder, "siem:3", "siem:1").stdout_bytes == (
        b"telemetry 2\n\x00\xff\n"
    )
    assert run(deadletter.command, "show", folder / "siem.queue", "2").stdout_bytes == (
        b'{"Operation":"Fi\n'
    )
    rows = json.loads(run(deadletter.command, "show", folder, "siem:3", "--json").stdout)
    assert [row["raw"] for row in rows] == ["\x00\\xff"]


@pytest.mark.parametrize("word", ["siem:99", "other:1", "nothing:1", "1", "siem:x", "siem:", ""])
def test_an_id_that_is_none_is_named(folder, word):
    result = run(deadletter.command, "show", folder, word)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception).startswith(f"{word}: ")


def test_replay_marks_and_the_forwarder_that_has_the_queue_does_the_rest(folder):
    result = run(deadletter.command, "replay", folder, "siem:1", "siem:3")
    assert result.stdout == "siem: 2 dead letters queued for replay\n"
    rows = json.loads(run(deadletter.command, "list", folder, "--json").stdout)
    assert [row["replay"] for row in rows] == [True, False, True]
    assert "message, to be sent" in run(deadletter.command, "list", folder).stdout


def test_what_is_marked_while_no_forwarder_runs_goes_with_the_next_one(tmp_path):
    path = tmp_path / "siem.queue"
    siem = Queue.open(path)
    siem.append([MessageBatch(TELEMETRY, [b"large", b"small"])])
    siem.dead_letter(siem.fetch(), 0, "too large")
    siem.append([], dead=[DeadLetter("event", "why", "stdin:1", b"{}")])
    siem.close()
    result = run(deadletter.command, "replay", tmp_path, "--all")
    assert (
        result.stdout
        == "siem: 2 dead letters queued for replay when forward runs with this queue\n"
    )
    siem = Queue.open(path)
    assert [letter.raw for letter in siem.take_replays()] == [b"{}"]
    assert siem.sum().holds()
    assert siem.sum()[:5] == (2, 0, 0, 0, 2)
    siem.close()
    rows = json.loads(run(deadletter.command, "list", tmp_path, "--json").stdout)
    assert [row["kind"] for row in rows] == ["event"]


def test_replay_wants_to_know_which(folder):
    for words in ([], ["siem:1", "--all"]):
        result = run(deadletter.command, "replay", folder, *words)
        assert isinstance(result.exception, UsageError)


@pytest.mark.parametrize(
    "words",
    [["queue", "status"], ["queue", "peek"], ["deadletter", "list"], ["deadletter", "replay", "1"]],
)
def test_where_there_is_no_queue_the_exit_code_is_2(tmp_path, words):
    ran = commands.run(
        [COMMAND, *words[:2], tmp_path, *words[2:]], capture_output=True, check=False
    )
    assert ran.returncode == 2
    assert ran.stdout == b""
    assert plain(ran.stderr.decode()) == (
        f"cef-bridge: {tmp_path}: there is no queue in this folder. "
        "Name the folder that --queue names\n"
    )


def test_the_installed_command_looks_into_a_queue_that_is_in_use(folder):
    ran = commands.run([COMMAND, "queue", "status", folder], capture_output=True, check=True)
    assert f"process {os.getpid()}" in ran.stdout.decode()
    ran = commands.run(
        [COMMAND, "queue", "peek", folder, "--count", "1"], capture_output=True, check=True
    )
    assert ran.stdout == b"other 0\ntelemetry 3\n"


def test_a_damaged_queue_is_reported_in_words(folder):
    (folder / "other.queue").write_bytes(b"x" * 100_000)
    ran = commands.run([COMMAND, "queue", "status", folder], capture_output=True, check=False)
    assert ran.returncode == 1
    assert plain(ran.stderr.decode()) == (
        f"cef-bridge: {folder}/other.queue is damaged (file is not a database). "
        "A forwarder that opens it puts it aside, and keeps what can be read of it\n"
    )
