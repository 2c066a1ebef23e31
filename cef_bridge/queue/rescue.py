"""A damaged file is put aside, and whatever of it can still be read goes into a new one.

In comes the path of a file that nobody has open, and what the process knew of it; afterwards a
sound file has its name, the damaged one lies beside it, and the sums hold: what could not be read
counts as dropped, by the reason `damaged`. A message whose fate cannot be read is sent, perhaps a
second time. Must not know why the file was opened.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import time
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.files import sync_folder
from cef_bridge.log_fields import fields
from cef_bridge.queue import schema
from cef_bridge.queue import statements as tables
from cef_bridge.queue.open_rows import OpenRow, to_blob
from cef_bridge.queue.pages import Pages, Trees
from cef_bridge.queue.values import ALERTS, LANES, DamagedRowError, unsqueeze
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.queue.pages import Value

_log = logging.getLogger(__name__)

_CHECKPOINT = 4 << 20  # bytes
_COMMIT_EVERY = 64  # rows
_UNKNOWN = -1  # of `unsettled`: the row is there, and cannot be believed

_NUMBER = (int, float)
_SHAPES: Mapping[str, tuple[type | tuple[type, ...], ...]] = {
    "totals": (str, int),
    "rows": (int, int, int, int, _NUMBER, int, bytes, bytes),
    "bodies": (int, bytes),
    "marks": (str, int, bytes),
    "pending": (str, bytes),
    "facts": (str, str),
    "dead": (int, str, str, str, _NUMBER, int, int, int, bytes),
}
_ROW = f"SELECT {tables.ROW}, unsettled FROM rows WHERE lane IN (?, ?) AND id = ?"  # noqa: S608  # constants
_NUMBERED = frozenset(("bodies", "dead"))


class KnownNumbers(NamedTuple):
    """What the process has in memory, if it had read the file before."""

    totals: Mapping[str, int]
    marks: Mapping[str, Checkpoint]
    pending: Mapping[str, bytes]
    rows: Mapping[int, OpenRow]


class _Found(NamedTuple):
    """How much could be read: the totals, and whether every row was whole.

    `unsure`: some bodies are lost, and of others it is not known what had been sent of them.
    """

    totals: dict[str, int]
    whole: bool
    unsure: bool


def rescue(path: Path, known: KnownNumbers | None, why: str) -> None:
    """Put a new file in the place of the damaged one, which keeps its bytes under another name.

    Raises sqlite3.Error or OSError when no new file can be written.
    """
    why = ", ".join(why.replace("*** in database main ***", "").split("\n")).strip(" ,")
    new = schema.beside(path, ".new")
    schema.forget(new)
    schema.create(new)
    with contextlib.closing(schema.connect(new, checkpoint_bytes=_CHECKPOINT)) as writer:
        found = _salvage(path, writer, known)
        waiting = tables.unsettled(writer)
        anew = "accepted" not in found.totals and known is None
        lost = _balance(writer, found, waiting, trusted=known is not None)
    kept = put_aside(path, "damaged")
    new.rename(path)
    sync_folder(path.parent)
    _log.error(
        "%s is damaged (%s): %s could be read and %s in the queue, %s. "
        "The damaged file is kept as %s",
        *(path, why, counted(waiting, "message"), "stays" if waiting == 1 else "stay"),
        *(_gone(lost, found, anew=anew), kept),
        extra=fields("queue-damaged", queue=str(path), reason=why, lost=lost),
    )


def _gone(lost: int, found: _Found, *, anew: bool) -> str:
    if anew and found.whole:
        return "none was lost; the totals restart at 0"
    if anew:
        return "how many more there were is unknown; the totals restart at 0"
    text = f"{lost:,} {'is' if lost == 1 else 'are'} lost and counted as dropped (damaged)"
    if found.unsure:
        return f"{text}, perhaps more: what had been sent of the others is not known"
    return text if lost else "none is lost"


def begin(new: Path, known: KnownNumbers) -> int:
    """Make a file of what the process knows alone; return how many messages are lost."""
    schema.forget(new)
    schema.create(new)
    with contextlib.closing(schema.connect(new, checkpoint_bytes=_CHECKPOINT)) as writer:
        tables.save_marks(writer, known.marks.values())
        tables.save_pending(writer, known.pending)
        found = _Found(dict(known.totals), whole=False, unsure=False)
        return _balance(writer, found, 0, trusted=True)


def finish(path: Path) -> None:
    """Give the new file its name, where a process ended between the two renames."""
    new = schema.beside(path, ".new")
    if new.exists() and not path.exists() and not schema.size(schema.beside(new, "-wal")):
        new.rename(path)


def put_aside(path: Path, why: str) -> Path:
    """Rename a queue's file with all that belongs to it; return its new name."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    name = schema.beside(path, f".{why}-{stamp}")
    number = 1
    while name.exists():
        number += 1
        name = schema.beside(path, f".{why}-{stamp}-{number}")
    for suffix in ("-wal", "-shm", ""):  # the file last: while it is there, nothing happened
        with contextlib.suppress(FileNotFoundError):
            schema.beside(path, suffix).rename(schema.beside(name, suffix))
    return name


