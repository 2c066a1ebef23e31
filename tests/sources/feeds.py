"""Readers that hand out bytes in ways that a disk or a pipe may choose, and what came of them."""

from __future__ import annotations

import io

from cef_bridge.sources.records.blocks import Block, BrokenLine, Oversized, blocks


class Feed:
    """Hands out at most `piece` bytes a read, as a slow pipe does."""

    def __init__(self, data: bytes, piece: int = 1 << 20) -> None:
        self._file = io.BytesIO(data)
        self._piece = piece

    def read(self, size: int) -> bytes:
        return self._file.read(min(size, self._piece))


def flat(items) -> list[tuple]:
    """Take Blocks apart: what remains does not depend on where they were cut."""
    out = []
    for item in items:
        if isinstance(item, Block):
            assert item.lines or item.blank, "a block without units"
            places = item.places()
            assert not places or places[0] == (item.line, item.offset)
            assert not [unit for unit in item.lines if not unit.strip()], "blank, but a unit"
            out += [(unit, *place) for unit, place in zip(item.lines, places, strict=True)]
        else:
            out.append(item)
    return out


def cut(data: bytes, *, piece: int = 1 << 20, **options) -> list[tuple]:
    return flat(blocks(Feed(data, piece), **options))


def units(data: bytes, **options) -> list[bytes]:
    """Return the units alone; anything that was lost fails."""
    found = cut(data, **options)
    assert not [each for each in found if isinstance(each, BrokenLine | Oversized)], found
    return [each[0] for each in found]


def blank(data: bytes, **options) -> int:
    """Return how many lines there are with nothing but white space."""
    return sum(each.blank for each in blocks(Feed(data), **options) if isinstance(each, Block))
