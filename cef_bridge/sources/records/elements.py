"""A JSON array of any size, taken apart element by element in flat memory.

In comes a Buffer that stands behind the `[`; out go Blocks of elements, and behind the `]` it
stops. What is between elements and is none (numbers, garbage) is a unit too, so that it is
counted. Also the arrays inside of documents that are too large for one unit: an Elasticsearch
result's `hits`, an OTLP export's `logRecords`. Must not know what an element means.

The rule of `spans` holds for an array as for any value: it goes on over a line end only while it is
JSON. A line that begins without a comma before it, or with what is no JSON, is none of its lines:
the array was cut before it. Within a line it is forgiving.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.sources.records.spans import STRING, Scanner, ScanResult, guess
from cef_bridge.sources.records.units import BrokenLine
from cef_bridge.sources.records.values import CUT, find, passed, passed_to, skip_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cef_bridge.sources.records.buffers import Buffer, Waits
    from cef_bridge.sources.records.units import Block, Idle, Item

# In a string these quotes would have a backslash each, so it cannot be mistaken for text.
_WRAPPED = re.compile(rb'"(?:hits|logRecords)"\s*+:\s*+\[')
_WRAPPED_REACH = 64  # as long as `"logRecords" : [` may be where two reads meet

_GAP = re.compile(rb"[\s,]*+")
_SCALAR = re.compile(rb"[^,\]\n{]++")
# How a line of an array may begin, and what a line of it may be.
_BEGINS = frozenset(bytes((each,)) for each in b'{["-0123456789tfnNI')
_JSON_SCALAR = re.compile(rb'"[^\n]*"|-?\d[\d.eE+-]*+|true|false|null|NaN|-?Infinity', re.DOTALL)
_QUOTE = 0x22

# Guessing pays while it hits; a miss costs as much as it takes 16 hits to win. Elements that are
# hard to guess (OTLP's are, hostile ones may be) use the trust up, and are not guessed at again.
_TRUST = 64
_MISS = 16

CUT_ARRAY = "the JSON array has no end; the input seems to be cut. Fetch it again"


class _Elements:
    """The state of one array: what stood between the last element and the place of the buffer."""

    def __init__(self, buffer: Buffer, limit: int) -> None:
        self._buffer = buffer
        self._limit = limit
        self._batch = buffer.batch
        self._trust = _TRUST
        self._comma = True  # there was one, or none is needed
        self._line_end = False
        self._end_missing = False  # the stream ended before the last element did
        self._behind = (buffer.line, buffer.place)  # the last element

    def items(self) -> Generator[Item | Idle, None, bool]:
        """Yield what stands in the array; see `elements`."""
        buffer, batch = self._buffer, self._batch
        while True:
            self._guess_on()
            data, start = buffer.data, buffer.pos
            kind = data[start : start + 1]
            item, cut = None, bool(kind) and self._is_cut(kind)
            if kind and not cut and kind != b"]":
                item, cut = yield from self._odd()
            # Once more was read, what was collected leaves: memory stays flat, and order is kept.
            if batch.lines and (kind in b"]" or cut or item is not None or buffer.data is not data):
                yield batch.take(buffer.consumed)
            if cut:
                yield BrokenLine(*self._behind, CUT_ARRAY)
                return False
            if kind == b"]":
                buffer.move(start + 1)
                return True
            if item is not None:
                yield item
                if self._end_missing:
                    return False
            elif not kind and not (yield from buffer.more()):
                yield BrokenLine(buffer.line, buffer.place, CUT_ARRAY)
                return False

    def _guess_on(self) -> None:
        """Take elements while the guesses hit, and go to the next."""
        buffer, batch, limit, trust = self._buffer, self._batch, self._limit, self._trust
        data, pos, base, line = buffer.data, buffer.pos, buffer.offset, buffer.line
        many_lines = data.find(b"\n", pos) >= 0
        while True:
            start = _GAP.match(data, pos).end()  # type: ignore[union-attr]  # matches nothing at least
            self._comma = self._comma or data.find(b",", pos, start) >= 0
            if many_lines and (breaks := data.count(b"\n", pos, start)):
                line += breaks
                self._line_end = True
            pos = start
            if trust <= 0 or data[start : start + 1] != b"{" or self._is_cut(b"{"):
                break
            end = guess(data, start)
            if not 0 < end <= start + limit:
                trust -= _MISS
                break
            batch.add(data[start:end], line, base + start)
            self._comma = self._line_end = False
            if many_lines:
                line += data.count(b"\n", start, end)
            pos = end
            self._behind = (line, base + end)
            trust = min(trust + 1, _TRUST)
        buffer.pos, buffer.line, self._trust = pos, line, trust

    def _is_cut(self, kind: bytes) -> bool:
        """Whether the line does not belong to the array that begins with this."""
        if not self._line_end or kind == b"]":
            return False
        return not self._comma or kind not in _BEGINS

    def _odd(self) -> Generator[Block | Idle, None, tuple[Item | None, bool]]:
        """Pass one element that was not guessed: into the batch, or as an Item of its own.

        Also tells whether the array was cut before it; then nothing is passed.
        """
        buffer, limit = self._buffer, self._limit
        line, offset, found = buffer.line, buffer.place, None
        if buffer.data[buffer.pos] not in b"{[":
            unit = yield from self._scalar()
            if unit is None:
                return None, True
            self._comma = self._line_end = False
        else:
            found = yield from find(buffer, limit)
            unit = yield from passed(buffer, found, limit)
            if (
                found.verdict is ScanResult.BROKEN
                and buffer.ended
                and found.end == len(buffer.data)
            ):
                buffer.move(found.end)  # one thing was cut, and not the element and its array
                unit = BrokenLine(line, offset, CUT, unit) if isinstance(unit, bytes) else unit
            # What was cut has no comma behind it, and its line has ended.
            self._comma, self._line_end = found.verdict is not ScanResult.END, False
        self._behind = (buffer.line, buffer.place)
        if not isinstance(unit, bytes):
            ended = found is not None and found.scanner is not None and found.scanner.ended
            self._end_missing = buffer.ended and not buffer.unread and not ended
            return unit, False
        self._batch.add(unit.removesuffix(b"\r"), line, offset)
        return None, False

    def _scalar(self) -> Generator[Block | Idle, None, Item | bytes | None]:
        """Pass what is neither an object nor an array; None if its line is none of the array's."""
        buffer, limit = self._buffer, self._limit
        while True:
            data, start = buffer.data, buffer.pos
            stop = start + limit + 1
            found = STRING.match(data, start, stop)
            if found is None and data[start] == _QUOTE and data.find(b"\n", start, stop) < 0:
                end = min(len(data), stop)  # a string without its end
            else:
                found = found or _SCALAR.match(data, start, stop)
                end = found.end() if found is not None else start + 1
            if end == stop:
                return (yield from skip_line(buffer, limit))
            if end < len(data) or not (yield from buffer.more()):
                break
        unit = buffer.data[buffer.pos : end].rstrip()
        if self._line_end and not _JSON_SCALAR.fullmatch(unit):
            return None
        buffer.move(end)
        return unit


