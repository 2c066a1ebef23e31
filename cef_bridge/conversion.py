"""One run of `convert`: the units of all inputs become messages, noise or rejects.

In come inputs (`sources`) and a converter, out go batches of messages to a sink and rejects to
another. The loop over lines is here and nowhere else; it knows neither YAML nor click.
"""

from __future__ import annotations

import base64
import logging
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeVar

import orjson

from cef_bridge.converter import Converted, Filtered, Rejected
from cef_bridge.events.clock import event_time
from cef_bridge.events.decode import Decoded, Decoder, Noise, Unreadable
from cef_bridge.events.identity import SEPARATOR
from cef_bridge.fastpath import FastPath
from cef_bridge.sources.blocks import Block, Oversized, blocks
from cef_bridge.stats import Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from cef_bridge.converter import Converter
    from cef_bridge.sources.archives import Stream
    from cef_bridge.sources.inputs import Input
    from cef_bridge.sources.raw import Raw
    from cef_bridge.sources.units import Broken

# Noise is shown by samples: a relay's pod log is full of it.
_FIRST_NOISE, _EVERY_NOISE, _SHOWN_NOISE = 10, 1000, 200

_T = TypeVar("_T")
_log = logging.getLogger(__name__)

FAULT = "a fault of this program; please report it with this record"


class Sink(Protocol):
    """Where bytes go: standard output, an `AtomicFile`."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes, or raise."""


class Options(NamedTuple):
    """What a run is told.

    `strict`: noise is rejected; `max_record` in bytes, `max_expand` as a factor of the input's
    size; `hashed`: the inputs' SHA-256 is wanted.
    """

    max_record: int = 1 << 20
    max_expand: int = 200
    input_format: str = "auto"
    strict: bool = False
    hashed: bool = False


