"""Queues that other versions wrote are read and delivered, or put aside whole with what to do.

tests/data/queues has queues as 0.1.0 left them: `forward -m splunk` had 61 lines, one of them cut, and no
collector. `first` is of the first commit that has format 1 (c423da5), the other of the last one before
0.2.0 began (4cc29df). 0.1.0.cef is what `convert` of 0.1.0 made of the same lines. Both came from a
worktree of their commit:

    cef-bridge generate --count 60 --seed 5 >events.log; sed -i '30i {"Operation":"File","Resource":"/etc/pass' events.log
    cef-bridge convert -m splunk --syslog-header rfc5424 events.log -o 0.1.0.cef
    cef-bridge forward --from events.log --to tcp://127.0.0.1:1 -m splunk --queue queue --once     # then SIGTERM
"""

from __future__ import annotations

import gzip
import json
import sqlite3

import commands
import pytest
from commands import COMMAND
from queue_help import opened
from transcripts import ROOT

from cef_bridge.errors import UsageError
from cef_bridge.queue import schema
from cef_bridge.queue.queue import inspect

DATA = ROOT / "tests" / "data" / "queues"
SENT = gzip.decompress((DATA / "0.1.0.cef.gz").read_bytes()).splitlines()
VERSIONS = ["0.1.0-first", "0.1.0"]
CONFIG = """\
queue: queue
sources: [{{from: empty.log}}]
destinations: [{{name: siem, to: "file://{sent}", mapping: splunk}}]
"""


@pytest.fixture
def old(request, tmp_path):
    """Return a folder with a queue of another version, and the config of a forwarder that takes it up."""
    (tmp_path / "queue").mkdir()
    packed = (DATA / f"{request.param}.queue.gz").read_bytes()
    (tmp_path / "queue" / "siem.queue").write_bytes(gzip.decompress(packed))
    (tmp_path / "empty.log").touch()
    (tmp_path / "forward.yaml").write_text(CONFIG.format(sent=tmp_path / "sent.cef"), "utf-8")
    return tmp_path


def run(folder, *words):
    return commands.run(
        [COMMAND, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=120
    )


def status(folder) -> dict[str, object]:
    done = run(folder, "queue", "status", "--json", "queue")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("old", VERSIONS, indirect=True)
def test_a_queue_of_an_earlier_version_is_shown_and_delivered(old):
    before = status(old)
    assert (before["waiting"], before["dead_letters"]) == (60, 1)
    peeked = run(old, "queue", "peek", "--count", "60", "queue").stdout.splitlines()
    assert sorted(peeked) == sorted(line.decode() for line in SENT)
    listed = run(old, "deadletter", "list", "queue")
    assert "a text has no end" in listed.stdout

    done = run(old, "forward", "--config", "forward.yaml", "--once")
    assert done.returncode == 0, done.stderr
    assert sorted((old / "sent.cef").read_bytes().splitlines()) == sorted(SENT)
    after = status(old)
    assert (after["waiting"], after["accepted"], after["dead_letters"]) == (0, 60, 1)
    assert after["confirmed"] + after["unconfirmed"] == 60
    assert [path.name for path in (old / "queue").iterdir() if "damaged" in path.name] == []


@pytest.mark.parametrize("old", VERSIONS, indirect=True)
def test_what_this_version_writes_has_the_tables_that_0_1_0_reads(old, tmp_path):
    """So the way back is open: a change of the tables has to raise schema.VERSION, and this test says it."""
    with opened(tmp_path / "new.queue"):
        pass
    tables, formats = [], []
    for path in (old / "queue" / "siem.queue", tmp_path / "new.queue"):
        with sqlite3.connect(path) as file:
            tables.append(set(file.execute("SELECT name, sql FROM sqlite_schema")))
            formats.append(file.execute("PRAGMA user_version").fetchone()[0])
        file.close()
    assert tables[0] == tables[1]
    assert formats == [schema.VERSION] * 2


@pytest.mark.parametrize("old", VERSIONS[-1:], indirect=True)
def test_a_queue_of_a_later_version_is_named_and_kept_whole(old):
    path = old / "queue" / "siem.queue"
    with sqlite3.connect(path) as file:
        file.execute("ALTER TABLE facts ADD COLUMN later TEXT")
        file.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    file.close()
    before = path.read_bytes()
    with pytest.raises(UsageError, match=f"its format is {schema.VERSION + 1}, this one reads"):
        inspect(path).status()
    shown = run(old, "queue", "status", "queue")
    assert shown.returncode == 2
    assert "was written by another version of cef-bridge" in shown.stderr
    assert "Send what is in it with that version, or move it away" in shown.stderr

    done = run(old, "forward", "--config", "forward.yaml", "--once")
    assert "run the version that wrote it with --queue FOLDER" in done.stderr
    (kept,) = (old / "queue").glob(f"siem.queue.format-{schema.VERSION + 1}-*")
    assert kept.read_bytes() == before
    assert "Traceback" not in done.stderr + shown.stderr


def test_the_status_of_many_folders_is_one_table(tmp_path):
    for name in ("a", "b"):
        with opened(tmp_path / name / "siem.queue"):
            pass
    done = run(tmp_path, "queue", "status", "a", "b")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["queue", "a/siem", "b/siem"]
    found = json.loads(run(tmp_path, "queue", "status", "--json", "a", "b").stdout)
    assert [each["path"] for each in found] == ["a/siem.queue", "b/siem.queue"]
    # One that cannot be read hides none of the others.
    (tmp_path / "b" / "siem.queue").write_bytes(b"no database" * 100)
    done = run(tmp_path, "queue", "status", "b", "missing", "a")
    assert done.returncode == 2
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["queue", "a/siem"]
    assert "b/siem.queue" in done.stderr
    assert "missing" in done.stderr
