"""The loop that `convert` and `forward` use, for tests: a line in, its messages out.

What the loop has seen before must not show in a message, so golden and event tests put their events
through it several times, among others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from cef_bridge.engine.line_loop import LineLoop, Options, Refused
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.sources.records.units import Block

if TYPE_CHECKING:
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.stats import Stats


class UserLoop:
    """One loop over one stream. `rejected` collects what was rejected."""

    def __init__(self, machine: MappingEngine | Converter, options: Options | None = None) -> None:
        self.rejected: list[Refused] = []
        self._messages: list[bytes] = []
        self._loop = LineLoop(
            machine if isinstance(machine, MappingEngine) else MappingEngine(machine),
            self._messages,
            self._messages,
            self.rejected.append,
            options or Options(),
        )
        self._loop.begin("test")

    @property
    def stats(self) -> Stats:
        """The counters of all lines so far."""
        self._loop.settle()
        return self._loop.stats

    def messages(self, line: bytes) -> list[bytes]:
        """Return the messages of one line of the stream; all stand at its beginning, for the id of an
        event without time is made of its place.
        """
        self._loop.block(Block([line], 1, 0, 0, single=True))
        found = b"".join(self._messages).split(b"\n")[:-1]
        self._messages.clear()
        return found


def compact(event: dict[str, object]) -> bytes:
    """Return an event in the compact JSON that KubeArmor writes."""
    return orjson.dumps(event)
