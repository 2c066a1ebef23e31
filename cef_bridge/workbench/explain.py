"""One event, explained: which rule wrote each key, what it was made of, and what no rule read.

In come a converter and an event's raw fields, out comes an `Explanation`. What a key has is taken
from the hits that the message itself was written from; nothing here evaluates a rule of its own.
Must not know commands or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from cef_bridge.casing import lower
from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.fields import DERIVED
from cef_bridge.lines.text import sanitize
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.language.spec import HEADER_FIELDS, Envelope
from cef_bridge.mapping.language.transforms import find as find_transform
from cef_bridge.mapping.program.compile import HEADER_KEYS, LEFTOVER
from cef_bridge.mapping.program.conditions import getter, to_text
from cef_bridge.mapping.program.header import SETTINGS, names_facility
from cef_bridge.mapping.program.rules import bare, filler, hit_paths, write_hit
from cef_bridge.mapping.program.truncation import TRUNCATED
from cef_bridge.workbench.fates import FieldOutcome, fates, owners_of, raw_fields, sources_of
from cef_bridge.workbench.places import asked, place, said, step_words
from cef_bridge.workbench.reasons import Loser, dropped, losers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cef_bridge.errors import Location
    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.mapping.language.spec import Rule
    from cef_bridge.mapping.program.compile import Output, Program
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.mapping.program.rules import Hit, OutputKey

Replaced: TypeAlias = "Mapping[tuple[str, str], Sequence[Location]]"


class ExplainedKey(NamedTuple):
    """One output key. `value` is what a reader finds, `written` how it stands in the line; `path`
    is the field that the rule took, `sources` the raw fields behind that; `steps` what was done to
    it; `notes` what was cut, escaped or made visible; `lost` the rules that it won against.
    """

    key: str
    value: str
    written: str
    label: str
    rule: str
    path: str
    sources: tuple[str, ...]
    steps: tuple[str, ...]
    notes: tuple[str, ...]
    lost: tuple[Loser, ...]


class Unwritten(NamedTuple):
    """A key of the mapping that is not in this line: what its rules missed, or `truncated`."""

    key: str
    why: tuple[Loser, ...]


class ExplainedField(NamedTuple):
    """A raw field of the event, its value as text, and its fate."""

    value: str
    fate: FieldOutcome


class Explanation(NamedTuple):
    """All of it. `filtered` says what took the event out, "" when nothing did; then there is no
    `message` and there are no rows. `syslog` are the parts of the syslog header that rules choose
    or take from the event, but for a plain `hostname: {from: HostName}`. `size` and `most` are
    bytes, the syslog header included.
    """

    mapping: str
    class_id: str
    filtered: str
    message: str
    size: int
    most: int
    header: tuple[ExplainedKey, ...]
    syslog: tuple[ExplainedKey, ...]
    rows: tuple[ExplainedKey, ...]
    unwritten: tuple[Unwritten, ...]
    fields: tuple[ExplainedField, ...]

    @property
    def unused(self) -> tuple[ExplainedField, ...]:
        """The fields that no rule read."""
        return tuple(field for field in self.fields if not field.fate.keys)


def explain(
    converter: Converter, raw: dict[str, object], replaced: Replaced | None = None
) -> Explanation:
    """Return how an event becomes its line. `replaced`: the parents' rules that the mapping's own
    stand over, as `mapping.load.replaced` gives them.
    """
    program = converter.program
    event = derive(raw, origin="explain", assumed_time=converter.assumed_time)
    name, class_id = program.mapping.name, event.kind.class_id
    if item := _filter(program, event):
        return Explanation(name, class_id, item, "", 0, converter.max_bytes, (), (), (), (), ())
    output = program.evaluate(event)
    message = converter.write(event, output)
    hits, size = converter.measured(event, output)
    explained = _Explained(converter, event, output, replaced or {})
    fate = {each.path: each for each in fates(program, event, output, hits)}
    return Explanation(
        mapping=name,
        class_id=class_id,
        filtered="",
        message=message,
        size=size,
        most=converter.max_bytes,
        header=explained.header(),
        syslog=explained.syslog(),
        rows=tuple(explained.row(hit, fate) for hit in hits),
        unwritten=explained.unwritten(hits),
        fields=tuple(_field(value, fate[path]) for path, value in raw_fields(event)),
    )


def _field(value: object, fate: FieldOutcome) -> ExplainedField:
    """What an event says, fit to be looked at: names and texts are whoever's wrote the event."""
    return ExplainedField(sanitize(to_text(value)), fate._replace(path=sanitize(fate.path)))


