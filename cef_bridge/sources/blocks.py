"""A stream of bytes, cut into what may be a record: lines, elements of arrays, whole documents.

In come the decompressed bytes of one stream; out go Blocks, and an Oversized or a Broken for what
is no unit, in the order of the stream. Nothing vanishes: each byte is in a unit, in one of these
two, or is a separator. Must not know what a unit means.

Ordinary lines leave by the thousand, with one test a line (does a `{` line end in `}`?). Only what
fails it is looked at closer: a pretty-printed document becomes one unit, an array is taken apart.
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING

import orjson

from cef_bridge.sources.buffers import Buffer
from cef_bridge.sources.elements import CUT, elements, wrapped, wrapped_elements
from cef_bridge.sources.spans import Verdict
from cef_bridge.sources.units import Batch, Block, Broken, Item, Oversized, Readable
from cef_bridge.sources.values import find, skip, skip_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.sources.values import Found

__all__ = ["Block", "Broken", "Item", "Oversized", "Readable", "blocks"]

# An array of objects begins so; a log line such as "[INFO] started" does not.
_ARRAY_LINE = re.compile(rb"\[[ \t\r]*+(?:[{\]]|\Z)")
_ARRAY_BEGUN = re.compile(rb"\[[ \t\r]*+[{\]]")

_first = itemgetter(slice(0, 1))
_last = itemgetter(slice(-1, None))
_BRACE = frozenset((b"}",))
_OPEN = 0x7B
_LF = 0x0A

# After a document the next lines are looked at in steps that double, from this size on, so that
# documents between lines do not cost a split of the whole buffer each.
_STEP = 1024

# So many lines behind a line that does not end are looked at; these begin what is inside of it.
_LOOK_AHEAD = 4
_INSIDE = frozenset((b" ", b"\t", b'"', b"}", b"]"))

_UTF8_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff", b"\x00{", b"{\x00", b"\x00[", b"[\x00")


def blocks(
    stream: Readable, *, max_record: int = 1 << 20, block_size: int = 1 << 18
) -> Iterator[Item]:
    """Yield the units of a stream in Blocks, and what was lost as Oversized or Broken.

    `max_record` (bytes) is the longest unit; `block_size` (bytes) is how much is read at once and
    never changes the units. A UTF-8 BOM at the start is removed. `stream.consumed`, where there
    is one, says how far the raw input was read.
    """
    buffer = Buffer(stream, block_size)
    while buffer.unread < len(_UTF8_BOM) and buffer.more():
        pass
    if buffer.data.startswith(_UTF16):
        yield Broken(1, 0, "the text is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
        return
    if buffer.data.startswith(_UTF8_BOM):
        buffer.pos = len(_UTF8_BOM)
    yield from _Cutter(buffer, max_record).run()
    if buffer.damage is not None:
        yield Broken(buffer.line, buffer.place, buffer.damage)


class _Cutter:
    """The state of one stream: its buffer, the units that wait, how far to look ahead."""

    __slots__ = ("_batch", "_buffer", "_limit", "_step")

    def __init__(self, buffer: Buffer, limit: int) -> None:
        self._buffer = buffer
        self._limit = limit
        self._batch = Batch()
        self._step = 0  # 0: no limit, for it has been ordinary lines so far

    def run(self) -> Iterator[Item]:
        buffer = self._buffer
        while True:
            data = buffer.data
            end = data.find(b"\n", buffer.pos)
            if end < 0 and not buffer.ended and not self._must_look():
                yield from self._flush()
                buffer.more()
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
                yield self._lines()
        yield from self._flush()

    def _flush(self) -> Iterator[Block]:
        if self._batch.lines:
            yield self._batch.take(self._buffer.consumed)

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

    def _lines(self) -> Block:
        """Take the ordinary lines from the buffer's place on; the first is known to be one."""
        buffer = self._buffer
        data, start, size = buffer.data, buffer.pos, len(buffer.data)
        stop = min(start + self._step, size) if self._step else size
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
        odd = self._find_special(lines, end - start)
        if odd is not None:
            del lines[odd:]
            end = start + sum(map(len, lines)) + len(lines)
        line, place, offsets = buffer.line, buffer.place, None
        if data.find(b"\r", start, end) >= 0:
            offsets = list(accumulate((len(each) + 1 for each in lines[:-1]), initial=place))
            lines = [each.removesuffix(b"\r") for each in lines]
        buffer.pos = end
        buffer.line += len(lines) - (data[end - 1] != _LF)  # the last one may have none
        return Block(lines, line, place, buffer.consumed, True, None, offsets)

    def _find_special(self, lines: list[bytes], size: int) -> int | None:
        """Return the index of the first line that is not an ordinary one."""
        long = size > self._limit and max(map(len, lines)) > self._limit
        if not long and b"[" not in set(map(_first, lines)) and set(map(_last, lines)) <= _BRACE:
            return None
        special = self._special
        return next((i for i, line in enumerate(lines) if special(line)), None)

    def _array(self) -> Iterator[Item]:
        yield from self._flush()
        self._buffer.move(self._buffer.pos + 1)
        yield from elements(self._buffer, self._limit)
        self._end_document()

    def _document(self, line: bytes) -> Iterator[Item]:
        """Pass a document of several lines, or a line that only looks like the start of one."""
        buffer = self._buffer
        if len(line) > self._limit:
            yield from self._oversized(None)
            return
        if self._is_cut(line):
            self._batch.add(line.removesuffix(b"\r"), buffer.line, buffer.place)
            buffer.move(buffer.pos + len(line))
            self._end_document()
            return
        found = find(buffer, self._limit)
        size = found.end - buffer.pos
        if found.over and size > len(line):
            yield from self._oversized(found)
            return
        unit = buffer.data[buffer.pos : found.end]
        if found.verdict is Verdict.MORE and unit[len(line) :].strip():
            yield from self._flush()
            yield Broken(buffer.line, buffer.place, CUT, unit)
            buffer.move(found.end)
            return
        if found.verdict is Verdict.MORE or size <= len(line):
            unit, size = line, len(line)
        self._batch.add(unit.removesuffix(b"\r"), buffer.line, buffer.place)
        buffer.move(buffer.pos + size)
        self._end_document()

    def _is_cut(self, line: bytes) -> bool:
        """Tell whether a line is the beginning of a document that was cut: whole ones follow.

        A cut record must not swallow those behind it. After `[`, `,` and `:` an object may stand
        on a line of its own, so those ends say nothing.
        """
        if line.rstrip().endswith((b"[", b",", b":")):
            return False
        buffer = self._buffer
        start = len(line) + 1
        for _ in range(_LOOK_AHEAD):
            while (end := buffer.data.find(b"\n", buffer.pos + start)) < 0:
                if buffer.unread > self._limit or not buffer.more():
                    break
            stop = end if end >= 0 else len(buffer.data)
            text = buffer.data[buffer.pos + start : stop].rstrip()
            if len(text) > self._limit or text[:1] in _INSIDE:
                return False
            if text[:1] in (b"{", b"[") and text[-1:] in (b"}", b"]") and _parses(text):
                return True
            if end < 0:
                return False
            start = end + 1 - buffer.pos
        return False

    def _oversized(self, found: Found | None) -> Iterator[Item]:
        """Pass what is over the limit: a line, or the document of several lines that was found."""
        buffer = self._buffer
        yield from self._flush()
        scanner = wrapped(buffer, self._limit) if buffer.data[buffer.pos] == _OPEN else None
        if scanner is not None:
            yield from wrapped_elements(buffer, self._limit, scanner)
        elif found is not None:
            yield skip(buffer, found, self._limit)
        else:
            yield skip_line(buffer, self._limit)
        self._end_document()

    def _end_document(self) -> None:
        """Go to the next line, or to what follows in this one if it is more than separators."""
        buffer = self._buffer
        while (end := buffer.data.find(b"\n", buffer.pos)) < 0 and buffer.unread <= self._limit:
            if not buffer.more():
                break
        if end < 0:
            end = len(buffer.data)
        rest = buffer.data[buffer.pos : end].lstrip(b" \t\r,")
        buffer.move(end - len(rest) if rest else min(end + 1, len(buffer.data)))


def _parses(text: bytes) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True
