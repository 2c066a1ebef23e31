"""Numbers in the forms that emitters give them: numbers, decimal text, floats.

In comes a JSON value, out comes a number or nothing. What a text may be is a grammar of our own:
Python's `int` and `float` take `1_0`, `nan` and the digits of every script. Knows no field.
"""

from __future__ import annotations

import re

_MOST_CHARACTERS = 32
_INTEGER = re.compile(r"[+-]?[0-9]+")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def is_digits(text: str) -> bool:
    """Tell whether a text has digits of ASCII, and nothing else."""
    return text.isascii() and text.isdigit()


def read_number(text: str) -> int | float | None:
    """Return the number that a text of at most 32 characters is, None when it is none.

    ASCII digits with a sign, a point and an exponent (`-5`, `1.5`, `.5`, `1.`, `1.89539e+06`), and
    white space of ASCII around them. What has neither point nor exponent is an integer.
    """
    if len(text) > _MOST_CHARACTERS or not text.isascii():
        return None
    text = text.strip()
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else None


def whole(value: object) -> int | None:
    """Return an integer that came as a number, as text or as a float (1.89539e+06), else None.

    OTLP has doubles, protobuf's JSON has int64 as text, old karmor printed floats. A text is read
    as `read_number` reads it.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, str):
        value = read_number(value)
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, float) and value.is_integer() else None


def is_integer(text: str) -> bool:
    """Tell whether a text is a decimal integer of at most 64 bits with sign."""
    digits = text.removeprefix("-")
    return is_digits(digits) and len(digits) <= 19 and -(2**63) <= int(text) < 2**63
