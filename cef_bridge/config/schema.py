"""The JSON Schema of a forward config, for editors: what `read` takes, from the same declarations.

In comes nothing, out goes a dict. What only a run can tell (a URL's words, names of fields) is left
to `load_config`.
"""

from __future__ import annotations

from typing import get_type_hints

import msgspec

from cef_bridge.config.spec import Config, Destination, Source
from cef_bridge.delivery.targets import Target
from cef_bridge.delivery.urls import Words

_URL = {
    "from": "`-` (standard input), a path or glob, or `kubearmor://host:port`.",
    "to": "`udp://`, `tcp://` or `tls://host:port`, `file:///path`, or `-` (standard output).",
}
# Conditions as they are written, which is not as they are kept: {field: text, list or {is: class}}.
_CONDITIONS = {"type": "array", "items": {"type": "object"}}


def schema() -> dict[str, object]:
    """Return the JSON Schema (2020-12) of a config file."""
    top = _properties(Config)
    top["sources"] = _list("from", _properties(Source))
    top["destinations"] = _list("to", {**_properties(Destination), **_properties(Target)})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "cef-bridge forward",
        **_object(top, ["sources", "destinations"]),
    }


def _properties(cls: type) -> dict[str, object]:
    hints = get_type_hints(cls, include_extras=True)
    found: dict[str, object] = {}
    for name, row in Words.of(cls, ()).rows.items():
        said = msgspec.json.schema(hints[row.name])
        if row.name == "drop_events":
            said = {**_CONDITIONS, "description": said.get("description", "")}
        found[name] = _loosened(said)
    return found


def _loosened(said: dict[str, object]) -> dict[str, object]:
    """Return a schema that takes what YAML's readers make of our texts: yes, one for a list."""
    said = dict(said)
    options = said.pop("anyOf", None)
    if isinstance(options, list):  # a setting that may be absent is not written as null
        kept = [it for it in options if it.get("type") != "null"]
        return {**_loosened(kept[0]), **said} if len(kept) == 1 else {**said, "anyOf": kept}
    if isinstance(enum := said.get("enum"), list):
        said["enum"] = [it for it in enum if it is not None]
    if said.get("type") == "array" and said.get("items") != {"type": "object"}:
        return {
            **{name: said[name] for name in ("description", "default") if name in said},
            "anyOf": [{"type": "array", "items": said.get("items", {})}, {"type": "string"}],
        }
    if said.get("type") == "boolean":
        said["type"] = ["boolean", "string"]
    if said.get("type") in ("integer", "number"):
        said["type"] = [said["type"], "string"]  # "${NAME}"
    return said


def _list(url: str, properties: dict[str, object]) -> dict[str, object]:
    address = {"type": "string", "description": _URL[url]}
    item = {"anyOf": [address, _object({url: address, **properties}, [url])]}
    return {"anyOf": [{"type": "array", "items": item, "minItems": 1}, item]}


def _object(properties: dict[str, object], required: list[str]) -> dict[str, object]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }
