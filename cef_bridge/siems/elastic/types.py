"""Elastic's types: what decode_cef makes of a value by the type of its key.

In come a value and a type, out comes the value as it is stored, or None where it is no value of
that type. The rules are those of beats' decode_cef/cef/types.go, which are Go's parsers.
"""

from __future__ import annotations

import re

from cef_bridge.siems.parsed_line import cef_moment, integer, is_address

_FLOAT = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_MAC = re.compile(
    r"[0-9A-Fa-f]{2}([:-])(?:[0-9A-Fa-f]{2}\1){4}(?:[0-9A-Fa-f]{2}\1[0-9A-Fa-f]{2}\1)?[0-9A-Fa-f]{2}"
    r"|[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2,3}|[0-9A-Fa-f]{12}(?:[0-9A-Fa-f]{4})?"
)
# Go takes a fraction of any length behind the seconds; a zone has one of these forms.
_DATE = re.compile(
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ 0-9]?[0-9] (?:[0-9]{4} )?"
    r"[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:[.,][0-9]{1,9})?"
    r"(?: (?:[A-Z]{3,5}|GMT[+-][0-9]{1,2}|Z|(?:GMT)?[+-][0-9]{2}:[0-9]{2}|[+-][0-9]{4}))?"
)
# ParseInt with base 0: a leading 0 is octal, 0x hexadecimal.
_NUMBER = re.compile(
    r"([+-]?)(?:0[xX]([0-9A-Fa-f_]{1,40})|0[bB]([01_]{1,80})|0[oO]?([0-7_]{0,40})|([1-9][0-9_]{0,40}))"
)
_BASES = (16, 2, 8, 10)


def convert(value: str, kind: str) -> str | None:
    """Return a value as it is stored under a key of a type; None when it is none of that type."""
    if kind in ("ipv4", "ipv6", "ip"):
        return value if is_address(value) else None
    if kind in ("integer", "long"):
        return _integer(value, 32 if kind == "integer" else 64)
    if kind == "float":
        return value if _FLOAT.fullmatch(value) else None
    if kind == "timestamp":
        return _time(value)
    return _mac(value) if kind == "mac" else value


def _integer(value: str, bits: int) -> str | None:
    found = _NUMBER.fullmatch(value)
    if found is None:
        return None
    sign, *digits = found.groups()
    base, text = next((b, d) for b, d in zip(_BASES, digits, strict=True) if d is not None)
    number = str(int(sign + (text.replace("_", "") or "0"), base))
    return number if integer(number, bits) is not None else None


def _time(value: str) -> str | None:
    if integer(value, 64) is not None:
        return cef_moment(value)
    return value if _DATE.fullmatch(value) else None


def _mac(value: str) -> str | None:
    if not _MAC.fullmatch(value):
        return None
    digits = re.sub(r"[:.-]", "", value).lower()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
