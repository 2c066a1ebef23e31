"""`cef-bridge mapping new`: a mapping to begin with, from a shipped one and one's own events.

In come a name and perhaps a file of events, out goes a commented YAML file. Must not know what
stands in it.
"""

from __future__ import annotations

import os.path
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli.logs import say
from cef_bridge.cli.params import SHIPPED, Renamed
from cef_bridge.errors import UsageError
from cef_bridge.files import AtomicFile
from cef_bridge.kubearmor.classes import kind_of
from cef_bridge.mapping import load
from cef_bridge.mapping.language import shipped
from cef_bridge.siems.registry import mapping_of
from cef_bridge.sources.files.inputs import expand
from cef_bridge.wording import counted, did_you_mean, shown
from cef_bridge.workbench.events import events_of
from cef_bridge.workbench.scaffold import NO_CLUSTER, Taken, scaffold

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.workbench.events import LocatedEvent

_SUFFIXES = (".yaml", ".yml")
_MOST_UNITS = 100_000
_MOST_CHARACTERS = 32 * 1024  # of an event; a mapping file may have 1 MiB
_NOT_NAMED = ("", "default")
_KINDS = {"alert": "an alert", "log": "a log", "event": "an event of KubeArmor's own"}


class _Asked(NamedTuple):
    name: str
    path: Path


@click.command("new")
@click.argument("name", metavar="NAME")
@click.option(
    "--extends",
    "parent",
    cls=Renamed,
    was="--for",
    type=SHIPPED,
    metavar="MAPPING",
    default="kubearmor-cef",
    show_default=True,
    help="The shipped mapping that it extends; see `mapping list`.",
)
@click.option(
    "--from",
    "source",
    type=click.Path(readable=False),
    metavar="FILE",
    help="Input to take the examples from (any input format or archive).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(),
    metavar="PATH",
    help="Output file.  [default: NAME.yaml]",
)
@click.option("--cluster", metavar="NAME", help="Name of the cluster.  [default: the events' own]")
@click.option("--force", is_flag=True, help="Overwrite an existing file.")
def command(
    name: str,
    parent: str,
    source: str | None,
    output: str | None,
    cluster: str | None,
    force: bool,
) -> None:
    """Create a mapping: a commented file that extends a shipped one.

    NAME is its name, or the path of the file. Its examples are the first alert and the first event
    of another kind in FILE, with their output; secrets in command lines are masked.
    """
    asked = _asked(name, output)
    parent = mapping_of(parent)
    _check(asked, parent, cluster)
    if os.path.lexists(asked.path) and not force:
        raise UsageError(f"{asked.path} is there already. Name another one, or add --force.")
    mapping = load.load(parent)
    taken, found = _from_file(source) if source is not None else (_from_parent(mapping), "")
    named = cluster or found
    text = scaffold(mapping, asked.name, str(asked.path), named, taken)
    with AtomicFile(asked.path) as file:
        file.write(text.encode("utf-8"))
    _tell(asked, mapping, named, taken)


def _asked(name: str, output: str | None) -> _Asked:
    """Return the mapping's name and where it is written."""
    if name.endswith(_SUFFIXES):
        path = Path(name)
        name = path.stem
    else:
        if "/" in name:
            raise UsageError(f'"{shown(name)}" is no name. For a path write {shown(name)}.yaml.')
        path = Path(f"{name}.yaml")
    return _Asked(name, Path(output) if output is not None else path)


def _check(asked: _Asked, parent: str, cluster: str | None) -> None:
    """Refuse what cannot be meant, all of it at once."""
    problems = []
    known = shipped.names()
    if not asked.name or not asked.name.isprintable() or asked.name != asked.name.strip():
        problems.append(f'Invalid mapping name "{shown(asked.name)}". Expected such as acme.')
    elif asked.name in known:
        problems.append(f"{asked.name} is a mapping that comes with cef-bridge. Choose a name.")
    if not str(asked.path).isprintable():
        problems.append(f'"{shown(str(asked.path))}" is no path that a file can contain.')
    elif asked.path.resolve().parent == shipped.folder().resolve():
        problems.append(f"{asked.path} is among the mappings of cef-bridge. Write elsewhere.")
    if parent not in known:
        hint = did_you_mean(parent, known)
        problems.append(f'There is no shipped mapping "{shown(parent)}" for --extends.{hint}')
    if cluster is not None and not cluster.strip():
        problems.append("--cluster has no name. Write one, or leave it out.")
    if problems:
        raise UsageError("\n".join(problems))


def _from_parent(mapping: Mapping) -> list[Taken]:
    first = mapping.examples[:1]
    return [Taken(example.name or "an example", example.event) for example in first]


def _from_file(source: str) -> tuple[list[Taken], str]:
    """Return the events to take as examples, and the cluster's name, "" when they have none."""
    unread: list[str] = []
    alert, other = _first_two(events_of(expand([source]), unread, most_units=_MOST_UNITS))
    chosen = [found for found in (alert, other) if found is not None]
    if not chosen and unread:
        raise UsageError(f"no event of KubeArmor can be read. {unread[0]}. Name another file.")
    if not chosen:
        raise UsageError(
            f"{shown(source)} has no event of KubeArmor that could be an example "
            f"(the first {_MOST_UNITS:,} lines were looked at). Name another file."
        )
    taken = [
        Taken(f"{_KINDS[kind_of(found.fields)]}, from {found.place}", found.fields)
        for found in chosen
    ]
    clusters = (found.fields.get("ClusterName") for found in chosen)
    named = [it for it in clusters if isinstance(it, str) and it.strip() not in _NOT_NAMED]
    return taken, named[0] if named else ""


def _first_two(events: Iterable[LocatedEvent]) -> tuple[LocatedEvent | None, LocatedEvent | None]:
    """Return the first alert and the first event of another kind; very long ones are passed by."""
    alert = other = None
    for found in events:
        if len(str(found.fields)) > _MOST_CHARACTERS:
            continue
        if kind_of(found.fields) == "alert":
            alert = alert or found
        else:
            other = other or found
        if alert and other:
            break
    return alert, other


def _tell(asked: _Asked, mapping: Mapping, cluster: str, taken: list[Taken]) -> None:
    path = shlex.quote(str(asked.path))
    named = cluster or f"{NO_CLUSTER} (made up: write your own)"
    say(
        f"{asked.path}: extends {mapping.name}, cluster {shown(named)}, "
        f"{counted(len(taken), 'example')}"
    )
    say(f"Next: cef-bridge mapping lint {path} && cef-bridge mapping test {path}")
