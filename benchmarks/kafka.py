"""What `forward` costs from and to a topic of Kafka beside files, and what arrives when things die.

Rates: events of the telemetry set, in a file and in a topic of a broker on loopback (noida-db, from
PyPI), through the installed `cef-bridge forward` into a file or a topic, in turns. Prints events a
second, CPU per event of the forwarder's process (the broker's is not in it, but it has the same
cores), and the ratio to file to file in the same round.

Drills (`--drill`): forwarders that are killed with their queues, members of a group, a broker that
is killed. Prints for each how many events arrived, how many came twice, and whether all did.

    python benchmarks/kafka.py [--events 40000] [--rounds 3] [--drill] [--drill-events 14000]

A topic of noida-db has to stay under 50 MB: 40,000 events. Drills of members use the mock broker
of the client's library, which keeps 5 MB of each of four partitions: 14,000 events.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import datasets
import measured

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

import brokers

from cef_bridge.lines.facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PATIENCE = 300.0
_SESSION = "6s"
_AHEAD = 10_000


class Way(NamedTuple):
    """From where to where: URLs of a run of forward."""

    name: str
    source: str
    to: str


class Outcome(NamedTuple):
    """What a drill ended with: events that were sent, that arrived, and copies."""

    name: str
    sent: int
    arrived: int
    copies: int


def rates(events: int, rounds: int, folder: Path) -> None:
    """Print what each way costs."""
    path = folder / "events.ndjson"
    datasets.write(path, "telemetry", events)
    with brokers.noida(folder / "broker") as server:
        topics = brokers.Topics(server.port)
        topics.create("events", 3)
        with path.open("rb") as lines:
            topics.send("events", (line.rstrip(b"\n") for line in lines))
        costs: dict[str, list[tuple[measured.Cost, float]]] = {}
        for number in range(rounds):
            found = _ways(path, folder, topics, number)
            base = 0.0
            for way in found if number % 2 == 0 else [found[0], *reversed(found[1:])]:
                cost = _forwarded(way, folder)
                base = base or cost.cpu
                costs.setdefault(way.name, []).append((cost, cost.cpu / base))
    print(f"{events:,} events of {path.stat().st_size // events:,} bytes, medians of {rounds}\n")
    print(f"{'':16} {'events/s':>9} {'CPU us':>7} {'CPU x':>6} {'MiB':>5}")
    for name, rows in costs.items():
        wall = statistics.median(cost.wall for cost, _ in rows)
        cpu = statistics.median(cost.cpu for cost, _ in rows)
        times = statistics.median(ratio for _, ratio in rows)
        peak = max(cost.peak for cost, _ in rows)
        print(f"{name:16} {events / wall:9,.0f} {cpu / events * 1e6:7.1f} {times:6.2f} {peak:5.0f}")


def _ways(path: Path, folder: Path, topics: brokers.Topics, number: int) -> list[Way]:
    topic = f"kafka://{topics.servers}/events?group=round-{number}&ahead=100000"
    lines = f"out-{number}"
    topics.create(lines, 3)
    out = f"file://{folder}/out.cef"
    return [
        Way("file to file", str(path), out),
        Way("topic to file", topic, out),
        Way("file to topic", str(path), f"kafka://{topics.servers}/{lines}"),
    ]


def _forwarded(way: Way, folder: Path) -> measured.Cost:
    queue = folder / "queue"
    shutil.rmtree(queue, ignore_errors=True)
    (folder / "out.cef").unlink(missing_ok=True)
    words = ["forward", "--once", "--timeout", "600", "--from", way.source, "--to", way.to]
    return measured.run([str(measured.COMMAND), *words, "--queue", str(queue)])


# --- drills ---------------------------------------------------------------------------------------


class Drill:
    """A topic, forwarders that read it into files, and what came of it."""

    def __init__(self, topics: brokers.Topics, folder: Path, events: int) -> None:
        self.topics = topics
        self.folder = folder
        self.sent = 0
        self._lines = iter(_lines(folder / "events.ndjson", events))
        folder.mkdir()
        datasets.write(folder / "events.ndjson", "telemetry", events)

    def send(self, count: int) -> None:
        """Send so many more events to the topic."""
        chosen = [line for _, line in zip(range(count), self._lines, strict=False)]
        self.topics.send("events", chosen)
        self.sent += len(chosen)

    @contextlib.contextmanager
    def member(self, name: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a member of the group, with a queue and a file of its own."""
        source = f"kafka://{self.topics.servers}/events?group=siem"
        source += f"&session_timeout={_SESSION}&ahead={_AHEAD}"
        words = ["forward", "--from", source, "--to", f"file://{self.folder}/{name}.cef"]
        words += ["--queue", str(self.folder / f"queue-{name}")]
        with (self.folder / f"{name}.log").open("wb") as log:
            process = subprocess.Popen([str(measured.COMMAND), *words], stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def die(self, process: subprocess.Popen[bytes], name: str) -> None:
        """Kill a member as kill -9 does, and lose its queue with it."""
        process.kill()
        process.wait()
        shutil.rmtree(self.folder / f"queue-{name}", ignore_errors=True)

    def arrived(self) -> Counter[str]:
        """Return how often each event has arrived, by its id."""
        found: Counter[str] = Counter()
        for path in self.folder.glob("*.cef"):
            with path.open("rb") as lines:
                found.update(facts_of(line.rstrip(b"\n")).event_id for line in lines)
        found.pop("", None)  # a line that a kill cut
        return found

    def wait(self, count: int) -> None:
        """Wait until so many events have arrived."""
        until(lambda: len(self.arrived()) >= count)

    def outcome(self, name: str) -> Outcome:
        """Return how it ended."""
        found = self.arrived()
        return Outcome(name, self.sent, len(found), sum(found.values()) - len(found))


def until(condition: Callable[[], bool]) -> None:
    """Wait for something; go on without it in the end: the outcome shows what is missing."""
    end = time.monotonic() + _PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.5)


