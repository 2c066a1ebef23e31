"""What lies beside a followed file: the rest of one that was moved, and what came after it.

In come positions; out go open files. Each folder is listed once until it is said to have changed,
however many files are asked for. Must not know how files are read.

A file is known by its inode and how it begins. One that was copied or packed has another inode; it
is known by how it begins unpacked, by how much is in it, and by its name: packing adds to a name,
and a date in a name stays. What has been packed while its unpacked original is still there is
passed over: it may not be whole yet.
"""

from __future__ import annotations

import os
import re
from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.sources.files.archives import is_packed
from cef_bridge.sources.files.file_identity import File, Older, sha256
from cef_bridge.sources.files.follow_folders import (
    Folder,
    Sibling,
    in_the_making,
    met_again,
    unpacked,
)
from cef_bridge.sources.files.follow_paths import open_file

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from cef_bridge.sources.files.file_identity import FilePosition

    Files = Container[File]

# A copy is known by how it begins alone; fewer bytes than this may begin any file, so then its name
# and its time have to fit, too.
_LEAST_HEAD = 64
_PASSES = 5
_MOST_OLDER = 8

_PACKED = re.compile(r"\.(?:gz|zst|bz2|xz)\Z")
_NUMBER = re.compile(r"[._-]\d[\dTZ.:_+-]*")
_DATE = re.compile(r"\d{6}")


class Rest(NamedTuple):
    """Where the rest of a stream is: an open file; `copy`: nobody writes to it any more."""

    fd: int | None
    file: File
    copy: bool


class Siblings:
    """The folders of followed files, each as it was when it was first asked for.

    `listed` counts how often a folder was listed.
    """

    def __init__(self) -> None:
        self._folders: dict[str, Folder] = {}
        self.listed = 0

    def forget(self) -> None:
        """List each folder anew when it is asked for again: something in it may have changed."""
        self._folders.clear()

    def _beside(self, at: FilePosition) -> list[Folder]:
        """Return the folders where the file is, and where it is linked from."""
        paths = dict.fromkeys((os.path.dirname(at.real), os.path.dirname(at.path)))  # noqa: PTH120
        for path in paths:
            if path not in self._folders:
                self.listed += 1
                self._folders[path] = Folder(path)
        return [self._folders[path] for path in paths]

    def _rotated(self, at: FilePosition) -> list[Sibling]:
        """Return what has the name of a rotated one, and is not just being packed."""
        base = os.path.basename(at.real)  # noqa: PTH119
        return [
            each
            for folder in self._beside(at)
            for each in folder.begin_with(_stem(base))
            if is_rotated(base, each.name) and not in_the_making(each.path)
        ]

    # The rest of one

    def rest(self, at: FilePosition, offset: int, taken: Files) -> Rest | None:
        """Return the file that a position speaks of, wherever it was moved among its siblings.

        First by inode and hash; then, as a copy (copytruncate) or packed, by its content. `taken`
        are files that are something else.
        """
        for _ in range(_PASSES):
            rest, still = self._look_for(at, offset, taken)
            if rest is not None or still:
                return rest
            self.forget()
        return None

    def _look_for(self, at: FilePosition, offset: int, taken: Files) -> tuple[Rest | None, bool]:
        """Look through the siblings; also tell whether they stood still meanwhile."""
        folders = self._beside(at)
        stem = os.path.basename(at.real).partition(".")[0]  # noqa: PTH119
        stem = stem or os.path.basename(at.real)  # noqa: PTH119
        same = [each for folder in folders for each in folder.with_inode(at.inode)]
        alike = (
            each
            for folder in folders
            if at.head
            for each in folder.alike(stem, at.head, at.sha256)
            if not in_the_making(each.path)
        )
        still = True
        older: set[str] | None = None
        found: list[tuple[int, int, str, tuple[int, int]]] = []
        for each in chain(same, alike):
            file, there = met_again(each)
            still = still and there
            if file is None:
                continue
            ruled_out = file in taken or (not at.head and each.path in (at.path, at.real))
            if ruled_out or not _is_it(each, file, at, offset):
                continue
            if is_packed(file.head):
                if older is None:
                    older = self._older(at, taken)
                if each.path in older:
                    continue
            # Of copies that are alike the one that was made first is it.
            early = file.changed < at.changed
            rank = 0 if file.inode == at.inode else 1 + early
            found.append((rank, file.changed, each.path, file.node))
            if not rank:
                break
        still = still and all(folder.still for folder in folders)
        if not found:
            return None, still
        *_, path, node = min(found)
        try:
            fd, file = open_file(path)
        except (OSError, UsageError):
            return None, False
        if file.node != node:  # renamed just now
            os.close(fd)
            return None, False
        return Rest(fd, file, is_packed(file.head) or file.inode != at.inode), still

    # What came after one

    def after(self, at: FilePosition, offset: int, seen: Callable[[File], bool]) -> list[File]:
        """Return the files that came after this one and were rotated away unread, oldest first.

        Those are files with the name of a rotated one that were changed since (mtime, ns), unless
        they are `seen`, or hold packed what this one holds or one that is older than it. When this
        one was still empty the time is that of its creation, and the one before it may have the
        same. They may be renamed again meanwhile, so it looks until there is nothing new.
        """
        found: dict[tuple[int, int], File] = {}
        since = at.changed + (not at.head)
        for _ in range(_PASSES):
            still = True
            older: set[str] | None = None
            for each in self._rotated(at):
                file, there = met_again(each)
                still = still and there
                if file is None:
                    continue
                if file.node in found or file.changed < since or seen(file):
                    continue
                if any(entry.is_file(file) for entry in at.older):
                    continue
                if is_packed(file.head):
                    if older is None:
                        older = self._older(at, ())
                    if each.path in older or _is_copy(each, _itself(at, offset)):
                        continue
                found[file.node] = file
            if still:
                break
            self.forget()
        return sorted(found.values(), key=lambda each: each.changed)

    def before(self, at: FilePosition) -> tuple[Older, ...]:
        """Return the rotated files that are there when this one is begun: the last of them."""
        found = []
        for each in self._rotated(at):
            file, _ = met_again(each)
            if file is not None and file.head and file.inode != at.inode:
                begins = (file.inode, len(file.head), sha256(file.head))
                found.append((file.changed, Older(_bare(each.name), *begins, file.size)))
        return tuple(entry for _, entry in sorted(found)[-_MOST_OLDER:])

    def _older(self, at: FilePosition, taken: Files) -> set[str]:
        """Return the paths of packed files that hold what was there before this one was begun.

        Each of those is found once at most, so that of two that are alike one is another.
        """
        found: set[str] = set()
        if not at.older:
            return found
        packed = [
            each
            for each in self._rotated(at)
            if each.node[1] != at.inode and _PACKED.search(each.name)
            if (file := met_again(each)[0]) is not None and file not in taken
        ]
        for older in at.older:
            alike = [each for each in packed if each.path not in found]
            alike.sort(key=lambda each: (_bare(each.name) != older.name, len(each.name), each.name))
            holds = next((each.path for each in alike if _is_copy(each, older)), None)
            if holds is not None:
                found.add(holds)
        return found


