"""The first screen of `cef-bridge demo`: one event, its message, and what two SIEMs read of it.

In comes a sample, out go its JSON, its CEF line, and a table: field of the event, CEF key, and the
field's name in Splunk and in QRadar, as their simulators read the messages of their own mappings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli import demo_print
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS
from cef_bridge.workbench.explain import Explanation, explain

if TYPE_CHECKING:
    from cef_bridge.cli.demo_samples import DemoSample

# What an analyst asks first, in this order: as many as fit a screen of 24 rows.
_FIELDS = (
    *("UpdatedTime", "ClusterName", "NamespaceName", "PodName"),
    *("ParentProcessName", "ProcessName", "Resource", "PolicyName", "Severity"),
    *("Action", "Result"),
)
_DERIVED = {"Severity": "event.severity"}
_SIEMS = ("splunk", "qradar")
_ROWS = 3
_NO_FIELD = "-"


class _Siem(NamedTuple):
    """What a SIEM reads: its mapping's explanation, and the names of fields by key."""

    explained: Explanation
    names: dict[str, str]


def show_event(sample: DemoSample, converter: Converter) -> None:
    """Print an event beside what becomes of it."""
    demo_print.heading("An event of KubeArmor")
    demo_print.beginning(sample.text, _ROWS)
    demo_print.heading("\nThe same as CEF")
    demo_print.beginning(sample.result.message, _ROWS)
    click.echo()
    explained = explain(converter, sample.fields)
    siems = [_read(name, sample.fields) for name in _SIEMS]
    values = {field.fate.path: field.value for field in explained.fields}
    rows = [
        (path, values[path], _key(explained, path), *(_name(siem, path) for siem in siems))
        for path in _FIELDS
        if path in values
    ]
    columns = ("KubeArmor", "value", "CEF", "Splunk reads", "QRadar reads")
    demo_print.table(columns, rows, 1, ("cyan", "", "green", "magenta", "magenta"))
    click.echo("( ) stays in QRadar's payload: a custom property makes a field of it.")


def _read(name: str, fields: dict[str, object]) -> _Siem:
    mapping = load(SIEMS[name].simulated)
    header = mapping.envelope.network_header
    explained = explain(Converter(mapping, syslog_header=header), fields)
    reading = SIMULATORS[name].read(explained.message)
    # Of several fields made of one key the last is the one that searches and rules use.
    return _Siem(explained, {field.key: field.name for field in reading.fields})


def _keys(explained: Explanation, path: str) -> list[str]:
    """Return the keys that a field was written to, those first that have its whole value."""
    of = (path, _DERIVED.get(path, path))
    found = [
        row for row in (*explained.header, *explained.rows) if row.path in of or path in row.sources
    ]
    value = next((it.value for it in explained.fields if it.fate.path == path), "")
    return [row.key for row in sorted(found, key=lambda row: row.value != value)]


def _key(explained: Explanation, path: str) -> str:
    return next((key.removeprefix("header.") for key in _keys(explained, path)), _NO_FIELD)


def _name(siem: _Siem, path: str) -> str:
    """Return a field's name in a SIEM, or its key in brackets where it stays in the payload."""
    keys = _keys(siem.explained, path)
    named = [siem.names[key] for key in keys if key in siem.names]
    rest = [f"({key})" for key in keys]
    return next(iter([*named, *rest]), _NO_FIELD)
