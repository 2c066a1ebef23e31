"""What a run of `forward` came to: sentences for people, with fields for machines.

In comes a ForwardResult, out go reports, first the counters of each destination, then what to do.
Writes nothing itself. Two sums hold: received = converted + filtered + rejected + skipped + blank,
and converted + internal + replayed = confirmed + unconfirmed + dropped + dead letters + queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.engine import native
from cef_bridge.forward.status import Report
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.forward.result import ForwardResult
    from cef_bridge.forward.status import DestinationStatus

_CAME = ("received", "converted", "filtered", "rejected", "skipped", "blank")


def only_skipped(outcome: ForwardResult) -> bool:
    """Tell whether lines came, and no event was among them."""
    return bool(outcome.noise) and not outcome.events


def last_words(outcome: ForwardResult) -> Iterator[Report]:
    """Yield what an operator is to know at the end."""
    for each in outcome.view.destinations:
        facts = {"destination": each.name, **each.counters()}
        yield Report(_counters(each), "result", facts)
        yield from (Report(text, "summary") for text in _besides(each))
    yield from (Report(text, "summary") for text in _of_all(outcome))


def _counters(each: DestinationStatus) -> str:
    """Return all counters of a destination in a line; those that are 0 and rare are left out."""
    told = each.counters()
    away = each.counts.get("routed_away", 0)
    by_when = {"filtered": f" ({away:,} by when)"} if away else {}
    came = ", ".join(f"{told[name]:,} {name}{by_when.get(name, '')}" for name in _CAME)
    made = []
    if own := told["internal"]:
        made.append(f"{counted(own, 'internal event')} (heartbeats, gaps)")
    if replayed := told["replayed"]:
        made.append(f"{replayed:,} replayed")
    went = [f"{each.confirmed:,} confirmed"]
    went += [f"{each.unconfirmed:,} unconfirmed"] if each.unconfirmed else []
    went += [f"{number:,} dropped ({why})" for why, number in sorted(each.dropped.items())]
    went += [f"{each.dead_lettered:,} that can never be sent"] if each.dead_lettered else []
    went += [f"{each.waiting + each.in_flight:,} in the queue"]
    went += [f"{each.resent:,} sent again"] if each.resent else []
    return "; ".join((f"{each.name}: {came}", *made, ", ".join(went)))


def _besides(each: DestinationStatus) -> Iterator[str]:
    counts = each.counts
    if different := counts.get("engine_different"):
        compared = counted(counts.get("engine_compared", 0), "line")
        yield f"  the engine and Python differ in {different:,} of {compared}; Python's are sent"
    if rejected := each.rejected:
        why = sorted(rejected.items(), key=lambda it: (-it[1], it[0]))
        yield "  rejected: " + ", ".join(f"{number:,} {label}" for label, number in why)
    if late := counts.get("alerts_over_rate"):
        yield f"  {counted(late, 'alert')} over the rate of a container: sent after the others"
    if each.last_error and each.waiting + each.in_flight:
        yield f"  {each.last_error}"


def _of_all(outcome: ForwardResult) -> Iterator[str]:
    yield f"engine: {native.status()}"
    if outcome.view.unrouted:
        events = counted(outcome.view.unrouted, "event")
        yield f"{events} not sent: no destination's when matches them"
    if only_skipped(outcome):
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
