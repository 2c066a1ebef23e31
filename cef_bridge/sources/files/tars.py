"""The regular files in a tar, one after the other, each read before the next is asked for.

In comes a reader of the tar, out go names and readers. A name is whatever the tar says.
"""

from __future__ import annotations

import tarfile
from typing import IO, TYPE_CHECKING, Self, cast

from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.sources.records.units import Readable

_BLOCK = 512
# A name or a comment in a tar may be long, but not this long; tarfile would read it into memory.
_MOST_HEADER = 16 << 20

_TAR_CUT = "the tar archive ends too early (was it cut?); its members up to here were read"
_TAR_DAMAGED = "the tar archive is damaged; its members up to here were read"

# What tarfile raises for hostile headers: bad numbers, names without end, a chain of headers.
_TAR_ERRORS = (
    tarfile.TarError,
    ArithmeticError,
    EOFError,
    LookupError,
    RecursionError,
    ValueError,
)


def is_header(block: bytes) -> bool:
    """Tell whether a block of 512 bytes is the header of a member: its checksum says so."""
    try:
        tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def members(source: Readable, check: Callable[[int], None]) -> Iterator[tuple[str, Readable]]:
    """Yield name and reader of each regular file; links, devices and folders are passed by.

    `check` gets the size of the members so far, in bytes, and may raise DamagedError. So does this,
    when the tar cannot be read further and no reader has reported why.
    """
    file = _TarFile(source)
    expanded = _Expanded(check)
    try:
        # ignore_zeros: tars that were joined by `cat` are read to the end of the last one
        with tarfile.open(
            fileobj=cast("IO[bytes]", file), mode="r|", ignore_zeros=True, tarinfo=_Header
        ) as tar:
            while (member := tar.next()) is not None:
                file.left = None
                tar.members = []  # type: ignore[attr-defined]  # it would remember each one
                content = _content(tar, member)
                if content is not None:
                    inside = _Member(content, file, expanded)
                    yield member.name, inside
                    if inside.damaged:  # its reader has reported why the tar ends here
                        return
                _skip_to_header(tar)
                file.left = _MOST_HEADER
            if file.damage is not None:
                raise file.damage
    except (DamagedError, *_TAR_ERRORS) as error:
        raise file.reason(error) from None


def _skip_to_header(tar: tarfile.TarFile) -> None:
    """Read up to the next header. tarfile would go on at the end for as many bytes as were said."""
    stream = tar.fileobj
    while stream is not None and stream.tell() < tar.offset:
        if not stream.read(min(1 << 16, tar.offset - stream.tell())):
            raise DamagedError(_TAR_CUT)


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Readable | None:
    """Return a reader of a regular file. tarfile's own would keep back what is before a cut."""
    if member.size < 0:
        raise DamagedError(_TAR_DAMAGED)
    if not member.isreg():
        return None
    if member.issparse() or tar.fileobj is None:
        return tar.extractfile(member)
    return _Plain(tar.fileobj, member.size)


class _Header(tarfile.TarInfo):
    """A tar header that speaks up when it is damaged: tarfile takes that for the end."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        if not buf or len(buf) == _BLOCK == buf.count(0):
            return super().frombuf(buf, encoding, errors)  # raises what means the end
        if len(buf) != _BLOCK:
            raise DamagedError(_TAR_CUT)
        try:
            return super().frombuf(buf, encoding, errors)
        except tarfile.HeaderError as error:
            raise DamagedError(_TAR_DAMAGED) from error


class _Expanded:
    """How many bytes the members of a tar came to; sparse ones can be larger than the tar."""

    __slots__ = ("_check", "_total")

    def __init__(self, check: Callable[[int], None]) -> None:
        self._check = check
        self._total = 0

    def add(self, size: int) -> None:
        self._total += size
        self._check(self._total)


class _Plain:
    """The next `left` bytes of a tar."""

    __slots__ = ("_file", "_left")

    def __init__(self, file: Readable, left: int) -> None:
        self._file = file
        self._left = left

    def read(self, size: int, /) -> bytes:
        data = self._file.read(min(size, self._left))
        if self._left and not data:
            raise DamagedError(_TAR_CUT)
        self._left -= len(data)
        return data


class _Member:
    """A tar member's content."""

    __slots__ = ("_content", "_expanded", "_file", "damaged")

    def __init__(self, content: Readable, file: _TarFile, expanded: _Expanded) -> None:
        self._content = content
        self._file = file
        self._expanded = expanded
        self.damaged = False

    def read(self, size: int, /) -> bytes:
        try:
            data = self._content.read(size)
            self._expanded.add(len(data))
        except (DamagedError, *_TAR_ERRORS) as error:
            self.damaged = True
            raise self._file.reason(error) from error
        return data


class _TarFile:
    """A tar's own reader; while headers are read it gives no more than `left` bytes.

    Damage of what is below looks like the end, so that tarfile hands out what came before it.
    """

    __slots__ = ("_source", "damage", "left")

    def __init__(self, source: Readable) -> None:
        self._source = source
        self.left: int | None = _MOST_HEADER
        self.damage: DamagedError | None = None

    def read(self, size: int, /) -> bytes:
        try:
            data = self._source.read(size)
        except DamagedError as error:
            self.damage = error
            return b""
        if self.left is not None:
            self.left -= len(data)
            if self.left < 0:
                raise DamagedError("the tar archive has a header of more than 16 MiB")
        return data

    def reason(self, error: BaseException) -> DamagedError:
        """Return what an operator is told of an error: the damage below, if there was one."""
        if self.damage is not None:
            return self.damage
        if isinstance(error, DamagedError):
            return error
        return DamagedError(_TAR_CUT if "end of data" in str(error) else _TAR_DAMAGED)
