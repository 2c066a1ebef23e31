"""How a forwarder is doing, as plain values: for metrics, the status line and the log.

In come numbers that were read a moment ago; knows neither where they come from nor who shows them.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery.progress import REASONS
from cef_bridge.stats import LABELS, REJECTED, SKIPPED, SKIPPED_LABELS
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cef_bridge.forward.credential_files import CertificateExpiry


QUEUE_TROUBLE = "queue"
TROUBLES = {**REASONS, QUEUE_TROUBLE: "the file of its queue is in trouble"}
"""What can be wrong with a destination: a closed list, for metrics and logs."""


class Report(NamedTuple):
    """A sentence about a run; as a log record it has `fields(code, **facts)`."""

    text: str
    code: str
    facts: Mapping[str, object] = MappingProxyType({})


class SourceStatus(NamedTuple):
    """One source. `state` is a sentence's worth; `bytes` and `lines` were read by this process.

    `silent`: it has read some, and handed out nothing for ten seconds. `lag`: events that wait at
    the source, by partition. `kind` is one of `forward.config.sources.SOURCES`; `last`: when
    something was handed out last, in Unix time; `ended`: it was read to its end.
    """

    name: str
    connected: bool
    state: str
    gaps: int
    reconnects: int
    bytes: int
    silent: bool = False
    lag: Mapping[str, int] = MappingProxyType({})
    lines: int = 0
    kind: str = ""
    last: float | None = None
    ended: bool = False


class DestinationStatus(NamedTuple):
    """One destination and its queue.

    `counts` are of the queue's whole life (received, converted, filtered, rejected, noise, …), as
    are accepted to `dropped`; sent to breaks and `duplicates` are of this process. Sizes in bytes,
    age in seconds. `trouble` is what happened to the queue's file a moment ago, "" for nothing;
    `reason` why messages cannot be sent, one of `delivery.progress.REASONS`, "" while they can.
    """

    name: str
    target: str
    connected: bool
    state: str
    last_error: str
    counts: dict[str, int]
    accepted: int
    confirmed: int
    unconfirmed: int
    in_flight: int
    waiting: int
    dropped: dict[str, int]
    dead_lettered: int
    queue_bytes: int
    queue_limit: int
    oldest_age: float
    sent: int
    sent_bytes: int
    resent: int
    breaks: int
    trouble: str = ""
    duplicates: int = 0
    reason: str = ""

    @property
    def reasons(self) -> tuple[str, ...]:
        """What is wrong, as words of TROUBLES."""
        return tuple(filter(None, (self.reason, QUEUE_TROUBLE if self.trouble else "")))

    def counters(self) -> dict[str, int]:
        """Return what logs and summaries count, by the names of their fields."""
        counts = self.counts
        came = ("received", "converted", "filtered", "rejected")
        return {
            **{name: counts.get(name, 0) for name in came},
            "skipped": counts.get("noise", 0),
            "blank": counts.get("blank", 0),
            "internal": counts.get("own", 0),
            "replayed": counts.get("replay_converted", 0),
            "confirmed": self.confirmed,
            "unconfirmed": self.unconfirmed,
            "in_flight": self.in_flight,
            "waiting": self.waiting,
            "dropped": sum(self.dropped.values()),
            "dead_lettered": self.dead_lettered,
            "resent": self.resent,
        }

    @property
    def rejected(self) -> dict[str, int]:
        """How many records were rejected, by label; what an older version counted has none."""
        return self._by_label("rejected", REJECTED, LABELS)

    @property
    def skipped(self) -> dict[str, int]:
        """How many lines were no events, by label."""
        return self._by_label("noise", SKIPPED, SKIPPED_LABELS)

    def _by_label(self, counter: str, prefix: str, labels: tuple[str, ...]) -> dict[str, int]:
        found = {
            label: number for label in labels if (number := self.counts.get(f"{prefix}{label}", 0))
        }
        if (rest := self.counts.get(counter, 0) - sum(found.values())) > 0:
            found["other"] = found.get("other", 0) + rest
        return found


class Reloads(NamedTuple):
    """Changed files that were taken, and that could not be; `failing` are those whose last change
    is not in use: `configuration`, `destination siem`.
    """

    taken: int = 0
    failed: int = 0
    failing: frozenset[str] = frozenset()

    def after(self, what: str, *, good: bool) -> Reloads:
        """Return the same after one more."""
        if good:
            return Reloads(self.taken + 1, self.failed, self.failing - {what})
        return Reloads(self.taken, self.failed + 1, self.failing | {what})


class ForwarderStatus(NamedTuple):
    """All of it; `fault` says why the service cannot go on, "" while it can; `engine` is the one
    in use, `native` or `python`.
    """

    sources: tuple[SourceStatus, ...]
    destinations: tuple[DestinationStatus, ...]
    fault: str = ""
    stopping: bool = False
    engine: str = "python"
    reloads: Reloads = Reloads()
    certificates: tuple[CertificateExpiry, ...] = ()

    @property
    def unrouted(self) -> int:
        """How many events no destination takes: each of them counts the same ones, since it was
        there.
        """
        return max((each.counts.get("unrouted", 0) for each in self.destinations), default=0)


NEARLY_FULL = 0.9
"""A queue with so much of its limit in use is not ready for more."""

SILENT = "it reads, and no record has ended for ten seconds"


def not_ready(view: ForwarderStatus) -> list[str]:
    """Return why events are not flowing, a sentence's worth each; none when they are."""
    found = [view.fault] if view.fault else []
    if view.stopping:
        found.append("stopping")
    found += [f"source {it.name}: {it.state}" for it in view.sources if not it.connected]
    found += [f"source {it.name}: {SILENT}" for it in view.sources if it.connected and it.silent]
    for each in view.destinations:
        if each.last_error and not each.connected:
            found.append(f"destination {each.name}: {each.last_error}")
        if each.trouble:
            found.append(f"destination {each.name}: the queue is in trouble: {each.trouble}")
        if each.queue_bytes >= NEARLY_FULL * each.queue_limit:
            found.append(f"destination {each.name}: its queue is nearly full")
    return found


