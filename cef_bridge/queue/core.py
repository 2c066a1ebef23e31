"""What the halves of a queue share: its file, its totals, its rows on their way, its transactions.

A change is a transaction first, and memory takes its outcome over when that is done. What happens
when the disk is full or the file is damaged is here, too. Must not know what a change is about.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.log_fields import fields
from cef_bridge.queue import moved, pages, schema
from cef_bridge.queue import statements as tables
from cef_bridge.queue.open_rows import OpenRows
from cef_bridge.queue.rescue import KnownNumbers, finish, put_aside, rescue
from cef_bridge.queue.store import Store
from cef_bridge.queue.values import LANES, POLICIES, sum_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.queue.lock import Lock
    from cef_bridge.queue.values import Sum

_log = logging.getLogger(__name__)
_T = TypeVar("_T")

_FIRST_UNSETTLED = "SELECT id FROM rows WHERE lane = ? AND unsettled > 0 ORDER BY id LIMIT 1"
_NO_TEXT = "it has invalid values"
LOOK_AGAIN = 0.25  # seconds; how often a full disk is looked at
_SAY_AGAIN = 60.0  # seconds between two sentences about the same thing


class DiskFullError(CefBridgeError):
    """The disk is full; nothing of the transaction was stored."""


class QueueLimits(NamedTuple):
    """How large a queue may become, in bytes, and what happens then."""

    limit: int
    policy: str
    reserve: int
    checkpoint: int
    dead: tables.Bounds

    @classmethod
    def of(cls, limit: int, policy: str, reserve: int | None, dead_most: int) -> QueueLimits:
        """Return settings that fit each other; UsageError when they make no sense."""
        if policy not in POLICIES:
            raise UsageError(
                f"Unknown queue policy {policy!r}. Expected one of: {', '.join(POLICIES)}"
            )
        # The log is copied into the file at this size; the reserve has to take it all.
        checkpoint = min(max(limit // 16, 1 << 18), 4 << 20)
        if reserve is None:
            reserve = 2 * checkpoint
        elif reserve:
            checkpoint = min(checkpoint, max(reserve // 2, 1 << 18))
        dead = tables.Bounds(dead_most, min(max(limit // 8, 1 << 18), 64 << 20))
        return cls(limit, policy, reserve, checkpoint, dead)


class Transaction:
    """A transaction's work: what it writes with, and what it does to the numbers in memory.

    `after` is called once all of it is on the disk. The work may be done twice, if the file turns
    out to be damaged: it must change nothing in memory itself.
    """

    def __init__(self, writer: sqlite3.Connection) -> None:
        self.writer = writer
        self.totals: Counter[str] = Counter()
        self.unsettled = 0
        self.after: list[Callable[[], object]] = []


class Core:
    """A queue's file and all that is known of it. Lock order: `store.writing`, then `state`."""

    def __init__(self, path: Path, settings: QueueLimits, clock: Callable[[], float]) -> None:
        self.path = path
        self.settings = settings
        self.clock = clock
        self.store = Store(path, checkpoint_bytes=settings.checkpoint, reserve=settings.reserve)
        self.state = threading.Condition(threading.RLock())
        self.rows = OpenRows()
        self.totals: Counter[str] = Counter()
        self.marks: dict[str, Checkpoint] = {}
        self.pending: dict[str, bytes] = {}
        self.unsettled = 0  # messages that wait or are in flight
        self.in_flight = 0
        self.last_id = 0  # of a row
        self.turn = 0  # counts what changed, so that a waiting thread misses nothing
        self.stopping = False
        self.short = False  # of disk space: the reserve is gone
        self._looked = 0.0
        self.lock: Lock | None = None
        self.trouble = (0.0, "")  # until when, on the monotonic clock, and what it is
        self.damage = 0  # how often this process met some
        self.epoch = 0  # counts the files
        self._owed = _Owed()
        self._said: dict[str, float] = {}

    # --- beginning and end ---

    def open(self) -> None:
        """Open the file, or make one; a damaged one is put aside. CefBridgeError if none can be."""
        try:
            finish(self.path)
            if not schema.size(self.path):
                if self.path.exists():  # a power cut, on some file systems; or one that began
                    _log.warning(
                        "%s is empty: a new queue begins in it. What waited there is lost, if "
                        "anything did",
                        self.path,
                        extra=fields("queue-damaged", queue=str(self.path), reason="empty"),
                    )
                schema.forget(self.path)
                schema.create(self.path)
            self.path.chmod(0o600)
            self._open_whatever_it_is()
        except (sqlite3.Error, OSError) as error:
            self.store.close()
            raise schema.other(self.path, error) from error
        except BaseException:
            self.store.close()
            raise
        self.short = not self.store.reserve.make()
        if self.short:
            _log.warning(
                "%s: the disk has no room for a reserve beside it",
                self.path,
                extra=fields("queue-trouble", queue=str(self.path), reason="no-reserve"),
            )

    def _open_whatever_it_is(self) -> None:
        """Open the file, or a new one in its place: none may keep a forwarder from starting."""
        try:
            self._look_before()
            self.read_file()
        except schema.OtherVersionError as error:
            self.store.close()
            self._begin_beside(error)
        except (CefBridgeError, OSError):
            raise
        except Exception as error:  # whatever reading it raises, its bytes are the reason
            kind = schema.fault(error) if isinstance(error, sqlite3.Error) else None
            if kind is schema.StorageFault.OTHER:
                raise
            self.store.close()
            self.store.reserve.release()
            if kind is not schema.StorageFault.FULL:
                self.damage += 1
                rescue(self.path, None, str(error) if kind else _NO_TEXT)
            self.read_file()

    def _look_before(self) -> None:
        if not pages.is_sound(self.path):
            raise schema.damaged("its header is not what was written")
        if not pages.read(self.path).whole:
            raise schema.damaged("its log is not what was written")

    def _begin_beside(self, error: schema.OtherVersionError) -> None:
        """Put a file of another version aside, and begin a new one."""
        kept = put_aside(self.path, f"format-{error.version}")
        _log.error(
            "%s. It is kept as %s, and a new queue begins. To send what is in it, move it into a "
            "folder of its own as %s, and run the version that wrote it with --queue FOLDER",
            *(error.sentence, kept, self.path.name),
            extra=fields("queue-damaged", queue=str(self.path), reason="other-version"),
        )
        self.damage += 1
        schema.create(self.path)
        self.read_file()

    def read_file(self) -> None:
        """Open the file and take into memory what it says."""
        self.store.open()
        self._load()

    def _load(self) -> None:
        """Take into memory what the file says; damaged, if its numbers do not add up."""
        with self.store.writing, self.state:
            writer = self.store.writer
            self.totals = Counter(tables.load_totals(writer))
            self.marks = tables.load_marks(writer)
            self.pending = tables.load_pending(writer)
            self.unsettled = tables.unsettled(writer)
            self.last_id = max(tables.last_id(writer), self.last_id)
            if not self.sum().holds():
                raise schema.damaged("its totals and its messages do not add up")
            tables.check_rows(writer)

    def close(self) -> None:
        """Bring the log into the file and close it; does nothing the second time."""
        with self.store.writing, self.state:
            if self.store.closed:
                return
            try:
                self.change(lambda _: None)  # what is owed
                self.store.checkpoint()
            except (sqlite3.Error, CefBridgeError) as error:
                known = fields("queue-trouble", queue=str(self.path), reason="close")
                _log.warning("%s", error, extra=known)
            self.store.close()

    # --- what is known; hold `state` ---

    def sum(self) -> Sum:
        """Return what became of all messages."""
        with self.state:
            return sum_of(self.totals, unsettled=self.unsettled, in_flight=self.in_flight)

    def fetchable(self) -> bool:
        """Whether there is something to fetch."""
        with self.state:
            if self.unsettled > self.in_flight:
                return True
            return any(self.rows.first(lane) is not None for lane in LANES)

    def first_unsettled(self) -> int:
        """Return the id of the first row with a message that waits or is in flight; see Queue."""
        with self.state:
            last = self.last_id
        found = [
            row[0]
            for lane in LANES
            for row in self.guarded(partial(self.store.read, _FIRST_UNSETTLED, (lane,)))
        ]
        return min(found, default=last + 1)

    def changed(self) -> None:
        """Wake all who wait for something to change."""
        self.turn += 1
        self.state.notify_all()

    # --- changes ---

    def change(self, work: Callable[[Transaction], _T]) -> _T:
        """Do `work` in a transaction, and take its outcome into memory once it is on the disk.

        DiskFullError when there is no room for it; CefBridgeError when it cannot be done at all.
        """
        with self.store.writing:
            moved.look_at_file(self)
            change, result = self.guarded(lambda: self._write(work))
            self._owed = _Owed()
            with self.state:
                self.totals.update(change.totals)
                self.unsettled += change.unsettled
                for each in change.after:
                    each()
                self.changed()
        return result

    def _write(self, work: Callable[[Transaction], _T]) -> tuple[Transaction, _T]:
        change = Transaction(self.store.writer)
        with self.store.transaction() as writer:
            self._owed.pay(writer)
            result = work(change)
            tables.add_totals(writer, change.totals)
        return change, result

    def change_with_reserve(self, work: Callable[[Transaction], _T]) -> _T:
        """Do `work`, on a full disk with the reserve's help; when even that is gone, wait."""
        while True:
            try:
                result = self.change(work)
            except DiskFullError:
                tried = self.short
                self.disk_is_full()
                if tried:
                    with self.state:
                        if self.state.wait_for(lambda: self.stopping, LOOK_AGAIN):
                            raise
            else:
                if self.short:
                    self.store.checkpoint()
                return result

    def guarded(self, work: Callable[[], _T]) -> _T:
        """Do `work`, and do it once more if the file is damaged: then there is a new one.

        Hold no lock but `store.writing`. Raises as `change` does.
        """
        for again in (True, False):
            epoch = self.epoch
            try:
                return work()
            except UnicodeError as error:  # SQLite's own sentence about bytes that are no text
                if not again:
                    raise schema.other(self.path, schema.damaged(_NO_TEXT)) from error
                self._new_file(epoch, _NO_TEXT)
            except sqlite3.Error as error:
                kind = schema.fault(error)
                if kind is schema.StorageFault.FULL:
                    raise DiskFullError(str(schema.other(self.path, error))) from error
                if kind is schema.StorageFault.OTHER or not again:
                    raise schema.other(self.path, error) from error
                self._new_file(epoch, str(error))
        raise AssertionError  # the second time returns or raises

    def _new_file(self, epoch: int, why: str) -> None:
        """Go on with a new file, and what can be read of the damaged one."""
        with self.store.writing, self.state, self.store.reading:
            if epoch != self.epoch:  # another thread has done it
                return
            self.epoch += 1
            self.damage += 1
            self.store.close()
            try:
                known = KnownNumbers(self.totals, self.marks, self.pending, self.rows.known)
                rescue(self.path, known, why)
                self._owed = _Owed()
                self.read_file()
                self.rows.only(map(tables.row_of, tables.all_rows(self.store.writer)))
            except (sqlite3.Error, OSError) as error:
                raise schema.other(self.path, error) from error
            self.in_flight = sum(row.in_flight for row in self.rows.known.values())
            self.changed()

    def owe(
        self,
        totals: Mapping[str, int],
        marks: Mapping[str, Checkpoint],
        pending: Mapping[str, bytes],
    ) -> None:
        """Take over what cannot be written: it is, with the first change that can."""
        self._owed.totals.update(totals)
        self._owed.marks.update(marks)
        self._owed.pending.update(pending)
        self.totals.update(totals)

    # --- the disk ---

    def disk_is_full(self) -> None:
        """Give the reserve back, so that what is settled can be deleted."""
        with self.store.writing:
            if not self.short:
                self.say(logging.WARNING, "disk-full", "%s: the disk is full", self.path)
            self.short = True
            self.store.reserve.release()
            self.store.checkpoint()

    def look_at_disk(self) -> None:
        """See whether a full disk has room again; then there is a reserve again, too."""
        if not self.short or time.monotonic() - self._looked < LOOK_AGAIN:
            return
        with self.store.writing:
            self.store.checkpoint()
            with contextlib.suppress(DiskFullError):  # there may be room for a little, or none
                self.guarded(lambda: self.store.shrink(lambda: True, pages=16))
            if self.store.reserve.make():
                self.short = False
                self.say(logging.WARNING, "disk-has-room", "%s: the disk has room again", self.path)
            self._looked = time.monotonic()

    def housekeeping(self) -> None:
        """Bring the log into the file, give back what both do not use, make the reserve again."""
        moved.look_at_file(self)
        self.look_at_disk()
        if not self.short and not self.store.reserve.make():
            self.short = True
        if schema.size(schema.beside(self.path, "-wal")):
            self.store.checkpoint()
        try:
            self.guarded(
                lambda: self.store.shrink(lambda: not self.stopping and not self.fetchable())
            )
        except DiskFullError:
            self.disk_is_full()

    def say(self, level: int, topic: str, text: str, *values: object) -> None:
        """Log it, unless the same was said a moment ago."""
        now = time.monotonic()
        if now - self._said.get(topic, -_SAY_AGAIN) >= _SAY_AGAIN:
            self._said[topic] = now
            known = fields("queue-trouble", queue=str(self.path), reason=topic)
            _log.log(level, text, *values, extra=known)


class _Owed:
    """What could not be written on a full disk: numbers and positions, until there is room."""

    def __init__(self) -> None:
        self.totals: Counter[str] = Counter()
        self.marks: dict[str, Checkpoint] = {}
        self.pending: dict[str, bytes] = {}

    def pay(self, writer: sqlite3.Connection) -> None:
        """Write it."""
        if self.totals or self.marks or self.pending:
            tables.add_totals(writer, self.totals)
            tables.save_marks(writer, self.marks.values())
            tables.save_pending(writer, self.pending)
