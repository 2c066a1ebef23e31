"""KQL over CommonSecurityLog: columns for fields, and queries for rules.

In come rules and fields, out come queries. What has no column is taken out of AdditionalExtensions
by a regular expression, as the tests of rules do: the first pair of a key counts. Must not know the
files of the pack.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.content import pipeline
from cef_bridge.content.acts import probes
from cef_bridge.content.fieldmap import FieldPlace
from cef_bridge.content.packs.pack_content import EVENT_COUNT, TEMPORAL_ORDERED
from cef_bridge.content.sigma import RuleConversionError
from cef_bridge.siems.sentinel.simulator import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.content.packs.pack_content import PackContent, PackRule
    from cef_bridge.content.vocabulary import LogSource

TABLE = "CommonSecurityLog"
FREQUENCY, PERIOD = 5, 30
"""Minutes: how often a rule runs, and how far back its events may be: they may arrive late."""


def string(text: str) -> str:
    """Return a text as a literal of KQL."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def pair_of(key: str) -> str:
    """Return an expression for the value of a key that has no column."""
    pattern = f"(?:^|;){re.escape(key)}=([^;]*)"
    return f"extract({string(pattern)}, 1, AdditionalExtensions)"


def extend_pairs(keys: Iterable[str]) -> str:
    """Return the line that makes columns of keys; nothing without keys."""
    made = [f"{key} = {pair_of(key)}" for key in dict.fromkeys(keys)]
    return f"| extend {', '.join(made)}\n" if made else ""


def own_events(content: PackContent) -> str:
    """Return the beginning of a query: the table, and whose events."""
    vendor = content.fields.vendor()
    if vendor is None:
        raise RuleConversionError("The mapping writes no vendor.")
    return f"{TABLE}\n| where {vendor[0]} == {string(vendor[1])}\n"


def columns_of(content: PackContent, source: LogSource, name: str) -> FieldPlace:
    """Return the columns of a field of some events; `made` are keys that have none."""
    if name == "event.id":
        return content.fields.place(name, source.kinds)
    found = pipeline.asked(content.fields, source, name)
    return found.place if found else FieldPlace(())


def value_of(content: PackContent, source: LogSource, name: str) -> str:
    """Return an expression for a field of some events, as text; "" for one that is missing."""
    place = columns_of(content, source, name)
    values = [pair_of(it) if it in place.made else _as_text(it) for it in place.names]
    if len(values) > 1:
        return f"coalesce({', '.join(values)})"
    return values[0] if values else '""'


def _as_text(column: str) -> str:
    return column if TYPES.get(column, "string") == "string" else f"tostring({column})"


def time_column(content: PackContent) -> str:
    """Return the column with an event's own time, else that of its arrival."""
    row = content.store.row(probes("exec")[0])
    return "StartTime" if "StartTime" in row.fields else "TimeGenerated"


def rule_query(content: PackContent, rule: PackRule) -> str:
    """Return the query of a rule; RuleConversionError for a correlation of another kind."""
    events = own_events(content) + extend_pairs(rule.verdict.made)
    conditions = [content.condition(it, "kql") for it in rule.singles]
    if rule.correlation is None:
        recent = f"| where ingestion_time() > ago({FREQUENCY}m)\n"
        return f"{events}{recent}| where {conditions[0]}"
    kind, groups, seconds, least = rule.correlation
    time = time_column(content)
    if kind == EVENT_COUNT and len(conditions) == 1 and least > 1:
        return _counted(f"{events}| where {conditions[0]}\n", groups, seconds, least, time)
    if kind == TEMPORAL_ORDERED and len(conditions) == 2:
        return _ordered(events, conditions, groups, seconds, time)
    raise RuleConversionError(f"A correlation of the kind {kind} is not written for Sentinel.")


def _counted(events: str, groups: tuple[str, ...], seconds: int, least: int, time: str) -> str:
    """So many events of a group, counted back from each one that arrived just now."""
    order = ", ".join(f"{it} asc" for it in (*groups, time))
    back = ", ".join(f"First_{it} = prev({it}, {least - 1})" for it in (*groups, time))
    same = " and ".join(f"First_{it} == {it}" for it in groups)
    return (
        f"{events}"
        "| extend Arrived = ingestion_time()\n"
        f"| sort by {order}\n"
        f"| extend {back}\n"
        f"| where {same} and {time} - First_{time} <= {seconds}s\n"
        f"| where Arrived > ago({FREQUENCY}m)\n"
        f"| summarize arg_max({time}, *) by {', '.join(groups)}"
    )


def _ordered(
    events: str, conditions: list[str], groups: tuple[str, ...], seconds: int, time: str
) -> str:
    """An event, and a later one of the same group; one of the two arrived just now."""
    keys = ", ".join(groups)
    return (
        f"let Events = {events.rstrip()};\n"
        f"let Earlier = Events\n| where {conditions[0]}\n"
        f"| project EarlierTime = {time}, EarlierArrived = ingestion_time(), {keys};\n"
        f"Events\n| where {conditions[1]}\n"
        "| extend Arrived = ingestion_time()\n"
        f"| join kind=inner Earlier on {keys}\n"
        f"| where {time} > EarlierTime and {time} - EarlierTime <= {seconds}s\n"
        f"| where Arrived > ago({FREQUENCY}m) or EarlierArrived > ago({FREQUENCY}m)\n"
        f"| summarize arg_max({time}, *) by {keys}"
    )
