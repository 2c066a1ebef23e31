"""`cef-bridge receive`: a collector on one's desk, that says what is wrong with what comes.

In come syslog messages over UDP, TCP and TLS, out go the messages, their faults on stderr and a
summary. Nothing of a message reaches a terminal raw. The collector reads and judges.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli.logs import say
from cef_bridge.cli.params import TEXTS, Number, Whole
from cef_bridge.cli.receive_progress import ReceiveProgress, plain
from cef_bridge.cli.received import as_json, summary
from cef_bridge.cli.screen import Screen, can_draw
from cef_bridge.cli.targets import StandardStream
from cef_bridge.collector.collector import Collector
from cef_bridge.collector.judge import MAX_BYTES, MessageLimits
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.lines.text import cut, sanitize

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cef_bridge.collector.collector import Received
    from cef_bridge.collector.judge import MessageProblem

_SIGPIPE = 141  # 128 and the signal's number
_FOUND_SOMETHING = 3
_TOLD = 5
_TOLD_IN_ALL = 500
_SHOWN = 160
_GRACE = 10.0
_SLICE = 0.2


@click.command("receive")
@click.option(
    "--listen",
    "listen",
    metavar="URL",
    multiple=True,
    type=TEXTS,
    required=True,
    help="udp://HOST:PORT, tcp://HOST:PORT (line feeds or octet counting) or "
    "tls://HOST:PORT?cert=FILE&key=FILE[&client_ca=FILE]; repeatable.",
)
@click.option(
    "-o", "--output", metavar="PATH", help="File for the messages, one a line; - is stdout."
)
@click.option(
    "--count",
    metavar="N",
    type=Whole(1),
    help="Exit when N different events have arrived and senders have closed their connections. "
    "Messages without an event id all count.",
)
@click.option("--timeout", metavar="S", type=Number(0, min_open=True), help="Exit after S seconds.")
@click.option("--json", "wants_json", is_flag=True, help="Print the summary as JSON on stdout.")
@click.option("--quiet", is_flag=True, help="Print only the summary.")
@click.option("--no-check", is_flag=True, help="Count only, about twenty times faster.")
@click.option(
    "--max-bytes",
    metavar="BYTES",
    type=Whole(1, 1 << 20),
    default=MAX_BYTES,
    show_default=True,
    help="A longer message is a fault; its syslog header counts.",
)
@click.option(
    "--no-ipv6",
    is_flag=True,
    help="IPv6 in src, dst and dvc of CEF:0 is a fault, as ArcSight and QRadar see it.",
)
def command(  # noqa: PLR0913, PLR0917 - the options of the command; click hands them over by name
    listen: tuple[str, ...],
    output: str | None,
    count: int | None,
    timeout: float | None,
    wants_json: bool,
    quiet: bool,
    no_check: bool,
    max_bytes: int,
    no_ipv6: bool,
) -> None:
    """Run a test collector for syslog, and validate each message.

    Counts duplicates by event id and gaps by KubeArmorSeq. Exit code 3 when there were faults or
    gaps, or fewer than --count at the --timeout; duplicates are reported, and are no error.
    """
    if wants_json and output == "-":
        raise UsageError("standard output takes the messages or the summary. Name a file for -o.")
    with contextlib.ExitStack() as files:
        screen = Screen(shown=not quiet and can_draw(sys.stderr) and not _mixed(output))
        progress = ReceiveProgress(screen, quiet=quiet)
        teller = _Teller(_opened(output, files), screen, progress, quiet=quiet)
        collector = Collector(
            listen,
            teller.message,
            on_trouble=teller.trouble,
            rules=None if no_check else MessageLimits(max_bytes, ipv6_in_addresses=not no_ipv6),
        )
        with _heard() as heard, screen.logging() if screen.shown else contextlib.nullcontext():
            began = time.monotonic()
            collector.start()
            if not quiet:
                for url in collector.urls:
                    screen.say(f"listening on {url}", "info", "listening", addresses=[url])
            until = time.monotonic() + timeout if timeout is not None else float("inf")
            reached = _wait(collector, count, until, heard, progress)
            collector.stop()
            teller.done()
        seconds = time.monotonic() - began
    if isinstance(collector.failure, BrokenPipeError):
        # The reader has gone (`| head`): what a program that SIGPIPE ended reports, and no word.
        os._exit(_SIGPIPE)
    counts = collector.snapshot()
    if wants_json:
        StandardStream(1, "standard output").write(as_json(counts, collector.urls, seconds))
    else:
        came = {
            "messages": counts.messages,
            "bytes": counts.bytes,
            "different": counts.distinct,
            "duplicates": counts.duplicates,
            "faulty": counts.faulty,
            "seconds": round(seconds, 3),
        }
        first, *others = summary(counts)
        say(first, "info", "received", **came)
        for line in others:
            say(line, "info", "summary")
    if collector.failure:
        raise collector.failure
    if count is not None and not reached:
        say(f"{counts.distinct:,} of {count:,} different events came", "warning", "summary")
    if heard.signal == signal.SIGINT:
        sys.exit(130)
    timed_out = count is not None and not reached and heard.signal is None
    if counts.faults or counts.missing or timed_out:
        sys.exit(_FOUND_SOMETHING)


class _Heard:
    """The signal that ended the run, None while there was none."""

    signal: int | None = None


@contextlib.contextmanager
def _heard() -> Iterator[_Heard]:
    """End on SIGINT and SIGTERM with a summary; on a second one at once."""
    heard = _Heard()

    def handle(number: int, _: FrameType | None) -> None:
        if heard.signal is not None:
            raise KeyboardInterrupt
        heard.signal = number

    before = [(each, signal.signal(each, handle)) for each in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield heard
    finally:
        for each, handler in before:
            signal.signal(each, handler)


def _wait(
    collector: Collector, count: int | None, until: float, heard: _Heard, shown: ReceiveProgress
) -> bool:
    """Wait for the end, `until` at the latest; tell whether `count` different events came."""
    enough = count if count is not None else sys.maxsize
    while collector.distinct < enough:
        left = min(until - time.monotonic(), _SLICE)
        if left <= 0 or heard.signal is not None or collector.failure:
            return False
        shown.look(collector.snapshot)
        collector.wait(enough, left)
    # A sender closes when it has sent all, and takes our answer for the receipt. One that only
    # keeps its connection open is not waited for.
    while collector.open_connections and collector.quiet < _GRACE:
        left = min(until - time.monotonic(), _SLICE)
        if left <= 0 or heard.signal is not None or collector.failure:
            break
        shown.look(collector.snapshot)
        collector.wait(enough, left, closed=True)
    return True


def _mixed(output: str | None) -> bool:
    """Tell whether messages are written to the terminal where the lines would change."""
    return output == "-" and sys.stdout is not None and sys.stdout.isatty()


def _opened(path: str | None, files: contextlib.ExitStack) -> _Output | None:
    if path is None:
        return None
    if path == "-":
        return _Output(StandardStream(1, "standard output"), None)
    try:
        # Not emptied yet: another one may be running with the same port and the same file.
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        why = (error.strerror or "unknown error").lower()
        raise CefBridgeError(f"cannot write {sanitize(path)}: {why}.") from error
    files.callback(os.close, file)
    return _Output(StandardStream(file, sanitize(path)), file)


class _Output(NamedTuple):
    stream: StandardStream
    file: int | None  # to be emptied before the first message

    def empty(self) -> None:
        if self.file is not None:
            with contextlib.suppress(OSError):  # a device or a pipe
                os.ftruncate(self.file, 0)


class _Told(NamedTuple):
    fault: MessageProblem
    more: str


class _Teller:
    """Writes messages down and tells faults, the first few of each kind. Called one at a time."""

    def __init__(
        self, out: _Output | None, screen: Screen, progress: ReceiveProgress, *, quiet: bool
    ) -> None:
        self._out = out
        self._say = screen.say
        self._progress = progress
        self._quiet = quiet
        self._number = 0
        self._told: Counter[str] = Counter()

    def message(self, received: Received) -> None:
        """Take a message; it is written before the collector answers its sender."""
        self._number += 1
        self._progress.last = received.message
        if self._out:
            if self._number == 1:
                self._out.empty()
            # Octet counting and datagrams let line feeds in; here they would make two messages.
            self._out.stream.write(received.message.replace(b"\n", b"\\n") + b"\n")
        if self._quiet or not received.faults:
            return
        news = [told for fault in received.faults if (told := self._news(fault))]
        if not news:
            return
        where = f"{received.transport} {received.peer}, message {self._number:,}"
        for told in news:
            known = {"peer": received.peer, "reason": told.fault.text}
            self._say(f"{where}: {told.fault.text}{told.more}", "warning", "fault", **known)
        text = received.message[: _SHOWN * 4].decode("utf-8", "replace")
        self._say(f"    {cut(plain(text), _SHOWN)}", "info", "summary")

    def done(self) -> None:
        """Take notice that no more will come."""
        if self._out and not self._number:
            self._out.empty()

    def trouble(self, peer: str, fault: MessageProblem) -> None:
        """Take what befell a connection."""
        if not self._quiet and (told := self._news(fault)):
            known = {"peer": peer, "reason": told.fault.text}
            self._say(f"{peer}: {told.fault.text}{told.more}", "warning", "fault", **known)

    def _news(self, fault: MessageProblem) -> _Told | None:
        kind = fault.kind if len(self._told) < _TOLD_IN_ALL else ""
        self._told[kind] += 1
        if self._told[kind] > _TOLD:
            return None
        return _Told(fault, " (more of these are only counted)" * (self._told[kind] == _TOLD))
