"""`forward` when the collector is down for long: memory, the queue's size, what a terminal shows."""

from __future__ import annotations

import os
import pty
import re
import time
from pathlib import Path

import commands
from forwards import Forward, books, write_events
from running import COMMAND
from waiting import until

from cef_bridge.collector.collector import Collector

MANY = 200_000
MOST_MEMORY = 150 << 20


def peak(pid: int) -> int:
    """Return the largest resident memory of a process so far, in bytes."""
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", text)[1]) << 10


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir() if path.suffix != ".reserve")


def test_very_many_events_for_a_collector_that_is_down_take_no_memory_and_the_queue_shrinks_again(
    tmp_path,
):
    # The same events again and again would be remembered: each part has a seed of its own.
    log, part = tmp_path / "ka.log", tmp_path / "part.log"
    with log.open("wb") as file:
        for seed in range(4):
            file.write(write_events(part, MANY // 4, seed=seed).read_bytes())
    part.unlink()
    queue = tmp_path / "q"
    with Collector(["tcp://127.0.0.1:0"], rules=None) as collector:
        collector.stop()
        words = ("--from", log, "--to", f"{collector.urls[0]}?name=siem", "--queue", queue)
        with Forward(*words) as run:
            until(lambda: waiting(queue) >= MANY, 300)
            down, largest = peak(run.process.pid), size(queue)
            collector.start()
            until(lambda: collector.distinct >= MANY, 120)
            until(lambda: size(queue) < max(largest // 20, 4 << 20))
            up = peak(run.process.pid)
            assert run.end().code == 0
    assert books(queue)["siem"]["confirmed"] == MANY
    assert down < MOST_MEMORY, f"{down >> 20} MB while the collector was down"
    assert up < MOST_MEMORY, f"{up >> 20} MB after it came back"


def waiting(queue: Path) -> int:
    done = commands.run(
        [COMMAND, "queue", "status", queue, "--json"], check=False, capture_output=True, timeout=30
    )
    found = re.search(rb'"waiting": ?(\d+)', done.stdout)
    time.sleep(0.5)
    return int(found[1]) if found else 0


def test_a_terminal_shows_one_line_that_changes(tmp_path):
    log = write_events(tmp_path / "ka.log", 100)
    ours, theirs = pty.openpty()
    words = ["--from", log, "--to", f"file://{tmp_path}/out.cef"]
    env = {**os.environ, "COLUMNS": "200"}
    with commands.Popen([COMMAND, "forward", *words], stderr=theirs, env=env) as process:
        os.close(theirs)
        shown, ended = b"", False
        while True:
            try:
                piece = os.read(ours, 1 << 16)
            except OSError:  # Linux: the other end of the terminal has gone
                break
            shown += piece
            seen = shown.count(b"\r\x1b[K") >= 2 and b"100 confirmed" in shown
            if seen and not ended:  # a second signal would end it at once
                ended = True
                process.terminate()
        os.close(ours)
    assert process.returncode == 0
    assert shown.count(b"\r\x1b[K") >= 2
    assert b"file-out.cef: " in shown
    assert b"100 confirmed" in shown
