"""Workers that convert pieces ahead, the thread that reads for them, what became of each piece.

In come pieces as they are read, out go Results, and words to write or to drop a piece. Must not
know whether a result is of use: that is `run`'s.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
from collections import deque
from typing import TYPE_CHECKING, cast

from cef_bridge.errors import CefBridgeError
from cef_bridge.parallel.pieces import DEPTH, ClosedError
from cef_bridge.parallel.pool import FAULT, Pool
from cef_bridge.parallel.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.parallel.pieces import Piece, Sink, Slots
    from cef_bridge.parallel.pool import Line, Member
    from cef_bridge.parallel.worker import Result
    from cef_bridge.unitloop import Machine, Options

_GRACE = 0.2  # seconds that the end of a run waits for its reader
_SMALL = 1 << 14  # to tell a worker of less costs more than to convert it

_WORK, _WRITE, _DROP = "work", "write", "drop"
_DONE, _WRITTEN, _FAILED, _GONE = "done", "written", "failed", "gone"


class Served:
    """What a worker process does: it answers the words of the one that forked it."""

    def __init__(
        self,
        slots: Slots,
        machine: Machine,
        options: Options,
        out: Sink,
        rejects: Sink | None,
    ) -> None:
        self._worker = Worker(slots, machine, options, rejects=rejects is not None)
        self._out = out
        self._rejects = rejects

    def __call__(self, line: Line) -> None:
        """Answer until there is nobody any more."""
        while (word := line.receive()) is not None:
            kind = word[0]
            if kind == _WORK:
                line.send((_DONE, self._worker.convert(cast("Piece", word[1]))))
            elif kind == _WRITE:
                line.send(self._write(*cast("tuple[int, int, int]", word[1:])))
            else:
                self._worker.drop(cast("int", word[1]))

    def _write(self, number: int, size: int, aside_size: int) -> tuple[object, ...]:
        messages, aside = self._worker.take(number)
        try:
            self._out.size = size  # others have written, too
            for each in messages:
                self._out.write(each)
            if aside and self._rejects is not None:
                self._rejects.size = aside_size
                self._rejects.write(aside)
        except BrokenPipeError:
            return (_GONE,)
        except CefBridgeError as error:
            return (_FAILED, str(error))
        return (_WRITTEN, number)


class Team:
    """The workers and the thread that reads, and what became of the pieces that were given out."""

    def __init__(self, jobs: int, serve: Served, slots: Slots, pieces: Iterator[Piece]) -> None:
        self._slots = slots
        self._pool = Pool(jobs, serve)
        self._least = min(_SMALL, slots.size // 4)
        self._load: dict[Member, set[int]] = {member: set() for member in self._pool.members}
        self._owner: dict[int, Member] = {}
        self._results: dict[int, Result] = {}
        self._written: set[int] = set()
        self._given = -1  # the number of the last piece that was looked at
        self._pieces = pieces
        self._arrived: deque[Piece | BaseException | None] = deque()
        self._woken, self._waker = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.poll()
        self._poll.register(self._woken, select.POLLIN)
        self._lines = {member.line.fileno(): member for member in self._pool.members}
        for number in self._lines:
            self._poll.register(number, select.POLLIN)
        # A thread, so that a slow pipe keeps nobody waiting. It cannot be told to stop reading.
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self._reader.start()

    def wake(self) -> None:
        """Let `listen` return; may be called by a signal handler or another thread."""
        with contextlib.suppress(BlockingIOError):  # it was woken often enough
            os.write(self._waker, b"!")

    def _read(self) -> None:
        try:
            for piece in self._pieces:
                self._arrived.append(piece)
                self.wake()
            self._arrived.append(None)
        except ClosedError:
            return
        except BaseException as error:  # noqa: BLE001 - raised where the run is
            self._arrived.append(error)
        self.wake()

    def arrived(self) -> Iterator[Piece | None]:
        """Yield the pieces that were read since the last time, None when those were all."""
        while self._arrived:
            piece = self._arrived.popleft()
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    def give_out(self, ahead: deque[Piece]) -> None:
        """Give pieces to workers that have room for more, the next first."""
        for piece in ahead:
            if piece.number <= self._given:
                continue
            if piece.alone and sum(each.size for each in piece.segments) >= self._least:
                member = min(self._load, key=lambda each: len(self._load[each]))
                if len(self._load[member]) >= DEPTH:
                    return
                self._load[member].add(piece.number)
                self._owner[piece.number] = member
                self._send(member, _WORK, piece)
            self._given = piece.number

    def has(self, piece: Piece) -> bool:
        """Tell whether a worker has it."""
        return piece.number in self._owner

    def result(self, piece: Piece) -> Result | None:
        """Return what became of a piece, None when that is not known yet."""
        return self._results.get(piece.number)

    def write(self, piece: Piece, size: int, aside_size: int) -> None:
        """Let a worker write a piece, behind so many bytes that the sinks have."""
        self._send(self._owner[piece.number], _WRITE, piece.number, size, aside_size)

    def written(self, piece: Piece) -> bool:
        """Tell whether it was written."""
        return piece.number in self._written

    def drop(self, piece: Piece) -> None:
        """Forget a piece, whatever became of it."""
        member = self._owner.pop(piece.number, None)
        self._given = max(self._given, piece.number)
        if member is None:
            return
        if piece.number not in self._written:
            self._send(member, _DROP, piece.number)
        if self._results.pop(piece.number, None) is not None:
            self._load[member].discard(piece.number)
        self._written.discard(piece.number)

    def _send(self, member: Member, *word: object) -> None:
        try:
            member.line.send(word)
        except OSError:
            raise member.fell() from None

    def listen(self) -> None:
        """Wait for a word of anyone, and take it in."""
        for number, _ in self._poll.poll():
            if number == self._woken:
                os.read(self._woken, 4096)
            else:
                self._hear(self._lines[number])

    def _hear(self, member: Member) -> None:
        word = member.line.receive()
        if word is None:
            raise member.fell()
        kind = word[0]
        if kind == _DONE:
            result = cast("Result", word[1])
            if result.number in self._owner:
                self._results[result.number] = result
            else:
                self._load[member].discard(result.number)
        elif kind == _WRITTEN:
            self._written.add(cast("int", word[1]))
        elif kind == _GONE:
            raise BrokenPipeError
        elif kind == _FAILED:
            raise CefBridgeError(str(word[1]))
        elif kind == FAULT:
            raise RuntimeError(str(word[1]))

    def end(self) -> None:
        """End all workers, whatever they do."""
        self._pool.end()
        self._slots.close()
        self._reader.join(_GRACE)
        if not self._reader.is_alive():  # else it may still want to wake somebody
            os.close(self._woken)
            os.close(self._waker)
