"""A forward config from YAML: a file comes in, a `Config` or all its problems go out.

Walks the nodes of the file by the declared types of `spec`; what stands in `drop_events`, `when`
and `filters` is the mapping language's, so that its reader and its lint rules judge it. Opens the
config file only; whether what it names is there is asked by `check`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cef_bridge.delivery import destination_url, urls
from cef_bridge.delivery.settings import read, takes
from cef_bridge.delivery.urls import UrlParameters, old_name
from cef_bridge.errors import Location, MappingError, Problem
from cef_bridge.forward.config import codes
from cef_bridge.forward.config.mappings import mapping_problems
from cef_bridge.forward.config.places import (
    DESTINATION_WORDS,
    SOURCE_WORDS,
    clashes,
    destination_of,
    in_folder,
    names_problems,
    source_of,
    with_when_full,
)
from cef_bridge.forward.config.spec import Config, Destination
from cef_bridge.mapping.language import codes as mapping_codes
from cef_bridge.mapping.language import nodes, reader
from cef_bridge.mapping.language.beside import is_path
from cef_bridge.mapping.language.merge import merge
from cef_bridge.mapping.language.nodes import Node, YamlInvalid, YamlList, YamlMapping, YamlScalar
from cef_bridge.mapping.language.variables import expand
from cef_bridge.mapping.lint import linter
from cef_bridge.mapping.lint.context import LintContext
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from msgspec import inspect as kinds

    from cef_bridge.forward.config.spec import Source
    from cef_bridge.mapping.language.codes import LintRule
    from cef_bridge.mapping.language.mapping_file import MappingFile

T = TypeVar("T")

CONFIG_WORDS = UrlParameters.of(Config, ())
LISTS = {"sources": "from", "destinations": "to"}
"""The lists of a config, and the key of the URL in an item of each."""

_CONDITIONS = ("drop_events", "filters", "when")

# Warnings of the mapping language that are about conditions. A `when` may well take alerts.
_OF_WHEN = (mapping_codes.NEW_FIELD.id, mapping_codes.NEVER_TOGETHER.id)
_OF_DROP_EVENTS = (*_OF_WHEN, mapping_codes.DROPS_ALERTS.id)

_EMPTY_WHEN = (
    '"when" needs a condition. Add one such as {NamespaceName: shop}, or remove "when" to send all '
    "events."
)


def load_config(path: str | Path, *, env: Mapping[str, str] = os.environ) -> Config:
    """Return what a file asks for; MappingError with all problems, each with its place.

    `${NAME}` and `${NAME:-default}` are filled in from `env`. Relative paths begin in the file's
    folder.
    """
    reading = read_config(path, env=env)
    if reading.errors or reading.config is None:
        raise MappingError(reading.errors)
    return reading.config


class ConfigReading(NamedTuple):
    """What a file asks for, as far as it could be read, None where nothing could; its problems,
    warnings too, in the order of their places.
    """

    config: Config | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> list[Problem]:
        """The problems that keep the file from being used."""
        return [each for each in self.problems if each.severity == "error"]


def read_config(path: str | Path, *, env: Mapping[str, str] = os.environ) -> ConfigReading:
    """Return what a file asks for, and everything that is wrong with it; see `load_config`."""
    problems: list[Problem] = []
    root = _nodes(Path(path), problems)
    config = None
    if root is not None:
        config = _Reader(str(path), env, problems).read(root)
    own_first = sorted(problems, key=lambda it: (it.at.path != str(path), it.at, it.code))
    return ConfigReading(config, tuple(dict.fromkeys(own_first)))


def _nodes(path: Path, problems: list[Problem]) -> Node | None:
    at = Location(str(path))
    try:
        data = read_small(path, nodes.MOST_BYTES)
    except UnreadableError as error:
        message = f"The file cannot be read: {error}."
        problems.append(codes.problem(at, codes.UNREADABLE, message))
        return None
    root, found = nodes.read(data, str(path), begin="sources:")
    problems += [codes.of_yaml(each) for each in found]
    return root


def _found(node: Node) -> str:
    if isinstance(node, YamlScalar):
        return f'the text "{shown(node.text)}"'
    return "a list" if isinstance(node, YamlList) else "settings"


class _Reader:
    def __init__(self, path: str, env: Mapping[str, str], problems: list[Problem]) -> None:
        self._path = path
        self._folder = Path(path).parent
        self._env = env
        self._problems = problems
        self._unread: set[str] = set()  # settings of the item in hand
        self._files: list[str] = []  # of mappings

    def read(self, root: Node) -> Config | None:
        if not isinstance(root, YamlMapping):
            if not isinstance(root, YamlInvalid):
                message = f'A config begins with settings such as "sources:". Found {_found(root)}.'
                self._report(root.at, codes.WRONG_KIND, message)
            return None
        said, _, lists = self._settings(root, CONFIG_WORDS, tuple(LISTS))
        sources = self._items(lists.get("sources"), "sources", root.at, self._source)
        destinations = self._items(
            lists.get("destinations"), "destinations", root.at, self._destination
        )
        metrics = said.get("metrics")
        if isinstance(metrics, str) and isinstance(wrong := urls.endpoint(metrics, least=0), str):
            at = next(key.at for key, _ in root.pairs if key.text == "metrics")
            self._report(at, codes.BAD_VALUE, f'"metrics": {wrong}')
        places = [at for _, at in sources] + [at for _, at in destinations]
        told = [source for source, _ in sources]
        ready = with_when_full(told, [pair for pair, _ in destinations])
        for index, text in clashes(told, ready):
            self._report(places[index], codes.BAD_URL, text)
        if any(each.severity == "error" for each in self._problems):
            self._problems += mapping_problems(self._files)  # one run names all that is wrong
        return Config(
            sources=tuple(told),
            destinations=ready,
            path=self._path,
            **in_folder(said, CONFIG_WORDS, self._folder),  # type: ignore[arg-type] # read by their types
        )

    def _report(self, at: Location, code: LintRule, message: str) -> None:
        self._problems.append(codes.problem(at, code, message))

    def _items(
        self,
        node: Node | None,
        name: str,
        top: Location,
        one: Callable[[Node], T | None],
    ) -> list[tuple[T, Location]]:
        """Read a list of URLs or settings; a single one may stand without its dash."""
        if node is None:
            self._report(top, codes.MISSING, f'"{name}" is missing. Add "{name}:" with a list.')
            return []
        items = node.items if isinstance(node, YamlList) else [node]
        if not items:
            message = f'"{name}" is empty. Add "- {LISTS[name]}: URL".'
            self._report(node.at, codes.MISSING, message)
        read_items = [(one(item), item.at) for item in items]
        return [(value, at) for value, at in read_items if value is not None]

    def _source(self, node: Node) -> Source | None:
        url, said, at = self._place(node, "from", SOURCE_WORDS)
        if url is None:
            return None
        source, problems = source_of(url, said, self._folder, unread=self._unread)
        self._report_all(at, problems)
        return source

    def _destination(self, node: Node) -> tuple[Destination, bool] | None:
        url, said, at = self._place(node, "to", DESTINATION_WORDS)
        words: dict[str, object] = {}
        if url is not None:
            words, _ = destination_url.read_url(url, DESTINATION_WORDS, said)
        mapping = {**said, **words}.get("mapping")
        if isinstance(mapping, str) and is_path(mapping, self._folder):
            self._files.append(str(self._folder / mapping))
        if url is None:
            self._report_all(at, names_problems(said, self._folder))
            return None
        destination, problems = destination_of(url, said, self._folder, unread=self._unread)
        self._report_all(at, problems)
        chosen = "when_full" in {**said, **words}
        return None if destination is None else (destination, chosen)

    def _report_all(self, at: Location, problems: list[str]) -> None:
        for text in problems:
            self._report(at, codes.BAD_URL, text)

    def _place(
        self, node: Node, key: str, words: UrlParameters
    ) -> tuple[str | None, dict[str, object], Location]:
        """Read a URL, alone or with settings beside it; None for one that cannot be read."""
        said: dict[str, object] = {}
        self._unread = set()
        url_node: Node | None = node
        if isinstance(node, YamlMapping):
            said, conditions, others = self._settings(node, words, (key,))
            url_node = others.get(key)
            said |= self._conditions(conditions)
            self._unread = {
                words.meant(name.text)
                for name, _ in node.pairs
                if name.text not in others
                and ((row := words.row(name.text)) is None or row.name not in said)
            }
        url = None
        if url_node is None:
            self._report(node.at, codes.MISSING, f'"{key}" is missing. Add "{key}: URL".')
        elif isinstance(url_node, YamlScalar) and not url_node.is_null:
            url = self._expand(url_node)
        elif not isinstance(url_node, YamlInvalid):
            message = f"Expected a URL, or settings with {key}: URL. Found {_found(url_node)}."
            self._report(url_node.at, codes.WRONG_KIND, message)
        return url, said, (url_node or node).at

    def _settings(
        self, node: YamlMapping, words: UrlParameters, others: tuple[str, ...]
    ) -> tuple[dict[str, object], list[tuple[YamlScalar, Node]], dict[str, Node]]:
        """Read settings by field name; return them, the conditions unread, and `others` unread."""
        said: dict[str, object] = {}
        conditions: list[tuple[YamlScalar, Node]] = []
        unread: dict[str, Node] = {}
        seen: set[str] = set()
        for key, inner in node.pairs:
            row = words.row(key.text)
            if key.text in others:
                unread[key.text] = inner
            elif row is None:
                hint = did_you_mean(key.text, [*others, *words.rows])
                message = f'Unknown setting "{shown(key.text)}".{hint}'
                self._report(key.at, codes.UNKNOWN_SETTING, message)
            elif row.name in seen:  # by its name, and by the one of earlier versions
                today = row.encode_name
                message = f'"{old_name(row)}" is an earlier name of "{today}". Remove one of them.'
                self._report(key.at, codes.TWICE, message)
            elif key.text in _CONDITIONS:
                conditions.append((key, inner))
            elif isinstance(inner, YamlScalar) and inner.is_null:
                message = f'"{key.text}" has no value. Write one, or remove the line.'
                self._report(key.at, codes.WRONG_KIND, message)
            else:
                self._value(row, inner, said)
            if row is not None:
                seen.add(row.name)
        return said, conditions, unread

    def _value(self, row: kinds.Field, node: Node, said: dict[str, object]) -> None:
        """Read one setting: a text as it could stand in a URL, or a list of them."""
        if isinstance(node, YamlInvalid):
            return
        texts = node.items if isinstance(node, YamlList) else [node]
        many = takes(row.type).startswith("list of")
        if not all(isinstance(it, YamlScalar) for it in texts) or (
            isinstance(node, YamlList) and not (many and texts)
        ):
            message = f"Expected {takes(row.type)}. Found {_found(node)}."
            self._report(node.at, codes.WRONG_KIND, message)
            return
        values: list[object] = []
        for text_node in texts:
            assert isinstance(text_node, YamlScalar)  # noqa: S101 - for mypy, asked above
            text = self._expand(text_node)
            if text is None:
                return
            value, wrong = read(text, row.type)
            if wrong is not None:
                message = f'Invalid value "{shown(text)}". {wrong}'
                self._report(text_node.at, codes.BAD_VALUE, message)
                return
            values += value if isinstance(value, tuple) else [value]
        said[row.name] = tuple(dict.fromkeys(values)) if many else values[0]

    def _expand(self, node: YamlScalar) -> str | None:
        text, wrong = expand(node.text, self._env)
        if wrong is not None:
            self._report(node.at, codes.UNSET_VARIABLE, wrong)
            return None
        return text

    def _conditions(self, pairs: list[tuple[YamlScalar, Node]]) -> dict[str, object]:
        """Have the mapping language read what is its own."""
        said: dict[str, object] = {}
        if own := [pair for pair in pairs if pair[0].text != "when"]:
            draft = self._draft(own)
            said = {name: draft.said[name] for name in _CONDITIONS if name in draft.said}
        for key, node in pairs:
            if key.text != "when":
                continue
            if isinstance(node, YamlScalar) and node.is_null:
                message = '"when" has no value. Write one, or remove the line.'
                self._report(key.at, codes.WRONG_KIND, message)
                continue
            # Written as items of drop_events are: within one all must hold, one is enough.
            draft = self._draft([(YamlScalar("drop_events", key.at), node)], empty_when=True)
            if "drop_events" in draft.said:
                said["when"] = draft.said["drop_events"]
            if isinstance(node, YamlList) and not node.items:
                self._report(key.at, codes.WRONG_KIND, _EMPTY_WHEN)
        return said

    def _draft(
        self, pairs: list[tuple[YamlScalar, Node]], *, empty_when: bool = False
    ) -> MappingFile:
        at = pairs[0][0].at
        name = (YamlScalar("mapping", at), YamlScalar("conditions", at))
        draft = reader.read(YamlMapping([name, *pairs], at), self._path, self._env)
        if empty_when:
            for place in draft.empty_items:
                self._report(place.at, codes.WRONG_KIND, _EMPTY_WHEN)
            draft.empty_items.clear()
        view = LintContext(draft, "cef", merge([draft]), None, own=True, cluster=True, tested=True)
        found = [*draft.problems, *linter.run(view)]
        kept = _OF_WHEN if empty_when else _OF_DROP_EVENTS
        self._problems += [it for it in found if it.severity == "error" or it.code in kept]
        return draft
