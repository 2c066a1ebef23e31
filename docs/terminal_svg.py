"""What a terminal of some columns shows, as SVG.

In comes what a command wrote to a terminal, out goes a picture: real text in a monospace font of
the reader's own, so that it is small, can be searched, and loads nothing from elsewhere.
"""

# ruff: noqa: INP001 - a module of a script beside the pages it writes

from __future__ import annotations

import itertools
import re
from html import escape
from typing import NamedTuple

_TOKEN = re.compile(r"\x1b\[([0-9;?]*)([A-Za-z])|\r|\n|[^\x1b\r\n]")
_WIDTH, _HEIGHT = 8.4, 18  # pixels of a cell
_MARGIN, _BAR = 14, 34
_FONT = "ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace"
_TEXT, _GROUND, _BAR_GROUND = "#d7dae0", "#1d2129", "#2b303b"
_COLOURS = ("#5c6370", "#f07178", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dae0")
"""Of the eight colours of terminals; bright ones look the same."""


class CellStyle(NamedTuple):
    """How a character looks; `colour` is one of the eight, or -1 for the terminal's own."""

    colour: int = -1
    bold: bool = False
    dim: bool = False

    def attributes(self) -> str:
        """The style as SVG has it."""
        found = "" if self.colour < 0 else f' fill="{_COLOURS[self.colour]}"'
        return found + ' font-weight="bold"' * self.bold + ' opacity=".65"' * self.dim


class TerminalText:
    """All rows that a terminal showed, those that have left its top as well."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self.rows: list[list[tuple[str, CellStyle]]] = [[]]
        self._row = self._column = 0
        self._style = CellStyle()

    def feed(self, text: str) -> None:
        """Take what a command wrote. Raises ValueError for an escape that is not known."""
        for token in _TOKEN.finditer(text):
            if token[2]:
                self._control(token[1], token[2])
            elif token[0] == "\r":
                self._column = 0
            elif token[0] == "\n":
                self._down()
            else:
                self._put(token[0])

    def texts(self) -> list[str]:
        """Return the rows without their colours."""
        return ["".join(char for char, _ in row).rstrip() for row in self.rows]

    def _control(self, words: str, kind: str) -> None:
        if kind == "m":
            for word in words.split(";"):
                if word in {"38", "48"}:  # one of 256 colours, as progress bars have
                    break
                self._style = _changed(self._style, int(word or 0))
        elif kind == "A":
            self._row = max(self._row - int(words or 1), 0)
        elif kind == "K":
            del self.rows[self._row][0 if words == "2" else self._column :]
        elif kind not in "hl":  # whether a cursor is seen
            raise ValueError(f"unknown escape: ESC[{words}{kind}")

    def _down(self) -> None:
        self._row += 1
        if self._row == len(self.rows):
            self.rows.append([])

    def _put(self, char: str) -> None:
        if self._column >= self.columns:
            self._column = 0
            self._down()
        row = self.rows[self._row]
        row += [(" ", CellStyle())] * (self._column - len(row))
        row[self._column : self._column + 1] = [(char, self._style)]
        self._column += 1


def _changed(style: CellStyle, code: int) -> CellStyle:
    """Return a style after a number of ESC[…m."""
    match code:
        case 0:
            return CellStyle()
        case 1:
            return style._replace(bold=True)
        case 2:
            return style._replace(dim=True)
        case 22:
            return style._replace(bold=False, dim=False)
        case 39:
            return style._replace(colour=-1)
        case _ if code // 10 in (3, 9) and code % 10 < len(_COLOURS):
            return style._replace(colour=code % 10)
    return style


def picture(title: str, shown: TerminalText) -> str:
    """Return the picture of a terminal, with the command that was typed as its title."""
    rows = shown.rows
    while rows and not any(char.strip() for char, _ in rows[-1]):
        rows = rows[:-1]
    width = round(shown.columns * _WIDTH + 2 * _MARGIN)
    typed = title.split("\n")
    bar = _BAR + (len(typed) - 1) * _HEIGHT
    height = bar + len(rows) * _HEIGHT + 2 * _MARGIN
    top = f"M0 {bar}V8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{bar - 8}z"
    text = f' width="{width}" font-family="{_FONT}" font-size="14" fill="{_TEXT}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"{text}>',
        f"<title>{escape(' '.join(title.split()))}</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="{_GROUND}"/>',
        f'<path d="{top}" fill="{_BAR_GROUND}"/>',
        *(
            f'<text y="{22 + number * _HEIGHT}">{"".join(_spans(_command(part, number)))}</text>'
            for number, part in enumerate(typed)
        ),
    ]
    for number, row in enumerate(rows):
        y = bar + _MARGIN + number * _HEIGHT + 13
        if spans := "".join(_spans(row)):
            lines.append(f'<text y="{y}">{spans}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _command(text: str, number: int) -> list[tuple[str, CellStyle]]:
    """Return a line of a command, behind a prompt."""
    prompt = [(char, CellStyle(dim=True)) for char in ("> " if number else "$ ")]
    return prompt + [(char, CellStyle()) for char in text]


def _spans(row: list[tuple[str, CellStyle]]) -> list[str]:
    """Return the words of a row, each at its column: fonts differ in width, columns must not."""
    spans = []
    column = 0
    for style, cells in itertools.groupby(row, key=lambda cell: cell[1]):
        text = "".join(char for char, _ in cells)
        for part in re.finditer(r"\S+(?: \S+)*", text):
            x = round(_MARGIN + (column + part.start()) * _WIDTH, 1)
            length = round(len(part[0]) * _WIDTH, 1)
            spans.append(
                f'<tspan x="{x:g}" textLength="{length:g}"{style.attributes()}>'
                f"{escape(part[0], quote=False)}</tspan>"
            )
        column += len(text)
    return spans
