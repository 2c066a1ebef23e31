"""A command at a real terminal of a size: what it got, and what stands there while it runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
import threading
import time
from typing import TYPE_CHECKING, NamedTuple, Self

import commands
from commands import COMMAND

if TYPE_CHECKING:
    from collections.abc import Callable

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]")
PATIENCE = 60.0  # seconds that something may take on a busy machine
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


class Emulated:
    """What a terminal of so many columns shows after some text: all lines, those above as well."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.lines: list[list[str]] = [[]]
        self._row = self._column = 0

    def feed(self, text: str) -> None:
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            elif token[0] == "\r":
                self._column = 0
            elif token[0] == "\n":
                self._down()
            else:
                self._put(token[0])

    def _control(self, words: str, kind: str) -> None:
        if kind == "A":
            self._row = max(self._row - int(words or 1), 0)
        elif kind == "K":
            assert words in ("", "0"), words
            del self.lines[self._row][self._column :]
        else:
            assert kind == "m", f"this terminal does not know ESC[{words}{kind}"

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.lines):
            self.lines.append([])

    def _put(self, char: str) -> None:
        if self._column >= self.columns:
            self._column = 0
            self._down()
        line = self.lines[self._row]
        line += " " * (self._column - len(line))
        line[self._column : self._column + 1] = [char]
        self._column += 1

    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self.lines)


class Terminal:
    """A running command whose stdin, stdout and stderr are a terminal."""

    def __init__(self, *words: object, columns: int = 80, rows: int = 24, **variables: str) -> None:
        self.columns = columns
        self._ours, theirs = open_terminal(columns, rows)
        self.process = commands.Popen(
            [COMMAND, *map(str, words)],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment(**variables),
        )
        os.close(theirs)
        self._raw = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux: the other end of the terminal has gone
            while part := os.read(self._ours, 1 << 16):
                self._raw += part

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._thread.join(10)
        os.close(self._ours)

    @property
    def raw(self) -> str:
        """All that was written, as it was."""
        return self._raw.decode(errors="replace")

    def shows(self) -> str:
        """Return what stands there now."""
        screen = Emulated(self.columns)
        screen.feed(self.raw)
        return screen.text()

    def until(self, condition: Callable[[str], object]) -> str:
        """Wait until what it shows meets a condition; return that."""
        deadline = time.monotonic() + PATIENCE
        while not condition(shown := self.shows()):
            assert time.monotonic() < deadline, shown
            time.sleep(0.05)
        return shown

    def end(self, number: int) -> int:
        """Send a signal, wait for the end, return the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(PATIENCE)
        self._thread.join(10)
        return code
