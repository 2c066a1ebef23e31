"""What an operator names on the command line, as the list of inputs that it means.

In come paths, folders, globs, URLs of objects and `-`; out go Inputs, which open
themselves. Must not know what is in them.
"""

from __future__ import annotations

import errno
import glob
import io
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.objects import urls
from cef_bridge.sources.files.archives import MAX_EXPAND, UnpackedStream, open_stream, printable
from cef_bridge.sources.files.raw import Raw
from cef_bridge.sources.records.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.objects.listing import StoredObject
    from cef_bridge.sources.files.raw import RawFile

STDIN = "-"


class Input(NamedTuple):
    """One input: `name` as operators see it, `path` of a file, `size` in bytes.

    `stored` is an object of a store, which has no path. What has neither is standard input. `size`
    is None when it cannot be known (a pipe).
    """

    name: str
    path: str | None
    size: int | None
    stored: StoredObject | None = None

    @property
    def is_stdin(self) -> bool:
        """Whether it is standard input."""
        return self.path is None and self.stored is None

    def open(self, *, hashed: bool = False) -> Raw:
        """Open it for reading; an OSError is the caller's."""
        if self.stored is not None:
            from cef_bridge.objects.reader import ObjectReader  # noqa: PLC0415 - few inputs are objects

            return Raw(ObjectReader(self.stored), hashed=hashed)
        if self.path is None:
            return Raw(_stdin(), hashed=hashed)
        return Raw(Path(self.path).open("rb", buffering=0), hashed=hashed)

    def streams(
        self, *, max_expand: int = MAX_EXPAND, hashed: bool = False
    ) -> Iterator[UnpackedStream]:
        """Yield the streams in it (several for a tar); afterwards `stream.raw.sha256()` is known.

        An input that cannot be opened yields one stream that says so when it is read, so that the
        other inputs of a run go on.
        """
        try:
            raw = self.open(hashed=hashed)
        except OSError as error:
            raw = Raw(_Unopened(error))
        with raw:
            yield from open_stream(raw, self.name, max_expand=max_expand)


def _stdin() -> RawFile:
    """Return standard input without a buffer of its own, so that what is there comes at once."""
    if sys.stdin is None:  # `cef-bridge convert <&-`
        raise OSError(errno.EBADF, "standard input is closed")
    try:
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
    except io.UnsupportedOperation:  # it was replaced by something in memory
        return sys.stdin.buffer


class _Unopened:
    def __init__(self, error: OSError) -> None:
        self._error = error

    def read(self, _size: int, /) -> bytes:
        reason = self._error.strerror or "unknown error"
        raise DamagedError(f"it cannot be opened: {reason}") from self._error

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


def expand(arguments: Sequence[str]) -> list[Input]:
    """Return the inputs that are meant: files, all files below folders, globs, `-` or nothing.

    Folders and globs come sorted, without hidden files, each file once even if links lead to it
    again; so do objects, which URLs name. UsageError names every argument that is none of these.
    CefBridgeError when a store cannot be asked.
    """
    found: list[Input] = []
    problems: list[str] = []
    for argument in arguments or [STDIN]:
        if argument == STDIN:
            if any(each.is_stdin for each in found):
                problems.append("standard input (-) is named more than once")
            else:
                found.append(Input("stdin", None, None))
            continue
        if urls.is_url(path := urls.local(argument)):
            problem = _add_objects(path, found)
        else:
            problem = _add(path, found)
        if problem is not None:
            problems.append(problem)
    if problems:
        raise UsageError("\n".join(problems))
    return found


def _add(argument: str, found: list[Input]) -> str | None:
    """Append what one argument means; return what is wrong with it."""
    shown = printable(argument)
    if os.path.lexists(argument):
        try:
            status = os.stat(argument)  # noqa: PTH116  # bytes that are no UTF-8 pass through
        except OSError as error:
            return f"{shown}: cannot be read: {error.strerror}"
        if not os.access(argument, os.R_OK):
            return f"{shown}: cannot be read: Permission denied"
        if stat.S_ISDIR(status.st_mode):
            paths = _below(argument)
            problem = f"{shown}: no files in this folder"
        else:
            found.append(Input(shown, argument, _size(status)))
            return None
    elif glob.has_magic(argument):
        matches = sorted(glob.glob(argument, recursive=True))  # noqa: PTH207  # keeps the argument's spelling
        paths = [
            path for match in matches for path in (_below(match) if _is_folder(match) else [match])
        ]
        problem = f"{shown}: no file matches this pattern"
    else:
        return f"{shown}: no such file or folder"
    known = len(found)
    _add_once(paths, found)
    return problem if len(found) == known and not paths else None


def _add_objects(url: str, found: list[Input]) -> str | None:
    """Append the objects that a URL means; return what is wrong with it."""
    from cef_bridge.objects.faults import LASTING, StoreError  # noqa: PLC0415 - as above
    from cef_bridge.objects.listing import find  # noqa: PLC0415 - as above

    shown = printable(urls.shown(url))
    try:
        objects = find(url)
    except UsageError as error:
        return printable(str(error))
    except StoreError as error:
        problem = f"{shown}: {error.strerror}"
        if error.kind not in LASTING:
            raise CefBridgeError(problem) from error
        return problem
    found += [Input(printable(urls.shown(it.url)), None, it.size, it) for it in objects]
    return None


def _is_folder(path: str) -> bool:
    return os.path.isdir(path)  # noqa: PTH112  # as above


def _add_once(paths: list[str], found: list[Input]) -> None:
    seen = set()
    for path in paths:
        try:
            status = os.stat(path)  # noqa: PTH116  # as above
        except OSError:
            found.append(Input(printable(path), path, None))  # says why when it is read
            continue
        file = (status.st_dev, status.st_ino)
        if stat.S_ISREG(status.st_mode) and file not in seen:
            seen.add(file)
            found.append(Input(printable(path), path, status.st_size))


def _below(folder: str) -> list[str]:
    """Return the files below a folder; links to files are followed, links to folders are not."""
    paths = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        paths += [
            os.path.join(where, each)  # noqa: PTH118  # as above
            for each in sorted(files)
            if not each.startswith(".")
        ]
    return paths


def _size(status: os.stat_result) -> int | None:
    return status.st_size if stat.S_ISREG(status.st_mode) else None
