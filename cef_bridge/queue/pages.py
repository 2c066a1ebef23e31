"""A queue's file read without SQLite, page by page, for when SQLite refuses it.

In comes a file that nobody writes to, out come the records of its tables. A page is found in two
ways, from its table's root down, and by the map that says of each page whose child it is: one that
is damaged does not hide those below it. Nothing in the file is believed, and nothing raises: what
makes no sense is passed over, and its table is named in `faults`.

The log beside the file (WAL) is read as well. SQLite stops at its first page that is not what was
written, and takes all behind it for nothing: transactions that were on the disk would be gone
without a word. Each checksum goes on from the one before it. And the first 100 bytes of the file
are looked at before SQLite opens it: one flipped bit in them, and it reads nothing at all. Never
while SQLite has the file open: to close it here would take away SQLite's locks.

https://www.sqlite.org/fileformat2.html 1.3 (the first 100 bytes), 1.6 (trees), 1.8
(the map), 2.1 (records), 4 (the log).
"""

from __future__ import annotations

import os
import struct
import sys
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue import schema

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

    Value = int | float | bytes | str | None
    Sums = tuple[int, int]

_MAPPED = schema.PAGE // 5  # entries of five bytes in a page of the map
_LOCKED = (1 << 30) // schema.PAGE + 1  # the page that is never used
_FREE, _CHILD = 2, 5  # what the map says of a page
_INNER_OF = {0x0A: 0x02, 0x0D: 0x05}
_HEADERS = {0x02: 12, 0x05: 12, 0x0A: 8, 0x0D: 8}  # bytes before the places of the cells
_INNER = (0x02, 0x05)
_INTS = (0, 1, 2, 3, 4, 6, 8, 8)  # bytes of the types 0 to 7
_DEEP = 20  # a tree of more levels is none


class Record(NamedTuple):
    """A record: `key` is its number in a table that has numbers, and 0 in another."""

    key: int
    values: tuple[Value, ...]


