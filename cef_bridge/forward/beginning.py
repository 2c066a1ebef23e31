"""What a forwarder says of itself at its start: sources, destinations, queues, metrics.

In come the config and the opened queues, out go rows that a terminal shows as a table and a log as
sentences. Opens and starts nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.forward.status import Report
from cef_bridge.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.forward.config import Config, Source
    from cef_bridge.forward.running_parts import RunningDestination


class StartRow(NamedTuple):
    """A part of the forwarder: what kind of part, its name, and what there is to say of it."""

    part: str
    name: str
    text: str
    report: Report


def start_rows(
    config: Config,
    destinations: Iterable[RunningDestination],
    folder: Path,
    metrics: Endpoint | None,
    live: str | None = None,
    *,
    private: bool,
) -> list[StartRow]:
    """Return a row for each part, in the order in which events pass them.

    `live` follows the live page's URL; None without a live page.
    """
    rows = [_source(spec) for spec in config.sources]
    total = 0
    for each in destinations:
        fate = each.route.queue.sum()
        waiting = fate.waiting + fate.in_flight
        total += waiting
        rows.append(_destination(each, folder, waiting))
    kept = "private, deleted at the end if it is empty" if private else ""
    waits = f"{counted(total, 'message')} waiting" if total else "empty"
    rows.append(
        _row(
            "queue folder",
            printable(str(folder)),
            ", ".join(filter(None, (waits, kept))),
            "queue-folder",
            {"path": str(folder), "waiting": total},
        )
    )
    if metrics is not None:
        host, port = metrics
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        ways = "/metrics, /healthz, /readyz"
        rows.append(_row("metrics", url, ways, "metrics", {"addresses": [url]}))
        rows += _live(config, url, live)
    return rows


def _live(config: Config, url: str, live: str | None) -> list[StartRow]:
    """Return a row for the live page."""
    if not config.live:
        return []
    if live is None:
        why = "metrics listen on more than loopback. --live-token-file FILE turns it on"
        return [_row("live page", "off", why, "live-page", {"addresses": []})]
    page = f"{url}/live"
    text = printable(page + live)
    return [_row("live page", "on", text, "live-page", {"addresses": [page]})]


def _source(spec: Source) -> StartRow:
    looked = SOURCES[spec.kind].look(spec)
    facts = {"source": str(spec), "found": looked.found, "files": looked.files}
    return _row("source", printable(str(spec)), looked.text, "source", facts)


def _destination(each: RunningDestination, folder: Path, waiting: int) -> StartRow:
    spec = each.spec
    mapping = each.route.converter.program.mapping.name
    text = f"{spec.target}, mapping {mapping}"
    text += f", {counted(waiting, 'message')} waiting" if waiting else ""
    facts = {
        "destination": spec.name,
        "target": str(spec.target),
        "mapping": mapping,
        "queue": str(folder / f"{spec.name}.queue"),
        "waiting": waiting,
    }
    return _row("destination", spec.name, printable(text), "destination", facts)


def _row(
    part: str,
    name: str,
    text: str,
    code: str,
    facts: Mapping[str, object],
) -> StartRow:
    return StartRow(part, name, text, Report(f"{part} {name}: {text}", code, facts))
