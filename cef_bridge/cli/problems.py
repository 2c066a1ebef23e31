"""Problems of files as people read them: place, severity, code and sentence, and the line itself.

In come problems, out go lines of text. A pipe gets `path:line:column CODE sentence`, which programs
read; a screen gets the severity in words and colours, and the line with a mark under the place.
Must not know any rule.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.excerpts import excerpt
from cef_bridge.cli.styles import styled
from cef_bridge.cli.tables import screen_width, wrapped
from cef_bridge.small_files import UnreadableError, read_small
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.errors import Problem

_MOST_BYTES = 1 << 20
# Where YAML 1.1 ends a line; its parser counts by these.
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_ROOM = 120  # columns of an excerpt where nobody says how many there are


def print_plain(problems: Iterable[Problem]) -> None:
    """Print problems one a line, for programs and pipes."""
    for problem in problems:
        click.echo(str(problem))


def print_full(problems: Iterable[Problem], *, err: bool = False, lines: bool = True) -> None:
    """Print problems with their severity, and with `lines` the line that each is about.

    A line of a file that may hold secrets must not be shown: that is for the caller to know.
    """
    screen = screen_width(err=err)
    files: dict[str, list[str]] = {}
    for problem in problems:
        _print_sentence(problem, screen, err=err)
        if not lines:
            continue
        path = problem.at.path
        if path not in files:
            files[path] = _lines_of(path)
        if problem.at.line <= len(files[path]):
            text = files[path][problem.at.line - 1]
            _print_line(problem, text, screen or _ROOM, err=err)


def _print_sentence(problem: Problem, screen: int | None, *, err: bool) -> None:
    place = printable(str(problem.at))
    head = f"{place} {problem.severity} {problem.code}"
    text = f"{head} {problem.message}"
    rows = [text] if screen is None else wrapped(text, screen - 2)
    if rows[0].startswith(head):
        said = styled(f"{problem.severity} {problem.code}", problem.severity, err=err)
        rows[0] = f"{styled(place, 'heading', err=err)} {said}{rows[0][len(head) :]}"
    click.echo("\n  ".join(rows), err=err)


def _print_line(problem: Problem, text: str, screen: int, *, err: bool) -> None:
    number = f"{problem.at.line:>5} "
    shown = excerpt(text, problem.at.column, screen - len(number) - 2)
    for before, line, meaning in ((number, shown.text, ""), ("", shown.mark, problem.severity)):
        gutter = styled(f"{before:>6}|", "name", err=err)
        click.echo(f"{gutter} {styled(line, meaning, err=err)}", err=err)


def _lines_of(path: str) -> list[str]:
    """Return the lines of a file that was checked; none of what cannot be read, or is a name."""
    try:
        data = read_small(path, _MOST_BYTES)
    except UnreadableError:
        return []
    return _LINE_END.split(data.decode("utf-8-sig", "replace"))
