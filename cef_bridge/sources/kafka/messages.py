"""Messages of a partition as units: a line each, or what a message with several lines is cut into.

In come offsets and values, out go Blocks and what is no unit. A unit's place is the message's
offset, so that an event has the same id however often and with whatever else its message is read.
Pure. Must not know the client's library.
"""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.sources.records.blocks import blocks
from cef_bridge.sources.records.units import HEAD, Block, BrokenLine, Oversized

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from cef_bridge.sources.records.units import Item

# Nothing but white space, or an array.
_ODD = re.compile(rb"\s*+(?:\[|\Z)")
_INSIDE = 30
"""Bits for a place inside a message: none is longer than `max_record` may be, 1 GiB."""


class KafkaRecord(NamedTuple):
    """A message: its offset in the partition, and its value; None for a tombstone."""

    offset: int
    value: bytes | None


class Piece(NamedTuple):
    """A part of a partition: what came, and the offset of the message behind it."""

    item: Item
    next: int


def pieces(records: Iterable[KafkaRecord], max_record: int) -> Iterator[Piece]:
    """Yield messages, in their order, as pieces; those that follow one another as one Block.

    A value over `max_record` bytes is Oversized; one without anything in it is a blank line. A
    value of several lines (a pretty-printed event, a file of lines) is cut as a file would be.
    """
    lines: list[bytes] = []
    following = 0
    for offset, value in records:
        text = (value or b"").removesuffix(b"\n").removesuffix(b"\r")
        ordinary = len(text) <= max_record and b"\n" not in text and not _ODD.match(text)
        if lines and not (ordinary and offset == following):
            yield _block(lines, following)
            lines = []
        if ordinary:
            lines.append(text)
        else:
            yield from _odd(offset, text, max_record)
        following = offset + 1
    if lines:
        yield _block(lines, following)


def _block(lines: list[bytes], following: int) -> Piece:
    return Piece(Block.of_numbered(lines, following - len(lines)), following)


def _odd(offset: int, text: bytes, max_record: int) -> Iterator[Piece]:
    if len(text) > max_record:
        yield Piece(Oversized(offset, offset, len(text), text[:HEAD]), offset + 1)
        return
    if not text or text.isspace():
        yield Piece(Block([], offset, 0, 0, True, blank=1, numbered=True), offset + 1)
        return
    units: list[bytes] = []
    inside: list[int] = []
    blank = 0
    for item in blocks(BytesIO(text), max_record=max_record):
        if isinstance(item, Block):
            units += item.lines
            inside += [at for _, at in item.places()]
            blank += item.blank
        else:  # whoever reads events says what is wrong with it
            units.append(item.raw if isinstance(item, BrokenLine) else item.head)
            inside.append(item.offset)
    # One block, for a message is one place: none of it is done before all of it is.
    yield Piece(
        Block(
            units,
            offset,
            offset << _INSIDE,
            0,
            False,
            [offset] * len(units),
            [(offset << _INSIDE) + at for at in inside],
            blank=blank,
        ),
        offset + 1,
    )
