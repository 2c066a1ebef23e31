"""The file of a queue in use was deleted, or replaced by another one: a new one takes its place.

A deleted file can be read while it is open, so the new one gets all that it held. Must not know
why.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from typing import TYPE_CHECKING

from cef_bridge.files import make_private_folder, sync_folder
from cef_bridge.log_fields import fields
from cef_bridge.queue import schema
from cef_bridge.queue.rescue import KnownNumbers, begin, put_aside
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from pathlib import Path

    from cef_bridge.queue.core import Core

_log = logging.getLogger(__name__)

_TROUBLE = 60.0  # seconds that it counts as trouble, so that whoever looks at readiness sees it
_HOW = {False: "deleted", True: "replaced by another file"}


def look_at_file(core: Core) -> None:
    """Go on with a new file where the queue's was deleted, or replaced by another one.

    UsageError when another process has the queue since.
    """
    if core.lock is not None and not core.store.closed:
        with contextlib.suppress(OSError):  # the folder is gone too, or the disk is full
            core.lock.renew()
    if not core.store.is_gone():
        return
    with core.store.writing, core.state, core.store.reading:
        if not core.store.is_gone():
            return
        try:
            _replace_file(core)
        except (sqlite3.Error, OSError) as error:
            text = "%s was deleted while it was in use, and no new file can be made: %s. %s"
            left = "What waits is lost if this process ends: make room, and look at the folder"
            core.trouble = (float("inf"), "its file was deleted, and no new one can be made")
            why = schema.other(core.path, error)
            core.say(logging.ERROR, "gone", text, core.path, why, left)


def _replace_file(core: Core) -> None:
    """Make a new file of what the deleted one holds, which can be read until it is closed."""
    new = schema.beside(core.path, ".new")
    make_private_folder(core.path.parent)
    if core.lock is not None:
        core.lock.renew()
    lost = _copy(core, new)
    core.store.close()
    other, kept = core.path.exists(), ""
    for suffix in ("-wal", "-shm"):  # the deleted file's, not the other one's
        schema.beside(core.path, suffix).unlink(missing_ok=True)
    if other:
        kept = f". What had its name is kept as {put_aside(core.path, 'replaced')}"
    new.rename(core.path)
    sync_folder(core.path.parent)
    core.read_file()
    if lost:
        core.damage += 1
        core.rows.only(())
        core.epoch += 1
        core.in_flight = 0
    core.changed()
    core.trouble = (time.monotonic() + _TROUBLE, f"its file was {_HOW[other]}")
    _log.error(
        "%s was %s while it was in use. A new file was begun, and %s that waited copied into "
        "it; %s lost%s. Leave the files of a queue alone while forward runs",
        *(core.path, _HOW[other], counted(core.unsettled, "message")),
        *("none is" if not lost else f"{lost:,} are", kept),
        extra=fields("queue-damaged", queue=str(core.path), reason="moved", lost=lost),
    )


def _copy(core: Core, new: Path) -> int:
    schema.forget(new)
    try:
        core.store.copy(new)
    except sqlite3.Error as error:
        if schema.fault(error) is not schema.StorageFault.DAMAGED:
            raise
        return begin(new, KnownNumbers(core.totals, core.marks, core.pending, core.rows.known))
    return 0
