"""Two mappings over the same events: keys gained, lost and changed, severities moved, bytes grown.

An examiner for `survey`: in come events, out comes a `Diff` with counts of keys, of severities, of
events that are the same, and of bytes. Everything is bounded. Must not know commands or files.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.derive import derive
from cef_bridge.events.summary import place
from cef_bridge.formats import Header
from cef_bridge.mapping.rules import bare
from cef_bridge.mapping.spec import HEADER_FIELDS
from cef_bridge.workbench.plain import TEXT_PATHS
from cef_bridge.workbench.sizes import Rest, own_bytes, place_bytes, rest_of, size_for
from cef_bridge.workbench.split import (
    HOST,
    SENTENCE,
    changes_always,
    is_regular,
    own_hits,
    room,
)
from cef_bridge.workbench.survey import Look

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.converter import Converter
    from cef_bridge.events.derive import Event
    from cef_bridge.mapping.compile import Output, Program
    from cef_bridge.mapping.rules import Hit, Slot
    from cef_bridge.workbench.signature import Raw
    from cef_bridge.workbench.split import Split

Change = tuple[str, str]
"""What happened to a key: ("gained" | "lost" | "changed", key); header fields are `header.name`."""

MOST_KEYS = 2000
"""Keys made of field names have no end; from here on they are `OTHER`."""
OTHER = "(other keys)"
_LONGEST_SAMPLE = 200
_MOST_LINES = 20
_MOST_FACTS = 16384
_NO_HEADER = Header("", "", "", "", "", "1")


class Facts(NamedTuple):
    """How a part of an event's two lines differs, and how long it is by either mapping.

    `severity` is (before, after) when it moved. `filtered` tells which mapping takes the event out.
    `reordered`: the keys are the same and stand in another order. `own` are bytes of a container's
    part; `rest` is None there.
    """

    changes: tuple[Change, ...] = ()
    severity: tuple[str, str] | None = None
    filtered: tuple[bool, bool] = (False, False)
    reordered: bool = False
    own: tuple[int, int] = (0, 0)
    rest: tuple[Rest, Rest] | None = None


class Sample(NamedTuple):
    """A key's text before and after; None where the line has no such key."""

    before: str | None
    after: str | None


class Lines(NamedTuple):
    """An event's whole messages by the old mapping and by the new one."""

    before: str
    after: str


