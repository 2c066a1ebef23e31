"""Elasticsearch and OpenSearch: messages as documents by the `_bulk` API, each with its own status.

In comes a batch, out go its fates. Each document is created (`create`) under its event's id: one
that is sent twice is there once, and the second time is a 409. Data streams take nothing but
`create`. Elasticsearch, "Bulk API"; OpenSearch, "Bulk". Must not know what is in a message: event
id and time come by `SenderContext.facts`.
"""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import orjson

from cef_bridge.delivery.connection import BrokenError, ConnectError
from cef_bridge.delivery.http.answers import (
    CONFIRMED,
    DUPLICATE,
    BatchRefusedError,
    Fates,
    MessageFate,
    RefusedError,
)
from cef_bridge.delivery.http.checks import SECRETS
from cef_bridge.delivery.http.client import HttpClient
from cef_bridge.delivery.http.sender import HttpSender
from cef_bridge.delivery.secrets import read_header_secret, read_secret
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

_ASKED = "errors,items.*.status,items.*.error.type,items.*.error.reason"
"""What of an answer is wanted (`filter_path`): a status a document, and what was wrong."""

_MOST_ID = 512  # bytes of an `_id`
_MOST_REASON = 300  # characters of a server's text in a sentence
# Statuses of a document that pass by themselves, and those that somebody has to act on.
_LATER = {429, 500, 502, 503, 504}
_ACT = {401, 403, 404}
# A 400 that is no fault of the document: of these no message is put aside.
_ACT_TYPES = {"index_closed_exception", "invalid_index_name_exception"}
_ACT_REASONS = ("pipeline with id [", "no write index is defined for alias [")
_RETRIES = "It is tried again."


def sender(
    context: SenderContext, target: DestinationUrl, backoff: Backoff, patience: Patience
) -> HttpSender:
    """Return what sends to Elasticsearch or OpenSearch."""

    def session(endpoint: Endpoint) -> BulkSession:
        return BulkSession(target, endpoint, context.facts)

    return HttpSender(context, target, backoff, patience, session)


