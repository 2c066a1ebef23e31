"""The pack for ArcSight: categoriser, conditions of rules, fields for additional data.

In comes a `PackContent`, out come files. Must not know folders.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from cef_bridge.content import pipeline
from cef_bridge.content.conditions import condition_tree
from cef_bridge.content.packs.arcsight import logger
from cef_bridge.content.packs.arcsight.additional_data import (
    additional_keys,
    as_csv,
    mapping_text,
)
from cef_bridge.content.packs.arcsight.readme import readme
from cef_bridge.content.packs.pack_content import EVENT_COUNT

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackRule, SingleRule

_PRIORITIES = {"critical": 9, "high": 7, "medium": 5, "low": 3, "informational": 1}


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the pack."""
    keys = additional_keys(content)
    names = {it.key: it.field for it in keys}
    files = {
        "README.md": readme(content, keys),
        "categorizer/kubearmor/kubearmor.csv": content.class_id_form("arcsight"),
        "rules.csv": _rules(content),
        "pipeline.yml": content.pipeline_text,
    }
    if keys:
        files["additional-data.csv"] = as_csv(keys)
        files[f"{content.mapping.name}-rules.yaml"] = mapping_text(content, keys)
    for rule in content.rules:
        for single in rule.singles:
            document = pipeline.document(content.fields, [single.source])
            condition = condition_tree(single.document, document)
            files[_file(rule, single)] = logger.query(condition, names) + "\n"
    return {path: text.encode() for path, text in files.items()}


def _file(rule: PackRule, single: SingleRule) -> str:
    name = rule.name if rule.correlation is None else f"{rule.name}-{single.name}"
    return f"filters/{name}.txt"


def _rules(content: PackContent) -> str:
    """Return what to enter for a rule of ESM, a rule a line."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(
        ("rule", "title", "priority", "conditions", "techniques", "description", "response")
    )
    for rule in content.rules:
        row = (rule.name, rule.title, _PRIORITIES[rule.level], _conditions(rule))
        texts = (rule.description, rule.response)
        writer.writerow((*row, " ".join(rule.techniques), *(" ".join(it.split()) for it in texts)))
    return made.getvalue()


def _conditions(rule: PackRule) -> str:
    names = [_file(rule, it) for it in rule.singles]
    if rule.correlation is None:
        return names[0]
    same = ", ".join(rule.correlation.group_by)
    minutes = rule.correlation.seconds // 60
    if rule.correlation.kind == EVENT_COUNT:
        least = rule.correlation.at_least
        return f"{names[0]}, {least} matches in {minutes} minutes, if {same} are the same"
    joined = ", then ".join(names)
    return f"join: {joined}, within {minutes} minutes, if {same} are the same"
