"""What is seen of the delivery in `cef-bridge demo`: sentences, and two bars on a terminal.

In come sentences and counts, out go rows on stdout; the bars are gone at the end.
"""

from __future__ import annotations

import contextlib
import textwrap
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import demo_print
from cef_bridge.cli.demo_delivery import EVENTS, DemoProgress

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIPE_WIDTH = 120


@contextlib.contextmanager
def watched() -> Iterator[DemoProgress]:
    """Yield what prints a delivery's progress."""
    if demo_print.is_plain():
        yield DemoProgress(lambda text: click.echo(_wrapped(text)), lambda _, __: None)
        return
    from rich import progress  # noqa: PLC0415  # a pipe needs none of it
    from rich.console import Console  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(highlight=False, width=demo_print.window())
    bars = progress.Progress(
        progress.TextColumn(demo_print.INDENT + "{task.description}"),
        progress.BarColumn(),
        progress.TextColumn("{task.completed:,.0f} of {task.total:,.0f}"),
        console=console,
        transient=True,
    )
    with bars:
        written = bars.add_task("written ", total=EVENTS)
        received = bars.add_task("received", total=EVENTS)

        def counts(wrote: int, came: int) -> None:
            bars.update(written, completed=wrote)
            bars.update(received, completed=came)

        yield DemoProgress(lambda text: console.print(Text(_wrapped(text))), counts)


def _wrapped(sentence: str) -> str:
    width = demo_print.window() if demo_print.on_terminal() else _PIPE_WIDTH
    first, more = demo_print.INDENT, demo_print.INDENT * 2
    return textwrap.fill(sentence, width, initial_indent=first, subsequent_indent=more)
