"""A sample of events to look at again and again: read once, kept as the bytes that they came in.

In come inputs of any format, or a pasted text; out come numbered events, what each is in a few
words, and which fields they have with their most frequent values. The sample is bounded; it says
when there was more. Must not know mappings.
"""

from __future__ import annotations

import io
import json
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Unreadable
from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.fields import find
from cef_bridge.lines.text import sanitize
from cef_bridge.mapping.program.compile import INTERNAL
from cef_bridge.mapping.program.conditions import to_text
from cef_bridge.sources.records.blocks import Block, BrokenLine, Oversized, blocks
from cef_bridge.wording import counted, limit, size

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.sources.files.inputs import Input

MOST_EVENTS = 20_000
MOST_BYTES = 64 << 20
"""Bytes of all events of a sample, as they were read."""
MOST_FIELDS = 2000
_MOST_LOOKED_AT = 2000  # events, of which the values of fields are counted
_SHOWN_VALUES, _SHOWN_LENGTH = 10, 80
_MOST_TITLE, _MOST_WORD = 120, 80

_VERDICTS = {
    "block": "blocked",
    "unblocked": "passed",
    "audit": "audited",
    "allow": "passed",
    "matched": "",
    "passed": "passed",
    "denied": "blocked",
    "failed": "failed",
}


class SampleEvent(NamedTuple):
    """An event: where it stands, the bytes that hold it and no other, or its `fields` where other
    events are in these bytes as well; and what to show of it in a list.
    """

    number: int
    place: str
    line: bytes
    fields: dict[str, object] | None
    type: str
    operation: str
    verdict: str
    title: str
    pod: str
    time: str
    pasted: bool

    @property
    def text(self) -> str:
        """All that a search in a list looks at, in lower case."""
        words = (self.type, self.operation, self.verdict, self.title, self.pod, self.time)
        return "\n".join(words).lower()

    def raw(self) -> dict[str, object]:
        """Return the event's raw fields under KubeArmor's names."""
        if self.fields is not None:
            return self.fields
        for found in EventDecoder().decode(self.line):
            if isinstance(found, Decoded):
                return found.fields
        return {}

    def shown(self) -> str:
        """Return the event as indented JSON, or its line as it was read."""
        if self.fields is not None:
            return json.dumps(self.fields, ensure_ascii=False, indent=2, default=str)
        text = self.line.decode("utf-8", "replace")
        try:
            return json.dumps(json.loads(text), ensure_ascii=False, indent=2)
        except (ValueError, RecursionError):
            return text


class SampleField(NamedTuple):
    """A field that events of the sample have: how many, and its most frequent values."""

    path: str
    about: str
    events: int
    values: tuple[str, ...]


