"""The syslog header of a mapping's envelope, written for an event.

In comes an event with the severity that its line says, out goes the text before the message. Values
of events are sanitized as RFC 3164 and RFC 5424 ask. Knows no files or sockets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.casing import lower_ascii
from cef_bridge.kubearmor.derive import EVENT_TIME_US
from cef_bridge.lines import syslog, zones
from cef_bridge.mapping.language.names import camel
from cef_bridge.mapping.program.rules import OutputKey

if TYPE_CHECKING:
    from cef_bridge.kubearmor.classes import Class
    from cef_bridge.kubearmor.derive import Event
    from cef_bridge.lines import Format
    from cef_bridge.mapping.language.spec import Envelope, Rule
    from cef_bridge.mapping.program.conditions import Fields
    from cef_bridge.mapping.program.rules import Hit

# CEF severity to syslog severity: 9-10 crit, 7-8 err, 4-6 warning, 1-3 notice. Telemetry is info.
_SYSLOG_SEVERITY = (5, 5, 5, 5, 4, 4, 4, 3, 3, 2, 2)
_INFO = 6
_MOST_HOST = 255  # RFC 5424 6.2.4
NO_TIME_3164 = "Jan  1 00:00:00"
"""RFC 3164 has no word for "unknown"; convert never invents a time, and two runs give the same."""
DEFAULT_FACILITY = "local0"
SLOT_KEYS = {name: camel("syslog", name, set()) for name in ("facility", "app_name", "hostname")}
"""What the slots of the header are called: `syslogAppName`; no line has such a key."""
SETTINGS = {key: name for name, key in SLOT_KEYS.items()}
"""The envelope's setting of each slot."""


class SyslogWriter:
    """Write headers of one kind: `none`, `rfc3164` or `rfc5424`.

    `facility`, `app_name` and `hostname` are slots; what they give for an event is in no line.
    `zone`: None is UTC.
    """

    def __init__(self, envelope: Envelope, fmt: Format, kind: str) -> None:
        self.kind = kind
        self.zone = zones.zone(envelope.time_zone)
        self.facility = _slot("facility", envelope.facility, fmt)
        self.app_name = _slot("app_name", envelope.app_name, fmt)
        self.hostname = _slot("hostname", envelope.hostname, fmt)
        self.facilities = [_slot("facility", (it,), fmt) for it in envelope.facility]
        facility, app_name = _constant(envelope.facility), _constant(envelope.app_name)
        self._facility = facility
        self._app_name = None if app_name is None else syslog.app_name5424(app_name)

    def seen(self, fields: Fields, severity: int) -> Fields:
        """Return the fields as the rules see them: there is one severity, that of the line."""
        return {**fields, "event.severity": severity} if self.asks_severity else fields

    @property
    def asks_severity(self) -> bool:
        """Whether a rule asks for the severity."""
        return any("event.severity" in slot.paths for slot in self.slots)

    @property
    def choices(self) -> tuple[OutputKey, ...]:
        """Return those of `slots` that choose by the event which of their rules holds."""
        return tuple(
            slot for slot in self.slots if len(slot.rules) > 1 or any(it.when for it in slot.rules)
        )

    def hits(self, slot: OutputKey, fields: Fields) -> list[Hit]:
        """Return what one of `slots` gives for an event, as it is written."""
        if slot is self.facility:
            hit = self.facility_hit(fields)
            return [hit] if hit else []
        return slot.evaluate(fields)

    def value(self, slot: OutputKey, fields: Fields) -> str:
        """Return the text that stands in the header for one of `slots`."""
        if slot is self.facility:
            return self.facility_of(fields)
        if slot is self.app_name:
            return self.app_name_of(fields)
        written = syslog.hostname3164 if self.kind == "rfc3164" else syslog.hostname5424
        return written(self.host_of(fields))

    @property
    def slots(self) -> tuple[OutputKey, ...]:
        """Return what makes the header's texts, for the kind that is written."""
        if self.kind == "none":
            return ()
        app_name = (self.app_name,) if self.kind == "rfc5424" else ()
        return (self.facility, *app_name, self.hostname)

    def write(self, event: Event, severity: int, shorter: int = 0) -> str:
        """Return the header, trailing space included; "" when none is asked for.

        `shorter` takes so many characters off the host's name, but never all.
        """
        if self.kind == "none":
            return ""
        fields = self.seen(event.fields, severity)
        pri = self.priority(event.kind, severity, self.facility_of(fields))
        host = self.host_of(fields)
        host = host[: max(len(host) - shorter, 1)]
        micros = fields.get(EVENT_TIME_US)
        when = micros if isinstance(micros, int) else None
        return self.text(pri, when, host, self.app_name_of(fields))

    def text(self, pri: int, micros: int | None, host: str, app_name: str) -> str:
        """Return a header of its parts; an unknown time is `-` in RFC 5424, else 1 January."""
        if self.kind == "rfc3164":
            when = (
                NO_TIME_3164 if micros is None else syslog.rfc3164_time(micros // 1000, self.zone)
            )
            return syslog.rfc3164(pri, when, syslog.hostname3164(host))
        when = "-" if micros is None else syslog.rfc5424_time(micros, self.zone)
        return syslog.rfc5424(pri, when, syslog.hostname5424(host), app_name)

    def priority(self, kind: Class, severity: int, facility: str) -> int:
        """Return the header's priority (RFC 5424 6.2.1)."""
        level = _INFO if kind.kind == "log" else _SYSLOG_SEVERITY[severity]
        return syslog.priority(facility, level)

    def facility_of(self, fields: Fields) -> str:
        """Return the first text of the facility's rules that names one, else `local0`."""
        if self._facility is not None:
            return self._facility
        hit = self.facility_hit(fields)
        return lower_ascii(hit.text.strip()) if hit else DEFAULT_FACILITY

    def facility_hit(self, fields: Fields) -> Hit | None:
        """Return what the facility is taken from; a text that names none is passed over."""
        for slot in self.facilities:
            for hit in slot.evaluate(fields):
                if names_facility(hit.text):
                    return hit
        return None

    def app_name_of(self, fields: Fields) -> str:
        """Return APP-NAME of RFC 5424; without a value `-`."""
        if self._app_name is not None:
            return self._app_name
        hits = self.app_name.evaluate(fields)
        return syslog.app_name5424(hits[0].text if hits else "")

    def host_of(self, fields: Fields) -> str:
        """Return the host's name, at most 255 characters and not sanitized yet; "" for none."""
        hits = self.hostname.evaluate(fields)
        return hits[0].text[:_MOST_HOST] if hits else ""


def names_facility(text: str) -> bool:
    """Tell whether a text is a facility's name, case and spaces around it aside."""
    return lower_ascii(text.strip()) in syslog.FACILITIES


def _slot(setting: str, rules: tuple[Rule, ...], fmt: Format) -> OutputKey:
    return OutputKey(SLOT_KEYS[setting], rules, fmt, ipv6=True)


def _constant(rules: tuple[Rule, ...]) -> str | None:
    """Return the text that some rules give for every event, None when it depends on the event."""
    first = rules[0] if rules else None
    return first.value if first is not None and not first.when else None
