"""A mapping as YAML that loads again to the same mapping: what `mapping show` prints.

In comes a merged `spec.Mapping`, out goes its text, everything inherited written out. Follows the
declared types like `reader`, the other way round. Must not know files.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any, Final

import msgspec
import yaml

from cef_bridge.mapping.language import spec
from cef_bridge.mapping.language.condition_forms import needs_text
from cef_bridge.mapping.language.reader import EXPANDED, yaml_fields
from cef_bridge.mapping.language.values import json_scalar
from cef_bridge.mapping.language.variables import escape

if TYPE_CHECKING:
    from collections.abc import Iterable

_TEXT: Final = "tag:yaml.org,2002:str"
_NUMBER: Final = re.compile(r"[0-9]+(\.[0-9]+)?")
_OTHER_BREAK: Final = re.compile("[\r\x85\u2028\u2029]")
_BREAK: Final = re.compile("[\n\r\x85\u2028\u2029]")
_WIDTH = 10_000  # one rule, one line: breaks would come in the middle of texts
_RESOLVER: Any = yaml.resolver.Resolver()  # PyYAML's stubs do not type `resolve`

_OWN_LINES = (
    "header",
    "severity",
    "extension",
    "drop_events",
    "keep_events",
    "envelope",
    "examples",
)
"""Sections whose entries stand on lines of their own; what is inside of them stands in one line."""


def to_yaml(mapping: spec.Mapping) -> str:
    """Return the mapping as YAML, ending in a newline.

    Settings with their default value are left out, and `extends`, for all of it is written here.
    """
    return _serialized(_root(mapping))


def fingerprint(mapping: spec.Mapping) -> str:
    """Return a hash of all that a mapping says, wherever it stands."""
    return hashlib.sha256(to_yaml(mapping).encode("utf-8", "surrogatepass")).hexdigest()


def to_plain(mapping: spec.Mapping) -> object:
    """Return the same as JSON data, by the same keys."""
    return _plain(_root(mapping))


def scalar(text: str | None, style: str | None = None) -> str:
    """Return a text as it can stand behind a key or in a list, whatever is in it; None is null.

    `style` is the quote to use, if it can be. Fits into flow style ({ }) as well.
    """
    node = _null_or_text(text)
    if style and text is not None:
        node = _TextNode(_TEXT, text, style='"' if _BREAK.search(text) else style)
    return _serialized(_items([node])).strip()[1:-1]


def rule_lines(key: str, rules: Iterable[spec.Rule], via: str) -> list[str]:
    """Return the lines of a key's rules with one transform more."""
    longer = tuple(msgspec.structs.replace(rule, via=(*rule.via, via)) for rule in rules)
    node = _pairs([(key, _Writer(expanded=False).value(longer))], flow=False)
    return _serialized(node).split("\n")[:-1]


def constant(value: object) -> str | None:
    """Return the text of a single rule that says nothing else, None for anything else."""
    match _without_places(value):
        case (spec.Rule(value=str(text)) as rule,) if rule == spec.Rule(value=text):
            return text
    return None


def _without_places(value: object) -> object:
    """Return rules without their places in a file; any other value as it is."""
    if not isinstance(value, tuple):
        return value
    return tuple(
        msgspec.structs.replace(it, at=spec.NOWHERE) if isinstance(it, spec.Rule) else it
        for it in value
    )


def rules_text(rules: tuple[spec.Rule, ...]) -> str:
    """Return the rules of one key as YAML in one line: `{from: HostName}`."""
    writer = _Writer(expanded=False)
    texts = [_serialized(writer.value(rule)).strip() for rule in rules]
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def example_lines(example: spec.Example) -> list[str]:
    """Return the lines of an example as an item of a list, a field or a key on each line."""
    pairs: list[tuple[str, yaml.Node]] = [("name", _quoted(example.name))] if example.name else []
    pairs.append(("event", _pairs(_json_pairs(example.event), flow=not example.event)))
    expect = (
        (key, _typed("null") if text is None else _quoted(text))
        for key, text in example.expect.items()
    )
    pairs.append(("expect", _pairs(expect, flow=not example.expect)))
    return _serialized(_items([_pairs(pairs, flow=False)], flow=False)).split("\n")[:-1]


def _quoted(text: str) -> yaml.Node:
    """Make a scalar of a text that stays on one line."""
    return _TextNode(_TEXT, text, style='"') if _BREAK.search(text) else _text(text)


def _serialized(node: yaml.Node) -> str:
    text: str = yaml.serialize(node, Dumper=yaml.SafeDumper, allow_unicode=True, width=_WIDTH)
    return text


def _root(mapping: spec.Mapping) -> yaml.Node:
    pairs = []
    for key, row in yaml_fields(spec.Mapping).items():
        value = getattr(mapping, row.name)
        if key == "extends" or (value == row.default and key != "format") or value in ({}, ()):
            continue
        writer = _Writer(expanded=row.name in EXPANDED)
        pairs.append((key, writer.section(value) if key in _OWN_LINES else writer.value(value)))
    return _pairs(pairs, flow=False)


class _TextNode(yaml.ScalarNode):
    """A text; what is a plain ScalarNode is a number, true, false or null."""


def _plain(node: yaml.Node) -> object:
    match node:
        case yaml.MappingNode():
            return {key.value: _plain(inner) for key, inner in node.value}
        case yaml.SequenceNode():
            return [_plain(inner) for inner in node.value]
        case _TextNode():
            return node.value
    return json_scalar(node.value)


