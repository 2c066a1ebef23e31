"""A forward config to begin with: URLs and names as a command line has them become a YAML file.

Out comes the text, or everything that is wrong with what was asked for. What is written at each
kind of source and destination is `new_text`'s business. Writes no file.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery import destination_url, urls
from cef_bridge.delivery.destination_url import shown_url
from cef_bridge.delivery.settings import extra_of, read
from cef_bridge.delivery.urls import FILE_SECRET, UrlParameters
from cef_bridge.errors import MappingError, UsageError
from cef_bridge.forward.config import new_text
from cef_bridge.forward.config.new_text import ConfigItem
from cef_bridge.forward.config.places import (
    DESTINATION_WORDS,
    SOURCE_WORDS,
    clashes,
    destination_of,
    names_problems,
    source_of,
    with_when_full,
)
from cef_bridge.forward.config.read import CONFIG_WORDS
from cef_bridge.forward.config.sources import split
from cef_bridge.mapping.language.beside import is_path
from cef_bridge.mapping.load import load
from cef_bridge.siems.registry import mapping_of
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cef_bridge.forward.config.spec import Destination, Source

GLOBAL = {
    "queue": "${STATE_DIRECTORY:-/var/lib/cef-bridge}",
    "metrics": "127.0.0.1:9464",
    "heartbeat": "60s",
}
"""Settings of a new config that are no source's and no destination's. systemd sets the variable."""

_VARIABLE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}")


class NewConfig(NamedTuple):
    """The text of a config; `missing`: files that it names and that are not there yet."""

    text: str
    missing: tuple[str, ...]


def new_config(
    froms: Sequence[str],
    tos: Sequence[str],
    mappings: Sequence[str] = (),
    settings: Mapping[str, str] = GLOBAL,
) -> NewConfig:
    """Return a config of these URLs. `mappings`: none, one for all, or one for each of `tos`.

    Parameters of a URL become settings beside it, relative paths whole ones. A secret may be
    `${NAME}` here, for what is written is a file. UsageError names every problem.
    """
    problems = _counts(froms, tos, mappings) + _global_problems(settings)
    sources: list[tuple[ConfigItem, Source]] = []
    destinations: list[tuple[ConfigItem, Destination]] = []
    for url in froms:
        source = _source(url, problems)
        sources += [source] if source is not None else []
    for at, url in enumerate(tos):
        mapping = mappings[at if len(mappings) == len(tos) else 0] if mappings else None
        destination = _destination(url, mapping, {one.name for _, one in destinations}, problems)
        destinations += [destination] if destination is not None else []
    told = [source for _, source in sources]
    ready = with_when_full(told, [(one, "when_full" in item.said) for item, one in destinations])
    problems += [text for _, text in clashes(told, ready)]
    if problems:
        raise UsageError("\n".join(dict.fromkeys(problems)))
    items = [
        item.also("# when_full", one.when_full)
        for (item, _), one in zip(destinations, ready, strict=True)
    ]
    text = new_text.text(settings, [item for item, _ in sources], items)
    if odd := [printable(it.strip()) for it in text.splitlines() if not _is_unicode(it)]:
        problems = [
            f"{each}: this is no UTF-8. A config cannot name it: rename it." for each in odd
        ]
        raise UsageError("\n".join(problems))
    paths = (path for item in (*(item for item, _ in sources), *items) for path in _paths(item))
    return NewConfig(text, tuple(path for path in dict.fromkeys(paths) if not Path(path).exists()))


def _counts(froms: Sequence[str], tos: Sequence[str], mappings: Sequence[str]) -> list[str]:
    problems = []
    if not froms:
        problems.append("no source given. Add --from, such as --from kubearmor://relay:32767")
    if not tos:
        problems.append("no destination given. Add --to, such as --to tls://siem:6514")
    if tos and len(mappings) not in {0, 1, len(tos)}:
        problems.append(
            f"{len(mappings)} mappings for {len(tos)} destinations. Give one for all, or one for "
            "each --to, in the same order."
        )
    return problems


def _global_problems(settings: Mapping[str, str]) -> list[str]:
    problems = []
    for name, text in settings.items():
        _, wrong = read(text, CONFIG_WORDS.rows[name].type)
        if wrong is None and name == "metrics":
            place = urls.endpoint(text, least=0)
            wrong = place if isinstance(place, str) else None
        problems += [f'--{name} "{text}": {wrong}'] if wrong is not None else []
    return problems


def _source(url: str, problems: list[str]) -> tuple[ConfigItem, Source] | None:
    parts, said, wrong = split(url)
    typed: dict[str, object] = {}
    texts: dict[str, str] = {}
    if parts is not None and not wrong:
        typed, texts, wrong = _settings(parts, SOURCE_WORDS)
    if parts is None or wrong:
        problems += [f"--from {shown_url(url)}: {each}" for each in wrong]
        return None
    kind, pattern = str(said["kind"]), said.get("pattern")
    base = _whole(str(pattern)) if pattern else "-" if kind == "stdin" else _base(parts)
    item = ConfigItem("from", base, texts, new_text.SOURCES[kind], SOURCE_WORDS)
    source, wrong = source_of(base, {**_assumed(item), **typed})
    problems += [f"--from {shown_url(url)}: {each}" for each in wrong]
    return None if source is None else (item, source)


def _destination(
    url: str, mapping: str | None, names: set[str], problems: list[str]
) -> tuple[ConfigItem, Destination] | None:
    parts, wrong = destination_url.split_url(url)
    typed: dict[str, object] = {}
    texts: dict[str, str] = {}
    if parts is not None:
        typed, texts, more = _settings(parts, DESTINATION_WORDS)
        wrong += more
    if mapping is not None and "mapping" not in texts:
        typed["mapping"] = texts["mapping"] = (
            _whole(mapping) if is_path(mapping, Path()) else mapping_of(mapping)
        )
    if parts is None or wrong:
        wrong += names_problems(typed)
        problems += [f"--to {shown_url(url)}: {each}" for each in wrong]
        return None
    base = "-" if parts.scheme == "stdout" else _base(parts)
    shown = new_text.shown(parts.scheme, typed)
    item = ConfigItem("to", base, texts, shown, DESTINATION_WORDS)
    one, wrong = destination_of(base, {**_assumed(item), **typed})
    problems += [f"--to {shown_url(url)}: {each}" for each in wrong]
    if one is None:
        return None
    if "name" not in texts:  # that of the SIEM, which stays when the URL changes
        short = texts.get("mapping", "")
        fits = short and short not in names and not is_path(short, Path())
        texts["name"] = short if fits else one.name
        one, _ = destination_of(base, {**_assumed(item), **typed, "name": texts["name"]})
    texts.setdefault("mapping", one.mapping if one is not None else "")
    return None if one is None else (_with_header(item, one), one)


def _with_header(item: ConfigItem, one: Destination) -> ConfigItem:
    """Name the syslog header where neither the mapping nor the URL does."""
    try:
        unsaid = one.unsaid_header(load(one.mapping))
    except MappingError:  # the check of what was written names its problems
        unsaid = ""
    return item.also("syslog_header" if unsaid else "# syslog_header", "rfc5424")


def _settings(
    parts: urls.Url, words: UrlParameters
) -> tuple[dict[str, object], dict[str, str], list[str]]:
    """Return a URL's parameters by field name, as texts by the name that is written, problems."""
    secrets = {}
    others = []
    for name, text in parts.words:
        row = words.row(name)
        if row and extra_of(row.type, "kind") == "secret" and _VARIABLE.fullmatch(text):
            secrets[row.name] = text
        else:
            others.append((name, text))
    typed, problems = words.read(parts._replace(words=tuple(others)), secrets)
    texts = {}
    for name, text in parts.words:
        row = words.row(name)
        if row is not None:
            kind = extra_of(row.type, "kind")
            secret = kind == "secret" and text.startswith(FILE_SECRET)
            path = text.removeprefix(FILE_SECRET) if secret else text
            named = kind == "path" or secret or (name == "mapping" and is_path(text, Path()))
            texts[row.encode_name] = (
                f"{FILE_SECRET if secret else ''}{_whole(path)}" if named else text
            )
    return {**typed, **secrets}, texts, problems


def _assumed(item: ConfigItem) -> dict[str, object]:
    """Return what is written although nobody asked for it, by field name."""
    found: dict[str, object] = {}
    for name, text in item.shown:
        if not name.startswith("#") and text is not None and name not in item.said:
            row = item.words.rows[name]
            found[row.name], _ = read(text, row.type)
    return found


def _paths(item: ConfigItem) -> list[str]:
    """Return the files that an item's settings name."""
    found = []
    for name, text in item.written():
        kind = extra_of(item.words.rows[name].type, "kind")
        if "${" not in text and (kind == "path" or text.startswith(FILE_SECRET)):
            found.append(text.removeprefix(FILE_SECRET))
    return found


def _base(parts: urls.Url) -> str:
    return f"{parts.scheme}://{parts.rest}"


def _is_unicode(text: str) -> bool:
    return not any(0xD800 <= ord(char) <= 0xDFFF for char in text)  # bytes that are no UTF-8


def _whole(path: str) -> str:
    """Return a path that means the same from any folder."""
    return path if path.startswith("${") else os.path.join(Path.cwd(), path)  # noqa: PTH118 - keeps a glob as it is
