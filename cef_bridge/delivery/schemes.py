"""The transports, a row each, in the order in which they are listed.

Another one is a file here that sends what a queue holds, and a row below; settings of its own are
fields of `DestinationUrl`. All that asks for transports (URLs, configs and their check, the sender,
help, schema, docs, tests) goes through this table. Must not know what is in a message.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple, Protocol
from urllib.parse import unquote

from cef_bridge.delivery import certificates, files, urls
from cef_bridge.delivery.certificates import Faults
from cef_bridge.delivery.http import checks
from cef_bridge.delivery.kafka import settings as kafka
from cef_bridge.delivery.one_way_senders import DatagramSender, FileSender
from cef_bridge.delivery.stream_sender import Patience, StreamSender
from cef_bridge.wording import either

if TYPE_CHECKING:
    from collections.abc import Callable

    from cef_bridge.delivery.backoff import Backoff
    from cef_bridge.delivery.destination_url import DestinationUrl
    from cef_bridge.delivery.sender_context import SenderContext
    from cef_bridge.delivery.urls import Endpoint

    Place = tuple[dict[str, object], list[str]]
    """Fields of a `DestinationUrl`, and what is wrong with what was written."""


class Sender(Protocol):
    """What sends for one destination; `run` returns when it is stopped or all is sent."""

    def run(self) -> None:
        """Send what the queue holds."""


class Scheme(NamedTuple):
    """A transport.

    `form` shows how its URL is written. `place` reads the part between the scheme and the `?`.
    `sender` makes what sends; `framing` is the mapping's. `check` looks at what the URL names
    without connecting, at a time (epoch seconds). `problems` says what is missing or does not go
    together. `probe` asks an endpoint whether it lets us in, without sending a message: it returns
    the answer in words, or raises DeliveryError; its last argument is called while it waits, and
    may raise to give up. `collector`: a syslog collector is behind it, and reads a header;
    `headless`: nobody there reads one, so that the mapping's is not written. `datagrams`: a message
    has `max_datagram` bytes at most. `reads_once`: certificates and secrets are read when it
    starts, not with each connection.
    """

    name: str
    form: str
    place: Callable[[str], Place]
    sender: Callable[[SenderContext, DestinationUrl, Backoff, str, Patience], Sender]
    check: Callable[[DestinationUrl, float], Faults] = lambda _, __: Faults([], [])
    problems: Callable[[DestinationUrl], list[str]] = lambda _: []
    probe: Callable[[DestinationUrl, Endpoint, Callable[[], None]], str] | None = None
    collector: bool = False
    headless: bool = False
    datagrams: bool = False
    reads_once: bool = False


def _hosts(default_port: int) -> Callable[[str], Place]:
    def place(rest: str) -> Place:
        endpoints, problems = urls.endpoints(rest, default_port)
        return {"endpoints": endpoints}, problems

    return place


def _one_host(default_port: int) -> Callable[[str], Place]:
    hosts = _hosts(default_port)

    def place(rest: str) -> Place:
        said, problems = hosts(rest)
        if "," in rest:
            problems.append(
                "udp:// takes one collector: UDP reports no failure, so there is no failover. For "
                "a copy to each, list them as separate destinations."
            )
        return said, problems

    return place


def _path(rest: str) -> Place:
    path = unquote(rest)
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        text = "file: is followed by the whole path of a file, such as file:///var/log/x.cef."
        return {"path": path}, [text]
    return {"path": path}, []


def _nowhere(_: str) -> Place:
    return {}, []


def _stream(
    context: SenderContext,
    target: DestinationUrl,
    backoff: Backoff,
    framing: str,
    patience: Patience,
) -> Sender:
    return StreamSender(context, target, target.framing or framing, backoff, patience)


def _datagrams(
    context: SenderContext, target: DestinationUrl, backoff: Backoff, *_: object
) -> Sender:
    return DatagramSender(context, target, backoff)


def _file(context: SenderContext, target: DestinationUrl, backoff: Backoff, *_: object) -> Sender:
    return FileSender(context, target, backoff)


def _splunk_hec(
    context: SenderContext, target: DestinationUrl, backoff: Backoff, _: str, patience: Patience
) -> Sender:
    from cef_bridge.delivery.http import splunk_hec  # noqa: PLC0415 - a library that is an extra

    return splunk_hec.sender(context, target, backoff, patience)


def _search(
    context: SenderContext, target: DestinationUrl, backoff: Backoff, _: str, patience: Patience
) -> Sender:
    from cef_bridge.delivery.http import elasticsearch  # noqa: PLC0415 - as above

    return elasticsearch.sender(context, target, backoff, patience)


def _probe_hec(target: DestinationUrl, endpoint: Endpoint, on_wait: Callable[[], None]) -> str:
    from cef_bridge.delivery.http.splunk_hec import HecSession  # noqa: PLC0415 - as above

    with closing(HecSession(target, endpoint, 1.0)) as session:
        return session.probe(on_wait)


def _probe_search(target: DestinationUrl, endpoint: Endpoint, on_wait: Callable[[], None]) -> str:
    from cef_bridge.delivery.http.elasticsearch import BulkSession  # noqa: PLC0415 - as above

    with closing(BulkSession(target, endpoint)) as session:
        return session.probe(on_wait)


def _kafka_place(rest: str) -> Place:
    endpoints, topics, problems = kafka.place(rest)
    if len(topics) > 1:
        problems.append("A destination is one topic. For a copy to each, list them separately.")
    return {"endpoints": endpoints, "path": f"/{topics[0]}" if topics else ""}, problems


def _kafka(context: SenderContext, target: DestinationUrl, backoff: Backoff, *_: object) -> Sender:
    from cef_bridge.delivery.kafka.sender import KafkaSender  # noqa: PLC0415 - as above

    return KafkaSender(context, target, backoff)


def _http(
    name: str,
    form: str,
    place: Callable[[str], Place],
    sender: Callable[[SenderContext, DestinationUrl, Backoff, str, Patience], Sender],
    problems: Callable[[DestinationUrl], list[str]],
    probe: Callable[[DestinationUrl, Endpoint, Callable[[], None]], str],
) -> Scheme:
    return Scheme(name, form, place, sender, checks.look_at, problems, probe, headless=True)


_ROWS = (
    Scheme(
        "udp",
        "udp://host:port",
        _one_host(514),  # RFC 5426 3.3
        _datagrams,
        collector=True,
        datagrams=True,
    ),
    Scheme("tcp", "tcp://host:port", _hosts(514), _stream, collector=True),  # 514: in use
    Scheme(
        "tls",
        "tls://host:port",
        _hosts(6514),  # RFC 5425 4.1
        _stream,
        certificates.look_at,
        collector=True,
    ),
    _http(
        "splunk-hec",
        "splunk-hec://host:port?token=file:/path",
        _hosts(8088),
        _splunk_hec,
        checks.hec_problems,
        _probe_hec,
    ),
    *(
        _http(
            name,
            f"{name}://host:port/index",
            checks.index_place,
            _search,
            checks.search_problems,
            _probe_search,
        )
        for name in ("elasticsearch", "opensearch")
    ),
    Scheme(
        "kafka",
        "kafka://host:port/topic",
        _kafka_place,
        _kafka,
        certificates.look_at_login,
        kafka.problems,
        headless=True,
        reads_once=True,
    ),
    Scheme("file", "file:///path", _path, _file, lambda target, _: files.look_at(target.path)),
    Scheme("stdout", "-", _nowhere, _file),
)
SCHEMES: dict[str, Scheme] = {row.name: row for row in _ROWS}

COLLECTORS = tuple(row.name for row in _ROWS if row.collector)
"""Schemes behind which a syslog collector reads a header."""
FORMS = either([row.form for row in _ROWS])
"""How URLs of destinations are written, for sentences and help."""
