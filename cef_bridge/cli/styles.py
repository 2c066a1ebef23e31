"""What colours mean on a terminal: one table, meaning to style, for all that commands print.

In comes a text and what it means, out goes the text, in colour where somebody looks at it. Pipes
and `NO_COLOR` get plain text. Must not know what a command found.
"""

from __future__ import annotations

import os
import sys
from typing import NamedTuple

import click


class TextStyle(NamedTuple):
    """How a meaning looks: a colour's name, or none."""

    colour: str | None = None
    bold: bool = False
    dim: bool = False

    @property
    def rich(self) -> str:
        """The style as rich writes it: `bold red`."""
        return " ".join(filter(None, ("bold" * self.bold, "dim" * self.dim, self.colour))) or "none"


_BAD = TextStyle("red", bold=True)
_DOUBTFUL = TextStyle("yellow", bold=True)

STYLES = {
    # What a reader must not overlook: it is gone, or wrong.
    "error": _BAD,
    "lost": _BAD,
    # What is there, and not what it seems.
    "warning": _DOUBTFUL,
    "misread": _DOUBTFUL,
    "partial": _DOUBTFUL,
    "changed": TextStyle("yellow"),
    # What is good news.
    "gained": TextStyle("green"),
    "fixed": TextStyle("green", bold=True),
    # What leads the eye.
    "heading": TextStyle(bold=True),
    "place": TextStyle("red", bold=True),
    "name": TextStyle(dim=True),
}
"""By meaning. A word of the output that is one of these is printed so: see `meant`."""


def coloured(*, err: bool = False) -> bool:
    """Whether stdout, or stderr, is a terminal that shows colours."""
    stream = sys.stderr if err else sys.stdout
    return stream.isatty() and not os.environ.get("NO_COLOR")


def styled(text: str, meaning: str, *, err: bool = False) -> str:
    """Return a text as its meaning looks; unchanged for a pipe, or a word that means nothing."""
    style = STYLES.get(meaning)
    if style is None or not coloured(err=err):
        return text
    return click.style(text, fg=style.colour, bold=style.bold or None, dim=style.dim or None)


def rich_style(meaning: str) -> str:
    """Return a meaning's style in rich's words."""
    return STYLES.get(meaning, TextStyle()).rich
