"""`convert --checkpoint` with objects: what was converted is not converted again, by ETag and size."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import commands
import pytest
from resumes import SMALL_PIECES, inputs
from running import names, plain

if TYPE_CHECKING:
    from pathlib import Path


class Bucket:
    """Inputs of several kinds in a bucket, and runs that write there."""

    def __init__(self, s3, folder: Path) -> None:
        self.s3 = s3
        self.folder = folder
        self.name = s3.bucket()
        self.url = f"s3://{self.name}"
        for name, data in inputs().items():
            s3.files.pipe_file(f"{self.url}/in/{name}", data)

    def words(self, to: str) -> list[str]:
        at = f"{self.url}/{to}" if to else str(self.folder)
        outs = ["-o", f"{at}/out.cef", "--rejects", f"{at}/bad", "--report", f"{at}/report"]
        return ["convert", f"{self.url}/in/*", *outs]

    def start(
        self, to: str, mode: str = "", *words: str, hang: str = ""
    ) -> subprocess.Popen[bytes]:
        return commands.Popen(
            [sys.executable, "-c", SMALL_PIECES, mode, hang, *self.words(to), *words],
            env={**self.s3.env(), "PATH": "/bin"},
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, to: str, *words: str) -> tuple[int, str]:
        with self.start(to, "", *words) as process:
            _, err = process.communicate(timeout=120)
        return process.returncode, plain(err.decode())

    def begin(self, to: str) -> None:
        """Begin a run, and kill it when it has written something."""
        with self.start(to, "slow", "--checkpoint", "state") as process:
            until = time.monotonic() + 60
            while not any(it.stat().st_size for it in self.folder.glob(".out.cef*.part")):
                assert process.poll() is None, process.stderr.read()
                assert time.monotonic() < until
                time.sleep(0.005)
            process.kill()
        assert process.returncode == -9
        assert (self.folder / "state").exists()

    def written(self, to: str) -> tuple[bytes, bytes, dict[str, object]]:
        def read(name: str) -> bytes:
            if to:
                return self.s3.files.cat_file(f"{self.url}/{to}/{name}")
            return (self.folder / name).read_bytes()

        report = json.loads(read("report"))
        for row in (report, *report["inputs"]):
            row.pop("seconds")
        del report["finished"], report["output"]
        return read("out.cef"), read("bad"), report


@pytest.fixture
def bucket(s3, tmp_path):
    return Bucket(s3, tmp_path)


@pytest.mark.parametrize("to", ["", "out"])
def test_a_killed_run_of_objects_is_resumed_to_the_same_bytes(bucket, to):
    assert bucket.run("whole")[0] == 3
    bucket.begin(to)
    assert [it for it in bucket.s3.files.find(bucket.name) if f"{bucket.name}/out" in it] == []
    code, err = bucket.run(to, "--checkpoint", "state")
    assert code == 3
    assert "resuming: " in err
    assert bucket.written(to) == bucket.written("whole")
    assert names(bucket.folder) == ([] if to else ["bad", "out.cef", "report"])


def test_an_object_with_another_content_is_another_input(bucket):
    bucket.begin("")
    before = {it: (bucket.folder / it).read_bytes() for it in names(bucket.folder)}
    url = f"{bucket.url}/in/c.tar.gz"
    bucket.s3.files.pipe_file(url, inputs()["c.tar.gz"].swapcase())  # as many bytes
    assert bucket.run("", "--checkpoint", "state") == (
        2,
        (
            f"cef-bridge: state was written when {url} was another file, or had another content. What is "
            "converted from here on would not fit to what was converted. Delete state to start over, or "
            "run the original command.\n"
        ),
    )
    assert {it: (bucket.folder / it).read_bytes() for it in names(bucket.folder)} == before


def test_the_same_content_written_again_is_the_same_object(bucket):
    bucket.begin("")
    bucket.s3.files.pipe_file(f"{bucket.url}/in/a.gz", inputs()["a.gz"])
    assert bucket.run("", "--state", "state")[0] == 3


def test_a_run_that_was_killed_before_its_objects_appeared_sends_them_when_resumed(bucket):
    bucket.run("whole")
    with bucket.start("out", "", "--checkpoint", "state", hang="all") as process:
        until = time.monotonic() + 60
        state = bucket.folder / "state"
        while not (state.exists() and json.loads(state.read_bytes())["complete"]):
            assert process.poll() is None, process.stderr.read()
            assert time.monotonic() < until
            time.sleep(0.01)
        process.kill()
    code, err = bucket.run("out", "--checkpoint", "state")
    assert (code, "resuming: all was converted" in err) == (3, True)
    assert bucket.written("out") == bucket.written("whole")
    assert names(bucket.folder) == []


def test_a_bucket_that_is_missing_is_found_before_anything_is_converted(bucket):
    words = ["--checkpoint", "state", "-o", "s3://no-bucket/out.cef"]
    code, err = bucket.run("out", *words)
    assert (code, err.startswith("cef-bridge: cannot write s3://no-bucket/out.cef: no such")) == (
        2,
        True,
    )
