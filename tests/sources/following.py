"""A consumer of feeds that keeps lines and marks as a queue does, and may stop after any arrival."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.sources.feed import Arrival, Notice
from cef_bridge.sources.files.follow import Follow
from cef_bridge.sources.records.units import Block

if TYPE_CHECKING:
    from collections.abc import Iterator


class Store:
    """Lines and marks, written together; a new feed goes on from here."""

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.lost: list[object] = []
        self.marks: dict[str, object] = {}
        self.notices: list[Notice] = []
        self.ended: list[str] = []
        self.names: list[str] = []

    def take(self, each: Arrival | Notice | None) -> None:
        if isinstance(each, Notice):
            self.notices.append(each)
        elif each is not None:
            if isinstance(each.item, Block):
                assert len(each.item.places()) == len(each.item.lines)
                self.lines += each.item.lines
            else:
                self.lost.append(each.item)
            self.names.append(each.name)
            if each.mark is not None:
                assert each.stream == each.mark.key
                known = self.marks.get(each.stream)
                assert known is None or known.offset <= each.mark.offset, "a mark went back"
                self.marks[each.stream] = each.mark
            if each.ended:
                self.ended.append(each.name)
                if each.mark is None:
                    self.marks.pop(each.stream, None)

    def follow(self, *patterns: object, **options) -> Iterator[Arrival | Notice | None]:
        """Go on from what was taken."""
        return Follow([str(each) for each in patterns], **options).arrivals(dict(self.marks))

    def run(self, *patterns: object, until=None, arrivals: int | None = None, **options) -> None:
        """Follow until `until()` holds when nothing is left, or after so many blocks (kill -9)."""
        options = {"poll": 0.02, "rescan": 0.04, "linger": 0.2} | options
        feed = Follow([str(each) for each in patterns], **options)
        deadline = time.monotonic() + 120
        stream = feed.arrivals(dict(self.marks))
        count = 0
        for each in stream:
            self.take(each)
            count += isinstance(each, Arrival) and bool(getattr(each.item, "lines", True))
            if arrivals is not None and count >= arrivals:
                break
            if each is None and until is not None and until():
                break
            assert time.monotonic() < deadline, (len(self.lines), self.notices)
        stream.close()

    def quiet(self, *patterns: object, ticks: int = 4, **options) -> None:
        """Follow until nothing came for some time."""
        seen = [len(self.lines), 0]

        def still() -> bool:
            seen[1] = seen[1] + 1 if seen[0] == len(self.lines) else 0
            seen[0] = len(self.lines)
            return seen[1] > ticks

        self.run(*patterns, until=still, **options)

    def has(self, count: int):
        return lambda: len(self.lines) >= count
