"""The files that are followed: met, renamed, cut, deleted, and found again after a restart.

In come patterns and the marks of an earlier run; out go Tails in the order in which they have to be
read, and Notices of what is lost. Must not know what the Tails hand out.

A file that was renamed or deleted is read from its open descriptor, or where it lies now if it had
been shut. What was rotated away meanwhile is looked for among its siblings. The order of these
steps, and why: see `sources.files`.
"""

from __future__ import annotations

import errno
import logging
import os
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.sources.feed import Arrival, Notice
from cef_bridge.sources.files.archives import is_packed, printable
from cef_bridge.sources.files.file_identity import Book, File, FilePosition, sha256
from cef_bridge.sources.files.follow_folders import in_the_making, unpacked
from cef_bridge.sources.files.follow_messages import PACKED, Told, nothing_behind, unopened
from cef_bridge.sources.files.follow_packed import passed
from cef_bridge.sources.files.follow_paths import open_file
from cef_bridge.sources.files.follow_siblings import Rest, Siblings, begin_alike, holds, older_than
from cef_bridge.sources.files.follow_tail import Tail
from cef_bridge.sources.files.open_files import Descriptors
from cef_bridge.sources.records.units import BrokenLine

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.sources.files.file_identity import SavedCheckpoint
    from cef_bridge.sources.files.follow_paths import Pattern

    News = Iterator[Arrival | Notice]

_log = logging.getLogger(__name__)

_SCANS = 2
_NO_SUCCESSOR = 60  # times as long is waited for more when nothing took the place of a file
_ROTATED = re.compile(r"[._-]\d[\dTZ.:_+-]*\.(?:gz|zst|bz2|xz)\Z")
_REMEMBERED = 4096  # files that were read to their end, so that they are not taken for unread ones


class FollowOptions(NamedTuple):
    """What a feed of files is told; times in seconds, see `Follow`."""

    once: bool = False
    from_end: bool = False
    max_record: int = 1 << 20
    linger: float = 10.0
    max_open: int = 256
    max_busy: int = 32


class _Met(NamedTuple):
    """A file that is new at a path; `start` is where it is begun."""

    path: str
    name: str
    found: Rest
    start: int


class _Taken:
    """The files that are something else than the one that is looked for.

    A packed file that was put aside may be what another was made into. A file with the inode of
    another stream is that stream's while it begins as that one did: the inode of a file that was
    deleted goes to the next one that is made, which may be the packed one that is looked for.
    """

    def __init__(
        self, nodes: Mapping[tuple[int, int], Tail], tail: Tail | None = None, *, own: bool = False
    ) -> None:
        self._nodes = nodes
        self._node = tail.node if tail else None
        self._own = own

    def __contains__(self, file: object) -> bool:
        if not isinstance(file, File):
            return False
        if file.node == self._node:
            return self._own
        tail = _owner(self._nodes, file)
        return tail is not None and not tail.aside


def _owner(nodes: Mapping[tuple[int, int], Tail], file: File) -> Tail | None:
    """Return the stream that a file is of: the one with its inode, if it begins as that one did."""
    tail = nodes.get(file.node)
    return tail if tail is not None and file.head.startswith(tail.head) else None


