"""What a connection to a collector promises, and how it fails: between senders and sockets.

Nothing comes in and nothing goes out here: `transport` and its modules do what these types say, and
the forwarder relies on it. Opens nothing.
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Protocol

from cef_bridge.errors import CefBridgeError

if TYPE_CHECKING:
    from collections.abc import Callable

    OnWait = Callable[[str], None]

STALLED = "stalled"
"""`on_wait`: the collector lives, and has no room: it does not read."""
SLOW = "slow"
"""`on_wait`: bytes are on their way."""
UNANSWERED = "unanswered"
"""`on_wait`: the collector's kernel has everything; its program has not ended its side yet."""


class DeliveryError(CefBridgeError):
    """A message could not be delivered; the text says where and why, and what to do.

    `permanent`: waiting will not help, somebody has to act (a wrong certificate, a wrong name). It
    is worth trying again all the same, for somebody may have acted.
    """

    def __init__(self, text: str, *, permanent: bool = False) -> None:
        super().__init__(text)
        self.permanent = permanent


class ConnectError(DeliveryError):
    """No connection came about; nothing was sent."""


class BrokenError(DeliveryError):
    """The connection is no more; how much of what was sent was read, nobody knows."""


class PeerEndedError(BrokenError):
    """The collector has ended its side: it has closed, or it reads on and will never answer.

    Only writing on tells which: the connection is still open, see `Connection.go_on`.
    """


class OversizeError(DeliveryError):
    """A message is longer than a datagram can be; it will never fit."""


class Receipt(Enum):
    """What an orderly end of a connection says about all that was sent over it.

    STRONG: the collector's program has read everything and ended its side (TCP), or has said so
    within TLS (close_notify). WEAK: TLS ended without a close_notify, though the connection below
    it ended in order. NONE: nothing is known; send it again.

    What no sender can see: a program that is about to end, has not read everything, and says so by
    shutdown() when our end has come. It looks as if it had; `confirm_hold` is for that.
    """

    STRONG = "strong"
    WEAK = "weak"
    NONE = "none"


class Connection(Protocol):
    """One connection to a collector, from connect to finish or abandon; for one thread."""

    @property
    def peer(self) -> str:
        """The collector as operators see it: `siem:6514 (10.0.0.7)`."""

    @property
    def reason(self) -> str:
        """A sentence: why `finish` gave no receipt; "" when it gave a strong one."""

    def check(self) -> None:
        """Raise BrokenError when the connection's end can be seen already; waits for nothing.

        PeerEndedError, when the collector has ended its side and nothing more is known.
        """

    def send(self, data: bytes, on_wait: OnWait) -> None:
        """Write all of it, or raise BrokenError.

        While it has to wait, `on_wait` is called at least twice a second with STALLED or SLOW; it
        may raise to give up, and then the connection can only be abandoned.
        """

    def unacknowledged(self) -> int:
        """Return how many bytes the collector's kernel has not acknowledged (SIOCOUTQ)."""

    def written(self) -> int:
        """Return how many bytes were sent so far, without what TLS adds."""

    def go_on(self) -> None:
        """Take the collector's end for one of its side only, and write on until it resets."""

    def finish(self, on_wait: OnWait, *, wary: bool = True) -> Receipt:
        """End the connection in order, read to the collector's end, and return what that says.

        `wary`: it is not known whether what listens there takes syslog at all; a moment is given to
        it to show that it does not.

        Waits for that end as long as `on_wait` (STALLED, SLOW or UNANSWERED, at least twice a
        second) does not raise. BrokenError: a black hole, or the collector said why it takes
        nothing.
        Afterwards the connection is closed, in any case.
        """

    def abandon(self) -> None:
        """Close at once; may be called twice."""
