"""The folder of a forwarder that was given none: a private one in the folder for temporary files.

Such a folder goes when nothing is left in it. One that holds something stays, and whoever starts
the next forwarder without --queue is told of it. Knows queues by their files only.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.errors import CefBridgeError
from cef_bridge.log_fields import fields
from cef_bridge.queue.inspector import inspect
from cef_bridge.queue.lock import Lock
from cef_bridge.queue.schema import beside
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

_PREFIX = "cef-bridge-queue-"
_SHOWN = 5  # folders that a warning names
_log = logging.getLogger(__name__)


def make() -> Path:
    """Make a new folder, readable by this user only; warn of those that earlier runs left."""
    _warn(_left_behind())
    return Path(tempfile.mkdtemp(prefix=_PREFIX))


def leave(folder: Path) -> bool:
    """End the use of a folder whose queues are closed; return whether it stays.

    It stays when its queues hold something, those of destinations that a reload removed included,
    or when that cannot be read. Then the disk space is given back that only a forwarder needs.
    """
    queues = sorted(folder.glob("*.queue"))
    try:
        stays = any(_held(queues))
    except (OSError, CefBridgeError):
        stays = True
    if stays:
        for path in queues:
            beside(path, ".reserve").unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, ignore_errors=True)
    return stays


def _warn(left: dict[Path, tuple[int, int]]) -> None:
    if not left:
        return
    shown = [f"{path} ({_what(*held)})" for path, held in left.items()]
    more = f" and {len(shown) - _SHOWN:,} more" if len(shown) > _SHOWN else ""
    _log.warning(
        "earlier runs without --queue left what was not sent: %s%s. forward --queue FOLDER sends "
        "it; delete the folders that you do not need.",
        ", ".join(shown[:_SHOWN]),
        more,
        extra=fields("queues-of-earlier-runs", count=len(shown)),
    )


def _what(waiting: int, dead: int) -> str:
    said = [counted(waiting, "message")] if waiting else []
    return " and ".join(said + ([counted(dead, "dead letter")] if dead else []))


def _left_behind() -> dict[Path, tuple[int, int]]:
    """Return the folders of runs that have ended which hold something, with how many messages wait
    in each and how many dead letters there are; what is empty is removed.
    """
    left: dict[Path, tuple[int, int]] = {}
    for folder in sorted(Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")):
        try:
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            queues = sorted(folder.glob("*.queue"))
            if not queues:  # another forwarder's that has only just begun
                continue
            held = _held(queues)
        except (OSError, CefBridgeError):  # in use, or not to be read: not ours to judge
            continue
        if any(held):
            left[folder] = held
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return left


def _held(queues: Sequence[Path]) -> tuple[int, int]:
    """Return how many messages wait in queues, and how many dead letters they keep."""
    waiting = kept = 0
    with ExitStack() as locks:
        for path in queues:
            locks.callback(Lock(beside(path, ".lock"), path).release)
        for path in queues:
            status = inspect(path).status()
            waiting += status.sum.waiting
            kept += status.dead
    return waiting, kept
