"""What a run goes through to be examined: blocks of lines come in, and no message goes out.

`Comparing` runs two mappings over the same lines, and hands both messages of each event to a
`Diff`. `Examining` has the engine count events by sort (`engine/src/sorts.rs`), and a `Coverage`
examine the first of each. A unit loop runs them, as it runs the machine that converts. Knows
neither commands nor files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cef_bridge.errors import CefBridgeError
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import origin_of
from cef_bridge.mapping.program.converter import Converted, Filtered, Rejected
from cef_bridge.workbench.diff import Made

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from cef_bridge.engine.machine import (
        LaneRun,
        LineRange,
        MappingEngine,
        OutputMessage,
        Runner,
        RunOutput,
        UrgentMessage,
    )
    from cef_bridge.workbench.coverage import Coverage, Facts
    from cef_bridge.workbench.diff import Diff


class Counts(NamedTuple):
    """What a run came to, as a unit loop asks for it."""

    lines: int
    next: int
    converted: int
    filtered: int
    in_log: int
    routed_away: int = 0
    without_time: int = 0


class Comparing:
    """Two machines over the same events, for a `Diff`."""

    def __init__(self, diff: Diff, old: MappingEngine, new: MappingEngine) -> None:
        self._diff = diff
        self._machines = (old, new)

    def runner(self) -> PairRunner | None:
        """Return what runs lines through the engine, None where there is none."""
        old, new = self._machines
        one, two = old.runner(), new.runner()
        if one is None or two is None:
            return None
        return PairRunner(self._diff, None if new.is_like(old) else one, two)

    def convert(self, raw: dict[str, object], origin: str) -> Converted | Filtered | Rejected:
        """Compare what the reference makes of an event."""
        old, new = (machine.convert(raw, origin) for machine in self._machines)
        if isinstance(old, Rejected):
            return old
        if isinstance(new, Rejected):
            return new
        self._diff.add(_made(old), _made(new))
        self._diff.add_time(event_time(raw) or 0)
        if isinstance(old, Filtered) or isinstance(new, Filtered):
            return Filtered(new.kind)
        return Converted("", new.kind, new.severity)


def _made(fate: Converted | Filtered) -> Made | None:
    return Made(fate.message.encode(), fate.severity) if isinstance(fate, Converted) else None


class _NoMessages:
    """A runner whose messages nobody wants."""

    messages = b""
    elsewhere: tuple[int, ...] = ()
    left = compared = differed = 0
    trusted = True

    def parts(self, _late: Collection[int] = (), /) -> Iterator[LaneRun]:
        """Yield nothing."""
        return iter(())

    def urgent(self) -> Iterator[UrgentMessage]:
        """Yield nothing."""
        return iter(())


class PairRunner(_NoMessages):
    """Runs lines through two mappings in the engine, up to one that either leaves to Python.

    The old mapping goes ahead: what it made of lines that the new one has not reached is kept.
    `old` is None where it makes the same as the new one of any line. What both wrote alike for a
    whole block is not looked at message by message.
    """

    def __init__(self, diff: Diff, old: Runner | None, new: Runner) -> None:
        self.answer = Counts(0, 0, 0, 0, 0)
        self._diff = diff
        self._old = old
        self._new = new
        self._data = b""
        self._ahead: RunOutput | None = None  # what the old one wrote last, not yet looked at
        self._waiting: list[OutputMessage] = []  # the last one first
        self._reached = self._next = 0

    def run(self, lines: LineRange) -> int:
        """Compare lines, up to one that is left to Python; see `machine.Runner`."""
        old, new = self._old, self._new
        begin = lines.begin
        if old is None:
            return self._run_once(lines)
        if lines.data is not self._data or begin >= self._reached:
            self._data = lines.data
            self._reached = old.run(lines)
            self._next = old.answer.next
            self._ahead, self._waiting = old.output(), []
        stop = new.run(lines._replace(end=self._reached))
        answer = new.answer
        behind = answer.next if answer.end else self._next
        events = answer.converted + answer.filtered
        both = self._compare(begin, stop, events)
        self._diff.add_time(answer.first)
        self._diff.add_time(answer.last)
        self.answer = Counts(answer.lines, behind, both, events - both, answer.in_log)
        self.left += stop < lines.end
        return stop

    def _run_once(self, lines: LineRange) -> int:
        """Count lines, of which both mappings make the same."""
        new = self._new
        stop: int = new.run(lines)
        answer = new.answer
        self._add_same(answer.messages_size - answer.converted, answer.filtered)
        self._diff.add_time(answer.first)
        self._diff.add_time(answer.last)
        self.answer = Counts(
            answer.lines, answer.next, answer.converted, answer.filtered, answer.in_log
        )
        self.left += stop < lines.end
        return stop

    def _compare(self, begin: int, stop: int, events: int) -> int:
        """Add the events of the lines from `begin` to `stop`; return how many both converted."""
        new = self._new.output()
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead == new and stop == self._reached:
            converted: int = self._new.answer.converted
            self._add_same(len(new.messages) - converted, events - converted)
            return converted
        if ahead is not None:
            self._waiting = [*ahead.each()][::-1]
        return self._pair(new, begin, stop, events)

    def _add_same(self, size: int, filtered: int) -> None:
        """Add what the new mapping wrote last as what both wrote, and events that both filtered."""
        if self._diff.needs_each:
            for each in self._new.output().each():
                self._diff.add(made := _of(each), made)
            for _ in range(filtered):
                self._diff.add(None, None)
        else:
            self._diff.add_same(self._new.answer.converted, size, filtered)

    def _pair(self, made: RunOutput, begin: int, stop: int, events: int) -> int:
        """The same, message by message."""
        diff, waiting = self._diff, self._waiting
        while waiting and waiting[-1].begin < begin:  # of a line that was Python's
            waiting.pop()
        both = either = 0
        for new in made.each():
            while waiting and waiting[-1].begin < new.begin:
                diff.add(_of(waiting.pop()), None)
                either += 1
            either += 1
            if waiting and waiting[-1].begin == new.begin:
                diff.add(_of(waiting.pop()), _of(new))
                both += 1
            else:
                diff.add(None, _of(new))
        while waiting and waiting[-1].begin < stop:
            diff.add(_of(waiting.pop()), None)
            either += 1
        for _ in range(events - either):
            diff.add(None, None)
        return both

    def kinds(self) -> Iterator[tuple[tuple[object, object, str], int]]:
        """Yield how many events there were of each type, operation and class."""
        return self._new.kinds()


def _of(message: OutputMessage) -> Made:
    return Made(message.data, message.severity, message.begin)


class Examining:
    """A machine's events, for a `Coverage`. `finish` adds up what the engine counted."""

    def __init__(self, coverage: Coverage, machine: MappingEngine) -> None:
        self._coverage = coverage
        self._machine = machine
        self._runners: list[ExaminingRunner] = []

    def runner(self) -> ExaminingRunner | None:
        """Return what runs lines through the engine, None where there is none."""
        runner = self._machine.runner(sorts=True)
        if runner is None:
            return None
        self._runners.append(ExaminingRunner(self._coverage, runner))
        return self._runners[-1]

    def convert(self, raw: dict[str, object], origin: str) -> Converted | Filtered | Rejected:
        """Examine an event by the reference, and count it."""
        try:
            facts = self._coverage.examine(raw, origin)
        except RecursionError:
            return Rejected("nested too deeply", "too-deep")
        self._coverage.count(facts, 1)
        return Filtered(facts.kind) if facts.filtered else Converted("", facts.kind, 0)

    def finish(self) -> None:
        """Add up, once, when all lines were run."""
        for runner in self._runners:
            runner.finish()


