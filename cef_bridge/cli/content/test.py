"""`cef-bridge content test`: which rules fire in which SIEM, and what the others lack.

In come rules and a mapping, out go a table or JSON, and an exit code. Must not know how a rule is
run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.params import Receiver, mapping_option
from cef_bridge.cli.tables import cut, json_option, print_sentence, print_table
from cef_bridge.content import rule_files, shipped_rules
from cef_bridge.content.receivers import receivers
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from cef_bridge.content.trial import RuleVerdict

_WRONG, _FAILED = 2, 3

_BELOW = """Results: fires; needs (it fires once the SIEM has some more fields); blind (a field is
missing); silent (an event that should fire it does not); extra (an event that should not fire it
does); no test. Exit code 3 with blind, silent or extra, 2 when a file is invalid."""


@click.command("test", epilog=_BELOW)
@click.argument("rules", metavar="[NAME-or-PATH]...", nargs=-1)
@mapping_option(None, "; without it each SIEM's own")
@click.option(
    "--siem",
    "siems",
    multiple=True,
    type=Receiver(list(SIMULATORS)),
    help="SIEM to test, repeatable. Default: those of the mapping, else all.",
)
@json_option
def command(
    rules: tuple[str, ...], mapping_name: str | None, siems: tuple[str, ...], *, as_json: bool
) -> None:
    """Run Sigma rules over what each SIEM's parser extracts from converted events.

    A rule is a shipped one's name, a file or a folder. Default: all shipped rules. A rule's events
    are in NAME.test.yaml beside NAME.yml; for a rule without such a file they are made from the
    rule itself.
    """
    from cef_bridge.content import trial  # noqa: PLC0415 - pySigma is an extra

    behind = receivers(mapping_name, tuple(dict.fromkeys(siems)))
    found, problems = rule_files.read(
        [shipped_rules.path_of(it) for it in rules] or shipped_rules.rules()
    )
    verdicts = list(trial.run(found, behind))
    if as_json:
        click.echo(json.dumps([_plain(it) for it in verdicts], ensure_ascii=False, indent=2))
    else:
        _print(verdicts, [it.siem.name for it in behind])
    for problem in problems:
        click.echo(str(problem), err=True)
    failed = {it.rule.path for it in verdicts if it.result in trial.FAILURES}
    summary = (
        f"{counted(len(found), 'rule')}: {len(found) - len(failed)} passed, {len(failed)} failed"
    )
    click.echo(summary, err=as_json)
    if problems:
        raise SystemExit(_WRONG)
    if failed:
        raise SystemExit(_FAILED)


def _plain(it: RuleVerdict) -> dict[str, object]:
    return {
        "rule": it.rule.name,
        "title": str(it.rule.main.get("title", "")),
        "siem": it.siem,
        "mapping": it.mapping,
        "result": it.result,
        "why": list(it.why),
        "fields_to_make": list(it.made),
        "synthetic": it.synthetic,
    }


def _print(verdicts: Sequence[RuleVerdict], siems: Sequence[str]) -> None:
    """Print a row a rule, and below the table what is missing."""
    rows: dict[Path, list[str]] = {}
    for it in verdicts:
        rows.setdefault(it.rule.path, [cut(it.rule.name)]).append(it.result)
    if rows:
        print_table(("rule", *siems), list(rows.values()), meaning=_meaning)
        click.echo()
    for text in _needs(verdicts):
        print_sentence(text, "warning")
    for result, text in _reasons(verdicts):
        print_sentence(text, _meaning("", result))


def _meaning(_: str, cell: str) -> str:
    return {
        "fires": "fixed",
        "needs": "warning",
        "no test": "warning",
        "blind": "error",
        "silent": "error",
        "extra": "error",
    }.get(cell, "")


def _needs(verdicts: Sequence[RuleVerdict]) -> list[str]:
    """Return a sentence for each SIEM about the fields that somebody has to make there."""
    fields: dict[str, dict[str, None]] = {}
    for it in verdicts:
        if it.result == "needs":
            fields.setdefault(it.siem, {}).update(dict.fromkeys(it.made))
    return [
        f"needs: {SIEMS[siem].title}: {SIEMS[siem].makes_fields}, for {', '.join(map(cut, names))}"
        for siem, names in fields.items()
    ]


def _reasons(verdicts: Sequence[RuleVerdict]) -> list[tuple[str, str]]:
    """Return why rules fail, with the SIEMs in which they do so together."""
    siems: dict[tuple[str, str, str], list[str]] = {}
    for it in verdicts:
        for why in it.why:
            siems.setdefault((it.result, it.rule.name, why), []).append(it.siem)
    return [
        (result, f"{result}: {cut(name)}: {cut(why)} ({', '.join(names)})")
        for (result, name, why), names in siems.items()
    ]
