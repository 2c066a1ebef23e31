"""The filters of a mapping, decided as early as can be: for a plan, a workload, or an activity.

In come a draft and the mapping's filters, out comes a `Sieve`. What only the workload still decides
is a bit (`Workload.drops`), what the activity decides is looked up like any other joined text. Must
come before all other steps, and knows nothing of what is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.fastpath.deps import WORKLOAD
from cef_bridge.fastpath.draft import NoPlan
from cef_bridge.fastpath.joints import join
from cef_bridge.fastpath.outlines import asks_no_address
from cef_bridge.mapping.conditions import all_hold, holds

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.draft import Draft, Seen
    from cef_bridge.fastpath.segments import Joined
    from cef_bridge.mapping.spec import Condition

_HOLDS = "1"


class Sieve(NamedTuple):
    """What takes events of a plan out. `all`: they all go; `workloads`: the filter items, as bits,
    that take an event out when they hold for its workload; `activities`: texts that say whether an
    item holds for its activity (`_HOLDS`), each with the bit that must hold for its workload too, 0
    when none need.
    """

    all: bool
    workloads: int
    activities: tuple[tuple[int, Joined], ...]


def sieve_of(draft: Draft) -> Sieve | None:
    """Return how the mapping's filters are decided for events of a plan; None: all of them pass."""
    workloads = 0
    activities: list[tuple[int, Joined]] = []
    for index, item in enumerate(draft.program.filters):
        found = _open(draft, item)
        if found is None:
            continue
        by_workload, by_activity = found
        bit = 1 << index if by_workload else 0
        if by_activity:
            activities.append((bit, _joined(draft, index, by_activity)))
        elif bit:
            workloads |= bit
        else:
            return Sieve(all=True, workloads=0, activities=())
    if not workloads and not activities:
        return None
    return Sieve(all=False, workloads=workloads, activities=tuple(activities))


def _open(
    draft: Draft, item: Sequence[Condition]
) -> tuple[list[Condition], list[Condition]] | None:
    """Return the conditions of an item that the workload decides, and those that the activity
    does; None when the item holds for no event of the plan.
    """
    by_workload: list[Condition] = []
    by_activity: list[Condition] = []
    for condition in item:
        deps = draft.deps([condition.path]) - draft.fixed
        if not deps:
            if not holds(condition)(draft.event.fields):
                return None
        elif deps <= WORKLOAD:
            by_workload.append(condition)
        elif deps & WORKLOAD:
            raise NoPlan
        else:
            by_activity.append(condition)
    return by_workload, by_activity


def _joined(draft: Draft, index: int, conditions: list[Condition]) -> Joined:
    hold = all_hold(conditions)
    paths = [condition.path for condition in conditions]

    def make(event: Event, _: Seen) -> str:
        return _HOLDS if hold(event.fields) else ""

    # The verdict decided which conditions are open.
    what = ("filter", index, tuple(paths))
    deps = set(draft.deps(paths))
    return join(draft, deps, what, make, blind=asks_no_address(conditions), reads=paths)
