"""The queue's file: its tables, how it is opened, and what SQLite's errors mean.

SQLite in WAL mode. `rows` is small and says what lies in `bodies`, so that to look through a queue
or to note that half a row was sent does not touch the megabytes. Must not know what messages are.
"""

from __future__ import annotations

import contextlib
import enum
import os
import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from cef_bridge.errors import CefBridgeError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 16384  # bytes; a row of 500 messages takes three pages, not eleven
VERSION = 1
APPLICATION = 0x43454651  # "CEFQ", in the file's header

# `unsettled`: messages neither gone nor held. `gone` and `held`: sets of places in the row, a bit
# each, lowest first. An id grows over both lanes, and within a lane it is the order.
_TABLES = """
CREATE TABLE totals (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE rows (
  lane INTEGER NOT NULL, id INTEGER NOT NULL, count INTEGER NOT NULL, unsettled INTEGER NOT NULL,
  born REAL NOT NULL, size INTEGER NOT NULL, gone BLOB NOT NULL, held BLOB NOT NULL,
  PRIMARY KEY (lane, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE bodies (id INTEGER NOT NULL PRIMARY KEY, body BLOB NOT NULL) STRICT;
CREATE TABLE marks (key TEXT NOT NULL PRIMARY KEY, offset INTEGER NOT NULL, value BLOB NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE pending (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE dead (
  id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, reason TEXT NOT NULL,
  source TEXT NOT NULL, born REAL NOT NULL, lane INTEGER NOT NULL, size INTEGER NOT NULL,
  replay INTEGER NOT NULL, raw BLOB NOT NULL
) STRICT;
CREATE INDEX dead_size ON dead (size);
CREATE INDEX dead_replay ON dead (id) WHERE replay = 1;
CREATE INDEX rows_held ON rows (id) WHERE held <> x'';
"""

_EACH = (
    "SELECT (SELECT count(*) FROM rows), (SELECT count(*) FROM bodies), "
    "(SELECT count(*) FROM bodies WHERE id IN (SELECT id FROM rows))"
)
_SMALL = ("totals", "rows", "marks", "pending", "facts", "dead")
_WHOLE_CHECK = 64 << 20  # bytes; a larger file is checked without its bodies: each has a checksum
BUSY = 60_000  # ms; `deadletter replay` writes to the file as well, for some milliseconds


class StorageFault(enum.Enum):
    """What an error of SQLite asks for."""

    FULL = "the disk is full"
    DAMAGED = "the file is damaged"
    OTHER = "it cannot be read or written"


