"""A queue's file while it is in use: two connections, transactions, and how much room there is.

One connection writes, under a lock; another reads, under its own, so that to fetch a batch need not
wait for a disk that is flushing. A reserve of disk space beside the file, at least as large as the
log may grow, is given back when the disk is full. No cursor stays open (see `queue`). Must not know
what a transaction is about.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

from cef_bridge.queue import schema
from cef_bridge.queue.lock import identity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_SLICE = 256  # pages; what vacuuming moves in one go, with the queue locked
_MARGIN = 8  # pages; what a transaction may take beside what it stores


class Store:
    """The opened file. Lock order: `writing`, then the queue's own lock, then the reader's."""

    def __init__(self, path: Path, *, checkpoint_bytes: int, reserve: int) -> None:
        self.path = path
        self.reserve = Reserve(schema.beside(path, ".reserve"), reserve)
        self.writing = threading.RLock()
        self.reading = threading.RLock()  # held while another file takes the place
        self._checkpoint_bytes = checkpoint_bytes
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._pages = self._free = 0
        self._identity: tuple[int, int] | None = None

    def open(self) -> None:
        """Open the file, and look whether it is sound; raises what schema.check raises."""
        with self.writing, self.reading:
            self._writer = schema.connect(self.path, checkpoint_bytes=self._checkpoint_bytes)
            schema.check(self.path, self._writer)
            self._reader = schema.connect(self.path, checkpoint_bytes=self._checkpoint_bytes)
            self._count_pages()
            self._identity = identity(self.path)

    def is_gone(self) -> bool:
        """Whether the file is not the one of this name any more: deleted, or replaced."""
        return self._identity is not None and identity(self.path) != self._identity

    def copy(self, new: Path) -> None:
        """Copy all of it into a new file; what was deleted can be read while it is open."""
        os.close(os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with contextlib.closing(sqlite3.connect(new)) as target, self.writing:
            self.writer.backup(target)

    def close(self) -> None:
        """Close the file; its log goes into it, and both connections may be opened again."""
        with self.writing, self.reading:
            for connection in (self._reader, self._writer):
                if connection is not None:
                    with contextlib.suppress(sqlite3.Error):
                        connection.close()
            self._reader = self._writer = None
            self._identity = None

    @property
    def closed(self) -> bool:
        """Whether there is nothing to read or write with."""
        return self._writer is None

    @property
    def writer(self) -> sqlite3.Connection:
        """The connection that writes; hold `writing`."""
        if self._writer is None:
            raise sqlite3.ProgrammingError("the queue is closed")
        return self._writer

    @contextlib.contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All of it is on the disk when the block ends, or nothing is; hold `writing`."""
        writer = self.writer
        writer.execute("BEGIN IMMEDIATE")
        try:
            yield writer
            writer.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # SQLite may have rolled back by itself
                writer.execute("ROLLBACK")
            raise
        finally:
            self._count_pages()

    def read(self, statement: str, values: tuple[object, ...] = ()) -> list[Any]:
        """Return all rows of a statement, as of the last transaction."""
        with self.reading:
            if self._reader is None:
                raise sqlite3.ProgrammingError("the queue is closed")
            return self._reader.execute(statement, values).fetchall()

    def used(self) -> int:
        """Return the bytes of the file that hold something, and what its log may grow to.

        The file itself never was larger, so that a limit of this limits file and log.
        """
        log = max(2 * self._checkpoint_bytes, schema.size(schema.beside(self.path, "-wal")))
        return (self._pages - self._free + _MARGIN) * schema.PAGE + log

    def free(self) -> int:
        """Return how many bytes can be stored without the file becoming larger."""
        return max(self._free - _MARGIN, 0) * schema.PAGE

    def count_pages(self) -> None:
        """Look at the file's size again, as it is inside a transaction; hold `writing`."""
        self._count_pages()

    def _count_pages(self) -> None:
        with contextlib.suppress(sqlite3.Error):
            execute = self.writer.execute
            self._pages = execute("PRAGMA page_count").fetchone()[0]
            self._free = execute("PRAGMA freelist_count").fetchone()[0]

    def checkpoint(self) -> bool:
        """Copy the log into the file and cut it to nothing; False when that is not possible now.

        It is not while another process reads, or when the disk has no room for it; what else may
        be wrong, the next transaction will meet.
        """
        with self.writing:
            writer = self.writer
            try:
                writer.execute("PRAGMA busy_timeout = 200")
                busy = writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
            except sqlite3.Error:
                return False
            finally:
                with contextlib.suppress(sqlite3.Error):
                    writer.execute(f"PRAGMA busy_timeout = {schema.BUSY}")
            return not busy

    def shrink(self, goes_on: Callable[[], bool], pages: int = _SLICE) -> None:
        """Give what the file does not use back to the file system, in slices."""
        while True:
            with self.writing:
                before = self._free
                if not before or not goes_on():
                    return
                # A script is stepped to its end; `execute` would free one page, and return nothing.
                self.writer.executescript(f"PRAGMA incremental_vacuum({pages})")
                self._count_pages()
                if not self.checkpoint() or self._free >= before:
                    return


class Reserve:
    """A file of `size` bytes that really has them; 0 is none at all."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self._size = size

    def make(self) -> bool:
        """Take the space; False when the disk does not have it (then nothing is taken)."""
        if not self._size:
            return True
        try:
            if self._path.stat().st_size == self._size:
                return True
        except OSError:
            pass
        try:
            flags = os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            file = os.open(self._path, flags, 0o600)
        except OSError:
            return False
        try:
            os.ftruncate(file, 0)
            os.posix_fallocate(file, 0, self._size)
            os.fsync(file)
        except OSError:
            self.release()
            return False
        finally:
            os.close(file)
        return True

    def release(self) -> None:
        """Give the space back."""
        with contextlib.suppress(OSError):
            self._path.unlink()
