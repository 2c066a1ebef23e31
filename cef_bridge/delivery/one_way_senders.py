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

    def __init__(self, desk: SenderContext, target: DestinationUrl, backoff: Backoff) -> None:
        self._desk = desk
        self._target = target
        self._backoff = backoff
        self._tokens = Tokens(target.rate, desk.clock())
        # Half a second's worth at a time: after a crash no more than that is sent twice.
        self._most = max(1, target.rate // 2)
        self._datagrams: Datagrams | None = None
        self._told_buried = self._told_refused = False

    def run(self) -> None:
        """Send until told to stop, or to end and all is sent."""
        desk = self._desk
        desk.queue.rewind()
        try:
            while True:
                desk.heed()
                stored = desk.queue.fetch(self._most)
                if stored is not None:
                    self._send(stored)
                elif desk.ending.is_set():
                    break
                else:
                    desk.wait_for_messages()
        except StopSending:
            _log.debug("%s: stopped", desk.progress.name)
        finally:
            if self._datagrams is not None:
                self._datagrams.abandon()
            desk.progress.disconnected("stopped")

    def _send(self, stored: Stored) -> None:
        """Send some messages; those that were sent are settled, also when a stop comes before."""
        done = size = 0
        try:
            for index, message in enumerate(stored.messages):
                wait = self._tokens.take(self._desk.clock())
                if wait > 0:
                    self._desk.sleep(wait)
                size += self._send_one(stored, index, message)
                done = index + 1
        finally:
            if done:
                self._desk.progress.sent(done, size, resent=stored.resent)
                sent = stored._replace(messages=stored.messages[:done])
                self._desk.queue.settle([sent], "unconfirmed")
                self._desk.busy()

    def _send_one(self, stored: Stored, index: int, message: bytes) -> int:
        """Send a message, or bury it; return how many bytes were sent."""
        if len(message) > self._target.max_datagram:
            self._bury(stored, index, _TOO_LONG.format(len(message), self._target.max_datagram))
            return 0
        while True:
            datagrams = self._datagrams or self._open()
            try:
                datagrams.send(message, self._desk.on_wait)
            except OversizeError as error:
                self._bury(stored, index, str(error))
                return 0
            except BrokenError as error:
                datagrams.abandon()
                self._datagrams = None
                self._desk.progress.trouble(str(error), self._desk.unsent(), broke=True)
                self._desk.sleep(self._backoff.next())
            else:
                self._went_well(datagrams)
                return len(message)

    def _open(self) -> Datagrams:
        while True:
            try:
                endpoint = self._target.endpoints[0]
                datagrams = Datagrams(self._target, endpoint, stop=self._desk.stop)
            except ConnectError as error:
                self._desk.heed()
                act = error.permanent
                self._desk.progress.trouble(str(error), self._desk.unsent(), act=act)
                self._desk.sleep(self._backoff.longest() if act else self._backoff.next())
            else:
                self._datagrams = datagrams
                self._desk.progress.connected(datagrams.peer)
                return datagrams

    def _bury(self, stored: Stored, index: int, reason: str) -> None:
        self._desk.queue.bury(stored, index, reason)
        _log.log(
            logging.DEBUG if self._told_buried else logging.ERROR,
            "%s: %s It is kept among the dead letters, and so will be all others like it.",
            *(self._desk.progress.name, reason),
        )
        self._told_buried = True

    def _went_well(self, datagrams: Datagrams) -> None:
        self._backoff.reset()
        self._desk.progress.moves()
        self._desk.progress.works()
        if datagrams.refused and not self._told_refused:
            self._told_refused = True
            _log.warning(
                "%s: nothing listens at %s, so what is sent there is lost. UDP goes on all the "
                "same; it counts as unconfirmed. Start the collector, or correct the port.",
                *(self._desk.progress.name, datagrams.peer),
            )


class FileSender:
    """Writes each message as a line of a file, or to standard output."""

    def __init__(self, desk: SenderContext, target: DestinationUrl, backoff: Backoff) -> None:
        self._desk = desk
        self._target = target
        self._backoff = backoff

    def run(self) -> None:
        """Write until told to stop, or to end and all is written.

        CefBridgeError when whoever read standard output has closed it.
        """
        desk, target = self._desk, self._target
        desk.queue.rewind()
        out: RotatingFile | StandardOutput
        if target.scheme == "file":
            out = RotatingFile(target.path, rotate_bytes=target.rotate_bytes, keep=target.keep)
        else:
            out = StandardOutput(desk.stop)
        try:
            while True:
                desk.heed()
                if not self._write(out):
                    if desk.ending.is_set():
                        break
                    desk.wait_for_messages()
        except (StopSending, StoppedWriting):
            _log.debug("%s: stopped", desk.progress.name)
        finally:
            out.close()
            desk.progress.disconnected("stopped")

    def _write(self, out: RotatingFile | StandardOutput) -> bool:
        """Write what waits, up to a bound; False when nothing does."""
        batch: list[Stored] = []
        messages: list[bytes] = []
        size = 0
        while size < _AT_ONCE and (stored := self._desk.queue.fetch()) is not None:
            batch.append(stored)
            messages += stored.messages
            size += sum(map(len, stored.messages)) + len(stored.messages)
        if not batch:
            return False
        while True:
            try:
                out.write(messages)
            except FileError as error:
                self._desk.progress.trouble(str(error), self._desk.unsent())
                self._desk.sleep(self._backoff.next())
            else:
                break
        self._desk.queue.settle(batch, "confirmed")
        self._backoff.reset()
        progress = self._desk.progress
        if not progress.state().connected:
            progress.connected(str(self._target))
        progress.works()
        progress.confirmed()
        for stored in batch:
            count = len(stored.messages)
            length = sum(map(len, stored.messages)) + count
            progress.sent(count, length, resent=stored.resent)
        self._desk.busy()
        return True
