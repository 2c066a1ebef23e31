"""What the tests of `convert --checkpoint` share: an archive, and runs of it that can be interrupted.

The command runs with pieces of 64 KiB and writes its state after each, so that a few megabytes do
what an archive of hours does.
"""

from __future__ import annotations

import contextlib
import functools
import gzip
import io
import json
import subprocess
import sys
import tarfile
import time
from typing import TYPE_CHECKING

import commands
from running import Ran, event, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

WORDS = ["--rejects", "bad.jsonl", "--report", "report.json", "-o", "out.cef"]
# sys.argv: "slow" or "", the name of the file before which it hangs, then the words of the command
SMALL_PIECES = """
import sys, time
import cef_bridge.cli.jobs, cef_bridge.cli.staged, cef_bridge.cli.state, cef_bridge.files
import cef_bridge.convert.parallel
from cef_bridge.cli import main
slow, hang = sys.argv[1:3]
sys.argv[:] = ["cef-bridge", *sys.argv[3:]]
cef_bridge.cli.jobs._SMALL = 0
cef_bridge.cli.state._EVERY = 0
cef_bridge.convert.parallel._LEAST_PIECE = cef_bridge.convert.parallel._MOST_PIECE = 1 << 16
if slow:
    settled = cef_bridge.convert.parallel.ParallelRun._settled
    def slowly(run):
        settled(run)
        time.sleep(0.01)
    cef_bridge.convert.parallel.ParallelRun._settled = slowly
if hang:
    for each in (cef_bridge.files.AtomicFile, cef_bridge.cli.staged.StagedObject):
        def commit(file, whole=each.commit):
            return time.sleep(60) if hang in ("all", file.path.name) else whole(file)
        each.commit = commit
main()
"""


def content(first: int) -> bytes:
    """Return some 1.5 MB: lines, documents, an array, cut lines, noise, damage."""
    rows = []
    for number in range(first, first + 2200):
        line = event(number)
        kind = number % 40
        if kind == 7:
            line = json.dumps(json.loads(line), indent=1).encode()
        elif kind == 9:
            line = b"[" + b",\n".join([line] * 3) + b"]"
        elif kind == 11:
            stamp = b"2026-03-03T09:00:01.3Z stdout "
            rows.append(stamp + b"P " + line[:200])
            rows += [event(number, Resource="/between")] * 3
            line = stamp + b"F " + line[200:]
        elif kind == 13:
            line = b'{"Type":"x","Operation":}'
        elif kind == 15:
            line = b"Started to watch"
        elif kind == 17:
            line = event(number, UpdatedTime=None, Timestamp=None)
        rows.append(line)
    return b"\n".join(rows) + b"\n"


@functools.cache
def inputs() -> dict[str, bytes]:
    """Return inputs of several kinds, by their names."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz", compresslevel=1) as tar:
        for name in ("x", "y", "z"):
            data = content(ord(name))
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return {
        "big.json": content(0) + content(50_000),
        "a.gz": gzip.compress(content(1), 1),
        "c.tar.gz": made.getvalue(),
    }


# What a run that nobody interrupts writes: of the same inputs always the same
_EXPECTED: list[tuple[bytes, bytes, dict[str, object]]] = []


class Archive:
    """Inputs of several kinds in a folder, and what a run that nobody interrupts makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said = ""
        self.outputs = WORDS
        for name, data in inputs().items():
            (folder / name).write_bytes(data)
        self.inputs = [*inputs()]
        self.names = names = sorted([*self.inputs, "out.cef", "bad.jsonl", "report.json"])
        if not _EXPECTED:
            self.convert("-j", 1, state=None)
            _EXPECTED.append(self.written())
            assert sorted(each.name for each in folder.iterdir()) == names
            for name in ("out.cef", "bad.jsonl", "report.json"):
                (folder / name).unlink()
        self.expected = _EXPECTED[0]
        self.timeless = self.expected[2]["without_time"]

    def words(self, *words: object, state: str | None = "state.json", base=None) -> list[str]:
        given = self.inputs if base is None else base
        kept = [] if state is None else ["--checkpoint", state]
        return ["convert", *given, *self.outputs, *kept, *map(str, words)]

    def convert(self, *words: object, state: str | None = "state.json", base=None) -> Ran:
        done = commands.run(
            [
                sys.executable,
                "-c",
                SMALL_PIECES,
                "",
                "",
                *self.words(*words, state=state, base=base),
            ],
            check=False,
            capture_output=True,
            cwd=self.folder,
            timeout=60,
        )
        return Ran(done.returncode, done.stdout, plain(done.stderr.decode()))

    def written(self) -> tuple[bytes, bytes, dict[str, object]]:
        """Return the messages, the rejects and the report without its times."""
        report = json.loads((self.folder / "report.json").read_bytes())
        for row in (report, *report["inputs"]):
            row.pop("seconds")
        del report["finished"]
        out = (self.folder / "out.cef").read_bytes()
        return out, (self.folder / "bad.jsonl").read_bytes(), report

    def wait_for(self, size: int) -> None:
        """Wait until so many bytes of messages were written."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            for path in self.folder.glob(".out.cef*.part"):
                if path.stat().st_size >= size:
                    return
            time.sleep(0.005)
        raise AssertionError("nothing was written")

    def complete(self) -> bool:
        """Tell whether the state file says that all is converted."""
        with contextlib.suppress(FileNotFoundError):
            return bool(json.loads((self.folder / "state.json").read_bytes())["complete"])
        return False


@contextlib.contextmanager
def slow(archive: Archive, *words: object, hang: str = "") -> Iterator[subprocess.Popen[bytes]]:
    """Start a run that can be interrupted in time; `hang`: before it gives this file its name."""
    modes = ["slow", hang]
    with commands.Popen(
        [sys.executable, "-c", SMALL_PIECES, *modes, *archive.words(*words)],
        cwd=archive.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        yield process


def resumed_until_done(
    archive: Archive, interrupt: Callable[[subprocess.Popen[bytes], int], None], turns: int
) -> int:
    """Begin and interrupt some runs by 1, 2 and 3 threads, then run to the end.

    Returns how many were interrupted indeed.
    """
    interrupted = 0
    for turn in range(turns):
        with slow(archive, "-j", 1 + turn % 3) as process:
            interrupt(process, turn)
            process.communicate(timeout=60)
        interrupted += process.returncode not in {0, 3}
        if process.returncode in {0, 3}:
            return interrupted
    ran = archive.convert("-j", 2)
    assert ran.code == 3, ran.err
    return interrupted
