"""The counters of a run, and the sums that must hold: no line and no event vanishes.

lines = records + noise + blank, records = converted + filtered + rejected. A line is what the
input has as a unit: a physical line, an element of an array, a pretty-printed document.
"""

from __future__ import annotations

from collections import Counter


class Stats:
    """Counts of one run. `reasons` are those of rejected records; `kinds` has (Type, Operation,
    class id) of every event that was converted or filtered.
    """

    def __init__(self) -> None:
        self.blank = 0
        self.noise = 0
        self.converted = 0
        self.filtered = 0
        self.rejected = 0
        self.without_time = 0
        self.reasons: Counter[str] = Counter()
        self.kinds: Counter[tuple[str, str, str]] = Counter()

    @property
    def records(self) -> int:
        """Events, and what looked like one."""
        return self.converted + self.filtered + self.rejected

    @property
    def lines(self) -> int:
        """All units of all inputs."""
        return self.records + self.noise + self.blank

    def reject(self, reason: str) -> None:
        """Count a rejected record under the part of its reason that repeats."""
        self.rejected += 1
        self.reasons[reason.partition(" at byte ")[0]] += 1
