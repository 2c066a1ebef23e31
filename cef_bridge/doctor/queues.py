"""The queue folder and its files: may they be written, who has them, what waits, is there room.

In come a folder and the destinations, out go rows. Opens queues as `queue status` does; a running
forwarder is not disturbed.
"""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

from cef_bridge.doctor.diagnosis import Verdict, ok, problem, warning
from cef_bridge.queue.inspector import inspect
from cef_bridge.wording import counted, limit, size

if TYPE_CHECKING:
    from pathlib import Path

    from cef_bridge.doctor.links import Link
    from cef_bridge.forward.config import Destination
    from cef_bridge.queue.inspector import QueueStatus

_LEAST_FREE = 64 << 20
_FULL = 0.9  # of the limit
_OLD = 300.0  # seconds that a message may wait


def queue_path(folder: Path, one: Destination) -> Path:
    """Return where a destination's queue is."""
    return folder / f"{one.name}.queue"


class FolderProbe:
    """The folder of the queues."""

    def __init__(self, link: Link, folder: Path) -> None:
        self._link = link
        self._folder = folder

    def look(self) -> None:
        """Add the rows of the folder."""
        self._link.run("folder", self._writable)
        self._link.run("disk space", self._space, vital=False)

    def _writable(self) -> Verdict:
        folder = self._folder
        if folder.is_dir():
            if os.access(folder, os.W_OK | os.X_OK):
                return ok(f"{folder} can be written")
            return problem(
                f"{folder} cannot be written: Permission denied",
                "Give it to the user of cef-bridge, or name another with --queue.",
            )
        if folder.exists():
            return problem(f"{folder} is no folder", "Name another with --queue.")
        nearest = folder
        while not nearest.exists():
            nearest = nearest.parent
        if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
            return ok(f"{folder} will be made")
        return problem(
            f"{folder} cannot be made: {nearest} cannot be written",
            "Make it for the user of cef-bridge, or name another with --queue.",
        )

    def _space(self) -> Verdict:
        nearest = self._folder
        while not nearest.exists():
            nearest = nearest.parent
        free = shutil.disk_usage(nearest).free
        if free < _LEAST_FREE:
            return problem(f"{size(free)} free on the disk of {nearest}", "Make room on it.")
        return ok(f"{size(free)} free")


class QueueProbe:
    """The queue of one destination."""

    def __init__(self, link: Link, path: Path, one: Destination) -> None:
        self._link = link
        self._path = path
        self._limit = one.queue_limit
        self._when_full = one.when_full
        self._status: QueueStatus | None = None

    def look(self) -> None:
        """Add the rows of the queue."""
        link = self._link
        if not link.run("queue file", self._opens) or self._status is None:
            return
        link.run("waiting messages", self._waiting, vital=False)
        link.run("queue limit", self._room, vital=False)
        link.run("dropped messages", self._dropped, vital=False)
        link.run("dead letters", self._dead, vital=False)

    def _opens(self) -> Verdict:
        if not self._path.exists():
            return ok("none yet: it is made at the first start")
        self._status = status = inspect(self._path).status()
        moved = sorted(self._path.parent.glob(f"{self._path.name}.damaged-*"))
        if status.process is None:
            text = "no forwarder has it open"
        else:
            text = f"in use by a running forwarder (process {status.process or 'unknown'})"
        if moved:
            return warning(
                f"{text}; a damaged one was moved to {moved[-1].name}",
                "cef-bridge queue status shows the loss. Delete the file when you do not need it.",
            )
        return ok(text)

    @property
    def _known(self) -> QueueStatus:
        assert self._status is not None  # noqa: S101 - `look` asked
        return self._status

    def _waiting(self) -> Verdict:
        status = self._known
        waiting = status.sum.waiting
        if not waiting or status.oldest is None:
            return ok("none")
        age = max(time.time() - status.oldest, 0.0)
        text = f"{counted(waiting, 'message')}, the oldest for {_span(age)}"
        if status.process is None:
            return warning(f"{text}, and no forwarder runs", "Start cef-bridge forward.")
        if age > _OLD:
            return warning(text, "Look at the destination below: it takes nothing, or too slowly.")
        return ok(text)

    def _room(self) -> Verdict:
        status = self._known
        text = f"{size(status.bytes)} of {limit(self._limit)}"
        if status.bytes < _FULL * self._limit:
            return ok(text)
        if self._when_full == "block":
            return problem(
                f"full: {text}, and when_full=block makes sources wait",
                "Repair the destination, or raise queue_limit.",
            )
        return problem(
            f"full: {text}, and when_full={self._when_full} drops messages",
            "Repair the destination, or raise queue_limit.",
        )

    def _dropped(self) -> Verdict:
        dropped = self._known.sum.dropped
        if not any(dropped.values()):
            return ok("none")
        text = ", ".join(f"{number:,} ({why})" for why, number in dropped.items() if number)
        return warning(f"{text}, in the queue's whole life", "docs/delivery.md has the reasons.")

    def _dead(self) -> Verdict:
        if not self._known.dead:
            return ok("none")
        return warning(
            counted(self._known.dead, "dead letter"),
            f"Look at them, then replay them: cef-bridge deadletter list {self._path}",
        )


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"
