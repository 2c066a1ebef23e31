"""`cef-bridge generate`: synthetic KubeArmor events on stdout, as fast as asked.

In come a count, a rate and a seed, out come JSON lines as a relay prints them. Keeps the pace;
what the events say is the generator's business.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING

import click

from cef_bridge.cli.params import AnyWhole, Number, Whole
from cef_bridge.cli.targets import StandardStream
from cef_bridge.cli.times import moment
from cef_bridge.generator import KINDS, START, STEP, events

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SIGPIPE = 141  # 128 and the signal's number
_INTERRUPTED = 130
_AT_ONCE = 1000
_SLICES = 50  # writes a second at a slow pace
_FASTEST = 10_000_000


@click.command("generate")
@click.option(
    "--count", metavar="N", type=Whole(0), help="Exit after N events.  [default: no limit]"
)
@click.option(
    "--rate",
    metavar="R",
    type=Number(0, _FASTEST, min_open=True),
    help="Events per second.  [default: no limit]",
)
@click.option(
    "--seed",
    metavar="N",
    type=AnyWhole(),
    default=1,
    show_default=True,
    help="Seed of the random events.",
)
@click.option(
    "--kind",
    type=click.Choice(KINDS),
    default="all",
    show_default=True,
    help="Write events of one kind only.",
)
@click.option(
    "--start",
    metavar="TIME",
    callback=moment,
    help="The first event's time: now, or an ISO time.  [default: 2026-01-01T00:00:00Z]",
)
def command(count: int | None, rate: float | None, seed: int, kind: str, start: int | None) -> None:
    """Write synthetic KubeArmor events to stdout, as JSON lines.

    They are marked as test data: ClusterName is cef-bridge-test. The same options write the same
    bytes; each event is a bit later than the one before it, by 1/R s on average.
    """
    step = STEP if rate is None else max(round(1_000_000 / rate), 1)
    lines = events(count, seed, kind, start=START if start is None else start, step=step)
    out = StandardStream(1, "standard output")
    try:
        for batch in _batches(lines, _AT_ONCE) if rate is None else paced(lines, rate):
            out.write(b"".join(batch))
    except BrokenPipeError:
        # The reader has gone (`| head`): what a program that SIGPIPE ended reports, and no word.
        os._exit(_SIGPIPE)
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)  # here, for click would write an empty line


def paced(
    lines: Iterator[bytes],
    rate: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[list[bytes]]:
    """Yield lines in batches, so that the n-th is given at n / `rate` seconds.

    Counted from the first one, so a slow write is made up for and nothing drifts.
    """
    began = clock()
    given = 0
    for batch in _batches(lines, min(max(int(rate / _SLICES), 1), _AT_ONCE)):
        early = began + given / rate - clock()
        if early > 0:
            sleep(early)
        yield batch
        given += len(batch)


def _batches(lines: Iterator[bytes], size: int) -> Iterator[list[bytes]]:
    while batch := list(islice(lines, size)):
        yield batch
