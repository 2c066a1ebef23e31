"""The first 100 bytes of a queue's file, most of which are the same in every queue.

One flipped bit in them, and SQLite reads nothing at all, or refuses to write. So they are looked at
before it opens the file. Never while SQLite has the file open: to close it here would take away
SQLite's locks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.queue import schema

if TYPE_CHECKING:
    from pathlib import Path

_SIZE = 100
_PAGES = slice(28, 32)

# https://www.sqlite.org/fileformat2.html 1.3: magic, page size, WAL for writing and for reading, no
# reserved space, the three payload fractions; schema format; UTF-8; incremental vacuum.
_SAME = {
    0: b"SQLite format 3\x00" + schema.PAGE.to_bytes(2, "big") + b"\x02\x02\x00\x40\x20\x20",
    44: (4).to_bytes(4, "big"),
    56: (1).to_bytes(4, "big"),
    64: (1).to_bytes(4, "big"),
}
_OURS = schema.APPLICATION.to_bytes(4, "big")
_LEAVES = (b"\x05", b"\x0d")  # what the first page may be, behind the header


def is_sound(path: Path) -> bool:
    """Whether the header is that of a queue, or not of a queue at all: that is not judged here."""
    with path.open("rb") as file:
        head = file.read(_SIZE + 1)
    return not _is_ours(head) or _right(head, path) == head


def _is_ours(head: bytes) -> bool:
    return head[68:72] == _OURS and head[_SIZE:] in _LEAVES


def _right(head: bytes, path: Path) -> bytes:
    right = bytearray(head)
    for at, same in _SAME.items():
        right[at : at + len(same)] = same
    # With a log beside it, the file's own number of pages may be an older one.
    if not schema.size(schema.beside(path, "-wal")):
        right[_PAGES] = (schema.size(path) // schema.PAGE).to_bytes(4, "big")
    return bytes(right)
