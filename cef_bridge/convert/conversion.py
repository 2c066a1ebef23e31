"""One run of `convert`: the units of all inputs become messages, noise or rejects.

In come inputs (`sources`) and a machine that converts, out go batches of messages to a sink and
rejects to another. It knows neither YAML nor click; what becomes of a unit is `engine.line_loop`'s.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, Protocol, TypeVar

import orjson

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.sources.records.blocks import Block, blocks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.engine.line_loop import EventConverter, Refused
    from cef_bridge.sources.files.archives import UnpackedStream
    from cef_bridge.sources.files.inputs import Input
    from cef_bridge.sources.files.raw import Raw
    from cef_bridge.sources.records.blocks import Item
    from cef_bridge.stats import Stats

_T = TypeVar("_T")

MAX_EXPAND = 200
"""A compressed input may expand to so many times its size."""


class Sink(Protocol):
    """Where bytes go: standard output, an `AtomicFile`."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes, or raise."""


class ConvertResult(Protocol):
    """A run that has ended, and what it came to; `inputs` are rows of the report."""

    inputs: list[dict[str, object]]
    stopped: bool

    @property
    def stats(self) -> Stats:
        """The counters."""


class Results:
    """What was made of some blocks, on its way to the sinks: messages, and rejected records."""

    def __init__(self, out: Sink, rejects: Sink | None) -> None:
        self.messages: list[bytes] = []
        self._aside: list[bytes] = []
        self._out = out
        self._rejects = rejects

    def refuse(self, refused: Refused) -> None:
        """Take a rejected record, if anybody wants them."""
        if self._rejects is not None:
            self._aside.append(row(refused))

    def flush(self) -> None:
        """Write all of it."""
        if self.messages:
            self._out.write(b"".join(self.messages))
            self.messages.clear()
        if self._aside and self._rejects is not None:
            self._aside.append(b"")
            self._rejects.write(b"\n".join(self._aside))
            self._aside.clear()


class ConvertRun:
    """Converts inputs one after another. `stop()` ends it after the lines in hand.

    While it is `waiting` for input nothing is in hand: an exception may end it there and then, and
    the counters are right. `progress` is called with an input's name and how many bytes of it were
    read. `hashed`: the inputs' SHA-256 is wanted.
    """

    def __init__(
        self,
        machine: EventConverter,
        out: Sink,
        rejects: Sink | None = None,
        options: Options | None = None,
        progress: Callable[[str, int], None] = lambda _name, _consumed: None,
        *,
        max_expand: int = MAX_EXPAND,
        hashed: bool = False,
    ) -> None:
        self.inputs: list[dict[str, object]] = []
        self.options = options or Options()
        self.waiting = False
        self.stopped = False
        self._max_expand = max_expand
        self._hashed = hashed
        self.progress = progress
        self._results = results = Results(out, rejects)
        # One list for both lanes: the order of the input is kept.
        lane = results.messages
        self._loop = LineLoop(machine, lane, lane, results.refuse, self.options)
        self.stats = self._loop.stats

    def stop(self) -> None:
        """End the run after the lines in hand; counters stay right."""
        self.stopped = True

    def run(self, inputs: Sequence[Input]) -> None:
        """Convert all inputs; a damaged one is reported and the next goes on."""
        for each in inputs:
            self._input(each)
            if self.stopped:
                return

    def _input(self, each: Input) -> None:
        started, before = time.monotonic(), self.stats.lines
        raw: Raw | None = None
        streams = each.streams(max_expand=self._max_expand, hashed=self._hashed)
        try:
            # Opening waits, too: for the first bytes of a pipe, and at the end for the hash.
            while not self.stopped and (stream := self._wait(streams)) is not None:
                raw = stream.raw
                self._stream(stream, each.name)
        finally:
            self._loop.settle()
            whole = raw is not None and stream is None
            self.inputs.append(
                {
                    "name": each.name,
                    "bytes": raw.consumed if raw else 0,
                    "sha256": raw.sha256() if raw and whole else None,
                    "lines": self.stats.lines - before,
                    "seconds": round(time.monotonic() - started, 3),
                }
            )

    def _wait(self, iterator: Iterator[_T]) -> _T | None:
        """Return what comes next, None at the end."""
        self.waiting = True
        try:
            return next(iterator, None)
        finally:
            self.waiting = False

    def _stream(self, stream: UnpackedStream, name: str) -> None:
        self._loop.begin(stream.name)
        units = iter(blocks(stream, max_record=self.options.max_record))
        last = 1
        while not self.stopped and (item := self._wait(units)) is not None:
            last = take_in(self._loop, item) or last
            if isinstance(item, Block):
                self.progress(name, item.consumed)
            self._results.flush()
        if self.stopped:  # the rest of a line that a runtime cut may be there, but was not read
            return
        self._loop.finish(last)
        self._results.flush()


def take_in(loop: LineLoop, item: Item) -> int:
    """Convert an item of a stream; return the line of its last unit, 0 when it has none."""
    if isinstance(item, Block):
        loop.block(item)
        loop.stats.settle()
        return item.last
    loop.lost(item)
    return 0


def row(refused: Refused) -> bytes:
    """Return a rejected record as it stands in the file of rejects, without a line end."""
    shown: dict[str, object] = {
        "source": refused.source,
        "line": refused.line,
        "reason": refused.reason,
        "size": refused.size,
    }
    try:
        shown["raw"] = refused.raw.decode()
    except UnicodeDecodeError:
        shown["raw"] = refused.raw.decode("utf-8", "replace")
        shown["raw_base64"] = base64.b64encode(refused.raw).decode()
    return orjson.dumps(shown)
