"""One mapping file: nodes become typed values, as far as they can, and all problems of their types.

In come nodes, out goes a `MappingFile`: what the file says, and where; what it does not say is
absent, so that `merge` can tell. The declared types of `spec` drive the walk: a field that is added
there is read here. Whether names exist and rules make sense is `lint`'s. Must not know parents.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec import inspect as kinds

from cef_bridge.errors import Location, Removal
from cef_bridge.mapping.language import codes, spec, tables, template
from cef_bridge.mapping.language.condition_reader import (
    BAD,
    ConditionReader,
    found,
    items_of,
    meant,
)
from cef_bridge.mapping.language.mapping_file import MappingFile, Named, RuleSeen
from cef_bridge.mapping.language.nodes import (
    Node,
    YamlInvalid,
    YamlList,
    YamlMapping,
    YamlScalar,
    plain,
)
from cef_bridge.mapping.language.transforms import TRANSFORMS, step_form, wrong_argument
from cef_bridge.mapping.language.values import INTEGER, TRUTH, json_value
from cef_bridge.mapping.language.variables import expand
from cef_bridge.wording import did_you_mean, either, named, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

EXPANDED = ("cluster", "header", "envelope")
"""Sections in whose values environment variables are filled in."""

_INTERNAL = ("at", "path")
_STRUCTS = (spec.Mapping, spec.Envelope, spec.Rule, spec.Example)


def read(
    root: Node,
    path: str,
    env: Mapping[str, str],
    declared: type[spec.Mapping | spec.ExampleFile] = spec.Mapping,
) -> MappingFile:
    """Return what a file's root node says; `path` is shown, and tables are looked for beside it."""
    return _Reader(path, env).read(root, declared)


@cache
def yaml_fields(cls: type) -> dict[str, kinds.Field]:
    """Return a declared type's fields by their YAML key."""
    declared = _declared().get(cls) or kinds.type_info(cls)
    if not isinstance(declared, kinds.StructType):
        return {}
    return {
        "mapping" if (cls, row.name) == (spec.Mapping, "name") else row.name.rstrip("_"): row
        for row in declared.fields
        if row.name not in _INTERNAL
    }


@cache
def _declared() -> dict[type, kinds.Type]:
    # All at once, in half of the time: each is a part of the first
    return dict(zip(_STRUCTS, kinds.multi_type_info(_STRUCTS), strict=True))


@cache
def earlier_names(cls: type) -> dict[str, str]:
    """Return the YAML keys that a type had in earlier versions, each with the one of today."""
    rows = yaml_fields(cls).items()
    extras = {
        key: row.type.extra or {} for key, row in rows if isinstance(row.type, kinds.Metadata)
    }
    return {extra["was"]: key for key, extra in extras.items() if "was" in extra}


def is_of(kind: kinds.Type, cls: type) -> bool:
    """Tell whether a declared type is the struct `cls`."""
    return isinstance(kind, kinds.StructType) and kind.cls is cls


