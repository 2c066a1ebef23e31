"""Fixes of problems, put into a file's own bytes: all else stays as it was written.

In come a file's bytes and problems with their fixes, out go the bytes with those fixes that could
be made, and which these are. Comments, order, indentation and quotes stay: a text is replaced where
the parser says that it stands. Must not know why something is a problem, nor files.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import yaml

from cef_bridge.errors import Addition, Removal, Replacement
from cef_bridge.mapping.language import nodes
from cef_bridge.mapping.language.dump import scalar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.errors import Fix, Location, Problem

_BOM = "\ufeff"
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+)*")  # what may stand before a scalar: &anchor, !tag


class TextEdit(NamedTuple):
    """A range of a text in characters, and what it becomes."""

    start: int
    end: int
    text: str


def applied(data: bytes, problems: Sequence[Problem]) -> tuple[bytes, list[Problem]]:
    """Return a file's bytes with the fixes of problems in it, and the problems that these are of.

    `data` is what the problems were found in. Of two fixes that touch the same text the first is
    made; one that cannot be made without touching anything else is left out, and so is one that
    would make a key appear twice or the file unreadable.
    """
    found = _changes(data, problems)
    result = _with(data, [change for _, change in found])
    if found and not _is_as_good(result, data):
        for problem, change in found:  # one of them is at fault
            alone = _with(data, [change])
            if _is_as_good(alone, data):
                return alone, [problem]
        return data, []
    return result, [problem for problem, _ in found]


def edits(data: bytes, problems: Sequence[Problem]) -> list[tuple[Problem, TextEdit]]:
    """Return the fixes of problems that can be made, each for itself, as edits of a text.

    `data` has no byte order mark; otherwise as `applied`.
    """
    found = [each for problem in problems for each in _changes(data, [problem])]
    return [each for each in found if _is_as_good(_with(data, [each[1]]), data)]


def _changes(data: bytes, problems: Sequence[Problem]) -> list[tuple[Problem, TextEdit]]:
    try:
        text = data.decode("utf-8").removeprefix(_BOM)
        root = yaml.compose(text, Loader=nodes.LOADER)
    except (UnicodeDecodeError, yaml.YAMLError):
        return []
    document = EditedYaml(text, root)
    made = []
    for problem in problems:
        change = document.change(problem.fix) if problem.fix else None
        if change is not None:
            made.append((problem, change))
    made.sort(key=lambda it: it[1][:2])
    kept: list[tuple[Problem, TextEdit]] = []
    for problem, change in made:
        if not kept or change.start > kept[-1][1].end:
            kept.append((problem, change))
    return kept


def _with(data: bytes, changes: Sequence[TextEdit]) -> bytes:
    whole = data.decode("utf-8")
    text = whole.removeprefix(_BOM)
    begin = whole[: len(whole) - len(text)]
    for start, end, written in reversed(changes):
        text = text[:start] + written + text[end:]
    return (begin + text).encode("utf-8")


def _is_as_good(after: bytes, before: bytes) -> bool:
    """Whether a text is still YAML that can be read, with no more problems of YAML than before."""
    if len(after) > nodes.MOST_BYTES:
        return False
    root, problems = nodes.read(after, "")
    return root is not None and len(problems) <= len(nodes.read(before, "")[1])


class YamlPair(NamedTuple):
    """A key with its value, and where it is: its mapping, and its number in it."""

    within: yaml.MappingNode
    number: int
    key: yaml.Node
    value: yaml.Node


class EditedYaml:
    """A text with its nodes by their places, and what changes it."""

    def __init__(self, text: str, root: yaml.Node | None) -> None:
        self._text = text
        self._pairs: dict[tuple[int, int], YamlPair] = {}
        self._values: dict[tuple[int, int], yaml.ScalarNode] = {}
        self._root = root
        for node in _all(root):
            if isinstance(node, yaml.MappingNode):
                for number, (key, value) in enumerate(node.value):
                    self._pairs[_place(key)] = YamlPair(node, number, key, value)
                    self._note(value)
            elif isinstance(node, yaml.SequenceNode):
                for item in node.value:
                    self._note(item)

    def _note(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.ScalarNode):
            self._values[_place(node)] = node

    def change(self, fix: Fix) -> TextEdit | None:
        """Return what a fix changes in the text; None when it cannot be made."""
        match fix:
            case Replacement():
                return self._replace(fix)
            case Removal():
                pair = self._pairs.get(_at(fix.at))
                return self.without(pair) if pair and pair.key.value == fix.key else None
            case Addition():
                pair = self._pairs.get(_at(fix.at))
                return self._add(fix, pair.within) if pair else None

    def pair(self, within: yaml.Node | None, key: str) -> YamlPair | None:
        """Return the pair of a key in a mapping, None where it has none."""
        if isinstance(within, yaml.MappingNode):
            for number, (name, value) in enumerate(within.value):
                if name.value == key:
                    return YamlPair(within, number, name, value)
        return None

    def _replace(self, fix: Replacement) -> TextEdit | None:
        pair = self._pairs.get(_at(fix.at))
        if pair is None:
            node = self._values.get(_at(fix.at))
            if node is None:
                return None
            return self._written(node, fix) if node.value == fix.old else self._field(node, fix)
        if pair.key.value == fix.old:
            taken = any(key.value == fix.new for key, _ in pair.within.value)
            return None if taken else self._written(pair.key, fix)
        inside = [it for it in _all(pair.value) if isinstance(it, yaml.ScalarNode)]
        same = [it for it in inside if it.value == fix.old]
        return self._written(same[0], fix) if len(same) == 1 else None

    def _written(self, node: yaml.Node, fix: Replacement) -> TextEdit | None:
        """Replace a whole scalar, with the quotes that it had."""
        style = getattr(node, "style", None)
        if style in ("|", ">"):
            return None
        start, end = node.start_mark.index, node.end_mark.index
        before = _PROPERTIES.match(self._text, start, end)
        start = before.end() if before else start
        return TextEdit(start, end, scalar(fix.new, style))

    def _field(self, node: yaml.ScalarNode, fix: Replacement) -> TextEdit | None:
        """Replace a field's name in a template."""
        start, end = node.start_mark.index, node.end_mark.index
        name = re.compile(r"(?<=\{)[ \t]*" + re.escape(fix.old) + r"[ \t]*(?=\})")
        found = [*name.finditer(self._text, start, end)]
        return TextEdit(*found[0].span(), fix.new) if len(found) == 1 else None

    def without(self, pair: YamlPair) -> TextEdit | None:
        """Return what removes a pair; None when nothing else may be touched for it."""
        within, number, key, value = pair
        start, end = key.start_mark.index, self.end_of(value)
        if end < key.end_mark.index:  # an alias: its value stands elsewhere
            return None
        if within.flow_style:
            return self._remove_in_flow(pair, start, end)
        line = self._text.rfind("\n", 0, start) + 1
        if self._text[line:start].strip():  # behind a dash, or the like
            following = within.value[number + 1 :]
            stop = following[0][0].start_mark.index if following else end
            is_clear = bool(following) and "#" not in self._text[end:stop]
            return TextEdit(start, stop, "") if is_clear else None
        if within is self._root and len(within.value) == 1:
            return None
        return TextEdit(line, self._past(r"[^\n]*\n?", end), "")

    def _remove_in_flow(self, pair: YamlPair, start: int, end: int) -> TextEdit | None:
        """Remove a pair between braces, with the comma behind it, or before the last one."""
        within, number = pair.within, pair.number
        if number < len(within.value) - 1:
            return TextEdit(start, self._past(r"\s*,[ \t]*", end), "")
        if number == 0:
            return TextEdit(start, end, "")
        comma = self._text.rfind(",", 0, start)
        if self._text[comma + 1 : start].strip():  # a comment
            return TextEdit(start, end, "")
        return TextEdit(len(self._text[:comma].rstrip(" \t")), end, "")

    def _add(self, fix: Addition, within: yaml.MappingNode) -> TextEdit | None:
        if any(key.value == fix.key for key, _ in within.value):
            return None
        return self.added(within, f"{scalar(fix.key)}: {scalar(fix.value)}")

    def added(self, within: yaml.MappingNode, pair: str) -> TextEdit | None:
        """Return what adds a pair, in one line, behind the others of a mapping."""
        if not within.value:
            at = within.start_mark.index + 1
            return TextEdit(at, at, pair) if within.flow_style else None
        last, value = within.value[-1]
        end = self.end_of(value)
        if end < last.end_mark.index:  # an alias: its value stands elsewhere
            return None
        if within.flow_style:
            return TextEdit(end, end, f", {pair}")
        newline = "\r\n" if "\r\n" in self._text else "\n"
        end = self._past(r"[^\r\n]*", end)
        indent = " " * within.value[0][0].start_mark.column
        return TextEdit(end, end, f"{newline}{indent}{pair}")

    def _past(self, pattern: str, at: int) -> int:
        found = re.compile(pattern).match(self._text, at)
        return found.end() if found else at

    def end_of(self, node: yaml.Node) -> int:
        """Return where a value ends: of a block, its last line, and not where the next begins."""
        if isinstance(node, yaml.ScalarNode):
            end = int(node.end_mark.index)
            if node.style not in ("|", ">"):
                return end
            begin = int(node.start_mark.index)
            return begin + len(self._text[begin:end].rstrip(" \t\r\n"))
        if not isinstance(node, yaml.CollectionNode) or node.flow_style or not node.value:
            return int(node.end_mark.index)
        last = node.value[-1]
        return self.end_of(last[1] if isinstance(last, tuple) else last)


def _all(root: yaml.Node | None) -> Iterator[yaml.Node]:
    """Yield a node and all in it, each once, however often aliases point to it."""
    seen: set[int] = set()
    rest = [root] if root is not None else []
    while rest:
        node = rest.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        yield node
        if isinstance(node, yaml.MappingNode):
            rest += [it for pair in node.value for it in pair]
        elif isinstance(node, yaml.SequenceNode):
            rest += node.value


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _at(at: Location) -> tuple[int, int]:
    return at.line, at.column
