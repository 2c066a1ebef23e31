"""The counters of a run, and the sums that must hold: no line and no event vanishes.

lines = records + noise + blank, records = converted + filtered + rejected. A line is what the
input has as a unit: a physical line, an element of an array, a pretty-printed document. Everything
is bounded, for what is counted has names that whoever wrote the events chose.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple, TypeAlias

Kind: TypeAlias = "tuple[object, object, str]"

MOST_KINDS = 1000
"""KubeArmor has 7 types and about 10 operations; from here on the rest is `OTHER`."""
MOST_REASONS = 200
MOST_ENVELOPES = 100
OTHER = "(other)"
LABELS = (
    *("not-json", "too-deep", "too-long", "unfinished", "damaged", "no-kind", "karmor-text"),
    *("no-event", "fault", "other"),
)
"""The words for a rejected record's reason that counters have: a closed list, whatever the records
say. not-json: it cannot be parsed; unfinished: the rest of a line never came; damaged: its source
could not bring it whole; no-kind: it has neither Type nor Operation; karmor-text: karmor's output
for people; no-event: noise, with --strict; fault: of this program.
"""
REJECTED = "rejected:"
"""What stands before a label in the name of the counter that a queue keeps of it."""
SKIPPED_LABELS = ("json", "text", "other")
"""The words for what a skipped line is. json: it begins as JSON does; text: it does not; other: an
earlier version counted it.
"""
SKIPPED = "skipped:"
"""The same as REJECTED, of a skipped line's label."""

_LOOKED_AT = 64  # bytes of a skipped line
_JSON = (b"{", b"[", b'"')
_LONGEST = 64  # characters of a type or an operation
# 7, 1,048,576; not the 16 of UTF-16
_NUMBER = re.compile(r"(?<![\w-])\d[\d,]*\b")


def line_ends(data: bytes) -> int:
    r"""Return how many LF there are: `data.count(b"\n")`, sooner where lines are long.

    `count` looks at every byte, `replace` searches for the next one (memchr). Measured for 256 KiB,
    microseconds: 75 and 11 for lines of 1.1 KB, 97 and 118 for lines of 20 bytes.
    """
    return len(data) - len(data.replace(b"\n", b""))


class First(NamedTuple):
    """Where a reason was met first (`source:line`), and its whole text."""

    place: str
    reason: str


class Stats:
    """Counts of one run.

    `kinds` has (Type, Operation, class id) of every event that was converted or filtered;
    `reasons` are those of rejected records, with N for every number, so that equal ones add up;
    `firsts` says of each where it was met first; `labels` are the same by one of LABELS,
    and `skipped` is `noise` by one of SKIPPED_LABELS.
    `without_time` are converted events. `envelopes` has the paths that led to events. Of the
    filtered ones, `routed_away` are not for this destination (its `when`), `unrouted` for none.
    Of the converted ones, `alerts_over_rate` are alerts that do not have the lane of alerts.
    `left` are lines that the native engine left to Python, `compared` those that both converted,
    `differed` those of them of which the engine made something else.
    """

    def __init__(self) -> None:
        self.blank = 0
        self.noise = 0
        self.converted = 0
        self.filtered = 0
        self.rejected = 0
        self.without_time = 0
        self.routed_away = 0
        self.unrouted = 0
        self.alerts_over_rate = 0
        self.left = 0
        self.compared = 0
        self.differed = 0
        self.reasons: Counter[str] = Counter()
        self.firsts: dict[str, First] = {}
        self.labels: Counter[str] = Counter()
        self.skipped: Counter[str] = Counter()
        self.envelopes: Counter[str] = Counter()
        self.kinds: Counter[Kind] = Counter()
        self._settled = 0

    @property
    def records(self) -> int:
        """Events, and what looked like one."""
        return self.converted + self.filtered + self.rejected

    @property
    def lines(self) -> int:
        """All units of all inputs."""
        return self.records + self.noise + self.blank

    def reject(self, reason: str, place: str, label: str = "other") -> None:
        """Count a rejected record under its reason and its label, which is one of LABELS; `place`
        is where it stands, `source:line`.
        """
        self.rejected += 1
        self.labels[label if label in LABELS else "other"] += 1
        group = _NUMBER.sub("N", reason)
        if group not in self.reasons:
            if len(self.reasons) >= MOST_REASONS:
                group = OTHER
            self.firsts.setdefault(group, First(place, reason))
        self.reasons[group] += 1

    def skip(self, raw: bytes) -> None:
        """Count a line that is no event."""
        self.noise += 1
        self.skipped["json" if raw[:_LOOKED_AT].lstrip()[:1] in _JSON else "text"] += 1

    def merge(self, later: Stats) -> None:
        """Add the counts of what came later; the bounds stay."""
        self.blank += later.blank
        self.noise += later.noise
        self.converted += later.converted
        self.filtered += later.filtered
        self.rejected += later.rejected
        self.without_time += later.without_time
        self.routed_away += later.routed_away
        self.unrouted += later.unrouted
        self.alerts_over_rate += later.alerts_over_rate
        self.left += later.left
        self.compared += later.compared
        self.differed += later.differed
        for group, number in later.reasons.items():
            known = group
            if known not in self.reasons:
                if len(self.reasons) >= MOST_REASONS:
                    known = OTHER
                self.firsts.setdefault(known, later.firsts[group])
            self.reasons[known] += number
        self.labels.update(later.labels)
        self.skipped.update(later.skipped)
        for path, number in later.envelopes.items():
            self.enveloped(path, number)
        for kind, number in later.kinds.items():
            self.kinds[kind] += number
        self.settle()

    def count(self, type_: object, operation: object, class_id: str) -> None:
        """Count an event whose type and operation may be any JSON."""
        self.kinds[_text(type_), _text(operation), class_id] += 1

    def enveloped(self, path: str, number: int = 1) -> None:
        """Count events that an envelope held, by the path to them."""
        known = path in self.envelopes or len(self.envelopes) < MOST_ENVELOPES
        self.envelopes[path if known else OTHER] += number

    def settle(self) -> None:
        """Keep `kinds` bounded, whatever was added to it directly; to be called now and then."""
        if len(self.kinds) == self._settled:
            return
        for kind in list(self.kinds)[self._settled :]:
            type_, operation, class_id = kind
            short: Kind = (_text(type_), _text(operation), class_id)
            if len(self.kinds) > MOST_KINDS:
                short = (OTHER, OTHER, class_id)
            if short != kind:
                self.kinds[short] += self.kinds.pop(kind)
        self._settled = len(self.kinds)


def _text(value: object) -> str:
    """Return a type or an operation, shortened; "" when there is none."""
    if not isinstance(value, str):
        return "" if value is None else OTHER
    return value if len(value) <= _LONGEST else value[: _LONGEST - 1] + "…"
