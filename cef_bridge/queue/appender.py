"""The queue's way in: a load is stored as a whole, or waits for room, or something is dropped.

When the queue is full, waiting rows are dropped by `when_full`: not what is in flight, and not what
is held. Must not know where messages come from.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue import schema
from cef_bridge.queue import statements as tables
from cef_bridge.queue.core import LOOK_AGAIN, DiskFullError
from cef_bridge.queue.values import ALERTS, EVENT, LANES, TELEMETRY, Load, QueueStopped

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from cef_bridge.queue.core import Core, Transaction
    from cef_bridge.queue.open_rows import OpenRows
    from cef_bridge.queue.values import DeadLetter, Packed


class QueueAppender:
    """Stores loads, one after the other."""

    def __init__(self, core: Core) -> None:
        self.appending = threading.RLock()
        self.replaying: set[int] = set()  # dead letters that are being converted again
        self._core = core

    def append(self, load: Load, given_up: threading.Event | None = None) -> None:
        """Store the load; raises Stopped when it would have to wait, and shall not."""
        with self.appending:
            while True:
                if given_up is not None and given_up.is_set():
                    raise QueueStopped(f"{self._core.path}: what was to be stored was given up")
                turn = self._core.turn
                if self._stored(load):
                    return
                self._wait(turn)

    def _stored(self, load: Load) -> bool:
        """Store the load, or as much as the policy lets in; False when it has to wait."""
        core = self._core
        with core.store.writing:
            if self._is_note(load) or self._fits(need(load)):
                try:
                    core.change(partial(self._insert, load, load.batches))
                except DiskFullError:
                    core.disk_is_full()
                else:
                    return True
            if core.settings.policy == "block":
                return False
            core.look_at_disk()
            with core.state:  # so that nothing that is to be dropped is fetched meanwhile
                self._make_room(load)
            return True

    def _wait(self, turn: int) -> None:
        core = self._core
        what = "disk" if core.short else "queue"
        with core.state:
            if core.stopping:
                raise QueueStopped(f"{core.path}: the {what} is full, and waiting has ended")
            text = "%s: the %s is full; sources that can wait do so until messages are sent"
            core.say(logging.WARNING, f"{what}-waits", text, core.path, what)
            core.state.wait_for(lambda: core.stopping or core.turn != turn, LOOK_AGAIN)
        core.look_at_disk()

    def _is_note(self, load: Load) -> bool:
        """Whether it only says how far a source is: that replaces what was said before."""
        return not load.batches and not load.dead and not self._core.short

    def _fits(self, bytes_: int, *, unsettled: int = 0) -> bool:
        """Whether so much may be stored; a queue without messages takes whatever comes."""
        core = self._core
        if core.short:  # what the file has room for may pass through a log in the reserve's place
            drops = core.settings.policy != "block"
            return drops and bytes_ <= min(core.store.free(), core.settings.checkpoint)
        if core.unsettled + unsettled == 0:
            return True
        return core.store.used() + bytes_ <= core.settings.limit

    def _insert(self, load: Load, batches: Sequence[Packed], change: Transaction) -> None:
        core = self._core
        last = core.last_id + len(batches)
        tables.add_rows(change.writer, batches, core.last_id + 1, core.clock())
        count = _messages(batches)
        change.totals["accepted"] += count
        change.unsettled += count
        change.after.append(lambda: setattr(core, "last_id", last))
        self._keep_books(load, change)

    def _keep_books(self, load: Load, change: Transaction) -> None:
        """Store what comes along with messages."""
        tables.save_marks(change.writer, load.marks)
        tables.save_pending(change.writer, load.pending)
        change.totals.update(load.counts)
        if load.replayed:
            change.totals["replayed"] += tables.delete_dead(change.writer, load.replayed)
        if load.dead:
            change.totals.update(_dead_totals(load.dead))
            expired = tables.add_dead(
                change.writer, load.dead, self._core.clock(), TELEMETRY, self._core.settings.dead
            )
            change.totals["dead_expired"] += expired
        change.after.append(partial(self._remember, load))

    def _remember(self, load: Load) -> None:
        self._core.marks.update((mark.key, mark) for mark in load.marks)
        for key, value in load.pending.items():
            if value:
                self._core.pending[key] = value
            else:
                self._core.pending.pop(key, None)
        self.replaying.difference_update(load.replayed)

    # --- dropping; all locks are held ---

    def _make_room(self, load: Load) -> None:
        """Store what may stay, and drop what must go."""
        core = self._core
        what = "disk" if core.short else "queue"
        try:
            core.change(partial(self._drop_and_insert, load, f"{what}-full"))
        except DiskFullError:
            what = "disk"
            core.disk_is_full()
            try:
                core.change(partial(self._refuse_all, load))
            except DiskFullError:
                self._owe(load)
        if core.short:
            core.store.checkpoint()
        if not load.batches:
            return
        text = "%s: the %s is full, and messages are dropped (%s): %s so far"
        count = core.totals[f"dropped:{what}-full"]
        core.say(logging.ERROR, "drops", text, core.path, what, core.settings.policy, f"{count:,}")

    def _drop_and_insert(self, load: Load, reason: str, change: Transaction) -> None:
        policy, kept = self._core.settings.policy, load.batches
        if policy == "drop_oldest":
            self._drop(LANES, kept, reason, change)
        elif policy == "drop_telemetry_first":
            self._drop((TELEMETRY,), kept, reason, change)
            if not self._fits_now(kept, change):
                kept = [each for each in kept if each.lane == ALERTS]
            if kept:
                self._drop((ALERTS,), kept, reason, change)
        if not self._fits_now(kept, change):
            kept = []
        self._insert(load, kept, change)
        self._refuse(_messages(load.batches) - _messages(kept), reason, change)

    def _fits_now(self, kept: Sequence[Packed], change: Transaction) -> bool:
        self._core.store.count_pages()
        return self._fits(need(Load(kept)), unsettled=change.unsettled)

    def _drop(
        self, lanes: Sequence[int], kept: Sequence[Packed], reason: str, change: Transaction
    ) -> None:
        """Drop waiting rows, the oldest first, until what is kept of the arriving ones fits."""
        victims = EvictionOrder(self._core.rows, change.writer, lanes)
        while not self._fits_now(kept, change):
            victim = victims.next()
            if victim is None:
                return
            tables.delete_row(change.writer, victim.lane, victim.id)
            change.totals[f"dropped:{reason}"] += victim.unsettled
            change.unsettled -= victim.unsettled
            change.after.append(partial(self._core.rows.remove, victim.id))

    def _refuse_all(self, load: Load, change: Transaction) -> None:
        self._keep_books(load, change)
        self._refuse(_messages(load.batches), "disk-full", change)

    def _refuse(self, count: int, reason: str, change: Transaction) -> None:
        change.totals["accepted"] += count
        change.totals[f"dropped:{reason}"] += count

    def _owe(self, load: Load) -> None:
        """Drop all of it, and note that in memory: the disk has no room even for the note."""
        count = _messages(load.batches)
        totals = Counter(load.counts)
        totals.update({"accepted": count, "dropped:disk-full": count})
        totals.update(_dead_totals(load.dead))
        totals["dead_expired"] += len(load.dead)
        self._core.owe(totals, {mark.key: mark for mark in load.marks}, load.pending)
        self._remember(load)


def _messages(batches: Sequence[Packed]) -> int:
    return sum(each.number for each in batches)


def _dead_totals(dead: Sequence[DeadLetter]) -> dict[str, int]:
    """Return what dead letters add to the totals: a message was accepted, an event was not."""
    events = sum(each.kind == EVENT for each in dead)
    messages = len(dead) - events
    return {"dead_events": events, "dead_lettered": messages, "accepted": messages}


_CHUNK = 100  # rows that are looked at in one go


class EvictedRow(NamedTuple):
    """A row that may be dropped."""

    id: int
    lane: int
    unsettled: int


class EvictionOrder:
    """The rows of some lanes that wait, the oldest first over all of them."""

    def __init__(self, rows: OpenRows, writer: sqlite3.Connection, lanes: Sequence[int]) -> None:
        self._heads = [each for each in (_Lane(rows, writer, lane) for lane in lanes) if each.head]

    def next(self) -> EvictedRow | None:
        """Return the oldest one; each is returned once."""
        oldest = min(self._heads, key=lambda lane: lane.head or _NEVER, default=None)
        if oldest is None:
            return None
        victim = oldest.head
        oldest.head = next(oldest.rest, None)
        if oldest.head is None:
            self._heads.remove(oldest)
        return victim


_NEVER = EvictedRow(1 << 62, 0, 0)


class _Lane:
    def __init__(self, rows: OpenRows, writer: sqlite3.Connection, lane: int) -> None:
        self.rest = _waiting(rows, writer, lane)
        self.head = next(self.rest, None)


def _waiting(rows: OpenRows, writer: sqlite3.Connection, lane: int) -> Iterator[EvictedRow]:
    for row in rows.idle(lane):
        yield EvictedRow(row.id, row.lane, row.unsettled)
    last = rows.read[lane]
    while True:
        found = writer.execute(
            "SELECT id, lane, unsettled FROM rows "
            "WHERE lane = ? AND id > ? AND unsettled > 0 AND held = x'' ORDER BY id LIMIT ?",
            (lane, last, _CHUNK),
        ).fetchall()
        for values in found:
            last = values[0]
            yield EvictedRow(*values)
        if len(found) < _CHUNK:
            return


def need(load: Load) -> int:
    """Return about how many bytes the file grows by, at most, when all of it is stored."""
    bodies = [len(each.body) for each in load.batches] + [len(each.raw) for each in load.dead]
    return sum(_room(size) for size in bodies) + sum(len(value) for value in load.pending.values())


def _room(size: int) -> int:
    if size < schema.PAGE // 2:
        return size + 100  # it shares its page with others
    return (size // schema.PAGE + 1) * schema.PAGE