def fault(error: sqlite3.Error) -> StorageFault:
    """Return what to do about an error."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # not the file's: the queue is closed, or a value cannot be stored
        return (
            StorageFault.DAMAGED
            if isinstance(error, sqlite3.OperationalError)
            else StorageFault.OTHER
        )
    if code & 0xFF == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return StorageFault.FULL
    if code in {sqlite3.SQLITE_IOERR_SHORT_READ, sqlite3.SQLITE_IOERR_CORRUPTFS}:
        return StorageFault.DAMAGED
    # Our statements are right: one that does not suit the file's tables met others than ours, and
    # whatever else is not the machine's doing comes from bytes that were never written by us.
    return StorageFault.OTHER if code & 0xFF in _NOT_THE_FILE else StorageFault.DAMAGED


_NOT_THE_FILE = {
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_ABORT,
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PROTOCOL,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_NOLFS,
    sqlite3.SQLITE_AUTH,
}


def other(path: Path, error: sqlite3.Error | OSError) -> CefBridgeError:
    """Return the sentence for an error that nothing can be done about here."""
    if isinstance(error, OSError):
        why = error.strerror or "unknown error"
    else:
        why = _WHY.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, str(error))
    return CefBridgeError(f"the queue {path} cannot be used: {why}")


_WHY = {
    sqlite3.SQLITE_BUSY: "another process holds it; end what else reads or writes it",
    sqlite3.SQLITE_READONLY: "it cannot be written; look at its owner and its permissions",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened; look at its owner and its permissions",
    sqlite3.SQLITE_PERM: "permission denied; look at its owner and its permissions",
    sqlite3.SQLITE_FULL: "the disk is full; make room on it",
    sqlite3.SQLITE_IOERR: "reading or writing failed; look at the disk and the system's log",
}


def connect(path: Path, *, checkpoint_bytes: int) -> sqlite3.Connection:
    """Open an existing file for reading and writing, each statement on its own unless told."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY / 1000,
    )
    try:
        # What a distribution has built in must not decide: Debian's zeroes all that is deleted.
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA cache_size = -4096")  # KiB; the default of 2 MiB is a batch
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA wal_autocheckpoint = {max(checkpoint_bytes // PAGE, 16)}")
        connection.execute(f"PRAGMA journal_size_limit = {checkpoint_bytes}")
    except BaseException:
        connection.close()
        raise
    return connection


def create(path: Path) -> None:
    """Make an empty queue that only its owner may read; the path must not exist."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with contextlib.closing(connect(path, checkpoint_bytes=PAGE * 64)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE}")
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(
            f"BEGIN; PRAGMA application_id = {APPLICATION};"
            f"PRAGMA user_version = {VERSION}; {_TABLES} COMMIT;"
        )


def check(path: Path, connection: sqlite3.Connection) -> None:
    """Look whether this is a queue, of this version, and sound.

    UsageError when it is no queue or another version's; sqlite3.DatabaseError when it is damaged.
    """
    check_version(path, connection)
    settings = [_one(connection, f"PRAGMA {name}") for name in ("page_size", "auto_vacuum")]
    if settings != [PAGE, 2] or _one(connection, "PRAGMA journal_mode") != "wal":
        raise damaged("its header is not what was written")
    whole = _one(connection, "PRAGMA page_count") * PAGE <= _WHOLE_CHECK
    for table in [""] if whole else [f"('{name}')" for name in _SMALL]:
        found = connection.execute(f"PRAGMA quick_check{table}").fetchall()
        if found != [("ok",)]:
            raise damaged(str(found[0][0]) if found else "the check failed")
    if whole and len(set(connection.execute(_EACH).fetchall()[0])) > 1:
        raise damaged("there are rows without a body, or bodies without a row")


def check_version(path: Path, connection: sqlite3.Connection) -> None:
    """Look whether this is a queue of this version; raises what `check` raises."""
    application = _one(connection, "PRAGMA application_id")
    version = _one(connection, "PRAGMA user_version")
    if application == APPLICATION and version == VERSION:
        return
    texts = _texts(connection)
    if not texts and application == 0:
        raise damaged("it holds no tables")
    if texts == _ours():
        raise damaged("its header is not what was written")
    if application != APPLICATION:
        raise UsageError(
            f"{path} is no queue of cef-bridge. Name another folder with --queue, or move it away"
        )
    raise OtherVersionError(
        f"{path} was written by another version of cef-bridge (its format is {version}, this "
        f"one reads {VERSION})",
        version,
    )


class OtherVersionError(UsageError):
    """The file is a queue of another version, with other tables: `version` is its format."""

    def __init__(self, sentence: str, version: int) -> None:
        super().__init__(f"{sentence}. Send what is in it with that version, or move it away")
        self.sentence = sentence
        self.version = version


def _texts(connection: sqlite3.Connection) -> set[str]:
    """Return the statements that made the tables of a file."""
    return {row[0] for row in connection.execute("SELECT sql FROM sqlite_schema") if row[0]}


def _ours() -> set[str]:
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TABLES)
        return _texts(connection)


def roots(connection: sqlite3.Connection) -> dict[str, int]:
    """Return the first page of each table: the same in every queue, for all are made alike."""
    return dict(connection.execute("SELECT name, rootpage FROM sqlite_schema").fetchall())


def _one(connection: sqlite3.Connection, statement: str) -> Any:  # noqa: ANN401  # SQLite's types
    row = connection.execute(statement).fetchall()
    return row[0][0] if row else None


def damaged(why: str) -> sqlite3.DatabaseError:
    """Return an error as SQLite raises it when a file is not sound."""
    error = sqlite3.DatabaseError(why)
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def file_bytes(path: Path) -> int:
    """Return how many bytes the file and its log take."""
    return size(path) + size(beside(path, "-wal"))


def size(path: Path) -> int:
    """Return how many bytes a file has; 0 when there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


def beside(path: Path, suffix: str) -> Path:
    """Return the path of a file that belongs to the queue's."""
    return path.with_name(path.name + suffix)


def forget(path: Path) -> None:
    """Delete what is left of a queue without a file: it would be taken for the next one's."""
    for suffix in ("", "-wal", "-shm"):
        beside(path, suffix).unlink(missing_ok=True)
