"""`cef-bridge mapping coverage`: which event fields are mapped, kept or lost, over archives.

In come a mapping and files, out go tables or JSON, and an exit code for CI. Counts nothing itself.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.earlier import with_earlier_keys
from cef_bridge.cli.logs import say
from cef_bridge.cli.mapping.surveys import run_through
from cef_bridge.cli.params import Number, mapping_option
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.kubearmor.classes import new_words
from cef_bridge.lines.text import sanitize
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.wording import counted
from cef_bridge.workbench.coverage import Coverage
from cef_bridge.workbench.fates import MEANINGS
from cef_bridge.workbench.machines import Examining
from cef_bridge.workbench.places import place

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.mapping.language.spec import Mapping
    from cef_bridge.stats import Stats
    from cef_bridge.workbench.coverage import FieldCount, RuleCount

_FOUND = 3
_FATES = (*MEANINGS, "filtered")
_SAMPLE = 40
_MOST_KEYS = 3


@click.command("coverage")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@mapping_option()
@click.option(
    "--min",
    "least",
    metavar="PERCENT",
    type=Number(0, 100),
    help="Exit code 3 when coverage is lower.",
)
@click.option(
    "--min-mapped",
    "least_mapped",
    metavar="PERCENT",
    type=Number(0, 100),
    help="Exit code 3 when rules write less than this; unmapped fields do not count.",
)
@click.option(
    "--all", "everything", is_flag=True, help="List also parents' rules that never fired."
)
@json_option
def command(
    files: tuple[str, ...],
    mapping_name: str,
    least: float | None,
    least_mapped: float | None,
    everything: bool,
    as_json: bool,
) -> None:
    """Count which event fields of archives are mapped, unmapped or lost.

    FILE is a file, a folder, a glob or - (stdin). Shows for each event field how often it is
    mapped, unmapped (written as KubeArmor…), redundant, dropped or lost. Also shows which rules
    never fired, which keys were cut, and which fields and values of KubeArmor this version does not
    know.
    """
    mapping = load(mapping_name)
    converter = Converter(mapping, syslog_header=mapping.envelope.syslog_header)
    coverage = Coverage(converter)
    examining = Examining(coverage, MappingEngine(converter))
    stats = run_through(examining, files).stats
    examining.finish()
    covered, mapped = (round(share, 2) for share in coverage.percent())
    if as_json:
        document = _document(mapping, coverage, stats)
        document |= {
            "coverage": covered,
            "mapped": mapped,
            "min": least,
            "min_mapped": least_mapped,
        }
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        _print(mapping, coverage, stats, everything=everything)
        click.echo()
        print_sentence(
            f"Coverage {covered:.2f} %: share of field values written, or left out on purpose. "
            f"Rules write {mapped:.2f} %."
        )
    below = [
        f"{what} {share:.2f} % is below {option} {wanted:g}"
        for what, share, option, wanted in (
            ("coverage", covered, "--min", least),
            ("mapped", mapped, "--min-mapped", least_mapped),
        )
        if wanted is not None and share < wanted
    ]
    for line in below:
        say(line, "error")
    if below:
        raise SystemExit(_FOUND)


def _print(mapping: Mapping, coverage: Coverage, stats: Stats, *, everything: bool) -> None:
    totals = coverage.totals()
    fates = [fate for fate in _FATES if totals[fate]]
    print_table(
        ("field", "events", *fates, "as", "sample"),
        [
            (
                row.path,
                f"{row.events:,}",
                *(f"{row.fates[fate]:,}" if row.fates.get(fate) else "" for fate in fates),
                _keys(row.keys),
                cut(row.sample, _SAMPLE),
            )
            for row in coverage.fields()
        ],
        meaning=lambda column, cell: column if cell and column in ("lost", "partial") else "",
    )
    for number, line in enumerate(_news(coverage.fields(), stats)):
        if not number:
            click.echo()
        print_sentence(f"KubeArmor sends something new: {line}", "warning")
    _print_lost(coverage)
    never = [rule for rule in coverage.rules() if not rule.fired]
    own = [rule for rule in never if rule.at.path == mapping.path]
    shown = never if everything else own
    if shown:
        click.echo("\nRules that never fired:")
        print_table(("key", "rule"), [(rule.key, place(rule.at)) for rule in shown])
    if len(never) > len(shown):
        more = len(never) - len(shown)
        click.echo()
        print_sentence(f"{counted(more, 'rule')} of parents never fired; --all lists them.")


def _print_lost(coverage: Coverage) -> None:
    rows = [
        (key, f"{number:,}", f"{coverage.longest.get(key, 0):,} characters")
        for key, number in coverage.cut.most_common()
    ]
    if rows:
        click.echo("\nKeys that were cut to their length:")
        print_table(("key", "events", "longest"), rows)
    if coverage.truncated:
        click.echo("\nKeys that were given up or shortened for the size of the message:")
        print_table(
            ("key", "events"), [(key, f"{n:,}") for key, n in coverage.truncated.most_common()]
        )


def _keys(keys: Sequence[str]) -> str:
    more = len(keys) - _MOST_KEYS
    return ", ".join(keys[:_MOST_KEYS]) + (f" and {more} more" if more > 0 else "")


def _news(fields: Sequence[FieldCount], stats: Stats) -> list[str]:
    """Return what this version does not know, a line each: fields, types, operations."""
    lines = [
        f'field {row.path} ({counted(row.events, "event")}, such as "{cut(row.sample, _SAMPLE)}")'
        for row in fields
        if not row.known
    ]
    return lines + [
        f'{field} "{cut(word, _SAMPLE)}" ({counted(number, "event")})'
        for (field, word), number in _words(stats).most_common()
    ]


def _words(stats: Stats) -> Counter[tuple[str, str]]:
    words: Counter[tuple[str, str]] = Counter()
    for (type_, operation, _), number in stats.kinds.items():
        for field, word in new_words(type_, operation):
            words[field, sanitize(word)] += number
    return words


def _document(mapping: Mapping, coverage: Coverage, stats: Stats) -> dict[str, object]:
    counts = {name: getattr(stats, name) for name in ("lines", "converted", "filtered", "rejected")}
    counts |= {"skipped": stats.noise, "blank": stats.blank}
    rules = coverage.rules()
    document = {
        "mapping": mapping.name,
        "events": with_earlier_keys(counts),
        "totals": with_earlier_keys({fate: coverage.totals()[fate] for fate in _FATES}),
        "fields": [_field(row) for row in coverage.fields()],
        "new": {
            "fields": [row.path for row in coverage.fields() if not row.known],
            "words": [
                {"field": field, "word": word, "events": number}
                for (field, word), number in _words(stats).most_common()
            ],
        },
        "rules": {
            "total": len(rules),
            "never_fired": [_rule(rule) for rule in rules if not rule.fired],
        },
        "cut": [
            {"key": key, "events": number, "longest": coverage.longest.get(key, 0)}
            for key, number in coverage.cut.most_common()
        ],
        "truncated": [
            {"key": key, "events": number} for key, number in coverage.truncated.most_common()
        ],
    }
    return with_earlier_keys(document)


def _field(row: FieldCount) -> dict[str, object]:
    counts = with_earlier_keys({fate: row.fates.get(fate, 0) for fate in _FATES})
    told: dict[str, object] = {"field": row.path, "events": row.events, **counts}
    return {**told, "keys": row.keys, "sample": row.sample, "known": row.known}


def _rule(rule: RuleCount) -> dict[str, object]:
    return {"key": rule.key, "rule": place(rule.at)}
