"""Who has to wait while somebody types: the line comes first, the survey has what time is left.

Python runs one thread at a time; a survey that goes on while a line is asked for makes it late.
Knows neither.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

_MOST = 0.5  # seconds that anybody waits at a time


class Foreground:
    """A context for what must be quick; `wait` returns when nobody is in it."""

    def __init__(self) -> None:
        self._free = threading.Condition()
        self._inside = 0

    def __enter__(self) -> None:
        with self._free:
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._free:
            self._inside -= 1
            if not self._inside:
                self._free.notify_all()

    def wait(self) -> None:
        """Wait until nobody is in it, and no longer than half a second."""
        with self._free:
            self._free.wait_for(lambda: not self._inside, _MOST)
