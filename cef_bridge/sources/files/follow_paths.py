"""Which files are meant, and how one is opened.

In come patterns; out go paths and open files. Must not know how files are read.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from typing import TYPE_CHECKING

from cef_bridge.errors import UsageError
from cef_bridge.sources.files.archives import printable
from cef_bridge.sources.files.file_identity import File, meet

if TYPE_CHECKING:
    from collections.abc import Sequence

_KINDS = (
    (stat.S_ISDIR, "is a folder; name the files in it, for example {path}/*.log"),
    (stat.S_ISFIFO, "is a named pipe, which cannot be followed; read it with `-` and `<`"),
    (stat.S_ISREG, ""),
)
_NO_FILE = "is no regular file, and cannot be followed"


class Pattern:
    """A path or a glob (also `**`), as it was given."""

    def __init__(self, text: str) -> None:
        self.text = text
        whole = os.path.abspath(text)  # noqa: PTH100  # Path would collapse what the glob needs
        self.literal = not glob.has_magic(text) or os.path.lexists(text)
        self._expression = re.compile(re.escape(whole) if self.literal else _expression(whole))

    def paths(self) -> list[str]:
        """Return what is there now, in the spelling of the pattern."""
        if self.literal:
            return [self.text] if os.path.lexists(self.text) else []
        return sorted(glob.glob(self.text, recursive=True))  # noqa: PTH207  # keeps the spelling

    def unread(self) -> str:
        """Return why nothing that it names can be read now; nothing when something can."""
        shown = printable(self.text)
        if not self.paths():
            return f"{shown}: no such file"
        if not self.literal:
            return ""
        try:
            os.stat(self.text)  # noqa: PTH116  # bytes that are no UTF-8 pass through
        except OSError as error:
            if os.path.islink(self.text) and error.errno in {errno.ENOENT, errno.ELOOP}:  # noqa: PTH114
                return f"{shown}: this link leads to nothing. Name the file itself"
            return f"{shown}: cannot be read: {error.strerror}"
        readable = os.access(self.text, os.R_OK)
        return "" if readable else f"{shown}: cannot be read: {os.strerror(errno.EACCES)}"

    def matches(self, path: str) -> bool:
        """Whether it means this absolute path, be it there or not."""
        return self._expression.fullmatch(path) is not None


def _expression(pattern: str) -> str:
    """Return a glob as a regular expression over absolute paths."""
    out, at = "", 0
    for found in re.finditer(r"(?:(?<=/)|\A)\*\*(?:/|\Z)|\*+|\?|\[!?\]?[^\]]*\]", pattern):
        out += re.escape(pattern[at : found.start()])
        wild, at = found[0], found.end()
        if wild in ("**/", "**"):
            out += "(?:.*/)?" if wild == "**/" else ".*"
        elif wild[0] == "*":
            out += "[^/]*"
        elif wild == "?":
            out += "[^/]"
        else:
            out += wild.replace("\\", "\\\\").replace("[!", "[^", 1)
    return out + re.escape(pattern[at:])


def patterns(arguments: Sequence[str]) -> list[Pattern]:
    """Return the patterns; UsageError names each that is there and can never be followed."""
    problems = []
    for text in arguments:
        try:
            mode = os.stat(text).st_mode  # noqa: PTH116  # bytes that are no UTF-8 pass through
        except (OSError, ValueError):
            continue
        why = refusal(text, mode)
        if why:
            problems.append(why)
    if problems:
        raise UsageError("\n".join(problems))
    return [Pattern(text) for text in arguments]


def refusal(path: str, mode: int) -> str:
    """Return why what has this mode is not followed; nothing for a regular file."""
    text = next((text for is_kind, text in _KINDS if is_kind(mode)), _NO_FILE)
    return text and f"{printable(path)}: {text.format(path=printable(path).rstrip('/'))}"


def open_file(path: str, shown: str | None = None) -> tuple[int, File]:
    """Open a regular file; OSError is the caller's, UsageError says why it is none."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a FIFO must not wait
    why = refusal(shown or path, os.fstat(fd).st_mode)
    if why:
        os.close(fd)
        raise UsageError(why)
    try:
        return fd, meet(path, fd)
    except OSError:
        os.close(fd)
        raise
