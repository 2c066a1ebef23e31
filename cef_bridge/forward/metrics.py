"""`/metrics`, `/healthz` and `/readyz`: how a forwarder is doing, over HTTP.

In comes a function that gives a View, out go Prometheus' text format and two plain answers. Serves
in a thread of its own, and carries the requests of the live page. The only prometheus_client.
"""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from cef_bridge import __version__
from cef_bridge.errors import UsageError
from cef_bridge.forward.status import TROUBLES, not_ready
from cef_bridge.stats import LABELS, SKIPPED_LABELS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.metrics_core import Metric

    from cef_bridge.forward.live_page import LivePage
    from cef_bridge.forward.status import DestinationStatus, ForwarderStatus, SourceStatus


class MetricRow(NamedTuple):
    """A metric: its name without prefix, whether it counts or gauges, what it means."""

    name: str
    kind: str
    meaning: str


SOURCE_ROWS = (
    MetricRow(
        "source_connected", "gauge", "1 while the source is connected, or its files are readable."
    ),
    MetricRow("source_gaps", "counter", "Notices of events that may have been missed."),
    MetricRow("source_reconnects", "counter", "Connections made again."),
    MetricRow("source_bytes", "counter", "Bytes read by this process."),
    MetricRow("source_lines", "counter", "Lines read by this process."),
)
# Those that name no field of `DestinationStatus` are counters of its queue.
DESTINATION_ROWS = (
    MetricRow("received", "counter", "Lines received from the sources."),
    MetricRow("converted", "counter", "Events that became messages."),
    MetricRow("filtered", "counter", "Events removed by the mapping or the destination."),
    MetricRow("routed_away", "counter", "Of these, events excluded by the destination's `when`."),
    MetricRow("rejected", "counter", "Records that cannot be converted: dead letters."),
    MetricRow("skipped", "counter", "Lines that are no events."),
    MetricRow("noise", "counter", "The same by its earlier name, until the next minor version."),
    MetricRow("blank", "counter", "Blank lines."),
    MetricRow(
        "throttle_notices",
        "counter",
        "Events by which KubeArmor says that it withholds alerts of a container.",
    ),
    MetricRow(
        "alerts_over_rate", "counter", "Alerts over their container's rate: in the telemetry lane."
    ),
    MetricRow("own", "counter", "Internal events, such as heartbeats, gaps, test events."),
    MetricRow("replay_converted", "counter", "Replayed dead letters that became messages."),
    MetricRow("engine_left", "counter", "Lines that the native engine left to Python."),
    MetricRow("engine_compared", "counter", "Lines that both the engine and Python converted."),
    MetricRow("engine_different", "counter", "Of these, lines that Python converted differently."),
    MetricRow("queued", "counter", "Messages stored in the queue."),
    MetricRow("confirmed", "counter", "Messages with a receipt."),
    MetricRow("unconfirmed", "counter", "Messages sent without a receipt."),
    MetricRow("dead_lettered", "counter", "Messages that can never be sent."),
    MetricRow("sent", "counter", "Messages written to connections by this process, resent too."),
    MetricRow("sent_bytes", "counter", "Bytes written to connections by this process."),
    MetricRow("resent", "counter", "Messages resent after a connection failure, by this process."),
    MetricRow(
        "duplicates",
        "counter",
        "Messages confirmed because the collector already had them, by this process.",
    ),
    MetricRow("breaks", "counter", "Connection failures, of this process."),
    MetricRow("destination_connected", "gauge", "1 while connected."),
    MetricRow("queue_messages", "gauge", "Messages waiting in the queue."),
    MetricRow("in_flight_messages", "gauge", "Messages sent, without a receipt yet."),
    MetricRow("queue_bytes", "gauge", "Size of the queue's files."),
    MetricRow("queue_limit_bytes", "gauge", "Size limit of the queue's files."),
    MetricRow("queue_oldest_age_seconds", "gauge", "How long the oldest message has been waiting."),
)
UNROUTED = MetricRow("unrouted", "counter", "Events that no destination's `when` takes.")
LAG = MetricRow(
    "source_lag",
    "gauge",
    "Events of a partition that are not confirmed, dropped or dead-lettered in every destination.",
)
RELOAD_ROWS = (
    MetricRow("reloads", "counter", "Changed files taken: configuration, mappings, certificates."),
    MetricRow("reload_failures", "counter", "Changed files that cannot be used."),
    MetricRow("reload_ok", "gauge", "0 while the last change of a file is not in use."),
)
EXPIRY = MetricRow(
    "certificate_expiry_timestamp_seconds",
    "gauge",
    "When a certificate of a source or a destination expires, as Unix time.",
)
DROP_REASONS = ("queue-full", "disk-full", "damaged")
"""Each is there from the start: a counter that begins with what it counts shows no increase."""
DROPPED = MetricRow("dropped", "counter", "Messages that were dropped, by reason.")
TROUBLE = MetricRow(
    "destination_trouble", "gauge", "1 while messages cannot be sent, by reason; else 0."
)
REJECTED = MetricRow(
    "rejected_by_reason", "counter", "Records that cannot be converted, by reason."
)
SKIPPED_BY_REASON = MetricRow(
    "skipped_by_reason", "counter", "Lines that are no events, by what they are: json, text, other."
)
PREFIX = "cef_bridge_"


