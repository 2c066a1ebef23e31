"""The sample events of `cef-bridge demo`, converted.

In comes a converter, out come the events that ship with the package, each with its message, and
what was skipped or rejected. Prints nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise
from cef_bridge.lines.check import faults
from cef_bridge.mapping.program.converter import Converted
from cef_bridge.sources.records.blocks import Block, blocks

if TYPE_CHECKING:
    from cef_bridge.mapping.program.converter import Converter

_SAMPLES = Path(__file__).resolve().parent.parent / "samples" / "events.ndjson"


class DemoSample(NamedTuple):
    """An event as JSON, its fields, and its message."""

    text: str
    fields: dict[str, object]
    result: Converted


class DemoSamples(NamedTuple):
    """All of them. `problems`: why an event was not converted, and what is wrong with a message."""

    converted: list[DemoSample]
    skipped: int
    rejected: int
    problems: list[str]


def convert_samples(converter: Converter) -> DemoSamples:
    """Convert the events that ship with the package, and validate each message."""
    samples: list[DemoSample] = []
    skipped, reasons, decoder = 0, [], EventDecoder()
    with _SAMPLES.open("rb") as file:
        lines = [line for item in blocks(file) if isinstance(item, Block) for line in item.lines]
    for line in lines:
        for found in decoder.decode(line):
            result = converter.convert(found.fields) if isinstance(found, Decoded) else found
            if isinstance(found, Decoded) and isinstance(result, Converted):
                text = line.decode("utf-8", "replace").strip()
                samples.append(DemoSample(text, found.fields, result))
            elif isinstance(result, Noise):
                skipped += 1
            else:
                reasons.append(getattr(result, "reason", "the mapping filters it out"))
    strict = converter.program.format
    invalid = [fault for each in samples for fault in faults(each.result.message, strict)]
    return DemoSamples(samples, skipped, len(reasons), [*reasons, *invalid])
