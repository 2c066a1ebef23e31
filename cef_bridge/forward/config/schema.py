"""The JSON Schema of a forward config, for editors: what `read` takes, from the same declarations.

In comes nothing, out goes a dict. What only a run can tell (a URL's words, names of fields) is left
to `load_config`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect as kinds

from cef_bridge.delivery import schemes
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.urls import UrlParameters
from cef_bridge.forward.config import sources
from cef_bridge.forward.config.spec import Config, Destination, Source
from cef_bridge.mapping.language import schema as mapping_schema
from cef_bridge.mapping.language import yaml_schema

if TYPE_CHECKING:
    from cef_bridge.mapping.language.yaml_schema import Schema

_URL = {
    "from": f"{sources.FORMS} (standard input).",
    "to": f"{schemes.FORMS} (standard output).",
}
# What the mapping language reads; `${NAME}` is not filled in there.
_OF_MAPPINGS = {
    "drop_events": mapping_schema.drop_events,
    "when": mapping_schema.drop_events,
    "filters": mapping_schema.filters,
}

_NUMBER = r"^[0-9]|\$\{"
"""A number in a text: `5s`, `64M`, `${PORT}`."""


def schema() -> Schema:
    """Return the JSON Schema (2020-12) of a config file."""
    top = _properties(Config)
    top["sources"] = _list("from", Source)
    top["destinations"] = _list("to", Destination, DestinationUrl)
    return {
        "$schema": yaml_schema.DRAFT,
        "title": "cef-bridge forward",
        **yaml_schema.settings(top, ["sources", "destinations"]),
        "$defs": mapping_schema.conditions(),
    }


def _properties(cls: type) -> dict[str, Schema]:
    return {name: _setting(name, row.type) for name, row in UrlParameters.of(cls, ()).rows.items()}


def _setting(name: str, kind: kinds.Type) -> Schema:
    said = yaml_schema.or_null(_OF_MAPPINGS[name]()) if name in _OF_MAPPINGS else _of(kind)
    declared = kind.extra_json_schema if isinstance(kind, kinds.Metadata) else None
    return {**said, "description": (declared or {}).get("description", "")}


def _of(kind: kinds.Type) -> Schema:
    """Return the schema of a declared type; every text of a config may have variables."""
    match kind:
        case kinds.Metadata():
            return {**_of(kind.type), **(kind.extra_json_schema or {})}
        case kinds.UnionType():
            return _of(next(it for it in kind.types if not isinstance(it, kinds.NoneType)))
        case kinds.LiteralType(values=values):
            return yaml_schema.choice(map(str, values), variables=True)
        case kinds.VarTupleType():  # also as in a URL, separated by commas
            return yaml_schema.any_of(
                {"type": "array", "items": _of(kind.item_type), "minItems": 1}, yaml_schema.TEXT
            )
        case kinds.BoolType():
            return yaml_schema.truth(variables=True)
        case kinds.IntType() | kinds.FloatType():
            number = "integer" if isinstance(kind, kinds.IntType) else "number"
            bounds = {"minimum": kind.ge, "maximum": kind.le}
            return {
                "type": [number, "string"],
                **{name: bound for name, bound in bounds.items() if bound is not None},
                "pattern": _NUMBER,
            }
    return yaml_schema.text(1)


def _list(url: str, *classes: type) -> Schema:
    address: Schema = {"type": "string", "description": _URL[url]}
    properties = {url: address}
    earlier: dict[str, str] = {}
    for cls in classes:
        properties |= _properties(cls)
        earlier |= UrlParameters.of(cls, ()).earlier
    item = {"anyOf": [address, yaml_schema.settings(properties, [url], earlier)]}
    return {"anyOf": [{"type": "array", "items": item, "minItems": 1}, item]}
