"""Analytic rules of Sentinel: YAML in the form of the repository Azure-Sentinel, and ARM.

In come rules, out come documents. What a template must have, and its limits, are those of the
repository's own checks (.script/tests/detectionTemplateSchemaValidation). Must not know KQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge.content.packs.sentinel.kql import FREQUENCY, PERIOD, columns_of, rule_query

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackRule
    from cef_bridge.content.vocabulary import LogSource

Template = dict[str, object]

_SEVERITIES = {
    "critical": "High",
    "high": "High",
    "medium": "Medium",
    "low": "Low",
    "informational": "Informational",
}
_MOST_ENTITIES, _MOST_DETAIL_KEY = 5, 20


class _EntityField(NamedTuple):
    """An identifier of an entity, the field that has it, and the column that is made of it."""

    identifier: str
    field: str
    last_of_path: bool = False


# An entity's type, and what identifies it; the first one is needed.
_ENTITIES: tuple[tuple[str, tuple[_EntityField, ...]], ...] = (
    ("Host", (_EntityField("HostName", "HostName"),)),
    (
        "Process",
        (_EntityField("CommandLine", "CommandLine"), _EntityField("ProcessId", "ProcessId")),
    ),
    ("File", (_EntityField("Name", "file.path", last_of_path=True),)),
    ("IP", (_EntityField("Address", "destination.ip"),)),
    ("DNS", (_EntityField("DomainName", "dns.name"),)),
    ("Account", (_EntityField("Name", "UserName"),)),
)
_DETAILS = {
    "ClassId": "event.class_id",
    "Policy": "PolicyName",
    "Namespace": "NamespaceName",
    "Pod": "PodName",
    "Container": "ContainerName",
    "Image": "ContainerImage",
    "Action": "Action",
    "Process": "Image",
    "Parent": "ParentImage",
}
"""What an alert shows beside its entities: name -> field."""


def template(content: PackContent, rule: PackRule) -> Template:
    """Return a rule as a template of the repository Azure-Sentinel."""
    query = rule_query(content, rule)
    entities, extended = _entities(content, rule.singles[-1].source)
    details = _details(content, rule.singles[-1].source)
    made: Template = {
        "id": rule.id,
        "name": f"KubeArmor - {rule.title}",
        "description": _description(rule),
        "severity": _SEVERITIES[rule.level],
        "status": "Available",
        "requiredDataConnectors": [{"connectorId": "CefAma", "dataTypes": ["CommonSecurityLog"]}],
        "queryFrequency": f"{FREQUENCY}m",
        "queryPeriod": f"{PERIOD}m",
        "triggerOperator": "gt",
        "triggerThreshold": 0,
        "tactics": tactics(rule),
        "relevantTechniques": list(rule.techniques),
        "query": query + extended + "\n",
    }
    if entities:
        made["entityMappings"] = entities
    if details:
        made["customDetails"] = details
    grouping = "AlertPerResult" if rule.level in ("critical", "high") else "SingleAlert"
    made |= {
        "eventGroupingSettings": {"aggregationKind": grouping},
        "version": "1.0.0",
        "kind": "Scheduled",
    }
    return made


def tactics(rule: PackRule) -> list[str]:
    """Return a rule's tactics by the names that Sentinel has for them: DefenseEvasion."""
    return ["".join(word.capitalize() for word in it.split("-")) for it in rule.tactics]


def deployment(templates: list[Template]) -> Template:
    """Return templates as an ARM template, which Sentinel's portal imports."""
    return {
        "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
        "contentVersion": "1.0.0.0",
        "parameters": {"workspace": {"type": "String"}},
        "resources": [_resource(it) for it in templates],
    }


def _resource(made: Template) -> Template:
    techniques = cast("list[str]", made["relevantTechniques"])
    # This version of the API takes no techniques below techniques.
    parents = list(dict.fromkeys(it.partition(".")[0] for it in techniques))
    place = "Microsoft.SecurityInsights"
    kept: Template = {
        key: made[key]
        for key in ("query", "tactics", "entityMappings", "customDetails", "eventGroupingSettings")
        if key in made
    }
    properties: Template = {
        "displayName": made["name"],
        "description": made["description"],
        "severity": made["severity"],
        "enabled": True,
        "queryFrequency": f"PT{FREQUENCY}M",
        "queryPeriod": f"PT{PERIOD}M",
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionDuration": "PT5H",
        "suppressionEnabled": False,
        "techniques": parents,
    }
    return {
        "id": (
            "[concat(resourceId('Microsoft.OperationalInsights/workspaces/providers', "
            f"parameters('workspace'), '{place}'), '/alertRules/{made['id']}')]"
        ),
        "name": f"[concat(parameters('workspace'), '/{place}/{made['id']}')]",
        "type": "Microsoft.OperationalInsights/workspaces/providers/alertRules",
        "kind": "Scheduled",
        "apiVersion": "2022-11-01-preview",
        "properties": properties | kept,
    }


def _description(rule: PackRule) -> str:
    parts = [rule.description, f"What to do: {rule.response}"]
    if rule.false_positives:
        parts.append(f"False positives: {'; '.join(rule.false_positives)}.")
    return "\n".join(" ".join(it.split()) for it in parts) + "\n"


def _entities(content: PackContent, source: LogSource) -> tuple[list[object], str]:
    """Return entity mappings, and the lines that make the columns that they need."""
    found: list[object] = []
    lines = ""
    for kind, identifiers in _ENTITIES:
        mapped = []
        for it in identifiers:
            name = _column(content, source, it.field)
            if not name:
                continue
            if it.last_of_path:
                lines += f'\n| extend TargetFile = tostring(split({name}, "/")[-1])'
                name = "TargetFile"
            mapped.append({"identifier": it.identifier, "columnName": name})
        if mapped and len(found) < _MOST_ENTITIES:
            found.append({"entityType": kind, "fieldMappings": mapped})
    return found, lines


def _details(content: PackContent, source: LogSource) -> dict[str, str]:
    places = {name: _column(content, source, path) for name, path in _DETAILS.items()}
    return {name: column for name, column in places.items() if column}


def _column(content: PackContent, source: LogSource, name: str) -> str:
    """Return the column that has a field; "" where none or several have it."""
    place = columns_of(content, source, name)
    return place.names[0] if len(place.names) == 1 and not place.made else ""
