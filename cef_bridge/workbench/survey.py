"""A mapping over a whole sample, block by block: coverage, severities, sizes, and what differs.

In come a sample, a converter and the one to compare with, out come counts that grow with each
block. Whoever runs it may stop between two blocks. Nothing is evaluated here: coverage and
comparison are those of `coverage` and `diff`. Must not know commands, files or threads.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.mapping.program.converter import Converted, Filtered
from cef_bridge.sources.records.blocks import Block
from cef_bridge.workbench.coverage import Coverage
from cef_bridge.workbench.diff import Diff
from cef_bridge.workbench.machines import Comparing, Examining

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.engine.line_loop import Refused
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.workbench.coverage import Facts
    from cef_bridge.workbench.diff import Made
    from cef_bridge.workbench.sample import SampleEvent

BLOCK = 100
"""Events of a block."""
_MOST_SAMPLES = 5


class ChangedEvent(NamedTuple):
    """An event whose messages differ: its number in the sample (0 while unknown), and both."""

    number: int
    before: str
    after: str


class SurveyCoverage(Coverage):
    """A coverage that counts the events of which something was given up for the size."""

    truncated_events = 0

    def count(self, facts: Facts, number: int) -> None:
        """Add what so many events add."""
        super().count(facts, number)
        self.truncated_events += number * bool(facts.truncated)


class SurveyDiff(Diff):
    """A diff that counts severities and sizes of the new messages, and numbers its samples.

    `numbers` are those of the events of the block in hand, `ends` where their lines end.
    """

    needs_each = True

    def __init__(self, old: Converter, new: Converter) -> None:
        super().__init__(old, new)
        self.levels = [0] * 11
        self.sizes: Counter[int] = Counter()
        self.changed: list[ChangedEvent] = []
        self.numbers: Sequence[int] = ()
        self.ends: Sequence[int] = ()

    def add(self, old: Made | None, new: Made | None) -> None:
        """Add an event; None: the mapping filters it."""
        if new is not None:
            self.levels[min(max(new.severity, 0), 10)] += 1
            self.sizes[len(new.message)] += 1
        differs = old is not None and new is not None and old.message != new.message
        if differs and old and new and len(self.changed) < _MOST_SAMPLES:
            texts = (old.message.decode(), new.message.decode())
            self.changed.append(ChangedEvent(self._number(new.begin), *texts))
        super().add(old, new)

    def _number(self, begin: int) -> int:
        """Return the number of the event whose line begins there, 0 where nobody knows."""
        if begin < 0:
            return self.numbers[0] if len(self.numbers) == 1 else 0
        at = bisect(self.ends, begin)
        return self.numbers[at] if at < len(self.numbers) else 0


class SampleSurvey:
    """One mapping over a sample. `old` is the mapping to compare with, None where there is none.

    `steps` runs it: it yields how many events are done, after each block.
    """

    def __init__(
        self, events: Sequence[SampleEvent], new: Converter, old: Converter | None
    ) -> None:
        self.events = events
        self._new = new
        self.compares = old is not None
        self.limit = new.max_bytes
        self.converted = self.filtered = self.rejected = 0
        self.coverage = SurveyCoverage(new)
        self.diff = SurveyDiff(old or new, new)
        engine = MappingEngine(new)
        self._examining = Examining(self.coverage, engine)
        self._comparing = Comparing(self.diff, MappingEngine(old) if old else engine, engine)

    def steps(self) -> Iterator[int]:
        """Run all events; yield how many are done, after each block."""
        loops = [self._loop(machine) for machine in (self._comparing, self._examining)]
        for begin in range(0, len(self.events), BLOCK):
            block = self.events[begin : begin + BLOCK]
            lines = [each for each in block if each.line and b"\n" not in each.line]
            self._lines(loops, lines)
            for each in block:
                if not each.line or b"\n" in each.line:
                    self._one(each)
            self._number(block)
            yield begin + len(block)
        for loop in loops:
            loop.settle()
        stats = loops[1].stats
        self.converted += stats.converted
        self.filtered += stats.filtered
        self.rejected += stats.rejected
        self._examining.finish()

    def _number(self, block: Sequence[SampleEvent]) -> None:
        """Find the numbers of changed events of a block that the engine left to Python."""
        if all(each.number for each in self.diff.changed):
            return
        known = {each.number for each in self.diff.changed}
        made = [(it.number, self._new.convert(it.raw())) for it in block if it.number not in known]
        messages = {it.message: number for number, it in made if isinstance(it, Converted)}
        found = [
            each if each.number else each._replace(number=messages.get(each.after, 0))
            for each in self.diff.changed
        ]
        # An event without a time of its own is identified by its place, which is another one here.
        self.diff.changed = [each for each in found if each.number]

    @staticmethod
    def _loop(machine: Comparing | Examining) -> LineLoop:
        def refuse(_: Refused) -> None:
            """Counted all the same."""

        taken = _Nothing()
        loop = LineLoop(machine, taken, taken, refuse, Options())
        loop.begin("sample")
        return loop

    def _lines(self, loops: Sequence[LineLoop], events: Sequence[SampleEvent]) -> None:
        if not events:
            return
        lines = [each.line for each in events]
        self.diff.numbers = [each.number for each in events]
        self.diff.ends = [*accumulate(len(line) + 1 for line in lines)]
        for loop in loops:
            loop.begin("sample")
            loop.block(Block.of_numbered(lines, 1))

    def _one(self, event: SampleEvent) -> None:
        """Run an event whose bytes hold more than it."""
        self.diff.numbers = [event.number]
        raw = event.raw()
        self._comparing.convert(raw, "")
        result = self._examining.convert(raw, "")
        if isinstance(result, Converted):
            self.converted += 1
        elif isinstance(result, Filtered):
            self.filtered += 1
        else:
            self.rejected += 1


class _Nothing(list[bytes]):
    """Takes the messages, which are empty, and keeps none."""

    def append(self, _: bytes, /) -> None:
        """Forget a message."""