def _filter(program: Program, event: Event) -> str:
    """Return what takes an event out: the item's place and conditions, or the named filter."""
    index = program.taken_out_by(event.fields)
    if index is None:
        return ""
    if index < 0:
        return f"keep_events, {place(program.keeps[0][0].at)}: none of its items holds"
    named = [name for name in program.mapping.filters for _ in FILTERS[name]]
    item = program.filters[index]
    conditions = ", ".join(asked(condition) for condition in item)
    if index < len(named):
        return f"filter {named[index]}: {conditions}"
    return f"drop_events, {place(item[0].at)}: {conditions}"


class _Explained:
    """The event in hand, with what its rows have in common."""

    def __init__(
        self, converter: Converter, event: Event, output: Output, replaced: Replaced
    ) -> None:
        self._program = converter.program
        self._syslog = converter.syslog
        self._format = converter.program.format
        self._most = converter.max_bytes
        self._event = event
        self._replaced = replaced
        self._slots = {slot.key: slot for slot in self._program.slots}
        self._meant = {hit.key: hit for hit in output.hits}
        self._header = output.header
        self._header_hits = output.header_hits
        self._owners = owners_of(event)

    def header(self) -> tuple[ExplainedKey, ...]:
        """Return the header's rows."""
        fields = self._event.fields
        rows = []
        names = [name for name in HEADER_FIELDS if name != "severity"]
        for name, slot in zip(names, self._program.header, strict=True):
            found = slot.evaluate(fields)
            value = getattr(self._header, name)
            rows.append(self._header_row(name, value, found, losers(slot, fields, self._format)))
        rated = [hit for hit in self._header_hits if hit.key == HEADER_KEYS["severity"]]
        asked = [*self._program.header_severity]
        if not rated or rated[0].path == "event.severity":
            asked = [*self._program.severity]  # the table decides
        lost = []
        for slot in asked:
            if rated and slot.rules[0] is rated[-1].rule:
                break
            lost += losers(slot, fields, self._format)
        rows.append(self._header_row("severity", self._header.severity, rated[-1:], lost))
        return tuple(rows)

    def syslog(self) -> tuple[ExplainedKey, ...]:
        """Return the rows of the syslog header's parts that the event decides."""
        fields = self._syslog.seen(self._event.fields, int(self._header.severity))
        usual = tuple(map(bare, Envelope().hostname))
        rows = []
        for slot in self._syslog.slots:
            if not slot.paths or tuple(map(bare, slot.rules)) == usual:
                continue
            key = f"syslog.{SETTINGS[slot.key]}"
            hits = self._syslog.hits(slot, fields)
            value = self._syslog.value(slot, fields)
            lost = losers(slot, fields, self._format, self._unfit)
            row = ExplainedKey(key, value, value, "", "", "", (), (), (), tuple(lost))
            if hits:
                row = self._row(hits[0], key, lost)._replace(value=value, written=value)
            rows.append(row)
        return tuple(rows)

    def _unfit(self, hit: Hit) -> str:
        """Tell that a text for the facility names none; the next rule counts then."""
        is_facility = hit.key != self._syslog.facility.key or names_facility(hit.text)
        return "" if is_facility else f"{said(hit.text)} is no syslog facility"

    def _header_row(
        self, name: str, value: str, hits: Sequence[Hit], lost: Sequence[Loser]
    ) -> ExplainedKey:
        over = self._parents("severity" if name == "severity" else "header", name)
        if not hits:
            return ExplainedKey(
                f"header.{name}", value, value, "", "", "", (), (), (), (*lost, *over)
            )
        row = self._row(hits[0], f"header.{name}", (*lost, *over))
        return row._replace(value=value)

    def row(self, hit: Hit, fate: Mapping[str, FieldOutcome]) -> ExplainedKey:
        """Return the row of a hit that stands in the line."""
        slot = self._slots.get(hit.key)
        lost = losers(slot, self._event.fields, self._format) if slot else []
        row = self._row(hit, hit.key, (*lost, *self._parents("extension", hit.key)))
        rest = fate[hit.path].kept if hit.path in fate else ""
        if rest and rest != hit.key:
            return row._replace(notes=(*row.notes, f"the whole text is in {rest}"))
        return row

    def _row(self, hit: Hit, key: str, lost: Sequence[Loser]) -> ExplainedKey:
        return ExplainedKey(
            key=key,
            value=hit.text,
            written=self._format.escape(hit.text),
            label=hit.label,
            rule=self._rule(hit),
            path=sanitize(hit.path if hit.rule.template is None else hit.rule.template),
            sources=self._sources(hit),
            steps=self._steps(hit),
            notes=self._notes(hit),
            lost=tuple(lost),
        )

    def _sources(self, hit: Hit) -> tuple[str, ...]:
        """The raw fields behind the field that a rule took; those of a template."""
        found = [
            path
            for each in hit_paths(hit)
            for path in sources_of(self._event, each, self._owners)
            if (path != each or hit.rule.template is not None) and path in self._event.fields
        ]
        return tuple(sanitize(path) for path in dict.fromkeys(found) if path not in DERIVED)

    def _rule(self, hit: Hit) -> str:
        if hit.key == TRUNCATED:
            return "envelope max_bytes"
        if hit.rule is LEFTOVER:
            return "unmapped: keep"
        if hit.key == self._program.mapping.envelope.leading_key:
            return "envelope leading_key"
        return place(hit.rule.at) or "built in"

    def _steps(self, hit: Hit) -> tuple[str, ...]:
        """What a rule did to the value, in its order; the same functions do it again."""
        rule = hit.rule
        if not hit.path:
            return (
                () if rule is LEFTOVER else ("constant" if rule.value is not None else "default",)
            )
        if rule.spread:
            return (f"spread of {rule.spread}",)
        text = to_text(getter(hit.path)(self._event.fields))
        steps = []
        if rule.template is not None:
            text = filler(rule.template)(self._event.fields) or ""
            steps.append(f"template: {said(text)}")
        for step in rule.via:
            if transform := find_transform(step):
                text = transform(text)
                steps.append(f"via {step_words(step)}: {said(text)}")
        if rule.table:
            rows = {lower(row) for row in rule.table.rows}
            known = lower(text.strip()) in rows
            steps.append(f"table, {said(text)}" if known else f"else, no row for {said(text)}")
        return tuple(steps)

    def _notes(self, hit: Hit) -> tuple[str, ...]:
        """What the value lost or got on its way into the line."""
        notes = []
        if hit.marks:
            notes.append(f"made visible: {', '.join(hit.marks)}")
        if hit.whole:
            row = self._format.key(hit.key)
            own = row is not None and row.max_length == len(hit.text)
            by = f"{hit.key} holds no more" if own else "max_length"
            notes.append(f"cut from {len(hit.whole):,} to {len(hit.text):,} characters: {by}")
        meant = self._meant.get(hit.key)
        if meant is not None and len(meant.text) > len(hit.text):
            before = len(meant.text)
            notes.append(
                f"shortened from {before:,} to {len(hit.text):,} characters: "
                f"the message has {self._most:,} bytes at most"
            )
        if self._format.escape(hit.text) != hit.text:
            escaped = [char for char in "\\=\r\n" if char in hit.text]
            names = ", ".join({"\r": "CR", "\n": "LF"}.get(char, char) for char in escaped)
            notes.append(f"escaped: {names}")
        if hit.path and not hit.whole and (lost := self._replaced_text(hit)):
            notes.append(lost)
        return tuple(notes)

    def _replaced_text(self, hit: Hit) -> str:
        """Tell that the format itself changed a text that no transform or table touched."""
        rule = hit.rule
        if rule.via or rule.table or rule.spread or rule.template or hit.marks:
            return ""
        raw = to_text(getter(hit.path)(self._event.fields))
        pipes = "|" in raw and "|" not in hit.text
        return "| written as /" if pipes else ""

    def _parents(self, section: str, key: str) -> list[Loser]:
        return [
            Loser(place(at), "overridden by your mapping")
            for at in self._replaced.get((section, key), ())
        ]

    def unwritten(self, hits: Sequence[Hit]) -> tuple[Unwritten, ...]:
        """Return the keys that the mapping has rules for and the line has not, with the reasons."""
        written = {hit.key for hit in hits}
        spread = {id(hit.rule) for hit in hits}
        found = []
        for key, rules in self._program.mapping.extension.items():
            if key in written or any(id(rule) in spread for rule in rules):
                continue
            found.append(Unwritten(key, self._reasons(key, rules, self._slots.get(key))))
        return tuple(found)

    def _reasons(
        self, key: str, rules: tuple[Rule, ...], slot: OutputKey | None
    ) -> tuple[Loser, ...]:
        if (meant := self._meant.get(key)) is not None:
            size = len(write_hit(self._format, meant).encode())
            why = f"truncated, {size:,} bytes: the message has {self._most:,} at most"
            return (Loser(place(meant.rule.at), why, refused=True),)
        gone = [Loser(place(at), "drop names what it reads", True) for at in dropped(rules, slot)]
        if slot is None:
            return tuple(gone)
        fields = self._event.fields
        if slot.evaluate(fields):
            why = "drop names what its value was taken from"
            return (Loser(place(slot.rules[0].at), why, refused=True),)
        return (*gone, *losers(slot, fields, self._format))
