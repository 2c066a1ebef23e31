"""One destination: what its queue holds goes where its target says, until it is settled.

In come a queue and a target, out go messages; how (a stream with receipts, datagrams, a file) is
its scheme's. This module takes the orders, `DestinationSender` is all that the service sees. Must
not know what is in a message.
"""

from __future__ import annotations

import random
import threading
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery.backoff import Backoff
from cef_bridge.delivery.progress import ForwarderState, Progress
from cef_bridge.delivery.schemes import SCHEMES
from cef_bridge.delivery.sender_context import SenderContext
from cef_bridge.delivery.stream_sender import Patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import EventFacts
    from cef_bridge.queue.queue import Queue

__all__ = ["DestinationSender", "ForwarderState", "Patience"]


class DestinationSender:
    """Sends what a queue holds; one for each queue, and its `run` in a thread of its own.

    `framing` ("lf" or "octet-counting") is what the mapping says; the target's own goes first.
    `stop` ends it within half a second or so, wherever it waits: what is in flight stays in the
    queue, and is sent again by the next one. `clock` is monotonic; `rng` gives numbers from 0 to 1;
    `facts` reads what some destinations ask of a message.
    """

    def __init__(  # noqa: PLR0913 - what it needs, by name
        self,
        queue: Queue,
        target: DestinationUrl,
        *,
        framing: str,
        name: str,
        stop: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
        patience: Patience | None = None,
        facts: Callable[[bytes], EventFacts] | None = None,
    ) -> None:
        self._progress = Progress(name, clock)
        self._ending = threading.Event()
        context = SenderContext(queue, self._progress, stop, self._ending, clock, facts)
        make = SCHEMES[target.scheme].sender
        self._sender = make(context, target, Backoff(rng), framing, patience or Patience())

    def run(self) -> None:
        """Send until stopped, or, after `finish`, until all is confirmed or sent.

        CefBridgeError when it cannot go on: the queue cannot be read or written, or whoever read
        standard output has closed it.
        """
        self._sender.run()

    def finish(self) -> None:
        """Let `run` return when all is confirmed or sent; nothing more will be appended."""
        self._ending.set()

    def state(self) -> ForwarderState:
        """Return how it is now; any thread may ask."""
        return self._progress.state()
