"""How far a run came: a place between records, and all that a run that goes on there has to know.

In comes what a run counted, out goes JSON, and back. Must not know where that is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from cef_bridge.convert.feeder import BEGINNING, InputPosition
from cef_bridge.stats import First, Stats

if TYPE_CHECKING:
    from typing import Any

_COUNTS = ("blank", "noise", "converted", "filtered", "rejected", "without_time")
_ENGINE = ("left", "compared", "differed")


class RunCheckpoint(NamedTuple):
    """`place`, and the parts of lines that wait for their rest there (`pending`).

    `last` is the line of the stream's last block; `lines` are those of the input that is in hand;
    `inputs` are the rows of those that are finished.
    """

    place: InputPosition = BEGINNING
    pending: bytes = b""
    last: int = 1
    lines: int = 0
    inputs: tuple[dict[str, object], ...] = ()
    stats: Stats = Stats()

    def to_json(self) -> dict[str, object]:
        """Return it as what JSON can say."""
        stats = self.stats
        return {
            **self.place._asdict(),
            "pending": self.pending.decode(),
            "last": self.last,
            "lines": self.lines,
            "inputs": list(self.inputs),
            "counts": {name: getattr(stats, name) for name in (*_COUNTS, *_ENGINE)},
            "envelopes": dict(stats.envelopes),
            "labels": dict(stats.labels),
            "kinds": [[*kind, number] for kind, number in stats.kinds.items()],
            "reasons": [
                [group, stats.reasons[group], *stats.firsts[group]] for group in stats.reasons
            ],
        }

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> RunCheckpoint:
        """Return what `to_json` wrote; LookupError, TypeError or ValueError for anything else."""
        stats = Stats()
        for name in _COUNTS:
            setattr(stats, name, int(said["counts"][name]))
        for name in _ENGINE:  # an earlier version did not count them
            setattr(stats, name, int(said["counts"].get(name, 0)))
        for name in ("envelopes", "labels"):  # an earlier version did not count them
            getattr(stats, name).update(said.get(name, {}))
        for type_, operation, class_id, number in said["kinds"]:
            stats.kinds[type_, operation, class_id] = int(number)
        for group, number, place, reason in said["reasons"]:
            stats.reasons[group] = int(number)
            stats.firsts[group] = First(place, reason)
        return cls(
            InputPosition(*(int(said[name]) for name in InputPosition._fields)),
            said["pending"].encode(),
            int(said["last"]),
            int(said["lines"]),
            tuple(cast("dict[str, object]", row) for row in said["inputs"]),
            stats,
        )
