"""The raw bytes of one input: counted, hashed when asked for, and looked at before they are read.

In comes an unbuffered binary file; out go its bytes, `consumed` and `sha256()`. Errors of the
operating system become DamagedError here. Must not know what the bytes are.
"""

from __future__ import annotations

import os
import select
import stat
from typing import TYPE_CHECKING, Protocol, Self, runtime_checkable

from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    import hashlib
    from collections.abc import Callable
    from types import TracebackType

    from cef_bridge.sources.records.units import Readable

_DRAIN = 1 << 20
_STEP = 1 << 18


class RawFile(Protocol):
    """An unbuffered binary file: `read` returns what is there, and waits only if nothing is."""

    def read(self, size: int, /) -> bytes | None:
        """Return up to `size` bytes, none at the end; None if one must wait for it."""

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""

    def close(self) -> None:
        """Close the file."""


def _sha256() -> hashlib._Hash:
    import hashlib  # noqa: PLC0415 - loads OpenSSL, for a report

    return hashlib.sha256()


@runtime_checkable
class Skips(Protocol):
    """What can pass by bytes, and has no descriptor for it: an object of a store."""

    def skip(self, size: int, /) -> int:
        """Pass by up to `size` bytes; return how many."""


class Raw:
    """One input's bytes as they stand on the disk or come through the pipe."""

    __slots__ = ("_digest", "_file", "_hash", "_regular", "consumed")

    def __init__(self, file: RawFile, *, hashed: bool = False) -> None:
        self._file = file
        self._hash = _sha256() if hashed else None
        self._digest: str | None = None
        self._regular: bool | None = None  # not known yet
        self.consumed = 0

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end; DamagedError when it cannot be read."""
        try:
            while (data := self._file.read(size)) is None:
                select.select([self._file], [], [])  # a shell may hand down a non-blocking stdin
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise DamagedError(
                f"reading stopped after {self.consumed:,} bytes: {reason}"
            ) from error
        self.consumed += len(data)
        if self._hash is not None:
            self._hash.update(data)
        return data

    def ready(self, seconds: float) -> bool:
        """Tell whether a read would return at once; waits so long for that to come true.

        Only of a pipe, a terminal or a socket it is ever false.
        """
        if self._regular is None:
            try:
                self._regular = stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
            except (OSError, ValueError):  # nothing that one could wait for
                self._regular = True
        return self._regular or bool(select.select([self._file], [], [], seconds)[0])

    def skip(self, size: int) -> int:
        """Pass by up to `size` bytes without reading them; return how many.

        None of a pipe, none when a hash is wanted.
        """
        if self._hash is not None or not self.ready(0) or not self._regular:
            return 0
        if isinstance(self._file, Skips):
            passed = self._file.skip(size)
            self.consumed += passed
            return passed
        file = self._file.fileno()
        try:
            here, end = os.lseek(file, 0, os.SEEK_CUR), os.fstat(file).st_size
            passed = os.lseek(file, min(here + size, max(here, end)), os.SEEK_SET) - here
        except OSError:
            return 0
        self.consumed += passed
        return passed

    def sha256(self) -> str | None:
        """Return the SHA-256 of the whole input in hex; what was not read yet is read for it.

        None when hashing was not asked for, or the input cannot be read to its end.
        """
        if self._hash is None or self._digest is not None:
            return self._digest
        try:
            while self.read(_DRAIN):
                pass
        except DamagedError:
            return None
        self._digest = self._hash.hexdigest()
        return self._digest

    def close(self) -> None:
        """Close the file, after the hash was finished if there is one."""
        self.sha256()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._hash = None  # the run ends: nothing is read to its end for a report
        self.close()


class Peekable:
    """A reader whose next bytes can be looked at, and to which bytes can be given back."""

    __slots__ = ("_damage", "_head", "_source")

    def __init__(self, source: Readable) -> None:
        self._source = source
        self._head = b""
        self._damage: DamagedError | None = None  # what comes after `_head`

    def peek(self, size: int, enough: Callable[[bytes], bool] | None = None) -> bytes:
        """Return the next `size` bytes without taking them; fewer only before the end or damage.

        Fewer also when they are `enough`: a slow pipe must not be waited for without need.
        """
        while len(self._head) < size and self._damage is None:
            if self._head and enough is not None and enough(self._head):
                break
            try:
                piece = self._source.read(1 << 16)
            except DamagedError as error:
                self._damage = error
                break
            if not piece:
                break
            self._head += piece
        if self._damage is not None and not self._head:
            raise self._damage
        return self._head[:size]

    def skip(self, size: int) -> None:
        """Pass by `size` bytes; fewer only at the end. DamagedError as from `read`."""
        while size:
            if not self._head and isinstance(self._source, Raw):
                size -= self._source.skip(size)
            # Read as one reads who needs it: decoders ask after each read whether it is a bomb.
            data = self.read(_STEP) if size else b""
            if not data:
                return
            if len(data) > size:
                self.unread(data[size:])
            size -= min(len(data), size)

    def unread(self, data: bytes) -> None:
        """Give bytes back that were read too far."""
        self._head = data + self._head

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes, none at the end."""
        if not self._head:
            if self._damage is not None:
                raise self._damage
            return self._source.read(size)
        data, self._head = self._head[:size], self._head[size:]
        return data
