"""Outputs that are compressed because of their names: `.gz` by gzip, `.zst` by zstd.

In come bytes, out go compressed ones to a file or an object that appears whole. Must not know what
is written, nor where to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from cef_bridge.files import AtomicFile, ResumableFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from cef_bridge.objects.writer import ObjectFile

# Of 118 MB of messages: level 3 took 0.6 s of CPU for 13.3 MB, level 6 1.2 s for 9.9 MB.
_GZIP_LEVEL = 3
_GZIP = 31  # zlib's window bits of a gzip member; it has no time in it, so two runs give the same


class Compressor(Protocol):
    """What zlib and zstandard share: compresses one member."""

    def compress(self, data: bytes, /) -> bytes:
        """Return what comes out so far."""

    def flush(self) -> bytes:
        """Return the end of the member."""


def _gzip() -> Compressor:
    import zlib  # noqa: PLC0415 - as below

    return zlib.compressobj(_GZIP_LEVEL, wbits=_GZIP)


def _zstd() -> Compressor:
    import zstandard  # noqa: PLC0415 - few outputs are .zst

    return zstandard.ZstdCompressor().compressobj()


_SUFFIXES: dict[str, Callable[[], Compressor]] = {".gz": _gzip, ".zst": _zstd}


def packed(file: AtomicFile | ObjectFile, path: str) -> WholeFile:
    """Return what compresses into a file, if the name asks for it, else the file."""
    for suffix, member in _SUFFIXES.items():
        if path.lower().endswith(suffix):
            return PackedFile(file, member)
    return file


class PackedFile:
    """Compresses into `inner`, which it commits or discards; has the interface of AtomicFile.

    A checkpoint ends a member, so that another run can go on behind it: several members in a row
    are one stream (RFC 1952 2.2, RFC 8878 3).
    """

    def __init__(self, inner: AtomicFile | ObjectFile, member: Callable[[], Compressor]) -> None:
        self.inner = inner
        self._new = member
        self._member: Compressor | None = None
        self._ended = False

    @property
    def size(self) -> int:
        """How many bytes were written, compressed."""
        return self.inner.size

    @property
    def partial(self) -> str:
        """The name of the file as long as it is not complete; only of one that can be resumed."""
        return self.inner.partial if isinstance(self.inner, ResumableFile) else ""

    def write(self, data: bytes) -> int:
        """Compress all of it."""
        if self._member is None:
            self._member = self._new()
        self._add(self._member.compress(data))
        return len(data)

    def _add(self, data: bytes) -> None:
        if data:
            self.inner.write(data)

    def _end_member(self) -> None:
        member, self._member = self._member, None
        if member is not None:
            self._add(member.flush())

    def sync(self) -> None:
        """Bring what was written to the disk, so that it can be read."""
        self._end_member()
        if isinstance(self.inner, ResumableFile):
            self.inner.sync()

    def commit(self) -> None:
        """Write the end and give the file its name; does nothing the second time."""
        if self._ended:
            return
        self._ended = True
        if self.inner.size == 0 and self._member is None:
            self._member = self._new()  # of nothing, but a valid archive
        self._end_member()
        self.inner.commit()

    def discard(self) -> None:
        """Leave what was there before; does nothing after `commit`."""
        self._ended, self._member = True, None
        self.inner.discard()

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


WholeFile: TypeAlias = "AtomicFile | ObjectFile | PackedFile"
"""What appears when all is in it."""
