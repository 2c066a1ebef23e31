"""A mapping resolved into a program: slots in the line's order, header, filters, leftovers.

In comes a `spec.Mapping`, out comes a `Program` that tells for an event which keys it gets, from
which fields, and what is left of the event. The reference and `explain` run it; the engine runs the
table that is made of it (`table`). Writes no line.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.kubearmor.derive import EVENT_TIME_US
from cef_bridge.kubearmor.fields import DERIVED, RAW
from cef_bridge.kubearmor.numbers import is_digits
from cef_bridge.kubearmor.summary import summary
from cef_bridge.lines import FORMATS, Header
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.language.names import PREFIX, camel
from cef_bridge.mapping.language.spec import HEADER_FIELDS, Mapping, Rule
from cef_bridge.mapping.language.template import paths_of, renamed
from cef_bridge.mapping.program.conditions import all_hold, compact_json, to_text
from cef_bridge.mapping.program.rules import (
    PACES,
    SUSPICIOUS,
    Hit,
    OutputKey,
    bare,
    hit_paths,
    marks_of,
    rule_paths,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from collections.abc import Mapping as MappingType

    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.lines import Format
    from cef_bridge.mapping.program.conditions import Fields

MOST_LEFTOVERS = 64
REST_KEY = f"{PREFIX}Data"
LEFTOVER = Rule()
"""The rule of a hit that `unmapped: keep` made."""

# What a header says when the mapping says nothing; KubeArmor's own events name no version.
_HEADER_DEFAULTS = {
    "device_vendor": (Rule(value="KubeArmor"),),
    "device_product": (Rule(value="KubeArmor"),),
    "device_version": (Rule(from_=("KubeArmorVersion",)), Rule(value="unknown")),
    "device_event_class_id": (Rule(from_=("event.class_id",)),),
    "name": (Rule(from_=("event.name",)),),
    "severity": (Rule(from_=("event.severity",)),),
}
DEFAULT_SEVERITY = 5
HEADER_KEYS = {name: camel("header", name, set()) for name in HEADER_FIELDS}
"""What the hits of the header are called: `headerDeviceVersion`; no line has such a key."""
_JOINTS = {"Tags": ","}
REPEATED = {
    "event.class_id": "device_event_class_id",
    "event.name": "name",
    "event.severity": "severity",
}
"""What the keys that repeat the header read, and the header field that each of them follows."""
SAID = {path: f"header.{name}" for path, name in REPEATED.items()}
"""Where those keys find what the header says."""
INTERNAL = frozenset({EVENT_TIME_US, WRAPPER_TIME, "EventData", SUSPICIOUS, *SAID.values()})


class Output(NamedTuple):
    """What a mapping makes of an event: the header, the hits in the line's order, the severity.

    `header_hits` are those that the header was made of.
    """

    header: Header
    hits: list[Hit]
    severity: int
    header_hits: list[Hit]


class Program:
    """A compiled mapping. Pure: the same event gives the same output."""

    def __init__(self, mapping: Mapping) -> None:
        self.mapping = mapping
        self.format = _format(mapping)
        ipv6 = mapping.envelope.both_families
        self.drops = dropper(mapping.drop_fields)
        header = {
            name: mapping.header.get(name) or _HEADER_DEFAULTS[name] for name in HEADER_FIELDS
        }
        self.repeats = _repeats(header, mapping.extension)
        self.slots = [
            OutputKey(key, tuple(map(self._repeating, kept)), self.format, ipv6=ipv6)
            for key, rules in mapping.extension.items()
            if (kept := self._without_dropped(rules))
        ]
        if mapping.envelope.leading_key:
            first = OutputKey(
                mapping.envelope.leading_key, (Rule(value="1"),), self.format, ipv6=False
            )
            self.slots.insert(0, first)
        # A severity of a table is a number from 1 to 10; LEEF's `sev` has no 0.
        self.severity = [_severity_slot(rule, self.format) for rule in mapping.severity]
        self.header_severity = [_severity_slot(rule, self.format) for rule in header["severity"]]
        self.header = [
            OutputKey(HEADER_KEYS[name], header[name], self.format, ipv6=True)
            for name in HEADER_FIELDS
            if name != "severity"
        ]
        self.filters = [tuple(item) for name in mapping.filters for item in FILTERS[name]] + list(
            mapping.drop_events
        )
        self._filters = [all_hold(item) for item in self.filters]
        self.keeps = mapping.keep_events
        self._keeps = [all_hold(item) for item in self.keeps]
        items = (*self.filters, *self.keeps)
        asked = {condition.path for item in items for condition in item}
        self._filters_ask_mapping = not asked.isdisjoint(("event.severity", "cluster"))
        self.leftovers = UnmappedFields(self)

    def _repeating(self, rule: Rule) -> Rule:
        """A rule that repeats the header reads what the header says, where that is another text;
        of its conditions those on the severity do: there is one of it.
        """
        if not self.repeats:
            return rule
        said = {path: SAID[path] for path in self.repeats}
        from_ = tuple(said.get(path, path) for path in rule.from_)
        template = renamed(rule.template, said) if rule.template is not None else None
        when = tuple(
            replace(each, path=SAID[each.path])
            if each.path == "event.severity" and each.path in self.repeats
            else each
            for each in rule.when
        )
        return replace(rule, from_=from_, template=template, when=when)

    def _without_dropped(self, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        """Rules without the paths that `drop_fields` names; a rule that read nothing else goes."""
        kept = []
        for rule in rules:
            paths = tuple(path for path in rule.from_ if not self.drops(path))
            spread = rule.spread if rule.spread and not self.drops(rule.spread) else None
            gone = any(map(self.drops, paths_of(rule.template)))
            if (rule.from_ and not paths) or (rule.spread and not spread) or gone:
                continue
            kept.append(replace(rule, from_=paths) if paths != rule.from_ else rule)
        return tuple(kept)

    def filtered(self, fields: Fields) -> bool:
        """Tell whether `drop_events` or a named filter takes the event out, or `keep_events` does
        not name it.
        """
        return self.taken_out_by(fields) is not None

    def taken_out_by(self, fields: Fields) -> int | None:
        """Return the number of the item in `filters` that takes the event out, -1 when it is none
        of `keep_events`; None when it stays. It may ask for what the mapping itself defines.
        """
        if self._filters_ask_mapping:
            fields = self.with_own(fields)
        for index, holds in enumerate(self._filters):
            if holds(fields):
                return index
        # What tells of lost and withheld events is not asked for.
        if not self._keeps or fields.get("event.kind") == "event":
            return None
        return None if any(holds(fields) for holds in self._keeps) else -1

    def with_own(self, fields: Fields) -> Fields:
        """Return an event's fields with what the mapping itself defines: severity and cluster."""
        fields = {**fields, "event.severity": _first_severity(self.severity, fields)[0]}
        fields["event.severity"], _ = _first_severity(self.header_severity, fields)
        if self.mapping.cluster:
            fields["cluster"] = self.mapping.cluster
        return fields

    def evaluate(self, event: Event) -> Output:
        """Return the header and the hits for an event, leftovers before `msg`."""
        rated = self.prepare(event)
        header, header_hits = self.header_of(event.fields, rated)
        if self.repeats:
            self._say_header(event, header)
        hits: list[Hit] = []
        last: list[Hit] = []
        for slot in self.slots:
            found = slot.evaluate(event.fields)
            if found and self.mapping.drop_fields:
                found = [hit for hit in found if not self._is_dropped(hit, event)]
            (last if slot.key == "msg" else hits).extend(found)
        left = self.leftovers.of(event, [*header_hits, *hits, *last])
        self._mark_suspicious(event, hits, left, last)
        return Output(header, [*hits, *left, *last], int(header.severity), header_hits)

    def _say_header(self, event: Event, header: Header) -> None:
        """Add to the event's fields what the header says, as a reader finds it there."""
        read = self.format.normalise(header, {})[0]
        for path in self.repeats:
            name = REPEATED[path]
            # LEEF's header has neither name nor severity; other keys say them.
            text = getattr(read, name) or getattr(header, name)
            event.fields[SAID[path]] = int(text) if name == "severity" else text

    def _mark_suspicious(
        self, event: Event, hits: list[Hit], left: list[Hit], last: list[Hit]
    ) -> None:
        """Fill the key that tells what was sanitized; it stands where the mapping has it."""
        marks = {mark for hit in (*hits, *left, *last) for mark in hit.marks}
        if not marks:
            return
        event.fields[SUSPICIOUS] = ",".join(mark for mark in MARKS if mark in marks)
        keys = [slot.key for slot in self.slots]
        for index, slot in enumerate(self.slots):
            if SUSPICIOUS in slot.paths and (found := slot.evaluate(event.fields)):
                before = set(keys[:index])
                place = sum(1 for hit in hits if hit.key in before)
                hits[place:place] = found

    def rated(self, fields: Fields) -> Hit | None:
        """Return what the severity of an event is taken from."""
        return _first_severity(self.severity, fields)[1]

    def prepare(self, event: Event) -> Hit | None:
        """Add to the event's fields what the mapping itself defines: the severity, the cluster.
        Return what the severity was taken from.
        """
        fields = event.fields
        if self.mapping.cluster:
            fields["cluster"] = self.mapping.cluster
        fields["event.severity"], rated = _first_severity(self.severity, fields)
        if self.mapping.drop_fields and "event.summary" in fields:
            kept = {
                path: value
                for path, value in fields.items()
                if not self.drops(path)
                and not any(self.drops(held) for held in event.holds.get(path, ()))
            }
            fields["event.summary"] = summary(kept)
        return rated

    def says_cluster(self, fields: Fields) -> bool:
        """Tell whether an event's own name of the cluster is the one that the mapping gives it.

        What writes the one then says all of the other. Another name is kept beside it.
        """
        return bool(self.mapping.cluster) and fields.get("ClusterName") == self.mapping.cluster

    def header_of(self, fields: Fields, event_severity: Hit | None) -> tuple[Header, list[Hit]]:
        """Return the header's texts, raw, and the hits they are from; the severity is 1 to 10.

        `event_severity` is what `prepare` gave.
        """
        hits = []
        texts = []
        for slot in self.header:
            found = slot.evaluate(fields)
            texts.append(found[0].text if found else "unknown")
            hits += found
        severity, rated = _first_severity(self.header_severity, fields)
        if rated:
            hits.append(rated)
            if rated.path == "event.severity":
                hits += [event_severity] if event_severity else []
        return Header._make([*texts, str(severity)]), hits

    def _is_dropped(self, hit: Hit, event: Event) -> bool:
        """A derived value goes nowhere too when `drop_fields` names what it was taken from."""
        if not self.mapping.drop_fields or not hit.path:
            return False
        paths = hit_paths(hit)
        held = [path for each in paths for path in event.holds.get(each, ())]
        owners = [
            field
            for field, rows in event.parts.items()
            for path, _ in rows
            if path in (*paths, *held)
        ]
        return any(self.drops(path) for path in (*held, *owners))