class Pages:
    """An open file with its log. Use as a context manager; OSError when it cannot be read."""

    def __init__(self, path: Path) -> None:
        log = read(path)
        self._logged = log.pages
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._log = -1
        if log.pages:
            try:
                self._log = os.open(schema.beside(path, "-wal"), os.O_RDONLY | os.O_CLOEXEC)
            except OSError:
                os.close(self._file)
                raise
        self.count = log.size or -(-schema.size(path) // schema.PAGE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._file, self._log):
            if file >= 0:
                os.close(file)

    def page(self, number: int) -> bytes:
        """Return a page's bytes; zeros for what the file does not have."""
        at = self._logged.get(number)
        if at is None:
            found = os.pread(self._file, schema.PAGE, (number - 1) * schema.PAGE)
        else:
            found = os.pread(self._log, schema.PAGE, at)
        return found.ljust(schema.PAGE, b"\0")


class Trees:
    """The tables of a file. `roots`: the first page of each, by name; the same in every queue.

    `numbered`: the tables whose records have numbers; the others have their key among the values.
    """

    def __init__(self, pages: Pages, roots: dict[str, int], numbered: frozenset[str]) -> None:
        self.faults: set[str] = set()
        self._pages = pages
        self._roots = roots
        self._numbered = numbered
        self._map: tuple[int, bytes] = (0, b"")
        self._children = self._by_root()

    def records(self, table: str) -> Iterator[Record]:
        """Yield what can be read of a table, in no order that could be relied on."""
        leaf = 0x0D if table in self._numbered else 0x0A
        seen: set[int] = set()
        rest = [self._roots[table]]
        while True:
            while rest:
                number = rest.pop()
                if number not in seen:
                    seen.add(number)
                    yield from self._page(table, leaf, number, rest)
            rest = [each for each in self._children[table] if each not in seen]
            if not rest:
                return
            self.faults.add(table)  # the way from the root does not lead to all of it

    def _page(self, table: str, leaf: int, number: int, rest: list[int]) -> Iterator[Record]:
        """Yield the records of one page, and add its children to `rest`."""
        page = self._pages.page(number)
        kinds = [leaf, _INNER_OF[leaf]]
        if page[0] == kinds[1]:
            kinds.reverse()
        sound = page[0] == kinds[0]
        for kind in kinds:
            cells, whole = _cells(page, kind)
            sound = sound and whole
            if kind in _INNER:
                for at in (8, *cells):  # the last child stands in the header
                    child = int.from_bytes(page[at : at + 4], "big")
                    if 2 < child <= self._pages.count and self._mapped(child)[0] != _FREE:
                        rest.append(child)
                    else:
                        sound = False
                cells = [at + 4 for at in cells]
            for at in cells if kind != 0x05 else ():
                record = self._record(page, at, leaf)
                if record is None:
                    sound = False
                else:
                    yield record
            if sound:
                return
            self.faults.add(table)  # perhaps it is of the other kind

    # --- the map ---

    def _by_root(self) -> dict[str, list[int]]:
        """Return the pages below each root, as the map has them."""
        found: dict[str, list[int]] = {name: [] for name in self._roots}
        names = {root: name for name, root in self._roots.items()}
        for number in range(3, self._pages.count + 1):
            top, depth = number, 0
            while top not in names and depth < _DEEP:
                kind, parent = self._mapped(top)
                if kind != _CHILD:
                    break
                top, depth = parent, depth + 1
            if depth and top in names:
                found[names[top]].append(number)
        return found

    def _mapped(self, number: int) -> tuple[int, int]:
        """Return of what kind a page is, and whose child."""
        if not 2 < number <= self._pages.count:
            return 0, 0
        at = (number - 2) // (_MAPPED + 1) * (_MAPPED + 1) + 2
        at += at == _LOCKED
        if number <= at:
            return 0, 0
        if self._map[0] != at:
            self._map = (at, self._pages.page(at))
        entry = self._map[1][5 * (number - at - 1) :][:5]
        return (entry[0], int.from_bytes(entry[1:], "big")) if len(entry) == 5 else (0, 0)

    # --- records ---

    def _record(self, page: bytes, at: int, leaf: int) -> Record | None:
        """Return the record of a cell; None when it makes no sense."""
        try:
            size, at = _varint(page, at)
            key = 0
            if leaf == 0x0D:
                key, at = _varint(page, at)
            return Record(key, _values(self._payload(page, at, size, leaf)))
        except (IndexError, ValueError, struct.error):
            return None

    def _payload(self, page: bytes, at: int, size: int, leaf: int) -> bytes:
        """Return the bytes of a record, also those that lie in other pages."""
        if size > self._pages.count * schema.PAGE:
            raise ValueError("it is larger than the file")
        here = _local(size, leaf)
        parts = [page[at : at + here]]
        if len(parts[0]) < here:
            raise ValueError("it ends behind its page")
        missing = size - here
        number = int.from_bytes(page[at + here : at + here + 4], "big") if missing else 0
        while missing:
            if not 2 < number <= self._pages.count:
                raise ValueError("its rest is missing")
            more = self._pages.page(number)
            number = int.from_bytes(more[:4], "big")
            parts.append(more[4 : 4 + missing])
            missing -= len(parts[-1])
        return b"".join(parts)


def _cells(page: bytes, kind: int) -> tuple[list[int], bool]:
    """Return where the cells of a page begin, and whether all of them can."""
    header, count = _HEADERS[kind], int.from_bytes(page[3:5], "big")
    raw = page[header : min(header + 2 * count, schema.PAGE)]
    found = [at for (at,) in struct.iter_unpack(">H", raw[: len(raw) & ~1])]
    inside = [at for at in found if header + 2 * count <= at < schema.PAGE - 3]
    return inside, len(inside) == count


def _local(size: int, leaf: int) -> int:
    """Return how many bytes of a record lie in the page of its cell."""
    usable = schema.PAGE
    most = usable - 35 if leaf == 0x0D else (usable - 12) * 64 // 255 - 23
    if size <= most:
        return size
    least = (usable - 12) * 32 // 255 - 23
    here = least + (size - least) % (usable - 4)
    return here if here <= most else least


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    number = 0
    for place in range(at, at + 8):
        byte = raw[place]
        number = number << 7 | byte & 0x7F
        if byte < 0x80:
            return number, place + 1
    return number << 8 | raw[at + 8], at + 9


def _values(payload: bytes) -> tuple[Value, ...]:
    header, at = _varint(payload, 0)
    if not at <= header <= len(payload):
        raise ValueError("its header is larger than itself")
    found: list[Value] = []
    place = header
    while at < header:
        kind, at = _varint(payload, at)
        value, place = _value(payload, place, kind)
        found.append(value)
    if at != header or place != len(payload):
        raise ValueError("its parts are not the whole")
    return tuple(found)


def _value(payload: bytes, at: int, kind: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if kind in (8, 9):
        return kind - 8, at
    if kind in (10, 11):
        raise ValueError("there is no such type")
    size = _INTS[kind] if kind < 8 else (kind - 12) // 2
    raw = payload[at : at + size]
    if len(raw) < size:
        raise ValueError("it ends too early")
    at += size
    if kind == 7:
        return struct.unpack(">d", raw)[0], at
    if kind < 7:
        return int.from_bytes(raw, "big", signed=True), at
    return (raw.decode("utf-8", "replace") if kind % 2 else raw), at


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
