"""kill -9 at any moment: what a transaction brought is there as a whole or not at all.

A process appends and another thread of it settles, and both write down what was done once the
queue had said so. Then it is killed, and what it said is held against the file.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from pathlib import Path

import commands
from queue_help import drained, mark, numbers, opened

from cef_bridge.queue.queue import inspect

ROW = 20

PROGRAM = f"""
import os, sys, threading
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from queue_help import batch, mark, numbers
from cef_bridge.queue.queue import Queue

queue = Queue.open(Path(sys.argv[1]), limit=4 << 20)
row = queue.sequence // {ROW}
queue.rewind()

def send():
    flying = []
    while True:
        if not queue.wait(1):
            continue
        stored = queue.fetch(3 if len(flying) == 1 else None)
        if stored is None:
            continue
        flying.append(stored)
        if len(flying) == 3:
            queue.dead_letter(stored, 0, "why")
            queue.settle(flying, "confirmed", hold=True)
            queue.release(flying)
            for each in flying:
                for number in numbers(each.messages):
                    os.write(1, b"settled %d\\n" % number)
            flying = []

# A sender that fails must not pass for one that is slow
threading.excepthook = lambda failed: (sys.__excepthook__(*failed[:3]), os._exit(1))
threading.Thread(target=send, daemon=True).start()
while True:
    queue.append([batch(row * {ROW}, {ROW}, row % 2, 600)], [mark(row)], counts={{"received": {ROW}}})
    os.write(1, b"appended %d\\n" % row)
    row += 1
"""


def run_and_kill(path: Path, seconds: float) -> list[tuple[str, int]]:
    """Return what a process said of the queue before it was killed."""
    notes = path.with_name("notes")
    with notes.open("wb") as out:
        process = commands.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(Path(__file__).parent)], stdout=out
        )
    while b"appended" not in notes.read_bytes():
        assert process.poll() is None
        time.sleep(0.005)
    time.sleep(seconds)
    assert process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    whole = notes.read_bytes().rpartition(b"\n")[0].decode().splitlines()
    return [(line.split()[0], int(line.split()[1])) for line in whole]


def test_kill_9_at_random_moments_loses_and_doubles_nothing(tmp_path):
    path = tmp_path / "siem.queue"
    moments = random.Random(7)  # noqa: S311  # moments, not secrets
    settled: set[int] = set()
    for _ in range(8):
        said = run_and_kill(path, moments.uniform(0, 0.4))
        appended = [number for what, number in said if what == "appended"]
        settled.update(number for what, number in said if what == "settled")
        status = inspect(path).status()
        assert status.sum.holds()
        rows, rest = divmod(status.sum.accepted, ROW)
        assert rest == 0
        assert appended[-1] + 1 <= rows <= appended[-1] + 2  # what it did not come to say
        assert status.totals["received"] == rows * ROW
        assert status.process is None
    assert settled
    with opened(path) as queue:
        assert queue.marks() == {"stream": mark(rows - 1)}
        found = queue.sum()
        assert found.holds()
        assert found.in_flight == 0
        assert found.accepted == rows * ROW
        queue.release()
        waiting = numbers(drained(queue))
        assert len(waiting) == len(set(waiting)) == found.waiting
        assert not settled & set(waiting)
        # Everything else was confirmed or buried, and each of these once.
        assert found.confirmed + found.dead_lettered == rows * ROW - len(waiting)
        assert set(waiting) <= set(range(rows * ROW))
