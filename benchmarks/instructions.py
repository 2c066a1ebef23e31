"""How many instructions the engine takes for an event: the same number on a busy machine.

Builds `engine/examples/run.rs`, writes the table of a mapping and some events of each set, and runs
them under valgrind's callgrind once and twice: the difference of the two is what the events cost
without start-up. SHA-1 is left out, for valgrind has none of the instructions that the engine has
it done with.

    python benchmarks/instructions.py [--events 2000] [--sets telemetry,alerts] [--functions 25]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import datasets

from cef_bridge.mapping.load import load
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converter

_CRATE = Path(__file__).parent.parent / "engine"
_SETS = "telemetry,alerts,many-pods,hostile,long-arguments"
_HASHING = "::sha1::blocks"
_NAME = re.compile(r"\((\d+)\)(?: (.*))?")


def build(folder: Path) -> Path:
    """Build the example with the names of its functions; return its path."""
    environment = os.environ | {
        "CARGO_TARGET_DIR": str(folder / "target"),
        "CARGO_PROFILE_RELEASE_STRIP": "none",
    }
    words = ["cargo", "build", "--release", "--offline", "--locked", "--example", "run"]
    subprocess.run(words, cwd=_CRATE, env=environment, check=True)
    return folder / "target" / "release" / "examples" / "run"


def instructions(profile: Path) -> Counter[str]:
    """Return the instructions of each function by a file of callgrind, without those it calls."""
    found: Counter[str] = Counter()
    names: dict[str, str] = {}
    function, called = "", False
    for line in profile.read_text(errors="replace").splitlines():
        word, _, rest = line.partition("=")
        if word in ("fn", "cfn") and (name := _NAME.match(rest)):
            number = name[1]
            names[number] = name[2] or names[number]
            function = names[number] if word == "fn" else function
        elif word == "calls":
            called = True  # the next line has what the called function took
        elif line[:1].isdigit() or line[:1] in ("+", "-", "*"):
            found[function] += 0 if called else int(line.split()[1])
            called = False
    return found


def cost(command: list[str], folder: Path, events: int) -> dict[str, float]:
    """Return the instructions an event of each function."""
    counts = []
    for times in ("1", "2"):
        out = folder / f"callgrind.{times}"
        words = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command, times]
        subprocess.run(words, check=True, capture_output=True)
        counts.append(instructions(out))
    once, twice = counts
    return {
        name: (number - once[name]) / events
        for name, number in twice.items()
        if not name.endswith(_HASHING)
    }


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=2000)
    parser.add_argument("--sets", default=_SETS)
    parser.add_argument("--mapping", default="kubearmor-cef")
    parser.add_argument("--functions", type=int, default=0, help="print so many of each set")
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is not here; install it (Debian's package has its name)")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = str(build(folder))
        plan = folder / "table"
        plan.write_bytes(table.pack(Converter(load(options.mapping), syslog_header="none")))
        for each in options.sets.split(","):
            events = folder / each
            datasets.write(events, each, options.events)
            costs = cost([command, str(plan), str(events)], folder, options.events)
            print(f"{each:>16} {sum(costs.values()):>9,.0f} instructions an event", flush=True)
            ordered = sorted(costs.items(), key=lambda it: -it[1])
            for function, number in ordered[: options.functions]:
                print(f"{number:>26,.0f}  {function}")


if __name__ == "__main__":
    main()
