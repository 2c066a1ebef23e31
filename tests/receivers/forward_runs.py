"""`cef-bridge forward` as a process, and what it ought to have sent: what `convert` writes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from typing import TYPE_CHECKING, Self
from urllib.parse import urlencode

import commands
from commands import COMMAND

from cef_bridge import generator
from cef_bridge.errors import CefBridgeError
from cef_bridge.queue.queue import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from certificates import Authority
    from daemons import Receiver

    from cef_bridge.queue.values import Sum

# A node's time and name, and a priority: what receivers expect, whatever the mapping says.
HEADER = ("--syslog-header", "rfc5424")


def write_events(path: Path, count: int, *, kind: str = "logs", seed: int = 1) -> Path:
    """Write so many events, no two of them the same. Logs all go in one lane, so in this order."""
    with path.open("wb") as file:
        file.writelines(generator.events(count, seed=seed, kind=kind))
    return path


def converted(path: Path, *words: str) -> list[bytes]:
    """Return the messages of a file's events, in its order."""
    done = commands.run(
        [COMMAND, "convert", *HEADER, *words, str(path)],
        check=True,
        capture_output=True,
        timeout=120,
    )
    return done.stdout.split(b"\n")[:-1]


def url(receiver: Receiver, authority: Authority, **words: object) -> str:
    """Return the URL of a receiver, with what its transport asks for."""
    said: dict[str, object] = dict(words)
    scheme = receiver.transport
    if scheme != "udp":
        said["framing"] = receiver.framing
    if scheme in ("tls", "mtls"):
        said["ca"] = authority.ca
    if scheme == "mtls":
        scheme = "tls"
        said["cert"], said["key"] = authority.issue(client=True)
    return f"{scheme}://localhost:{receiver.port}?{urlencode(said, safe='/')}"


class Forward:
    """The command, running; its end is waited for, or brought about when the test is over."""

    def __init__(self, folder: Path, *words: object) -> None:
        self.queues = folder / "queues"
        self._log = folder / "forward.log"
        with self._log.open("ab") as log:
            self._process = commands.Popen(
                [COMMAND, "forward", *HEADER, "--queue", str(self.queues), *map(str, words)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "NO_COLOR": "1"},
            )

    def runs(self) -> bool:
        return self._process.poll() is None

    def wait(self, timeout: float = 90) -> int:
        """Return the exit code."""
        return self._process.wait(timeout)

    def terminate(self) -> int:
        """Ask it to end, as an operator does."""
        self._process.terminate()
        return self.wait(30)

    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def sum(self) -> Sum:
        """Return the totals of its queue, which hold while it runs too."""
        return totals(self.queues)

    def until(self, confirmed: int, timeout: float = 30) -> Sum:
        """Wait until so many messages are confirmed."""
        for _ in _often(timeout):
            if not self.runs():
                break
            with contextlib.suppress(ValueError, CefBridgeError):  # it is only being made
                if (told := self.sum()).confirmed >= confirmed:
                    return told
        raise AssertionError(f"{confirmed} were not confirmed: {self.log()}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.runs():
            self._process.kill()
        self._process.wait()


def totals(queues: Path) -> Sum:
    """Return the totals of the one queue in a folder."""
    (path,) = queues.glob("*.queue")
    return inspect(path).status().sum


def _often(timeout: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        yield None
        time.sleep(0.02)
