"""What `receive` shows while messages come: lines that change on a terminal, else one now and then.

In come the collector's counts and its last message, out go sentences. Nothing of a message reaches
a terminal raw. Receives nothing itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.cli.live import LiveLine
from cef_bridge.cli.screen import MARGIN, Screen, size
from cef_bridge.lines.text import cut, sanitize
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.collector.ledger import Snapshot

EVERY = 10.0
"""Seconds between two lines where no terminal is."""
_SECOND = 1.0
_SHORT = 120  # characters of the last message
_PART = 2000  # bytes of it that are looked at


class ReceiveProgress:
    """Shows how many messages came, and the last one in short. `clock` is monotonic."""

    def __init__(
        self, screen: Screen, *, quiet: bool, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.last = b""
        self._screen = screen
        self._quiet = quiet
        self._clock = clock
        self._since = clock()
        self._before = 0

    def look(self, snapshot: Callable[[], Snapshot]) -> None:
        """Show how it goes, if it is time to; to be called several times a second."""
        now = self._clock()
        seconds = now - self._since
        if self._quiet or seconds < (_SECOND if self._screen.shown else EVERY):
            return
        counts = snapshot()
        rate = (counts.messages - self._before) / seconds
        changed, self._before = counts.messages != self._before, counts.messages
        self._since = now
        if self._screen.shown:
            self._screen.show(list(self._lines(counts, rate)))
        elif changed:
            last = f"; last: {self._short(_SHORT)}" if self.last else ""
            self._screen.say(
                f"{_came(counts, rate)}{last}",
                "info",
                "receiving",
                messages=counts.messages,
                bytes=counts.bytes,
                different=counts.distinct,
                duplicates=counts.duplicates,
                faulty=counts.faulty,
            )

    def _lines(self, counts: Snapshot, rate: float) -> list[LiveLine]:
        width = max(size()[0] - MARGIN, 20)
        if not counts.messages:
            return [LiveLine("no message yet"[:width])]
        found = [LiveLine(_came(counts, rate)[:width], bad=bool(counts.faulty))]
        if self.last:
            found.append(LiveLine(f"last: {self._short(width - 6)}"[:width]))
        return found

    def _short(self, width: int) -> str:
        """Return the begin of the last message, from its CEF or LEEF on: what it is about."""
        text = self.last[:_PART].decode("utf-8", "replace")
        begins = [at for sign in ("CEF:", "LEEF:") if (at := text.find(sign)) >= 0]
        return cut(plain(text[min(begins, default=0) :]), width)


def plain(text: str) -> str:
    """Return a part of a message as a terminal can show it, on one line."""
    return sanitize(text).replace("\n", "<U+000A>").replace("\r", "<U+000D>")


def _came(counts: Snapshot, rate: float) -> str:
    return (
        f"{rate:,.0f}/s, {counted(counts.messages, 'message')}: {counts.distinct:,} different, "
        f"{counts.duplicates:,} duplicate, {counts.faulty:,} with faults"
    )
