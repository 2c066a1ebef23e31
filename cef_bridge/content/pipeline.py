"""The pipeline of pySigma for a SIEM behind a mapping: which field of a rule is which field there.

In comes a `FieldMap`, out comes a processing pipeline as pySigma reads it, as data and as YAML.
`content test` runs the same document that `content pipeline` prints. A field that is missing is an
error with its reason when a rule asks for it: a rule that converts and never fires is worse.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.fieldmap import CLASS_ID
from cef_bridge.content.vocabulary import INITIATED, LOG_SOURCES, PATHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.content.fieldmap import FieldMap, FieldPlace
    from cef_bridge.content.vocabulary import LogSource

Document = dict[str, object]
_Item = dict[str, object]

_INITIATED, _COMMAND_LINE = "Initiated", "CommandLine"
_EVERY = LOG_SOURCES[-1]


class AskedField(NamedTuple):
    """A field of a rule, its path in events, and where the SIEM has it."""

    name: str
    path: str
    place: FieldPlace


def asked(fields: FieldMap, source: LogSource, name: str) -> AskedField | None:
    """Return where a rule's field is; None for a field that KubeArmor does not have."""
    path = source.names.get(name) or (name if _has_path(source, name) else "")
    return AskedField(name, path, fields.place(path, source.kinds)) if path else None


def known(source: LogSource) -> list[str]:
    """Return the fields that a rule of a log source may have."""
    own = PATHS if source.product == "kubearmor" else ()
    return [*source.names, *own]


def document(fields: FieldMap, sources: Sequence[LogSource] = ()) -> Document:
    """Return the pipeline for all rules, with what a SIEM's query needs around it.

    With `sources` it is for rules of these alone, and a query is a condition and nothing else.
    """
    receiver = fields.receiver
    items = [_other_sources()]
    for source in sources or LOG_SOURCES:
        items += _of_source(fields, source)
    items += _stored(fields)
    title = receiver.siem.title
    made: Document = {
        "name": f"KubeArmor in {title}, by the mapping {receiver.mapping.name} of cef-bridge",
        "priority": 20,
        "transformations": items,
    }
    if not sources and receiver.siem.made_by_query:
        made["postprocessing"] = [_query_of_table(fields)]
    return made


def text(made: Document) -> str:
    """Return a pipeline as YAML; texts are in quotes, as JSON writes them."""
    lines = []
    for key, value in made.items():
        if isinstance(value, list):
            lines += ["", f"{key}:"]
            for item in value:
                lines += _item_lines(item)
        else:
            lines.append(f"{key}: {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"


def _item_lines(item: _Item) -> list[str]:
    lines = []
    for number, (key, value) in enumerate(item.items()):
        begin = "  - " if not number else "    "
        if isinstance(value, dict) and key == "mapping":
            lines.append(f"{begin}{key}:")
            lines += [f"      {name}: {_said(inner)}" for name, inner in value.items()]
        else:
            lines.append(f"{begin}{key}: {_said(value)}")
    return lines


def _said(value: object) -> str:
    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z_]*", value) and value != "true":
        return value
    return json.dumps(value, ensure_ascii=False)


def _has_path(source: LogSource, name: str) -> bool:
    return source.product == "kubearmor" and name in PATHS


def _condition(source: LogSource) -> Document:
    """Return the conditions for rules of a log source and of no other one."""
    if source is not _EVERY:
        only = {"type": "logsource", "product": source.product, "category": source.category}
        return {"rule_conditions": [only]}
    others = [it for it in LOG_SOURCES if it.product == source.product and it.category]
    conditions: Document = {"own": {"type": "logsource", "product": source.product}}
    for it in others:
        conditions[it.category] = {"type": "logsource", "category": it.category}
    expression = f"own and not ({' or '.join(it.category for it in others)})"
    return {"rule_conditions": conditions, "rule_cond_expr": expression}


def _other_sources() -> _Item:
    conditions: Document = {"own": {"type": "logsource", "product": "kubearmor"}}
    others = [it for it in LOG_SOURCES if it.product != "kubearmor"]
    for it in others:
        conditions[it.category] = {
            "type": "logsource",
            "product": it.product,
            "category": it.category,
        }
    names = " or ".join(["own", *(it.category for it in others)])
    return {
        "id": "other_log_source",
        "type": "rule_failure",
        "message": "KubeArmor reports no events of this log source.",
        "rule_conditions": conditions,
        "rule_cond_expr": f"not ({names})",
    }


