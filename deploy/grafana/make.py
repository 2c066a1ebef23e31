"""Writes cef-bridge.json, the dashboard for Grafana: `python deploy/grafana/make.py`.

The table below is the dashboard; what Grafana wants around it follows. A test says when the file is
out of date, and runs each query in a Prometheus that scrapes a forwarder.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

PLACE = Path(__file__).parent / "cef-bridge.json"
COLUMNS = 24

_ALL = '{instance=~"$instance"}'
_TO = '{instance=~"$instance",destination=~"$destination"}'


class Panel(NamedTuple):
    """A panel: `queries` are (legend, PromQL); `kind` is stat, lines, states or bars.

    `good` are thresholds of a number: below the first green, from it orange, from the second red;
    turned round where the second is smaller. `width` is of 24 columns.
    """

    title: str
    kind: str
    unit: str
    width: int
    queries: tuple[tuple[str, str], ...]
    about: str
    good: tuple[float, float] | None = None


def per_second(name: str, by: str = "destination", where: str = _TO) -> str:
    """Return the rate of a counter, of all forwarders together."""
    return f"sum by ({by}) (rate(cef_bridge_{name}_total{where}[$__rate_interval]))"


def total(name: str, where: str = _TO) -> str:
    """Return a gauge, of all forwarders together."""
    return f"sum by (destination) (cef_bridge_{name}{where})"


ROWS: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "At a glance",
        (
            Panel(
                "Forwarders", "stat", "short", 3, (("", f"sum(cef_bridge_up{_ALL})"),),
                "Forwarders that work.",
            ),
            Panel(
                "Lines in", "stat", "cps", 4,
                (("", f"max({per_second('received')})"),),
                "Lines received a second. Each destination gets all of them.",
            ),
            Panel(
                "Confirmed", "stat", "cps", 4, (("", f"sum({per_second('confirmed')})"),),
                "Messages that a collector gave a receipt for, a second.",
            ),
            Panel(
                "Waiting", "stat", "short", 4, (("", f"sum(cef_bridge_queue_messages{_TO})"),),
                "Messages in all queues.", (10_000, 1_000_000),
            ),
            Panel(
                "Oldest message", "stat", "s", 5,
                (("", f"max(cef_bridge_queue_oldest_age_seconds{_TO})"),),
                "How long the oldest message has been waiting.", (60, 300),
            ),
            Panel(
                "Lost in this time", "stat", "short", 4,
                (("", f"sum(increase(cef_bridge_dropped_total{_TO}[$__range]))"),),
                "Messages that were dropped: the queue or the disk is full.", (1, 1),
            ),
        ),
    ),
    (
        "Flow",
        (
            Panel(
                "Lines by result", "lines", "cps", 12,
                tuple(
                    (f"{{{{destination}}}} {name}", per_second(name))
                    for name in ("converted", "filtered", "rejected", "skipped")
                ),
                "received = converted + filtered + rejected + skipped + blank.",
            ),
            Panel(
                "Messages out", "lines", "cps", 12,
                (
                    ("{{destination}} confirmed", per_second("confirmed")),
                    ("{{destination}} unconfirmed", per_second("unconfirmed")),
                    ("{{destination}} sent again", per_second("resent")),
                ),
                "Unconfirmed: UDP, or a collector that gives no receipts.",
            ),
        ),
    ),
    (
        "Queues",
        (
            Panel(
                "Messages waiting", "lines", "short", 8,
                (
                    ("{{destination}}", total("queue_messages")),
                    ("{{destination}} in flight", total("in_flight_messages")),
                ),
                "In flight: sent, and without a receipt yet.",
            ),
            Panel(
                "Age of the oldest message", "lines", "s", 8,
                (("{{destination}}", f"max by (destination) (cef_bridge_queue_oldest_age_seconds{_TO})"),),
                "CefBridgeQueueAge fires at 5 minutes.",
            ),
            Panel(
                "Queue size", "lines", "percentunit", 8,
                (("{{destination}}", f"max by (destination) (cef_bridge_queue_bytes{_TO} / cef_bridge_queue_limit_bytes{_TO})"),),
                "Share of queue_limit. At 100 % sources wait, or messages are dropped.",
            ),
        ),
    ),
    (
        "Destinations and sources",
        (
            Panel(
                "Destination connected", "states", "short", 12,
                (("{{destination}}", f"min by (destination) (cef_bridge_destination_connected{_TO})"),),
                "Without messages there may be no connection.",
            ),
            Panel(
                "Source connected", "states", "short", 12,
                (("{{source}}", f"min by (source) (cef_bridge_source_connected{_ALL})"),),
                "What happens while a relay is not connected is lost there.",
            ),
            Panel(
                "Bytes sent", "lines", "Bps", 6,
                (("{{destination}}", per_second("sent_bytes")),),
                "Bytes written to connections.",
            ),
            Panel(
                "Connection failures", "lines", "cps", 6,
                (
                    ("{{destination}} failures", per_second("breaks")),
                    ("{{destination}} duplicates", per_second("duplicates")),
                ),
                "Duplicates: the receiver had these messages already.",
            ),
            Panel(
                "Bytes read", "lines", "Bps", 6,
                (("{{source}}", per_second("source_bytes", "source", _ALL)),),
                "A source that is connected and reads nothing is silent.",
            ),
            Panel(
                "Gaps and lag", "lines", "short", 6,
                (
                    ("{{source}} gaps", f"sum by (source) (increase(cef_bridge_source_gaps_total{_ALL}[$__rate_interval]))"),
                    ("{{source}} connected again", f"sum by (source) (increase(cef_bridge_source_reconnects_total{_ALL}[$__rate_interval]))"),
                    ("{{source}} lag", f"sum by (source) (cef_bridge_source_lag{_ALL})"),
                ),
                "Gaps: events that may have been missed. Lag: events of Kafka that are not settled.",
            ),
        ),
    ),
    (
        "Losses and faults",
        (
            Panel(
                "Dropped", "lines", "cps", 6,
                (("{{destination}} {{reason}}", per_second("dropped", "destination, reason")),),
                "These messages are lost.",
            ),
            Panel(
                "Rejected by reason", "lines", "cps", 6,
                (("{{reason}}", f"max by (reason) ({per_second('rejected_by_reason', 'destination, reason')})"),),
                "Records that cannot be converted: cef-bridge deadletter list.",
            ),
            Panel(
                "Dead letters, floods, throttling", "lines", "cps", 6,
                (
                    ("{{destination}} undeliverable", per_second("dead_lettered")),
                    ("{{destination}} alerts over the rate", per_second("alerts_over_rate")),
                    ("{{destination}} throttled by KubeArmor", per_second("throttle_notices")),
                    ("unrouted", f"sum(rate(cef_bridge_unrouted_total{_ALL}[$__rate_interval]))"),
                ),
                "Unrouted: no destination's when takes the event.",
            ),
            Panel(
                "Engine", "lines", "cps", 6,
                (
                    ("{{destination}} left to Python", per_second("engine_left")),
                    ("{{destination}} different", per_second("engine_different")),
                ),
                "Lines that Python converts, and those where the engine differs.",
            ),
        ),
    ),
    (
        "Files and versions",
        (
            Panel(
                "Certificates expire in", "bars", "s", 12,
                (("{{used_by}} {{file}}", f"min by (used_by, file) (cef_bridge_certificate_expiry_timestamp_seconds{_ALL}) - time()"),),
                "CefBridgeCertificateExpires fires at 14 days.", (14 * 86400, 2 * 86400),
            ),
            Panel(
                "Files in use", "stat", "short", 6,
                (
                    ("reloads", f"sum(cef_bridge_reloads_total{_ALL})"),
                    ("failed", f"sum(cef_bridge_reload_failures_total{_ALL})"),
                    ("not in use", f"sum(1 - cef_bridge_reload_ok{_ALL})"),
                ),
                "Changed files that were taken, and that could not be; forwarders that wait for a right one.",
            ),
            Panel(
                "Versions and engines", "stat", "short", 6,
                (
                    ("{{version}}", f"count by (version) (cef_bridge_build_info{_ALL})"),
                    ("engine {{engine}}", f"count by (engine) (cef_bridge_engine_info{_ALL})"),
                ),
                "How many forwarders have which.",
            ),
        ),
    ),
)  # fmt: skip

_TYPES = {"stat": "stat", "lines": "timeseries", "states": "state-timeline", "bars": "bargauge"}
_HEIGHTS = {"stat": 4, "lines": 8, "states": 5, "bars": 6}
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def _thresholds(good: tuple[float, float] | None) -> dict[str, Any]:
    steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
    if good is not None and good[0] <= good[1]:
        steps += [{"color": "orange", "value": good[0]}, {"color": "red", "value": good[1]}]
    elif good is not None:
        steps = [
            {"color": "red", "value": None},
            {"color": "orange", "value": good[1]},
            {"color": "green", "value": good[0]},
        ]
    return {"mode": "absolute", "steps": steps}


def _field(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "unit": panel.unit,
        "min": 0,
        "thresholds": _thresholds(panel.good),
        "color": {"mode": "palette-classic" if panel.kind == "lines" else "thresholds"},
    }
    if panel.kind == "lines":
        defaults["custom"] = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    if panel.kind == "states":
        options = {
            "0": {"text": "no", "color": "red", "index": 0},
            "1": {"text": "yes", "color": "green", "index": 1},
        }
        defaults["mappings"] = [{"type": "value", "options": options}]
    return {"defaults": defaults, "overrides": []}


def _options(panel: Panel) -> dict[str, Any]:
    last = {"calcs": ["lastNotNull"], "fields": "", "values": False}
    return {
        "stat": {"reduceOptions": last, "colorMode": "value", "graphMode": "area"},
        "lines": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}},
        "states": {"legend": {"displayMode": "list", "placement": "bottom"}, "mergeValues": True, "rowHeight": 0.8},
        "bars": {"reduceOptions": last, "orientation": "horizontal", "displayMode": "basic"},
    }[panel.kind]  # fmt: skip


def _panel(panel: Panel, number: int, place: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
        for index, (legend, query) in enumerate(panel.queries)
    ]  # fmt: skip
    return {
        "id": number,
        "type": _TYPES[panel.kind],
        "title": panel.title,
        "description": panel.about,
        "gridPos": place,
        "datasource": _SOURCE,
        "fieldConfig": _field(panel),
        "options": _options(panel),
        "targets": targets,
    }


def _panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    top = 0
    for title, panels in ROWS:
        place = {"x": 0, "y": top, "w": COLUMNS, "h": 1}
        row = {"id": len(found) + 1, "type": "row", "title": title, "collapsed": False}
        found.append({**row, "gridPos": place, "panels": []})
        top += 1
        left = height = 0
        for panel in panels:
            if left + panel.width > COLUMNS:
                top, left, height = top + height, 0, 0
            place = {"x": left, "y": top, "w": panel.width, "h": _HEIGHTS[panel.kind]}
            found.append(_panel(panel, len(found) + 1, place))
            left, height = left + panel.width, max(height, _HEIGHTS[panel.kind])
        top += height
    return found


def _variable(name: str, metric: str) -> dict[str, Any]:
    query = f"label_values({metric}, {name})"
    return {
        "name": name,
        "label": name.capitalize(),
        "type": "query",
        "datasource": _SOURCE,
        "definition": query,
        "query": {"query": query, "refId": name},
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "refresh": 2,
        "sort": 1,
        "current": {"text": "All", "value": "$__all"},
    }


def dashboard() -> dict[str, Any]:
    """Return the dashboard."""
    source = {
        "name": "datasource",
        "label": "Data source",
        "type": "datasource",
        "query": "prometheus",
        "refresh": 1,
        "current": {},
    }
    variables = [
        source,
        _variable("instance", "cef_bridge_up"),
        _variable("destination", "cef_bridge_queue_messages"),
    ]
    return {
        "uid": "cef-bridge",
        "title": "cef-bridge",
        "description": "KubeArmor events on their way to SIEMs.",
        "tags": ["kubearmor", "siem"],
        "schemaVersion": 39,
        "editable": True,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": variables},
        "panels": _panels(),
    }


def written() -> str:
    """Return the file's text."""
    return json.dumps(dashboard(), indent=1) + "\n"


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
