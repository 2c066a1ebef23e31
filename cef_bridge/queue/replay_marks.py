"""Dead letters that are to be sent after all: `deadletter replay` marks them, from another process.

Only the process that has the queue moves them, so that its totals stay true.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cef_bridge.queue import statements as tables
from cef_bridge.queue.body import DamagedRowError, pack
from cef_bridge.queue.values import LANES, MessageBatch

if TYPE_CHECKING:
    import sqlite3

    from cef_bridge.queue.core import Core, Transaction
    from cef_bridge.queue.values import StoredDeadLetter

_log = logging.getLogger(__name__)


def take(core: Core, taken: set[int], most: int) -> list[StoredDeadLetter]:
    """Return events that are marked, and not yet among `taken`; they are, then."""
    query = tables.marked(events=True, most=most + len(taken))
    letters: list[StoredDeadLetter] = []
    for values in core.guarded(lambda: core.store.read(*query)):
        if values[0] in taken or len(letters) == most:
            continue
        taken.add(values[0])
        try:
            letters.append(tables.letter_of(values))
        except DamagedRowError:
            _log.error("%s: dead letter %d is damaged, and cannot be sent", core.path, values[0])
    return letters


def send_again(core: Core, most: int) -> None:
    """Make messages that are marked wait again, at the end of their lane."""
    if core.guarded(lambda: core.store.read(*tables.marked(events=False, most=1))):
        core.change_with_reserve(lambda change: _move(core, most, change))


def _move(core: Core, most: int, change: Transaction) -> None:
    letters = _readable(change.writer, most)
    packed = []
    for lane in LANES:
        raws = [letter.raw for letter in letters if letter.lane == lane]
        if raws:
            packed.append(pack(MessageBatch(lane, raws)))
    last = core.last_id + len(packed)
    tables.add_rows(change.writer, packed, core.last_id + 1, core.clock())
    tables.delete_dead(change.writer, [letter.id for letter in letters])
    change.totals["dead_lettered"] -= len(letters)
    change.totals["replayed"] += len(letters)
    change.unsettled += len(letters)
    change.after.append(lambda: setattr(core, "last_id", last))


def _readable(writer: sqlite3.Connection, most: int) -> list[StoredDeadLetter]:
    letters = []
    for values in writer.execute(*tables.marked(events=False, most=most)).fetchall():
        try:
            letters.append(tables.letter_of(values))
        except DamagedRowError:
            tables.unmark(writer, values[0])
    return letters
