"""Joints: texts that depend on the same fields are made together and share one look-up.

In come functions that make a text and the raw keys that decide it, out come `Joint`s, each with a
bounded memo by the values of those keys. What is not remembered is derived from these keys alone,
by the plain path's own functions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cef_bridge.events.derive import INTEGERS, derive
from cef_bridge.fastpath.deps import ACTIVITY, NESTED, SCOPE, VERDICT, WORKLOAD, top
from cef_bridge.fastpath.draft import NoPlan
from cef_bridge.fastpath.memory import ENTRY, Memo, Memory
from cef_bridge.fastpath.outlines import OUTLINED, Outlines
from cef_bridge.fastpath.segments import Irregular, Joined, Joint, same

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from cef_bridge.fastpath.draft import Draft, MakeText, Seen, What
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.fastpath.workloads import Workload

_MOST_VARYING = 8
_BY_WORKLOAD = "(workload)"  # stands for all workload fields: the workload's number is the key
_MAY_VARY = ACTIVITY | {_BY_WORKLOAD}
_ACTLESS = frozenset({"Tags", "ATags", "ExecEvent"})
_PREPARED = frozenset({"cluster", "event.severity"})  # what the mapping defines (`prepare`)


def join(
    draft: Draft,
    deps: set[str],
    what: What,
    make: MakeText,
    *,
    blind: bool,
    reads: Collection[str],
) -> Joined:
    """Put a text among those that depend on the same fields, and return its part. `what` it is has
    to tell it from all that another plan may make of them; `blind` as in `outlines`, `reads`: the
    paths it asks for.
    """
    varying = frozenset(deps) - draft.fixed
    if varying & WORKLOAD:
        varying = (varying - WORKLOAD) | {_BY_WORKLOAD}
    if not varying <= _MAY_VARY | draft.policy or len(varying) > _MOST_VARYING or not varying:
        raise NoPlan
    if not VERDICT.isdisjoint(deps & draft.fixed):
        draft.asks_verdict.add(varying)
    if not blind:
        draft.asks_address.add(varying)
    draft.reads.setdefault(varying, set()).update(reads)
    makes = draft.joined.setdefault(varying, {})
    part = Joined(list(draft.joined).index(varying), len(makes))
    makes[what] = make
    return part


def joints_of(draft: Draft) -> tuple[Joint, ...]:
    """Return the joints of a draft to which all texts were added, in the order of `join`."""
    return tuple(_shared_joint(draft, deps, makes) for deps, makes in draft.joined.items())


def _shared_joint(draft: Draft, deps: frozenset[str], makes: dict[What, MakeText]) -> Joint:
    # Plans that differ in the verdict, or in fields that the texts do not see, share them.
    asks_verdict = deps in draft.asks_verdict
    get, get_field = draft.raw.get, draft.event.fields.get
    verdict = tuple(repr(get(key)) for key in sorted(VERDICT & draft.fixed)) if asks_verdict else ()
    act = () if _asks_no_act(draft, deps) else (draft.kind, get_field("flags"), draft.call)
    seen = _seen_by(draft, deps)
    name = (deps, (*makes,), draft.keys & seen, act, verdict)
    found = draft.shared.joints.get(name)
    if found is None:
        make, memory = _maker(draft, deps, seen, [*makes.values()]), draft.shared.memory
        network = draft.kind.operation == "network"
        outlines = None
        if network and deps not in draft.asks_address and OUTLINED >= deps >= {"Resource"}:
            outlines = Outlines(make, memory)
        found = draft.shared.joints[name] = _joint(deps, make, outlines, memory)
    return found


def _asks_no_act(draft: Draft, deps: frozenset[str]) -> bool:
    """Tell whether some texts are the same whatever was done: they ask for nothing but fields that
    mean the same in every event, and are left over alike.
    """
    return deps <= _ACTLESS and all(
        top(path) in deps or path.startswith("tags.") for path in draft.reads[deps]
    )


def _seen_by(draft: Draft, deps: frozenset[str]) -> frozenset[str]:
    """Return the raw keys that the event has of which some texts are made: nothing else can matter
    to them, so nothing else is derived.
    """
    seen = deps | draft.fixed | SCOPE | {"Data", "Resource", "HostPID", "PolicyName"}
    return seen | WORKLOAD if _BY_WORKLOAD in deps else seen


def _maker(
    draft: Draft, deps: frozenset[str], needed: frozenset[str], makes: list[MakeText]
) -> Callable[[Raw], tuple[str, ...]]:
    program = draft.program
    reads = draft.reads[deps]
    all_of_it = _BY_WORKLOAD in deps or "event.summary" in reads
    prepared = all_of_it or deps in draft.asks_verdict or not draft.policy.isdisjoint(deps)
    prepared = prepared or not _PREPARED.isdisjoint(reads)
    only: Literal["act", "verdict", ""] = "" if all_of_it else "verdict" if prepared else "act"

    def make_all(raw: Raw) -> tuple[str, ...]:
        some = {key: raw[key] for key in raw if key in needed}
        event = derive(some, origin="?", only=only)
        if prepared:
            program.prepare(event)
        seen: Seen = {}
        return tuple([make(event, seen) for make in makes])

    return make_all


def _joint(
    deps: frozenset[str],
    make: Callable[[Raw], tuple[str, ...]],
    outlines: Outlines | None,
    memory: Memory,
) -> Joint:
    by_workload = _BY_WORKLOAD in deps
    keys = tuple(sorted(key for key in deps if key not in NESTED and key != _BY_WORKLOAD))
    nested = tuple(sorted(deps & NESTED))
    memo: Memo[tuple[str, ...]] = Memo(memory)
    single = keys[0] if len(keys) == 1 and not nested and not by_workload else ""

    def remember(key: object, raw: Raw) -> tuple[str, ...]:
        # Numbers that are equal need not read the same: 7, 7.0, true.
        for name in keys:
            if raw[name].__class__ is not (int if name in INTEGERS else str):
                raise Irregular
        for name in nested:
            if raw[name].__class__ is not (list if name == "ATags" else dict):
                raise Irregular
        if outlines is not None and (pieces := outlines.filled(raw)) is not None:
            return pieces
        pieces = memo.again(key)
        if pieces is None:
            pieces = make(raw)
            length = sum(len(str(raw[name])) for name in (*keys, *nested))
            memo.note(key, pieces, length, sum(map(len, pieces)) + ENTRY)
        return pieces

    def find(raw: Raw, workload: Workload) -> tuple[str, ...]:
        key = (
            workload.number if by_workload else 0,
            *[raw[name] for name in keys],
            *[same(raw[name]) for name in nested],
        )
        return memo.get(key) or remember(key, raw)

    return Joint(single, memo, lambda raw: remember(raw[single], raw), find, by_workload)
