"""The workbook: KubeArmor's events at a glance.

In comes a mapping's fields, out comes JSON in the form of Azure Monitor's workbooks
(Notebook/1.0): a parameter for the time range, and queries. Must not know rules.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.packs.sentinel.kql import own_events, value_of
from cef_bridge.content.vocabulary import log_source

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent


class WorkbookPart(NamedTuple):
    """A query of the workbook, and how it is shown; `width`: percent."""

    name: str
    title: str
    visualization: str
    query: str
    width: int = 50


def parts(content: PackContent) -> list[WorkbookPart]:
    """Return the queries of the workbook."""
    every = log_source("kubearmor", "")
    files = log_source("kubearmor", "file")
    if every is None or files is None:
        raise ValueError("kubearmor")
    events = own_events(content)
    columns = {
        name: value_of(content, every, path)
        for name, path in {
            "ClassId": "event.class_id",
            "Policy": "PolicyName",
            "Namespace": "NamespaceName",
            "Pod": "PodName",
            "Action": "Action",
            "Node": "HostName",
        }.items()
    }
    made = ", ".join(f"{name} = {text}" for name, text in columns.items())
    known = f"{events}| extend {made}, File = {value_of(content, files, 'file.path')}\n"
    alerts = f'{known}| where ClassId startswith "alert."\n'
    disposition = '| extend Disposition = tostring(split(ClassId, ".")[-1])\n'
    return [
        WorkbookPart(
            "alerts-over-time",
            "Alerts by disposition",
            "timechart",
            f"{alerts}{disposition}"
            "| summarize Alerts = count() by bin(TimeGenerated, 5m), Disposition",
            100,
        ),
        WorkbookPart(
            "policies",
            "Policies with most alerts",
            "table",
            f"{alerts}{disposition}"
            "| summarize Alerts = count(), Pods = dcount(Pod), Last = max(TimeGenerated)"
            " by Policy, Disposition\n| top 20 by Alerts",
        ),
        WorkbookPart(
            "workloads",
            "Pods with most alerts",
            "table",
            f"{alerts}| summarize Alerts = count(), Policies = make_set(Policy, 10)"
            " by Namespace, Pod\n| top 20 by Alerts",
        ),
        WorkbookPart(
            "not-enforced",
            "Block, and not enforced",
            "table",
            f'{alerts}| where ClassId endswith ".unblocked"\n'
            "| project TimeGenerated, Activity, Policy, Namespace, Pod, File\n"
            "| top 50 by TimeGenerated",
        ),
        WorkbookPart(
            "files",
            "Files with most denials",
            "table",
            f'{alerts}| where ClassId endswith ".block" and isnotempty(File)\n'
            "| summarize Denials = count() by File\n| top 20 by Denials",
        ),
        WorkbookPart(
            "nodes",
            "Nodes, and when they were heard last",
            "table",
            f"{known}| summarize Events = count(), Last = max(TimeGenerated) by Node\n"
            "| order by Last asc",
        ),
        WorkbookPart(
            "operation",
            "Events of cef-bridge itself: heartbeats, gaps, withheld alerts",
            "table",
            f'{known}| where ClassId contains ".system."\n'
            "| summarize Events = count(), Last = max(TimeGenerated) by ClassId, Activity",
        ),
    ]


def document(content: PackContent) -> dict[str, object]:
    """Return the workbook."""
    return {
        "version": "Notebook/1.0",
        "items": [_text(), _time_range(), *(_item(it) for it in parts(content))],
        "fallbackResourceIds": [],
        "fromTemplateId": "sentinel-KubeArmor",
        "$schema": (
            "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/"
            "workbook.json"
        ),
    }


def _text() -> dict[str, object]:
    return {"type": 1, "content": {"json": "## KubeArmor"}, "name": "title"}


def _time_range() -> dict[str, object]:
    hour = 3_600_000
    chosen = [{"durationMs": hours * hour} for hours in (1, 4, 24, 72, 168, 720)]
    return {
        "type": 9,
        "content": {
            "version": "KqlParameterItem/1.0",
            "parameters": [
                {
                    "id": "7c1a9d7e-2f3c-5b86-9a55-0f6f1f6f7e11",
                    "version": "KqlParameterItem/1.0",
                    "name": "TimeRange",
                    "label": "Time range",
                    "type": 4,
                    "isRequired": True,
                    "value": {"durationMs": 24 * hour},
                    "typeSettings": {"selectableValues": chosen},
                }
            ],
            "style": "pills",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
        },
        "name": "parameters",
    }


def _item(part: WorkbookPart) -> dict[str, object]:
    return {
        "type": 3,
        "content": {
            "version": "KqlItem/1.0",
            "query": part.query,
            "size": 0,
            "title": part.title,
            "noDataMessage": "No events in this time range.",
            "timeContextFromParameter": "TimeRange",
            "queryType": 0,
            "resourceType": "microsoft.operationalinsights/workspaces",
            "visualization": part.visualization,
        },
        "customWidth": f"{part.width}",
        "name": part.name,
    }
