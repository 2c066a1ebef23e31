"""What the live page is told, as plain values for JSON: the types of `studio/src/api.ts`.

In come a status, rates and rows of the past, out goes a `Live`; of a tap, a `Tap`. Counters are
those of the status that `/metrics` shows. Must not know how it is asked for.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge import __version__
from cef_bridge.forward.status import NEARLY_FULL, SILENT

if TYPE_CHECKING:
    from cef_bridge.forward.live_history import HistoryRows, LiveRates
    from cef_bridge.forward.message_tap import TapState
    from cef_bridge.forward.status import DestinationStatus, ForwarderStatus, SourceStatus


class LiveFacts(NamedTuple):
    """A forwarder at one moment; `uptime` in seconds."""

    status: ForwarderStatus
    rates: LiveRates
    history: HistoryRows
    uptime: float


def live(facts: LiveFacts) -> dict[str, object]:
    """Return what /api/live answers."""
    status, rates, rows = facts.status, facts.rates, facts.history
    return {
        "version": __version__,
        "engine": status.engine,
        "uptime": round(facts.uptime, 1),
        "now": time.time(),
        "fault": status.fault,
        "stopping": status.stopping,
        "sources": [_source(each, rates) for each in status.sources],
        "conversion": {
            "read": sum(each.lines for each in status.sources),
            "perSecond": round(sum(rates.sources.values()), 1),
        },
        "destinations": [_destination(each, rates) for each in status.destinations],
        "rejects": _reasons({each.name: each.rejected for each in status.destinations}),
        "skipped": _reasons({each.name: each.skipped for each in status.destinations}),
        "history": {
            "times": rows.times,
            "read": rows.read,
            "destinations": [
                {"name": name, "confirmed": done, "queued": queued}
                for name, (done, queued) in rows.destinations.items()
            ],
        },
    }


def _source(each: SourceStatus, rates: LiveRates) -> dict[str, object]:
    bad = "" if each.connected and not each.silent else SILENT if each.connected else each.state
    return {
        "name": each.name,
        "kind": each.kind,
        "state": "ended" if each.ended else "waiting" if bad else "connected",
        "text": each.state,
        "read": each.lines,
        "perSecond": round(rates.sources.get(each.name, 0.0), 1),
        "lastEvent": each.last,
        "error": bad,
    }


def _destination(each: DestinationStatus, rates: LiveRates) -> dict[str, object]:
    counted = each.counters()
    counters = ("received", "converted", "filtered", "rejected", "skipped", "blank", "dropped")
    return {
        "name": each.name,
        "address": each.target,
        "state": _state(each),
        "text": each.state,
        **{name: counted[name] for name in counters},
        "queued": each.waiting,
        "queuedBytes": each.queue_bytes,
        "limitBytes": each.queue_limit,
        "inFlight": each.in_flight,
        "confirmed": each.confirmed,
        "unconfirmed": each.unconfirmed,
        "resent": each.resent,
        "deadLettered": each.dead_lettered,
        "perSecond": round(rates.destinations.get(each.name, 0.0), 1),
        "oldest": round(each.oldest_age, 1) if each.waiting + each.in_flight else None,
        "error": _error(each),
        "lastError": each.last_error,
    }


def _state(each: DestinationStatus) -> str:
    if each.reasons:
        return "down"
    return "connected" if each.connected else "waiting"


def _error(each: DestinationStatus) -> str:
    """Return what is wrong now, "" for nothing."""
    found = [each.last_error or each.state] if each.reason else []
    if each.trouble:
        found.append(f"The queue is in trouble: {each.trouble}.")
    if each.queue_bytes >= NEARLY_FULL * each.queue_limit:
        found.append("The queue is nearly full.")
    return " ".join(found)


def _reasons(found: dict[str, dict[str, int]]) -> list[dict[str, object]]:
    rows = [
        {"destination": name, "reason": reason, "count": number}
        for name, reasons in found.items()
        for reason, number in reasons.items()
    ]
    return sorted(rows, key=lambda row: (-int(str(row["count"])), str(row["destination"])))


def tap(state: TapState) -> dict[str, object]:
    """Return what /api/tap answers."""
    return {
        "on": state.on,
        "until": state.until,
        "sampled": state.sampled,
        "messages": [each._asdict() for each in state.messages],
    }
