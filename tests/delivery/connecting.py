"""What the tests of connections share: targets of the hostile collectors, messages, and patience."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from cef_bridge.delivery import transport
from cef_bridge.delivery.destination_url import DestinationUrl

if TYPE_CHECKING:
    from collections.abc import Callable

    from certificates import Authority
    from hostile import Collector


def target_of(
    collector: Collector, authority: Authority | None = None, **words: object
) -> DestinationUrl:
    """Return the target that a collector is; with TLS, whose authority is believed."""
    known = {"ca": str(authority.ca)} if authority and collector.tls else {}
    return DestinationUrl(
        scheme="tls" if collector.tls else "tcp",
        endpoints=((collector.host, collector.port),),
        **{"connect_timeout": 5.0, **known, **words},
    )


def connect(target: DestinationUrl) -> transport.Connection:
    return transport.connect(target, target.endpoints[0], stop=threading.Event())


def messages(count: int, size: int = 200) -> list[bytes]:
    return [b"message %07d %s" % (number, b"x" * size) for number in range(count)]


class GaveUp(Exception):  # noqa: N818 - it is no error
    """The test's patience is over."""


class Patience:
    """An `on_wait` that gives up after some seconds, and knows what it was told.

    With `until` it gives up when it was told so, too; a busy machine may take long to see it.
    """

    def __init__(self, seconds: float = 60.0, until: str = "") -> None:
        self.told: list[str] = []
        self._until = time.monotonic() + seconds
        self._told = until

    def __call__(self, reason: str) -> None:
        self.told.append(reason)
        if reason == self._told or time.monotonic() > self._until:
            raise GaveUp(reason)


def eventually(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Wait until a function returns true."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True
