"""What `convert -j 1` costs, as a multiple of `orjson.loads` alone over the same lines.

Makes a deterministic set of events (300 pods, all kinds), then, in turns, parses its lines with
orjson and nothing else, and runs the installed `cef-bridge convert` over the file. Prints CPU per
event of both (the whole process of convert, start-up included) and the ratio, round by round. What
a container does comes again and again; `--novelty` is the share of events in which something is
done that was never seen before, which costs most.

    python benchmarks/convert.py [--events 1000000] [--novelty 0.03] [--mapping kubearmor-cef]
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import datasets
import orjson

_COMMAND = Path(sys.executable).with_name("cef-bridge")


def loads_alone(path: Path, events: int) -> float:
    """Return CPU microseconds a line of `orjson.loads` in a plain loop, reading not counted."""
    loads = orjson.loads
    spent = 0.0
    with path.open("rb") as file:
        while lines := list(islice(file, 50_000)):
            started = time.process_time()
            for line in lines:
                loads(line)
            spent += time.process_time() - started
    return spent / events * 1e6


def convert(path: Path, events: int, mapping: str) -> tuple[float, float]:
    """Return CPU microseconds an event and peak memory in MiB of a whole convert process."""
    command = [str(_COMMAND), "convert", "-j", "1", "-m", mapping, str(path), "-o", "/dev/null"]
    cpu, peak = cpu_and_peak(command)
    return cpu / events * 1e6, peak


def cpu_and_peak(command: list[str]) -> tuple[float, float]:
    """Return CPU seconds of a process, and the most memory in MiB that one had so far."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, after.ru_maxrss / 1024


def version() -> float:
    """Return the median wall milliseconds of `cef-bridge --version`."""
    times = []
    for _ in range(9):
        started = time.perf_counter()
        subprocess.run([str(_COMMAND), "--version"], check=True, stdout=subprocess.DEVNULL)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--novelty", type=float, default=0.03)
    parser.add_argument("--mapping", default="kubearmor-cef")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        with path.open("wb") as file:
            for event in datasets.events(options.events, novelty=options.novelty):
                file.write(datasets.line(event))
        size = path.stat().st_size / options.events
        print(
            f"{options.events:,} events of {size:.0f} bytes, {options.novelty:.0%} of them new, ",
            end="",
        )
        print(f"mapping {options.mapping}, {os.cpu_count()} cores, ", end="")
        print(f"Python {sys.version.split()[0]}, orjson {orjson.__version__}")
        print(f"{'round':>6} {'loads us':>9} {'convert us':>11} {'ratio':>6} {'peak MiB':>9}")
        ratios = []
        for number in range(options.rounds):
            alone = loads_alone(path, options.events)
            cpu, peak = convert(path, options.events, options.mapping)
            ratios.append(cpu / alone)
            print(f"{number + 1:>6} {alone:>9.2f} {cpu:>11.2f} {cpu / alone:>6.2f} {peak:>9.0f}")
        print(f"median ratio {statistics.median(ratios):.2f} (orjson.loads alone = 1)")
    print(f"cef-bridge --version: {version():.0f} ms")


if __name__ == "__main__":
    main()
