"""An archive of events through Spark, on a cluster in this machine, compared with `convert`.

Makes an archive (20,000 events in four files, one of them packed, some without a time, and two
broken lines), converts it by `cef_bridge.spark` on two executors, shows rows, rejects and counts,
and compares the sorted messages with those of `cef-bridge convert`. Ends with 1 where they differ.
Listens on 127.0.0.1 only.

    pip install 'cef-bridge[spark]'       # and a Java of 17 or later
    python examples/spark_archive.py
"""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import orjson

from cef_bridge.generator import events

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

EVENTS = 20_000
MAPPING = "splunk"
_QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


def write_archive(folder: Path) -> None:
    """Write the archive: files of a quarter of the events each."""
    lines = events(EVENTS, seed=7)
    for number in range(4):
        data = bytearray()
        for at, line in enumerate(islice(lines, EVENTS // 4)):
            data += without_time(line) if at % 500 == 0 else line
        if number == 1:
            data += b'{"Type":"MatchedPolicy","Operation":"File","Resource":"/etc/sha\n'
            data += b"level=info msg=started\n" + b'{"Type":"ContainerLog",}\n'
        name = f"node-{number}.json"
        if number == 2:
            (folder / f"{name}.gz").write_bytes(gzip.compress(data, mtime=0))
        else:
            (folder / name).write_bytes(data)


def without_time(line: bytes) -> bytes:
    """Return an event as one that says no time: its id depends on file and offset."""
    event = orjson.loads(line)
    event = {name: event[name] for name in event if name not in {"Timestamp", "UpdatedTime"}}
    return orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE)


def session(**more: str) -> SparkSession:
    """Return a session on a cluster of two executors, each a process of this machine."""
    os.environ |= {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable}
    from pyspark.sql import SparkSession  # noqa: PLC0415 - reads the environment

    builder = SparkSession.builder.master("local-cluster[2,1,1024]").appName("cef-bridge")
    for name, value in {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.session.timeZone": "UTC",
        # A short run: less time for compiling what runs once.
        "spark.driver.extraJavaOptions": _QUICK,
        "spark.executor.extraJavaOptions": _QUICK,
        "spark.sql.codegen.wholeStage": "false",
        **more,
    }.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


def converted(spark: SparkSession, folder: Path) -> DataFrame:
    """Return what becomes of the records in the archive."""
    from cef_bridge.spark import read_lines, to_cef  # noqa: PLC0415 - needs the extra

    records = read_lines(spark, str(folder))
    return to_cef(
        records, MAPPING, name="file", offset="offset", problem="problem", keep=["file"]
    ).cache()


def show(result: DataFrame) -> None:
    """Print some rows, the rejects and the counts."""
    messages = result.where("line IS NOT NULL").orderBy("event_id")
    messages.select("event_time", "class_id", "severity", "line").show(3, truncate=60)
    rejects = result.where("rejected IS NOT NULL").orderBy("file", "raw")
    rejects.selectExpr("rejected", "string(raw) AS raw").show(truncate=60)
    result.groupBy("status").count().orderBy("status").show()


def by_convert(folder: Path) -> list[bytes]:
    """Return the messages that `cef-bridge convert` makes of the archive, sorted."""
    command = Path(sys.executable).with_name("cef-bridge")
    words = [str(command), "convert", "-m", MAPPING, str(folder), "--no-progress"]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=False)
    if done.returncode not in {0, 3}:  # 3: records were rejected
        sys.exit(done.returncode)
    return sorted(done.stdout.splitlines())


def main() -> None:
    """Make the archive, convert it both ways, compare."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_archive(folder)
        spark = session()
        spark.sparkContext.setLogLevel("ERROR")
        result = converted(spark, folder)
        show(result)
        rows = result.where("line IS NOT NULL").select("line").collect()
        spark.stop()
        same = sorted(row.line.encode() for row in rows) == by_convert(folder)
    print(f"{len(rows):,} messages, {'the same as' if same else 'NOT those of'} convert's")
    sys.exit(not same)


if __name__ == "__main__":
    main()
