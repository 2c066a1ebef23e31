"""The bytes of a stream that are still needed, and the place of the reader in it.

In come reads of a stream; out goes a window that grows at its end and is dropped at its start.
Must not know what is searched in it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.sources.records.units import IDLE, BlockBuilder, DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from cef_bridge.sources.records.spans import Scanner
    from cef_bridge.sources.records.units import Block, Growing, Idle

    Waits = Generator[Block | Idle, None, bool]
    """Ends with a bool; meanwhile it yields what was complete, and IDLE, while it has to wait."""

PATIENCE = 2.0
"""So many seconds without a new byte, and what can be decided without more is decided."""


class Buffer:
    """`data` from `pos` on is unread; `line` (from 1) is the line of `pos`.

    `offset` is the place of `data[0]` in the stream; `damage` says why the stream ended, if it did
    not end by itself. `batch` holds units that were found and not handed out yet: before it waits
    for more, they leave. `scanner` is of the value that was read last, for what is inside of it.
    `clock` counts seconds, and never goes back.
    """

    __slots__ = (
        "_block_size",
        "_clock",
        "_read",
        "_since",
        "_stream",
        "batch",
        "damage",
        "data",
        "ended",
        "line",
        "offset",
        "pos",
        "scanner",
    )

    def __init__(
        self,
        stream: Growing,
        block_size: int,
        offset: int = 0,
        line: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stream = stream
        self._read = stream.read
        self._block_size = block_size
        self._clock = clock
        self._since: float | None = None  # it waits for a byte, and could do without
        self.batch = BlockBuilder()
        self.data = b""
        self.pos = 0
        self.offset = offset
        self.line = line
        self.ended = False
        self.damage: str | None = None
        self.scanner: Scanner | None = None

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

    def flush(self) -> Iterator[Block]:
        """Hand out the units that were found."""
        if self.batch.lines:
            yield self.batch.take(self.consumed)

    @property
    def overdue(self) -> bool:
        """Whether it has waited for long enough, and has something to decide."""
        return self._since is not None and self._clock() - self._since >= PATIENCE

    def more(self, *, hurried: bool = False) -> Waits:
        """Read on: `data` and `pos` are new afterwards. False at the end, when nothing has changed.

        Yields IDLE, after the units that were found, for as long as there is nothing to read; when
        whoever asks can do without (`hurried`), for PATIENCE at most: False then, too.

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
            if piece is None:
                if got:
                    break
                if hurried and self._since is None:
                    self._since = self._clock()
                elif self.overdue:
                    self._since = None
                    return False
                if not unread:
                    self._let_go()
                yield from self.flush()
                yield IDLE
                continue
            self._since = None
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

    def _let_go(self) -> None:
        """Keep no block that was dealt with while nothing comes: many streams may be waiting."""
        self.offset += self.pos
        self.data = b""
        self.pos = 0
