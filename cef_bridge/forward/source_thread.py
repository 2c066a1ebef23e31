"""A source in its thread, as the forwarder sees it: made, run, given other destinations, ended.

`run` is the body of the thread. What the source brings goes into the queues of the destinations.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cef_bridge.engine.line_loop import Options
from cef_bridge.forward.internal_events import enqueue_gap, tell_flood
from cef_bridge.forward.pipeline import SourcePipeline
from cef_bridge.forward.watched_source import WatchedSource
from cef_bridge.sources.feed import FeedState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.forward.config import Source
    from cef_bridge.forward.route import DestinationRoute
    from cef_bridge.sources.feed import Feed


class SourceThread:
    """One source. `spec` is what it was asked to be, `state` how its feed is doing."""

    def __init__(self, spec: Source, feed: Feed, routes: Sequence[DestinationRoute]) -> None:
        self.spec = spec
        self.state = FeedState(connected=False, text="starting")
        self._feed = WatchedSource(feed, self._tell)
        options = Options(max_record=spec.max_record, input_format=spec.input_format)
        self._pipeline = SourcePipeline(self._feed, routes, options, enqueue_gap, tell_flood)
        self._ended = False
        self._let_go = threading.Event()
        self._let_go.set()

    @property
    def lines(self) -> int:
        """How many lines it has read."""
        return self._pipeline.lines

    @property
    def last(self) -> float | None:
        """When something arrived last, in Unix time; None: nothing yet."""
        at = self._pipeline.last
        return None if at is None else time.time() - (time.monotonic() - at)

    def run(self) -> None:
        """Fill the queues until the feed ends."""
        try:
            self._pipeline.run()
        finally:
            self.state = self._feed.state()
            self._ended = True
            self._let_go.set()

    def replace(self, routes: Sequence[DestinationRoute]) -> None:
        """Fill these queues from the next block on; `let_go` says when the others are let go."""
        self._let_go.clear()
        self._pipeline.replace(routes, then=self._let_go.set)
        if self._ended:
            self._let_go.set()

    def let_go(self, timeout: float) -> bool:
        """Wait until nothing comes any more for queues that were replaced."""
        return self._let_go.wait(timeout)

    def stop(self) -> None:
        """End the feed; what was read is stored."""
        self._pipeline.stop()

    def give_up(self) -> None:
        """End, and store nothing more: another source reads the same."""
        self._pipeline.give_up()

    def close(self) -> None:
        """Tell the source how far all is dealt with; once it has ended and the queues have."""
        if self._ended:
            self._pipeline.close()

    def _tell(self, state: FeedState) -> None:
        self.state = state