class _Reader(ConditionReader):
    def __init__(self, path: str, env: Mapping[str, str]) -> None:
        super().__init__(MappingFile(path))
        self._folder = Path(path).parent
        self._env = env
        self._key = ""
        self._key_at = Location(path)

    def read(self, root: Node, declared: type) -> MappingFile:
        if isinstance(root, YamlMapping):
            self.draft.said, self.draft.places = self._fields(root, declared)
        elif not isinstance(root, YamlInvalid):
            begin = (
                'A mapping begins with settings such as "mapping: NAME".'
                if declared is spec.Mapping
                else 'A file of examples begins with "examples:".'
            )
            self.report(root.at, codes.WRONG_KIND, f"{begin} Found {found(root)}.")
        return self.draft

    def _fields(
        self, node: YamlMapping, cls: type
    ) -> tuple[dict[str, object], dict[str, Location]]:
        """Read what a node says, by the struct's field names, and where each key stands."""
        declared = yaml_fields(cls)
        said: dict[str, object] = {}
        places: dict[str, Location] = {}
        for key, inner in node.pairs:
            today = earlier_names(cls).get(key.text, key.text)
            row = declared.get(today)
            if row is None:
                hint = did_you_mean(key.text, list(declared))
                message = f'Unknown setting "{shown(key.text)}".{hint}'
                fix = meant(key.at, key.text, declared)
                self.report(key.at, codes.UNKNOWN_SETTING, message, fix)
                continue
            if row.name in places:  # by its name, and by the one of earlier versions
                was = next(old for old, new in earlier_names(cls).items() if new == today)
                message = f'"{was}" is an earlier name of "{today}". Remove one of them.'
                self.report(key.at, codes.TWICE, message, _same_twice(node, was, today))
                continue
            places[row.name] = key.at
            if cls is spec.Mapping:
                self.section, self._key = row.name, row.name
            elif cls is spec.Envelope:
                self._key = row.name
            self._key_at = key.at
            if isinstance(inner, YamlScalar) and inner.is_null:
                self._nothing(cls, key, row, said)
            elif (value := self._value(inner, row.type)) is not BAD:
                said[row.name] = value
        for name, row in declared.items():
            if row.required and row.name not in places:
                example = "mapping: NAME" if cls is spec.Mapping else f"{name}: …"
                message = f'"{name}" is missing. Add "{example}".'
                self.report(node.at, codes.MISSING, message)
        return said, places

    def _nothing(
        self, cls: type, key: YamlScalar, row: kinds.Field, said: dict[str, object]
    ) -> None:
        """`key:` with nothing after it: back to the default, but in a rule or example a slip."""
        kind = row.type.type if isinstance(row.type, kinds.Metadata) else row.type
        if cls in (spec.Rule, spec.Example) or row.required:
            message = f'"{key.text}" has no value. Write one, or remove the line.'
            self.report(key.at, codes.WRONG_KIND, message)
        elif not isinstance(kind, (kinds.DictType, kinds.StructType)):
            said[row.name] = row.default
            self.draft.replaces.add(row.name)

    def _value(self, node: Node, kind: kinds.Type, names: str = "") -> object:
        """Return the value of a node as a declared type, or BAD."""
        if isinstance(node, YamlInvalid):
            return BAD
        match kind:
            case kinds.Metadata():
                extra = kind.extra or {}
                if "replace" in extra:
                    node = self._replacing(node)
                return self._value(node, kind.type, extra.get("names", names))
            case kinds.UnionType():
                inner = next(it for it in kind.types if not isinstance(it, kinds.NoneType))
                return self._value(node, inner, names)
            case kinds.VarTupleType():
                return self._tuple(node, kind, names)
            case kinds.DictType():
                return self._dict(node, kind)
            case kinds.StructType():
                return self._struct(node, kind.cls)
            case _:
                return self._scalar(node, kind, names)

    def _replacing(self, node: Node) -> Node:
        """Return what stands behind `replace:`, and note that it stands alone."""
        if not isinstance(node, YamlMapping) or [key.text for key, _ in node.pairs] != ["replace"]:
            return node
        self.draft.replaces.add(self.section)
        return node.pairs[0][1]

    def _scalar(self, node: Node, kind: kinds.Type, names: str) -> object:
        what = "a number" if isinstance(kind, kinds.IntType) else "a text"
        if self.text(node, what) is None or not isinstance(node, YamlScalar):
            return BAD
        text = self._expand(node)
        if text is None:
            return BAD
        match kind:
            case kinds.LiteralType(values=values):
                if text in values:
                    return text
                return self.refuse_other(node, text, [str(it) for it in values])
            case kinds.IntType():
                return self._integer(node, text, kind)
            case kinds.BoolType():
                if text.lower() in TRUTH:
                    return TRUTH[text.lower()]
                return self.refuse(node, text, " Expected true or false.")
            case kinds.StrType(min_length=least) if least and len(text) < least:
                return self.refuse(node, text, " Expected a text that is not empty.")
        if names == "template":
            return self._template(node, text)
        if names:
            self.draft.names.append(Named(names, text, node.at))
        return text

    def _template(self, node: Node, text: str) -> object:
        found = template.parse(text)
        self.draft.names += [Named("field", path, node.at) for path in found.paths]
        return self.refuse(node, text, f" {found.wrong}") if found.wrong else text

    def _integer(self, node: YamlScalar, text: str, kind: kinds.IntType) -> object:
        least, most = kind.ge or 0, kind.le or 2**31 - 1
        if INTEGER.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        bounds = f"from {least} to {most}" if kind.le else f"of {least} or more"
        return self.refuse(node, text, f" Expected a whole number {bounds}.")

    def _expand(self, node: YamlScalar) -> str | None:
        if self.section not in EXPANDED:
            return node.text
        text, wrong = expand(node.text, self._env)
        if wrong is not None:
            self.report(node.at, codes.UNSET_VARIABLE, wrong)
            return None
        return text

    def _tuple(self, node: Node, kind: kinds.VarTupleType, names: str) -> object:
        """Read a list; a single item stands for a list of one."""
        if is_of(kind.item_type, spec.Condition):
            return self.conditions(node)
        if is_of(kind.item_type, spec.Rule):
            return self._rules(node)
        values = []
        for item in items_of(node):
            if names == "transform" and isinstance(item, YamlMapping):
                value = self._step(item)
            else:
                value = self._value(item, kind.item_type, names)
            if value is BAD:
                continue
            values.append(value)
            if isinstance(value, tuple) and isinstance(item, YamlMapping) and not item.pairs:
                self.draft.empty_items.append(Named(self.section, "", item.at))
        return tuple(values)

    def _step(self, node: YamlMapping) -> object:
        """Read a transform with arguments: `{before: ":"}`, `{part: 2, of: ","}`."""
        name = node.pairs[0][0] if node.pairs else YamlScalar("", node.at)
        declared = TRANSFORMS.get(name.text)
        takers = [it for it, row in TRANSFORMS.items() if row.arguments]
        if declared is None or not declared.arguments:
            hint = did_you_mean(name.text, takers)
            message = f'"{shown(name.text)}" is no transform with arguments.{hint}'
            fix = meant(name.at, name.text, takers)
            return self.report(name.at, codes.UNKNOWN_TRANSFORM, message, fix)
        said = {key.text: inner for key, inner in node.pairs}
        if len(said) == 1:
            nodes = items_of(node.pairs[0][1])
        else:
            nodes = [said[it] for it in declared.arguments if it in said]
            nodes = nodes if len(nodes) == len(said) else []
        values = [self._value(item, kinds.StrType()) for item in nodes]
        if any(value is BAD for value in values):
            return BAD
        arguments = tuple(map(str, values))
        if len(arguments) != len(declared.arguments):
            return self.expected(node, f"{step_form(name.text)}")
        if wrong := wrong_argument(name.text, arguments):
            return self.refuse(node.pairs[0][1], wrong[0], f" {wrong[1]}")
        return spec.Step(name.text, arguments)

    def _dict(self, node: Node, kind: kinds.DictType) -> object:
        if not isinstance(node, YamlMapping):
            return self.expected(node, 'settings such as "key: value"')
        if isinstance(kind.value_type, kinds.CustomType):
            return json_value(node)
        if isinstance(kind.value_type, kinds.VarTupleType):
            return self._rules_by_key(node)
        values: dict[str, object] = {}
        for key, inner in node.pairs:
            is_null = isinstance(inner, YamlScalar) and inner.is_null
            value = None if is_null else self._value(inner, kind.value_type)
            if value is not BAD:
                values[key.text] = value
        return values

    def _rules_by_key(self, node: YamlMapping) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, inner in node.pairs:
            self._key, self._key_at = key.text, key.at
            self.draft.keys.append(Named(self.section, key.text, key.at))
            if isinstance(inner, YamlScalar) and inner.is_null:
                values[key.text] = None
            elif (rules := self._value_rules(inner)) is not BAD:
                values[key.text] = rules
        return values

    def _value_rules(self, node: Node) -> object:
        return BAD if isinstance(node, YamlInvalid) else self._rules(node)

    def _rules(self, node: Node) -> object:
        if not isinstance(node, YamlList):
            rule = self._rule(node, self._key_at)
            return (rule,) if isinstance(rule, spec.Rule) else BAD
        first = len(self.draft.rules)
        if not node.items:
            message = f"{named(self._key)} has no rule. Write one, or null to remove the key."
            return self.report(node.at, codes.WRONG_KIND, message)
        rules = [self._rule(item, item.at) for item in node.items]
        read = [rule for rule in rules if isinstance(rule, spec.Rule)]
        # A label belongs to the key: it need not be said with each rule.
        label = next((rule.label for rule in read if rule.label is not None), None)
        seen = self.draft.rules
        for index in range(first, len(seen)):
            seen[index] = seen[index]._replace(rule=_labelled(seen[index].rule, label))
        return tuple(_labelled(rule, label) for rule in read) if read else BAD

    def _rule(self, node: Node, at: Location) -> object:
        section = self._key if self.section == "envelope" else self.section
        key, key_at = self._key, self._key_at
        if isinstance(node, YamlMapping):
            said, places = self._fields(node, spec.Rule)
            self._key, self._key_at = key, key_at
            rule = spec.Rule(**said, at=at)  # type: ignore[arg-type] # by their declared types
        elif isinstance(node, YamlScalar) and not node.is_null:
            text = self._expand(node)
            if text is None:
                return BAD
            rule, places = spec.Rule(value=text, at=at), {"value": node.at}
        elif isinstance(node, YamlInvalid):
            return BAD
        else:
            return self.expected(node, "a rule such as {from: NamespaceName}")
        self.draft.rules.append(RuleSeen(section, key, key_at, rule, places))
        return rule

    def _struct(self, node: Node, cls: type) -> object:
        if not isinstance(node, YamlMapping):
            name = either([f'"{key}: …"' for key in list(yaml_fields(cls))[:2]])
            return self.expected(node, f"settings such as {name}")
        if cls is spec.Table:
            return self._table(node)
        problems_before = len(self.draft.problems)
        said, places = self._fields(node, cls)
        if cls is spec.Envelope:
            self.draft.envelope_at = places
            return said
        if len(self.draft.problems) > problems_before:
            return BAD
        return spec.Example(**said, at=node.at)  # type: ignore[arg-type] # by their declared types

    def _table(self, node: YamlMapping) -> object:
        if len(node.pairs) == 1 and node.pairs[0][0].text == "file":
            return self._table_file(node.pairs[0][1])
        rows: dict[str, str] = {}
        seen: set[str] = set()
        for key, inner in node.pairs:
            value = self._value(inner, kinds.StrType())
            if key.text.casefold() in seen:
                message = f'Duplicate "{shown(key.text)}": case is ignored. Remove one.'
                same = {it.casefold(): text for it, text in rows.items()}
                is_same = same.get(key.text.casefold()) == value
                fix = Removal(key.at, key.text) if is_same else None
                self.report(key.at, codes.TWICE, message, fix)
            elif isinstance(value, str):
                rows[key.text] = value
            seen.add(key.text.casefold())
        return spec.Table(rows)

    def _table_file(self, node: Node) -> object:
        name = self._value(node, kinds.StrType())
        if not isinstance(name, str):
            return BAD
        path = self._folder / name
        rows, problems = tables.read(path, node.at)
        self.draft.problems += problems
        return spec.Table(rows, str(path))


def _same_twice(node: YamlMapping, was: str, today: str) -> Removal | None:
    """Return the fix of a setting by an earlier name and today's, which say the same."""
    by_name = {key.text: (key, plain(inner)) for key, inner in node.pairs}
    (old, said), (_, again) = by_name[was], by_name[today]
    return Removal(old.at, was) if said == again else None


def _labelled(rule: spec.Rule, label: str | None) -> spec.Rule:
    if label is None or rule.label is not None:
        return rule
    return msgspec.structs.replace(rule, label=label)
