"""Which files are meant, and where the rest of one lies after it was rotated.

In come patterns and positions; out go paths and open files. Must not know how files are read.
"""

from __future__ import annotations

import glob
import os
import re
import stat
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.sources.archives import is_packed, open_stream, printable
from cef_bridge.sources.follow_identity import HEAD, File, meet
from cef_bridge.sources.raw import Raw
from cef_bridge.sources.units import DamagedError

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    from cef_bridge.sources.follow_identity import Position

# A copy is known by how it begins alone; fewer bytes than this may begin any file, so then its name
# and its time have to fit, too.
_LEAST_HEAD = 64
_PASSES = 5

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


class Rest(NamedTuple):
    """Where the rest of a stream is: an open file; `copy`: nobody writes to it any more."""

    fd: int
    file: File
    copy: bool


def find_rest(at: Position, offset: int, taken: Container[tuple[int, int]]) -> Rest | None:
    """Return the file that a position speaks of, wherever it was moved among its siblings.

    First by inode and hash; then, as a copy (copytruncate) or packed, by the hash alone. `taken`
    are files that are something else.
    """
    for _ in range(_PASSES):
        rest, still = _look_for(at, offset, taken)
        if rest is not None or still:
            return rest
    return None


def _look_for(
    at: Position, offset: int, taken: Container[tuple[int, int]]
) -> tuple[Rest | None, bool]:
    """Look through the siblings; also tell whether they stood still meanwhile."""
    names = list(_beside(at, lambda _: True))
    still = True
    stem = _stem(at.real)
    alike = [each for each in names if os.path.basename(each[0]).startswith(stem)]  # noqa: PTH119
    same = [each for each in names if each[1] == at.inode]
    for siblings, packed in ((same, False), (same, True), (alike, False), (alike, True)):
        for path, inode in siblings:
            try:
                fd, file = open_file(path)
            except (OSError, UsageError):
                still = still and os.path.lexists(path)
                continue
            still = still and (file.inode == inode or os.path.islink(path))  # noqa: PTH114
            if (
                file.node not in taken
                and is_packed(file.head) == packed
                and (at.head or path not in (at.path, at.real))
                and _is_it(path, file, at, offset)
            ):
                return Rest(fd, file, packed or file.inode != at.inode), still
            os.close(fd)
    return None, still


def _is_it(path: str, file: File, at: Position, offset: int) -> bool:
    """Whether a file is the one, or a copy of it."""
    if is_packed(file.head):
        good = at.begins(unpacked_head(path))
    else:
        good = at.begins(file.head) and file.size >= offset
    if not good or file.inode == at.inode or at.head >= _LEAST_HEAD:
        return good
    rotated = _rotated(at.real)(os.path.basename(path))  # noqa: PTH119
    return at.head > 0 and rotated and file.changed > at.changed


def unpacked_head(path: str) -> bytes:
    """Return how a packed file begins once it is unpacked; nothing when it cannot be."""
    try:
        with Raw(Path(path).open("rb", buffering=0)) as raw:
            stream = next(open_stream(raw, path), None)
            head = b""
            while stream is not None and len(head) < HEAD:
                piece = stream.read(HEAD - len(head))
                if not piece:
                    break
                head += piece
            return head[:HEAD]
    except (OSError, DamagedError):
        return b""


def between(at: Position, seen: Callable[[File], bool]) -> list[Rest]:
    """Return the generations that came after this one and were rotated away unread, oldest first.

    Those are files with the name of a rotated one that were changed since (mtime, ns). When this
    one was still empty the time is that of its creation, and the one before it may have the same.
    They may be renamed again meanwhile, so it looks until there is nothing new.
    """
    found: dict[tuple[int, int], Rest] = {}
    rotated = _rotated(at.real)
    since = at.changed + (not at.head)
    for _ in range(_PASSES):
        known = len(found)
        for path, _inode in _beside(at, rotated):
            try:
                fd, file = open_file(path)
            except (OSError, UsageError):
                continue
            if file.node in found or file.changed < since or seen(file):
                os.close(fd)
            else:
                found[file.node] = Rest(fd, file, copy=False)
        if len(found) == known:
            break
    return sorted(found.values(), key=lambda each: each.file.changed)


def _beside(at: Position, wanted: Callable[[str], bool]) -> Iterator[tuple[str, int]]:
    """Yield path and inode of what lies where the file is, and where it is linked from."""
    folders = [os.path.dirname(at.real), os.path.dirname(at.path)]  # noqa: PTH120
    for folder in dict.fromkeys(folders):
        try:
            with os.scandir(folder) as entries:
                here = sorted((each.path, each.inode()) for each in entries if wanted(each.name))
        except OSError:
            continue
        yield from here


def _stem(path: str) -> str:
    name = os.path.basename(path)  # noqa: PTH119
    return name.partition(".")[0] or name


def _rotated(path: str) -> Callable[[str], bool]:
    """Tell the names that rotation gives: app.log.1, app.log-20250101.gz, app-2025-01-01T00.log."""
    name = os.path.basename(path)  # noqa: PTH119
    stem, dot, end = name.rpartition(".")
    number = r"[._-]\d[\dTZ.:_+-]*"
    packed = r"(?:\.(?:gz|zst|bz2|xz))?"
    expression = f"{re.escape(name)}{number}{packed}"
    if stem:
        expression += f"|{re.escape(stem)}{number}{re.escape(dot + end)}{packed}"
    matcher = re.compile(expression)
    return lambda each: matcher.fullmatch(each) is not None
