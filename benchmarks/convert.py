"""What `convert -j 1` costs, as a multiple of `orjson.loads` alone over the same lines.

Makes a deterministic set of events (300 pods, all kinds), then, in turns, parses its lines with
orjson and nothing else, and runs the installed `cef-bridge convert` over the file. Prints CPU per
event of both (the whole process of convert, start-up included) and the ratio, round by round.

    python benchmarks/convert.py [--events 500000] [--rounds 3] [--mapping kubearmor-cef]
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
from pathlib import Path

import datasets
import orjson

_COMMAND = Path(sys.executable).with_name("cef-bridge")


def loads_alone(lines: list[bytes]) -> float:
    """Return CPU microseconds a line of `orjson.loads` in a plain loop."""
    loads = orjson.loads
    started = time.process_time()
    for line in lines:
        loads(line)
    return (time.process_time() - started) / len(lines) * 1e6


def convert(path: Path, events: int, mapping: str) -> tuple[float, float]:
    """Return CPU microseconds an event and peak memory in MiB of a whole convert process."""
    command = [str(_COMMAND), "convert", "-j", "1", "-m", mapping, str(path), "-o", "/dev/null"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu / events * 1e6, after.ru_maxrss / 1024


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
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--mapping", default="kubearmor-cef")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.ndjson"
        with path.open("wb") as file:
            for event in datasets.events(options.events):
                file.write(datasets.line(event))
        lines = path.read_bytes().splitlines()
        size = sum(map(len, lines)) / len(lines)
        print(f"{options.events:,} events of {size:.0f} bytes, mapping {options.mapping}, ", end="")
        print(
            f"{os.cpu_count()} cores, Python {sys.version.split()[0]}, orjson {orjson.__version__}"
        )
        print(f"{'round':>6} {'loads us':>9} {'convert us':>11} {'ratio':>6} {'peak MiB':>9}")
        ratios = []
        for number in range(options.rounds):
            alone = loads_alone(lines)
            cpu, peak = convert(path, options.events, options.mapping)
            ratios.append(cpu / alone)
            print(f"{number + 1:>6} {alone:>9.2f} {cpu:>11.2f} {cpu / alone:>6.2f} {peak:>9.0f}")
        print(f"median ratio {statistics.median(ratios):.2f} (orjson.loads alone = 1)")
    print(f"cef-bridge --version: {version():.0f} ms")


if __name__ == "__main__":
    main()
