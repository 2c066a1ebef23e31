"""File → CEF → queue on disk → TCP → a receiver: events per second, ours beside the peers'.

Makes a deterministic set of events (300 pods, all kinds), starts a receiver (a sink that only reads
and counts, or a real rsyslog that writes what it gets to a file), and then, in turns, lets each of
these send the events to it: `cef-bridge forward` with the base mapping, syslog-ng (json-parser,
$(format-cef-extension), a reliable disk-buffer) and rsyslog (mmjsonparse, a template, an action
queue that is disk-assisted, or on disk) with 20 keys each: their configurations are the files
peer-*.conf. A run counts only when all events have arrived; its time is from the start of the
sending process to the last line at the receiver. CPU is that of the sender alone. Peers that are
not here are named and left out.

    python benchmarks/forward.py [--events 500000] [--rounds 3] [--only ours,syslog-ng]
        [--receiver sink]
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import datasets
from sink import Sink

_HERE = Path(__file__).parent
sys.path.insert(0, str(_HERE.parent / "tests" / "receivers"))

import found  # noqa: E402 the daemons of the tests, which the line above makes findable
from daemons import Rsyslog  # noqa: E402 the same

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMMAND = Path(sys.executable).with_name("cef-bridge")
_OURS = "cef-bridge forward"


class Sender(NamedTuple):
    """What sends: `command` gets the file of events, a port and a folder of its own."""

    name: str
    version: str
    command: Callable[[Path, int, Path], tuple[list[str], dict[str, str]]]
    ends: bool  # by itself, when all is confirmed


class Run(NamedTuple):
    """One sender's run: seconds until the last line had arrived, and CPU of the sender."""

    sent: int
    received: int
    wall: float
    cpu: float
    done: float | None  # seconds until it ended by itself, with a receipt for everything

    @property
    def rate(self) -> float:
        """Events per second; 0 when some did not arrive."""
        return self.sent / self.wall if self.received >= self.sent else 0

    @property
    def cpu_us(self) -> float:
        """CPU microseconds an event."""
        return self.cpu / self.sent * 1e6

    @property
    def verdict(self) -> str:
        """What is odd about it."""
        if self.received == self.sent:
            return ""
        less = self.received < self.sent
        return f"  {abs(self.sent - self.received):,} {'MISSING' if less else 'twice'}"


