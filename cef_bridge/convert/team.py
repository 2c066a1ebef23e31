"""A thread that reads, and threads that convert what it read, ahead of the one that writes.

In come chunks as they are cut, out go the same chunks in their order, each with what became of it.
Must not know whether a result is of use: that is `run`'s.
"""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.convert.chunks import Chunk
    from cef_bridge.convert.worker import Result, Worker

_GRACE = 0.2  # seconds that the end of a run waits for its reader: a pipe may bring nothing
AHEAD = 2
"""Chunks that may have been read beyond one for each thread."""


class Given(NamedTuple):
    """A chunk, and what will have become of it; None: nobody converts it ahead."""

    chunk: Chunk
    result: Future[Result] | None


class Team:
    """`jobs` threads that convert, each with a worker of its own, and one that reads `chunks`.

    `least` is how many bytes a chunk has to have that is converted ahead.
    """

    def __init__(
        self, jobs: int, worker: Callable[[], Worker], chunks: Iterator[Chunk], least: int
    ) -> None:
        self._worker = worker
        self._chunks = chunks
        self._least = least
        self._own = threading.local()
        self._threads = ThreadPoolExecutor(jobs, "convert")
        self._arrived: Queue[Given | BaseException | None] = Queue(jobs + AHEAD)
        self._over = False
        # A thread, so that a slow pipe keeps nobody waiting. It cannot be told to stop reading.
        self._reader = threading.Thread(target=self._read, name="reader", daemon=True)
        self._reader.start()

    def next(self) -> Given | None:
        """Return the next chunk, None at the end; waits for it. Raises what reading raised."""
        given = self._arrived.get()
        if isinstance(given, BaseException):
            raise given
        return given

    def end(self) -> None:
        """End the threads, after the chunks in hand."""
        self._over = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        with contextlib.suppress(Empty):  # the reader may wait for room
            while True:
                self._arrived.get_nowait()
        self._threads.shutdown(wait=True)
        self._reader.join(_GRACE)

    def _read(self) -> None:
        try:
            for chunk in self._chunks:
                if self._over:
                    return
                ahead = chunk.alone and chunk.size >= self._least
                self._arrived.put(
                    Given(chunk, self._threads.submit(self._convert, chunk) if ahead else None)
                )
            self._arrived.put(None)
        except BaseException as error:  # noqa: BLE001 - raised where the run is
            self._arrived.put(error)

    def _convert(self, chunk: Chunk) -> Result:
        """Convert a chunk in one of the threads."""
        worker: Worker | None = getattr(self._own, "worker", None)
        if worker is None:
            worker = self._own.worker = self._worker()
        return worker.convert(chunk)
