"""Make the terminal pictures of docs/pictures/ from real runs: `python docs/make_pictures.py`.

Names after it make those alone: `python docs/make_pictures.py lint diff`. Each picture is what a
terminal of 80 columns shows of a command; sample files are those of README.md and of tests/data/.
A test runs the commands whose output is always the same, and fails when a picture is out of date.
"""

# ruff: noqa: INP001, T201 - a script beside the pages it writes

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pty
import re
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from terminal_svg import TerminalText, picture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
_COMMAND = str(Path(sys.executable).with_name("cef-bridge"))
_COLUMNS, _ROWS, _MANY = 80, 24, 34
_PATIENCE = 60.0
_DOWN = r"nothing listens(?s:.*) [1-9],\d+ waiting"
_PAGE_FILE = re.compile(r"^```yaml\n(# (\S+\.yaml)\n.*?)^```$", re.MULTILINE | re.DOTALL)


class Scene(NamedTuple):
    """A picture: what is typed, what makes it, and whether it is the same each time."""

    title: str
    shown: Callable[[str], TerminalText]
    steady: bool = True


class Terminal:
    """A command that runs on a terminal, and what that shows."""

    def __init__(self, command: str, rows: int = _ROWS) -> None:
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, _COLUMNS, 0, 0))
        hidden = ("COLUMNS", "LINES", "NO_COLOR")
        env = {name: text for name, text in os.environ.items() if name not in hidden}
        env["PATH"] = f"{Path(_COMMAND).parent}{os.pathsep}{env['PATH']}"
        self.process = subprocess.Popen(  # noqa: S603 - the commands are ours
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env={**env, "TERM": "xterm-256color"},
        )
        os.close(theirs)
        self._ours, self._written = ours, b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._thread.join()
        os.close(self._ours)

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # Linux: nobody is at the other end any more
            while part := os.read(self._ours, 1 << 16):
                self._written += part

    def ended(self) -> TerminalText:
        """Return what is shown when the command has ended."""
        self.process.wait(_PATIENCE)
        self._thread.join(_PATIENCE)
        return self.now()

    def until(self, words: str) -> TerminalText:
        """Return what is shown when the last rows have these words (a regular expression)."""
        deadline = time.monotonic() + _PATIENCE
        while not re.search(words, "\n".join((shown := self.now()).texts()[-6:])):
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise TimeoutError("\n".join(shown.texts()))
            time.sleep(0.05)
        return shown

    def now(self) -> TerminalText:
        """Return what is shown now."""
        shown = TerminalText(_COLUMNS)
        shown.feed(self._written.decode(errors="ignore"))
        return shown


def _run(command: str) -> TerminalText:
    with Terminal(command) as terminal:
        return terminal.ended()


def _end(command: str) -> TerminalText:
    """Show the last rows of a long output."""
    found = _run(command)
    while not found.texts()[-1]:
        found.rows.pop()
    del found.rows[:-_MANY]
    return found


def _free_port(port: int) -> int:
    """Return the first port from here on that nobody uses, of as many digits."""
    while True:
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
        port += 1


class _Ports:
    """Ports that a picture shows, and free ones of the same length that are used in their place."""

    def __init__(self, *shown: int) -> None:
        self._free: dict[int, int] = {}
        for port in shown:
            self._free[port] = _free_port(max([port, *(it + 1 for it in self._free.values())]))

    def used(self, command: str) -> str:
        return self._replaced(command, self._free)

    def told(self, found: TerminalText) -> TerminalText:
        """Return what is shown as if the ports were those of the picture."""
        back = {used: shown for shown, used in self._free.items()}
        for row in found.rows:
            chars = self._replaced("".join(char for char, _ in row), back)
            row[:] = [(char, style) for char, (_, style) in zip(chars, row, strict=True)]
        return found

    @staticmethod
    def _replaced(text: str, ports: dict[int, int]) -> str:
        return re.sub(r"\b\d{4}\b", lambda it: str(ports.get(int(it[0]), it[0])), text)


