"""A slot of the mapping, resolved for one plan: nothing, a constant, or a segment.

In come a draft and a slot; the draft gets the slot's part. Rules that cannot give anything in
events of this kind are left out, and a rule that wins in all of them is a constant. Knows nothing
of the line's order and of what is left over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.fastpath.draft import NoPlan, clean
from cef_bridge.fastpath.joints import join
from cef_bridge.fastpath.outlines import is_blind
from cef_bridge.fastpath.shortcuts import take_shortcut
from cef_bridge.mapping.rules import SUSPICIOUS, rule_paths

if TYPE_CHECKING:
    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.draft import Draft, Seen
    from cef_bridge.mapping.rules import Hit, Slot
    from cef_bridge.mapping.spec import Rule

# These change with every event, whatever else is the same in it.
_LIVE = frozenset({"event.time", "event.id", "event.act_key", "event.summary"})


def add_slot(draft: Draft, slot: Slot) -> None:
    """Add what a slot gives in events of the plan: nothing, a constant, or a segment."""
    if SUSPICIOUS in slot.paths:
        return  # what had to be neutralised takes the plain path
    alive: list[Rule] = []
    for index, rule in enumerate(slot.rules):
        hits = _decided(draft, slot, index)
        if hits is None or (hits and alive):
            alive.append(rule)
            # A text that is sure to be there wins; one that does not fit takes the plain path.
            sure = rule.from_ and draft.sure.issuperset(rule.from_)
            if sure and len(alive) == 1 and take_shortcut(draft, slot, rule):
                return
        elif hits:
            draft.constant(slot.write(hits))
            draft.hits += hits
            return
    if not alive or (len(alive) == 1 and take_shortcut(draft, slot, alive[0])):
        return
    deps: set[str] = set()
    for rule in alive:
        deps |= draft.deps(rule_paths(rule))
    _remember(draft, slot, deps)


def _decided(draft: Draft, slot: Slot, index: int) -> list[Hit] | None:
    """What a rule gives in all events of the plan, [] for nothing; None: it depends."""
    rule = slot.rules[index]
    undecided = False
    for path, holds_for in slot.whens[index]:
        if path in _LIVE or not draft.is_fixed([path]):
            undecided = True
        elif not holds_for(draft.event.fields):
            return []
    reads = _takes(rule)
    constant = rule.value is not None or rule.default is not None
    if reads and not constant and not draft.possible(reads):
        return []
    if undecided or not draft.is_fixed(reads) or not _LIVE.isdisjoint(reads):
        return None
    hits = slot.fires[index](draft.event.fields) or []
    if any(hit.marks for hit in hits):
        raise NoPlan
    return hits


def _takes(rule: Rule) -> tuple[str, ...]:
    return (*rule.from_, rule.spread) if rule.spread else rule.from_


def _remember(draft: Draft, slot: Slot, deps: set[str]) -> None:
    """Have a slot evaluated once for each set of values it depends on."""
    for rule in slot.rules:
        # The sentence repeats what has its place elsewhere, so it takes nothing.
        for key in draft.touched([path for path in _takes(rule) if path != "event.summary"]):
            draft.read_with.setdefault(key, set()).update(deps)
            draft.may_take.setdefault(key, []).append(slot)

    def make(event: Event, seen: Seen) -> str:
        hits = seen[id(slot)] = slot.evaluate(event.fields)
        return slot.write(clean(hits)) if hits else ""

    blind = is_blind(slot.rules)
    part = join(draft, deps, ("slot", slot.key), make, blind=blind, reads=slot.paths)
    draft.parts.append(part)
