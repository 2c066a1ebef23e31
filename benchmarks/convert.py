"""What `convert -j 1` costs with one mapping, as a multiple of `orjson.loads` on the same lines.

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
import statistics
import sys
import tempfile
from pathlib import Path

import datasets
import measured
import orjson


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
            alone = measured.loads_alone(path) / options.events * 1e6
            cost = measured.convert(path, options.mapping)
            cpu, peak = cost.cpu / options.events * 1e6, cost.peak
            ratios.append(cpu / alone)
            print(f"{number + 1:>6} {alone:>9.2f} {cpu:>11.2f} {cpu / alone:>6.2f} {peak:>9.0f}")
        print(f"median ratio {statistics.median(ratios):.2f} (orjson.loads alone = 1)")
    print(f"cef-bridge --version: {measured.median_wall(['--version']):.0f} ms")


if __name__ == "__main__":
    main()
