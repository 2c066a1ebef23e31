"""The forwarder as an operator runs it: the installed command, a collector on loopback, its queue."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from typing import TYPE_CHECKING, NamedTuple, Self

import commands
from running import COMMAND, plain
from waiting import PATIENCE, until

from cef_bridge.errors import CefBridgeError
from cef_bridge.generator import events
from cef_bridge.queue.inspector import inspect
from cef_bridge.queue.queue import Queue

if TYPE_CHECKING:
    from pathlib import Path


class Ended(NamedTuple):
    code: int
    out: bytes
    err: str


class Forward:
    """A running `cef-bridge forward`; ends with the test that began it.

    Its stderr is a file, so that a test can wait for what it says: `until_says`. Its temporary
    files are its own, so that no run meets what others left.
    """

    def __init__(self, *words: object, env: dict[str, str] | None = None, **options) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="forward-")
        self._err = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the test
        self.process = commands.Popen(
            [COMMAND, "forward", *map(str, words)],
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=self._err,
            env={**os.environ, "TMPDIR": self._temporary.name, **(env or {})},
            **options,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        for stream in (self.process.stdin, self.process.stdout, self._err):
            if stream is not None:
                stream.close()
        self._temporary.cleanup()

    def send(self, number: int) -> None:
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE, stdin: bytes | None = None) -> Ended:
        out, _ = self.process.communicate(stdin, timeout=timeout)
        return Ended(self.process.returncode, out, plain(self.said()))

    def said(self) -> str:
        """Return what it has said until now."""
        size = os.fstat(self._err.fileno()).st_size
        return os.pread(self._err.fileno(), size, 0).decode(errors="replace")

    def until_says(self, words: str, times: int = 1) -> None:
        """Wait until it has said these words so many times."""
        until(lambda: self.said().count(words) >= times, what=f"to say {words!r}")

    def end(self, number: int = signal.SIGTERM) -> Ended:
        self.send(number)
        return self.wait()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def forward(*words: object, timeout: float = PATIENCE, **options) -> Ended:
    with Forward(*words, **options) as run:
        return run.wait(timeout)


def write_events(path: Path, count: int, *, seed: int = 1, kind: str = "all") -> Path:
    with path.open("wb") as file:
        file.writelines(events(count, seed=seed, kind=kind))
    return path


def books(folder: Path) -> dict[str, dict[str, int]]:
    """Return the totals of all queues of a folder, by destination; each one's sum must hold."""
    found = {}
    for path in sorted(folder.glob("*.queue")):
        queue = Queue.open(path)
        try:
            fate = queue.sum()
            assert fate.holds(), fate
            found[path.stem] = {
                **queue.totals(),
                "waiting": fate.waiting,
                "dropped": sum(fate.dropped.values()),
            }
        finally:
            queue.close()
    return found


def balanced(totals: dict[str, int]) -> bool:
    """Tell whether what was received became something, and what became a message is in the sum."""
    fates = ("converted", "filtered", "rejected", "noise", "blank")
    received = sum(totals.get(name, 0) for name in fates)
    return totals.get("received", 0) == received and totals.get("accepted", 0) == totals.get(
        "converted", 0
    ) + totals.get("own", 0)


def waiting_in(folders: list[Path]) -> int:
    """Return how many messages wait in the queues of some folders, also while they are in use."""
    try:
        views = [inspect(path) for folder in folders for path in folder.glob("*.queue")]
        return sum(view.status().sum.waiting for view in views)
    except CefBridgeError:  # it is being made
        return 0


def status(folder: Path) -> object:
    done = commands.run(
        [COMMAND, "queue", "status", folder, "--json"], check=True, capture_output=True, timeout=30
    )
    return json.loads(done.stdout)


def ids(messages: list[bytes]) -> list[bytes]:
    """Return the ids of KubeArmor's events; heartbeats and gaps, which have ids too, are left out."""
    return [
        found[1]
        for text in messages
        if b"=CefBridge" not in text and (found := re.search(rb"externalId=(\w{40})", text))
    ]
