"""The bytes of a stream that are still needed, and the place of the reader in it.

In come reads of a stream; out goes a window that grows at its end and is dropped at its start.
Must not know what is searched in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.sources.units import DamagedError

if TYPE_CHECKING:
    from cef_bridge.sources.units import Readable


class Buffer:
    """`data` from `pos` on is unread; `line` (from 1) is the line of `pos`.

    `offset` is the place of `data[0]` in the stream; `damage` says why the stream ended, if it did
    not end by itself.
    """

    __slots__ = (
        "_block_size",
        "_read",
        "_stream",
        "damage",
        "data",
        "ended",
        "line",
        "offset",
        "pos",
    )

    def __init__(self, stream: Readable, block_size: int) -> None:
        self._stream = stream
        self._read = stream.read
        self._block_size = block_size
        self.data = b""
        self.pos = 0
        self.offset = 0
        self.line = 1
        self.ended = False
        self.damage: str | None = None

    @property
    def place(self) -> int:
        """The offset of `pos` in the stream."""
        return self.offset + self.pos

    @property
    def unread(self) -> int:
        """How many bytes are at hand."""
        return len(self.data) - self.pos

    @property
    def consumed(self) -> int:
        """How much of the raw input was read, if the stream knows; else of the stream itself."""
        consumed = getattr(self._stream, "consumed", None)
        return consumed if isinstance(consumed, int) else self.offset + len(self.data)

    def move(self, pos: int) -> None:
        """Go forward to `pos`, and count the lines that are passed."""
        self.line += self.data.count(b"\n", self.pos, pos)
        self.pos = pos

    def more(self) -> bool:
        """Read on: `data` and `pos` are new afterwards. False at the end, when nothing has changed.

        What is at hand is at least doubled, so that a long record that comes in short reads is not
        copied over and over.
        """
        if self.ended:
            return False
        unread = self.unread
        parts = [self.data[self.pos :]] if unread else []
        got = 0
        while not got or got < unread:
            try:
                piece = self._read(self._block_size)
            except DamagedError as error:
                self.damage = str(error)
                piece = b""
            if not piece:
                self.ended = True
                break
            parts.append(piece)
            got += len(piece)
        if not got:
            return False
        self.offset += self.pos
        self.pos = 0
        self.data = parts[0] if len(parts) == 1 else b"".join(parts)
        return True
