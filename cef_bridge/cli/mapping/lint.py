"""`cef-bridge mapping lint`: all problems of mappings, with their places.

In come names and paths, out go problems as text, JSON or SARIF. Must not know any rule.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import sarif
from cef_bridge.cli.params import MAPPING
from cef_bridge.cli.problems import print_full, print_plain
from cef_bridge.cli.tables import json_option, screen_width
from cef_bridge.errors import MappingError, UsageError
from cef_bridge.mapping import load, testfiles
from cef_bridge.mapping.language import beside, codes, shipped, slots_file
from cef_bridge.mapping.lint import linter
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.errors import Problem

_WRONG = 2


def _explain(context: click.Context, _: click.Parameter, code: str | None) -> None:
    """Print a rule's page, and end."""
    if code is None or context.resilient_parsing:
        return
    from cef_bridge.cli.mapping import explain_rule  # noqa: PLC0415 - for this option only

    explain_rule.explain(code)
    context.exit()


@click.command("lint")
@click.argument("names", metavar="[NAME-OR-PATH]...", nargs=-1, type=MAPPING)
@click.option(
    "--format",
    "form",
    type=click.Choice(("text", "full", "json", "sarif")),
    help="Output format: one line per problem; full: with severity and source line (default on a "
    "terminal); a JSON list; SARIF for code review.",
)
@json_option
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
@click.option("--fix", is_flag=True, help="Fix in the files what has only one right fix.")
@click.option("--watch", is_flag=True, help="Check again when a file changes, until Ctrl-C.")
@click.option(
    "--explain",
    metavar="CODE",
    callback=_explain,
    expose_value=False,
    is_eager=True,
    help="Print the page of a rule: why, what --fix does, examples. Then exit.",
)
def command(
    names: tuple[str, ...],
    form: str | None,
    as_json: bool,
    strict: bool,
    fix: bool,
    watch: bool,
) -> None:
    """Check mappings. Default: all shipped ones.

    Prints all problems; `mapping explain-rule CODE` explains one. Exit code 2 when one of them is
    an error; 130 when --watch is interrupted. To suppress a warning, write in its line or alone
    above it: "# lint-ok CODE reason".
    """
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} are two formats. Keep one.")
    if fix and watch:
        raise UsageError("--fix changes files, and --watch waits for changes. Keep one.")
    form = "json" if as_json else form or ("text" if screen_width() is None else "full")
    if fix:
        _fix(names)
    if watch:
        from cef_bridge.cli.mapping import lint_watch  # noqa: PLC0415 - for this option only

        chosen = names or shipped.names()
        mappings = [it for it in chosen if _is_mapping(it)]
        tests = [it for it in chosen if beside.is_test_file(it)]
        lint_watch.watch(
            files=lambda: [*load.files_of(mappings), *tests],
            lint=lambda: _lint(_checked(chosen), form),
        )
    if _lint(_checked(names or shipped.names()), form, strict=strict):
        raise SystemExit(_WRONG)


def _fix(names: Sequence[str]) -> None:
    if not names:
        raise UsageError("Name the mappings to fix, such as: cef-bridge mapping lint --fix *.yaml")
    from cef_bridge.cli.mapping import lint_fix  # noqa: PLC0415 - for this option only

    lint_fix.fix(partial(_checked, names))


def _lint(checked: load.Checked, form: str, *, strict: bool = False) -> bool:
    """Print what was found; return whether it is wrong."""
    found, excused = checked
    _PRINTERS[form](found)
    errors = sum(problem.severity == "error" for problem in found)
    if found or excused:
        warnings = len(found) - errors
        parts = [counted(errors, "error"), counted(warnings, "warning")]
        parts += [f"{len(excused):,} suppressed"] if excused else []
        click.echo(", ".join(parts), err=True)
    return bool(errors or (strict and found))


def _checked(names: Sequence[str]) -> load.Checked:
    """Check mappings, and what `*.yaml` takes along with them: files of examples, of slots."""
    # A slots file is checked with its mapping.
    found, excused = load.check([it for it in names if _is_mapping(it)])
    for name in filter(beside.is_test_file, names):
        try:
            testfiles.suite(name)
        except MappingError as error:
            found = list(dict.fromkeys([*found, *error.problems]))
    return load.Checked(found, excused)


def _is_mapping(name: str) -> bool:
    return not (beside.is_test_file(name) or slots_file.is_one(name))


def _print_json(problems: Sequence[Problem]) -> None:
    rows = [
        {**problem.at._asdict(), "code": problem.code, "severity": problem.severity}
        | {"message": problem.message}
        for problem in problems
    ]
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2))


def _print_sarif(problems: Sequence[Problem]) -> None:
    rules = [
        sarif.SarifRule(code.id, code.severity, code.meaning, linter.page(code))
        for code in codes.CODES.values()
    ]
    click.echo(sarif.document(rules, problems))


_PRINTERS = {"text": print_plain, "full": print_full, "json": _print_json, "sarif": _print_sarif}
