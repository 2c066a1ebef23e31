"""One event in, one fate out: Converted, Filtered or Rejected. There is no fourth.

In come an event's raw fields (`events.decode`), out comes the finished message with its syslog
header (`header`), whose priority needs the severity. Knows no files or sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.kubearmor.derive import derive, event_id_of, time_of
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.header import SyslogWriter
from cef_bridge.mapping.program.routing import FilterItem
from cef_bridge.mapping.program.rules import write_hit
from cef_bridge.mapping.program.truncation import LEAST_ROOM, truncate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.kubearmor.classes import Class
    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.mapping.language.spec import Condition, Mapping
    from cef_bridge.mapping.program.compile import Output
    from cef_bridge.mapping.program.rules import Hit


class Converted(NamedTuple):
    """A finished message, without a line end. `severity` is 1 to 10.

    `event_id` are 40 hex digits; `time` is that of the event in epoch microseconds, None where
    nothing says it.
    """

    message: str
    kind: Class
    severity: int
    event_id: str = ""
    time: int | None = None


class Filtered(NamedTuple):
    """The mapping's `drop_events` or one of its filters took the event out, or, `by_when`, the
    destination does not take such events.
    """

    kind: Class
    by_when: bool = False


class Rejected(NamedTuple):
    """The event cannot be converted; the reason is for people, the label for counters."""

    reason: str
    label: str = "other"


class Converter:
    """A mapping at work.

    `syslog_header` is the one to write (None: none), whatever the mapping says; `assumed_time`
    (epoch microseconds) is the time of events that have none; `max_bytes` is for a transport that
    takes less than the mapping's. `when`: the events to take, as `mapping.routing` has it; without
    items all of them.
    """

    def __init__(
        self,
        mapping: Mapping,
        *,
        syslog_header: str | None = None,
        assumed_time: int | None = None,
        max_bytes: int | None = None,
        when: Sequence[Sequence[Condition]] = (),
    ) -> None:
        self.program = Program(mapping)
        self.assumed_time = assumed_time
        envelope = mapping.envelope
        self.max_bytes = min(envelope.max_bytes, max_bytes or envelope.max_bytes)
        self._truncate_first = envelope.truncate_first
        self._leading_key = envelope.leading_key
        self.when = tuple(tuple(item) for item in when)
        self.route = FilterItem(self.program, when) if when else None
        self.syslog = SyslogWriter(envelope, self.program.format, syslog_header or "none")

    def convert(self, raw: dict[str, object], origin: str = "") -> Converted | Filtered | Rejected:
        """Return an event's fate.

        `origin` (source name, 0x1f, byte offset) identifies an event that says no time of its own.
        """
        try:
            event = derive(raw, origin=origin, assumed_time=self.assumed_time)
            if self.route is not None and not self.route.takes(event.fields):
                return Filtered(event.kind, by_when=True)
            if self.program.filtered(event.fields):
                return Filtered(event.kind)
            output = self.program.evaluate(event)
            message = self.write(event, output)
            return Converted(
                message, event.kind, output.severity, event_id_of(event), time_of(event)
            )
        except RecursionError:
            return Rejected("nested too deeply", "too-deep")

    def write(self, event: Event, output: Output) -> str:
        """Return the whole message; over `max_bytes` it sheds fields by the mapping's order."""
        start = self.syslog.write(event, output.severity) + self.program.format.head(output.header)
        message = self._joined(start, output.hits)
        if len(message) * 4 <= self.max_bytes or len(message.encode()) <= self.max_bytes:
            return message
        return self._joined(*self._shortened(event, output, start))

    def measured(self, event: Event, output: Output) -> tuple[list[Hit], int]:
        """Return the hits as they stand in the message that `write` gives, and its size in bytes.

        They are the output's own list when nothing had to be given up.
        """
        start = self.syslog.write(event, output.severity) + self.program.format.head(output.header)
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
            start = self.syslog.write(event, output.severity, LEAST_ROOM - room) + fmt.head(
                output.header
            )
            room = self.max_bytes - len(start.encode()) + len(fmt.separator.encode())
        return start, truncate(output.hits, room, fmt, self._truncate_first, self._leading_key)
