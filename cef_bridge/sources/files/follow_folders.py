"""What lies in the folder of a followed file.

In come a path, names and hashes; out go entries. Must not know what is looked for, or why.
"""

from __future__ import annotations

import os
import re
import time
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.sources.files.archives import is_packed, open_stream
from cef_bridge.sources.files.file_identity import HEAD, sha256
from cef_bridge.sources.files.follow_paths import open_file
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cef_bridge.sources.files.file_identity import File

_MADE = re.compile(r"\.(?:gz|zst|bz2|xz|tmp)\Z")
_PIECE = 1 << 20
_JUST = 0.1  # seconds
_MOST_HEADS = 16_384


class Sibling(NamedTuple):
    """An entry of a folder; the node of a link is the link's own."""

    path: str
    name: str
    node: tuple[int, int]


class Folder:
    """What lay in a folder when it was listed. `still`: as far as was seen, it lies there yet."""

    def __init__(self, path: str) -> None:
        found = _listed(path)
        if _just_changed(path):  # a listing can miss what is renamed meanwhile
            found |= _listed(path)
        self.entries = sorted(found, key=lambda each: each.name)
        self.names = [each.name for each in self.entries]
        self._inodes: dict[int, list[Sibling]] = {}
        for each in self.entries:
            self._inodes.setdefault(each.node[1], []).append(each)
        self.still = True
        self._heads: dict[str, bytes] = {}
        self._alike: dict[tuple[str, int], dict[str, list[Sibling]]] = {}

    def begin_with(self, text: str) -> Iterator[Sibling]:
        """Yield what has a name that begins so."""
        for index in range(bisect_left(self.names, text), len(self.names)):
            if not self.names[index].startswith(text):
                break
            yield self.entries[index]

    def with_inode(self, inode: int) -> Iterable[Sibling]:
        """Return what has this inode, on any device."""
        return self._inodes.get(inode, ())

    def alike(self, stem: str, length: int, digest: str) -> Iterable[Sibling]:
        """Return what has a name that begins so, and so many first bytes with this SHA-256.

        All of them are opened once, however many are asked for.
        """
        if (stem, length) not in self._alike:
            found: dict[str, list[Sibling]] = {}
            for each in self.begin_with(stem):
                head = self._head(each)
                if len(head) >= length:
                    found.setdefault(sha256(head[:length]), []).append(each)
            self._alike[stem, length] = found
        return self._alike[stem, length].get(digest, ())

    def _head(self, each: Sibling) -> bytes:
        """Return how a file begins, unpacked."""
        head = self._heads.get(each.path)
        if head is not None:
            return head
        file, still = met_again(each)
        self.still = self.still and still
        if file is None:
            return b""
        head = unpacked(each.path)[0] if is_packed(file.head) else file.head
        if len(self._heads) < _MOST_HEADS:
            self._heads[each.path] = head
        return head


def _listed(path: str) -> set[Sibling]:
    try:
        device = os.stat(path).st_dev  # noqa: PTH116  # bytes that are no UTF-8 pass through
        with os.scandir(path) as found:
            return {Sibling(each.path, each.name, (device, each.inode())) for each in found}
    except OSError:
        return set()


def _just_changed(path: str) -> bool:
    try:
        changed = os.stat(path).st_mtime  # noqa: PTH116  # as above
    except OSError:
        return False
    return abs(time.time() - changed) < _JUST


def met(path: str) -> File:
    """Return what a file is now; OSError and UsageError as when it is opened."""
    fd, file = open_file(path)
    os.close(fd)
    return file


def met_again(each: Sibling) -> tuple[File | None, bool]:
    """Return what an entry is now, None if it cannot be opened; and whether it lies there yet."""
    try:
        file = met(each.path)
    except (OSError, UsageError):
        return None, os.path.lexists(each.path)
    return file, file.node == each.node or os.path.islink(each.path)  # noqa: PTH114


def in_the_making(path: str) -> bool:
    """Whether a file is just being packed from one that is still beside it: it begins as that."""
    bare = _MADE.sub("", path)
    if bare == path:
        return False
    try:
        original = met(bare)
    except (OSError, UsageError):
        return False
    return original.head.startswith(unpacked(path)[0])


def unpacked(path: str, reach: int = HEAD) -> tuple[bytes, int]:
    """Return how a packed file begins once it is unpacked, and how long it is, up to `reach`.

    What cannot be unpacked is not counted.
    """
    head, size = b"", 0
    try:
        with Raw(Path(path).open("rb", buffering=0)) as raw:
            stream = next(open_stream(raw, path), None)
            while stream is not None and size < reach:
                piece = stream.read(min(_PIECE, reach - size))
                if not piece:
                    break
                head += piece[: HEAD - len(head)]
                size += len(piece)
    except (OSError, DamagedError):
        pass
    return head, size
