"""JSON Schema of what our readers take of YAML, which is more than its types say.

In come declared bounds and choices, out go schemas as dicts. Our readers take every scalar as text:
`No` and `1.10` stand unquoted where a text is expected, a number or a truth may be a text, one item
stands for a list of one, and `${NAME}` for anything where variables are filled in. Must not know
what the settings mean.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from cef_bridge.mapping.language.values import TRUTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Schema = dict[str, object]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
TEXT: Schema = {"type": ["string", "number", "boolean"]}
NULL: Schema = {"type": "null"}
_VARIABLE = r"\$\{"
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")


def text(least: int = 0) -> Schema:
    """Return the schema of a text of at least so many characters."""
    return TEXT | ({"minLength": least} if least else {})


def truth(*, variables: bool) -> Schema:
    """Return the schema of true or false, also as the words that YAML 1.2 takes for texts."""
    words = "|".join("".join(f"[{char.upper()}{char}]" for char in word) for word in TRUTH)
    return {"type": ["boolean", "string"], "pattern": _pattern(f"^({words})$", variables=variables)}


def integer(least: int, most: int, *, variables: bool) -> Schema:
    """Return the schema of a whole number; one in quotes has no bounds here."""
    return {
        "type": ["integer", "string"],
        "minimum": least,
        "maximum": most,
        "pattern": _pattern("^[0-9]{1,10}$", variables=variables),
    }


def number() -> Schema:
    """Return the schema of a number, also one in quotes; without an exponent there."""
    return {
        "type": ["number", "string"],
        "pattern": r"^-?[0-9]{1,30}(\.[0-9]{1,30})?$",
    }


def choice(values: Iterable[str], *, variables: bool) -> Schema:
    """Return the schema of one of some texts; `2.0` may stand unquoted."""
    listed = [str(value) for value in values]
    numbers = [float(value) for value in listed if _NUMBER.fullmatch(value)]
    return or_variable({"enum": [*listed, *numbers]}, variables=variables)


def suggestion(values: Iterable[str]) -> Schema:
    """Return the schema of any text, of which an editor knows some."""
    return {"anyOf": [{"enum": list(values)}, TEXT]}


def or_variable(schema: Schema, *, variables: bool) -> Schema:
    """Return a schema that takes a text with a variable as well."""
    if not variables:
        return schema
    return any_of(schema, {"type": "string", "pattern": _VARIABLE})


def _pattern(pattern: str, *, variables: bool) -> str:
    return f"{pattern}|{_VARIABLE}" if variables else pattern


def one_or_list(item: Schema, least: int = 0, most: int = 0) -> Schema:
    """Return the schema of a list, or of one item without its brackets."""
    items: Schema = {"type": "array", "items": item}
    items |= {"minItems": least} if least else {}
    items |= {"maxItems": most} if most else {}
    return any_of(item, items)


def or_null(schema: Schema) -> Schema:
    """Return a schema that takes a key without a value as well."""
    return any_of(schema, NULL)


def any_of(*schemas: Schema) -> Schema:
    """Return the schema of what one of some schemas takes, without nesting."""
    flat: list[object] = []
    for schema in schemas:
        inner = schema.get("anyOf")
        flat += inner if isinstance(inner, list) and len(schema) == 1 else [schema]
    return {"anyOf": flat}


def settings(
    properties: Mapping[str, Schema],
    required: Sequence[str] = (),
    earlier: Mapping[str, str] = MappingProxyType({}),
) -> Schema:
    """Return the schema of settings of which there are no others.

    `earlier` has the names of earlier versions: editors strike them through.
    """
    said: dict[str, Schema] = dict(properties)
    for old, name in earlier.items():
        text = f"Renamed: write `{name}`."
        said[old] = {**properties[name], "description": text, "deprecated": True}
    return {
        "type": "object",
        "properties": said,
        **({"required": list(required)} if required else {}),
        "additionalProperties": False,
    }


def entries(value: Schema, known: Mapping[str, object] | None = None) -> Schema:
    """Return the schema of keys of one's own, of which an editor may know some."""
    properties = {"properties": dict(known)} if known else {}
    return {"type": "object", **properties, "additionalProperties": value}


def ref(name: str) -> Schema:
    """Return the reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}
