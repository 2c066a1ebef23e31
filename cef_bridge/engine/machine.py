"""A mapping at work: by the native engine where there is one, by the Python reference where not.

In come blocks of lines and single events, out go messages and counts. Lines may be converted both
ways and compared, each of them with CEF_BRIDGE_ENGINE=both. Knows no files.
"""

from __future__ import annotations

import re
from collections import Counter
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

import orjson

from cef_bridge.engine import native as engine
from cef_bridge.kubearmor.classes import CLASSES
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import container_key, origin_of
from cef_bridge.log_fields import fields, logger
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converted, Filtered

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from cef_bridge.engine.native import EnginePlan, Library
    from cef_bridge.mapping.program.converter import Converter, Rejected

    Kind = tuple[object, object, str]

_CLASS_IDS = [row.class_id for row in CLASSES.values()]
_MOST_ERRORS = 10
"""So many faults, and so many differences, are logged by each runner; all lines are counted."""

_TOGETHER = (500, 1 << 20)
"""So many messages, and bytes, of a run are handed on as one text at most: a row of a queue."""


class LineRange(NamedTuple):
    """Lines to run: those of `data` from `begin` to `end`.

    `data` begins at `offset` of the source, and `line` is the number of the first line, for the
    log. `parts_wait`: parts of lines wait for their rest. `numbered`: a line's number is its place
    in the source, and `offset` means nothing.
    """

    data: bytes
    begin: int
    end: int
    source: str
    offset: int
    line: int = 1
    parts_wait: bool = False
    numbered: bool = False


class OutputMessage(NamedTuple):
    """A message of a run: its bytes, where its line begins, its severity."""

    data: bytes
    begin: int
    severity: int


class RunOutput(NamedTuple):
    """What a run wrote: its messages, a line feed behind each, and their rows as the engine has
    them.
    """

    messages: bytes
    rows: bytes

    def each(self) -> Iterator[OutputMessage]:
        """Yield the messages one by one."""
        data, start = self.messages, 0
        for end, begin, _, severity, *_ in engine.facts_of(self.rows):
            yield OutputMessage(data[start : end - 1], begin, severity)
            start = end


class MessageFacts(NamedTuple):
    """What a run says of a message: where its line begins, what it is and which event's.

    `severity` is 1 to 10; `placed`: the id depends on where the line is; `time` is in epoch
    microseconds, None where nothing says it.
    """

    begin: int
    class_id: str
    severity: int
    urgent: bool
    placed: bool
    event_id: str
    time: int | None


class LaneRun(NamedTuple):
    """Messages of a run that are of one lane, LF between two of them."""

    text: bytes
    number: int
    urgent: bool


class UrgentMessage(NamedTuple):
    """An urgent message of a run: its number there, where its line begins, whose it is and when.

    `container` is `identity.container_key` of its event, `time` is in epoch microseconds, None
    where nothing says it.
    """

    number: int
    begin: int
    container: int
    time: int | None


class ExaminedEvent(NamedTuple):
    """An event to examine: where its line begins, and the sort that it stands for, if any."""

    begin: int
    sort: int | None


