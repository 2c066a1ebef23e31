"""The statements of a queue: what is written to its tables, inside a transaction of the caller.

Each function does one thing to one table. Must not know locks, limits or who calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.queue import open_rows, schema
from cef_bridge.queue.values import EVENT, LANES, StoredDeadLetter, squeeze, unsqueeze

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from cef_bridge.queue.values import DeadLetter, Packed

ROW = "lane, id, count, born, gone, held"
LETTER = "id, kind, reason, source, raw, born, lane, replay"


def row_of(values: Sequence[object]) -> open_rows.OpenRow:
    """Return the row that the columns of ROW say; sqlite3.DatabaseError when they say nonsense."""
    try:
        lane, id_, count, born, gone, held = values
        states = (open_rows.from_blob(gone), open_rows.from_blob(held))  # type: ignore[arg-type]  # a STRICT table
        row = open_rows.OpenRow(lane, id_, count, born, states)  # type: ignore[arg-type]  # a STRICT table
        sound = (
            row.id > 0 < row.count and not (row.gone | row.held) & ~row.all and row.lane in LANES
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise schema.damaged("a row is not what was written") from error
    if not sound:
        raise schema.damaged("a row is not what was written")
    return row


def check_rows(writer: sqlite3.Connection) -> None:
    """Look whether each row says of its messages what can be; sqlite3.DatabaseError if not."""
    last = (-1, 0)
    for *values, number in writer.execute(f"SELECT {ROW}, unsettled FROM rows"):  # noqa: S608  # a constant
        row = row_of(values)
        # As they lie in the tree: what is out of order would never be found.
        if row.unsettled != number or (row.lane, row.id) <= last:
            raise schema.damaged("a row is not what was written")
        last = (row.lane, row.id)


def all_rows(writer: sqlite3.Connection) -> Iterator[Sequence[object]]:
    """Return the columns of ROW of all rows, as they are asked for; hold the lock until the end."""
    return iter(writer.execute(f"SELECT {ROW} FROM rows"))  # noqa: S608  # a constant


def one_row(writer: sqlite3.Connection, lane: int, id_: int) -> list[Sequence[object]]:
    """Return the columns of ROW of one row, in a list that is empty when there is none."""
    query = f"SELECT {ROW} FROM rows WHERE lane = ? AND id = ?"  # noqa: S608  # a constant
    found: list[Sequence[object]] = writer.execute(query, (lane, id_)).fetchall()
    return found


def held_rows(writer: sqlite3.Connection) -> list[Sequence[object]]:
    """Return the columns of ROW of all rows of which anything is held."""
    query = f"SELECT {ROW} FROM rows WHERE held <> x'' ORDER BY id"  # noqa: S608  # a constant
    found: list[Sequence[object]] = writer.execute(query).fetchall()
    return found


def add_totals(writer: sqlite3.Connection, deltas: Mapping[str, int]) -> None:
    """Add to the totals."""
    writer.executemany(
        "INSERT INTO totals VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = value + ?2",
        [(name, delta) for name, delta in deltas.items() if delta],
    )


def add_rows(writer: sqlite3.Connection, packed: Sequence[Packed], first: int, born: float) -> None:
    """Store batches as rows, with ids from `first` on."""
    rows = list(enumerate(packed, first))
    writer.executemany(
        "INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, x'', x'')",
        [(each.lane, id_, each.number, each.number, born, len(each.body)) for id_, each in rows],
    )
    writer.executemany("INSERT INTO bodies VALUES (?, ?)", [(id_, each.body) for id_, each in rows])


def save_row(writer: sqlite3.Connection, row: open_rows.OpenRow, gone: int, held: int) -> None:
    """Store what became of a row's messages; a row of which all is gone goes."""
    if gone == row.all:
        delete_row(writer, row.lane, row.id)
        return
    unsettled = row.count - (gone | held).bit_count()
    blobs = (open_rows.to_blob(gone), open_rows.to_blob(held))
    writer.execute(
        "UPDATE rows SET unsettled = ?, gone = ?, held = ? WHERE lane = ? AND id = ?",
        (unsettled, *blobs, row.lane, row.id),
    )


def delete_row(writer: sqlite3.Connection, lane: int, id_: int) -> None:
    """Delete a row with its body."""
    writer.execute("DELETE FROM rows WHERE lane = ? AND id = ?", (lane, id_))
    writer.execute("DELETE FROM bodies WHERE id = ?", (id_,))


def save_marks(writer: sqlite3.Connection, marks: Iterable[Checkpoint]) -> None:
    """Store positions, each in the place of the one with its key."""
    writer.executemany("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", list(marks))


