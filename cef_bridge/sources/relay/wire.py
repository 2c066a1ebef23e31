"""Protobuf's wire format, read without a schema: for what KubeArmor's table does not know.

Bytes in, (number, value) pairs out, or None when the bytes are no message. Slow, and meant for the
few messages that the protobuf library refuses and for the few fields that it has no name for.
Source of the rules: "Encoding" of the protobuf documentation.
"""

from __future__ import annotations

import base64

Value = int | bytes

_VARINT, _I64, _LEN, _I32 = 0, 1, 2, 5
_MOST_BYTES = 10  # of a varint
_DEEPEST = 8


def parse(raw: bytes) -> list[tuple[int, Value]] | None:
    """Return the fields of a message in their order; None if it is not one, or is cut."""
    fields: list[tuple[int, Value]] = []
    at, size = 0, len(raw)
    while at < size:
        key, at = _varint(raw, at)
        number, kind = key >> 3, key & 7
        if at < 0 or not 0 < number < 1 << 29:
            return None
        value: Value
        if kind == _VARINT:
            value, at = _varint(raw, at)
            if at < 0:
                return None
        elif kind in (_I64, _I32):
            width = 8 if kind == _I64 else 4
            value = int.from_bytes(raw[at : at + width], "little")
            at += width
        elif kind == _LEN:
            length, at = _varint(raw, at)
            if at < 0:
                return None
            value = raw[at : at + length]
            at += length
        else:  # groups are not of proto3
            return None
        if at > size:
            return None
        fields.append((number, value))
    return fields


def _varint(raw: bytes, at: int) -> tuple[int, int]:
    """Return a number and the place behind it; a place of -1 says that there is none."""
    value = 0
    for index, byte in enumerate(raw[at : at + _MOST_BYTES]):
        value |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return value & (1 << 64) - 1, at + index + 1
    return 0, -1


def signed(value: int, bits: int) -> int:
    """Return a varint as int32 or int64 have it: the high bit is the sign."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def guess(value: object, depth: int = 0) -> object:
    """Return what the value of a field without a name most likely is, as JSON can hold it.

    A number stays one (a negative one has 64 bits on the wire). Bytes are a text if they are UTF-8
    without control characters, else a message if they can be read as one ({"Field1": ...}), else a
    text all the same if they are UTF-8, else base64.
    """
    if not isinstance(value, bytes):
        return signed(value, 64) if isinstance(value, int) else str(value)
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and (text.isprintable() or not value):
        return text
    inner = parse(value) if depth < _DEEPEST else None
    if inner is not None:
        return named(inner, depth + 1)
    return text if text is not None else base64.b64encode(value).decode()


def named(fields: list[tuple[int, Value]], depth: int = 0) -> dict[str, object]:
    """Return fields without a name as {"Field45": value}; one that comes again becomes a list."""
    found: dict[str, object] = {}
    several: dict[str, list[object]] = {}
    for number, raw in fields:
        name, value = f"Field{number}", guess(raw, depth)
        if name in several:
            several[name].append(value)
        elif name in found:
            found[name] = several[name] = [found[name], value]
        else:
            found[name] = value
    return found
