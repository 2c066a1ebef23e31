"""One test event to each destination, and what became of it: only when it is asked for.

In comes a config, out goes a row a destination. The forwarder itself sends, from a queue of its
own.
"""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

from cef_bridge.doctor.diagnosis import Verdict, ok, problem, row
from cef_bridge.forward.service import RunOptions, Service

if TYPE_CHECKING:
    from cef_bridge.doctor.diagnosis import DiagnosisRow
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.status import DestinationStatus


def test_event_rows(config: Config, limit: float) -> list[DiagnosisRow]:
    """Send a test event to each destination; return what became of each."""
    with tempfile.TemporaryDirectory(prefix="cef-bridge-test-") as folder:
        alone = config.with_settings(
            {"sources": (), "queue": folder, "metrics": None, "heartbeat": None, "grace": 1.0}
        )
        view = Service(alone, RunOptions(once=True, timeout=limit, test=True)).run().view
    return [
        row("destination", f"destination {each.name}", "test event", _verdict(each, limit))
        for each in view.destinations
    ]


def _verdict(each: DestinationStatus, limit: float) -> Verdict:
    if each.confirmed:
        return ok("sent and confirmed")
    if each.unconfirmed:
        return ok("sent; this transport cannot confirm arrival: look for it in your SIEM")
    return problem(
        each.last_error or f"sent, and not confirmed within {limit:g} seconds ({each.state})",
        "" if each.last_error else "Look for it in your SIEM, and at the collector's log.",
    )
