"""Coverage: over all events, which fields are mapped, kept or lost, and which rules ever fire.

In come events, out comes a `Coverage` with counts that add up: every field of every event that was
not rejected has one fate. An event is examined once, and counted as often as there were events that
fared alike. Everything is bounded. Must not know commands or files.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.fields import find
from cef_bridge.lines.text import sanitize
from cef_bridge.mapping.language.spec import NOWHERE
from cef_bridge.mapping.program.conditions import to_text
from cef_bridge.mapping.program.header import SETTINGS
from cef_bridge.workbench.fates import COVERED, fates, raw_fields

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.errors import Location
    from cef_bridge.kubearmor.classes import Class
    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.mapping.program.rules import Hit

MOST_FIELDS = 2000
"""Field names are chosen by whoever writes the events; from here on they are `OTHER`."""
OTHER = "(other fields)"
OTHER_KEYS = "(other keys)"
_MOST_SHARED = 65536
_MOST_SAMPLE = 200

FieldFate = tuple[str, str, str]
"""A field's path, its fate, and the key that it went to; "" for none."""


class Facts(NamedTuple):
    """What one event adds: fates, rules that won, keys that were cut, keys that were given up or
    made shorter for the size of the message.
    """

    kind: Class
    filtered: bool
    fates: tuple[FieldFate, ...]
    fired: tuple[Location, ...] = ()
    cut: tuple[str, ...] = ()
    truncated: tuple[str, ...] = ()


class FieldCount(NamedTuple):
    """One raw field over all events: how often it met which fate, the keys it went to."""

    path: str
    events: int
    fates: dict[str, int]
    keys: tuple[str, ...]
    sample: str
    known: bool


class RuleCount(NamedTuple):
    """One rule of the mapping, and how often it won; `key` is an output key, `header.name`, or
    `syslog.facility`.
    """

    key: str
    at: Location
    fired: int


class Coverage:
    """Adds up what happens to the fields of events."""

    def __init__(self, converter: Converter) -> None:
        self._converter = converter
        self._program = converter.program
        self._fates: dict[str, Counter[str]] = {}
        self._keys: dict[str, dict[str, None]] = {}
        self._samples: dict[str, str] = {}
        self._fired: Counter[Location] = Counter()
        self._shared: dict[FieldFate, FieldFate] = {}
        self.cut: Counter[str] = Counter()
        self.truncated: Counter[str] = Counter()
        self.longest: dict[str, int] = {}

    def examine(self, raw: dict[str, object], origin: str) -> Facts:
        """Return what an event adds, and keep a sample of each field that is new; count nothing."""
        program = self._program
        event = derive(raw, origin=origin)
        if program.filtered(event.fields):
            paths = [path for path, _ in raw_fields(event)]
            self._note(event, paths, ())
            found = tuple(self._one((path, "filtered", "")) for path in paths)
            return Facts(event.kind, filtered=True, fates=found)
        output = program.evaluate(event)
        hits, _ = self._converter.measured(event, output)
        rows = fates(program, event, output, hits)
        self._note(event, [row.path for row in rows], hits)
        syslog = self._converter.syslog
        seen = syslog.seen(event.fields, output.severity)
        chosen = [hit for slot in syslog.choices for hit in syslog.hits(slot, seen)]
        every = [*output.header_hits, *hits, *chosen]
        return Facts(
            event.kind,
            filtered=False,
            fates=tuple(
                self._one((row.path, row.kind, row.keys[0] if row.keys else row.kept))
                for row in rows
            ),
            fired=tuple(dict.fromkeys(hit.rule.at for hit in every if hit.rule.at is not NOWHERE)),
            cut=tuple(hit.key for hit in every if hit.whole),
            truncated=() if hits is output.hits else tuple(_gone(output.hits, hits)),
        )

    def count(self, facts: Facts, number: int) -> None:
        """Add what so many events add."""
        for path, fate, key in facts.fates:
            name = self._name(path)
            self._fates.setdefault(name, Counter())[fate] += number
            keys = self._keys.setdefault(name, {})
            if key and len(keys) < MOST_FIELDS:
                keys[key] = None
        for rule in facts.fired:
            self._fired[rule] += number
        for key in facts.cut:
            self.cut[key] += number
        for key in facts.truncated:
            known = key in self.truncated or len(self.truncated) < MOST_FIELDS
            self.truncated[key if known else OTHER_KEYS] += number

    def fields(self) -> list[FieldCount]:
        """Return the counts of all fields, known ones first, in the order of their names."""
        rows = []
        for path, counts in self._fates.items():
            rows.append(
                FieldCount(
                    sanitize(path),
                    counts.total(),
                    dict(counts),
                    tuple(self._keys.get(path, ())),
                    self._samples.get(path, ""),
                    path == OTHER or find(path) is not None or path == "EventData",
                )
            )
        return sorted(rows, key=lambda row: (not row.known, row.path))

    def rules(self) -> list[RuleCount]:
        """Return every rule of the mapping in its order, and how often it won."""
        mapping = self._program.mapping
        named = [(f"header.{name}", rules) for name, rules in mapping.header.items()]
        named += [("severity", mapping.severity), *mapping.extension.items()]
        choices = self._converter.syslog.choices
        named += [(f"syslog.{SETTINGS[slot.key]}", slot.rules) for slot in choices]
        return [
            RuleCount(key, rule.at, self._fired[rule.at]) for key, rules in named for rule in rules
        ]

    def totals(self) -> Counter[str]:
        """Return how many fields of all events met which fate."""
        return sum(self._fates.values(), Counter())

    def percent(self) -> tuple[float, float]:
        """Return how much of what was not filtered stands in the lines (or is dropped on purpose,
        or says nothing new), and how much of it a rule writes; 100 when there was nothing.
        """
        totals = self.totals()
        present = totals.total() - totals["filtered"]
        if not present:
            return 100.0, 100.0
        covered = sum(totals[kind] for kind in COVERED)
        return 100 * covered / present, 100 * (covered - totals["unmapped"]) / present

    def _name(self, path: str) -> str:
        return path if path in self._fates or len(self._fates) < MOST_FIELDS else OTHER

    def _one(self, row: FieldFate) -> FieldFate:
        """Return a row, the same object for equal ones: there are many sorts of events."""
        if len(self._shared) >= _MOST_SHARED:
            self._shared.clear()
        return self._shared.setdefault(row, row)

    def _note(self, event: Event, paths: Sequence[str], hits: Sequence[Hit]) -> None:
        """Keep a sample of each field, and how long the longest of each cut key was."""
        for path in paths:
            if path not in self._samples and len(self._samples) < MOST_FIELDS:
                text = to_text(event.fields[path])[:_MOST_SAMPLE]
                self._samples[path] = sanitize(text)
        for hit in hits:
            if hit.whole:
                self.longest[hit.key] = max(self.longest.get(hit.key, 0), len(hit.whole))


def _gone(meant: Sequence[Hit], hits: Sequence[Hit]) -> Iterator[str]:
    """Yield the keys that were given up for the size, and those whose text was shortened."""
    kept = {hit.key: hit.text for hit in hits}
    return (hit.key for hit in meant if kept.get(hit.key) != hit.text)
