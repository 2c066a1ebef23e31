"""One mapping file: nodes become typed values, as far as they can, and all problems of their types.

In come nodes, out goes a `Draft`: what the file says, and where; what it does not say is absent,
so that `merge` can tell. The declared types of `spec` drive the walk: a field that is added there
is read here. Whether names exist and rules make sense is `lint`'s. Must not know parents.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import inspect as kinds

from cef_bridge.errors import Location, Problem
from cef_bridge.mapping import codes, condition_forms, spec, tables, template
from cef_bridge.mapping.draft import Draft, Named, RuleSeen
from cef_bridge.mapping.nodes import Broken, Items, Node, Pairs, Text
from cef_bridge.mapping.transforms import TRANSFORMS, step_form, wrong_argument
from cef_bridge.mapping.values import INTEGER, TRUTH, json_value, test_of
from cef_bridge.mapping.variables import expand
from cef_bridge.wording import did_you_mean, either, named, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

BAD: Final = object()
"""What could not be read; the problem has been reported."""

EXPANDED = ("cluster", "header", "envelope")
"""Sections in whose values environment variables are filled in."""

_INTERNAL = ("at", "path")


def read(
    root: Node,
    path: str,
    env: Mapping[str, str],
    declared: type[spec.Mapping | spec.ExampleFile] = spec.Mapping,
) -> Draft:
    """Return what a file's root node says; `path` is shown, and tables are looked for beside it."""
    return _Reader(path, env).read(root, declared)


@cache
def yaml_fields(cls: type) -> dict[str, kinds.Field]:
    """Return a declared type's fields by their YAML key."""
    declared = kinds.type_info(cls)
    if not isinstance(declared, kinds.StructType):
        return {}
    return {
        "mapping" if (cls, row.name) == (spec.Mapping, "name") else row.name.rstrip("_"): row
        for row in declared.fields
        if row.name not in _INTERNAL
    }


def is_of(kind: kinds.Type, cls: type) -> bool:
    """Tell whether a declared type is the struct `cls`."""
    return isinstance(kind, kinds.StructType) and kind.cls is cls


def _found(node: Node) -> str:
    if isinstance(node, Text):
        return f'the text "{shown(node.text)}"'
    return "a list" if isinstance(node, Items) else "a mapping"


