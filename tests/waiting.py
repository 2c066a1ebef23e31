"""Waiting for a condition: as long as a busy machine needs, and no longer than it takes."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 120.0
"""Seconds that something may take; what takes as long is a defect."""


def until(condition: Callable[[], object], timeout: float = PATIENCE, what: object = "it") -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout:.0f} s"
        time.sleep(0.01)