def elements(buffer: Buffer, limit: int) -> Generator[Item | Idle, None, bool]:
    """Yield what stands in the array whose `[` was just passed, up to and with its `]`.

    False when it was cut: then the buffer is where the line begins that is none of its.
    """
    return _Elements(buffer, limit).items()


def wrapped(buffer: Buffer, limit: int, record: int) -> Scanner | None:
    """Enter the document at the buffer's place, up to behind its first `"hits":[`.

    None, and nothing is moved, when no such array begins within the limit, or before the first
    record inside (`record`, -1 without one).
    """
    stop = min(buffer.pos + limit, len(buffer.data))
    if record >= 0:
        stop = min(stop, record - buffer.offset)
    found = _WRAPPED.search(buffer.data, buffer.pos, stop)
    if found is None:
        return None
    scanner = Scanner(buffer.place)
    verdict = scanner.feed(buffer.data, buffer.offset, found.end())
    if verdict is not ScanResult.MORE or scanner.in_string:
        return None
    scanner.hasty = True
    buffer.move(found.end())
    return scanner


def wrapped_elements(buffer: Buffer, limit: int, scanner: Scanner) -> Iterator[Item | Idle]:
    """Yield the elements of this array and of those that follow in the same document.

    Behind a document that was cut the buffer stands at the end of a line, or at the beginning.
    """
    while True:
        if not (yield from elements(buffer, limit)):
            return
        scanner.at = buffer.place
        scanner.close()
        if not (yield from _next_array(buffer, scanner, limit)):
            return


def _next_array(buffer: Buffer, scanner: Scanner, limit: int) -> Waits:
    """Pass by what is between the arrays; False at the end of the document (or of the stream)."""
    while True:
        ended, base = buffer.ended, buffer.offset
        begin = max(buffer.pos, scanner.at - base)
        found = _WRAPPED.search(buffer.data, begin)
        if found is not None:
            stop = found.end()
        else:
            stop = len(buffer.data) if ended else max(begin, len(buffer.data) - _WRAPPED_REACH)
        verdict = scanner.feed(buffer.data, base, stop)
        end = passed_to(scanner, verdict, limit)
        buffer.move(max(end - base, buffer.pos))
        if verdict is not ScanResult.MORE:
            return False
        if found is not None:
            if scanner.at == base + stop and not scanner.in_string:
                buffer.move(found.end())
                return True
        elif ended:
            buffer.move(len(buffer.data))
            return False
        else:
            yield from buffer.more()
