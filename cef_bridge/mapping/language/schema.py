"""The JSON Schema of a mapping file, for editors: what `reader` takes, from the same declarations.

In comes nothing, out goes a dict, in words that readers of draft 7 know as well. All that `load`
takes is valid; what needs more than one place to be judged (labels, keys of a format, misspelt
fields) is left to `mapping lint`. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import inspect as kinds

from cef_bridge.kubearmor import fields
from cef_bridge.lines.dictionary import CEF_KEYS, LEEF_KEYS
from cef_bridge.lines.syslog import FACILITIES
from cef_bridge.mapping.language import shipped, spec, yaml_schema
from cef_bridge.mapping.language.condition_forms import WORDS as FORMS
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.language.reader import EXPANDED, earlier_names, is_of, yaml_fields
from cef_bridge.mapping.language.transforms import MOST_ARGUMENT, MOST_PART, TRANSFORMS
from cef_bridge.mapping.language.yaml_schema import ref

if TYPE_CHECKING:
    from cef_bridge.mapping.language.yaml_schema import Schema

_MOST = 2**31 - 1
_KEY = "^[A-Za-z0-9_.-]+$"
_SOURCES = ("from", "value", "template", "spread")

# What a text names (see `spec`) -> its definition. What is not here is any text.
_NAMED = {
    "field": "field",
    "field pattern": "field",
    "map field": "map_field",
    "transform": "transform",
    "filter": "filter",
    "facility": "facility",
    "mapping": "mapping",
    "key": "key_name",
}
_CLOSED = ("transform", "filter", "facility")
"""Definitions with nothing but what they list."""


def schema() -> Schema:
    """Return the JSON Schema (2020-12) of a mapping file."""
    properties = {
        name: _setting(name, row, variables=row.name in EXPANDED)
        for name, row in yaml_fields(spec.Mapping).items()
    }
    return {
        "$schema": yaml_schema.DRAFT,
        "title": "cef-bridge mapping",
        **yaml_schema.settings(properties, ["mapping"], earlier_names(spec.Mapping)),
        "$defs": definitions(),
    }


def definitions() -> dict[str, Schema]:
    """Return the definitions that mappings refer to, and others may: fields, conditions, rules."""
    return {
        **_names(),
        **conditions(),
        "rule": _rule(variables=False),
        "rules": _rules("rule"),
        "key": yaml_schema.or_null(_rules("rule")),
        # In the header and the envelope environment variables are filled in.
        "rule_with_variables": _rule(variables=True),
        "rules_with_variables": _rules("rule_with_variables"),
        "example": yaml_schema.settings(
            {
                name: _of(row.type, variables=False)
                for name, row in yaml_fields(spec.Example).items()
            },
            [name for name, row in yaml_fields(spec.Example).items() if row.required],
        ),
    }


def conditions() -> dict[str, Schema]:
    """Return the definition of conditions, and those that it refers to."""
    form = {
        "is": yaml_schema.one_or_list(yaml_schema.choice(spec.IS_CLASSES, variables=False)),
        "not": ref("tests"),
        "text": yaml_schema.text(1),
        **dict.fromkeys(("min", "max"), yaml_schema.number()),
    }
    form = {word: {**form[word], "description": doc} for word, doc in FORMS.items()}
    bounds = {word: form.pop(word) for word in ("min", "max")}
    test = yaml_schema.any_of(
        yaml_schema.TEXT,
        *(yaml_schema.settings({word: said}, [word]) for word, said in form.items()),
        {**yaml_schema.settings(bounds), "minProperties": 1},
    )
    known = {
        path: {**ref("tests"), "description": row.doc}
        for path, row in (fields.RAW | fields.DERIVED).items()
    }
    return {
        "tests": {
            **yaml_schema.one_or_list(test, least=1),
            "description": "A text, a glob (`*`, `?`, `[a-z]`), a form such as `{is: ipv4}` or "
            "`{not: shop}`, or a list of them.",
        },
        "conditions": yaml_schema.entries(ref("tests"), known),
    }


def drop_events() -> Schema:
    """Return the schema of conditions that take events out; none would take out all of them."""
    return yaml_schema.one_or_list({**ref("conditions"), "minProperties": 1})


def filters() -> Schema:
    """Return the schema of named filters."""
    return yaml_schema.one_or_list(yaml_schema.choice(FILTERS, variables=False))


def _names() -> dict[str, Schema]:
    return {
        "field": yaml_schema.suggestion([*fields.RAW, *fields.DERIVED]),
        "map_field": yaml_schema.suggestion(["Labels", "EventData"]),
        "transform": _transform(),
        "filter": yaml_schema.choice(FILTERS, variables=False),
        "facility": yaml_schema.choice(FACILITIES, variables=False),
        "mapping": yaml_schema.suggestion(shipped.names()),
        "key_name": yaml_schema.suggestion(_keys()),
    }


def _transform() -> Schema:
    """A name, or a name with its arguments."""
    mark = {**yaml_schema.text(1), "maxLength": MOST_ARGUMENT}
    forms: list[Schema] = []
    for name, declared in TRANSFORMS.items():
        if name == "part":
            number = yaml_schema.integer(1, MOST_PART, variables=False)
            forms.append(yaml_schema.settings({name: number, "of": mark}, [name, "of"]))
        elif declared.arguments:
            many = len(declared.arguments)
            new: Schema = {**yaml_schema.TEXT, "maxLength": MOST_ARGUMENT}
            taken = [new if it == "new" else mark for it in declared.arguments]
            items: Schema = {"type": "array", "prefixItems": taken, "minItems": many}
            one = yaml_schema.any_of(mark, {**items, "maxItems": many}) if many == 1 else None
            forms.append(yaml_schema.settings({name: one or {**items, "maxItems": many}}, [name]))
    plain = [name for name, declared in TRANSFORMS.items() if not declared.arguments]
    return yaml_schema.any_of(yaml_schema.choice(plain, variables=False), *forms)


def _keys() -> dict[str, str]:
    """Return the keys that a mapping may write, with what they hold; labels come with their key."""
    return {
        row.name: row.meaning
        for row in (CEF_KEYS | LEEF_KEYS | CEF_KEYS).values()  # CEF's first, and their meaning
        if row.role == "producer" and not row.name.endswith("Label")
    }


def _rule(*, variables: bool) -> Schema:
    properties = {
        name: _of(row.type, variables=variables) for name, row in yaml_fields(spec.Rule).items()
    }
    return {
        **yaml_schema.settings(properties),
        "oneOf": [{"required": [source]} for source in _SOURCES],
    }


def _rules(rule: str, constant: Schema = yaml_schema.TEXT) -> Schema:
    one = yaml_schema.any_of({**constant, "description": "A constant."}, ref(rule))
    return yaml_schema.one_or_list(one, least=1)


def _setting(name: str, row: kinds.Field, *, variables: bool) -> Schema:
    """Return the schema of a setting of the mapping or its envelope, which may stay empty."""
    said = _of(row.type, variables=variables)
    if name == "extends":  # one; the declared type has room for what was merged in
        said |= yaml_schema.one_or_list(ref("mapping"), most=1)
    if not row.required:
        description = {"description": said.pop("description")} if "description" in said else {}
        said = {**yaml_schema.or_null(said), **description}
    if isinstance(row.default, (str, bool, int)) and row.default != "":
        said["default"] = row.default
    return said


def _of(kind: kinds.Type, *, variables: bool, names: str = "", keys: str = "") -> Schema:
    """Return the schema of a declared type."""
    match kind:
        case kinds.Metadata():
            extra = kind.extra or {}
            said = _of(
                kind.type,
                variables=variables,
                names=str(extra.get("names", "")),
                keys=str(extra.get("keys", "")),
            )
            if "replace" in extra:
                alone = yaml_schema.settings({"replace": said}, ["replace"])
                said = yaml_schema.any_of(said, alone)
            return {**said, **(kind.extra_json_schema or {})}
        case kinds.UnionType():
            inner = next(it for it in kind.types if not isinstance(it, kinds.NoneType))
            return _of(inner, variables=variables, names=names)
        case kinds.VarTupleType():
            return _list(kind.item_type, variables=variables, names=names)
        case kinds.DictType():
            return _dict(kind, keys=keys)
        case kinds.StructType():
            return _struct(kind.cls)
        case kinds.LiteralType(values=values):
            return yaml_schema.choice(map(str, values), variables=variables)
        case kinds.IntType(ge=least, le=most):
            return yaml_schema.integer(least or 0, most or _MOST, variables=variables)
        case kinds.BoolType():
            return yaml_schema.truth(variables=variables)
        case kinds.StrType(min_length=least) if names not in _NAMED:
            return yaml_schema.text(least or 0)
    name = _NAMED[names]  # all kinds but texts without a name have returned
    return yaml_schema.or_variable(ref(name), variables=variables and name in _CLOSED)


def _list(item: kinds.Type, *, variables: bool, names: str) -> Schema:
    if is_of(item, spec.Rule) and names:  # a constant is one of a list
        constant = yaml_schema.or_variable(ref(_NAMED[names]), variables=variables)
        return _rules("rule_with_variables" if variables else "rule", constant)
    if is_of(item, spec.Rule):
        return ref("rules_with_variables" if variables else "rules")
    if is_of(item, spec.Condition):
        return ref("conditions")
    if isinstance(item, kinds.VarTupleType):
        return drop_events()
    if names == "transform":
        return yaml_schema.one_or_list(
            yaml_schema.or_variable(ref("transform"), variables=variables)
        )
    return yaml_schema.one_or_list(_of(item, variables=variables, names=names))


def _dict(kind: kinds.DictType, *, keys: str) -> Schema:
    if keys == "header":
        rules = yaml_schema.or_null(ref("rules_with_variables"))
        return yaml_schema.settings(dict.fromkeys(spec.HEADER_FIELDS, rules))
    if keys == "output":
        rules = ref("key")
        known = {name: {**rules, "description": meaning} for name, meaning in _keys().items()}
        return {**yaml_schema.entries(rules, known), "propertyNames": {"pattern": _KEY}}
    if isinstance(kind.value_type, kinds.CustomType):
        return {"type": "object"}
    return yaml_schema.entries(yaml_schema.or_null(yaml_schema.TEXT))


def _struct(cls: type) -> Schema:
    if cls is spec.Example:
        return ref("example")
    if cls is spec.Table:
        file = {**yaml_schema.TEXT, "description": "Two columns of CSV, beside the mapping."}
        return yaml_schema.entries(yaml_schema.TEXT, {"file": file})
    properties = {
        name: _setting(name, row, variables=True) for name, row in yaml_fields(cls).items()
    }
    return yaml_schema.settings(properties, earlier=earlier_names(cls))
