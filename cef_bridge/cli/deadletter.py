"""`cef-bridge deadletter`: what could not be converted or sent; look at it, send it after all.

In comes a folder, out come tables and raw events. What is to be sent is only marked here: the
forwarder that has the queue sends it.
"""

# ruff: noqa: PLC0415 - `import click` alone costs 40 ms: what one command needs, it imports itself

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import tables
from cef_bridge.cli.groups import Group
from cef_bridge.cli.params import Whole
from cef_bridge.errors import UsageError
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.queue.inspector import QueueInspector
    from cef_bridge.queue.values import StoredDeadLetter

_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
_IDS = click.argument("ids", metavar="[ID]...", nargs=-1)
_ALL = 1 << 31  # more than any queue keeps
_WIDE = 160  # characters of a reason in a table


@click.group("deadletter", cls=Group)
def command() -> None:
    """List and replay dead letters. DIR is what --queue names.

    A dead letter is an event that no mapping could convert, or a message that no transport could
    take. Up to a limit, they are kept. `list` shows the ID: the name of the queue and a number.
    """


@command.command("list")
@_FOLDER
@click.option(
    "--count",
    metavar="N",
    type=Whole(min=1),
    default=100,
    show_default=True,
    help="Newest dead letters to list from each queue.",
)
@tables.json_option
def list_(folder: Path, count: int, as_json: bool) -> None:
    """List dead letters with the reason of each."""
    from cef_bridge.queue.inspector import find

    found = [(view, letter) for view in find(folder) for letter in view.letters(most=count)]
    if as_json:
        click.echo(json.dumps([_plain(view, letter) for view, letter in found], indent=2))
        return
    if not found:
        click.echo("There are no dead letters.")
        return
    rows = [
        (
            _id(view, letter),
            tables.moment(letter.born),
            letter.kind + (", to be sent" if letter.replay else ""),
            tables.cut(letter.source),
            tables.cut(letter.reason, _WIDE),
        )
        for view, letter in found
    ]
    tables.print_table(
        ("id", "since", "kind", "source", "reason"),
        rows,
        meaning=lambda column, _: "warning" if column == "reason" else "",
    )


@command.command()
@_FOLDER
@_IDS
@tables.json_option
def show(folder: Path, ids: tuple[str, ...], as_json: bool) -> None:
    """Print dead letters unchanged, one after the other. Default: all."""
    found = [
        (view, letter)
        for view, chosen in _chosen(folder, ids)
        for letter in view.letters(chosen, most=_ALL)
    ]
    if as_json:
        rows = [
            _plain(view, letter) | {"raw": letter.raw.decode("utf-8", "backslashreplace")}
            for view, letter in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for _, letter in found:
        click.echo(letter.raw, nl=not letter.raw.endswith(b"\n"))


@command.command()
@_FOLDER
@_IDS
@click.option("--all", "everything", is_flag=True, help="All dead letters.")
def replay(folder: Path, ids: tuple[str, ...], everything: bool) -> None:
    """Queue dead letters for replay.

    Events are converted again, messages are sent unchanged.
    """
    if bool(ids) == everything:
        raise UsageError(
            "name the dead letters to send (`deadletter list` shows their IDs) or add --all"
        )
    for view, chosen in _chosen(folder, ids):
        count = view.replay(chosen)
        process = view.status().process
        letters = counted(count, "dead letter")
        when = "" if process is not None else " when forward runs with this queue"
        click.echo(f"{view.path.stem}: {letters} queued for replay{when}")


def _chosen(folder: Path, ids: Sequence[str]) -> list[tuple[QueueInspector, list[int] | None]]:
    """Return the queues that are meant, each with the numbers in it (None: all)."""
    from cef_bridge.queue.inspector import find

    views = {view.path.stem: view for view in find(folder)}
    if not ids:
        return [(view, None) for view in views.values()]
    chosen: dict[str, list[int]] = {}
    for each in ids:
        name, _, number = each.rpartition(":")
        if not name and len(views) == 1:
            (name,) = views
        if name not in views or not number.isdecimal():
            raise UsageError(f"{each}: invalid ID of a dead letter. `deadletter list` shows them")
        if not views[name].letters([int(number)]):
            raise UsageError(f"{each}: dead letter not found")
        chosen.setdefault(name, []).append(int(number))
    return [(views[name], numbers) for name, numbers in chosen.items()]


def _id(view: QueueInspector, letter: StoredDeadLetter) -> str:
    return f"{view.path.stem}:{letter.id}"


def _plain(view: QueueInspector, letter: StoredDeadLetter) -> dict[str, object]:
    return {
        "id": _id(view, letter),
        "queue": view.path.stem,
        "since": tables.moment(letter.born),
        "kind": letter.kind,
        "replay": letter.replay,
        "source": letter.source,
        "reason": letter.reason,
        "bytes": len(letter.raw),
    }
