"""The events of some inputs, one after another: every dialect, wrapper and archive.

In come inputs (`sources`), out come events with their place, or the lines of an input that holds
CEF or LEEF already. For commands that look at some events; who converts archives runs them through
`conversion`. Noise is passed over here; of what cannot be read the first place and reason are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Unreadable
from cef_bridge.lines.message import locate
from cef_bridge.sources.records.blocks import Block, Oversized, blocks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from cef_bridge.sources.files.inputs import Input
    from cef_bridge.sources.records.blocks import BrokenLine


class LocatedEvent(NamedTuple):
    """An event's raw fields under KubeArmor's names, where it stands (`source:line`), and the line
    that has it and no other event, b"" if there is none.
    """

    fields: dict[str, object]
    place: str
    line: bytes = b""


class LocatedMessage(NamedTuple):
    """A line that is a message already, and where it stands (`source:line`)."""

    text: str
    place: str


def events_of(
    inputs: Sequence[Input], unread: list[str], *, most_units: int | None = None
) -> Iterator[LocatedEvent]:
    """Yield the events of some inputs, in their order; look at no more than `most_units` units.

    `unread` is told of the first that cannot be read: its place, and why.
    """
    left = most_units
    for each in inputs:
        for stream in each.streams():
            decoder = EventDecoder()
            for item in blocks(stream):
                if isinstance(item, Block):
                    yield from _events(item, decoder, stream.name, unread, left)
                else:
                    _tell(unread, stream.name, item.line, _why(item))
                units = len(item.lines) if isinstance(item, Block) else 1
                if left is not None and (left := left - units) <= 0:
                    return


def records_of(
    inputs: Sequence[Input], unread: list[str]
) -> Iterator[LocatedEvent | LocatedMessage]:
    """Yield the events of some inputs, or the lines of one whose first text is CEF or LEEF.

    `unread` is told of the first that cannot be read: its place, and why.
    """
    for each in inputs:
        for stream in each.streams():
            decoder = EventDecoder()
            lines: bool | None = None
            for item in blocks(stream):
                if not isinstance(item, Block):
                    _tell(unread, stream.name, item.line, _why(item))
                    continue
                if lines is None:
                    lines = _is_message(item.lines[0]) if item.lines else None
                if lines:
                    yield from _lines(item, stream.name)
                else:
                    yield from _events(item, decoder, stream.name, unread)


def _tell(unread: list[str], name: str, line: int, reason: str) -> None:
    if not unread:
        unread.append(f"{name}:{line}: {reason}")


def _why(item: Oversized | BrokenLine) -> str:
    if isinstance(item, Oversized):
        return f"a record of {item.size:,} bytes is too long"
    return item.reason


def _is_message(unit: bytes) -> bool:
    return not unit.lstrip().startswith((b"{", b"[")) and locate(_text(unit)).format is not None


def _text(unit: bytes) -> str:
    return unit.rstrip(b"\r\n").decode("utf-8", "replace")


def _lines(block: Block, name: str) -> Iterator[LocatedMessage]:
    for unit, (line, _) in zip(block.lines, block.places(), strict=False):
        yield LocatedMessage(_text(unit), f"{name}:{line}")


def _events(
    block: Block, decoder: EventDecoder, name: str, unread: list[str], most: int | None = None
) -> Iterator[LocatedEvent]:
    for unit, (line, _) in zip(block.lines[:most], block.places(), strict=False):
        each = [*decoder.decode(unit)]
        alone = unit if len(each) == 1 else b""
        for found in each:
            if isinstance(found, Decoded):
                yield LocatedEvent(found.fields, f"{name}:{line}", alone)
            elif isinstance(found, Unreadable):
                _tell(unread, name, line, found.reason)
