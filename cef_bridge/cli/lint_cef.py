"""`cef-bridge lint-cef`: any product's CEF and LEEF lines, checked.

In come files, folders, stdin; out go problems on stdout as text, JSON, SARIF or JUnit, and what
they add up to on stderr. Must not know any rule.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.linted import FORMATS, Tally
from cef_bridge.cli.params import Receiver
from cef_bridge.cli.tables import print_page
from cef_bridge.errors import CefBridgeError, Location, Problem, UsageError
from cef_bridge.lines.lint.codes import CODES, RECEIVERS, STANDARD
from cef_bridge.lines.lint.linter import Linter
from cef_bridge.lines.lint.pages import page
from cef_bridge.lines.lint.rules_line import MOST_READ
from cef_bridge.siems.registry import SIEMS
from cef_bridge.sources.files.inputs import expand
from cef_bridge.sources.records.text_lines import text_lines
from cef_bridge.sources.records.units import DamagedError
from cef_bridge.wording import did_you_mean, shown

if TYPE_CHECKING:
    from cef_bridge.cli.linted import LintReporter
    from cef_bridge.sources.files.archives import UnpackedStream

_FOUND = 3


def _explain(context: click.Context, _: click.Parameter, name: str | None) -> None:
    """Print a rule's page, and end."""
    if name is None or context.resilient_parsing:
        return
    code = CODES.get(name.upper())
    if code is None and re.fullmatch(r"M\d+", name.upper()):
        raise UsageError(
            f'"{shown(name)}" is a code of mapping lint. '
            f'Write "cef-bridge mapping explain-rule {name}".'
        )
    if code is None:
        hint = did_you_mean(name.upper(), list(CODES))
        last = list(CODES)[-1]
        raise UsageError(f'There is no rule "{shown(name)}". Expected L001 to {last}.{hint}')
    found = page(code)
    about = f" ({', '.join(code.receivers)})" if code.receivers else ""
    print_page(f"{code.id} {code.severity}{about}: {code.meaning}\n\n{found.prose}")
    click.echo()
    for title, example in (("Bad", found.bad), ("Good", found.good)):
        click.echo(f"{title}:")
        for line in example.split("\n"):
            click.echo(f"    {line}")
    context.exit()


@click.command("lint-cef")
@click.argument("files", metavar="[FILE]...", nargs=-1)
@click.option(
    "--format",
    "form",
    type=click.Choice(list(FORMATS)),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON: short for --format json.")
@click.option(
    "--for",
    "read_by",
    type=Receiver([*(RECEIVERS | SIEMS), STANDARD]),
    default=None,
    help="Report only this SIEM's pitfalls; standard: none.",
)
@click.option("--strict", is_flag=True, help="Exit code 3 for warnings, too.")
@click.option("--all", "everything", is_flag=True, help="Print all problems, however many.")
@click.option(
    "--explain",
    metavar="CODE",
    callback=_explain,
    expose_value=False,
    is_eager=True,
    help="Print the page of a rule, with a bad and a good line, and exit.",
)
def command(
    files: tuple[str, ...],
    form: str,
    as_json: bool,
    read_by: str | None,
    strict: bool,
    everything: bool,
) -> None:
    """Check CEF and LEEF lines of any product, with any syslog header before them.

    Reads files, folders and globs, compressed ones too, or stdin for "-" or nothing. An error
    violates the standard, a warning is a pitfall of the SIEMs that it names. Exit code 3 when
    there are errors.
    """
    tally = Tally()
    report = FORMATS["json" if as_json else form](tally, strict=strict, everything=everything)
    linter = Linter(read_by or "")
    damaged: list[str] = []
    try:
        for each in expand(files):
            for stream in each.streams():
                try:
                    _lint(stream, linter, tally, report)
                except DamagedError as error:
                    damaged.append(f"{stream.name}: {error}")
        report.end()
    except BrokenPipeError:
        # The reader has gone, as `head` does. Nothing may be flushed into the pipe at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if damaged:
        raise CefBridgeError("\n".join(damaged))
    if tally.errors or (strict and tally.warnings):
        raise SystemExit(_FOUND)


def _lint(stream: UnpackedStream, linter: Linter, tally: Tally, report: LintReporter) -> None:
    """Check the lines of one stream; blank ones do not count."""
    tally.begin(stream.name)
    for line in text_lines(stream, MOST_READ):
        if not line.data.strip():
            continue
        # Bytes that are no UTF-8 stay apart from all else, for a rule to tell of them.
        faults = linter.lint(line.data.decode("utf-8", "surrogateescape"), line.size)
        tally.add(faults)
        for fault in faults:
            at = Location(stream.name, line.number, fault.column)
            report.add(Problem(at, fault.code.id, fault.message, fault.code.severity))
