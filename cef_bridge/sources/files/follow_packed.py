"""A packed file, read once from its beginning to its end: what is known of it is passed by.

In come a file and the marks of the streams in it; out go Arrivals. Must not know of other files.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.sources.feed import TICK, Arrival
from cef_bridge.sources.files.file_identity import FilePosition, sha256
from cef_bridge.sources.files.follow_tail import behind, end_of
from cef_bridge.sources.files.inputs import Input
from cef_bridge.sources.records.blocks import Cutter, Idle
from cef_bridge.sources.records.units import Block

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from cef_bridge.sources.files.archives import UnpackedStream
    from cef_bridge.sources.files.file_identity import File, SavedCheckpoint
    from cef_bridge.sources.files.follow_tail import Tail


def packed(  # one file with all that is told of it
    file: File,
    name: str,
    key: str,
    known: Mapping[str, SavedCheckpoint],
    max_record: int,
    max_expand: int,
) -> Iterator[Arrival | None]:
    """Yield the units of each stream in a packed file that are behind its mark.

    None from time to time while it passes by what is known.
    """
    spoken = time.monotonic()
    begins = (file.inode, len(file.head), sha256(file.head))
    at = FilePosition(name, file.path, file.path, *begins, 0, 1, file.changed)
    for stream in Input(name, file.path, None).streams(max_expand=max_expand):
        # The member's name is the key's end: a shown name begins with the file's.
        own = f"{key}!{stream.name[len(name) :].lstrip('!')}"
        offset = known[own].offset if own in known else 0
        skip, line = offset, 1
        yield _place(own, stream, at, line, offset)
        cutter = Cutter(stream, max_record=max_record)
        for item in cutter.items():
            if isinstance(item, Idle):
                continue
            line, offset = item.line, max(end_of(item), cutter.safe[0], offset)
            kept = behind(item, skip)
            if kept is not None:
                yield Arrival(own, stream.name, kept, at.mark(own, offset))
            elif time.monotonic() - spoken < TICK:
                continue
            else:
                yield None
            spoken = time.monotonic()
        yield _place(own, stream, at, line, offset)._replace(ended=True)


def passed(path: str, name: str, key: str, tail: Tail) -> Arrival:
    """Return an arrival that says how far a packed file was read as the rest of another stream."""
    begins = (tail.node[1], len(tail.head), sha256(tail.head))
    at = FilePosition(name, path, path, *begins, 0, 1, tail.changed)
    block = Block([], 1, tail.offset, tail.offset, single=True)
    return Arrival(f"{key}!", name, block, at.mark(f"{key}!", tail.offset))


def _place(key: str, stream: UnpackedStream, at: FilePosition, line: int, offset: int) -> Arrival:
    nothing = Block([], line, offset, stream.consumed, single=True)
    return Arrival(key, stream.name, nothing, at.mark(key, offset))
