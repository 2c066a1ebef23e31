"""How far a source was read.

A source hands out a checkpoint with the bytes that stand before it. The queue stores it in the
transaction of the messages made of those bytes, so a restart goes on exactly behind them: nothing
is lost, and nothing is read twice. Each queue of a forwarder keeps its own; after a restart a
source begins at the smallest, and a queue skips what it already has. Imports nothing of the
package: sources write checkpoints, queues keep them, and neither knows the other.
"""

from __future__ import annotations

from typing import NamedTuple


class Checkpoint(NamedTuple):
    """A position in one stream of bytes.

    `key` names the stream, and is unique over all sources (a file's inode and beginning, a relay's
    stream). `offset` counts the bytes that are done, of the decompressed stream, and only grows.
    `value` is what the source needs to go on from here (JSON), and means nothing to anyone else.
    """

    key: str
    offset: int
    value: bytes