def save_pending(writer: sqlite3.Connection, pending: Mapping[str, bytes]) -> None:
    """Store what waits for the rest of its line; nothing is stored as nothing."""
    writer.executemany(
        "INSERT OR REPLACE INTO pending VALUES (?, ?)",
        [(key, value) for key, value in pending.items() if value],
    )
    writer.executemany(
        "DELETE FROM pending WHERE key = ?", [(key,) for key, value in pending.items() if not value]
    )


def load_totals(writer: sqlite3.Connection) -> dict[str, int]:
    """Return the totals."""
    return dict(writer.execute("SELECT name, value FROM totals").fetchall())


def load_marks(writer: sqlite3.Connection) -> dict[str, Checkpoint]:
    """Return the positions by their keys."""
    found = writer.execute("SELECT key, offset, value FROM marks").fetchall()
    return {row[0]: Checkpoint(*row) for row in found}


def load_pending(writer: sqlite3.Connection) -> dict[str, bytes]:
    """Return what waits for the rest of its line."""
    return dict(writer.execute("SELECT key, value FROM pending").fetchall())


def unsettled(writer: sqlite3.Connection) -> int:
    """Return how many messages wait or were in flight."""
    count: int = writer.execute("SELECT coalesce(sum(unsettled), 0) FROM rows").fetchone()[0]
    return count


def last_id(writer: sqlite3.Connection) -> int:
    """Return the highest id of a row; 0 when there is none."""
    found = writer.execute("SELECT max(id) FROM bodies").fetchone()[0]
    rows = writer.execute("SELECT max(id) FROM rows").fetchone()[0]
    return max(found or 0, rows or 0)


def save_fact(writer: sqlite3.Connection, name: str, value: str) -> None:
    """Store a small fact in the place of the one with its name."""
    writer.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))


def forget(writer: sqlite3.Connection, key: str) -> None:
    """Delete a stream's position, and what waits of it."""
    writer.execute("DELETE FROM marks WHERE key = ?", (key,))
    writer.execute("DELETE FROM pending WHERE key = ?", (key,))


class Bounds(NamedTuple):
    """How many dead letters are kept, and how many bytes of them."""

    most: int
    size: int


def add_dead(
    writer: sqlite3.Connection, dead: Iterable[DeadLetter], born: float, lane: int, bounds: Bounds
) -> int:
    """Store dead letters; return how many old ones had to go for them."""
    bodies = [(each, squeeze(each.raw)) for each in dead]
    writer.executemany(
        "INSERT INTO dead (kind, reason, source, born, lane, size, replay, raw) "
        "VALUES (?, ?, ?, ?, ?, ?, 0, ?)",
        [
            (each.kind, each.reason, each.source, born, lane, len(body), body)
            for each, body in bodies
        ],
    )
    return _trim_dead(writer, bounds)


def _trim_dead(writer: sqlite3.Connection, bounds: Bounds) -> int:
    count, size = writer.execute("SELECT count(*), coalesce(sum(size), 0) FROM dead").fetchone()
    deleted = 0
    while count > bounds.most or size > bounds.size:
        found = writer.execute("SELECT id, size FROM dead ORDER BY id LIMIT 100").fetchall()
        for id_, bytes_ in found:
            if count <= bounds.most and size <= bounds.size:
                break
            writer.execute("DELETE FROM dead WHERE id = ?", (id_,))
            count, size, deleted = count - 1, size - bytes_, deleted + 1
    return deleted


def delete_dead(writer: sqlite3.Connection, ids: Iterable[int]) -> int:
    """Delete dead letters; return how many there were."""
    before = writer.total_changes
    writer.executemany("DELETE FROM dead WHERE id = ?", [(id_,) for id_ in ids])
    return writer.total_changes - before


def letter_of(values: Sequence[object]) -> StoredDeadLetter:
    """Return the dead letter that the columns of LETTER say; DamagedRowError when unreadable."""
    id_, kind, reason, source, raw, born, lane, replay = values
    content = unsqueeze(raw)  # type: ignore[arg-type]  # STRICT table
    return StoredDeadLetter(id_, kind, reason, source, content, born, lane, bool(replay))  # type: ignore[arg-type]  # STRICT table


def marked(*, events: bool, most: int) -> tuple[str, tuple[object, ...]]:
    """Return the query for the dead letters that someone wants to be sent after all."""
    return (
        f"SELECT {LETTER} FROM dead WHERE replay = 1 AND (kind = ?) = ? ORDER BY id LIMIT ?",  # noqa: S608  # a constant
        (EVENT, events, most),
    )


def unmark(writer: sqlite3.Connection, id_: int) -> None:
    """Take back that a dead letter is to be sent."""
    writer.execute("UPDATE dead SET replay = 0 WHERE id = ?", (id_,))
