"""Everything that there is to try of a config, side by side, as one diagnosis.

In comes a config, out goes a `Diagnosis`. Puts the links together and knows none of them.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.doctor import conversion
from cef_bridge.doctor.destinations import (
    any_host,
    broker_rows,
    destination_rows,
    mapping_rows,
    of_faults,
)
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, ordered, problem, row, warning
from cef_bridge.doctor.files import FileProbe
from cef_bridge.doctor.forwarder import ForwarderProbe
from cef_bridge.doctor.kafka import KafkaProbe
from cef_bridge.doctor.links import Link, side_by_side
from cef_bridge.doctor.queues import FolderProbe, QueueProbe, queue_path
from cef_bridge.doctor.send import test_event_rows
from cef_bridge.forward.config.check import loops
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from cef_bridge.doctor.conversion import EventSample
    from cef_bridge.doctor.diagnosis import Diagnosis, DiagnosisRow
    from cef_bridge.errors import Problem
    from cef_bridge.forward.config import Config, Destination, Source


class ExamineOptions(NamedTuple):
    """`limit`: seconds that a check may take; `send`: send a test event, if nothing is broken."""

    limit: float = 10.0
    send: bool = False


def examine(config: Config, options: ExamineOptions, warnings: Sequence[Problem] = ()) -> Diagnosis:
    """Try everything and return what was found; `warnings` are those of the config file."""
    limit = options.limit
    works: list[Callable[[], list[DiagnosisRow]]] = [
        *(partial(_source, it, config, limit) for it in config.sources),
        *(partial(mapping_rows, it, limit) for it in config.destinations),
        partial(_queues, config, limit),
        *(partial(destination_rows, it, limit) for it in config.destinations),
        partial(_forwarder, config, limit),
    ]
    rows = [_settings(config, warnings), *_loops(config)]
    for found in side_by_side(works):
        rows += found
    if options.send:
        rows += _test_events(config, rows, limit)
    return ordered(rows)


def _test_events(config: Config, rows: Sequence[DiagnosisRow], limit: float) -> list[DiagnosisRow]:
    """Send a test event to each destination that has no problem; return what became of them."""
    broken = {each.where for each in rows if each.status == "problem"}
    whole = [one for one in config.destinations if f"destination {one.name}" not in broken]
    others = [one for one in config.destinations if one not in whole]
    why = not_tried("a link before it is broken")
    found = [row("destination", f"destination {it.name}", "test event", why) for it in others]
    if not whole:
        return found
    return found + test_event_rows(config.with_settings({"destinations": tuple(whole)}), limit)


def unusable(problems: Sequence[Problem]) -> Diagnosis:
    """Return the diagnosis of a config that cannot be used."""
    return ordered(
        [
            row("config", str(each.at), each.code, Verdict("problem", each.message))
            for each in problems
        ]
    )


def _settings(config: Config, warnings: Sequence[Problem]) -> DiagnosisRow:
    counts = (
        f"{counted(len(config.sources), 'source')}, "
        f"{counted(len(config.destinations), 'destination')}"
    )
    if warnings:
        first = warnings[0]
        text = f"{counts}; {counted(len(warnings), 'warning')}: {first.at} {first.code}"
        return row("config", config.path, "config", warning(text, first.message))
    return row("config", config.path, "config", ok(counts))


def _loops(config: Config) -> list[DiagnosisRow]:
    return [row("config", each.where, "loop", problem(each.text)) for each in loops(config)]


def _source(source: Source, config: Config, limit: float) -> list[DiagnosisRow]:
    """Return the rows of a source, and of what each destination makes of its events."""
    where = f"source {source.name or source}"
    link = Link("source", where, limit)
    match source.kind:
        case "files":
            queues = [path for one in config.destinations if (path := _queue(config, one))]
            files = FileProbe(link, source, queues)
            if files.look():
                _conversion(link, files.lines, source, config)
        case "kubearmor":
            if lines := _relay(source, link):
                _conversion(link, lambda: lines, source, config)
        case "kafka":
            if values := _kafka(source, link):
                _conversion(link, lambda: values, source, config)
        case _:
            link.run("standard input", lambda: not_tried("reading it would take events away"))
    return link.rows


def _queue(config: Config, one: Destination) -> Path | None:
    path = queue_path(Path(config.queue), one) if config.queue is not None else None
    return path if path is not None and path.exists() else None


def _relay(source: Source, link: Link) -> list[bytes]:
    """Look at each endpoint of a relay; return the lines of all."""
    from cef_bridge.doctor.relay import RelayProbe  # noqa: PLC0415 - gRPC alone takes 100 ms

    faults = SOURCES[source.kind].check(source, time.time())
    if not link.run("settings", lambda: of_faults(faults)):
        return []
    lines: list[bytes] = []

    def look(at: int) -> list[DiagnosisRow]:
        one = Link("source", link.where, link.limit)
        lines.extend(RelayProbe(one, source, source.endpoints[at]).look())
        return one.rows

    found = side_by_side([partial(look, at) for at in range(len(source.endpoints))])
    for rows in found:  # each of them is read: none stands in for another
        link.adopt(rows)
    return lines


def _kafka(source: Source, link: Link) -> list[bytes]:
    """Look at a cluster and its topics; return messages of these."""
    faults = SOURCES[source.kind].check(source, time.time())
    if link.run("settings", lambda: of_faults(faults)):
        ways = [partial(broker_rows, link, endpoint) for endpoint in source.endpoints]
        link.adopt(any_host(side_by_side(ways)))
    return KafkaProbe(link, source, source.endpoints, source.topics, source.group).look()


def _conversion(
    link: Link, lines: Callable[[], Iterable[bytes]], source: Source, config: Config
) -> None:
    """Add the rows of what becomes of the events in some lines."""
    taken: list[EventSample] = []

    def recognized() -> Verdict:
        taken.append(conversion.sample(lines(), source.input_format))
        return conversion.recognized(taken[0])

    def clock() -> Verdict:
        return conversion.recent(taken[0].newest)

    def converted(one: Destination) -> Verdict:
        return conversion.converted(taken[0], one)

    link.run("events", recognized, stage="conversion")
    link.run("clock", clock, stage="conversion", vital=False)
    for one in config.destinations:
        look = partial(converted, one)
        link.run(f"messages for {one.name}", look, stage="conversion", vital=False)


def _queues(config: Config, limit: float) -> list[DiagnosisRow]:
    if config.queue is None:
        why = not_tried("no queue folder is named: each run has a private one")
        return [row("queue", "", "folder", why)]
    folder = Path(config.queue)
    link = Link("queue", f"queue {folder}", limit)
    FolderProbe(link, folder).look()
    rows = link.rows
    for one in config.destinations:
        each = Link("queue", f"queue {one.name}", limit)
        QueueProbe(each, queue_path(folder, one), one).look()
        rows += each.rows
    return rows


def _forwarder(config: Config, limit: float) -> list[DiagnosisRow]:
    link = Link("forwarder", "", limit)
    ForwarderProbe(link, config).look()
    return link.rows
