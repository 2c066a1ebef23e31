"""A mapping at work: by the native engine where there is one, by the Python reference where not.

In come blocks of lines and single events, out go messages and counts. The reference decides what is
right; with CEF_BRIDGE_ENGINE=both each line goes both ways, and with `sample` one in so many.
Knows no files.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

import orjson

from cef_bridge import engine, table
from cef_bridge.converter import Converted
from cef_bridge.events.classes import CLASSES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.converter import Converter, Filtered, Rejected
    from cef_bridge.engine import Library, Look, Plan

_CLASS_IDS = [row.class_id for row in CLASSES.values()]
_log = logging.getLogger(__name__)


class Message(NamedTuple):
    """A message of a run: its bytes, where its line begins, whether it is urgent, its severity."""

    data: bytes
    begin: int
    urgent: bool
    severity: int


class Machine:
    """A converter, and its plan in the engine; threads may share it. Each makes its own `Runner`.

    `native` is None where Python does the work. Raises UsageError as `engine.load` does.
    """

    def __init__(self, converter: Converter) -> None:
        self.converter = converter
        library: Library | None = engine.load()
        self.native: Plan | None = library.plan(table.pack(converter)) if library else None

    def convert(self, raw: dict[str, object], origin: str) -> Converted | Filtered | Rejected:
        """Return the fate of an event by the reference."""
        return self.converter.convert(raw, origin)

    # What the fast path has and the engine needs not.
    sections, recall, learn = None, None, None

    def runner(self, *, sorts: bool = False) -> Runner | None:
        """Return what runs blocks in one thread, None where Python does the work."""
        return Runner(self.converter, self.native, sorts=sorts) if self.native else None


class Runner:
    """Runs blocks of lines through the engine, in one thread. `left` counts the lines that it left
    to Python. With `sorts` it counts events by sort, for the workbench.
    """

    def __init__(self, converter: Converter, plan: Plan, *, sorts: bool = False) -> None:
        self._converter = converter
        self._work = engine.Work(plan)
        self._sorts = sorts
        self.answer = self._work.answer
        self.left = 0

    def run(
        self, data: bytes, begin: int, end: int, source: str, offset: int, *, parts: bool
    ) -> int:
        """Convert the lines of `data` from `begin` to `end`, up to one that is left to Python.

        `offset` is where `data` begins in the source; `parts` says that parts of lines wait for
        their rest. Return where the line begins that is left, or `end`; the next one begins at
        `answer.next`.
        """
        assumed = self._converter.assumed_time
        place = engine.Place(source.encode("utf-8", "replace"), offset, assumed, parts, self._sorts)
        at = self._work.run(data, begin, end, place)
        if self.answer.end:
            self.left += 1
        if self.answer.end == engine.FAULT:
            _log.error(
                "%s, byte %d: the engine has a fault; Python converts it", source, offset + at
            )
        return at

    @property
    def messages(self) -> bytes:
        """All messages of the last run, a line feed between two of them."""
        return self._work.messages[:-1]

    def apart(self) -> Iterator[Message]:
        """Yield the messages of the last run one by one."""
        data, start = self._work.messages, 0
        for row in self._work.rows:
            yield Message(data[start : row.end - 1], row.begin, bool(row.urgent), row.severity)
            start = row.end

    @property
    def elsewhere(self) -> list[int]:
        """Where the lines of events begin that are not for this destination."""
        return list(self._work.elsewhere)

    @property
    def looks(self) -> Sequence[Look]:
        """The events of the last run that are the first of their sort, or of none."""
        return self._work.looks

    def sorts(self) -> Sequence[int]:
        """Return how many events there were of each sort."""
        return self._work.sorts()

    def kinds(self) -> Iterator[tuple[tuple[object, object, str], int]]:
        """Yield how many events were met of each type, operation and class, since the last time."""
        for type_, operation, class_, number in orjson.loads(self._work.kinds()):
            yield (type_, operation, _CLASS_IDS[class_]), number
