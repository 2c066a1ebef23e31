"""`cef-bridge mapping lint`: all problems of mappings, with their places."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.params import MAPPING
from cef_bridge.cli.tables import counted, json_option
from cef_bridge.mapping import load, shipped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.errors import Problem

_WRONG = 2


@click.command("lint")
@click.argument("names", metavar="[NAME-OR-PATH]...", nargs=-1, type=MAPPING)
@json_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """Check mappings; without a name all shipped ones.

    Prints all problems, one a line. Exit code 2 when one of them is an error.
    """
    # Of several mappings with one parent, the parent's problems are told once.
    found = dict.fromkeys(
        problem for name in names or shipped.names() for problem in load.problems(name)
    )
    _print_problems(list(found), as_json=as_json)
    errors = sum(problem.severity == "error" for problem in found)
    if found:
        warnings = len(found) - errors
        click.echo(f"{counted(errors, 'error')}, {counted(warnings, 'warning')}", err=True)
    if errors:
        raise SystemExit(_WRONG)


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
