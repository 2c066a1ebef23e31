"""What the writer of a line meant, where the line does not say: guesses that rules share.

In come parts of a line, out go guesses. Must not know what is a fault.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from cef_bridge.lines.dictionary import CEF_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.lines.lint.parts import Pair, ParsedLine

MANY_FIELDS = 4
"""So many fields in one value are told of."""

_KNOWN = frozenset(CEF_KEYS)
_OPENING = re.compile(r"[(\[{]")
_CLOSING = re.compile(r"[)\]}]")
_FIELD = re.compile(r"(?:^|(?<=[ ,;]))[A-Za-z_][\w.-]{0,63}:(?=[^\s:/\\])")


@lru_cache(maxsize=256)
def prefixes_of(vendor: str, product: str) -> tuple[str, ...]:
    """Return what the keys of a vendor may begin with, in small letters.

    Its name, its product's, the first word of each with three letters or more, and the initials.
    """
    found: set[str] = set()
    for name in (vendor, product):
        words = re.findall(r"[A-Za-z0-9]+", name[:256].lower())
        found |= {"".join(words), *words[:1], "".join(word[0] for word in words)}
    return tuple(sorted(name for name in found if len(name) >= 3)) or ("\0",)


def inner_pairs(product: tuple[str, str], pairs: Sequence[Pair]) -> dict[int, str]:
    """Return the pairs that are text of an earlier value: by offset, with that value's key.

    That is a key that nobody owns, within brackets or quotes that the value opened, or, where the
    value is a row of `name:value`, one that such a row goes on behind.
    """
    inner: dict[int, str] = {}
    prefixes = prefixes_of(*product)
    before: Pair | None = None
    owner, depth, quotes, row = "", 0, 0, False
    for pair in pairs:
        if before is not None:
            if before.at not in inner:
                owner, depth, quotes = before.key, 0, 0
                row = bool(_FIELD.match(before.raw))
            if pair.key not in _KNOWN and not pair.key.lower().startswith(prefixes):
                depth += len(_OPENING.findall(before.raw)) - len(_CLOSING.findall(before.raw))
                quotes += before.raw.count('"')
                if depth > 0 or quotes % 2 or (row and _FIELD.search(pair.raw)):
                    inner[pair.at] = owner
        before = pair
    return inner


def whole_values(line: ParsedLine) -> Iterator[tuple[Pair, str]]:
    """Yield each pair that is one, with its value as it was meant: with the inner pairs."""
    if not line.inner:
        for pair in line.pairs:
            yield pair, pair.raw
        return
    outer = [pair for pair in line.pairs if pair.at not in line.inner]
    ends = [pair.at - 1 for pair in outer[1:]] + [len(line.text)]
    for pair, end in zip(outer, ends, strict=True):
        yield pair, line.text[pair.value_at : end]


def fields_inside(value: str) -> list[str]:
    """Return the names of the fields that a value holds as `name:value`, if they are many."""
    if value.count(":") < MANY_FIELDS or not _FIELD.match(value):
        return []
    names = [found[:-1] for found in _FIELD.findall(value)]
    return names if len(names) >= MANY_FIELDS else []
