"""`convert -j`: threads that share the work, as an operator meets them."""

from __future__ import annotations

import gzip
import hashlib
import json
import signal
import sys
import time
from pathlib import Path

import commands
import pytest
from running import convert, counts, event, events, plain, start
from waiting import until

from cef_bridge.engine import native as engine

needs_engine = pytest.mark.skipif(engine.load() is None, reason="there is no native engine here")


@pytest.fixture(scope="module")
def big(tmp_path_factory):
    """Some 20 MB, with noise, damage and a few arrays in it."""
    path = tmp_path_factory.mktemp("big") / "big.json"
    block = [event(number) for number in range(3000)]
    block[700] = b"[" + b",\n".join(block[700:710]) + b"]"
    block[1400:1404] = [b"Started to watch", b"", event(1)[:99], b'{"Type":"x","Operation":}']
    with path.open("wb") as file:
        for turn in range(12):
            file.write(b"\n".join(block).replace(b"/srv/", b"/srv/%d/" % turn) + b"\n")
    return path


def files(folder: Path, *words: object) -> dict[str, object]:
    """Convert into a folder; return the summary's counts and what was written."""
    folder.mkdir()
    targets = ["-o", folder / "out", "--rejects", folder / "bad", "--report", folder / "report"]
    ran = convert(*words, *targets)
    report = json.loads((folder / "report").read_bytes())
    for row in (report, *report["inputs"]):
        for name in ("seconds", "finished", "output"):
            row.pop(name, None)
    digest = hashlib.sha256((folder / "out").read_bytes()).hexdigest()
    assert report["output_sha256"] == digest
    lines = ran.err.splitlines()[1:]
    return {
        "code": ran.code,
        "counts": ran.counts,
        "told": lines,
        "report": json.dumps(report),
        "out": (folder / "out").read_bytes(),
        "bad": (folder / "bad").read_bytes(),
    }


def test_the_files_are_the_same_with_any_number_of_threads(tmp_path, big):
    packed = tmp_path / "big.gz"
    packed.write_bytes(gzip.compress(big.read_bytes()[: 8 << 20], 1))
    one = files(tmp_path / "one", "-j", 1, packed, big, "--strict")
    assert one["code"] == 3
    assert one["counts"]["rejected"] > 12
    assert files(tmp_path / "three", "-j", 3, packed, big, "--strict") == one


def test_the_files_are_the_same_without_the_engine(tmp_path, big, monkeypatch):
    few = tmp_path / "few.json"
    few.write_bytes(big.read_bytes()[: 1 << 20])
    native = files(tmp_path / "native", few, "--strict")
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    python = files(tmp_path / "python", "-j", 3, few, "--strict")
    for ran in (native, python):
        report = json.loads(ran["report"])
        assert (report.pop("engine"), report.pop("engine_left")) in {
            ("python", None),
            ("native", 4),
        }
        ran["report"] = report
    assert native == python


def test_a_pipe_is_shared_once_it_has_brought_much(big):
    with big.open("rb") as file:
        shared = convert("-j", 3, stdin=file.fileno())
    with start("-j", 3) as process:
        process.stdin.write(event() + b"\n")
        assert process.stdout.readline().startswith(b"CEF:0|")
        out = process.communicate(big.read_bytes(), timeout=60)[0]
    assert shared.out == out == convert("-j", 1, big).out


def thread_count(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


@needs_engine
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
def test_a_signal_ends_the_run_after_what_is_in_hand(tmp_path, big, number):
    out = tmp_path / "out"
    with out.open("wb") as file, start("-j", 2, *[big] * 8, stdout=file) as process:
        until(lambda: out.stat().st_size)
        process.send_signal(number)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    written = out.read_bytes()
    assert 0 < counts(plain(err))["converted"] == written.count(b"\n")
    assert written == convert("-j", 1, *[big] * 8).out[: len(written)]


@needs_engine
def test_a_run_that_waits_for_a_pipe_ends_at_once(tmp_path, big):
    out = tmp_path / "out"
    with out.open("wb") as file, start("-j", 2, stdout=file) as process:
        process.stdin.write(big.read_bytes()[: 9 << 20])
        process.stdin.flush()
        until(lambda: out.stat().st_size > 4 << 20)
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 130
        err = process.stderr.read().decode()
    assert counts(plain(err))["converted"] == out.read_bytes().count(b"\n")


@needs_engine
def test_small_inputs_are_converted_by_one_thread_and_large_ones_by_several(tmp_path, big):
    (tmp_path / "in").write_bytes(events(2000))
    # Four threads at most convert, and one reads. A thread starts when no other one is free: how
    # many there are depends on the machine.
    for path, expected in ((tmp_path / "in", [1]), (big, range(3, 7))):
        with start("-j", 4, path, "-o", "/dev/stdout") as process:
            process.stdout.readline()
            assert thread_count(process.pid) in expected
            process.communicate(timeout=60)


@pytest.mark.parametrize("jobs", ["0", "-1", "257", "many"])
def test_a_number_of_threads_that_is_none_ends_with_2(jobs):
    assert convert("-j", jobs).code == 2


# Every line seems to be another one to the engine.
DIFFERING = """
import sys
from cef_bridge.engine import machine
from cef_bridge.cli import main
machine.ComparingRunner._native = lambda *_: machine._Made("blank")
sys.argv[0] = "cef-bridge"
main()
"""


@needs_engine
def test_both_engines_are_compared_and_a_difference_ends_with_3(tmp_path, monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    (tmp_path / "in").write_bytes(events(20))
    same = convert(tmp_path / "in")
    assert same.code == 0
    assert "  20 lines compared with Python's: 0 different\n" in same.err
    words = [sys.executable, "-c", DIFFERING, "convert", str(tmp_path / "in")]
    ran = commands.run(words, check=False, capture_output=True, timeout=60)
    assert (ran.returncode, ran.stdout) == (3, same.out)
    err = ran.stderr.decode()
    assert "  20 lines compared with Python's: 20 different\n" in err
    said = "in:1: the engine says blank, the reference converted; the reference's is written\n"
    assert said in err
    assert err.count("the reference's is written") == 10
