"""Additional data: keys that ArcSight keeps out of rules and reports, and fields for them.

In comes a `PackContent`, out comes which key a rule needs, the field that could hold it, and a
mapping that writes it there. Must not know queries.
"""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content import acts, pipeline, sigma
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.mapping.language import shipped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.content.packs.pack_content import PackContent

# What a field is in an event -> the key of the dictionary that suits it best.
_PREFERRED = {
    "data.capability": "dpriv",
    "event.suspicious": "requestContext",
    "ExecEvent.ExecID": "requestCookies",
    "network.socket_type": "fileType",
    "data.sun_path": "fileId",
}
_OTHERS = (
    *("filePermission", "oldFileType", "oldFileId", "oldFilePermission", "requestMethod"),
    *("requestClientApplication", "request", "requestContext", "requestCookies"),
)


class AdditionalKey(NamedTuple):
    """A key without a field of ArcSight, what it is in an event, and a key that has a field."""

    key: str
    path: str
    instead: str
    used_by: tuple[str, ...]

    @property
    def field(self) -> str:
        """The event field that the other key fills."""
        return CEF_KEYS[self.instead].full_name


def additional_keys(content: PackContent) -> list[AdditionalKey]:
    """Return the keys that rules need, each with a field that the mapping leaves free."""
    paths: dict[str, str] = {}
    used: dict[str, dict[str, None]] = {}
    for rule in content.rules:
        for single in rule.singles:
            (asked,), _ = sigma.used_fields([single.document])
            for name in asked.names:
                found = pipeline.asked(content.fields, single.source, name)
                for key in found.place.made if found else ():
                    paths[key] = found.path if found else ""
                    used.setdefault(key, {})[rule.name] = None
    taken = {*content.mapping.extension}
    made = []
    for key, path in sorted(paths.items()):
        choices = (_PREFERRED.get(path, ""), *_OTHERS)
        instead = next(it for it in choices if it and it not in taken)
        taken.add(instead)
        made.append(AdditionalKey(key, path, instead, tuple(used[key])))
    return made


def as_csv(found: Iterable[AdditionalKey]) -> str:
    """Return the keys as CSV with a head line."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\n")
    writer.writerow(("additional_data", "event_field", "used_by"))
    for it in found:
        writer.writerow((it.key, it.field, " ".join(it.used_by)))
    return made.getvalue()


def mapping_text(content: PackContent, found: list[AdditionalKey]) -> str:
    """Return a mapping that extends the pack's own and writes the keys with fields."""
    name = content.mapping.name
    parent = name if name in shipped.names() else f"{name}.yaml"
    lines = [
        "# Writes what the rules need into keys that fill fields of ArcSight. Made by cef-bridge.",
        f"mapping: {name}-rules",
        f"extends: {parent}",
        "extension:",
        *(f"  {it.instead}: {{from: {it.path}}}  # {', '.join(it.used_by)}" for it in found),
        "examples:",
        *(line for it in found for line in _example(content, it)),
    ]
    return "\n".join(lines) + "\n"


def _example(content: PackContent, it: AdditionalKey) -> list[str]:
    """Return an example of a key, from an event that has it."""
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            text = content.store.row(event).fields.get(it.key)
            if text is not None:
                said = json.dumps({it.instead: text})
                return [f"  - event: {json.dumps(event)}", f"    expect: {said}"]
    return []
