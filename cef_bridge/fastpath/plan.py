"""A plan: how to write the events of one verdict, with all that is known of them done already.

In come a first event of its kind and the compiled mapping, out comes a `Plan`: constant texts, and
a segment for each thing that changes from event to event. Rules whose conditions are decided by
the verdict are gone. When anything is not sure to be the same as on the plain path, there is no
plan (`None`) and the events of that kind take the plain path. tests/test_fastpath.py holds the two
against each other. This module has the order of the steps; each step has its own.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.derive import INTEGERS
from cef_bridge.fastpath.deps import WORKLOAD
from cef_bridge.fastpath.draft import Draft, NoPlan
from cef_bridge.fastpath.joints import join, joints_of
from cef_bridge.fastpath.leftovers import add_leftovers
from cef_bridge.fastpath.segments import (
    Guard,
    Integer,
    Irregular,
    Joined,
    Text,
    WorkloadPiece,
    remember_second,
)
from cef_bridge.fastpath.sieve import sieve_of
from cef_bridge.fastpath.slots import add_slot
from cef_bridge.fastpath.template import compile_parts
from cef_bridge.formats import Header

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.events.classes import Class
    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.draft import Seen, Shared
    from cef_bridge.fastpath.segments import Joint, Part, Raw
    from cef_bridge.fastpath.sieve import Sieve
    from cef_bridge.fastpath.workloads import Workload
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.conditions import Fields
    from cef_bridge.mapping.rules import Hit, Slot
    from cef_bridge.mapping.spec import Rule


class Plan(NamedTuple):
    """How to write the events of one verdict: `render(raw, workload)` gives the message without
    its syslog header, whose priority is `pri`.

    `head`, `parts` and `joints` are what `render` was made from. Where the header differs by the
    policy, `head` is one of the joined texts, `rating` that of the severity, and `severity` and
    `pri` are 0. `sieve`: what is filtered, None when nothing is. `bakes`: an activity may be filled
    in for good, for nothing but the pieces of the workload depends on the workload.
    """

    kind: Class
    severity: int
    pri: int
    render: Callable[[Raw, Workload], str]
    head: str | Joined
    rating: Joined | None
    parts: tuple[Part, ...]
    joints: tuple[Joint, ...]
    sieve: Sieve | None
    bakes: bool

    def filters(self, raw: Raw, workload: Workload) -> bool:
        """Tell whether a filter takes an event out; may raise Irregular."""
        sieve = self.sieve
        if sieve is None:
            return False
        if sieve.all or sieve.workloads & workload.drops:
            return True
        return any(
            self.piece(part, raw, workload)
            for bit, part in sieve.activities
            if not bit or bit & workload.drops
        )

    def piece(self, part: Joined, raw: Raw, workload: Workload) -> str:
        """Return a joined text of an event; may raise Irregular."""
        joint = self.joints[part.joint]
        if joint.key:
            found = joint.memo.get(raw[joint.key]) or joint.miss(raw)
        else:
            found = joint.find(raw, workload)
        return found[part.piece]

    def rate(self, raw: Raw, workload: Workload) -> int:
        """Return an event's severity; may raise Irregular."""
        return int(self.piece(self.rating, raw, workload)) if self.rating else self.severity


def build(
    program: Program,
    shared: Shared,
    raw: Raw,
    keys: frozenset[str],
    policy: frozenset[str],
    priority: Callable[[Class, int], int],
) -> Plan | None:
    """Return the plan for events with the keys and the verdict of a first one, or None when such
    events must take the plain path. The fields of `policy` may differ. `priority` gives PRI for a
    class and a severity.
    """
    draft = Draft(program, shared, raw, keys, policy)
    try:
        return _build(draft, priority)
    except (NoPlan, Irregular):
        return None


def _build(draft: Draft, priority: Callable[[Class, int], int]) -> Plan:
    _refuse_the_unusual(draft)
    rated = draft.program.prepare(draft.event)
    sieve = sieve_of(draft)
    head, rating, severity = _header(draft, rated)
    _add_parts(draft)
    parts, joints = tuple(draft.parts), joints_of(draft)
    pieces = len(draft.shared.layout.runs) + 1
    return Plan(
        kind=draft.kind,
        severity=severity,
        pri=priority(draft.kind, severity) if severity else 0,
        render=compile_parts(head, draft.format.separator, parts, joints, pieces),
        head=head,
        rating=rating,
        parts=parts,
        joints=joints,
        sieve=sieve,
        bakes=not any(joint.by_workload for joint in joints) and not _copies_a_place(parts),
    )


