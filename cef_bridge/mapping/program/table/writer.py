"""Numbers, texts and lists as bytes, and beside them in words.

The twin of `engine/src/table.rs`: integers are little-endian, a text is its length in bytes (32
bits) and UTF-8, a list its length and its entries. Must not know what is written.
"""

from __future__ import annotations

import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

T = TypeVar("T")

MAGIC = b"CEFB"
VERSION = 1
"""Raised with each change of the table; the engine's is the same."""
_LONGEST = 100  # characters of a text in words

_BYTE, _NUMBER, _LONG = (struct.Struct(form).pack for form in ("<B", "<I", "<q"))


class Writer:
    """Collects a table; with `in_words`, also its description in `lines`."""

    def __init__(self, *, in_words: bool = False) -> None:
        self.lines: list[str] = []
        # Asked before a value is put into words: to do that for nobody took a fifth of the time.
        self._in_words = in_words
        self._pieces = [MAGIC, _NUMBER(VERSION)]
        self._depth = 0

    def table(self) -> bytes:
        """Return all that was written."""
        return b"".join(self._pieces)

    def byte(self, name: str, value: int, meaning: str = "") -> None:
        """Write a number of 8 bits; `meaning` is the word for it."""
        self._pieces.append(_BYTE(value))
        if self._in_words:
            self._say(name, meaning or str(value))

    def flag(self, name: str, value: bool) -> None:
        """Write yes or no."""
        self._pieces.append(b"\1" if value else b"\0")
        if self._in_words:
            self._say(name, "yes" if value else "no")

    def number(self, name: str, value: int, meaning: str = "") -> None:
        """Write a number of 32 bits; `meaning` is what it stands for."""
        self._pieces.append(_NUMBER(value))
        if self._in_words:
            self._say(name, meaning or str(value))

    def long(self, name: str, value: int) -> None:
        """Write a number of 64 bits with a sign."""
        self._pieces.append(_LONG(value))
        if self._in_words:
            self._say(name, str(value))

    def bytes(self, name: str, value: bytes) -> None:
        """Write bytes."""
        self._pieces += (_NUMBER(len(value)), value)
        if self._in_words:
            self._say(name, f"{len(value)} bytes")

    def text(self, name: str, value: str) -> None:
        """Write a text. A lone surrogate, which no event has either, becomes a question mark."""
        data = value.encode("utf-8", "replace")
        self._pieces += (_NUMBER(len(data)), data)
        if self._in_words:
            self._say(name, repr(value[:_LONGEST]))

    def maybe_text(self, name: str, value: str | None) -> None:
        """Write a text that may not be there."""
        self._pieces.append(b"\0" if value is None else b"\1")
        if value is not None:
            self.text(name, value)

    def texts(self, name: str, values: Collection[str]) -> None:
        """Write a list of texts."""
        self.list(name, values, lambda value: self.text("", value))

    def list(self, name: str, values: Collection[T], write: Callable[[T], object]) -> None:
        """Write a list, each entry by a function."""
        self._pieces.append(_NUMBER(len(values)))
        with self.inside(f"{name} ({len(values)})"):
            for value in values:
                write(value)

    @contextmanager
    def inside(self, name: str) -> Iterator[None]:
        """Say that what follows is a part of something."""
        if self._in_words:
            self._say(name, "")
        self._depth += 1
        yield
        self._depth -= 1

    def _say(self, name: str, value: str) -> None:
        self.lines.append(f"{'  ' * self._depth}{name}{': ' if name and value else ''}{value}")
