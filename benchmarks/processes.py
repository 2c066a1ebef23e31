"""CPU and memory of a process and its children, as they run, from /proc."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Used(NamedTuple):
    """CPU seconds so far, and MiB now, of so many processes."""

    cpu: float
    mib: float
    processes: int


def used(pid: int) -> Used:
    """Return what a process and all below it have used."""
    rows = _rows()
    wanted = {pid}
    while more := {it for it, row in rows.items() if int(row[1]) in wanted} - wanted:
        wanted |= more
    found = [rows[each] for each in wanted if each in rows]
    cpu = sum(int(row[11]) + int(row[12]) for row in found) / _TICKS
    mib = sum(int(row[21]) for row in found) * _PAGE / (1 << 20)
    return Used(cpu, mib, len(found))


def _rows() -> dict[int, list[str]]:
    """Return the fields of each process behind its name (proc(5), /proc/PID/stat)."""
    rows = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            rows[int(path.parent.name)] = path.read_text().rpartition(") ")[2].split()
        except OSError:  # it has ended
            continue
    return rows