MARKS = ("control", "newline", "bidi", "surrogate", "cef_header")


def _format(mapping: Mapping) -> Format:
    envelope = mapping.envelope
    if mapping.format == "leef":
        return FORMATS["leef"](
            version=envelope.leef_version,
            delimiter=envelope.delimiter,
            defang=envelope.defang,
            longest=envelope.max_bytes,
        )
    return FORMATS["cef"](
        pipe=envelope.pipe,
        defang=envelope.defang,
        version=envelope.cef_version,
        longest=envelope.max_bytes,
    )


def _repeats(
    header: MappingType[str, tuple[Rule, ...]], extension: MappingType[str, tuple[Rule, ...]]
) -> frozenset[str]:
    """Return what keys of the extension read that repeats the header, and the header says in words
    of its own.
    """
    read = {path for rules in extension.values() for rule in rules for path in rule_paths(rule)}
    return frozenset(
        path
        for path, name in REPEATED.items()
        if path in read and not _is_repeated(header[name], path)
    )


def _is_repeated(rules: tuple[Rule, ...], path: str) -> bool:
    """Tell whether rules give what a path has, and nothing else."""
    return [bare(rule) for rule in rules] == [Rule(from_=(path,))]


def repeats_the_table(mapping: Mapping) -> bool:
    """Tell whether the severity in the header is that of `severity`, for all events."""
    rules = mapping.header.get("severity") or _HEADER_DEFAULTS["severity"]
    return _is_repeated(rules, "event.severity")


