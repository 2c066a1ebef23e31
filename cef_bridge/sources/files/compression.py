"""gzip, zstd, bzip2 and xz: recognised by their first bytes, unpacked in flat memory.

In comes a reader; out goes a reader of what it holds. Several members in a row (`cat a.gz b.gz`)
are one stream. Damage, an early end and a bomb become DamagedError, after what was readable.
Must not know what is packed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from cef_bridge.sources.records.units import DamagedError
from cef_bridge.stats import line_ends

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.sources.files.raw import Peekable, Raw

FLOOR = 64 << 20
"""An input may expand to this many bytes whatever its size is."""
LINE = 128
"""A line counts as so many bytes at least: each has its cost, and events have several hundred."""

_READ = 1 << 16
_MOST = 1 << 20
# The zstd tool refuses more than this without --long too; xz -9 needs 65 MiB.
_WINDOW = 1 << 27
_XZ_MEMORY = 256 << 20


def _errors() -> tuple[type[Exception], ...]:
    """Return what decoders raise of damaged data."""
    import lzma  # noqa: PLC0415 - there are archives without either
    import zlib  # noqa: PLC0415 - as above

    return zlib.error, lzma.LZMAError, OSError, EOFError, ValueError


class Decompressor(Protocol):
    """The interface that bz2 and lzma share: decodes one member."""

    @property
    def eof(self) -> bool:
        """Whether the member has ended."""

    @property
    def needs_input(self) -> bool:
        """Whether nothing more comes out before more goes in."""

    @property
    def unused_data(self) -> bytes:
        """What was given, but lies behind the member's end."""

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """Return at most about `max_length` bytes."""


class _Gzip:
    """zlib's own decoder, with bz2's interface."""

    __slots__ = ("_decoder",)

    def __init__(self) -> None:
        import zlib  # noqa: PLC0415 - only when a .gz is met

        self._decoder = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._decoder.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        return self._decoder.decompress(self._decoder.unconsumed_tail + data, max_length)


class _Zstd:
    """zstandard's decoder, with bz2's interface.

    Its stream reader takes a cut frame for a whole one, and this one has no limit to its output. So
    it is fed in pieces: 512 bytes hold at most 128 blocks of 128 KiB, and usually a few KiB.
    """

    __slots__ = ("_decoder", "_error", "_rest")

    _PIECE = 512

    def __init__(self) -> None:
        import zstandard  # noqa: PLC0415  # only when a .zst is met: 15 ms of start-up

        self._error = zstandard.ZstdError
        self._decoder = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._rest = b""

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def needs_input(self) -> bool:
        return not self._rest

    @property
    def unused_data(self) -> bytes:
        return self._decoder.unused_data + self._rest

    def decompress(self, data: bytes, max_length: int) -> bytes:
        data, done, out, size = self._rest + data, 0, [], 0
        while done < len(data) and size < max_length and not self._decoder.eof:
            try:
                piece = self._decoder.decompress(data[done : done + self._PIECE])
            except self._error as error:
                raise ValueError(str(error)) from error
            done += self._PIECE
            out.append(piece)
            size += len(piece)
        self._rest = data[done:]
        return b"".join(out)


def _bzip2() -> Decompressor:
    import bz2  # noqa: PLC0415 - only when a .bz2 is met

    return bz2.BZ2Decompressor()


def _xz() -> Decompressor:
    import lzma  # noqa: PLC0415 - only when a .xz is met

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


class Compression(NamedTuple):
    """One row: how it is called, how it begins, what decodes a member of it."""

    name: str
    magic: tuple[bytes, ...]
    decoder: Callable[[], Decompressor]

    def begins(self, head: bytes) -> bool:
        """Whether these first bytes are its."""
        return head.startswith(self.magic)


_SKIPPABLE = tuple(bytes((0x50 + i, 0x2A, 0x4D, 0x18)) for i in range(16))

