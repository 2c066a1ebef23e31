"""A stream of bytes, cut into what may be a record: lines, elements of arrays, whole documents.

In come the decompressed bytes of one stream; out go Blocks, and an Oversized or a Broken for what
is no unit, in the order of the stream. Nothing vanishes: each byte is in a unit, in one of these
two, or is a separator. Must not know what a unit means.

A stream may grow: while it has nothing to read, IDLE comes out, and the generator goes on where it
was when it is asked again. `Cutter.safe` is a place to begin anew from.

Ordinary lines leave by the thousand, with one test a line (does it end in `}`?), and are not cut
before somebody asks for one. Only what fails it is looked at closer: a pretty-printed document
becomes one unit, an array is taken apart.
"""

from __future__ import annotations

import re
import time
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, overload

from cef_bridge.sources.records.buffers import Buffer
from cef_bridge.sources.records.elements import elements, wrapped, wrapped_elements
from cef_bridge.sources.records.spans import ScanResult
from cef_bridge.sources.records.units import (
    Block,
    BrokenLine,
    Growing,
    Idle,
    Item,
    Oversized,
    Readable,
    Uncut,
)
from cef_bridge.sources.records.values import find, passed, skip_line

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from cef_bridge.sources.records.values import ValueSpan

__all__ = ["Block", "BrokenLine", "Cutter", "Idle", "Item", "Oversized", "Readable", "blocks"]

# An array of objects begins so; a log line such as "[INFO] started" does not.
_ARRAY_LINE = re.compile(rb"\[[ \t\r]*+(?:[{\]]|\Z)")
_ARRAY_BEGUN = re.compile(rb"\[[ \t\r]*+[{\]]")

_first = itemgetter(slice(0, 1))
_last = itemgetter(slice(-1, None))
_BRACE = frozenset((b"}",))
_OPEN, _CLOSE, _BRACKET = b"{}["
_LF = 0x0A

# After a document the next lines are looked at in steps that double, from this size on, so that
# documents between lines do not cost a split of the whole buffer each.
_STEP = 1024

