"""The files that are followed: met, renamed, cut, deleted, and found again after a restart.

In come patterns and the marks of an earlier run; out go Tails in the order in which they have to be
read, and Notices of what is lost. Must not know what the Tails hand out.

A file that was renamed or deleted is read to its end from its open descriptor, before the one that
took its place. What was rotated away meanwhile is looked for among its siblings.
"""

from __future__ import annotations

import logging
import os
import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.sources.archives import is_packed, printable
from cef_bridge.sources.feed import Arrival, Notice
from cef_bridge.sources.follow_files import Rest, between, find_rest, open_file, unpacked_head
from cef_bridge.sources.follow_identity import Book, File, Position, sha256
from cef_bridge.sources.follow_tail import Tail
from cef_bridge.sources.units import Broken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from cef_bridge.marks import Mark
    from cef_bridge.sources.follow_files import Pattern
    from cef_bridge.sources.follow_identity import Known

    News = Iterator[Arrival | Notice]

_log = logging.getLogger(__name__)

_SCANS = 2
_NO_SUCCESSOR = 60  # times as long is waited for more when nothing took the place of a file
_ROTATED = re.compile(r"[._-]\d[\dTZ.:_+-]*\.(?:gz|zst|bz2|xz)\Z")
_REMEMBERED = 4096  # files that were read to their end, so that they are not taken for unread ones


class Rules(NamedTuple):
    """What a feed of files is told; times in seconds, see `Follow`."""

    once: bool = False
    from_end: bool = False
    max_record: int = 1 << 20
    linger: float = 10.0
    max_open: int = 256
    max_busy: int = 32