class FileWatcher:
    """All files of one feed. `tails` are all streams, by their keys."""

    def __init__(
        self, patterns: Sequence[Pattern], rules: FollowOptions, marks: Mapping[str, Checkpoint]
    ) -> None:
        self.rules = rules
        self.tails: dict[str, Tail] = {}
        self.packed: list[tuple[File, str]] = []
        self.descriptors = Descriptors(rules.max_open)
        self.siblings = Siblings()
        self._told = Told()
        self._patterns = patterns
        self.book = Book(marks)
        self._at: dict[str, Tail] = {}
        self._nodes: dict[tuple[int, int], Tail] = {}
        self._before: dict[str, Tail] = {}
        self._read: dict[tuple[tuple[int, int], str], tuple[int, FilePosition]] = {}
        self._gone: list[Tail] = []
        self._last: dict[str, tuple[Tail, float]] = {}  # read to their ends, and nothing came after
        self._now = 0.0
        self._unopened: list[Arrival] = []
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
        met = self._meet((path, name) for path, name in new.items() if path not in self._at)
        yield from self._take_up(met)
        self._from_end = False
        self._scans += 1
        yield from self._bury()
        self._told.say()

    def look(self, now: float) -> News:
        """See what became of each file; those with something to read are `ready` afterwards."""
        self._now = now
        moved, cut, new = [], [], []
        for path, tail in self._at.items():
            status = _status(path)
            if status is None or (status.st_dev, status.st_ino) != tail.node:
                moved.append((path, tail))
                if status is not None:
                    new.append((path, tail.name))
            elif tail.cut or self._was_cut(tail, status):
                cut.append((path, tail))
                new.append((path, tail.name))
        for path, tail in moved:
            yield from self._leave(path, tail, now)
        behind = [tail for tail in self.tails.values() if not tail.attached]
        missing = [tail for tail in behind if not (tail.cut or self._look_behind(tail, now))]
        cut += [(tail.at.path, tail) for tail in behind if tail.cut]
        for path, tail in cut:
            self.descriptors.shut(tail)
            self._drop(tail)
            if self._at.get(path) is tail:
                del self._at[path]
        met = self._meet(new)
        for tail in missing:
            yield from self._find_again(tail)
        yield from self._forget(now)
        for path, tail in cut:
            yield from self._replaced(path, tail)
        yield from self._take_up(met)
        yield from self._bury()
        self.descriptors.spare(self.tails.values(), self.rules.max_busy)
        for tail in self.tails.values():
            tail.shifted = False
        self._told.say()

    def ready(self) -> list[Tail]:
        """Return the streams that may have something to read, each once."""
        return self.descriptors.turns(filter(self._is_ready, self.tails.values()))

    @property
    def unsettled(self) -> bool:
        """Whether something was seen while reading that the next look has to deal with."""
        return any(tail.cut or tail.shifted for tail in self.tails.values())

    def _is_ready(self, tail: Tail) -> bool:
        before = tail.waits_for
        if before is not None:
            if not (before.done or before.caught_up):
                return False
            tail.waits_for = None
        return not (tail.done or tail.cut or tail.shifted) and (tail.final or not tail.caught_up)

    def _was_cut(self, tail: Tail, status: os.stat_result) -> bool:
        """See whether a file at its path was added to, or was cut or written anew in its place."""
        if status.st_size == tail.size and status.st_mtime_ns == tail.changed:
            return False
        tail.changed = status.st_mtime_ns
        if tail.packed:
            return False
        if self.descriptors.open(tail):
            was_empty = not (tail.at.head or status.st_size)  # it may have been full in between
            tail.cut = was_empty or status.st_size < tail.size or not tail.same()
            self.descriptors.relax(tail)
        if not tail.cut:
            tail.size = max(tail.size, status.st_size)
            tail.caught_up = False
        return tail.cut

    def _leave(self, path: str, tail: Tail, now: float) -> News:
        """What was at a path is there no longer: it has been renamed or deleted."""
        del self._at[path]
        tail.attached, tail.quiet_since, tail.scans = False, now, self._scans
        if tail.done:
            yield from self.end(tail)
            return
        known = tail.at.head
        tail.same()  # how it begins by now tells it from others
        if tail.at.head > known:
            yield tail.place()
        tail.caught_up = False
        self._before[path] = tail
        while len(self._before) > _REMEMBERED and next(iter(self._before)) not in self._at:
            del self._before[next(iter(self._before))]

    def _look_behind(self, tail: Tail, now: float) -> bool:
        """See whether a file that is at its path no longer was added to, or is over.

        False when it is not where it was.
        """
        status = os.fstat(tail.fd) if tail.fd is not None else _status(tail.opens)
        if status is None or (status.st_dev, status.st_ino) != tail.node:
            return False
        if tail.final:
            return True
        if status.st_size > tail.size or not tail.caught_up or tail.quiet_since is None:
            tail.size = max(tail.size, status.st_size)
            tail.caught_up, tail.quiet_since, tail.scans = False, now, self._scans
            return True
        # Whoever writes may do so for a while before it opens the new file, or go on for good.
        patience = self.rules.linger
        if tail.at.path not in self._at and status.st_nlink:
            patience *= _NO_SUCCESSOR
        elif self.descriptors.crowded:
            patience = 0
        # It may have been renamed into view; and whoever asks may have been away for long.
        seen = self._scans >= tail.scans + _SCANS
        tail.final = seen and now - tail.quiet_since >= patience
        return True

    # Meeting

    def _meet(self, new: Iterable[tuple[str, str]]) -> list[_Met]:
        """Return what is new at some paths; what lies beside it may have changed until then."""
        met = [each for path, name in new if (each := self._opened(path, name)) is not None]
        self.siblings.forget()
        return met

    def _opened(self, path: str, name: str) -> _Met | None:
        if in_the_making(path):  # what it is made from is there
            return None
        try:
            fd, file = open_file(path, name)
        except OSError as error:
            self._not_opened(path, printable(name), error)
            return None
        except UsageError as error:
            if not os.path.isdir(path):  # noqa: PTH112  # a glob may match folders
                self._told.sentence(str(error))
            return None
        tail = self._same(file)
        if tail is not None:
            os.close(fd)
            if not (tail.attached or tail.final or tail.done):  # renamed into view
                self._at[path] = tail
                tail.attached, tail.opens = True, path
            return None
        start = 0
        if self._from_end:
            start = _last_line(fd, file.size, self.rules.max_record)
        elif file.head.startswith(b"\0"):
            start = _first_data(fd)
        return _Met(path, name, Rest(self.descriptors.kept(fd), file, copy=False), start)

    def _not_opened(self, path: str, name: str, error: OSError) -> None:
        reason = error.strerror or "unknown error"
        if error.errno == errno.ELOOP or (error.errno == errno.ENOENT and os.path.lexists(path)):
            if self.rules.once or error.errno == errno.ELOOP:  # else it may be there later
                self._told.warn(nothing_behind(error.errno), name)
        elif self.rules.once and error.errno != errno.ENOENT:
            broken = BrokenLine(1, 0, f"it cannot be opened: {reason}")
            self._unopened.append(Arrival(f"file:{path}", name, broken, None))
        elif error.errno != errno.ENOENT:
            self._told.warn(unopened(reason), name)

    def _same(self, file: File) -> Tail | None:
        """Return the stream of a file that was met under another name."""
        tail = _owner(self._nodes, file)
        return None if tail is None or tail.cut else tail

    def _take_up(self, met: Iterable[_Met]) -> News:
        """Begin to follow files, each behind all that has to be read before it."""
        yield from self._unopened
        self._unopened.clear()
        for path, name, found, start in met:
            if self._same(found.file) is not None:  # another link to it
                self.descriptors.let_go(found.fd)
                continue
            first = before = self._before.pop(path, None)
            generations = []
            if before is not None:
                at = before.at
                seen = self._is_known(found.file, at)
                for each in self.siblings.after(at, before.offset, seen):
                    before = self._generation(at, name, each, before)
                    generations.append(before)
            tail = self._begin(path, name, found, start, generations)
            tail.waits_for = before
            self._at[path] = tail
            # Whoever takes a mark may be away for long, so that nothing is looked at from here on.
            for generation in generations:
                yield generation.place()
            if tail.packed:
                self._put_aside(tail, found.file)
            else:  # known before anything of it is read: it may be moved while nobody looks
                yield tail.place()
            if path in self._last and self._last.pop(path)[0] is first:
                yield first.place(gone=True)

    def _begin(
        self, path: str, name: str, found: Rest, start: int, generations: Sequence[Tail]
    ) -> Tail:
        file = found.file
        read = self._read.get((file.node, sha256(file.head)))
        if read is not None and read[0] <= file.size:  # it was out of view for long
            at = read[1]._replace(path=path, real=os.path.realpath(path))
            return self._add(self.book.new_key(path, file.inode), at, read[0], found)
        begins = (file.inode, len(file.head), sha256(file.head))
        at = FilePosition(
            printable(name), path, os.path.realpath(path), *begins, start, 1, file.changed
        )
        at = at._replace(older=self.siblings.before(at))
        for each in generations:
            if not any(older.inode == each.at.inode for older in at.older):
                at = at._replace(older=older_than(each.at, at.older, each.opens, each.offset))
        return self._add(self.book.new_key(path, file.inode), at, start, found)

    def _generation(self, was: FilePosition, name: str, file: File, before: Tail) -> Tail:
        """Take up a file that came and went between two looks, where another `was` before it."""
        head = unpacked(file.path)[0] if is_packed(file.head) else file.head
        begins = (file.inode, len(head), sha256(head))
        older = older_than(before.at, before.at.older, before.opens, before.offset)
        at = FilePosition(
            printable(name), was.path, was.real, *begins, 0, 1, file.changed, older=older
        )
        found = Rest(None, file, copy=False)
        self._take_back(file)
        tail = self._add(self.book.new_key(was.path, file.inode), at, 0, found)
        tail.attached, tail.waits_for, tail.final = False, before, tail.packed
        return tail

    def _is_known(self, current: File, at: FilePosition) -> Callable[[File], bool]:
        in_place = current.inode == at.inode  # it is not renamed; it may be being copied just now

        def known(file: File) -> bool:
            return (
                file.node == current.node
                or file in _Taken(self._nodes)
                or (in_place and begin_alike(file, current))
                or (file.node, sha256(file.head)) in self._read
                or (is_packed(file.head) and self._was_read_unpacked(file))
            )

        return known

    def _was_read_unpacked(self, file: File) -> bool:
        """Whether a packed file is what another stream reads, or has read, under its own name."""
        folder = os.path.dirname(file.path)  # noqa: PTH120
        head, _ = unpacked(file.path)
        reading = [(each.at, each.offset) for each in self.tails.values()]
        read = [(at, offset) for offset, at in self._read.values()]
        return any(
            holds(file, at, offset)
            for at, offset in (*reading, *read)
            if at.begins(head) and os.path.dirname(at.real) == folder  # noqa: PTH120
        )

    def _add(self, key: str, at: FilePosition, offset: int, found: Rest) -> Tail:
        tail = Tail(
            key, at, offset, found.file, fd=found.fd, max_record=self.rules.max_record,
            final=self.rules.once or found.copy,
        )  # fmt: skip
        self.tails[key] = tail
        self._nodes[tail.node] = tail
        return tail

    def _take_back(self, file: File) -> None:
        """Read a packed file that was put aside: it turned out to be the rest of something."""
        if (tail := _owner(self._nodes, file)) is not None:
            self._drop(tail)
        self.packed = [each for each in self.packed if each[0].node != file.node]

    def _put_aside(self, tail: Tail, file: File) -> None:
        """A packed file does not grow: it is read by whoever reads it whole, or not at all."""
        self.descriptors.shut(tail)
        tail.done = True
        if self.rules.once:
            self.packed.append((file._replace(path=tail.at.path), tail.name))
        elif _ROTATED.search(tail.at.real):  # it was followed while it was not packed
            _log.debug("%s: %s", tail.name, PACKED.one)
        else:
            self._told.warn(PACKED, tail.name)

    # Going on after a restart

    def _resume(self, found: dict[str, str]) -> News:
        """Take up what an earlier run had begun: files at their paths, rests that were moved."""
        elsewhere = []
        for path, name in found.items():
            was = self._claim(path, name)
            if was not in {None, path}:
                elsewhere.append((was, self._at[path]))
        rests = []
        for known in self.book:
            if known.key in self._own:
                self.book.take(known.key)
                rest = self.siblings.rest(known.at, known.offset, _Taken(self._nodes))
                if rest is None:
                    yield from self._vanished(known)
                elif rest.copy and rest.file.path in (known.at.path, known.at.real):
                    at = known.at._replace(inode=rest.file.inode)
                    self._go_on(known, at, self.descriptors.keep(rest), at.path)
                else:
                    rest = self.descriptors.keep(rest)
                    rests.append(self._add(known.key, known.at, known.offset, rest))
        # What came after the last that was known is looked for when the file at the path is met.
        for tail in (*rests, *self._gone):
            tail.attached = False
            elsewhere.append((tail.at.path, tail))
        for path, tail in sorted(elsewhere, key=lambda each: each[1].at.changed):
            tail.waits_for = self._before.get(path)
            self._before[path] = tail
            if path in self._at:
                self._at[path].waits_for = tail

    def _claim(self, path: str, name: str) -> str | None:
        """Go on with a file that is at a path and that a mark speaks of; return where it was."""
        try:
            fd, file = open_file(path, name)
        except (OSError, UsageError):
            return None
        known = None
        if not is_packed(file.head):
            rotated = partial(self._was_rotated, file)
            known = self.book.claim(file._replace(path=path), rotated)
        if known is None or _owner(self._nodes, file) is not None:
            os.close(fd)
            return None
        found = self.descriptors.keep(Rest(fd, file, copy=False))
        at = known.at
        if os.path.dirname(at.path) != os.path.dirname(path):  # noqa: PTH120
            at = at._replace(path=path)
        self._go_on(known, at, found, path)
        return at.path

    def _was_rotated(self, current: File, at: FilePosition) -> bool:
        """Whether something with the name of a rotated file came after this one."""
        return bool(self.siblings.after(at, 0, self._is_known(current, at)))

    def _go_on(self, known: SavedCheckpoint, at: FilePosition, found: Rest, path: str) -> None:
        """Go on with a file at a path, which may be another than where it was met."""
        if path == at.path:
            at = at._replace(real=os.path.realpath(path))
        self._at[path] = self._add(known.key, at, known.offset, found._replace(copy=False))

    def _vanished(self, known: SavedCheckpoint) -> News:
        name, path, inode = known.at.name, known.at.path, known.at.inode
        tail = Tail(known.key, known.at, known.offset, _NONE)
        tail.done = True
        self._gone.append(tail)
        if not known.at.head:  # it was empty when it was last seen; what came after is looked for
            return
        status = _status(path)
        if status is not None and status.st_ino == inode:
            yield self._notice_of_cut(tail)
        else:
            text = (
                f"{name}: the file that was read up to byte {known.offset:,} is gone, and none of "
                "its siblings is a copy of it; what was written behind that place is lost"
            )
            yield self._lost(name, "file-vanished", text)

    # What goes wrong

    def _replaced(self, path: str, tail: Tail) -> News:
        """The file was cut or written anew in its place: what was in it is looked for."""
        rest = self.siblings.rest(tail.at, tail.offset, _Taken(self._nodes, tail, own=True))
        if path not in self._at:
            self._before[path] = tail
        if rest is not None:
            self._move(tail, rest)
            return
        tail.done = True
        self._gone.append(tail)
        if tail.at.head:  # else nothing of it was seen, so what was in it came after it
            yield self._notice_of_cut(tail)

    def _notice_of_cut(self, tail: Tail) -> Notice:
        lost = tail.size - tail.offset
        what = f"{lost:,} bytes or more" if lost > 0 else "whatever was written"
        text = (
            f"{tail.name}: the file was cut (copytruncate?) after {tail.offset:,} bytes of it "
            f"had been read; {what} behind that place is lost"
        )
        return self._lost(tail.name, "copytruncate", text)

    def _find_again(self, tail: Tail) -> News:
        """Find a file that was moved while it was shut."""
        rest = self.siblings.rest(tail.at, tail.offset, _Taken(self._nodes, tail, own=False))
        if rest is not None:
            self._move(tail, rest)
            return
        tail.done = True
        if tail.size > tail.offset:
            text = (
                f"{tail.name}: the file is gone, and none of its siblings is a copy of it; "
                f"{tail.size - tail.offset:,} bytes of it were not read and are lost"
            )
            yield self._lost(tail.name, "file-vanished", text)
        yield from self.end(tail)

    def _move(self, tail: Tail, rest: Rest) -> None:
        """Have a stream go on where its rest lies."""
        self._drop(tail)
        self._take_back(rest.file)
        rest = self.descriptors.keep(rest)
        tail.moved(rest.file, rest.fd, final=tail.final or rest.copy)
        self.tails[tail.key] = tail
        self._nodes[tail.node] = tail

    def _lost(self, name: str, reason: str, text: str) -> Notice:
        self._told.lost(reason, text)
        return Notice(name, reason, text, None)

    # Leaving

    def end(self, tail: Tail) -> News:
        """Take leave of a stream that is done."""
        self.descriptors.shut(tail)
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
        path = os.path.abspath(tail.opens)  # noqa: PTH100  # keeps links
        met_again = self.rules.once and any(each.matches(path) for each in self._patterns)
        if met_again and not tail.packed:
            tail.at = tail.at._replace(path=path, real=os.path.realpath(path))
            yield tail.place(ended=True)
            return
        if met_again:
            yield passed(path, tail.name, self.book.new_key(path, tail.node[1]), tail)
        if self._before.get(tail.at.path) is tail and self._is_somewhere(tail):
            self._last[tail.at.path] = (tail, self._now)  # what comes after it begins from its mark
        else:
            yield tail.place(gone=True)

    def _is_somewhere(self, tail: Tail) -> bool:
        """Whether a file that was read, or a copy of it, can be found again by another run."""
        if _status(tail.opens) is not None:
            return True
        self.siblings.forget()
        rest = self.siblings.rest(tail.at, tail.offset, _Taken(self._nodes, tail, own=False))
        if rest is None:
            return False
        if rest.fd is not None:
            os.close(rest.fd)
        return True

    def _bury(self) -> News:
        """Forget what is gone, now that what came after it has marks of its own."""
        for tail in self._gone:
            path = tail.at.path
            if tail.at.head or self._before.get(path) is not tail or path in self._at:
                yield tail.place(gone=True)
            else:
                self._last[path] = (tail, self._now)
        self._gone.clear()

    def _forget(self, now: float) -> News:
        """Forget what was read long ago, and nothing took its place."""
        patience = self.rules.linger * _NO_SUCCESSOR
        late = [path for path, (_, since) in self._last.items() if now - since >= patience]
        for path in late:
            yield self._last.pop(path)[0].place(gone=True)

    def _drop(self, tail: Tail) -> None:
        if self.tails.get(tail.key) is tail:
            del self.tails[tail.key]
        if self._nodes.get(tail.node) is tail:
            del self._nodes[tail.node]

    def close(self) -> None:
        """Close all files."""
        for tail in self.tails.values():
            tail.close()
        self._told.say()


_NONE = File("", 0, 0, 0, 0, b"")


def _status(path: str) -> os.stat_result | None:
    try:
        return os.stat(path)  # noqa: PTH116  # 500 of them, five times a second
    except OSError:
        return None


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
