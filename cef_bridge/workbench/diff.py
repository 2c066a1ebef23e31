"""Two mappings over the same events: keys gained, lost and changed, severities moved, bytes grown.

In come the two messages of each event, out comes a `Diff` with counts of keys, of severities, of
events that are the same, and of bytes. What differs is read from the messages themselves; nothing
is evaluated here. Everything is bounded. Must not know commands or files.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.lines.message import Header
from cef_bridge.mapping.language.spec import HEADER_FIELDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.program.converter import Converter

Change = tuple[str, str]
"""What happened to a key: ("gained" | "lost" | "changed", key); header fields are `header.name`."""

MOST_KEYS = 2000
"""Keys made of field names have no end; from here on they are `OTHER`."""
OTHER = "(other keys)"
_LONGEST_SAMPLE = 200
_MOST_LINES = 20

_Texts: TypeAlias = "dict[str, str]"


class Sample(NamedTuple):
    """A key's text before and after; None where the line has no such key."""

    before: str | None
    after: str | None


class MessagePair(NamedTuple):
    """An event's whole messages by the old mapping and by the new one."""

    before: str
    after: str


class Made(NamedTuple):
    """A message that a mapping made of an event, and its severity. `begin`: where the event's line
    begins in the bytes in hand, -1 where nobody knows.
    """

    message: bytes
    severity: int
    begin: int = -1


class Diff:
    """Compares what two converters make of events. `bytes` and `messages` are (old, new).

    `only_old` and `only_new` were converted by one and filtered by the other; `first` and `last`
    are the times of the first and the last event in epoch microseconds, 0 where none says one. A
    class that needs each message says so with `needs_each`: then `add_same` is not called.
    """

    needs_each = False

    def __init__(self, old: Converter, new: Converter) -> None:
        self.same = self.different = self.filtered = self.only_old = self.only_new = 0
        self.first = self.last = 0
        self.bytes = [0, 0]
        self.messages = [0, 0]
        self.changes: Counter[Change] = Counter()
        self.severities: Counter[tuple[str, str]] = Counter()
        self.samples: dict[Change, Sample] = {}
        self.lines: list[MessagePair] = []
        self._readers = (_Reader(old), _Reader(new))
        self._comparable = old.program.format.name == new.program.format.name
        self._known: set[Change] = set()

    def add(self, old: Made | None, new: Made | None) -> None:
        """Add an event; None: the mapping filters it."""
        for side, made in enumerate((old, new)):
            if made is not None:
                self.bytes[side] += len(made.message)
                self.messages[side] += 1
        if old is None or new is None:
            self.filtered += old is new
            self.only_old += old is not None
            self.only_new += new is not None
        elif old.message == new.message:
            self.same += 1
        else:
            self.different += 1
            self._compare(old, new)

    def add_same(self, messages: int, size: int, filtered: int = 0) -> None:
        """Add events of which both mappings made the same: messages of so many bytes in all."""
        self.same += messages
        self.filtered += filtered
        for side in (0, 1):
            self.bytes[side] += size
            self.messages[side] += messages

    def add_time(self, micros: int) -> None:
        """Note when an event happened; 0: nothing says so."""
        if micros:
            self.first = min(self.first or micros, micros)
            self.last = max(self.last or micros, micros)

    def _compare(self, old: Made, new: Made) -> None:
        if old.severity != new.severity:
            self.severities[str(old.severity), str(new.severity)] += 1
        lines = MessagePair(old.message.decode(), new.message.decode())
        before, after = (
            reader.read(line) for reader, line in zip(self._readers, lines, strict=True)
        )
        changes = [*self._header_changes(before, after), *self._key_changes(before, after)]
        for change in changes:
            self.changes[self._name(change)] += 1
        fresh = [change for change in changes if change not in self.samples]
        for change in fresh[: MOST_KEYS - len(self.samples)]:
            self.samples[change] = Sample(before.sample(change[1]), after.sample(change[1]))
        if len(self.lines) < _MOST_LINES and (fresh or not self.lines):
            self.lines.append(lines)

    def _header_changes(self, before: _Parts, after: _Parts) -> Iterator[Change]:
        """Yield the header's fields that differ; the severity is counted apart."""
        if before.header == after.header and self._comparable:
            return
        one, two = before.read_header(), after.read_header()
        for name, old, new in zip(HEADER_FIELDS, one, two, strict=True):
            if old != new and name != "severity":
                yield "changed", f"header.{name}"

    def _key_changes(self, before: _Parts, after: _Parts) -> Iterator[Change]:
        old, new = before.keys, after.keys
        if not self._comparable:  # the formats escape in different ways
            old, new = (
                {key: parts.unescaped(text) for key, text in parts.keys.items()}
                for parts in (before, after)
            )
        touched = {key for key, _ in old.items() ^ new.items()}
        touched |= {key.removesuffix("Label") for key in touched}
        for key in sorted(touched):
            was, is_ = _told(old, key), _told(new, key)
            if was != is_:
                yield "gained" if was is None else "lost" if is_ is None else "changed", key

    def _name(self, change: Change) -> Change:
        if change not in self._known:
            if len(self._known) >= MOST_KEYS:
                return change[0], OTHER
            self._known.add(change)
        return change


