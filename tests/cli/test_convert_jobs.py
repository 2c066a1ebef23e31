"""`convert -j`: processes that share the work, as an operator meets them."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import time
from pathlib import Path

import pytest
from running import convert, counts, event, events, names, plain, start


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


def test_the_files_are_the_same_with_any_number_of_processes(tmp_path, big):
    packed = tmp_path / "big.gz"
    packed.write_bytes(gzip.compress(big.read_bytes()[: 8 << 20], 1))
    one = files(tmp_path / "one", "-j", 1, packed, big, "--strict")
    assert one["code"] == 3
    assert one["counts"]["rejected"] > 12
    assert files(tmp_path / "three", "-j", 3, packed, big, "--strict") == one


def test_a_pipe_is_shared_once_it_has_brought_much(big):
    with big.open("rb") as file:
        shared = convert("-j", 3, stdin=file.fileno())
    with start("-j", 3) as process:
        process.stdin.write(event() + b"\n")
        assert process.stdout.readline().startswith(b"CEF:0|")
        out = process.communicate(big.read_bytes(), timeout=60)[0]
    assert shared.out == out == convert("-j", 1, big).out


def children(pid: int) -> list[int]:
    return [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gone(pids: list[int]) -> bool:
    """Wait until processes have ended."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if not any(running(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return False


def workers(process, count: int = 2) -> list[int]:
    """Wait until the workers are at work."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        found = children(process.pid)
        if len(found) == count:
            time.sleep(0.1)
            return found
        time.sleep(0.005)
    pytest.fail("there are no workers")


def test_a_worker_that_is_killed_ends_the_run_with_1_and_no_output(tmp_path, big):
    with start(
        "-j", 2, big, big, big, big, "-o", tmp_path / "out", "--report", tmp_path / "r"
    ) as process:
        pids = workers(process)
        os.kill(pids[1], signal.SIGKILL)
        err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 1
    assert plain(err) == (
        f"cef-bridge: worker process {pids[1]} was killed by signal 9 (out of memory?); "
        f"{tmp_path / 'out'} was not written. Fewer -j need less memory\n"
    )
    assert names(tmp_path) == []
    assert gone(pids)


def test_no_worker_outlives_a_run_that_is_killed(tmp_path, big):
    with start("-j", 2, big, big, big, big, "-o", tmp_path / "out") as process:
        pids = workers(process)
        process.kill()
    assert gone(pids)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda it: it.name)
def test_a_signal_to_all_of_the_processes_ends_the_run_as_with_one(tmp_path, big, number):
    out = tmp_path / "out"
    with out.open("wb") as file:
        process = start("-j", 2, big, big, stdout=file, start_new_session=True)
        with process:
            pids = workers(process)
            until = time.monotonic() + 60
            while not out.stat().st_size and time.monotonic() < until:
                time.sleep(0.01)
            os.killpg(process.pid, number)
            err = process.communicate(timeout=60)[1].decode()
    assert process.returncode == 130
    written = out.read_bytes()
    assert 0 < counts(plain(err))["converted"] == written.count(b"\n")
    assert written == convert("-j", 1, big, big).out[: len(written)]
    assert gone(pids)


def test_small_inputs_are_converted_by_one_process(tmp_path):
    (tmp_path / "in").write_bytes(events(2000))
    with start("-j", 4, tmp_path / "in", "-o", "/dev/stdout") as process:
        process.stdout.readline()
        assert children(process.pid) == []
        process.communicate(timeout=30)


@pytest.mark.parametrize("jobs", ["0", "-1", "257", "many"])
def test_a_number_of_processes_that_is_none_ends_with_2(jobs):
    assert convert("-j", jobs).code == 2
