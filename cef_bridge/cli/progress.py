"""A progress bar on stderr: how much of the inputs was read, how fast, how long it will take.

In come the inputs' sizes and how far each was read, out goes a bar where someone looks. Must not
know what is done with the bytes.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.sources.files.inputs import Input

_LONGEST_NAME = 40


@contextlib.contextmanager
def progress(inputs: list[Input], *, shown: bool) -> Iterator[Callable[[str, int], None]]:
    """Show a bar, and take it away at the end; yields what is to be told of an input's progress."""
    if not shown:
        yield lambda _name, _consumed: None
        return
    # 60 ms to import: only who looks at a bar waits for it
    from rich.console import Console  # noqa: PLC0415
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    sizes = [each.size for each in inputs]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    )
    with bars:
        task = bars.add_task("", total=total)
        done: dict[str, int] = {}

        def show(name: str, consumed: int) -> None:
            step = consumed - done.get(name, 0)
            done[name] = consumed
            bars.update(task, description=name[-_LONGEST_NAME:], advance=step)

        yield show


def someone_looks(output: str | None) -> bool:
    """Tell whether stderr is a terminal that no messages are written to at the same time."""
    if sys.stderr is None or not sys.stderr.isatty():
        return False
    return output is not None or sys.stdout is None or not sys.stdout.isatty()
