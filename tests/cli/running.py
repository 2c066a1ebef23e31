"""The installed command as an operator runs it, and what none of its runs may ever show."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import commands
from commands import COMMAND

DATA = Path(__file__).parent.parent / "data"

_PYTHON = re.compile(
    r"Traceback|NoneType|KeyError|[A-Z]\w*Error\b|Exception|__\w+__|<class|<function| object at 0x|"
    r"errno|Errno|\.py\b|errors\.|b'|inside the program"
)
_SUMMARY = re.compile(
    r"^([\d,]+) lines?: ([\d,]+) converted, ([\d,]+) filtered, ([\d,]+) rejected, ([\d,]+) skipped, "
    r"([\d,]+) blank \([\d.]+ s(?:, [\d,]+ events/s)?; engine: .+\)$",
    re.MULTILINE,
)
_COUNTS = ("lines", "converted", "filtered", "rejected", "skipped", "blank")


class Ran(NamedTuple):
    """How a run ended, and what it wrote. `messages` are the lines of its stdout."""

    code: int
    out: bytes
    err: str

    @property
    def messages(self) -> list[str]:
        assert self.out == b"" or self.out.endswith(b"\n")
        return self.out.decode().split("\n")[:-1]

    @property
    def counts(self) -> dict[str, int]:
        return counts(self.err)


def counts(err: str) -> dict[str, int]:
    """Return the counts of the summary; they add up, always."""
    found = _SUMMARY.search(err)
    assert found, err
    told = {
        name: int(text.replace(",", "")) for name, text in zip(_COUNTS, found.groups(), strict=True)
    }
    assert told["lines"] == sum(told[name] for name in _COUNTS[1:])
    return told


def plain(err: str) -> str:
    """Return what was said, when no operator would take it for a program's insides."""
    assert not _PYTHON.search(err), err
    return err


def until_it_handles(process: subprocess.Popen[bytes], number: int) -> None:
    """Wait until a run has a handler of its own for a signal."""
    status = Path(f"/proc/{process.pid}/status")
    deadline = time.monotonic() + 60
    while True:
        caught = next(it for it in status.read_text().splitlines() if it.startswith("SigCgt:"))
        if int(caught.split()[1], 16) & 1 << (number - 1):
            return
        assert time.monotonic() < deadline, f"signal {number} is not handled"
        time.sleep(0.01)


def convert(
    *words: object, stdin: bytes | int = b"", env: dict[str, str] | None = None, **options
) -> Ran:
    done = commands.run(
        [COMMAND, "convert", *map(str, words)],
        check=False,
        stdout=options.pop("stdout", subprocess.PIPE),
        stderr=subprocess.PIPE,
        timeout=60,
        env={**os.environ, **(env or {})},
        **({"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}),
        **options,
    )
    return Ran(done.returncode, done.stdout or b"", plain(done.stderr.decode()))


class Said(NamedTuple):
    """How a run ended, and what it said, as texts."""

    returncode: int
    stdout: str
    stderr: str


def mapping(*words: object, stdin: bytes = b"") -> Said:
    """Run a subcommand of `mapping`."""
    done = commands.run(
        [COMMAND, "mapping", *map(str, words)],
        check=False,
        input=stdin,
        capture_output=True,
        timeout=60,
    )
    return Said(done.returncode, done.stdout.decode(), plain(done.stderr.decode()))


def start(*words: object, **options) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    # Unbuffered: what `communicate` reads must not have been read ahead by `readline`.
    words = [COMMAND, "convert", *map(str, words)]
    return commands.Popen(words, bufsize=0, **{**pipes, **options})


def event(number: int = 0, **fields: object) -> bytes:
    """Return an event as the relay prints it; each number makes another one."""
    row = {
        "Timestamp": 1772528401,
        "UpdatedTime": f"2026-03-03T09:{number // 60 % 60:02d}:{number % 60:02d}.004233Z",
        "ClusterName": "harbor-eu",
        "HostName": "node-a1",
        "NamespaceName": "shop",
        "Owner": {"Ref": "Deployment", "Name": "checkout", "Namespace": "shop"},
        "PodName": "checkout-5d9c7b6f4-x2k8p",
        "Labels": "app=checkout,tier=web",
        "ContainerID": "c7761e58969f7edd498186641b2021e8477e1bcd230de4cf3435242da4a40d14",
        "ContainerName": "checkout",
        "ContainerImage": "registry.example.net:5000/shop/checkout:2.4.1",
        "HostPID": 40000 + number,
        "PID": 102,
        "Type": "ContainerLog",
        "Source": "/usr/bin/python3",
        "Operation": "File",
        "Resource": f"/srv/file-{number}",
        "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY",
        "Result": "Passed",
        **fields,
    }
    return json.dumps({key: value for key, value in row.items() if value is not None}).encode()


def names(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


def events(count: int) -> bytes:
    return b"".join(event(number) + b"\n" for number in range(count))
