"""How `cef-bridge demo` prints: on a terminal coloured and cut to fit, in a pipe plain and whole.

In come texts, out go rows on stdout. Must not know what they are about.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.tables import cut, print_table

if TYPE_CHECKING:
    from collections.abc import Sequence

INDENT = "    "
# From this severity on -> colour; CEF calls 9 and 10 very high, 7 and 8 high, 4 to 6 medium.
_COLOURS = ((9, "bright_red"), (7, "red"), (4, "yellow"), (0, "green"))
_WIDEST = 140  # of a table: a wider one is hard to read
_NARROWEST = 40


def on_terminal() -> bool:
    """Tell whether stdout is a terminal."""
    return sys.stdout.isatty()


def is_plain() -> bool:
    """Tell whether colours are unwanted."""
    return not on_terminal() or bool(os.environ.get("NO_COLOR"))


def window() -> int:
    """Return the columns of the terminal."""
    return max(shutil.get_terminal_size().columns, _NARROWEST)


def colour_of(severity: int) -> str:
    """Return the colour of a severity."""
    return next(name for least, name in _COLOURS if severity >= least)


def styled(text: str, colour: str = "bright_white", *, bold: bool = True) -> str:
    """Return text with its colour, where colours are wanted."""
    return text if is_plain() else click.style(text, fg=colour, bold=bold)


def heading(text: str, colour: str = "bright_white") -> None:
    """Print a heading."""
    click.echo(styled(text, colour))


def beginning(text: str, rows: int) -> None:
    """Print a long line: its beginning in `rows` rows of a terminal, or the whole of it."""
    if not on_terminal():
        click.echo(text)
        return
    width = window()
    text = cut(text, width * rows)
    for at in range(0, len(text), width):
        click.echo(text[at : at + width])


def line(message: str) -> None:
    """Print a message, indented: wrapped on a terminal, else in one row that can be copied."""
    if not on_terminal():
        click.echo(f"{INDENT}{message}\n")
        return
    width = window() - len(INDENT)
    rows = [message[at : at + width] for at in range(0, len(message), width)]
    click.echo("\n".join(INDENT + row for row in rows) + "\n")


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    widest: int,
    styles: Sequence[str] | None = None,
) -> None:
    """Print a table, a row a line: on a terminal the column `widest` is cut to fit the window.

    `styles` has a style of rich for each column.
    """
    if not on_terminal():
        print_table(columns, rows)
        return
    sizes = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    others = sum(sizes) - sizes[widest] + 2 * (len(columns) - 1)
    left = max(min(window(), _WIDEST) - others, 8)
    rows = [
        [cut(cell, left) if at == widest else cell for at, cell in enumerate(row)] for row in rows
    ]
    if is_plain():
        print_table(columns, rows)
        return
    from rich.console import Console  # noqa: PLC0415  # a pipe needs none of it
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for at, name in enumerate(columns):
        shown.add_column(name, no_wrap=True, style=styles[at] if styles else "")
    for row in rows:
        shown.add_row(*map(Text, row))
    Console(width=window(), highlight=False).print(shown)
