"""Elastic: Filebeat's decode_cef and the Agent's CEF integration."""

from __future__ import annotations

from cef_bridge.siems.siem import NeededKey, Siem

SIEM = Siem(
    "elastic",
    "Elastic",
    ("elastic",),
    "elastic",
    needs=(NeededKey("deviceProcessName", "ECS rules ask process.name, which is filled from it."),),
)
