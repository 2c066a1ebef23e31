"""Sigma rules and their test events, read from files.

In come paths, out come rules as data, with the events that must fire each and those that must not;
and all problems with their places. YAML is read as mappings are: no types guessed beyond JSON's, no
tags, sizes bounded. Must not know what a rule means.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.shipped_rules import TESTS, is_test_file
from cef_bridge.errors import Location, Problem
from cef_bridge.mapping.language import nodes
from cef_bridge.mapping.language.values import json_value
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from cef_bridge.mapping.language.nodes import Node

INVALID_RULE, INVALID_TEST = "R001", "R002"
MOST_EVENTS = 10_000
"""Events of one test, repetitions counted."""

_MOST_RULES = 10_000
_SUFFIXES = (".yml", ".yaml")
_DOCUMENT = re.compile(rb"^---[ \t]*\r?$", re.MULTILINE)
_FILE_KEYS = ("event", "fires", "quiet")
_CASE_KEYS = ("name", "event", "events", "repeat", "every")

Event = dict[str, object]


class RuleTest(NamedTuple):
    """Events that must fire a rule (`fires`) or must not; `every`: seconds from one to the next."""

    name: str
    fires: bool
    events: tuple[Event, ...]
    every: int
    at: Location


class RuleFile(NamedTuple):
    """A file of one rule, or of a correlation and the rules that it is made of."""

    path: Path
    documents: tuple[dict[str, object], ...]
    tests: tuple[RuleTest, ...]

    @property
    def name(self) -> str:
        """The file's name without its ending."""
        return self.path.stem

    @property
    def main(self) -> dict[str, object]:
        """The correlation, else the rule."""
        return next((it for it in self.documents if "correlation" in it), self.documents[0])


def read(paths: Iterable[Path]) -> tuple[list[RuleFile], list[Problem]]:
    """Return the rules of files and of all files in folders, and what is wrong with them."""
    found: list[RuleFile] = []
    problems: list[Problem] = []
    for path in paths:
        for file in _files(path, problems):
            rule = _rule(file, problems)
            if rule is not None:
                found.append(rule)
    return found, problems


def _files(path: Path, problems: list[Problem]) -> list[Path]:
    """Return the rule files that a path means; those below a folder are sorted."""
    try:
        if not path.is_dir():
            return [path]
        found = []
        for file in path.rglob("*"):
            if file.suffix in _SUFFIXES and not is_test_file(file) and file.is_file():
                found.append(file)
            if len(found) > _MOST_RULES:
                message = f"There are more than {_MOST_RULES:,} rules here. Name a smaller folder."
                problems.append(Problem(Location(str(path)), INVALID_RULE, message))
                return []
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", "") or "it is no path"
        message = f"This cannot be read: {why}."
        problems.append(Problem(Location(str(path)), INVALID_RULE, message))
        return []
    if not found:
        message = "There is no rule in this folder. Expected files that end in .yml."
        problems.append(Problem(Location(str(path)), INVALID_RULE, message))
    return sorted(found)


def _bytes_of(path: Path, code: str, problems: list[Problem]) -> bytes | None:
    try:
        return read_small(path, nodes.MOST_BYTES)
    except UnreadableError as error:
        message = f"This file cannot be read: {error}."
        problems.append(Problem(Location(str(path)), code, message))
        return None


def _rule(path: Path, problems: list[Problem]) -> RuleFile | None:
    before = len(problems)
    data = _bytes_of(path, INVALID_RULE, problems)
    documents = [] if data is None else list(_documents(data, path, problems))
    if len(problems) > before:
        return None
    if not documents:
        message = 'There is no rule here. Begin with "title: ".'
        problems.append(Problem(Location(str(path)), INVALID_RULE, message))
        return None
    beside = path.with_name(path.stem + TESTS)
    tests = _tests(beside, problems) if beside.is_file() else ()
    return RuleFile(path, tuple(documents), tests)


def _in_order(document: dict[str, object]) -> dict[str, object]:
    """Return a correlation that says `ordered: true` as one whose events come in its rules' order.

    Sigma has the type temporal_ordered for it, but most backends refuse it, and with it the whole
    folder. So a file may say `type: temporal`, which they take: they find both orders.
    """
    said = document.get("correlation")
    if document.get("ordered") is not True or not isinstance(said, dict):
        return document
    kind = "temporal_ordered" if said.get("type") == "temporal" else said.get("type")
    return {**document, "correlation": {**said, "type": kind}}


