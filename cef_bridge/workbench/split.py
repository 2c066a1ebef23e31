"""What of a mapping's work on an event depends on the container alone, and what on the rest.

In come compiled mappings, out comes a `Split`: raw fields and output keys of either part. With it
what was found out about a container and what about an act are remembered by themselves, and ten
thousand containers that do the same hundred things are not a million different events. A field
that rules of both parts read belongs to the rest. Must not know what is found out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.fields import find
from cef_bridge.events.summary import place
from cef_bridge.fastpath.deps import KNOWN, WORKLOAD, top
from cef_bridge.mapping.compile import LEFTOVER, MOST_LEFTOVERS
from cef_bridge.mapping.rules import SUSPICIOUS, pace_of
from cef_bridge.mapping.template import paths_of
from cef_bridge.syslog_writer import SLOT_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.mapping.compile import Output, Program
    from cef_bridge.mapping.rules import Hit, Slot
    from cef_bridge.mapping.spec import Condition

# Derived from workload fields: what they are made of.
_MADE_OF = {
    "cluster": frozenset({"ClusterName"}),  # which says nothing new when it is the same
    "event.scope": frozenset[str](),  # told apart by itself
    "event.place": frozenset({"NamespaceName", "PodName", "HostName"}),
    "image.repository": frozenset({"ContainerImage"}),
    "image.tag": frozenset({"ContainerImage"}),
    "image.digest": frozenset({"ContainerImage"}),
}
# One says nothing new beside the other (`derive`), so they stay together.
_TOGETHER = frozenset({"Owner", "NamespaceName"})

_ANY_SIZE = ("string", "long")
_PIDS = ("string", "integer", "long")
# Paths whose values differ from event to event, whatever else is the same, and the kinds of keys
# that take all their values, or none.
_LIVE: dict[str, tuple[str, ...]] = {
    "Timestamp": _ANY_SIZE,
    "UpdatedTime": ("string",),
    "HostPPID": _PIDS,
    "HostPID": _PIDS,
    "PPID": _PIDS,
    "PID": _PIDS,
    "container.pid": _PIDS,
    "container.ppid": _PIDS,
    "event.time": (*_ANY_SIZE, "timestamp"),
    "event.id": ("string",),
    "event.act_key": ("string",),
    "event.summary": ("string",),
}
SENTENCE = "event.summary"
"""The path of the sentence about an event: the place in it is the container's."""
ROOMY = 1 << 20
"""As much room as nobody needs: for an event without a sentence."""
HOST = "(host)"
"""Stands among a split's keys when the container decides the host in the syslog header."""
_MOST_LEFTOVERS = MOST_LEFTOVERS - 16
_LEAST_ROOM = 20  # characters of a time or a process id, and more


class Split(NamedTuple):
    """`workload` are the raw fields whose fate the container decides, `keys` the output keys.

    `asked`: raw fields that this version does not know and rules read. `live`: a rule asks for the
    value of what changes with every event, so that no two events are alike.
    """

    workload: frozenset[str]
    keys: frozenset[str]
    asked: frozenset[str]
    live: bool


def _is_host(slot: Slot) -> bool:
    """A facility that the container decides changes a number that the rest decides as well."""
    return slot.key == SLOT_KEYS["hostname"] or not slot.paths


def split_of(programs: Sequence[Program], hosts: Sequence[Slot] = ()) -> Split:
    """Return what can be told apart in all of some mappings; `hosts` are what makes the host name
    and other texts of their syslog headers.
    """
    alone: list[tuple[str, frozenset[str]]] = []
    mixed: set[str] = set()
    if all(slot.pace == "workload" and _is_host(slot) for slot in hosts):
        # Two of them are one thing here: either the container decides all of it, or nothing.
        fields = (_made_of(slot.paths) for slot in hosts)
        alone.append((HOST, frozenset[str]().union(*fields)))
    else:
        mixed |= {field for slot in hosts for field in _made_of(slot.paths)}
    for program in programs:
        for slot in program.slots:
            if slot.pace == "workload" and SUSPICIOUS not in slot.paths:
                alone.append((slot.key, _made_of(slot.paths)))
            else:
                mixed |= _made_of(slot.paths)
        for slot in (*program.header, *program.header_severity, *program.severity):
            mixed |= _made_of(slot.paths)
        for condition in _filters(program):
            mixed |= _made_of([condition.path])
    # What shares a field with the rest belongs to the rest, and so does what shares one with that.
    while more := {
        field
        for fields in (*(fields for _, fields in alone), _TOGETHER)
        if fields & mixed
        for field in fields - mixed
    }:
        mixed |= more
    keys = {key for key, fields in alone if not fields & mixed}
    keys -= {slot.key for program in programs for slot in program.slots if slot.pace != "workload"}
    return Split(
        workload=frozenset(WORKLOAD - mixed),
        keys=frozenset(keys),
        asked=frozenset(
            top(path)
            for program in programs
            for path in _paths(program)
            if find(path) is None and top(path) not in KNOWN
        ),
        live=any(_asks_live(program) for program in programs),
    )


