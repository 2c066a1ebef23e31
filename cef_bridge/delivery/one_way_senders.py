"""Messages to where nobody answers: datagrams, at a steady pace, and files.

In come a queue and a target; a datagram is unconfirmed once it is sent, a line is confirmed once it
is on the disk. Must not know sockets, or what is in a message.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cef_bridge.delivery.connection import BrokenError, ConnectError, OversizeError
from cef_bridge.delivery.files import FileError, RotatingFile, StandardOutput, StoppedWriting
from cef_bridge.delivery.sender_context import StopSending
from cef_bridge.delivery.transport import Datagrams
from cef_bridge.log_fields import fields

if TYPE_CHECKING:
    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import SenderContext
    from cef_bridge.queue.values import Stored

_log = logging.getLogger(__name__)

_TOO_LONG = "a message of {} bytes is longer than max_datagram ({}) lets a datagram be."
_AT_ONCE = 2 << 20  # bytes of lines between two looks at the disk


class Tokens:
    """A token bucket: `rate` messages a second, and no more than a fiftieth of that at once. Pure.

    A receiver's socket buffer as Linux has it takes 92 messages of 1.3 KB, or 48 of 2 KB.
    """

    def __init__(self, rate: int, now: float) -> None:
        self._rate = rate
        self._most = max(1.0, rate / 50)
        self._tokens = self._most
        self._at = now

    def take(self, now: float) -> float:
        """Take a token; return for how many seconds to wait before it may be used."""
        self._tokens = min(self._most, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = now
        self._tokens -= 1
        return max(0.0, -self._tokens / self._rate)


class DatagramSender:
    """Sends each message as a datagram; one that is too long is buried, none is cut."""

    def __init__(self, context: SenderContext, target: DestinationUrl, backoff: Backoff) -> None:
        self._context = context
        self._target = target
        self._backoff = backoff
        self._tokens = Tokens(target.rate, context.clock())
        # Half a second's worth at a time: after a crash no more than that is sent twice.
        self._most = max(1, target.rate // 2)
        self._datagrams: Datagrams | None = None
        self._told_buried = self._told_refused = False

    def run(self) -> None:
        """Send until told to stop, or to end and all is sent."""
        context = self._context
        context.queue.rewind()
        try:
            while True:
                context.raise_if_stopped()
                stored = context.queue.fetch(self._most)
                if stored is not None:
                    self._send(stored)
                elif context.ending.is_set():
                    break
                else:
                    context.wait_for_messages()
        except StopSending:
            _log.debug("%s: stopped", context.progress.name)
        finally:
            if self._datagrams is not None:
                self._datagrams.abandon()
            context.progress.disconnected("stopped")

    def _send(self, stored: Stored) -> None:
        """Send some messages; those that were sent are settled, also when a stop comes before."""
        done = size = 0
        try:
            for index, message in enumerate(stored.messages):
                wait = self._tokens.take(self._context.clock())
                if wait > 0:
                    self._context.sleep(wait)
                size += self._send_one(stored, index, message)
                done = index + 1
        finally:
            if done:
                self._context.progress.sent(done, size, resent=stored.resent)
                sent = stored._replace(messages=stored.messages[:done])
                self._context.queue.settle([sent], "unconfirmed")
                self._context.busy()

    def _send_one(self, stored: Stored, index: int, message: bytes) -> int:
        """Send a message, or bury it; return how many bytes were sent."""
        if len(message) > self._target.max_datagram:
            self._bury(stored, index, _TOO_LONG.format(len(message), self._target.max_datagram))
            return 0
        while True:
            datagrams = self._datagrams or self._open()
            try:
                datagrams.send(message, self._context.on_wait)
            except OversizeError as error:
                self._bury(stored, index, str(error))
                return 0
            except BrokenError as error:
                datagrams.abandon()
                self._datagrams = None
                self._context.progress.trouble(str(error), self._context.unsent(), broke=True)
                self._context.sleep(self._backoff.next())
            else:
                self._went_well(datagrams)
                return len(message)

    def _open(self) -> Datagrams:
        while True:
            try:
                endpoint = self._target.endpoints[0]
                datagrams = Datagrams(self._target, endpoint, stop=self._context.stop)
            except ConnectError as error:
                self._context.raise_if_stopped()
                act = error.permanent
                self._context.progress.trouble(str(error), self._context.unsent(), act=act)
                self._context.sleep(self._backoff.longest() if act else self._backoff.next())
            else:
                self._datagrams = datagrams
                self._context.progress.connected(datagrams.peer)
                return datagrams

    def _bury(self, stored: Stored, index: int, reason: str) -> None:
        self._context.queue.dead_letter(stored, index, reason)
        _log.log(
            logging.DEBUG if self._told_buried else logging.ERROR,
            "%s: %s It is kept among the dead letters, and so will be all others like it.",
            *(self._context.progress.name, reason),
            extra=fields("dead-letter", destination=self._context.progress.name, reason=reason),
        )
        self._told_buried = True

    def _went_well(self, datagrams: Datagrams) -> None:
        self._backoff.reset()
        self._context.progress.moves()
        self._context.progress.works()
        if datagrams.refused and not self._told_refused:
            self._told_refused = True
            _log.warning(
                "%s: nothing listens at %s, so what is sent there is lost. UDP sending continues; "
                "messages count as unconfirmed. Start the collector, or correct the port.",
                *(self._context.progress.name, datagrams.peer),
                extra=fields(
                    "datagrams-lost", destination=self._context.progress.name, peer=datagrams.peer
                ),
            )


class FileSender:
    """Writes each message as a line of a file, or to standard output."""

    def __init__(self, context: SenderContext, target: DestinationUrl, backoff: Backoff) -> None:
        self._context = context
        self._target = target
        self._backoff = backoff

    def run(self) -> None:
        """Write until told to stop, or to end and all is written.

        CefBridgeError when whoever read standard output has closed it.
        """
        context, target = self._context, self._target
        context.queue.rewind()
        out: RotatingFile | StandardOutput
        if target.path:
            out = RotatingFile(target.path, rotate_bytes=target.rotate_bytes, keep=target.keep)
        else:
            out = StandardOutput(context.stop)
        try:
            while True:
                context.raise_if_stopped()
                if not self._write(out):
                    if context.ending.is_set():
                        break
                    context.wait_for_messages()
        except (StopSending, StoppedWriting):
            _log.debug("%s: stopped", context.progress.name)
        finally:
            out.close()
            context.progress.disconnected("stopped")

    def _write(self, out: RotatingFile | StandardOutput) -> bool:
        """Write what waits, up to a bound; False when nothing does."""
        batch: list[Stored] = []
        messages: list[bytes] = []
        size = 0
        while size < _AT_ONCE and (stored := self._context.queue.fetch()) is not None:
            batch.append(stored)
            messages += stored.messages
            size += sum(map(len, stored.messages)) + len(stored.messages)
        if not batch:
            return False
        while True:
            try:
                out.write(messages)
            except FileError as error:
                waiting = self._context.unsent()
                self._context.progress.trouble(str(error), waiting, reason="cannot-write")
                self._context.sleep(self._backoff.next())
            else:
                break
        self._context.queue.settle(batch, "confirmed")
        self._backoff.reset()
        progress = self._context.progress
        if not progress.state().connected:
            progress.connected(str(self._target))
        progress.works()
        progress.confirmed()
        for stored in batch:
            count = len(stored.messages)
            length = sum(map(len, stored.messages)) + count
            progress.sent(count, length, resent=stored.resent)
        self._context.busy()
        return True