def _documents(data: bytes, path: Path, problems: list[Problem]) -> Iterator[dict[str, object]]:
    """Yield the documents of a file; each is read with its own lines' numbers."""
    begin = 0
    for mark in [*_DOCUMENT.finditer(data), None]:
        part = data[begin : mark.start() if mark else len(data)]
        if _says_something(part):
            lines = b"\n" * data.count(b"\n", 0, begin)
            root, found = nodes.read(lines + part, str(path), begin="title: ")
            problems += found
            if isinstance(root, nodes.YamlMapping):
                value = json_value(root)
                if isinstance(value, dict):
                    yield _in_order(value)
            elif root is not None:
                message = "Expected a rule: keys and values, such as title and detection."
                problems.append(Problem(root.at, INVALID_RULE, message))
        begin = mark.end() if mark else len(data)


def _says_something(part: bytes) -> bool:
    return any(line.strip() and not line.lstrip().startswith(b"#") for line in part.splitlines())


def _tests(path: Path, problems: list[Problem]) -> tuple[RuleTest, ...]:
    data = _bytes_of(path, INVALID_TEST, problems)
    if data is None:
        return ()
    root, found = nodes.read(data, str(path), begin="fires:")
    problems += found
    if root is None or found:
        return ()
    parts = _parts(root, _FILE_KEYS, problems)
    base = _event(parts["event"], {}, problems) if "event" in parts else {}
    tests = []
    for key in ("fires", "quiet"):
        for case in _list(parts.get(key), problems):
            test = _case(case, key == "fires", base or {}, problems)
            if test is not None:
                tests.append(test)
    return tuple(tests)


def _parts(node: Node, known: Sequence[str], problems: list[Problem]) -> dict[str, Node]:
    """Return the values of a mapping by its keys; a key that is unknown is a problem."""
    if not isinstance(node, nodes.YamlMapping):
        message = f"Expected keys and values: {', '.join(known)}."
        problems.append(Problem(node.at, INVALID_TEST, message))
        return {}
    for key, _ in node.pairs:
        if key.text not in known:
            message = f'Unknown key "{shown(key.text)}".{did_you_mean(key.text, known)}'
            problems.append(Problem(key.at, INVALID_TEST, message))
    return {key.text: value for key, value in node.pairs}


def _list(node: Node | None, problems: list[Problem]) -> list[Node]:
    if node is None:
        return []
    if isinstance(node, nodes.YamlList):
        return node.items
    problems.append(Problem(node.at, INVALID_TEST, "Expected a list: items that begin with -."))
    return []


def _event(node: Node, base: Event, problems: list[Problem]) -> Event | None:
    value = json_value(node)
    if isinstance(value, dict):
        return {key: it for key, it in (base | value).items() if it is not None}
    problems.append(Problem(node.at, INVALID_TEST, "Expected an event: {Type: …, Operation: …}."))
    return None


def _case(case: Node, fires: bool, base: Event, problems: list[Problem]) -> RuleTest | None:
    parts = _parts(case, _CASE_KEYS, problems)
    if not parts:
        return None
    if ("event" in parts) == ("events" in parts):
        message = "A test has either event or events."
        problems.append(Problem(case.at, INVALID_TEST, message))
        return None
    each = [parts["event"]] if "event" in parts else _list(parts["events"], problems)
    events = [event for it in each if (event := _event(it, base, problems)) is not None]
    repeat = _number(parts.get("repeat"), problems)
    if len(events) * repeat > MOST_EVENTS:
        message = f"A test has at most {MOST_EVENTS:,} events."
        problems.append(Problem(case.at, INVALID_TEST, message))
        return None
    name = json_value(parts["name"]) if "name" in parts else ""
    every = _number(parts.get("every"), problems)
    return RuleTest(str(name), fires, tuple(events * repeat), every, case.at)


def _number(node: Node | None, problems: list[Problem]) -> int:
    if node is None:
        return 1
    value = json_value(node)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST_EVENTS:
        return value
    message = f"Expected a whole number from 1 to {MOST_EVENTS:,}."
    problems.append(Problem(node.at, INVALID_TEST, message))
    return 1
