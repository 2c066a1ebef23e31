"""Bytes of one line or document become events, noise, or something that cannot be read.

`Decoder.decode` takes a unit as `sources` found it: a JSON object in any dialect and wrapper, a
CRI or docker line that may be a part of one, a line with a syslog prefix, or noise. It is one per
input, because container runtimes cut long lines into parts. Nothing is lost: every unit comes back
as an event, as noise, as unreadable, or is the beginning of one that does.
"""

from __future__ import annotations

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
_CRI = re.compile(rb"(\d{4}-\d\d-\d\dT[0-9:.]+(?:Z|[+-]\d\d:\d\d)) (stdout|stderr) ([FP])(?::\S*)? ?")
_LOOKS_LIKE_EVENT = re.compile(
    rb'"(?:operation|type|clustername|hostname|policyname)"\s*:', re.IGNORECASE
)
_MOST_PREFIX = 512  # bytes of syslog or journald prefix before the `{`


class Decoder:
    """Reads the units of one input. `max_record` bounds what parts may join to, in bytes."""

    def __init__(self, *, max_record: int = 1 << 20, input_format: str = "auto") -> None:
        self._max_record = max_record
        self._only = "" if input_format == "auto" else input_format
        self._partial: dict[str, list[bytes]] = {}
        self._partial_bytes: dict[str, int] = {}

    def decode(self, unit: bytes) -> list[Decoded | Noise | Unreadable]:
        """Return what a unit holds; an empty list means it is a part, and the rest is to come."""
        return self._line(unit, None, "", 0)

    def finish(self) -> list[Decoded | Noise | Unreadable]:
        """Return what waits for a rest that will not come."""
        left = [b"".join(parts) for parts in self._partial.values()]
        self._partial.clear()
        return [Unreadable(raw, "the rest of this line never came") for raw in left]

    def _line(
        self, line: bytes, time: int | None, wrapper: str, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        text = line.lstrip(b"\xef\xbb\xbf \t\r\n\x00").rstrip()
        if text[:1] in (b"{", b"["):
            return self._json(text, line, time, wrapper, level)
        if match := _CRI.match(text):
            return self._cri(text, match, level)
        if wrapper != "syslog" and (prefixed := self._after_prefix(text)) is not None:
            return self._json(prefixed, line, time, "syslog", level)
        return [Noise(line)]

    def _after_prefix(self, text: bytes) -> bytes | None:
        start = text.find(b"{", 0, _MOST_PREFIX)
        if start < 0 or not text.endswith(b"}"):
            return None
        return text[start:]

    def _cri(
        self, text: bytes, match: re.Match[bytes], level: int
    ) -> list[Decoded | Noise | Unreadable]:
        stream, kind = match[2].decode(), match[3]
        time = microseconds(match[1].decode())
        return self._joined(text[match.end() :], f"cri {stream}", kind == b"P", time, level)

    def _joined(
        self, part: bytes, key: str, partial: bool, time: int | None, level: int
    ) -> list[Decoded | Noise | Unreadable]:
        """Join the parts of a line that a container runtime cut at 16 KiB."""
        if not partial and key not in self._partial:
            return self._line(part, time, key.partition(" ")[0], level + 1)
        parts = self._partial.setdefault(key, [])
        size = self._partial_bytes.get(key, 0) + len(part)
        self._partial_bytes[key] = size
        if size > self._max_record:
            if partial:  # keep the head for the report, forget the rest, wait for the end
                parts[:] = [b"".join(parts)[:4096]]
                return []
            del self._partial[key], self._partial_bytes[key]
            return [Unreadable(b"".join(parts), f"parts join to {size} bytes, over the limit")]
        parts.append(part)
        if partial:
            return []
        del self._partial[key], self._partial_bytes[key]
        return self._line(b"".join(parts), time, key.partition(" ")[0], level + 1)

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
        if level > 3:
            return [Noise(line)]
        text = found.text.encode("utf-8", "surrogatepass")
        return self._joined(text, f"docker {found.stream}", found.partial, found.time, level)

    def _wanted(self, found: Found, wrapper: str) -> bool:
        return not self._only or self._only in (found.dialect, wrapper)


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
    return _patient(text) if isinstance(value, dict) and _has_huge_number(value) else value


def _has_huge_number(value: dict[str, object]) -> bool:
    return any(type(inner) is float and abs(inner) >= 2**53 for inner in value.values())


def _patient(text: bytes) -> object:
    try:
        return json.loads(
            text.decode("utf-8", "replace"), strict=False, parse_constant=lambda _: None
        )
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {_PLAIN.get(error.msg, error.msg.lower())} at byte {error.pos}") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:  # an integer of more than 4300 digits
        raise ValueError("a number is too long") from error


_PLAIN = {
    "Expecting value": "a value is missing or malformed",
    "Expecting ',' delimiter": "a comma is missing",
    "Expecting ':' delimiter": "a colon is missing",
    "Expecting property name enclosed in double quotes": "a field name is missing",
    "Unterminated string starting at": "a text does not end, from the one that begins",
    "Extra data": "there is more after the end",
}