def _salvage(path: Path, writer: sqlite3.Connection, known: KnownNumbers | None) -> _Found:
    """Copy what can be read; what the process knows goes first."""
    totals = dict(known.totals) if known else {}
    if known:
        tables.save_marks(writer, known.marks.values())
        tables.save_pending(writer, known.pending)
    with Pages(path) as pages:
        roots = {name: root for name, root in schema.roots(writer).items() if name in _SHAPES}
        trees = Trees(pages, roots, _NUMBERED)
        for table in ("marks", "pending", "facts", "dead"):
            _copy_table(trees, writer, table)
        if known is None:
            totals = {str(name): int(number) for name, number in _readable(trees, "totals")}  # type: ignore[arg-type]  # its shape
        whole, guessed = _copy_rows(trees, writer, known.rows if known else {})
    return _Found(totals, whole, unsure=guessed and "bodies" in trees.faults)


def _readable(trees: Trees, table: str) -> Iterator[tuple[Value, ...]]:
    """Yield the rows of a table that have its shape, in the order of its columns."""
    shape = _SHAPES[table]
    for key, values in trees.records(table):
        row = (key, *values[1:]) if table in _NUMBERED else values
        if len(row) == len(shape) and all(map(isinstance, row, shape)):
            yield row
        else:
            trees.faults.add(table)


def _copy_table(trees: Trees, writer: sqlite3.Connection, table: str) -> None:
    places = ", ".join("?" * len(_SHAPES[table]))
    for row in _readable(trees, table):
        with contextlib.suppress(sqlite3.IntegrityError, OverflowError):
            writer.execute(f"INSERT OR IGNORE INTO {table} VALUES ({places})", row)  # noqa: S608  # ours


def _copy_rows(
    trees: Trees, writer: sqlite3.Connection, known: Mapping[int, OpenRow]
) -> tuple[bool, bool]:
    """Copy all rows that have a body; return whether each was what was written.

    And whether what had been sent of a body is not known, so that all of it is sent.
    """
    whole, guessed = True, False
    writer.execute("BEGIN")
    for lane, *row in _readable(trees, "rows"):
        if lane not in LANES:
            lane, row[2] = ALERTS, _UNKNOWN  # noqa: PLW2901  # the lane that nothing is dropped from first
        with contextlib.suppress(sqlite3.IntegrityError, OverflowError):
            writer.execute("INSERT OR IGNORE INTO rows VALUES (?,?,?,?,?,?,?,?)", (lane, *row))
    for copied, (id_, body) in enumerate(_readable(trees, "bodies")):
        if copied % _COMMIT_EVERY == 0:
            writer.execute("COMMIT")
            writer.execute("BEGIN")
        try:
            count = unsqueeze(body).count(b"\n") + 1  # type: ignore[arg-type]  # its shape
            guessed = not _copy_body(writer, id_, body, count, known) or guessed  # type: ignore[arg-type]
        except (DamagedRowError, OverflowError, sqlite3.IntegrityError):
            whole = False
            trees.faults.add("bodies")
    bare = writer.execute("DELETE FROM rows WHERE id NOT IN (SELECT id FROM bodies)").rowcount
    writer.execute("COMMIT")
    whole = whole and not guessed and not bare and not trees.faults & {"rows", "bodies"}
    return whole, guessed


def _copy_body(
    writer: sqlite3.Connection, id_: int, body: bytes, count: int, known: Mapping[int, OpenRow]
) -> bool:
    """Store a body with its row; return whether the row says what can be."""
    if writer.execute("INSERT OR IGNORE INTO bodies VALUES (?, ?)", (id_, body)).rowcount == 0:
        return False
    found = writer.execute(_ROW, (*LANES, id_)).fetchall()
    if len(found) == 1 and _believable(found[0], count):
        return True
    row = known.get(id_)
    if row is None or row.count != count:  # what became of it is not known: all of it is sent
        lane, born = (found[0][0], found[0][3]) if found else (ALERTS, time.time())
        row = OpenRow(lane, id_, count, born, (0, 0))
    writer.execute("DELETE FROM rows WHERE lane IN (?, ?) AND id = ?", (*LANES, id_))
    states = (to_blob(row.gone), to_blob(row.held))
    writer.execute(
        "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (row.lane, id_, count, row.unsettled, row.born, len(body), *states),
    )
    return False


def _believable(values: Sequence[object], count: int) -> bool:
    try:
        row = tables.row_of(values[:-1])
    except sqlite3.DatabaseError:
        return False
    return row.count == count and row.unsettled == values[-1]


def _balance(writer: sqlite3.Connection, found: _Found, unsettled: int, *, trusted: bool) -> int:
    """Store the totals, so that the sum holds; return how many messages are lost."""
    totals = {name: number for name, number in found.totals.items() if number > 0}
    fates = ("confirmed", "unconfirmed", "dead_lettered")
    settled = sum(n for name, n in totals.items() if name in fates or name.startswith("dropped:"))
    lost = totals.get("accepted", 0) - settled - unsettled
    if lost > 0 and (trusted or not found.whole):
        totals["dropped:damaged"] = totals.get("dropped:damaged", 0) + lost
    elif lost:  # the totals are damaged, or some are sent twice: what is there was accepted
        totals["accepted"] = settled + unsettled
        if not trusted:  # numbers may come a second time, so they are those of another stream
            writer.execute("DELETE FROM facts WHERE name = 'stream'")
        lost = 0
    totals["damaged_files"] = totals.get("damaged_files", 0) + 1
    tables.add_totals(writer, totals)
    return max(lost, 0)
