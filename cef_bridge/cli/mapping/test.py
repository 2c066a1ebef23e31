"""`cef-bridge mapping test`: the examples of mappings, run; and with --update made to pass.

In come names and paths, out go what fails and how, as text, JSON or JUnit. Must not know how
examples are read or run.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import junit
from cef_bridge.cli.params import MAPPING
from cef_bridge.cli.styles import styled
from cef_bridge.cli.tables import json_option, print_sentence, screen_width
from cef_bridge.errors import UsageError
from cef_bridge.files import AtomicFile
from cef_bridge.mapping.language import edit, shipped
from cef_bridge.mapping.language.nodes import MOST_BYTES
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import counted, printable
from cef_bridge.workbench import testing

if TYPE_CHECKING:
    from pathlib import Path

    from cef_bridge.mapping.language.edit import ExampleEdit
    from cef_bridge.workbench.testing import Ran, TestReport

_WRONG = 2
_FAILED = 3


@click.command("test")
@click.argument("names", metavar="[NAME-OR-PATH]...", nargs=-1, type=MAPPING)
@click.option(
    "--update", is_flag=True, help="Write the actual output into the examples where it differs."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "junit"]),
    default="text",
    show_default=True,
    help="Output format: text, JSON or a JUnit report.",
)
@json_option
def command(names: tuple[str, ...], form: str, *, update: bool, as_json: bool) -> None:
    """Run the examples of mappings. Default: those of all shipped ones.

    Runs a mapping's own examples, and those of NAME.test.yaml and NAME.*.test.yaml beside it. Such
    a file can be named, too. Exit code 3 when an example fails, 2 when a file is invalid.
    """
    if as_json:
        form = "json"
    asked = names or tuple(shipped.names())
    report = testing.run(asked)
    if update and report.failed:
        _update(report, aside=form != "text")
        report = testing.run(asked)
    _PRINTERS[form](report)
    for line in (*map(str, report.problems), *report.notes):
        click.echo(line, err=True)
    total, failed = len(report.ran), report.failed
    summary = f"{counted(total, 'example')}: {total - failed} passed, {failed} failed"
    click.echo(summary, err=form != "text")
    if report.problems:
        raise SystemExit(_WRONG)
    if failed:
        raise SystemExit(_FAILED)


def _update(report: TestReport, *, aside: bool) -> None:
    """Rewrite the files of failing examples, and say what was changed in them."""
    for path, changes in testing.changes(report).items():
        try:
            made = _rewrite(path, changes)
        except UsageError as error:
            click.echo(f"cef-bridge: {error}", err=True)
            continue
        for at, key, expected, got in made:
            click.echo(f"{at} {key}: expected {_said(expected)}, now {_said(got)}", err=aside)
        click.echo(f"{path}: {counted(len(made), 'value')} updated", err=aside)
    shipped_ones = {each.mapping for each in report.ran if not (each.mine or each.outcome.passed)}
    for name in sorted(shipped_ones):
        click.echo(f"{name} comes with cef-bridge and was not updated.", err=True)


def _rewrite(path: Path, changes: list[ExampleEdit]) -> list[edit.Changed]:
    data, made = edit.updated(_bytes_of(path), str(path), changes)
    with AtomicFile(path) as file:
        file.write(data)
    return made


def _bytes_of(path: Path) -> bytes:
    try:
        return read_small(path, MOST_BYTES)
    except UnreadableError as error:
        raise UsageError(f"{path} cannot be read: {error}.") from error


def _print_text(report: TestReport) -> None:
    for each in report.ran:
        if each.outcome.passed:
            continue
        if screen_width() is None:
            click.echo(_failure(each))
            continue
        head, *rows = map(printable, _failure(each).split("\n"))
        click.echo(styled(head, "error"))
        for row in rows:
            print_sentence(row.strip(), "heading", indent="  ")


def _print_json(report: TestReport) -> None:
    rows = [
        {
            "mapping": each.mapping,
            "example": each.outcome.name,
            "at": str(each.outcome.at),
            "passed": each.outcome.passed,
            "differences": [
                {"key": key, "expected": expected, "got": got}
                for key, expected, got in each.outcome.differences
            ],
        }
        for each in report.ran
    ]
    click.echo(json.dumps(rows, ensure_ascii=False, indent=2))


def _print_junit(report: TestReport) -> None:
    """Print a case an example; a file that could not be used is a case that fails."""
    cases = [
        junit.Case(
            each.mapping,
            each.outcome.name or str(each.outcome.at),
            "" if each.outcome.passed else _failure(each),
        )
        for each in report.ran
    ]
    cases += [junit.Case(at.path, code, str(it)) for it in report.problems for at, code in [it[:2]]]
    click.echo(junit.document("cef-bridge mapping test", cases), nl=False)


_PRINTERS = {"text": _print_text, "json": _print_json, "junit": _print_junit}


def _failure(each: Ran) -> str:
    """Return what is wrong with an example, key by key in the line's order, absent ones last."""
    outcome = each.outcome
    name = f" ({outcome.name})" if outcome.name else ""
    order = {key: number for number, key in enumerate(each.keys)}
    rows = sorted(outcome.differences, key=lambda row: order.get(row[0], len(order)))
    told = [f"  {key}: expected {_said(wanted)}, got {_said(got)}" for key, wanted, got in rows]
    return "\n".join([f"{outcome.at} example of {each.mapping}{name} fails", *told])


def _said(text: str | None) -> str:
    return "nothing" if text is None else json.dumps(text, ensure_ascii=False)
