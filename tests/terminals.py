"""A command at a real terminal of a size, and what stands there afterwards."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from typing import NamedTuple

import commands
from commands import COMMAND

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_SETTINGS = ("COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR")


class Seen(NamedTuple):
    """What a terminal got (stdout and stderr as they came), and the exit code."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        """The text without its colours."""
        return _ESCAPE.sub("", self.raw)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def open_terminal(columns: int = 80, rows: int = 24) -> tuple[int, int]:
    """Return our end and the command's end of a terminal of that size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    return ours, theirs


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of somebody at a terminal: nothing says how wide it is but itself."""
    own = {name: text for name, text in os.environ.items() if name not in _SETTINGS}
    return own | {"TERM": "xterm-256color"} | variables


def read_all(ours: int) -> str:
    """Return all that comes to a terminal until nobody is at the other end."""
    shown = b""
    while True:
        try:
            part = os.read(ours, 1 << 16)
        except OSError:  # Linux: the other end of the terminal has gone
            part = b""
        if not part:
            os.close(ours)
            return shown.decode().replace("\r\n", "\n")
        shown += part


def at_a_terminal(*words, columns=80, cwd=None, stdout=None, stderr=None, **variables) -> Seen:
    """Run cef-bridge at a terminal of so many columns; `stdout` and `stderr` go elsewhere if given."""
    ours, theirs = open_terminal(columns)
    with commands.Popen(
        [COMMAND, *map(str, words)],
        stdin=subprocess.DEVNULL,
        stdout=theirs if stdout is None else stdout,
        stderr=theirs if stderr is None else stderr,
        env=environment(**variables),
        cwd=cwd,
    ) as process:
        os.close(theirs)
        shown = read_all(ours)
    return Seen(process.returncode, shown)
