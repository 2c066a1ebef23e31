"""What a forwarder may be asked to do, declared once: reader, URLs, schema and docs follow it.

In goes nothing; out come frozen values that `service` runs by. A field's `word` is its meaning, and
says which URLs have it: the same words stand in a URL behind the `?` and as settings in YAML. Must
not know how YAML is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import msgspec
from msgspec import Struct

from cef_bridge.delivery import urls
from cef_bridge.delivery.destination_url import DestinationUrl, Login
from cef_bridge.delivery.schemes import COLLECTORS, SCHEMES
from cef_bridge.delivery.settings import setting
from cef_bridge.delivery.urls import Endpoint, shown_endpoint
from cef_bridge.forward.config.sources import SOURCES
from cef_bridge.mapping.language.spec import Condition  # noqa: TC001 - msgspec resolves the types
from cef_bridge.wording import either

if TYPE_CHECKING:
    from collections.abc import Mapping as MappingType

    from cef_bridge.mapping.language.spec import Mapping

DEFAULT_MAPPING = "kubearmor-cef"

WhenFull = Literal["block", "drop_telemetry_first", "drop_oldest", "drop_newest"]

# What `events.decode` takes; a test compares them.
InputFormat = Literal[
    "auto", "relay", "logfile", "sidekick", "otlp", "elasticsearch", "docker", "cri", "syslog"
]

_RELAY = ("kubearmor",)
_FILES = ("file",)
_KAFKA = ("kafka",)


class Source(Login, frozen=True, kw_only=True):
    """One source of events. `endpoints` for kubearmor and kafka, `topics` for kafka, `pattern` (a
    path or glob) for files.
    """

    kind: str
    endpoints: tuple[Endpoint, ...] = ()
    pattern: str = ""
    topics: tuple[str, ...] = ()
    name: Annotated[
        str, setting("Name in logs, metrics and gap events. Default: from its URL.")
    ] = ""
    streams: Annotated[
        tuple[Literal["alerts", "logs", "messages"], ...],
        setting("Streams to request; messages are KubeArmor's own log lines.", of=_RELAY),
    ] = ("alerts", "logs")
    alerts: Annotated[
        Literal["all", "policy"], setting("KubeArmor's filter of alerts.", of=_RELAY)
    ] = "all"
    logs: Annotated[Literal["all", "system"], setting("KubeArmor's filter of logs.", of=_RELAY)] = (
        "all"
    )
    dedupe: Annotated[
        Annotated[float, setting("", unit="seconds", ge=1, le=86400)] | None,
        setting(
            "Skip duplicates, by event id, within this time: for several endpoints with the same "
            "events.",
            of=_RELAY,
        ),
    ] = None
    health_port: Annotated[
        Annotated[int, setting("", ge=1, le=65535)] | None,
        setting(
            "Port of the gRPC health service, asked in plain text (32766).",
            of=_RELAY,
            was="health",
        ),
    ] = None
    group: Annotated[
        str,
        setting(
            "Consumer group: its members share the partitions, and its offsets say what is done.",
            of=_KAFKA,
        ),
    ] = ""
    start: Annotated[
        Literal["earliest", "latest"],
        setting("Where to begin when the group has no offset.", of=_KAFKA),
    ] = "earliest"
    commit: Annotated[
        Literal["confirmed", "queued"],
        setting(
            "Commit an offset when its events are confirmed in every destination, or when they are "
            "in the queue: `queued` needs a queue on a persistent volume.",
            of=_KAFKA,
        ),
    ] = "confirmed"
    ahead: Annotated[
        int,
        setting(
            "Most events that are read and not confirmed. If a queue is lost, as many may be sent "
            "twice.",
            of=_KAFKA,
            ge=100,
            le=10**7,
        ),
    ] = 10_000
    session_timeout: Annotated[
        float,
        setting(
            "The group gives the partitions of a member that is silent for this time to others.",
            of=_KAFKA,
            unit="seconds",
            ge=6,  # the least and the most that brokers take, by their defaults
            le=1800,
        ),
    ] = 45.0
    from_end: Annotated[
        bool,
        setting(
            "At the first start, skip existing content of files.",
            of=_FILES,
        ),
    ] = False
    input_format: Annotated[
        InputFormat,
        setting("Take only events of this input format.", of=("file", "stdin", "kafka")),
    ] = "auto"
    max_record: Annotated[
        int,
        setting("Reject records longer than this.", unit="bytes", ge=1 << 10, le=1 << 30),
    ] = 1 << 20

    @property
    def can_wait(self) -> bool:
        """Whether what is not taken stays where it comes from."""
        return SOURCES[self.kind].can_wait

    @property
    def endless(self) -> bool:
        """Whether it is never read to its end."""
        return SOURCES[self.kind].endless

    def __str__(self) -> str:
        if self.endpoints:
            place = f"{self.kind}://{','.join(map(shown_endpoint, self.endpoints))}"
            return f"{place}/{','.join(self.topics)}" if self.topics else place
        return self.pattern or "-"

    def __repr__(self) -> str:  # the default one would show the password
        return f"<Source {self}>"


class Destination(Struct, frozen=True, kw_only=True):
    """One destination: what goes there, where to, and what is kept until it is there."""

    target: DestinationUrl
    name: Annotated[
        str,
        setting("Name in logs and metrics, and of its queue file."),
    ] = ""
    mapping: Annotated[str, setting("A shipped mapping or a file: what is written, and how.")] = (
        DEFAULT_MAPPING
    )
    syslog_header: Annotated[
        Literal["none", "rfc3164", "rfc5424"] | None,
        setting(
            "Syslog header. Default: the mapping's `envelope`; if unset, RFC 3164 for"
            f" {either(COLLECTORS)}, with a warning, and none for others. Destinations by HTTP"
            " write none unless this setting is there."
        ),
    ] = None
    alerts_only: Annotated[
        bool,
        setting(
            "Send no telemetry (logs): the same as `filters: [alerts_only]`.", was="only_alerts"
        ),
    ] = False
    filters: Annotated[
        tuple[str, ...], setting("Named filters, in addition to those of the mapping.")
    ] = ()
    drop_events: Annotated[
        tuple[tuple[Condition, ...], ...],
        setting(
            "Events to drop, in addition to those of the mapping; same syntax.",
            kind="not in URLs",
        ),
    ] = ()
    when: Annotated[
        tuple[tuple[Condition, ...], ...],
        setting(
            "Take only these events: conditions as in `drop_events`, on the fields and the "
            "severity of the mapping. Internal events (heartbeat, gap, test) are always sent.",
            kind="not in URLs",
        ),
    ] = ()
    queue_limit: Annotated[
        int, setting("Size limit of its queue on the disk.", unit="bytes", ge=1 << 20, le=1 << 50)
    ] = 1 << 30
    when_full: Annotated[
        WhenFull,
        setting(
            "Action when the queue is full: `block` makes sources wait, the others drop messages, "
            "and count them. Default: `block`; `drop_telemetry_first` where a source is a relay, "
            "which does not wait, or where several destinations share the sources.",
            was="policy",
        ),
    ] = "block"

    def header(self, mapping: Mapping) -> str:
        """Return the syslog header that is written: `none`, `rfc3164` or `rfc5424`."""
        if SCHEMES[self.target.scheme].headless:
            return self.syslog_header or "none"
        said = self.syslog_header or mapping.envelope.syslog_header
        if said is None and self.target.scheme in COLLECTORS:
            return mapping.envelope.network_header
        return said or "none"

    def unsaid_header(self, mapping: Mapping) -> str:
        """Return a warning when a header is written that nobody asked for, else ""."""
        if self.syslog_header or mapping.envelope.syslog_header:
            return ""
        if self.target.scheme not in COLLECTORS:
            return ""
        return (
            f"the mapping {mapping.name} sets no syslog header, so RFC 3164 is written. Set "
            "syslog_header (or --syslog-header) to rfc3164, rfc5424 or none, or use "
            "the mapping of your SIEM."
        )

    def narrowed(self, mapping: Mapping) -> Mapping:
        """Return a mapping that drops what this destination does not take, besides its own."""
        more = (*self.filters, *(("alerts_only",) if self.alerts_only else ()))
        return msgspec.structs.replace(
            mapping,
            filters=tuple(dict.fromkeys((*mapping.filters, *more))),
            drop_events=(*mapping.drop_events, *self.drop_events),
        )


class Config(Struct, frozen=True, kw_only=True):
    """All that a forwarder is asked to do. Times are seconds."""

    sources: tuple[Source, ...] = ()
    destinations: tuple[Destination, ...] = ()
    queue: Annotated[
        str | None,
        setting(
            "Folder of the queues, one file per destination. Default: a private folder, kept if "
            "messages are left in it.",
            kind="path",
        ),
    ] = None
    metrics: Annotated[str | None, setting("`HOST:PORT` for /metrics, /healthz and /readyz.")] = (
        None
    )
    live: Annotated[
        bool,
        setting(
            "Serve the live page, /live, beside metrics. Where these listen on more than loopback, "
            "it needs `live_token_file`."
        ),
    ] = True
    live_token_file: Annotated[
        str | None,
        setting(
            "File with the token of the live page. Default: a random one at each start.",
            kind="path",
        ),
    ] = None
    heartbeat: Annotated[
        Annotated[float, setting("", unit="seconds", ge=1, le=86400)] | None,
        setting(
            "Heartbeat interval, such as 60s: sends each destination an event with all counters."
        ),
    ] = None
    grace: Annotated[
        float,
        setting(
            "After SIGTERM: send queued messages for up to this time.",
            unit="seconds",
            ge=0,
            le=86400,
        ),
    ] = 10.0
    watch: Annotated[
        bool,
        setting(
            "Take a changed configuration or mapping without SIGHUP, a second or two after the "
            "change."
        ),
    ] = False
    path: str = ""

    def with_settings(self, said: MappingType[str, object]) -> Config:
        """Return the same with other values, by field name, of their declared types."""
        return msgspec.structs.replace(self, **said)

    @property
    def metrics_address(self) -> Endpoint | None:
        """Where metrics are asked for; port 0 lets the system choose one."""
        if self.metrics is None:
            return None
        place = urls.endpoint(self.metrics, least=0)
        return None if isinstance(place, str) else place
