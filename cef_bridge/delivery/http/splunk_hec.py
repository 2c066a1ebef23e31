"""Splunk's HTTP Event Collector: messages as events, confirmed by the indexer's acknowledgement.

In comes a batch, out go its fates. An answer of 200 says that events were read, not that they are
kept: with `ack` each request gets a number (`ackId`) within a channel, and the channel is asked
until the number is true ("About HTTP Event Collector Indexer Acknowledgment"). Codes: "Troubleshoot
HTTP Event Collector". Must not know what is in a message: host and time come by
`SenderContext.facts`.
"""

from __future__ import annotations

import re
import time
import uuid
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from cef_bridge.delivery.connection import BrokenError, ConnectError
from cef_bridge.delivery.http.answers import CONFIRMED as INDEXED
from cef_bridge.delivery.http.answers import (
    UNCONFIRMED,
    BatchRefusedError,
    Fates,
    MessageFate,
    RefusedError,
)
from cef_bridge.delivery.http.checks import SECRETS
from cef_bridge.delivery.http.client import HttpClient
from cef_bridge.delivery.http.sender import HttpSender
from cef_bridge.delivery.secrets import read_header_secret
from cef_bridge.errors import UsageError
from cef_bridge.wording import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.batches import Batch
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.http.answers import Answer
    from cef_bridge.delivery.sender_context import EventFacts, SenderContext
    from cef_bridge.delivery.stream_sender import Patience
    from cef_bridge.delivery.urls import Endpoint

EVENT, ACK = "/services/collector/event", "/services/collector/ack"

_CHANNEL = "X-Splunk-Request-Channel"
_SLOWEST = 10.0  # seconds between two questions, after many that brought nothing
_MOST_ASKED = 1000  # numbers in a question
_AGAIN = MessageFate("retry")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2

# Codes of an answer that somebody has to act on -> what to do.
_ACT = {
    1: "Enable the token there.",
    2: "Check the token.",
    3: "Check the token.",
    4: "Check the token.",
    7: "Allow this token to write to the index, or correct index=.",
    14: "Enable indexer acknowledgment for the token, or set ack=off (unconfirmed messages).",
    16: "Check the token.",
    21: "Check the token.",
    22: "Enable the token there.",
}
_CHANNELS = {10, 11}
"""Data channel missing, invalid data channel: another one may do."""
_ACK_DISABLED = 14
_EVENT_FAULTS = {5, 6, 12, 13, 15}
"""No data, invalid data format, event field missing, blank; indexed fields that cannot be."""


def sender(
    context: SenderContext, target: DestinationUrl, backoff: Backoff, patience: Patience
) -> HttpSender:
    """Return what sends to Splunk's HTTP Event Collector; `patience.idle`: between questions."""

    def session(endpoint: Endpoint) -> HecSession:
        return HecSession(target, endpoint, patience.idle, context.clock, context.facts)

    return HttpSender(context, target, backoff, patience, session)


class _Waiting(NamedTuple):
    """A batch that the server took at a time, under a number of a channel."""

    batch: Batch
    channel: str
    number: int
    since: float


