"""Lint rules about settings that one receiver does not get on with, as its code or papers show.

A mapping is for a receiver when it, or one that it extends, has the name of the shipped mapping.
In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.syslog import FACILITIES
from cef_bridge.mapping.lint.context import LintFinding, constants

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.mapping.language.spec import Envelope
    from cef_bridge.mapping.lint.context import LintContext

_QRADAR = ("qradar", "qradar-leef")


class SiemPitfall(NamedTuple):
    """A setting of the envelope that a receiver does not get on with: which, when, and why."""

    receivers: tuple[str, ...]
    setting: str
    is_sprung: Callable[[Envelope], bool]
    reason: str


def time_lost(view: LintContext) -> Iterator[LintFinding]:
    """A mapping for Splunk that writes rt has an RFC 5424 header.

    SC4S does not believe an rt of 12 and more digits, and takes the header's time instead. RFC 3164
    has whole seconds there and no zone, and without a header it is the time of arrival. (A rt in
    words, `Mar 03 2026 09:00:00`, would be believed, and has whole seconds as well.)

    Bad:
        extends: splunk
        envelope: {syslog_header: rfc3164}
    Good:
        extends: splunk
        envelope: {syslog_header: rfc5424}
    """
    if "rt" in view.merged.extension:
        yield from _sprung(view, _TIME_LOST)


_TIME_LOST = (
    SiemPitfall(
        ("splunk",),
        "syslog_header",
        lambda envelope: envelope.network_header != "rfc5424",
        "SC4S throws an rt in milliseconds away and takes the header's time, which has a fraction "
        'and a zone in RFC 5424 only. Say "syslog_header: rfc5424".',
    ),
)


def forged_record(view: LintContext) -> Iterator[LintFinding]:
    """In a mapping for Splunk or Graylog no value may hold the beginning of a record.

    SC4S looks for the last `CEF:0` of a line, Graylog for the last `CEF:` and a digit: who runs
    `echo "CEF:0|…"` puts a record of his own in place of the real one. `break_up` is replaced whole
    by what a child says, so it names all beginnings.

    Bad:
        extends: splunk
        envelope: {break_up: ["LEEF:"]}
    Good:
        extends: splunk
        envelope: {break_up: ["CEF:0", "LEEF:", "javascript:"]}
    """
    yield from _sprung(view, _FORGED_RECORD)


def _lets_through(envelope: Envelope, *beginnings: str) -> bool:
    """Tell whether one of some texts may stand in a value.

    A shorter text that is broken up takes the longer one along: CEF: also stands in CEF:0.
    """
    return not all(any(text in beginning for text in envelope.break_up) for beginning in beginnings)


_FORGED_RECORD = (
    SiemPitfall(
        ("splunk",),
        "break_up",
        lambda envelope: _lets_through(envelope, "CEF:0", "LEEF:"),
        "SC4S takes a CEF:0 or LEEF: in a command line for the record's beginning, so that an "
        'attacker writes the record. Say break_up: ["CEF:0", "LEEF:"].',
    ),
    SiemPitfall(
        ("graylog",),
        "break_up",
        lambda envelope: _lets_through(envelope, "CEF:"),
        "Graylog takes a CEF: and a digit in a command line for the record's beginning, so that an "
        'attacker writes the record. Say break_up: ["CEF:"].',
    ),
)


def version_unread(view: LintContext) -> Iterator[LintFinding]:
    """CEF:1 is for receivers that read it.

    SC4S, Splunk's add-on, QRadar and Sentinel's agent look for the characters `CEF:0`: a message of
    CEF:1 is not taken for CEF there, or loses its whole extension.

    Bad:
        extends: qradar
        envelope: {cef_version: "1"}
    Good:
        extends: arcsight
        envelope: {cef_version: "1"}
    """
    yield from _sprung(view, _VERSION_UNREAD)


_VERSION_UNREAD = (
    SiemPitfall(
        ("splunk", "qradar", "sentinel"),
        "cef_version",
        lambda envelope: envelope.cef_version == "1",
        "{receiver} reads CEF:0 only. Remove cef_version.",
    ),
)


def receiver_setting(view: LintContext) -> Iterator[LintFinding]:
    """Some settings of the envelope are wrong for one receiver.

    - Graylog's CEF input misreads host and time of an RFC 5424 header (before 6.3.0 it stored
      nothing), and does not part octet-counted messages.
    - Sentinel's agent wants `CEF` right behind time and host. With a program's name between, as in
      RFC 5424, the event ends in the Syslog table; a pipe in a value tore the events of an older
      agent; and on a facility that the system uses itself, the rules for CEF and for Syslog both
      store the event.
    - QRadar finds the log source by the header's host: with the node's name there, each new node is
      a log source that somebody has to make. Its TCP listener parts messages by line ends.
    - QRadar, Sentinel and Graylog take host or time from the header, so there has to be one.
    - Under CEF:0 a SmartConnector of ArcSight takes only IPv4 in src, dst and dvc.
    - QRadar takes 4,096 bytes of a message, and rsyslog before Sentinel's agent 8,096, unless told
      otherwise: what is longer is cut, and the rest becomes an event of its own. If the limit there
      was raised, an excuse says so.
    - Splunk's add-on loses the first key of a message: `first` is one that may get lost.

    Bad:
        extends: graylog
        envelope: {syslog_header: rfc5424}
    Good:
        extends: graylog
        envelope: {syslog_header: rfc3164, facility: local3}
    """
    yield from _sprung(view, _RECEIVER_SETTING)


_QRADAR_BYTES = 4096
_RSYSLOG_BYTES = 8096


def _names_the_node(envelope: Envelope) -> bool:
    first = envelope.hostname[0] if envelope.hostname else None
    return first is None or first.from_[:1] in (("HostName",), ("PodName",), ("NodeID",))


_RECEIVER_SETTING = (
    SiemPitfall(
        ("graylog",),
        "syslog_header",
        lambda envelope: envelope.syslog_header == "rfc5424",
        "Graylog's CEF input misreads host and time of an RFC 5424 header, and before 6.3.0 stored "
        'nothing. Say "syslog_header: rfc3164".',
    ),
    SiemPitfall(
        ("sentinel",),
        "syslog_header",
        lambda envelope: envelope.syslog_header == "rfc5424",
        "An RFC 5424 header has a program's name before CEF, and Sentinel's agent then puts the "
        'event into the Syslog table. Say "syslog_header: rfc3164".',
    ),
    SiemPitfall(
        (*_QRADAR, "sentinel", "graylog"),
        "syslog_header",
        lambda envelope: envelope.syslog_header == "none",
        '{receiver} takes host and time from the syslog header. Say "syslog_header: rfc3164".',
    ),
    SiemPitfall(
        ("sentinel",),
        "pipe",
        lambda envelope: envelope.pipe == "keep",
        "An older agent of Sentinel takes a pipe in a value for a header field's end, and tears "
        'the event. Say "pipe: replace".',
    ),
    SiemPitfall(
        ("sentinel",),
        "facility",
        lambda envelope: any(
            text in FACILITIES and not text.startswith("local")
            for rule in envelope.facility
            for text in constants(rule)
        ),
        "The system logs under this facility as well, and Sentinel's rules for CEF and for Syslog "
        "then both store the event. Choose one of local0 to local7 that nothing else uses.",
    ),
    SiemPitfall(
        _QRADAR,
        "hostname",
        _names_the_node,
        "QRadar finds the log source by the header's host, and each node would be one to make by "
        'hand. Say "hostname: {{from: [cluster, ClusterName]}}".',
    ),
    SiemPitfall(
        (*_QRADAR, "graylog"),
        "framing",
        lambda envelope: envelope.framing == "octet-counting",
        '{receiver} parts messages by line ends, and takes the count for text. Say "framing: lf".',
    ),
    SiemPitfall(
        ("arcsight",),
        "ipv6",
        lambda envelope: envelope.ipv6 == "direct" and envelope.cef_version == "0",
        "Under CEF:0 ArcSight takes only IPv4 in src, dst and dvc. Remove ipv6, or say "
        '"cef_version: 1".',
    ),
    SiemPitfall(
        _QRADAR,
        "max_bytes",
        lambda envelope: envelope.max_bytes > _QRADAR_BYTES,
        "QRadar takes 4,096 bytes of a message unless its limit was raised, and cuts the rest off. "
        'Say "max_bytes: 4096".',
    ),
    SiemPitfall(
        ("sentinel",),
        "max_bytes",
        lambda envelope: envelope.max_bytes > _RSYSLOG_BYTES,
        "rsyslog, before Sentinel's agent, takes 8,096 bytes unless its limit was raised, and cuts "
        'the rest off. Say "max_bytes: 8000".',
    ),
    SiemPitfall(
        ("splunk",),
        "first",
        lambda envelope: not envelope.first,
        'Splunk\'s add-on loses the first key of a message. Say "first: KubeArmorFormat", '
        "which may get lost.",
    ),
)


def _sprung(view: LintContext, traps: tuple[SiemPitfall, ...]) -> Iterator[LintFinding]:
    for trap in traps:
        receiver = next((name for name in trap.receivers if view.is_for(name)), None)
        if receiver is None or not trap.is_sprung(view.merged.envelope):
            continue
        at = view.at_setting(trap.setting)
        # What a parent says is told there, unless it is only this file that is for the receiver.
        if at is None and view.parent and view.parent.is_for(receiver):
            continue
        yield LintFinding(at or view.top, trap.reason.format(receiver=_SPOKEN[receiver]))


_SPOKEN = {
    "splunk": "Splunk",
    "qradar": "QRadar",
    "qradar-leef": "QRadar",
    "sentinel": "Sentinel",
    "arcsight": "ArcSight",
    "graylog": "Graylog",
}
