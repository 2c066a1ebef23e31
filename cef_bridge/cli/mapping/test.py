"""`cef-bridge mapping test`: the examples of mappings, run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.tables import counted, json_option
from cef_bridge.errors import MappingError
from cef_bridge.mapping import examples, load, shipped

if TYPE_CHECKING:
    from cef_bridge.errors import Problem

_WRONG = 2
_FAILED = 3


@click.command("test")
@click.argument("names", metavar="[NAME-OR-PATH]...", nargs=-1)
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Run the examples of mappings; without a name those of all shipped ones.

    Exit code 3 when an example does not give what it expects, 2 when a mapping is wrong.
    """
    results: list[dict[str, object]] = []
    problems: dict[Problem, None] = {}
    for name in names or shipped.names():
        try:
            results += _run_examples(name)
        except MappingError as error:
            problems |= dict.fromkeys(error.problems)
    failed = sum(not result["passed"] for result in results)
    if as_json:
        click.echo(json.dumps(results, ensure_ascii=False, indent=2))
    else:
        for result in results:
            if not result["passed"]:
                _print_failure(result)
    for problem in problems:
        click.echo(str(problem), err=True)
    summary = f"{counted(len(results), 'example')}: {len(results) - failed} passed, {failed} failed"
    click.echo(summary, err=as_json)
    if problems:
        raise SystemExit(_WRONG)
    if failed:
        raise SystemExit(_FAILED)


def _run_examples(name: str) -> list[dict[str, object]]:
    mapping = load.load(name)
    return [
        {
            "mapping": mapping.name,
            "example": outcome.name,
            "at": str(outcome.at),
            "passed": outcome.passed,
            "differences": [
                {"key": key, "expected": expected, "got": got}
                for key, expected, got in outcome.differences
            ],
        }
        for outcome in examples.run(mapping)
    ]


def _print_failure(result: dict[str, object]) -> None:
    name = f" ({result['example']})" if result["example"] else ""
    click.echo(f"{result['at']} example of {result['mapping']}{name} fails")
    differences = result["differences"]
    for row in differences if isinstance(differences, list) else []:
        click.echo(f"  {row['key']}: expected {_said(row['expected'])}, got {_said(row['got'])}")


def _said(text: str | None) -> str:
    return "nothing" if text is None else json.dumps(text, ensure_ascii=False)
