"""What becomes of the events of a sample: messages, filtered and by what, rejected and why.

In come lines of a source and the destinations, out go verdicts. The reference converts: there are
few. Opens nothing.
"""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem, warning
from cef_bridge.forward.parts import converter_of
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise
from cef_bridge.mapping.program.converter import Converted, Filtered, Rejected
from cef_bridge.wording import counted, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cef_bridge.forward.config import Destination
    from cef_bridge.mapping.program.converter import Converter

MOST_LINES = 500
"""Lines of a sample."""

FUTURE = 60.0
"""Seconds that an event's time may be ahead of this machine's clock."""
OLD = 3600.0
"""An event that is older, in seconds, is no new one."""


class EventSample(NamedTuple):
    """Some lines of a source: the events in them, the lines that are none, and reasons of those
    that look like events and cannot be read.
    """

    events: tuple[dict[str, object], ...]
    skipped: int
    first_skipped: bytes
    unreadable: tuple[str, ...]

    @property
    def newest(self) -> float | None:
        """The time of the newest event, in epoch seconds."""
        times = [at for at in map(event_time, self.events) if at is not None]
        return max(times) / 1e6 if times else None


def sample(lines: Iterable[bytes], input_format: str = "auto") -> EventSample:
    """Return the events of lines, at most MOST_LINES."""
    decoder = EventDecoder(input_format=input_format)
    events: list[dict[str, object]] = []
    unreadable: list[str] = []
    skipped, first = 0, b""
    for line, _ in zip(lines, range(MOST_LINES), strict=False):
        if not line.strip():
            continue
        for found in decoder.decode(line):
            if isinstance(found, Decoded):
                events.append(found.fields)
            elif isinstance(found, Noise):
                skipped += 1
                first = first or found.raw
            else:
                unreadable.append(found.reason)
    return EventSample(tuple(events), skipped, first, tuple(unreadable))


def recognized(found: EventSample) -> Verdict:
    """Return whether a sample has KubeArmor's events."""
    events, others = len(found.events), found.skipped + len(found.unreadable)
    if not events and not others:
        return not_tried("there is no line")
    text = f"{counted(events, 'event')} in {counted(events + others, 'line')}"
    if found.skipped:
        text += f", {found.skipped:,} skipped (no KubeArmor event)"
    if found.unreadable:
        reason, _ = Counter(found.unreadable).most_common(1)[0]
        text += f", {len(found.unreadable):,} rejected ({reason})"
    if not events and found.skipped:
        begin = shown(found.first_skipped[:200].decode("utf-8", "replace"))
        text = f"no KubeArmor event in {counted(others, 'line')}; the first begins with: {begin}"
        return problem(text, "Name KubeArmor's log file, its relay, or another topic.")
    if not events:
        return problem(text, "cef-bridge convert --rejects FILE shows each record and its reason.")
    if found.unreadable:
        return warning(text, "cef-bridge convert --rejects FILE shows each of them.")
    return ok(text)


def recent(newest: float | None, now: float | None = None) -> Verdict:
    """Return whether the newest event's time goes with this machine's clock."""
    now = time.time() if now is None else now
    if newest is None:
        return not_tried("no event says its time")
    age = now - newest
    if age < -FUTURE:
        return warning(
            f"the newest event is {_span(-age)} in the future: a SIEM that searches the last hours "
            "does not show it",
            "Compare the clocks of the node and of this machine.",
        )
    if age > OLD:
        return warning(
            f"the newest event is {_span(age)} old",
            "Look whether KubeArmor runs, and whether its policies and visibility cover what you "
            "expect. If events happen now, compare the clocks.",
        )
    return ok(f"the newest event is {_span(max(age, 0.0))} old")


def converted(found: EventSample, one: Destination) -> Verdict:
    """Return what a destination makes of a sample; MappingError for a wrong mapping."""
    if not found.events:
        return not_tried("there is no event")
    converter = converter_of(one)
    made = 0
    rejected: Counter[str] = Counter()
    filtered: Counter[str] = Counter()
    looser = _looser(one)
    for event in found.events:
        fate = converter.convert(event, "doctor")
        if isinstance(fate, Converted):
            made += 1
        elif isinstance(fate, Rejected):
            rejected[fate.reason] += 1
        else:
            filtered[_by_what(event, fate, looser)] += 1
    parts = [f"{counted(made, 'message')} from {counted(len(found.events), 'event')}"]
    parts += [f"{count:,} filtered by {what}" for what, count in filtered.most_common()]
    parts += [f"{count:,} rejected ({why})" for why, count in rejected.most_common(3)]
    text = ", ".join(parts)
    if made and not rejected:
        return ok(text)
    if made:
        return warning(text, "cef-bridge mapping explain shows how an event is converted.")
    if not filtered:
        return problem(text, "cef-bridge mapping explain shows how an event is converted.")
    return problem(
        f"all events of the sample are taken out: {text}",
        "If they should arrive, change that setting, or the mapping's.",
    )


def _looser(one: Destination) -> list[tuple[str, Converter]]:
    """Return what converts without one of a destination's filters each, with the name of that."""
    without = {"alerts_only": False, "filters": (), "drop_events": ()}
    return [
        (name, converter_of(msgspec.structs.replace(one, **{name: none})))
        for name, none in without.items()
        if getattr(one, name)
    ]


def _by_what(event: dict[str, object], fate: Filtered, looser: list[tuple[str, Converter]]) -> str:
    """Return the setting that takes an event out."""
    if fate.by_when:
        return "when"
    for name, other in looser:
        if not isinstance(other.convert(event, "doctor"), Filtered):
            return name
    return "several settings together" if looser else "the mapping"


def _span(seconds: float) -> str:
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"