class MappingEngine:
    """A converter, and its plan in the engine; threads may share it. Each makes its own `Runner`.

    `native` is None where Python does the work. Of the lines that the engine converts the reference
    converts one in `compare_every` as well (0: none), and all with CEF_BRIDGE_ENGINE=both. After
    differences of `most_faults` kinds (0: never) Python does the work. Raises UsageError as
    `engine.load` does.
    """

    def __init__(
        self, converter: Converter, compare_every: int = 0, *, most_faults: int = 0
    ) -> None:
        self.converter = converter
        self._trust = Trust(most_faults)
        library: Library | None = engine.load()
        self._table = table.pack(converter) if library else b""
        self.native: EnginePlan | None = library.plan(self._table) if library else None
        self.compare_every = 1 if engine.choice() == "both" else compare_every

    def convert(self, raw: dict[str, object], origin: str) -> Converted | Filtered | Rejected:
        """Return the fate of an event by the reference."""
        return self.converter.convert(raw, origin)

    def is_like(self, other: MappingEngine) -> bool:
        """Tell whether the engine makes the same of any line by either: their tables are equal."""
        return bool(self._table) and self._table == other._table

    def own(self) -> MappingEngine:
        """Return one with the same plan, and an `assumed_time` of its own."""
        twin = copy(self)
        twin.converter = copy(self.converter)
        return twin

    def runner(self, *, sorts: bool = False) -> Runner | None:
        """Return what runs blocks in one thread, None where Python does the work."""
        if self.native is None:
            return None
        if self.compare_every and not sorts:
            return ComparingRunner(self.converter, self.native, self.compare_every, self._trust)
        return Runner(self.converter, self.native, sorts=sorts)