def line(before: ForwarderStatus | None, now: ForwarderStatus, seconds: float) -> str:
    """Return one line that says how it goes; rates are over the `seconds` since `before`."""
    return " | ".join(each.text for each in minute(before, now, seconds))


def minute(before: ForwarderStatus | None, now: ForwarderStatus, seconds: float) -> list[Report]:
    """Return how it goes, destination by destination; rates as for `line`."""
    earlier = {each.name: each for each in before.destinations} if before else {}
    parts = []
    for each in now.destinations:
        last = earlier.get(each.name)
        received = each.counts.get("received", 0) - (last.counts.get("received", 0) if last else 0)
        sent = each.sent - (last.sent if last else 0)
        text = f"{each.name}: in {_rate(received, seconds)}/s, out {_rate(sent, seconds)}/s"
        text += f", {each.waiting + each.in_flight:,} in the queue"
        if each.waiting and each.oldest_age >= 1:
            text += f" (oldest {age(each.oldest_age)})"
        text += f", {each.confirmed:,} confirmed"
        if each.unconfirmed:
            text += f", {each.unconfirmed:,} unconfirmed"
        if each.duplicates:
            text += f", {counted(each.duplicates, 'duplicate')}"
        for reason, number in sorted(each.dropped.items()):
            text += f", {number:,} dropped ({reason})"
        if rejected := each.counts.get("rejected"):
            text += f", {rejected:,} rejected"
        text += f"; {each.last_error if not each.connected and each.last_error else each.state}"
        parts.append(Report(text, "status", {"destination": each.name, **each.counters()}))
    parts += [
        Report(f"{it.name}: {it.state}", "source-trouble", {"source": it.name, "reason": it.state})
        for it in now.sources
        if not it.connected
    ]
    if now.unrouted:
        text = f"{counted(now.unrouted, 'event')} for no destination"
        parts.append(Report(text, "unrouted", {"count": now.unrouted}))
    return parts


def _rate(number: int, seconds: float) -> str:
    return f"{max(number, 0) / max(seconds, 0.001):,.0f}"


def age(seconds: float) -> str:
    """Return how old something is, rounded."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.0f} h"
