"""Bytes of one line or document become events, noise, or something that cannot be read.

`Decoder.decode` takes a unit as `sources` found it: a JSON object in any dialect and wrapper, a
CRI or docker line that may be a part of one, a line with a syslog prefix, or noise. It is one per
input, because container runtimes cut long lines into parts. Nothing is lost: every unit comes back
as an event, as noise, as unreadable, or is the beginning of one that does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import NamedTuple

import orjson

from cef_bridge.events.clock import microseconds
from cef_bridge.events.unwrap import DIALECTS, WRAPPERS, Found, Wrapped, unwrap

INPUT_FORMATS = ("auto", *DIALECTS, *WRAPPERS)


class Noise(NamedTuple):
    """A line that is no event: a log line of the relay, a status line, a blank one."""

    raw: bytes


class Unreadable(NamedTuple):
    """What looks like an event and cannot be read; `reason` is a sentence's worth for people."""

    raw: bytes
    reason: str


class Decoded(NamedTuple):
    """An event's raw fields under KubeArmor's names, and the bytes it was read from."""

    fields: dict[str, object]
    raw: bytes


# CRI: `2023-08-23T18:05:48.303111222Z stdout F message`; P is a part, F the last (or only) one.
_CRI = re.compile(
    rb"(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?::\S*)?(?: |\Z)"
)
# The names that an event has, as keys, or as values in OTLP; inside a docker line the quotes are
# escaped. Only asked when the text is no JSON.
_LOOKS_LIKE_EVENT = re.compile(
    rb'"(?:operation|type|clustername|hostname|policyname|updatedtime|hostpid)\\*"\s*[:,]',
    re.IGNORECASE,
)
_BLANK = b" \t\r\n\x00"
_BOM = b"\xef\xbb\xbf"
_MOST_PREFIX = 512  # bytes of syslog or journald prefix before the `{`
_MOST_PARTIAL = 16  # streams of one input whose lines wait for their rest; a container has two
_MOST_NAME = 64  # characters of such a stream's name
_MOST_WRAPPERS = 3  # around one event: docker in CRI, a syslog prefix inside
_KEPT = 4096  # bytes of what is over the limit, to recognise it by
MOST_LEVELS = 64  # of lists and maps in one another; OTLP in Elasticsearch has about 20


