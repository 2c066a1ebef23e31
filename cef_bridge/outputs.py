"""A file that is written as a whole or not at all.

In come bytes; out goes a file that has its name only once everything is in it and on the disk. What
is no regular file (a FIFO, /dev/stdout) is written straight. Must not know what is written.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError, UsageError

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))

# These may lead to a regular file that a shell has opened (`> out`, `>> out`): never replaced.
_STREAMS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/")

_NAME = 60  # characters of at most 4 bytes; a file name has at most 255 bytes


class AtomicFile:
    """Opens `path` for writing; `commit` gives the file its name, `discard` leaves no trace.

    As a context manager it commits, or discards on any exception. UsageError when `path` cannot be
    written to, CefBridgeError when writing fails on the way (disk full, reader gone).
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        # A link keeps pointing to where it points; the file behind it is replaced.
        self._final = self.path.resolve()
        self._temporary: Path | None = None
        self.size = 0
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
        temporary = folder / f".{name[:_NAME]}.{secrets.token_hex(4)}.part"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o666)
        self._temporary = temporary
        if mode is not None:
            os.fchmod(descriptor, stat.S_IMODE(mode))
        return descriptor

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
                _sync_folder(self._final.parent)
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
            what = "whoever read it has closed it"
        elif error.errno in _FULL:
            what = f"the disk is full after {self.size:,} bytes"
        else:
            what = error.strerror or "unknown error"
        after = "" if self._temporary is None else ". The file itself was not touched"
        return CefBridgeError(self._cannot(what + after))

    def _cannot(self, why: str) -> str:
        name = str(self.path)
        shown = name if name.isprintable() else name.encode("unicode_escape").decode("ascii")
        return f"cannot write {shown}: {why}"


def _sync_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut; some file systems do not know this."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
