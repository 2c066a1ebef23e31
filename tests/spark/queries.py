"""The queries that tests/spark/test_spark.py is about, in one session: results go to a folder.

A process of its own: a session takes half a minute to begin, Java's and Python's processes end with
it, and what pyspark warns of is not ours.

    python tests/spark/queries.py FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pyarrow as pa

ROOT = Path(__file__).parent.parent.parent
sys.path[:0] = [str(ROOT / "examples"), str(ROOT / "tests" / "spark")]
import spark_archive as example  # noqa: E402 - the lines above make it findable
from pyspark.sql import Observation  # noqa: E402 - the same
from pyspark.sql import functions as F  # noqa: E402, N812 - the same

from cef_bridge.errors import CefBridgeError  # noqa: E402 - the same
from cef_bridge.mapping.load import load_text  # noqa: E402 - the same
from cef_bridge.spark import from_cef, read_lines, to_cef  # noqa: E402 - the same

DATA = ROOT / "tests" / "data"
OWN = "mapping: own\nextends: splunk\ndrop_events: [{Operation: File}]\n"
LINES = [
    "<13>Jan  1 00:00:00 host CEF:0|V|P|1|id|name|5|a=1 b=x \\= y\n",
    "LEEF:2.0|V|P|1|id|^|a=1^b=2",
    "CEF:0|V|P|1|id|name|5|a=1 a=2",
    "no message",
    None,
]
STATUSES = ("converted", "filtered", "rejected", "skipped")


def probe(parts):
    """Say which process this is, and how often it compiled a plan."""
    from cef_bridge.batches import compiled

    for _ in parts:
        pass
    info = compiled.cache_info()
    row = {"pid": [os.getpid()], "misses": [info.misses], "hits": [info.hits]}
    yield pa.RecordBatch.from_pydict(row)


def listening(session: int) -> list[str]:
    """Return the addresses, as hexadecimal digits, at which the processes of a session listen."""
    inodes = set()
    for process in Path("/proc").iterdir():
        try:
            if process.name.isdecimal() and os.getsid(int(process.name)) == session:
                inodes |= {str(each.readlink())[8:-1] for each in (process / "fd").iterdir()}
        except OSError:  # it has ended meanwhile
            continue
    rows = [
        row.split()
        for name in ("tcp", "tcp6")
        for row in Path(f"/proc/net/{name}").read_text().splitlines()[1:]
    ]
    return [row[1].partition(":")[0] for row in rows if row[3] == "0A" and row[9] in inodes]


def refused(frame) -> list[str]:
    """Return what is said of columns that are not there, or cannot be."""
    said = []
    for call in (
        lambda: to_cef(frame, column="valeu"),
        lambda: to_cef(frame, column="offset"),
        lambda: to_cef(frame, name="fiel"),
        lambda: to_cef(frame.withColumn("line", F.lit(1)), keep=["line"]),
        lambda: to_cef(frame, "splnk"),
        lambda: from_cef(frame, "lines"),
    ):
        try:
            call()
        except CefBridgeError as error:
            said.append(str(error))
    return said


def main(folder: Path) -> None:
    """Run the queries."""
    archive, results = folder / "in", {}
    spark = example.session(**{"spark.sql.adaptive.enabled": "false"})
    spark.sparkContext.setLogLevel("ERROR")
    places = {"name": "file", "offset": "offset", "problem": "problem"}
    kept = {"keep": ["file", "line_number", "offset"]}
    records = read_lines(spark, [str(archive), str(DATA)])
    counts = Observation()
    sums = [F.count_if(F.col("status") == status).alias(status) for status in STATUSES]
    batch = to_cef(records, example.MAPPING, **places, **kept).observe(counts, *sums)
    batch.write.parquet(str(folder / "batch"))
    results["observed"] = counts.get
    results["listening"] = listening(os.getsid(0))

    stream = to_cef(
        read_lines(spark, str(archive), stream=True, maxFilesPerTrigger="2"),
        example.MAPPING,
        **places,
        **kept,
    ).observe("counts", *sums)
    writer = stream.writeStream.format("parquet").trigger(availableNow=True)
    query = writer.option("checkpointLocation", str(folder / "at")).start(str(folder / "stream"))
    query.awaitTermination()
    found = [it.observedMetrics["counts"].asDict() for it in query.recentProgress]
    results["batches"] = [it for it in found if any(it.values())]

    # Rows of which nobody says where they are from; an own mapping, as a text.
    texts = spark.read.text(str(archive / "node-0.json"))
    own = load_text(OWN, "own.yaml")
    to_cef(texts, own, keep=["value"]).write.parquet(str(folder / "texts"))

    given = {"the id": range(len(LINES)), "line": LINES}
    lines = spark.createDataFrame(pa.table({name: [*each] for name, each in given.items()}))
    from_cef(lines, keep=["the id"]).write.parquet(str(folder / "parsed"))

    workers = spark.range(0, 4, 1, 4).mapInArrow(probe, "pid bigint, misses bigint, hits bigint")
    results["workers"] = [row.asDict() for row in workers.collect()]
    results["refused"] = refused(records)
    results["types"] = {"to_cef": batch.dtypes, "from_cef": from_cef(lines).dtypes}
    spark.stop()
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
