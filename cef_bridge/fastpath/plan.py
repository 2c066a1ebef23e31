"""A plan: how to write the events of one verdict, with all that is known of them done already.

In come a first event of its kind and the compiled mapping, out comes a `Plan`: constant texts, and
a segment for each thing that changes from event to event. Rules whose conditions are decided by
the verdict are gone. When anything is not sure to be the same as on the plain path, there is no
plan (`None`) and the events of that kind take the plain path. tests/test_fastpath.py holds the two
against each other.
"""

from __future__ import annotations

from types import NoneType
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from cef_bridge.events.activity import describe
from cef_bridge.events.clock import microseconds
from cef_bridge.events.derive import INTEGERS, derive
from cef_bridge.events.fields import RAW
from cef_bridge.events.identity import SEPARATOR, id_text, stable_resource, verb_group
from cef_bridge.events.split import token_keys
from cef_bridge.events.summary import summary
from cef_bridge.fastpath.deps import (
    ACTIVITY,
    KNOWN,
    SCOPE,
    VERDICT,
    WORKLOAD,
    alias_of,
    deps_of,
    possible,
    top,
)
from cef_bridge.fastpath.segments import (
    ActKey,
    Constant,
    EventId,
    Guard,
    Integer,
    Irregular,
    Joined,
    Summary,
    Text,
    Time,
    WorkloadPiece,
    joint,
    text_miss,
)
from cef_bridge.fastpath.template import compile_parts
from cef_bridge.mapping.conditions import holds, to_text
from cef_bridge.mapping.rules import (
    SUSPICIOUS,
    Hit,
    Slot,
    compile_rule,
    marks_of,
    rule_paths,
    write_hit,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cef_bridge.events.classes import Class
    from cef_bridge.events.derive import Event
    from cef_bridge.fastpath.segments import Joint, Part, Raw
    from cef_bridge.fastpath.workloads import Workload
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.spec import Rule

_MAPS = ("Owner", "ExecEvent", "EventData", "ATags")
PLACE_MARK = "\x1a"
_LONGEST_SENTENCE = 480  # with a place of at most 512 characters it is below msg's 1023
_SUMMARY_TEXTS = ("ParentProcessName", "ProcessName", "Source", "Resource")
_MOST_VARYING = 8
_INSTANTS = {"HostPID": "", "HostPPID": "", "PID": "", "PPID": ""}


class Plan(NamedTuple):
    """How to write the events of one verdict: `render(raw, workload)` gives the message without
    its syslog header, whose priority is `pri`; `bakes`: an activity may be filled in for good.
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


class _No(Exception):  # noqa: N818 - leaves the builder
    """There is no plan for events like this one."""


def workload_slots(program: Program) -> list[bool]:
    """Tell for each slot whether it reads workload fields only."""
    return [
        slot.pace == "workload" and bool(slot.paths) and SUSPICIOUS not in slot.paths
        for slot in program.slots
    ]


class Builder:
    """Makes the plan for events with the keys and the verdict of a first one."""

    def __init__(
        self,
        program: Program,
        texts: dict[object, tuple[Text, bool]],
        shared: dict[object, Joint],
        known: dict[object, Any],
        raw: Raw,
        keys: frozenset[str],
    ) -> None:
        self._program = program
        self._format = program.format
        self._texts = texts
        self._shared = shared
        self._raw = raw
        self._keys = keys
        self._event: Event = derive(raw, origin="?")
        self._kind = self._event.kind
        # The direction of a firewall event is its class, and Resource holds nothing else.
        self._fixed = VERDICT | ({"Resource"} if self._kind.operation == "firewall" else set())
        self._call = str(self._event.fields.get("call", ""))
        # What depends on what is the same for all plans of a class, these keys and a call.
        alike = known.setdefault((self._kind, keys, self._call), ({}, {}))
        self._deps_of: dict[str, frozenset[str]] = alike[0]
        self._possible: dict[tuple[str, ...], bool] = alike[1]
        self._taken: frozenset[str] | None = None
        self._asks_verdict: set[frozenset[str]] = set()
        self._joints: dict[frozenset[str], list[Callable[[Event, Seen], str]]] = {}
        self._hits: list[Hit] = []  # of what the plan fixes, and of the workload
        self._takers: dict[str, bool] = {}  # raw key -> a segment always takes it whole
        self._readers: dict[str, set[str]] = {}  # raw key -> keys its memo segments depend on
        self._may_take: dict[str, list[Slot]] = {}
        self._parts: list[Part] = []

    def build(self, priority: Callable[[Class, int], int]) -> Plan | None:
        """Return the plan, or None when such events must take the plain path."""
        try:
            return self._build(priority)
        except (_No, Irregular):
            return None

    def _build(self, priority: Callable[[Class, int], int]) -> Plan:
        program, event = self._program, self._event
        if program.mapping.drop or "event.time" not in event.fields:
            raise _No
        self._check_time()
        for key in self._fixed & self._keys:
            # Numbers that are equal need not read the same: 7, 7.0, true.
            if self._raw[key].__class__ not in (int if key in INTEGERS else str, NoneType, list):
                raise _No
        program.prepare(event)
        drops, filtered = self._filters()
        header, hits = program.header_of(event.fields)
        paths = {
            path for slot in (*program.header, *program.header_severity) for path in slot.paths
        }
        if not self._deps(paths) <= self._fixed:
            raise _No
        self._hits += hits
        self._slots()
        if "HostPID" in self._keys and "HostPID" not in self._takers:
            self._parts.append(Guard("HostPID"))
        severity = int(header.severity)
        head = self._format.head(header)
        joints = tuple(self._joint(deps, makes) for deps, makes in self._joints.items())
        runs = workload_runs(program)
        render = compile_parts(head, self._format.separator, self._parts, joints, runs)
        pri = priority(self._kind, severity)
        parts = tuple(self._parts)
        bakes = not drops and not any(joint.by_workload for joint in joints)
        return Plan(self._kind, severity, pri, render, head, parts, joints, drops, filtered, bakes)

    def _check_time(self) -> None:
        text = self._raw.get("UpdatedTime")
        micros = microseconds(text) if isinstance(text, str) else None
        if micros is None or len(text) != 27:  # type: ignore[arg-type]
            raise _No

    def _deps(self, paths: set[str] | Sequence[str]) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        for path in paths:
            deps = self._deps_of.get(path)
            if deps is None and path == "event.severity":
                rules = [path for slot in self._program.severity for path in slot.paths]
                deps = self._deps_of[path] = self._deps(rules)
            elif deps is None:
                deps = self._deps_of[path] = deps_of(path, self._kind, self._keys, self._call)
            found |= deps
        return found

    def _filters(self) -> tuple[int, bool]:
        """Which filter items only the workload can still decide, and whether one holds already."""
        bits = 0
        for index, item in enumerate(self._program.filters):
            open_deps: frozenset[str] = frozenset()
            for condition in item:
                deps = self._deps([condition.path])
                if deps <= self._fixed:
                    if not holds(condition)(self._event.fields):
                        break
                else:
                    open_deps |= deps
            else:
                if not open_deps:
                    return 0, True
                if not open_deps <= WORKLOAD:
                    raise _No
                bits |= 1 << index
        return bits, False

    # Slots, in the line's order. Those before `msg` come first, then the leftovers, then msg.

    def _slots(self) -> None:
        program = self._program
        fixed = workload_slots(program)
        run = -1
        before = False
        last: list[Slot] = []
        for slot, is_workload in zip(program.slots, fixed, strict=True):
            if slot.key == "msg":
                last.append(slot)
                continue
            if is_workload:
                if not before:
                    run += 1
                    self._parts.append(WorkloadPiece(run))
                self._hits += slot.evaluate(self._event.fields)
            else:
                self._slot(slot)
            before = is_workload
        before_msg = len(self._parts)
        for slot in last:
            self._slot(slot)
        tail = self._parts[before_msg:]
        del self._parts[before_msg:]
        self._leftovers(run + 1)
        self._parts += tail

    def _slot(self, slot: Slot) -> None:
        """Resolve a slot: nothing, a constant, or a segment."""
        if SUSPICIOUS in slot.paths:
            return  # what had to be neutralised takes the plain path
        alive: list[Rule] = []
        for index, rule in enumerate(slot.rules):
            state = self._alive(index, first=not alive, slot=slot)
            if state == "won":
                return
            if state == "alive":
                alive.append(rule)
        if not alive:
            return
        if len(alive) == 1 and self._direct(slot, alive[0]):
            return
        deps: set[str] = set()
        for rule in alive:
            deps |= self._deps(rule_paths(rule))
        self._remembered(slot, deps)

    def _alive(self, index: int, *, first: bool, slot: Slot) -> str:
        rule = slot.rules[index]
        undecided = False
        for path, holds_for in slot.whens[index]:
            if path not in _LIVE and self._deps([path]) <= self._fixed:
                if not holds_for(self._event.fields):
                    return "dead"
            else:
                undecided = True
        reads = (*rule.from_, *((rule.spread,) if rule.spread else ()))
        constant = rule.value is not None or rule.default is not None
        if reads and not constant and not self._can_be(reads):
            return "dead"
        if undecided or not self._deps(reads) <= self._fixed or not set(reads).isdisjoint(_LIVE):
            return "alive"
        hits = slot.fires[index](self._event.fields) or []
        _clean_or_none(hits)
        if not hits:
            return "dead"
        if not first:
            return "alive"
        self._constant("".join(write_hit(self._format, hit) for hit in hits))
        self._hits += hits
        return "won"

    def _can_be(self, paths: tuple[str, ...]) -> bool:
        found = self._possible.get(paths)
        if found is None:
            found = possible(paths, self._kind, self._keys, self._call)
            self._possible[paths] = found
        return found

    def _constant(self, text: str) -> None:
        if text:
            self._parts.append(Constant(text))

    def _direct(self, slot: Slot, rule: Rule) -> bool:  # noqa: C901 - a table of the short ways
        """A rule that takes one field and asks for nothing open: the short ways."""
        if len(rule.from_) != 1 or rule.spread or rule.table:
            return False
        if any(not self._deps([condition.path]) <= self._fixed for condition in rule.when):
            return False
        path = rule.from_[0]
        prefix = self._format.pair(slot.key)
        suffix = ""
        if rule.label:
            label = self._format.neutral(rule.label)
            suffix = self._format.pair(f"{slot.key}Label") + self._format.escape(label)
        plain = not rule.via
        if path == "event.time" and plain and not suffix:
            self._time(prefix)
        elif path == "event.id" and plain:
            self._id(prefix, suffix)
        elif path == "event.act_key" and plain:
            self._act(prefix, suffix)
        elif path == "event.summary":
            self._summary(slot, rule)
        elif path in _INSTANTS and plain:
            self._integer(path, prefix, suffix)
        elif path == "container.pid" and plain:
            if self._kind.scope == "container":
                self._integer("PID", prefix, suffix, skip_zero=True)
        elif path == "container.ppid" and plain:
            if self._kind.scope == "container":
                self._integer("PPID", prefix, suffix, skip_zero=True, other="HostPPID")
        elif path == "user.id" and plain and "HostPID" in self._keys and "UID" in self._keys:
            self._integer("UID", prefix, suffix)
        elif (key := alias_of(path, self._kind, self._keys)) and self._is_text(key):
            self._text(slot, rule, path, key)
        else:
            return False
        return True

    def _summary(self, slot: Slot, rule: Rule) -> None:
        """The sentence is nearly new for each event, so it is made of what it needs and no more."""
        fmt = self._format
        fire = compile_rule(slot.key, _unconditional(rule), fmt, ipv6=False)
        kind, own = self._kind, self._event.fields
        fixed = {key: own[key] for key in VERDICT if key in own}
        fixed["event.verb"] = kind.verb
        keys = tuple(key for key in _SUMMARY_TEXTS if key in self._keys)
        data = "Data" in self._keys
        simple = kind.operation == "file" or kind.verb == "exec"

        def sentence(raw: Raw, names: Mapping[str, object]) -> str:
            fields = {**fixed, **names}
            for key in keys:
                value = raw[key]
                if value.__class__ is not str:
                    raise Irregular
                if value:
                    fields[key] = value
            resource = fields.get("Resource", "")
            if not simple:
                text = raw["Data"] if data else ""
                values = describe(
                    operation=kind.operation,
                    verb=kind.verb,
                    data=text,  # type: ignore[arg-type]
                    resource=resource,  # type: ignore[arg-type]
                ).values
                fields.update(values)
            elif kind.verb == "exec":
                first = resource.split(None, 1) or ("",)  # type: ignore[attr-defined]
                fields["process.path"] = fields.get("ProcessName") or first[0]
            else:
                fields["file.path"] = resource
            return summary(fields)

        def write(text: str) -> str:
            hits = fire({"event.summary": text}) if text else None
            if hits and hits[0].whole:
                raise Irregular
            return "".join(write_hit(fmt, hit) for hit in _clean(hits)) if hits else ""

        plain = not (rule.via or rule.max_length or rule.label)
        plain = plain and not self._program.mapping.envelope.break_up
        pair = fmt.pair(slot.key)

        def split(raw: Raw) -> tuple[str, str] | None:
            """Write the sentence with a mark for the place, which no text of an event can hold."""
            text = sentence(raw, {"HostName": PLACE_MARK})
            before, _, after = text.partition(PLACE_MARK)
            whole = f"({before}{after})"
            if not plain or text.count(PLACE_MARK) != 1 or len(text) > _LONGEST_SENTENCE:
                return None
            if marks_of(whole) or fmt.neutral(whole) != whole or not before or before[0] == " ":
                return None
            return pair + fmt.escape(before), fmt.escape(after)

        def make(raw: Raw, workload: Workload) -> str:
            return write(sentence(raw, workload.names))

        self._parts.append(Summary(make, split))

    def _is_text(self, key: str) -> bool:
        row = RAW.get(key)
        return key in self._keys and row is not None and row.kind == "text" and key not in _MAPS

    def _integer(
        self, key: str, prefix: str, suffix: str, *, skip_zero: bool = False, other: str = ""
    ) -> None:
        if key in self._keys:
            self._takers[key] = True
            other = other if other in self._keys else ""
            self._parts.append(Integer(key, prefix, suffix, skip_zero, other))

    def _time(self, prefix: str) -> None:
        self._takers["UpdatedTime"] = True
        self._parts.append(Time(prefix))

    def _id(self, prefix: str, suffix: str) -> None:
        get = self._raw.get
        head = SEPARATOR + SEPARATOR.join((id_text(get("Type")), id_text(get("Operation")), ""))
        names = ("PolicyName", "Action", "Result")
        tail = SEPARATOR + SEPARATOR.join(id_text(get(name)) for name in names)
        stable = stable_resource if str(get("Operation", "")).lower() == "network" else None
        integers = tuple(key for key in ("HostPID", "PID") if key in self._keys)
        self._parts.append(EventId(prefix, suffix, head, tail, integers, stable))

    def _act(self, prefix: str, suffix: str) -> None:
        group = verb_group(self._kind.verb)
        if not group or "HostPID" not in self._keys:
            return
        is_exec = self._kind.verb == "exec"
        key = alias_of("file.path", self._kind, self._keys) or ("Resource" if is_exec else "")
        if key in self._keys:
            first_word = is_exec and key == "Resource"
            self._parts.append(ActKey(prefix, suffix, group, key, is_exec, first_word))
        elif self._deps(["file.path"]):
            raise _No

    def _text(self, slot: Slot, rule: Rule, path: str, key: str) -> None:
        name = (slot.key, rule, path, key)
        found = self._texts.get(name)
        if found is None:
            found = self._texts[name] = self._text_part(slot, rule, path, key)
        part, whole = found
        if whole:
            self._takers[key] = True
        self._readers.setdefault(key, set()).add(key)
        self._parts.append(part)

    def _text_part(self, slot: Slot, rule: Rule, path: str, key: str) -> tuple[Text, bool]:
        fmt = self._format
        ipv6 = self._program.mapping.envelope.ipv6 == "direct"
        fire = compile_rule(slot.key, _unconditional(rule), fmt, ipv6=ipv6)
        whole = _takes_whole(fire, path)

        def make(value: str) -> str:
            hits = fire({path: value})
            if not hits:
                if value or path != key:
                    raise Irregular  # the field is left over, or another stands in for it
                return ""
            hit = hits[0]
            if hit.marks or (whole and not hit.taken) or hit.whole:
                raise Irregular
            return write_hit(fmt, hit)

        memo: dict[object, str] = {}
        return Text(key, memo, text_miss(make, memo), make), whole

    def _remembered(self, slot: Slot, deps: set[str]) -> None:
        """A slot that is evaluated once for each set of values it depends on."""
        for rule in slot.rules:
            reads = (*rule.from_, *((rule.spread,) if rule.spread else ()))
            for key in self._deps([path for path in reads if path != "event.summary"]):
                self._readers.setdefault(key, set()).update(deps)
                self._may_take.setdefault(key, []).append(slot)

        def make(event: Event, seen: Seen) -> str:
            hits = seen[id(slot)] = slot.evaluate(event.fields)
            return slot.write(_clean(hits)) if hits else ""

        self._join(deps, make)

    def _join(self, deps: set[str], make: Callable[[Event, Seen], str]) -> None:
        """Put a text among those that depend on the same fields; they share one look-up."""
        varying = frozenset(deps) - self._fixed
        asks_verdict = not VERDICT.isdisjoint(deps)
        if varying & WORKLOAD:
            varying = (varying - WORKLOAD) | {_BY_WORKLOAD}
        if not varying <= _MAY_VARY or len(varying) > _MOST_VARYING or not varying:
            raise _No
        if asks_verdict:
            self._asks_verdict.add(varying)
        makes = self._joints.setdefault(varying, [])
        self._parts.append(Joined(list(self._joints).index(varying), len(makes)))
        makes.append(make)

    def _joint(self, deps: frozenset[str], makes: list[Callable[[Event, Seen], str]]) -> Joint:
        program = self._program
        by_workload = _BY_WORKLOAD in deps
        # Nothing else can matter to these texts, so nothing else is derived.
        needed = deps | self._fixed | SCOPE | {"Data", "Resource", "HostPID"}
        if by_workload:
            needed |= WORKLOAD
        prepared = deps in self._asks_verdict or by_workload

        def plain(raw: Raw) -> tuple[str, ...]:
            some = {key: raw[key] for key in raw if key in needed}
            event = derive(some, origin="?", act_only=not prepared)
            if prepared:
                program.prepare(event)
            seen: Seen = {}
            return tuple([make(event, seen) for make in makes])

        keys = tuple(sorted(key for key in deps if key not in _MAPS and key != _BY_WORKLOAD))
        maps = tuple(sorted(key for key in deps if key in _MAPS))
        # Plans that differ in the policy only share what does not ask for the policy.
        own = self._raw_verdict() if deps in self._asks_verdict else ()
        name = (deps, self._keys, self._kind, self._event.fields.get("flags"), self._call, own)
        found = self._shared.get(name)
        if found is None:
            found = self._shared[name] = joint(keys, maps, plain, by_workload=by_workload)
        return found

    def _raw_verdict(self) -> tuple[str, ...]:
        return tuple(repr(self._raw.get(key)) for key in sorted(VERDICT))

    def _leftovers(self, workload_piece: int) -> None:
        """What no rule takes: of the workload, of the verdict, and of the activity one by one."""
        program, event = self._program, self._event
        if program.mapping.unmapped != "keep":
            return
        self._parts.append(WorkloadPiece(workload_piece))
        left = {
            hit.path: hit
            for hit in program.leftovers.of(event, self._hits)
            if top(hit.path) in self._fixed
        }
        if any(hit.marks for hit in left.values()):
            raise _No
        for path in RAW:
            key = top(path)
            if key in VERDICT and path in left:
                if key in self._readers:
                    raise _No
                self._constant(write_hit(self._format, left[path]))
        for path in dict.fromkeys(top(path) for path in RAW if RAW[path].pace == "activity"):
            if path in self._keys:
                self._activity_left(path, left)
        for path in (path for path in RAW if path in _INSTANTS):
            if path in self._keys and path not in self._takers:
                self._instant_left(path)
        if "UpdatedTime" not in self._takers:
            raise _No
        self._others()

    def _others(self) -> None:
        """Fields this version does not know, in the event's order."""
        fmt, leftovers = self._format, self._program.leftovers
        used = set(leftovers.taken)
        for key in self._raw:
            if key in KNOWN:
                continue
            prefix = fmt.pair(leftovers.name(key, used))

            def make(value: object, prefix: str = prefix) -> str:
                text = "" if value in ({}, []) else to_text(value)
                if marks_of(text):
                    raise Irregular
                text = fmt.neutral(text)
                return prefix + fmt.escape(text) if text else ""

            self._parts.append(Text(key, {}, make, make))

    def _activity_left(self, key: str, left: dict[str, Hit]) -> None:
        if key in self._fixed:
            if key in left:
                self._constant(write_hit(self._format, left[key]))
        elif self._takers.get(key):
            return
        elif key == "EventData":
            self._event_data()
        else:
            deps = {key} | self._readers.get(key, set())
            if key == "UID" and "HostPID" not in self._keys:
                deps |= {"ProcessName"} & self._keys
            if key == "Source" and self._kind.verb == "exec":
                deps |= {"ParentProcessName"} & self._keys
            # Resource may repeat a token of Data; only the keys of a system call never do.
            if token_keys(self._call) is None or self._kind.verb == "ptrace":
                if key == "Resource" and self._kind.operation != "file":
                    deps |= {"Data"} & self._keys
                if key == "Data" and self._kind.operation == "network":
                    deps |= {"Resource"} & self._keys
            self._left(key, deps)

    def _left(self, key: str, deps: set[str]) -> None:
        program = self._program

        slots = self._may_take.get(key, ())
        known = self._known

        def make(event: Event, seen: Seen) -> str:
            hits: list[Hit] = []
            for slot in slots:
                found = seen.get(id(slot))
                hits += slot.evaluate(event.fields) if found is None else found
            left = program.leftovers.of(event, hits, key, known())
            left = [hit for hit in left if top(hit.path) == key]
            return "".join(write_hit(program.format, hit) for hit in _clean(left))

        self._join(deps, make)

    def _known(self) -> frozenset[str]:
        """What the plan's fixed texts take; asked when the plan is whole."""
        if self._taken is None:
            if any(hit.whole for hit in self._hits):
                raise Irregular
            self._taken = self._program.leftovers.taken_by(self._event, self._hits)
        return self._taken

    def _event_data(self) -> None:
        """EventData repeats Data and Resource; when it says more, the plain path has it."""

        def make(event: Event, _: Seen) -> str:
            if event.parts.get("EventData"):
                raise Irregular
            return ""

        self._join({"EventData", "Data", "Resource"} & self._keys, make)

    def _instant_left(self, key: str) -> None:
        prefix = self._format.pair(self._program.leftovers.name(key, set()))
        other = {"PID": "HostPID", "PPID": "HostPPID"}.get(key, "")
        other = other if other in self._keys else ""
        self._parts.append(Integer(key, prefix, "", skip_zero=True, other=other))


Seen: TypeAlias = dict[int, list[Hit]]
"""What the slots of a joint gave for the event in hand, by the slot's identity."""
_BY_WORKLOAD = "(workload)"
_MAY_VARY = ACTIVITY | {_BY_WORKLOAD}
_LIVE = frozenset({"event.time", "event.id", "event.act_key", "event.summary"})


def workload_runs(program: Program) -> int:
    """How many pieces a workload has: the runs of its slots, and its leftovers."""
    runs, before = 1, False
    for slot, is_workload in zip(program.slots, workload_slots(program), strict=True):
        if slot.key == "msg":
            continue
        runs += is_workload and not before
        before = is_workload
    return runs


def _clean_or_none(hits: list[Hit]) -> None:
    if any(hit.marks for hit in hits):
        raise _No


def _clean(hits: list[Hit]) -> list[Hit]:
    if any(hit.marks for hit in hits):
        raise Irregular
    return hits


def _unconditional(rule: Rule) -> Rule:
    from msgspec.structs import replace  # noqa: PLC0415 - used while planning only

    return replace(rule, when=())


def _takes_whole(fire: Callable[[dict[str, object]], list[Hit] | None], path: str) -> bool:
    hits = fire({path: "/a/b"})
    return bool(hits and hits[0].taken)