class Diff:
    """Compares what two converters make of events. `bytes` and `messages` are (old, new).

    `only_old` and `only_new` were converted by one and filtered by the other; `first` and `last`
    are the UpdatedTime of the first and the last event in time.
    """

    def __init__(self, old: Converter, new: Converter) -> None:
        self.programs: Sequence[Program] = (old.program, new.program)
        self.hosts: Sequence[Slot] = (
            *(slot for slot in (*old.syslog.slots, *new.syslog.slots) if slot.paths),
        )
        self.same = self.different = self.filtered = self.only_old = self.only_new = 0
        self.first, self.last = "", ""
        self.bytes = [0, 0]
        self.messages = [0, 0]
        self.changes: Counter[Change] = Counter()
        self.severities: Counter[tuple[str, str]] = Counter()
        self.samples: dict[Change, Sample] = {}
        self.lines: list[Lines] = []
        self._converters = (old, new)
        self._own: list[Callable[[Hit], bool]] = []
        self._known: set[Change] = set()
        self._interned: dict[tuple[Change, ...], tuple[Change, ...]] = {}
        self._same_drops = old.program.mapping.drop == new.program.mapping.drop
        self._wrapped_alike = _wrapping(old) == _wrapping(new)
        self._ordered_alike = _wrapping(old)[1:] != _wrapping(new)[1:] or _in_order(*self.programs)

    def examine(self, raw: Raw, origin: str, split: Split, texts: frozenset[str]) -> Look[Facts]:
        """Return how an event's lines differ, told apart by what its container decides."""
        if not self._own:
            self._own = [own_hits(program, split) for program in self.programs]
        event = derive(raw, origin=origin)
        # Evaluating puts what a mapping defines (severity, cluster) among the event's fields.
        events = (event._replace(fields=dict(event.fields)), event)
        old, new = (
            _side(converter, is_own, raw, each, texts, host_is_own=HOST in split.keys)
            for converter, is_own, each in zip(self._converters, self._own, events, strict=True)
        )
        workload: list[Change] = []
        rest = list(_header_changes(old, new))
        alike = not (old.rest.sentences or new.rest.sentences)
        regular = old.regular and new.regular and place(raw) == place(raw).strip()
        for key in dict.fromkeys((*old.hits, *new.hits)):
            before, after = old.hits.get(key), new.hits.get(key)
            regular = regular and self._is_sure(before, after)
            alike = alike and _is_alike(before, after)
            if change := _change(before, after):
                (workload if self._is_own(before, after) else rest).append((change, key))
        reordered = not (workload or rest) and list(old.hits) != list(new.hits)
        filtered = (old.filtered, new.filtered)
        if not any(filtered):
            self._sample(old, new, (*workload, *rest))
        severity = (old.output.header.severity, new.output.header.severity)
        return Look(
            kind=old.event.kind,
            filtered=any(filtered),
            workload=Facts(self._shared(workload), own=(old.own, new.own)),
            rest=Facts(
                changes=self._shared(rest),
                severity=severity if severity[0] != severity[1] else None,
                filtered=filtered,
                reordered=reordered,
                rest=(old.rest, new.rest),
            ),
            regular=regular and self._ordered_alike,
            size=max(old.size, new.size),
            own=max(old.own, new.own),
            room=min(old.room, new.room),
            most=min(converter.max_bytes for converter in self._converters),
            alike=alike,
        )

    def count(self, facts: Facts, number: int, *, filtered: bool) -> None:
        """Add what differs so many times; an event that a mapping filters is not compared."""
        if filtered:
            if facts.filtered == (True, True):
                self.filtered += number
            elif facts.filtered[0]:
                self.only_new += number
            elif facts.filtered[1]:
                self.only_old += number
            return
        for change in facts.changes:
            self.changes[self._name(change)] += number
        if facts.severity:
            self.severities[facts.severity] += number

    def measure(self, raw: Raw, workload: Facts, rest: Facts) -> None:
        """Add an event's bytes and its time, and whether its lines are the same."""
        assert rest.rest is not None  # noqa: S101 - for mypy: the rest of an event has it
        where = place(raw) if rest.rest[0].sentences or rest.rest[1].sentences else ""
        for side in (0, 1):
            if not rest.filtered[side]:
                fmt = self.programs[side].format
                size = size_for(fmt, raw, workload.own[side], rest.rest[side], where)
                self.bytes[side] += size
                self.messages[side] += 1
        if not (rest.filtered[0] or rest.filtered[1]):
            if workload.changes or rest.changes or rest.severity or rest.reordered:
                self.different += 1
            elif self._wrapped_alike:
                self.same += 1
            else:
                self.different += 1
        stamp = raw.get("UpdatedTime")
        if isinstance(stamp, str) and stamp[10:11] == "T" and stamp[26:] == "Z":
            self.first = stamp if stamp < (self.first or "~") else self.first
            self.last = max(stamp, self.last)

    def _is_own(self, before: Hit | None, after: Hit | None) -> bool:
        return all(
            hit is None or is_own(hit)
            for is_own, hit in zip(self._own, (before, after), strict=True)
        )

    def _is_sure(self, before: Hit | None, after: Hit | None) -> bool:
        """Tell whether two texts that change with every event are equal in all, or in none."""
        if before is None or after is None:
            return True
        if not (changes_always(before.path) or changes_always(after.path)):
            return True
        same = before.path == after.path and bare(before.rule) == bare(after.rule)
        return same and (before.path != SENTENCE or self._same_drops)

    def _shared(self, changes: Sequence[Change]) -> tuple[Change, ...]:
        """Return the changes, the same object for equal ones: there are few sorts of events."""
        if len(self._interned) >= _MOST_FACTS:
            self._interned.clear()
        return self._interned.setdefault(tuple(changes), tuple(changes))

    def _name(self, change: Change) -> Change:
        if change not in self._known:
            if len(self._known) >= MOST_KEYS:
                return change[0], OTHER
            self._known.add(change)
        return change

    def _sample(self, old: _Side, new: _Side, changes: Sequence[Change]) -> None:
        """Keep the texts of a change that was not met before, and the lines that show it."""
        fresh = [change for change in changes if change not in self.samples]
        for change in fresh[: MOST_KEYS - len(self.samples)]:
            self.samples[change] = Sample(old.text(change[1]), new.text(change[1]))
        if len(self.lines) < _MOST_LINES and (fresh or not self.lines):
            lines = Lines(
                *(
                    converter.write(side.event, side.output)
                    for converter, side in zip(self._converters, (old, new), strict=True)
                )
            )
            if lines.before != lines.after:
                self.lines.append(lines)


