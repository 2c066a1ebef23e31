"""How a forwarder is doing, as lines that change in place: for `forward` and for `top`.

In come two statuses and how much time is between them, out go lines that fit a terminal. What is
wrong comes first and is never cut; where a terminal is narrow, what matters least is left out.
Draws nothing itself.
"""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.cli.screen import MARGIN
from cef_bridge.forward.status import NEARLY_FULL, SILENT, age
from cef_bridge.wording import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cef_bridge.forward.status import DestinationStatus, ForwarderStatus

_INDENT = "  "
_LEAST = 20  # columns; less is no terminal


class LiveLine(NamedTuple):
    """A line, and whether it says that something is wrong."""

    text: str
    bad: bool = False


class Rates(NamedTuple):
    """Messages a second, received and sent; None where there is nothing to compare with.

    `restarted`: the forwarder is another process than a moment ago, so there are no rates.
    """

    received: float | None = None
    sent: float | None = None
    restarted: bool = False


def rates(last: DestinationStatus | None, now: DestinationStatus, seconds: float) -> Rates:
    """Return the rates of a destination since `last`, which was so many seconds ago."""
    if last is None or seconds <= 0:
        return Rates()
    received = now.counts.get("received", 0) - last.counts.get("received", 0)
    sent = now.sent - last.sent  # of the process, so it begins at 0 after a restart
    if sent < 0 or received < 0:
        return Rates(restarted=True)
    return Rates(received / seconds, sent / seconds)


def trouble(each: DestinationStatus) -> str:
    """Return what is wrong with a destination, "" for nothing."""
    found = []
    if each.reason:
        found.append(each.last_error if not each.connected and each.last_error else each.state)
    if each.trouble:
        found.append(f"queue: {each.trouble}")
    if each.queue_limit and each.queue_bytes >= NEARLY_FULL * each.queue_limit:
        found.append(f"queue {100 * each.queue_bytes // each.queue_limit} % full")
    return printable("; ".join(found))


def lines(
    before: ForwarderStatus | None,
    now: ForwarderStatus,
    seconds: float,
    size: tuple[int, int],
) -> list[LiveLine]:
    """Return what a terminal of `size` (columns, rows) shows; `before` was `seconds` ago.

    A destination that is well has one line. One in trouble has as many as its reason needs.
    """
    width, height = max(size[0] - MARGIN, _LEAST), max(size[1] - 2, 1)
    earlier = {each.name: each for each in before.destinations} if before else {}
    blocks = [_destination(earlier.get(it.name), it, seconds, width) for it in now.destinations]
    for source in now.sources:
        why = source.state if not source.connected else SILENT if source.silent else ""
        if why:
            text = f"source {printable(source.name)}: {printable(why)}"
            blocks.append(_block(text, (), width, bad=True))
    if now.unrouted:
        text = f"{counted(now.unrouted, 'event')} for no destination: no when matches"
        blocks.append(_block(text, (), width, bad=True))
    if now.stopping:
        left = sum(each.waiting + each.in_flight for each in now.destinations)
        blocks.insert(0, _block(f"stopping: {counted(left, 'message')} left", (), width, bad=False))
    return _fitting(blocks, width, height)


def _destination(
    last: DestinationStatus | None, now: DestinationStatus, seconds: float, width: int
) -> list[LiveLine]:
    name = printable(now.name)
    wrong = trouble(now)
    pieces = list(_pieces(last, now, seconds))
    if wrong:  # what waits is then the first thing to know
        pieces.sort(key=lambda it: not it.endswith((")", "waiting", "in flight")))
        return _block(f"{name}: {wrong}", pieces, width, bad=True)
    return _block(f"{name}: {pieces[0]}", pieces[1:], width, bad=False)


def _pieces(
    last: DestinationStatus | None, now: DestinationStatus, seconds: float
) -> Iterable[str]:
    """Yield what there is to say of a destination, what matters most first."""
    found = rates(last, now, seconds)
    if not now.connected and not now.reason:
        yield "not connected yet" if not now.sent else "not connected"
    for reason, number in sorted(now.dropped.items()):
        yield f"{number:,} dropped ({printable(reason)})"
    if found.restarted:
        yield "restarted"
    if found.sent is not None:
        yield f"out {found.sent:,.0f}/s"
    oldest = f" (oldest {age(now.oldest_age)})" if now.waiting and now.oldest_age >= 1 else ""
    yield f"{now.waiting:,} waiting{oldest}"
    yield f"{now.in_flight:,} in flight"
    yield f"{now.confirmed:,} confirmed"
    if found.received is not None:
        yield f"in {found.received:,.0f}/s"
    if now.unconfirmed:
        yield f"{now.unconfirmed:,} unconfirmed"
    if dead := now.dead_lettered:
        yield counted(dead, "dead letter")
    if rejected := now.counts.get("rejected"):
        yield f"{rejected:,} rejected"
    if now.duplicates:
        yield counted(now.duplicates, "duplicate")


def _block(head: str, pieces: Sequence[str], width: int, *, bad: bool) -> list[LiveLine]:
    """Return the head on as many lines as it needs, and behind it the pieces that fit there.

    Those of one in trouble have a line of their own where not all fit behind the reason.
    """
    found = textwrap.wrap(head, width, subsequent_indent=_INDENT, break_on_hyphens=False)
    between = ", "
    if bad:
        between = " " if head.endswith(".") else "; "
        if len(found[-1]) + len(between) + len(", ".join(pieces)) > width and pieces:
            found.append(_INDENT)
            between = ""
    for piece in pieces:
        more = f"{found[-1]}{between}{piece}"
        if len(more) > width:
            break
        found[-1], between = more, ", "
    return [LiveLine(text[:width], bad) for text in found]


def _fitting(blocks: list[list[LiveLine]], width: int, height: int) -> list[LiveLine]:
    """Return the blocks that fit, those in trouble before the others when not all do."""
    if sum(map(len, blocks)) <= height:
        return [line for block in blocks for line in block]
    shown: list[LiveLine] = []
    left = 0
    for block in sorted(blocks, key=lambda it: not it[0].bad):
        if not left and len(shown) + len(block) < height:
            shown += block
        else:
            left += 1
    more = f"and {left:,} more: a higher terminal shows them"
    return [*shown[: height - 1], LiveLine(more[:width])]
