"""`cef-bridge mapping diff`: what two mappings make of the same events.

In come two mappings and files, out go tables or JSON; exit code 3 when they differ. Compares
nothing itself.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli.mapping.surveys import run_through
from cef_bridge.cli.params import MAPPING, Number, Whole
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.mapping.language.dump import constant, rules_text
from cef_bridge.mapping.language.spec import Rule
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.wording import counted, size
from cef_bridge.workbench.diff import Diff
from cef_bridge.workbench.machines import Comparing

if TYPE_CHECKING:
    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.workbench.diff import Change, MessagePair

_DIFFERENT = 3
_WIDTH = 40
_DAY = 86400
_LEAST_SPAN = 60  # seconds of events from which a day can be guessed
_KINDS = ("gained", "lost", "changed")


class Growth(NamedTuple):
    """Bytes an event before and after (means), and more bytes a day at so many events a day.

    `per_day` is None when nobody can tell how many events a day has.
    """

    before: float
    after: float
    per_day: float | None
    events_per_day: float | None


@click.command("diff")
@click.argument("old", metavar="OLD", type=MAPPING)
@click.argument("new", metavar="NEW", type=MAPPING)
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "--samples",
    metavar="N",
    type=Whole(0, 20),
    default=2,
    show_default=True,
    help="Messages to show in full.",
)
@click.option(
    "--events-per-day",
    metavar="N",
    type=Number(1),
    help="Events per day, to compute bytes per day.  [default: estimated from the events' times]",
)
@json_option
def command(
    old: str,
    new: str,
    files: tuple[str, ...],
    samples: int,
    events_per_day: float | None,
    as_json: bool,
) -> None:
    """Compare the output of two mappings, NAME or PATH each, for archives.

    FILE is a file, a folder, a glob or - (stdin). Shows which keys are gained, lost and changed and
    in how many events, which severities change, how much longer the messages are, and which events
    only one of the two filters. Exit code 3 when anything differs.
    """
    mappings = load(old), load(new)
    before, after = (
        Converter(mapping, syslog_header=mapping.envelope.syslog_header) for mapping in mappings
    )
    diff = Diff(before, after)
    run_through(Comparing(diff, MappingEngine(before), MappingEngine(after)), files)
    growth = _growth(diff, events_per_day)
    envelope = _envelope(*mappings)
    different = bool(diff.different or diff.only_old or diff.only_new)
    if as_json:
        document = _document((old, new), diff, growth, envelope, samples)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print((old, new), diff, growth, envelope, samples)
    if different:
        raise SystemExit(_DIFFERENT)


def _growth(diff: Diff, events_per_day: float | None) -> Growth:
    mean = [size / max(count, 1) for size, count in zip(diff.bytes, diff.messages, strict=True)]
    events = diff.same + diff.different + diff.filtered + diff.only_old + diff.only_new
    if events_per_day is None and diff.first:
        seconds = (diff.last - diff.first) / 1e6
        events_per_day = events / seconds * _DAY if seconds >= _LEAST_SPAN else None
    more = (diff.bytes[1] - diff.bytes[0]) / max(events, 1)
    per_day = None if events_per_day is None else more * events_per_day
    return Growth(mean[0], mean[1], per_day, events_per_day)


def _envelope(old: Mapping, new: Mapping) -> list[tuple[str, str, str]]:
    """Return the settings of the envelope that differ: name, before, after."""
    rows = (
        (name, _said(getattr(old.envelope, name)), _said(getattr(new.envelope, name)))
        for name in old.envelope.__struct_fields__
    )
    return [row for row in rows if row[1] != row[2]]


def _said(value: object) -> str:
    if (text := constant(value)) is not None:
        return text
    if isinstance(value, tuple):
        rules = tuple(it for it in value if isinstance(it, Rule))
        return rules_text(rules) if rules else ", ".join(map(str, value))
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else str(value)


def _ordered(diff: Diff) -> list[tuple[Change, int]]:
    """The changes: gained, lost, changed, in each those of most events first."""
    return sorted(diff.changes.items(), key=lambda it: (_KINDS.index(it[0][0]), -it[1], it[0][1]))


def _print(
    names: tuple[str, str],
    diff: Diff,
    growth: Growth,
    envelope: list[tuple[str, str, str]],
    samples: int,
) -> None:
    old, new = names
    filtered = "".join(
        f", {number:,} {what}"
        for number, what in (
            (diff.only_new, f"filtered by {old} only"),
            (diff.only_old, f"filtered by {new} only"),
            (diff.filtered, "filtered by both"),
        )
        if number
    )
    print_sentence(
        f"{old} → {new}: {counted(diff.same, 'line')} equal, {diff.different:,} different{filtered}"
    )
    if envelope:
        click.echo("\nSettings of the envelope:")
        print_table(("setting", old, new), envelope)
    rows = []
    for change, number in _ordered(diff):
        sample = diff.samples.get(change)
        texts = (sample.before or "", sample.after or "") if sample else ("", "")
        rows.append((change[1], change[0], f"{number:,}", *(cut(text, _WIDTH) for text in texts)))
    if rows:
        click.echo("\nKeys:")
        print_table(
            ("key", "what", "events", old, new),
            rows,
            meaning=lambda column, cell: cell if column == "what" else "",
        )
    if diff.severities:
        click.echo("\nSeverities:")
        moves = sorted(diff.severities.items(), key=lambda it: -it[1])
        print_table((old, new, "events"), [(a, b, f"{number:,}") for (a, b), number in moves])
    click.echo()
    print_sentence(_size(growth))
    for lines in diff.lines[:samples]:
        click.echo(f"\n- {lines.before}\n+ {lines.after}")


def _size(growth: Growth) -> str:
    more = growth.after - growth.before
    percent = f", {100 * more / growth.before:+.1f} %" if growth.before else ""
    text = (
        f"Size: {growth.before:,.0f} bytes a line, then {growth.after:,.0f} ({more:+,.1f}{percent})"
    )
    if growth.per_day is None or growth.events_per_day is None:
        return f"{text}. For bytes a day, say how many events a day has: --events-per-day"
    sign = "-" if growth.per_day < 0 else "+"
    day = f"{sign}{size(round(abs(growth.per_day)))}"
    return f"{text}; {day} a day at {growth.events_per_day:,.0f} events a day"


def _document(
    names: tuple[str, str],
    diff: Diff,
    growth: Growth,
    envelope: list[tuple[str, str, str]],
    samples: int,
) -> dict[str, object]:
    keys = [
        {"key": key, "change": kind, "events": number}
        | ({"old": sample.before, "new": sample.after} if sample else {})
        for (kind, key), number in _ordered(diff)
        for sample in [diff.samples.get((kind, key))]
    ]
    return {
        "old": names[0],
        "new": names[1],
        "events": {
            "same": diff.same,
            "different": diff.different,
            "filtered": diff.filtered,
            "only_old": diff.only_old,
            "only_new": diff.only_new,
        },
        "envelope": [{"setting": it[0], "old": it[1], "new": it[2]} for it in envelope],
        "keys": keys,
        "severities": [
            {"old": before, "new": after, "events": number}
            for (before, after), number in diff.severities.most_common()
        ],
        "bytes": {
            "old": diff.bytes[0],
            "new": diff.bytes[1],
            "old_per_event": round(growth.before, 2),
            "new_per_event": round(growth.after, 2),
            "growth_per_event": round(growth.after - growth.before, 2),
            "growth_per_day": None if growth.per_day is None else round(growth.per_day),
            "events_per_day": growth.events_per_day and round(growth.events_per_day),
        },
        "samples": [_lines(lines) for lines in diff.lines[:samples]],
    }


def _lines(lines: MessagePair) -> dict[str, str]:
    return {"old": lines.before, "new": lines.after}
