"""The log beside a queue's file, read without SQLite: the pages that lie in it alone.

SQLite stops at the first page of the log that is not what was written, and takes all behind it for
nothing: transactions that were on the disk would be gone without a word. Here the rest is read.

https://www.sqlite.org/fileformat2.html 4: a header of 32 bytes, then frames: a header of 24 bytes
and a page. Each checksum goes on from the one before it.
"""

from __future__ import annotations

import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Sums = tuple[int, int]

_HEADER, _HEAD = 32, 24
_MASK = 0xFFFFFFFF
_NOTHING = (0, 0)
_BIG_ENDIAN = 0x377F0683


class Log(NamedTuple):
    """What a log holds. `pages`: where in it the newest bytes of each page begin.

    `size` is the number of the file's pages as of the last transaction; 0 when there is none.
    `whole` is False when a frame was damaged that others follow.
    """

    pages: dict[int, int]
    size: int
    whole: bool


class _Frame(NamedTuple):
    page: int
    size: int  # of the file, where a transaction ends; else 0
    at: int  # where its page begins
    sound: bool


def read(path: Path) -> Log:
    """Return what the log of the queue at `path` holds; OSError when it cannot be read."""
    log = schema.beside(path, "-wal")
    if schema.size(log) <= _HEADER + _HEAD:
        return Log({}, 0, whole=True)
    frames = list(_frames(log))
    while frames and not frames[-1].sound:  # of an earlier time, or cut off by a power failure
        frames.pop()
    sound = all(frame.sound for frame in frames)
    while frames and not frames[-1].size:
        frames.pop()
    size = frames[-1].size if frames else 0
    return Log({each.page: each.at for each in frames if each.page <= size}, size, sound)


def _frames(log: Path) -> Iterator[_Frame]:
    """Yield the frames of a log; those of an earlier time, which come last, are not sound."""
    with log.open("rb") as file:
        header = file.read(_HEADER)
        order = ">" if int.from_bytes(header[:4], "big") == _BIG_ENDIAN else "<"
        sums, salts = _stored(header[24:]), header[16:24]
        if _sums(order, header[:24], _NOTHING) != sums:
            order, salts = (">" if sys.byteorder == "big" else "<"), b""
            yield _Frame(0, 0, 0, sound=False)
        before = [sums, _sums(order, header[:24], _NOTHING)]
        sound = True
        while len(head := file.read(_HEAD)) == _HEAD:
            at = file.tell()
            body = file.read(schema.PAGE)
            salts = salts or head[8:16]
            if len(body) < schema.PAGE:
                return
            page, size = struct.unpack(">II", head[:8])
            stored = _stored(head[16:])
            if sound or head[8:16] == salts:
                found = [_sums(order, head[:8] + body, each) for each in before]
                sound = stored in found
                before = [stored] if sound else [stored, found[0]]
            else:
                before = [stored]
            yield _Frame(page, size, at, sound)


def _stored(raw: bytes) -> Sums:
    first, second = struct.unpack(">II", raw)
    return first, second


def _sums(order: str, data: bytes, sums: Sums) -> Sums:
    first, second = sums
    for one, other in struct.iter_unpack(f"{order}II", data):
        first = (first + one + second) & _MASK
        second = (second + other + first) & _MASK
    return first, second
