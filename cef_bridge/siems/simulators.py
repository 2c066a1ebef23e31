"""Receivers' parsers, one file each: what a SIEM will make of a line.

In comes one line as it is sent, out comes a `Reading`: fields by their names there, the event's
time, and what is lost or misread on the way. Each is a small reader of our own, built from the
receiver's published rules; it behaves as the receiver does and not as the standard says. A
receiver is one file and one row here. Must not know mappings, events or the command line.
"""

from __future__ import annotations

from cef_bridge.siems.arcsight.simulator import SIMULATOR as ARCSIGHT
from cef_bridge.siems.elastic.simulator import SIMULATOR as ELASTIC
from cef_bridge.siems.graylog.simulator import SIMULATOR as GRAYLOG
from cef_bridge.siems.qradar.simulator import SIMULATOR as QRADAR
from cef_bridge.siems.reading import (
    Kind,
    Reading,
    SiemField,
    SiemFinding,
    SiemTime,
    Simulator,
    gathered,
)
from cef_bridge.siems.sc4s.simulator import SIMULATOR as SC4S
from cef_bridge.siems.sentinel.simulator import SIMULATOR as SENTINEL
from cef_bridge.siems.splunk.simulator import SIMULATOR as SPLUNK

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
    simulator.name: simulator
    for simulator in (SPLUNK, SC4S, SENTINEL, ELASTIC, GRAYLOG, ARCSIGHT, QRADAR)
}