def rates(mapping: Mapping) -> Callable[[Fields], Hit | None]:
    """Return what a mapping takes the severity in the header from; None: no rule says one, and the
    severity is `DEFAULT_SEVERITY`. The mapping's envelope may be faulty.
    """
    fmt = FORMATS[mapping.format]()
    table = [_severity_slot(rule, fmt) for rule in mapping.severity]
    rules = mapping.header.get("severity") or _HEADER_DEFAULTS["severity"]
    header = [_severity_slot(rule, fmt) for rule in rules]

    def rate(fields: Fields) -> Hit | None:
        severity, by_table = _first_severity(table, fields)
        found = _first_severity(header, {**fields, "event.severity": severity})[1]
        return by_table if found and found.path == "event.severity" else found

    return rate


def _severity_slot(rule: Rule, fmt: Format) -> OutputKey:
    return OutputKey(HEADER_KEYS["severity"], (rule,), fmt, ipv6=False)


def _first_severity(slots: list[OutputKey], fields: Fields) -> tuple[int, Hit | None]:
    """The first of some rules that gives a number from 1 to 10; 0 does not exist in LEEF."""
    for slot in slots:
        for hit in slot.evaluate(fields):
            text = hit.text
            if is_digits(text) and len(text) <= 2 and 1 <= int(text) <= 10:
                return int(text), hit
    return DEFAULT_SEVERITY, None


