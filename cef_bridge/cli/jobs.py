"""How many processes a run of `convert` gets.

In come what the operator asked for and the inputs, out goes a plan. A process costs some
milliseconds: what is converted in less is not worth it. Must not know how they share the work.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.sources.archives import is_packed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.sources.inputs import Input

MOST_JOBS = 256
_SMALL = 8 << 20
"""As much text is converted in a fifth of a second."""
_FIRST = 1
"""The first piece is converted before others are forked: what was learned from it they know.

Measured with two: a tenth less CPU in all, for 600,000 events.
"""
_SHRINKS = 16  # KubeArmor's JSON, 10 to 60 times
_HEAD = 512
_QUOTA = Path("/sys/fs/cgroup/cpu.max")  # microseconds of CPU time in a period, and the period


class Shares(NamedTuple):
    """`jobs` processes, once `patience` bytes of text were converted by one."""

    jobs: int
    patience: int


def shares(jobs: int | None, inputs: Iterable[Input]) -> Shares:
    """Return the plan for some inputs; without a number of jobs each core gets one."""
    cores = cores_there() if jobs is None else jobs
    if cores == 1:
        return Shares(1, 0)
    known, unknown = 0, False
    for each in inputs:
        if each.size is None:
            unknown = True
        elif each.size * _SHRINKS < _SMALL or known >= _SMALL or not _packed(each):
            known += each.size
        else:
            known += each.size * _SHRINKS
    if known >= _SMALL:
        return Shares(cores, _FIRST)
    return Shares(cores, _SMALL) if unknown else Shares(1, 0)


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
        with Path(each.path or "/dev/null").open("rb", buffering=0) as file:
            return is_packed(file.read(_HEAD))
    except OSError:  # it says so when it is read
        return False
