"""A forwarder as an operator meets it: signals, systemd, the status line, the last word.

In comes a config, out goes an exit code. SIGTERM and SIGINT end it in order, SIGHUP reads mappings
and config again. Forwards nothing itself.
"""

from __future__ import annotations

import contextlib
import gc
import signal
import sys
import tempfile
import textwrap
import time
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import live, logs
from cef_bridge.cli.result_lines import last_words, only_skipped
from cef_bridge.cli.screen import Screen, can_draw, size
from cef_bridge.forward import systemd
from cef_bridge.forward.service import RunOptions, Service

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from cef_bridge.forward.beginning import StartRow
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.status import DestinationStatus, ForwarderStatus, Report

_FOUND_SOMETHING, _INTERRUPTED = 3, 130
_TEST_TIMEOUT = 10.0
_LONGEST_NAME = 30  # characters of a column; a longer name pushes aside what follows it
_SWITCH = 0.0002  # seconds


def run(
    config: Config,
    *,
    once: bool,
    timeout: float | None,
    reload: Callable[[], Config],
) -> int:
    """Forward until the end; `reload` gives the config anew. A terminal sees how it goes."""
    # What is remembered lives long and has no cycles worth looking for: measured 2 to 4 % less CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # A thread that comes back from the engine waits for one that runs Python for so long at most.
    # Measured beside a relay of 20,000 events a second and a thread that always does
    # (benchmarks/crowded.py, two cores): 6,200 events a second of both by Python's 5 ms, 37,000 to
    # 45,000 by 0.5, 48,000 by 0.2, 49,000 to 52,000 by 0.1. Without that thread 0.2 was best.
    sys.setswitchinterval(_SWITCH)
    screen = Screen(shown=can_draw(sys.stderr))
    display = _Display(screen)
    watchdog = _Watchdog()

    def show(view: ForwarderStatus) -> None:
        display.show(view)
        watchdog.tick(view)

    ways = RunOptions(
        once=once,
        timeout=timeout,
        began=display.began if screen.shown else None,
        minute=display.minute,
        show=show,
        ready=lambda: systemd.notify(systemd.READY),
        reload=reload,
    )
    service = Service(config, ways)
    with screen.logging(), _signals(service) as heard:
        outcome = service.run()
    for each in last_words(outcome):
        screen.say(each.text, "info", each.code, **each.facts)
    if signal.SIGINT in heard:
        return _INTERRUPTED
    if not once:
        return 0
    if outcome.waiting or outcome.unread:
        return 1
    told = outcome.rejected or outcome.unreached or outcome.damaged or only_skipped(outcome)
    return _FOUND_SOMETHING if told else 0


def test_event(config: Config) -> int:
    """Send one test event to each destination and print what happened; 1 unless all took it."""
    with tempfile.TemporaryDirectory(prefix="cef-bridge-test-") as folder:
        nothing_else = {"sources": (), "queue": folder, "metrics": None, "heartbeat": None}
        alone = config.with_settings(nothing_else)
        service = Service(alone, RunOptions(once=True, timeout=_TEST_TIMEOUT, test=True))
        with _signals(service):
            view = service.run().view
    for each in view.destinations:
        click.echo(f"{each.name} ({each.target}): {_what_happened(each)}")
    return 0 if all(not each.waiting + each.in_flight for each in view.destinations) else 1


def _what_happened(each: DestinationStatus) -> str:
    if each.confirmed:
        return "test event confirmed: the collector gave a receipt"
    if each.unconfirmed:
        return "test event sent; this transport cannot confirm arrival"
    return each.last_error or "no receipt for the test event, and no error either; " + each.state


@contextlib.contextmanager
def _signals(service: Service) -> Iterator[set[int]]:
    """Let signals end and change the service; yields those that ended it. A second one ends now."""
    heard: set[int] = set()

    def end(number: int, _: FrameType | None) -> None:
        if heard:
            raise KeyboardInterrupt
        heard.add(number)
        systemd.notify(systemd.STOPPING)
        service.stop()

    def again(_: int, __: FrameType | None) -> None:
        service.reload()

    handlers = {signal.SIGINT: end, signal.SIGTERM: end, signal.SIGHUP: again}
    before = [(each, signal.signal(each, handler)) for each, handler in handlers.items()]
    try:
        yield heard
    finally:
        for each, handler in before:
            signal.signal(each, handler)


class _Watchdog:
    """Tells systemd that the service lives, as often as it wants to hear it."""

    def __init__(self) -> None:
        self._interval = systemd.watchdog_interval()
        self._last = 0.0

    def tick(self, view: ForwarderStatus) -> None:
        now = time.monotonic()
        if self._interval is not None and not view.fault and now - self._last >= self._interval:
            self._last = now
            systemd.notify(systemd.WATCHDOG)


class _Display:
    """What an operator sees of a run: a table at the start, then lines that change each second."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._before: ForwarderStatus | None = None
        self._since = time.monotonic()

    def began(self, rows: list[StartRow]) -> None:
        """Show the parts of the forwarder as a table."""
        self._screen.say(_table(rows))

    def minute(self, reports: list[Report]) -> None:
        """Say how it goes: a line, or, where logs are JSON, a record for each destination."""
        if logs.in_json():
            for each in reports:
                logs.say(each.text, "info", each.code, **each.facts)
        else:
            between = "\n" if self._screen.shown else " | "
            self._screen.say(between.join(each.text for each in reports))

    def show(self, view: ForwarderStatus) -> None:
        """Draw how it goes, once a second."""
        now = time.monotonic()
        if not self._screen.shown or now - self._since < 1:
            return
        self._screen.show(live.lines(self._before, view, now - self._since, size()))
        self._before, self._since = view, now


def _table(rows: list[StartRow]) -> str:
    """Return rows in columns; what is too long goes on below its column."""
    parts = max(len(row.part) for row in rows)
    names = max((len(row.name) for row in rows if len(row.name) <= _LONGEST_NAME), default=0)
    width = max(size()[0] - 1, 40)
    found = []
    for row in rows:
        head = f"{row.part:<{parts}}  {row.name:<{names}}  "
        indent = " " * (parts + names + 4)
        whole = len(row.name) <= names and len(indent) < width // 2
        text = textwrap.fill(
            f"{head}{row.text}",
            width,
            subsequent_indent=indent if whole else " " * (parts + 2),
            break_on_hyphens=False,
            break_long_words=False,  # a URL is to be copied
            drop_whitespace=True,
        )
        found.append(text)
    return "\n".join(found)
