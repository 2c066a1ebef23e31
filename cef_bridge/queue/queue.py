"""The queue of one destination: what is accepted is on the disk until its fate is known.

In come batches of finished messages, with the positions of the sources they were made of, in one
transaction; out go the same messages, lane by lane in order, until each is settled. The totals lie
in the same file and move in the same transactions, so that

    accepted == confirmed + unconfirmed + in_flight + waiting + dropped + dead_lettered

holds whenever anyone looks, also after kill -9. Several threads may append, one sends, and any may
ask. Must not know what a message says, or how it is sent.
"""

from __future__ import annotations

import errno
import time
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.files import make_private_folder
from cef_bridge.queue import inspector, moved, schema
from cef_bridge.queue import statements as tables
from cef_bridge.queue.appender import QueueAppender
from cef_bridge.queue.core import Core, QueueLimits
from cef_bridge.queue.fetcher import QueueFetcher
from cef_bridge.queue.inspector import QueueInspector, inspect
from cef_bridge.queue.lock import Lock
from cef_bridge.queue.values import (
    ALERTS,
    TELEMETRY,
    DeadLetter,
    Joined,
    Load,
    MessageBatch,
    QueueStopped,
    Stored,
    StoredDeadLetter,
    Sum,
    pack_all,
)

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path
    from typing import Self

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.queue.core import Transaction

