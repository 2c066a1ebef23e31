"""Integers in the forms that emitters give them: numbers, decimal text, floats.

In comes a JSON value, out comes an integer or nothing. Knows no field.
"""

from __future__ import annotations

_MOST_DIGITS = 32


def whole(value: object) -> int | None:
    """Return an integer that came as a number, as text or as a float (1.89539e+06), else None.

    OTLP has doubles, protobuf's JSON has int64 as text, old karmor printed floats.
    """
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    if isinstance(value, str) and len(value) <= _MOST_DIGITS and value.isascii():
        digits = value.strip()
        if digits.removeprefix("-").isdigit():
            return int(digits)
        try:
            return whole(float(digits))
        except ValueError:
            return None
    return None