class ExaminingRunner(_NoMessages):
    """Runs lines through the engine, which counts them by sort; the first of each is examined."""

    def __init__(self, coverage: Coverage, runner: Runner) -> None:
        self.answer: Any = runner.answer
        self._coverage = coverage
        self._runner = runner
        self._sorts: list[Facts] = []

    def run(self, lines: LineRange) -> int:
        """Count lines, up to one that is left to Python; see `machine.Runner`."""
        data = lines.data
        stop = self._runner.run(lines)
        for look in self._runner.looks:
            line_end = data.find(b"\n", look.begin)
            raw = _event_of(data[look.begin : len(data) if line_end < 0 else line_end])
            origin = origin_of(raw, lines.source, lines.offset + look.begin)
            facts = self._coverage.examine(raw, origin)
            if look.sort is None:
                self._coverage.count(facts, 1)
            else:
                self._sorts.append(facts)  # they come in the order of their numbers
                self._coverage.count(facts, 0)  # fields and keys are told in the order they came
        self.left += stop < lines.end
        return stop

    def finish(self) -> None:
        """Add up the counts of all sorts."""
        for facts, number in zip(self._sorts, self._runner.sorts(), strict=True):
            self._coverage.count(facts, number)

    def kinds(self) -> Iterator[tuple[tuple[object, object, str], int]]:
        """Yield how many events there were of each type, operation and class."""
        return self._runner.kinds()


def _event_of(line: bytes) -> dict[str, object]:
    """Return the one event of a line that the engine took for one."""
    found = [each for each in EventDecoder().decode(line) if isinstance(each, Decoded)]
    if len(found) != 1:
        raise CefBridgeError(
            "a fault of this program: the engine and the Python reference disagree about a line. "
            f"Please report it: {line[:_SHOWN]!r}"
        )
    return found[0].fields


_SHOWN = 200  # bytes
