"""Microsoft Sentinel: rsyslog and the Azure Monitor Agent, which fills CommonSecurityLog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.lines.syslog import FACILITIES
from cef_bridge.siems.siem import (
    NeededKey,
    SettingPitfall,
    Siem,
    reads_version_0,
    takes_host_from_header,
)

if TYPE_CHECKING:
    from cef_bridge.mapping.language.spec import Envelope


_RSYSLOG_BYTES = 8096  # of a message, unless maxMessageSize was raised


def _facility_is_shared(envelope: Envelope) -> bool:
    """Tell whether the system itself may log under one of the facilities."""
    texts = (text for rule in envelope.facility for text in rule.constants)
    return any(text in FACILITIES and not text.startswith("local") for text in texts)


SIEM = Siem(
    "sentinel",
    "Sentinel",
    ("sentinel",),
    "sentinel",
    settings=(
        reads_version_0("Sentinel"),
        SettingPitfall(
            "receiver_setting",
            "syslog_header",
            lambda envelope: envelope.syslog_header == "rfc5424",
            "An RFC 5424 header has a program's name before CEF, and Sentinel's agent then puts "
            'the event into the Syslog table. Say "syslog_header: rfc3164".',
        ),
        takes_host_from_header("Sentinel"),
        SettingPitfall(
            "receiver_setting",
            "pipe",
            lambda envelope: envelope.pipe == "keep",
            "An older agent of Sentinel takes a pipe in a value for a header field's end, and "
            'tears the event. Say "pipe: replace".',
        ),
        SettingPitfall(
            "receiver_setting",
            "facility",
            _facility_is_shared,
            "The system logs under this facility as well, and Sentinel's rules for CEF and for "
            "Syslog then both store the event. Choose one of local0 to local7 that nothing else "
            "uses.",
        ),
        SettingPitfall(
            "receiver_setting",
            "max_bytes",
            lambda envelope: envelope.max_bytes > _RSYSLOG_BYTES,
            "rsyslog, before Sentinel's agent, takes 8,096 bytes unless its limit was raised, and "
            'cuts the rest off. Say "max_bytes: 8000".',
        ),
    ),
    needs=(
        NeededKey(
            "devicePayloadId",
            "Sentinel's ExternalID is a number and cannot hold the event's id; this column can.",
        ),
        NeededKey("start", "Sentinel's StartTime is filled from it."),
    ),
    makes_fields="parse-kv in the query",
    made_by_query=True,
    lists_others_in="AdditionalExtensions",
)