class Run:
    """Converts inputs one after another. `stop()` ends it after the lines in hand.

    While it is `waiting` for input nothing is in hand: an exception may end it there and then, and
    the counters are right. `progress` is called with an input's name and how many bytes of it were
    read.
    """

    def __init__(
        self,
        converter: Converter,
        out: Sink,
        rejects: Sink | None = None,
        options: Options | None = None,
        progress: Callable[[str, int], None] = lambda _name, _consumed: None,
    ) -> None:
        self.stats = Stats()
        self.inputs: list[dict[str, object]] = []
        self.options = options or Options()
        self.waiting = False
        self.stopped = False
        self._converter = converter
        self._fast = FastPath(converter)
        self._out = out
        self._rejects = rejects
        self._progress = progress
        self._messages: list[bytes] = []
        self._aside: list[bytes] = []
        self._placed: Block | None = None
        self._places: list[tuple[int, int]] = []
        self._decoder = Decoder()
        self._name = ""

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
        streams = each.streams(max_expand=self.options.max_expand, hashed=self.options.hashed)
        try:
            # Opening waits, too: for the first bytes of a pipe, and at the end for the hash.
            while not self.stopped and (stream := self._wait(streams)) is not None:
                raw = stream.raw
                self._stream(stream, each.name)
        finally:
            for kind, number in self._fast.sections.counts():
                self.stats.kinds[kind] += number
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

    def _stream(self, stream: Stream, name: str) -> None:
        self._name = stream.name
        options = self.options
        self._decoder = Decoder(max_record=options.max_record, input_format=options.input_format)
        units = iter(blocks(stream, max_record=options.max_record))
        last = 1
        while not self.stopped and (item := self._wait(units)) is not None:
            if isinstance(item, Block):
                self._block(item)
                last = item.lines_at[-1] if item.lines_at else item.line + len(item.lines) - 1
                self._progress(name, item.consumed)
                self.stats.settle()
            else:
                self._lost(item)
            self._flush()
        if self.stopped:  # the rest of a line that a runtime cut may be there, but was not read
            return
        for left in self._decoder.finish():
            if isinstance(left, Unreadable):
                self._reject(last, left.reason, left.raw)
        self._flush()

    def _block(self, block: Block) -> None:
        """Convert units, in the hot loop: what is remembered at once, all else the plain way."""
        loads, write = orjson.loads, self._messages.append
        glance, recall, learn = self._fast.sections.glance, self._fast.recall, self._fast.learn
        kinds, stats = self.stats.kinds, self.stats
        if self.options.input_format != "auto":
            glance = recall = _nothing  # type: ignore[assignment]
        converted = 0
        for index, line in enumerate(block.lines):
            message = glance(line)
            if message is not None:
                converted += 1
                write(message)
                continue
            try:
                raw = loads(line)
            except ValueError:  # noise, a wrapper's prefix, or worse
                self._plain(block, index)
                continue
            fate = recall(raw)
            if fate is None:
                self._plain(block, index)
                continue
            kinds[raw.get("Type"), raw.get("Operation"), fate.kind.class_id] += 1
            if fate.__class__ is Converted:
                converted += 1
                write(fate.message.encode())
                learn(line, raw)
            else:
                stats.filtered += 1
        stats.converted += converted

    def _plain(self, block: Block, index: int) -> None:
        """Convert a unit of any dialect and wrapper: several events, one, or a part of one."""
        unit = block.lines[index]
        if not unit.strip():
            self.stats.blank += 1
            return
        for found in self._decoder.decode(unit):
            if isinstance(found, Decoded):
                self._event(found, block, index)
            elif isinstance(found, Noise):
                self._noise(found, block, index)
            else:
                self._reject(self._place(block, index)[0], found.reason, found.raw)

    def _event(self, found: Decoded, block: Block, index: int) -> None:
        raw, origin = found.fields, ""
        timeless = event_time(raw) is None
        if timeless:
            # Nothing else tells the repetitions of such an event apart.
            origin = f"{self._name}{SEPARATOR}{self._place(block, index)[1]}"
        try:
            fate = self._fast.convert(raw, origin)
        except Exception:  # noqa: BLE001 - one bad event never stops the stream, nor a fault of ours
            _log.debug("%s:%d", self._name, self._place(block, index)[0], exc_info=True)
            fate = Rejected(FAULT)
        if isinstance(fate, Rejected):
            self._reject(self._place(block, index)[0], fate.reason, found.raw)
            return
        self.stats.count(raw.get("Type"), raw.get("Operation"), fate.kind.class_id)
        if isinstance(fate, Filtered):
            self.stats.filtered += 1
            return
        self.stats.without_time += timeless
        self.stats.converted += 1
        self._messages.append(fate.message.encode())

    def _place(self, block: Block, index: int) -> tuple[int, int]:
        """Return the line and the offset of a unit; a block works them out once, for all."""
        if self._placed is not block:
            self._placed, self._places = block, block.places()
        return self._places[index]

    def _noise(self, found: Noise, block: Block, index: int) -> None:
        if self.options.strict:
            self._reject(self._place(block, index)[0], "no KubeArmor event", found.raw)
            return
        self.stats.noise += 1
        if self.stats.noise <= _FIRST_NOISE or not self.stats.noise % _EVERY_NOISE:
            place = self._place(block, index)[0]
            _log.debug("%s:%d no event: %r", self._name, place, found.raw[:_SHOWN_NOISE])

    def _lost(self, item: Oversized | Broken) -> None:
        if isinstance(item, Oversized):
            limit = self.options.max_record
            reason = f"over the limit of {limit} bytes for a record; --max-record raises it"
            self._reject(item.line, reason, item.head, size=item.size)
        else:
            self._reject(item.line, item.reason, item.raw)

    def _reject(self, line: int, reason: str, raw: bytes, size: int | None = None) -> None:
        self.stats.reject(reason, f"{self._name}:{line}")
        if self._rejects is None:
            return
        row: dict[str, object] = {"source": self._name, "line": line, "reason": reason}
        row["size"] = len(raw) if size is None else size
        try:
            row["raw"] = raw.decode()
        except UnicodeDecodeError:
            row["raw"] = raw.decode("utf-8", "replace")
            row["raw_base64"] = base64.b64encode(raw).decode()
        self._aside.append(orjson.dumps(row))

    def _flush(self) -> None:
        if self._messages:
            self._messages.append(b"")
            self._out.write(b"\n".join(self._messages))
            self._messages.clear()
        if self._aside and self._rejects is not None:
            self._aside.append(b"")
            self._rejects.write(b"\n".join(self._aside))
            self._aside.clear()


def _nothing(_: object) -> None:
    """Remember nothing: a forced input format has to know what every line was wrapped in."""
