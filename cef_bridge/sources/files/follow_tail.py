"""One followed file: its bytes as they come, cut into units, with a mark behind each.

In comes an open file that may grow, be renamed, deleted or cut while it is read; out go Arrivals.
A Tail that has nothing to read costs nothing but its place: it can be closed and goes on from
there. Must not know which other files there are.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.sources.feed import Arrival
from cef_bridge.sources.files.archives import is_packed, open_stream
from cef_bridge.sources.files.file_identity import HEAD, FilePosition, sha256
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.blocks import Block, BrokenLine, Cutter, Idle, Oversized
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.sources.files.file_identity import File
    from cef_bridge.sources.records.units import Growing, Item

_AT_ONCE = 1 << 20
"""So many bytes are read at once where there are as many. Measured beside a thread that is always
busy in Python: three times the events of 256 KiB.
"""


class Tail:
    """The state of one stream.

    `offset` is how far its units were handed out, `size` how far it was seen to reach. `final`:
    what is there now is all there will be. `cut`: it is no longer the file that it was.
    `waits_for`: the stream that has to be read first. `shifted`: it was not where it was, so that
    it has to be looked for; `missed` is how often in a row.
    """

    def __init__(
        self,
        key: str,
        at: FilePosition,
        offset: int,
        file: File,
        *,
        fd: int | None = None,
        max_record: int = 1 << 20,
        final: bool = False,
    ) -> None:
        self.key = key
        self.name = at.name
        self.at = at
        self.offset = offset
        self.fd = fd
        self.node = file.node
        self.opens = file.path
        self.head = file.head
        self.size = file.size
        self.changed = file.changed
        self.final = final
        self.cut = False
        self.shifted = False
        self.missed = 0
        self.done = False
        self._caught_up = False
        self.attached = True
        self.quiet_since: float | None = None
        self.scans = 0
        self.waits_for: Tail | None = None
        self.packed = is_packed(file.head)
        self.bytes = 0
        self._skip = offset
        self._max_record = max_record
        self._cutter: Cutter | None = None
        self._items: Iterator[Item | Idle] | None = None
        self._raw: Raw | None = None

    # What it hands out

    def step(self) -> tuple[Arrival | None, bool]:
        """Return the next arrival if there is one, and whether there may be more just now."""
        if self._items is None or self._cutter is None:
            self._cutter, self._items = self._begin()
        item = next(self._items, None)
        if self.cut:
            self.rest()
            return None, False
        if item is None:
            self.done = True
            self.rest()
            return None, False
        if isinstance(item, Idle):
            self.caught_up = True
            if self._cutter.clean:
                self.rest()
            return None, False
        end = max(end_of(item), self._cutter.safe[0], self.offset)
        kept = behind(item, self._skip) if self.offset <= self._skip else item
        seek, line = self._cutter.safe
        copied = self.node[1] != self.at.inode  # and when that was says nothing of what came after
        changed = self.at.changed if copied else self.changed
        self.at = self.at._replace(seek=seek, line=line, changed=changed)
        self.offset = end
        if kept is None:
            return self.place(), True
        return Arrival(self.key, self.name, kept, self.at.mark(self.key, end)), True

    def place(self, *, ended: bool = False, gone: bool = False) -> Arrival:
        """Return an arrival without units: where the stream stands, or that it is gone for good."""
        block = Block([], self.at.line, self.offset, self.offset, single=True)
        mark = None if gone else self.at.mark(self.key, self.offset)
        return Arrival(self.key, self.name, block, mark, ended=ended or gone)

    @property
    def caught_up(self) -> bool:
        """Whether nothing is to be had before it grows, or has not grown for long enough."""
        return self._caught_up and not (self._cutter is not None and self._cutter.overdue)

    @caught_up.setter
    def caught_up(self, value: bool) -> None:
        self._caught_up = value

    @property
    def busy(self) -> bool:
        """Whether it keeps what it has read: a record that is not all there yet, or an array."""
        return self._items is not None

    @property
    def aside(self) -> bool:
        """Whether it is a packed file at its path, which is not followed."""
        return self.packed and self.done and self.attached

    # What it reads

    def _begin(self) -> tuple[Cutter, Iterator[Item | Idle]]:
        seek, line = self.at.seek, self.at.line
        self._skip = self.offset
        source: Growing = _Packed(self, seek) if self.packed else _Growing(self, seek)
        cutter = Cutter(
            source,
            max_record=self._max_record,
            block_size=_AT_ONCE,
            offset=seek,
            line=line,
        )
        return cutter, cutter.items()

    def same(self) -> bool:
        """Look at how the open file begins; False when it is another one now (copytruncate)."""
        if self.fd is None:
            return True
        head = os.pread(self.fd, HEAD, 0)
        if not head.startswith(self.head):
            self.cut = True
            return False
        if len(head) > len(self.head):
            self.head = head
        if len(head) > self.at.head:
            self.at = self.at._replace(head=len(head), sha256=sha256(head))
        return True

    def rest(self) -> None:
        """Keep nothing but the place."""
        self._cutter = self._items = None
        if self._raw is not None:
            self._raw.close()
            self._raw = None

    def unpack(self) -> Raw:
        """Open a packed file anew; it is closed by `rest`."""
        self.rest()
        if self.fd is None:
            file = Path(self.opens).open("rb", buffering=0)  # noqa: SIM115  # `rest` closes it
            self._raw = Raw(file)
        else:
            os.lseek(self.fd, 0, os.SEEK_SET)
            self._raw = Raw(os.fdopen(os.dup(self.fd), "rb", buffering=0))
        return self._raw

    def moved(self, file: File, fd: int | None, *, final: bool) -> None:
        """Go on in another file that holds the same, which nobody finds at the path any more."""
        self.rest()
        self.fd, self.node, self.opens, self.head = fd, file.node, file.path, file.head
        self.size, self.changed, self.packed = file.size, file.changed, is_packed(file.head)
        self.attached, self.caught_up, self.cut, self.final = False, False, False, final

    def close(self) -> None:
        """Close the file; it can be opened again at its place."""
        self.rest()
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class _Growing:
    """The bytes of a followed file from a place on."""

    def __init__(self, tail: Tail, place: int) -> None:
        self._tail = tail
        self._place = place

    def read(self, size: int, /) -> bytes | None:
        tail = self._tail
        if tail.fd is None:
            return b"" if tail.final else None
        try:
            data = os.pread(tail.fd, size, self._place)
            # A file that was cut and written anew in between must not be read on in its middle.
            if not tail.same():
                return None
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise DamagedError(f"reading stopped: {reason}") from error
        if data:
            self._place += len(data)
            tail.bytes += len(data)
            tail.size = max(tail.size, self._place)
            return data
        return b"" if tail.final else None


class _Packed:
    """The bytes of the first stream in a packed file; it does not grow."""

    def __init__(self, tail: Tail, place: int) -> None:
        raw = tail.unpack()
        self._stream = next(open_stream(raw, tail.name), None)
        self._left = place
        self._tail = tail

    def read(self, size: int, /) -> bytes:
        data = b""
        while self._stream is not None and not data:
            data = self._stream.read(size)
            if not data:
                return b""
            passed = min(self._left, len(data))
            self._left -= passed
            data = data[passed:]
        self._tail.bytes += len(data)
        return data


def end_of(item: Item) -> int:
    """Return an offset behind an item's last unit, and not behind the start of the next."""
    if isinstance(item, Block):
        # Behind ordinary lines a Cutter is safe, and says where it is.
        return item.offset if item.single else item.places()[-1][1] + len(item.lines[-1])
    if isinstance(item, Oversized):
        return item.offset + item.size
    return item.offset + len(item.raw)


def behind(item: Item, skip: int) -> Item | None:
    """Return what of an item begins at `skip` or behind it."""
    if isinstance(item, Oversized | BrokenLine):
        # What ends a stream has no bytes, and is said each time.
        return item if item.offset >= skip else None
    if item.offset >= skip:
        return item
    rest = item.behind(skip)
    return rest if rest.lines else None
