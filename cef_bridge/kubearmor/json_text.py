"""A text of JSON as a value, as forgiving as can be without guessing.

In come bytes that may be broken or hostile, out goes the value, or a ValueError whose text is for
people. Must not know what the value means.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import orjson

from cef_bridge.casing import lower_ascii

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_LEVELS = 64  # of lists and maps in one another; OTLP in Elasticsearch has about 20
TOO_DEEP = "nested too deeply"


class NotWorthError(ValueError):
    """A text that is no strict JSON, and not worth reading again."""


def loads(text: bytes, *, worth: Callable[[bytes], bool] | None = None) -> object:
    """Return the JSON value of a text, as forgiving as can be without guessing.

    `worth` is asked of a text that is no strict JSON, whether it is to be read again, which costs
    ten times as much. NotWorthError if it is not.

    orjson first. It refuses invalid UTF-8 and lone surrogates, and turns an integer of 2^64 and
    more into a float, so those texts are read again by the standard library: an argument must not
    be able to push its event into the dead letters. Raises ValueError with a plain reason.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        if worth is not None and not worth(text):
            raise NotWorthError("not JSON") from error
        return _patient(text)
    return _patient(text) if _has_huge_number(value) else value


def several(text: bytes) -> tuple[list[bytes], bytes]:
    """Return the JSON objects and arrays that a text begins with, and what follows them.

    Between them may be a comma, and white space. Each byte is read once.
    """
    found: list[bytes] = []
    decoded = text.decode("latin-1")  # one character a byte: only where values end matters here
    at = _BETWEEN.match(text).end()  # type: ignore[union-attr]  # matches nothing at least
    while text[at : at + 1] in (b"{", b"["):
        try:
            end = _VALUES.raw_decode(decoded, at)[1]
        except (ValueError, RecursionError):
            break
        found.append(text[at:end])
        at = _BETWEEN.match(text, end).end()  # type: ignore[union-attr]  # as above
    return found, text[at:]


_BETWEEN = re.compile(rb"[\s,\0]*+")
_VALUES = json.JSONDecoder(strict=False, parse_int=len)  # a number of any length


def _has_huge_number(value: object) -> bool:
    """Tell whether an integer may have lost digits; a value nested too deeply is refused here."""
    level: list[object] = [value] if isinstance(value, (dict, list)) else []
    huge = False
    for _ in range(MOST_LEVELS):
        deeper: list[object] = []
        for outer in level:
            for inner in outer.values() if isinstance(outer, dict) else outer:  # type: ignore[attr-defined]  # only lists else
                kind = inner.__class__
                if kind is dict or kind is list:
                    deeper.append(inner)
                elif kind is float and abs(inner) >= _EXACT:
                    huge = True
        if not deeper:
            return huge
        level = deeper
    raise ValueError(TOO_DEEP)


_EXACT = 2**53  # from here on a double leaves integers out


def _patient(text: bytes) -> object:
    # A surrogate that stands there as bytes (CESU-8, WTF-8) becomes a replacement mark, too.
    decoded = text.decode("utf-8", "replace")
    try:
        value = json.loads(decoded, strict=False, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        what = _PLAIN.get(error.msg, lower_ascii(error.msg))
        raise ValueError(f"not JSON: {what} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError(TOO_DEEP) from error
    except ValueError as error:  # an integer of more than 4300 digits
        raise ValueError("a number is too long") from error
    _has_huge_number(value)
    return value


_PLAIN = {
    "Expecting value": "a value is missing or malformed",
    "Expecting ',' delimiter": "a comma is missing, or the end was cut off",
    "Expecting ':' delimiter": "a colon is missing, or the end was cut off",
    "Expecting property name enclosed in double quotes": "a field name is missing",
    "Illegal trailing comma before end of object": "a comma has nothing after it",
    "Illegal trailing comma before end of array": "a comma has nothing after it",
    "Unterminated string starting at": "a text has no end; it begins",
    "Extra data": "there is more after the end",
    "Invalid \\escape": "invalid escape: JSON has none for this character",
    "Invalid \\uXXXX escape": "a \\u without four hexadecimal digits",
}
