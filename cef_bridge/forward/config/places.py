"""Sources and destinations of what was said: a URL, and settings beside it.

In come a URL and values by field name, out come a `Source` or a `Destination`, or everything that
is wrong with them. Also the whole from the command line's URLs. Must not know YAML.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from cef_bridge.delivery import destination_url, urls
from cef_bridge.delivery.destination_url import shown_url
from cef_bridge.delivery.settings import did_you_mean, extra_of
from cef_bridge.delivery.urls import FILE_SECRET, UrlParameters
from cef_bridge.errors import UsageError
from cef_bridge.forward.config.mappings import mapping_problems
from cef_bridge.forward.config.sources import SOURCES, split
from cef_bridge.forward.config.spec import Config, Destination, Source
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.beside import is_path, no_mapping
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.siems.registry import mapping_of

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

SOURCE_WORDS = UrlParameters.of(Source, tuple(row.scheme for row in SOURCES.values()))
DESTINATION_WORDS = destination_url.KNOWN | UrlParameters.of(Destination, ())
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


def source_of(
    url: str,
    besides: Mapping[str, object],
    folder: Path | None = None,
    *,
    unread: Collection[str] = (),
) -> tuple[Source | None, list[str]]:
    """Return the source of a URL (`-`, a path or glob, `kubearmor://…`), and what is wrong.

    `besides`: values by field name that stand beside it; `folder`: where relative paths begin;
    `unread`: names of settings that could not be read, so that nothing is said of those that go
    with them. One with problems is there as far as its URL could be read, for those of all of them
    together.
    """
    parts, said, problems = split(url)
    if parts is None:
        return None, problems
    words, wrong = SOURCE_WORDS.read(parts, besides)
    misread = bool(problems + wrong)
    problems += wrong
    said = {**besides, **words, **said}
    source = Source(**in_folder(said, SOURCE_WORDS, folder))  # type: ignore[arg-type] # read by their types
    if source.pattern and folder is not None:
        source = msgspec.structs.replace(source, pattern=str(folder / source.pattern))
    whole = source.tls_problems() + SOURCES[source.kind].problems(source)
    problems += _but_of(whole, {*unread, *SOURCE_WORDS.unread(parts, words)})
    return None if misread else source, problems


def destination_of(
    url: str,
    besides: Mapping[str, object],
    folder: Path | None = None,
    *,
    unread: Collection[str] = (),
) -> tuple[Destination | None, list[str]]:
    """Return the destination that a URL and the settings beside it ask for, and the problems.

    The arguments and what is returned are as with `source_of`.
    """
    parts, _ = destination_url.split_url(url)
    words, problems = destination_url.read_url(url, DESTINATION_WORDS, besides)
    misread = bool(problems)
    filters = words.get("filters", ())  # those of a config file are the lint rules' business
    problems += [
        f'There is no filter "{name}".{did_you_mean(name, FILTERS)}'
        for name in (filters if isinstance(filters, tuple) else ())
        if name not in FILTERS
    ]
    said = in_folder({**besides, **words}, DESTINATION_WORDS, folder)
    problems += names_problems(said, folder)
    if parts is None:
        return None, problems
    mapping = said.get("mapping")
    if folder is not None and isinstance(mapping, str) and is_path(mapping, folder):
        said["mapping"] = str(folder / mapping)
    target = destination_url.target_of(said)
    problems += _but_of(target.problems(), {*unread, *DESTINATION_WORDS.unread(parts, words)})
    if misread:
        return None, problems
    own = {name: said[name] for name in Destination.__struct_fields__ if name in said}
    destination = Destination(target=target, **own)  # type: ignore[arg-type] # read by their types
    if not destination.name:
        destination = msgspec.structs.replace(destination, name=default_name(target))
    return destination, problems


def _but_of(problems: list[str], unread: Collection[str]) -> list[str]:
    """Return the sentences that are about none of these settings, each of which has its own.

    A sentence names the settings that it is about in quotes, alone or with a value.
    """
    return [
        text
        for text in problems
        if not any(f'"{name}{end}' in text for name in unread for end in '"=')
    ]


def names_problems(said: Mapping[str, object], folder: Path | None = None) -> list[str]:
    """Return what is wrong with the name and the mapping of a destination, whatever its URL is."""
    problems = []
    name, mapping = said.get("name"), said.get("mapping")
    if isinstance(name, str) and not NAME.fullmatch(name):
        problems.append(
            'A "name" has at most 64 letters, digits, dots, dashes and underscores, and begins '
            "with a letter or digit: it names a file."
        )
    folder = folder or Path()
    if isinstance(mapping, str) and not is_path(mapping, folder):
        known = mapping_of(mapping) in shipped.names()
        problems += [] if known else [no_mapping(mapping, folder)]
    return problems


def in_folder(
    said: Mapping[str, object], words: UrlParameters, folder: Path | None
) -> dict[str, object]:
    """Return values with the relative paths among them beginning in a folder."""
    if folder is None:
        return dict(said)
    placed = dict(said)
    for row in words.rows.values():
        value, kind = said.get(row.name), extra_of(row.type, "kind")
        if isinstance(value, str) and kind == "path":
            placed[row.name] = str(folder / value)
        elif isinstance(value, str) and kind == "secret" and value.startswith(FILE_SECRET):
            placed[row.name] = FILE_SECRET + str(folder / value.removeprefix(FILE_SECRET))
    return placed


def default_name(target: destination_url.DestinationUrl) -> str:
    """Return the name of a destination that has none: it stays while the URL does."""
    if target.endpoints:
        host, port = target.endpoints[0]
        name = f"{target.scheme}-{_UNSAFE.sub('-', host).strip('.-_')[:50]}-{port}"
        topic = _UNSAFE.sub("-", target.path).strip(".-_")
        return f"{name}-{topic}"[:64].rstrip(".-_") if topic else name
    stem = _UNSAFE.sub("-", Path(target.path).name).strip(".-_")
    return f"{target.scheme}-{stem}"[:64] if target.path else target.scheme


def with_when_full(
    sources: Sequence[Source], destinations: Sequence[tuple[Destination, bool]]
) -> tuple[Destination, ...]:
    """Return the destinations with `when_full` of those that say none (the second of a pair)."""
    waits = len(destinations) == 1 and all(source.can_wait for source in sources)
    default = "block" if waits else "drop_telemetry_first"
    return tuple(
        one if told else msgspec.structs.replace(one, when_full=default)
        for one, told in destinations
    )


def clashes(
    sources: Sequence[Source], destinations: Sequence[Destination]
) -> list[tuple[int, str]]:
    """Return what is wrong with all of them together: the index of the later one, a sentence.

    Sources count from 0 and destinations from the number of sources.
    """
    found: list[tuple[int, str]] = []
    seen: dict[object, bool] = {}
    for index, source in enumerate(sources):
        key = (source.kind, str(source), source.streams)
        if key in seen:
            found.append((index, f"{source} is named twice. Remove one."))
        seen[key] = True
        if source.name and ("source", source.name) in seen:
            text = f'Two sources are called "{source.name}". Give one another name.'
            found.append((index, text))
        seen["source", source.name] = True
    for index, one in enumerate(destinations, len(sources)):
        if one.name.lower() in seen:  # some file systems know no case
            found.append(
                (index, f'Two destinations are called "{one.name}". Give one another name.')
            )
        seen[one.name.lower()] = True
        place = str(one.target)
        if not one.target.endpoints and ("to", place) in seen:
            found.append((index, f"Two destinations write to {place}. Name another for one."))
        seen["to", place] = True
    return found


def from_urls(  # noqa: PLR0913 - the options of the command line, by name
    froms: Sequence[str],
    tos: Sequence[str],
    *,
    mapping: str | None = None,
    syslog_header: str | None = None,
    queue: str | None = None,
    queue_limit: int | None = None,
    when_full: str | None = None,
    metrics: str | None = None,
    heartbeat: float | None = None,
    grace: float | None = None,
    from_end: bool = False,
    needs_source: bool = True,
) -> Config:
    """Return the config that a command line means; UsageError names every problem.

    What a URL says itself stands over the option that holds for all. A test event needs no source.
    """
    problems: list[str] = []
    sources = []
    for url in froms:
        source, wrong = source_of(url, {})
        problems += [f"--from {shown_url(url)}: {each}" for each in wrong]
        if source is not None:
            sources.append(_from_end(source, url) if from_end else source)
    options = {
        "mapping": mapping,
        "syslog_header": syslog_header,
        "queue_limit": queue_limit,
        "when_full": when_full,
    }
    destinations = []
    for url in tos:
        destination, wrong = _with_options(url, options)
        problems += [f"--to {shown_url(url)}: {each}" for each in wrong]
        if destination is not None:
            destinations.append(destination)
    if not froms and needs_source:
        problems.append("no source given. Add --from, or --config FILE.")
    if not tos:
        problems.append("no destination given. Add --to, or --config FILE.")
    if metrics is not None and isinstance(wrong_place := urls.endpoint(metrics, least=0), str):
        problems.append(f"--metrics: {wrong_place}")
    if from_end and sources and all(source.kind != "files" for source in sources):
        problems.append("--from-end has no effect: no --from names a file.")
    problems += [text for _, text in clashes(sources, [one for one, _ in destinations])]
    if problems:  # alone, a wrong mapping is told when it is loaded, with what is wrong in it
        problems += [f"--mapping: {each}" for each in names_problems({"mapping": mapping})]
        named = [one.mapping for one, _ in destinations] + ([mapping] if mapping else [])
        files = [name for name in named if is_path(name, Path())]
        problems += map(str, mapping_problems(files))
        raise UsageError("\n".join(problems))
    times = {"heartbeat": heartbeat, "grace": grace}
    return Config(
        sources=tuple(sources),
        destinations=with_when_full(sources, destinations),
        queue=queue,
        metrics=metrics,
        **{name: value for name, value in times.items() if value is not None},  # type: ignore[arg-type] # the other fields are said above
    )


def _from_end(source: Source, url: str) -> Source:
    parts, _, _ = split(url)
    said = parts is not None and any(name == "from_end" for name, _ in parts.words)
    if said or source.kind != "files":
        return source
    return msgspec.structs.replace(source, from_end=True)


def _with_options(
    url: str, options: Mapping[str, object]
) -> tuple[tuple[Destination, bool] | None, list[str]]:
    """Return a destination and whether `when_full` was said; its URL overrides the options."""
    destination, problems = destination_of(url, {})
    if destination is None:
        return None, problems
    said, _ = destination_url.read_url(url, DESTINATION_WORDS, ())
    more = {
        name: value for name, value in options.items() if value is not None and name not in said
    }
    return (msgspec.structs.replace(destination, **more), "when_full" in {**said, **more}), problems