def _text(text: str) -> yaml.Node:
    """Make a scalar that `reader` takes for this text; numbers need no quotes there."""
    if _NUMBER.fullmatch(text):
        return _TextNode(_tag(text), text)
    if _OTHER_BREAK.search(text):
        return _TextNode(_TEXT, text, style='"')
    return _TextNode(_TEXT, text, style="|" if "\n" in text else None)


def _typed(text: str) -> yaml.Node:
    """Make a scalar of a number, true, false or null, always without quotes."""
    return yaml.ScalarNode(_tag(text), text)


def _tag(text: str) -> str:
    """Return the tag that PyYAML reads an unquoted text as: with it, it writes no quotes."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))


def _pairs(pairs: Iterable[tuple[str, yaml.Node]], *, flow: bool = True) -> yaml.Node:
    return yaml.MappingNode(
        "tag:yaml.org,2002:map", [(_text(key), node) for key, node in pairs], flow_style=flow
    )


def _items(nodes: Iterable[yaml.Node], *, flow: bool = True) -> yaml.Node:
    return yaml.SequenceNode("tag:yaml.org,2002:seq", list(nodes), flow_style=flow)


class _Writer:
    def __init__(self, *, expanded: bool) -> None:
        self._expanded = expanded

    def section(self, value: object) -> yaml.Node:
        """Make the node of a section: its entries on lines of their own."""
        if isinstance(value, dict):
            return _pairs(((key, self.value(rules)) for key, rules in value.items()), flow=False)
        if isinstance(value, tuple):
            return _items(map(self.value, value), flow=False)
        if isinstance(value, spec.Envelope):
            return _pairs(self._said(value), flow=False)
        raise TypeError(value)  # a section that spec has got and this module does not know

    def value(self, value: object) -> yaml.Node:
        match value:
            case bool():
                return _typed("true" if value else "false")
            case int():
                return _typed(str(value))
            case str():
                return _text(escape(value) if self._expanded else value)
            case spec.Test():
                return self._test(value)
            case spec.Step():
                return self._step(value)
            case spec.Table(file=str(file)):
                return _pairs([("file", self.value(file))])
            case spec.Table():
                return _pairs((key, self.value(text)) for key, text in value.rows.items())
            case spec.Example():
                return self._example(value)
            case spec.Rule():
                return _pairs(self._said(value))
            case tuple() if value and all(isinstance(item, spec.Condition) for item in value):
                return _pairs((item.path, self._one_or_more(item.any_of)) for item in value)
            case tuple() if value and isinstance(value[0], (spec.Rule, spec.Test)):
                return self._one_or_more(value)
            case tuple():
                return _items(map(self.value, value))
        raise TypeError(value)  # a type that spec has got and this module does not know

    def _test(self, test: spec.Test) -> yaml.Node:
        match test.kind:
            case "not":
                return _pairs([("not", self._one_or_more(test.tests))])
            case "range":
                bounds = (("min", test.least), ("max", test.most))
                return _pairs((word, _text(text)) for word, text in bounds if text is not None)
            case "is":
                return _pairs([("is", _text(test.text))])
            case "literal" if needs_text(test.text):
                return _pairs([("text", _text(test.text))])
        return _text(test.text)

    def _step(self, step: spec.Step) -> yaml.Node:
        if step.name == "part":
            number, mark = step.arguments
            return _pairs([("part", _text(number)), ("of", self.value(mark))])
        nodes = [self.value(text) for text in step.arguments]
        return _pairs([(step.name, nodes[0] if len(nodes) == 1 else _items(nodes))])

    def _one_or_more(self, values: tuple[object, ...]) -> yaml.Node:
        if len(values) == 1:
            return self.value(values[0])
        return _items(map(self.value, values), flow=not isinstance(values[0], spec.Rule))

    def _said(self, struct: spec.Rule | spec.Envelope) -> Iterable[tuple[str, yaml.Node]]:
        """Yield what a rule or an envelope says beyond its defaults."""
        for key, row in yaml_fields(type(struct)).items():
            value = getattr(struct, row.name)
            if value == row.default or _without_places(value) == row.default:
                continue
            # The facility is a text, unless rules are wanted; a host's name is a rule.
            if constant(row.default) is not None and (text := constant(value)) is not None:
                value = text
            if row.name in ("from_", "via") and len(value) == 1:
                value = value[0]
            yield key, self.value(value)

    def _example(self, example: spec.Example) -> yaml.Node:
        pairs: list[tuple[str, yaml.Node]] = []
        if example.name:
            pairs.append(("name", self.value(example.name)))
        pairs.append(("event", _json(example.event)))
        expect = ((key, _null_or_text(text)) for key, text in example.expect.items())
        pairs.append(("expect", _pairs(expect)))
        return _pairs(pairs, flow=False)


def _null_or_text(text: str | None) -> yaml.Node:
    return _typed("null") if text is None else _text(text)


def _json_pairs(value: dict[str, object]) -> Iterable[tuple[str, yaml.Node]]:
    return ((key, _json(inner)) for key, inner in value.items())


def _json(value: object) -> yaml.Node:
    match value:
        case dict():
            return _pairs(_json_pairs(value))
        case list():
            return _items(map(_json, value))
        case str():
            if not isinstance(json_scalar(value), str):  # it looks like a number, true or null
                return _TextNode(_TEXT, value, style="'")
            return _TextNode(_TEXT, value, style='"' if _BREAK.search(value) else None)
        case None:
            return _typed("null")
        case bool():
            return _typed("true" if value else "false")
    return _typed(str(value))
