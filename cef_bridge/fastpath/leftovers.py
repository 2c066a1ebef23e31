"""What no rule takes (`unmapped: keep`): of the workload, the verdict, the activity, the ids.

In comes a draft to which all slots were added, so that it is known who takes what; it gets the
parts that write the rest, in the order of `mapping.compile.Leftovers`. Must come last, and knows
no slot but those that may take a field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.events.activity import only_in_event_data
from cef_bridge.events.fields import RAW
from cef_bridge.events.split import token_keys
from cef_bridge.fastpath.deps import KNOWN, PROCESS_IDS, VERDICT, top
from cef_bridge.fastpath.draft import NoPlan, clean
from cef_bridge.fastpath.joints import join
from cef_bridge.fastpath.memory import Memo
from cef_bridge.fastpath.outlines import is_blind
from cef_bridge.fastpath.segments import Integer, Irregular, Text, WorkloadPiece
from cef_bridge.mapping.conditions import to_text
from cef_bridge.mapping.rules import marks_of, rule_paths, write_hit

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.draft import Draft, Seen, Taker
    from cef_bridge.mapping.rules import Hit

_ACTIVITY = tuple(dict.fromkeys(top(path) for path, row in RAW.items() if row.pace == "activity"))
# Paths of the tokens of a field.
_PARTS = dict.fromkeys(("Data", "Resource", "EventData"), "data.")
_PARTS |= dict.fromkeys(("Tags", "ATags"), "tags.")
# The id on the host that makes the one in the container needless when both are the same.
_HOSTS_OWN = {"PID": "HostPID", "PPID": "HostPPID"}


def add_leftovers(draft: Draft, workload_piece: int) -> None:
    """Add all that is left; what is left of the workload is its piece of that number."""
    if draft.program.mapping.unmapped != "keep":
        return
    draft.parts.append(WorkloadPiece(workload_piece))
    left = _left_of_fixed(draft)
    _verdict(draft, left)
    for key in _ACTIVITY:
        if key in draft.keys:
            _activity(draft, key, left)
    for key in PROCESS_IDS:
        if key in draft.keys and key not in draft.taken_whole:
            _process_id(draft, key)
    if "UpdatedTime" not in draft.taken_whole:
        raise NoPlan
    _unknown_fields(draft)


def _left_of_fixed(draft: Draft) -> dict[str, Hit]:
    """What is left of the fields that are the same in all events of the plan, by path."""
    left = {
        hit.path: hit
        for hit in draft.program.leftovers.of(draft.event, draft.hits)
        if top(hit.path) in draft.fixed
    }
    if any(hit.marks for hit in left.values()):
        raise NoPlan
    return left


def _verdict(draft: Draft, left: dict[str, Hit]) -> None:
    for path in RAW:
        key = top(path)
        stands_in = key == "Tags" and "ATags" in draft.policy
        if (key in draft.policy or stands_in) and key not in draft.taken_whole:
            _rest(draft, key)
        elif key in VERDICT and path in left:
            if key in draft.read_with:
                raise NoPlan  # a segment may take it, in some events
            draft.constant(write_hit(draft.format, left[path]))


def _activity(draft: Draft, key: str, left: dict[str, Hit]) -> None:
    if key in draft.fixed:
        if key in left:
            draft.constant(write_hit(draft.format, left[key]))
    elif key in draft.taken_whole:
        return
    elif key == "EventData":
        _event_data(draft)
    else:
        _rest(draft, key)


def _rest(draft: Draft, key: str) -> None:
    """Add what is left of a field that differs from event to event."""
    # What no rule took is written as it stands.
    # Tags that only ATags brings are taken by what takes ATags.
    slots = draft.may_take.get(key if key in draft.keys else "ATags", ())
    blind = all(is_blind(slot.rules) for slot in slots)
    gone = frozenset(path for path in draft.taken_by_fixed() if _is_of(path, key))
    what = ("rest", key, tuple(slot.key for slot in slots), gone)
    reads = {key} | {path for slot in slots for rule in slot.rules for path in rule_paths(rule)}
    make = _rest_of(draft, key, slots)
    part = join(draft, _decides_rest(draft, key), what, make, blind=blind, reads=reads)
    draft.parts.append(part)


def _is_of(path: str, key: str) -> bool:
    """Tell whether less is left of a raw field when a path is taken."""
    return top(path) == key or path.startswith(_PARTS.get(key, "\0"))


def _decides_rest(draft: Draft, key: str) -> set[str]:
    """Return the raw keys that decide what is left of a field."""
    kind, keys = draft.kind, draft.keys
    deps = {key} | draft.read_with.get(key, set())
    if key in ("Tags", "ATags"):
        deps = (deps | {"Tags", "ATags"}) & keys
    if key == "UID" and "HostPID" not in keys:
        deps |= {"ProcessName"} & keys
    if key == "Source" and kind.verb == "exec":
        deps |= {"ParentProcessName"} & keys
    # Resource may repeat a token of Data; only the keys of a system call never do.
    if token_keys(draft.call) is None or kind.verb == "ptrace":
        if key == "Resource" and kind.operation != "file":
            deps |= {"Data"} & keys
        if key == "Data" and kind.operation == "network":
            deps |= {"Resource"} & keys
    return deps


def _rest_of(draft: Draft, key: str, slots: Sequence[Taker]) -> Callable[[Event, Seen], str]:
    program, taken = draft.program, draft.taken_by_fixed()

    def make(event: Event, seen: Seen) -> str:
        hits: list[Hit] = []
        for slot in slots:
            found = seen.get(id(slot))
            hits += slot.evaluate(event.fields) if found is None else found
        left = program.leftovers.of(event, hits, key, taken)
        left = [hit for hit in left if top(hit.path) == key]
        return "".join(write_hit(program.format, hit) for hit in clean(left))

    return make


def _event_data(draft: Draft) -> None:
    """EventData repeats Data, in network events Resource too; when it says more, the plain path
    has it.
    """
    network = draft.kind.operation == "network"

    def make(event: Event, _: Seen) -> str:
        data, resource = (event.fields.get(key, "") for key in ("Data", "Resource"))
        said = event.fields.get("EventData", {})
        if only_in_event_data(said, data, resource if network else ""):  # type: ignore[arg-type] # such a Data or Resource has no joint
            raise Irregular
        return ""

    repeated = {"Data", "Resource"} if network else {"Data"}
    deps = {"EventData", *repeated} & draft.keys
    draft.parts.append(join(draft, deps, ("said",), make, blind=True, reads=("EventData",)))


def _process_id(draft: Draft, key: str) -> None:
    prefix = draft.format.pair(draft.program.leftovers.name(key, set()))
    other = _HOSTS_OWN.get(key, "")
    other = other if other in draft.keys else ""
    draft.parts.append(Integer(key, prefix, "", skip_zero=True, other=other))


def _unknown_fields(draft: Draft) -> None:
    """Add the fields that this version does not know, in the event's order."""
    fmt, leftovers, memory = draft.format, draft.program.leftovers, draft.shared.memory
    used = set(leftovers.taken)
    for key in draft.raw:
        if key in KNOWN:
            continue
        prefix = fmt.pair(leftovers.name(key, used))

        def make(value: object, prefix: str = prefix) -> str:
            text = "" if value in ({}, []) else to_text(value)
            if marks_of(text):
                raise Irregular
            text = fmt.neutral(text)
            return prefix + fmt.escape(text) if text else ""

        draft.parts.append(Text(key, Memo(memory), make, make))
