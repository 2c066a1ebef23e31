"""What can be verified of a config without sending anything: `forward --check`.

In comes a `Config`, out go findings. Reads files and asks for names; sends nothing and leaves
nothing behind.
"""

from __future__ import annotations

import glob
import os
import socket
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.errors import MappingError
from cef_bridge.forward.config.live_token import token_problem
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.mapping.load import load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.delivery.certificates import Faults
    from cef_bridge.forward.config.spec import Config, Destination, Source

_PATIENCE = 3.0
"""Seconds that all names together have to be found."""


class ConfigProblem(NamedTuple):
    """An "error" would stop the forwarder or a part of it; a "warning" would not."""

    severity: Literal["error", "warning"]
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.severity}: {self.where}: {self.text}" if self.where else self.text


def check(
    config: Config,
    *,
    resolve: Callable[[str, int], object] = socket.getaddrinfo,
    clock: Callable[[], float] = time.time,
) -> list[ConfigProblem]:
    """Return everything that is found, in the order of the config. Takes a few seconds at most."""
    found: list[ConfigProblem] = []
    for source in config.sources:
        found += _source(source, clock)
    for destination in config.destinations:
        found += _destination(destination, clock)
    found += loops(config)
    if config.queue is not None:
        found += _folder(Path(config.queue), "queue")
    if config.live_token_file is not None and (problem := token_problem(config.live_token_file)):
        found.append(_error("live_token_file", problem))
    return found + _names(config, resolve)


def _error(where: str, text: str) -> ConfigProblem:
    return ConfigProblem("error", where, text)


def _warning(where: str, text: str) -> ConfigProblem:
    return ConfigProblem("warning", where, text)


def _source(source: Source, clock: Callable[[], float]) -> Iterator[ConfigProblem]:
    where = f"source {source.name or source}"
    if source.pattern:
        yield from _pattern(source.pattern, where)
    yield from _faults(SOURCES[source.kind].check(source, clock()), where)


def _pattern(pattern: str, where: str) -> Iterator[ConfigProblem]:
    if pattern.count("[") != pattern.count("]"):
        yield _error(where, "a [ of the pattern is not closed. Write [[] for a bracket itself.")
        return
    matches = glob.glob(pattern, recursive=True) if glob.has_magic(pattern) else [pattern]  # noqa: PTH207 - keeps the spelling
    for match in matches:
        path = Path(match)
        if path.is_dir() and not glob.has_magic(pattern):
            yield _error(where, f"{match} is a folder. For all files in it, write {match}/* .")
        elif path.is_file() and not os.access(match, os.R_OK):
            yield _error(where, f"{match} cannot be read: Permission denied.")
    fixed = Path(pattern).parent
    while glob.has_magic(str(fixed)):
        fixed = fixed.parent
    if not fixed.is_dir():
        yield _warning(where, f"the folder {fixed} is not there (yet).")
    elif not os.access(fixed, os.R_OK | os.X_OK):
        yield _error(where, f"the folder {fixed} cannot be read: Permission denied.")
    elif not [match for match in matches if Path(match).exists()]:
        yield _warning(where, "no file is there (yet); it is read when it appears.")


def _destination(one: Destination, clock: Callable[[], float]) -> Iterator[ConfigProblem]:
    where = f"destination {one.name}"
    target = one.target
    try:
        mapping = load(one.mapping)
    except MappingError as error:
        yield from (_error(where, str(problem)) for problem in error.problems)
    else:
        if unsaid := one.unsaid_header(mapping):
            yield _warning(where, unsaid)
    yield from _faults(SCHEMES[target.scheme].check(target, clock()), where)


def _faults(faults: Faults, where: str) -> Iterator[ConfigProblem]:
    yield from (_error(where, text) for text in faults.errors)
    yield from (_warning(where, text) for text in faults.warnings)


def loops(config: Config) -> Iterator[ConfigProblem]:
    """Yield files that are written and read: what is written would be read for ever."""
    read = {
        os.path.realpath(match)
        for source in config.sources
        if source.pattern
        for match in glob.glob(source.pattern, recursive=True)  # noqa: PTH207 - as above
        if Path(match).is_file()
    }
    for one in config.destinations:
        if one.target.scheme == "file" and os.path.realpath(one.target.path) in read:
            text = f"{one.target.path} is read by a source as well. Write somewhere else."
            yield _error(f"destination {one.name}", text)


def _folder(path: Path, where: str) -> Iterator[ConfigProblem]:
    if path.exists() and not path.is_dir():
        yield _error(where, f"{path} is not a folder.")
        return
    nearest = path
    while not nearest.exists():
        nearest = nearest.parent
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        yield _error(where, f"the folder {nearest} cannot be written: Permission denied.")


def _names(config: Config, resolve: Callable[[str, int], object]) -> list[ConfigProblem]:
    """Look up all hosts at once: one that hangs must not hold up the others."""
    places = [
        (f"source {it.name or it}", host, port)
        for it in config.sources
        for host, port in it.endpoints
    ] + [
        (f"destination {it.name}", host, port)
        for it in config.destinations
        for host, port in it.target.endpoints
    ]
    known: dict[tuple[str, int], bool] = {}

    def look(host: str, port: int) -> None:
        try:
            resolve(host, port)
        except (OSError, UnicodeError):
            return
        known[host, port] = True

    threads = [
        threading.Thread(target=look, args=place, daemon=True)
        for place in {(host, port) for _, host, port in places}
    ]
    for thread in threads:
        thread.start()
    end = time.monotonic() + _PATIENCE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    return [
        _warning(where, f"the name {host} is not found from here (now).")
        for where, host, port in places
        if (host, port) not in known
    ]
