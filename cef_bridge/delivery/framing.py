"""Messages as a stream of bytes, and back: LF after each, or its length before each (RFC 6587 3.4).

In come messages, out goes what a connection carries; or the other way round. Pure: no sockets, and
no knowledge of what stands in a message.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.wording import limit

if TYPE_CHECKING:
    from collections.abc import Sequence

LF = "lf"
OCTET_COUNTING = "octet-counting"

MAX_BYTES = 1 << 20
"""Longest message that a `Deframer` takes, unless it is told otherwise."""

_SHOWN = 200  # bytes of garbage that are kept to be shown
# MSG-LEN SP of RFC 6587 3.4.1; a longer length is not believed.
_LENGTH = re.compile(rb"[1-9][0-9]{0,8} ")
_PART_OF_LENGTH = re.compile(rb"[1-9][0-9]{0,8}\Z")


def frame_lf(messages: Sequence[bytes]) -> bytes:
    """Return messages with an LF after each (RFC 6587 3.4.2).

    They must not hold one themselves; the formats see to that.
    """
    return b"\n".join([*messages, b""])


def frame_octets(messages: Sequence[bytes]) -> bytes:
    """Return messages with their length and a space before each (RFC 6587 3.4.1, RFC 5425 4.3)."""
    return b"".join([b"%d %b" % (len(message), message) for message in messages])


class Garbage(NamedTuple):
    """Bytes that are no message: why, how many, and the first of them.

    `number`: of so many in a row that are alike, `size` bytes in all.
    """

    reason: str
    size: int
    head: bytes
    number: int = 1


class Deframer:
    """Messages out of the bytes of one connection, fed in pieces of any size.

    The first bytes tell the framing (RFC 6587 3.4): a length and a space, octet counting; anything
    else, LF. `framing` is then "octet-counting" or "lf", before that None. A message may be empty
    nowhere and longer than `max_bytes` nowhere: such ones, and what is no frame, come out of
    `take_garbage`. Memory is bounded by `max_bytes` and the piece that is fed.
    """

    def __init__(self, max_bytes: int = MAX_BYTES) -> None:
        self.framing: str | None = None
        self._max = max_bytes
        self._rest = bytearray()  # the begin of something that has not ended yet
        self._needed = 0  # bytes that what is in `_rest` will have, if that is known
        self._skipping: _Skipping | None = None
        self._garbage: list[Garbage] = []

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that end within this piece, without their framing."""
        if self.framing is None:
            data = bytes(self._rest) + data
            self.framing = _framing_of(data)
            self._rest = bytearray(b"" if self.framing else data)
        if self.framing == LF:
            return self._lines(data)
        return self._counted(data) if self.framing else []

    def pending(self) -> int:
        """Return how many bytes have come of something that has not ended yet."""
        return len(self._rest) + (self._skipping.size if self._skipping else 0)

    def take_garbage(self) -> list[Garbage]:
        """Return what was no message since the last call."""
        garbage, self._garbage = self._garbage, []
        return garbage

    def end(self) -> None:
        """Nothing more will come: what has not ended is garbage now."""
        if self._skipping is not None:
            self._skipping.take(bytes(self._rest))
            self._garbage.append(self._skipping.garbage())
        elif self._rest:
            self._report("the connection ended within a message", bytes(self._rest))
        self._rest.clear()
        self._skipping = None

    def _report(self, reason: str, data: bytes) -> None:
        number, size = 1, len(data)
        if self._garbage and len(data) <= _SHOWN:  # a sender may send nothing else
            last = self._garbage[-1]
            if last == Garbage(reason, last.number * size, data, last.number):
                self._garbage.pop()
                number, size = last.number + 1, last.size + size
        self._garbage.append(Garbage(reason, size, data[:_SHOWN], number))

    def _skip(self, data: bytes, start: int) -> int:
        """Take garbage from a place on; return where it ends, or the piece's end."""
        skipping = self._skipping
        if skipping is None:
            return start
        if skipping.left is None:
            end = data.find(b"\n", start) + 1
            done = end > 0
            end = end or len(data)
        else:
            end = min(len(data), start + skipping.left)
            skipping.left -= end - start
            done = skipping.left == 0
        skipping.take(data[start:end])
        if done:
            self._garbage.append(skipping.garbage())
            self._skipping = None
        return end

    # LF

    def _lines(self, data: bytes) -> list[bytes]:
        data = data[self._skip(data, 0) :]
        lines = data.split(b"\n")
        last = lines.pop()
        messages: list[bytes] = []
        if lines:
            lines[0] = bytes(self._rest) + lines[0]
            self._rest.clear()
            for line in lines:
                if 0 < len(line) <= self._max:
                    messages.append(line)
                else:
                    self._report(self._fault(len(line)), line + b"\n")
        if self._skipping is None:
            self._rest += last
            if len(self._rest) > self._max:
                self._skipping = _Skipping(self._fault(len(self._rest)), None)
                self._skipping.take(bytes(self._rest))
                self._rest.clear()
        return messages

    def _fault(self, size: int) -> str:
        return f"a message is longer than {limit(self._max)}" if size else "a message is empty"

    # Octet counting

    def _counted(self, data: bytes) -> list[bytes]:
        if self._rest:
            self._rest += data
            if len(self._rest) < self._needed:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        self._needed = 0
        messages: list[bytes] = []
        at = 0
        while (at := self._skip(data, at)) < len(data):
            match = _LENGTH.match(data, at)
            if match is None:
                if _PART_OF_LENGTH.match(data, at):
                    break
                self._skipping = _Skipping("a frame does not begin with its length", None)
                continue
            size = int(match[0])
            if size > self._max:
                self._skipping = _Skipping(self._fault(size), len(match[0]) + size)
                continue
            end = match.end() + size
            if end > len(data):
                self._needed = end - at
                break
            messages.append(data[match.end() : end])
            at = end
        self._rest += data[at:]
        return messages


class _Skipping:
    """Garbage that has not ended: `left` bytes more of it, or (None) up to the next LF."""

    def __init__(self, reason: str, left: int | None) -> None:
        self.left = left
        self.size = 0
        self._reason = reason
        self._head = b""

    def take(self, data: bytes) -> None:
        self.size += len(data)
        self._head += data[: _SHOWN - len(self._head)]

    def garbage(self) -> Garbage:
        return Garbage(self._reason, self.size, self._head)


def _framing_of(data: bytes) -> str | None:
    """Return how a connection that begins so is framed; None while it cannot be told."""
    if _LENGTH.match(data):
        return OCTET_COUNTING
    return None if not data or _PART_OF_LENGTH.match(data) else LF
