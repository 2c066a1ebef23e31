"""A mapping as a function of batches: values in, outcomes out, for Spark, Ray, Beam and the like.

The function pickles: it takes the mapping along, and compiles it once in each process that calls
it. What became of each value is an `Outcome`; nothing raises for what a value holds. Must not know
who calls.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from cef_bridge.engine.line_loop import Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.engine.outcomes import Outcome, OutcomeLoop, columns, values
from cef_bridge.mapping.language.dump import fingerprint
from cef_bridge.mapping.language.spec import Mapping
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

__all__ = ["Batches", "Outcome", "batches", "columns", "compiled"]

MOST_PLANS = 8
"""Mappings that a process keeps compiled; of more it forgets the one not used for longest."""


@dataclass(frozen=True)
class Plan:
    """A mapping to compile. `key` is a hash of all that it says: plans that say the same are equal.

    `syslog_header` and `assumed_time` are as in Converter.
    """

    key: str
    syslog_header: str | None
    assumed_time: int | None
    mapping: Mapping = field(compare=False, repr=False)


@lru_cache(maxsize=MOST_PLANS)
def compiled(plan: Plan) -> MappingEngine:
    """Return the plan at work, compiled when this process asks for it first."""
    return MappingEngine(
        Converter(plan.mapping, syslog_header=plan.syslog_header, assumed_time=plan.assumed_time)
    )


@dataclass(frozen=True)
class Batches:
    """The function: call it with the values of a batch. It pickles, and threads may share it."""

    plan: Plan
    options: Options

    def __call__(
        self,
        data: bytes | Sequence[bytes | str | None],
        names: Sequence[str | None] | None = None,
        offsets: Sequence[int | None] | None = None,
    ) -> list[Outcome]:
        """Return what became of each record in some values, in their order.

        `data`: values, each a line, several, or a document; or one text as bytes. `names` and
        `offsets` (bytes) say where each value is from: they tell an event without a time from its
        repetitions. Without them such events have one id when they are equal.
        """
        each = [data] if isinstance(data, bytes) else data
        loop = self.loop()
        found = loop.add([*values(each, names, offsets)])
        return found + loop.end()

    def loop(self) -> OutcomeLoop:
        """Return what converts batch after batch of one stream, in one thread."""
        return OutcomeLoop(compiled(self.plan), self.options)


def batches(
    mapping: Mapping | Path | str,
    *,
    syslog_header: str = "none",
    assumed_time: int | None = None,
    max_record: int = 1 << 20,
    strict: bool = False,
) -> Batches:
    """Return a function that converts batches with a mapping: a name, a path, or what `load` gave.

    `syslog_header` is none, rfc3164 or rfc5424. `assumed_time` (epoch microseconds) is the time of
    events that have none; `max_record` is in bytes; `strict` rejects lines that are no events.
    Raises MappingError for a mapping that cannot be used.
    """
    loaded = mapping if isinstance(mapping, Mapping) else load(mapping)
    plan = Plan(fingerprint(loaded), syslog_header, assumed_time, loaded)
    compiled(plan)  # what is wrong with the engine or the header is said here, not by a worker
    return Batches(plan, Options(max_record, "auto", strict))
