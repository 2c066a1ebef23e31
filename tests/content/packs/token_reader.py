"""What the tests' readers of query languages share: a text as tokens, taken one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re


def tokens(pattern: re.Pattern[str], text: str) -> list[tuple[str, str]]:
    """Return kind and text of each token; ValueError where none begins."""
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        match = pattern.match(text, at)
        if match is None:
            raise ValueError(f"no token at {text[at : at + 20]!r}")
        kind = str(match.lastgroup)
        found.append((kind, match[kind]))
        at = match.end()
    return found


class TokenReader:
    """Takes tokens; `left` are those that nobody took."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self.left = tokens(pattern, text)

    def peek(self) -> str:
        return self.left[0][1] if self.left else ""

    def take(self, *wanted: str) -> str:
        kind, text = self.left[0] if self.left else ("end", "")
        if kind not in wanted and text not in wanted:
            raise ValueError(f"expected {wanted}, found {text!r}")
        self.left.pop(0)
        return text
