"""Writes cef-bridge/values.schema.json: `python deploy/chart/make_schema.py`.

What the chart alone has is below; the settings of sources and destinations are those of the
configuration's schema, so that a wrong one is refused before anything is installed. A test says
when the file is out of date.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cef_bridge.forward.config import schema

Schema = dict[str, Any]

PLACE = Path(__file__).parent / "cef-bridge" / "values.schema.json"
SECRETS = ("token", "password", "api_key", "key_password")

_NAME = r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$"
_SIZE = r"^[0-9]+(\.[0-9]+)?(Ki|Mi|Gi|Ti|K|M|G|T)?$"
_DURATION = r"^[0-9]+[smh]$"
_ADDRESS = r"^(\[[0-9A-Fa-f:.]+\]|[^:/?]+):[0-9]{1,5}$"


def record(properties: Schema, **more: object) -> Schema:
    """Return the schema of values with these names and no others."""
    return {
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def text(pattern: str = "", *, empty: bool = False) -> Schema:
    """Return the schema of a text; `empty` where it may be left out so."""
    found: Schema = {"type": "string"}
    if pattern:
        found["pattern"] = f"^$|{pattern}" if empty else pattern
    return found


def any_of(kind: str) -> Schema:
    """Return the schema of what Kubernetes judges."""
    return {"type": kind}


def number(least: int, most: int | None = None) -> Schema:
    """Return the schema of a whole number."""
    return {"type": "integer", "minimum": least, **({} if most is None else {"maximum": most})}


def texts(pattern: str) -> Schema:
    """Return the schema of a list of texts."""
    return {"type": "array", "items": text(pattern), "uniqueItems": True}


def _item(name: str) -> Schema:
    """Return the schema of a source or a destination of a configuration, written as settings."""
    item: Schema = schema()["properties"][name]["anyOf"][1]["anyOf"][1]
    properties: Schema = item["properties"]
    for each in SECRETS:
        if each in properties:
            properties[each] = {
                "type": "string",
                "pattern": r"^file:/.|^\$\{[A-Za-z_][A-Za-z0-9_]*\}$",
                "description": "A file of a Secret (file:/run/secrets/NAME/KEY) or a variable of "
                "`env` (${NAME}): what is written here is in a ConfigMap that many may read.",
            }
    return item


def source(*besides: str) -> Schema:
    """Return the schema of `settings`: those of a source, without what the chart says."""
    item = _item("sources")
    taken = {"from", *besides}
    kept = {name: it for name, it in item["properties"].items() if name not in taken}
    return record(kept)


def destination() -> Schema:
    """Return the schema of a destination: its name is needed, for it names the queue."""
    item = _item("destinations")
    item["properties"]["name"] = text(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
    return {**item, "required": ["name", "to"]}


def values() -> Schema:
    """Return the schema of the chart's values."""
    kafka = {
        "brokers": texts(r"^[^/@?]+$"),
        "topics": texts(r"^[A-Za-z0-9._-]{1,249}$"),
        "group": text("."),
        "settings": source("group"),
        "replicas": number(1),
        "autoscaling": record(
            {
                "enabled": any_of("boolean"),
                "minReplicas": number(1),
                "maxReplicas": number(1),
                "targetLag": number(1),
                "metric": text("."),
            }
        ),
    }
    node = {
        "port": number(1, 65535),
        "settings": source(),
        "ipv6": any_of("boolean"),
        "hostNetwork": any_of("boolean"),
        "updateStrategy": any_of("object"),
    }
    relay = {"address": text(r"^[^/@?]+$"), "settings": source(), "replicas": number(0)}
    image = {
        "repository": text(r"^[a-z0-9]+([._:/-]+[a-z0-9]+)*$", empty=True),
        "tag": text(r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$", empty=True),
        "digest": text(r"^sha256:[0-9a-f]{64}$", empty=True),
        "pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
        "pullSecrets": any_of("array"),
    }
    persistence = {
        "enabled": any_of("boolean"),
        "size": text(_SIZE),
        "storageClassName": text(),
        "accessModes": {"type": "array", "items": {"enum": ["ReadWriteOnce", "ReadWriteOncePod"]}},
        "existingClaim": text(_NAME, empty=True),
        "hostPath": text("^/."),
        "prepareHostPath": any_of("boolean"),
    }
    monitor = {"enabled": any_of("boolean"), "labels": any_of("object")}
    properties = {
        "mode": {"enum": ["relay", "node", "kafka"]},
        "image": record(image),
        "relay": record(relay),
        "node": record(node),
        "kafka": record(kafka),
        "destinations": {"type": "array", "items": destination()},
        "mappings": {
            "type": "object",
            "properties": {"forward.yaml": False},  # the configuration has that name
            "patternProperties": {r"^[-._A-Za-z0-9]+$": {"type": "string", "minLength": 1}},
            "additionalProperties": False,
        },
        "mappingsConfigMap": text(_NAME, empty=True),
        "secrets": texts(_NAME),
        "env": {
            "type": "array",
            "items": {"type": "object", "required": ["name"]},
        },
        "heartbeat": text(_DURATION, empty=True),
        "grace": text(_DURATION),
        "metrics": record({"address": text(_ADDRESS)}),
        "persistence": record(persistence),
        "resources": any_of("object"),
        "priorityClassName": text(_NAME, empty=True),
        "nodeSelector": any_of("object"),
        "tolerations": any_of("array"),
        "affinity": any_of("object"),
        "topologySpreadConstraints": any_of("array"),
        "podAnnotations": any_of("object"),
        "podLabels": any_of("object"),
        "user": number(1),
        "serviceAccount": record(
            {
                "create": any_of("boolean"),
                "name": text(_NAME, empty=True),
                "annotations": any_of("object"),
            }
        ),
        "podDisruptionBudget": record(
            {"enabled": any_of("boolean"), "maxUnavailable": {"type": ["integer", "string"]}}
        ),
        "networkPolicy": record(
            {
                "enabled": any_of("boolean"),
                "metricsFrom": any_of("array"),
                "egress": any_of("array"),
            }
        ),
        "podMonitor": record({**monitor, "interval": text(_DURATION)}),
        "prometheusRule": record(monitor),
        "grafanaDashboard": record(monitor),
        "global": any_of("object"),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Values of the chart cef-bridge",
        "$defs": schema()["$defs"],
        **record(properties),
    }


def written() -> str:
    """Return the file's text."""
    return json.dumps(values(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(written(), encoding="utf-8")
