"""The queue's way out: messages are fetched, are in flight, and meet their fate.

One thread sends, so one thread calls what is here. Must not know how messages are sent.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from cef_bridge.log_fields import fields
from cef_bridge.queue import statements as tables
from cef_bridge.queue.open_rows import bits
from cef_bridge.queue.values import (
    DAMAGED,
    LANES,
    MESSAGE,
    DamagedRowError,
    DeadLetter,
    Stored,
    unpack,
)
from cef_bridge.wording import counted

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from cef_bridge.queue.core import Core, Transaction
    from cef_bridge.queue.open_rows import OpenRow, RowSpan

_log = logging.getLogger(__name__)

_NEXT = "FROM rows WHERE lane = ? AND id > ? AND unsettled > 0 ORDER BY id LIMIT 1"


class QueueFetcher:
    """Gives out messages in their order, and takes note of what became of them."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._unpacked: tuple[int, Sequence[bytes]] = (0, ())  # a row that is sent in parts

    def fetch(self, most: int | None) -> Stored | None:
        """Return the next run of messages, which is in flight then."""
        while True:
            run = self._core.guarded(lambda: self._take(most))
            if run is None:
                return None
            row, end = run.row, run.first + run.number
            messages = self._messages(row)
            if messages is not None:
                part = messages if run.number == row.count else messages[run.first : end]
                return Stored(row.id, row.lane, run.first, part, row.born, run.resent)

    def _take(self, most: int | None) -> RowSpan | None:
        core = self._core
        with core.state:
            for lane in LANES:
                row = self._first(lane)
                if row is not None:
                    run = row.take(most)
                    core.in_flight += (bits(run.first, run.number) & ~row.held).bit_count()
                    return run
        return None

    def _first(self, lane: int) -> OpenRow | None:
        """Return the first row of the lane that has something to fetch; hold `state`."""
        rows = self._core.rows
        while True:
            row = rows.first(lane)
            if row is not None and row.id <= rows.read[lane]:
                return row
            # After a restart what is held may stand behind what was never read.
            found = self._core.store.read(f"SELECT {tables.ROW} {_NEXT}", (lane, rows.read[lane]))
            if not found:
                return row
            rows.add(tables.row_of(found[0]))

    def _messages(self, row: OpenRow) -> Sequence[bytes] | None:
        """Return all messages of a row; None when it is damaged, and dropped therefore."""
        id_, messages = self._unpacked
        if id_ == row.id:
            return messages
        core, body = self._core, b""
        try:
            found = core.guarded(
                lambda: core.store.read("SELECT body FROM bodies WHERE id = ?", (row.id,))
            )
            body = found[0][0] if found else b""
            messages = unpack(body, row.count)
        except DamagedRowError as error:
            self._lose(row, body, str(error))
            return None
        self._unpacked = (row.id, messages) if row.fetchable else (0, ())
        return messages

    def _lose(self, row: OpenRow, body: object, why: str) -> None:
        """Drop a row that cannot be read, and keep what is there of it among the dead letters."""
        core = self._core

        def work(change: Transaction) -> bool:
            if core.rows.known.get(row.id) is not row:  # it went with a damaged file just now
                return False
            tables.delete_row(change.writer, row.lane, row.id)
            change.totals["dropped:damaged"] += row.unsettled
            change.unsettled -= row.unsettled
            raw = body if isinstance(body, bytes) else b""
            dead = DeadLetter(DAMAGED, f"a damaged row: {why}", core.path.stem, raw)
            self._add_dead(dead, row, row.born, change)
            change.after.append(partial(self._lost, row))
            return True

        if core.change_with_reserve(work):
            core.damage += 1
            text = (
                "%s: a row is damaged (%s): %s lost, and counted as dropped (damaged). What is "
                "left of it is among the dead letters"
            )
            known = fields("queue-damaged", queue=str(core.path), reason="row", lost=row.unsettled)
            _log.error(text, core.path, why, counted(row.unsettled, "message"), extra=known)

    def _lost(self, row: OpenRow) -> None:
        self._core.rows.remove(row.id)
        self._core.in_flight -= row.in_flight

    def _add_dead(self, dead: DeadLetter, row: OpenRow, born: float, change: Transaction) -> None:
        bounds = self._core.settings.dead
        expired = tables.add_dead(change.writer, [dead], born, row.lane, bounds)
        change.totals["dead_expired"] += expired

    def settle(self, stored: Sequence[Stored], fate: str, *, hold: bool) -> None:
        """Give messages in flight their fate."""

        def places(row: OpenRow, asked: int) -> int:
            return asked & row.flying

        self._core.change_with_reserve(
            lambda change: self._edit(stored, places, fate, hold, change)
        )

    def release(self, stored: Sequence[Stored] | None) -> None:
        """Let go of what is held; what is in flight again is not touched."""

        def places(row: OpenRow, asked: int) -> int:
            return asked & row.held & ~row.flying

        def work(change: Transaction) -> None:
            held = self._all_held(change.writer) if stored is None else stored
            self._edit(held, places, "confirmed", hold=False, change=change)

        self._core.change_with_reserve(work)

    def _all_held(self, writer: sqlite3.Connection) -> list[Stored]:
        rows = map(tables.row_of, tables.held_rows(writer))
        return [Stored(row.id, row.lane, 0, [b""] * row.count, 0, resent=False) for row in rows]

    def _edit(
        self,
        stored: Sequence[Stored],
        places: Callable[[OpenRow, int], int],
        fate: str,
        hold: bool,
        change: Transaction,
    ) -> None:
        edits: dict[int, _Edit] = {}
        for each in stored:
            row = self._row(each, change.writer)
            if row is not None:  # else it was settled before, or lost with a damaged file
                edit = edits.setdefault(row.id, _Edit(row))
                edit.settle(places(row, bits(each.first, len(each.messages))), hold=hold)
        for edit in edits.values():
            edit.save(fate, change)
            change.after.append(partial(self._edited, edit))

    def _row(self, stored: Stored, writer: sqlite3.Connection) -> OpenRow | None:
        row = self._core.rows.known.get(stored.id)
        if row is not None:
            return row
        found = tables.one_row(writer, stored.lane, stored.id)
        return tables.row_of(found[0]) if found else None

    def _edited(self, edit: _Edit) -> None:
        core, row = self._core, edit.row
        core.in_flight -= row.in_flight
        row.gone, row.held = edit.gone, edit.held
        row.settle(edit.places)
        core.in_flight += row.in_flight
        core.rows.forget(row)
        if self._unpacked[0] == row.id and not row.fetchable:
            self._unpacked = (0, ())

    def dead_letter(self, stored: Stored, index: int, reason: str) -> None:
        """Make one message in flight a dead letter."""
        core = self._core

        def work(change: Transaction) -> None:
            row = core.rows.known.get(stored.id)
            place = bits(stored.first + index, 1)
            if row is None or not row.flying & place:
                return
            edit = _Edit(row)
            edit.settle(place, hold=False)
            edit.save("dead_lettered", change)
            if not row.held & place:
                dead = DeadLetter(MESSAGE, reason, core.path.stem, stored.messages[index])
                self._add_dead(dead, row, core.clock(), change)
            change.after.append(partial(self._edited, edit))

        core.change_with_reserve(work)

    def rewind(self, *, held: bool) -> int:
        """Make what is in flight, and what is held, fetchable again; return how many."""
        return self._core.guarded(lambda: self._rewind(held=held))

    def _rewind(self, *, held: bool) -> int:
        core = self._core
        with core.store.writing, core.state:
            # A list, so that an error comes before anything was changed.
            found = tables.held_rows(core.store.writer) if held else []
            rows = [tables.row_of(values) for values in found]
            count = core.rows.rewind()
            core.in_flight = 0
            self._unpacked = (0, ())
            for row in rows:
                count += core.rows.hold_no_more(core.rows.known.get(row.id, row))
            core.changed()
            return count

    def oldest(self) -> float | None:
        """Return when the oldest message that waits was appended."""
        return self._core.guarded(self._oldest)

    def _oldest(self) -> float | None:
        with self._core.state:
            rows = [row for row in map(self._first, LANES) if row is not None]
        return min((row.born for row in rows), default=None)


class _Edit:
    """What a transaction makes of a row's messages; the row itself changes once that is stored."""

    def __init__(self, row: OpenRow) -> None:
        self.row = row
        self.gone, self.held = row.gone, row.held
        self.places = 0

    def settle(self, places: int, *, hold: bool) -> None:
        """Settle these places, unless they were."""
        places &= ~self.places & ~self.gone
        self.places |= places
        if hold:
            self.held |= places
        else:
            self.gone |= places
            self.held &= ~places

    def save(self, fate: str, change: Transaction) -> None:
        """Store it, and count what was not confirmed before."""
        if self.places:
            fresh = (self.places & ~self.row.held).bit_count()
            change.totals[fate] += fresh
            change.unsettled -= fresh
            tables.save_row(change.writer, self.row, self.gone, self.held)
