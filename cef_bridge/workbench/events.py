"""The events of some inputs, one after another: every dialect, wrapper and archive.

In come inputs (`sources`), out come events with their place. For commands that look at some
events; who converts archives runs them through `conversion`. Noise and what cannot be read is
passed over here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.decode import Decoded, Decoder
from cef_bridge.sources.blocks import Block, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.sources.inputs import Input


class Found(NamedTuple):
    """An event's raw fields under KubeArmor's names, and where it stands (`source:line`)."""

    fields: dict[str, object]
    place: str


def events_of(inputs: Sequence[Input], *, most_units: int | None = None) -> Iterator[Found]:
    """Yield the events of some inputs, in their order; look at no more than `most_units` units."""
    left = most_units
    for each in inputs:
        for stream in each.streams():
            decoder = Decoder()
            for item in blocks(stream):
                if isinstance(item, Block):
                    yield from _events(item, decoder, stream.name, left)
                units = len(item.lines) if isinstance(item, Block) else 1
                if left is not None and (left := left - units) <= 0:
                    return


def _events(block: Block, decoder: Decoder, name: str, most: int | None) -> Iterator[Found]:
    for unit, (line, _) in zip(block.lines[:most], block.places(), strict=False):
        if not unit.strip():
            continue
        for found in decoder.decode(unit):
            if isinstance(found, Decoded):
                yield Found(found.fields, f"{name}:{line}")
