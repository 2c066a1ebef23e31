"""One object, read from its beginning to its end in bounded memory.

In comes a StoredObject, out go its bytes: one block is in hand while the next is on its way. A
block that fails is asked for again from its offset; nothing of it was given out before. StoreError
(an OSError) when that does not help, or when the object is another version than the listed one.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TypeVar

from cef_bridge.objects.background import in_thread
from cef_bridge.objects.faults import CHANGED, TROUBLE, StoreError, translated

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from cef_bridge.objects.listing import StoredObject
    from cef_bridge.objects.store import OpenObject

_T = TypeVar("_T")

BLOCK = 8 << 20
"""Bytes of a request: two are in memory. Smaller ones wait for more answers than they gain."""

_WAITS = (0.5, 1.0, 2.0, 4.0, 8.0)  # seconds before another try, beside the libraries' own
_MOVED = "the object was replaced by another version after it was listed. Run this again"


class ObjectReader:
    """An unbuffered binary file, as `sources.files.raw` reads one.

    `sleep` waits between two tries. StoreError when the object cannot be opened.
    """

    def __init__(
        self,
        found: StoredObject,
        *,
        block: int = BLOCK,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._found = found
        self._block = block
        self._sleep = sleep
        self._data = b""
        self._at = 0  # what was given out of `_data`
        self._offset = 0  # of what is behind `_data`
        self._next: Future[bytes] | None = None
        self._file: OpenObject | None = None
        self._one = threading.Lock()
        self._ended = False
        self._trying(lambda _: None)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if self._at == len(self._data):
            self._data, self._at = self._block_in_hand(), 0
        piece = self._data[self._at : self._at + size]
        self._at += len(piece)
        return piece

    def head(self, size: int) -> bytes:
        """Return the first bytes, without reading further; for a reader that read nothing yet."""
        return self._trying(lambda file: self._range(file, 0, size))

    def skip(self, size: int) -> int:
        """Pass by up to `size` bytes without reading what is not in hand; return how many."""
        if self._found.size is None:
            return 0
        here = self._offset - len(self._data) + self._at
        to = min(here + size, max(here, self._found.size))
        if to <= self._offset:
            self._at += to - here
        else:
            self._data, self._at, self._offset, self._next = b"", 0, to, None
        return to - here

    def fileno(self) -> int:
        """Return no descriptor: there is nothing to wait on."""
        return -1

    def close(self) -> None:
        """Close the object; what is on its way is not waited for."""
        self._next = None
        self._ended = True
        if self._file is not None:
            self._file.close()

    def _block_in_hand(self) -> bytes:
        """Return the next block, and ask for the one behind it."""
        if self._ended:
            return b""
        future, self._next = self._next, None
        data = future.result() if future is not None else self._fetched(self._offset)
        self._offset += len(data)
        self._ended = not data
        more = self._found.size is not None and self._offset < self._found.size
        if data and more:
            self._next = in_thread(self._fetched, self._offset)
        return data

    def _fetched(self, offset: int) -> bytes:
        # A block that was passed by may still be on its way, through the same file.
        with self._one:
            return self._trying(lambda file: self._range(file, offset, self._block))

    def _trying(self, ask: Callable[[OpenObject], _T]) -> _T:
        """Return what is asked for; asks again after what may pass."""
        for wait in (*_WAITS, None):
            try:
                file = self._file = self._file or self._open()
                return ask(file)
            except Exception as error:
                fault = translated(error)
                if fault.lasts or wait is None:
                    raise fault from error
            self._file = None
            self._sleep(wait)
        raise AssertionError  # the last wait is None

    def _open(self) -> OpenObject:
        found = self._found
        file = found.store.open_to_read(found.path, self._block)
        if file.version != found.version:
            raise StoreError(CHANGED, _MOVED)
        return file

    def _range(self, file: OpenObject, offset: int, size: int) -> bytes:
        """Return a range of the version that was listed, all of it."""
        found = self._found
        want = size if found.size is None else min(size, found.size - offset)
        if want <= 0:
            return b""
        data = file.range(offset, want)
        if not file.pinned and found.store.info(found.path).version != found.version:
            raise StoreError(CHANGED, _MOVED)
        if len(data) < want and found.size is not None:
            raise StoreError(TROUBLE, f"only {len(data):,} of {want:,} bytes arrived")
        return data
