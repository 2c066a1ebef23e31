"""An object that is written as a whole or not at all, as `files.AtomicFile` is for files.

In come bytes; out goes an object that has its name only once everything is in it. S3, GCS and Azure
keep the parts of an upload out of sight until it is completed. Elsewhere the object is written
under another name and renamed. A process that is killed completes nothing. Must not know what is
written.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.objects.background import in_thread
from cef_bridge.objects.faults import BUCKET, SETUP, UNREACHABLE, StoreError
from cef_bridge.objects.store import EXTRAS, opened_store, translating
from cef_bridge.objects.urls import has_magic, shown

if TYPE_CHECKING:
    from concurrent.futures import Future
    from types import TracebackType
    from typing import Self

PART = 8 << 20
"""Bytes of one part of an upload: one is filled while another is sent."""
_LARGE_PART = 64 << 20
_SMALL_PARTS = 4_000
_PARTS = 10_000  # of an S3 object ("Amazon S3 multipart upload limits")
MOST = _SMALL_PARTS * PART + (_PARTS - _SMALL_PARTS) * _LARGE_PART
"""Bytes of an object: 406 GiB. Parts are small until that would not do for the object."""
_PIECE = 4 << 20  # bytes given to fsspec at a time


class ObjectFile:
    """Opens `url` for writing; `commit` makes the object, `discard` leaves no trace.

    As a context manager it commits, or discards on any exception. UsageError when the URL cannot be
    written to, CefBridgeError when the store cannot be reached or writing fails on the way.
    `hashed`: `sha256` is wanted.
    """

    def __init__(self, url: str, *, hashed: bool = False) -> None:
        self._name = shown(url)
        self._file: Any = None
        self.size = 0  # how many bytes were written
        self._part = PART
        self._filling = bytearray()  # the next part, while the one before it is sent
        self._sending: Future[None] | None = None
        self._hash = hashlib.sha256() if hashed else None
        try:
            self._store = opened_store(url)
            self._path = path = self._store.path_of(url)
            self._written = self._named(url, path)
            self._look(path)
            self._file = self._store.open_to_write(self._written, PART)
        except StoreError as error:
            kind = CefBridgeError if error.kind == UNREACHABLE else UsageError
            raise kind(self._cannot(error.strerror)) from error

    def _named(self, url: str, path: str) -> str:
        """Return the path that is written to; UsageError when it can be none."""
        folder, _, name = path.rpartition("/")
        if url.endswith("/") or not name or (not folder and self._store.scheme in EXTRAS):
            raise UsageError(self._cannot("it names no object; add a name behind the bucket"))
        if has_magic(url):
            raise UsageError(self._cannot("it is a pattern; name one object"))
        if self._store.scheme in EXTRAS:
            return path
        return f"{folder}/.{name}.{secrets.token_hex(4)}.part"

    def _look(self, path: str) -> None:
        """Find out now what would fail at the end: the bucket, the credentials, the network."""
        if self._store.scheme not in EXTRAS:
            return
        try:
            self._store.info(path)
        except StoreError as error:
            # Who may write may not be allowed to read
            if error.kind in (BUCKET, SETUP, UNREACHABLE):
                raise

    def write(self, data: bytes | bytearray | memoryview) -> int:
        """Add all of `data`; give it in large pieces."""
        if self._file is None:
            raise CefBridgeError(self._cannot("it is closed"))
        view = memoryview(data).cast("B")
        if self.size + len(view) > MOST:
            what = f"it would have more than {MOST:,} bytes. Convert in several runs"
            raise CefBridgeError(self._cannot(what))
        if self._hash is not None:
            self._hash.update(view)
        self.size += len(view)
        self._filling += view
        if len(self._filling) >= self._part:
            try:
                self._sent()
            except StoreError as error:
                raise self._failed(error) from error
            part, self._filling = self._filling, bytearray()
            self._sending = in_thread(self._send, part)
        return len(view)

    def _send(self, part: bytearray) -> None:
        if self.size > _SMALL_PARTS * PART:
            self._part = self._file.blocksize = _LARGE_PART
        with translating(), memoryview(part) as view:
            for start in range(0, len(view), _PIECE):
                self._file.write(view[start : start + _PIECE])

    def _sent(self) -> None:
        """Wait until what is being sent was; StoreError when it could not be."""
        sending, self._sending = self._sending, None
        if sending is not None:
            sending.result()

    def commit(self) -> None:
        """Send what is left and make the object; does nothing the second time."""
        file = self._file
        if file is None:
            return
        try:
            self._sent()
            self._send(self._filling)
            self._filling = bytearray()
            with translating():
                file.close()
                if self._written != self._path:
                    self._store.rename(self._written, self._path)
        except StoreError as error:
            failed = self._failed(error)
            self.discard()
            raise failed from error
        self._file = None

    def discard(self) -> None:
        """Abort the upload, and leave what was there before; does nothing after `commit`."""
        file = self._file
        if file is None:
            return
        # A part that arrives after the upload was aborted would stay.
        with contextlib.suppress(StoreError):
            self._sent()
        self._file = None
        with contextlib.suppress(Exception):
            if self._written == self._path and hasattr(file, "discard"):
                file.discard()
        with contextlib.suppress(AttributeError):
            file.closed = True  # or fsspec completes it when nobody refers to it any more
        if self._written != self._path:
            with contextlib.suppress(StoreError):
                self._store.remove(self._written)

    def sha256(self) -> str | None:
        """Return the SHA-256 of what was written in hex, None when it was not asked for."""
        return None if self._hash is None else self._hash.hexdigest()

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

    def _failed(self, error: StoreError) -> CefBridgeError:
        what = f"{error.strerror} (in the first {self.size:,} bytes). The object was not touched"
        return CefBridgeError(self._cannot(what))

    def _cannot(self, why: str | None) -> str:
        return f"cannot write {self._name}: {why}"
