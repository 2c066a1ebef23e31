"""The partitions that a member has, or had: how far each was handed over, settled and committed.

Pure. Offsets are those of the next message, as Kafka counts them; None where nobody knows. Must not
know the client's library, nor who settles what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cef_bridge.checkpoint import Checkpoint


class Place(NamedTuple):
    """A partition of a topic."""

    topic: str
    number: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.number}"


class Partition:
    """One partition. `key` names its positions; `end` is where it ended when last heard of.

    `settled` is None until something is known of it: what a queue holds from an earlier process
    may be settled or not.
    """

    __slots__ = ("_floor", "committed", "end", "key", "next", "place", "settled")

    def __init__(self, place: Place, key: str) -> None:
        self.place = place
        self.key = key
        self.next: int | None = None
        self.settled: int | None = None
        self.committed: int | None = None
        self.end: int | None = None
        self._floor = 0  # where reading began

    @property
    def ahead(self) -> int:
        """How many events were handed over and are not settled yet."""
        known = self._floor if self.settled is None else self.settled
        return 0 if self.next is None else max(self.next - known, 0)

    @property
    def lag(self) -> int | None:
        """How many events of it are not settled; None until the broker has said where it ends."""
        known = self._floor if self.settled is None else self.settled
        return None if self.end is None or self.next is None else max(self.end - known, 0)

    def begin(self, start: int, settled: int | None) -> None:
        """Begin to read at an offset, where all before `settled` is."""
        self.next = self._floor = start
        self.settled = settled

    def handed(self, first: int, following: int) -> None:
        """Take note that messages were handed over: from an offset, before another."""
        if self.next is None:
            self._floor = first
        self.next = following


class Partitions:
    """All of them; `marks` are positions that every queue had when the source began, by key."""

    def __init__(self, marks: Mapping[str, Checkpoint]) -> None:
        self._marks = {key: mark.offset for key, mark in marks.items()}
        self._known: dict[Place, Partition] = {}
        self._again: dict[Place, str] = {}  # behind the keys of topics that were made again
        self.owned: dict[Place, Partition] = {}

    def assign(self, keys: Mapping[Place, str], committed: Mapping[Place, int]) -> None:
        """Own these partitions, and begin where each is to begin; where nobody knows, `next` is
        None.
        """
        self.owned = {}
        for place, key_ in keys.items():
            key = key_ + self._again.get(place, "")
            known = self._known.get(place)
            if known is None or known.key != key:  # the topic was made again
                known = self._known[place] = Partition(place, key)
            self.owned[place] = known
            known.committed = committed.get(place)
            known.end = None
            starts = [known.committed, self._marks.get(key), known.next]
            start = max((each for each in starts if each is not None), default=None)
            if start is not None and start != known.next:
                settled = [it for it in (known.committed, known.settled) if it is not None]
                known.begin(start, max(settled, default=None))

    def revoke(self) -> None:
        """Own none; what was handed over stays known."""
        self.owned = {}

    def forget(self, place: Place, start: int) -> Partition:
        """Forget how far a partition was read: its numbers mean other events now."""
        known = self._known[place]
        self._marks.pop(known.key, None)
        # Another key: what is still said of the old numbers must not count for the new ones.
        self._again[place] = self._again.get(place, "") + "+"
        fresh = self._known[place] = Partition(place, f"{known.key}+")
        if place in self.owned:
            self.owned[place] = fresh
        fresh.begin(start, start)
        return fresh

    def is_same(self, place: Place, key: str) -> bool:
        """Tell whether a partition's topic is known to be the one that was read: it has an id."""
        topic_id = key.split(":")[-2]
        return bool(topic_id) and self._known[place].key == key + self._again.get(place, "")

    def settle(self, offsets: Mapping[str, int]) -> None:
        """Take note of how far each partition is settled, by key."""
        for each in self._known.values():
            offset = offsets.get(each.key)
            if offset is not None and each.next is not None:
                each.settled = max(min(offset, each.next), each.settled or 0)

    def ahead(self) -> int:
        """Return how many events were handed over and are not settled, of what is owned."""
        return sum(each.ahead for each in self.owned.values())

    def to_commit(self) -> dict[Place, int]:
        """Return the offsets of owned partitions that the group has not committed yet."""
        return {
            place: each.settled
            for place, each in self.owned.items()
            if each.settled is not None
            and each.settled > (each.committed if each.committed is not None else -1)
        }

    def committed(self, offsets: Mapping[Place, int]) -> None:
        """Take note that the broker has them."""
        for place, offset in offsets.items():
            if place in self._known:
                self._known[place].committed = offset

    def lags(self) -> dict[str, int]:
        """Return how many events of each owned partition are not settled."""
        return {
            str(place): lag for place, each in self.owned.items() if (lag := each.lag) is not None
        }