def is_rotated(base: str, name: str) -> bool:
    """Tell the names that rotation gives `app.log`.

    They are such as app.log.1, app.log-20250101.gz and app-2025-01-01T00.log.
    """
    name = _bare(name)
    if name.startswith(base) and _NUMBER.fullmatch(name, len(base)):
        return True
    stem, dot, end = base.rpartition(".")
    if not stem or not name.startswith(stem) or not name.endswith(dot + end):
        return False
    return _NUMBER.fullmatch(name, len(stem), len(name) - len(dot + end)) is not None


def older_than(
    at: FilePosition, older: tuple[Older, ...], path: str, offset: int
) -> tuple[Older, ...]:
    """Return what is older than whatever comes behind a file: it, and what is `older` than it."""
    name = os.path.basename(path)  # noqa: PTH119
    itself = Older(_bare(name), at.inode, at.head, at.sha256, offset)
    return (*older, itself)[-_MOST_OLDER:]


def holds(file: File, at: FilePosition, offset: int) -> bool:
    """Whether a packed file holds what another stream has read, or is about to read."""
    name = os.path.basename(file.path)  # noqa: PTH119
    return _is_copy(Sibling(file.path, name, file.node), _itself(at, offset))


def _stem(base: str) -> str:
    return base.rpartition(".")[0] or base


def _bare(name: str) -> str:
    """Return a name without what packing added to it."""
    return _PACKED.sub("", name)


def begin_alike(one: File, other: File) -> bool:
    """Whether one of two files can be a copy of the other, as far as it went."""
    size = min(len(one.head), len(other.head))
    enough = size >= _LEAST_HEAD or one.size == other.size
    return enough and size > 0 and one.head[:size] == other.head[:size]


def _itself(at: FilePosition, offset: int) -> Older:
    return Older("", at.inode, at.head, at.sha256, offset)


def _is_copy(each: Sibling, older: Older) -> bool:
    """Whether a packed file is that older one; the less it began with, the more has to fit."""
    if older.head >= _LEAST_HEAD:
        return _holds(each, older)
    whole = unpacked(each.path, older.size + 1)[1] == older.size
    return older.head > 0 and whole and _holds(each, older)


def _holds(each: Sibling, older: Older) -> bool:
    """Whether a packed file holds what an older one held."""
    if _DATE.search(older.name) and _bare(each.name) != older.name:
        return False  # a date in a name stays
    head, size = unpacked(each.path)
    if len(head) < older.head or sha256(head[: older.head]) != older.sha256:
        return False
    return size >= older.size or unpacked(each.path, older.size)[1] == older.size


def _is_it(each: Sibling, file: File, at: FilePosition, offset: int) -> bool:
    """Whether a file is the one that a position speaks of, or a copy of it."""
    if is_packed(file.head):
        good = _holds(each, _itself(at, offset))
    else:
        good = at.begins(file.head) and file.size >= offset
    if not good or file.inode == at.inode or at.head >= _LEAST_HEAD:
        return good
    rotated = is_rotated(os.path.basename(at.real), each.name)  # noqa: PTH119
    return at.head > 0 and rotated and file.changed > at.changed
