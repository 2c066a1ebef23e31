"""A stream of bytes, cut into what may be a record: lines, elements of arrays, whole documents.

In come the decompressed bytes of one stream; out go Blocks, and an Oversized or a Broken for what
is no unit, in the order of the stream. Nothing vanishes: each byte is in a unit, in one of these
two, or is a separator. Must not know what a unit means.

A stream may grow: while it has nothing to read, IDLE comes out, and the generator goes on where it
was when it is asked again. `Cutter.safe` is a place to begin anew from.

Ordinary lines leave by the thousand, with one test a line (does a `{` line end in `}`?). Only what
fails it is looked at closer: a pretty-printed document becomes one unit, an array is taken apart.
"""

from __future__ import annotations

import re
from itertools import accumulate
from operator import itemgetter
from typing import TYPE_CHECKING, overload

import orjson

from cef_bridge.sources.buffers import Buffer
from cef_bridge.sources.elements import CUT, elements, wrapped, wrapped_elements
from cef_bridge.sources.spans import Verdict
from cef_bridge.sources.units import Block, Broken, Growing, Idle, Item, Oversized, Readable
from cef_bridge.sources.values import find, skip, skip_line

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from cef_bridge.sources.buffers import Waits
    from cef_bridge.sources.values import Found

__all__ = ["Block", "Broken", "Cutter", "Idle", "Item", "Oversized", "Readable", "blocks"]

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
_AFTER_ELEMENT = frozenset((b",", b"]", b"}", b" ", b"\t"))

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
    gives, and all units before it were handed out.
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
    ) -> None:
        self._buffer = Buffer(stream, block_size, offset, line)
        self._limit = max_record
        self._step = 0  # 0: no limit, for it has been ordinary lines so far
        self.safe = (offset, line)

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
                yield Broken(1, 0, "the text is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
                return
            if buffer.data.startswith(_UTF8_BOM):
                buffer.pos = len(_UTF8_BOM)
        yield from self._run()
        if buffer.damage is not None:
            yield Broken(buffer.line, buffer.place, buffer.damage)

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

    def _array(self) -> Iterator[Item | Idle]:
        yield from self._flush()
        self._buffer.move(self._buffer.pos + 1)
        yield from elements(self._buffer, self._limit)
        yield from self._end_document()

    def _document(self, line: bytes) -> Iterator[Item | Idle]:
        """Pass a document of several lines, or a line that only looks like the start of one."""
        buffer = self._buffer
        if len(line) > self._limit:
            yield from self._oversized(None)
            return
        if (yield from self._is_cut(line)):
            buffer.batch.add(line.removesuffix(b"\r"), buffer.line, buffer.place)
            buffer.move(buffer.pos + len(line))
            yield from self._end_document()
            return
        found = yield from find(buffer, self._limit)
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
        buffer.batch.add(unit.removesuffix(b"\r"), buffer.line, buffer.place)
        buffer.move(buffer.pos + size)
        yield from self._end_document()

    def _is_cut(self, line: bytes) -> Waits:
        """Tell whether a line is the beginning of a document that was cut: whole ones follow.

        A cut record must not swallow those behind it. After `[` and `,` an object may stand on a
        line of its own, so there it also matters what follows that: `,` or a closing bracket in an
        array, and neither between records. (Behind `:` no object is looked for on the next line.)
        """
        end = line.rstrip()[-1:]
        if end == b":":
            return False
        start, whole = len(line) + 1, False
        for _ in range(_LOOK_AHEAD + 1):
            found = yield from self._line_ahead(start)
            if found is None:
                return whole
            text = found.rstrip()
            if whole and text:
                return text[:1] not in _AFTER_ELEMENT
            if len(text) > self._limit or text[:1] in _INSIDE:
                return False
            whole = whole or (
                text[:1] in (b"{", b"[") and text[-1:] in (b"}", b"]") and _parses(text)
            )
            if whole and end not in (b"[", b","):
                return True
            start += len(found) + 1
        return whole

    def _line_ahead(self, start: int) -> Generator[Block | Idle, None, bytes | None]:
        """Return the line `start` bytes from here without its LF, None behind the end.

        It is cut short when more than the limit would have to be kept for it.
        """
        buffer = self._buffer
        while (end := buffer.data.find(b"\n", buffer.pos + start)) < 0:
            if buffer.unread > self._limit or not (yield from buffer.more()):
                break
        stop = end if end >= 0 else len(buffer.data)
        return buffer.data[buffer.pos + start : stop] if start < buffer.unread else None

    def _oversized(self, found: Found | None) -> Iterator[Item | Idle]:
        """Pass what is over the limit: a line, or the document of several lines that was found."""
        buffer = self._buffer
        yield from self._flush()
        scanner = wrapped(buffer, self._limit) if buffer.data[buffer.pos] == _OPEN else None
        if scanner is not None:
            yield from wrapped_elements(buffer, self._limit, scanner)
        elif found is not None:
            yield (yield from skip(buffer, found, self._limit))
        else:
            yield (yield from skip_line(buffer, self._limit))
        yield from self._end_document()

    def _end_document(self) -> Iterator[Item | Idle]:
        """Go to the next line, or to what follows in this one if it is more than separators."""
        buffer = self._buffer
        while (end := buffer.data.find(b"\n", buffer.pos)) < 0 and buffer.unread <= self._limit:
            if not (yield from buffer.more()):
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
