"""One JSON value at the place of a buffer: found whole, or passed by when it is over the limit.

In comes a Buffer that stands on an opening bracket; out goes where the value ends, or an Oversized.
Memory stays flat: no more than the limit and one read is kept. Each may have to wait for more, and
yields what Buffer.more yields meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.sources.spans import VALUE, Scanner, Verdict
from cef_bridge.sources.units import HEAD, Oversized

if TYPE_CHECKING:
    from collections.abc import Generator

    from cef_bridge.sources.buffers import Buffer
    from cef_bridge.sources.units import Block, Idle


class Found(NamedTuple):
    """Where a value ends (END) or breaks off at a line break (BROKEN), as a position in `data`.

    MORE: the stream ended before the value did, or the value is over the limit; see `over`.
    """

    verdict: Verdict
    end: int
    scanner: Scanner | None
    over: bool


def find(buffer: Buffer, limit: int) -> Generator[Block | Idle, None, Found]:
    """Return where the value ends that begins at the buffer's place; the place stays."""
    whole = VALUE.match(buffer.data, buffer.pos)
    if whole is not None:
        return Found(Verdict.END, whole.end(), None, whole.end() - buffer.pos > limit)
    scanner = Scanner()
    verdict = scanner.feed(buffer.data, buffer.pos)
    while verdict is Verdict.MORE and buffer.unread <= limit:
        done = scanner.at - buffer.pos
        if not (yield from buffer.more()):
            return Found(verdict, len(buffer.data), scanner, over=False)
        verdict = scanner.feed(buffer.data, buffer.pos + done)
    return Found(
        verdict, scanner.at, scanner, scanner.at - buffer.pos > limit or verdict is Verdict.MORE
    )


def skip(buffer: Buffer, found: Found, limit: int) -> Generator[Block | Idle, None, Oversized]:
    """Go to the end of a value over the limit (or to the line break that breaks it off)."""
    line, offset, head = _place(buffer, limit)
    buffer.move(found.end)
    verdict, scanner = found.verdict, found.scanner
    while verdict is Verdict.MORE and scanner is not None:
        if not (yield from buffer.more()):
            buffer.move(len(buffer.data))
            break
        verdict = scanner.feed(buffer.data, buffer.pos)
        buffer.move(scanner.at)
    return Oversized(line, offset, buffer.place - offset, head)


def skip_line(buffer: Buffer, limit: int) -> Generator[Block | Idle, None, Oversized]:
    """Go to the end of a line over the limit, before its LF."""
    line, offset, head = _place(buffer, limit)
    while (end := buffer.data.find(b"\n", buffer.pos)) < 0:
        buffer.pos = len(buffer.data)
        if not (yield from buffer.more()):
            end = len(buffer.data)
            break
    buffer.pos = end
    return Oversized(line, offset, buffer.place - offset, head)


def _place(buffer: Buffer, limit: int) -> tuple[int, int, bytes]:
    """Where a record over the limit begins, and how: at least `limit` bytes of it are at hand."""
    head = buffer.data[buffer.pos : buffer.pos + min(HEAD, limit)]
    return buffer.line, buffer.place, head
