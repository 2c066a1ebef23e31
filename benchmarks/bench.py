"""What `cef-bridge convert` costs, beside a bare JSON parser and its peers, and what is promised.

For each set of events (datasets.py), in turns on one file: `orjson.loads` alone; convert with the
base mapping and event ids; with the twenty keys of peer-20-keys.yaml; with two processes. Then a
.gz file beside unpacking alone, the peers (peers/) with every line checked, and start-up. Rounds
change their order (A B, B A), figures are medians. The last table says which promises hold.

    python benchmarks/bench.py [--events 400000] [--rounds 3] [--sets telemetry,alerts]
        [--only convert,gz,peers,start] [--json PATH] [--markdown] [--no-install]
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import datasets
import machine
import measured
import promises
import table
from peers import daemons, tenzir
from peers.peer import MissingError, Peer

if TYPE_CHECKING:
    from collections.abc import Callable

_HERE = Path(__file__).parent
_KEYS = str(_HERE / "peer-20-keys.yaml")
_BASE = "kubearmor-cef"
_PEER_SETS = ("telemetry", "alerts", "hostile")
_PEER_ROUNDS = 2  # they take longest, and vary least
_OURS = "cef-bridge"
_PARTS = ("convert", "gz", "peers", "start")
Figures = dict[str, Any]  # what --json writes


def in_turns(ways: dict[str, Callable[[], Figures]], rounds: int) -> dict[str, Figures]:
    """Run each way once a round, in changing order; return the medians of what they measured.

    A run that gives no figures is left out.
    """
    found: dict[str, list[Figures]] = {name: [] for name in ways}
    for number in range(rounds):
        for name in list(ways)[:: -1 if number % 2 else 1]:
            if of_it := ways[name]():
                found[name].append(of_it)
    return {
        name: {key: statistics.median(one[key] for one in runs) for key in runs[0]}
        for name, runs in found.items()
        if runs
    }


def of_a_run(cost: measured.Cost, events: int) -> Figures:
    """Return the figures of a run."""
    return {
        "cpu_us": cost.cpu / events * 1e6,
        "wall_s": cost.wall,
        "peak_mib": cost.peak,
    }


def converted(path: Path, events: int, rounds: int) -> Figures:
    """Measure convert on one file of events."""

    def run(mapping: str, jobs: int = 1) -> Figures:
        return of_a_run(measured.convert(path, mapping, jobs), events)

    return in_turns(
        {
            "loads": lambda: {"cpu_us": measured.loads_alone(path) / events * 1e6},
            "base": lambda: run(_BASE),
            "keys": lambda: run(_KEYS),
            "two": lambda: run(_BASE, 2),
            "loops": lambda: {"speed_up": measured.two_loops()},
        },
        rounds,
    )


def unpacked(path: Path, events: int, rounds: int) -> Figures:
    """Measure convert on a .gz file, and what unpacking it costs without it."""
    packed = path.with_suffix(".gz")
    with path.open("rb") as plain, gzip.open(packed, "wb", compresslevel=6) as file:
        shutil.copyfileobj(plain, file, 1 << 20)
    return in_turns(
        {
            "zlib": lambda: {"cpu_us": measured.unpacked_alone(packed) / events * 1e6},
            "one": lambda: of_a_run(measured.convert(packed, _BASE), events),
            "two": lambda: of_a_run(measured.convert(packed, _BASE, 2), events),
            "plain": lambda: of_a_run(measured.convert(path, _BASE), events),
        },
        rounds,
    )


def compared(path: Path, events: int, able: list[Peer], rounds: int, missing: list[str]) -> Figures:
    """Let ours and the peers write the twenty keys, and check the lines of the last round.

    A peer that fails is named in `missing`.
    """
    folder = path.with_suffix(".peers")

    def way(peer: Peer) -> Callable[[], Figures]:
        def run() -> Figures:
            work = folder / peer.name
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir(parents=True)
            try:
                return of_a_run(peer.run(path, work / "out.cef", work), events)
            except RuntimeError as fault:
                if peer.name == _OURS:
                    raise
                missing.append(f"{peer.name} failed on {path.stem}: {str(fault)[-200:]}")
                return {}

        return run

    found = in_turns({peer.name: way(peer) for peer in able}, rounds)
    able = [peer for peer in able if peer.name in found]

    def judge(peer: Peer) -> list[Any]:
        output = folder / peer.name / "out.cef"
        words = [sys.executable, "-m", "peers.judge", str(path), str(output)]
        said = subprocess.run(words, check=True, capture_output=True, cwd=_HERE).stdout
        return list(json.loads(said))

    with ThreadPoolExecutor(os.cpu_count()) as pool:  # nothing is measured meanwhile
        judged = dict(zip(able, pool.map(judge, able), strict=True))
    for peer, (lines, right, wrong) in judged.items():
        most = sorted(wrong.items(), key=lambda each: -each[1])[:5]
        found[peer.name] |= {"lines": lines, "right": right, "wrong": dict(most)}
        found[peer.name]["version"] = peer.version
    shutil.rmtree(folder)
    return found


def ours() -> Peer:
    """Return cef-bridge as the peers are."""
    return Peer(
        _OURS,
        machine.described()["cef-bridge"],
        lambda events, output, _: measured.convert(events, _KEYS, output=str(output)),
    )


def peers(*, install: bool) -> tuple[list[Peer], list[str]]:
    """Return ours and who else is on this machine, and a sentence for each who is not."""
    able, missing = [ours()], []
    makers: dict[str, Callable[[], list[Peer]]] = {
        "Tenzir": lambda: tenzir.peers(install=install),
        "syslog-ng": lambda: [daemons.syslog_ng()],
        "rsyslog": lambda: [daemons.rsyslog()],
    }
    for name, make in makers.items():
        try:
            able += make()
        except MissingError as reason:
            missing.append(f"{name} is left out: {reason}")
    return able, missing


def started(folder: Path) -> Figures:
    """Measure how long a run takes that has next to nothing to do, in wall milliseconds."""
    ten = folder / "ten.ndjson"
    datasets.write(ten, "telemetry", 10)
    return {
        "version_ms": measured.median_wall(["--version"]),
        "help_ms": measured.median_wall(["--help"]),
        "ten_ms": measured.median_wall(["convert", str(ten), "-o", str(folder / "ten.cef")]),
    }


def _made(folder: Path, name: str, count: int) -> tuple[Path, int]:
    """Write a set to a file, in another process; return it and the bytes of an event."""
    path = folder / f"{name}.ndjson"
    with path.open("wb") as file:
        words = [sys.executable, str(_HERE / "datasets.py"), str(count), "--set", name]
        subprocess.run(words, check=True, stdout=file)
    return path, path.stat().st_size // count


def figures(options: argparse.Namespace, folder: Path) -> Figures:
    """Measure everything that was asked for."""
    parts, names = options.only.split(","), options.sets.split(",")
    rounds = min(options.rounds, _PEER_ROUNDS)
    able, missing = peers(install=options.install) if "peers" in parts else ([], [])
    found: Figures = {"machine": machine.described(), "rounds": options.rounds, "sets": {}}
    found |= {"missing": missing, "gz": {}, "peers": {}, "start": {}}
    if "start" in parts:
        _tell("start-up")
        found["start"] = started(folder)
    for name in names:
        count = datasets.SETS[name].count(options.events)
        _tell(f"{name}: {count:,} events")
        path, size = _made(folder, name, count)
        found["sets"][name] = {"events": count, "bytes": size}
        if "convert" in parts:
            found["sets"][name] |= converted(path, count, options.rounds)
        if "gz" in parts and name == names[0]:
            _tell(f"{name}: .gz")
            found["gz"] = unpacked(path, count, options.rounds)
        if "peers" in parts and name in _PEER_SETS:
            _tell(f"{name}: peers")
            found["peers"][name] = compared(path, count, able, rounds, missing)
        path.unlink()
    found["promises"] = promises.judged(found)
    return found


def _tell(what: str) -> None:
    print(f"… {what}", file=sys.stderr, flush=True)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=400_000, help="of telemetry; see datasets.py")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sets", default=",".join(datasets.SETS), help="names, with commas")
    parser.add_argument("--only", default=",".join(_PARTS), help=f"of {', '.join(_PARTS)}")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures there too")
    parser.add_argument("--markdown", action="store_true", help="print tables for a page")
    parser.add_argument(
        "--no-install", dest="install", action="store_false", help="Tenzir only if it is there"
    )
    options = parser.parse_args()
    if unknown := {*options.sets.split(",")} - datasets.SETS.keys():
        parser.error(f"no such set: {', '.join(unknown)}. There are {', '.join(datasets.SETS)}.")
    if unknown := {*options.only.split(",")} - {*_PARTS}:
        parser.error(f"no such part: {', '.join(unknown)}. There are {', '.join(_PARTS)}.")
    with tempfile.TemporaryDirectory() as folder:
        found = figures(options, Path(folder))
    if options.json:
        options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(table.markdown(found) if options.markdown else table.text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