COMPRESSIONS = (
    Compression("gzip", (b"\x1f\x8b\x08",), _Gzip),
    Compression("zstd", (b"\x28\xb5\x2f\xfd", *_SKIPPABLE), _Zstd),
    Compression("bzip2", tuple(b"BZh%d1AY&SY" % i for i in range(1, 10))
                + tuple(b"BZh%d\x17\x72\x45\x38\x50\x90" % i for i in range(1, 10)),
                _bzip2),
    Compression("xz", (b"\xfd7zXZ\x00",),
                _xz),
)  # fmt: skip

FOREIGN = (
    ("zip", b"PK\x03\x04"),
    ("7z", b"7z\xbc\xaf\x27\x1c"),
    ("lz4", b"\x04\x22\x4d\x18"),
    ("rar", b"Rar!\x1a\x07"),
)
"""Known by sight, not read: an operator is told so instead of meeting a million bad lines."""

HEAD = 10
"""As many first bytes tell them all."""


_MAGIC = (*(magic for kind in COMPRESSIONS for magic in kind.magic), *(each for _, each in FOREIGN))


def may_begin(head: bytes) -> bool:
    """Whether an archive may begin so: with fewer than HEAD bytes it may not be known yet."""
    return any(magic.startswith(head[: len(magic)]) for magic in _MAGIC)


class Budget:
    """How far one input may expand: a factor of what was read of it, and at least FLOOR."""

    __slots__ = ("_factor", "_raw")

    def __init__(self, raw: Raw, factor: int) -> None:
        self._raw = raw
        self._factor = factor

    def check(self, produced: int, lines: int = 0) -> None:
        """Raise DamagedError when `produced` bytes are too many for what was read so far.

        So are `lines`, each counted as LINE bytes.
        """
        counted = max(produced, lines * LINE)
        if counted > FLOOR and counted > self._factor * self._raw.consumed:
            what = f"{produced:,} bytes"
            if counted > produced:
                what += f" in {lines:,} lines, counted as {LINE} bytes each,"
            raise DamagedError(
                f"expands to more than {self._factor} times its size ({what} from "
                f"{self._raw.consumed:,}); raise --max-expand if you trust it"
            )


class Unpacked:
    """A reader of what a compressed reader holds."""

    __slots__ = ("_budget", "_decoder", "_kind", "_lines", "_produced", "_source")

    def __init__(self, kind: Compression, source: Peekable, budget: Budget) -> None:
        self._kind = kind
        self._source = source
        self._budget = budget
        self._decoder: Decompressor | None = None
        self._produced = 0
        self._lines = 0

    def read(self, size: int, /) -> bytes:
        """Return up to about `size` bytes, none at the end."""
        while True:
            if self._decoder is None and not self._next_member():
                return b""
            try:
                out = self._decode(min(size, _MOST))
            except _errors() as error:
                raise DamagedError(self._damage("is damaged")) from error
            if out:
                self._produced += len(out)
                self._lines += line_ends(out)
                self._budget.check(self._produced, self._lines)
                return out

    def _decode(self, size: int) -> bytes:
        decoder = self._decoder
        if decoder is None:  # cannot be: read() has just made one
            return b""
        data = b""
        if decoder.needs_input:
            data = self._source.read(_READ)
            if not data:
                raise DamagedError(self._damage("ends too early (was it cut?)"))
        out = decoder.decompress(data, size)
        if decoder.eof:
            self._source.unread(decoder.unused_data)
            self._decoder = None
        return out

    def _next_member(self) -> bool:
        """Begin the next member; False at the end. Padding with zeros is no damage (gzip, xz)."""
        while self._source.peek(1) == b"\0":
            self._source.unread(self._source.read(_READ).lstrip(b"\0"))
        head = self._source.peek(HEAD)
        if not head:
            return False
        if not self._kind.begins(head):
            raise DamagedError(self._damage("is followed by something else"))
        self._decoder = self._kind.decoder()
        return True

    def _damage(self, what: str) -> str:
        return f"the {self._kind.name} data {what}; {self._produced:,} bytes of it were readable"
