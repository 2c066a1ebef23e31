"""`cef-bridge mapping explain`: which rule wrote each key of an event's line, and from what.

In come a mapping and an event, out go tables or JSON. Must not know how a rule is run.
"""

from __future__ import annotations

import json
import textwrap
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.earlier import KEYS
from cef_bridge.cli.event_input import one_event
from cef_bridge.cli.params import TEXTS, Whole, mapping_option
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table, screen_width
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.errors import UsageError
from cef_bridge.mapping.load import load, replaced
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.wording import did_you_mean, shown
from cef_bridge.workbench.agreement import check
from cef_bridge.workbench.explain import Explanation, explain
from cef_bridge.workbench.fates import words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.cli.tables import Meaning
    from cef_bridge.workbench.explain import ExplainedField, ExplainedKey

_WIDTH = 64
_COLUMNS = ("key", "value", "from", "rule", "notes")
_TABLE_FROM = 120  # columns of a screen; with fewer the values are in too many pieces


@click.command("explain")
@click.argument("event", metavar="[EVENT]", required=False)
@mapping_option()
@click.option(
    "--event",
    "number",
    metavar="N",
    type=Whole(1),
    default=None,
    help="Number of the event to take.",
)
@click.option(
    "-k",
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    type=TEXTS,
    help="Only this output key; repeatable.",
)
@click.option("--all", "everything", is_flag=True, help="List rules that wrote nothing, and why.")
@json_option
def command(
    event: str | None,
    mapping_name: str,
    number: int | None,
    keys: tuple[str, ...],
    everything: bool,
    as_json: bool,
) -> None:
    """Show which rule wrote each key of an event's message, and from which field.

    EVENT is a file of events (the first is taken), JSON text, or - (stdin, the default). Shows for
    each key the rule (file:line), its field, transforms, what was cut, escaped or truncated, and
    which rules lost. Also shows which keys are missing, and why, and which fields of the event no
    rule read.
    """
    mapping = load(mapping_name)
    found = one_event(event, number or 0, mapping)
    converter = Converter(mapping, syslog_header=mapping.envelope.syslog_header)
    explained = explain(converter, found.fields, replaced(mapping_name))
    if keys:
        explained = _only(explained, keys)
    if as_json:
        click.echo(json.dumps(_document(explained), ensure_ascii=False, indent=2))
    else:
        _print(explained, everything=everything or bool(keys))
    check(MappingEngine(converter), found)


def _only(explained: Explanation, keys: tuple[str, ...]) -> Explanation:
    """Return what concerns some output keys; UsageError for one that no rule is about."""
    header = tuple(row for row in explained.header if row.key in keys)
    syslog = tuple(row for row in explained.syslog if row.key in keys)
    rows = tuple(row for row in explained.rows if row.key in keys)
    unwritten = tuple(it for it in explained.unwritten if it.key in keys)
    known = [row.key for row in (*explained.header, *explained.syslog, *explained.rows)]
    known += [it.key for it in explained.unwritten]
    for key in keys:
        if key not in known and not explained.filtered:
            raise UsageError(f'no rule is about "{shown(key)}".{did_you_mean(key, known)}')
    return explained._replace(
        header=header, syslog=syslog, rows=rows, unwritten=unwritten, fields=()
    )


def _print(explained: Explanation, *, everything: bool) -> None:
    if explained.filtered:
        click.echo(f"{explained.class_id}: filtered by {explained.filtered}")
        return
    click.echo(explained.message)
    click.echo(f"{explained.size:,} of at most {explained.most:,} bytes\n")
    rows = (*explained.syslog, *explained.header, *explained.rows)
    # Below each other there is room for whole values.
    width = None if (screen_width(piped=True) or _TABLE_FROM) < _TABLE_FROM else _WIDTH
    cells = [_cells(row, width) for row in rows]
    print_table(_COLUMNS, cells, table_from=_TABLE_FROM, piped=True)
    lost = [
        (row.key, loser.rule, loser.why)
        for row in rows
        for loser in row.lost
        # Which of the rules of the severity did not hold is asked seldom, and they are many.
        if everything or row.key != "header.severity"
    ]
    _section("Rules that lost", ("key", "rule", "why"), lost)
    _print_unwritten(explained, everything=everything)
    unused = [
        (field.fate.path, cut(field.value, _WIDTH), words_of(field.fate))
        for field in explained.unused
    ]
    columns = ("field", "value", "what became of it")
    _section("Fields that no rule read", columns, unused, lambda _, cell: cell.partition(":")[0])


def _print_unwritten(explained: Explanation, *, everything: bool) -> None:
    """Print the keys that are missing: with reasons where one was refused, else their names."""
    plain, told = [], []
    for it in explained.unwritten:
        if everything or any(each.refused for each in it.why):
            told += [(it.key, each.rule, each.why) for each in it.why]
        else:
            plain.append(it.key)
    _section("Not in this line", ("key", "rule", "why"), told)
    if plain:
        why = "field absent from the event (see --all)"
        text = f"Not in this line, {why}: {', '.join(plain)}"
        if screen_width(piped=True) is None:
            text = textwrap.fill(text, 100, break_on_hyphens=False)
        click.echo()
        print_sentence(text, piped=True)


def _section(
    title: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    meaning: Meaning | None = None,
) -> None:
    if rows:
        click.echo(f"\n{title}:")
        print_table(columns, rows, meaning=meaning, piped=True)


def _cells(row: ExplainedKey, width: int | None) -> tuple[str, ...]:
    source = row.path + (f" ({', '.join(row.sources)})" if row.sources else "")
    return row.key, cut(row.value, width), source, row.rule, "; ".join(_notes(row))


def _notes(row: ExplainedKey) -> list[str]:
    label = [f"label {row.label}"] if row.label else []
    return [*label, *row.steps, *row.notes]


def _document(explained: Explanation) -> dict[str, object]:
    return {
        "mapping": explained.mapping,
        "class_id": explained.class_id,
        "fate": "filtered" if explained.filtered else "converted",
        "filtered_by": explained.filtered or None,
        "message": explained.message,
        "bytes": explained.size,
        "max_bytes": explained.most,
        "header": [_row(row) for row in explained.header],
        "syslog": [_row(row) for row in explained.syslog],
        "fields": [_row(row) for row in explained.rows],
        "absent": [
            {"key": it.key, "rules": [each._asdict() for each in it.why]}
            for it in explained.unwritten
        ],
        "event": [_field(field) for field in explained.fields],
        "unused": [field.fate.path for field in explained.unused],
    }


def _field(field: ExplainedField) -> dict[str, object]:
    fate = field.fate
    told: dict[str, object] = {"field": fate.path, "value": field.value, "outcome": fate.kind}
    told["fate"] = KEYS.get(fate.kind, fate.kind)
    return {**told, "keys": fate.keys, "kept_as": fate.kept or None}


def _row(row: ExplainedKey) -> dict[str, object]:
    told: dict[str, object] = {**row._asdict(), "label": row.label or None}
    told["from"] = told.pop("path") or None
    told["lost"] = [loser._asdict() for loser in row.lost]
    return told
