"""Custom properties: what makes fields of the keys that QRadar has no column for.

In comes a mapping, out come properties with the key (LEEF, CEF) and a regular expression, in Java's
form. The expressions are anchored at the delimiter, so that no value can pass for a key. Must not
know AQL.
"""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import acts
from cef_bridge.siems.qradar.simulator import CEF_COLUMNS, LEEF_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cef_bridge.content.packs.pack_content import PackContent

EVENT_ID = "Event ID"
_NUMBERS = ("KubeArmorSeq",)
_COLUMNS = ("property", "type", "key", "regex", "capture_group", "used_by")


class CustomProperty(NamedTuple):
    """A custom property; `key`: that of LEEF or CEF, "" for what is in the header."""

    name: str
    kind: str
    key: str
    regex: str
    used_by: tuple[str, ...]


def properties(content: PackContent, used: Mapping[str, tuple[str, ...]]) -> list[CustomProperty]:
    """Return the properties of all keys without a column; those that something uses come first.

    `used`: by which rules and searches, by the property's name.
    """
    keys = _keys(content)
    expression = _leef if content.mapping.format == "leef" else _cef
    between = content.mapping.envelope.delimiter
    found = [CustomProperty(EVENT_ID, "AlphaNumeric", "", _header(content), used.get(EVENT_ID, ()))]
    for key in keys:
        kind = "Numeric" if key in _NUMBERS else "AlphaNumeric"
        found.append(CustomProperty(key, kind, key, expression(key, between), used.get(key, ())))
    return sorted(found, key=lambda it: (not it.used_by, it.key != "", it.name.lower()))


def _keys(content: PackContent) -> list[str]:
    """Return the keys that become fields only by a property: seen in messages, or in rules."""
    store = content.store
    rows = [store.row(event) for kind in acts.KINDS for event in acts.probes(kind)]
    rows.append(store.numbered_row(acts.probes("exec")[0], "queue", 1))
    seen = {name for row in rows for name in row.made}
    columns = LEEF_COLUMNS if content.mapping.format == "leef" else CEF_COLUMNS
    return sorted(seen | (content.mapping.extension.keys() - columns.keys()))


def _header(content: PackContent) -> str:
    if content.mapping.format == "leef":
        return r"LEEF:[12]\.0\|[^|]*\|[^|]*\|[^|]*\|([^|]+)\|"
    return r"CEF:[01]\|(?:(?:[^|\\]|\\.)*\|){3}((?:[^|\\]|\\.)*)\|"


def _leef(key: str, between: str) -> str:
    """Return what finds an attribute: behind the delimiter, or behind the header."""
    mark = r"\t" if between == "\t" else re.escape(between)
    inside = r"\t" if between == "\t" else f"\\{between}"
    return rf"(?:{mark}|LEEF:[12]\.0(?:\|[^|]*){{4,5}}\|){re.escape(key)}=([^{inside}\r\n]*)"


def _cef(key: str, _: str) -> str:
    """Return what finds a key of an extension; an = in a value has a backslash before it."""
    return rf"[\s|]{re.escape(key)}=((?:\\.|[^\\=])*?)(?=\s+[\w.\[\]-]+=|\s*$)"


def as_csv(found: Iterable[CustomProperty]) -> str:
    """Return properties as CSV with a head line."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for it in found:
        writer.writerow((it.name, it.kind, it.key, it.regex, 1, " ".join(it.used_by)))
    return made.getvalue()
