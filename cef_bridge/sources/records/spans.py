r"""Where a JSON object or array ends, in bytes that may be broken, hostile or not all there yet.

The rule of where a record ends, for every source and for every place where bytes are cut:

    **What begins with a bracket goes on over a line end only while it is the beginning of valid
    JSON. Where it stops being that, it was cut: it ends before the first record inside of it, and
    without one before the line that does not fit. What follows is read anew.**

A *record inside* is one of these:
- a line that begins with a whole object, and has nothing behind it but more objects or arrays, with
  commas between: `E`, `E,`, `E,E`. The last of them may be cut. (`EE` is no JSON: that line does
  not fit, and begins anew anyway.)
- a line that is an array with an object in it, and more of the same behind it: `[E,E],`.
- an object of several lines that begins in the first column, and is *whole* where it ends at the
  end of a line.

It begins where its line begins. So a line that holds events by itself ends whatever was open before
it, unless a valid document goes on around it, and then it belongs to that document. Every cut
record costs itself only.

What follows from it:
- Which line does not fit depends on the bytes before it and on that line alone, never on where
  reads fall. At the end of the stream and at the limit of a record, a record inside of what is open
  ends it as well; so does a whole one in a stream that grows, after a while of waiting.
- A value that ends in the line in which it began is not judged here: it swallows nothing.
- Forgiving where no line can be swallowed: any bytes in strings (but no line end: JSON writes
  `\n`, RFC 8259 section 7), `NaN`, a comma before a closing bracket if no whole record is inside.
- Every byte is looked at a bounded number of times: what was open inside of a record that was cut
  goes on with the same Scanner (`within`).

`guess` is one parse by orjson (1.5 us an event), `whole_value` one regular expression without
backtracking (5 us), `Scanner` knows the rule and goes on where the bytes ended (50 us).
"""

from __future__ import annotations

import re
from array import array
from enum import Enum
from functools import cache

import orjson

_STRING_REST = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_STRING = rb'"' + _STRING_REST + rb'"'
_PLAIN = rb'[^{}\[\]"]*+'
_NESTED = 5  # KubeArmor nests 3 deep, OTLP 4; each level makes the expression longer


def _value(levels: int) -> bytes:
    inner = _STRING
    if levels:
        inner += rb"|" + _value(levels - 1)
    return rb"[{\[]" + _PLAIN + rb"(?:(?:" + inner + rb")" + _PLAIN + rb")*+[}\]]"


@cache
def _whole() -> re.Pattern[bytes]:
    # 1 ms: only what is not a plain line needs it
    return re.compile(_value(_NESTED))


STRING = re.compile(_STRING)

_CANDIDATE = re.compile(rb"\}\s*+(?:,\s*+(?=\{)|\])")
_GUESSES = 3
_REACH = 1 << 14


