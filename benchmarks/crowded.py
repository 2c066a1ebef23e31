"""What `forward` reads from a file beside a relay and Python threads that are always busy.

A forwarder is made in a process that also has threads that only count: they want the interpreter's
lock all the time. It reads a large file, and a relay (as in relay.py) that offers events at a
steady rate; all goes to a TCP port that counts lines. What arrives beyond the relay's rate is the
file's.

    python benchmarks/crowded.py [--rate 20000] [--busy 1] [--seconds 10]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import datasets
from relay import offer
from sink import Sink

from cef_bridge.cli import main as main_of_cli

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

_EVENTS_A_SECOND = 150_000  # that the file has; it must not end before the time does
_SETTLE = 2.0  # seconds until the figures count
_STREAM = "logs"


def crowd(sources: list[str], url: str, queue: str, busy: int) -> None:
    """Forward beside so many busy threads, until the process is ended."""

    def count() -> None:
        number = 0
        while True:
            number += 1

    for _ in range(busy):
        threading.Thread(target=count, daemon=True).start()
    froms = [word for source in sources for word in ("--from", source)]
    sys.argv = ["cef-bridge", "forward", *froms, "--to", url, "--queue", queue]
    main_of_cli()


def measured(sink: Sink, seconds: float) -> float:
    """Return how many lines a second arrive in this time."""
    time.sleep(_SETTLE)
    before, began = sink.lines, time.monotonic()
    time.sleep(seconds)
    return (sink.lines - before) / (time.monotonic() - began)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rate", type=int, default=20_000, help="of the relay; 0: no relay")
    parser.add_argument("--busy", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    requests, theirs = context.Pipe()
    context.Process(target=offer, args=(_STREAM, theirs), daemon=True).start()
    relay, sink = requests.recv(), Sink()
    with tempfile.TemporaryDirectory() as folder:
        events = Path(folder, "events.ndjson")
        whole = int(_EVENTS_A_SECOND * (options.seconds + 2 * _SETTLE))
        datasets.write(events, "telemetry", whole)
        sources = [str(events)]
        if options.rate:
            sources.append(f"kubearmor://127.0.0.1:{relay}?streams={_STREAM}")
        words = (sources, f"tcp://127.0.0.1:{sink.port}", f"{folder}/q", options.busy)
        process = context.Process(target=crowd, args=words)
        process.start()
        offered, dropped, rate = _run(requests, sink, options)
        process.terminate()
        process.join()
    print(f"{os.cpu_count()} cores, {options.busy} busy threads, {options.seconds:g} s")
    print(f"relay: {offered:,} offered, {dropped:,} dropped")
    print(f"all: {rate:,.0f} events/s; of the file: {rate - options.rate:,.0f}")
    requests.send(None)


def _run(requests: Connection, sink: Sink, options: argparse.Namespace) -> tuple[int, int, float]:
    """Return what the relay offered and dropped, and how many events a second arrived."""
    if not options.rate:
        return 0, 0, measured(sink, options.seconds)
    requests.send((options.rate, options.seconds + 2 * _SETTLE))
    while not sink.lines:
        time.sleep(0.01)
    rate = measured(sink, options.seconds)
    offered, dropped = requests.recv()
    requests.send(None)
    return offered, dropped, rate


if __name__ == "__main__":
    main()
