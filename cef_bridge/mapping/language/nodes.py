"""YAML as nodes with places: every scalar a text, nothing guessed about its type.

In come a file's bytes, out go nodes and all problems of the YAML itself. Plain YAML makes `No`
False, `1.10` 1.1 and `10:30` 630, so types are left to who knows what is expected. Built from
parser events, not with `yaml.compose`, whose recursion a deep file would break. Tags and merge
keys are refused; aliases count as often as they are used. Must not know what a mapping is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import NamedTuple

import yaml

from cef_bridge.errors import Location, Problem, Removal
from cef_bridge.mapping.language import codes
from cef_bridge.mapping.language.yaml_errors import explain
from cef_bridge.wording import shown

MOST_BYTES = 1024 * 1024
MOST_DEPTH = 32
MOST_NODES = 200_000

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# The characters that YAML 1.2 (5.1) forbids. A pattern of those it allows takes 14 ms to compile,
# this one 2.
_NOT_YAML = re.compile(r"[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_TOO_DEEP = "maximum nesting depth"
_NULLS = ("", "~", "null", "Null", "NULL")


class YamlScalar(NamedTuple):
    """A scalar; `plain` tells whether it stood without quotes."""

    text: str
    at: Location
    plain: bool = True

    @property
    def is_null(self) -> bool:
        """Whether YAML means "nothing" by it: empty, `~` or `null`, unquoted."""
        return self.plain and self.text in _NULLS


class YamlList(NamedTuple):
    """A list."""

    items: list[Node]
    at: Location


class YamlMapping(NamedTuple):
    """A mapping; each key once, in the order written."""

    pairs: list[tuple[YamlScalar, Node]]
    at: Location


class YamlInvalid(NamedTuple):
    """What stood here has been reported; nothing more is to be said about it."""

    at: Location


Node = YamlScalar | YamlList | YamlMapping | YamlInvalid


def read(
    data: bytes, path: str, *, begin: str = "mapping: NAME"
) -> tuple[Node | None, list[Problem]]:
    """Return the root node, None when there is none, and what is wrong with the YAML.

    `data` has at most MOST_BYTES. `begin` is what an empty file is told to begin with.
    """
    top = Location(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8-sig", "replace")
        message = "This is no UTF-8. Save the file as UTF-8."
        return None, [_problem(_after(before, path), codes.UNREADABLE, message)]
    bad = _NOT_YAML.search(text)
    if bad is not None:
        message = f"YAML does not allow the character U+{ord(bad[0]):04X}. Remove it."
        return None, [_problem(_after(text[: bad.start()], path), codes.NOT_YAML, message)]
    builder = _Builder(path)
    stopped = _feed(builder, text, LOADER)
    if stopped is not None and _TOO_DEEP in str(getattr(stopped, "problem", "")):
        # Newer editions of libyaml give up far ahead of what they have handed on. PyYAML's own
        # parser hands on as it reads, and is left at the depth that is too much here.
        builder = _Builder(path)
        stopped = _feed(builder, text, yaml.SafeLoader)
    if stopped is not None:
        line, column, message = explain(stopped, text)
        builder.problems.append(_problem(Location(path, line, column), codes.NOT_YAML, message))
        return None, builder.problems
    if not builder.problems and (builder.root is None or _is_empty(builder.root)):
        message = f'The file is empty. Begin with "{begin}".'
        return None, [_problem(top, codes.UNREADABLE, message)]
    return builder.root, builder.problems


def plain(node: Node) -> object:
    """Return what nodes say, without their places; each use of an alias stands for itself."""
    match node:
        case YamlScalar():
            return None if node.is_null else node.text
        case YamlList():
            return [plain(item) for item in node.items]
        case YamlMapping():
            return {key.text: plain(inner) for key, inner in node.pairs}
    return None


def _feed(builder: _Builder, text: str, loader: type) -> yaml.YAMLError | None:
    """Give a builder the parser's events until it has seen enough; return the parser's fault."""
    try:
        for event in yaml.parse(text, Loader=loader):
            if not builder.take(event):
                break
    except yaml.YAMLError as error:
        return error
    return None


def _is_empty(node: Node) -> bool:
    return isinstance(node, YamlScalar) and node.is_null


def _problem(at: Location, code: codes.LintRule, message: str) -> Problem:
    return Problem(at, code.id, message, code.severity)


def _after(before: str, path: str) -> Location:
    line_start = before.rfind("\n") + 1
    return Location(path, before.count("\n") + 1, len(before) - line_start + 1)


@dataclass(slots=True, eq=False, repr=False)
class _Frame:
    """A list or mapping being read; `weight` and `height` count what is in it, aliases expanded."""

    node: YamlList | YamlMapping
    anchor: str | None
    key: YamlScalar | None = None
    seen: set[str] = field(default_factory=set)
    expects_value: bool = False
    twice: tuple[YamlScalar, Node] | None = None  # a key that was there before, and its value
    weight: int = 1
    height: int = 1


def _pairs(frame: _Frame) -> list[tuple[YamlScalar, Node]]:
    return frame.node.pairs if isinstance(frame.node, YamlMapping) else []


class _Builder:
    """Takes parser events one by one and builds the tree."""

    def __init__(self, path: str) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self._path = path
        self._stack: list[_Frame] = []
        self._anchors: dict[str, tuple[Node, int, int]] = {}
        self._documents = 0
        self._weight = 0

    def take(self, event: yaml.Event) -> bool:
        """Take an event; False when nothing after it is worth reading."""
        mark = event.start_mark
        at = Location(self._path, mark.line + 1, mark.column + 1) if mark else Location(self._path)
        if isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self._report(at, codes.YAML_FEATURE, "A second document begins. Keep one a file.")
                return False
        elif isinstance(event, yaml.AliasEvent):
            return self._alias(event.anchor or "", at)
        elif isinstance(event, yaml.CollectionEndEvent):
            frame = self._stack.pop()
            return self._finish(frame.node, frame.anchor, frame.weight, frame.height)
        elif isinstance(event, yaml.NodeEvent):
            return self._begin(event, at)
        return True

    def _begin(self, event: yaml.NodeEvent, at: Location) -> bool:
        tag = getattr(event, "tag", None)
        if tag:
            name = shown(tag.replace("tag:yaml.org,2002:", "!!", 1))
            self._report(at, codes.TAG, f"The tag {name} is not read. Remove it.")
        if isinstance(event, yaml.ScalarEvent):
            return self._finish(YamlScalar(event.value, at, not event.style), event.anchor, 1, 0)
        if len(self._stack) >= MOST_DEPTH:
            message = f"This is nested more than {MOST_DEPTH} deep. Write it flatter."
            self._report(at, codes.TOO_BIG, message)
            return False
        node = (
            YamlList([], at) if isinstance(event, yaml.SequenceStartEvent) else YamlMapping([], at)
        )
        self._stack.append(_Frame(node, event.anchor))
        return True

    def _alias(self, name: str, at: Location) -> bool:
        node, weight, height = self._anchors.get(name, (None, 1, 0))
        if node is None:
            message = (
                f"*{shown(name)} points to no &{shown(name)} before it. "
                f'For a text that begins with a star, use quotes: "*{shown(name)}".'
            )
            self._report(at, codes.YAML_FEATURE, message)
            node = YamlInvalid(at)
        elif len(self._stack) + height > MOST_DEPTH:
            message = f"This is nested more than {MOST_DEPTH} deep. Write it flatter."
            self._report(at, codes.TOO_BIG, message)
            return False
        return self._finish(node, None, weight, height)

    def _finish(self, node: Node, anchor: str | None, weight: int, height: int) -> bool:
        if anchor is not None:
            self._anchors[anchor] = (node, weight, height)
        if not self._stack:
            self.root = node
            return True
        frame = self._stack[-1]
        frame.weight += weight
        frame.height = max(frame.height, height + 1)
        if frame.weight > MOST_NODES:
            message = f"There are more than {MOST_NODES:,} parts here, aliases counted each time."
            self._report(node.at, codes.TOO_BIG, message)
            return False
        if isinstance(frame.node, YamlList):
            frame.node.items.append(node)
        elif frame.expects_value:
            frame.expects_value = False
            if frame.key is not None:
                frame.node.pairs.append((frame.key, node))
            elif frame.twice is not None:
                self._offer_removal(*frame.twice, node)
                frame.twice = None
        else:
            frame.expects_value = True
            frame.key = self._key(node, frame)
        return True

    def _offer_removal(self, key: YamlScalar, first: Node, second: Node) -> None:
        """Give the problem of a key that is there twice its fix, if both say the same."""
        if plain(first) != plain(second) or isinstance(second, YamlInvalid):
            return
        for number, problem in enumerate(self.problems):
            if (problem.at, problem.code) == (key.at, codes.TWICE.id):
                self.problems[number] = problem._replace(fix=Removal(key.at, key.text))

    def _key(self, node: Node, frame: _Frame) -> YamlScalar | None:
        if isinstance(node, YamlInvalid):
            return None
        if not isinstance(node, YamlScalar):
            self._report(node.at, codes.WRONG_KIND, "A key must be a text.")
            return None
        if node.plain and node.text == "<<":
            message = "The merge key << is not read. Write the settings out, or use extends."
            self._report(node.at, codes.YAML_FEATURE, message)
            return None
        if node.text in frame.seen:
            first = next((it for key, it in _pairs(frame) if key.text == node.text), None)
            frame.twice = None if first is None else (node, first)
            message = f'Duplicate "{shown(node.text)}". Remove one, or make it a list.'
            self._report(node.at, codes.TWICE, message)
            return None
        frame.seen.add(node.text)
        return node

    def _report(self, at: Location, code: codes.LintRule, message: str) -> None:
        self.problems.append(_problem(at, code, message))
