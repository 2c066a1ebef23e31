"""Files that a person keeps: a mapping, a table, a config, a certificate, a password.

In comes a path, out come all its bytes, or a sentence's end that says why not. The only place that
opens such a file: what is no regular file is refused at once and never waited for, and no more than
a given size is read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MOST_PEM = 4 * 1024 * 1024
"""Bytes of a file of certificates or keys; bundles of root certificates have a tenth of it."""

MOST_SECRET = 64 * 1024
"""Bytes of a file with a password or token."""

_KINDS = (
    (stat.S_ISREG, ""),
    (stat.S_ISDIR, os.strerror(errno.EISDIR)),
    (stat.S_ISFIFO, "it is a named pipe. Write its content to a file and name that"),
)
_INHERITED = re.compile(r"/dev/(?:fd/\d+|stdin)|/proc/self/fd/\d+")
_NO_FILE = "it is a device or socket. Expected a regular file"
_UNITS = ((1 << 20, "MiB"), (1 << 10, "KiB"))


class FileSignature(NamedTuple):
    """What is another when a file has another content: in place, by renaming, or behind a link."""

    device: int
    inode: int
    size: int
    modified: int


_noted: ContextVar[dict[str, FileSignature | None] | None] = ContextVar("noted", default=None)


@contextlib.contextmanager
def noted_files() -> Iterator[dict[str, FileSignature | None]]:
    """Yield where each path that `read_small` is asked for is noted, with what was read of it.

    None: there was no file. In this thread only.
    """
    found: dict[str, FileSignature | None] = {}
    token = _noted.set(found)
    try:
        yield found
    finally:
        _noted.reset(token)


def signature_of(path: Path | str) -> FileSignature | None:
    """Return a file's signature now; None when there is none, or it cannot be looked at."""
    try:
        return _signature(os.stat(path))  # noqa: PTH116  # names of any kind
    except (OSError, ValueError):
        return None


def _signature(status: os.stat_result) -> FileSignature:
    return FileSignature(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


class UnreadableError(Exception):
    """Why a file is not read, without a full stop: "No such file or directory"."""

    def __init__(self, reason: str, number: int | None = None) -> None:
        super().__init__(reason)
        self.errno = number


def read_small(path: Path | str, most: int) -> bytes:
    """Return the content of a regular file of at most `most` bytes; UnreadableError for others.

    A pipe that this process was started with is read as well (`<(...)` of a shell).
    """
    noted = _noted.get()
    if noted is not None:
        noted[str(path)] = signature_of(path)
    try:
        # Asked before it is opened, too: opening a device may do something.
        piped = _is_given_pipe(path, os.stat(path))  # noqa: PTH116  # names of any kind
        # It may have been replaced since: a named pipe must not wait, nor a terminal be taken.
        flags = os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC
        with open(os.open(path, flags if piped else flags | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123  # a descriptor
            status = os.fstat(file.fileno())
            _is_given_pipe(path, status)
            if noted is not None:
                noted[str(path)] = _signature(status)
            data = file.read(most + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or "unknown error", error.errno) from error
    except ValueError as error:  # a NUL
        raise UnreadableError("this is no path") from error
    if len(data) > most:
        unit, name = next(((unit, name) for unit, name in _UNITS if most >= unit), (1, "bytes"))
        raise UnreadableError(f"it is larger than {most // unit} {name}")
    return data


def _is_given_pipe(path: Path | str, status: os.stat_result) -> bool:
    """Tell a pipe that was handed down from a regular file; UnreadableError for anything else."""
    if stat.S_ISFIFO(status.st_mode) and _INHERITED.fullmatch(str(path)):
        return True
    why = next((text for is_kind, text in _KINDS if is_kind(status.st_mode)), _NO_FILE)
    if why:
        raise UnreadableError(why)
    return False
