"""What is inside an input: plain bytes, compressed ones, a tar of members, one in another.

In comes the Raw of one input; out go Streams, by content and never by name. A tar member's name is
shown to operators and is never used as a path. Must not know what the streams hold.
"""

from __future__ import annotations

import contextlib
import tarfile
from typing import IO, TYPE_CHECKING, Self, cast

from cef_bridge.sources.compression import (
    COMPRESSIONS,
    FOREIGN,
    HEAD,
    Budget,
    Unpacked,
    may_begin,
)
from cef_bridge.sources.raw import Peekable
from cef_bridge.sources.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.sources.raw import Raw
    from cef_bridge.sources.units import Readable

MAX_EXPAND = 200
"""KubeArmor's JSON shrinks 10 to 60 times; what expands 200 times was made to do so."""

_LAYERS = 3
_SKIPPED = 1 << 20
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


class Stream:
    """One decompressed stream: `name` as operators see it, `raw` the input that it comes from."""

    __slots__ = ("_source", "name", "raw", "read")

    def __init__(self, name: str, raw: Raw, source: Readable) -> None:
        self.name = name
        self.raw = raw
        self._source = source
        # Up to about `size` bytes, none at the end; DamagedError when it cannot go on.
        self.read = source.read

    @property
    def consumed(self) -> int:
        """How many bytes of the raw input were read so far."""
        return self.raw.consumed

    def skip(self, size: int | None) -> None:
        """Pass by `size` bytes; None: by all of it, and by its damage if there is any."""
        if size is not None:
            if isinstance(self._source, Peekable):
                self._source.skip(size)
            return
        with contextlib.suppress(DamagedError):
            while self.read(_SKIPPED):
                pass


def open_stream(raw: Raw, name: str, *, max_expand: int = MAX_EXPAND) -> Iterator[Stream]:
    """Yield the streams in an input, in its order; each must be read before the next is asked for.

    gzip, zstd, bzip2 and xz (several members in a row), tar (members `name!member`), and these in
    one another, three deep. `max_expand`: how many times its size an input may expand to.
    """
    return _open(Peekable(raw), name, raw, Budget(raw, max_expand), packed=0, tars=0)


def _open(
    source: Peekable, name: str, raw: Raw, budget: Budget, *, packed: int, tars: int
) -> Iterator[Stream]:
    try:
        head = source.peek(_BLOCK, is_text)
    except DamagedError as error:
        yield Stream(name, raw, _Fails(error))
        return
    kind = next((kind for kind in COMPRESSIONS if kind.begins(head[:HEAD])), None)
    foreign = next((kind for kind, magic in FOREIGN if head.startswith(magic)), None)
    tar = kind is None and _is_tar(head)
    if foreign is not None:
        why = f"this is a {foreign} archive, which is not read here; unpack it first"
        yield Stream(name, raw, _Fails(DamagedError(why)))
    elif (kind is not None and packed == _LAYERS) or (tar and tars == _LAYERS):
        why = f"it is packed more than {_LAYERS} times over; unpack it first"
        yield Stream(name, raw, _Fails(DamagedError(why)))
    elif kind is not None:
        inner = Peekable(Unpacked(kind, source, budget))
        yield from _open(inner, name, raw, budget, packed=packed + 1, tars=tars)
    elif tar:
        yield from _members(source, name, raw, budget, packed=packed, tars=tars + 1)
    else:
        yield Stream(name, raw, source)


def is_text(head: bytes) -> bool:
    """Whether these first bytes can be told to be a text before there are 512 of them.

    A tar begins with a name and a zero; one with a line break in that name, which comes in pieces
    of less than 512 bytes, is not worth waiting for.
    """
    end = head.find(b"\n", 0, _BLOCK)
    return end >= 0 and b"\0" not in head[:end] and not may_begin(head[:HEAD])


def is_packed(head: bytes) -> bool:
    """Whether something that begins so (512 bytes tell) is an archive, and no text."""
    return (
        any(kind.begins(head[:HEAD]) for kind in COMPRESSIONS)
        or any(head.startswith(magic) for _, magic in FOREIGN)
        or _is_tar(head[:_BLOCK])
    )


def _is_tar(head: bytes) -> bool:
    """Whether a block is a tar header: its mark, zeros (JSON never has one), its checksum.

    The mark alone would not do: a process may have "ustar" among its arguments.
    """
    if len(head) < _BLOCK or head[257:262] != b"ustar" or b"\0" not in head:
        return False
    try:
        tarfile.TarInfo.frombuf(head, "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


def _members(
    source: Peekable, name: str, raw: Raw, budget: Budget, *, packed: int, tars: int
) -> Iterator[Stream]:
    """Yield the regular files of a tar; links, devices and folders are passed by."""
    file = _TarFile(source)
    expanded = _Expanded(budget)
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
                    shown = f"{name}!{printable(member.name)}"
                    yield from _open(Peekable(inside), shown, raw, budget, packed=packed, tars=tars)
                    if inside.damaged:  # the stream has said so; the tar cannot go on either
                        return
                _skip_to_header(tar)
                file.left = _MOST_HEADER
            if file.damage is not None:
                yield Stream(name, raw, _Fails(file.damage))
    except (DamagedError, *_TAR_ERRORS) as error:
        yield Stream(name, raw, _Fails(file.reason(error)))


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

    __slots__ = ("_budget", "_total")

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._total = 0

    def add(self, size: int) -> None:
        self._total += size
        self._budget.check(self._total)


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


class _Fails:
    """A reader of nothing, which says why."""

    __slots__ = ("_error",)

    def __init__(self, error: DamagedError) -> None:
        self._error = error

    def read(self, _size: int, /) -> bytes:
        raise self._error


def printable(name: str) -> str:
    r"""Return a name that a terminal can show: `a\nb` as `a\\nb`, so that it forges no line."""
    if name.isprintable():
        return name
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in name
    )
