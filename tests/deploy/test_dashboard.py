"""Grafana's dashboard: up to date, of the right form, and each panel shows something of a real forwarder."""

from __future__ import annotations

import itertools
import json
import re
import runpy

import jsonschema
from tools import DEPLOY
from watched import watched

MAKE = runpy.run_path(str(DEPLOY / "grafana" / "make.py"))
TEXT = (DEPLOY / "grafana" / "cef-bridge.json").read_text(encoding="utf-8")
DASHBOARD = json.loads(TEXT)
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
NAMES = {"$__rate_interval": "10s", "$__range": "1m", "$instance": ".*", "$destination": ".*"}

# What Grafana's own loader asks for (its schema is CUE and Go, not JSON), as far as we use it.
_WHOLE = {"type": "integer", "minimum": 0}
FORM = {
    "type": "object",
    "required": ["uid", "title", "schemaVersion", "panels", "templating", "time"],
    "properties": {
        "schemaVersion": {"const": 39},
        "panels": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "type", "title", "gridPos"],
                "properties": {
                    "id": {"type": "integer", "minimum": 1},
                    "type": {"enum": ["row", "stat", "timeseries", "state-timeline", "bargauge"]},
                    "title": {"type": "string", "minLength": 1},
                    "description": {"type": "string", "minLength": 1},
                    "datasource": {
                        "const": {"type": "prometheus", "uid": "${datasource}"},
                    },
                    "gridPos": {
                        "type": "object",
                        "required": ["x", "y", "w", "h"],
                        "properties": {"x": _WHOLE, "y": _WHOLE, "w": _WHOLE, "h": _WHOLE},
                    },
                    "targets": {
                        "type": "array",
                        "minItems": 1,
                        "items": {
                            "type": "object",
                            "required": ["refId", "expr", "legendFormat", "datasource"],
                            "properties": {"expr": {"type": "string", "pattern": "cef_bridge_"}},
                        },
                    },
                },
                "if": {"properties": {"type": {"const": "row"}}},
                "else": {"required": ["targets", "datasource", "fieldConfig", "description"]},
            },
        },
        "templating": {
            "properties": {
                "list": {"items": {"required": ["name", "type", "query"]}, "minItems": 3}
            }
        },
    },
}


def test_it_is_up_to_date():
    assert MAKE["written"]() == TEXT, "run python deploy/grafana/make.py"


def test_it_has_the_form_that_grafana_loads():
    jsonschema.Draft202012Validator(FORM).validate(DASHBOARD)
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)


def test_panels_fill_the_grid_and_none_covers_another():
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = set(
            itertools.product(
                range(place["x"], place["x"] + place["w"]),
                range(place["y"], place["y"] + place["h"]),
            )
        )
        assert not taken & cells, panel["title"]
        taken |= cells
    assert {x for x, _ in taken} == set(range(24))


def test_each_panel_shows_something_of_a_real_forwarder_and_prometheus_takes_all_rules(tmp_path):
    with watched(tmp_path) as it:
        for _ in range(4):
            it.feed(800)
        it.spoil()
        it.until(lambda: it.ask("sum(cef_bridge_dropped_total) > 0"))
        it.until(lambda: it.ask("sum(cef_bridge_rejected_total) > 0"))
        it.until(lambda: it.ask("sum(rate(cef_bridge_confirmed_total[10s])) > 0"))
        it.until(lambda: it.ask("count(cef_bridge_source_lag) > 0"))
        wrong = [
            f"{panel['title']}: {fault}"
            for panel in PANELS
            for target in panel["targets"]
            if (fault := fault_of(target, it.ask(filled(target["expr"]))))
        ]
        assert wrong == []
        shown = {panel["title"]: filled(panel["targets"][0]["expr"]) for panel in PANELS}
        for title in ("Forwarders", "Waiting", "Oldest message", "Lost in this time"):
            assert float(it.ask(shown[title])[0]["value"][1]) > 0, title
        states = it.ask("cef_bridge_destination_connected")
        assert {each["metric"]["destination"]: each["value"][1] for each in states}[
            "archive"
        ] == "0"
        sources = it.ask("cef_bridge_source_connected")
        assert {each["metric"]["source"] for each in sources} == {"log", "relay", "kafka"}
        it.until(lambda: all(rule["health"] == "ok" for rule in rules(it)))
        # What is wrong here, and needs no time, is firing already.
        for name in ("CefBridgeEventsDropped", "CefBridgeRecordsRejected"):
            it.until(lambda name=name: it.ask(f'ALERTS{{alertname="{name}",alertstate="firing"}}'))


def filled(query):
    for name, value in NAMES.items():
        query = query.replace(name, value)
    assert "$" not in query
    return query


def fault_of(target, found):
    """Return what is wrong with what a query finds, for who reads the panel."""
    names = set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
    if not found:
        return "it is empty"
    if len(found) > 1 and not names:
        return "several lines have one name"
    if any(names - set(series["metric"]) for series in found):
        return "a name in the legend is no label"
    return ""


def rules(it):
    (group,) = it.call("rules")["groups"]
    assert len(group["rules"]) > 10
    return group["rules"]