class SampleEvents:
    """The events of some inputs, and those that are pasted later; from several threads, too."""

    def __init__(self, most_events: int = MOST_EVENTS, most_bytes: int = MOST_BYTES) -> None:
        self.events: list[SampleEvent] = []
        self.lines = self.skipped = 0
        self.more = False
        self.unread = ""
        self._most_events = most_events
        self._most_bytes = most_bytes
        self._bytes = 0
        self._pasting = threading.Lock()
        self._fields: Counter[str] = Counter()
        self._values: dict[str, Counter[str]] = {}

    def read(self, inputs: Sequence[Input]) -> None:
        """Take the events of some inputs, up to the limits."""
        for each in inputs:
            for stream in each.streams():
                for event in self._of(blocks(stream), stream.name, pasted=False):
                    if not self._add(event):
                        self.more = True
                        return

    def paste(self, text: str) -> list[int]:
        """Take the events of a text, and return their numbers; UsageError when there are none, or
        no room.
        """
        data = io.BytesIO(text.encode("utf-8", "replace"))
        with self._pasting:
            return self._paste(data)

    def _paste(self, data: io.BytesIO) -> list[int]:
        self.unread = ""
        numbers = []
        for event in self._of(blocks(data), "pasted", pasted=True):
            if not self._add(event):
                raise UsageError(f"the sample is full: {self.limits}. Restart with fewer events.")
            numbers.append(len(self.events))
        if not numbers:
            why = f" {self.unread[:1].upper()}{self.unread[1:]}." if self.unread else ""
            raise UsageError(
                f"the text has no event of KubeArmor.{why} Expected JSON, one event a line."
            )
        return numbers

    @property
    def limits(self) -> str:
        """The limits of the sample, in words."""
        return f"{counted(self._most_events, 'event')}, {limit(self._most_bytes)}"

    def fields(self) -> list[SampleField]:
        """Return the fields of the events, the known ones first, by name."""
        with self._pasting:
            return self._known_fields()

    def _known_fields(self) -> list[SampleField]:
        rows = []
        for path, count in sorted(self._fields.items()):
            if path in INTERNAL:
                continue
            row = find(path)
            frequent = self._values.get(path, Counter()).most_common(_SHOWN_VALUES)
            values = [sanitize(value)[:_SHOWN_LENGTH] for value, _ in frequent]
            rows.append(SampleField(sanitize(path), row.doc if row else "", count, tuple(values)))
        return sorted(rows, key=lambda row: (not row.about, row.path))

    def _add(self, event: SampleEvent) -> bool:
        length = len(event.line) or len(event.shown())
        if len(self.events) >= self._most_events or self._bytes + length > self._most_bytes:
            return False
        self._bytes += length
        self.events.append(event._replace(number=len(self.events) + 1))
        return True

    def _of(self, items: Iterator[object], name: str, *, pasted: bool) -> Iterator[SampleEvent]:
        decoder = EventDecoder()
        for item in items:
            if not isinstance(item, Block):
                self._skip(item)
                continue
            for unit, (line, _) in zip(item.lines, item.places(), strict=False):
                self.lines += 1
                found = [it for it in decoder.decode(unit) if not self._is_skipped(it)]
                for each in found:
                    if isinstance(each, Decoded):
                        place = f"{name}:{line}"
                        alone = unit if len(found) == 1 and _holds(unit, each) else b""
                        yield self._event(each.fields, place, alone, pasted=pasted)

    def _skip(self, item: object) -> None:
        """Count what is no record, and keep why."""
        self.skipped += 1
        if isinstance(item, Oversized):
            self.unread = self.unread or f"A record of {size(item.size)} is too long"
        elif isinstance(item, BrokenLine):
            self.unread = self.unread or item.reason

    def _is_skipped(self, found: object) -> bool:
        is_event = isinstance(found, Decoded)
        self.skipped += not is_event
        if isinstance(found, Unreadable):
            self.unread = self.unread or found.reason
        return not is_event

    def _event(
        self, raw: dict[str, object], place: str, line: bytes, *, pasted: bool
    ) -> SampleEvent:
        event = derive(raw)
        fields = event.fields
        self._count(fields)

        def said(*paths: str, most: int = _MOST_WORD) -> str:
            texts = (to_text(fields.get(path)) for path in paths)
            found = next((text for text in texts if text and not text.isspace()), "")
            return sanitize(found[: most * 2])[:most]

        return SampleEvent(
            number=0,
            place=place,
            line=line,
            fields=None if line else raw,
            type=said("Type"),
            operation=said("Operation"),
            verdict=_VERDICTS.get(event.kind.disposition, ""),
            title=said("Resource", "Message", "Data", "Source", most=_MOST_TITLE),
            pod=said("PodName", "ContainerName", "HostName"),
            time=said("UpdatedTime", "Timestamp"),
            pasted=pasted,
        )

    def _count(self, fields: dict[str, Any]) -> None:
        room = MOST_FIELDS - len(self._fields)
        if len(fields) > room:
            unknown = [path for path in fields if path not in self._fields]
            left_out = set(unknown[room:])
            fields = {path: it for path, it in fields.items() if path not in left_out}
        self._fields.update(fields.keys())
        if len(self.events) >= _MOST_LOOKED_AT:
            return
        for path, value in fields.items():
            values = self._values.get(path)
            if values is None:
                values = self._values[path] = Counter()
            text = (value if value.__class__ is str else to_text(value))[: 2 * _SHOWN_LENGTH]
            values[text] += 1


def _holds(unit: bytes, event: Decoded) -> bool:
    """Tell whether a unit alone gives an event: of a line in parts, each has a part only."""
    if event.raw == unit:
        return True
    again = [it for it in EventDecoder().decode(unit) if isinstance(it, Decoded)]
    return len(again) == 1 and again[0].fields == event.fields
