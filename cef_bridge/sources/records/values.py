"""One JSON value at the place of a buffer: found whole, cut, or passed by when it is too large.

In comes a Buffer that stands on an opening bracket; out goes where the value ends by the rule of
`spans`, or an Oversized. Memory stays flat: no more than the limit and one read is kept. Each may
have to wait for more, and yields what Buffer.more yields meanwhile.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.sources.records.spans import Scanner, ScanResult, whole_value
from cef_bridge.sources.records.units import HEAD, BrokenLine, Oversized

if TYPE_CHECKING:
    from collections.abc import Generator

    from cef_bridge.sources.records.buffers import Buffer
    from cef_bridge.sources.records.units import Block, Idle

CUT = "the JSON ends in the middle; the input seems to be cut. Fetch it again"


class ValueSpan(NamedTuple):
    """Where a value ends (END) or was cut (BROKEN), as a position in `data`.

    MORE: it goes on behind the limit; `scanner` stands there.
    """

    verdict: ScanResult
    end: int
    scanner: Scanner | None = None


def find(buffer: Buffer, limit: int) -> Generator[Block | Idle, None, ValueSpan]:
    """Return where the value ends that begins at the buffer's place; the place stays."""
    scanner = buffer.scanner
    if scanner is None or not scanner.within(buffer.place):
        end = whole_value(buffer.data, buffer.pos, buffer.pos + limit)
        if end >= 0:
            return ValueSpan(ScanResult.END, end)
        scanner = buffer.scanner = Scanner(buffer.place)
    while True:
        stop = min(len(buffer.data), buffer.pos + limit)
        verdict = scanner.feed(buffer.data, buffer.offset, stop)
        if verdict is ScanResult.MORE:
            if buffer.unread > limit:
                return ValueSpan(verdict, stop, scanner)
            if (yield from buffer.more(hurried=scanner.has_whole)):
                continue
            scanner.finish()
            if scanner.cut == scanner.at:
                return ValueSpan(ScanResult.BROKEN, len(buffer.data))
        if verdict is ScanResult.END:
            return ValueSpan(verdict, scanner.at - buffer.offset)
        return ValueSpan(ScanResult.BROKEN, scanner.cut - buffer.offset)


def passed(
    buffer: Buffer, found: ValueSpan, limit: int
) -> Generator[Block | Idle, None, Oversized | BrokenLine | bytes]:
    """Go to the end of what was found: a unit, or what it is if it is none.

    Behind a value that was cut the buffer stands at the end of its last line. A cut value of one
    line is a unit like any line.
    """
    line, offset = buffer.line, buffer.place
    end = found.end
    if found.verdict is ScanResult.MORE and found.scanner is not None:
        record = found.scanner.record
        if record < 0:
            return (yield from _skip(buffer, found.scanner, limit))
        end = record - buffer.offset
    unit = buffer.data[buffer.pos : end]
    if found.verdict is ScanResult.END:
        buffer.move(end)
        return unit
    unit = unit.rstrip()
    buffer.move(buffer.pos + len(unit))
    return BrokenLine(line, offset, CUT, unit) if b"\n" in unit else unit


def _skip(buffer: Buffer, scanner: Scanner, limit: int) -> Generator[Block | Idle, None, Oversized]:
    """Pass by a value over the limit, up to its end or to what ends it."""
    line, offset, head = _place(buffer, limit)
    scanner.hasty = True
    while (
        verdict := scanner.feed(buffer.data, buffer.offset, len(buffer.data))
    ) is ScanResult.MORE:
        buffer.move(max(passed_to(scanner, verdict, limit) - buffer.offset, buffer.pos))
        if not (yield from buffer.more()):
            scanner.finish()
            if scanner.cut == scanner.at:
                scanner.at = buffer.offset + len(buffer.data)
            verdict = ScanResult.BROKEN
            break
    buffer.move(max(passed_to(scanner, verdict, limit) - buffer.offset, buffer.pos))
    return Oversized(line, offset, buffer.place - offset, head)


def passed_to(scanner: Scanner, verdict: ScanResult, limit: int) -> int:
    """Return up to where all is passed by, in a value over the limit.

    The line that is read is kept: it may turn out not to belong to the value. Only one over the
    limit is not.
    """
    line = scanner.line_at
    within = verdict is ScanResult.MORE or (verdict is ScanResult.BROKEN and scanner.cut == line)
    return line - 1 if within and scanner.at - line <= limit else scanner.at


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
