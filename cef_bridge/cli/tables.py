"""Tables and the values in them, as people read them: on a terminal, in a pipe, in JSON.

Must not know what the rows are about.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SHORT = 24  # characters
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))


def json_option(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --json, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool) -> None:
    """Print rows as a list of JSON objects by column, or as a table."""
    if as_json:
        entries = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
    else:
        print_table(columns, rows)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool = False
) -> None:
    """Print a table: rich on a terminal, or aligned text with two spaces between.

    `err`: to stderr, where it says something about the run.
    """
    if (sys.stderr if err else sys.stdout).isatty() and not os.environ.get("NO_COLOR"):
        _print_rich(columns, rows, err=err)
        return
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    for row in (columns, *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        click.echo("  ".join(cells).rstrip(), err=err)


def _print_rich(columns: Sequence[str], rows: Sequence[Sequence[str]], *, err: bool) -> None:
    from rich.console import Console  # noqa: PLC0415  # a pipe needs none of it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, cells in enumerate(zip(columns, *rows, strict=True)):
        # A short one such as `acme.yaml:12` is of no use in two pieces.
        whole = number == 0 or max(map(len, cells)) <= _SHORT
        table.add_column(cells[0], no_wrap=whole, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    width = shutil.get_terminal_size().columns
    Console(width=width, highlight=False, stderr=err).print(table)


def cut(text: str, width: int | None = None) -> str:
    """Return text for one cell: no control characters, and at most `width` characters."""
    shown = "".join(each if each.isprintable() else " " for each in text)
    return shown if width is None or len(shown) <= width else shown[: width - 1] + "…"


def duration(seconds: float) -> str:
    """Return a span of time as people say it: `3.5 h`."""
    for length, unit in _SPANS:
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{max(seconds, 0):.0f} s"


def moment(seconds: float) -> str:
    """Return a time, in seconds since 1970, as RFC 3339 in UTC."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
