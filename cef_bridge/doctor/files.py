"""Files of a source: are they there, may they be read, what is in them, and what was read already.

In comes a source, out go rows. Reads the beginning and the end of the newest file; changes nothing.
"""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

from cef_bridge.doctor.conversion import MOST_LINES
from cef_bridge.doctor.diagnosis import Verdict, not_tried, ok, problem, warning
from cef_bridge.errors import CefBridgeError, UsageError
from cef_bridge.queue.inspector import inspect
from cef_bridge.sources.files.file_identity import positions
from cef_bridge.sources.files.follow_paths import Pattern, open_file
from cef_bridge.sources.files.inputs import Input
from cef_bridge.sources.records.blocks import Block, BrokenLine, blocks
from cef_bridge.sources.records.units import DamagedError
from cef_bridge.wording import counted, size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.doctor.links import Link
    from cef_bridge.forward.config import Source
    from cef_bridge.sources.files.file_identity import SavedCheckpoint

_END = 256 << 10  # bytes of a file's end
_QUIET = 3600.0  # seconds
_WRITES = (
    "Check the path, and that KubeArmor writes the file (kubearmor -logPath=PATH). A pod needs the "
    "folder as a volume."
)


class FileProbe:
    """The files of a source, looked at step by step. `queues`: the queue files of the config."""

    def __init__(self, link: Link, source: Source, queues: list[Path]) -> None:
        self._link = link
        self._source = source
        self._queues = queues
        self._paths: list[str] = []
        self._newest = ""

    def look(self) -> bool:
        """Add the rows of the files; return whether one of them has a line."""
        link = self._link
        link.run("files", self._there)
        link.run("permissions", self._readable)
        link.run("content", self._content)
        link.run("last written", self._written, vital=False)
        link.run("read so far", self._read_so_far, vital=False)
        return bool(self._newest)

    # --- one check each ---------------------------------------------------------------------------

    def _there(self) -> Verdict:
        text = self._source.pattern
        self._paths = [path for path in Pattern(text).paths() if not Path(path).is_dir()]
        if self._paths:
            return ok(f"{counted(len(self._paths), 'file')}: {self._paths[0]}")
        if Path(text).is_dir():
            return problem(f"{text} is a folder", f"For all files in it, write {text}/* .")
        folder = Path(text).parent
        while any(char in str(folder) for char in "*?["):
            folder = folder.parent
        if not folder.is_dir():
            return problem(f"the folder {folder} does not exist", _WRITES)
        if not os.access(folder, os.R_OK | os.X_OK):
            return problem(f"the folder {folder} cannot be read: Permission denied", _owner(folder))
        return problem(f"no file is called {text}", _WRITES)

    def _readable(self) -> Verdict:
        refused = []
        for path in self._paths:
            try:
                descriptor, _ = open_file(path)
            except UsageError as error:
                refused.append((path, str(error)))
            except OSError as error:
                refused.append((path, f"{path} cannot be read: {error.strerror}"))
            else:
                os.close(descriptor)
        if not refused:
            return ok("all of them can be read" if len(self._paths) > 1 else "it can be read")
        path, why = refused[0]
        report = problem if len(refused) == len(self._paths) else warning
        more = f", and {len(refused) - 1:,} more" if len(refused) > 1 else ""
        self._paths = [each for each in self._paths if each not in dict(refused)]
        return report(f"{why}{more}", _owner(Path(path)))

    def _content(self) -> Verdict:
        sizes = {path: Path(path).stat().st_size for path in self._paths}
        filled = [path for path, number in sizes.items() if number]
        if not filled:
            return problem(
                "no file has a line", "Look whether KubeArmor runs and reports events: karmor logs"
            )
        self._newest = max(filled, key=lambda path: Path(path).stat().st_mtime)
        return ok(size(sum(sizes.values())))

    def _written(self) -> Verdict:
        age = time.time() - Path(self._newest).stat().st_mtime
        if age > _QUIET:
            return warning(
                f"{self._newest} was last written {age / 3600:.1f} h ago",
                "Look whether KubeArmor runs, and whether it writes another file since a rotation "
                "(it does not open its log file again: rotate with copytruncate).",
            )
        return ok(f"{max(age, 0):.0f} s ago")

    def _read_so_far(self) -> Verdict:
        if not self._queues:
            return not_tried("no queue folder is named, which would hold the position")
        status = Path(self._newest).stat()
        known = [each for each in self._positions() if each.at.inode == status.st_ino]
        if not known:
            return ok("nothing yet")
        first = min(known, key=lambda each: each.offset)
        if first.offset > status.st_size:
            return warning(
                f"byte {first.offset:,} is the next to be read, and {self._newest} has "
                f"{status.st_size:,}: it was truncated",
                "The forwarder begins it again. What was cut before it was read is lost.",
            )
        left = status.st_size - first.offset
        return ok(f"{size(left)} not read yet" if left else "all of it; new lines are read")

    def _positions(self) -> list[SavedCheckpoint]:
        marks = []
        for path in self._queues:
            with contextlib.suppress(CefBridgeError):  # the rows of the queue say what is wrong
                marks += inspect(path).marks()
        return positions(marks)

    def lines(self) -> Iterator[bytes]:
        """Yield lines of the newest file: of its end, where it is plain text, else its first."""
        path = Path(self._newest)
        with path.open("rb") as file:
            head = file.read(1024)
            if path.stat().st_size > _END and b"\0" not in head and head.isascii():
                file.seek(-_END, os.SEEK_END)
                yield from file.read(_END).split(b"\n")[1:-1][-MOST_LINES:]
                return
        for stream in Input(self._newest, self._newest, None).streams():
            some = False
            for item in blocks(stream):
                if isinstance(item, Block):
                    some = some or bool(item.lines)
                    yield from item.lines
                elif isinstance(item, BrokenLine) and not some:
                    raise DamagedError(item.reason)


def _owner(path: Path) -> str:
    """Return what to do about a file or folder that this user may not read."""
    try:
        found = path.stat()
    except OSError:
        return "Give this user the right to read the folder above it."
    try:
        owner, group = pwd.getpwuid(found.st_uid).pw_name, grp.getgrgid(found.st_gid).gr_name
    except KeyError:
        owner, group = str(found.st_uid), str(found.st_gid)
    mode = stat.filemode(found.st_mode)
    return f"It belongs to {owner}:{group} ({mode}). Let the user of cef-bridge read it."
