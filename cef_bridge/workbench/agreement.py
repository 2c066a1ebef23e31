"""Tells where the engine writes another message than the reference.

In come a machine and the bytes of one event, out comes nothing, or an EngineDiffersError. Where
there is no engine, or it leaves the event to Python, there is nothing to compare.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.engine.machine import LineRange
from cef_bridge.errors import CefBridgeError
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import origin_of
from cef_bridge.mapping.program.converter import Converted

if TYPE_CHECKING:
    from cef_bridge.engine.machine import MappingEngine
    from cef_bridge.workbench.events import LocatedEvent

_SOURCE = "event"


class EngineDiffersError(CefBridgeError):
    """The engine makes something else of an event than the reference: one of the two is wrong."""


def check(machine: MappingEngine, found: LocatedEvent) -> None:
    """Raise EngineDiffersError where the engine writes another message of an event."""
    line = found.line
    runner = machine.runner()
    if runner is None or not line or b"\n" in line:
        return
    runner.run(LineRange(line, 0, len(line), _SOURCE, 0))
    if runner.answer.end and not runner.differed:
        return
    # A runner may compare by itself, and leaves what differs.
    if runner.differed or [it.data for it in runner.each()] != _by_reference(machine, line):
        raise EngineDiffersError(
            f"{found.place}: internal error: the native engine writes another message than the "
            "Python reference. Report it with this event; CEF_BRIDGE_ENGINE=python leaves the "
            "engine out."
        )


def _by_reference(machine: MappingEngine, line: bytes) -> list[bytes]:
    messages = []
    for found in EventDecoder().decode(line):
        if isinstance(found, Decoded):
            raw = found.fields
            fate = machine.convert(raw, origin_of(raw, _SOURCE, 0))
            if isinstance(fate, Converted):
                messages.append(fate.message.encode())
    return messages
