"""What `cef_bridge.spark` converts in a second, beside `convert`, in one run over the same files.

Makes telemetry in files, converts it by the installed `convert` with one job and with two, and by
Spark in one process (`local[2]`) and on two executors (`local-cluster[2,1,1024]`): a session each,
in which the same query runs twice, for the first one starts Python and compiles. Prints wall time
and events a second, Spark's also as a multiple of `convert -j 2`, how long a session takes to
begin, and whether the sorted messages are the same. Before that, CPU an event of what runs in a
Python worker, without Spark: a busy machine changes it less. Needs the extra `spark`.

    python benchmarks/spark.py [--events 400000] [--files 8] [--rounds 3]
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import datasets
from machine import described
from measured import COMMAND, run

MAPPING = "splunk"
MASTERS = ("local[2]", "local-cluster[2,1,1024]")


def write(folder: Path, events: int, files: int) -> None:
    """Write telemetry, as many events to each file."""
    made = datasets.events(events, pods=300, novelty=0.03)
    for number in range(files):
        with (folder / f"node-{number}.json").open("wb") as file:
            for _, event in zip(range(events // files), made, strict=False):
                file.write(datasets.line(event))


def digest(paths: list[Path]) -> str:
    """Return the SHA-256 of the sorted lines of files."""
    lines = sorted(line for path in paths for line in path.read_bytes().splitlines())
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def queries(master: str, folder: Path, out: Path) -> None:
    """Run the query twice in a session; print the seconds of each as JSON. In a process alone."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    from pyspark.sql import SparkSession  # noqa: PLC0415 - only this process needs it

    from cef_bridge.spark import read_lines, to_cef  # noqa: PLC0415 - the same

    started = time.perf_counter()
    builder = SparkSession.builder.master(master)
    for name, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.files.maxPartitionBytes": "32m",
    }.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    found = {"session": time.perf_counter() - started}
    for name in ("first", "second"):
        started = time.perf_counter()
        records = read_lines(spark, str(folder))
        result = to_cef(records, MAPPING, name="file", offset="offset", problem="problem")
        result.where("line IS NOT NULL").select("line").write.text(str(out / name))
        found[name] = time.perf_counter() - started
    spark.stop()
    print(json.dumps(found))


def worker_alone(folder: Path) -> dict[str, float]:
    """Return CPU microseconds an event of what a worker runs, over one file, after a first time."""
    import pyarrow as pa  # noqa: PLC0415 - needs the extra

    from cef_bridge.batches import batches  # noqa: PLC0415 - the same
    from cef_bridge.spark.reading import cut  # noqa: PLC0415 - the same
    from cef_bridge.spark.writing import Converting  # noqa: PLC0415 - the same

    path = folder / "node-0.json"
    file = pa.RecordBatch.from_pydict({"path": [f"file:{path}"], "content": [path.read_bytes()]})
    convert = Converting(batches(MAPPING), ())
    found: dict[str, float] = {}
    for _ in range(2):
        started = time.process_time()
        records = [*cut(1 << 20, iter([file]))]
        events = sum(each.num_rows for each in records)
        found["read_lines"] = (time.process_time() - started) / events * 1e6
        given = [each.select(["value", "file", "offset", "problem"]) for each in records]
        started = time.process_time()
        for _ in convert(iter(given)):
            pass
        found["to_cef"] = (time.process_time() - started) / events * 1e6
    return found


def by_spark(master: str, folder: Path, out: Path) -> dict[str, float]:
    """Return the seconds of a session's queries. Raises RuntimeError with what it said."""
    words = [sys.executable, __file__, "--queries", master, str(folder), str(out)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--events", type=int, default=400_000)
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--queries", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.queries:
        master, folder, out = options.queries
        queries(master, Path(folder), Path(out))
        return
    it = described()
    print(f"{it['date']}, {it['processor']}, {it['system']}, Python {it['python']}")
    walls: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        (base / "in").mkdir()
        write(base / "in", options.events, options.files)
        bytes_ = sum(path.stat().st_size for path in (base / "in").iterdir())
        print(f"{options.events:,} events, {options.files} files, {bytes_ / 1e6:.0f} MB")
        for what, micros in worker_alone(base / "in").items():
            print(f"{what} in a worker: {micros:.1f} us of CPU an event")
        if not options.rounds:
            return
        same = True
        for number in range(options.rounds):
            load = os.getloadavg()[0]
            for jobs in (1, 2):
                words = [
                    "convert",
                    "-j",
                    str(jobs),
                    "-m",
                    MAPPING,
                    str(base / "in"),
                    "--no-progress",
                ]
                cost = run([str(COMMAND), *words, "-o", str(base / "cef")])
                walls[f"convert -j {jobs}"].append(cost.wall)
            ours = digest([base / "cef"])
            for master in MASTERS:
                out = base / f"{number}-{master}"
                out.mkdir()
                for query, wall in by_spark(master, base / "in", out).items():
                    walls[f"{master}, {query}"].append(wall)
                    if query != "session":
                        same = same and digest([*(out / query).glob("part-*")]) == ours
            print(
                f"round {number + 1} of {options.rounds}, load at its start {load:.1f}", flush=True
            )
    two = statistics.median(walls["convert -j 2"])
    print(f"{'':36}{'wall s':>8}{'events/s':>11}{'convert -j 2 is':>18}")
    for name, found in walls.items():
        wall = statistics.median(found)
        rate = "" if name.endswith("session") else f"{options.events / wall:,.0f}"
        times = f"{wall / two:.2f} x" if rate else ""
        print(f"{name:<36}{wall:>8.2f}{rate:>11}{times:>18}")
    print(f"sorted messages: {'the same' if same else 'NOT the same'} in all runs")


if __name__ == "__main__":
    main()
