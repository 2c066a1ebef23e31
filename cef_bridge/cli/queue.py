"""`cef-bridge queue`: look into the queues of a forwarder, also while it runs.

In comes a folder, out come tables and messages. Must not know how a queue is stored.
"""

# ruff: noqa: PLC0415 - `import click` alone costs 40 ms: what one command needs, it imports itself

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import tables
from cef_bridge.cli.groups import Group
from cef_bridge.cli.params import Whole
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.wording import size

if TYPE_CHECKING:
    from cef_bridge.queue.inspector import Peeked, QueueInspector, QueueStatus

_LANES = ("alerts", "telemetry")
_COLUMNS = (
    *("queue", "waiting", "oldest", "accepted", "confirmed", "unconfirmed", "dropped"),
    *("dead letters", "on the disk", "in use by"),
)
_FOLDER = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


@click.group("queue", cls=Group)
def command() -> None:
    """Inspect the queues of a forwarder. DIR is what --queue names, or one file in it."""


@command.command()
@click.argument(
    "folders", metavar="DIR...", type=click.Path(path_type=Path), nargs=-1, required=True
)
@tables.json_option
def status(folders: tuple[Path, ...], as_json: bool) -> None:
    """Print the counters of each queue in one or more folders.

    They say what is waiting, and what became of earlier messages. Messages in flight count as
    waiting.
    """
    found, failed = _statuses(folders)
    if as_json:
        click.echo(json.dumps([_plain(each) for each in found], indent=2))
    elif found:
        _print(found, several=len(folders) > 1)
    if failed:
        raise failed[0] if len(failed) == 1 else UsageError("\n".join(map(str, failed)))


def _statuses(folders: tuple[Path, ...]) -> tuple[list[QueueStatus], list[CefBridgeError]]:
    """Return the queues that can be read, and what is wrong with the others."""
    from cef_bridge.queue.inspector import find

    found: list[QueueStatus] = []
    failed: list[CefBridgeError] = []
    for folder in folders:
        try:
            views = find(folder)
        except UsageError as error:
            failed.append(error)
            continue
        for view in views:
            try:
                found.append(view.status())
            except CefBridgeError as error:
                failed.append(error)
    return found, failed


def _print(found: list[QueueStatus], *, several: bool) -> None:
    now = time.time()
    rows = [_row(each, now) for each in found]
    if several:  # queues of two forwarders often have the same name
        rows = [
            (str(each.path.with_suffix("")), *row[1:])
            for each, row in zip(found, rows, strict=True)
        ]
    tables.print_table(_COLUMNS, rows, meaning=_meaning)
    for each in found:
        for reason, count in each.sum.dropped.items():
            tables.print_sentence(f"{each.name}: {count:,} dropped: {reason}")
        if each.held:
            tables.print_sentence(
                f"{each.name}: {each.held:,} confirmed messages are kept for a while"
            )
        if each.totals.get("damaged_files"):
            tables.print_sentence(
                f"{each.name}: was damaged; look for {each.path.name}.damaged-* beside it",
                "warning",
            )


def _meaning(column: str, cell: str) -> str:
    meanings = {"dropped": "lost", "dead letters": "warning"}
    return "" if cell == "0" else meanings.get(column, "")


def _row(status: QueueStatus, now: float) -> tuple[str, ...]:
    total = status.sum
    oldest = "" if status.oldest is None else tables.duration(now - status.oldest)
    numbers = (total.accepted, total.confirmed, total.unconfirmed, sum(total.dropped.values()))
    return (
        status.name,
        f"{total.waiting:,}",
        oldest,
        *(f"{number:,}" for number in numbers),
        f"{status.dead:,}",
        size(status.bytes),
        "" if status.process is None else f"process {status.process or 'unknown'}",
    )


def _plain(status: QueueStatus) -> dict[str, object]:
    total = status.sum
    return {
        "queue": status.name,
        "path": str(status.path),
        "accepted": total.accepted,
        "confirmed": total.confirmed,
        "unconfirmed": total.unconfirmed,
        "waiting": total.waiting,
        "dropped": total.dropped,
        "dead_lettered": total.dead_lettered,
        "lanes": {_LANES[lane]: count for lane, count in status.lanes.items()},
        "held": status.held,
        "dead_letters": status.dead,
        "bytes": status.bytes,
        "oldest": None if status.oldest is None else tables.moment(status.oldest),
        "process": status.process,
        "totals": status.totals,
    }


@command.command()
@_FOLDER
@click.option("--lane", type=click.Choice(_LANES), help="Only this lane.")
@click.option(
    "--count",
    metavar="N",
    type=Whole(min=1),
    default=10,
    show_default=True,
    help="Messages of each queue.",
)
@tables.json_option
def peek(folder: Path, lane: str | None, count: int, as_json: bool) -> None:
    """Print the next messages, one a line, without removing them."""
    from cef_bridge.queue.inspector import find

    views = find(folder)
    which = None if lane is None else _LANES.index(lane)
    found = [(view, peeked) for view in views for peeked in view.peek(which, count)]
    if as_json:
        click.echo(json.dumps([_message(view, peeked) for view, peeked in found], indent=2))
        return
    for _, peeked in found:
        click.echo(peeked.message)


def _message(view: QueueInspector, peeked: Peeked) -> dict[str, str]:
    return {
        "queue": view.path.stem,
        "lane": _LANES[peeked.lane],
        "appended": tables.moment(peeked.born),
        "message": peeked.message.decode("utf-8", "backslashreplace"),
    }
