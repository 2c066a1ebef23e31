"""What a server's answer means for the messages of a batch: fates, and why there are none.

Nothing comes in and nothing goes out: the senders of `splunk_hec` and `elasticsearch` return these,
and `sender` acts on them. Opens nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

from cef_bridge.delivery.connection import DeliveryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from cef_bridge.delivery.batches import Batch

FateKind = Literal["confirmed", "duplicate", "unconfirmed", "retry", "dead"]


class MessageFate(NamedTuple):
    """What becomes of one message; `reason` is a sentence for "retry" and "dead".

    "duplicate": it is there already, so it is confirmed. `act`: a retry will not help by itself.
    """

    kind: FateKind
    reason: str = ""
    act: bool = False


CONFIRMED = MessageFate("confirmed")
DUPLICATE = MessageFate("duplicate")
UNCONFIRMED = MessageFate("unconfirmed")


class Fates(NamedTuple):
    """The fates of a batch: `others` by the message's place in it, `rest` for all the rest."""

    rest: MessageFate
    others: Mapping[int, MessageFate] = {}

    def of(self, index: int) -> MessageFate:
        """Return the fate of one message."""
        return self.others.get(index, self.rest)


class Answer(NamedTuple):
    """An HTTP answer; names of headers in lower case."""

    status: int
    headers: Mapping[str, str]
    data: bytes


class RefusedError(DeliveryError):
    """The server took nothing of a request, and all of it can be sent again."""


class BatchRefusedError(DeliveryError):
    """The server took nothing of a request because of what is in it; smaller ones may pass.

    `too_large`: it has too many bytes.
    """

    def __init__(self, text: str, *, too_large: bool = False) -> None:
        super().__init__(text)
        self.too_large = too_large


class Session(Protocol):
    """One endpoint: what was sent there and has no answer yet. For one thread."""

    @property
    def peer(self) -> str:
        """The server as operators see it: `splunk:8088`."""

    @property
    def pending_bytes(self) -> int:
        """How many bytes of messages wait for an answer that comes later."""

    def send(self, batch: Batch, on_wait: Callable[[], None]) -> Fates | None:
        """Send a batch; None when its fates come later, by `hear`. DeliveryError when it failed."""

    def due(self, now: float) -> float:
        """Return in how many seconds `hear` has something to do; 0 for now."""

    def hear(self, now: float, on_wait: Callable[[], None]) -> Sequence[tuple[Batch, Fates]]:
        """Return batches whose fates came. DeliveryError when asking failed."""

    def give_back(self) -> Sequence[Batch]:
        """Return what waits for an answer, and wait for it no more."""

    def close(self) -> None:
        """Close the connection; the next request makes another one."""
