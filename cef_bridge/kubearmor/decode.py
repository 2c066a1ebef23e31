"""Bytes of one line or document become events, noise, or something that cannot be read.

`EventDecoder.decode` takes a unit as `sources` found it: a JSON object in any dialect and wrapper,
a CRI or docker line that may be a part of one, a line with a syslog prefix, or noise. It is one per
input, because container runtimes cut long lines into parts. Nothing is lost: every unit comes back
as an event, as noise, as unreadable, or is the beginning of one that does.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import orjson

from cef_bridge.kubearmor.clock import WRAPPER_TIME, moment
from cef_bridge.kubearmor.json_text import TOO_DEEP, NotWorthError, loads, several
from cef_bridge.kubearmor.names import is_known
from cef_bridge.kubearmor.signs import (
    BLANK,
    CRI,
    after_prefix,
    begins_json,
    has_names,
    is_karmor_text,
    may_be_events,
)
from cef_bridge.kubearmor.torn import whole_events
from cef_bridge.kubearmor.unwrap import DIALECTS, WRAPPERS, Around, Inside, Wrapped, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.kubearmor.unwrap import Item

INPUT_FORMATS = ("auto", *DIALECTS, *WRAPPERS)


class Noise(NamedTuple):
    """A line that is no event: a log line of the relay, a status line, a blank one."""

    raw: bytes


class Unreadable(NamedTuple):
    """What looks like an event and cannot be read; `reason` is a sentence's worth for people, and
    `label` the word for it that counters have.
    """

    raw: bytes
    reason: str
    label: str = "not-json"


class Decoded(NamedTuple):
    """An event's raw fields under KubeArmor's names, and the bytes it was read from; `path` leads
    to it in an envelope.
    """

    fields: dict[str, object]
    raw: bytes
    path: str = ""


Result: TypeAlias = Decoded | Noise | Unreadable


_BOM = b"\xef\xbb\xbf"
_MOST_PARTIAL = 16  # streams of one input whose lines wait for their rest; a container has two
_MOST_NAME = 64  # characters of such a stream's name
_MOST_WRAPPERS = 3  # texts around one event: docker in CRI, a syslog prefix inside
_KEPT = 4096  # bytes of what is over the limit, to recognise it by

_KARMOR = "the text output of karmor cannot be read back. Use karmor logs --json"
_NO_OBJECT = "it has the names of an event, but no readable JSON object"
_UNFINISHED = "the rest of this line never came"
_TORN = "not JSON: the end is missing, and another event begins in the same line"
_MOST_TRIES = 4  # of the first and of the last parts that a line may have begun with
_BEGINS = re.compile(rb'\s*+(?:\{\s*+(?:["}]|\Z)|\[)')
_WRAPPED = f"wrapped in more than {_MOST_WRAPPERS} texts"


class _At(NamedTuple):
    """Where a text was found: the whole line, the time and the name of what is around it, the path
    to it, and how many texts it is inside of.
    """

    line: bytes
    time: int | None = None
    wrapper: str = ""
    path: str = ""
    level: int = 0

    def unreadable(self, reason: str, label: str) -> Unreadable:
        where = f"in {self.path}: " if self.path else ""
        return Unreadable(self.line, where + reason, label)


class EventDecoder:
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
        self._keys: dict[int, tuple[dict[str, object], frozenset[tuple[str, str]]]] = {}
        for key, (parts, size) in _restored(pending).items():
            self._partial[key] = parts
            self._partial_bytes[key] = size

    def decode(self, unit: bytes) -> list[Result]:
        """Return what a unit holds; an empty list means it is a part, and the rest is to come."""
        self._keys.clear()
        return self._line(unit, _At(unit))

    @property
    def waits(self) -> bool:
        """Whether parts of lines wait for their rest."""
        return bool(self._partial)

    def pending(self) -> bytes:
        """Return the parts that wait for their rest, as JSON; nothing if none do."""
        if not self._partial:
            return b""
        return orjson.dumps(
            {
                key.encode("utf-8", "replace").decode(): [
                    [base64.b64encode(part).decode() for part in parts],
                    self._partial_bytes[key],
                ]
                for key, parts in self._partial.items()
            }
        )

    def finish(self) -> list[Result]:
        """Return what waits for a rest that will not come."""
        left = list(self._partial)
        return [self._abandoned(key) for key in left]

    def _line(self, text: bytes, at: _At) -> list[Result]:
        begun = text.strip(BLANK)
        if begun.startswith(_BOM):
            begun = begun[len(_BOM) :].lstrip(BLANK)
        if begins_json(begun):
            return self._json(begun, at)
        if begun[:1] in (b"[", b'"') and (value := _parsed(begun)) is not None:
            return self._items(value if isinstance(value, list) else [value], at)
        if at.level < _MOST_WRAPPERS and (match := CRI.match(unindented := text.lstrip(BLANK))):
            # What a part ends with belongs to the text: it may be cut behind a space.
            message = unindented[match.end() :].rstrip(b"\r\n")
            key, partial = f"cri {match[2].decode()}", match[3] == b"P"
            return self._joined(message, key, partial, at._replace(time=moment(match[1].decode())))
        if is_karmor_text(begun):
            return [at.unreadable(_KARMOR, "karmor-text")]
        if (prefixed := after_prefix(begun)) is not None:
            return self._json(prefixed, at._replace(wrapper="syslog"))
        if has_names(begun):
            return [at.unreadable(_NO_OBJECT, "not-json")]
        return [Noise(at.line)]

    def _joined(self, part: bytes, key: str, partial: bool, at: _At) -> list[Result]:
        """Join the parts of a line that a container runtime cut at 16 KiB."""
        inner = at._replace(line=part, wrapper=key.partition(" ")[0], level=at.level + 1)
        parts = self._partial.get(key)
        if parts is None and not partial:
            return self._line(part, inner)
        before: list[Result] = []
        if parts and any(map(bytes.strip, parts)) and _is_object(part):
            # The rest of an object is no object: this line is one of its own.
            before = [self._abandoned(key)]
            if not partial:
                return before + self._line(part, inner)
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
            return [self._abandoned(key), *self._events(part, inner)]
        del self._partial[key], self._partial_bytes[key]
        return before + self._read(parts, inner)

    def _read(self, parts: Sequence[bytes], at: _At) -> list[Result]:
        """Return what the parts of a line hold, of which the first may be of one that was cut.

        What reading yields decides: the whole of them if it is events, else of the parts that a
        line may have begun with the one that yields the most.
        """
        whole = b"".join(parts)
        best, begin = self._events(whole, at) if len(parts) > 1 else [], 0
        for each in () if best else _may_begin(parts):
            found = self._events(b"".join(parts[each:]), at)
            if len(found) > len(best):
                best, begin = found, each
        if begin:
            return [Unreadable(b"".join(parts[:begin]), _UNFINISHED, "unfinished"), *best]
        return best or self._line(whole, at._replace(line=whole))

    def _events(self, text: bytes, at: _At) -> list[Result]:
        """Return what a text holds if it is events, and nothing that waits or cannot be read."""
        other = EventDecoder(max_record=self._max_record, input_format=self._only or "auto")
        found = other._line(text, at._replace(line=text))
        if other._partial or any(isinstance(each, Unreadable) for each in found):
            return []
        return found if any(isinstance(each, Decoded) for each in found) else []

    def _abandoned(self, key: str) -> Unreadable:
        """Forget the parts of a line, and return what they are."""
        raw, size = b"".join(self._partial.pop(key)), self._partial_bytes.pop(key)
        if size > self._max_record:
            reason = f"its parts join to {size} bytes, over {self._max_record}"
            return Unreadable(raw, reason, "too-long")
        return Unreadable(raw, _UNFINISHED, "unfinished")

    def _json(self, text: bytes, at: _At) -> list[Result]:
        try:
            value = loads(text, worth=may_be_events)
        except NotWorthError:
            return [Noise(at.line)]
        except ValueError as error:
            if at.path and b"\n" in text:  # a text of several lines
                return _told(self._line(each, at) for each in text.split(b"\n")) or [Noise(at.line)]
            if results := self._several(text, at):
                return results
            if begin := whole_events(text):
                torn = at._replace(line=text[:begin]).unreadable(_TORN, "not-json")
                return [torn, *self._line(text[begin:], at._replace(line=text[begin:]))]
            if has_names(text):
                label = "too-deep" if str(error) == TOO_DEEP else "not-json"
                return [at.unreadable(str(error), label)]
            return [Noise(at.line)]
        return self._items(value, at)

    def _several(self, text: bytes, at: _At) -> list[Result]:
        """Return what stands in a line of several values, nothing if it is none.

        What follows the last one is the beginning of one that was cut, or nothing: else the line
        may be one broken event, of which no part is to be taken for the whole.
        """
        values, rest = several(text)
        if not values or values[0] == text or not begins_json(rest or text):
            return []
        lines = [*values, rest] if rest else values
        results = [self._json(each, at._replace(line=each)) for each in lines]
        return _told(results) or [Noise(at.line)]

    def _items(self, value: object, at: _At) -> list[Result]:
        found = unwrap(value, Around(at.path, at.time))
        return [result for item in found for result in self._item(item, at)]

    def _item(self, item: Item, at: _At) -> list[Result]:
        if isinstance(item, Wrapped):
            return self._text(item, at)
        if isinstance(item, Inside):
            return self._inside(item, at)
        if item.fault:
            return [at._replace(path=item.path).unreadable(item.fault, "no-kind")]
        if item.fields is None or (self._only and self._only not in (item.dialect, at.wrapper)):
            return [Noise(at.line)]
        return [Decoded(item.fields, at.line, item.path)]

    def _text(self, found: Wrapped, at: _At) -> list[Result]:
        text = found.text.encode("utf-8", "surrogatepass")
        inner = _At(text, found.time, found.wrapper, found.path, at.level)
        if at.level >= _MOST_WRAPPERS:
            deep = has_names(text)
            return [inner.unreadable(_WRAPPED, "too-deep")] if deep else [Noise(text)]
        if found.wrapper == "docker":
            key = f"{found.wrapper} {found.stream[:_MOST_NAME]}"
            return self._joined(text, key, found.partial, inner)
        return self._line(text, inner._replace(level=at.level + 1))

    def _inside(self, found: Inside, at: _At) -> list[Result]:
        """Return what the values of an object hold, each event once; else what the object is."""
        waits = False
        results: list[Result] = []
        seen: set[frozenset[tuple[str, str]]] = set()
        for items in found.values:
            some = [self._item(item, at) for item in items]
            waits = waits or not all(some)
            new = _told(some)
            if new and len(found.values) > 1:  # shippers leave the text beside what they made of it
                keys = [self._key(each) for each in new]
                new = [it for it, key in zip(new, keys, strict=True) if not key or key not in seen]
                seen.update(keys)
            results += new
        if found.event.fields is None:
            known = bool(results)
        else:
            known = any(isinstance(each, Decoded) and is_known(each.fields) for each in results)
        return results if known or waits else self._item(found.event, at)

    def _key(self, result: Result) -> frozenset[tuple[str, str]]:
        """Return what tells an event from others, worked out once; nothing for what is none."""
        if not isinstance(result, Decoded):
            return frozenset()
        fields = result.fields
        if id(fields) not in self._keys:  # what is kept keeps its id
            pairs = ((name, repr(it)) for name, it in fields.items() if name != WRAPPER_TIME)
            self._keys[id(fields)] = fields, frozenset(pairs)
        return self._keys[id(fields)][1]


def _restored(pending: bytes) -> dict[str, tuple[list[bytes], int]]:
    """Return the parts that `pending()` wrote; ValueError when it did not write this.

    Up to version 0.1 they were one text.
    """
    if not pending:
        return {}
    try:
        return {
            str(key): (
                [
                    base64.b64decode(part, validate=True)
                    for part in ([parts] if isinstance(parts, str) else parts)
                ],
                int(size),
            )
            for key, (parts, size) in orjson.loads(pending).items()
        }
    except (ValueError, TypeError, AttributeError, binascii.Error) as error:
        raise ValueError("the parts of lines that were kept cannot be read") from error


def _parsed(text: bytes) -> object:
    """Return the value of a text, None for what is no JSON."""
    try:
        return loads(text)
    except ValueError:
        return None


def _told(results: Iterable[list[Result]]) -> list[Result]:
    """Return all that is no noise."""
    return [each for some in results for each in some if not isinstance(each, Noise)]


def _may_begin(parts: Sequence[bytes]) -> list[int]:
    """Return with which parts a line may begin, but for the first: few of them, of both ends."""
    last = len(parts) - 1
    begins = [at for at in range(1, last) if _BEGINS.match(parts[at])]
    if len(begins) > 2 * _MOST_TRIES:
        begins = begins[:_MOST_TRIES] + begins[-_MOST_TRIES:]
    return [*begins, last] if last and has_names(parts[last]) else begins


def _is_object(text: bytes) -> bool:
    text = text.strip(BLANK)
    if not (text.startswith(b"{") and text.endswith(b"}")):
        return False
    return _parsed(text) is not None