__all__ = [
    "ALERTS",
    "TELEMETRY",
    "DeadLetter",
    "Joined",
    "MessageBatch",
    "Queue",
    "QueueInspector",
    "QueueStopped",
    "Stored",
    "StoredDeadLetter",
    "Sum",
    "inspect",
]

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Queue:
    """Use `open`. Close it in the end: the log goes into the file, and the next one may have it."""

    def __init__(self, core: Core, lock: Lock) -> None:
        self.path = core.path
        self._core = core
        self._lock = lock
        self._appender = QueueAppender(core)
        self._fetcher = QueueFetcher(core)

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        limit: int = 1 << 30,
        policy: str = "block",
        reserve: int | None = None,
        dead_most: int = 10_000,
        clock: Callable[[], float] = time.time,
    ) -> Self:
        """Open the queue at `path`, or make one; its file and its folder are for the owner alone.

        `limit` counts file and log, in bytes; `reserve` is the disk space put aside beside it
        (None: what the log may take); `dead_most` dead letters are kept, in an eighth of the limit
        at most. UsageError when another process has it, or when it is a database of something
        else; CefBridgeError when the disk does not do it. A damaged file is put aside, with an
        ERROR in the log, and what can be read of it is kept; so is one of another version, whole.
        """
        core = Core(path, QueueLimits.of(limit, policy, reserve, dead_most), clock)
        try:
            make_private_folder(path.parent)
            if path.is_dir():
                raise UsageError(f"{path} is a folder; a queue is a file")
            lock = Lock(schema.beside(path, ".lock"), path)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise schema.other(path, error) from error
            raise UsageError(
                f"{path} cannot be opened: {error.strerror}. "
                "Name a folder that this user may write to with --queue"
            ) from error
        core.lock = lock
        try:
            core.open()
        except BaseException:
            lock.release()
            raise
        return cls(core, lock)

    def bound(self, *, limit: int, policy: str) -> None:
        """Go on with another limit and policy; what is in the queue stays."""
        self._core.settings = self._core.settings._replace(limit=limit, policy=policy)

    # --- the way in ---

    @property
    def appending(self) -> threading.RLock:
        """Hold it to number messages by `sequence` and append them: one thread at a time does."""
        return self._appender.appending

    @property
    def sequence(self) -> int:
        """How many messages were accepted so far."""
        return self._core.totals["accepted"]

    @property
    def last_row(self) -> int:
        """The id of the row that was stored last; ids only grow, over both lanes."""
        with self._core.state:
            return self._core.last_id

    def first_unsettled(self) -> int:
        """Return the id of the first row that holds a message without its fate.

        What is held for a collector that may forget has its fate. Without such a row it is the
        id behind the last one.
        """
        return self._core.first_unsettled()

    def append(
        self,
        batches: Sequence[MessageBatch | Joined],
        marks: Sequence[Checkpoint] = (),
        *,
        pending: Mapping[str, bytes] | None = None,
        counts: Mapping[str, int] | None = None,
        dead: Sequence[DeadLetter] = (),
        replayed: Sequence[int] = (),
        given_up: threading.Event | None = None,
    ) -> None:
        """Store all of it in one transaction; when this returns, it is on the disk.

        `counts` is added to the totals; of `pending`, what is empty is forgotten; `replayed` are
        the ids of dead letters that `batches` were made of, and that go. Where the queue or the
        disk is full, the policy `block` waits until something was settled, and raises Stopped
        after `stop_waiting`, or once it is `given_up`: then nothing was stored. The other policies
        drop, and never wait.
        """
        load = Load(pack_all(batches), marks, pending or {}, counts or {}, dead, replayed)
        self._appender.append(load, given_up)

    def marks(self) -> dict[str, Checkpoint]:
        """Return the position of each stream, by its key."""
        with self._core.state:
            return dict(self._core.marks)

    def pending(self) -> dict[str, bytes]:
        """Return what of each stream waits for the rest of its line."""
        with self._core.state:
            return dict(self._core.pending)

    def forget_mark(self, key: str) -> None:
        """Forget a stream that is gone for good: its position, and what waits of it."""
        core = self._core

        def work(change: Transaction) -> None:
            tables.forget(change.writer, key)
            change.after.append(lambda: core.marks.pop(key, None))
            change.after.append(lambda: core.pending.pop(key, None))

        if key in core.marks or key in core.pending:
            core.change_with_reserve(work)

    # --- the way out ---

    def wait(self, timeout: float) -> bool:
        """Wait until something can be fetched; False when nothing came for so many seconds."""
        with self._core.state:
            return self._core.state.wait_for(self._core.fetchable, timeout)

    def fetch(self, most: int | None = None) -> Stored | None:
        """Return the next messages to send, which are in flight then; None when none wait.

        Alerts go first, and in each lane what came first. What comes is from one row, and never
        more than `most` messages.
        """
        return self._fetcher.fetch(most)

    def settle(self, stored: Sequence[Stored], fate: str, *, hold: bool = False) -> None:
        """Give messages in flight their fate: `confirmed`, `unconfirmed` or `dropped:REASON`.

        They leave the file, unless `hold`: then they count as confirmed, and are kept until
        `release`. What was held before does not count again; what is not in flight (settled
        before, taken back by `rewind`) is passed over.
        """
        known = fate in ("confirmed", "unconfirmed") or fate.startswith("dropped:")
        if not known or (hold and fate != "confirmed"):
            raise ValueError(f"no such result: {fate}, hold={hold}")
        self._fetcher.settle(stored, fate, hold=hold)

    def release(self, stored: Sequence[Stored] | None = None) -> None:
        """Let go of messages that are held, of all of them by default.

        What is in flight once more is not touched.
        """
        self._fetcher.release(stored)

    def dead_letter(self, stored: Stored, index: int, reason: str) -> None:
        """Make `stored.messages[index]`, which can never be sent, a dead letter.

        The others stay in flight; to settle `stored` passes over the one that is buried.
        """
        self._fetcher.dead_letter(stored, index, reason)

    def rewind(self, *, held: bool = True) -> int:
        """Make all that is in flight fetchable again, and what is `held`; return how many.

        They come in their order, before what waits behind them, and say that they are resent.
        """
        return self._fetcher.rewind(held=held)

    # --- what is known ---

    def sum(self) -> Sum:
        """Return what became of all messages; it holds, whatever other threads do."""
        return self._core.sum()

    def totals(self) -> dict[str, int]:
        """Return all counters that lie in the file, those of `counts` too."""
        with self._core.state:
            return {name: count for name, count in self._core.totals.items() if count}

    def bytes(self) -> int:
        """Return how many bytes the file and its log take."""
        return schema.file_bytes(self.path)

    def damaged(self) -> bool:
        """Whether this process met a damaged file or row, or a file that it cannot read."""
        return self._core.damage > 0

    def oldest(self) -> float | None:
        """Return when the oldest message that waits was appended, in seconds since 1970."""
        return self._fetcher.oldest()

    def remember(self, name: str, value: str) -> None:
        """Keep a small fact over restarts."""
        self._core.change_with_reserve(lambda change: tables.save_fact(change.writer, name, value))

    def recall(self, name: str) -> str | None:
        """Return a fact that was remembered."""
        core = self._core
        found = core.guarded(
            lambda: core.store.read("SELECT value FROM facts WHERE name = ?", (name,))
        )
        return found[0][0] if found else None

    # --- dead letters ---

    def take_replays(self, most: int = 500) -> list[StoredDeadLetter]:
        """Return events among the dead letters that someone wants to be sent after all.

        Each comes once while the process lives: convert it, and say so with
        `append(..., replayed=[id])` or `replayed`. Messages among them wait again when this
        returns. To be called now and then: another process has marked them.
        """
        inspector.send_again(self._core, most)
        return inspector.take(self._core, self._appender.replaying, most)

    def replayed(self, ids: Sequence[int]) -> None:
        """Delete dead letters that became messages, or something else."""
        self.append([], replayed=ids)

    # --- care, and the end ---

    def housekeeping(self) -> None:
        """Make file and log small again; for when nothing waits, and costs nothing when they are.

        The log goes into the file, what the file does not use goes back to the file system, and
        the reserve is made again where it had to be given back.
        """
        self._core.housekeeping()

    def look_at_file(self) -> None:
        """See whether the file is still there; to be called about once a second.

        Where it was deleted or replaced, a new one is made of what it held. UsageError when
        another process has the queue since.
        """
        moved.look_at_file(self._core)

    def trouble(self) -> str:
        """Return what was wrong with the file a moment ago, and may be still; "" for nothing."""
        until, what = self._core.trouble
        return what if time.monotonic() < until else ""

    def stop_waiting(self) -> None:
        """Wake all who wait for room, or for a disk: they end with Stopped, or an error."""
        with self._core.state:
            self._core.stopping = True
            self._core.changed()

    def close(self) -> None:
        """Close the file; does nothing the second time. What is in flight will wait again."""
        self.stop_waiting()
        self._core.close()
        self._lock.release()
