"""A forwarder as an operator meets it: signals, systemd, the status line, the last word.

In comes a config, out goes an exit code. SIGTERM and SIGINT end it in order, SIGHUP reads mappings
and config again. Forwards nothing itself.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import shutil
import signal
import sys
import tempfile
import time
from typing import TYPE_CHECKING

import click

from cef_bridge.cli import logs
from cef_bridge.engine import native
from cef_bridge.forward import systemd
from cef_bridge.forward.service import RunOptions, Service
from cef_bridge.forward.status import DestinationStatus, ForwarderStatus, line
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import FrameType

    from cef_bridge.forward.config import Config
    from cef_bridge.forward.result import ForwardResult

COUNTS = {
    **{name: name for name in ("received", "converted", "filtered", "rejected")},
    "noise": "skipped",
    "blank": "blank",
}
"""Counters of a queue, and what they are called in front of people."""
# Messages that no source brought; with those that were converted they are what was queued.
_MADE = {"own": "of its own (heartbeats, gaps)", "replay_converted": "replayed"}
_FOUND_SOMETHING, _INTERRUPTED = 3, 130
_TEST_TIMEOUT = 10.0
_SWITCH = 0.0005  # seconds


def run(
    config: Config,
    *,
    once: bool,
    timeout: float | None,
    reload: Callable[[], Config],
    status: bool,
) -> int:
    """Forward until the end; `reload` gives the config anew, `status` shows a line that changes."""
    # What is remembered lives long and has no cycles worth looking for: measured 2 to 4 % less CPU.
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    # A thread that comes back from the engine waits for one that runs Python for so long at most.
    # Measured beside one that always does: 9,000 events a second by Python's 5 ms, 94,000 so.
    sys.setswitchinterval(_SWITCH)
    screen = _Screen(shown=status)
    watchdog = _Watchdog()

    def show(view: ForwarderStatus) -> None:
        screen.show(view)
        watchdog.tick(view)

    ways = RunOptions(
        once=once,
        timeout=timeout,
        say=screen.say,
        show=show,
        ready=lambda: systemd.notify(systemd.READY),
        reload=reload,
    )
    service = Service(config, ways)
    with screen.logging(), _signals(service) as heard:
        outcome = service.run()
    for text in _last_words(outcome):
        logs.say(text, "info")
    if signal.SIGINT in heard:
        return _INTERRUPTED
    if not once:
        return 0
    if outcome.waiting or outcome.unread:
        return 1
    told = outcome.rejected or outcome.unreached or outcome.damaged or _only_noise(outcome)
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


def _only_noise(outcome: ForwardResult) -> bool:
    return bool(outcome.noise) and not outcome.events


def _last_words(outcome: ForwardResult) -> Iterator[str]:
    for each in outcome.view.destinations:
        parts = [f"{each.confirmed:,} confirmed"]
        parts += [f"{each.unconfirmed:,} unconfirmed"] if each.unconfirmed else []
        parts += [f"{number:,} dropped ({why})" for why, number in sorted(each.dropped.items())]
        parts += [f"{each.dead_lettered:,} that can never be sent"] if each.dead_lettered else []
        parts += [f"{each.waiting + each.in_flight:,} in the queue"]
        parts += [f"{each.resent:,} sent again"] if each.resent else []
        counts = each.counts
        came = ", ".join(
            f"{counts.get(name, 0):,} {shown}{_away(name, counts)}"
            for name, shown in COUNTS.items()
        )
        made = [f"{counts[name]:,} {what}" for name, what in _MADE.items() if counts.get(name)]
        yield "; ".join((f"{each.name}: {came}", *made, ", ".join(parts)))
        yield from _by_engine(each)
        if rejected := each.rejected:
            why = sorted(rejected.items(), key=lambda it: (-it[1], it[0]))
            yield "  rejected: " + ", ".join(f"{number:,} {label}" for label, number in why)
        if late := counts.get("alerts_over_rate"):
            yield f"  {counted(late, 'alert')} over the rate of a container: sent after the others"
        if each.last_error and each.waiting + each.in_flight:
            yield f"  {each.last_error}"
    yield f"engine: {native.status()}"
    if outcome.view.unrouted:
        nowhere = counted(outcome.view.unrouted, "event")
        yield f"{nowhere} not sent: no destination's when matches them"
    if _only_noise(outcome):
        yield (
            "no KubeArmor event found. To list the other lines: cef-bridge convert --strict "
            "--rejects PATH"
        )
    for name, reason in outcome.unreached:
        yield f"{name} brought nothing: {reason}"
    for name in outcome.unread:
        yield f"{name} was not read to its end when the time was over: a longer --timeout is needed"
    if outcome.waiting:
        yield (
            f"{counted(outcome.waiting, 'message')} queued in {outcome.folder}, none lost. "
            f"The next run with --queue {outcome.folder} sends the rest."
        )
    if outcome.damaged:
        yield (
            f"a queue was damaged: cef-bridge queue status {outcome.folder} shows the loss; the "
            "log above names the saved damaged file"
        )
    if outcome.rejected:
        what = counted(outcome.rejected, "rejected record")
        yield f"{what}: cef-bridge deadletter list {outcome.folder}"
    elif outcome.kept and not outcome.waiting:
        yield f"{outcome.folder} keeps what is left: cef-bridge queue status {outcome.folder}"


def _by_engine(each: DestinationStatus) -> Iterator[str]:
    """Yield what an operator should know of the engine: it differs, or leaves much to Python."""
    counts = each.counts
    if different := counts.get("engine_different"):
        compared = counted(counts.get("engine_compared", 0), "line")
        yield f"  the engine and Python differ in {different:,} of {compared}; Python's are sent"


def _away(name: str, counts: Mapping[str, int]) -> str:
    """Return how many of the filtered events were for other destinations."""
    away = counts.get("routed_away", 0) if name == "filtered" else 0
    return f" ({away:,} by when)" if away else ""


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


class _Screen:
    """stderr: sentences, and on a terminal one line below them that changes."""

    def __init__(self, *, shown: bool) -> None:
        self._shown = shown
        self._before: ForwarderStatus | None = None
        self._since = time.monotonic()
        self._there = False

    def say(self, text: str) -> None:
        """Say a sentence, above the status line."""
        self._clear()
        logs.say(text)

    def show(self, view: ForwarderStatus) -> None:
        """Rewrite the status line, once a second."""
        now = time.monotonic()
        if not self._shown or now - self._since < 1:
            return
        text = line(self._before, view, now - self._since)
        width = shutil.get_terminal_size().columns - 1
        self._clear()
        click.echo(text[:width], nl=False, err=True)
        self._there, self._before, self._since = True, view, now

    def _clear(self) -> None:
        if self._there:
            click.echo("\r\x1b[K", nl=False, err=True)
            self._there = False

    @contextlib.contextmanager
    def logging(self) -> Iterator[None]:
        """Show what is logged in the meantime as sentences."""
        handler = _Handler(self.say)
        logger = logging.getLogger("cef_bridge")
        if not logging.getLogger().handlers:  # else it was asked for in another form
            handler.setLevel(logging.INFO)
            logger.addHandler(handler)
            logger.setLevel(logging.INFO)
            logger.propagate = False
        try:
            yield
        finally:
            self._clear()
            sys.stderr.flush()
            if handler in logger.handlers:
                logger.removeHandler(handler)
                logger.propagate = True


class _Handler(logging.Handler):
    """Log records as sentences with a time: what stays in a file or a journal."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say
        stamped = logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%SZ")
        stamped.converter = time.gmtime
        self.setFormatter(stamped)

    def emit(self, record: logging.LogRecord) -> None:
        self._say(self.format(record))
