"""The unit's restrictions let the program work: each one that could stop it is tried with it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from transcripts import ROOT

from cef_bridge.generator import events

UNIT = ROOT / "deploy" / "systemd" / "cef-bridge.service"
COMMAND = str(Path(sys.executable).with_name("cef-bridge"))
ANALYZE, STRACE = shutil.which("systemd-analyze"), shutil.which("strace")
MDWE = 65  # PR_SET_MDWE of Linux 6.3: what MemoryDenyWriteExecute= sets
NO_NEW_PRIVILEGES = 38
WITHOUT_EXECUTABLE_MEMORY = f"""
import ctypes, os, sys
libc = ctypes.CDLL(None)
assert not libc.prctl({MDWE}, 1, 0, 0, 0)
assert not libc.prctl({NO_NEW_PRIVILEGES}, 1, 0, 0, 0)
os.execv(sys.argv[1], sys.argv[1:])
"""
EVERYTHING = """
import mmap
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    import ctypes, sqlite3, ssl, confluent_kafka, grpc, orjson, yaml, zstandard
    from concurrent.futures import ThreadPoolExecutor
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    grpc.channel_ready_future(grpc.insecure_channel(f"127.0.0.1:{port}")).result(60)
    print("works")
    server.stop(None)
"""


def settings() -> list[tuple[str, str]]:
    rows = UNIT.read_text("utf-8").splitlines()
    return [
        (name, value)
        for name, found, value in (row.partition("=") for row in rows)
        if found and not name.startswith("#")
    ]


def members(*names: str) -> set[str]:
    """Return the system calls of systemd's sets, those of the sets in them as well."""
    calls: set[str] = set()
    for name in names:
        listed = subprocess.run(
            [ANALYZE, "syscall-filter", name], capture_output=True, text=True, check=True
        ).stdout
        words = [row.strip() for row in listed.splitlines()[1:]]
        calls |= {word for word in words if word and word[0] not in "#@"}
        calls |= members(*(word for word in words if word.startswith("@")))
    return calls


def delivered(tmp_path: Path, *wrapper: str) -> str:
    """Forward 300 events to a collector, as the wrapper's program; return what it printed."""
    (tmp_path / "events.log").write_bytes(b"".join(event + b"\n" for event in events(300, seed=1)))
    collector = subprocess.Popen(
        [COMMAND, "receive", "--listen", "tcp://127.0.0.1:0", "--count", "300", "--timeout", "300"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    said = ""
    while not (port := re.search(r"127\.0\.0\.1:(\d+)", said)):
        row = collector.stderr.readline()
        assert row, said
        said += row
    done = subprocess.run(
        [
            *wrapper,
            *(COMMAND, "forward", "--once", "-m", "splunk", "--metrics", "127.0.0.1:0"),
            *("--from", str(tmp_path / "events.log"), "--queue", str(tmp_path / "queue")),
            *("--to", f"tcp://127.0.0.1:{port[1]}"),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert collector.wait(300) == 0, collector.stderr.read()
    collector.stderr.close()
    return done.stderr


@pytest.mark.skipif(not ANALYZE, reason="systemd-analyze is missing")
def test_the_unit_is_hardly_exposed():
    said = subprocess.run(
        [ANALYZE, "security", "--offline=true", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    assert float(re.search(r"Overall exposure level for \S+ ([\d.]+)", said)[1]) <= 1.3, said


@pytest.mark.apart
def test_it_works_without_executable_memory(tmp_path):
    assert ("MemoryDenyWriteExecute", "yes") in settings()
    probe = subprocess.run(
        [sys.executable, "-c", f"import ctypes; exit(ctypes.CDLL(None).prctl({MDWE}, 1, 0, 0, 0))"],
        check=False,
    )
    if probe.returncode:
        pytest.skip("this kernel cannot deny executable memory (Linux 6.3)")
    wrapper = [sys.executable, "-c", WITHOUT_EXECUTABLE_MEMORY]
    delivered(tmp_path, *wrapper)
    done = subprocess.run(
        [*wrapper, sys.executable, "-c", EVERYTHING], capture_output=True, text=True, check=False
    )
    assert done.stdout == "works\n", done.stderr


@pytest.mark.apart
@pytest.mark.skipif(not (ANALYZE and STRACE), reason="systemd-analyze or strace is missing")
def test_it_makes_no_system_call_that_the_unit_forbids(tmp_path):
    allowed: set[str] = set()
    for name, value in settings():
        if name == "SystemCallFilter":
            sets = members(*value.removeprefix("~").split())
            allowed = allowed - sets if value.startswith("~") else allowed | sets
    delivered(tmp_path, STRACE, "-f", "-qq", "-o", str(tmp_path / "calls"))
    calls = set(re.findall(r"^\d+ +(\w+)\(", (tmp_path / "calls").read_text("utf-8"), re.MULTILINE))
    assert {"openat", "sendto", "fsync"} & calls
    # SQLite gives its files the owner of the database, but only where root runs it.
    assert calls - ({"fchown"} if os.geteuid() == 0 else set()) <= allowed