def _lines(path: Path, events: int) -> Iterator[bytes]:
    with path.open("rb") as lines:
        for _, line in zip(range(events), lines, strict=False):
            yield line.rstrip(b"\n")


def backlog(drill: Drill) -> Outcome:
    """Two forwarders die with their queues while they read what waits; a third one reads on."""
    drill.send(10**9)
    for number in (1, 2):
        with drill.member(f"dies-{number}") as process:
            before = len(drill.arrived())
            until(lambda before=before: len(drill.arrived()) > before + drill.sent // 5)
            drill.die(process, f"dies-{number}")
    with drill.member("lives"):
        drill.wait(drill.sent)
    return drill.outcome("killed with its queue, a backlog")


def steady(drill: Drill) -> Outcome:
    """The same while events come at a steady rate."""
    for number in (1, 2):
        drill.send(500)
        with drill.member(f"dies-{number}") as process:
            until((drill.folder / f"dies-{number}.cef").exists)
            for _ in range(8):
                drill.send(500)
                time.sleep(0.25)
            drill.die(process, f"dies-{number}")
    drill.send(10**9)
    with drill.member("lives"):
        drill.wait(drill.sent)
    return drill.outcome("killed with its queue, steady load")


def members(drill: Drill) -> Outcome:
    """Of two members one dies with its queue."""
    drill.send(1000)
    with drill.member("one") as one, drill.member("two"):
        drill.wait(1000)
        for _ in range(10):
            drill.send(500)
            time.sleep(0.25)
        drill.die(one, "one")
        drill.send(10**9)
        drill.wait(drill.sent)
    return drill.outcome("one of two members killed with its queue")


def broker_dies(drill: Drill, server: brokers.Server) -> Outcome:
    """The broker is killed and comes back."""
    drill.send(5_000)
    with drill.member("lives") as process:
        drill.wait(drill.sent // 2)
        server.kill()
        time.sleep(2)
        server.start()
        drill.send(10**9)
        drill.wait(drill.sent)
        process.send_signal(signal.SIGTERM)
        process.wait()
    return drill.outcome("broker killed and restarted")


def drills(events: int, folder: Path) -> bool:
    """Print what becomes of events when things die; tell whether all arrived each time."""
    found = []
    for drill in (backlog, steady, members):
        with brokers.mock() as port:
            topics = brokers.Topics(port)
            found.append(drill(Drill(topics, folder / drill.__name__, events)))
    with brokers.tansu(folder / "broker") as server:
        topics = brokers.Topics(server.port)
        topics.create("events", 3)
        found.append(broker_dies(Drill(topics, folder / "restart", events), server))
    print(f"\n{'drill':42} {'sent':>8} {'arrived':>8} {'copies':>7}")
    for one in found:
        missing = "" if one.arrived == one.sent else "  MISSING"
        print(f"{one.name:42} {one.sent:8,} {one.arrived:8,} {one.copies:7,}{missing}")
    return all(one.arrived == one.sent for one in found)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description="forward from and to Kafka")
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--drill", action="store_true", help="run the drills, and no rates")
    parser.add_argument("--drill-events", type=int, default=14_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        if asked.drill:
            return 0 if drills(asked.drill_events, folder) else 1
        rates(asked.events, asked.rounds, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