class Trust:
    """Whether the engine may go on with a mapping, for all threads that run it.

    One odd character may make many lines differ: they are of one kind, and do not end it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kinds: set[tuple[str, ...]] = set()

    @property
    def holds(self) -> bool:
        """Whether there were too few kinds of differences to end it."""
        return not self._most or len(self._kinds) < self._most

    def met(self, native: _Made, reference: _Made) -> None:
        """Take note of a difference."""
        if self.holds:
            self._kinds.add(_kind(native, reference))
            if not self.holds:
                logger(__name__).error(
                    "%d kinds of differences: Python converts all from now on, slowly. "
                    "Please report the lines named above",
                    self._most,
                    extra=fields("engine-differs"),
                )


class Runner:
    """Runs blocks of lines through the engine, in one thread.

    `left` counts the lines that the engine left to Python, `compared` those that the reference
    converted as well, and `differed` those of them that it converted to something else. It counts
    events by sort with `sorts`, for the workbench.
    """

    def __init__(self, converter: Converter, plan: EnginePlan, *, sorts: bool = False) -> None:
        self._converter = converter
        self._work = engine.Work(plan)
        self._sorts = sorts
        self.answer = self._work.answer
        self.left = self.compared = self.differed = 0
        self._faults = 0

    @property
    def trusted(self) -> bool:
        """Whether it may go on."""
        return True

    def run(self, lines: LineRange) -> int:
        """Convert lines, up to one that is left to Python.

        Return where that line begins, or `lines.end`; the next one begins at `answer.next`.
        """
        at = self._run(lines)
        self._count_left(lines)
        return at

    def _run(self, lines: LineRange) -> int:
        """Have the engine convert lines, and count nothing."""
        name = lines.source.encode("utf-8", "surrogatepass")
        assumed = self._converter.assumed_time
        offset = lines.line if lines.numbered else lines.offset
        place = engine.BlockOrigin(
            name, offset, assumed, lines.parts_wait, self._sorts, lines.numbered
        )
        return self._work.run(lines.data, lines.begin, lines.end, place)

    def _count_left(self, lines: LineRange) -> None:
        answer = self.answer
        if answer.end:
            self.left += 1
        if answer.end == engine.FAULT:
            self._faults += 1
            if self._faults <= _MOST_ERRORS:
                logger(__name__).error(
                    "%s:%d: the engine has a fault (%s); Python converts the line. "
                    "Please report it with this line",
                    lines.source,
                    lines.line + answer.lines,
                    self._work.fault,
                    extra=fields(
                        "engine-fault", source=lines.source, line=lines.line + answer.lines
                    ),
                )

    @property
    def messages(self) -> bytes:
        """All messages of the last run, a line feed behind each."""
        return self._work.messages

    def parts(self, late: Collection[int] = ()) -> Iterator[LaneRun]:
        """Yield the messages of the last run, in the order of their lane.

        `late`: numbers of urgent ones that take the other lane.
        """
        work = self._work
        lanes = work.lanes()
        if late:
            lanes = bytes(urgent and at not in late for at, urgent in enumerate(lanes))
        for lane in (1, 0):
            first = 0
            while first < len(lanes):
                text, number, first = work.part(lanes, lane, first, _TOGETHER)
                if number:
                    yield LaneRun(text, number, bool(lane))

    def urgent(self) -> Iterator[UrgentMessage]:
        """Yield what there is to say of each urgent message of the last run."""
        for number, begin, container, time, timeless in self._work.urgent():
            yield UrgentMessage(number, begin, container, None if timeless else time)

    def output(self) -> RunOutput:
        """Return what the last run wrote; it stands when others have been made."""
        return RunOutput(self._work.messages, self._work.row_bytes)

    def each(self) -> Iterator[OutputMessage]:
        """Yield the messages of the last run one by one."""
        return self.output().each()

    def facts(self) -> Iterator[MessageFacts]:
        """Yield what there is to say of each message of the last run."""
        for _, begin, class_, severity, urgent, placed, id_, _, time, _ in self._work.facts():
            yield MessageFacts(
                begin,
                _CLASS_IDS[class_],
                severity,
                bool(urgent),
                bool(placed),
                id_.decode(),
                None if time == engine.NO_TIME else time,
            )

    @property
    def looks(self) -> Iterator[ExaminedEvent]:
        """The events of the last run that are the first of their sort, or of none."""
        for look in self._work.looks:
            yield ExaminedEvent(look.begin, None if look.sort == engine.ALONE else look.sort)

    def sorts(self) -> Sequence[int]:
        """Return how many events there were of each sort."""
        return self._work.sorts()

    @property
    def elsewhere(self) -> list[int]:
        """Where the lines of events begin that are not for this destination."""
        return list(self._work.elsewhere)

    def kinds(self) -> Iterator[tuple[Kind, int]]:
        """Yield how many events were met of each type, operation and class, since the last time."""
        for type_, operation, class_, number in orjson.loads(self._work.kinds()):
            yield (type_, operation, _CLASS_IDS[class_]), number


class ComparingRunner(Runner):
    """A runner whose lines, one in `every`, are converted by the reference as well.

    A line that it converts to something else is an error in the log, and is left to Python: what
    the reference says is written.
    """

    def __init__(self, converter: Converter, plan: EnginePlan, every: int, trust: Trust) -> None:
        super().__init__(converter, plan)
        self._every = every
        self._trust = trust
        self._until = 0  # lines before the next one that is compared
        self._counts: Counter[Kind] = Counter()

    @property
    def trusted(self) -> bool:
        """Whether it may go on: not after differences of several kinds."""
        return self._trust.holds

    def run(self, lines: LineRange) -> int:
        """Convert lines as any Runner; one that differs is left to Python."""
        if lines.end - lines.begin >= self._until:  # bytes: there are no more lines than that
            self._keep_counts()  # what is counted from here on may have to be forgotten
        at = self._run(lines)
        if self.answer.lines <= self._until:
            self._until -= self.answer.lines
        elif (odd := self._first_odd(lines._replace(end=at))) is not None:
            return self._up_to(lines, odd)
        self._count_left(lines)
        return at

    def _up_to(self, lines: LineRange, odd: int) -> int:
        """Convert the lines before the odd one again, without those behind it, and leave that."""
        self._work.kinds()
        self._run(lines._replace(end=odd))
        following = lines.data.find(b"\n", odd) + 1
        self.answer.end, self.answer.at = engine.LEFT, odd
        self.answer.next = following or len(lines.data)
        return odd

    def _first_odd(self, lines: LineRange) -> int | None:
        """Compare the lines whose turn it is; return where the first begins that differs."""
        data, begin, number = lines.data, lines.begin, lines.line
        while begin < lines.end:
            end = data.find(b"\n", begin, lines.end)
            end = lines.end if end < 0 else end
            if self._until:
                self._until -= 1
            else:
                self._until = self._every - 1
                self.compared += 1
                native = self._native(data[begin:end], begin)
                offset = number if lines.numbered else lines.offset + begin
                reference = self._reference(data[begin:end], lines.source, offset)
                if native != reference:
                    self.differed += 1
                    self._trust.met(native, reference)
                    if self.differed <= _MOST_ERRORS:
                        said = _difference(native, reference)
                        known = fields("engine-differs", source=lines.source, line=number)
                        logger(__name__).error("%s:%d: %s", lines.source, number, said, extra=known)
                    return begin
            begin, number = end + 1, number + 1
        return None

    def _native(self, text: bytes, begin: int) -> _Made:
        """Return what the engine made of a line in the last run."""
        if (found := self._work.message_of(begin)) is not None:
            row, message = found
            class_id, id_ = _CLASS_IDS[row.class_], row.id.decode()
            whose = row.container, bool(row.timeless)
            return _Made("converted", message, class_id, row.severity, id_, row.time, *whose)
        if self._work.is_elsewhere(begin):
            return _Made("routed away")
        return _Made("filtered" if text.strip() else "blank")

    def _reference(self, text: bytes, source: str, offset: int) -> _Made:
        """Return what Python makes of a line."""
        if not text.strip():
            return _Made("blank")
        found = EventDecoder().decode(text.removesuffix(b"\r"))
        if len(found) != 1:
            return _Made(f"{len(found)} events")
        event = found[0]
        if not isinstance(event, Decoded):
            return _Made(f"taken for {event.__class__.__name__.lower()}")
        origin = origin_of(event.fields, source, offset)
        try:
            fate = self._converter.convert(event.fields, origin)
        except Exception as error:  # noqa: BLE001 - the line goes the plain way, which reports it
            return _Made(f"a fault: {error!r}")
        if isinstance(fate, Converted):
            message = fate.message.encode()
            time = engine.NO_TIME if fate.time is None else fate.time
            class_id, urgent = fate.kind.class_id, fate.kind.urgent
            container = container_key(event.fields) if urgent else 0
            whose = container, event_time(event.fields) is None
            return _Made("converted", message, class_id, fate.severity, fate.event_id, time, *whose)
        if isinstance(fate, Filtered):
            return _Made("routed away" if fate.by_when else "filtered")
        return _Made("rejected")

    def _keep_counts(self) -> None:
        for kind, number in super().kinds():
            self._counts[kind] += number

    def kinds(self) -> Iterator[tuple[Kind, int]]:
        """Yield how many events were met of each type, operation and class, since the last time."""
        self._keep_counts()
        yield from self._counts.items()
        self._counts.clear()


class _Made(NamedTuple):
    """What became of a line."""

    fate: str
    message: bytes = b""
    class_id: str = ""
    severity: int = 0
    event_id: str = ""
    time: int = engine.NO_TIME
    container: int = 0
    timeless: bool = False


def _first_different(native: _Made, reference: _Made) -> int:
    """Return the first byte (from 0) in which two messages differ."""
    pairs = enumerate(zip(native.message, reference.message, strict=False))
    shorter = min(len(native.message), len(reference.message))
    return next((at for at, (one, other) in pairs if one != other), shorter)


def _kind(native: _Made, reference: _Made) -> tuple[str, ...]:
    """Return what two differences have in common that may have one cause: fates, class and key."""
    before = reference.message[: _first_different(native, reference)].rpartition(b"=")[0]
    key = re.split(rb"[ \t|]", before)[-1].decode("utf-8", "replace")
    return native.fate, reference.fate, reference.class_id, key


def _difference(native: _Made, reference: _Made) -> str:
    """Return what an operator is told of a line that the two convert differently."""
    if native.fate != reference.fate:
        what = f"the engine says {native.fate}, the reference {reference.fate}"
    elif native.message != reference.message:
        at = _first_different(native, reference) + 1
        what = f"the engine's message differs from the reference's at byte {at}"
    else:
        what = "the engine and the reference differ in class, severity, id, time or container"
    return f"{what}; the reference's is written"
