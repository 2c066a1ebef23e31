"""A file that is written as a whole or not at all.

In come bytes; out goes a file that has its name only once everything is in it and on the disk. What
is no regular file (a FIFO, /dev/stdout) is written straight. Must not know what is written.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError, UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

# These may lead to a regular file that a shell has opened (`> out`, `>> out`): never replaced.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")

PART = ".part"
"""What the name of a file ends in that is not complete."""
_NAME = 60  # characters of at most 4 bytes; a file name has at most 255 bytes


PRIVATE = 0o600
"""Mode of a new file that holds what only its owner may read: raw events, positions."""
PUBLIC = 0o666
"""Mode of other new files, before the umask."""


class AtomicFile:
    """Opens `path` for writing; `commit` gives the file its name, `discard` leaves no trace.

    As a context manager it commits, or discards on any exception. UsageError when `path` cannot be
    written to, CefBridgeError when writing fails on the way (disk full, reader gone). A new file
    gets `mode` without what the umask takes away; the mode of an existing one stays.
    """

    def __init__(self, path: str | os.PathLike[str], *, mode: int = PUBLIC) -> None:
        self.path = Path(path)
        self._mode = mode
        # A link keeps pointing to where it points; the file behind it is replaced.
        self._final = self.path.resolve()
        self._temporary: Path | None = None
        self.size = 0  # how many bytes were written
        try:
            self._file: int | None = self._open()
        except OSError as error:
            raise UsageError(self._cannot(error.strerror or "unknown error")) from error

    def _open(self) -> int:
        try:
            mode = self.path.stat().st_mode
        except FileNotFoundError:
            mode = None
        if mode is not None and stat.S_ISDIR(mode):
            raise UsageError(self._cannot("it is a folder; name a file in it"))
        straight = str(self.path).startswith(_STREAMS)
        if mode is not None and (straight or not stat.S_ISREG(mode)):
            return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        folder, name = self._final.parent, self._final.name
        if not folder.is_dir():
            raise UsageError(self._cannot("its folder does not exist"))
        if mode is not None and not os.access(self._final, os.W_OK):
            raise UsageError(self._cannot("Permission denied"))
        temporary = folder / self._temporary_name(name)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, self._mode)
        self._temporary = temporary
        if mode is not None:
            os.fchmod(descriptor, stat.S_IMODE(mode))
        return descriptor

    def _temporary_name(self, name: str) -> str:
        return partial_name(name)

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Write all of `data`, unbuffered: give it in large pieces."""
        if self._file is None:
            raise CefBridgeError(self._cannot("it is closed"))
        view = memoryview(data).cast("B")
        end = self.size + len(view)
        try:
            while self.size < end:
                self.size += os.write(self._file, view[self.size - end :])
        except OSError as error:
            raise self._failed(error) from error
        return len(view)

    def commit(self) -> None:
        """Bring everything to the disk and give the file its name; does nothing the second time."""
        if self._file is None:
            return
        try:
            if self._temporary is not None:
                os.fsync(self._file)
            os.close(self._file)
            self._file = None
            if self._temporary is not None:
                self._temporary.replace(self._final)
                self._temporary = None
                sync_folder(self._final.parent)
        except OSError as error:
            failed = self._failed(error)
            self.discard()
            raise failed from error

    def discard(self) -> None:
        """Close and leave what was there before; does nothing after `commit`."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                os.close(self._file)
            self._file = None
        if self._temporary is not None:
            with contextlib.suppress(OSError):
                self._temporary.unlink()
            self._temporary = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.discard()

    def _failed(self, error: OSError) -> CefBridgeError:
        if error.errno == errno.EPIPE:
            what = "the reader closed it"
        elif error.errno in _FULL:
            what = f"the disk is full after {self.size:,} bytes"
        else:
            what = error.strerror or "unknown error"
        after = "" if self._temporary is None else ". The file itself was not touched"
        return CefBridgeError(self._cannot(what + after))

    def _cannot(self, why: str) -> str:
        return f"cannot write {printed(self.path)}: {why}"


def partial_name(name: str) -> str:
    """Return a name for what is not complete of a file, another one each time."""
    return f".{name[:_NAME]}.{os.urandom(4).hex()}{PART}"


def printed(path: Path) -> str:
    """Return a path as a terminal can show it."""
    name = str(path)
    return name if name.isprintable() else name.encode("unicode_escape").decode("ascii")


class ResumableFile(AtomicFile):
    """An AtomicFile that stays when it is discarded, under the name `partial`.

    `partial` is what `partial_name` gave, once. It goes on behind `size` bytes and forgets the
    rest; where none count and none are there, it begins. Others who have it open end first: only
    one run may write to it. Only a path that is a regular file, or will be one, can be resumed.
    UsageError as AtomicFile, and when what was there is not any more.
    """

    def __init__(
        self, path: str | os.PathLike[str], partial: str, size: int = 0, *, mode: int = PUBLIC
    ) -> None:
        self.partial = partial
        self._kept = size
        super().__init__(path, mode=mode)

    def _temporary_name(self, _name: str) -> str:
        return self.partial

    def _open(self) -> int:
        temporary = self._final.parent / self.partial
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError as error:
            if self._kept:
                what = f"{printed(temporary)}, what was written so far, is gone"
                raise UsageError(what) from error
            descriptor = super()._open()
            _lock(descriptor, 0)
            sync_folder(self._final.parent)  # its name, too, has to survive a power cut
            return descriptor
        try:
            self._go_behind(descriptor, temporary)
        except BaseException:
            os.close(descriptor)
            raise
        self._temporary = temporary
        return descriptor

    def _go_behind(self, descriptor: int, temporary: Path) -> None:
        """Cut the file to what counts of it, and stand at its end."""
        if not _lock(descriptor, _LOCK_SECONDS):
            raise UsageError(f"another run writes to {printed(self.path)}")
        if not _is(descriptor, temporary):  # it ended while we waited: this is its output now
            raise UsageError(f"another run has just ended {printed(self.path)}")
        there = os.fstat(descriptor).st_size
        if there < self._kept:
            raise UsageError(
                f"{printed(temporary)}, what was written so far, has {there:,} bytes "
                f"where there were {self._kept:,}"
            )
        os.ftruncate(descriptor, self._kept)
        self.size = os.lseek(descriptor, 0, os.SEEK_END)

    def sync(self) -> None:
        """Bring what was written to the disk; CefBridgeError when that fails."""
        try:
            if self._file is not None:
                os.fdatasync(self._file)
        except OSError as error:
            raise self._failed(error) from error

    def discard(self) -> None:
        """Close, and leave what was written for another run; does nothing after `commit`."""
        self._temporary = None
        super().discard()


_LOCK_SECONDS = 10  # a run that was killed may have to finish its write


def _lock(descriptor: int, seconds: float) -> bool:
    """Lock a file for this process; False when others kept it so long."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        except OSError:  # a file system that knows no locks
            return True
        else:
            return True


def _is(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.lstat())
    except FileNotFoundError:
        return False


def make_private_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing; only their owner may look into them.

    pathlib gives the mode to the last one only, and a folder above it that others may write to
    lets them put another one in its place. OSError as mkdir, and when something else is there.
    """
    if not folder.is_dir():
        if folder.parent != folder:
            make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; some file systems do not know this."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
