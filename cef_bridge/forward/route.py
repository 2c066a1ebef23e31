"""A destination as a source sees it, and the way of messages into its queue.

In come batches of messages, out goes one transaction; a mapping that wants it has its messages
numbered on the way. Must not know where messages come from.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.queue.queue import Joined, MessageBatch

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

    from cef_bridge.checkpoint import Checkpoint
    from cef_bridge.engine.machine import MappingEngine
    from cef_bridge.forward.message_tap import MessageTap
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.queue.queue import DeadLetter, Queue

ROOM = len(" KubeArmorQueue=01234567 KubeArmorSeq=") + 19
"""Bytes that a message is shorter, when it is to be numbered."""


class DestinationRoute(NamedTuple):
    """One destination as a source sees it: messages of `machine` go into `queue`.

    `stream`: the name under which each message gets its number in the queue; "" for no numbers.
    `tap`: who may look at messages, None where nobody can.
    """

    name: str
    queue: Queue
    machine: MappingEngine
    stream: str = ""
    tap: MessageTap | None = None

    @property
    def converter(self) -> Converter:
        """The mapping at work, as the reference."""
        return self.machine.converter


def store(
    route: DestinationRoute,
    batches: Sequence[MessageBatch | Joined],
    *,
    marks: Sequence[Checkpoint] = (),
    pending: dict[str, bytes] | None = None,
    counts: dict[str, int] | None = None,
    dead: Sequence[DeadLetter] = (),
    replayed: Sequence[int] = (),
    given_up: threading.Event | None = None,
) -> None:
    """Append to an outlet's queue in one transaction, numbered if the mapping wants it so."""
    queue = route.queue
    append = partial(
        queue.append,
        marks=marks,
        pending=pending,
        counts=counts,
        dead=dead,
        replayed=replayed,
        given_up=given_up,
    )
    if not route.stream:
        append(batches)
        return
    with queue.appending:  # so that no other thread takes the same numbers
        append(_numbered(batches, route))


def _numbered(
    batches: Sequence[MessageBatch | Joined], route: DestinationRoute
) -> list[MessageBatch]:
    separator = route.converter.program.format.separator.encode()
    stream = route.stream.encode()
    number = route.queue.sequence
    result = []
    for batch in batches:
        messages = []
        for message in (
            batch.messages if isinstance(batch, MessageBatch) else batch.text.split(b"\n")
        ):
            number += 1
            between = b"" if message.endswith((b"|", separator)) else separator
            messages.append(
                b"%b%bKubeArmorQueue=%b%bKubeArmorSeq=%d"
                % (message, between, stream, separator, number)
            )
        result.append(MessageBatch(batch.lane, messages))
    return result