def _of_source(fields: FieldMap, source: LogSource) -> list[_Item]:
    """Return what is done to a rule of a log source, in this order: refuse, change, rename."""
    when = _condition(source)
    label = f"{source.product}_{source.category or 'any'}"
    places: dict[str, FieldPlace] = {}
    for name in known(source):
        found = asked(fields, source, name)
        if found is not None:
            places[name] = found.place
    items = [
        {
            "id": f"{label}_missing_{number}",
            "type": "detection_item_failure",
            "message": f"{', '.join(names)}: {why}.",
            "field_name_conditions": [{"type": "include_fields", "fields": names}],
            **when,
        }
        for number, (why, names) in enumerate(_missing(places).items(), start=1)
    ]
    items.append(
        {
            "id": f"{label}_unknown",
            "type": "detection_item_failure",
            "message": "KubeArmor has no such field.",
            "field_name_conditions": [{"type": "exclude_fields", "fields": list(places)}],
            **when,
        }
    )
    if _INITIATED in places:
        items.append(
            {
                "id": f"{label}_initiated",
                "type": "map_string",
                "mapping": INITIATED,
                "field_name_conditions": [{"type": "include_fields", "fields": [_INITIATED]}],
                **when,
            }
        )
    if source.names.get(_COMMAND_LINE) == "Resource":
        items.append(_begins_with_path(label, when))
    items.append(
        {
            "id": f"{label}_fields",
            "type": "field_name_mapping",
            "mapping": {
                name: place.names[0] if len(place.names) == 1 else list(place.names)
                for name, place in places.items()
                if place.names
            },
            **when,
        }
    )
    conditions = _events(fields, source)
    if conditions:
        items.append(
            {"id": f"{label}_events", "type": "add_condition", "conditions": conditions, **when}
        )
    return items


def _begins_with_path(label: str, when: Document) -> _Item:
    """Return what lets `crontab -l` match /usr/bin/crontab -l.

    KubeArmor writes the program's path where a shell's user wrote its name (monitor/logUpdate.go).
    """
    return {
        "id": f"{label}_path",
        "type": "replace_string",
        "regex": r"^(?=[^*/\s])",
        "replacement": "*/",
        "field_name_conditions": [{"type": "include_fields", "fields": [_COMMAND_LINE]}],
        **when,
    }


def _stored(fields: FieldMap) -> list[_Item]:
    r"""Return what makes texts what the SIEM has of them, such as `\=` of `=`.

    A backslash first: those that are put before other characters stay as they are.
    """
    rows = sorted(fields.changed_texts().items(), reverse=True, key=_backslash)
    return [
        {
            "id": f"stored_{ord(char):02x}",
            "type": "replace_string",
            "regex": re.escape(char),
            "replacement": stored.replace("\\", "\\\\"),
            "skip_special": True,
        }
        for char, stored in rows
    ]


def _backslash(row: tuple[str, str]) -> bool:
    return row[0] == "\\"


def _missing(places: dict[str, FieldPlace]) -> dict[str, list[str]]:
    """Return the fields that are missing, by the reason."""
    found = defaultdict(list)
    for name, place in places.items():
        if not place.names:
            found[place.why].append(name)
    return found


def _events(fields: FieldMap, source: LogSource) -> Document:
    """Return what holds for all events of a log source: whose they are, and their class ids."""
    found: Document = {}
    if vendor := fields.vendor():
        found[vendor[0]] = vendor[1]
    if source.class_ids:
        names = fields.place(CLASS_ID, source.kinds).names
        for name in names[:1]:
            found[name] = list(source.class_ids)
    return found


def events_fields(fields: FieldMap, source: LogSource) -> Sequence[str]:
    """Return the SIEM's fields that are asked whatever a rule has."""
    return list(_events(fields, source))


def parse_kv(names: Iterable[str]) -> str:
    """Return what makes fields of keys that Sentinel has no column for."""
    columns = ", ".join(f"{name}:string" for name in names)
    return (
        f"| parse-kv AdditionalExtensions as ({columns})"
        " with (pair_delimiter=';', kv_delimiter='=')\n"
    )


def _query_of_table(fields: FieldMap) -> _Item:
    """Return the beginning of a query of Sentinel."""
    made: dict[str, None] = {}
    for source in LOG_SOURCES:
        for name in known(source):
            found = asked(fields, source, name)
            made |= dict.fromkeys(found.place.made if found else ())
    vendor = fields.vendor()
    own = f'| where {vendor[0]} == "{vendor[1]}"\n' if vendor else ""
    table = f"CommonSecurityLog\n{own}{parse_kv(sorted(made))}| where "
    return {"id": "table", "type": "embed", "prefix": table, "suffix": ""}
