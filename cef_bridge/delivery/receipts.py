"""What the end of a connection says about what was sent over it. Pure: no I/O, no clock of its own.

The idea of delivery, for this room::

    queue --fetch--> StreamSender --frames--> connection 1 ==========> collector
                         |  confirm_interval or confirm_bytes reached: orderly close
                         |                    shutdown, close_notify ->
                         |                    <- FIN, close_notify: all of it was read
                         +--settle: confirmed-- and connection 2 carries the next round

Plain syslog has no acknowledgement; an orderly close is one. What went over one connection is a
confirmation round. It is confirmed as a whole when the collector answers our close by its own,
after reading everything; `EndpointHistory` remembers of an endpoint whether it does that at all.
Must not know sockets, queues, or what is in a message. Times are seconds of any one clock; sizes
are bytes.

Invariants, and what happened without them:

- A write proves nothing: a collector that left after 500 messages cost 1,074 to 1,795 that "had
  been sent". Only a round that was answered is confirmed.
- An EOF alone lies: in 5 of 20 trials it hid a reset. The connection is in order just before the
  close, then EOF, then nothing unacknowledged (SIOCOUTQ) and no error (SO_ERROR).
- A missing answer of a collector that once answered means slow. Sending again by the clock gave an
  overloaded collector copies without end.
- A kernel answers for a collector that was killed. What was confirmed last is held until the next
  connection stands, and sent again when that is refused.
- A TLS target that once answered with close_notify is not confirmed by a bare FIN: anybody on the
  way can send one.
- The next connection is used when the fate of the last is known, or the order of a lane is lost in
  collectors that read each connection in a thread of its own.

Why copies end. A round is sent again only after its connection broke. Each break quarters the
next round, down to one message, which is sent, closed at once and answered, and that is
progress, by every collector that lives longer than one message. One that never answers alone
(`MISSES` times) is no longer asked: `Mode.WINDOW`. There nothing is closed for a receipt; after a
break, small rounds leave as unconfirmed when the collector's kernel has them and the
connection outlived them by a while. Only a collector that reads a message and breaks the connection
at once, whatever we do, gets copies for ever, of one message, at the longest back-off: it cannot be
told from a proxy whose collector is down.
"""

from __future__ import annotations

import enum
from collections import deque
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

_T = TypeVar("_T")

MISSES = 3  # answers that fail to come before a target is asked no more
MISSES_OF_KNOWN = 10  # the same for one that did answer: its collector is down, more likely
SHRINK, GROW = 4, 2  # a break divides the next round by the one, a receipt makes it larger
UNBOUNDED = 100_000  # messages; a round this large has other bounds
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # between probes of a target that did not answer
COPIES = 2  # times a confirmed message is sent again for being held, at most


class Mode(enum.Enum):
    """How an endpoint is dealt with."""

    UNKNOWN = "has not answered yet: one message a connection"
    ANSWERS = "answers: a missing answer means slow"
    WINDOW = "does not answer: messages leave as unconfirmed"


