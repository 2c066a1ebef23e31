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
    from cef_bridge.mapping.rules import Hit

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


def workload_slots(program: Program) -> list[bool]:
    """Tell for each slot whether it reads workload fields only."""
    return [
        slot.pace == "workload" and bool(slot.paths) and SUSPICIOUS not in slot.paths
        for slot in program.slots
    ]


def workload_runs(program: Program) -> int:
    """How many pieces a workload has: the runs of its slots, and its leftovers."""
    runs, in_run = 1, False
    for slot, by_workload in zip(program.slots, workload_slots(program), strict=True):
        if slot.key == "msg":
            continue
        runs += by_workload and not in_run
        in_run = by_workload
    return runs


def contested_fields(program: Program) -> frozenset[str]:
    """Return the workload fields that are read by what is not among a workload's pieces: slots that
    read other fields too, `msg`, the header. What is left of such a field is not known here.
    """
    found = {top(path) for slot in program.header for path in slot.paths}
    for slot, by_workload in zip(program.slots, workload_slots(program), strict=True):
        if slot.key == "msg" or not by_workload:
            found |= {top(path) for path in slot.paths}
    # What writes the mapping's name of the cluster may say all of the event's.
    return WORKLOAD & (found | {"ClusterName"} if "cluster" in found else found)


def workload_of(converter: Converter, raw: Raw, number: int, contested: frozenset[str]) -> Workload:
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
    host = converter.host_slot.evaluate(event.fields)
    if any(hit.marks for hit in host):
        raise Irregular
    place = [id_text(raw.get(name)) for name in ("ClusterName", "HostName", "ContainerID")]
    return Workload(
        number=number,
        pieces=_pieces(program, event, contested),
        host=host[0].text if host else "",
        identity=SEPARATOR.join((*place, "")),
        place=SEPARATOR.join((*place[1:], "")),
        drops=_drops(program, event),
        names={name: event.fields[name] for name in WORKLOAD if name in event.fields},
        scope=scope_of(raw),
    )


def _pieces(program: Program, event: Event, contested: frozenset[str]) -> tuple[str, ...]:
    pieces: list[str] = []
    hits: list[Hit] = []
    in_run = False
    for slot, by_workload in zip(program.slots, workload_slots(program), strict=True):
        if slot.key == "msg":
            continue
        if by_workload:
            found = slot.evaluate(event.fields)
            hits += found
            if not in_run:
                pieces.append("")
            pieces[-1] += slot.write(found)
        in_run = by_workload
    left = [hit for hit in program.leftovers.of(event, hits) if top(hit.path) in WORKLOAD]
    if any(hit.marks for hit in (*hits, *left)) or any(top(hit.path) in contested for hit in left):
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
