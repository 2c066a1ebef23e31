"""Values in, outcomes out: what became of each record, with its event's id, time, class and lane.

For whoever keeps messages beside other columns: a value of a table is a line, or several, or a
whole file. The loop over lines does the work; this one notes which value a line was in. Must not
know what the values come from.
"""

from __future__ import annotations

import io
from itertools import accumulate, groupby
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import LineRange
from cef_bridge.mapping.program.converter import Converted, Filtered
from cef_bridge.sources.records.blocks import Block, BrokenLine, Cutter, Idle
from cef_bridge.sources.records.units import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.engine.line_loop import Refused
    from cef_bridge.engine.machine import MappingEngine, MessageFacts, Runner
    from cef_bridge.kubearmor.decode import Noise
    from cef_bridge.mapping.program.converter import Rejected

CONVERTED, FILTERED, REJECTED, SKIPPED = STATUSES = ("converted", "filtered", "rejected", "skipped")
"""Filtered: the mapping leaves the event out. Skipped: the line is blank, or no event."""
ALERTS, TELEMETRY = "alerts", "telemetry"
NO_ROW = -1
"""`Outcome.row` of what is known only at the end: the rest of a line never came."""


class Outcome(NamedTuple):
    """What became of a record.

    `row`: the index of its value; `status`: one of STATUSES. Of a converted one: the message
    `line` without a line end, `class_id`, `severity` (1 to 10), `event_id` (40 hex digits),
    `event_time` (epoch microseconds, None where nothing says it) and `lane`. Of a rejected one: the
    reason, for people, and `raw`, its bytes or the first of them. All else is None.
    """

    row: int
    status: str
    line: str | None = None
    class_id: str | None = None
    severity: int | None = None
    event_time: int | None = None
    event_id: str | None = None
    lane: str | None = None
    rejected: str | None = None
    raw: bytes | None = None


class Value(NamedTuple):
    """A value: its bytes, the stream that it is of, and where it begins there, in bytes.

    `problem`: why whoever read it could not bring it whole; it is rejected for that.
    """

    data: bytes
    name: str = ""
    offset: int = 0
    problem: str = ""


class OutcomeLoop:
    """Runs values through a mapping. One thread's; a line that was cut may go on in later values.

    Values that follow one another and are of one stream are read as its text: a container runtime
    cuts long lines.
    """

    def __init__(self, machine: MappingEngine, options: Options | None = None) -> None:
        self._found: list[Outcome] = []
        self._row = NO_ROW
        self._stream: str | None = None
        self._runner: Runner | None = machine.runner()
        self._limit = (options or Options()).max_record
        self._loop = _Loop(_Noting(machine, self), self, options or Options())

    def add(self, values: Sequence[Value]) -> list[Outcome]:
        """Return what became of the records in some values, in their order.

        Each value has at least one outcome, but for a part of a line that was cut: it has none.
        """
        first = 0
        for name, group in groupby(values, key=lambda value: value.name):
            same = list(group)
            if name != self._stream:
                self._finish()
                self._stream = name
                self._loop.begin(name)
            self._values(same, first)
            first += len(same)
        self._row = NO_ROW
        return self._taken()

    def end(self) -> list[Outcome]:
        """End the stream in hand; return what waits for a rest that will not come."""
        self._finish()
        self._stream = None
        return self._taken()

    def note(self, outcome: Outcome) -> None:
        """Take an outcome of the value in hand."""
        self._found.append(outcome._replace(row=self._row))

    def _taken(self) -> list[Outcome]:
        found, self._found = self._found, []
        return found

    def _finish(self) -> None:
        self._row = NO_ROW
        self._loop.finish(0)

    def _values(self, values: list[Value], first: int) -> None:
        """Convert values of one stream; `first` is the row of the first."""
        done = 0
        for at, value in enumerate(values):
            if value.problem or self._is_odd(value.data):
                self._lines(values[done:at], range(first + done, first + at))
                self._alone(value, first + at)
                done = at + 1
        self._lines(values[done:], range(first + done, first + len(values)))

    def _is_odd(self, data: bytes) -> bool:
        """Tell whether a value may be more, or less, than one line with one record."""
        if b"\n" in data or len(data) > self._limit or data[:1] == b"[":
            return True
        return data[:1] == b"{" and data[-1:] != b"}" and data[-2:] != b"}\r"

    def _alone(self, value: Value, row: int) -> None:
        """Convert a value of several records, as a stream of its own."""
        self._row = row
        if value.problem:
            self.note(Outcome(row, REJECTED, rejected=value.problem, raw=value.data))
            return
        before = len(self._found)
        stream = io.BytesIO(value.data)
        for item in Cutter(stream, max_record=self._limit, offset=value.offset).items():
            if isinstance(item, Block):
                self._units(item, row)
            elif not isinstance(item, Idle):
                self._row = row
                if isinstance(item, BrokenLine) and not item.raw:
                    item = item._replace(raw=value.data[:HEAD])  # noqa: PLW2901 - the same, whole
                self._loop.lost(item)
        if len(self._found) == before and not self._loop.decoder.waits:
            self.note(Outcome(row, SKIPPED))

    def _units(self, block: Block, row: int) -> None:
        lines: list[Value] = []
        name = self._stream or ""
        for unit, (_, offset) in zip(block.lines, block.places(), strict=True):
            if b"\n" in unit:
                self._lines(lines, [row] * len(lines))
                lines = []
                self._plain(unit, row, offset)
            else:
                lines.append(Value(unit, name, offset))
        self._lines(lines, [row] * len(lines))

    def _plain(self, unit: bytes, row: int, offset: int) -> None:
        """Convert a unit by the reference."""
        self._row = row
        self._loop.unit(unit.removesuffix(b"\r"), row, offset)

    def _lines(self, lines: Sequence[Value], rows: Sequence[int]) -> None:
        """Convert lines, by the engine where there is one; `rows` has the row of each."""
        runner = self._runner
        if runner is None or not runner.trusted or self._loop.options.input_format != "auto":
            for line, row in zip(lines, rows, strict=True):
                self._one(line, row)
            return
        data = b"\n".join([line.data for line in lines])
        begins = list(accumulate((len(line.data) + 1 for line in lines), initial=0))
        at = done = 0
        while at < len(data):
            waits = self._loop.decoder.waits
            stop = runner.run(LineRange(data, at, len(data), self._stream or "", 0, 1, waits))
            end, at = done + runner.answer.lines, runner.answer.next
            self._collect(runner, lines[done:end], rows[done:end], begins[done:end])
            done = end
            if stop < len(data):
                self._one(lines[done], rows[done])
                done += 1
        for row in rows[done:]:  # an empty line at the end
            self._row = row
            self.note(Outcome(row, SKIPPED))

    def _one(self, line: Value, row: int) -> None:
        """Convert a line by the reference; a blank one is skipped."""
        self._row = row
        if line.data.strip():
            self._plain(line.data, row, line.offset)
        else:
            self.note(Outcome(row, SKIPPED))

    def _collect(
        self, runner: Runner, lines: Sequence[Value], rows: Sequence[int], begins: Sequence[int]
    ) -> None:
        """Note what a run of the engine gave of some lines; `begins` is where they began in it."""
        texts = runner.messages.decode().split("\n")[:-1]
        facts = {each.begin: (each, text) for each, text in zip(runner.facts(), texts, strict=True)}
        for line, row, begin in zip(lines, rows, begins, strict=True):
            self._row = row
            made = facts.get(begin)
            if made is None:
                self.note(Outcome(row, FILTERED if line.data.strip() else SKIPPED))
            elif made[0].placed:
                self._placed(runner, line, row)
            else:
                self._found.append(_converted(row, *made))

    def _placed(self, runner: Runner, line: Value, row: int) -> None:
        """Convert a line again whose id depends on where it is."""
        data = line.data
        stop = runner.run(LineRange(data, 0, len(data), line.name, line.offset))
        if stop < len(data):
            self._plain(data, row, line.offset)
        else:
            (facts,) = runner.facts()
            self._found.append(_converted(row, facts, runner.messages.decode()[:-1]))


