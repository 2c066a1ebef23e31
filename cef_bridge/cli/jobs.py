"""How many threads a run of `convert` gets.

In come what the operator asked for and the inputs, out goes a number. Threads cost some
milliseconds: for what is converted in less, one is enough. Must not know how they share the work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.sources.files.archives import is_packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.sources.files.inputs import Input

MOST_JOBS = 256
_SMALL = 8 << 20  # bytes of text
_SHRINKS = 16  # KubeArmor's JSON, 10 to 60 times
_HEAD = 512
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of CPU time in a period, and the period


def threads(jobs: int | None, inputs: Iterable[Input]) -> int:
    """Return how many threads convert some inputs; without a number of jobs one for each core."""
    cores = cores_there() if jobs is None else jobs
    if cores == 1:
        return 1
    known = 0
    for each in inputs:
        if each.size is None:
            return cores  # a pipe: nobody knows
        if each.size * _SHRINKS < _SMALL or known >= _SMALL or not _packed(each):
            known += each.size
        else:
            known += each.size * _SHRINKS
    return cores if known >= _SMALL else 1


def cores_there(quota: Path = _QUOTA) -> int:
    """Return how many cores this process may use; a container may have less than the machine."""
    cores = len(os.sched_getaffinity(0))
    try:
        allowed, period = quota.read_text().split()
        return max(1, min(cores, -(-int(allowed) // int(period))))
    except (
        OSError,
        ValueError,
        ZeroDivisionError,
    ):  # no cgroup of the second version, or `max`: no limit
        return cores


def _packed(each: Input) -> bool:
    try:
        if each.stored is not None:
            from cef_bridge.objects.reader import ObjectReader  # noqa: PLC0415 - few inputs are objects

            return is_packed(ObjectReader(each.stored).head(_HEAD))
        with Path(each.path or "/dev/null").open("rb", buffering=0) as file:
            return is_packed(file.read(_HEAD))
    except OSError:  # it says so when it is read
        return False