class _Reader:
    def __init__(self, path: str, env: Mapping[str, str]) -> None:
        self._draft = Draft(path)
        self._folder = Path(path).parent
        self._env = env
        self._section = ""
        self._key = ""
        self._key_at = Location(path)

    def read(self, root: Node, declared: type) -> Draft:
        if isinstance(root, Pairs):
            self._draft.said, self._draft.places = self._fields(root, declared)
        elif not isinstance(root, Broken):
            begin = (
                'A mapping begins with settings such as "mapping: NAME".'
                if declared is spec.Mapping
                else 'A file of examples begins with "examples:".'
            )
            self._report(root.at, codes.WRONG_KIND, f"{begin} Found {_found(root)}.")
        return self._draft

    def _report(self, at: Location, code: codes.Code, message: str) -> object:
        self._draft.problems.append(Problem(at, code.id, message, code.severity))
        return BAD

    def _expected(self, node: Node, what: str) -> object:
        return self._report(node.at, codes.WRONG_KIND, f"Expected {what}. Found {_found(node)}.")

    def _fields(self, node: Pairs, cls: type) -> tuple[dict[str, object], dict[str, Location]]:
        """Read what a node says, by the struct's field names, and where each key stands."""
        declared = yaml_fields(cls)
        said: dict[str, object] = {}
        places: dict[str, Location] = {}
        for key, inner in node.pairs:
            row = declared.get(key.text)
            if row is None:
                hint = did_you_mean(key.text, list(declared))
                message = f'"{shown(key.text)}" is no setting here.{hint}'
                self._report(key.at, codes.UNKNOWN_SETTING, message)
                continue
            places[row.name] = key.at
            if cls is spec.Mapping:
                self._section, self._key = row.name, row.name
            elif cls is spec.Envelope:
                self._key = row.name
            self._key_at = key.at
            if isinstance(inner, Text) and inner.is_null:
                self._nothing(cls, key, row, said)
            elif (value := self._value(inner, row.type)) is not BAD:
                said[row.name] = value
        for name, row in declared.items():
            if row.required and row.name not in places:
                example = "mapping: NAME" if cls is spec.Mapping else f"{name}: …"
                message = f'"{name}" is missing. Add "{example}".'
                self._report(node.at, codes.MISSING, message)
        return said, places

    def _nothing(self, cls: type, key: Text, row: kinds.Field, said: dict[str, object]) -> None:
        """`key:` with nothing after it: back to the default, but in a rule or example a slip."""
        kind = row.type.type if isinstance(row.type, kinds.Metadata) else row.type
        if cls in (spec.Rule, spec.Example) or row.required:
            message = f'"{key.text}" has no value. Write one, or remove the line.'
            self._report(key.at, codes.WRONG_KIND, message)
        elif not isinstance(kind, (kinds.DictType, kinds.StructType)):
            said[row.name] = row.default
            self._draft.replaces.add(row.name)

    def _value(self, node: Node, kind: kinds.Type, names: str = "") -> object:
        """Return the value of a node as a declared type, or BAD."""
        if isinstance(node, Broken):
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
        if not isinstance(node, Pairs) or [key.text for key, _ in node.pairs] != ["replace"]:
            return node
        self._draft.replaces.add(self._section)
        return node.pairs[0][1]

    def _scalar(self, node: Node, kind: kinds.Type, names: str) -> object:
        if not isinstance(node, Text):
            return self._expected(node, "a number" if isinstance(kind, kinds.IntType) else "a text")
        if node.is_null:
            message = 'A value is missing here. Write one; "" is an empty text.'
            return self._report(node.at, codes.WRONG_KIND, message)
        text = self._expand(node)
        if text is None:
            return BAD
        match kind:
            case kinds.LiteralType(values=values):
                if text in values:
                    return text
                return self._refuse(node, text, did_you_mean(text, [str(it) for it in values]))
            case kinds.IntType():
                return self._integer(node, text, kind)
            case kinds.BoolType():
                if text.lower() in TRUTH:
                    return TRUTH[text.lower()]
                return self._refuse(node, text, " Expected true or false.")
            case kinds.StrType(min_length=least) if least and len(text) < least:
                return self._refuse(node, text, " Expected a text that is not empty.")
        if names == "template":
            return self._template(node, text)
        if names:
            self._draft.names.append(Named(names, text, node.at))
        return text

    def _template(self, node: Node, text: str) -> object:
        found = template.parse(text)
        self._draft.names += [Named("field", path, node.at) for path in found.paths]
        return self._refuse(node, text, f" {found.wrong}") if found.wrong else text

    def _refuse(self, node: Node, text: str, hint: str) -> object:
        message = f'"{shown(text)}" is not possible here.{hint}'
        return self._report(node.at, codes.BAD_VALUE, message)

    def _integer(self, node: Text, text: str, kind: kinds.IntType) -> object:
        least, most = kind.ge or 0, kind.le or 2**31 - 1
        if INTEGER.fullmatch(text) and least <= int(text) <= most:
            return int(text)
        bounds = f"from {least} to {most}" if kind.le else f"of {least} or more"
        return self._refuse(node, text, f" Expected a whole number {bounds}.")

    def _expand(self, node: Text) -> str | None:
        if self._section not in EXPANDED:
            return node.text
        text, wrong = expand(node.text, self._env)
        if wrong is not None:
            self._report(node.at, codes.UNSET_VARIABLE, wrong)
            return None
        return text

    def _tuple(self, node: Node, kind: kinds.VarTupleType, names: str) -> object:
        """Read a list; a single item stands for a list of one."""
        if is_of(kind.item_type, spec.Condition):
            return self._conditions(node)
        if is_of(kind.item_type, spec.Rule):
            return self._rules(node)
        values = []
        for item in _items(node):
            if names == "transform" and isinstance(item, Pairs):
                value = self._step(item)
            else:
                value = self._value(item, kind.item_type, names)
            if value is BAD:
                continue
            values.append(value)
            if isinstance(value, tuple) and isinstance(item, Pairs) and not item.pairs:
                self._draft.empty_items.append(Named(self._section, "", item.at))
        return tuple(values)

    def _step(self, node: Pairs) -> object:
        """Read a transform with arguments: `{before: ":"}`, `{part: 2, of: ","}`."""
        name = node.pairs[0][0] if node.pairs else Text("", node.at)
        declared = TRANSFORMS.get(name.text)
        takers = [it for it, row in TRANSFORMS.items() if row.arguments]
        if declared is None or not declared.arguments:
            hint = did_you_mean(name.text, takers)
            message = f'"{shown(name.text)}" is no transform with arguments.{hint}'
            return self._report(name.at, codes.UNKNOWN_TRANSFORM, message)
        said = {key.text: inner for key, inner in node.pairs}
        if len(said) == 1:
            nodes = _items(node.pairs[0][1])
        else:
            nodes = [said[it] for it in declared.arguments if it in said]
            nodes = nodes if len(nodes) == len(said) else []
        values = [self._value(item, kinds.StrType()) for item in nodes]
        if any(value is BAD for value in values):
            return BAD
        arguments = tuple(map(str, values))
        if len(arguments) != len(declared.arguments):
            return self._expected(node, f"{step_form(name.text)}")
        if wrong := wrong_argument(name.text, arguments):
            return self._refuse(node.pairs[0][1], wrong[0], f" {wrong[1]}")
        return spec.Step(name.text, arguments)

    def _dict(self, node: Node, kind: kinds.DictType) -> object:
        if not isinstance(node, Pairs):
            return self._expected(node, 'settings such as "key: value"')
        if isinstance(kind.value_type, kinds.CustomType):
            return json_value(node)
        if isinstance(kind.value_type, kinds.VarTupleType):
            return self._rules_by_key(node)
        values: dict[str, object] = {}
        for key, inner in node.pairs:
            is_null = isinstance(inner, Text) and inner.is_null
            value = None if is_null else self._value(inner, kind.value_type)
            if value is not BAD:
                values[key.text] = value
        return values

    def _rules_by_key(self, node: Pairs) -> dict[str, object]:
        values: dict[str, object] = {}
        for key, inner in node.pairs:
            self._key, self._key_at = key.text, key.at
            self._draft.keys.append(Named(self._section, key.text, key.at))
            if isinstance(inner, Text) and inner.is_null:
                values[key.text] = None
            elif (rules := self._value_rules(inner)) is not BAD:
                values[key.text] = rules
        return values

    def _value_rules(self, node: Node) -> object:
        return BAD if isinstance(node, Broken) else self._rules(node)

    def _rules(self, node: Node) -> object:
        if not isinstance(node, Items):
            rule = self._rule(node, self._key_at)
            return (rule,) if isinstance(rule, spec.Rule) else BAD
        first = len(self._draft.rules)
        if not node.items:
            message = f"{named(self._key)} has no rule. Write one, or null to remove the key."
            return self._report(node.at, codes.WRONG_KIND, message)
        rules = [self._rule(item, item.at) for item in node.items]
        read = [rule for rule in rules if isinstance(rule, spec.Rule)]
        # A label belongs to the key: it need not be said with each rule.
        label = next((rule.label for rule in read if rule.label is not None), None)
        seen = self._draft.rules
        for index in range(first, len(seen)):
            seen[index] = seen[index]._replace(rule=_labelled(seen[index].rule, label))
        return tuple(_labelled(rule, label) for rule in read) if read else BAD

    def _rule(self, node: Node, at: Location) -> object:
        section = self._key if self._section == "envelope" else self._section
        key, key_at = self._key, self._key_at
        if isinstance(node, Pairs):
            said, places = self._fields(node, spec.Rule)
            self._key, self._key_at = key, key_at
            rule = spec.Rule(**said, at=at)  # type: ignore[arg-type] # by their declared types
        elif isinstance(node, Text) and not node.is_null:
            text = self._expand(node)
            if text is None:
                return BAD
            rule, places = spec.Rule(value=text, at=at), {"value": node.at}
        elif isinstance(node, Broken):
            return BAD
        else:
            return self._expected(node, "a rule such as {from: NamespaceName}")
        self._draft.rules.append(RuleSeen(section, key, key_at, rule, places))
        return rule

    def _struct(self, node: Node, cls: type) -> object:
        if not isinstance(node, Pairs):
            name = either([f'"{key}: …"' for key in list(yaml_fields(cls))[:2]])
            return self._expected(node, f"settings such as {name}")
        if cls is spec.Table:
            return self._table(node)
        problems_before = len(self._draft.problems)
        said, places = self._fields(node, cls)
        if cls is spec.Envelope:
            self._draft.envelope_at = places
            return said
        if len(self._draft.problems) > problems_before:
            return BAD
        return spec.Example(**said, at=node.at)  # type: ignore[arg-type] # by their declared types

    def _table(self, node: Pairs) -> object:
        if len(node.pairs) == 1 and node.pairs[0][0].text == "file":
            return self._table_file(node.pairs[0][1])
        rows: dict[str, str] = {}
        seen: set[str] = set()
        for key, inner in node.pairs:
            value = self._value(inner, kinds.StrType())
            if key.text.casefold() in seen:
                message = f'"{shown(key.text)}" stands twice here: case does not count. Remove one.'
                self._report(key.at, codes.TWICE, message)
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
        self._draft.problems += problems
        return spec.Table(rows, str(path))

    def _conditions(self, node: Node) -> object:
        if not isinstance(node, Pairs):
            return self._expected(node, "conditions such as {Operation: File}")
        conditions = []
        for key, inner in node.pairs:
            self._draft.names.append(Named("field", key.text, key.at))
            if isinstance(inner, Broken):
                continue
            found = [test for item in _items(inner) for test in self._tests(item, key.text)]
            condition = spec.Condition(key.text, tuple(found), key.at)
            if not found and not (isinstance(inner, Items) and not inner.items):
                continue  # reported already
            conditions.append(condition)
            self._draft.conditions.append(condition)
        return tuple(conditions)

    def _tests(self, node: Node, path: str) -> list[spec.Test]:
        """Read one item of a condition: a text, or one of the forms of `condition_forms.WORDS`."""
        if isinstance(node, Text):
            return self._text_test(node, path)
        if isinstance(node, Pairs):
            return self._form(node, path)
        if not isinstance(node, Broken):
            self._expected(node, "a text, a list of texts, or a form such as {is: ipv4}")
        return []

    def _text_test(self, node: Text, path: str) -> list[spec.Test]:
        if node.is_null:
            message = "Nothing stands here. For a field that is not there write {is: absent}."
            self._report(node.at, codes.WRONG_KIND, message)
            return []
        if meant := condition_forms.meant_by(path, node.text):
            text = shown(node.text)
            message = (
                f'"{text}" looks like a condition, and would be compared as a text. '
                f'Write {shown(meant)}, or for this very text {{text: "{text}"}}.'
            )
            self._report(node.at, codes.LOOKS_LIKE_TEST, message)
            return []
        return [test_of(node.text)]

    def _form(self, node: Pairs, path: str) -> list[spec.Test]:
        said = {key.text: inner for key, inner in node.pairs}
        for key, _ in node.pairs:
            if key.text not in condition_forms.WORDS:
                hint = did_you_mean(key.text, list(condition_forms.WORDS))
                message = f'"{shown(key.text)}" is no form of a condition.{hint}'
                self._report(key.at, codes.UNKNOWN_SETTING, message)
                return []
        if not said or (len(said) > 1 and set(said) != {"min", "max"}):
            self._expected(node, "one form, such as {is: ipv4}, {not: shop} or {min: 7}")
            return []
        if "is" in said:
            kind = kinds.LiteralType(spec.IS_CLASSES)
            texts = [self._value(item, kind) for item in _items(said["is"])]
            return [spec.Test("is", text) for text in texts if isinstance(text, str)]
        if "text" in said:
            text = self._value(said["text"], kinds.StrType(min_length=1))
            return [spec.Test("literal", text)] if isinstance(text, str) else []
        if "not" in said:
            inner = [test for item in _items(said["not"]) for test in self._tests(item, path)]
            if isinstance(said["not"], Items) and not said["not"].items:
                self._expected(said["not"], "what must not hold")
            return [spec.Test("not", tests=tuple(inner))] if inner else []
        return self._range(node, said)

    def _range(self, node: Pairs, said: Mapping[str, Node]) -> list[spec.Test]:
        bounds: dict[str, str] = {}
        for name, inner in said.items():
            text = self._value(inner, kinds.StrType())
            if isinstance(text, str) and condition_forms.number_of(text) is None:
                self._refuse(inner, text, " Expected a number, such as 7 or -0.5.")
            elif isinstance(text, str):
                bounds[name] = text
        least, most = bounds.get("min"), bounds.get("max")
        if len(bounds) < len(said):
            return []
        if least is not None and most is not None and Decimal(least) > Decimal(most):
            self._refuse(node, f"min: {least}, max: {most}", " No number is as much and as little.")
            return []
        return [spec.Test("range", least=least, most=most)]


def _items(node: Node) -> list[Node]:
    """Return the items of a list, or the one that stands for it."""
    return node.items if isinstance(node, Items) else [node]


def _labelled(rule: spec.Rule, label: str | None) -> spec.Rule:
    if label is None or rule.label is not None:
        return rule
    return msgspec.structs.replace(rule, label=label)
