"""One process a queue: a lock file beside it that names who has it.

flock belongs to the open file: it goes with the process however that ends, and a second opener in
the same process is refused as well. The file stays; to delete it would let two in.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


_TRIES, _PAUSE = 5, 0.02  # seconds; `queue status` holds it for a moment, to see who does


class Lock:
    """Held from its making until `release`. UsageError when another process has it."""

    def __init__(self, path: Path, guarded: Path) -> None:
        self._path = path
        self._guarded = guarded
        self._file = self._take()

    def _take(self) -> int:
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if not _locked(file):
            process = _process(file)
            os.close(file)
            who = f"process {process}" if process else "another process"
            raise UsageError(
                f"{self._guarded} is in use by {who}. A queue belongs to one forwarder: stop that "
                "one, or give this one a folder of its own with --queue"
            )
        os.ftruncate(file, 0)
        with contextlib.suppress(OSError):  # a full disk keeps no number, and the lock holds
            os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        return file

    def renew(self) -> None:
        """Take it again where its file was deleted; UsageError when another process has it now."""
        if self._file < 0 or identity(self._path) == identity(self._file):
            return
        file = self._take()
        os.close(self._file)
        self._file = file

    def release(self) -> None:
        """Let the next one in; does nothing the second time."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def identity(file: Path | int) -> tuple[int, int] | None:
    """Return a file's device and inode, None when there is no such file."""
    try:
        found = os.stat(file)  # noqa: PTH116  # an open file has no path
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _locked(file: int) -> bool:
    for _ in range(_TRIES):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_PAUSE)
        else:
            return True
    return False


def holder(path: Path) -> int | None:
    """Return the process that holds the lock of this path; None when nobody does.

    0 when it is held by a process that could not write its number.
    """
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _process(file)
    else:
        return None
    finally:
        os.close(file)


def _process(file: int) -> int:
    text = os.pread(file, 20, 0).strip()
    return int(text) if text.isdigit() else 0
