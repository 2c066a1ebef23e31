"""One of several copies of an event: for relays that run as replicas, each sending every event.

Lines with the number of the endpoint that brought them come in; out comes whether the line is the
first of its kind. Knows neither JSON nor connections. Bounded in time and in memory.
"""

from __future__ import annotations

import time
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

MOST = 1 << 16
"""So many lines are remembered in each of two generations (together about 20 MB)."""


class Dedupe:
    """Remembers lines for `seconds` to twice that, fewer when there are more than `most`.

    Only a line that another endpoint has brought is left out: what one endpoint sends twice was
    twice there. So the n-th copy of one endpoint is matched with the n-th copy of another. Events
    carry microseconds and process ids, so equal bytes are the same event.
    """

    def __init__(
        self, seconds: float, most: int = MOST, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.dropped = 0
        self.hurried = False  # whether the memory was too small for the time
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._since = clock()
        self._young: dict[bytes, tuple[int, ...]] = {}  # digest -> how often each brought it
        self._old: dict[bytes, tuple[int, ...]] = {}

    def is_new(self, line: bytes, endpoint: int) -> bool:
        """Tell whether no other endpoint has brought this line yet; remembers that it came."""
        digest = blake2b(line, digest_size=16).digest()
        counts = self._young.get(digest) or self._old.get(digest, ())
        came = [*counts, *[0] * (endpoint + 1 - len(counts))]
        came[endpoint] += 1
        self._young[digest] = tuple(came)
        known = any(other >= came[endpoint] for at, other in enumerate(came) if at != endpoint)
        self.dropped += known
        return not known

    def turn(self) -> None:
        """Forget the older half when its time has come; to be called now and then."""
        full = len(self._young) >= self._most
        if full or self._clock() - self._since >= self._seconds:
            self.hurried = self.hurried or full
            self._old, self._young = self._young, {}
            self._since = self._clock()
