"""`cef-bridge mapping`: look at mappings, check them, run their examples.

In come names and paths of mappings, out come tables, YAML, problems. Must not know how mappings
are read, checked or run.
"""

# ruff: noqa: PLC0415 - `import click` alone costs 40 ms: what one command needs, it imports itself

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.tables import print_table
from cef_bridge.errors import MappingError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.errors import Problem

_WRONG = 2
_FAILED = 3
_NAMES = click.argument("names", metavar="[NAME-OR-PATH]...", nargs=-1)


def _json_option(function: Callable[..., None]) -> Callable[..., None]:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


@click.group("mapping")
def command() -> None:
    """Change what goes where: list, show, check and test mappings."""


@command.command("list")
@_json_option
def list_(as_json: bool) -> None:
    """List the mappings that come with cef-bridge."""
    from cef_bridge.mapping import load, shipped

    rows = []
    for name in shipped.names():
        mapping = load.load(name)
        first_line = mapping.description.strip().partition("\n")[0]
        rows.append((name, mapping.format, first_line))
    _print(("name", "format", "description"), rows, as_json=as_json)


@command.command()
@click.argument("name", metavar="NAME-OR-PATH")
@_json_option
def show(name: str, as_json: bool) -> None:
    """Print a mapping with everything it extends merged in, as YAML that loads again."""
    from cef_bridge.mapping import dump, load

    mapping = load.load(name)
    if as_json:
        click.echo(json.dumps(dump.to_plain(mapping), ensure_ascii=False, indent=2))
        return
    if mapping.extends:
        click.echo(f"# {mapping.name} extends {', '.join(mapping.extends)}; all of it is here.")
    click.echo(dump.to_yaml(mapping), nl=False)


@command.command("fields")
@_json_option
def fields_(as_json: bool) -> None:
    """List the event fields that a mapping can read: KubeArmor's own, then derived ones."""
    from cef_bridge.events import fields

    rows = [
        (row.path, row.kind, source, row.since, row.doc)
        for source, table in (("event", fields.RAW), ("derived", fields.DERIVED))
        for row in table.values()
    ]
    _print(("field", "kind", "source", "since", "description"), rows, as_json=as_json)


@command.command("event-ids")
@_json_option
def event_ids(as_json: bool) -> None:
    """List every device event class id with its name, category and default severity."""
    from cef_bridge.events.classes import catalogue

    rows = [(row.class_id, row.name, row.category, row.severity) for row in catalogue()]
    _print(("id", "name", "category", "severity"), rows, as_json=as_json)


@command.command()
@_NAMES
@_json_option
def lint(names: tuple[str, ...], as_json: bool) -> None:
    """Check mappings; without a name all shipped ones.

    Prints all problems, one a line. Exit code 2 when one of them is an error.
    """
    from cef_bridge.mapping import load, shipped

    # Of several mappings with one parent, the parent's problems are told once.
    found = dict.fromkeys(
        problem for name in names or shipped.names() for problem in load.problems(name)
    )
    _print_problems(list(found), as_json=as_json)
    errors = sum(problem.severity == "error" for problem in found)
    if found:
        click.echo(f"{_count(errors, 'error')}, {_count(len(found) - errors, 'warning')}", err=True)
    if errors:
        sys.exit(_WRONG)


@command.command()
@_NAMES
@_json_option
def test(names: tuple[str, ...], as_json: bool) -> None:
    """Run the examples of mappings; without a name those of all shipped ones.

    Exit code 3 when an example does not give what it expects, 2 when a mapping is wrong.
    """
    from cef_bridge.mapping import shipped

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
    summary = f"{_count(len(results), 'example')}: {len(results) - failed} passed, {failed} failed"
    click.echo(summary, err=as_json)
    if problems:
        sys.exit(_WRONG)
    if failed:
        sys.exit(_FAILED)


def _run_examples(name: str) -> list[dict[str, object]]:
    from cef_bridge.mapping import examples, load

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


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _print_problems(problems: Sequence[Problem], *, as_json: bool) -> None:
    if not as_json:
        for problem in problems:
            click.echo(str(problem))
        return
    rows = [
        {**problem.at._asdict(), "code": problem.code, "severity": problem.severity}
        | {"message": problem.message}
        for problem in problems
    ]
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2))


def _print(columns: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool) -> None:
    """Print a table: JSON, or rich on a terminal, or aligned text with two spaces between."""
    if as_json:
        entries = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
    else:
        print_table(columns, rows)
