"""One event in, one fate out: Converted, Filtered or Rejected. There is no fourth.

In come an event's raw fields (`events.decode`), out comes the finished message with its syslog
header, which is written here because its priority needs the severity. Knows no files or sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.events.derive import EVENT_TIME_US, derive
from cef_bridge.formats import syslog
from cef_bridge.mapping.compile import Program
from cef_bridge.mapping.rules import Slot, write_hit
from cef_bridge.shedding import LEAST_ROOM, fit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.events.classes import Class
    from cef_bridge.events.derive import Event
    from cef_bridge.mapping.compile import Output
    from cef_bridge.mapping.rules import Hit
    from cef_bridge.mapping.spec import Mapping


class Converted(NamedTuple):
    """A finished message, without a line end. `severity` is 1 to 10."""

    message: str
    kind: Class
    severity: int


class Filtered(NamedTuple):
    """The mapping's `drop_events` or one of its filters took the event out."""

    kind: Class


class Rejected(NamedTuple):
    """The event cannot be converted; the reason is for people, the label for counters."""

    reason: str
    label: str = "other"


# CEF severity to syslog severity: 9-10 crit, 7-8 err, 4-6 warning, 1-3 notice. Telemetry is info.
_SYSLOG_SEVERITY = (5, 5, 5, 5, 4, 4, 4, 3, 3, 2, 2)
_INFO = 6
_MOST_HOST = 255  # RFC 5424 6.2.4
NO_TIME_3164 = "Jan  1 00:00:00"
"""RFC 3164 has no word for "unknown"; convert never invents a time, and two runs give the same."""


class Converter:
    """A mapping at work.

    `syslog_header` overrides the mapping's; `assumed_time` (epoch microseconds) is the time of
    events that have none; `max_bytes` is for a transport that takes less than the mapping's.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        syslog_header: str = "none",
        assumed_time: int | None = None,
        max_bytes: int | None = None,
    ) -> None:
        self.program = Program(mapping)
        self.syslog_header = syslog_header
        self.assumed_time = assumed_time
        envelope = mapping.envelope
        self.max_bytes = min(envelope.max_bytes, max_bytes or envelope.max_bytes)
        self._shed = envelope.shed
        self._first = envelope.first
        self.facility = envelope.facility
        self.app_name = syslog.app_name5424(envelope.app_name)
        self.host_slot = Slot("KubeArmorHost", envelope.hostname, self.program.format, ipv6=True)

    def convert(self, raw: dict[str, object], origin: str = "") -> Converted | Filtered | Rejected:
        """Return an event's fate.

        `origin` (source name, 0x1f, byte offset) identifies an event that says no time of its own.
        """
        try:
            event = derive(raw, origin=origin, assumed_time=self.assumed_time)
            if self.program.filtered(event.fields):
                return Filtered(event.kind)
            output = self.program.evaluate(event)
            return Converted(self.write(event, output), event.kind, output.severity)
        except RecursionError:
            return Rejected("nested too deeply", "too-deep")

    def write(self, event: Event, output: Output) -> str:
        """Return the whole message; over `max_bytes` it sheds fields by the mapping's order."""
        start = self.prefix(event, output.severity) + self.program.format.head(output.header)
        message = self._joined(start, output.hits)
        if len(message) * 4 <= self.max_bytes or len(message.encode()) <= self.max_bytes:
            return message
        return self._joined(*self._shortened(event, output, start))

    def measured(self, event: Event, output: Output) -> tuple[list[Hit], int]:
        """Return the hits as they stand in the message that `write` gives, and its size in bytes.

        They are the output's own list when nothing had to be given up.
        """
        start = self.prefix(event, output.severity) + self.program.format.head(output.header)
        size = len(self._joined(start, output.hits).encode())
        if size <= self.max_bytes:
            return output.hits, size
        start, hits = self._shortened(event, output, start)
        return hits, len(self._joined(start, hits).encode())

    def _joined(self, start: str, hits: Sequence[Hit]) -> str:
        fmt = self.program.format
        return start + "".join([write_hit(fmt, hit) for hit in hits])[len(fmt.separator) :]

    def _shortened(self, event: Event, output: Output, start: str) -> tuple[str, list[Hit]]:
        """Return headers and hits that fit into `max_bytes` together."""
        fmt = self.program.format
        room = self.max_bytes - len(start.encode()) + len(fmt.separator.encode())
        if room < LEAST_ROOM:  # a host name of 255 characters in a message of 512 bytes
            start = self.prefix(event, output.severity, LEAST_ROOM - room) + fmt.head(output.header)
            room = self.max_bytes - len(start.encode()) + len(fmt.separator.encode())
        return start, fit(output.hits, room, fmt, self._shed, self._first)

    def prefix(self, event: Event, severity: int, shorter: int = 0) -> str:
        """Return the syslog header, trailing space included; "" when none is asked for.

        `shorter` takes so many characters off the host's name, but never all.
        """
        if self.syslog_header == "none":
            return ""
        pri = self.priority(event.kind, severity)
        hits = self.host_slot.evaluate(event.fields)
        host = hits[0].text[:_MOST_HOST] if hits else ""
        host = host[: max(len(host) - shorter, 1)]
        micros = event.fields.get(EVENT_TIME_US)
        return self.header(pri, micros if isinstance(micros, int) else None, host)

    def host_size(self, event: Event) -> int:
        """Return how many bytes the host's name has in the syslog header, 0 without a header."""
        if self.syslog_header == "none":
            return 0
        hits = self.host_slot.evaluate(event.fields)
        host = hits[0].text if hits else ""
        written = syslog.hostname3164 if self.syslog_header == "rfc3164" else syslog.hostname5424
        return len(written(host))

    def priority(self, kind: Class, severity: int) -> int:
        """Return the header's priority (RFC 5424 6.2.1)."""
        level = _INFO if kind.kind == "log" else _SYSLOG_SEVERITY[severity]
        return syslog.priority(self.facility, level)

    def header(self, pri: int, micros: int | None, host: str) -> str:
        """Return an RFC 3164 or 5424 header; an unknown time is `-` there, 1 January here."""
        if self.syslog_header == "rfc3164":
            when = NO_TIME_3164 if micros is None else syslog.rfc3164_time(micros // 1000)
            return syslog.rfc3164(pri, when, syslog.hostname3164(host))
        when = "-" if micros is None else syslog.rfc5424_time(micros)
        return syslog.rfc5424(pri, when, syslog.hostname5424(host), self.app_name)