class _Side(NamedTuple):
    """An event by one of the mappings."""

    event: Event
    output: Output
    header: Header
    hits: dict[str, Hit]
    filtered: bool
    regular: bool
    size: int
    own: int
    rest: Rest
    room: int

    def text(self, key: str) -> str | None:
        """Return the text of a key or of a header field, None when the line has none."""
        if key.startswith("header."):
            text: str = getattr(self.header, key.removeprefix("header."))
            return text
        hit = self.hits.get(key)
        if hit is None:
            return None
        label = f" ({hit.label})" if hit.label else ""
        return f"{hit.text[:_LONGEST_SAMPLE]}{label}"


def _side(
    converter: Converter,
    is_own: Callable[[Hit], bool],
    raw: Raw,
    event: Event,
    texts: frozenset[str],
    *,
    host_is_own: bool,
) -> _Side:
    program, fmt = converter.program, converter.program.format
    output = program.evaluate(event)
    hits, size = converter.measured(event, output)
    mine = [hit for hit in hits if is_own(hit)]
    host = converter.syslog.host_size(event.fields) if host_is_own else 0
    own = own_bytes(fmt, mine, host)
    where = place_bytes(fmt, place(event.fields))
    others = [hit for hit in hits if not is_own(hit)]
    # What was shortened to fit is what it is.
    usual = texts if hits is output.hits else frozenset[str]()
    rest = rest_of(fmt, raw, event, others, size - own, where, usual)
    return _Side(
        event=event,
        output=output,
        header=fmt.normalise(output.header, {})[0],
        hits={hit.key: hit for hit in hits},
        filtered=program.filtered(event.fields),
        regular=is_regular(output) and hits is output.hits,
        size=size,
        own=own,
        rest=rest,
        room=room(program, event, hits),
    )


def _is_alike(before: Hit | None, after: Hit | None) -> bool:
    """Tell whether two texts are equal whatever they are, or not made of what may be any text."""
    if before is None or after is None:
        return True
    if not (before.path in TEXT_PATHS or after.path in TEXT_PATHS):
        return True
    return before.path == after.path and bare(before.rule) == bare(after.rule)


def _change(before: Hit | None, after: Hit | None) -> str:
    if before is None or after is None:
        return "gained" if before is None else "lost"
    return "changed" if (before.text, before.label) != (after.text, after.label) else ""


def _header_changes(old: _Side, new: _Side) -> Iterator[Change]:
    """Yield the header's fields that differ as they are written; the severity is counted apart."""
    for name, before, after in zip(HEADER_FIELDS, old.header, new.header, strict=True):
        if before != after and name != "severity":
            yield "changed", f"header.{name}"


def _in_order(old: Program, new: Program) -> bool:
    """Tell whether the keys that both mappings have stand in the same order in both."""
    before, after = ([slot.key for slot in program.slots] for program in (old, new))
    both = set(before) & set(after)
    return [key for key in before if key in both] == [key for key in after if key in both]


def _wrapping(converter: Converter) -> tuple[object, ...]:
    """What makes two lines differ whatever the event is: the syslog header, the format's marks."""
    envelope = converter.program.mapping.envelope
    header: tuple[object, ...] = ()
    if converter.syslog.kind != "none":
        rules = [tuple(map(bare, slot.rules)) for slot in converter.syslog.slots]
        header = (converter.syslog.kind, envelope.time_zone, *rules)
    fmt = converter.program.format
    return (header, fmt.head(_NO_HEADER), fmt.separator)
