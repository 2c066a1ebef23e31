"""stderr or stdout of a command that runs: sentences, and on a terminal lines below that change.

In come sentences, log records and lines, from any thread; out goes what a terminal shows. Nothing
of what it is given reaches a terminal raw. Must not know what any of it is about.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
import sys
import textwrap
import threading
import time
from typing import IO, TYPE_CHECKING

import click

from cef_bridge.cli import logs
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.cli.live import LiveLine


MARGIN = 3
"""Columns that stay free behind a line: a terminal echoes Ctrl-C there as ^C, and must not wrap."""


def size() -> tuple[int, int]:
    """Return the columns and rows of the terminal, whichever of stderr and stdout is one."""
    if not os.environ.get("COLUMNS"):
        for descriptor in (2, 1):
            with contextlib.suppress(OSError):
                found = os.get_terminal_size(descriptor)
                if found.columns:
                    return found
    return shutil.get_terminal_size()


def can_draw(stream: IO[str] | None) -> bool:
    """Tell whether lines can change in place there: a terminal that knows how, and no JSON."""
    return (
        stream is not None
        and stream.isatty()
        and os.environ.get("TERM") != "dumb"
        and not logs.in_json()
    )


class Screen:
    """Where a command speaks; `shown`: it is a terminal, and `show` draws there.

    `err`: stderr, else stdout.
    """

    def __init__(self, *, shown: bool, err: bool = True) -> None:
        self.shown = shown
        self._err = err
        self._lock = threading.RLock()
        self._drawn: list[LiveLine] = []
        self._colored = not os.environ.get("NO_COLOR")

    def say(self, text: str, level: str = "info", code: str = "", **facts: object) -> None:
        """Say a sentence, above the lines that change."""
        if not self.shown:
            logs.say(text, level, code, **facts)
            return
        with self._lock:
            drawn = self._drawn
            above = "".join(f"{line}\n" for it in text.splitlines() for line in _wrapped(it))
            self._draw(drawn, self._cleared() + above)

    def show(self, lines: Sequence[LiveLine]) -> None:
        """Put these lines in the place of those that are there."""
        if self.shown:
            with self._lock:
                before = self._cleared()
                self._draw(list(lines), before)

    def clear(self) -> None:
        """Take the lines away."""
        with self._lock:
            self._write(self._cleared())

    def _draw(self, lines: list[LiveLine], before: str = "") -> None:
        styled = (
            click.style(it.text, fg="red") if it.bad and self._colored else it.text for it in lines
        )
        self._write(before + "\n".join(styled))
        self._drawn = lines

    def _cleared(self) -> str:
        """Return what takes the lines away; a terminal that became narrower has broken them."""
        drawn, self._drawn = self._drawn, []
        if not drawn:
            return ""
        width = max(size()[0], 1)
        rows = sum(max(1, -(-len(line.text) // width)) for line in drawn)
        return "\r\x1b[K" + "\x1b[A\x1b[K" * (rows - 1)

    def _write(self, text: str) -> None:
        stream = sys.stderr if self._err else sys.stdout
        if text and stream is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody looks at it any more
                stream.write(text)
                stream.flush()

    @contextlib.contextmanager
    def logging(self) -> Iterator[None]:
        """Show what is logged in the meantime as sentences; INFO and what is above it.

        As JSON lines, or for `-v` where nothing is drawn, it stays with who writes them already.
        """
        logger = logging.getLogger("cef_bridge")
        elsewhere = bool(logging.getLogger().handlers) and not self.shown
        handler = SentenceHandler(self.say)
        level, propagate = logger.level, logger.propagate
        logger.setLevel(logging.DEBUG if logs.verbose() else logging.INFO)
        if not elsewhere:
            logger.addHandler(handler)
            logger.propagate = False
        try:
            yield
        finally:
            self.clear()
            logger.removeHandler(handler)
            logger.setLevel(level)
            logger.propagate = propagate


def _wrapped(line: str) -> list[str]:
    """Return a line as a terminal shows it: broken between words, never within a path."""
    return textwrap.wrap(
        printable(line),
        max(size()[0] - 1, 20),
        subsequent_indent="  ",
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]


class SentenceHandler(logging.Handler):
    """Log records as sentences with a time: what stays in a file or a journal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        stamped = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        stamped.converter = time.gmtime
        self.setFormatter(stamped)

    def emit(self, record: logging.LogRecord) -> None:
        """Say a record."""
        self._say(self.format(record))
