"""Splunk's HTTP Event Collector as its documents describe it, for tests.

Written from "About HTTP Event Collector Indexer Acknowledgment", "Format events for HTTP Event
Collector" and "Troubleshoot HTTP Event Collector" (codes). It stands in for Splunk, which cannot be
installed by a test; where Splunk does otherwise, this file is wrong.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from http_servers import Server

if TYPE_CHECKING:
    from certificates import Pair

TOKEN = "b0221cd8-c4b4-465a-9a3c-273e3a75aa29"  # noqa: S105 - of this server only

SUCCESS = {"text": "Success", "code": 0}
BUSY = {"text": "Server is busy", "code": 9}
NO_CHANNEL = {"text": "Data channel is missing", "code": 10}
BAD_CHANNEL = {"text": "Invalid data channel", "code": 11}
ACK_DISABLED = {"text": "ACK is disabled", "code": 14}
BAD_TOKEN = {"text": "Invalid token", "code": 4}
BAD_INDEX = {"text": "Incorrect index", "code": 7, "invalid-event-number": 0}
NEVER = 10**9


class HecServer(Server):
    """`indexes_after`: how often a number is asked for until it is true; `acks`: the token has them.

    `most_bytes` of a body are taken; an event that has `invalid` in it is none.
    """

    def __init__(self, pair: Pair | None = None, port: int = 0, **words) -> None:
        self.token = TOKEN
        self.acks = True
        self.indexes_after = 0
        self.most_bytes = 1 << 20
        self.invalid = "\0"
        self.taken: list[list[dict]] = []  # events of requests that were answered by 200
        self.channels: defaultdict[str, dict[int, int]] = defaultdict(dict)  # asked so often
        self.forgotten: set[str] = set()
        super().__init__(pair, port, **words)

    def respond(self, handler, request) -> None:
        if request.headers.get("Authorization") != f"Splunk {self.token}":
            handler.answer(403, BAD_TOKEN)
        elif request.path == "/services/collector/ack":
            handler.answer(*self._ack(request))
        elif request.path == "/services/collector/event":
            handler.answer(*self._event(request))
        else:
            handler.answer(404, {"text": "The requested URL was not found.", "code": 404})

    def _channel(self, request) -> str | None:
        return request.headers.get("X-Splunk-Request-Channel")

    def _ack(self, request):
        channel = self._channel(request)
        if not self.acks:
            return 400, ACK_DISABLED
        if channel is None:
            return 400, NO_CHANNEL
        if channel in self.forgotten:
            return 400, BAD_CHANNEL
        said = {}
        with self.lock:
            known = self.channels[channel]
            for number in json.loads(request.body)["acks"]:
                asked = known.get(number)
                if asked is not None:
                    known[number] = asked + 1
                said[str(number)] = asked is not None and asked >= self.indexes_after
        return 200, {"acks": said}

    def _event(self, request):
        if len(request.body) > self.most_bytes:
            return 413, {"text": "Content too large", "code": 27}
        events = read_events(request.body)
        if not events:
            return 400, {"text": "No data", "code": 5}
        for index, event in enumerate(events):
            if self.invalid in event["event"]:
                text = {"text": "Invalid data format", "code": 6, "invalid-event-number": index}
                return 400, text
        channel = self._channel(request)
        if self.acks and channel is None:
            return 400, NO_CHANNEL
        with self.lock:
            self.taken.append(events)
            if not self.acks:
                return 200, SUCCESS
            known = self.channels[channel]
            number = len(known)
            known[number] = 0
        return 200, {**SUCCESS, "ackId": number}

    def lines(self) -> list[bytes]:
        """Return the lines that were taken, in their order, those that came twice as well."""
        with self.lock:
            return [event["event"].encode() for events in self.taken for event in events]


def read_events(body: bytes) -> list[dict]:
    """Return events that follow each other without anything between them, or with white space."""
    text, found, at = body.decode(), [], 0
    decoder = json.JSONDecoder()
    while at < len(text):
        event, at = decoder.raw_decode(text, at)
        found.append(event)
        while at < len(text) and text[at].isspace():
            at += 1
    return found
