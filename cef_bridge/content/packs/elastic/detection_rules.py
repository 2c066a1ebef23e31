"""Detection rules of Elastic Security, in the form that Kibana imports: a rule a line.

In comes a `PackContent`, out come rules as data. A rule is a query of Lucene, one with a threshold,
or a sequence of EQL. Must not know dashboards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.packs.attack import TACTICS, TECHNIQUES, by_tactic
from cef_bridge.content.packs.elastic.templates import STREAMS
from cef_bridge.content.packs.pack_content import EVENT_COUNT

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackCorrelation, PackRule

_SEVERITIES = {
    "informational": ("low", 21),
    "low": ("low", 21),
    "medium": ("medium", 47),
    "high": ("high", 73),
    "critical": ("critical", 99),
}
"""Level of Sigma -> severity and risk score, as Elastic's own rules have them."""
_EVERY, _BACK = 5, 10
"""Minutes: from one run to the next, and those that a run looks back."""
# Late events are found when they arrive.
_LATE = {"timestamp_override": "event.ingested"}

KibanaRule = dict[str, object]


def detection_rules(content: PackContent) -> list[KibanaRule]:
    """Return the rules, all of them off."""
    return [_common(content, rule) | _search(content, rule) for rule in content.rules]


def _common(content: PackContent, rule: PackRule) -> KibanaRule:
    severity, score = _SEVERITIES.get(rule.level, _SEVERITIES["medium"])
    return {
        "rule_id": rule.id,
        "name": f"KubeArmor: {rule.title}",
        "description": " ".join(rule.description.split()),
        "severity": severity,
        "risk_score": score,
        "enabled": False,
        "version": 1,
        "author": ["cef-bridge"],
        "license": "Apache-2.0",
        "tags": ["KubeArmor", "Kubernetes", *(TACTICS[it].name for it in rule.tactics)],
        "false_positives": list(rule.false_positives),
        "note": f"## What to do\n\n{' '.join(rule.response.split())}",
        "references": ["https://docs.kubearmor.io"],
        "threat": _threat(rule),
        "index": list(STREAMS),
        "from": f"now-{_BACK}m",
        "to": "now",
        "interval": f"{_EVERY}m",
        "max_signals": 100,
        "setup": f"The events need the mapping {content.mapping.name} of cef-bridge.",
        "actions": [],
        "exceptions_list": [],
    }


def _threat(rule: PackRule) -> list[dict[str, object]]:
    return [
        {
            "framework": "MITRE ATT&CK",
            "tactic": TACTICS[name]._asdict() | {"reference": TACTICS[name].reference},
            "technique": _techniques(ids),
        }
        for name, ids in by_tactic(rule.tactics, rule.techniques).items()
    ]


def _techniques(ids: list[str]) -> list[dict[str, object]]:
    """Return techniques with the parts of them that a rule names."""
    found: dict[str, dict[str, object]] = {}
    for one in ids:
        parent = TECHNIQUES[one].parent
        row = found.setdefault(parent, _named(parent) | {"subtechnique": []})
        parts = row["subtechnique"]
        if one != parent and isinstance(parts, list):
            parts.append(_named(one))
    return list(found.values())


def _named(technique: str) -> dict[str, object]:
    it = TECHNIQUES[technique]
    return {"id": it.id, "name": it.name, "reference": it.reference}


def _search(content: PackContent, rule: PackRule) -> KibanaRule:
    if rule.correlation is None:
        query = content.query(rule, "lucene")
        return {"type": "query", "language": "lucene", "query": query, "filters": [], **_LATE}
    if rule.correlation.kind == EVENT_COUNT:
        return _threshold(content, rule, rule.correlation)
    return _sequence(content, rule, rule.correlation)


def _threshold(content: PackContent, rule: PackRule, asked: PackCorrelation) -> KibanaRule:
    """Return a rule that counts over the time that it looks back, which is the time span."""
    return {
        "type": "threshold",
        "language": "lucene",
        "query": content.condition(rule.singles[0], "lucene"),
        "filters": [],
        "threshold": {
            "field": list(asked.group_by),
            "value": asked.at_least,
            "cardinality": [],
        },
        "from": f"now-{asked.seconds}s",
        "interval": "1m",
        **_LATE,
    }


def _sequence(content: PackContent, rule: PackRule, asked: PackCorrelation) -> KibanaRule:
    events = "\n".join(f"  [{content.condition(it, 'eql')}]" for it in rule.singles)
    return {
        "type": "eql",
        "language": "eql",
        "query": (
            f"sequence by {', '.join(asked.group_by)} with maxspan={asked.seconds}s\n{events}"
        ),
        "filters": [],
        # Both events have to be in what a run looks back.
        "from": f"now-{asked.seconds + _BACK * 60}s",
    }
