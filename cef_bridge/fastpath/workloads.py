"""What stays the same for all events of one container, pod or node: rendered once.

In come the workload fields of a first event and the compiled mapping, out comes a `Workload`. It
must not know what happened there: no other field of the event is read.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.classes import scope_of
from cef_bridge.events.derive import derive_place
from cef_bridge.events.identity import SEPARATOR, id_text
from cef_bridge.fastpath.deps import WORKLOAD, top
from cef_bridge.fastpath.segments import Irregular
from cef_bridge.mapping.compile import LEFTOVER
from cef_bridge.mapping.conditions import holds
from cef_bridge.mapping.rules import SUSPICIOUS, write_hit

if TYPE_CHECKING:
    from cef_bridge.converter import Converter
    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Hit, Slot

# Derived from workload fields alone, or from nothing of the event.
_DERIVED = frozenset({"cluster", "event.place", "image.repository", "image.tag", "image.digest"})


class Workload(NamedTuple):
    """One container, pod or node: `number` is its own, no other has it.

    `pieces`: text of each run of slots that read workload fields only, then the leftovers.
    `host`: the syslog header's HOSTNAME. `identity`, `place`: the beginnings of the texts that
    the event id and the act key are made of. `drops`: which items of the filters ask for workload
    fields, and hold as far as they do, as bits. `names`: its raw fields that have a value.
    `scope`: container or host.
    """

    number: int
    pieces: tuple[str, ...]
    host: str
    identity: str
    place: str
    drops: int
    names: dict[str, object]
    scope: str


class Layout(NamedTuple):
    """What a mapping makes of workload fields, found out once.

    `alone` tells for each slot whether it reads nothing else; `runs` are those that do so one after
    another, and give a workload's pieces. `contested` are the workload fields that are read by
    what is not among these: slots that read other fields too, `msg`, the header. What is left of
    such a field is not known here.
    """

    alone: tuple[bool, ...]
    runs: tuple[tuple[Slot, ...], ...]
    contested: frozenset[str]


def layout_of(program: Program) -> Layout:
    """Return the layout of a mapping."""
    alone = tuple(
        slot.pace == "workload" and bool(slot.paths) and SUSPICIOUS not in slot.paths
        for slot in program.slots
    )
    runs: list[list[Slot]] = []
    in_run = False
    contested = {top(path) for slot in program.header for path in slot.paths}
    for slot, by_workload in zip(program.slots, alone, strict=True):
        if slot.key == "msg" or not by_workload:
            contested |= {top(path) for path in slot.paths}
        if slot.key == "msg":
            continue
        if by_workload and not in_run:
            runs.append([])
        if by_workload:
            runs[-1].append(slot)
        in_run = by_workload
    # What writes the mapping's name of the cluster may say all of the event's.
    contested |= {"ClusterName"} if "cluster" in contested else set()
    return Layout(alone, tuple(map(tuple, runs)), WORKLOAD & contested)


def workload_of(converter: Converter, layout: Layout, raw: Raw, number: int) -> Workload:
    """Return the workload of an event; Irregular when the plain path must take its events."""
    own = {key: value for key, value in raw.items() if key in WORKLOAD}
    for key, value in own.items():
        # Numbers that are equal need not read the same: 7, 7.0, true.
        if value.__class__ not in (dict if key == "Owner" else str, NoneType):
            raise Irregular
    program = converter.program
    event = derive_place(own)
    if program.mapping.cluster:
        event.fields["cluster"] = program.mapping.cluster
    host = converter.syslog.hostname.evaluate(event.fields)
    if any(hit.marks for hit in host):
        raise Irregular
    place = [id_text(raw.get(name)) for name in ("ClusterName", "HostName", "ContainerID")]
    return Workload(
        number=number,
        pieces=_pieces(program, layout, event),
        host=host[0].text if host else "",
        identity=SEPARATOR.join((*place, "")),
        place=SEPARATOR.join((*place[1:], "")),
        drops=_drops(program, event),
        names={name: event.fields[name] for name in WORKLOAD if name in event.fields},
        scope=scope_of(raw),
    )


def _pieces(program: Program, layout: Layout, event: Event) -> tuple[str, ...]:
    hits: list[Hit] = []
    pieces: list[str] = []
    for run in layout.runs:
        text = ""
        for slot in run:
            if found := slot.evaluate(event.fields):
                hits += found
                text += slot.write(found)
        pieces.append(text)
    left = [hit for hit in program.leftovers.of(event, hits) if top(hit.path) in WORKLOAD]
    if any(hit.marks for hit in (*hits, *left)):
        raise Irregular
    if any(top(hit.path) in layout.contested for hit in left):
        raise Irregular
    left = [hit for hit in left if hit.rule is LEFTOVER]
    return (*pieces, "".join(write_hit(program.format, hit) for hit in left))


def _drops(program: Program, event: Event) -> int:
    bits = 0
    for index, item in enumerate(program.filters):
        own = [each for each in item if top(each.path) in WORKLOAD or each.path in _DERIVED]
        if own and all(holds(condition)(event.fields) for condition in own):
            bits |= 1 << index
    return bits
