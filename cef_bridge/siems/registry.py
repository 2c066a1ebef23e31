"""The SIEMs, a row each, in the order in which they are listed.

Another one is a folder here that holds a `SIEM` and, where they are known, a `simulator`
(`SIMULATOR`) and `class_ids` (`FORMS`), a row below, and its shipped mapping. All that asks for
SIEMs (lint, simulate, class ids, docs, tests) goes through this table.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING

from cef_bridge.siems.arcsight import SIEM as ARCSIGHT
from cef_bridge.siems.elastic import SIEM as ELASTIC
from cef_bridge.siems.graylog import SIEM as GRAYLOG
from cef_bridge.siems.qradar import SIEM as QRADAR
from cef_bridge.siems.sc4s import SIEM as SC4S
from cef_bridge.siems.sentinel import SIEM as SENTINEL
from cef_bridge.siems.splunk import SIEM as SPLUNK

if TYPE_CHECKING:
    from types import ModuleType

    from cef_bridge.siems.siem import Siem

SIEMS: dict[str, Siem] = {
    siem.name: siem for siem in (SPLUNK, SC4S, SENTINEL, ELASTIC, GRAYLOG, ARCSIGHT, QRADAR)
}


def part(siem: Siem, name: str) -> ModuleType | None:
    """Return a module of a SIEM's folder, imported now; None where it has none."""
    path = f"{__package__}.{siem.name}.{name}"
    return import_module(path) if find_spec(path) else None


def mapping_of(name: str) -> str:
    """Return the shipped mapping that a SIEM's name means; any other name as it is."""
    return SIEMS[name].mappings[0] if name in SIEMS else name
