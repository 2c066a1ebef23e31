"""Graylog's content pack: a stream, pipeline rules, a pipeline, event definitions.

In come a SIEM's rules, out comes a document in the form of graylog2-server's entities (version 1).
Ids are made of names, so that the same pack has the same ones. Must not know files.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import pipeline
from cef_bridge.content.conditions import condition_tree
from cef_bridge.content.packs.graylog import rule_language
from cef_bridge.content.packs.pack_content import EVENT_COUNT

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackRule, SingleRule

Document = dict[str, object]

SERVER = ">=6.1.0"  # the first one whose entities have all that is here
MARK = "kubearmor_rule_"
"""How the fields begin that say that a rule fired."""

_NAMESPACE = uuid.UUID("2f0a6d0e-7f0f-5d6c-9a44-51a2a0c7a9d1")
_PRIORITIES = {"critical": 3, "high": 3, "medium": 2, "low": 1, "informational": 1}
_EVENTS_STREAM = "000000000000000000000002"  # "All events" in every installation
_MINUTE = 60_000


class PipelineRule(NamedTuple):
    """A rule of the pipeline: its name there, the field that it sets, and its text."""

    name: str
    field: str
    text: str


def pipeline_rules(content: PackContent) -> list[PipelineRule]:
    """Return the rules of the pipeline, one for each detection."""
    return [
        _pipeline_rule(content, rule, single) for rule in content.rules for single in rule.singles
    ]


def field_of(rule: PackRule, single: SingleRule) -> str:
    """Return the field that says that a rule fired."""
    name = rule.name if rule.correlation is None else f"{rule.name}_{single.name}"
    return MARK + name.replace("-", "_")


def _pipeline_rule(content: PackContent, rule: PackRule, single: SingleRule) -> PipelineRule:
    field = field_of(rule, single)
    name = f"KubeArmor: {field.removeprefix(MARK)}"
    conditions = pipeline.document(content.fields, [single.source])
    condition = condition_tree(single.document, conditions)
    return PipelineRule(name, field, rule_language.rule(name, condition, field, rule.level))


def document(content: PackContent) -> Document:
    """Return the content pack."""
    rules = pipeline_rules(content)
    stream = _id("stream")
    source = rule_language.pipeline("KubeArmor", [it.name for it in rules])
    marks: Document = {
        "title": _text("KubeArmor"),
        "description": _text("Marks messages for which a detection fires"),
        "source": _text(source),
        "connected_streams": [_text(stream)],
    }
    return {
        "v": "1",
        "id": _id("pack"),
        "rev": 1,
        "name": "KubeArmor",
        "summary": "Detections on KubeArmor's events",
        "description": (
            "A stream, a pipeline that marks messages for which a detection fires, and an event "
            "definition for each detection. Made by cef-bridge."
        ),
        "vendor": "cef-bridge",
        "url": "",
        "parameters": [],
        "entities": [
            _entity("stream", stream, _stream(content)),
            *(_entity("pipeline_rule", _id(it.name), _rule(it)) for it in rules),
            _entity("pipeline", _id("pipeline"), marks),
            *(
                _entity("event_definition", _id(f"event {it.name}"), _event(it, stream))
                for it in content.rules
            ),
        ],
    }


def _id(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))


def _entity(kind: str, name: str, data: Document) -> Document:
    return {
        "v": "1",
        "type": {"name": kind, "version": "1"},
        "id": name,
        "data": data,
        "constraints": [{"type": "server-version", "version": SERVER}],
    }


def _text(text: str) -> Document:
    return {"@type": "string", "@value": text}


def _boolean(*, holds: bool) -> Document:
    return {"@type": "boolean", "@value": holds}


def _rule(it: PipelineRule) -> Document:
    return {
        "title": _text(it.name),
        "description": _text(f"Sets {it.field}"),
        "source": _text(it.text),
    }


def _stream(content: PackContent) -> Document:
    vendor = content.fields.vendor() or ("device_vendor", "KubeArmor")
    rule: Document = {
        "type": _text("EXACT"),
        "field": _text(vendor[0]),
        "value": _text(vendor[1]),
        "inverted": _boolean(holds=False),
        "description": _text(""),
    }
    return {
        "title": _text("KubeArmor"),
        "description": _text("Messages of KubeArmor"),
        "disabled": _boolean(holds=False),
        "matching_type": _text("AND"),
        "stream_rules": [rule],
        "alert_conditions": [],
        "alarm_callbacks": [],
        "outputs": [],
        "default_stream": _boolean(holds=False),
        "remove_matches": _boolean(holds=False),
    }


def _event(rule: PackRule, stream: str) -> Document:
    """Return the event definition of a rule: it looks for the fields that the pipeline sets."""
    fields = [field_of(rule, it) for it in rule.singles]
    window = rule.correlation.seconds * 1000 if rule.correlation else _MINUTE
    config: Document = {
        "type": "aggregation-v1",
        "query": _text(" OR ".join(f"_exists_:{it}" for it in fields)),
        "query_parameters": [],
        "filters": [],
        "streams": [stream],
        "group_by": list(rule.correlation.group_by) if rule.correlation else [],
        "search_within_ms": window,
        "execute_every_ms": _MINUTE,
        "use_cron_scheduling": False,
        "event_limit": 100,
    }
    return {
        "title": _text(f"KubeArmor: {rule.title}"),
        "description": _text(rule.description),
        "remediation_steps": _text(rule.response),
        "priority": {"@type": "integer", "@value": _PRIORITIES[rule.level]},
        "alert": _boolean(holds=rule.level in ("critical", "high")),
        "config": config | _conditions(rule, fields),
        "field_spec": {},
        "key_spec": [],
        "notification_settings": {
            "grace_period_ms": window if rule.correlation else 0,
            "backlog_size": 5,
        },
        "notifications": [],
        "storage": [{"type": "persist-to-streams-v1", "streams": [_EVENTS_STREAM]}],
        "is_scheduled": _boolean(holds=True),
    }


def _conditions(rule: PackRule, fields: list[str]) -> Document:
    """Return series and conditions: so many events of a group, or each kind at least once."""
    if rule.correlation is None:
        return {"series": [], "conditions": {"expression": None}}
    least = rule.correlation.at_least if rule.correlation.kind == EVENT_COUNT else 1
    series = [{"id": f"count-{it}", "type": "count", "field": it} for it in fields]
    expressions: list[Document] = [
        {
            "expr": ">=",
            "left": {"expr": "number-ref", "ref": f"count-{it}"},
            "right": {"expr": "number", "value": float(least)},
        }
        for it in fields
    ]
    expression = expressions[0]
    for it in expressions[1:]:
        expression = {"expr": "&&", "left": expression, "right": it}
    return {"series": series, "conditions": {"expression": expression}}
