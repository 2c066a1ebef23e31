"""The templates of indexes: types of the fields that rules ask for and that the pipeline makes.

In comes a `PackContent`, out come templates. Must not know the pipeline's steps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.elastic.ingest import FIELDS, MADE, NAME, used_fields

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent

STREAMS = ("logs-cef.log-*", "logs-kubearmor.cef-*")
"""Where the events are: the integration's data stream, and the one of the index template."""

COMPONENT, INDEX = "logs-cef.log@custom", "logs-kubearmor.cef"
"""The names of the component template and of the index template in Elasticsearch."""

# Long arguments stay searchable; a keyword of Lucene has 32,766 bytes at most.
_KEYWORD: dict[str, object] = {"type": "keyword", "ignore_above": 8191}

_TYPES = {
    "@timestamp": "date",
    "message": "match_only_text",
    "event.severity": "long",
    "source.ip": "ip",
    "source.port": "long",
    "source.process.pid": "long",
    "destination.ip": "ip",
    "destination.port": "long",
    "destination.process.pid": "long",
}


def component(content: PackContent) -> dict[str, object]:
    """Return the component template that the CEF integration's index template takes in."""
    properties: dict[str, object] = {}
    for name in sorted(used_fields(content)):
        if name.startswith("cef.extensions."):
            _put(properties, name, _KEYWORD)
    for it in (*FIELDS, *MADE):
        _put(properties, it.name, _KEYWORD if it.type == "keyword" else {"type": it.type})
    return {
        "template": {
            "mappings": {
                "dynamic_templates": [
                    {
                        "cef_extensions": {
                            "path_match": "cef.extensions.*",
                            "match_mapping_type": "string",
                            "mapping": _KEYWORD,
                        }
                    }
                ],
                "properties": properties,
            }
        },
        "_meta": {"description": "KubeArmor's fields, by cef-bridge"},
    }


def index_template() -> dict[str, object]:
    """Return the template of a data stream that Filebeat writes to, without the integration."""
    words = (
        *("observer.vendor", "observer.product", "observer.hostname", "event.code"),
        *("event.action", "event.outcome", "event.id", "file.path", "file.name", "cef.name"),
        *("source.process.name", "destination.process.name", "source.user.id"),
        *("source.user.name", "destination.user.id", "source.service.name"),
        *("network.transport", "network.direction", "network.application"),
    )
    properties: dict[str, object] = {}
    for name in words:
        _put(properties, name, _KEYWORD)
    for name, kind in _TYPES.items():
        _put(properties, name, {"type": kind})
    return {
        "index_patterns": [STREAMS[1]],
        "priority": 250,
        "data_stream": {},
        "composed_of": [COMPONENT],
        "template": {
            "settings": {"index.default_pipeline": NAME},
            "mappings": {"properties": properties},
        },
        "_meta": {"description": "KubeArmor's events in CEF, by cef-bridge"},
    }


def _put(properties: dict[str, object], name: str, kind: dict[str, object]) -> None:
    """Put a field below the objects that its name has."""
    first, _, rest = name.partition(".")
    if not rest:
        properties.setdefault(first, dict(kind))
        return
    inner = properties.setdefault(first, {"properties": {}})
    if isinstance(inner, dict) and isinstance(inner.get("properties"), dict):
        _put(inner["properties"], rest, kind)
