"""Prometheus' alert rules: promtool's tests pass, each alert has tests, a section in the docs, and metrics that exist."""

from __future__ import annotations

import re

import pytest
import yaml
from tools import DEPLOY, ROOT, run

from cef_bridge.forward.metrics import (
    DESTINATION_ROWS,
    DROPPED,
    EXPIRY,
    LAG,
    PREFIX,
    REJECTED,
    RELOAD_ROWS,
    SOURCE_ROWS,
    UNROUTED,
)

RULES = DEPLOY / "prometheus" / "cef-bridge.rules.yml"
TESTS = sorted((DEPLOY / "prometheus").glob("*.test.yml"))
(GROUP,) = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"]
ALERTS = {rule["alert"]: rule for rule in GROUP["rules"]}
PAGE = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
METRICS = {"cef_bridge_up", "cef_bridge_build_info", "cef_bridge_engine_info"} | {
    PREFIX + row.name + ("_total" if row.kind == "counter" else "")
    for row in (
        *(*SOURCE_ROWS, *DESTINATION_ROWS, *RELOAD_ROWS),
        *(DROPPED, EXPIRY, LAG, REJECTED, UNROUTED),
    )
}


def test_promtool_finds_nothing():
    assert f"{len(ALERTS)} rules found" in run("promtool", "check", "rules", RULES).stdout


@pytest.mark.parametrize("path", TESTS, ids=lambda it: it.name)
def test_promtools_tests_pass(path):
    assert "SUCCESS" in run("promtool", "test", "rules", path).stdout


def test_each_alert_is_seen_to_fire_and_not_to_fire():
    fires, rests = set(), set()
    for path in TESTS:
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]:
            several = len(test["input_series"]) > 1
            for case in test["alert_rule_test"]:
                (fires if case["exp_alerts"] else rests).add(case["alertname"])
                if case["exp_alerts"] and several:  # one of the series is all right
                    rests.add(case["alertname"])
    assert fires == set(ALERTS)
    assert rests == set(ALERTS)


def test_each_alert_names_its_section_and_each_section_its_alert():
    sections = re.findall(r"^### (\S+)$", PAGE, re.MULTILINE)
    assert sorted(sections) == sorted(ALERTS)
    for name, rule in ALERTS.items():
        assert rule["annotations"]["runbook"] == f"docs/alerts.md#{name.lower()}"
        assert rule["labels"]["severity"] in {"critical", "warning", "info"}


@pytest.mark.parametrize("name", ALERTS)
def test_each_alert_asks_for_metrics_that_exist(name):
    asked = set(re.findall(r"cef_bridge_\w+", ALERTS[name]["expr"]))
    assert asked
    assert asked <= METRICS


def test_the_page_names_metrics_that_exist():
    assert set(re.findall(r"cef_bridge_\w+", PAGE)) <= METRICS
