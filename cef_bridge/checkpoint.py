"""How far a source was read: a mark moves with the messages made of what stands before it.

Imports nothing of the package: sources write marks, queues keep them, and neither knows the other.
"""

from __future__ import annotations

from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A position in one stream of bytes.

    `key` names the stream, and is unique over all sources; `offset` counts the bytes that are done,
    of the decompressed stream, and only grows; `value` is what the source needs to go on from here
    (JSON), and means nothing to anyone else.
    """

    key: str
    offset: int
    value: bytes
