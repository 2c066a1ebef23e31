"""Receivers' parsers, one file each: what a SIEM will make of a line.

In comes one line as it is sent, out comes a `Reading`: fields by their names there, the event's
time, and what is lost or misread on the way. Each is a small reader of our own, built from the
receiver's published rules; it behaves as the receiver does and not as the standard says. A
receiver is one file and one row here. Must not know mappings, events or the command line.
"""

from __future__ import annotations

from cef_bridge.simulators import arcsight, elastic, graylog, qradar, sc4s, sentinel, splunk_addon
from cef_bridge.simulators.reading import (
    Field,
    Finding,
    Kind,
    Reading,
    Simulator,
    Time,
    gathered,
)

__all__ = ["SIMULATORS", "Field", "Finding", "Kind", "Reading", "Simulator", "Time", "gathered"]

SIMULATORS: dict[str, Simulator] = {
    module.SIMULATOR.name: module.SIMULATOR
    for module in (splunk_addon, sc4s, sentinel, elastic, graylog, arcsight, qradar)
}
