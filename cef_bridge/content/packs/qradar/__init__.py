"""The pack for QRadar: custom properties, filters for rules, searches, the event map.

In comes a `PackContent`, out come files. Must not know folders.
"""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.content import pipeline
from cef_bridge.content.conditions import Condition, condition_tree, fields_of
from cef_bridge.content.packs.pack_content import EVENT_COUNT
from cef_bridge.content.packs.qradar import aql
from cef_bridge.content.packs.qradar.properties import EVENT_ID, as_csv, properties
from cef_bridge.content.packs.qradar.readme import readme

if TYPE_CHECKING:
    from cef_bridge.content.packs.pack_content import PackContent, PackRule, SingleRule

_SEVERITIES = {"critical": 9, "high": 7, "medium": 5, "low": 3, "informational": 1}
_SHOWN = (
    *("HostName", "NamespaceName", "PodName", "PolicyName", "Image", "ParentImage"),
    *("CommandLine", "file.path"),
)


def build(content: PackContent) -> dict[str, bytes]:
    """Return the files of the pack."""
    used: dict[str, list[str]] = {}
    files: dict[str, str] = {}
    for rule in content.rules:
        for single in rule.singles:
            condition = _condition(content, single)
            for field in (*fields_of(condition), *_groups(rule)):
                used.setdefault(field, []).append(rule.name)
            files[f"filters/{_file(rule, single)}.aql"] = aql.where(condition) + "\n"
        files |= _searches(content, rule)
    for search in content.searches:
        files[f"searches/delivery-{search.name}.aql"] = f"{search.query}\n"
        for name in (EVENT_ID, *content.made):
            if f'"{name}"' in search.query:
                used.setdefault(name, []).append(f"delivery-{search.name}")
    found = properties(content, {name: tuple(dict.fromkeys(it)) for name, it in used.items()})
    files |= {
        "README.md": readme(content, found),
        "properties.csv": as_csv(found),
        "install_properties.py": _installer(content),
        "rules.csv": _rules(content),
        "event-map.csv": content.class_id_form("qradar"),
        "pipeline.yml": content.pipeline_text,
    }
    return {path: text.encode() for path, text in files.items()}


def _installer(content: PackContent) -> str:
    """Return the program that makes the properties, for the log source type of the mapping."""
    text = Path(__file__).with_name("property_installer.py").read_text(encoding="utf-8")
    return text.replace("LOG_SOURCE_TYPE", f"Universal {content.mapping.format.upper()}")


def _condition(content: PackContent, single: SingleRule) -> Condition:
    document = pipeline.document(content.fields, [single.source])
    return condition_tree(single.document, document)


def _file(rule: PackRule, single: SingleRule) -> str:
    return rule.name if rule.correlation is None else f"{rule.name}-{single.name}"


def _groups(rule: PackRule) -> tuple[str, ...]:
    return rule.correlation.group_by if rule.correlation else ()


def _searches(content: PackContent, rule: PackRule) -> dict[str, str]:
    """Return the searches of a rule: of an order of events there is none in AQL."""
    if rule.correlation and rule.correlation.kind == EVENT_COUNT:
        condition = _condition(content, rule.singles[0])
        return {f"searches/{rule.name}.aql": aql.counted(condition, rule.correlation) + "\n"}
    made = {}
    for single in rule.singles:
        condition = _condition(content, single)
        shown = [EVENT_ID, *fields_of(condition), *_groups(rule)]
        for name in _SHOWN:
            shown += content.field(single.source, name)[:1]
        made[f"searches/{_file(rule, single)}.aql"] = aql.search(condition, shown) + "\n"
    return made


def _rules(content: PackContent) -> str:
    """Return what to enter in the rule wizard, a rule a line."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(("rule", "title", "severity", "test", "techniques", "description", "response"))
    for rule in content.rules:
        row = (rule.name, rule.title, _SEVERITIES[rule.level], _test(rule))
        techniques = " ".join(rule.techniques)
        writer.writerow((*row, techniques, _line(rule.description), _line(rule.response)))
    return made.getvalue()


def _test(rule: PackRule) -> str:
    names = [f"filters/{_file(rule, it)}.aql" for it in rule.singles]
    if rule.correlation is None:
        return f"when the event matches this AQL filter query: {names[0]}"
    same = ", ".join(rule.correlation.group_by)
    minutes = rule.correlation.seconds // 60
    if rule.correlation.kind == EVENT_COUNT:
        least = rule.correlation.at_least
        return f"{names[0]}, at least {least} events with the same {same} in {minutes} minutes"
    blocks = ", then ".join(names)
    return f"{blocks}, in this order, with the same {same}, over {minutes} minutes"


def _line(text: str) -> str:
    return " ".join(text.split())
