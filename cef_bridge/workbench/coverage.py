"""Coverage: over all events, which fields are mapped, kept or lost, and which rules ever fire.

An examiner for `survey`: in come events, out comes a `Coverage` with counts that add up: every
field of every event that was not rejected has one fate. Everything is bounded. Must not know
commands or files.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.derive import derive
from cef_bridge.events.fields import find
from cef_bridge.fastpath.deps import top
from cef_bridge.formats.text import neutralise
from cef_bridge.mapping.conditions import to_text
from cef_bridge.mapping.spec import NOWHERE
from cef_bridge.syslog_writer import SETTINGS
from cef_bridge.workbench.fates import COVERED, Kind, fates
from cef_bridge.workbench.split import HOST, is_regular, own_hits, room, size_of
from cef_bridge.workbench.survey import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.converter import Converter
    from cef_bridge.errors import Location
    from cef_bridge.events.derive import Event
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Hit, Slot
    from cef_bridge.workbench.fates import Fate
    from cef_bridge.workbench.signature import Raw
    from cef_bridge.workbench.split import Split

MOST_FIELDS = 2000
"""Field names are chosen by whoever writes the events; from here on they are `OTHER`."""
OTHER = "(other fields)"
_MOST_FACTS = 16384
_MOST_SAMPLE = 200


class Facts(NamedTuple):
    """What one event, or a part of it, adds: fates, rules that won, keys that were cut or shed."""

    fates: tuple[tuple[str, Kind, str], ...]
    fired: tuple[Location, ...]
    cut: tuple[str, ...]
    shed: tuple[str, ...]


class Part(NamedTuple):
    """The fates and the hits of one side of the split, as they are gathered."""

    rows: list[Fate]
    hits: list[Hit]


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
    """Adds up what happens to the fields of events; the examiner of a survey."""

    def __init__(self, converter: Converter) -> None:
        self.programs: Sequence[Program] = (converter.program,)
        self.hosts: Sequence[Slot] = converter.syslog.choices
        self._converter = converter
        self._program = converter.program
        self._fates: dict[str, Counter[str]] = {}
        self._keys: dict[str, dict[str, None]] = {}
        self._samples: dict[str, str] = {}
        self._fired: Counter[Location] = Counter()
        self._interned: dict[Facts, Facts] = {}
        self.cut: Counter[str] = Counter()
        self.shed: Counter[str] = Counter()
        self.longest: dict[str, int] = {}
        self._own: Callable[[Hit], bool] | None = None

    def examine(
        self, raw: Raw, origin: str, split: Split, _texts: frozenset[str] = frozenset()
    ) -> Look[Facts]:
        """Return what an event adds, told apart by what its container decides and the rest."""
        program = self._program
        event = derive(raw, origin=origin)
        output = program.evaluate(event)
        hits, size = self._converter.measured(event, output)
        rows = fates(program, event, output, hits)
        self._note(event, rows, hits)
        if self._own is None:
            self._own = own_hits(program, split)
        is_own = self._own
        workload, rest = Part([], []), Part([], [])
        for row in rows:
            (workload if top(row.path) in split.workload else rest).rows.append(row)
        for hit in (*output.header_hits, *hits):
            (workload if is_own(hit) else rest).hits.append(hit)
        own = size_of(workload.hits)
        syslog = self._converter.syslog
        fields = syslog.seen(event.fields, output.severity)
        for slot in self.hosts:
            part = workload if HOST in split.keys else rest
            part.hits.extend(syslog.hits(slot, fields))
        shed = () if hits is output.hits else tuple(_gone(output.hits, hits))
        return Look(
            kind=event.kind,
            filtered=program.filtered(event.fields),
            workload=self._facts(workload, ()),
            rest=self._facts(rest, shed),
            regular=hits is output.hits and is_regular(output),
            size=size,
            own=own,
            room=room(program, event, hits),
            most=self._converter.max_bytes,
            alike=True,
        )

    def count(self, facts: Facts, number: int, *, filtered: bool) -> None:
        """Add facts so many times; of a filtered event every field is filtered."""
        for path, kind, key in facts.fates:
            name = self._name(path)
            self._fates.setdefault(name, Counter())["filtered" if filtered else kind] += number
            if key and not filtered:
                self._keys.setdefault(name, {})[key] = None
        if filtered:
            return
        for rule in facts.fired:
            self._fired[rule] += number
        for key in facts.cut:
            self.cut[key] += number
        for key in facts.shed:
            self.shed[key] += number

    def measure(self, raw: Raw, workload: Facts, rest: Facts) -> None:
        """There is nothing that has to be known of each event by itself."""

    def fields(self) -> list[FieldCount]:
        """Return the counts of all fields, known ones first, in the order of their names."""
        rows = []
        for path, counts in self._fates.items():
            rows.append(
                FieldCount(
                    neutralise(path),
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
        named += [(f"syslog.{SETTINGS[slot.key]}", slot.rules) for slot in self.hosts]
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
        return 100 * covered / present, 100 * (covered - totals["kept"]) / present

    def _name(self, path: str) -> str:
        return path if path in self._fates or len(self._fates) < MOST_FIELDS else OTHER

    def _facts(self, part: Part, shed: tuple[str, ...]) -> Facts:
        facts = Facts(
            tuple(
                [(row.path, row.kind, row.keys[0] if row.keys else row.kept) for row in part.rows]
            ),
            tuple(dict.fromkeys([hit.rule.at for hit in part.hits if hit.rule.at is not NOWHERE])),
            tuple([hit.key for hit in part.hits if hit.whole]),
            shed,
        )
        if len(self._interned) >= _MOST_FACTS:
            self._interned.clear()
        return self._interned.setdefault(facts, facts)

    def _note(self, event: Event, rows: Sequence[Fate], hits: Sequence[Hit]) -> None:
        """Keep a sample of each field, and how long the longest of each cut key was."""
        for row in rows:
            if row.path not in self._samples and len(self._samples) < MOST_FIELDS:
                text = to_text(event.fields[row.path])[:_MOST_SAMPLE]
                self._samples[row.path] = neutralise(text)
        for hit in hits:
            if hit.whole and len(self.longest) < MOST_FIELDS:
                self.longest[hit.key] = max(self.longest.get(hit.key, 0), len(hit.whole))


def _gone(meant: Sequence[Hit], hits: Sequence[Hit]) -> Iterator[str]:
    """Yield the keys that were given up for the size, and those whose text was shortened."""
    kept = {hit.key: hit.text for hit in hits}
    return (hit.key for hit in meant if kept.get(hit.key) != hit.text)