def dropper(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a test of a path against `drop_fields`: names, what is below them, and globs."""
    names = {pattern for pattern in patterns if not set(pattern) & set("*?[")}
    globs = tuple(pattern for pattern in patterns if pattern not in names)
    for name in tuple(names):
        globs += (f"{name}.*",)  # Owner drops Owner.Name

    def drops(path: str) -> bool:
        return path in names or any(fnmatchcase(path, glob) for glob in globs)

    return drops


class UnmappedFields:
    """What no rule took: `unmapped: keep` writes it as `KubeArmor<Field>`, one key a field."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._keep = program.mapping.unmapped == "keep"
        mapping = program.mapping
        taken = {*mapping.extension, REST_KEY}
        taken |= {f"{key}Label" for key in mapping.extension}
        taken |= {mapping.envelope.leading_key or "", f"{PREFIX}Truncated"}
        if mapping.envelope.sequence:  # written behind all others, when a queue takes the message
            taken |= {f"{PREFIX}Queue", f"{PREFIX}Seq"}
        self._names: dict[str, str] = {
            "Data": REST_KEY if REST_KEY not in mapping.extension else ""
        }
        if not self._names["Data"]:
            del self._names["Data"]
        firsts = {camel(PREFIX, path, set()) for path in RAW}
        self.reserved = frozenset(taken | firsts)
        for path in RAW:
            if path not in self._names:
                self._names[path] = camel(PREFIX, path, taken)
        self._rank = {path: (PACES.index(row.pace), i) for i, (path, row) in enumerate(RAW.items())}

    @property
    def known(self) -> list[tuple[str, str]]:
        """KubeArmor's fields and the keys they get, in the order they are written."""
        return [(path, self._names[path]) for path in sorted(RAW, key=self._rank.__getitem__)]

    def name(self, path: str, used: set[str]) -> str:
        """Return the key that a field gets when no rule takes it, and note it in `used`."""
        if known := self._names.get(path):
            used.add(known)
            return known
        return camel(PREFIX, path, used)

    def of(self, event: Event, hits: list[Hit]) -> list[Hit]:
        """Return hits for all that the given hits leave of the event, slow fields first."""
        if not self._keep:
            return []
        return self._hits(self.rest(event, hits))

    def rest(self, event: Event, hits: list[Hit]) -> list[tuple[str, str]]:
        """Return path and raw text of what `of` writes, or would if the mapping kept it."""
        consumed: set[str] = set()
        whole: dict[str, str] = {}
        for hit in hits:
            if not hit.taken:
                continue
            for path in hit_paths(hit):
                consumed.add(path)
                held = event.holds.get(path, ())
                consumed.update(held)
                if hit.whole:
                    whole[held[0] if held else path] = hit.whole
        if self._program.says_cluster(event.fields) and "cluster" in consumed:
            consumed.add("ClusterName")
        left: list[tuple[str, str]] = []
        fields = event.fields
        for path, value in fields.items():
            if path in DERIVED or path in INTERNAL or path.startswith(("data.", "EventData.")):
                continue
            if text := self._text(path, value, event, consumed, whole):
                left.append((path, text))
        if "EventData" in fields and (text := self._text("EventData", "", event, consumed, whole)):
            left.append(("EventData", text))
        left.sort(key=lambda row: self._rank.get(row[0], (len(PACES), 0)))
        return left

    def _text(
        self,
        path: str,
        value: object,
        event: Event,
        consumed: set[str],
        whole: MappingType[str, str],
    ) -> str:
        """What is left of a field as text, "" when nothing is."""
        if path in whole:
            return whole[path]
        drops = self._program.drops
        if path in consumed or path in event.spare or drops(path):
            return ""
        rows = event.parts.get(path)
        if rows is None:
            return to_text(value)
        left = [
            raw
            for part, raw in rows
            if part not in consumed and part not in event.spare and not drops(part)
        ]
        if len(left) == len(rows) and path != "EventData":
            return to_text(value)
        return _JOINTS.get(path, " ").join(left)

    def _hits(self, left: Iterable[tuple[str, str]]) -> list[Hit]:
        fmt = self._program.format
        used = set(self.reserved)
        hits: list[Hit] = []
        over: dict[str, str] = {}
        for path, text in left:
            neutral = fmt.neutral(text)
            if not neutral:
                continue
            if len(hits) >= MOST_LEFTOVERS:
                over[path] = text
                continue
            key = self.name(path, used)
            hits.append(Hit(key, neutral, "", path, LEFTOVER, "", True, marks_of(text)))
        if over:
            text = compact_json(over)
            rest = fmt.neutral(text)
            for index, hit in enumerate(hits):
                if hit.key == REST_KEY:
                    hits[index] = hit._replace(text=f"{hit.text} {rest}")
                    break
            else:
                hits.append(Hit(REST_KEY, rest, "", "", LEFTOVER, "", True, marks_of(text)))
        return hits
