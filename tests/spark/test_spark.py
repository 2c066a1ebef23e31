"""`cef_bridge.spark` on a cluster of two executors: the same bytes as `convert`, and nothing lost.

All queries run once, in a process of their own (queries.py), whichever worker of pytest asks first.
"""

from __future__ import annotations

import fcntl
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cef_bridge.kubearmor.classes import CLASSES

ROOT = Path(__file__).parent.parent.parent
DATA = ROOT / "tests" / "data"
MOST_SECONDS = 600  # of a busy machine; 40 on a free one


def missing() -> str | None:
    """Return what keeps these tests from running, None where nothing does."""
    for name in ("pyspark", "pandas", "pyarrow"):
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed: pip install '.[spark]'"
    java = shutil.which("java", path=f"{os.environ.get('JAVA_HOME', '')}/bin:{os.environ['PATH']}")
    return None if java else "there is no Java here: apt-get install default-jre-headless"


WHY = missing()
needs_spark = pytest.mark.skipif(WHY is not None, reason=WHY or "")


def example():
    """Return the example as a module."""
    where = importlib.util.spec_from_file_location(
        "spark_archive", ROOT / "examples/spark_archive.py"
    )
    module = importlib.util.module_from_spec(where)
    where.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def ran(tmp_path_factory) -> Path:
    """The folder with the results of the queries."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "spark"
    folder.mkdir(exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another worker of pytest may be at it
        if not (folder / "log").exists():
            (folder / "in").mkdir()
            example().write_archive(folder / "in")
            with (folder / "log").open("w") as log:
                subprocess.run(
                    [sys.executable, ROOT / "tests/spark/queries.py", folder],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    timeout=MOST_SECONDS,
                    check=False,
                )
    if not (folder / "results.json").exists():
        pytest.fail((folder / "log").read_text()[-6000:])
    return folder


@pytest.fixture(scope="session")
def results(ran):
    return json.loads((ran / "results.json").read_text())


def rows(ran: Path, name: str) -> list[dict[str, object]]:
    from pyarrow import parquet

    return parquet.read_table(ran / name).to_pylist()


@pytest.fixture(scope="session")
def batch(ran):
    return rows(ran, "batch")


def by_convert(*inputs: Path, rejects: Path | None = None) -> list[bytes]:
    command = [Path(sys.executable).with_name("cef-bridge"), "convert", "-m", "splunk", *inputs]
    command += ["--rejects", rejects] if rejects else []
    done = subprocess.run([*command, "--no-progress"], capture_output=True, check=False)
    assert done.returncode in {0, 3}
    return sorted(done.stdout.splitlines())


def messages(found: list[dict[str, object]]) -> list[bytes]:
    return sorted(row["line"].encode() for row in found if row["line"] is not None)


@needs_spark
def test_messages_are_those_of_convert_byte_for_byte(ran, batch, tmp_path):
    expected = by_convert(ran / "in", DATA, rejects=tmp_path / "no")
    assert len(expected) > 20_000
    assert messages(batch) == expected
    rejected = [json.loads(row) for row in (tmp_path / "no").read_bytes().splitlines()]
    assert sorted((row["file"], row["line_number"], row["rejected"], row["raw"].decode())
                  for row in batch if row["rejected"]) == sorted(
        (row["source"], row["line"], row["reason"], row["raw"]) for row in rejected
    )  # fmt: skip


@needs_spark
def test_every_row_says_what_became_of_it(batch, results):
    assert results["observed"] == {
        status: sum(row["status"] == status for row in batch)
        for status in ("converted", "filtered", "rejected", "skipped")
    }
    assert results["observed"]["rejected"] == 3
    for row in batch:
        is_message = row["status"] == "converted"
        for name in ("line", "class_id", "severity", "event_id", "lane"):
            assert (row[name] is not None) == is_message
        assert (row["rejected"] is not None) == (row["raw"] is not None)
        assert (row["rejected"] is not None) == (row["status"] == "rejected")
        assert row["file"].startswith("/")


@needs_spark
def test_columns_say_what_the_message_says(batch):
    found = [row for row in batch if row["line"] is not None]
    urgent = {each.class_id for each in CLASSES.values() if each.urgent}
    for row in found:
        assert f" externalId={row['event_id']} " in row["line"]
        assert row["line"].split("|")[4] == row["class_id"]
        assert row["line"].split("|")[6] == str(row["severity"])
        time = re.search(r" rt=(\d+) ", row["line"])
        at = row["event_time"]
        assert (at and int(at.timestamp() * 1000)) == (time and int(time[1]))
        assert row["lane"] == ("alerts" if row["class_id"] in urgent else "telemetry")


@needs_spark
def test_events_without_a_time_have_the_ids_of_convert(ran, batch):
    timeless = [row for row in batch if row["line"] is not None and row["event_time"] is None]
    ours = [row for row in timeless if Path(row["file"]).parent == ran / "in"]
    assert Counter(Path(row["file"]).name for row in ours) == {
        **dict.fromkeys(("node-0.json", "node-1.json", "node-3.json"), 10),
        "node-2.json.gz": 10,
    }
    assert len({row["event_id"] for row in ours}) == 40


@needs_spark
def test_a_stream_gives_what_a_batch_gives(ran, batch, results):
    of_archive = [row for row in batch if Path(row["file"]).parent == ran / "in"]

    def key(row):
        return row["file"], row["offset"]

    assert sorted(rows(ran, "stream"), key=key) == sorted(of_archive, key=key)
    assert len(results["batches"]) == 2
    for status in ("converted", "filtered", "rejected", "skipped"):
        count = sum(row["status"] == status for row in of_archive)
        assert sum(each[status] for each in results["batches"]) == count


@needs_spark
def test_a_plan_is_compiled_once_in_each_worker(results):
    workers = {row["pid"]: row for row in results["workers"]}
    # Two plans: that of the first two queries, and that of the third.
    assert workers
    assert all(row["misses"] <= 2 for row in workers.values())
    assert any(row["hits"] >= 1 for row in workers.values())


@needs_spark
def test_rows_from_nowhere_and_an_own_mapping(ran):
    found = rows(ran, "texts")
    texts = (ran / "in/node-0.json").read_text().splitlines()
    assert sorted(row["value"] for row in found) == sorted(texts)
    for row in found:
        is_file = json.loads(row["value"])["Operation"] == "File"
        assert row["status"] == ("filtered" if is_file else "converted")
    timed = {line for line in by_convert(ran / "in/node-0.json") if b" rt=" in line}
    ours = {line for line in messages(found) if b" rt=" in line}
    assert 0 < len(ours) < len(timed)
    assert ours <= timed


@needs_spark
def test_lines_become_columns_again(ran):
    syslog, leef, twice, none, null = sorted(rows(ran, "parsed"), key=lambda row: row["the id"])
    assert (syslog["prefix"], syslog["format"]) == ("<13>Jan  1 00:00:00 host ", "cef")
    assert (syslog["device_vendor"], syslog["name"], syslog["severity"]) == ("V", "name", "5")
    assert dict(syslog["extension"]) == {"a": "1", "b": "x = y"}
    assert syslog["problems"] == []
    assert (leef["format"], leef["version"], leef["name"]) == ("leef", "2.0", "")
    assert dict(leef["extension"]) == {"a": "1", "b": "2"}
    assert dict(twice["extension"]) == {"a": "1"}
    assert len(twice["problems"]) == 1
    assert none["extension"] is none["format"] is null["format"] is None
    assert none["problems"] == [
        "no message. Expected CEF: or LEEF: at the start or after a syslog header."
    ]
    assert null["problems"] == ["the value is null."]


@needs_spark
def test_what_is_wrong_with_columns_is_said_before_anything_runs(results):
    assert results["refused"] == [
        'There is no column "valeu". Did you mean "value"?',
        'The column "offset" is bigint. Expected string or binary.',
        'There is no column "fiel". Did you mean "file"?',
        (
            'keep: "line" is a column of the result. Rename yours, such as by '
            'withColumnRenamed("line", "my_line").'
        ),
        (
            'splnk:1:1 M016 There is no shipped mapping "splnk". Did you mean "splunk"? Name a file of '
            "your own with its path."
        ),
        'There is no column "lines". Expected one of: value, file, line_number, offset, problem.',
    ]


@needs_spark
def test_the_types_of_the_columns_are_those_of_the_page(results):
    assert [f"{name} {kind}" for name, kind in results["types"]["to_cef"]] == [
        *("line string", "class_id string", "severity int", "event_time timestamp"),
        *("event_id string", "lane string", "status string", "rejected string", "raw binary"),
        *("file string", "line_number bigint", "offset bigint"),
    ]
    assert dict(results["types"]["from_cef"])["extension"] == "map<string,string>"


@needs_spark
def test_all_listens_on_loopback_only(results):
    four, six, mapped = "0100007F", f"{1 << 24:032X}", "0000000000000000FFFF00000100007F"
    assert len(results["listening"]) >= 3
    assert set(results["listening"]) <= {four, six, mapped}


def test_a_missing_library_is_said_with_what_installs_it():
    program = "import sys\nsys.modules['pyspark'] = None\nimport cef_bridge.spark\n"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    said = done.stderr.splitlines()[-1]
    name = next(
        name for name in ("pandas", "pyarrow", "pyspark")
        if name == "pyspark" or importlib.util.find_spec(name) is None
    )  # fmt: skip
    assert said == (
        f"ImportError: cef_bridge.spark needs {name}, which is not installed. "
        "Run: pip install 'cef-bridge[spark]'"
    )


def test_nobody_else_imports_the_libraries():
    program = (
        "import sys, cef_bridge.cli, cef_bridge.batches, cef_bridge.convert.conversion\n"
        "print({'pandas', 'pyarrow', 'pyspark'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"
