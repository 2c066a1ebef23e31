"""What a forwarder says while it stops: how much is left, and for how long it is sent.

In come statuses, out goes a log record at once and every few seconds. Ends nothing.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from cef_bridge.log_fields import fields
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.forward.status import ForwarderStatus

EVERY = 3.0
"""Seconds between two records."""

_log = logging.getLogger(__name__)


class Leaving:
    """Says how a stop goes."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: float | None = None

    def look(self, view: ForwarderStatus, left: float) -> None:
        """Say how much waits, if it is time to; `left`: seconds until sending ends."""
        now = self._clock()
        if self._last is not None and now - self._last < EVERY:
            return
        first, self._last = self._last is None, now
        waiting = sum(each.waiting + each.in_flight for each in view.destinations)
        seconds = max(round(left), 0)
        known = fields("stopping", waiting=waiting, seconds=seconds)
        if first:
            _log.info(
                "stopping: %s left, sending for up to %s. A second signal ends it at once; what "
                "is left stays in the queue.",
                *(counted(waiting, "message"), counted(seconds, "second")),
                extra=known,
            )
        else:
            _log.info(
                "stopping: %s left, %s more",
                *(counted(waiting, "message"), counted(seconds, "second")),
                extra=known,
            )
