"""What a forwarder serves to whoever watches it: metrics, and the live page where it is safe.

In come the config and functions that give status and taps, out goes a server that answers. Decides
who may see the page: only this machine, unless somebody chose a token.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from cef_bridge.forward.config.live_token import token_of
from cef_bridge.forward.live_history import LiveHistory
from cef_bridge.forward.live_page import LivePage
from cef_bridge.forward.live_status import LiveFacts
from cef_bridge.forward.metrics import Metrics
from cef_bridge.request_safety import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cef_bridge.delivery.urls import Endpoint
    from cef_bridge.forward.config import Config
    from cef_bridge.forward.message_tap import MessageTap
    from cef_bridge.forward.status import ForwarderStatus


class Watching:
    """The servers of one forwarder: `start`, then `stop`.

    `address` is where they listen; `live` what the live page's URL ends with, "" with a token of a
    file, None where there is no page. UsageError when the address or the token's file cannot be
    used.
    """

    def __init__(
        self,
        config: Config,
        address: Endpoint,
        view: Callable[[], ForwarderStatus],
        taps: Callable[[], Mapping[str, MessageTap]],
    ) -> None:
        self._view = view
        self._taps = taps
        self._started = time.monotonic()
        self.live: str | None = None
        self._history: LiveHistory | None = None
        page = self._page(config, address) if is_served(config, address[0]) else None
        self._metrics = Metrics(address, view, page)
        self.address = self._metrics.address

    def _page(self, config: Config, address: Endpoint) -> LivePage:
        token = token_of(config.live_token_file)
        self.live = "" if config.live_token_file else f"?token={token()}"
        history = self._history = LiveHistory(self._view, self._end_taps)

        def facts(since: float) -> LiveFacts:
            status = self._view()
            uptime = time.monotonic() - self._started
            return LiveFacts(status, history.rates(status), history.rows(since), uptime)

        return LivePage(token, facts, self._taps, anywhere=not is_loopback(address[0]))

    def start(self) -> None:
        """Begin to answer."""
        if self._history is not None:
            self._history.start()
        self._metrics.start()

    def stop(self) -> None:
        """Close the port, and end the threads."""
        self._metrics.stop()
        if self._history is not None:
            self._history.stop()

    def _end_taps(self) -> None:
        for each in tuple(self._taps().values()):
            each.end_in_time()


def is_served(config: Config, host: str) -> bool:
    """Tell whether the live page is served: on other addresses than loopback anybody may ask, and
    a token that only the log has is no secret that somebody chose to give them.
    """
    return config.live and (config.live_token_file is not None or is_loopback(host))
