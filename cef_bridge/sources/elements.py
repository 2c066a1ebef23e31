"""A JSON array of any size, taken apart element by element in flat memory.

In comes a Buffer that stands behind the `[`; out go Blocks of elements, and behind the `]` it
stops. What is between elements and is none (numbers, garbage) is a unit too, so that it is
counted. Also the arrays inside of documents that are too large for one unit: an Elasticsearch
result's `hits`, an OTLP export's `logRecords`. Must not know what an element means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.sources.spans import STRING, Scanner, Verdict, guess
from cef_bridge.sources.units import Broken
from cef_bridge.sources.values import find, skip, skip_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cef_bridge.sources.buffers import Buffer, Waits
    from cef_bridge.sources.units import Batch, Block, Idle, Item

    Pass = Generator[Block | Idle, None, Item | None]

# In a string these quotes would have a backslash each, so it cannot be mistaken for text.
_WRAPPED = re.compile(rb'"(?:hits|logRecords)"\s*+:\s*+\[')
_WRAPPED_REACH = 64  # as long as `"logRecords" : [` may be where two reads meet

_GAP = re.compile(rb"[\s,]*+")
_SCALAR = re.compile(rb"[^,\]\n{]++")

# Guessing pays while it hits; a miss costs as much as it takes 16 hits to win. Elements that are
# hard to guess (OTLP's are, hostile ones may be) use the trust up, and are not guessed at again.
_TRUST = 64
_MISS = 16

CUT = "the JSON ends in the middle; the input seems to be cut. Fetch it again"
_CUT_ARRAY = "the JSON array has no end; the input seems to be cut. Fetch it again"


def elements(buffer: Buffer, limit: int) -> Iterator[Item | Idle]:
    """Yield what stands in the array whose `[` was just passed, up to and with its `]`."""
    batch = buffer.batch
    trust = _TRUST
    while True:
        trust = _guess_on(buffer, limit, batch, trust)
        data, start = buffer.data, buffer.pos
        kind = data[start : start + 1]
        item = None if kind in b"]" else (yield from _odd(buffer, limit, batch))
        # Once more was read, what was collected leaves: so memory stays flat, and order is kept.
        if batch.lines and (kind in b"]" or item is not None or buffer.data is not data):
            yield batch.take(buffer.consumed)
        if kind == b"]":
            buffer.move(start + 1)
            return
        if item is not None:
            yield item
            if buffer.ended and not buffer.unread:
                return
        elif not kind and not (yield from buffer.more()):
            yield Broken(buffer.line, buffer.place, _CUT_ARRAY)
            return


def _guess_on(buffer: Buffer, limit: int, batch: Batch, trust: int) -> int:
    """Take elements while the guesses hit, and go to the next; return the trust that is left."""
    data, pos, base, line = buffer.data, buffer.pos, buffer.offset, buffer.line
    many_lines = data.find(b"\n", pos) >= 0
    while True:
        start = _GAP.match(data, pos).end()  # type: ignore[union-attr]  # matches nothing at least
        if many_lines:
            line += data.count(b"\n", pos, start)
        pos = start
        if trust <= 0 or data[start : start + 1] != b"{":
            break
        end = guess(data, start)
        if not 0 < end <= start + limit:
            trust -= _MISS
            break
        batch.add(data[start:end], line, base + start)
        if many_lines:
            line += data.count(b"\n", start, end)
        pos = end
        trust = min(trust + 1, _TRUST)
    buffer.pos, buffer.line = pos, line
    return trust


def _odd(buffer: Buffer, limit: int, batch: Batch) -> Pass:
    """Pass one element that was not guessed: into the batch, or as an Item of its own."""
    if buffer.data[buffer.pos] not in b"{[":
        return (yield from _scalar(buffer, limit, batch))
    found = yield from find(buffer, limit)
    if found.over:
        return (yield from skip(buffer, found, limit))
    line, offset = buffer.line, buffer.place
    unit = buffer.data[buffer.pos : found.end]
    buffer.move(found.end)
    if found.verdict is Verdict.MORE:
        return Broken(line, offset, CUT, unit)
    batch.add(unit.removesuffix(b"\r"), line, offset)
    return None


def _scalar(buffer: Buffer, limit: int, batch: Batch) -> Pass:
    while True:
        data, start = buffer.data, buffer.pos
        stop = start + limit + 1
        found = STRING.match(data, start, stop)
        if found is None and data[start] == 0x22 and data.find(b"\n", start, stop) < 0:
            end = min(len(data), stop)  # a string without its end
        else:
            found = found or _SCALAR.match(data, start, stop)
            end = found.end() if found is not None else start + 1
        if end == stop:
            return (yield from skip_line(buffer, limit))
        if end < len(data) or not (yield from buffer.more()):
            break
    batch.add(buffer.data[start:end].rstrip(), buffer.line, buffer.place)
    buffer.move(end)
    return None


def wrapped(buffer: Buffer, limit: int) -> Scanner | None:
    """Enter the document at the buffer's place, up to behind its first `"hits":[`.

    None, and nothing is moved, when no such array begins within the limit.
    """
    stop = min(buffer.pos + limit, len(buffer.data))
    found = _WRAPPED.search(buffer.data, buffer.pos, stop)
    if found is None:
        return None
    scanner = Scanner()
    if scanner.feed(buffer.data, buffer.pos, found.end()) is not Verdict.MORE or scanner.in_string:
        return None
    buffer.move(found.end())
    return scanner


def wrapped_elements(buffer: Buffer, limit: int, scanner: Scanner) -> Iterator[Item | Idle]:
    """Yield the elements of this array and of those that follow in the same document."""
    while True:
        yield from elements(buffer, limit)
        scanner.close()
        if not (yield from _next_array(buffer, scanner)):
            return


def _next_array(buffer: Buffer, scanner: Scanner) -> Waits:
    """Pass by what is between the arrays; False at the end of the document (or of the stream)."""
    while True:
        ended = buffer.ended
        found = _WRAPPED.search(buffer.data, buffer.pos)
        if found is not None:
            stop = found.end()
        else:
            stop = len(buffer.data) if ended else max(buffer.pos, len(buffer.data) - _WRAPPED_REACH)
        verdict = scanner.feed(buffer.data, buffer.pos, stop)
        buffer.move(scanner.at)
        if verdict is not Verdict.MORE:
            return False
        if found is not None:
            if scanner.at == stop and not scanner.in_string:
                return True
        elif ended:
            buffer.move(len(buffer.data))
            return False
        else:
            yield from buffer.more()