# What a line without anything in it begins with. More of them in a row than so many are not split.
_WHITE = frozenset((b"", b" ", b"\t", b"\r", b"\v", b"\f"))
_RUN = b"\n" * 64

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00{", b"{\x00", b"\x00[", b"[\x00")


@overload
def blocks(
    stream: Readable, *, max_record: int = 1 << 20, block_size: int = 1 << 18
) -> Iterator[Item]: ...
@overload
def blocks(
    stream: Growing, *, max_record: int = 1 << 20, block_size: int = 1 << 18
) -> Iterator[Item | Idle]: ...
def blocks(
    stream: Growing, *, max_record: int = 1 << 20, block_size: int = 1 << 18
) -> Iterator[Item | Idle]:
    """Yield the units of a stream in Blocks, and what was lost as Oversized or Broken.

    `max_record` (bytes) is the longest unit; `block_size` (bytes) is how much is read at once and
    never changes the units. A UTF-8 BOM at the start is removed. `stream.consumed`, where there
    is one, says how far the raw input was read. A stream that grows yields IDLE, too.
    """
    return Cutter(stream, max_record=max_record, block_size=block_size).items()


class Cutter:
    """The state of one stream: its buffer, the units that wait, how far to look ahead.

    `safe` is an offset and its line: from there a new Cutter (`offset`, `line`) gives what this one
    gives, and all units before it were handed out. `clock`: see Buffer.
    """

    __slots__ = ("_buffer", "_limit", "_step", "safe")

    def __init__(
        self,
        stream: Growing,
        *,
        max_record: int = 1 << 20,
        block_size: int = 1 << 18,
        offset: int = 0,
        line: int = 1,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._buffer = Buffer(stream, block_size, offset, line, clock)
        self._limit = max_record
        self._step = 0  # 0: no limit, for it has been ordinary lines so far
        self.safe = (offset, line)

    @property
    def overdue(self) -> bool:
        """Whether it has something to hand out that was held for what might have followed."""
        return self._buffer.overdue

    @property
    def clean(self) -> bool:
        """Whether nothing is lost when this one is dropped and one begins at `safe`."""
        return self._buffer.place == self.safe[0] and not self._buffer.unread

    def items(self) -> Iterator[Item | Idle]:
        """Yield the units, see `blocks`."""
        buffer = self._buffer
        if not buffer.offset:
            while buffer.unread < len(_UTF8_BOM) and (yield from buffer.more()):
                pass
            if buffer.data.startswith(_UTF16):
                yield BrokenLine(
                    1, 0, "the text is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8"
                )
                yield from self._utf16()
            elif buffer.data.startswith(_UTF8_BOM):
                buffer.pos = len(_UTF8_BOM)
        yield from self._run()
        if buffer.damage is not None:
            yield BrokenLine(buffer.line, buffer.place, buffer.damage)

    def _utf16(self) -> Iterator[Item | Idle]:
        """Pass by a text in UTF-16, up to a line that does not begin with a zero byte."""
        buffer = self._buffer
        while True:
            data = buffer.data
            end = data.find(b"\n", buffer.pos)
            if 0 <= end < len(data) - 1:
                buffer.move(end + 1)
                if data[end + 1]:
                    return
            else:
                buffer.move(end if end >= 0 else len(data))
                if not (yield from buffer.more()):
                    buffer.move(len(buffer.data))
                    return

    def _run(self) -> Iterator[Item | Idle]:
        buffer = self._buffer
        while True:
            data = buffer.data
            end = data.find(b"\n", buffer.pos)
            if end < 0 and not buffer.ended and not self._must_look():
                yield from self._flush()
                data = b""  # while it waits for more, a block that was dealt with is not kept
                yield from buffer.more()
                continue
            if not buffer.unread:
                break
            line = data[buffer.pos : end] if end >= 0 else data[buffer.pos :]
            if self._special(line):
                self._step = _STEP
                yield from self._array() if self._is_array(line) else self._document(line)
                if buffer.data is not data:
                    yield from self._flush()
            else:
                yield from self._flush()
                block = self._lines()
                self.safe = (buffer.place, buffer.line)
                yield block
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        """Hand out what was found; what follows stands outside of documents and arrays."""
        buffer = self._buffer
        self.safe = (buffer.place, buffer.line)
        if buffer.batch.lines:
            yield buffer.batch.take(buffer.consumed)

    def _must_look(self) -> bool:
        """Whether a line has to be dealt with before its end was read."""
        buffer = self._buffer
        if buffer.unread > self._limit:
            return True
        return _ARRAY_BEGUN.match(buffer.data, buffer.pos) is not None

    def _special(self, line: bytes) -> bool:
        if len(line) > self._limit:
            return True
        if line.startswith(b"{"):
            return not line.endswith((b"}", b"}\r"))
        return self._is_array(line)

    def _is_array(self, line: bytes) -> bool:
        if len(line) > self._limit:  # it may not be all there
            return _ARRAY_BEGUN.match(line, 0, self._limit) is not None
        return _ARRAY_LINE.match(line) is not None

    def _empty_lines(self) -> Block:
        """Pass by a run of empty lines, at the cost of its bytes and not of its lines."""
        buffer = self._buffer
        data, start = buffer.data, buffer.pos
        count = len(data) - start - len(data[start:].lstrip(b"\n"))
        line, place = buffer.line, buffer.place
        buffer.pos += count
        buffer.line += count
        return Block([], line, place, buffer.consumed, True, blank=count)

    def _lines(self) -> Block:
        """Take the ordinary lines from the buffer's place on; the first is known to be one."""
        buffer = self._buffer
        data, start, size = buffer.data, buffer.pos, len(buffer.data)
        if data.startswith(b"\n\n", start):
            return self._empty_lines()
        stop = min(start + self._step, size) if self._step else size
        if (block := self._objects(stop)) is not None:
            return block
        if (run := data.find(_RUN, start, stop)) >= 0:
            stop = run + 1
        self._step = 2 * self._step if stop < size else 0
        lines = (data[start:stop] if start or stop < size else data).split(b"\n")
        tail = lines.pop()
        if tail and buffer.ended and stop == size:
            lines.append(tail)
            tail = b""
        elif not lines:  # the step is shorter than the line
            stop = data.find(b"\n", start) + 1 or size
            lines, tail = [data[start:stop].removesuffix(b"\n")], b""
        end = stop - len(tail)
        begin = set(map(_first, lines))
        odd = self._find_special(lines, begin, end - start)
        if odd is not None:
            del lines[odd:]
            end = start + sum(map(len, lines)) + len(lines)
        line, place = buffer.line, buffer.place
        buffer.pos = end
        buffer.line += len(lines) - (data[end - 1] != _LF)  # the last one may have none
        blank = not begin.isdisjoint(_WHITE)
        plain = not blank and data.find(b"\r", start, end) < 0
        units = self._units(lines, line, place, blank=blank, plain=plain)
        if not units.lines:
            return units
        return units._replace(data=data, begin=start, end=end, data_line=line, data_offset=place)

    def _objects(self, stop: int) -> Block | None:
        """Take the lines that end in `}` as they stand; None where the next one does not.

        None of them is blank, has a CR at its end, or is a part of a document of several lines.
        """
        buffer = self._buffer
        data, start, limit = buffer.data, buffer.pos, self._limit
        find = data.find
        at, many = start, 0
        while (
            (end := find(b"\n", at, stop)) > at
            and data[end - 1] == _CLOSE
            and data[at] != _BRACKET
            and end - at <= limit
        ):
            at = end + 1
            many += 1
        if not many:
            return None
        line, place = buffer.line, buffer.place
        buffer.pos = at
        buffer.line += many
        self._step = 2 * self._step if stop < len(data) else 0
        lines = Uncut(data, start, at, many)
        consumed = buffer.consumed
        return Block(
            lines, line, place, consumed, True, None, None, 0, data, start, at, line, place
        )

    def _units(
        self, lines: list[bytes], line: int, place: int, *, blank: bool, plain: bool
    ) -> Block:
        """Return lines as units: without the blank ones, if there are any, and without a CR."""
        buffer = self._buffer
        if plain:
            return Block(lines, line, place, buffer.consumed, True)
        offsets = list(accumulate((len(each) + 1 for each in lines[:-1]), initial=place))
        if not blank or not any(not each or each.isspace() for each in lines):
            lines = [each.removesuffix(b"\r") for each in lines]
            return Block(lines, line, place, buffer.consumed, True, None, offsets)
        kept = [at for at, each in enumerate(lines) if each and not each.isspace()]
        count = len(lines) - len(kept)
        if not kept:
            return Block([], line, place, buffer.consumed, True, blank=count)
        return Block(
            [lines[at].removesuffix(b"\r") for at in kept],
            line + kept[0],
            offsets[kept[0]],
            buffer.consumed,
            False,
            [line + at for at in kept],
            [offsets[at] for at in kept],
            count,
        )

    def _find_special(self, lines: list[bytes], begin: set[bytes], size: int) -> int | None:
        """Return the index of the first line that is not an ordinary one."""
        long = size > self._limit and max(map(len, lines)) > self._limit
        if not long and b"[" not in begin and set(map(_last, lines)) <= _BRACE:
            return None
        special = self._special
        return next((i for i, line in enumerate(lines) if special(line)), None)

    def _array(self) -> Iterator[Item | Idle]:
        yield from self._flush()
        self._buffer.move(self._buffer.pos + 1)
        if (yield from elements(self._buffer, self._limit)):
            yield from self._end_document()

    def _document(self, line: bytes) -> Iterator[Item | Idle]:
        """Pass a document of several lines, or a line that only looks like the start of one."""
        buffer = self._buffer
        if len(line) > self._limit:
            yield from self._oversized()
            return
        number, offset = buffer.line, buffer.place
        found = yield from find(buffer, self._limit)
        if found.verdict is ScanResult.MORE or (
            found.verdict is ScanResult.BROKEN
            and len(buffer.data[buffer.pos : found.end].rstrip()) > len(line)
        ):  # what was found leaves before what is no unit
            yield from self._flush()
        if found.verdict is ScanResult.MORE and (yield from self._wrapped(found)):
            return
        if found.verdict is ScanResult.END and found.end - buffer.pos < len(line):
            unit: Item | bytes = line  # what follows in it is no document of its own
            buffer.move(buffer.pos + len(line))
        else:
            unit = yield from passed(buffer, found, self._limit)
        if isinstance(unit, bytes):
            buffer.batch.add(unit.removesuffix(b"\r"), number, offset)
        else:
            yield unit
        yield from self._end_document()

    def _oversized(self) -> Iterator[Item | Idle]:
        """Pass a line that is over the limit."""
        buffer = self._buffer
        yield from self._flush()
        if buffer.data[buffer.pos] == _OPEN and (yield from self._wrapped(None)):
            return
        yield (yield from skip_line(buffer, self._limit))
        yield from self._end_document()

    def _wrapped(self, found: ValueSpan | None) -> Generator[Item | Idle, None, bool]:
        """Take the arrays of a large document apart, if it begins one."""
        buffer = self._buffer
        record = found.scanner.record if found is not None and found.scanner is not None else -1
        scanner = wrapped(buffer, self._limit, record)
        if scanner is None:
            return False
        yield from wrapped_elements(buffer, self._limit, scanner)
        yield from self._end_document()
        return True

    def _end_document(self) -> Iterator[Item | Idle]:
        """Go to the next line, or to what follows in this one if it is more than separators."""
        buffer = self._buffer
        while (end := buffer.data.find(b"\n", buffer.pos)) < 0 and buffer.unread <= self._limit:
            if not (yield from buffer.more()):
                break
        if end < 0:
            end = len(buffer.data)
        rest = buffer.data[buffer.pos : end].lstrip(b" \t\r\v\f,")
        buffer.move(end - len(rest) if rest else min(end + 1, len(buffer.data)))