def ours(mapping: str) -> Sender:
    """Return our own sender."""

    def command(file: Path, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        words = [str(_COMMAND), "forward", "--from", str(file), "--to", f"tcp://127.0.0.1:{port}"]
        words += ["-m", mapping, "--syslog-header", "rfc5424"]  # as the peers write it
        words += ["--queue", str(folder / "queue"), "--once"]
        return words, dict(os.environ)

    version = subprocess.run(
        [str(_COMMAND), "--version"], check=True, capture_output=True, text=True
    )
    return Sender(_OURS, version.stdout.splitlines()[0].split()[-1], command, ends=True)


def syslog_ng() -> Sender:
    """Return syslog-ng with a reliable disk buffer. Raises MissingError."""
    daemon = found.syslog_ng()

    def command(file: Path, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        configuration = _configured("peer-syslog-ng.conf", FILE=file, PORT=port, FOLDER=folder)
        path = folder / "configuration"
        path.write_text(configuration)
        words = [*daemon.command, "--foreground", "--no-caps", "--cfgfile", str(path)]
        for option in ("persist-file", "control", "pidfile"):
            words += [f"--{option}", str(folder / option)]
        return words, daemon.env

    return Sender("syslog-ng, reliable disk-buffer", daemon.version, command, ends=False)


def rsyslog(queue: str, words: str) -> Sender:
    """Return rsyslog with an action queue. Raises MissingError."""
    daemon = found.rsyslog()

    def command(file: Path, port: int, folder: Path) -> tuple[list[str], dict[str, str]]:
        configuration = _configured(
            "peer-rsyslog.conf", FILE=file, PORT=port, FOLDER=folder, QUEUE=words
        )
        path = folder / "configuration"
        path.write_text(configuration)
        return [*daemon.command, "-n", "-i", "NONE", "-f", str(path)], daemon.env

    return Sender(f"rsyslog, {queue}", daemon.version, command, ends=False)


def _configured(name: str, **values: object) -> str:
    text = (_HERE / name).read_text(encoding="utf-8")
    for key, value in values.items():
        text = text.replace(f"@{key}@", str(value))
    return text


_ON_DISK = 'queue.filename="forward" queue.maxDiskSpace="1g" queue.saveOnShutdown="on"'
_ASSISTED = f'queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024" {_ON_DISK}'
_DISK = f'queue.type="Disk" queue.dequeueBatchSize="1024" {_ON_DISK}'


def senders(mapping: str) -> list[Sender]:
    """Return those who can send on this machine; the others are named on standard output."""
    makers: list[tuple[str, Callable[[], Sender]]] = [
        ("syslog-ng", syslog_ng),
        ("rsyslog", lambda: rsyslog("disk-assisted queue", _ASSISTED)),
        ("rsyslog", lambda: rsyslog("disk queue", _DISK)),
    ]
    able = [ours(mapping)]
    for name, make in makers:
        try:
            able.append(make())
        except found.MissingError as missing:
            print(f"left out: {name}: {missing}")
    return able


class Receiver(NamedTuple):
    """Who receives: `lines` says how many came so far."""

    port: int
    lines: Callable[[], int]


@contextlib.contextmanager
def received(options: argparse.Namespace, folder: Path) -> Iterator[Receiver]:
    """Start a receiver. Raises MissingError."""
    if options.receiver == "sink":
        sink = Sink()
        yield Receiver(sink.port, lambda: sink.lines)
        return
    words = {"module": options.input, "queue": options.queue}
    with Rsyslog(folder / "receiver", **words) as receiver:
        receiver.output.touch()  # the receiver opens it at its first message, and appends
        with receiver.output.open("rb") as file:
            count = 0

            def lines() -> int:
                nonlocal count
                while piece := file.read(1 << 20):
                    count += piece.count(b"\n")
                return count

            yield Receiver(receiver.port, lines)
    shutil.rmtree(receiver.folder)


def run(sender: Sender, file: Path, events: int, receiver: Receiver, timeout: float) -> Run:
    """Let one sender send everything; stop waiting when nothing arrives for `timeout` seconds."""
    folder = Path(tempfile.mkdtemp(dir=file.parent))
    command, env = sender.command(file, receiver.port, folder)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with (folder / "log").open("wb") as log:
        started = time.monotonic()
        process = subprocess.Popen(
            command, env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
        done = None
        try:
            arrived = _wait(receiver.lines, events, process, timeout)
            if sender.ends:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(timeout)
                    done = time.monotonic() - started
        finally:
            _end(process)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    came = receiver.lines()
    if came < events or (sender.ends and process.returncode):
        print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr)
    shutil.rmtree(folder, ignore_errors=True)
    return Run(events, came, arrived - started, cpu, done)


def _wait(
    lines: Callable[[], int], events: int, process: subprocess.Popen[bytes], timeout: float
) -> float:
    """Return when the last of so many lines came; or the last of all, when no more come."""
    came, last = 0, time.monotonic()
    while came < events:
        if (now := lines()) > came:
            came, last = now, time.monotonic()
        elif time.monotonic() - last > (timeout if process.poll() is None else 2):
            break
        else:
            time.sleep(0.02)  # a hundredth of a core, so that the others have theirs
    return last


def _end(process: subprocess.Popen[bytes]) -> None:
    for how in (signal.SIGTERM, signal.SIGKILL):
        process.send_signal(how)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            continue
        return


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--novelty", type=float, default=0.03)
    parser.add_argument("--mapping", default="kubearmor-cef")
    parser.add_argument("--receiver", choices=["rsyslog", "sink"], default="rsyslog")
    parser.add_argument("--input", choices=["imptcp", "imtcp"], default="imptcp")
    parser.add_argument("--queue", choices=["direct", "stock", "disk"], default="direct")
    parser.add_argument("--only", default="", help="parts of senders' names, with commas")
    parser.add_argument("--timeout", type=float, default=60, help="seconds without an arrival")
    options = parser.parse_args()
    able = senders(options.mapping)
    if options.only:
        able = [each for each in able if any(it in each.name for it in options.only.split(","))]
    try:
        with tempfile.TemporaryDirectory() as folder:
            runs = _rounds(options, able, Path(folder))
    except found.MissingError as missing:
        print(f"there is no receiver: {missing}")
        return 1
    return _summary(able, runs)


def _rounds(options: argparse.Namespace, able: list[Sender], folder: Path) -> dict[str, list[Run]]:
    path = folder / "events.ndjson"
    with path.open("wb") as file:
        for event in datasets.events(options.events, novelty=options.novelty):
            file.write(datasets.line(event))
    runs: dict[str, list[Run]] = {each.name: [] for each in able}
    size = path.stat().st_size / options.events
    by = "a sink that only reads"
    if options.receiver == "rsyslog":
        version = found.rsyslog().version
        by = f"rsyslog {version}, {options.input}, {options.queue} queue, into a file"
    print(
        f"{options.events:,} events of {size:.0f} bytes, {options.novelty:.0%} of them new, "
        f"{os.cpu_count()} cores; received by {by}"
    )
    print(
        f"{'round':>5} {'sender':<34} {'wall s':>7} {'events/s':>9} {'CPU us':>7} {'received':>10}"
    )
    for number in range(1, options.rounds + 1):
        # In turns and in changing order: what else the machine does falls on all of them.
        for sender in able if number % 2 else able[::-1]:
            with received(options, folder) as receiver:
                one = run(sender, path, options.events, receiver, options.timeout)
            runs[sender.name].append(one)
            print(
                f"{number:>5} {sender.name:<34} {one.wall:>7.2f} {one.rate:>9,.0f} "
                f"{one.cpu_us:>7.1f} {one.received:>10,}{one.verdict}",
                flush=True,
            )
    return runs


def _summary(able: list[Sender], runs: dict[str, list[Run]]) -> int:
    """Print the medians and the ratio to the fastest peer; return 1 when something is missing."""
    rates = {name: statistics.median(one.rate for one in some) for name, some in runs.items()}
    print(
        f"\n{'median of all rounds':<34} {'version':>9} {'events/s':>9} {'CPU us':>7} "
        f"{'ours is':>8}"
    )
    for sender in able:
        name = sender.name
        cpu = statistics.median(one.cpu_us for one in runs[name])
        ratio = f"{rates[_OURS] / rates[name]:.2f} x" if _OURS in rates and rates[name] else ""
        print(f"{name:<34} {sender.version:>9} {rates[name]:>9,.0f} {cpu:>7.1f} {ratio:>8}")
    if ended := [one.sent / one.done for one in runs.get(_OURS, []) if one.done]:
        rate = statistics.median(ended)
        print(f"{_OURS} to its end, everything confirmed: {rate:,.0f} events/s")
    peers = {name: rate for name, rate in rates.items() if name != _OURS and rate}
    if peers and _OURS in rates:
        fastest = max(peers, key=lambda name: peers[name])
        print(f"ours / fastest peer ({fastest}): {rates[_OURS] / peers[fastest]:.2f}")
    return 0 if all(one.rate for some in runs.values() for one in some) else 1


if __name__ == "__main__":
    sys.exit(main())
