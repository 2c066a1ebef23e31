"""What `mapping coverage` and `mapping diff` cost, as multiples of `convert -j 1` on the same file.

Makes the events of `convert.py` and runs the three installed commands over the file in turns:
convert with one mapping, coverage with the same, diff of it and the one that it extends, and diff
of two that ship and treat pipes differently (`far`). Prints CPU per event of each whole process,
the ratios to convert, and peak memory.

    python benchmarks/mapping.py [--events 500000] [--novelty 0.03] [--pods 300]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import datasets
from measured import COMMAND, run

_MAPPING = """\
mapping: acme
extends: splunk
cluster: prod-eu
extension:
  KubeArmorTeam: {from: NamespaceName, table: {shop: retail}, else: platform}
  cs2: null
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--novelty", type=float, default=0.03)
    parser.add_argument("--pods", type=int, default=300)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events, acme = folder / "events.ndjson", folder / "acme.yaml"
        acme.write_text(_MAPPING)
        with events.open("wb") as file:
            for event in datasets.events(
                options.events, pods=options.pods, novelty=options.novelty
            ):
                file.write(datasets.line(event))
        commands = {
            "convert": ["convert", "-j", "1", "-m", str(acme), str(events), "-o", "/dev/null"],
            "coverage": ["mapping", "coverage", "-m", str(acme), str(events)],
            "diff": ["mapping", "diff", "splunk", str(acme), str(events)],
            "far": ["mapping", "diff", "splunk", "sentinel", str(events)],
        }
        print(
            f"{options.events:,} events, {options.pods:,} pods, {options.novelty:.0%} of them new"
        )
        print(f"{'round':>6}" + "".join(f"{it:>11} us{'ratio':>7}{'MiB':>6}" for it in commands))
        ratios: dict[str, list[float]] = {it: [] for it in commands}
        for number in range(options.rounds):
            cells, base = f"{number + 1:>6}", 0.0
            for command, words in commands.items():
                cost = run([str(COMMAND), *words], codes=(0, 3))
                each = cost.cpu / options.events * 1e6
                base = base or each
                ratios[command].append(each / base)
                cells += f"{each:>14.2f}{each / base:>7.2f}{cost.peak:>6.0f}"
            print(cells, flush=True)
        for command in ("coverage", "diff", "far"):
            median = statistics.median(ratios[command])
            print(f"{command}: {median:.2f} times convert")


if __name__ == "__main__":
    main()
