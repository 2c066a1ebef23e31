"""The dashboard for Kibana: saved objects, one a line, in the form of 7.17 that later ones take.

In comes a `PackContent`, out come a data view, visualizations and a dashboard as data. Must not
know detection rules.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.packs.elastic.ingest import class_id_field
from cef_bridge.content.packs.elastic.templates import STREAMS

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

SavedObject = dict[str, object]
_VIEW, _BOARD = "kubearmor-cef", "kubearmor-cef-overview"
_VERSION = "7.17.0"
_SOURCE = "kibanaSavedObjectMeta.searchSourceJSON.index"


class KibanaPanel(NamedTuple):
    """A panel: its title, its query in Lucene, and the fields whose values are counted.

    `over_time`: a chart over time of the first field's values, else a table of all fields.
    """

    name: str
    title: str
    query: str
    fields: tuple[str, ...]
    over_time: bool = False


def panels(content: PackContent) -> list[KibanaPanel]:
    """Return the panels; their fields are those that the pack's ingest pipeline makes."""
    code = class_id_field(content)
    denied = f"{code}:(*.block OR *.denied)"
    alerts = f"{code}:alert.*"
    return [
        KibanaPanel("alerts", "Alerts by class", alerts, (code,), over_time=True),
        KibanaPanel(
            "unblocked",
            "Policies say Block, and the act passed",
            f"{code}:*.unblocked",
            ("rule.name",),
            over_time=True,
        ),
        KibanaPanel("policies", "Policies with the most alerts", alerts, ("rule.name",)),
        KibanaPanel(
            "workloads",
            "Workloads with the most denied acts",
            denied,
            ("orchestrator.namespace", "orchestrator.resource.name"),
        ),
        KibanaPanel(
            "processes", "Processes that were denied something", denied, ("process.executable",)
        ),
        KibanaPanel(
            "techniques",
            "ATT&CK techniques of alerts",
            f"{alerts} AND _exists_:threat.technique.id",
            ("threat.technique.id",),
        ),
        KibanaPanel(
            "heartbeats",
            "Heartbeats of forwarders",
            f"{code}:*.system.heartbeat.*",
            ("host.name",),
            over_time=True,
        ),
        KibanaPanel(
            "gaps",
            "Alerts withheld, possible losses",
            f"{code}:(*.system.throttle.* OR *.system.gap.* OR *.system.flood.*)",
            (code,),
        ),
    ]


def saved_objects(content: PackContent) -> list[SavedObject]:
    """Return the saved objects, those that others refer to first."""
    found = panels(content)
    view = _object(
        "index-pattern", _VIEW, {"title": ",".join(STREAMS), "timeFieldName": "@timestamp"}, []
    )
    return [view, *(_visualization(it) for it in found), _board(found)]


def _object(
    kind: str, name: str, attributes: dict[str, object], references: list[dict[str, str]]
) -> SavedObject:
    migrated = {} if kind == "index-pattern" else {"migrationVersion": {kind: _VERSION}}
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "coreMigrationVersion": _VERSION,
        **migrated,
    }


def _visualization(it: KibanaPanel) -> SavedObject:
    source = {
        "query": {"query": it.query, "language": "lucene"},
        "filter": [],
        "indexRefName": _SOURCE,
    }
    kind = "histogram" if it.over_time else "table"
    attributes: dict[str, object] = {
        "title": f"KubeArmor: {it.title}",
        "description": "",
        "version": 1,
        "uiStateJSON": "{}",
        "visState": json.dumps(
            {
                "title": f"KubeArmor: {it.title}",
                "type": kind,
                "params": _params(it),
                "aggs": _aggregations(it),
            }
        ),
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    reference = {"name": _SOURCE, "type": "index-pattern", "id": _VIEW}
    return _object("visualization", f"{_VIEW}-{it.name}", attributes, [reference])


def _aggregations(it: KibanaPanel) -> list[dict[str, object]]:
    found: list[dict[str, object]] = [
        {"id": "1", "enabled": True, "type": "count", "schema": "metric", "params": {}}
    ]
    if it.over_time:
        when = {"field": "@timestamp", "interval": "auto", "min_doc_count": 1}
        found.append(_aggregation("2", "date_histogram", "segment", when))
    schema = "group" if it.over_time else "bucket"
    for number, field in enumerate(it.fields, start=3):
        terms = {"field": field, "size": 10, "order": "desc", "orderBy": "1"}
        found.append(_aggregation(str(number), "terms", schema, terms))
    return found


def _aggregation(name: str, kind: str, schema: str, params: dict[str, object]) -> dict[str, object]:
    return {"id": name, "enabled": True, "type": kind, "schema": schema, "params": params}


def _params(it: KibanaPanel) -> dict[str, object]:
    if not it.over_time:
        return {"perPage": 10, "showPartialRows": False, "showTotal": False}
    return {
        "type": "histogram",
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "categoryAxes": [
            {"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": True,
             "scale": {"type": "linear"}, "labels": {"show": True, "truncate": 100}, "title": {}}
        ],
        "valueAxes": [
            {"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left",
             "show": True, "scale": {"type": "linear", "mode": "normal"},
             "labels": {"show": True}, "title": {"text": "Count"}}
        ],
        "seriesParams": [
            {"show": True, "type": "histogram", "mode": "stacked", "valueAxis": "ValueAxis-1",
             "data": {"label": "Count", "id": "1"}}
        ],
    }  # fmt: skip


_WIDTH, _HEIGHT = 24, 12


def _board(found: list[KibanaPanel]) -> SavedObject:
    placed = []
    for number, _ in enumerate(found):
        name = str(number + 1)
        grid = {
            "x": number % 2 * _WIDTH,
            "y": number // 2 * _HEIGHT,
            "w": _WIDTH,
            "h": _HEIGHT,
            "i": name,
        }
        placed.append(
            {
                "version": _VERSION,
                "type": "visualization",
                "gridData": grid,
                "panelIndex": name,
                "embeddableConfig": {},
                "panelRefName": f"panel_{name}",
            }
        )
    references = [
        {"name": f"{number}:panel_{number}", "type": "visualization", "id": f"{_VIEW}-{it.name}"}
        for number, it in enumerate(found, start=1)
    ]
    source = {"query": {"query": "", "language": "kuery"}, "filter": []}
    attributes: dict[str, object] = {
        "title": "KubeArmor",
        "description": "Policy alerts, denied acts and delivery. Written by cef-bridge.",
        "panelsJSON": json.dumps(placed),
        "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
        "version": 1,
        "timeRestore": True,
        "timeFrom": "now-24h",
        "timeTo": "now",
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return _object("dashboard", _BOARD, attributes, references)
