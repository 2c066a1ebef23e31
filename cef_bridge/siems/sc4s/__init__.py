"""Splunk Connect for Syslog: it has the mapping of Splunk, and what lint knows stands there."""

from __future__ import annotations

from cef_bridge.siems.siem import Siem

SIEM = Siem("sc4s", "Splunk Connect for Syslog", ("splunk",), "splunk")
