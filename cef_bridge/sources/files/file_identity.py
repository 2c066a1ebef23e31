"""Who a file is, whatever it is called now: its inode, and a hash of how it begins.

In come files and marks; out go answers to "is this the file that the mark speaks of?". The device
is left out: its number changes with a reboot. A key names one stream of bytes for good: it is made
of the path, the inode and a generation when the file is met, and never changes. How the file begins
stands in the mark's value, with the length that was hashed, because a young file is still growing
into its first KiB.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.checkpoint import Checkpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

HEAD = 1024
"""As many first bytes tell one file from another: KubeArmor's events begin with their time."""

_KEY = re.compile(r"(?P<stem>file:.*\|[0-9a-f]+)\.(?P<generation>\d+)(?P<member>!.*)?", re.DOTALL)


class File(NamedTuple):
    """A regular file as it was met: where, what the system calls it, and how it begins."""

    path: str
    device: int
    inode: int
    size: int
    changed: int  # mtime, ns
    head: bytes

    @property
    def node(self) -> tuple[int, int]:
        """What tells it from others while it exists."""
        return self.device, self.inode


class Older(NamedTuple):
    """A rotated file that was there before another was begun: what it was called (without what
    packing adds), its inode, the length and SHA-256 of its first bytes, its size. One that is not
    packed yet may be packed into a new file later.
    """

    name: str
    inode: int
    head: int
    sha256: str
    size: int

    def is_file(self, file: File) -> bool:
        """Whether a file is this one, as it was."""
        begins = file.head[: self.head]
        return file.inode == self.inode and sha256(begins) == self.sha256


class FilePosition(NamedTuple):
    """What a mark's value says.

    `name` is what operators see, `path` (absolute) where the file was followed, `real` the same
    without links; then the inode, and the length and SHA-256 of what was hashed; `seek` and `line`
    are a place outside of documents and arrays, at or before the mark's offset. Files that were
    last changed after `changed` (mtime, ns) may have come after this one, unless they hold what
    `older` names.
    """

    name: str
    path: str
    real: str
    inode: int
    head: int
    sha256: str
    seek: int
    line: int
    changed: int
    older: tuple[Older, ...] = ()

    def mark(self, key: str, offset: int) -> Checkpoint:
        """Return it as a mark."""
        # Not orjson: a path may hold bytes that are no UTF-8, which Python keeps as surrogates.
        return Checkpoint(key, offset, json.dumps(self._asdict()).encode())

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so can be the one."""
        return len(head) >= self.head and sha256(head[: self.head]) == self.sha256


class SavedCheckpoint(NamedTuple):
    """A mark of an earlier run, and what its value says."""

    key: str
    offset: int
    at: FilePosition


def sha256(head: bytes) -> str:
    """Return the hash of how a file begins."""
    return hashlib.sha256(head).hexdigest()


class Book:
    """The marks of earlier runs that no file has claimed yet, and the keys that are taken."""

    def __init__(self, marks: Mapping[str, Checkpoint]) -> None:
        self._known: dict[str, SavedCheckpoint] = {}
        self._inodes: dict[int, list[SavedCheckpoint]] = {}
        self._members: dict[str, SavedCheckpoint] = {}
        self._generations: dict[str, int] = {}
        for key, mark in marks.items():
            parts = _KEY.fullmatch(key)
            if parts is None:
                continue
            taken = self._generations.get(parts["stem"], 0)
            self._generations[parts["stem"]] = max(taken, int(parts["generation"]))
            known = _known(mark)
            if known is None:
                continue
            if parts["member"] is None:
                self._known[key] = known
            else:
                self._members[key] = known
        self._tell_empty_ones()
        for known in self._known.values():
            self._inodes.setdefault(known.at.inode, []).append(known)

    def _tell_empty_ones(self) -> None:
        """Learn how files begin that were empty when they were seen: others may have come since."""
        later: dict[str, list[FilePosition]] = {}
        for known in self._known.values():
            later.setdefault(known.at.real, []).append(known.at)
        for key, known in self._known.items():
            at = known.at
            found = [
                each
                for other in later[at.real]
                if not at.head and other.changed > at.changed
                for each in other.older
                if each.inode == at.inode and each not in at.older  # inodes are used again
            ]
            if found:
                at = at._replace(head=found[0].head, sha256=found[0].sha256)
                self._known[key] = known._replace(at=at)

    def __iter__(self) -> Iterator[SavedCheckpoint]:
        return iter(list(self._known.values()))

    def new_key(self, path: str, inode: int) -> str:
        """Return a key that no stream has or had."""
        shown = os.fsencode(path).decode("utf-8", "backslashreplace")
        stem = f"file:{shown}|{inode:x}"
        self._generations[stem] = self._generations.get(stem, 0) + 1
        return f"{stem}.{self._generations[stem]}"

    def claim(self, file: File, replaced: Callable[[FilePosition], bool]) -> SavedCheckpoint | None:
        """Return the mark that speaks of this file, and take it out; None for a new file.

        `replaced` is asked when nothing but the inode and the path speaks for it: inodes are used
        again.
        """
        best = None
        for known in self._inodes.get(file.inode, ()):
            at = known.at
            if known.key not in self._known:
                continue
            if not at.begins(file.head) or file.size < known.offset:
                continue
            if at.path == file.path and (at.head or not replaced(at)):
                best = known
                break
            if at.head:
                best = best or known
        return self.take(best.key) if best is not None else None

    def archive(self, file: File) -> tuple[str, dict[str, SavedCheckpoint]]:
        """Return the key of a packed file, and what is known of the streams in it.

        The key of a stream is this one, `!`, and the stream's name.
        """
        found = {
            key: known
            for key, known in self._members.items()
            if known.at.inode == file.inode and known.at.begins(file.head)
        }
        if here := {key: known for key, known in found.items() if known.at.path == file.path}:
            found = here
        for key in found:
            if (parts := _KEY.fullmatch(key)) is not None:
                return f"{parts['stem']}.{parts['generation']}", found
        return self.new_key(file.path, file.inode), found

    def take(self, key: str) -> SavedCheckpoint | None:
        """Take one mark out, by its key."""
        return self._known.pop(key, None)


def positions(marks: Iterable[Checkpoint]) -> list[SavedCheckpoint]:
    """Return the positions in files that some marks name; others are passed over."""
    found = (_known(mark) for mark in marks if _KEY.fullmatch(mark.key))
    return [each for each in found if each is not None]


def _known(mark: Checkpoint) -> SavedCheckpoint | None:
    try:
        at = FilePosition(**json.loads(mark.value))
        at = at._replace(older=tuple(Older(*each) for each in at.older))
    except (ValueError, TypeError):
        return None
    if at.seek > mark.offset:  # another queue was ahead of the one whose offset this is
        at = at._replace(seek=0, line=1)
    return SavedCheckpoint(mark.key, mark.offset, at)


def meet(path: str, fd: int) -> File:
    """Return what an open file is; an OSError is the caller's."""
    status = os.fstat(fd)
    head = os.pread(fd, HEAD, 0)
    return File(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, head)
