"""Where a run of `convert` writes: standard output, or files and objects that appear whole.

In come the paths that an operator named, out goes what can be written to, or what is wrong with
them. Must not know what is written.
"""

from __future__ import annotations

import os
import select
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

from cef_bridge.cli.packed import packed
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.files import PRIVATE, PUBLIC, AtomicFile
from cef_bridge.objects.urls import is_url, local, shown
from cef_bridge.sources.files.archives import printable

if TYPE_CHECKING:
    import contextlib

    from cef_bridge.cli.packed import WholeFile
    from cef_bridge.sources.files.inputs import Input

_STDOUT, _STDERR = "/dev/stdout", "/dev/stderr"


class Targets(NamedTuple):
    """The paths of the messages (None: standard output), of the rejects and of the report."""

    output: str | None
    rejects: str | None
    report: str | None

    @classmethod
    def named(cls, output: str | None, rejects: str | None, report: str | None) -> Self:
        """Return the targets of three options; `-` is standard output."""
        return cls(
            None if output in ("-", _STDOUT) else output and local(output),
            _STDOUT if rejects == "-" else rejects and local(rejects),
            _STDOUT if report == "-" else report and local(report),
        )

    def check(self, inputs: list[Input]) -> None:
        """Raise UsageError when two would go to one file, or one to a file that is read."""
        paths = [self.output or _STDOUT, *filter(None, (self.rejects, self.report))]
        if paths.count(_STDOUT) > 1:
            raise UsageError(
                "standard output takes one of the messages, the rejects and the report. "
                "Name a file for the others."
            )
        files = [place(path) for path in paths if path != _STDOUT and appears(path)]
        if len(set(files)) < len(files):
            raise UsageError("the output, the rejects and the report need a file each.")
        read = {place(each.path) for each in inputs if each.path}
        read |= {place(each.stored.url) for each in inputs if each.stored is not None}
        for path in files:
            if path in read:
                raise UsageError(f"{printable(shown(str(path)))} is an input. Name another file.")
        written = _file_of(1)
        local_inputs = [each for each in inputs if each.stored is None]
        if written and any(written == _file_of(each.path or 0) for each in local_inputs):
            raise UsageError("standard output goes to a file that is an input. Name another file.")


def place(path: str) -> Path | str:
    """Return what two spellings of a file or an object have in common."""
    if not is_url(path):
        return Path(path).resolve()
    scheme, _, rest = path.partition("://")
    return f"{_SAME.get(scheme.lower(), scheme.lower())}://{rest.strip('/')}"


# Other names of a protocol
_SAME = {"s3a": "s3", "gcs": "gs", "abfss": "abfs", "az": "abfs"}


def appears(path: str) -> bool:
    """Tell whether a path is a file that appears when all is in it, and no device or pipe."""
    if is_url(path):
        return True
    return Path(path).is_file() or not Path(path).exists()


def _file_of(place: int | str) -> tuple[int, int] | None:
    """Return what tells a regular file from all others; None for what is none."""
    try:
        status = os.stat(place)  # noqa: PTH116  # descriptors, and bytes that are no UTF-8
    except OSError:
        return None
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


def mode_of(what: str) -> int:
    """Return the mode of a new file for the `output`, the `rejects` or the `report`.

    Rejects and reports hold raw events; the messages are for others to read, as the umask says.
    """
    return PUBLIC if what == "output" else PRIVATE


class StandardStream:
    """Standard output or error without a buffer: batches are large already.

    What was opened as `/dev/stdout` would have a place of its own in a file that a shell has
    opened, and overwrite what others write there. UsageError when it is closed.
    """

    def __init__(self, number: int, name: str) -> None:
        self._file = number
        self._name = name
        self.size = 0
        try:
            os.fstat(number)
        except OSError as error:
            raise UsageError(f"{name} is closed. Name a file instead.") from error

    def write(self, data: bytes) -> None:
        """Write all of it; BrokenPipeError when the reader has gone, else CefBridgeError."""
        view = memoryview(data)
        while view:
            try:
                written = os.write(self._file, view)
                self.size += written
                view = view[written:]
            except BlockingIOError:  # a shell may hand down a non-blocking pipe
                select.select([], [self._file], [])
            except BrokenPipeError:
                raise
            except OSError as error:
                why = error.strerror or "unknown error"
                raise CefBridgeError(f"cannot write to {self._name}: {why}") from error


def opened(
    path: str | None, files: contextlib.ExitStack, *, hashed: bool = False, mode: int = PUBLIC
) -> StandardStream | WholeFile:
    """Open a target; None is standard output. `files` closes it, and discards it on an error.

    `mode` is that of a new file. `hashed`: the hash of an object is wanted, which cannot be read
    again as a file can.
    """
    if path is None or path == _STDOUT:
        return StandardStream(1, "standard output")
    if path == _STDERR:
        return StandardStream(2, "standard error")
    target: WholeFile
    if is_url(path):
        from cef_bridge.objects.writer import ObjectFile  # noqa: PLC0415 - few outputs are objects

        target = packed(ObjectFile(path, hashed=hashed), path)
    else:
        whole = appears(path)
        file = AtomicFile(path, mode=mode)
        target = packed(file, path) if whole else file
    files.enter_context(target)
    return target