class RoundResult(enum.Enum):
    """What becomes of a round that has ended."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"
    AGAIN = "sent again"


class EndpointHistory:
    """What one endpoint was seen to do.

    `remembered` is `str()` of an earlier Standing, or None at first contact; `asks` False never
    asks for a receipt (`confirm=off`).
    """

    def __init__(self, remembered: str | None, *, asks: bool = True, now: float = 0.0) -> None:
        words = (remembered or "").split()
        self.asks = asks
        self.strong = "strong" in words
        self.mode = Mode.UNKNOWN
        if not asks or "window" in words:
            self.mode = Mode.WINDOW
        elif words:
            self.mode = Mode.ANSWERS
        self.limit: int | None = None
        self._misses = 0
        self._pause = FIRST_PAUSE
        self._probe_at = now + self._pause
        self._probed_at = now - self._pause

    def __str__(self) -> str:
        known = "strong" if self.strong else "weak"
        return {
            Mode.UNKNOWN: "",
            Mode.ANSWERS: known,
            Mode.WINDOW: "window strong" if self.strong else "window",
        }[self.mode]

    def room(self, messages: int) -> int | None:
        """Return how many more may join a round of `messages`; None: any number."""
        limit = 1 if self.mode is Mode.UNKNOWN else self.limit
        return None if limit is None else max(0, limit - messages)

    def wants_probe(self, now: float) -> bool:
        """Tell whether one message, alone, shall find out if the endpoint answers."""
        if self.mode is Mode.UNKNOWN:
            return True
        return self.mode is Mode.WINDOW and self.asks and now >= self._probe_at

    def answered(self, messages: int, now: float, *, weakly: bool = False) -> RoundResult:
        """Take note that the close of a round was answered; `weakly`: TLS, by a bare EOF.

        After AGAIN, `broke` is to be told as well.
        """
        if not self.asks:
            return RoundResult.UNCONFIRMED
        if weakly and self.strong:
            # Whoever can cut a connection can forge a bare EOF. If the collector itself has become
            # like that, MISSES_OF_KNOWN end the copies.
            if self.mode is not Mode.WINDOW:
                return RoundResult.AGAIN
            self._postpone(now)
            return RoundResult.UNCONFIRMED
        self.mode = Mode.ANSWERS
        self.strong = self.strong or not weakly
        self._misses = 0
        self._pause = FIRST_PAUSE
        self._grow(messages)
        return RoundResult.CONFIRMED

    def broke(self, messages: int, now: float, *, probe: bool = False) -> None:
        """Take note that the connection of a round ended with no receipt: sent again.

        `messages` 0: it ended when the first was about to be sent.
        """
        if messages > 1:
            self.limit = max(1, messages // SHRINK)
        else:
            self._misses += 1
        if self.mode is Mode.WINDOW:
            if probe:
                self._postpone(now)
            else:
                # Whoever broke it may come back as one that answers.
                soon = max(now, self._probed_at + FIRST_PAUSE)
                self._probe_at = min(self._probe_at, soon)
        elif self._misses >= (MISSES_OF_KNOWN if self.mode is Mode.ANSWERS else MISSES):
            self._give_up(now)

    def silent(self, now: float) -> None:
        """Take note that a probe's patience ended: its bytes were taken, and no answer came."""
        if self.mode is Mode.WINDOW:
            self._postpone(now)
        else:
            self._give_up(now)

    def outlived(self, messages: int) -> None:
        """Take note that a limited round left as unconfirmed, its connection still whole."""
        self._grow(messages)

    def _grow(self, messages: int) -> None:
        if self.limit is not None and messages >= self.limit:
            self.limit *= GROW
            if self.limit >= UNBOUNDED:
                self.limit = None

    def _give_up(self, now: float) -> None:
        self.mode = Mode.WINDOW
        self.limit = None
        self._misses = 0
        self._postpone(now)

    def _postpone(self, now: float) -> None:
        self._probed_at = now
        self._probe_at = now + self._pause
        self._pause = min(2 * self._pause, LONGEST_PAUSE)


class Sent(NamedTuple, Generic[_T]):
    """Something that was sent: `what`, how many messages it holds, where in the stream it ends."""

    what: _T
    messages: int
    end: int


class Round(Generic[_T]):
    """What went over one connection and is not settled, in its order."""

    def __init__(self) -> None:
        self._sent: deque[Sent[_T]] = deque()
        self.messages = 0
        self.bytes = 0
        self.began = 0.0
        self.last = 0.0

    def __bool__(self) -> bool:
        return bool(self._sent)

    def __iter__(self) -> Iterator[_T]:
        return (sent.what for sent in self._sent)

    def add(self, what: _T, messages: int, size: int, end: int, now: float) -> None:
        """Add what was sent, `size` bytes that end at byte `end` of the connection's stream."""
        if not self._sent:
            self.began = now
        self.last = now
        self._sent.append(Sent(what, messages, end))
        self.messages += messages
        self.bytes += size

    def due(self, now: float, *, age: float, size: int, idle: float) -> bool:
        """Tell whether it is time to ask for the receipt: too old, too large, or fallen idle."""
        if not self._sent:
            return False
        return self.bytes >= size or now - self.began >= age or now - self.last >= idle

    def passed(self, acknowledged: int, window: int) -> list[Sent[_T]]:
        """Take out what ends `window` bytes before what the peer's kernel has acknowledged."""
        gone = []
        while self._sent and self._sent[0].end + window <= acknowledged:
            gone.append(self._sent.popleft())
            self.messages -= gone[-1].messages
        return gone

    def clear(self) -> list[_T]:
        """Take out everything."""
        everything = list(self)
        self._sent.clear()
        self.messages = self.bytes = 0
        return everything


class HeldRounds(Generic[_T]):
    """Confirmed rounds that are kept, for collectors that forget what they have read.

    The newest `most` are kept, for `longest` seconds at most.
    """

    def __init__(self, most: int, longest: float) -> None:
        self._most, self._longest = most, longest
        self._kept: deque[tuple[float, list[_T]]] = deque()

    def __bool__(self) -> bool:
        return bool(self._kept)

    def add(self, round_: list[_T], now: float) -> list[_T]:
        """Keep a round; return what need not be kept any more."""
        self._kept.append((now, round_))
        return self.expired(now)

    def expired(self, now: float) -> list[_T]:
        """Take out what need not be kept any more."""
        gone: list[_T] = []
        while self._kept and (
            len(self._kept) > self._most or now - self._kept[0][0] >= self._longest
        ):
            gone += self._kept.popleft()[1]
        return gone

    def clear(self) -> list[_T]:
        """Take out everything."""
        everything = [what for _, round_ in self._kept for what in round_]
        self._kept.clear()
        return everything
