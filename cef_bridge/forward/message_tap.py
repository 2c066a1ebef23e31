"""The tap of a destination: its last messages, each with the event that it was made of.

In come blocks of lines while somebody looks, out go a few messages. Off until it is switched on,
and off again by itself; what it holds is bounded, and forgotten when it ends. The messages are
made by the reference, beside those that are sent: they are the same, without a number
(`envelope.sequence`).
"""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import origin_of
from cef_bridge.mapping.program.converter import Converted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.engine.line_loop import Options
    from cef_bridge.mapping.program.converter import Converter
    from cef_bridge.sources.records.units import Block

SECONDS = 300.0
"""It ends by itself after so long."""
MOST = 50
"""Messages that are kept."""
MOST_BYTES = 1 << 20
"""Characters of all texts that are kept, counted as bytes."""
LONGEST = 32 << 10
"""Characters of a message or an event; a longer one is cut."""
RATE = 20.0
"""Lines a second that are looked at; so many at once as are kept."""


class TappedMessage(NamedTuple):
    """A message, the text of its event, and when it was made, in Unix time."""

    time: float
    message: str
    event: str


class TapState(NamedTuple):
    """A tap at one moment. `until` is Unix time; of `sampled` lines one was looked at."""

    on: bool
    until: float | None
    sampled: int
    messages: tuple[TappedMessage, ...]


class MessageTap:
    """The tap of one destination; any thread may use it. `clock` counts seconds."""

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self._clock = clock
        self._wall = wall
        self._lock = threading.Lock()
        self._until = 0.0  # of the clock; 0: off
        self._kept: deque[TappedMessage] = deque()
        self._size = self._seen = self._looked = 0
        self._allowed, self._at = 0.0, 0.0

    @property
    def on(self) -> bool:
        """Whether somebody looks: all that a block costs while nobody does."""
        return self._until > 0.0

    def switch(self, *, on: bool) -> None:
        """Begin, for SECONDS from now; or end, and forget the messages."""
        with self._lock:
            if not (on and self._until):
                self._forget()
            self._until = self._clock() + SECONDS if on else 0.0

    def end_in_time(self) -> None:
        """End if it is time; to be called now and then."""
        with self._lock:
            if self._until and self._clock() >= self._until:
                self._until = 0.0
                self._forget()

    def state(self) -> TapState:
        """Return how it is now."""
        self.end_in_time()
        with self._lock:
            left = self._until - self._clock() if self._until else None
            return TapState(
                left is not None,
                None if left is None else self._wall() + left,
                max(round(self._seen / self._looked), 1) if self._looked else 1,
                tuple(self._kept),
            )

    def look(self, block: Block, name: str, options: Options, converter: Converter) -> None:
        """Keep some messages of a block, which comes from the stream of this name."""
        number = len(block.lines)
        if not number:
            return
        self.end_in_time()
        with self._lock:
            if not self._until:
                return
            room = self._room()
            self._seen += number
            step = -(-number // room) if room else number
            first = random.randrange(step)  # noqa: S311 - a sample, not a secret
            places = range(first, number, step) if room else range(0)
            self._looked += len(places)
            self._allowed -= len(places)
        if places:
            found = list(_messages(block, places, name, options, converter))
            with self._lock:
                if self._until:
                    self._keep(found)

    def _room(self) -> int:
        """Return how many lines may be looked at now."""
        now = self._clock()
        self._allowed = min(self._allowed + (now - self._at) * RATE, MOST)
        self._at = now
        return int(self._allowed)

    def _keep(self, found: list[tuple[str, str]]) -> None:
        now = self._wall()
        for message, event in found:
            self._kept.append(TappedMessage(now, message, event))
            self._size += len(message) + len(event)
        while len(self._kept) > MOST or self._size > MOST_BYTES:
            gone = self._kept.popleft()
            self._size -= len(gone.message) + len(gone.event)

    def _forget(self) -> None:
        self._kept.clear()
        self._size = self._seen = self._looked = 0
        self._allowed, self._at = float(MOST), self._clock()


def _messages(
    block: Block, places: range, name: str, options: Options, converter: Converter
) -> Iterator[tuple[str, str]]:
    """Yield messages and events of some lines of a block."""
    where = block.places()
    for at in places:
        line, offset = where[at]
        decoder = EventDecoder(max_record=options.max_record, input_format=options.input_format)
        for found in decoder.decode(block.lines[at]):
            if not isinstance(found, Decoded):
                continue
            origin = origin_of(found.fields, name, line if block.numbered else offset)
            try:
                fate = converter.convert(found.fields, origin)
            except Exception:  # noqa: BLE001, S112 - the line loop counts it as a fault
                continue
            if isinstance(fate, Converted):
                yield _cut(fate.message), _cut(found.raw.decode("utf-8", "replace"))


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
