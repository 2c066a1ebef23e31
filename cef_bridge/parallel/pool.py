"""Worker processes: forked, spoken to over sockets, missed when one dies.

In come words for a worker, out come its words; a word is a tuple. A worker ends when its socket
does, so none outlives the process that forked it. Must not know what is converted.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import socket
import struct
import traceback
from typing import TYPE_CHECKING, NoReturn

from cef_bridge.errors import CefBridgeError, WorkerError

if TYPE_CHECKING:
    from collections.abc import Callable

_SIZE = struct.Struct("!I")
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

FAULT = "fault"
"""A worker's last word: what was wrong inside of it."""


class Line:
    """One end of a socket that whole words go through."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    def fileno(self) -> int:
        """Return the descriptor, to wait on."""
        return self._end.fileno()

    def send(self, word: tuple[object, ...]) -> None:
        """Say something; OSError when nobody is there any more."""
        data = pickle.dumps(word, pickle.HIGHEST_PROTOCOL)
        self._end.sendall(_SIZE.pack(len(data)) + data)

    def receive(self) -> tuple[object, ...] | None:
        """Return the next word; None when the other end has gone."""
        try:
            head = self._exactly(_SIZE.size)
            data = self._exactly(*_SIZE.unpack(head)) if head else b""
        except OSError:
            return None
        # Only processes that this one forked itself hold the other end.
        return pickle.loads(data) if data else None  # noqa: S301

    def close(self) -> None:
        """Close this end; the other one sees that."""
        self._end.close()

    def _exactly(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            piece = self._end.recv(size - len(data))
            if not piece:
                return b""
            data += piece
        return data


class Member:
    """A worker process, and the line to it."""

    def __init__(self, pid: int, line: Line) -> None:
        self.pid = pid
        self.line = line
        self._code: int | None = None

    def end(self, number: int = signal.SIGKILL) -> int:
        """End it, and return its exit code; minus the signal that ended it."""
        if self._code is None:
            self.line.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            self._code = self._wait()
        return self._code

    def fell(self) -> WorkerError:
        """Return what an operator is told when it has gone by itself."""
        code = self._wait()
        self._code = code
        self.line.close()
        if code < 0:
            hint = " (out of memory?)" if code == -signal.SIGKILL else ""
            how = f"was killed by signal {-code}{hint}"
        else:
            how = f"ended by itself with exit code {code}"
        return WorkerError(f"worker process {self.pid} {how}")

    def _wait(self) -> int:
        try:
            return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        except ChildProcessError:
            return 0


class Pool:
    """`count` workers, each of which runs `serve` with its end of a line."""

    def __init__(self, count: int, serve: Callable[[Line], None]) -> None:
        self.members: list[Member] = []
        try:
            for _ in range(count):
                self._fork(serve)
        except OSError as error:
            self.end()
            why = error.strerror or "unknown error"
            raise CefBridgeError(
                f"cannot start {count} worker processes: {why}. Ask for fewer with -j"
            ) from error

    def _fork(self, serve: Callable[[Line], None]) -> None:
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid:
            theirs.close()
            self.members.append(Member(pid, Line(ours)))
            return
        try:
            ours.close()
            for other in self.members:  # else their sockets would not end with our parent
                other.line.close()
            _serve(Line(theirs), serve)
        finally:
            os._exit(1)

    def end(self) -> None:
        """End all of them, whatever they do."""
        for member in self.members:
            member.end()


def _serve(line: Line, serve: Callable[[Line], None]) -> NoReturn:
    """Run a worker's part in its process; no exception leaves it."""
    # A signal to the group is for the one that forked us: it lets us finish what is in hand.
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    try:
        serve(line)
    except OSError:  # nobody is there any more
        os._exit(0)
    except BaseException:  # noqa: BLE001 - told to the one that forked us
        with contextlib.suppress(OSError):
            line.send((FAULT, traceback.format_exc()))
        os._exit(1)
    os._exit(0)