def name_of(row: MetricRow) -> str:
    """Return the name of a row's samples, without prefix, as Prometheus' clients write it."""
    return f"{row.name}_total" if row.kind == "counter" else row.name


class Metrics:
    """A server for one forwarder: `start`, then `stop`. `address` is (host, port) as bound.

    `view` is asked for each request; `live` answers what is not about metrics. UsageError when the
    address cannot be bound.
    """

    def __init__(
        self,
        address: tuple[str, int],
        view: Callable[[], ForwarderStatus],
        live: LivePage | None = None,
    ) -> None:
        registry = CollectorRegistry()
        registry.register(_Values(view))
        parts = {"registry": registry, "view": staticmethod(view), "live": live}
        handler = type("Handler", (_Handler,), parts)
        host, port = address
        try:
            self._server = _Server((host, port), handler)
        except OSError as error:
            raise UsageError(
                f"--metrics {host}:{port}: cannot listen there: {error.strerror}. "
                "Name another address, or end what uses it."
            ) from error
        self.address: tuple[str, int] = self._server.server_address[:2]  # type: ignore[assignment] # an internet address
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.2,), name="metrics", daemon=True
        )

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Close the port, and end the thread."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        import socket  # noqa: PLC0415 - for one constant, where IPv6 is asked for

        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is none of the operator's business."""


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    view: Callable[[], ForwarderStatus]
    live: LivePage | None
    timeout = 10
    server_version = "cef-bridge"
    sys_version = ""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/metrics":
            self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
        elif path == "/healthz":
            fault = self.view().fault
            self._plain(503 if fault else 200, [fault or "ok"])
        elif path == "/readyz":
            reasons = not_ready(self.view())
            self._plain(503 if reasons else 200, reasons or ["ok"])
        elif self.live is not None and self.live.has(path):
            self._ask_page(self.live)
        else:
            live = "/metrics, /healthz, /readyz and /live" if self.live is not None else ""
            self._plain(404, [f"There are {live or '/metrics, /healthz and /readyz'}."])

    do_HEAD = do_GET  # noqa: N815 - as http.server asks for it

    def do_POST(self) -> None:
        if self.live is None or not self.live.has(self.path.partition("?")[0]):
            self._plain(404, ["Nothing here takes a POST."])
            return
        self._ask_page(self.live)

    def _ask_page(self, live: LivePage) -> None:
        from cef_bridge.forward.live_page import MOST_BODY, PageRequest  # noqa: PLC0415 - only where it is served

        path, _, query = self.path.partition("?")
        said = self.headers.get("Content-Length") or "0"
        size = min(int(said), MOST_BODY) if said.isdecimal() and len(said) < 20 else 0
        body = self.rfile.read(size)
        request = PageRequest(self.command, path, query, self.headers, body)
        found = live.answer(request)
        self.send_response(found.status)
        for name, value in found.headers.items():
            self.send_header(name, value)
        self._end(found.body)

    def _plain(self, code: int, lines: list[str]) -> None:
        self._answer(code, "text/plain; charset=utf-8", "".join(f"{it}\n" for it in lines).encode())

    def _answer(self, code: int, kind: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self._end(body)

    def _end(self, body: bytes) -> None:
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as it is declared
        """A line a scrape helps nobody."""


class _Values(Collector):
    def __init__(self, view: Callable[[], ForwarderStatus]) -> None:
        self._view = view

    def collect(self) -> Iterable[Metric]:
        view = self._view()
        yield GaugeMetricFamily(
            f"{PREFIX}up", "1 while the forwarder works.", 0 if view.fault else 1
        )
        info = GaugeMetricFamily(f"{PREFIX}build_info", "The version.", labels=["version"])
        info.add_metric([__version__], 1)
        yield info
        using = GaugeMetricFamily(
            f"{PREFIX}engine_info", "What converts: native or python.", labels=["engine"]
        )
        using.add_metric([view.engine], 1)
        yield using
        for row in SOURCE_ROWS:
            family = _family(row, ["source"])
            for source in view.sources:
                family.add_metric([source.name], _of_source(source, row.name))
            yield family
        lag = _family(LAG, ["source", "partition"])
        for source in view.sources:
            for partition, number in source.lag.items():
                lag.add_metric([source.name, partition], number)
        yield lag
        for row in DESTINATION_ROWS:
            family = _family(row, ["destination"])
            for each in view.destinations:
                family.add_metric([each.name], _of_destination(each, row.name))
            yield family
        unrouted = _family(UNROUTED, [])
        unrouted.add_metric([], view.unrouted)
        yield unrouted
        yield from _of_files(view)
        yield from _by_reason(view)


def _by_reason(view: ForwarderStatus) -> Iterable[Metric]:
    """Yield what is counted by reason; each reason is there from the start."""
    for row, reasons, found in (
        (REJECTED, LABELS, lambda each: each.rejected),
        (SKIPPED_BY_REASON, SKIPPED_LABELS, lambda each: each.skipped),
        (TROUBLE, TROUBLES, lambda each: dict.fromkeys(each.reasons, 1)),
        (DROPPED, DROP_REASONS, lambda each: each.dropped),
    ):
        family = _family(row, ["destination", "reason"])
        for each in view.destinations:
            for reason, number in {**dict.fromkeys(reasons, 0), **found(each)}.items():
                family.add_metric([each.name, reason], number)
        yield family


def _of_files(view: ForwarderStatus) -> Iterable[Metric]:
    reloads = view.reloads
    values = (reloads.taken, reloads.failed, 0 if reloads.failing else 1)
    for row, value in zip(RELOAD_ROWS, values, strict=True):
        family = _family(row, [])
        family.add_metric([], value)
        yield family
    expiry = _family(EXPIRY, ["file", "used_by"])
    for each in view.certificates:
        expiry.add_metric([each.file, each.used_by], each.expires)
    yield expiry


def _family(row: MetricRow, labels: list[str]) -> CounterMetricFamily | GaugeMetricFamily:
    kind = CounterMetricFamily if row.kind == "counter" else GaugeMetricFamily
    return kind(PREFIX + row.name, row.meaning, labels=labels)


def _of_source(source: SourceStatus, name: str) -> float:
    return float(getattr(source, name.removeprefix("source_")))


_COUNTERS = {"skipped": "noise"}
"""Metrics whose counter in the queue has another name."""

_FIELDS = {
    "queued": "accepted",
    "destination_connected": "connected",
    "queue_messages": "waiting",
    "in_flight_messages": "in_flight",
    "queue_limit_bytes": "queue_limit",
    "queue_oldest_age_seconds": "oldest_age",
}


def _of_destination(each: DestinationStatus, name: str) -> float:
    if (field := _FIELDS.get(name, name)) in each._fields:
        return float(getattr(each, field))
    return each.counts.get(_COUNTERS.get(name, name), 0)
