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
from cef_bridge.fastpath.joints import joints_of
from cef_bridge.fastpath.leftovers import add_leftovers
from cef_bridge.fastpath.segments import Guard, Irregular, WorkloadPiece, remember_second
from cef_bridge.fastpath.slots import add_slot
from cef_bridge.fastpath.template import compile_parts
from cef_bridge.fastpath.workloads import workload_runs, workload_slots
from cef_bridge.mapping.conditions import holds

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.events.classes import Class
    from cef_bridge.fastpath.draft import Shared
    from cef_bridge.fastpath.segments import Joint, Part, Raw
    from cef_bridge.fastpath.workloads import Workload
    from cef_bridge.formats import Header
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Hit, Slot


class Plan(NamedTuple):
    """How to write the events of one verdict: `render(raw, workload)` gives the message without
    its syslog header, whose priority is `pri`.

    `head`, `parts` and `joints` are what `render` was made from. `drops`: the filter items, as
    bits, that take an event out when they hold for its workload (`Workload.drops`); `filtered`:
    one holds already. `bakes`: an activity may be filled in for good.
    """

    kind: Class
    severity: int
    pri: int
    render: Callable[[Raw, Workload], str]
    head: str
    parts: tuple[Part, ...]
    joints: tuple[Joint, ...]
    drops: int
    filtered: bool
    bakes: bool


def build(
    program: Program,
    shared: Shared,
    raw: Raw,
    keys: frozenset[str],
    priority: Callable[[Class, int], int],
) -> Plan | None:
    """Return the plan for events with the keys and the verdict of a first one, or None when such
    events must take the plain path. `priority` gives PRI for a class and a severity.
    """
    draft = Draft(program, shared, raw, keys)
    try:
        return _build(draft, priority)
    except (NoPlan, Irregular):
        return None


def _build(draft: Draft, priority: Callable[[Class, int], int]) -> Plan:
    _refuse_the_unusual(draft)
    rated = draft.program.prepare(draft.event)
    drops, filtered = _filters(draft)
    header = _header(draft, rated)
    _add_parts(draft)
    parts, joints = tuple(draft.parts), joints_of(draft)
    head = draft.format.head(header)
    runs = workload_runs(draft.program)
    severity = int(header.severity)
    return Plan(
        kind=draft.kind,
        severity=severity,
        pri=priority(draft.kind, severity),
        render=compile_parts(head, draft.format.separator, parts, joints, runs),
        head=head,
        parts=parts,
        joints=joints,
        drops=drops,
        filtered=filtered,
        bakes=not drops and not any(joint.by_workload for joint in joints),
    )


def _refuse_the_unusual(draft: Draft) -> None:
    if draft.program.mapping.drop or "event.time" not in draft.event.fields:
        raise NoPlan
    remember_second(draft.raw.get("UpdatedTime"))
    for key in draft.fixed & draft.keys:
        # Numbers that are equal need not read the same: 7, 7.0, true.
        if draft.raw[key].__class__ not in (int if key in INTEGERS else str, NoneType, list):
            raise NoPlan


def _filters(draft: Draft) -> tuple[int, bool]:
    """Which filter items only the workload can still decide, and whether one holds already."""
    bits = 0
    for index, item in enumerate(draft.program.filters):
        undecided: frozenset[str] = frozenset()
        for condition in item:
            deps = draft.deps([condition.path])
            if not deps <= draft.fixed:
                undecided |= deps
            elif not holds(condition)(draft.event.fields):
                break
        else:
            if not undecided:
                return 0, True
            if not undecided <= WORKLOAD:
                raise NoPlan
            bits |= 1 << index
    return bits, False


def _header(draft: Draft, rated: Hit | None) -> Header:
    program = draft.program
    header, hits = program.header_of(draft.event.fields, rated)
    slots = (*program.header, *program.header_severity)
    if not draft.is_fixed(path for slot in slots for path in slot.paths):
        raise NoPlan
    draft.hits += hits
    return header


def _add_parts(draft: Draft) -> None:
    """Add the parts in the line's order: slots, then the leftovers, then `msg`. What is left is
    known only when `msg` is resolved too, so its parts are made before and put behind.
    """
    program = draft.program
    message: list[Slot] = []
    runs = 0
    in_run = False
    for slot, by_workload in zip(program.slots, workload_slots(program), strict=True):
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
