"""What a run goes through to be examined: blocks of lines come in, and no message goes out.

`Comparing` runs two mappings over the same lines and hands both messages of each event to a `Diff`.
A unit loop runs them, as it runs the machine that converts. Knows neither commands nor files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.converter import Converted, Filtered, Rejected
from cef_bridge.events.clock import event_time
from cef_bridge.workbench.diff import Made

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.machine import Machine, Message, Runner
    from cef_bridge.stats import Kind
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


class _Nothing:
    """There is nothing that is known of lines before they are parsed."""

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


class Comparing:
    """Two machines over the same events, for a `Diff`."""

    def __init__(self, diff: Diff, old: Machine, new: Machine) -> None:
        self.sections = _Nothing()
        self._diff = diff
        self._machines = (old, new)

    def runner(self) -> ComparingRunner | None:
        """Return what runs lines through the engine, None where there is none."""
        old, new = (machine.runner() for machine in self._machines)
        return ComparingRunner(self._diff, old, new) if old and new else None

    def recall(self, _raw: dict[str, object]) -> None:
        """Nothing is remembered."""

    def learn(self, _line: bytes, _raw: dict[str, object]) -> None:
        """Nothing is remembered."""

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


class ComparingRunner:
    """Runs lines through two mappings in the engine, up to one that either leaves to Python.

    The old mapping goes ahead: what it made of lines that the new one has not reached is kept.
    """

    messages = b""
    elsewhere: tuple[int, ...] = ()

    def __init__(self, diff: Diff, old: Runner, new: Runner) -> None:
        self.answer = Counts(0, 0, 0, 0, 0)
        self._diff = diff
        self._old = old
        self._new = new
        self._data = b""
        self._waiting: list[Message] = []  # the last one first
        self._reached = self._next = 0

    def run(
        self, data: bytes, begin: int, end: int, source: str, offset: int, /, *, parts: bool
    ) -> int:
        """Compare the lines of `data` from `begin` to `end`, up to one that is left to Python.

        Return where that line begins, or `end`; see `machine.Runner`.
        """
        old, new = self._old, self._new
        if data is not self._data or begin >= self._reached:
            self._data = data
            self._reached = old.run(data, begin, end, source, offset, parts=parts)
            self._next = old.answer.next
            self._waiting = [*old.apart()][::-1]
        stop = new.run(data, begin, self._reached, source, offset, parts=parts)
        answer = new.answer
        behind = answer.next if answer.end else self._next
        events = answer.converted + answer.filtered
        both = self._pair(begin, stop, events)
        self._diff.add_time(answer.first)
        self._diff.add_time(answer.last)
        self.answer = Counts(answer.lines, behind, both, events - both, answer.in_log)
        return stop

    def _pair(self, begin: int, stop: int, events: int) -> int:
        """Add the events of the lines from `begin` to `stop`; return how many both converted."""
        diff, waiting = self._diff, self._waiting
        while waiting and waiting[-1].begin < begin:  # of a line that was Python's
            waiting.pop()
        both = either = 0
        for new in self._new.apart():
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

    def apart(self) -> Iterator[Message]:
        """Yield nothing: what was compared is not written."""
        return iter(())

    def kinds(self) -> Iterator[tuple[tuple[object, object, str], int]]:
        """Yield how many events there were of each type, operation and class."""
        return self._new.kinds()


def _of(message: Message) -> Made:
    return Made(message.data, message.severity)