class HecSession:
    """One Splunk instance; `every`: seconds between two questions for acknowledgements."""

    def __init__(
        self,
        target: DestinationUrl,
        endpoint: Endpoint,
        every: float,
        clock: Callable[[], float] = time.monotonic,
        facts: Callable[[bytes], EventFacts] | None = None,
    ) -> None:
        self._clock = clock
        self._facts = facts
        self._target = target
        self._client = HttpClient(target, endpoint)
        self._meta = {
            name: value
            for name in ("index", "sourcetype", "source", "host")
            if (value := getattr(target, name)) is not None
        }
        self._channel = _new_channel()
        self._number = -1
        self._greeted = False
        self._number = -1  # the last one of this channel
        self._waiting: list[_Waiting] = []
        self._lost: list[Batch] = []  # whose numbers mean something else by now
        self._cookies: dict[str, str] = {}
        self._every = self._pause = every
        self._next_at = 0.0

    @property
    def peer(self) -> str:
        """The instance as operators see it."""
        return self._client.peer

    @property
    def pending_bytes(self) -> int:
        """How many bytes wait for an acknowledgement."""
        waiting = sum(each.batch.size for each in self._waiting)
        return waiting + sum(batch.size for batch in self._lost)

    def send(self, batch: Batch, on_wait: Callable[[], None]) -> Fates | None:
        """Send events; without `ack` they are unconfirmed then, with it None: they wait."""
        target = self._target
        if target.ack and not self._greeted:
            self._greet(on_wait)
        body = b"\n".join(self._event(message, born) for message, born in batch.messages())
        answer = self._post(EVENT, body, self._channel, on_wait)
        said = _read(answer)
        if answer.status != 200 or said.code != 0:
            return self._wrong(answer, said, batch.count)
        if not target.ack:
            return Fates(UNCONFIRMED)
        if said.ack is None:
            raise RefusedError(
                f"{self.peer} took messages and gave no ackId. {_ACT[14]}", permanent=True
            )
        self._wait(batch, said.ack)
        return None

    def _wait(self, batch: Batch, number: int) -> None:
        """Wait for the acknowledgement of a number.

        Numbers of a channel grow. One that does not is of a server that was restarted, or of
        another one behind a load balancer: what is asked about earlier numbers would be answered
        for other events.
        """
        now = self._clock()
        if number <= self._number:
            self._lost += [each.batch for each in self._waiting if each.channel == self._channel]
            self._waiting = [each for each in self._waiting if each.channel != self._channel]
        soon = now if self._lost else now + self._every
        self._next_at = min(self._next_at, soon) if self._waiting else soon
        self._waiting.append(_Waiting(batch, self._channel, number, now))
        self._number = number
        self._pause = self._every

    def due(self, now: float) -> float:
        """Return in how many seconds to ask for acknowledgements."""
        return max(0.0, self._next_at - now)

    def hear(self, now: float, on_wait: Callable[[], None]) -> Sequence[tuple[Batch, Fates]]:
        """Ask for acknowledgements, and return what is indexed, or is to be sent again."""
        self._next_at = now + self._pause
        self._pause = min(2 * self._pause, max(_SLOWEST, self._every))
        heard: list[tuple[Batch, Fates]] = [(batch, Fates(_AGAIN)) for batch in self._lost]
        self._lost.clear()
        try:
            for channel in dict.fromkeys(each.channel for each in self._waiting):
                heard += self._ask(channel, on_wait)
        except (RefusedError, BrokenError, ConnectError):
            heard += self._late(now)
            if not heard:
                raise
            return heard
        return heard + self._late(now)

    def give_back(self) -> Sequence[Batch]:
        """Return what waits; whether it was indexed will not be known."""
        waiting = self._lost + [each.batch for each in self._waiting]
        self._waiting, self._lost = [], []
        self._renew()
        return waiting

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def probe(self, on_wait: Callable[[], None]) -> str:
        """Ask whether the token is accepted, without sending an event; return what was answered.

        DeliveryError says why it is not.
        """
        answer = self._post(ACK, b'{"acks":[0]}', self._channel, on_wait)
        said = _read(answer)
        if said.code == _ACK_DISABLED and not self._target.ack:
            return "the token is accepted; its acknowledgment is off, as ack=off says"
        if answer.status != 200 or said.code or said.acks is None:
            raise self._refused(answer, said)
        return "the token is accepted, and acknowledgment is enabled"

    # Requests

    def _post(self, path: str, body: bytes, channel: str, on_wait: Callable[[], None]) -> Answer:
        headers = {
            "Authorization": f"Splunk {self._token()}",
            "Content-Type": "application/json",
            _CHANNEL: channel,
        }
        if self._cookies:
            # A load balancer knows by its cookie which indexer has the channel.
            headers["Cookie"] = "; ".join(f"{name}={it}" for name, it in self._cookies.items())
        answer = self._client.post(path, body, headers, on_wait)
        for each in filter(None, answer.headers.get("set-cookie", "").split(", ")):
            name, equals, value = each.partition(";")[0].partition("=")
            if equals and _TOKEN.fullmatch(name) and value.isprintable():
                self._cookies[name] = value
        return answer

    def _token(self) -> str:
        """Return the token, read now, so that a renewed one is taken."""
        try:
            return read_header_secret(self._target.token or "", SECRETS["token"])
        except UsageError as error:
            raise ConnectError(f"cannot log in to {self.peer}: {error}", permanent=True) from error

    def _event(self, message: bytes, born: float) -> bytes:
        facts = self._facts(message) if self._facts else None
        milliseconds = int(born * 1000)
        event: dict[str, object] = dict(self._meta)
        if facts is not None:
            if facts.milliseconds is not None:
                milliseconds = facts.milliseconds
            if facts.host and "host" not in event:
                event["host"] = facts.host
        event["time"] = milliseconds / 1000
        event["event"] = message.decode("utf-8", "replace")
        return orjson.dumps(event)

    def _greet(self, on_wait: Callable[[], None]) -> None:
        """Ask a new channel for an acknowledgement, to learn about token and settings.

        A server without acknowledgements would take messages and never say that they are indexed.
        """
        self.probe(on_wait)
        self._greeted = True

    def _ask(self, channel: str, on_wait: Callable[[], None]) -> list[tuple[Batch, Fates]]:
        waiting = {each.number: each for each in self._waiting if each.channel == channel}
        numbers = sorted(waiting)[:_MOST_ASKED]
        answer = self._post(ACK, orjson.dumps({"acks": numbers}), channel, on_wait)
        said = _read(answer)
        if said.code in _CHANNELS:  # it knows the channel no more, and so no number of it
            if channel == self._channel:
                self._renew()
            return self._done(list(waiting.values()), Fates(_AGAIN))
        if answer.status != 200 or said.code or said.acks is None:
            raise self._refused(answer, said)
        acks = said.acks
        return self._done(
            [each for number, each in waiting.items() if acks.get(str(number)) is True],
            Fates(INDEXED),
        )

    def _late(self, now: float) -> list[tuple[Batch, Fates]]:
        """Return what has waited too long, to be sent again on another channel."""
        limit = self._target.ack_timeout
        late = [each for each in self._waiting if now - each.since >= limit]
        if not late:
            return []
        if any(each.channel == self._channel for each in late):
            self._renew()
        reason = (
            f"no acknowledgement within {limit:g} seconds. It is sent again on another channel. "
            "Check the indexing queues there."
        )
        return self._done(late, Fates(MessageFate("retry", reason)))

    def _done(self, those: list[_Waiting], fates: Fates) -> list[tuple[Batch, Fates]]:
        if those:
            gone = set(map(id, those))
            self._waiting = [each for each in self._waiting if id(each) not in gone]
            self._pause = self._every
        return [(each.batch, fates) for each in those]

    def _renew(self) -> None:
        self._channel = _new_channel()
        self._greeted = False

    # Answers

    def _wrong(self, answer: Answer, said: _Said, count: int) -> Fates:
        """Return the fates that a refusal leaves to be told; else raise what it means."""
        text = f"{self.peer} answered {answer.status}{said.shown}."
        invalid = said.invalid
        if said.code in _EVENT_FAULTS and invalid is not None and 0 <= invalid < count:
            return Fates(_AGAIN, {invalid: MessageFate("dead", text)})
        if answer.status == 413:
            raise BatchRefusedError(f"{text} The message is too large.", too_large=True)
        if said.code in _EVENT_FAULTS:
            raise BatchRefusedError(text)
        raise self._refused(answer, said)

    def _refused(self, answer: Answer, said: _Said) -> RefusedError:
        """Return what it means that a request was refused, whatever is in it."""
        status = answer.status
        who = f"{self.peer} answered {status}{said.shown}."
        if said.code in _CHANNELS:
            self._renew()
            return RefusedError(f"{who} Another channel is tried.")
        if said.code in _ACT:
            return RefusedError(f"{who} {_ACT[said.code]}", permanent=True)
        if status in {429, 500, 502, 503, 504}:  # code 9: server is busy
            return RefusedError(f"{who} It is tried again.")
        if status in {401, 403}:
            return RefusedError(f"{who} Check the token.", permanent=True)
        if 300 <= status < 400:
            text = "It sends us elsewhere, and we do not follow. Name that host."
            return RefusedError(f"{who} {text}", permanent=True)
        text = "Is an HTTP Event Collector there, and enabled?"
        return RefusedError(f"{who} {text}", permanent=True)


class _Said(NamedTuple):
    """What an answer's JSON says; None and empty where it does not."""

    code: int | None
    text: str
    ack: int | None
    acks: dict[str, object] | None
    invalid: int | None

    @property
    def shown(self) -> str:
        if not self.text:
            return ""
        code = "" if self.code is None else f" (code {self.code})"
        return f": {self.text}{code}"


def _read(answer: Answer) -> _Said:
    try:
        said: Any = orjson.loads(answer.data)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return _Said(None, "", None, None, None)
    text, acks = said.get("text"), said.get("acks")
    return _Said(
        _number(said.get("code")),
        printable(text[:200]).rstrip(".") if isinstance(text, str) else "",
        _number(said.get("ackId")),
        acks if isinstance(acks, dict) else None,
        _number(said.get("invalid-event-number")),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _new_channel() -> str:
    return str(uuid.uuid4())