@contextlib.contextmanager
def _running(command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Have a command run beside, and end it."""
    words = [_COMMAND, *command.split()]
    null = subprocess.DEVNULL
    with subprocess.Popen(words, stdin=null, stdout=null, stderr=null) as process:  # noqa: S603
        try:
            yield process
        finally:
            process.kill()


@contextlib.contextmanager
def _events(path: str, rate: int) -> Iterator[None]:
    """Have somebody write so many events a second to a file."""
    with Path(path).open("wb") as log:
        words = [_COMMAND, "generate", "--rate", str(rate)]
        with subprocess.Popen(words, stdout=log) as writer:  # noqa: S603 - our own command
            try:
                yield
            finally:
                writer.kill()


def _forward_down(command: str) -> TerminalText:
    """Show a forwarder with two collectors, one of which is killed."""
    ports = _Ports(5514, 6514)
    command = ports.used(command)
    up, down = re.findall(r"tcp://\S+", command)
    receive = "receive --quiet --listen"
    with (
        _events("kubearmor.log", 200),
        _running(f"{receive} {up}"),
        _running(f"{receive} {down}") as killed,
        Terminal(command) as terminal,
    ):
        terminal.until(r"[1-9]\S* confirmed(?s:.*)[1-9]\S* confirmed")
        killed.kill()
        return _dated(ports.told(terminal.until(_DOWN)))


def _dated(found: TerminalText) -> TerminalText:
    """Show the day of the sample events, and keep the seconds."""
    for row in found.rows:
        text = "".join(char for char, _ in row)
        if minute := re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?=:\d\dZ)", text):
            row[: minute.end()] = [(char, row[0][1]) for char in "2026-03-03T09:00"]
    return found


def _top(command: str) -> TerminalText:
    """Show a forwarder from outside, while a collector is down."""
    ports = _Ports(5514, 6514, 9464)
    metrics = "127.0.0.1:9464"
    forward = (
        f"forward --from kubearmor.log --to tcp://127.0.0.1:5514 --to tcp://127.0.0.1:6514"
        f" --syslog-header rfc5424 --queue queue --metrics {metrics}"
    )
    with (
        _events("kubearmor.log", 200),
        _running(ports.used("receive --quiet --listen tcp://127.0.0.1:5514")),
        _running(ports.used(forward)),
    ):
        _answers(ports.used(f"http://{metrics}/metrics"))
        with Terminal(ports.used(command)) as terminal:
            return ports.told(terminal.until(_DOWN))


def _answers(url: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url):  # noqa: S310 - on loopback
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def _doctor(command: str) -> TerminalText:
    """Show what doctor says when nobody listens where messages should go."""
    ports = _Ports(5514)
    now = time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime())
    events = Path("events.ndjson").read_text(encoding="utf-8").splitlines()[:20]
    with Path("kubearmor.log").open("w", encoding="utf-8") as log:
        log.writelines(
            json.dumps({**json.loads(event), "UpdatedTime": now}) + "\n" for event in events
        )
    return ports.told(_run(ports.used(command)))


def _demo(command: str) -> TerminalText:
    """Show the demo with the port of the pages."""
    found = _run(command)
    for row in found.rows:
        text = "".join(char for char, _ in row)
        for port in reversed([*re.finditer(r"(?<=127\.0\.0\.1[:-])\d+", text)]):
            row[port.start() : port.end()] = [(char, row[port.start()][1]) for char in "5514"]
    return found


SCENES = {
    "demo": Scene("cef-bridge demo", _demo, steady=False),
    "explain": Scene(
        "cef-bridge mapping explain -m acme.yaml --event 45 -k cs5 -k act events.ndjson", _run
    ),
    "lint": Scene("cef-bridge mapping lint broken.yaml", _run),
    "simulate": Scene("cef-bridge simulate --siem sc4s -m arcsight --event 45 events.ndjson", _end),
    "diff": Scene("cef-bridge mapping diff splunk acme.yaml events.ndjson --samples 0", _run),
    "doctor": Scene(
        "cef-bridge doctor --from kubearmor.log --to tcp://127.0.0.1:5514", _doctor, steady=False
    ),
    "forward": Scene(
        "cef-bridge forward --from kubearmor.log --to tcp://127.0.0.1:5514 \\\n"
        "--to tcp://127.0.0.1:6514 --syslog-header rfc5424 --queue queue",
        _forward_down,
        steady=False,
    ),
    "top": Scene("cef-bridge top http://127.0.0.1:9464", _top, steady=False),
}


def made(name: str) -> str:
    """Return a picture, made now, in a folder that has the sample files."""
    scene = SCENES[name]
    with tempfile.TemporaryDirectory(prefix="cef-bridge-pictures-") as folder:
        samples = HERE.parent / "tests" / "data" / "kinds.ndjson"
        Path(folder, "events.ndjson").write_bytes(samples.read_bytes())
        readme = (HERE.parent / "README.md").read_text(encoding="utf-8")
        for text, file in _PAGE_FILE.findall(readme):
            Path(folder, file).write_text(text, encoding="utf-8")
        with contextlib.chdir(folder):
            return picture(scene.title, scene.shown(scene.title))


if __name__ == "__main__":
    for each in sys.argv[1:] or SCENES:
        (PICTURES / f"{each}.svg").write_text(made(each), encoding="utf-8")
        print(f"docs/pictures/{each}.svg")
