r"""Where a JSON object or array ends, in bytes that may be broken, hostile or not all there yet.

In comes a buffer and the place of an opening bracket; out comes the place behind its closing one.
Nothing is decoded. Three ways give one answer, each for what the one before does not know:
`guess` (one parse by orjson; 1.5 us an event), `VALUE` (one regular expression without
backtracking; 5 us) and `Scanner` (any depth, goes on where the bytes ended; 20 us).

A value that was cut must not swallow what follows it. So a value is *broken*
- at a line break inside a string (JSON writes `\n`: RFC 8259 section 7);
- at a line break followed by what no pretty-printed document has at the start of a line: a `{`
  inside an object (the next record), or a letter or digit (a log line).
"""

from __future__ import annotations

import re
from enum import Enum

import orjson

_STRING_REST = rb'[^"\\\n]*+(?:\\[^\n][^"\\\n]*+)*+'
_STRING = rb'"' + _STRING_REST + rb'"'
_PLAIN = rb'[^{}\[\]"\n]*+'
_BREAK = rb'\n(?=[\s"}\]\[,])'
_NESTED = 5  # KubeArmor nests 3 deep, OTLP 4; each level makes the expression longer


def _value(levels: int) -> bytes:
    inner = _STRING + rb"|" + _BREAK
    if levels:
        inner += rb"|" + _value(levels - 1)
    return rb"[{\[]" + _PLAIN + rb"(?:(?:" + inner + rb")" + _PLAIN + rb")*+[}\]]"


VALUE = re.compile(_value(_NESTED))
"""A whole value. It takes any closing bracket for any opening one, as Scanner does."""

STRING = re.compile(_STRING)

_CANDIDATE = re.compile(rb"\}\s*+(?:,\s*+(?=\{)|\])")
_ODD_BREAK = re.compile(rb'\n(?![\s"}\]\[,])')
_GUESSES = 3
_REACH = 1 << 14


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
        unit = data[start:at]
        try:
            orjson.loads(unit)
        except ValueError:
            continue
        if b"\n" in unit and _ODD_BREAK.search(unit):
            return -1
        return at
    return -1


class Verdict(Enum):
    """What Scanner found: the end, a line break that the value cannot have, or neither yet."""

    END = "end"
    BROKEN = "broken"
    MORE = "more"


class Scanner:
    """Counts brackets outside of strings; may be fed piece by piece.

    `at` is where it stands in the data given last: behind the value (END), on the line break
    (BROKEN), or where the next piece has to begin (MORE).
    """

    __slots__ = ("_deep", "_in_string", "_open", "at")

    _REST = re.compile(_STRING_REST)
    # At the end of the data it is not known yet what follows a line break: `\Z` stops there.
    _TOKEN = re.compile(rb'["{}\[\]]|\n(?=[^\s"}\]\[,]|\Z)')
    # Kinds of brackets are remembered this deep; orjson itself refuses what is deeper.
    _KINDS = 1024

    def __init__(self) -> None:
        self._open = bytearray()
        self._deep = 0
        self._in_string = False
        self.at = 0

    def feed(self, data: bytes, pos: int, stop: int | None = None) -> Verdict:
        """Read `data` from `pos` to `stop`."""
        size = len(data) if stop is None else stop
        while True:
            if self._in_string:
                pos = self._REST.match(data, pos, size).end()  # type: ignore[union-attr]  # matches nothing at least
                self.at = pos
                if pos >= size or (data[pos] == 0x5C and pos + 1 == size):
                    return Verdict.MORE
                if data[pos] != 0x22:
                    self.at += data[pos] == 0x5C
                    return Verdict.BROKEN
                pos += 1
                self._in_string = False
            found = self._TOKEN.search(data, pos, size)
            if found is None:
                self.at = size
                return Verdict.MORE
            verdict = self._token(
                data[found.start()], data[found.end() : min(found.end() + 1, size)]
            )
            pos = found.end()
            if verdict is not None:
                self.at = pos if verdict is Verdict.END else pos - 1
                return verdict

    def _token(self, token: int, following: bytes) -> Verdict | None:
        if token == 0x22:
            self._in_string = True
        elif token == 0x0A:
            if not following:
                return Verdict.MORE
            inside_array = self._deep or self._open[-1:] == b"["
            if not (inside_array and following in b"{-0123456789tfn"):
                return Verdict.BROKEN
        elif token in b"{[":
            if len(self._open) < self._KINDS:
                self._open.append(token)
            else:
                self._deep += 1
        elif self.close():
            return Verdict.END
        return None

    def close(self) -> bool:
        """Take one closing bracket; True when it was the last."""
        if self._deep:
            self._deep -= 1
        elif self._open:
            self._open.pop()
        return not self._open

    @property
    def in_string(self) -> bool:
        """Whether it stands inside a string."""
        return self._in_string
