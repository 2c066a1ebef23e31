"""Archives looked at, not converted: each sort of event is examined once, and then counted.

In come events by a unit loop, out go counts to an `Examiner`. What an examiner finds out about an
event does not depend on its time and process ids, nor on which of ten thousand equal containers it
is from; so it is asked once for what the container decides and once for the rest (`split`), and
equal ones are counted. What may differ for any other reason (long messages, hostile texts, fields
that are not of their usual form) is examined by itself each time. Everything remembered is bounded.

tests/workbench/test_survey.py holds the counts against those of examining every event. Measured by
benchmarks/mapping.py: coverage takes 1.4 times what converting the same events does, diff 2.4, and
no more when a third of the events is of things that never come again; examining an event takes
400 and 750 us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar

from cef_bridge.converter import Converted, Filtered, Rejected
from cef_bridge.events.names import is_known, named_inside
from cef_bridge.events.summary import place
from cef_bridge.fastpath.segments import Irregular
from cef_bridge.workbench.plain import alike_texts
from cef_bridge.workbench.signature import Raw, Shape, own_key, rest_key
from cef_bridge.workbench.split import ROOMY, split_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.events.classes import Class
    from cef_bridge.mapping.compile import Program
    from cef_bridge.mapping.rules import Slot
    from cef_bridge.stats import Kind
    from cef_bridge.workbench.split import Split

Facts = TypeVar("Facts")

MOST_SHAPES = 256
MOST_ENTRIES = 65536
MOST_BYTES = 64 << 20
_ENTRY = 1000  # bytes of an entry besides its texts
_LONGEST = 4096  # characters of a key's texts
_UNKNOWN: Any = object()
# Bytes by which process ids and the host in a header may be longer than those of another line.
_PIDS = 512


class Look(NamedTuple, Generic[Facts]):
    """What an examiner found in one event.

    `workload` and `rest` are its facts, told apart by the split; of a filtered event the first is
    what there was to lose. `regular`: nothing of it was cut, shed or neutralised, so that an event
    with the same signature has the same facts. `size` is the longest message in bytes, and `own`
    what the workload's part of it has at most; `room` is how many characters the place in a
    sentence may have, `most` the least of the limits of a message. `alike`: the facts are the
    same whichever of the usual texts (`plain`) the event has.
    """

    kind: Class
    filtered: bool
    workload: Facts
    rest: Facts
    regular: bool
    size: int
    own: int
    room: int
    most: int
    alike: bool


class Examiner(Protocol[Facts]):
    """Finds facts and adds them up."""

    @property
    def programs(self) -> Sequence[Program]:
        """The compiled mappings that the facts depend on."""

    @property
    def hosts(self) -> Sequence[Slot]:
        """What makes the host names of syslog headers, where facts depend on them."""

    def examine(self, raw: Raw, origin: str, split: Split, texts: frozenset[str], /) -> Look[Facts]:
        """Return what is to be known of an event; must not count it. `texts` are the fields that
        have a usual text, which other events of the same signature have not.
        """

    def count(self, facts: Facts, number: int, /, *, filtered: bool) -> None:
        """Add facts so many times; those of a workload may be of filtered events."""

    def measure(self, raw: Raw, workload: Facts, rest: Facts, /) -> None:
        """Add what is of each event by itself: its facts, and what else it says."""


class _Entry(Generic[Facts]):
    """Facts that were found, how often they were met, and what bounds their use."""

    __slots__ = ("count", "facts", "fate", "filtered", "most", "room", "size")

    def __init__(self, look: Look[Facts], facts: Facts, fate: Converted | Filtered) -> None:
        self.facts = facts
        self.fate = fate
        self.size = look.own if facts is look.workload else look.size
        self.room = look.room
        self.most = look.most
        self.count = 0
        self.filtered = 0


class _Unseen:
    """A survey looks at parsed events only."""

    def run(
        self,
        _lines: Sequence[bytes],
        start: int,
        _alert: Callable[[bytes], object],
        _log: Callable[[bytes], object],
        /,
    ) -> int:
        return start

    def counts(self) -> Iterator[tuple[Kind, int]]:
        return iter(())


class Survey(Generic[Facts]):
    """A machine for `unitloop` that examines events and converts none. `finish` adds up."""

    def __init__(self, examiner: Examiner[Facts]) -> None:
        self.sections = _Unseen()
        self._examiner = examiner
        self._measure = examiner.measure
        self._split = split_of(examiner.programs, examiner.hosts)
        self._shapes: dict[tuple[str, ...], Shape] = {}
        self._workloads: dict[object, _Entry[Facts]] = {}
        # None: such events differ by their texts, and have a key with them.
        self._rests: dict[object, _Entry[Facts] | None] = {}
        self._alike = alike_texts(examiner.programs)
        self._left = MOST_BYTES

    remembers = True

    def runner(self) -> None:
        """It looks at events, and makes no lines."""

    def recall(self, raw: Raw) -> Converted | Filtered | None:
        """Count an event whose like was examined before; None for every other one."""
        try:
            shape = self._shapes.get(tuple(raw))
            if shape is None or shape.plain:
                return None
            workload = self._workloads.get(own_key(shape, raw))
            if workload is None:
                return None
            key = rest_key(shape, raw)
            rest = self._rests.get(key.key, _UNKNOWN)
            if rest is None:
                key = rest_key(shape, raw, exact=True)
                rest = self._rests.get(key.key, _UNKNOWN)
            if rest is _UNKNOWN or rest is None:
                return None
            if not _fit(shape, raw, workload, rest, key.length):
                return None
        except (Irregular, TypeError, ValueError, AttributeError):
            return None
        self._measure(raw, workload.facts, rest.facts)
        return _counted(workload, rest)

    def learn(self, _line: bytes, _raw: Raw) -> None:
        """Nothing is to be learnt from the bytes of a line."""

    def convert(self, raw: Raw, origin: str = "") -> Converted | Filtered | Rejected:
        """Examine an event, count it, and remember it if it is of the usual form."""
        try:
            look = self._examiner.examine(raw, origin, self._split, self._texts(raw))
        except RecursionError:
            return Rejected("nested too deeply", "too-deep")
        self._measure(raw, look.workload, look.rest)
        fate = Filtered(look.kind) if look.filtered else Converted("", look.kind, 0)
        entries = self._entries(raw, look, fate) if look.regular else None
        if entries is None:
            self._examiner.count(look.workload, 1, filtered=look.filtered)
            self._examiner.count(look.rest, 1, filtered=look.filtered)
            return fate
        return _counted(*entries)

    def finish(self) -> None:
        """Add up what was counted, and forget it."""
        for entry in (*self._workloads.values(), *self._rests.values()):
            if entry is None:
                continue
            if entry.count:
                self._examiner.count(entry.facts, entry.count, filtered=False)
            if entry.filtered:
                self._examiner.count(entry.facts, entry.filtered, filtered=True)
        self._workloads.clear()
        self._rests.clear()
        self._left = MOST_BYTES

    def _entries(
        self, raw: Raw, look: Look[Facts], fate: Converted | Filtered
    ) -> tuple[_Entry[Facts], _Entry[Facts]] | None:
        """Return the entries of an event, new ones if need be; None when it is not to be kept."""
        shape = self._shape(tuple(raw))
        if shape.plain or not is_known(raw) or not named_inside(raw):
            return None
        try:
            own, rests = own_key(shape, raw), rest_key(shape, raw)
            if not look.alike and shape.alike:
                self._rests.setdefault(rests.key, None)
                rests = rest_key(shape, raw, exact=True)
            texts = sum(len(value) for value in raw.values() if isinstance(value, str))
            hash((own, rests.key))
        except (Irregular, TypeError, ValueError, AttributeError, KeyError):
            return None
        if texts > _LONGEST:
            return None
        if self._left < 0 or len(self._workloads) + len(self._rests) >= MOST_ENTRIES:
            self.finish()
        workload, rest = self._workloads.get(own), self._rests.get(rests.key)
        if workload is None:
            workload = self._workloads[own] = _Entry(look, look.workload, fate)
            self._left -= _ENTRY + 2 * texts
        if rest is None:
            rest = self._rests[rests.key] = _Entry(look, look.rest, fate)
            self._left -= _ENTRY + 2 * texts
        return (workload, rest) if _fit(shape, raw, workload, rest, rests.length) else None

    def _texts(self, raw: Raw) -> frozenset[str]:
        shape = self._shape(tuple(raw))
        try:
            return shape.usual(raw)
        except (TypeError, ValueError):
            return frozenset()

    def _shape(self, keys: tuple[str, ...]) -> Shape:
        shape = self._shapes.get(keys)
        if shape is None:
            if len(self._shapes) >= MOST_SHAPES:
                self._shapes.clear()
            shape = self._shapes[keys] = Shape(keys, self._split, self._alike)
        return shape


def _counted(workload: _Entry[Facts], rest: _Entry[Facts]) -> Converted | Filtered:
    if rest.fate.__class__ is Filtered:
        workload.filtered += 1
        rest.filtered += 1
    else:
        workload.count += 1
        rest.count += 1
    return rest.fate


def _fit(shape: Shape, raw: Raw, workload: _Entry[Facts], rest: _Entry[Facts], texts: int) -> bool:
    """Tell whether the two together are sure to need no cut: both were seen with others, and with
    other texts; this event's have `texts` characters.
    """
    size = workload.size + rest.size + _PIDS + 8 * texts
    for key in shape.unknown:
        size += 8 * len(str(raw[key]))
    if rest.room < ROOMY:  # there is a sentence, with the place in it
        where = len(place(raw))
        if where + texts > rest.room:
            return False
        size += 8 * where
    return size < rest.most