def parses(text: bytes) -> bool:
    """Tell whether this is one JSON value."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


def guess(data: bytes, start: int) -> int:
    """Return the end of the object at `start`, or -1 when the next few candidates are not it.

    A candidate is a `}` before `,{` or `]`. The parse decides, so that a string full of them fools
    nobody; few guesses and a short reach, so that it does not cost quadratic time either.
    """
    at = start
    for _ in range(_GUESSES):
        found = _CANDIDATE.search(data, at, start + _REACH)
        if found is None:
            return -1
        at = found.start() + 1
        if parses(data[start:at]):
            return at
    return -1


def whole_value(data: bytes, start: int, stop: int) -> int:
    """Return the end of the value at `start` if it is in one line or valid JSON, else -1."""
    found = _whole().match(data, start, stop)
    if found is None:
        return -1
    end = found.end()
    return end if data.find(b"\n", start, end) < 0 or parses(data[start:end]) else -1


class ScanResult(Enum):
    """What Scanner found: the end, that the value was cut (see `Scanner.cut`), or neither yet."""

    END = "end"
    BROKEN = "broken"
    MORE = "more"


_OPEN_OBJECT, _CLOSE_OBJECT, _OPEN_LIST, _CLOSE_LIST = b"{}[]"
_QUOTE, _COMMA, _COLON, _LF, _BACKSLASH = b'",:\n\\'
_SCALAR_BEGINS = frozenset(b"-0123456789tfnNI")

# What may come next.
_VALUE_NEXT, _KEY_NEXT, _COLON_NEXT, _AFTER = range(4)


class Scanner:
    """Reads one value, which begins at `start` in the stream; may be fed piece by piece.

    All places are offsets in the stream. `at` is where it stands: behind the value (END), or where
    the next piece has to begin. `line_at` is where the line begins in which that is. A `hasty`
    one remembers nothing of what it passes, and is BROKEN by the first whole record in one line.
    `ended`: the value's own bracket closed it.
    """

    __slots__ = (
        "_bad",
        "_began",
        "_comma",
        "_deep",
        "_firsts",
        "_fresh",
        "_in_key",
        "_in_string",
        "_inner",
        "_last",
        "_levels",
        "_line_level",
        "_next",
        "_open",
        "_over",
        "_root",
        "_row",
        "_scalar",
        "_starts",
        "at",
        "ended",
        "hasty",
        "line_at",
        "start",
    )

    _REST = re.compile(_STRING_REST)
    _SCALAR_REST = re.compile(rb'[^\s{}\[\]",:]*+')
    _TOKEN = re.compile(
        rb'[ \t\r\f\v]*+(?:([{}\[\],:\n])|"' + _STRING_REST + rb'("?)|([^\s{}\[\]",:]++))'
    )
    # Kinds of brackets are remembered this deep in what is over the limit.
    _KINDS = 1 << 16

    def __init__(self, start: int) -> None:
        self.start = self.at = self.line_at = start
        self.hasty = self.ended = False
        self._open = bytearray()
        self._deep = 0
        self._next = _VALUE_NEXT
        self._bad = self._in_string = self._in_key = self._scalar = False
        self._comma = False  # it stands behind one
        self._over = -1  # a line end in a string: it is bad, but belongs to what it breaks off
        # Objects that begin in the first column and are open: how deep, where, and the first whole
        # record inside that is not inside of the next of them. The first is the value itself.
        self._levels = array("q")
        self._starts = array("q")
        self._firsts = array("q")
        self._root = 0
        self._last = -1  # the last whole record
        # The line that is read: whether it has begun, how deep the record is that begins it (an
        # array, `_row`, may turn out to be one), where the record begins that has ended in it, and
        # the first whole record inside of that one.
        self._fresh = False
        self._line_level = self._row = -1
        self._began = self._inner = -1

    @property
    def in_string(self) -> bool:
        """Whether it stands inside a string."""
        return self._in_string

    @property
    def has_whole(self) -> bool:
        """Whether there is a whole record inside."""
        return self._last >= self.start

    @property
    def record(self) -> int:
        """Where the first record inside begins, -1 without one."""
        inside = self._root + 1
        if self._firsts[self._root] >= 0 or inside == len(self._starts):
            return self._firsts[self._root]
        return self._starts[inside]

    @property
    def cut(self) -> int:
        """Where the value ends that was cut; `at` when it is all that was read."""
        if (record := self.record) >= 0:
            return record
        if self._over >= 0:
            return self._over
        return self.line_at if self._bad and self.line_at > self.start else self.at

    def within(self, place: int) -> bool:
        """Turn to the object that begins at a place, if it is open, and its first line was read.

        Then this is the Scanner of that object, as far as it was read already.
        """
        starts = self._starts
        for index in range(self._root, len(starts)):
            if starts[index] >= place:
                if starts[index] > place or self.line_at <= place:
                    return False
                self._root, self.start = index, place
                return True
        return False

    def feed(self, data: bytes, base: int, stop: int) -> ScanResult:
        """Read on; `data` begins at `base` of the stream, and is read up to the index `stop`."""
        pos = self.at - base
        while True:
            if self._in_string:
                pos = self._REST.match(data, pos, stop).end()  # type: ignore[union-attr]  # matches nothing at least
                if pos >= stop or (data[pos] == _BACKSLASH and pos + 1 >= stop):
                    self.at = base + pos
                    return ScanResult.MORE
                if data[pos] != _QUOTE:
                    return self._line_end_in_string(base + data.find(b"\n", pos))
                self._in_string = False
                self._next = _COLON_NEXT if self._in_key else _AFTER
                pos += 1
            if self._scalar:
                pos = self._SCALAR_REST.match(data, pos, stop).end()  # type: ignore[union-attr]  # as above
                self._scalar = pos >= stop
            found = self._TOKEN.match(data, pos, stop)
            if found is None:  # white space, or nothing
                self.at = base + stop
                return ScanResult.MORE
            kind = found.lastindex
            end = found.end()
            if kind == 1:
                self.at = base + end - 1
                verdict = self._bracket(data[end - 1])
                if verdict is not None:
                    return verdict
            else:
                self.at = base + (found.start(3) if kind == 3 else data.index(b'"', pos))
                if not self._scalar_begins(data[self.at - base]):
                    return ScanResult.BROKEN
                if kind == 3:
                    self._scalar = end == stop
                elif end == found.start(2):  # the end of the string was not found here
                    self._in_string = True
                else:
                    self._next = _COLON_NEXT if self._in_key else _AFTER
            pos = end

    def _line_end_in_string(self, place: int) -> ScanResult:
        self.at = place
        if not self._bad:
            self._over = place
            if self._began >= 0:  # the record before this one ended in this line
                self._note(self._began)
        self._bad = True
        return ScanResult.BROKEN

    def finish(self) -> None:
        """The stream ends here, and so does the line."""
        if self._began >= 0 and not self._bad:
            self._note(self._began)

    def _fault(self) -> bool:
        """Take note of what does not fit; True when that decides it.

        It does at the beginning of a line, and where there is a record to end before.
        Otherwise the value may still end in this line, badly, and swallows none.
        """
        if self._bad:
            return False
        if self.line_at > self.start and (self._fresh or self.record >= 0):
            # Nothing else is changed: `within` goes on from here.
            return True
        self._bad = True
        return False

    def _scalar_begins(self, first: int) -> bool:
        expected = self._next
        text = first == _QUOTE
        fits = (text and expected == _KEY_NEXT) or (
            expected == _VALUE_NEXT and (text or first in _SCALAR_BEGINS)
        )
        if not fits and self._fault():
            return False
        self._settle()
        self._fresh = self._comma = False
        self._in_key = expected == _KEY_NEXT
        if not text:
            self._next = _AFTER
        return True

    def _bracket(self, token: int) -> ScanResult | None:
        if token == _LF:
            return self._line_end()
        if not self._fits(token) and self._fault():
            return ScanResult.BROKEN
        opens = token in (_OPEN_OBJECT, _OPEN_LIST)
        if token != _COMMA:
            self._settle(opens=opens)
        ended = False
        if token == _COMMA:
            self._next = _KEY_NEXT if self._open[-1:] == b"{" else _VALUE_NEXT
        elif token == _COLON:
            self._next = _VALUE_NEXT
        elif opens:
            self._enter(token)
        else:
            ended = self.ended = self.close()
        self._fresh, self._comma = False, token == _COMMA
        self.at += 1
        return ScanResult.END if ended else None

    def _fits(self, token: int) -> bool:
        expected = self._next
        if token in (_OPEN_OBJECT, _OPEN_LIST):
            return expected == _VALUE_NEXT
        if token == _COLON:
            return expected == _COLON_NEXT
        if token == _COMMA:
            return expected == _AFTER
        if self._comma and self.has_whole:
            return False
        if token == _CLOSE_OBJECT:
            return self._open[-1:] == b"{" and expected in (_KEY_NEXT, _AFTER)
        return self._open[-1:] == b"[" and expected in (_VALUE_NEXT, _AFTER)

    def _enter(self, token: int) -> None:
        depth = len(self._open)
        if token == _OPEN_OBJECT and (self._fresh or not depth):
            self._line_level = depth
            if (self.at == self.line_at and not self.hasty) or not depth:
                self._levels.append(depth)
                self._starts.append(self.at)
                self._firsts.append(-1)
        elif not depth:  # an array: it begins no record, but holds some
            self._levels.append(0)
            self._starts.append(self.at)
            self._firsts.append(-1)
        elif self._fresh:
            self._row = depth
        elif token == _OPEN_OBJECT and self._row >= 0:
            self._line_level, self._row = self._row, -1
        if self.hasty and depth >= self._KINDS:
            self._deep += 1
        else:
            self._open.append(token)
        self._next = _KEY_NEXT if token == _OPEN_OBJECT else _VALUE_NEXT

    def close(self) -> bool:
        """Take one closing bracket; True when it was the last."""
        self._next = _AFTER
        if self._deep:
            self._deep -= 1
            return False
        if not self._open:
            return True
        self._open.pop()
        depth = len(self._open)
        if depth == self._levels[self._root]:
            return True
        if self._levels[-1] == depth:
            self._levels.pop()
            self._began, self._inner = self._starts.pop(), self._firsts.pop()
        elif depth == self._line_level:
            self._began, self._inner = self.line_at, -1
        elif depth == self._row:
            self._row = -1
        return False

    def _settle(self, *, opens: bool = False) -> None:
        """The record that ended in this line does not end the line: it is not a whole one.

        But a line of records may have one more, which `opens`, or in which the token stands.
        """
        if self._began < 0:
            return
        deeper = len(self._open) - self._line_level
        if self._began == self.line_at and (deeper > 0 or (opens and not deeper)):
            return
        self._note(self._inner)
        self._began = self._line_level = -1

    def _note(self, place: int) -> None:
        self._last = max(self._last, place)
        if self._firsts[-1] < 0:
            self._firsts[-1] = place

    def _line_end(self) -> ScanResult | None:
        if self._bad:
            return ScanResult.BROKEN
        began, self._began = self._began, -1
        if began >= 0:
            self._note(began)
            if self.hasty:
                return ScanResult.BROKEN
        self.at += 1
        self.line_at = self.at
        self._fresh = True
        self._line_level = self._row = -1
        return None
