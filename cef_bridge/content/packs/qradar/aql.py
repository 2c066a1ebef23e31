"""AQL: a rule's condition, and searches.

In come conditions, out comes text. Fields are custom properties, in double quotes; what QRadar has
a column for has that column's name. Comparisons know no case (ILIKE, IMATCHES). Must not know the
files of the pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.conditions import AllOf, Condition, FieldMatch, Unless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.content.packs.pack_content import PackCorrelation

# Names in QRadar's screens -> fields of AQL ("Event, flow, and simarc fields for AQL queries").
_COLUMNS = {
    "Source IP": "sourceip",
    "Destination IP": "destinationip",
    "Source Port": "sourceport",
    "Destination Port": "destinationport",
    "Username": "username",
    "Severity": "severity",
    "Log Source Time": "devicetime",
    "Protocol": "PROTOCOLNAME(protocolid)",
    "Log Source Identifier": "LOGSOURCENAME(logsourceid)",
}
_WILD = "%_\\"
"""What LIKE takes for something else; AQL has no way to escape it there."""


def name(field: str) -> str:
    """Return a field as AQL names it."""
    return _COLUMNS.get(field) or '"' + field.replace('"', "") + '"'


def literal(text: str) -> str:
    """Return a text as a literal."""
    return "'" + text.replace("'", "''") + "'"


def where(condition: Condition) -> str:
    """Return a condition, for WHERE or for the test of a rule."""
    if isinstance(condition, FieldMatch):
        return _match(condition)
    if isinstance(condition, Unless):
        return f"NOT ({where(condition.item)})"
    between = " AND " if isinstance(condition, AllOf) else " OR "
    return between.join(
        where(it) if isinstance(it, FieldMatch | Unless) else f"({where(it)})"
        for it in condition.items
    )


def _match(match: FieldMatch) -> str:
    text = "".join(match.texts)
    if match.is_simple and not any(char in text for char in _WILD):
        before, behind = "%" * match.opens_before, "%" * match.opens_behind
        return f"{name(match.field)} ILIKE {literal(before + text + behind)}"
    return f"{name(match.field)} IMATCHES {literal(match.regex)}"


def search(condition: Condition, shown: Sequence[str]) -> str:
    """Return a search for what a rule finds; `shown`: fields beside time and log source."""
    columns = [
        "DATEFORMAT(starttime, 'yyyy-MM-dd HH:mm:ss') AS 'Time'",
        "LOGSOURCENAME(logsourceid) AS 'Log source'",
        *map(name, dict.fromkeys(shown)),
    ]
    return f"SELECT {', '.join(columns)}\nFROM events\nWHERE {where(condition)}\nLAST 24 HOURS"


def counted(condition: Condition, correlation: PackCorrelation) -> str:
    """Return a search for groups that have so many events within the time."""
    groups = ", ".join(map(name, correlation.group_by))
    return (
        f"SELECT {groups}, COUNT(*) AS found\nFROM events\nWHERE {where(condition)}\n"
        f"GROUP BY {groups}\nHAVING found >= {correlation.at_least}\n"
        f"LAST {correlation.seconds // 60} MINUTES"
    )
