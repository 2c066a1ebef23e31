"""What a process costs: wall time, CPU and memory; and the plain loops that it is compared with.

CPU is user and system of the whole process and its children, start-up included; memory is the most
that one of these processes had. Linux lets a process begin with its parent's most, so whoever
measures has to stay small: the loops that orjson and zlib are timed in are processes too.

    python benchmarks/measured.py loads events.ndjson
    python benchmarks/measured.py unpack events.ndjson.gz
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
import zlib
from itertools import islice
from pathlib import Path
from typing import NamedTuple

COMMAND = Path(sys.executable).with_name("cef-bridge")
_LOOP = "n = 0\nfor i in range(20_000_000): n += i & 7"


# With Python's own cache of compiled modules, as pip makes it when it installs a wheel.
_ENV = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


class Cost(NamedTuple):
    """What a run took: seconds, CPU seconds, MiB."""

    wall: float
    cpu: float
    peak: float


def run(
    command: list[str], codes: tuple[int, ...] = (0,), env: dict[str, str] | None = None
) -> Cost:
    """Run a process to its end. Raises RuntimeError with what it said when it failed."""
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        env=_ENV if env is None else env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr  # noqa: S101 - it is a pipe
    with process.stderr as errors:
        said = errors.read()
    cost = waited(process, started)
    if process.returncode not in codes:
        raise RuntimeError(f"{' '.join(command)}: {said.decode(errors='replace')[-2000:]}")
    return cost


def waited(process: subprocess.Popen[bytes], started: float) -> Cost:
    """Wait for a process; return what it and its children took since `started`."""
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    return Cost(wall, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def convert(path: Path, mapping: str, jobs: int = 1, output: str = os.devnull) -> Cost:
    """Run the installed `cef-bridge convert`."""
    words = ["convert", "-j", str(jobs), "-m", mapping, str(path), "-o", output]
    return run([str(COMMAND), *words])


def loads_alone(path: Path) -> float:
    """Return CPU seconds of `orjson.loads` in a plain loop over the lines, reading not counted.

    Of a line of CRI what stands behind its prefix is parsed; of one of Docker's the line alone, not
    the event in it.
    """
    return _apart("loads", path)


def unpacked_alone(path: Path) -> float:
    """Return CPU seconds of unpacking a .gz file with zlib, reading included."""
    return _apart("unpack", path)


def _apart(what: str, path: Path) -> float:
    words = [sys.executable, __file__, what, str(path)]
    return float(subprocess.run(words, check=True, capture_output=True).stdout)


def _loads(path: Path) -> float:
    import orjson  # noqa: PLC0415 - only this process needs it

    loads = orjson.loads
    spent = 0.0
    with path.open("rb") as file:
        while lines := list(islice(file, 10_000)):
            if not lines[0].startswith(b"{"):
                lines = [line[line.index(b"{") :] for line in lines]
            started = time.process_time()
            for line in lines:
                loads(line)
            spent += time.process_time() - started
    return spent


def _unpack(path: Path) -> float:
    unpack = zlib.decompressobj(wbits=31)
    started = time.process_time()
    with path.open("rb") as file:
        while piece := file.read(1 << 18):
            unpack.decompress(piece)
    return time.process_time() - started


def median_wall(words: list[str], times: int = 9) -> float:
    """Return the median wall milliseconds of a run of `cef-bridge`, after one to warm up."""
    run([str(COMMAND), *words])
    return statistics.median(run([str(COMMAND), *words]).wall for _ in range(times)) * 1e3


def two_loops() -> float:
    """Return how much more two plain CPU loops do at a time than one: 2.0 on two free cores."""
    command = [sys.executable, "-S", "-c", _LOOP]
    alone = run(command).wall
    started = time.perf_counter()
    both = [subprocess.Popen(command) for _ in range(2)]
    for process in both:
        process.wait()
    return 2 * alone / (time.perf_counter() - started)


if __name__ == "__main__":
    print({"loads": _loads, "unpack": _unpack}[sys.argv[1]](Path(sys.argv[2])))