def _copies_a_place(parts: Sequence[Part]) -> bool:
    """Tell whether a part writes a field of the workload: an activity is shared by workloads."""
    return any(isinstance(part, (Integer, Text)) and part.key in WORKLOAD for part in parts)


def _refuse_the_unusual(draft: Draft) -> None:
    if draft.program.mapping.drop or "event.time" not in draft.event.fields:
        raise NoPlan
    remember_second(draft.raw.get("UpdatedTime"))
    for key in draft.fixed & draft.keys:
        # Numbers that are equal need not read the same: 7, 7.0, true.
        if draft.raw[key].__class__ not in (int if key in INTEGERS else str, NoneType, list):
            raise NoPlan


def _header(draft: Draft, rated: Hit | None) -> tuple[str | Joined, Joined | None, int]:
    """Return the header's text, and the severity; as joined texts if the policy decides them."""
    program = draft.program
    slots = (*program.header, *program.header_severity)
    header, hits = program.header_of(draft.event.fields, rated)
    draft.hits += [hit for hit in hits if draft.is_fixed([hit.path])]
    open_ = [slot for slot in (*slots, *program.severity) if not draft.is_fixed(slot.paths)]
    if not open_:
        return draft.format.head(header), None, int(header.severity)
    rules = [rule for slot in open_ for rule in slot.rules]
    taken = draft.touched(
        [path for rule in rules for path in rule.from_ if path != "event.severity"]
    )
    deps = draft.deps([path for slot in slots for path in slot.paths])
    if taken & draft.fixed or not deps <= draft.policy | draft.fixed:
        raise NoPlan  # what the header leaves of a field would differ from event to event
    writer = HeaderSlot(program, tuple(rules))
    for key in taken:
        draft.read_with.setdefault(key, set()).update(deps)
        draft.may_take.setdefault(key, []).append(writer)
    reads = {path for slot in (*slots, *program.severity) for path in slot.paths}

    def head_of(event: Event, _: Seen) -> str:
        return writer.head(event.fields)

    def severity_of(event: Event, _: Seen) -> str:
        return writer.header(event.fields).severity

    head = join(draft, set(deps), ("head",), head_of, blind=True, reads=reads)
    rating = join(draft, set(deps), ("severity",), severity_of, blind=True, reads=reads)
    return head, rating, 0


class HeaderSlot:
    """The header as a slot: `evaluate` gives what its rules take of an event that is prepared."""

    def __init__(self, program: Program, rules: tuple[Rule, ...]) -> None:
        self.key = "header"
        self.rules = rules
        self._program = program
        self._last: tuple[object, Header] = (None, Header("", "", "", "", "", ""))

    def evaluate(self, fields: Fields) -> list[Hit]:
        """Return the hits of the header's texts and of the severity."""
        return self._program.header_of(fields, self._program.rated(fields))[1]

    def header(self, fields: Fields) -> Header:
        """Return the header's texts; both texts of a plan ask for those of one event."""
        if self._last[0] is not fields:
            self._last = fields, self._program.header_of(fields, None)[0]
        return self._last[1]

    def head(self, fields: Fields) -> str:
        """Return the header as it stands on the wire."""
        return self._program.format.head(self.header(fields))


def _add_parts(draft: Draft) -> None:
    """Add the parts in the line's order: slots, then the leftovers, then `msg`. What is left is
    known only when `msg` is resolved too, so its parts are made before and put behind.
    """
    program = draft.program
    message: list[Slot] = []
    runs = 0
    in_run = False
    for slot, by_workload in zip(program.slots, draft.shared.layout.alone, strict=True):
        if slot.key == "msg":
            message.append(slot)
            continue
        if by_workload:
            if not in_run:
                draft.parts.append(WorkloadPiece(runs))
                runs += 1
            draft.hits += slot.evaluate(draft.event.fields)
        else:
            add_slot(draft, slot)
        in_run = by_workload
    before_message = len(draft.parts)
    for slot in message:
        add_slot(draft, slot)
    message_parts = draft.parts[before_message:]
    del draft.parts[before_message:]
    add_leftovers(draft, runs)
    draft.parts += message_parts
    # A HostPID of 0 is a Go zero: other things are derived from such an event.
    if "HostPID" in draft.keys and "HostPID" not in draft.taken_whole:
        draft.parts.append(Guard("HostPID"))
