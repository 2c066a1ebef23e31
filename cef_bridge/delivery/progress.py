"""How one destination is doing: for metrics, for the status line, and for the log.

In come what happens, out go numbers, and one line of log a change of state: not one an attempt, and
not one a message. One thread reports, any may ask. Must not know how anything is sent.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.log_fields import fields
from cef_bridge.wording import counted

if TYPE_CHECKING:
    from collections.abc import Callable

_log = logging.getLogger(__name__)

REASONS = {
    "unreachable": "cannot be reached",
    "connection-failed": "its connections fail",
    "action-needed": "does not take messages until someone acts",
    "cannot-write": "cannot be written",
    "stalled": "does not read",
    "no-receipt": "sends no receipt",
}
"""Why messages are not sent: a closed list, for metrics and logs, and what each means."""

SAY_STALLED = 10.0  # seconds without progress that are worth a line
QUIET = 60.0  # seconds between two troubles that are told: a flapping one is not told each time


class ForwarderState(NamedTuple):
    """A destination at one moment.

    `sent`: messages, each time that they were; `resent`: those of them that the collector may have
    had before; `receipts`: rounds that were confirmed; `last_error`: "" when there was none;
    `duplicates`: messages that the receiver says it had already. `reason`: one of REASONS while
    messages cannot be sent, else "".
    """

    connected: bool
    text: str
    peer: str
    sent: int
    sent_bytes: int
    resent: int
    breaks: int
    receipts: int
    last_error: str
    duplicates: int = 0
    reason: str = ""


class Progress:
    """Counts, and tells the log of changes. `name` is the destination's; times are the clock's."""

    def __init__(self, name: str, clock: Callable[[], float]) -> None:
        self.name = name
        self._clock = clock
        self._lock = threading.Lock()
        self._connected = False
        self._text = "not connected yet"
        self._peer = ""
        self._sent = self._sent_bytes = self._resent = self._breaks = self._receipts = 0
        self._duplicates = 0
        self._last_error = ""
        self._told: int | None = None  # the level at which a trouble was told that is not over
        self._told_at = -QUIET
        self._greeted = False
        self._waiting: tuple[str, float] | None = None
        self._told_stalled = False
        self._reason = ""

    def state(self) -> ForwarderState:
        """Return how it is now."""
        with self._lock:
            return ForwarderState(
                self._connected,
                self._text,
                self._peer,
                self._sent,
                self._sent_bytes,
                self._resent,
                self._breaks,
                self._receipts,
                self._last_error,
                self._duplicates,
                self._reason,
            )

    def connected(self, peer: str) -> None:
        """A connection was made; whether it is good for anything, `works` says."""
        with self._lock:
            self._connected = True
            self._peer = peer
            self._text = f"connected to {peer}"
            self._waiting = None
            self._reason = ""
            level = logging.DEBUG if self._greeted else logging.INFO
            self._greeted = True
        known = fields("connected", destination=self.name, peer=peer)
        _log.log(level, "%s: connected to %s", self.name, peer, extra=known)

    def disconnected(self, text: str) -> None:
        """The connection was ended by us, and in order."""
        with self._lock:
            self._connected = False
            self._text = text

    def works(self) -> None:
        """Something has arrived, as far as the target tells: a trouble is over."""
        with self._lock:
            over, self._told = self._told, None
            self._reason = ""
            peer = self._peer
        if over is not None:
            known = fields("recovered", destination=self.name, peer=peer)
            _log.info("%s: %s takes messages again", self.name, peer, extra=known)

    def trouble(
        self,
        sentence: str,
        waiting: int,
        *,
        act: bool = False,
        broke: bool = False,
        reason: str = "unreachable",
    ) -> None:
        """Take note of what keeps messages from being sent.

        `waiting` of them wait; `act`: it will not heal by itself; `broke`: a connection did;
        `reason`: what it is when it is neither, one of REASONS.
        """
        level = logging.ERROR if act else logging.WARNING
        reason = "action-needed" if act else "connection-failed" if broke else reason
        with self._lock:
            self._breaks += broke
            self._connected = False
            self._waiting = None
            self._last_error = sentence
            self._text = f"waiting: {sentence}"
            self._reason = reason
            now = self._clock()
            news = level > self._told if self._told else now - self._told_at >= QUIET or act
            if news:
                self._told, self._told_at = level, now
        _log.log(
            level if news else logging.DEBUG,
            "%s: %s %s",
            self.name,
            sentence,
            f"{counted(waiting, 'message')} queued, none lost.",
            extra=fields("trouble", destination=self.name, reason=reason, waiting=waiting),
        )

    def waits(self, reason: str) -> None:
        """The collector makes us wait; called again and again while it does."""
        now = self._clock()
        with self._lock:
            if self._waiting is None or self._waiting[0] != reason:
                self._waiting = (reason, now)
            seconds = now - self._waiting[1]
            self._text = f"{self._peer} {_WAITS.get(reason, reason)}, {seconds:.0f} s"
            stalls = _STALLS.get(reason) if seconds >= SAY_STALLED else None
            if stalls is not None or self._connected:
                self._reason = stalls or ""
            tell = stalls is not None and not self._told_stalled
            self._told_stalled = self._told_stalled or tell
            peer = self._peer
        if tell:
            _log.warning(
                "%s: %s %s for %.0f seconds. Messages are queued, none lost.",
                *(self.name, peer, _WAITS.get(reason, reason), seconds),
                extra=fields(
                    "stalled", destination=self.name, peer=peer, reason=stalls, seconds=seconds
                ),
            )

    def moves(self) -> None:
        """The collector does not make us wait any more."""
        with self._lock:
            if self._waiting is None:
                return
            self._waiting = None
            self._reason = ""
            self._text = f"connected to {self._peer}"
            told, self._told_stalled = self._told_stalled, False
        if told:
            known = fields("recovered", destination=self.name, peer=self._peer)
            _log.info("%s: %s accepts data again", self.name, self._peer, extra=known)

    def sent(self, messages: int, size: int, *, resent: bool) -> None:
        """Count what was sent; `size` in bytes, framing included."""
        with self._lock:
            self._sent += messages
            self._sent_bytes += size
            if resent:
                self._resent += messages

    def confirmed(self) -> None:
        """Count a receipt."""
        with self._lock:
            self._receipts += 1

    def duplicates(self, messages: int) -> None:
        """Count messages that the receiver had already: they arrived when they were sent before."""
        with self._lock:
            self._duplicates += messages


_STALLS = {"stalled": "stalled", "unanswered": "no-receipt"}
_WAITS = {
    "stalled": "has no room: it does not read",
    "slow": "is slow to take what is sent",
    "unanswered": "has everything and has not said so yet",
}
