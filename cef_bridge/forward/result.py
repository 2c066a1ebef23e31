"""How a forwarder's run ended, as plain values: what waits, what was read, what is wrong.

In come the last View and the totals of the queues before the run, out goes an Outcome. Knows
neither threads nor exit codes.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from cef_bridge.forward.status import ForwarderStatus


class ForwardResult(NamedTuple):
    """How it ended: how many messages wait in the queues in `folder`; how many lines of this run
    were noise, how many events (or what looked like one), how many of these rejected.

    `unread` are the sources that have an end and were not read to it when the time was over,
    `unreached` those that never brought a byte, each with why. `kept` says that a private folder
    stays, for there is something in it, `damaged` that a queue's file was.
    """

    waiting: int
    noise: int
    events: int
    rejected: int
    folder: Path
    view: ForwarderStatus
    unread: tuple[str, ...]
    unreached: tuple[tuple[str, str], ...]
    kept: bool = False
    damaged: bool = False


def outcome_of(
    view: ForwarderStatus,
    before: Mapping[str, int],
    folder: Path,
    *,
    unread: tuple[str, ...],
    unreached: tuple[tuple[str, str], ...],
    damaged: bool,
) -> ForwardResult:
    """Return how a run ended whose queues had the totals `before` when it began."""
    totals: Counter[str] = Counter()
    for each in view.destinations:
        totals.update(each.counts)
    totals.subtract(before)
    return ForwardResult(
        sum(each.waiting + each.in_flight for each in view.destinations),
        totals["noise"],
        totals["converted"] + totals["filtered"] + totals["rejected"],
        totals["rejected"],
        folder,
        view,
        unread,
        unreached,
        damaged=damaged,
    )
