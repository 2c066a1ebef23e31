"""A file as a destination, rotated by its size, and standard output.

In come messages; once `write` returns, they are lines of a file and on the disk, or with standard
output in the hands of whoever reads it. A line is written whole or not at all: a write that fails
is taken back, and a torn last line of a run that was killed is cut off at the next start (what it
was of had not been confirmed, so it is sent again whole). Must not know where messages come from.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import logging
import os
import select
import stat
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.delivery.certificates import Faults
from cef_bridge.errors import CefBridgeError
from cef_bridge.files import sync_folder
from cef_bridge.log_fields import fields
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_log = logging.getLogger(__name__)

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))
_DENIED = frozenset((errno.EACCES, errno.EPERM, errno.EROFS))
_LONGEST_TORN = 1 << 20  # what has no line end in its last MiB was not written by us
_SLICE = 0.5  # seconds after which a write that waits looks whether it shall stop
_PIPE_BUF = 4096  # pipe(7): a pipe that poll calls writable takes so many bytes without blocking


def look_at(path: str) -> Faults:
    """Return what is wrong with a path that is to be written to."""
    file = Path(path)
    if file.is_dir():
        return Faults([f"{file} is a folder. Name a file in it."], [])
    if file.exists() and not os.access(file, os.W_OK):
        return Faults([f"{file} cannot be written: Permission denied."], [])
    if not file.parent.is_dir():
        return Faults([f"the folder {file.parent} is not there. Make it."], [])
    if not os.access(file.parent, os.W_OK | os.X_OK):
        return Faults([f"the folder {file.parent} cannot be written: Permission denied."], [])
    return Faults([], [])


class FileError(CefBridgeError):
    """The file cannot be written at the moment; nothing of the last `write` is in it."""


class GoneError(CefBridgeError):
    """Whoever read standard output has closed it: nobody will read more."""


class StoppedWriting(Exception):  # noqa: N818  # it is an order that was followed, not a fault
    """Told to stop while the reader of standard output was not reading."""


class RotatingFile:
    """Lines at the end of `path`; `path` becomes `path.1`, and so on, up to `path.<keep>`.

    A file is renamed before a line would make it larger than `rotate_bytes`, so only a line that is
    longer than that makes a larger one. Whoever else renames or deletes it (logrotate) may: the
    next write begins a new one. FileError when it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], *, rotate_bytes: int, keep: int) -> None:
        self.path = Path(path)
        self._rotate_bytes, self._keep = rotate_bytes, keep
        self._file = -1
        self._regular = True
        self._size = 0
        self._safe = 0  # bytes that are on the disk
        self._identity = (0, 0)

    def write(self, messages: Sequence[bytes]) -> None:
        """Append each message with a line end, and bring them to the disk.

        When this raises FileError, a part of them may be in files that were rotated on the way,
        but only whole lines.
        """
        try:
            self._ready()
            for lines in self._portions(messages):
                if self._size and self._size + len(lines) > self._rotate_bytes and self._regular:
                    self._rotate()
                self._append(lines)
            if self._regular:
                os.fdatasync(self._file)
                self._safe = self._size
        except OSError as error:
            self._undo()
            raise self._failed(error) from error

    def close(self) -> None:
        """Let go of the file; the next `write` opens it again."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _portions(self, messages: Sequence[bytes]) -> Iterator[bytes]:
        """Cut messages where a file must be rotated; mostly that is nowhere."""
        whole = _lines(messages)
        if not self._regular or self._size + len(whole) <= self._rotate_bytes:
            yield whole
            return
        room = self._rotate_bytes - self._size
        portion: list[bytes] = []
        for message in messages:
            room -= len(message) + 1
            if room < 0 and portion:
                yield _lines(portion)
                portion = []
            if room < 0:
                room = self._rotate_bytes - len(message) - 1
            portion.append(message)
        yield _lines(portion)

    def _append(self, lines: bytes) -> None:
        view = memoryview(lines)
        while view:
            view = view[os.write(self._file, view) :]
        self._size += len(lines)

    def _undo(self) -> None:
        """Cut off what a failed write left, now or when the file is opened again."""
        if self._file >= 0 and self._regular:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self._safe)
        self.close()

    def _ready(self) -> None:
        if self._file >= 0:
            try:
                found = self.path.stat()
            except FileNotFoundError:
                found = None
            if found is None or (found.st_dev, found.st_ino) != self._identity:
                self.close()
        if self._file < 0:
            self._open()

    def _open(self) -> None:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
        file = os.open(self.path, flags, 0o640)
        try:
            self._take_over(file)
        except BaseException:
            os.close(file)
            raise
        self._file = file

    def _take_over(self, file: int) -> None:
        found = os.fstat(file)
        self._regular = stat.S_ISREG(found.st_mode)
        if not self._regular and not stat.S_ISCHR(found.st_mode):
            raise FileError(f"cannot write {self._shown}: it is no file. Name a file.")
        if self._regular:
            self._lock(file)
            self._size = self._safe = self._repair(file, found.st_size)
            self._identity = (found.st_dev, found.st_ino)
            if not found.st_size:
                sync_folder(self.path.parent)

    def _lock(self, file: int) -> None:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise FileError(
                f"cannot write {self._shown}: another destination or another process writes it. "
                "Give each its own file."
            ) from error

    def _repair(self, file: int, size: int) -> int:
        """Cut off a torn last line; return the size then."""
        start = max(0, size - _LONGEST_TORN)
        tail = os.pread(file, size - start, start)
        torn = len(tail) - (tail.rfind(b"\n") + 1)
        if not torn:
            return size
        if torn == _LONGEST_TORN:  # not ours, so not ours to cut: our first line begins after it
            os.write(file, b"\n")
            return size + 1
        os.ftruncate(file, size - torn)
        _log.warning(
            "%s ended in the middle of a line, left by a run that was interrupted. What was "
            "there of it (%s) was cut off; its message is sent again whole.",
            self._shown,
            counted(torn, "byte"),
            extra=fields("file-torn", path=self._shown, bytes=torn),
        )
        return size - torn

    def _rotate(self) -> None:
        """Rename the files, the oldest first: a crash in between leaves a gap and loses none."""
        os.fdatasync(self._file)
        self.close()
        if self._keep:
            for number in range(self._keep - 1, 0, -1):
                with contextlib.suppress(FileNotFoundError):
                    self._numbered(number).replace(self._numbered(number + 1))
            self.path.replace(self._numbered(1))
        else:
            self.path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    @property
    def _shown(self) -> str:
        name = str(self.path)
        return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")

    def _failed(self, error: OSError) -> FileError:
        if error.errno in _FULL:
            what = "the disk is full. Make room; nothing is lost meanwhile."
        elif error.errno == errno.ENOENT:
            what = "its folder does not exist. Make it."
        elif error.errno == errno.ENXIO:
            what = "it is no file. Name a file."
        elif error.errno in _DENIED:
            what = f"{error.strerror}. Let this user write there, or name another file."
        else:
            what = f"{error.strerror or 'unknown error'}."
        return FileError(f"cannot write {self._shown}: {what}")


class StandardOutput:
    """Lines to whoever reads our standard output.

    GoneError when that has closed it, StoppedWriting when it does not read and `stop` is set.
    """

    def __init__(self, stop: threading.Event | None = None, *, file: int = 1) -> None:
        self._file = file
        self._stop = stop or threading.Event()
        mode = os.fstat(file).st_mode
        self._regular = stat.S_ISREG(mode)
        self._blocks = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or os.isatty(file)

    def write(self, messages: Sequence[bytes]) -> None:
        """Write each message with a line end; return when the reader's side has them all."""
        lines = _lines(messages)
        before = self._end()
        done = 0
        try:
            while done < len(lines):
                done += os.write(self._file, self._takes(memoryview(lines)[done:]))
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise GoneError("cannot write to standard output: the reader closed it.") from error
            self._undo(before, done)
            full = error.errno in _FULL
            what = (
                "the disk is full. Make room; nothing is lost meanwhile."
                if full
                else (f"{error.strerror or 'unknown error'}.")
            )
            raise FileError(f"cannot write to standard output: {what}") from error

    def close(self) -> None:
        """Do nothing: standard output belongs to the process."""

    def _takes(self, view: memoryview) -> memoryview:
        """Return as much of `view` as can be written without blocking for ever."""
        if not self._blocks:
            return view
        poll = select.poll()
        poll.register(self._file, select.POLLOUT)
        while not poll.poll(_SLICE * 1000):
            if self._stop.is_set():
                raise StoppedWriting
        return view[:_PIPE_BUF]

    def _end(self) -> int:
        """Return where the next write begins, if standard output is a file."""
        if not self._regular:
            return 0
        if fcntl.fcntl(self._file, fcntl.F_GETFL) & os.O_APPEND:
            return os.fstat(self._file).st_size
        return os.lseek(self._file, 0, os.SEEK_CUR)

    def _undo(self, before: int, done: int) -> None:
        """Cut off what a failed write left, unless someone else writes the file as well."""
        if self._regular and os.fstat(self._file).st_size == before + done:
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, before)
                os.lseek(self._file, before, os.SEEK_SET)


def _lines(messages: Sequence[bytes]) -> bytes:
    return b"\n".join((*messages, b""))
