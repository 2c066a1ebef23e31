"""`cef-bridge forward` at a steady rate, and whether memory stays flat and nothing piles up.

Events (telemetry, 3 % of something new) come on standard input, or in a file that grows, at a
steady rate; the installed `cef-bridge forward` maps them, keeps them in its queue on the disk and
sends them over TCP to a sink that counts (or to a real rsyslog that writes them to a file). Every
few seconds a line says what the forwarder's processes take (CPU as a share of one core, resident
memory), and what its /metrics say: events confirmed (and how many seconds' worth are not yet),
messages that wait in the queue, and the age of the oldest of them.

    python benchmarks/soak.py [--rate 20000] [--seconds 600] [--every 10] [--source stdin]
        [--receiver sink] [--json PATH]

A file grows by 19 MB a second at 20,000 events, and so does what rsyslog writes, by 15 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING, NamedTuple
from urllib.request import urlopen

from measured import COMMAND
from processes import used
from steady import Feeder

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "receivers"))

from daemons import Rsyslog, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

_SINK = Path(__file__).with_name("sink.py")
_AGE = 5.0  # seconds that the oldest message may wait: receipts come about once a second
_GROWTH = 1.05  # of memory, from the second third of the time to the last
_PATIENCE = 60.0


class Sample(NamedTuple):
    """What was seen at one moment."""

    at: float
    written: int
    behind: float
    cpu: float
    mib: float
    confirmed: int
    lag: float  # seconds of events that are not confirmed
    waiting: int
    age: float


class Metrics:
    """The forwarder's own figures."""

    def __init__(self, port: int) -> None:
        self._url = f"http://127.0.0.1:{port}/metrics"

    def read(self) -> dict[str, float]:
        """Return the sums of all destinations by name; nothing before it answers."""
        with contextlib.suppress(OSError), urlopen(self._url, timeout=5) as answer:  # noqa: S310 - http to this machine
            sums: dict[str, float] = {}
            for name, value in re.findall(
                r"^cef_bridge_(\w+)(?:\{.*\})? (\S+)$", answer.read().decode(), re.MULTILINE
            ):
                sums[name] = sums.get(name, 0) + float(value)
            return sums
        return {}


