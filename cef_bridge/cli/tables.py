"""Tables and the values in them, as people read them: on a terminal, in a pipe, in JSON.

Where somebody looks, nothing is wider than the screen: what has no room as a table is printed as
blocks, one a row, and nothing is left out. Must not know what the rows are about.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from itertools import groupby
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.styles import coloured, rich_style, styled

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    Meaning = Callable[[str, str], str]

_SHORT = 24  # characters
_NARROW = 20  # characters: a column with less is no pleasure to read
_MANY = 3
_GAP = 2
_INDENT = "  "
_LEAST = 20  # columns of the narrowest screen that is believed
_SPANS = ((86400, "d"), (3600, "h"), (60, "min"))


def json_option(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command the option --json, as `as_json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def screen_width(*, err: bool = False, piped: bool = False) -> int | None:
    """Return how many columns there are: COLUMNS, else the terminal's; None in a pipe.

    With `piped` COLUMNS counts in a pipe as well. Programs read what most commands print there, and
    a COLUMNS that some parent process has set must not change it.
    """
    stream = sys.stderr if err else sys.stdout
    is_screen = stream.isatty()
    said = os.environ.get("COLUMNS", "")
    if (is_screen or piped) and said.isdecimal() and int(said):
        return max(int(said), _LEAST)
    if not is_screen:
        return None
    try:
        return max(os.get_terminal_size(stream.fileno()).columns or 80, _LEAST)
    except (OSError, ValueError):
        return 80


def print_rows(columns: Sequence[str], rows: Sequence[Sequence[str]], *, as_json: bool) -> None:
    """Print rows as a list of JSON objects by column, or as a table."""
    if as_json:
        entries = [dict(zip(columns, row, strict=True)) for row in rows]
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
    else:
        print_table(columns, rows, meaning=by_severity)


def by_severity(column: str, cell: str) -> str:
    """Say that a severity looks as what it is."""
    return cell if column == "severity" else ""


def print_table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    err: bool = False,
    meaning: Meaning | None = None,
    table_from: int = 0,
    piped: bool = False,
) -> None:
    """Print a table: aligned text with two spaces between, on a screen no wider than that.

    Where a table has no room each row is a block. On a screen of fewer columns than `table_from`
    a table has room only when no cell of it needs to be wrapped.
    `err`: to stderr, where it says something about the run. `meaning` returns what a cell of a
    column means, one of `styles.STYLES`. `piped`: see `screen_width`.
    """
    screen = screen_width(err=err, piped=piped)
    if screen is None:
        widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
        for row in (columns, *rows):
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            click.echo("  ".join(cells).rstrip(), err=err)
        return
    meaning = meaning or (lambda _column, _cell: "")
    fitting = _widths(columns, rows, screen, whole=screen < table_from)
    if fitting is None:
        _print_blocks(columns, rows, screen, meaning, err=err)
    else:
        _print_wrapped(columns, rows, fitting, screen, meaning, err=err)


def _widths(
    columns: Sequence[str], rows: Sequence[Sequence[str]], screen: int, *, whole: bool
) -> list[int] | None:
    """Return the columns' widths that make a table fit the screen; None when none would do.

    A short cell such as `acme.yaml:12` is of no use in two pieces, and neither is the first one:
    only the others are wrapped, and none when it is to be `whole`.
    """
    from rich.cells import cell_len  # noqa: PLC0415 - a pipe needs none of it

    widths = [max(map(cell_len, cells)) for cells in zip(columns, *rows, strict=True)]
    long = [
        number for number, width in enumerate(widths) if number and width > _SHORT and not whole
    ]
    fixed = sum(width for number, width in enumerate(widths) if number not in long)
    room = screen - fixed - _GAP * (len(widths) - 1)
    # The narrow ones first: what they leave is the others'.
    for left, number in zip(
        range(len(long), 0, -1), sorted(long, key=widths.__getitem__), strict=True
    ):
        share = room // left
        if widths[number] > share < _NARROW:
            return None
        widths[number] = min(widths[number], share)
        room -= widths[number]
    return widths if room >= 0 else None


def _print_wrapped(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    widths: Sequence[int],
    screen: int,
    meaning: Meaning,
    *,
    err: bool,
) -> None:
    from rich.table import Table  # noqa: PLC0415 - a pipe needs none of it
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, _GAP, 0, 0))
    for name, width in zip(columns, widths, strict=True):
        table.add_column(name, width=width, overflow="fold")
    for row in rows:
        cells = zip(columns, row, strict=True)
        table.add_row(*(Text(cell, rich_style(meaning(name, cell))) for name, cell in cells))
    _print_rich(table, screen, err=err)


def _print_blocks(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    screen: int,
    meaning: Meaning,
    *,
    err: bool,
) -> None:
    """Print each row as a block: its first cell, and below it the others with their names.

    Where many columns in a row are short, they share a line. An empty cell is left out.
    """
    shared = _shared(columns, rows)
    alone = [len(name) for number, name in enumerate(columns) if number and not shared[number]]
    margin = max(alone, default=0)
    for row in rows:
        for line in wrapped(row[0], screen):
            click.echo(styled(line, meaning(columns[0], row[0]) or "heading", err=err), err=err)
        together: list[tuple[str, str, str]] = []
        for name, cell, is_shared in [*zip(columns, row, shared, strict=True)][1:]:
            if cell and is_shared:
                together.append((name, cell, meaning(name, cell)))
            elif cell:
                _print_together(together, screen, err=err)
                together = []
                label = f"{_INDENT}{name.ljust(margin)}  "
                print_hanging(cell, screen, label, meaning(name, cell), err=err)
        _print_together(together, screen, err=err)


def _shared(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[bool]:
    """Tell of each column whether it shares lines with its neighbours."""
    short = [max(map(len, cells)) <= _SHORT for cells in zip(columns, *rows, strict=True)]
    shared = [False]
    for is_short, run in groupby(short[1:]):
        size = len(list(run))
        shared += [is_short and size >= _MANY] * size
    return shared


def _print_together(cells: Sequence[tuple[str, str, str]], screen: int, *, err: bool) -> None:
    """Print short cells with their names, as many on a line as there is room for."""
    lines: list[str] = []
    used = screen
    for name, cell, meant in cells:
        size = len(name) + 1 + len(cell)
        text = f"{styled(name, 'name', err=err)} {styled(cell, meant, err=err)}"
        if used + _GAP + size > screen:
            lines.append(_INDENT + text)
            used = len(_INDENT) + size
        else:
            lines[-1] += " " * _GAP + text
            used += _GAP + size
    for line in lines:
        click.echo(line, err=err)


def print_hanging(
    text: str, screen: int, label: str = "", meaning: str = "", *, err: bool = False
) -> None:
    """Print a text behind a label, its further lines below its first."""
    before = styled(label, "name", err=err)
    for line in wrapped(text, max(screen - len(label), _LEAST)):
        click.echo(before + styled(line, meaning, err=err), err=err)
        before = " " * len(label)


def wrapped(text: str, width: int) -> list[str]:
    """Return a text in lines of at most `width` columns, of which letters of Asia take two."""
    from rich.console import Console  # noqa: PLC0415 - a pipe needs none of it
    from rich.text import Text  # noqa: PLC0415

    lines = Text(text).wrap(Console(width=width), width, overflow="fold")
    return [line.plain.rstrip(" ") for line in lines] or [""]


def print_sentence(
    text: str, meaning: str = "", *, indent: str = "", err: bool = False, piped: bool = False
) -> None:
    """Print a sentence; on a screen in lines that fit, the further ones indented.

    What stands before its first colon looks as its `meaning`. `piped`: see `screen_width`.
    """
    screen = screen_width(err=err, piped=piped)
    begin, colon, _ = text.partition(": ")
    lines = [text] if screen is None else wrapped(text, max(screen - len(indent) - 2, _LEAST))
    if colon and lines[0].startswith(begin):
        lines[0] = styled(begin, meaning, err=err) + lines[0][len(begin) :]
    click.echo(indent + f"\n{indent}{_INDENT}".join(lines), err=err)


def print_page(text: str) -> None:
    """Print paragraphs; on a screen their lines fit, and what is indented stays as it is."""
    screen = screen_width()
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        lines = paragraph.split("\n")
        if screen is not None and not any(line.startswith((" ", "-", "|")) for line in lines):
            lines = wrapped(" ".join(lines), screen)
        click.echo("\n" * bool(number) + "\n".join(lines))


def _print_rich(shown: RenderableType, screen: int, *, err: bool) -> None:
    from rich.console import Console  # noqa: PLC0415 - a pipe needs none of it

    is_coloured = coloured(err=err)
    console = Console(
        width=screen, highlight=False, force_terminal=is_coloured, no_color=not is_coloured
    )
    with console.capture() as captured:
        console.print(shown)
    for line in captured.get().splitlines():
        click.echo(line.rstrip(" "), err=err)


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
