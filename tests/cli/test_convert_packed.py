"""Outputs whose names ask for compression: what they hold is what a plain output holds."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal

import pytest
import zstandard
from resumes import Archive, resumed_until_done
from running import convert, event, events, names, start, until_it_handles


def unpacked(name: str, data: bytes) -> bytes:
    """Return all members of a packed file."""
    if name.endswith(".gz"):
        return gzip.decompress(data)
    with zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True) as reader:
        return reader.read()


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".GZ"])
def test_a_name_with_a_suffix_compresses_what_a_plain_name_would_have(tmp_path, suffix):
    lines = events(50) + b'{"Operation":"File"\n'
    outs = ["-o", "--rejects", "--report"]
    paths = [tmp_path / f"{name}{suffix}" for name in ("out.cef", "bad", "report")]
    words = [word for pair in zip(outs, paths, strict=True) for word in pair]
    assert convert("-", *words, stdin=lines).code == 3
    plain = ["-o", tmp_path / "plain", "--rejects", tmp_path / "plain.bad"]
    assert convert("-", *plain, stdin=lines).code == 3
    out, bad, report = (unpacked(suffix.lower(), path.read_bytes()) for path in paths)
    assert out == (tmp_path / "plain").read_bytes()
    assert bad == (tmp_path / "plain.bad").read_bytes()
    assert json.loads(report)["output_sha256"] == hashlib.sha256(paths[0].read_bytes()).hexdigest()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_two_runs_give_the_same_packed_bytes(tmp_path, suffix):
    for name in ("a", "b"):
        convert("-", "-o", tmp_path / f"{name}{suffix}", stdin=events(30))
    assert (tmp_path / f"a{suffix}").read_bytes() == (tmp_path / f"b{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_an_output_of_nothing_is_a_packed_nothing(tmp_path, suffix):
    path = tmp_path / f"out{suffix}"
    assert convert("-", "-o", path, stdin=b"").code == 0
    assert unpacked(suffix, path.read_bytes()) == b""


def test_what_a_packed_output_has_can_be_an_input(tmp_path):
    (tmp_path / "in.json").write_bytes(events(20))
    convert(tmp_path / "in.json", "-o", tmp_path / "out.gz")
    ran = convert(tmp_path / "out.gz", "-o", tmp_path / "none")
    assert ran.counts["skipped"] == 20


def test_an_interrupted_run_leaves_no_packed_output(tmp_path):
    with start("-", "-o", tmp_path / "out.gz", "--rejects", tmp_path / "bad.gz") as process:
        process.stdin.write(event(1) + b"\n")
        until_it_handles(process, signal.SIGTERM)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    assert process.returncode == 130
    assert "out.gz" not in names(tmp_path)


def test_a_pipe_is_written_as_it_is_whatever_its_name(tmp_path):
    path = tmp_path / "pipe.gz"
    os.mkfifo(path)
    with start("-", "-o", path) as process, path.open("rb") as pipe:
        process.stdin.write(events(1))
        process.stdin.close()
        process.stdin = None
        assert pipe.read().startswith(b"CEF:0|KubeArmor|")


def test_a_killed_run_resumes_behind_the_members_that_it_wrote(tmp_path):
    archive = Archive(tmp_path)
    archive.outputs = ["--rejects", "bad.zst", "--report", "report.json", "-o", "out.cef.gz"]

    def kill(process, _turn: int) -> None:
        archive.wait_for(1)
        process.kill()

    assert resumed_until_done(archive, kill, 3) >= 1
    out, bad, report = archive.expected
    assert gzip.decompress((tmp_path / "out.cef.gz").read_bytes()) == out
    assert unpacked(".zst", (tmp_path / "bad.zst").read_bytes()) == bad
    said = json.loads((tmp_path / "report.json").read_bytes())
    assert said["lines"] == report["lines"]
    assert names(tmp_path) == sorted([*archive.inputs, "out.cef.gz", "bad.zst", "report.json"])
