"""An object that a run with a checkpoint writes: a file of this machine until it is complete.

A store cannot go on behind a half of an object after a restart, and a file can. In come bytes, out
goes the file, and at the end the object. Must not know what is written.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.files import PRIVATE, ResumableFile
from cef_bridge.objects.writer import ObjectFile

if TYPE_CHECKING:
    from pathlib import Path

_PIECE = 4 << 20


class StagedObject(ResumableFile):
    """A ResumableFile beside `final`, which becomes the object `url` when it is committed.

    The bucket and the credentials are looked at when it is opened. Errors as of ResumableFile and
    of ObjectFile.
    """

    def __init__(
        self, url: str, final: Path, partial: str, size: int = 0, *, hashed: bool = False
    ) -> None:
        self._object = ObjectFile(url, hashed=hashed)
        try:
            super().__init__(final, partial, size, mode=PRIVATE)
        except BaseException:
            self._object.discard()
            raise

    def commit(self) -> None:
        """Send the file, make the object and delete the file; does nothing the second time."""
        if self._file is None or self._temporary is None:
            return
        self.sync()
        try:
            with self._temporary.open("rb", buffering=0) as file:
                while data := file.read(_PIECE):
                    self._object.write(data)
        except OSError as error:
            what = f"cannot read {self._temporary}: {error.strerror}"
            raise CefBridgeError(what) from error
        self._object.commit()
        os.close(self._file)
        self._file = None
        self._temporary.unlink()
        self._temporary = None

    def discard(self) -> None:
        """Close, and leave the file for another run; does nothing after `commit`."""
        self._object.discard()
        super().discard()

    def sha256(self) -> str | None:
        """Return the SHA-256 of the object in hex, None when it was not asked for."""
        return self._object.sha256()