class Decoder:
    """Reads the units of one input. `max_record` bounds what parts may join to, in bytes.

    `pending` is what another Decoder's `pending()` gave: this one goes on where that one was.
    """

    def __init__(
        self, *, max_record: int = 1 << 20, input_format: str = "auto", pending: bytes = b""
    ) -> None:
        self._max_record = max_record
        self._only = "" if input_format == "auto" else input_format
        self._partial: dict[str, list[bytes]] = {}
        self._partial_bytes: dict[str, int] = {}
        for key, (part, size) in _restored(pending).items():
            self._partial[key] = [part]
            self._partial_bytes[key] = size

    def decode(self, unit: bytes) -> list[Decoded | Noise | Unreadable]:
        """Return what a unit holds; an empty list means it is a part, and the rest is to come."""
        return self._line(unit, None, "", 0)

    def pending(self) -> bytes:
        """Return the parts that wait for their rest, as JSON; nothing if none do."""
        if not self._partial:
            return b""
        return orjson.dumps(
            {
                key.encode("utf-8", "replace").decode(): [
                    base64.b64encode(b"".join(parts)).decode(),
                    self._partial_bytes[key],
                ]
                for key, parts in self._partial.items()
            }
        )

    def finish(self) -> list[Decoded | Noise | Unreadable]:
        """Return what waits for a rest that will not come."""
        left = list(self._partial)
        return [self._abandoned(key) for key in left]

    def _line(
        self, line: bytes, time: int | None, wrapper: str, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        text = line.strip(_BLANK)
        if text.startswith(_BOM):
            text = text[len(_BOM) :].lstrip(_BLANK)
        if text[:1] in (b"{", b"["):
            return self._json(text, line, time, wrapper, level)
        if level < _MOST_WRAPPERS and (match := _CRI.match(begun := line.lstrip(_BLANK))):
            # What a part ends with belongs to the text: it may be cut behind a space.
            return self._cri(begun[match.end() :].rstrip(b"\r\n"), match, level)
        if wrapper != "syslog" and (prefixed := _after_prefix(text)) is not None:
            return self._json(prefixed, line, time, "syslog", level)
        return [Noise(line)]

    def _cri(
        self, message: bytes, match: re.Match[bytes], level: int
    ) -> list[Decoded | Noise | Unreadable]:
        stream, kind = match[2].decode(), match[3]
        time = microseconds(match[1].decode())
        return self._joined(message, f"cri {stream}", kind == b"P", time, level)

    def _joined(
        self, part: bytes, key: str, partial: bool, time: int | None, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        """Join the parts of a line that a container runtime cut at 16 KiB."""
        wrapper = key.partition(" ")[0]
        parts = self._partial.get(key)
        if parts is None and not partial:
            return self._line(part, time, wrapper, level + 1)
        before: list[Decoded | Noise | Unreadable] = []
        if parts and any(map(bytes.strip, parts)) and _is_object(part):
            # The rest of an object is no object: this line is one of its own.
            before = [self._abandoned(key)]
            if not partial:
                return before + self._line(part, time, wrapper, level + 1)
        if parts is None and len(self._partial) >= _MOST_PARTIAL:
            # The name of a stream is whatever the input says; the oldest is given up.
            before.append(self._abandoned(next(iter(self._partial))))
        parts = self._partial.setdefault(key, [])
        size = self._partial_bytes[key] = self._partial_bytes.get(key, 0) + len(part)
        if size <= self._max_record:
            parts.append(part)
        else:
            parts[:] = [b"".join(parts)[:_KEPT]]
        if partial:
            return before
        if size > self._max_record:
            return [self._abandoned(key)]
        del self._partial[key], self._partial_bytes[key]
        return self._line(b"".join(parts), time, wrapper, level + 1)

    def _abandoned(self, key: str) -> Unreadable:
        """Forget the parts of a line, and return what they are."""
        raw, size = b"".join(self._partial.pop(key)), self._partial_bytes.pop(key)
        if size > self._max_record:
            return Unreadable(raw, f"its parts join to {size} bytes, over {self._max_record}")
        return Unreadable(raw, "the rest of this line never came")

    def _json(
        self, text: bytes, line: bytes, time: int | None, wrapper: str, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        try:
            value = loads(text)
        except ValueError as error:
            if _LOOKS_LIKE_EVENT.search(text):
                return [Unreadable(line, str(error))]
            return [Noise(line)]
        results: list[Decoded | Noise | Unreadable] = []
        for found in unwrap(value, time):
            if isinstance(found, Wrapped):
                results += self._wrapped(found, line, level)
            elif found.fields is None or not self._wanted(found, wrapper):
                results.append(Noise(line))
            else:
                results.append(Decoded(found.fields, line))
        return results

    def _wrapped(
        self, found: Wrapped, line: bytes, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        if level >= _MOST_WRAPPERS:
            return [Noise(line)]
        text = found.text.encode("utf-8", "surrogatepass")
        key = f"{found.wrapper} {found.stream[:_MOST_NAME]}"
        return self._joined(text, key, found.partial, found.time, level)

    def _wanted(self, found: Found, wrapper: str) -> bool:
        return not self._only or self._only in (found.dialect, wrapper)


def _restored(pending: bytes) -> dict[str, tuple[bytes, int]]:
    """Return the parts that `pending()` wrote; ValueError when it did not write this."""
    if not pending:
        return {}
    try:
        return {
            str(key): (base64.b64decode(part, validate=True), int(size))
            for key, (part, size) in orjson.loads(pending).items()
        }
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError("the parts of lines that were kept cannot be read") from error


def _after_prefix(text: bytes) -> bytes | None:
    """Return the object after a syslog or journald prefix, whole or cut off; else None."""
    start = text.find(b"{", 0, _MOST_PREFIX)
    if start < 0:
        return None
    rest = text[start:]
    return rest if rest.endswith(b"}") or _LOOKS_LIKE_EVENT.search(rest) else None


def _is_object(text: bytes) -> bool:
    text = text.strip(_BLANK)
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return False
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


_TOO_DEEP = "nested too deeply"


def loads(text: bytes) -> object:
    """Return the JSON value of a text, as forgiving as can be without guessing.

    orjson first. It refuses invalid UTF-8 and lone surrogates, and turns an integer of 2^64 and
    more into a float, so those texts are read again by the standard library: an argument must not
    be able to push its event into the dead letters. Raises ValueError with a plain reason.
    """
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _patient(text)
    return _patient(text) if _has_huge_number(value) else value


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
    raise ValueError(_TOO_DEEP)


_EXACT = 2**53  # from here on a double leaves integers out


def _patient(text: bytes) -> object:
    # A surrogate that stands there as bytes (CESU-8, WTF-8) becomes a replacement mark, too.
    decoded = text.decode("utf-8", "replace")
    try:
        value = json.loads(decoded, strict=False, parse_constant=lambda _: None)
    except json.JSONDecodeError as error:
        what = _PLAIN.get(error.msg, error.msg.lower())
        raise ValueError(f"not JSON: {what} at character {error.pos + 1}") from error
    except RecursionError as error:
        raise ValueError(_TOO_DEEP) from error
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
    "Invalid \\escape": "a backslash stands before a character that JSON has no escape for",
    "Invalid \\uXXXX escape": "a \\u stands without four hexadecimal digits",
}