def _made_of(paths: Sequence[str]) -> frozenset[str]:
    """Return the workload fields among what some paths are made of."""
    found: set[str] = set()
    for path in paths:
        if pace_of(path) == "workload":
            found |= _MADE_OF.get(path, {top(path)})
    return frozenset(found)


def _filters(program: Program) -> Iterator[Condition]:
    return (condition for item in (*program.filters, *program.keeps) for condition in item)


def _slots(program: Program) -> Iterator[Slot]:
    yield from (*program.slots, *program.header, *program.header_severity, *program.severity)


def _paths(program: Program) -> Iterator[str]:
    for slot in _slots(program):
        yield from slot.paths
    for condition in _filters(program):
        yield condition.path


def _asks_live(program: Program) -> bool:
    """Tell whether what a rule gives may depend on the value of a time, an id or a process id."""
    conditions = [
        condition for slot in _slots(program) for rule in slot.rules for condition in rule.when
    ]
    conditions += _filters(program)
    for condition in conditions:
        if condition.path in _LIVE and not all(
            test.kind == "is" and test.text in ("present", "absent") for test in condition.any_of
        ):
            return True
    # What the header says of such a value, keys that repeat the header say too.
    repeated = any(not _LIVE.keys().isdisjoint(slot.paths) for slot in program.header)
    if program.repeats and repeated:
        return True
    return any(_shapes_live(program, slot) for slot in _slots(program))


def _shapes_live(program: Program, slot: Slot) -> bool:
    """Tell whether a rule translates or cuts such a value, or its key takes some of them only."""
    row = program.format.key(slot.key)
    kind = row.kind if row else "string"
    for rule in slot.rules:
        live = [path for path in (*rule.from_, rule.spread) if path in _LIVE]
        live += [path for path in paths_of(rule.template) if path in _LIVE]
        length = min((n for n in (row and row.max_length, rule.max_length) if n), default=99)
        shaped = rule.table or rule.via or rule.spread or rule.template or length < _LEAST_ROOM
        if live and (shaped or any(kind not in _LIVE[path or ""] for path in live)):
            return True
    return False


def changes_always(path: str) -> bool:
    """Tell whether a path's value differs from event to event, whatever else is the same."""
    return path in _LIVE


def own_hits(program: Program, split: Split) -> Callable[[Hit], bool]:
    """Return a test of whether a hit is decided by the container alone."""
    rules = {id(rule) for slot in program.slots if slot.key in split.keys for rule in slot.rules}

    def is_own(hit: Hit) -> bool:
        if hit.rule is LEFTOVER:
            return bool(hit.path) and top(hit.path) in split.workload
        return id(hit.rule) in rules

    return is_own


def is_regular(output: Output) -> bool:
    """Tell whether nothing was made of an event that hangs together across the split."""
    leftovers = 0
    for hit in output.hits:
        if hit.marks or (hit.whole and hit.path == SENTENCE):
            return False
        leftovers += hit.rule is LEFTOVER
    return leftovers < _MOST_LEFTOVERS and not any(hit.marks for hit in output.header_hits)


def size_of(hits: Sequence[Hit]) -> int:
    """Return how many bytes some hits take at most, with their labels and escapes."""
    return sum(
        2 * len(hit.key) + 2 * len(hit.text.encode()) + len(hit.label) + len("==Label  ")
        for hit in hits
    )


def room(program: Program, event: Event, hits: Sequence[Hit]) -> int:
    """Return how many characters the place may have in the event's sentence, uncut."""
    least = ROOMY
    for hit in hits:
        if hit.path == SENTENCE:
            row = program.format.key(hit.key)
            limits = (row.max_length if row else None, hit.rule.max_length)
            limit = min((n for n in limits if n), default=ROOMY)
            left = limit - len(hit.text) + len(place(event.fields))
            # What is neutral may be a little longer, by what breaks up a text.
            least = min(least, left // 2 - 16)
    return least
