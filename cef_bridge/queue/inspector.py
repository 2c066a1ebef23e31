"""A look into a queue's file from outside, also while a forwarder has it.

Reads short and closes: a long read keeps the log from being reused. What it changes is one mark:
dead letters that are to be sent after all (`deadletter replay`). Only the process that has the
queue moves them, so that its totals stay true.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.log_fields import fields
from cef_bridge.queue import open_rows, schema
from cef_bridge.queue import statements as tables
from cef_bridge.queue.lock import holder
from cef_bridge.queue.values import (
    DAMAGED,
    LANES,
    DamagedRowError,
    MessageBatch,
    Sum,
    pack,
    sum_of,
    unpack,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from typing import TypeVar

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.queue.values import StoredDeadLetter

    _T = TypeVar("_T")

    from cef_bridge.queue.core import Core, Transaction


class QueueStatus(NamedTuple):
    """How a queue stands. What is in flight counts as waiting: only the forwarder knows it.

    `held` messages are confirmed, and kept for a while; `lanes`: how many wait in each; `oldest`:
    when the oldest of them was appended; `dead`: dead letters that are kept; `process`: who has it.
    """

    name: str
    path: Path
    sum: Sum
    totals: dict[str, int]
    lanes: dict[int, int]
    held: int
    bytes: int
    oldest: float | None
    dead: int
    process: int | None


class Peeked(NamedTuple):
    """A message that waits (or is in flight)."""

    lane: int
    born: float
    message: bytes


class QueueInspector:
    """The queue at a path. Each call opens the file, and closes it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def status(self) -> QueueStatus:
        """Return how the queue stands, all of it at one moment."""
        return self._read(self._status)

    def _status(self, file: sqlite3.Connection) -> QueueStatus:
        file.execute("BEGIN")
        totals = Counter(tables.load_totals(file))
        found = file.execute(
            "SELECT lane, sum(unsettled), min(born) FROM rows WHERE unsettled > 0 GROUP BY lane"
        ).fetchall()
        held = map(tables.row_of, tables.held_rows(file))
        dead = file.execute("SELECT count(*) FROM dead").fetchone()[0]
        file.execute("COMMIT")
        lanes = dict.fromkeys(LANES, 0) | {row[0]: row[1] for row in found}
        return QueueStatus(
            name=self.path.stem,
            path=self.path,
            sum=sum_of(totals, unsettled=sum(lanes.values()), in_flight=0),
            totals={name: count for name, count in totals.items() if count},
            lanes=lanes,
            held=sum(row.held.bit_count() for row in held),
            bytes=schema.file_bytes(self.path),
            oldest=min((row[2] for row in found), default=None),
            dead=dead,
            process=holder(schema.beside(self.path, ".lock")),
        )

    def marks(self) -> list[Checkpoint]:
        """Return how far sources were read for this queue."""
        return self._read(lambda file: list(tables.load_marks(file).values()))

    def peek(self, lane: int | None = None, count: int = 10) -> list[Peeked]:
        """Return the first `count` messages that wait, in the order in which they would be sent."""
        return self._read(lambda file: self._peek(file, lane, count))

    def _peek(self, file: sqlite3.Connection, lane: int | None, count: int) -> list[Peeked]:
        peeked: list[Peeked] = []
        for each in LANES if lane is None else (lane,):
            last = 0
            while len(peeked) < count:
                found = file.execute(
                    f"SELECT {tables.ROW} FROM rows "  # noqa: S608  # a constant
                    "WHERE lane = ? AND id > ? AND unsettled > 0 ORDER BY id LIMIT 1",
                    (each, last),
                ).fetchall()
                if not found:
                    break
                row = tables.row_of(found[0])
                last = row.id
                peeked += [Peeked(each, row.born, message) for message in _waiting(file, row)]
        return peeked[:count]

    def letters(self, ids: Sequence[int] | None = None, most: int = 100) -> list[StoredDeadLetter]:
        """Return dead letters, the newest `most` by default, in the order of their ids."""
        return self._read(lambda file: self._letters(file, ids, most))

    def _letters(
        self, file: sqlite3.Connection, ids: Sequence[int] | None, most: int
    ) -> list[StoredDeadLetter]:
        if ids is None:
            query = f"SELECT {tables.LETTER} FROM dead ORDER BY id DESC LIMIT ?"  # noqa: S608  # a constant
            found = file.execute(query, (most,)).fetchall()
        else:
            query = f"SELECT {tables.LETTER} FROM dead WHERE id = ?"  # noqa: S608  # a constant
            found = [row for each in ids for row in file.execute(query, (each,)).fetchall()]
        letters = []
        for values in sorted(found):
            with contextlib.suppress(DamagedRowError):
                letters.append(tables.letter_of(values))
        return letters

    def replay(self, ids: Sequence[int] | None = None) -> int:
        """Mark dead letters to be sent after all, all of them by default; return how many.

        Rows that were damaged are no messages any more, and stay. The forwarder that has the queue
        sends them, or the next one that opens it.
        """
        return self._read(lambda file: self._replay(file, ids), writes=True)

    def _replay(self, file: sqlite3.Connection, ids: Sequence[int] | None) -> int:
        update = "UPDATE dead SET replay = 1 WHERE replay = 0 AND kind <> ?"
        file.execute("BEGIN IMMEDIATE")
        before = file.total_changes
        if ids is None:
            file.execute(update, (DAMAGED,))
        else:
            file.executemany(f"{update} AND id = ?", [(DAMAGED, each) for each in ids])
        file.execute("COMMIT")
        return file.total_changes - before

    def _read(self, work: Callable[[sqlite3.Connection], _T], *, writes: bool = False) -> _T:
        """Open the file, do the work, close it; errors leave as sentences."""
        if not self.path.is_file():
            raise UsageError(f"{self.path}: there is no queue")
        try:
            with contextlib.closing(self._connect(writes=writes)) as file:
                schema.check_version(self.path, file)
                return work(file)
        except sqlite3.Error as error:
            if schema.fault(error) is not schema.StorageFault.DAMAGED:
                raise schema.other(self.path, error) from error
            raise CefBridgeError(
                f"{self.path} is damaged ({error}). A forwarder that opens it puts it aside, "
                "and keeps what can be read of it"
            ) from error

    def _connect(self, *, writes: bool) -> sqlite3.Connection:
        connection = schema.connect(self.path, checkpoint_bytes=4 << 20)
        connection.execute(f"PRAGMA query_only = {int(not writes)}")
        return connection


def inspect(path: Path) -> QueueInspector:
    """Return a view of the queue at `path`."""
    return QueueInspector(path)


def find(folder: Path) -> list[QueueInspector]:
    """Return the queues in a folder, or the one that `folder` itself is; UsageError for none."""
    paths = [folder] if folder.is_file() else sorted(folder.glob("*.queue"))
    if not paths:
        what = "there is no queue in this folder" if folder.is_dir() else "no such folder"
        raise UsageError(f"{folder}: {what}. Name the folder that --queue names")
    return [QueueInspector(path) for path in paths]


def _waiting(file: sqlite3.Connection, row: open_rows.OpenRow) -> Iterator[bytes]:
    found = file.execute("SELECT body FROM bodies WHERE id = ?", (row.id,)).fetchall()
    try:
        messages = unpack(found[0][0], row.count) if found else []
    except DamagedRowError:
        return
    for place, message in enumerate(messages):
        if row.fetchable >> place & 1:
            yield message


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
            _log.error(
                "%s: dead letter %d is damaged, and cannot be sent",
                *(core.path, values[0]),
                extra=fields("queue-damaged", queue=str(core.path), reason="dead-letter", lost=1),
            )
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