def _converted(row: int, facts: MessageFacts, message: str) -> Outcome:
    lane = ALERTS if facts.urgent else TELEMETRY
    return Outcome(
        row,
        CONVERTED,
        message,
        facts.class_id,
        facts.severity,
        facts.time,
        facts.event_id,
        lane,
    )


class _Noting:
    """The reference of a machine, which notes what becomes of an event."""

    def __init__(self, machine: MappingEngine, outcomes: OutcomeLoop) -> None:
        self._machine = machine
        self._outcomes = outcomes

    def runner(self) -> None:
        """Return nothing: the lines of the engine are run elsewhere."""

    def convert(self, raw: dict[str, object], origin: str) -> Converted | Filtered | Rejected:
        """Return the fate of an event."""
        fate = self._machine.convert(raw, origin)
        if isinstance(fate, Converted):
            self._outcomes.note(
                Outcome(
                    NO_ROW,
                    CONVERTED,
                    fate.message,
                    fate.kind.class_id,
                    fate.severity,
                    fate.time,
                    fate.event_id,
                    ALERTS if fate.kind.urgent else TELEMETRY,
                )
            )
        elif isinstance(fate, Filtered):
            self._outcomes.note(Outcome(NO_ROW, FILTERED))
        return fate


class _Loop(LineLoop):
    """The loop over lines for units that the reference converts."""

    def __init__(self, machine: _Noting, outcomes: OutcomeLoop, options: Options) -> None:
        self._nothing: list[bytes] = []
        super().__init__(machine, self._nothing, self._nothing, self._rejected, options)
        self._outcomes = outcomes

    def unit(self, unit: bytes, line: int, offset: int) -> None:
        """Convert a unit; the line counts from wherever its caller counts from."""
        self._plain(unit, line, offset)
        self._nothing.clear()

    def _rejected(self, refused: Refused) -> None:
        self._outcomes.note(Outcome(NO_ROW, REJECTED, rejected=refused.reason, raw=refused.raw))

    def _noise(self, found: Noise, line: int) -> None:
        super()._noise(found, line)
        if not self.options.strict:
            self._outcomes.note(Outcome(NO_ROW, SKIPPED))


def columns(outcomes: Sequence[Outcome]) -> dict[str, list[object]]:
    """Return outcomes by column: a list of as many values under each name of Outcome."""
    names = Outcome._fields
    if not outcomes:
        return {name: [] for name in names}
    return dict(zip(names, map(list, zip(*outcomes, strict=True)), strict=True))


def values(
    data: Sequence[bytes | str | None],
    names: Sequence[str | None] | None = None,
    offsets: Sequence[int | None] | None = None,
) -> Iterator[Value]:
    """Yield values of columns; a null value is empty, a null name "", a null offset 0.

    A line feed at the end of a value says nothing.
    """
    for at, each in enumerate(data):
        text = (each.encode("utf-8", "surrogatepass") if isinstance(each, str) else each) or b""
        name = (names[at] if names is not None else None) or ""
        offset = (offsets[at] if offsets is not None else None) or 0
        yield Value(text.removesuffix(b"\n"), name, offset)
