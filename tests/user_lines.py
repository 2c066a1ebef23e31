"""Lines of events through a unit loop, and the same events as the reference has them, one by one."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from cef_bridge.convert.conversion import take_in
from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.kubearmor.clock import WRAPPER_TIME, repeats
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.sources.records.blocks import blocks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cef_bridge.engine.line_loop import EventConverter
    from cef_bridge.stats import Stats

SOURCE = "source"


def lines_of(raws: Iterable[dict[str, object]]) -> bytes:
    """Return events as lines of JSON."""
    plain = ({key: value for key, value in raw.items() if key != WRAPPER_TIME} for raw in raws)
    return b"".join(json.dumps(raw).encode() + b"\n" for raw in plain)


def run_lines(machine: EventConverter, data: bytes, block_size: int = 1 << 14) -> Stats:
    """Run lines through a machine; return the counters."""
    lane: list[bytes] = []
    loop = LineLoop(machine, lane, lane, lambda _: None, Options())
    loop.begin(SOURCE)
    for item in blocks(io.BytesIO(data), block_size=block_size):
        take_in(loop, item)
    loop.finish(1)
    loop.settle()
    return loop.stats


def one_by_one(data: bytes) -> Iterator[tuple[dict[str, object], str]]:
    """Yield the events of lines, each with its origin."""
    decoder, offset = EventDecoder(), 0
    for line in data.split(b"\n"):
        for found in decoder.decode(line) if line.strip() else ():
            if isinstance(found, Decoded):
                raw = found.fields
                yield raw, f"{SOURCE}\x1f{offset}" if repeats(raw) else ""
        offset += len(line) + 1
