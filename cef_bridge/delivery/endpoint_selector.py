"""Which of a target's endpoints is used, and what is known of each.

In comes a target, out come connections: to the endpoint that is preferred, or to the next one that
can be had. Knows when to wait and when to look whether a preferred one is back; must not know what
is sent.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from cef_bridge.delivery.connection import ConnectError
from cef_bridge.delivery.receipts import EndpointHistory, Mode
from cef_bridge.delivery.transport import connect
from cef_bridge.delivery.urls import shown_endpoint
from cef_bridge.log_fields import fields
from cef_bridge.wording import limit

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.connection import Connection
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import SenderContext

_log = logging.getLogger(__name__)

_LONGEST = 600.0  # seconds between looks whether a preferred endpoint is back


class EndpointSelector:
    """The way to a target. `back`: seconds between looks whether a preferred endpoint is back."""

    def __init__(
        self, context: SenderContext, target: DestinationUrl, backoff: Backoff, back: float
    ) -> None:
        self.at = 0  # the endpoint that is, or was, connected to
        self._context = context
        self._target = target
        self._backoff = backoff
        self._back = self._pause = back
        self._look_at = 0.0
        self._next = 0
        self._failures = 0  # in a row, with nothing settled in between
        self._standings: dict[int, EndpointHistory] = {}
        self._told: dict[int, Mode] = {}

    @property
    def standing(self) -> EndpointHistory:
        """What is known of the endpoint in use."""
        standing = self._standings.get(self.at)
        if standing is None:
            asks = self._target.confirm == "auto"
            remembered = self._context.queue.recall(self._fact())
            standing = EndpointHistory(remembered, asks=asks, now=self._context.clock())
            self._standings[self.at] = standing
            self._told[self.at] = standing.mode
        return standing

    def _fact(self) -> str:
        host, port = self._target.endpoints[self.at]
        return f"answers:{self._target.scheme}:{host}:{port}"

    def connect(self, unreachable: Callable[[], None]) -> Connection:
        """Return a connection to the first endpoint that can be had, from the next one on.

        Waits between rounds, for ever. `unreachable` is called when one cannot be had.
        """
        act = False
        while True:
            if self._next >= len(self._target.endpoints):
                self._next = 0
                self._context.sleep(self._backoff.longest() if act else self._backoff.next())
                act = False
            try:
                connection = self._reach(self._next)
            except ConnectError as error:
                self._context.raise_if_stopped()
                act = act or error.permanent
                self._next += 1
                unreachable()
                self._context.progress.trouble(
                    str(error), self._context.unsent(), act=error.permanent
                )
            else:
                self._arrive(self._next)
                return connection

    def preferred(self) -> Connection | None:
        """Return a connection to an endpoint that is preferred to this one, if one can be had.

        `taken` says that it is used. None also when it is not the time to look.
        """
        if not self.at or self._context.clock() < self._look_at:
            return None
        for index in range(self.at):
            try:
                connection = self._reach(index)
            except ConnectError as error:
                self._context.raise_if_stopped()
                _log.debug("%s: %s", self._context.progress.name, error)
            else:
                self._next = index
                return connection
        self._pause = min(2 * self._pause, _LONGEST)
        self._look_at = self._context.clock() + self._pause
        return None

    def taken(self) -> None:
        """Take note that the connection of `preferred` is used from now on."""
        self._arrive(self._next)

    def _reach(self, index: int) -> Connection:
        return connect(self._target, self._target.endpoints[index], stop=self._context.stop)

    def _arrive(self, index: int) -> None:
        if not index:
            self._pause = self._back
        elif index != self.at:
            self._look_at = self._context.clock() + self._pause
        self.at = index

    def broke(self, *, counts: bool) -> None:
        """Choose where to go after a break, and wait if need be; `counts`: something was lost.

        The first time it may only have been restarted; after that it is another one's turn.
        """
        self._failures += counts
        self._next = 0 if self._failures <= 1 else self.at + 1
        if self._next < len(self._target.endpoints):
            self._context.sleep(self._backoff.next())

    def went_well(self) -> None:
        """Take note that something was settled."""
        self._failures = 0
        self._next = self.at
        self._backoff.reset()
        self._context.progress.works()

    def take_note(self) -> None:
        """Remember how the endpoint answers, and say so when that has changed."""
        standing, fact = self.standing, self._fact()
        if standing.asks and str(standing) and self._context.queue.recall(fact) != str(standing):
            self._context.queue.remember(fact, str(standing))
        told, self._told[self.at] = self._told[self.at], standing.mode
        if told is standing.mode:
            return
        name, peer = self._context.progress.name, shown_endpoint(self._target.endpoints[self.at])
        who = f"{name}: {peer}"
        if standing.mode is Mode.WINDOW:
            _log.warning(
                "%s gives no receipt when a connection is closed in order, so arrival cannot be "
                "confirmed. Messages count as unconfirmed, and leave the queue after %s more were "
                "sent. A probe repeats from time to time.",
                who,
                limit(self._target.unconfirmed_window),
                extra=fields("no-receipts", destination=name, peer=peer),
            )
        elif told is Mode.WINDOW:
            _log.info(
                "%s answers now: messages count as confirmed",
                who,
                extra=fields("receipts", destination=name, peer=peer),
            )