@contextlib.contextmanager
def receiver(kind: str, folder: Path) -> Iterator[int]:
    """Run what receives; give its port."""
    if kind == "rsyslog":
        with Rsyslog(folder, module="imptcp") as daemon:
            yield daemon.port
        return
    with subprocess.Popen(
        [sys.executable, str(_SINK)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout  # noqa: S101 - it is a pipe
        yield int(process.stdout.readline())
        process.communicate()


@contextlib.contextmanager
def forwarder(
    source: str, port: int, metrics: int, folder: Path
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Run the forwarder; give it, and where events are to be written."""
    file = folder / "events.log"
    file.touch()
    words = [str(COMMAND), "forward", "--from", "-" if source == "stdin" else str(file)]
    words += ["--to", f"tcp://127.0.0.1:{port}", "--queue", str(folder / "queue")]
    words += ["--metrics", f"127.0.0.1:{metrics}"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(words, stdin=subprocess.PIPE, stderr=log)
        assert process.stdin  # noqa: S101 - it is a pipe
        try:
            yield process, process.stdin if source == "stdin" else file.open("ab")
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(30)
    if process.returncode:
        print((folder / "log").read_text(errors="replace")[-2000:], file=sys.stderr)


def sampled(options: argparse.Namespace, folder: Path) -> tuple[list[Sample], int, float]:
    """Run it all; return what was seen, the events confirmed at the end, and seconds till then."""
    port = free_port()
    metrics = Metrics(port)
    samples: list[Sample] = []
    with (
        receiver(options.receiver, folder) as to,
        forwarder(options.source, to, port, folder) as (process, out),
    ):
        while not metrics.read() and process.poll() is None:
            time.sleep(0.1)
        feeder = Feeder(out, options.rate, options.seconds)
        feeder.start()
        began, before = time.monotonic(), (time.monotonic(), used(process.pid).cpu)
        while feeder.is_alive() and process.poll() is None:
            feeder.join(options.every)
            now, it, says = time.monotonic(), used(process.pid), metrics.read()
            cpu = (it.cpu - before[1]) / (now - before[0])
            before = (now, it.cpu)
            sample = Sample(
                now - began,
                feeder.written,
                feeder.behind,
                cpu,
                it.mib,
                int(says.get("confirmed_total", 0)),
                max(feeder.written - says.get("confirmed_total", 0), 0) / options.rate,
                int(says.get("queue_messages", 0)),
                says.get("queue_oldest_age_seconds", 0),
            )
            samples.append(sample)
            _row(sample)
        last = time.monotonic()
        if options.source == "file":  # which has no end
            while metrics.read().get("confirmed_total", 0) < feeder.written:
                if time.monotonic() - last > _PATIENCE:
                    break
                time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
        process.wait(_PATIENCE)
    return samples, _confirmed(folder / "queue"), time.monotonic() - last


def _confirmed(queue: Path) -> int:
    """Return how many messages the queue's file calls confirmed."""
    words = [str(COMMAND), "queue", "status", str(queue), "--json"]
    said = subprocess.run(words, check=True, capture_output=True).stdout
    return sum(it["confirmed"] for it in json.loads(said))


def _row(it: Sample) -> None:
    print(
        f"{it.at:>6.0f} {it.written:>11,} {it.behind:>8.1f} {100 * it.cpu:>6.0f} {it.mib:>7.0f}"
        f" {it.confirmed:>11,} {it.lag:>6.1f} {it.waiting:>9,} {it.age:>6.1f}",
        flush=True,
    )


def verdict(samples: list[Sample], confirmed: int, drained: float, rate: int) -> dict[str, object]:
    """Return what the samples come to."""
    third = max(len(samples) // 3, 1)
    middle, last = samples[third : 2 * third] or samples, samples[-third:]
    before, after = (statistics.median(it.mib for it in part) for part in (middle, last))
    written = samples[-1].written
    steady = samples[len(samples) // 4 :]
    oldest, lag = max(it.age for it in steady), max(it.lag for it in steady)
    behind = max(it.behind for it in samples)
    cpu = statistics.mean(it.cpu for it in samples)
    return {
        "memory_flat": after <= before * _GROWTH,
        "memory_mib": [round(before, 1), round(after, 1)],
        "age_bounded": max(oldest, lag) <= _AGE,
        "oldest_age_s": round(oldest, 2),
        "lag_s": round(lag, 2),
        "rate_held": behind <= 1,
        "behind_s": round(behind, 2),
        "all_confirmed": confirmed == written,
        "written": written,
        "confirmed": confirmed,
        "drained_s": round(drained, 1),
        "cpu_us": round(cpu / rate * 1e6, 1),
    }


def main() -> int:
    """Measure and print; 1 when something does not hold."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=20_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--every", type=float, default=10, help="seconds between samples")
    parser.add_argument("--source", choices=["stdin", "file"], default="stdin")
    parser.add_argument("--receiver", choices=["sink", "rsyslog"], default="sink")
    parser.add_argument("--json", type=Path, metavar="PATH")
    options = parser.parse_args()
    print(f"{options.rate:,} events a second from a {options.source}, to a {options.receiver}")
    print(
        f"{'s':>6} {'written':>11} {'behind s':>8} {'CPU %':>6} {'MiB':>7} {'confirmed':>11}"
        f" {'lag s':>6} {'waiting':>9} {'age s':>6}",
        flush=True,
    )
    folder = Path(tempfile.mkdtemp())
    try:
        samples, confirmed, drained = sampled(options, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    it = verdict(samples, confirmed, drained, options.rate)
    if options.json:
        seen = [sample._asdict() for sample in samples]
        options.json.write_text(json.dumps({"verdict": it, "samples": seen}, indent=1) + "\n")
    return _say(it)


def _say(it: dict[str, object]) -> int:
    sentences = {
        "memory_flat": "memory is flat: {memory_mib} MiB in the second and the last third",
        "age_bounded": "at most {oldest_age_s} s in the queue, {lag_s} s to the receipt",
        "rate_held": "the source was {behind_s} s behind at most",
        "all_confirmed": "{confirmed:,} of {written:,} confirmed, {drained_s} s after the last",
    }
    for key, says in sentences.items():
        print(f"{'holds        ' if it[key] else 'does not hold'}  {says.format(**it)}")
    print(f"CPU: {it['cpu_us']} us an event")
    return 0 if all(it[key] for key in sentences) else 1


if __name__ == "__main__":
    sys.exit(main())
