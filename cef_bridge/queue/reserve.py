"""Disk space put aside: given back when the disk is full, so that what was sent can be deleted.

Why: see `queue`. The reserve is at least as large as the log may grow.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


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
