"""The native engine: whether there is one, and whether it or Python does the work.

In come the files that hatch_build.py put into the package (`_engine.so`, or `_no_engine.txt` with
the reason) and CEF_BRIDGE_ENGINE, out goes the library, or why there is none. Knows the functions
of engine/src/abi.rs, and not what the bytes mean that go through them. The only module that imports
ctypes: a wrong type in a call ends the process.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import struct
import zlib
from bisect import bisect_left
from functools import cache
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.errors import UsageError
from cef_bridge.wording import either, printable, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# The number of the C interface; its twin is ABI in engine/src/abi.rs.
ABI = 6
LEFT, FAULT = 1, 2
"""`Answer.end` of a run that did not come to its end: the line in hand is Python's. FAULT: because
the engine could not go on.
"""
NO_TIME = -(2**63)
"""`MessageRow.time` of an event that says no time."""
NATIVE, PYTHON = "native", "python"
ALONE = 2**32 - 1
"""`ExaminedLine.sort` of an event that stands for itself alone."""
CHOICES = ("auto", "native", "python", "both")
_PACKAGE = Path(__file__).parent.parent
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # malloc.h of the GNU C library
_KEPT = 8 << 20  # bytes at the end of a thread's memory
_LARGE = 4 << 20  # bytes of a buffer that is given back at once


class EngineStatus(NamedTuple):
    """The engine in use, `native` or `python`, and the reason; prints as `python (reason)`."""

    engine: str
    reason: str = ""

    def __str__(self) -> str:
        return f"{self.engine} ({self.reason})" if self.reason else self.engine


class _UnusableError(Exception):
    """There is no library, or it is of no use; the text says why, and how to get one."""


class Library:
    """The loaded and checked library. Raises _UnusableError.

    `crate` is the folder of its sources, where there is a checkout.
    """

    def __init__(self, path: Path, crate: Path) -> None:
        again = _again(crate)
        try:
            library = ctypes.CDLL(str(path))
            abi, source = library.cef_bridge_abi, library.cef_bridge_source
        except OSError as error:
            raise _UnusableError(f"{path} cannot be loaded: {error}; {again}") from None
        except AttributeError:
            raise _UnusableError(f"{path} is another library; {again}") from None
        abi.argtypes, abi.restype = (), ctypes.c_uint32
        if (number := abi()) != ABI:  # before anything else: all else may have changed
            raise _UnusableError(
                f"the engine's ABI is {number}, and this cef-bridge needs {ABI}; {again}"
            )
        source.argtypes, source.restype = (), ctypes.c_char_p
        self.source: str = source().decode()
        if _is_there(crate) and self.source != source_checksum(crate):
            raise _UnusableError(f"the engine is older than its sources; {again}")
        self._functions = library
        holding = ctypes.PyDLL(str(path))
        for name, (arguments, result) in _FUNCTIONS.items():
            function = getattr(library if name in _LONG else holding, name)
            function.argtypes, function.restype = arguments, result
            setattr(library, name, function)

    def plan(self, table: bytes) -> EnginePlan:
        """Return a plan of a table. Raises ValueError with the reason for one that is damaged."""
        reason = ctypes.create_string_buffer(_REASON)
        pointer = self._functions.cef_bridge_plan(table, len(table), reason, _REASON)
        if not pointer:
            raise ValueError(f"the engine cannot read the mapping's table: {reason.value.decode()}")
        return EnginePlan(self._functions, pointer)


class EnginePlan:
    """A mapping that the engine has read. It is not changed by running: threads may share it."""

    def __init__(self, functions: ctypes.CDLL, pointer: int) -> None:
        self.functions = functions
        self.pointer = pointer

    def __del__(self) -> None:
        self.functions.cef_bridge_plan_free(self.pointer)


class BlockOrigin(NamedTuple):
    """Where a block stands: the source's name, the offset of its first byte, the time of events
    that have none (epoch microseconds), whether parts of lines wait for their rest, whether events
    are to be counted by sort, and whether lines are `numbered`: then `offset` is the number of the
    first, and a line's number is its place.
    """

    source: bytes
    offset: int
    assumed_time: int | None = None
    parts_wait: bool = False
    sorts: bool = False
    numbered: bool = False


class Work:
    """What one thread needs to run blocks; not to be shared. What a run gave stands until the next
    run: `messages` with a line feed behind each, `answer` with the counts.
    """

    def __init__(self, plan: EnginePlan) -> None:
        self._plan = plan
        self._functions = plan.functions
        self._pointer = plan.functions.cef_bridge_work()
        self._question = _Question()
        self._part = _Part()
        self.answer = _Answer()

    def __del__(self) -> None:
        self._functions.cef_bridge_work_free(self._pointer)

    def run(self, data: bytes, begin: int, end: int, place: BlockOrigin) -> int:
        """Convert the lines of `data` from `begin` to `end`, until one that is left to Python.

        Return where that begins, or `end`; `answer.next` is where the line behind it begins. The
        interpreter's lock is not held meanwhile.
        """
        question = self._question
        question.bytes, question.size, question.begin = data, end, begin
        question.source, question.source_size = place.source, len(place.source)
        question.offset = place.offset
        question.assumed_time = place.assumed_time or 0
        question.has_assumed_time = place.assumed_time is not None
        question.parts_wait = place.parts_wait
        question.sorts = place.sorts
        question.numbered = place.numbered
        self._functions.cef_bridge_run(
            self._plan.pointer, self._pointer, ctypes.byref(question), ctypes.byref(self.answer)
        )
        return int(self.answer.at)

    @property
    def fault(self) -> str:
        """Where the fault is in the engine's sources that ended the last run with FAULT."""
        return ctypes.string_at(self.answer.fault, self.answer.fault_size).decode()

    @property
    def messages(self) -> bytes:
        """The messages of the last run, a line feed behind each."""
        return ctypes.string_at(self.answer.messages, self.answer.messages_size)

    @property
    def rows(self) -> Sequence[MessageRow]:
        """A row for each message."""
        rows: list[MessageRow] = self.answer.rows[: self.answer.rows_many]
        return rows

    @property
    def row_bytes(self) -> bytes:
        """The rows of all messages, as the engine has them: see `facts_of`."""
        return ctypes.string_at(self.answer.rows, self.answer.rows_many * _ROW)

    def facts(self) -> Iterator[tuple[int, int, int, int, int, int, bytes, int, int, int]]:
        """Yield the fields of each message's row, in the order of MessageRow."""
        return facts_of(self.row_bytes)

    def begins(self) -> Sequence[int]:
        """Return where the line of each message begins."""
        return self._rows().cast("I")[MessageRow.begin.offset // 4 :: _ROW // 4]

    def lanes(self) -> bytes:
        """Return a byte for each message: 1 where it is urgent, else 0."""
        return bytes(self._rows()[MessageRow.urgent.offset :: _ROW])

    def urgent(self) -> Iterator[tuple[int, int, int, int, int]]:
        """Yield of each urgent message its number, where its line begins, the key of its container,
        its time and whether nothing says that.
        """
        rows = self._rows()
        words, halves = rows.cast("Q"), rows.cast("I")
        columns = (
            range(self.answer.rows_many),
            halves[MessageRow.begin.offset // 4 :: _ROW // 4],
            words[MessageRow.container.offset // 8 :: _ROW // 8],
            rows.cast("q")[MessageRow.time.offset // 8 :: _ROW // 8],
            rows[MessageRow.timeless.offset :: _ROW],
        )
        return compress(zip(*columns, strict=True), rows[MessageRow.urgent.offset :: _ROW])

    def part(
        self, lanes: bytes, lane: int, first: int, most: tuple[int, int]
    ) -> tuple[bytes, int, int]:
        """Return messages of a lane, a line feed between two, how many, and the row to go on from.

        `lanes` has a byte for each message of the run. `first`: the row to begin at; `most`: so
        many messages, and bytes, at most, but at least one. Raises RuntimeError for a fault.
        """
        part = self._part
        self._functions.cef_bridge_part(
            self._pointer, lanes, lane, first, *most, ctypes.byref(part)
        )
        if part.next <= first:
            raise RuntimeError("the engine has a fault: it cannot split its messages by lane")
        text = ctypes.string_at(part.messages, max(part.messages_size - 1, 0))
        return text, part.many, part.next

    def _rows(self) -> memoryview:
        """Return a copy of the rows."""
        return memoryview(self.row_bytes)

    @property
    def elsewhere(self) -> Sequence[int]:
        """Where the lines begin of events that are not for this destination."""
        places: list[int] = self.answer.elsewhere[: self.answer.elsewhere_many]
        return places

    def message_of(self, line: int) -> tuple[MessageRow, bytes] | None:
        """Return the row and the message of the line that begins there, None when it has none."""
        rows, many = self.answer.rows, self.answer.rows_many
        at = bisect_left(range(many), line, key=lambda index: rows[index].begin)
        if at == many or rows[at].begin != line:
            return None
        row, start = rows[at], rows[at - 1].end if at else 0
        return row, ctypes.string_at(self.answer.messages + start, row.end - 1 - start)

    def is_elsewhere(self, line: int) -> bool:
        """Tell whether the line that begins there has an event that is not for this destination."""
        places, many = self.answer.elsewhere, self.answer.elsewhere_many
        at = bisect_left(range(many), line, key=lambda index: places[index])
        return bool(at < many and places[at] == line)

    @property
    def looks(self) -> Sequence[ExaminedLine]:
        """The events of the last run that are to be examined, if it counted by sort."""
        looks: Sequence[ExaminedLine] = self.answer.looks[: self.answer.looks_many]
        return looks

    def sorts(self) -> Sequence[int]:
        """Return how many events there were of each sort, by `ExaminedLine.sort`."""
        many = ctypes.c_uint64()
        counts = self._functions.cef_bridge_sorts(self._pointer, ctypes.byref(many))
        each: Sequence[int] = counts[: many.value]
        return each

    def kinds(self) -> bytes:
        """Return the counts since the last time, as JSON: type, operation, class, count."""
        size = ctypes.c_uint64()
        text = self._functions.cef_bridge_kinds(self._pointer, ctypes.byref(size))
        return ctypes.string_at(text, size.value)


class MessageRow(ctypes.Structure):
    """A message: where it ends in the messages, where its line begins, class, severity, lane.

    Its event: whether the id depends on where the line is, the id (40 hex digits), whether nothing
    says the time, the time in epoch microseconds (NO_TIME where it is not even assumed), and, of an
    urgent one, the key of its container.
    """

    _fields_ = (
        ("end", ctypes.c_uint32),
        ("begin", ctypes.c_uint32),
        ("class_", ctypes.c_uint16),
        ("severity", ctypes.c_uint8),
        ("urgent", ctypes.c_uint8),
        ("placed", ctypes.c_uint8),
        ("id", ctypes.c_char * 40),
        ("timeless", ctypes.c_uint8),
        ("time", ctypes.c_int64),
        ("container", ctypes.c_uint64),
    )


class ExaminedLine(ctypes.Structure):
    """An event to examine: where its line begins, and the sort that it stands for, or ALONE."""

    _fields_ = (("begin", ctypes.c_uint32), ("sort", ctypes.c_uint32))


_ROW: int = ctypes.sizeof(MessageRow)
_FACTS = struct.Struct("@IIHBBB40sBqQ")  # the same, for many rows at a time


def facts_of(rows: bytes) -> Iterator[tuple[int, int, int, int, int, int, bytes, int, int, int]]:
    """Yield the fields of rows that a run gave, in the order of MessageRow."""
    return _FACTS.iter_unpack(rows)


class _Part(ctypes.Structure):
    """`Part` of engine/src/api.rs."""

    _fields_ = (
        ("messages", ctypes.c_void_p),
        ("messages_size", ctypes.c_uint64),
        ("many", ctypes.c_uint64),
        ("next", ctypes.c_uint64),
    )


class _Question(ctypes.Structure):
    """`Question` of engine/src/api.rs."""

    _fields_ = (
        ("bytes", ctypes.c_char_p),
        ("size", ctypes.c_uint64),
        ("begin", ctypes.c_uint64),
        ("source", ctypes.c_char_p),
        ("source_size", ctypes.c_uint64),
        ("offset", ctypes.c_uint64),
        ("assumed_time", ctypes.c_int64),
        ("has_assumed_time", ctypes.c_uint32),
        ("parts_wait", ctypes.c_uint32),
        ("sorts", ctypes.c_uint32),
        ("numbered", ctypes.c_uint32),
    )


class _Answer(ctypes.Structure):
    """`Answer` and `Counts` of engine/src/api.rs and block.rs."""

    _fields_ = (
        ("end", ctypes.c_uint32),
        ("at", ctypes.c_uint64),
        ("next", ctypes.c_uint64),
        ("fault", ctypes.c_void_p),
        ("fault_size", ctypes.c_uint64),
        ("messages", ctypes.c_void_p),
        ("messages_size", ctypes.c_uint64),
        ("rows", ctypes.POINTER(MessageRow)),
        ("rows_many", ctypes.c_uint64),
        ("elsewhere", ctypes.POINTER(ctypes.c_uint32)),
        ("elsewhere_many", ctypes.c_uint64),
        ("looks", ctypes.POINTER(ExaminedLine)),
        ("looks_many", ctypes.c_uint64),
        ("lines", ctypes.c_uint64),
        ("blank", ctypes.c_uint64),
        ("converted", ctypes.c_uint64),
        ("filtered", ctypes.c_uint64),
        ("routed_away", ctypes.c_uint64),
        ("without_time", ctypes.c_uint64),
        ("in_log", ctypes.c_uint64),
        ("first", ctypes.c_int64),
        ("last", ctypes.c_int64),
    )


_REASON = 256  # bytes of a sentence
_POINTER, _SIZE = ctypes.c_void_p, ctypes.c_uint64
_LONG = ("cef_bridge_run", "cef_bridge_plan")
"""The interpreter's lock is not held meanwhile. To get it back takes longer than the others do."""
_FUNCTIONS: dict[str, tuple[tuple[type, ...], type | None]] = {
    "cef_bridge_plan": ((ctypes.c_char_p, _SIZE, ctypes.c_char_p, _SIZE), _POINTER),
    "cef_bridge_plan_free": ((_POINTER,), None),
    "cef_bridge_work": ((), _POINTER),
    "cef_bridge_work_free": ((_POINTER,), None),
    "cef_bridge_run": ((_POINTER,) * 4, None),
    "cef_bridge_part": (
        (_POINTER, ctypes.c_char_p, ctypes.c_uint32, _SIZE, _SIZE, _SIZE, _POINTER),
        None,
    ),
    "cef_bridge_kinds": ((_POINTER, _POINTER), _POINTER),
    "cef_bridge_sorts": ((_POINTER, _POINTER), ctypes.POINTER(ctypes.c_uint64)),
}


def choice() -> str:
    """Return CEF_BRIDGE_ENGINE: which engine the user wants. Raises UsageError."""
    word = os.environ.get("CEF_BRIDGE_ENGINE") or "auto"
    if word not in CHOICES:
        raise UsageError(
            f'CEF_BRIDGE_ENGINE "{shown(word)}" is unknown. Expected {either(CHOICES)}.'
        )
    return word


def load() -> Library | None:
    """Return the library, or None where Python does the work.

    Raises UsageError when CEF_BRIDGE_ENGINE is wrong, or asks for an engine that is not there.
    """
    wanted = choice()
    if wanted == "python":
        return None
    found = find(_PACKAGE)
    if isinstance(found, Library):
        return found
    if wanted != "auto":
        raise UsageError(f"CEF_BRIDGE_ENGINE={wanted}, but there is no native engine: {found}.")
    return None


def status() -> EngineStatus:
    """Return the engine in use and the reason. Raises UsageError as `load` does."""
    wanted = choice()
    if load() is not None:
        return EngineStatus(
            NATIVE, "each line is compared with Python's" if wanted == "both" else ""
        )
    if wanted == "python":
        return EngineStatus(PYTHON, "CEF_BRIDGE_ENGINE=python")
    return EngineStatus(PYTHON, str(find(_PACKAGE)))


@cache
def find(package: Path) -> Library | str:
    """Return the library of a package's folder, or the reason why there is none."""
    library, reason = package / "_engine.so", package / "_no_engine.txt"
    crate = package.parent / "engine"
    try:
        if library.exists():
            return Library(library, crate)
        if reason.exists():
            return printable(reason.read_text(encoding="utf-8").strip())
    except _UnusableError as error:
        return printable(str(error))
    except OSError as error:
        return printable(f"{error.filename}: {error.strerror}")
    return f"it was never built; {_again(crate)}"


def source_checksum(crate: Path) -> str:
    """Return the checksum of a crate's sources; engine/build.rs gives the library the same."""
    names = ["Cargo.lock", "Cargo.toml", "build.rs"]
    names += [path.relative_to(crate).as_posix() for path in (crate / "src").rglob("*.rs")]
    checksum = 0
    for name in sorted(names, key=str.encode):
        checksum = zlib.crc32((crate / name).read_bytes(), zlib.crc32(name.encode(), checksum))
    return f"{checksum:08x}"


def _is_there(crate: Path) -> bool:
    """Tell whether this is a checkout, in which sources may be newer than the library."""
    return (crate / "src").is_dir()


def _again(crate: Path) -> str:
    return "run make engine" if _is_there(crate) else "install cef-bridge again"


def keep_freed_memory() -> None:
    """Have this process keep memory that it frees, for its next buffers (mallopt(3)).

    Who reads on and on makes buffers of some 256 KiB and frees them soon. The GNU C library gives
    such memory back to the kernel, which clears it again for the next one: that was 6 % of all that
    `forward` does with a file. Where the C library is another, nothing changes.
    """
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_TRIM_THRESHOLD, _KEPT)
        mallopt(_MMAP_THRESHOLD, _LARGE)
