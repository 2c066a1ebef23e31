"""A damaged file is put aside, and whatever of it can still be read goes into a new one.

In comes the path of a file that nobody has open, and what the process knew of it; afterwards a
sound file has its name, the damaged one lies beside it, and the sums hold: what could not be read
counts as dropped, by the reason `damaged`. Must not know why the file was opened.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.delivery import queue_header
from cef_bridge.delivery import queue_schema as schema
from cef_bridge.delivery import queue_tables as tables
from cef_bridge.delivery.queue_body import DamagedRowError, unpack

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cef_bridge.marks import Mark

_log = logging.getLogger(__name__)

_CHECKPOINT = 4 << 20  # bytes
_COMMIT_EVERY = 64  # rows

_TABLES = ("marks", "pending", "facts", "dead")


class Known(NamedTuple):
    """What the process has in memory, if it had read the file before."""

    totals: Mapping[str, int]
    marks: Mapping[str, Mark]
    pending: Mapping[str, bytes]


def rescue(path: Path, known: Known | None, why: str) -> None:
    """Put a new file in the place of the damaged one, which keeps its bytes under another name.

    Raises sqlite3.Error or OSError when no new file can be written.
    """
    new = schema.beside(path, ".new")
    schema.forget(new)
    queue_header.mend(path)
    schema.create(new)
    with contextlib.closing(schema.connect(new, checkpoint_bytes=_CHECKPOINT)) as writer:
        salvaged, totals = _salvage(path, writer, known)
        anew = known is None and not totals
        lost = _balance(writer, totals, tables.unsettled(writer))
    aside = _aside(path)
    _rename(path, aside)
    new.rename(path)
    _sync(path)
    rest = f"{salvaged:,} messages could be read and stay in the queue"
    if anew:
        gone = "how many more there were is not known; the totals begin anew"
    else:
        gone = f"{lost:,} are lost and counted as dropped (damaged)"
    _log.error(
        "%s is damaged (%s): %s, %s. The damaged file is kept as %s",
        *(path, why, rest, gone, aside),
    )


def finish(path: Path) -> None:
    """Give the new file its name, where a process ended between the two renames."""
    new = schema.beside(path, ".new")
    if new.exists() and not path.exists() and not schema.size(schema.beside(new, "-wal")):
        new.rename(path)


def _salvage(
    path: Path, writer: sqlite3.Connection, known: Known | None
) -> tuple[int, dict[str, int]]:
    """Copy what can be read; return how many messages that is, and the totals so far."""
    totals = dict(known.totals) if known else {}
    if known:
        tables.save_marks(writer, known.marks.values())
        tables.save_pending(writer, known.pending)
    try:
        damaged = schema.connect(path, checkpoint_bytes=1 << 30)
    except sqlite3.Error:
        return 0, totals
    with contextlib.closing(damaged), contextlib.suppress(sqlite3.Error):
        damaged.text_factory = lambda raw: raw.decode("utf-8", "replace")
        for table in _TABLES:
            _copy_table(damaged, writer, table)
        if known is None:
            with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
                totals = {str(name): int(n) for name, n in tables.load_totals(damaged).items()}
        _copy_rows(damaged, writer)
    return tables.unsettled(writer), totals


def _copy_table(damaged: sqlite3.Connection, writer: sqlite3.Connection, table: str) -> None:
    for values in _readable(damaged, f"SELECT * FROM {table} ORDER BY 1"):  # noqa: S608  # ours
        places = ", ".join("?" * len(values))
        with contextlib.suppress(sqlite3.IntegrityError, sqlite3.InterfaceError):
            writer.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", values)  # noqa: S608  # ours


def _copy_rows(damaged: sqlite3.Connection, writer: sqlite3.Connection) -> None:
    copied = 0
    writer.execute("BEGIN")
    for values in _readable(damaged, f"SELECT {tables.ROW} FROM rows ORDER BY lane, id"):  # noqa: S608  # a constant
        with contextlib.suppress(
            sqlite3.DatabaseError, DamagedRowError, ValueError, TypeError, OverflowError
        ):
            row = tables.row_of(values)
            body = damaged.execute("SELECT body FROM bodies WHERE id = ?", (row.id,)).fetchone()[0]
            unpack(body, row.count)
            if (row.gone | row.held) & ~row.all or row.lane not in (0, 1):
                continue
            writer.execute(
                "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (*values[:3], row.unsettled, row.born, len(body), *values[4:]),
            )
            writer.execute("INSERT INTO bodies VALUES (?, ?)", (row.id, body))
            copied += 1
            if copied % _COMMIT_EVERY == 0:
                writer.execute("COMMIT")
                writer.execute("BEGIN")
    writer.execute("COMMIT")


def _readable(damaged: sqlite3.Connection, statement: str) -> Iterator[Sequence[object]]:
    """Yield the rows before the damage, then those behind it, from the end backwards."""
    seen: set[tuple[object, ...]] = set()
    order = statement.partition(" ORDER BY ")[2]
    backwards = statement.replace(order, ", ".join(f"{each} DESC" for each in order.split(", ")))
    for each in (statement, backwards):
        cursor: sqlite3.Cursor | None = None
        try:
            cursor = damaged.execute(each)
            for values in cursor:
                key = tuple(values[:2])
                if key not in seen:
                    seen.add(key)
                    yield values
        except (sqlite3.Error, OverflowError):
            continue
        else:
            return
        finally:
            if cursor is not None:
                cursor.close()


def _balance(writer: sqlite3.Connection, totals: dict[str, int], unsettled: int) -> int:
    """Store the totals, so that the sum holds; return how many messages are lost."""
    fates = ("confirmed", "unconfirmed", "dead_lettered")
    settled = sum(n for name, n in totals.items() if name in fates or name.startswith("dropped:"))
    lost = totals.get("accepted", 0) - settled - unsettled
    if lost > 0:
        totals["dropped:damaged"] = totals.get("dropped:damaged", 0) + lost
    else:  # the totals themselves are damaged, or could not be read: what is there was accepted
        totals["accepted"] = settled + unsettled
    totals["damaged_files"] = totals.get("damaged_files", 0) + 1
    tables.add_totals(writer, totals)
    return max(lost, 0)


def _aside(path: Path) -> Path:
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = schema.beside(path, f".damaged-{stamp}")
    number = 1
    while name.exists():
        number += 1
        name = schema.beside(path, f".damaged-{stamp}-{number}")
    return name


def _rename(path: Path, aside: Path) -> None:
    for suffix in ("-wal", "-shm", ""):  # the file last: while it is there, nothing happened
        with contextlib.suppress(FileNotFoundError):
            schema.beside(path, suffix).rename(schema.beside(aside, suffix))


def _sync(path: Path) -> None:
    with contextlib.suppress(OSError):
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
