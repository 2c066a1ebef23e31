"""One run of `convert`: the units of all inputs become messages, noise or rejects.

In come inputs (`sources`) and a converter, out go batches of messages to a sink and rejects to
another. The loop over lines is here and nowhere else; it knows neither YAML nor click.
"""

from __future__ import annotations

import base64
import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson

from cef_bridge.converter import Converted, Filtered, Rejected
from cef_bridge.events.clock import event_time
from cef_bridge.events.decode import Decoded, Decoder, Noise
from cef_bridge.events.identity import SEPARATOR
from cef_bridge.fastpath import FastPath
from cef_bridge.sources.blocks import Block, Oversized, blocks
from cef_bridge.stats import Stats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.converter import Converter
    from cef_bridge.sources.archives import Stream
    from cef_bridge.sources.inputs import Input
    from cef_bridge.sources.units import Broken

MOST_RAW = 1 << 16
"""As many bytes of a rejected record go to the rejects file."""


class Sink(Protocol):
    """Where bytes go: standard output, an `AtomicFile`."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes, or raise."""


class Options(NamedTuple):
    """What a run is told. `strict`: noise is rejected. `max_record` in bytes, `max_expand` as a
    factor of the input's size.
    """

    max_record: int = 1 << 20
    max_expand: int = 200
    input_format: str = "auto"
    strict: bool = False
    hashed: bool = False


class Run:
    """Converts inputs one after another. `stop()` ends it after the lines in hand."""

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
        self._decoder = Decoder()
        self._name = ""

    def stop(self) -> None:
        """End the run after the lines in hand; counters stay right."""
        self.stopped = True

    def run(self, inputs: Sequence[Input]) -> None:
        """Convert all inputs; a damaged one is reported and the next goes on."""
        for each in inputs:
            started = time.monotonic()
            raw = None
            before = self.stats.lines
            for stream in each.streams(
                max_expand=self.options.max_expand, hashed=self.options.hashed
            ):
                raw = stream.raw
                self._stream(stream)
                if self.stopped:
                    break
            self.inputs.append(
                {
                    "name": each.name,
                    "bytes": raw.consumed if raw else 0,
                    "sha256": raw.sha256() if raw and not self.stopped else None,
                    "lines": self.stats.lines - before,
                    "seconds": round(time.monotonic() - started, 3),
                }
            )
            if self.stopped:
                return

    def _stream(self, stream: Stream) -> None:
        self._name = stream.name
        self._decoder = Decoder(
            max_record=self.options.max_record, input_format=self.options.input_format
        )
        units = iter(blocks(stream, max_record=self.options.max_record))
        last = 1
        while not self.stopped:
            self.waiting = True
            item = next(units, None)
            self.waiting = False
            if item is None:
                break
            if isinstance(item, Block):
                self._block(item)
                last = item.line + len(item.lines)
                self._progress(stream.name, item.consumed)
            else:
                self._lost(item)
            self._flush()
        for left in self._decoder.finish():
            self._reject(last, left.reason, left.raw)  # type: ignore[union-attr]
        self._flush()

    def _block(self, block: Block) -> None:
        """The hot loop: what is remembered is written at once, all else goes the plain way."""
        loads, write = orjson.loads, self._messages.append
        glance, recall, learn = self._fast.sections.glance, self._fast.recall, self._fast.learn
        kinds, stats = self.stats.kinds, self.stats
        if self.options.input_format != "auto":
            glance = recall = _nothing  # type: ignore[assignment]
        converted = 0
        for index, line in enumerate(block.lines):
            known = glance(line)
            if known is not None:
                message, tail = known
                kinds[tail.kind] += 1
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
                write(fate.message.encode())  # type: ignore[union-attr]
                learn(line, raw)
            else:
                stats.filtered += 1
        stats.converted += converted

    def _plain(self, block: Block, index: int) -> None:
        """A unit of any dialect and wrapper; it may hold several events, or part of one."""
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
                self._reject(block.places()[index][0], found.reason, found.raw)

    def _event(self, found: Decoded, block: Block, index: int) -> None:
        raw, origin = found.fields, ""
        if event_time(raw) is None:
            self.stats.without_time += 1
            # Nothing else tells the repetitions of such an event apart.
            origin = f"{self._name}{SEPARATOR}{block.places()[index][1]}"
        fate = self._fast.convert(raw, origin)
        if isinstance(fate, Rejected):
            self._reject(block.places()[index][0], fate.reason, found.raw)
            return
        kind = (raw.get("Type"), raw.get("Operation"), fate.kind.class_id)
        self.stats.kinds[kind] += 1  # type: ignore[index]
        if isinstance(fate, Filtered):
            self.stats.filtered += 1
        else:
            self.stats.converted += 1
            self._messages.append(fate.message.encode())

    def _noise(self, found: Noise, block: Block, index: int) -> None:
        if self.options.strict:
            self._reject(block.places()[index][0], "no KubeArmor event", found.raw)
        else:
            self.stats.noise += 1

    def _lost(self, item: Oversized | Broken) -> None:
        if isinstance(item, Oversized):
            limit = self.options.max_record
            reason = f"over the limit of {limit} bytes for a record; --max-record raises it"
            self._reject(item.line, reason, item.head, size=item.size)
        else:
            self._reject(item.line, item.reason, item.raw)

    def _reject(self, line: int, reason: str, raw: bytes, size: int | None = None) -> None:
        self.stats.reject(reason)
        if self._rejects is None:
            return
        row: dict[str, object] = {"source": self._name, "line": line, "reason": reason}
        row["size"] = len(raw) if size is None else size
        kept = raw[:MOST_RAW]
        try:
            row["raw"] = kept.decode()
        except UnicodeDecodeError:
            row["raw"] = kept.decode("utf-8", "replace")
            row["raw_base64"] = base64.b64encode(kept).decode()
        self._rejects.write(orjson.dumps(row) + b"\n")

    def _flush(self) -> None:
        if self._messages:
            self._messages.append(b"")
            self._out.write(b"\n".join(self._messages))
            self._messages.clear()


def _nothing(_: object) -> None:
    """Recall nothing: a forced input format needs to know what every line was wrapped in."""
