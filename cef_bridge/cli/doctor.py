"""`cef-bridge doctor`: why nothing arrives, in one sentence, and what was tried.

In come a config or the URLs of one, out go a sentence and a table, or JSON. Tries nothing itself.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import tables
from cef_bridge.cli.config.check import with_options
from cef_bridge.cli.params import MAPPING, TEXTS
from cef_bridge.delivery.settings import read
from cef_bridge.delivery.urls import UrlParameters
from cef_bridge.doctor import ExamineOptions, examine, unusable
from cef_bridge.errors import UsageError
from cef_bridge.forward.config import Config, from_urls, read_config

if TYPE_CHECKING:
    from cef_bridge.doctor import Diagnosis, DiagnosisRow
    from cef_bridge.errors import Problem

_COLUMNS = ("status", "where", "check", "result")
_COLORS = {"ok": "green", "warning": "yellow", "problem": "red"}
_STATUS, _MOST_CHECK = len("not tried"), 32
_LEAST, _MOST = 0.5, 600.0  # seconds
_FOUND = 3


def _seconds(_: click.Context, __: click.Parameter, text: str) -> float:
    value, wrong = read(text, UrlParameters.of(Config, ()).rows["grace"].type)
    if wrong is not None or not isinstance(value, float) or not _LEAST <= value <= _MOST:
        raise click.BadParameter(f'"{text}". Expected a duration from 0.5s to 10m.')
    return value


@click.command("doctor")
@click.option("--config", "path", metavar="FILE", help="A config of forward.")
@click.option(
    "--from", "froms", metavar="URL", type=TEXTS, multiple=True, help="As for forward. Repeatable."
)
@click.option(
    "--to", "tos", metavar="URL", type=TEXTS, multiple=True, help="As for forward. Repeatable."
)
@click.option("-m", "--mapping", type=MAPPING, metavar="NAME-or-PATH", help="As for forward.")
@click.option("--queue", metavar="DIR", help="Folder of the queues.")
@click.option("--metrics", metavar="HOST:PORT", help="Address of the forwarder's metrics.")
@click.option(
    "--timeout",
    metavar="TIME",
    default="10s",
    show_default=True,
    callback=_seconds,
    help="Time limit of each check.",
)
@click.option(
    "--send-test-event", "send", is_flag=True, help="Send one test event to each destination."
)
@tables.json_option
def command(  # noqa: PLR0913, PLR0917 - the options of the command; click hands them over by name
    path: str | None,
    froms: tuple[str, ...],
    tos: tuple[str, ...],
    mapping: str | None,
    queue: str | None,
    metrics: str | None,
    timeout: float,
    send: bool,
    as_json: bool,
) -> None:
    """Find out why nothing arrives at the SIEM.

    Tries every link: sources, events and their conversion, queues, destinations. Sends no message
    unless --send-test-event is given, and changes nothing.

    Exit codes: 0 everything works, 2 invalid config, 3 problems or warnings found.
    """
    over = {"queue": queue, "metrics": metrics}
    warnings: tuple[Problem, ...] = ()
    if path is not None:
        said = {"--from": froms, "--to": tos, "--mapping": mapping}
        if others := [name for name, it in said.items() if it]:
            raise UsageError(f"with --config the file sets it: remove {', '.join(others)}.")
        reading = read_config(path)
        if reading.errors or reading.config is None:
            _show(unusable(reading.errors), as_json=as_json)
            raise SystemExit(2)
        config, warnings = with_options(reading.config, over), reading.problems
    else:
        config = from_urls(froms, tos, mapping=mapping, queue=queue, metrics=metrics)
    found = examine(config, ExamineOptions(timeout, send), warnings)
    _show(found, as_json=as_json)
    raise SystemExit(_FOUND if found.found else 0)


def _show(found: Diagnosis, *, as_json: bool) -> None:
    """Print the sentence and the table."""
    if as_json:
        rows = [each._asdict() for each in found.rows]
        said = {"answer": found.sentence, "ok": not found.found, "checks": rows}
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
        return
    if sys.stdout.isatty():
        _show_groups(found)
        return
    click.echo(f"{found.sentence}\n")
    lines = [(each.status, each.where, each.check, _result(each)) for each in found.rows]
    tables.print_table(_COLUMNS, lines)


def _show_groups(found: Diagnosis) -> None:
    """Print the rows below what they are about: a table of four columns is too wide to read."""
    colored = not os.environ.get("NO_COLOR")
    width = shutil.get_terminal_size().columns - 1
    longest = min(max(len(each.check) for each in found.rows), _MOST_CHECK)
    margin = " " * (_STATUS + longest + 6)
    click.echo(textwrap.fill(found.sentence, width, break_on_hyphens=False) + "\n")
    groups: dict[str, list[DiagnosisRow]] = {}
    for each in found.rows:
        groups.setdefault(each.where or each.stage, []).append(each)
    for where, rows in groups.items():
        click.echo(click.style(where, bold=True) if colored else where)
        for each in rows:
            begin = f"  {each.status:{_STATUS}}  {each.check:{longest}}  "
            text = textwrap.fill(
                f"{begin}{_result(each)}",
                max(width, len(margin) + 20),
                subsequent_indent=margin,
                break_on_hyphens=False,
            )
            color = _COLORS.get(each.status) if colored else None
            click.echo(
                click.style(text[: _STATUS + 2], fg=color) + text[_STATUS + 2 :] if color else text
            )


def _result(row: DiagnosisRow) -> str:
    return row.result if row.advice else row.text
