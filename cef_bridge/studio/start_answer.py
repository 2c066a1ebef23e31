"""What the page asks for first: the mapping, the SIEMs, the keys, and the fields of the sample.

In comes a workspace, out go the plain values of `Start`, `MappingFile` and `EventList` in
`studio/src/api.ts`. Must not know requests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge import __version__
from cef_bridge.kubearmor import fields
from cef_bridge.lines.dictionary import CEF_KEYS, LEEF_KEYS
from cef_bridge.mapping.language.schema import schema

if TYPE_CHECKING:
    from cef_bridge.studio.workspace import DiskText, Workspace
    from cef_bridge.workbench.sample import SampleEvent

_TYPES = {
    "string": "String",
    "integer": "Integer",
    "long": "Long",
    "float": "Floating Point",
    "timestamp": "Time Stamp",
    "ipv4": "IPv4 Address",
    "ipv6": "IPv6 Address",
    "ip": "IP Address",
    "mac": "MAC Address",
    "other": "String",
}


def start(workspace: Workspace, name: str, *, live: bool) -> dict[str, object]:
    """Return what a page begins with, the mapping as it is on disk now.

    `name` is what the sample is called.
    """
    workspace.reload()
    sample = workspace.sample
    rows = (LEEF_KEYS if workspace.format == "leef" else CEF_KEYS).values()
    return {
        "version": __version__,
        "edit": workspace.edit,
        "mapping": mapping_file(workspace, workspace.saved),
        "receivers": [
            {"id": siem.name, "title": siem.title, "own": own} for siem, own in workspace.receivers
        ],
        "schema": schema(),
        "keys": [
            {
                "key": row.name,
                "type": _TYPES[row.kind],
                "length": row.max_length,
                "about": row.meaning,
            }
            for row in rows
        ],
        "fields": _fields(workspace),
        "sample": {
            "name": name,
            "events": len(sample.events),
            "lines": sample.lines,
            "skipped": sample.skipped,
            "more": sample.more,
        },
        "live": live,
    }


def mapping_file(workspace: Workspace, text: DiskText) -> dict[str, object]:
    """Return the mapping with a text of its file."""
    return {
        "name": workspace.file_name,
        "path": workspace.name,
        "shipped": workspace.texts.is_shipped,
        "format": workspace.format,
        "text": text.text,
        "hash": text.hash,
    }


def _fields(workspace: Workspace) -> list[dict[str, object]]:
    """Return the fields of the sample, then those that a mapping may name as well."""
    rows: list[dict[str, object]] = [row._asdict() for row in workspace.sample.fields()]
    seen = {row["path"] for row in rows}
    rest = [
        {"path": row.path, "about": row.doc, "events": 0, "values": []}
        for table in (fields.RAW, fields.DERIVED)
        for row in table.values()
        if row.path not in seen
    ]
    return [*rows, *rest]


def event_list(workspace: Workspace, words: str, begin: int, count: int) -> dict[str, object]:
    """Return the events that have some words, `count` of them behind the first `begin`."""
    events = [*workspace.sample.events]
    wanted = words.lower().split()
    matching = events
    if wanted:
        matching = [it for it in events if (text := it.text) and all(w in text for w in wanted)]
    return {
        "total": len(events),
        "matching": len(matching),
        "events": [_row(it) for it in matching[begin : begin + count]],
    }


def _row(event: SampleEvent) -> dict[str, object]:
    return {
        "number": event.number,
        "type": event.type,
        "operation": event.operation,
        "verdict": event.verdict,
        "title": event.title,
        "pod": event.pod,
        "time": event.time,
        "pasted": event.pasted,
    }
