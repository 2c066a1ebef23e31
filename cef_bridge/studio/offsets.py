"""Places in texts as browsers count them: in UTF-16 units, not in characters.

In come places and edits of a text, out go the plain values of the studio's answers. Must not know
what is at a place.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.language.fixes import TextEdit

_FAR = re.compile("[\U00010000-\U0010ffff]")  # two units each
_TOKEN = re.compile(
    r"""\"(?:[^"\\\n]|\\.)*\"?|'[^'\n]*'?|[^\s,\[\]{}#:]+(?::[^\s,\[\]{}]+)*|[^\n]"""
)


class Utf16(NamedTuple):
    """A text, and where it has characters of two units."""

    text: str
    far: Sequence[int]

    @classmethod
    def of(cls, text: str) -> Utf16:
        """Return the counter of a text."""
        return cls(text, () if text.isascii() else [it.start() for it in _FAR.finditer(text)])

    def at(self, index: int) -> int:
        """Return the offset in units of a character, by its number from 0."""
        return index + (bisect_left(self.far, index) if self.far else 0)

    def edit(self, edit: TextEdit) -> dict[str, object]:
        """Return an edit of the text."""
        return {"from": self.at(edit.start), "to": self.at(edit.end), "insert": edit.text}

    def place(self, line: int, column: int) -> dict[str, int]:
        """Return a place, by line and column in characters, with the end of the word there."""
        begin = self.start_of(line)
        at = begin + column - 1
        end = word.end() if (word := _TOKEN.match(self.text, at)) else at
        first = self.at(begin)
        return {
            "line": line,
            "column": self.at(at) - first + 1,
            "endColumn": self.at(end) - first + 1,
        }

    def start_of(self, line: int) -> int:
        """Return where a line begins, in characters; lines count from 1."""
        at = 0
        for _ in range(line - 1):
            following = self.text.find("\n", at)
            if following < 0:
                return len(self.text)
            at = following + 1
        return at
