"""The simulators of all SIEMs by name: what each will make of a line.

In comes one line as it is sent, out comes a `Reading`: fields by their names there, the event's
time, and what is lost or misread on the way. Each is a small reader of our own, built from the
receiver's published rules; it behaves as the receiver does and not as the standard says. Must not
know mappings, events or the command line.
"""

from __future__ import annotations

from cef_bridge.siems.reading import (
    Kind,
    Reading,
    SiemField,
    SiemFinding,
    SiemTime,
    Simulator,
    gathered,
)
from cef_bridge.siems.registry import SIEMS, part

__all__ = [
    "SIMULATORS",
    "Kind",
    "Reading",
    "SiemField",
    "SiemFinding",
    "SiemTime",
    "Simulator",
    "gathered",
]

SIMULATORS: dict[str, Simulator] = {
    name: module.SIMULATOR for name, siem in SIEMS.items() if (module := part(siem, "simulator"))
}
