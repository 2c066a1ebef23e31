"""How long to wait before the next try: exponential, with full jitter. Pure.

Many forwarders lose one collector at the same moment; the jitter keeps them from coming back at the
same moment. Knows no clock and does not sleep.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST, MOST = 0.1, 30.0  # seconds


class Backoff:
    """Gives waits that are drawn from 0 to `first`, then to twice that, and so on up to `most`.

    `first` and `most` in seconds; `rng` gives numbers from 0 to 1.
    """

    def __init__(
        self,
        rng: Callable[[], float] = random.random,
        *,
        first: float = FIRST,
        most: float = MOST,
    ) -> None:
        self._rng = rng
        self._first, self._most = first, most
        self._bound = first

    def next(self) -> float:
        """Return how many seconds to wait now; the next wait may be twice as long."""
        bound, self._bound = self._bound, min(2 * self._bound, self._most)
        return self._rng() * bound

    def longest(self) -> float:
        """Return a wait for what does not heal by itself: half of `most`, or more."""
        self._bound = self._most
        return (1 + self._rng()) / 2 * self._most

    def reset(self) -> None:
        """Begin with short waits again: it went well."""
        self._bound = self._first
