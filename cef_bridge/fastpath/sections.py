"""Lines known by their bytes: a relay's line is a clock, a workload, process ids and an activity.

KubeArmor prints an event's fields in one order (protobuf/kubearmor.proto), so a line is

    {"Timestamp":…,"UpdatedTime":"…",  ClusterName … ContainerImage,  HostPPID … PID,  UID … NodeID}

and all but the clock and the process ids come again and again. When both of the long sections were
seen before, byte for byte, in lines that were parsed, the line needs no parsing: what they give is
written already. The node's id belongs to the first and stands in the second (since 1.6.0),
so it is cut out there. Every other line is none of this module's business.

Measured on the synthetic set, microseconds a line: 4.4 here, 11 by `FastPath.recall` with the
parsing that it needs (orjson.loads alone: 1.9).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import orjson

from cef_bridge.events.summary import place as named_place
from cef_bridge.fastpath.bake import (
    Baked,
    Clock,
    Fixed,
    Host,
    Item,
    Place,
    Tail,
    compile_items,
    fill,
)
from cef_bridge.fastpath.deps import INSTANT, PROCESS_IDS, WORKLOAD
from cef_bridge.fastpath.memory import ENTRY
from cef_bridge.fastpath.segments import Irregular, remember_second
from cef_bridge.formats import syslog
from cef_bridge.mapping.rules import marks_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.converter import Converter
    from cef_bridge.events.classes import Class
    from cef_bridge.fastpath.memory import Memory
    from cef_bridge.fastpath.plan import Plan
    from cef_bridge.fastpath.segments import Raw
    from cef_bridge.fastpath.workloads import Workload

    Append = Callable[[bytes], object]

MOST_SECTIONS = 16384
MOST_OF_TAILS = 32 << 20  # bytes, by the rough count of `memory`
MOST_SEEN = 16384
MOST_SECONDS = 4096
_LONGEST_PLACE = 512

# The clock is of fixed width; `"PID":7,` and the like: JSON has no leading zeros, pids are small.
_TIME, _FRACTION, _SECTION = 39, 59, 65
_CLOCK_END = b'Z",'  # a section begins with it, so that it is looked at together with the rest
_CLOCK = re.compile(
    rb'\{"Timestamp":[1-9]\d{9},"UpdatedTime":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.'
).fullmatch
_NUMBER = rb"(0|[1-9]\d{0,8})"
_HOST_PPID, _NAMES = b',"HostPPID":', b',"ParentProcessName":'
_NODE = re.compile(rb',"NodeID":"[^"\\]*"').search
_PIDS = re.compile(
    rb'"HostPPID":%b,"HostPID":([1-9]\d{0,8}),"PPID":%b,"PID":%b,' % (_NUMBER, _NUMBER, _NUMBER)
).match


class Sections:
    """Knows lines by their sections. `run` writes known ones, `learn` is told of those parsed."""

    def __init__(
        self,
        converter: Converter,
        memory: Memory,
        app_name: str,
        priority: Callable[[Class, int], int],
    ) -> None:
        self._memory = memory
        self._most = converter.max_bytes
        self._syslog = converter.syslog.kind
        self._app = app_name
        self._priority = priority
        self._usable = converter.syslog.zone is None  # it writes times in UTC
        self._format = converter.program.format
        self._places: dict[bytes, Place] = {}
        self._tails: dict[tuple[frozenset[str], str], dict[bytes, Tail]] = {}
        self._old: list[Tail] = []  # forgotten, and not counted yet
        self._room = MOST_OF_TAILS
        self._seen: set[int] = set()  # the tails that came, by their hashes
        # The place's section of the last line and its tail, b"" if the place is not known.
        self._unknown: tuple[bytes, bytes] | None = None
        self._seconds: dict[bytes, bytes] = {}

    def run(self, lines: Sequence[bytes], start: int, alert: Append, log: Append) -> int:
        """Append the messages of lines to their lanes, from `start` on, as far as they are known;
        return the index of the first that is not. Its sections are for `learn`.
        """
        # The hot loop. All but one in thirty lines end in it, so it is one function without calls
        # of its own: 4.2 us a line, 5.0 as a method for each line.
        pids_of, places, moments, most = _PIDS, self._places, self._seconds, self._most
        self._unknown = None
        for index in range(start, len(lines)):
            line = lines[index]
            # From the end, which is nearer: 0.12 us, 0.29 from the front. Which one is found does
            # not matter: what is known are the very bytes around it, and they were proved.
            at = line.rfind(_HOST_PPID)
            pids = pids_of(line, at + 1)
            if pids is None:
                return index
            # Alerts have the names of the processes after the ids, logs before.
            end = line.rfind(_NAMES, _SECTION, at)
            place = places.get(section := line[_SECTION : at if end < 0 else end])
            if place is None:
                self._unknown = section, b""
                return index
            after, node = pids.end(), place.node
            tail = line[after:]
            if node:
                cut = line.rfind(node, after)
                if cut < 0:
                    return index
                tail = line[after:cut] + b"\n" + line[cut + len(node) :]
            if end >= 0:
                tail = line[end:at] + b"\n" + tail
            known = place.tails.get(tail)
            if known is None:
                self._unknown = section, tail
                return index
            # The beginning is the same for all lines of a second, and was checked once for all.
            seconds = moments.get(line[:_FRACTION]) or self._second(line)
            fraction = line[_FRACTION:_SECTION]
            if not (seconds and fraction.isdigit()):
                return index
            message = known.render(
                known, line[_TIME : _SECTION + 1], seconds + fraction[:3], pids.groups(), place
            )
            if len(message) > most:
                return index
            known.seen += 1
            if known.urgent:
                alert(message)
            else:
                log(message)
        return len(lines)

    def _second(self, line: bytes) -> bytes:
        """Return the epoch seconds that a line begins with, b"" when it begins otherwise."""
        begin = line[:_FRACTION]
        if not _CLOCK(begin):
            return b""
        try:
            text = remember_second(f"{begin[_TIME:-1].decode()}.000000Z")
        except Irregular:
            return b""
        if len(self._seconds) >= MOST_SECONDS:
            self._seconds.clear()
        seconds = self._seconds[begin] = text.encode()
        return seconds

    def counts(self) -> Iterator[tuple[tuple[object, object, str], int]]:
        """Yield (Type, Operation, class id) and how many messages `run` wrote of it, since the last
        time it was asked.
        """
        tails = [*self._all_tails(), *self._old]
        self._old = []
        for tail in tails:
            if tail.seen:
                yield tail.kind, tail.seen
                tail.seen = 0
                tail.lately = True

    def learn(self, line: bytes, raw: Raw, workload: Workload, plan: Plan) -> None:
        """Remember the sections of the line that `run` stopped at, and that was parsed then.

        A place is, at once: it will be heard of again (10,000 pods: 9 % less than at the second
        time). An activity is at the second time: writing its texts costs as much as two lines that
        are parsed, and most that come again do so often (5 to 8 % less than at the sixth time).
        """
        # Not at a place that a filter names: what passes elsewhere may be taken out there.
        if self._unknown is None or not (self._usable and plan.bakes) or workload.drops:
            return
        section, tail = self._unknown
        place = self._places.get(section)
        if place is not None:
            mark = hash(tail)
            if mark not in self._seen:
                if len(self._seen) >= MOST_SEEN:
                    self._seen.clear()
                self._seen.add(mark)
                return
        if not self._second(line):
            return
        if not section.startswith(_CLOCK_END):
            return
        node = place.node if place is not None else _node_of(line)
        members = _members_of(line, node)
        names = _proof(raw, b"{" + section.removeprefix(_CLOCK_END) + node + b"}", b"{" + members)
        if names is None:
            return
        if place is None:
            self._place(section, node, names, workload)
            return
        baked = self._bake(plan, raw, workload)
        if baked is None:
            return
        size = 2 * len(line) + 4 * ENTRY
        if self._room < size:
            self._thin_out()
        self._room -= size
        self._memory.left -= size
        kind = (raw.get("Type"), raw.get("Operation"), plan.kind.class_id)
        place.tails[tail] = Tail(baked, kind, size, urgent=plan.kind.urgent)

    def forget(self) -> None:
        """Forget all sections; what was counted is still asked for by `counts`."""
        self._drop(everything=True)
        self._places.clear()
        self._tails.clear()

    def _thin_out(self) -> None:
        """Forget the activities that did not come since the last time; all of them when nearly all
        came, for each look through them has to make room for many.
        """
        used = sum(tail.size for tail in self._all_tails() if tail.used())
        self._drop(everything=used > MOST_OF_TAILS * 7 // 8)
        for tail in self._all_tails():
            tail.lately = False

    def _drop(self, *, everything: bool) -> None:
        for some in self._tails.values():
            for key in [key for key, tail in some.items() if everything or not tail.used()]:
                tail = some.pop(key)
                self._seen.discard(hash(key))  # to come twice again before it is written again
                if tail.seen:
                    self._old.append(tail)
                self._room += tail.size
                self._memory.left += tail.size

    def _all_tails(self) -> Iterator[Tail]:
        return (tail for some in self._tails.values() for tail in some.values())

    def _place(
        self, section: bytes, node: bytes, names: frozenset[str], workload: Workload
    ) -> None:
        if len(self._places) >= MOST_SECTIONS:
            self._places.clear()
        host = {
            "none": "",
            "rfc3164": syslog.hostname3164(workload.host),
            "rfc5424": syslog.hostname5424(workload.host),
        }[self._syslog]
        where = self._format.neutral(named_place(workload.names))
        if len(where) > _LONGEST_PLACE or marks_of(where):
            return
        self._memory.left -= 3 * len(section) + 2 * ENTRY
        self._places[section] = Place(
            tuple(piece.encode() for piece in workload.pieces),
            host.encode(),
            workload.identity.encode("utf-8", "surrogatepass"),
            workload.place.encode("utf-8", "surrogatepass"),
            self._format.escape(where).encode(),
            node,
            self._tails.setdefault((names, workload.scope), {}),
        )

    def _bake(self, plan: Plan, raw: Raw, workload: Workload) -> Baked | None:
        """Return the plan with all that the activity decides filled in."""
        body = fill(plan, raw, workload, self._format.separator)
        if body is None:
            return None
        pri = plan.pri or self._priority(plan.kind, plan.rate(raw, workload))
        return compile_items([*self._syslog_items(pri), *body])

    def _syslog_items(self, pri: int) -> list[Item]:
        if self._syslog == "none":
            return []
        if self._syslog == "rfc3164":
            return [Fixed(f"<{pri}>"), Clock("rfc3164"), Fixed(" "), Host(), Fixed(" ")]
        after = Fixed(f" {self._app} - - - ")
        return [Fixed(f"<{pri}>1 "), Clock("text"), Fixed(" "), Host(), after]


def _node_of(line: bytes) -> bytes:
    """Return `,"NodeID":"…"` as a line has it, b"" if it has none."""
    found = _NODE(line, _SECTION)
    return found[0] if found else b""


def _members_of(line: bytes, node: bytes) -> bytes:
    """Return the tail of a line, as `Sections.run` cuts it, as the members of a JSON object."""
    at = line.rfind(_HOST_PPID)
    end = line.rfind(_NAMES, _SECTION, at)
    pids = _PIDS(line, at + 1)
    rest = line[pids.end() :] if pids else b""
    cut = rest.rfind(node) if node else -1
    if cut >= 0:
        rest = rest[:cut] + rest[cut + len(node) :]
    return rest if end < 0 else line[end + 1 : at] + b"," + rest


def _proof(raw: Raw, section: bytes, tail: bytes) -> frozenset[str] | None:
    """Check that the sections, each parsed for itself, are the whole line but clock and pids:
    only then may a line of the same bytes go unparsed. Returns the section's keys.
    """
    try:
        one, other = orjson.loads(section), orjson.loads(tail)
    except ValueError:
        return None
    rest = {key: raw[key] for key in raw if key not in one and key not in other}
    if not one.keys() <= WORKLOAD or not other.keys().isdisjoint(WORKLOAD | INSTANT):
        return None
    if rest.keys() != {*PROCESS_IDS, "Timestamp", "UpdatedTime"}:
        return None
    same = {**rest, **one, **other} == raw and len(rest) + len(one) + len(other) == len(raw)
    return frozenset(one) if same else None
