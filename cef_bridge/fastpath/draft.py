"""A plan in the making: what is known of its events, and what is decided so far.

In come a compiled mapping, a first event of the kind, and what was found out for other plans. The
steps (`slots`, `shortcuts`, `sentence`, `joints`, `leftovers`) read the draft and add to it. It
knows neither the steps nor their order, which is `plan`'s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec.structs import replace

from cef_bridge.events.derive import derive
from cef_bridge.fastpath.deps import VERDICT, deps_of, possible
from cef_bridge.fastpath.segments import Constant, Irregular

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.memory import Memory
    from cef_bridge.fastpath.segments import Joint, Part, Raw, Text
    from cef_bridge.fastpath.workloads import Layout
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.conditions import Fields
    from cef_bridge.mapping.rules import Hit
    from cef_bridge.mapping.spec import Rule

    DepsOfPaths = dict[str, frozenset[str]]
    PossiblePaths = dict[tuple[str, ...], bool]

_OF_DATA = frozenset({"call", "flags"})  # tokens of Data that a plan is made for

Seen: TypeAlias = "dict[int, list[Hit]]"
"""What the slots of a joint gave for the event in hand, by the slot's identity."""
MakeText: TypeAlias = "Callable[[Event, Seen], str]"
"""Makes a text for an event that is derived; raises Irregular when it should not be remembered."""
What: TypeAlias = "tuple[Hashable, ...]"
"""Says which text it is: plans whose texts depend on the same fields need not have the same."""


class Taker(Protocol):
    """What may take a field: a slot of the mapping, or the header."""

    key: str
    rules: tuple[Rule, ...]

    def evaluate(self, fields: Fields) -> list[Hit]:
        """Return what it gives for an event."""


class NoPlan(Exception):  # noqa: N818 - no error: the plain path takes such events
    """There is no plan for events like this one."""


class Shared:
    """What plans of one converter share, so that a new verdict does not begin from nothing.

    `texts`: a segment by slot, rule and field, and whether it takes the field whole. `joints`: by
    all that their texts depend on. `alike`: what depends on what, by class, keys and call.
    """

    def __init__(self, memory: Memory, layout: Layout) -> None:
        self.memory = memory
        self.layout = layout
        self.texts: dict[object, tuple[Text, bool]] = {}
        self.joints: dict[object, Joint] = {}
        self.alike: dict[object, tuple[DepsOfPaths, PossiblePaths]] = {}

    def clear(self) -> None:
        """Forget it all; plans that are made already keep what they use."""
        self.texts.clear()
        self.joints.clear()
        self.alike.clear()
        self.memory.pairs.clear()


class Draft:
    """The state that the steps hand on. `keys`: the event's keys, as all events of the plan have
    them. `fixed`: those whose values are the same in all of them. `policy`: those of the verdict
    that are not; `sure`: of these, what has a value in all of them.
    """

    def __init__(
        self,
        program: Program,
        shared: Shared,
        raw: Raw,
        keys: frozenset[str],
        policy: frozenset[str],
    ) -> None:
        self.program = program
        self.format = program.format
        self.shared = shared
        self.raw = raw
        self.keys = keys
        self.event: Event = derive(raw, origin="?")
        self.kind = self.event.kind
        self.policy = policy & keys
        # A plan's events have all of these, or none; which one is open.
        self.sure = frozenset(key for key in self.policy if raw[key])
        # The direction of a firewall event is its class, and Resource holds nothing else.
        self.fixed = (VERDICT - policy) | (
            {"Resource"} if self.kind.operation == "firewall" else set()
        )
        self.call = str(self.event.fields.get("call", ""))
        # What depends on what is the same for all plans of a class, these keys and a call.
        alike = shared.alike.setdefault((self.kind, keys, self.call), ({}, {}))
        self._deps_of, self._possible = alike
        self._taken: frozenset[str] | None = None

        self.parts: list[Part] = []  # in the line's order
        self.hits: list[Hit] = []  # of what the plan fixes, and of the workload
        self.taken_whole: set[str] = set()  # raw keys of which a segment leaves nothing, ever
        self.read_with: dict[str, set[str]] = {}  # raw key -> all that its readers depend on
        self.may_take: dict[str, list[Taker]] = {}  # raw key -> what takes it at times
        self.joined: dict[frozenset[str], dict[What, MakeText]] = {}  # by what texts depend on
        self.asks_verdict: set[frozenset[str]] = set()  # which of `joined` differ by the verdict
        self.reads: dict[frozenset[str], set[str]] = {}  # the paths that they ask for
        self.asks_address: set[frozenset[str]] = set()  # which are not blind (`outlines`)

    def constant(self, text: str) -> None:
        """Add a text that is the same in all lines."""
        if text:
            self.parts.append(Constant(text))

    def deps(self, paths: Iterable[str]) -> frozenset[str]:
        """Return the raw keys that decide the values of some paths."""
        found: frozenset[str] = frozenset()
        for path in paths:
            deps = self._deps_of.get(path)
            if deps is None:
                if path == "event.severity":  # the mapping's own rules make it
                    deps = self.deps(
                        [each for slot in self.program.severity for each in slot.paths]
                    )
                else:
                    deps = deps_of(path, self.kind, self.keys, self.call)
                self._deps_of[path] = deps
            found |= deps
        return found

    def touched(self, paths: Collection[str]) -> frozenset[str]:
        """Return the raw keys of which less is left when some paths are taken."""
        keys = self.deps(paths)
        if not _OF_DATA.isdisjoint(paths):
            keys |= {"Data"} & self.keys  # the same in all events of the plan, not so the rest
        return keys

    def is_fixed(self, paths: Iterable[str]) -> bool:
        """Tell whether some paths have the same values in all events of the plan."""
        return self.deps(paths) <= self.fixed

    def possible(self, paths: tuple[str, ...]) -> bool:
        """Tell whether any of some paths can have a value in events of the plan."""
        found = self._possible.get(paths)
        if found is None:
            found = self._possible[paths] = possible(paths, self.kind, self.keys, self.call)
        return found

    def taken_by_fixed(self) -> frozenset[str]:
        """Return the paths that the plan's fixed texts take; asked when all slots are added."""
        if self._taken is None:
            if any(hit.whole for hit in self.hits):
                raise Irregular  # what was cut off needs a place of its own
            self._taken = self.program.leftovers.taken_by(self.event, self.hits)
        return self._taken


def clean(hits: list[Hit]) -> list[Hit]:
    """Return hits in which nothing is suspicious; the plain path marks and counts what is."""
    if any(hit.marks for hit in hits):
        raise Irregular
    return hits


def unconditional(rule: Rule) -> Rule:
    """Return a rule whose conditions hold in all events of the plan, without them."""
    return replace(rule, when=())