class Watch:
    """All files of one feed. `tails` are all streams, by their keys."""

    def __init__(
        self, patterns: Sequence[Pattern], rules: Rules, marks: Mapping[str, Mark]
    ) -> None:
        self.rules = rules
        self.tails: dict[str, Tail] = {}
        self.packed: list[tuple[File, str]] = []
        self._patterns = patterns
        self.book = Book(marks)
        self._at: dict[str, Tail] = {}
        self._nodes: dict[tuple[int, int], Tail] = {}
        self._before: dict[str, Tail] = {}
        self._read: dict[tuple[tuple[int, int], str], tuple[int, Position]] = {}
        self._warned: set[str] = set()
        self._gone: list[Tail] = []
        self._opened = 0
        self._scans = 0
        self._own = {
            known.key for known in self.book if any(p.matches(known.at.path) for p in patterns)
        }
        self._from_end = rules.from_end and not self._own

    # Looking

    def scan(self) -> News:
        """Meet what is new; the first time, go on where an earlier run was."""
        found: dict[str, str] = {}
        for pattern in self._patterns:
            for name in pattern.paths():
                found.setdefault(os.path.abspath(name), name)  # noqa: PTH100  # keeps links
        new = {path: name for path, name in found.items() if path not in self._at}
        if not self._scans:
            yield from self._resume(new)
        for path, name in new.items():
            if path not in self._at:
                yield from self._meet(path, name)
        self._from_end = False
        self._scans += 1
        for tail in self._gone:  # now that what came after them has marks of its own
            yield tail.place(gone=True)
        self._gone.clear()

    def look(self, now: float) -> News:
        """See what became of each file; those with something to read are `ready` afterwards."""
        for path, tail in list(self._at.items()):
            yield from self._look_at(path, tail, now)
        for tail in list(self.tails.values()):
            if not tail.attached and tail.fd is not None and not tail.final:
                self._look_behind(tail, tail.fd, now)
        self._spare()

    def ready(self) -> list[Tail]:
        """Return the streams that may have something to read, each once."""
        return [tail for tail in self.tails.values() if self._is_ready(tail)]

    def _is_ready(self, tail: Tail) -> bool:
        before = tail.waits_for
        if before is not None:
            if not (before.done or before.caught_up):
                return False
            tail.waits_for = None
        return not tail.done and (tail.final or not tail.caught_up)

    def _look_at(self, path: str, tail: Tail, now: float) -> News:
        try:
            status = os.stat(path)  # noqa: PTH116  # 500 of them, five times a second
        except OSError:
            status = None
        if status is None or (status.st_dev, status.st_ino) != tail.node:
            yield from self._moved(path, tail, now)
            if status is not None:
                yield from self._meet(path, tail.name)
            return
        if status.st_size == tail.size and status.st_mtime_ns == tail.changed:
            return
        tail.changed = status.st_mtime_ns
        if tail.packed:
            return
        if self.open(tail) and (status.st_size < tail.size or not tail.same()):
            yield from self.replaced(tail)
            return
        tail.size = max(tail.size, status.st_size)
        tail.caught_up = False

    def _moved(self, path: str, tail: Tail, now: float) -> News:
        """What was at a path is there no longer: it has been renamed or deleted."""
        del self._at[path]
        tail.attached, tail.quiet_since, tail.scans = False, now, self._scans
        if tail.done:
            yield from self.end(tail)
            return
        tail.caught_up = False
        self._before[path] = tail
        if tail.fd is None:
            yield from self._reopen(tail)

    def _look_behind(self, tail: Tail, fd: int, now: float) -> None:
        """See whether a file that is at its path no longer was added to, or is over."""
        status = os.fstat(fd)
        if status.st_size > tail.size or not tail.caught_up or tail.quiet_since is None:
            tail.size = max(tail.size, status.st_size)
            tail.caught_up, tail.quiet_since, tail.scans = False, now, self._scans
            return
        # Whoever writes may do so for a while before it opens the new file, or go on for good.
        patience = self.rules.linger
        if tail.at.path not in self._at and status.st_nlink:
            patience *= _NO_SUCCESSOR
        elif self.crowded:
            patience = 0
        # It may have been renamed into view; and whoever asks may have been away for long.
        seen = self._scans >= tail.scans + _SCANS
        tail.final = seen and now - tail.quiet_since >= patience

    # Meeting

    def _meet(self, path: str, name: str) -> News:
        try:
            fd, file = open_file(path, name)
        except OSError as error:
            reason = error.strerror or "unknown error"
            if self.rules.once:
                yield _unopened(path, printable(name), reason)
            elif not isinstance(error, FileNotFoundError):
                self._warn(f"{printable(name)}: cannot be opened: {reason}. It is tried again")
            return
        except UsageError as error:
            if not os.path.isdir(path):  # noqa: PTH112  # a glob may match folders
                self._warn(str(error))
            return
        tail = self._nodes.get(file.node)
        if tail is not None and not tail.cut and file.head.startswith(tail.head):
            os.close(fd)
            if not tail.attached and not tail.final and not tail.done:  # renamed into view
                self._at[path] = tail
                tail.attached, tail.opens = True, path
            return
        yield from self._take_up(path, name, Rest(fd, file, copy=False))

    def _take_up(self, path: str, name: str, found: Rest) -> News:
        """Begin to follow a file, behind all that has to be read before it."""
        file = found.file
        before = self._before.pop(path, None)
        if before is not None:
            for each in between(before.at, self._is_known(file)):
                before = self._generation(path, name, each, before)
                yield before.place()
        tail = self._begin(path, name, found)
        tail.waits_for = before
        self._at[path] = tail
        if tail.packed:
            self._put_aside(tail, file)
        else:  # known before anything of it is read: it may be moved while nobody looks
            yield tail.place()
        if self.crowded and not tail.done:
            self.shut(tail)

    def _begin(self, path: str, name: str, found: Rest) -> Tail:
        file = found.file
        start = 0
        read = self._read.get((file.node, sha256(file.head)))
        if read is not None and read[0] <= file.size:  # it was out of view for long
            at = read[1]._replace(path=path, real=os.path.realpath(path))
            return self._add(self.book.new_key(path, file.inode), at, read[0], found)
        if self._from_end:
            start = _last_line(found.fd, file.size, self.rules.max_record)
        elif file.head.startswith(b"\0"):
            start = _first_data(found.fd)
        begins = (file.inode, len(file.head), sha256(file.head))
        at = Position(
            printable(name), path, os.path.realpath(path), *begins, start, 1, file.changed
        )
        return self._add(self.book.new_key(path, file.inode), at, start, found)

    def _generation(self, path: str, name: str, found: Rest, before: Tail) -> Tail:
        """Take up a file that came and went between two looks."""
        file = found.file
        head = unpacked_head(file.path) if is_packed(file.head) else file.head
        begins = (file.inode, len(head), sha256(head))
        at = Position(printable(name), path, before.at.real, *begins, 0, 1, file.changed)
        tail = self._add(self.book.new_key(path, file.inode), at, 0, found)
        tail.attached, tail.waits_for, tail.final = False, before, tail.packed
        return tail

    def _is_known(self, current: File) -> Callable[[File], bool]:
        def known(file: File) -> bool:
            return (
                file.node == current.node
                or file.node in self._nodes
                or (file.node, sha256(file.head)) in self._read
            )

        return known

    def _add(self, key: str, at: Position, offset: int, found: Rest) -> Tail:
        rules = self.rules
        tail = Tail(
            key, at, offset, found.file, fd=found.fd, max_record=rules.max_record,
            final=rules.once or found.copy,
        )  # fmt: skip
        self._opened += 1
        self.tails[key] = tail
        self._nodes[tail.node] = tail
        return tail

    def _put_aside(self, tail: Tail, file: File) -> None:
        """A packed file does not grow: it is read by whoever reads it whole, or not at all."""
        self.shut(tail)
        tail.done = True
        if self.rules.once:
            self.packed.append((file._replace(path=tail.at.path), tail.name))
        else:
            text = (
                f"{tail.name}: it is packed, and is not followed; read it with --once if its "
                "events are wanted"
            )
            if _ROTATED.search(tail.at.real):  # it was followed while it was not packed
                _log.debug("%s", text)
            else:
                self._warn(text)

    # Going on after a restart

    def _resume(self, found: dict[str, str]) -> News:
        """Take up what an earlier run had begun: files at their paths, rests that were moved."""
        for path, name in found.items():
            try:
                fd, file = open_file(path, name)
            except (OSError, UsageError):
                continue
            known = None
            if not is_packed(file.head):
                known = self.book.claim(file._replace(path=path), self._was_rotated)
            if known is None or file.node in self._nodes:
                os.close(fd)
                continue
            self._go_on(known, known.at._replace(path=path), Rest(fd, file, copy=False))
        rests = []
        for known in self.book:
            if known.key in self._own:
                self.book.take(known.key)
                rest = find_rest(known.at, known.offset, self._nodes)
                if rest is None:
                    yield from self._vanished(known)
                elif rest.copy and rest.file.path in (known.at.path, known.at.real):
                    self._go_on(known, known.at._replace(inode=rest.file.inode), rest)
                else:
                    rests.append(self._add(known.key, known.at, known.offset, rest))
        # What came after the last that was known is looked for when the file at the path is met.
        for tail in sorted([*rests, *self._gone], key=lambda each: each.at.changed):
            tail.attached = False
            path = tail.at.path
            tail.waits_for = self._before.get(path)
            self._before[path] = tail
            if path in self._at:
                self._at[path].waits_for = tail

    def _was_rotated(self, at: Position) -> bool:
        """Whether something with the name of a rotated file came after this one."""
        found = between(at, lambda file: file.node in self._nodes)
        for each in found:
            os.close(each.fd)
        return bool(found)

    def _go_on(self, known: Known, at: Position, found: Rest) -> None:
        at = at._replace(real=os.path.realpath(at.path))
        tail = self._add(known.key, at, known.offset, found._replace(copy=False))
        self._at[at.path] = tail
        if self.crowded:
            self.shut(tail)

    def _vanished(self, known: Known) -> News:
        name, path, inode = known.at.name, known.at.path, known.at.inode
        tail = Tail(known.key, known.at, known.offset, _NONE)
        tail.done = True
        self._gone.append(tail)
        if (
            not known.at.head
        ):  # it was empty when it was last seen; what came after it is looked for
            return
        try:
            cut = os.stat(path).st_ino == inode  # noqa: PTH116  # as above
        except OSError:
            cut = False
        if cut:
            yield self._was_cut(tail)
        else:
            text = (
                f"{name}: the file that was read up to byte {known.offset:,} is gone, and none of "
                "its siblings is a copy of it; what was written behind that place is lost"
            )
            yield self._lost(name, "file-vanished", text)

    # What goes wrong

    def replaced(self, tail: Tail) -> News:
        """The file was cut or written anew in its place: a new stream begins."""
        paths = [path for path, each in self._at.items() if each is tail]
        path = paths[0] if paths else tail.at.path
        self.shut(tail)
        self._drop(tail)
        rest = find_rest(tail.at, tail.offset, self._nodes.keys() | {tail.node})
        if rest is not None:
            self._before[path] = self._go_on_in_copy(tail, rest)
        else:
            yield self._was_cut(tail)
            yield tail.place(gone=True)
        if paths:
            del self._at[path]
            yield from self._meet(path, tail.name)

    def _go_on_in_copy(self, tail: Tail, rest: Rest) -> Tail:
        again = self._add(tail.key, tail.at, tail.offset, rest)
        again.attached, again.final = False, True
        return again

    def _was_cut(self, tail: Tail) -> Notice:
        lost = tail.size - tail.offset
        what = f"{lost:,} bytes or more" if lost > 0 else "whatever was written"
        text = (
            f"{tail.name}: the file was cut (copytruncate?) after {tail.offset:,} bytes of it "
            f"had been read; {what} behind that place is lost"
        )
        return self._lost(tail.name, "copytruncate", text)

    def _reopen(self, tail: Tail) -> News:
        """Find a file again that was closed when it was moved."""
        rest = find_rest(tail.at, tail.offset, self._nodes.keys() - {tail.node})
        if rest is not None:
            if rest.copy:
                self._drop(tail)
                self._before[tail.at.path] = self._go_on_in_copy(tail, rest)
            else:
                tail.fd, tail.opens = rest.fd, rest.file.path
                self._opened += 1
            return
        tail.done = True
        if tail.size > tail.offset:
            text = (
                f"{tail.name}: the file is gone, and none of its siblings is a copy of it; "
                f"{tail.size - tail.offset:,} bytes of it were not read and are lost"
            )
            yield self._lost(tail.name, "file-vanished", text)
        yield from self.end(tail)

    def _lost(self, name: str, reason: str, text: str) -> Notice:
        _log.error("%s", text)
        return Notice(name, reason, text, None)

    def _warn(self, text: str) -> None:
        if text not in self._warned and len(self._warned) < _REMEMBERED:
            self._warned.add(text)
            _log.warning("%s", text)

    # Descriptors

    def end(self, tail: Tail) -> News:
        """Take leave of a stream that is done."""
        self.shut(tail)
        if tail.attached:
            tail.size = tail.offset  # what cannot be read is not looked at again and again
            if self.rules.once and not tail.packed:
                yield tail.place(ended=True)
            return
        self._drop(tail)
        if self._before.get(tail.at.path) is tail and tail.at.path in self._at:
            del self._before[tail.at.path]
        self._read[tail.node, sha256(tail.head)] = (tail.offset, tail.at)
        while len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]
        yield tail.place(gone=True)

    def _drop(self, tail: Tail) -> None:
        if self.tails.get(tail.key) is tail:
            del self.tails[tail.key]
        if self._nodes.get(tail.node) is tail:
            del self._nodes[tail.node]

    def open(self, tail: Tail) -> bool:
        """Open a stream's file; False if it was moved just now, which the next look sees."""
        if tail.fd is not None:
            return True
        try:
            fd, file = open_file(tail.opens)
        except (OSError, UsageError):
            return False
        if file.node != tail.node:
            os.close(fd)
            return False
        tail.fd = fd
        self._opened += 1
        return True

    def shut(self, tail: Tail) -> None:
        """Close a stream's file; it goes on at its place once it is opened again."""
        self._opened -= tail.fd is not None
        tail.close()

    @property
    def crowded(self) -> bool:
        """Whether more files are open than should be."""
        return self._opened > self.rules.max_open

    def _spare(self) -> None:
        """Close what has been quiet the longest, and forget what it had begun to read."""
        quiet = [each for each in self.tails.values() if each.attached and each.caught_up]
        quiet.sort(key=lambda each: each.changed)
        for tail in quiet:
            if not self.crowded:
                break
            self.shut(tail)
        busy = [each for each in quiet if each.busy]
        for tail in busy[: max(0, len(busy) - self.rules.max_busy)]:
            tail.rest()

    def close(self) -> None:
        """Close all files."""
        for tail in self.tails.values():
            tail.close()


_NONE = File("", 0, 0, 0, 0, b"")


def _unopened(path: str, name: str, reason: str) -> Arrival:
    broken = Broken(1, 0, f"it cannot be opened: {reason}")
    return Arrival(f"file:{path}", name, broken, None)


def _last_line(fd: int, size: int, reach: int) -> int:
    """Return where the last line begins that may not be whole yet: behind the last LF."""
    start = max(0, size - reach)
    end = os.pread(fd, size - start, start).rfind(b"\n")
    return size if end < 0 else start + end + 1


def _first_data(fd: int) -> int:
    """Return where the first hole ends: whoever writes on in a file that was cut leaves one."""
    try:
        return os.lseek(fd, 0, os.SEEK_DATA)
    except OSError:
        return 0
