"""A word of a URL or of a config file as a value: numbers, sizes, durations, truth, lists.

In come a declared type (msgspec) and a text, out goes the value, or what is wrong with the text.
The declarations are the structs of `targets` and of `config`: `word` says of a field what it means
and which URLs have it. Must not know which words there are.
"""

from __future__ import annotations

import math
import re
from difflib import get_close_matches
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from msgspec import Meta
from msgspec import inspect as kinds

from cef_bridge.wording import shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}

_NUMBER = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,9})?) ?([A-Za-z]*)")
_BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}
_SECONDS = {"ms": 0.001, "": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
# JSON Schema of what is a number with a unit: both `5` and "5s" are read.
_SCHEMAS: dict[str, dict[str, object]] = {
    "bytes": {"type": ["integer", "string"], "examples": ["64M"]},
    "seconds": {"type": ["number", "string"], "examples": ["5s"]},
}


def setting(
    description: str,
    *,
    of: Sequence[str] = (),
    unit: Literal["bytes", "seconds"] | None = None,
    ge: float | None = None,
    le: float | None = None,
    kind: Literal["plain", "path", "secret", "not in URLs"] = "plain",
    was: str = "",
    values_were: Mapping[str, str] = MappingProxyType({}),
) -> Meta:
    """Return the `Meta` of a field: what it means, which schemes of URLs have it (`of`; all).

    A "path" is relative to the config file; a "secret" is not allowed in a URL. `was` is its name
    in earlier versions, `values_were` maps earlier values to those of today: they are accepted and
    not shown.
    """
    return Meta(
        description=description,
        ge=ge,
        le=le,
        extra={
            "of": tuple(of),
            "unit": unit,
            "kind": kind,
            "was": was,
            "values": dict(values_were),
        },
        extra_json_schema=_SCHEMAS.get(unit or ""),
    )


def extra_of(kind: kinds.Type, name: str) -> object:
    """Return what `word` noted of a field's type under a name; None when nothing."""
    return (kind.extra or {}).get(name) if isinstance(kind, kinds.Metadata) else None


def read(text: str, kind: kinds.Type, unit: object = None) -> tuple[object, str | None]:
    """Return a text as a declared type, and None; or what is expected instead, in words.

    A list is separated by commas. A number without a unit is in bytes or in seconds.
    """
    match kind:
        case kinds.Metadata():
            now = extra_of(kind, "values")
            text = now.get(text, text) if isinstance(now, dict) else text
            return read(text, kind.type, extra_of(kind, "unit") or unit)
        case kinds.UnionType():
            inner = next(it for it in kind.types if not isinstance(it, kinds.NoneType))
            return read(text, inner, unit)
        case kinds.VarTupleType():
            return _list(text, kind.item_type)
        case kinds.LiteralType(values=values):
            if text in values:
                return text, None
            return None, _expected(text, [str(value) for value in values])
        case kinds.BoolType():
            value = TRUTH.get(text.lower())
            return value, None if value is not None else "Expected yes or no."
        case kinds.IntType() | kinds.FloatType():
            return _number(text, kind, unit)
    return text, None if text else "Expected a text that is not empty."


def _list(text: str, kind: kinds.Type) -> tuple[object, str | None]:
    values = []
    for part in text.split(","):
        value, wrong = read(part.strip(), kind)
        if wrong is not None:
            return None, wrong
        values.append(value)
    return tuple(dict.fromkeys(values)), None


def _number(
    text: str, kind: kinds.IntType | kinds.FloatType, unit: object
) -> tuple[object, str | None]:
    units = _BYTES if unit == "bytes" else _SECONDS if unit == "seconds" else {"": 1}
    match = _NUMBER.fullmatch(text)
    if match:
        suffix = match[2] if unit == "seconds" else re.sub(r"i?b$", "", match[2].lower())
        if suffix in units:
            number = float(match[1]) * units[suffix]
            least = kind.ge if kind.ge is not None else 0
            most = kind.le if kind.le is not None else math.inf
            whole = isinstance(kind, kinds.IntType)
            if least <= number <= most and (not whole or number.is_integer()):
                return (int(number) if whole else number), None
    return None, f"Expected {takes(kind, unit)}."


def takes(kind: kinds.Type, unit: object = None) -> str:
    """Return what a declared type takes, in words, as sentences and tables say it."""
    match kind:
        case kinds.Metadata():
            return takes(kind.type, extra_of(kind, "unit") or unit)
        case kinds.UnionType():
            inner = next(it for it in kind.types if not isinstance(it, kinds.NoneType))
            return takes(inner, unit)
        case kinds.VarTupleType():
            if isinstance(kind.item_type, kinds.StrType):
                return "list of texts"
            if isinstance(kind.item_type, kinds.VarTupleType):
                return "list of conditions"
            return f"list of {takes(kind.item_type)}"
        case kinds.LiteralType(values=values):
            return ", ".join(str(value) for value in values)
        case kinds.BoolType():
            return "yes, no"
        case kinds.IntType() | kinds.FloatType():
            what = {"bytes": "a size", "seconds": "a duration"}.get(str(unit), "a number")
            least = shown_number(kind.ge or 0, unit)
            if kind.le is not None:
                return f"{what} from {least} to {shown_number(kind.le, unit)}"
            return f"{what} of {least} or more"
    return "a text"


def shown_number(number: float, unit: object = None) -> str:
    """Return a number as it can be written: 67108864 bytes are `64M`, 3600 seconds `1h`."""
    if unit == "bytes":
        for suffix in ("T", "G", "M", "K"):
            size = _BYTES[suffix.lower()]
            if number >= size and number % size == 0:
                return f"{int(number // size)}{suffix}"
    if unit == "seconds":
        for suffix in ("d", "h", "m"):
            if number >= _SECONDS[suffix] and number % _SECONDS[suffix] == 0:
                return f"{int(number // _SECONDS[suffix])}{suffix}"
        return f"{number:g}s"
    return f"{number:g}" if number < 1e6 else str(int(number))


def quoted(text: str) -> str:
    """Return a foreign text in quotes, at most 60 characters, without terminal escapes."""
    return f'"{shown(text)}"'


def did_you_mean(text: str, known: Iterable[str]) -> str:
    """Return ` Did you mean "x"?`, or nothing."""
    meant = get_close_matches(text.lower()[:200], list(known), 1, 0.6)
    return f' Did you mean "{meant[0]}"?' if meant else ""


def _expected(text: str, known: Sequence[str]) -> str:
    return did_you_mean(text, known).strip() or f"Expected one of: {', '.join(known)}."
