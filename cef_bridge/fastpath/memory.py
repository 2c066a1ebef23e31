"""What is remembered, and how much of it may be: bounded, for attackers choose names and arguments.

What was found once is young, and goes when there is too much of that; what is asked for again is
kept. Most of what is new in a stream never comes again (each connection has a port of its own), and
so takes the place of nothing. Knows neither events nor texts.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

_T = TypeVar("_T")

MOST_BYTES = 64 << 20
MOST_YOUNG = 8 << 20
ENTRY = 250  # bytes of an entry besides its texts
MOST_REMEMBERED = 16384  # entries of one memo
LONGEST_REMEMBERED = 512  # characters of a key; command lines of 16 KB hardly ever come twice


class Memory:
    """How many bytes may still be remembered, by a rough count: below 0 all is to be forgotten.

    Counts of entries alone would bound nothing. `pairs`: memos that are made of two others; who
    drops those has to clear it.
    """

    __slots__ = ("_room", "_young", "left", "pairs")

    def __init__(self) -> None:
        self.pairs: dict[object, Any] = {}
        # (memo, key) -> what was found, and its size
        self._young: dict[tuple[object, object], tuple[Any, int]] = {}
        self.forget()

    def forget(self) -> None:
        """Begin again; whoever has memos has to drop them."""
        self._young.clear()
        self._room = MOST_YOUNG
        self.left = MOST_BYTES

    def note(self, memo: object, key: object, found: object, size: int) -> None:
        """Remember something for a while: until it is taken, or there is too much of it."""
        if self._room < size:
            self._young.clear()
            self._room = MOST_YOUNG
        self._room -= size
        self._young[memo, key] = found, size

    def take(self, memo: object, key: object) -> tuple[Any, int] | None:
        """Return what was noted, and its size; from now on it is the memo's own."""
        taken = self._young.pop((memo, key), None)
        if taken is not None:
            self._room += taken[1]
        return taken


class Memo(Generic[_T]):
    """What one thing gave, by key. `get(key)` gives what is kept, in the hot loop; after it
    `again` what is still young.
    """

    __slots__ = ("_kept", "get", "memory")

    def __init__(self, memory: Memory) -> None:
        self._kept: dict[object, _T] = {}
        self.memory = memory
        self.get = self._kept.get

    def again(self, key: object) -> _T | None:
        """Return what was found once before, and keep it from now on; None if it was not."""
        taken = self.memory.take(self, key)
        if taken is None:
            return None
        found: _T
        found, size = taken
        if len(self._kept) >= MOST_REMEMBERED:
            self._kept.clear()
        self._kept[key] = found
        self.memory.left -= size
        return found

    def note(self, key: object, found: _T, length: int, size: int) -> None:
        """Take note of something; `length` of the key and `size` in characters."""
        if length <= LONGEST_REMEMBERED:
            self.memory.note(self, key, found, length + size + ENTRY)
