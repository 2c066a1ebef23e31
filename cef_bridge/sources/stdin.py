"""A feed of what comes through a pipe: standard input, to its end.

In comes a file descriptor; out go Arrivals without marks, since nothing can be read twice. Packed
input is unpacked as it is elsewhere. Must not know what the units mean.
"""

from __future__ import annotations

import select
import threading
from os import read
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.sources.feed import TICK, Arrival, FeedState
from cef_bridge.sources.files.archives import MAX_EXPAND, is_packed, is_text, open_stream
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.blocks import blocks
from cef_bridge.sources.records.units import Block, DamagedError, Idle

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.checkpoint import Checkpoint

_HEAD = 512  # what is_text wants at most


class Pipe:
    """Standard input, or another descriptor that is read to its end; it stays open.

    `max_record` in bytes, `max_expand` as a factor; `poll` in seconds.
    """

    can_wait = True
    receipts = None

    def __init__(
        self,
        fd: int = 0,
        name: str = "stdin",
        *,
        max_record: int = 1 << 20,
        max_expand: int = MAX_EXPAND,
        poll: float = TICK,
    ) -> None:
        self.name = name
        self._max_record = max_record
        self._max_expand = max_expand
        self._source = _Source(fd, name, poll)
        self._text = "not read yet"

    def arrivals(self, _marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | None]:
        """Yield what comes, None after each `poll` seconds without anything, until the end."""
        source = self._source
        self._text = "reading"
        while not source.has_head():
            if source.stopped.is_set():
                return
            yield None
        if is_packed(source.head):
            yield from self._packed(source)
        else:
            yield from self._plain(source)
        self._text = "stopped" if source.stopped.is_set() else "read to its end"

    def _plain(self, source: _Source) -> Iterator[Arrival | None]:
        place = (1, 0, 0)
        for item in blocks(source, max_record=self._max_record):
            if isinstance(item, Idle):
                yield None
            else:
                place = (item.line, item.offset, source.consumed)
                yield Arrival(self.name, self.name, item, None)
            if source.stopped.is_set():
                return
        yield Arrival(self.name, self.name, Block([], *place, single=True), None, ended=True)

    def _packed(self, source: _Source) -> Iterator[Arrival | None]:
        """Unpack; between two blocks it waits for as long as the pipe does, or until `stop`."""
        raw = Raw(_Patient(source))
        for stream in open_stream(raw, self.name, max_expand=self._max_expand):
            place = (1, 0, 0)
            for item in blocks(stream, max_record=self._max_record):
                if source.stopped.is_set():
                    return
                place = (item.line, item.offset, source.consumed)
                yield Arrival(stream.name, stream.name, item, None)
            yield Arrival(
                stream.name, stream.name, Block([], *place, single=True), None, ended=True
            )

    def stop(self) -> None:
        """End `arrivals` soon; what was not read stays in the pipe."""
        self._source.stopped.set()

    def state(self) -> FeedState:
        """Return how it is doing now."""
        reading = self._text == "reading"
        return FeedState(connected=reading, text=self._text, bytes=self._source.consumed)


class _Source:
    """The bytes of a descriptor: what is there now, after a wait of at most `poll` seconds."""

    def __init__(self, fd: int, name: str, poll: float) -> None:
        self._fd = fd
        self._name = name
        self._wait = int(poll * 1000)
        self.stopped = threading.Event()
        self.head = b""
        self.damage: DamagedError | None = None
        self.ended = False
        self.consumed = 0

    def has_head(self) -> bool:
        """Read on until it can be told what this is; False when it has to be asked again."""
        if self.damage is None:
            try:
                self.head += self._read(1 << 16) or b""
            except DamagedError as error:
                self.damage = error
        return bool(self.ended or self.damage or len(self.head) >= _HEAD or is_text(self.head))

    def read(self, size: int, /) -> bytes | None:
        """Return what is there, none at the end, None when nothing came."""
        if self.head:
            data, self.head = self.head[:size], self.head[size:]
            return data
        if self.damage is not None:
            raise self.damage
        return b"" if self.ended else self._read(size)

    def _read(self, size: int) -> bytes | None:
        # poll() and not a non-blocking descriptor: whoever handed it down may be using it, too.
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        ready = poll.poll(self._wait)
        if not ready:
            return None
        if ready[0][1] & select.POLLNVAL:
            raise CefBridgeError(f"{self._name}: it is closed, so there is nothing to read")
        try:
            data = read(self._fd, size)
        except BlockingIOError:
            return None
        except OSError as error:
            reason = error.strerror or "unknown error"
            raise DamagedError(
                f"reading stopped after {self.consumed:,} bytes: {reason}"
            ) from error
        self.ended = not data
        self.consumed += len(data)
        return data


class _Patient:
    """A raw file that waits until there is something, or until it is stopped."""

    def __init__(self, source: _Source) -> None:
        self._source = source

    def read(self, size: int, /) -> bytes:
        while (data := self._source.read(size)) is None:
            if self._source.stopped.is_set():
                raise DamagedError("it was stopped")
        return data

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass
