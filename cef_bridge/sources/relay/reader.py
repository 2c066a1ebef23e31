"""One stream of one relay, kept open: a thread that reads it, and what it has read so far.

Messages come in as they are sent; whoever asks takes them out. When more comes than is taken the
thread stops reading, so the relay's own buffer fills, and that is reported. A break is followed by
a new connection, with longer and longer waits. Knows nothing of JSON.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc

from cef_bridge.errors import UsageError
from cef_bridge.log_fields import fields
from cef_bridge.sources.relay.channel import CancelledError, Channel, alive, fault
from cef_bridge.sources.relay.errors import RelayEndpoint, RelayError
from cef_bridge.sources.relay.outages import Outages, Overruns, duration

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from cef_bridge.sources.feed import Notice

_log = logging.getLogger(__name__)

FIRST_WAIT, LONGEST_WAIT, LONGEST_PERMANENT_WAIT = 0.1, 2.0, 30.0
"""Seconds: each second of waiting loses events, so it is not the minutes that are usual."""

_PROVEN = 1.0
"""A stream that was open for so long, or has brought a message, is up. grpc-go, unlike other
servers, says nothing before the first message, and KubeArmor ends a stream at once when it does
not like the filter."""

_ROOM = 0.02
_KEEPING = 64  # bytes beside those of a message, however small it is
WAKE_AT = 500


class RelaySettings(NamedTuple):
    """What all streams of a feed share. Times in seconds, sizes in bytes."""

    health: int | None = None
    keepalive: float = 30.0
    connect_timeout: float = 10.0
    max_message: int = 4 << 20
    buffer: int = 16 << 20  # what was read and not taken yet, of all streams together


class Reader:
    """Reads the stream `kind` (alerts, logs, messages) of `place`, with the filter `words`.

    `wake` is set when there is much to take, and at the end. `endpoint` is the place's number.
    """

    def __init__(  # noqa: PLR0913  # made in one place, by the feed
        self,
        place: RelayEndpoint,
        kind: str,
        words: str,
        *,
        endpoint: int,
        settings: RelaySettings,
        wake: threading.Event,
        stop: threading.Event,
        rng: Random,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place, self.kind, self.endpoint = place, kind, endpoint
        self.name = f"kubearmor://{place.address} {kind}"
        self.received = 0  # bytes of messages
        self.problem = f"connecting to {place.address}"
        self.failure: Exception | None = None  # the thread died of it
        self.remark = ""  # what the server says of its health
        self._words = words
        self._settings = settings
        self._wake, self._stop = wake, stop
        self._rng, self._clock = rng, clock
        self._waiting: deque[bytes] = deque()
        self._brought = self._taken = 0  # bytes, with what keeping each message costs
        self._lock = threading.Lock()  # guards what follows
        self._outages = Outages(self.name, clock())
        self._overruns = Overruns(self.name)
        self._channel: Channel | None = None
        self._opened: float | None = None
        self._got = False
        self._heard = clock()
        self._question: Any = None
        self._silent = False
        self._logged = ""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)

    def start(self) -> None:
        """Start reading."""
        self._thread.start()

    def cancel(self) -> None:
        """End the stream at once; with `stop` set it is not opened again."""
        with self._lock:
            channel = self._channel
        if channel is not None:
            channel.cancel()

    def join(self, timeout: float) -> None:
        """Wait for the thread to end."""
        if self._thread.is_alive():
            self._thread.join(timeout)

    @property
    def is_up(self) -> bool:
        """Whether the stream is there."""
        with self._lock:
            self._settle()
            return self._outages.is_up

    @property
    def breaks(self) -> int:
        """How often the stream was lost."""
        return self._outages.breaks

    @property
    def gaps(self) -> int:
        """How many notices were given."""
        return self._outages.notices + self._overruns.notices

    @property
    def is_full(self) -> bool:
        """Whether there is enough to take at once."""
        return len(self._waiting) >= WAKE_AT

    def take(self, most: int) -> list[bytes]:
        """Return what was read, in its order, at most so many messages."""
        waiting = self._waiting
        found = [waiting.popleft() for _ in range(min(len(waiting), most))]
        self._taken += sum(map(len, found)) + _KEEPING * len(found)
        return found

    def look(self, *, last: bool = False) -> list[Notice]:
        """Do what has its time: find out whether a quiet server lives; return what is to report.

        To be called several times a second.
        """
        with self._lock:
            self._settle()
            now = self._clock()
            found = self._outages.due(now, last=last) + self._overruns.due(now, last=last)
            channel = self._channel if self._outages.is_up else None
            if now - self._heard < self._settings.keepalive:
                channel = None
        for notice in found:
            level = logging.ERROR if notice.reason == "relay-unreachable" else logging.WARNING
            if notice.reason != "relay-disconnected":  # that one was logged when it came back
                known = fields(
                    "source-gap", source=self.name, reason=notice.reason, lost=notice.lost
                )
                _log.log(level, "%s: %s", self.name, notice.text, extra=known)
        if channel is not None and not last:
            self._ask(channel)
        return found

    def _ask(self, channel: Channel) -> None:
        """A host that lost its power ends no connection: only a question tells."""
        if self._question is None:
            self._question = channel.ask(self._settings.connect_timeout)
            return
        answer = alive(self._question)
        if answer is None:
            return
        self._question = None
        self._heard = self._clock()
        if not answer:
            self._silent = True
            channel.cancel()

    def _run(self) -> None:
        try:
            self._keep_open()
        except Exception as error:  # noqa: BLE001  # whoever takes from it raises it again
            self.failure = error
        self._wake.set()

    def _keep_open(self) -> None:
        waits = 0
        while not self._stop.is_set():
            problem = self._read()
            if self._stop.is_set():
                break
            if self._note_break(problem):
                waits = 0
            longest = LONGEST_PERMANENT_WAIT if problem.permanent else LONGEST_WAIT
            self._stop.wait(self._rng.uniform(0, min(longest, FIRST_WAIT * 2 ** min(waits, 16))))
            waits += 1

    def _read(self) -> RelayError:
        """Open the stream and read it to its end; returns why that was."""
        settings, place = self._settings, self.place
        try:
            channel = Channel(place, settings.max_message)
        except UsageError as error:
            return RelayError(str(error), permanent=True)
        with self._lock:
            self._channel, self._got, self._silent = channel, False, False
        try:
            channel.open(self.kind, self._words)
            if self._stop.is_set():
                return RelayError("stopped")
            self.remark = channel.check(settings.connect_timeout, settings.health)
            if self.remark:
                known = fields("source-remark", source=self.name, reason=self.remark)
                _log.warning("%s: %s", self.name, self.remark, extra=known)
            with self._lock:
                opened = self._opened = self._heard = self._clock()
            self._pass_on(channel)
            got, lasted = self._got, self._clock() - opened
        except CancelledError:
            return RelayError("cancelled")
        except grpc.RpcError as error:
            if self._silent:
                return RelayError(f"{place.address} does not answer any more")
            return fault(error, place, settings.max_message)
        finally:
            with self._lock:
                self._settle()
                self._channel = self._opened = None
            channel.close()
        if got or lasted >= _PROVEN:
            return RelayError(
                f"{place.address} ended the stream, as KubeArmor does when it shuts down"
            )
        return RelayError(
            f"{place.address} ended the stream at once, without an event, as KubeArmor does when "
            f"it shuts down or does not know the filter {self._words!r}"
        )

    def _pass_on(self, channel: Channel) -> None:
        waiting, limit = self._waiting, self._settings.buffer
        for message in channel.read():
            self._got = True
            self.received += len(message)
            self._brought += len(message) + _KEEPING
            waiting.append(message)
            self._heard = self._clock()
            if len(waiting) == WAKE_AT:
                self._wake.set()
            if self._brought - self._taken > limit:
                self._wait_for_room(limit)

    def _wait_for_room(self, limit: int) -> None:
        self._wake.set()
        since = self._clock()
        while self._brought - self._taken > limit and not self._stop.wait(_ROOM):
            pass
        with self._lock:
            self._overruns.add(self._clock() - since)

    def _settle(self) -> None:
        """Note that the stream is up, if it is; the lock is held."""
        if self._opened is None or self._outages.is_up:
            return
        if not self._got and self._clock() - self._opened < _PROVEN:
            return
        away = self._outages.up(self._opened)
        self.problem = self._logged = ""
        if away is None:
            _log.info(
                "%s: connected", self.name, extra=fields("source-connected", source=self.name)
            )
        else:
            _log.warning(
                "%s: back after %s; events of that time are lost",
                *(self.name, duration(away)),
                extra=fields("source-back", source=self.name, seconds=round(away, 1)),
            )

    def _note_break(self, problem: RelayError) -> bool:
        """Report a break once, or a new reason for having no stream; returns whether it was up."""
        with self._lock:
            was_up = self._outages.broke(self._clock(), problem.text)
            self.problem = problem.text
            self._question = None
        if was_up or problem.text != self._logged:
            self._logged = problem.text
            level = logging.ERROR if problem.permanent else logging.WARNING
            known = fields("source-trouble", source=self.name, reason=problem.text)
            _log.log(level, "%s: %s; trying again", self.name, problem.text, extra=known)
        return was_up
