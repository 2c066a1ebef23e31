"""What is inside an input: plain bytes, compressed ones, a tar of members, one in another.

In comes the Raw of one input; out go Streams, by content and never by name. A tar member's name is
shown to operators and is never used as a path. Must not know what the streams hold.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from cef_bridge.sources.files.compression import (
    COMPRESSIONS,
    FOREIGN,
    HEAD,
    Budget,
    Unpacked,
    may_begin,
)
from cef_bridge.sources.files.raw import Peekable
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.sources.files.raw import Raw
    from cef_bridge.sources.records.units import Readable

MAX_EXPAND = 200
"""KubeArmor's JSON shrinks 10 to 60 times; what expands 200 times was made to do so."""

_LAYERS = 3
_SKIPPED = 1 << 20
_BLOCK = 512


class UnpackedStream:
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


def open_stream(raw: Raw, name: str, *, max_expand: int = MAX_EXPAND) -> Iterator[UnpackedStream]:
    """Yield the streams in an input, in its order; each must be read before the next is asked for.

    gzip, zstd, bzip2 and xz (several members in a row), tar (members `name!member`), and these in
    one another, three deep. `max_expand`: how many times its size an input may expand to.
    """
    return _open(Peekable(raw), name, raw, Budget(raw, max_expand), packed=0, tars=0)


def _open(
    source: Peekable, name: str, raw: Raw, budget: Budget, *, packed: int, tars: int
) -> Iterator[UnpackedStream]:
    try:
        head = source.peek(_BLOCK, is_text)
    except DamagedError as error:
        yield UnpackedStream(name, raw, _Fails(error))
        return
    kind = next((kind for kind in COMPRESSIONS if kind.begins(head[:HEAD])), None)
    foreign = next((kind for kind, magic in FOREIGN if head.startswith(magic)), None)
    tar = kind is None and _is_tar(head)
    if foreign is not None:
        why = f"this is a {foreign} archive, which is not read here; unpack it first"
        yield UnpackedStream(name, raw, _Fails(DamagedError(why)))
    elif (kind is not None and packed == _LAYERS) or (tar and tars == _LAYERS):
        why = f"it is packed more than {_LAYERS} times over; unpack it first"
        yield UnpackedStream(name, raw, _Fails(DamagedError(why)))
    elif kind is not None:
        inner = Peekable(Unpacked(kind, source, budget))
        yield from _open(inner, name, raw, budget, packed=packed + 1, tars=tars)
    elif tar:
        yield from _members(source, name, raw, budget, packed=packed, tars=tars + 1)
    else:
        yield UnpackedStream(name, raw, source)


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
    from cef_bridge.sources.files.tars import is_header  # noqa: PLC0415 - 11 ms, and few inputs are tars

    return is_header(head)


def _members(
    source: Peekable, name: str, raw: Raw, budget: Budget, *, packed: int, tars: int
) -> Iterator[UnpackedStream]:
    """Yield the streams in the regular files of a tar."""
    from cef_bridge.sources.files.tars import members  # noqa: PLC0415 - as above

    try:
        for member, content in members(source, budget.check):
            shown = f"{name}!{printable(member)}"
            yield from _open(Peekable(content), shown, raw, budget, packed=packed, tars=tars)
    except DamagedError as error:
        yield UnpackedStream(name, raw, _Fails(error))


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
