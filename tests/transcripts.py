"""Transcripts in Markdown: what they show, and whether it is what comes out.

A `console` block is `$ command`, then its output, stderr included. `…` stands for text that is
left out; alone on a line, for any number of lines. A `yaml` block that begins with `# name.yaml` is
that file.
"""

from __future__ import annotations

import os
import re
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import commands
from commands import COMMAND

ROOT = Path(__file__).parent.parent
_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"# (\S+\.yaml)\n")


SHOWN_PORT = "5514"
"""The port that pages show. Tests take a free one, since another run may use this one."""


def free_port() -> str:
    """Return a port of 127.0.0.1 that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Shown(NamedTuple):
    command: str
    output: str

    def at(self, port: str) -> Shown:
        """Return the same with another port."""
        return Shown(*(text.replace(SHOWN_PORT, port) for text in self))

    def matches(self, got: str) -> bool:
        """Tell whether an output is the one that is shown."""
        pattern = "".join(
            r"(?:[^\n]*\n)*" if line == "…\n" else re.escape(line).replace("…", "[^\n]+?")
            for line in self.output.splitlines(keepends=True)
        )
        return re.fullmatch(pattern, got) is not None


def page(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return [block for name, block in _BLOCK.findall(text) if name == language]


def transcript(text: str) -> list[Shown]:
    found: list[Shown] = []
    for block in blocks(text, "console"):
        assert block.startswith("$ "), "a console block begins with a command"
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append(Shown(command, output))
    return found


def write_files(text: str, folder: Path) -> None:
    """Write the files that a page shows to a folder, which gets the sample events too."""
    (folder / "tests").symlink_to(ROOT / "tests")
    for block in blocks(text, "yaml"):
        if name := _FILE.match(block):
            (folder / name[1]).write_text(block, encoding="utf-8")


def run(command: str, folder: Path) -> str:
    """Return what a command prints, run as somebody who reads the page would."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "NO_COLOR": "1"}
    program, *words = shlex.split(command)
    if program == "cef-bridge" and not set(command) & set("|&;<>()$`*?[]#~{}!\n\\"):
        words = [COMMAND, *words]  # no shell is needed
    else:
        words = ["bash", "-c", command]
        env["LC_ALL"] = "C.UTF-8"
    done = commands.run(
        words,
        check=False,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    return done.stdout.decode()