def _told(keys: _Texts, key: str) -> tuple[str, str | None] | None:
    """Return a key's text and its label; None when the line has no such key. A label is no key."""
    text = keys.get(key)
    if text is None or (key.endswith("Label") and key.removesuffix("Label") in keys):
        return None
    return text, keys.get(f"{key}Label")


class _Parts(NamedTuple):
    """A message in parts, as they stand in it: the header's fields, and the text of each key."""

    header: list[str]
    keys: _Texts
    escapes: bool

    def read_header(self) -> Header:
        """Return the header as a reader finds it; LEEF has neither name nor severity."""
        fields = [self.unescaped(text) for text in self.header]
        return Header._make([*fields, *[""] * (len(HEADER_FIELDS) - len(fields))])

    def unescaped(self, text: str) -> str:
        """Return a text as a reader finds it."""
        if not self.escapes:
            return text
        return (_ESCAPE.sub(_plain, text) if "\\" in text else text).replace(_EQUALS, "=")

    def sample(self, key: str) -> str | None:
        """Return the text of a key or of a header field, None when the line has none."""
        if key.startswith("header."):
            text: str = getattr(self.read_header(), key.removeprefix("header."))
            return text
        told = _told(self.keys, key)
        if told is None:
            return None
        label = f" ({self.unescaped(told[1])})" if told[1] else ""
        return f"{self.unescaped(told[0])[:_LONGEST_SAMPLE]}{label}"


# Stands for an escaped equals sign while the others part keys from values; no message has it.
_EQUALS = "\0"
_ESCAPE = re.compile(r"\\(.)")
_ESCAPED = {"n": "\n", "r": "\r"}
# Spaces in the syslog headers that we write; a time of RFC 3164 has two or three of its own.
_SPACES_5424 = 7
_TIME_3164 = len("Jan  1 00:00:00 ")


def _plain(found: re.Match[str]) -> str:
    return _ESCAPED.get(found[1], found[1])


class _Reader:
    """Takes apart the messages that one converter wrote, and no others: `lines` reads those."""

    def __init__(self, converter: Converter) -> None:
        fmt = converter.program.format
        self._syslog = converter.syslog.kind
        self._is_cef = fmt.name == "cef"
        self._separator = fmt.separator
        leef_2 = not self._is_cef and converter.program.mapping.envelope.leef_version == "2.0"
        # Behind the version: the fields, and LEEF 2.0 has its delimiter there. No field has a pipe.
        self._fields = 6 if self._is_cef else 4
        self._pipes = 1 + self._fields + leef_2

    def read(self, line: str) -> _Parts:
        """Return the parts of a message."""
        if self._syslog == "rfc5424":
            line = line.split(" ", _SPACES_5424)[_SPACES_5424]
        elif self._syslog == "rfc3164":
            line = line[line.index(">") + 1 + _TIME_3164 :].partition(" ")[2]
        pieces = line.split("|", self._pipes)
        header, extension = pieces[1 : 1 + self._fields], pieces[self._pipes]
        if self._is_cef:
            keys = _cef_keys(extension)
        else:
            pairs = (it.partition("=") for it in extension.split(self._separator))
            keys = {name: text for name, _, text in pairs}
        return _Parts(header, keys, self._is_cef)


def _cef_keys(extension: str) -> _Texts:
    """Return the keys of an extension: a key stands between the last space and an equals sign."""
    name, *pieces = extension.replace("\\=", _EQUALS).split("=")
    keys = {}
    for piece in pieces[:-1]:
        keys[name], _, name = piece.rpartition(" ")
    if pieces:
        keys[name] = pieces[-1]
    return keys
