"""`cef-bridge top`: how a running forwarder is doing, seen from outside.

In comes the address of its metrics, out goes what `forward` shows on its own terminal, or a table,
or JSON. Reads `/metrics` and `/readyz`, and asks for nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

import click

from cef_bridge.cli import live
from cef_bridge.cli.screen import MARGIN, Screen, can_draw, size
from cef_bridge.cli.tables import print_rows
from cef_bridge.delivery import urls
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.forward.metrics_client import MetricsAnswer
    from cef_bridge.forward.scraped import Scraped
    from cef_bridge.forward.status import ForwarderStatus

_SIGPIPE = 141  # 128 and the signal's number
_SECOND = 1.0
_TIMEOUT = 5.0
_COLUMNS = (
    *("destination", "trouble", "out/s", "in/s", "waiting", "in flight", "confirmed", "dropped"),
)


class MetricsPlace(NamedTuple):
    """Where a forwarder is asked: its URL as it is shown, and what of it is connected to."""

    url: str
    endpoint: Endpoint
    tls: bool


class Scrape(NamedTuple):
    """A forwarder at one moment, in monotonic seconds."""

    at: float
    found: Scraped


@click.command(
    "top",
)
@click.argument("url", metavar="URL")
@click.option("--once", is_flag=True, help="Print one table and exit; the rates are of one second.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, one object a second.")
def command(url: str, once: bool, as_json: bool) -> None:
    """Show how a running forwarder is doing, each second.

    URL is the address that forward serves metrics at (--metrics): http://HOST:PORT or HOST:PORT.
    For each destination: what is wrong, rates, messages that wait, are in flight and confirmed.
    Ends with Ctrl-C.
    """
    place = _place(url)
    screen = Screen(shown=can_draw(sys.stdout) and not once and not as_json, err=False)
    with _ended_by_signal() as ended, contextlib.ExitStack() as last:
        last.callback(screen.clear)
        before = _scrape(place)
        if not once and screen.shown:
            _show(screen, place.url, None, before)
        while not ended:
            time.sleep(_SECOND)
            try:
                now = _scrape(place)
            except CefBridgeError as error:
                if once or not screen.shown:
                    raise
                screen.show(
                    [live.LiveLine(text, bad=True) for text in _wrapped(f"{error} Trying again.")]
                )
                continue
            if screen.shown:
                _show(screen, place.url, before, now)
            else:
                with _quiet_pipe():
                    _print(place.url, before, now, as_json=as_json)
            if once:
                return
            before = now
    if ended:
        sys.exit(130 if signal.SIGINT in ended else 0)


@contextlib.contextmanager
def _ended_by_signal() -> Iterator[list[int]]:
    """Yield what lists the signals to end that came; the second one ends at once."""
    heard: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        heard.append(number)
        raise KeyboardInterrupt

    before = [(each, signal.signal(each, handle)) for each in (signal.SIGINT, signal.SIGTERM)]
    try:
        yield heard
    except KeyboardInterrupt:
        pass
    finally:
        for each, handler in before:
            signal.signal(each, handler)


@contextlib.contextmanager
def _quiet_pipe() -> Iterator[None]:
    """End as a program that SIGPIPE ended, without a word, when the reader has gone."""
    try:
        yield
    except BrokenPipeError:
        os._exit(_SIGPIPE)


# --- the answers of a forwarder -------------------------------------------------------------------


def _place(url: str) -> MetricsPlace:
    """Return whom to ask; UsageError for a URL that cannot be asked."""
    scheme, found, place = url.rpartition("://")
    if found and scheme not in ("http", "https"):
        raise UsageError(f'"{printable(url)}" is no address of metrics. Use http://HOST:PORT.')
    if "@" in place:
        raise UsageError("Metrics need no user and password: remove what is before the @.")
    place = place.removesuffix("/").removesuffix("/metrics").removesuffix("/")
    endpoint = urls.endpoint(place)
    if isinstance(endpoint, str):
        raise UsageError(f'"{printable(url)}": {endpoint}')
    return MetricsPlace(f"{scheme or 'http'}://{place}", endpoint, tls=scheme == "https")


def _scrape(place: MetricsPlace) -> Scrape:
    """Ask a forwarder how it is doing; CefBridgeError when that cannot be had."""
    from cef_bridge.forward.scraped import scraped  # noqa: PLC0415 - the parser takes 30 ms

    at = time.monotonic()
    metrics, ready = _ask(place, "/metrics"), _ask(place, "/readyz")
    found = scraped(metrics.text, "" if ready.status == 200 else ready.text)
    if found is None:
        raise CefBridgeError(
            f"{place.url} answers, but not as cef-bridge does: its /metrics has no cef_bridge_ "
            "metrics. Use the address that forward has as --metrics."
        )
    return Scrape(at, found)


def _ask(place: MetricsPlace, path: str) -> MetricsAnswer:
    from cef_bridge.forward.metrics_client import NoAnswerError, ask  # noqa: PLC0415 - see _scrape

    try:
        return ask(place.endpoint, path, _TIMEOUT, tls=place.tls)
    except NoAnswerError as error:
        raise CefBridgeError(
            f"cannot read {place.url}{path}: {printable(str(error))}. Start forward with --metrics "
            "HOST:PORT, or correct the address."
        ) from error


# --- what is shown --------------------------------------------------------------------------------


def _show(screen: Screen, base: str, before: Scrape | None, now: Scrape) -> None:
    columns, rows = size()
    status = now.found.status
    head = f"cef-bridge {printable(now.found.version)} at {base}"
    if before is not None and _restarted(before.found.status, status):
        head += ": restarted"
    seconds = now.at - before.at if before is not None else 0.0
    earlier = before.found.status if before is not None else None
    shown = live.lines(earlier, status, seconds, (columns, rows - 1))
    if status.fault:
        shown.insert(0, live.LiveLine(printable(status.fault)[: columns - MARGIN], bad=True))
    screen.show([live.LiveLine(head[: columns - MARGIN]), *shown])


def _restarted(before: ForwarderStatus, now: ForwarderStatus) -> bool:
    earlier = {each.name: each for each in before.destinations}
    return any(live.rates(earlier.get(it.name), it, 1).restarted for it in now.destinations)


def _wrapped(text: str) -> list[str]:
    import textwrap  # noqa: PLC0415 - for a fault only

    return textwrap.wrap(text, max(size()[0] - MARGIN, 20))


def _print(base: str, before: Scrape, now: Scrape, *, as_json: bool) -> None:
    earlier = {each.name: each for each in before.found.status.destinations}
    seconds, status = now.at - before.at, now.found.status
    found = [
        (each, live.rates(earlier.get(each.name), each, seconds)) for each in status.destinations
    ]
    if not as_json:
        rows = [
            (
                printable(each.name),
                live.trouble(each) or "-",
                "-" if speed.sent is None else f"{speed.sent:,.0f}",
                "-" if speed.received is None else f"{speed.received:,.0f}",
                f"{each.waiting:,}",
                f"{each.in_flight:,}",
                f"{each.confirmed:,}",
                f"{sum(each.dropped.values()):,}",
            )
            for each, speed in found
        ]
        print_rows(_COLUMNS, rows, as_json=False)
        for source in status.sources:
            if not source.connected:
                click.echo(f"source {printable(source.name)}: {printable(source.state)}")
        return
    document = {
        "url": base,
        "version": now.found.version,
        "up": not status.fault,
        "stopping": status.stopping,
        "restarted": any(speed.restarted for _, speed in found),
        "sources": [
            {"source": it.name, "connected": it.connected, "state": it.state, "gaps": it.gaps}
            for it in status.sources
        ],
        "destinations": [
            {
                "destination": each.name,
                "connected": each.connected,
                "reasons": list(each.reasons),
                "trouble": live.trouble(each),
                "sent_per_second": speed.sent and round(speed.sent, 1),
                "received_per_second": speed.received and round(speed.received, 1),
                **each.counters(),
                "queue_bytes": each.queue_bytes,
                "queue_limit_bytes": each.queue_limit,
                "oldest_age_seconds": round(each.oldest_age, 1),
            }
            for each, speed in found
        ],
    }
    click.echo(json.dumps(document))
