"""Graylog: its CEF inputs over UDP and TCP."""

from __future__ import annotations

from cef_bridge.siems.siem import (
    SettingPitfall,
    Siem,
    ends_messages_at_lf,
    lets_through,
    takes_host_from_header,
)

SIEM = Siem(
    "graylog",
    "Graylog",
    ("graylog",),
    "graylog",
    settings=(
        SettingPitfall(
            "forged_record",
            "defang",
            lambda envelope: lets_through(envelope, "CEF:"),
            "Graylog takes a CEF: and a digit in a command line for the record's beginning, so "
            'that an attacker writes the record. Say defang: ["CEF:"].',
        ),
        SettingPitfall(
            "receiver_setting",
            "syslog_header",
            lambda envelope: envelope.syslog_header == "rfc5424",
            "Graylog's CEF input misreads host and time of an RFC 5424 header, and before 6.3.0 "
            'stored nothing. Say "syslog_header: rfc3164".',
        ),
        takes_host_from_header("Graylog"),
        ends_messages_at_lf("Graylog"),
    ),
    own_fields=("message", "full_message", "source", "timestamp", "level", "facility"),
    labels_name_fields=True,
)