class BulkSession:
    """One node. All fates come with the answer, so that nothing is ever pending."""

    pending_bytes = 0

    def __init__(
        self,
        target: DestinationUrl,
        endpoint: Endpoint,
        facts: Callable[[bytes], EventFacts] | None = None,
    ) -> None:
        self._target = target
        self._facts = facts
        self._client = HttpClient(target, endpoint)
        more = f"&pipeline={quote(target.pipeline, safe='')}" if target.pipeline else ""
        index = quote(target.index or "", safe="")
        self._path = f"/{index}/_bulk?filter_path={_ASKED}{more}"

    @property
    def peer(self) -> str:
        """The node as operators see it."""
        return self._client.peer

    def send(self, batch: Batch, on_wait: Callable[[], None]) -> Fates:
        """Create the documents of a batch, and return what became of each."""
        headers = {"Content-Type": "application/x-ndjson", **self._authorization()}
        body = b"".join(self._document(message, born) for message, born in batch.messages())
        answer = self._client.post(self._path, body, headers, on_wait)
        if answer.status != 200:
            raise self._refused(answer)
        return self._fates(answer, batch.count)

    def probe(self, on_wait: Callable[[], None]) -> str:
        """Ask whether the login is accepted, without sending a document; return what was answered.

        An empty request needs the rights that documents need, and is refused for being empty.
        DeliveryError says why it is refused otherwise.
        """
        headers = {"Content-Type": "application/x-ndjson", **self._authorization()}
        answer = self._client.post(self._path, b"", headers, on_wait)
        if answer.status not in {200, 400}:
            raise self._refused(answer)
        if not isinstance(_json(answer), dict):
            raise BrokenError(
                f"{self.peer} gave no answer of the _bulk API. Is this the right server?"
            )
        return "the login is accepted" if headers.keys() > {"Content-Type"} else "it answers"

    def due(self, _: float) -> float:
        """Nothing comes later."""
        return 0.0

    def hear(self, _: float, __: Callable[[], None]) -> Sequence[tuple[Batch, Fates]]:
        """Nothing comes later."""
        return ()

    def give_back(self) -> Sequence[Batch]:
        """Nothing waits."""
        return ()

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _authorization(self) -> dict[str, str]:
        """Return the header that says who we are; secrets are read now, so that new ones count."""
        target = self._target
        try:
            if target.api_key is not None:
                key = read_header_secret(target.api_key, SECRETS["api_key"])
                encoded = _base64(key) if ":" in key else key
                return {"Authorization": f"ApiKey {encoded}"}
            if target.user is not None and target.user_password is not None:
                password = read_secret(target.user_password, SECRETS["user_password"])
                return {"Authorization": f"Basic {_base64(f'{target.user}:{password}')}"}
        except UsageError as error:
            raise ConnectError(f"cannot log in to {self.peer}: {error}", permanent=True) from error
        return {}

    def _document(self, message: bytes, born: float) -> bytes:
        facts = self._facts(message) if self._facts else None
        create: dict[str, str] = {}
        milliseconds = int(born * 1000)
        if facts is not None:
            if 0 < len(facts.event_id.encode()) <= _MOST_ID:
                create["_id"] = facts.event_id
            if facts.milliseconds is not None:
                milliseconds = facts.milliseconds
        at = datetime.fromtimestamp(milliseconds // 1000, UTC)
        time = f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds % 1000:03d}Z"
        document = {"@timestamp": time, "message": message.decode("utf-8", "replace")}
        return b"%b\n%b\n" % (orjson.dumps({"create": create}), orjson.dumps(document))

    def _fates(self, answer: Answer, count: int) -> Fates:
        said = _json(answer)
        items = said.get("items") if isinstance(said, dict) else None
        if not isinstance(items, list) or len(items) != count:
            raise BrokenError(
                f"{self.peer} gave no answer of the _bulk API. Is this the right server?"
            )
        others = {}
        for index, item in enumerate(items):
            fate = _fate(item.get("create") if isinstance(item, dict) else None)
            if fate is not CONFIRMED:
                others[index] = fate
        return Fates(CONFIRMED, others)

    def _refused(self, answer: Answer) -> RefusedError | BatchRefusedError:
        """Return what it means that a whole request was refused."""
        status, why = answer.status, _why(answer)
        who = f"{self.peer} answered {status}{why}."
        if status == 413:
            return BatchRefusedError(
                f"{who} The message is too large (http.max_content_length).", too_large=True
            )
        if status == 401:
            text = "Check api_key, or user and password."
        elif status == 403:
            text = f"Allow this user to create documents in {self._target.index}."
        elif status == 404:
            text = f"Create {self._target.index}, or allow it to be created."
        elif status == 400:  # what is wrong with a document is said by its item
            text = "Correct the index and the pipeline."
        elif 300 <= status < 400:
            text = "It sends us elsewhere, and we do not follow. Name that host."
        elif status == 429 or status >= 500:
            return RefusedError(f"{who} {_RETRIES}")
        else:
            text = "Check its log."
        return RefusedError(f"{who} {text}", permanent=True)


def _fate(created: object) -> MessageFate:
    """Return the fate of a document by the part of the answer that is about it."""
    if not isinstance(created, dict) or not isinstance(status := created.get("status"), int):
        return MessageFate("retry", "the answer has no status for it.")
    if 200 <= status < 300:
        return CONFIRMED
    if status == 409:  # version_conflict_engine_exception: there is one with this id
        return DUPLICATE
    error = created.get("error")
    error = error if isinstance(error, dict) else {"reason": error}
    kind, text = str(error.get("type") or ""), str(error.get("reason") or "")
    reason = f"{status} {kind}: {printable(text[:_MOST_REASON]).rstrip('.')}."
    if status in _LATER:
        return MessageFate("retry", f"{reason} {_RETRIES}")
    if status in _ACT or kind in _ACT_TYPES or text.startswith(_ACT_REASONS):
        return MessageFate("retry", f"{reason} Correct the settings there or here.", act=True)
    return MessageFate("dead", reason)


def _why(answer: Answer) -> str:
    """Return what the server says is wrong, with a colon before it; "" for nothing."""
    said = _json(answer)
    error = said.get("error") if isinstance(said, dict) else None
    text = error.get("reason") if isinstance(error, dict) else error
    if not isinstance(text, str) or not text:
        return ""
    return f": {printable(text[:_MOST_REASON]).rstrip('.')}"


def _json(answer: Answer) -> Any:  # noqa: ANN401 - JSON
    try:
        return orjson.loads(answer.data)
    except orjson.JSONDecodeError:
        return None


def _base64(text: str) -> str:
    return b64encode(text.encode()).decode()
