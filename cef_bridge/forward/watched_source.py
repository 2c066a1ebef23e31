"""A feed that is watched: its state is told when it has changed, and a silence is found.

In come the arrivals of a feed, out go the same. A source that reads bytes and hands out nothing
for SILENCE is silent: a record without an end may hold what follows. Knows no queues.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from cef_bridge.log_fields import fields
from cef_bridge.sources.feed import TICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.sources.feed import Arrival, Feed, FeedState, Notice

SILENCE = 10.0
"""A source that has read bytes may hand out nothing for so many seconds."""

_log = logging.getLogger(__name__)


class WatchedSource:
    """A feed around another one; `tell` gets its state, `clock` counts seconds and never goes back.

    What counts is what was read after the last arrival: a quiet source is not silent.
    """

    def __init__(
        self,
        feed: Feed,
        tell: Callable[[FeedState], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = feed.name
        self.can_wait = feed.can_wait
        self.receipts = feed.receipts
        self._feed = feed
        self._tell = tell
        self._clock = clock
        self._handed = 0  # how much was read when something was handed out last
        self._since: float | None = None
        self._silent = False

    def arrivals(self, marks: Mapping[str, Checkpoint]) -> Iterator[Arrival | Notice | None]:
        """Yield what the feed yields; meanwhile tell its state, at most every TICK seconds."""
        due, last, fresh = self._clock(), None, False
        for item in self._feed.arrivals(marks):
            fresh = fresh or item is not None
            now = self._clock()
            if now >= due:
                due, state = now + TICK, self._feed.state()
                self._look(state.bytes, now, fresh=fresh)
                fresh = False
                state = state._replace(silent=self._silent)
                if state != last:
                    last = state
                    self._tell(state)
            yield item

    def _look(self, read: int, now: float, *, fresh: bool) -> None:
        if fresh:
            self._handed, self._since, self._silent = read, None, False
        elif read > self._handed and self._since is None:
            self._since = now
        elif self._since is not None and now - self._since >= SILENCE and not self._silent:
            self._silent = True
            _log.warning(
                "%s: %s bytes were read for %.0f s, and no record has ended in them. "
                "Was one cut, or written in another format?",
                *(self.name, f"{read - self._handed:,}", SILENCE),
                extra=fields(
                    "source-silent", source=self.name, bytes=read - self._handed, seconds=SILENCE
                ),
            )

    def stop(self) -> None:
        """End `arrivals` soon."""
        self._feed.stop()

    def state(self) -> FeedState:
        """Return how it is doing now."""
        return self._feed.state()._replace(silent=self._silent)
