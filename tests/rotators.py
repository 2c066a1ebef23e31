"""How others rotate files, step by step: what kubelet and logrotate do, with real files.

Each rotation is a generator that stops after every change that another process could see, so that a
test can read in between. Times of files are a clock of their own, which moves with every change:
no test waits for the granularity of a file system's.
"""

from __future__ import annotations

import gzip
import itertools
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Way(NamedTuple):
    """How files are rotated; see logrotate(8) for the words. `kept`: modification times stay."""

    kubelet: bool = False
    copytruncate: bool = False
    dateext: bool = False
    compress: bool = True
    delaycompress: bool = False
    kept: bool = True
    keep: int = 4


class Writer:
    """A program that writes numbered lines to a log, and whoever rotates it."""

    def __init__(self, log: Path, way: Way) -> None:
        self.log = log
        self.way = way
        self.written: list[bytes] = []
        self._clock = time.time_ns()
        self._days = itertools.count(20250101)
        self._opened = log
        self._make(log, b"")

    def write(self, count: int) -> None:
        first = len(self.written)
        lines = [
            (b'{"n":%d,"x":"' % number).ljust(100, b".") + b'"}'
            for number in range(first, first + count)
        ]
        with self._opened.open("ab", buffering=0) as file:
            file.write(b"".join(line + b"\n" for line in lines))
        self._touch(self._opened)
        self.written += lines

    def rotate(self) -> Iterator[str]:
        """Rotate, and say what was done after each step."""
        return self._kubelet() if self.way.kubelet else self._logrotate()

    def _touch(self, path: Path) -> None:
        self._clock += 1_000_000
        os.utime(path, ns=(self._clock, self._clock))

    def _make(self, path: Path, data: bytes) -> None:
        path.write_bytes(data)
        self._touch(path)

    def _kubelet(self) -> Iterator[str]:
        """pkg/kubelet/logs/container_log_manager.go: clean up, compress, rename, reopen."""
        name = self.log.name
        rotated = sorted(self.log.parent.glob(f"{name}.*"), key=lambda each: each.name)
        for old in rotated[: max(0, len(rotated) - self.way.keep)]:
            old.unlink()
            yield "removed"
        for old in rotated:
            if old.suffix != ".gz" and old.exists():
                yield from self._pack(old, old.with_name(f"{old.name}.tmp"))
        moved = self.log.with_name(f"{name}.{next(self._days)}-120000")
        self.log.rename(moved)
        self._opened = moved  # the runtime writes on until it is told to open the file anew
        yield "renamed"
        self._create()
        yield "created"

    def _logrotate(self) -> Iterator[str]:
        way, name = self.way, self.log.name
        if way.delaycompress and way.compress:
            for old in self.log.parent.glob(f"{name}[.-]*"):
                if old.suffix != ".gz":
                    yield from self._pack(old, None)
        yield from self._shift()
        moved = self.log.with_name(f"{name}-{next(self._days)}" if way.dateext else f"{name}.1")
        if way.copytruncate:
            shutil.copyfile(self.log, moved)
            if way.kept:
                shutil.copystat(self.log, moved)
            else:
                self._touch(moved)
            yield "copied"
            os.truncate(self.log, 0)
            self._touch(self.log)
            yield "cut"
        else:
            self.log.rename(moved)
            self._opened = moved
            yield "renamed"
            self._create()
            yield "created"
        if way.compress and not way.delaycompress:
            yield from self._pack(moved, None)

    def _shift(self) -> Iterator[str]:
        name, keep = self.log.name, self.way.keep
        if self.way.dateext:
            for old in sorted(self.log.parent.glob(f"{name}-*"))[:-keep]:
                old.unlink()
                yield "removed"
            return
        for number, end in itertools.product(range(keep, 0, -1), ("", ".gz")):
            old = self.log.with_name(f"{name}.{number}{end}")
            if old.exists() and number == keep:
                old.unlink()
                yield "removed"
            elif old.exists():
                old.rename(self.log.with_name(f"{name}.{number + 1}{end}"))
                yield "shifted"

    def _pack(self, old: Path, by: Path | None) -> Iterator[str]:
        packed = old.with_name(f"{old.name}.gz")
        into = by or packed
        into.write_bytes(gzip.compress(old.read_bytes()))
        if self.way.kept:
            shutil.copystat(old, into)
        else:
            self._touch(into)
        yield "packed"
        if by:
            by.rename(packed)
            yield "packed and renamed"
        old.unlink()
        yield "unpacked removed"

    def _create(self) -> None:
        self._make(self.log, b"")
        self._opened = self.log


KUBELET = Way(kubelet=True, kept=False)
WAYS = {
    "kubelet": KUBELET,
    "kubelet two files": KUBELET._replace(keep=1),
    "kubelet kept": KUBELET._replace(kept=True),
    **{
        " ".join(word for word, said in words.items() if said) or "plain": Way(**words)
        for values in itertools.product((False, True), repeat=5)
        if (words := dict(zip(
            ("copytruncate", "dateext", "compress", "delaycompress", "kept"), values, strict=True
        )))
        and (words["compress"] or not (words["delaycompress"] or words["kept"]))
    },
}  # fmt: skip
"""All ways, by their names."""
