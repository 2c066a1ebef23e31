"""Splunk: the Add-on for CEF at search time, with Splunk Connect for Syslog (SC4S) before it."""

from __future__ import annotations

from cef_bridge.siems.siem import NeededKey, SettingPitfall, Siem, lets_through, reads_version_0

SIEM = Siem(
    "splunk",
    "Splunk",
    ("splunk",),
    "splunk",
    settings=(
        SettingPitfall(
            "time_lost",
            "syslog_header",
            lambda envelope: envelope.network_header != "rfc5424",
            "SC4S throws an rt in milliseconds away and takes the header's time, which has a "
            'fraction and a zone in RFC 5424 only. Say "syslog_header: rfc5424".',
            at_key="rt",
        ),
        SettingPitfall(
            "forged_record",
            "defang",
            lambda envelope: lets_through(envelope, "CEF:0", "LEEF:"),
            "SC4S takes a CEF:0 or LEEF: in a command line for the record's beginning, so that an "
            'attacker writes the record. Say defang: ["CEF:0", "LEEF:"].',
        ),
        reads_version_0("Splunk"),
        SettingPitfall(
            "receiver_setting",
            "leading_key",
            lambda envelope: not envelope.leading_key,
            "Splunk's add-on loses the first key of a message. Say "
            '"leading_key: KubeArmorFormat", which may get lost.',
        ),
    ),
    needs=(
        NeededKey(
            "KubeArmorEventId",
            "Neither SC4S nor the add-on makes fields of the header, so without it no search "
            "finds a kind of event.",
        ),
        NeededKey(
            "KubeArmorSeverity",
            "Neither SC4S nor the add-on makes fields of the header, so without it no search "
            "finds a severity.",
        ),
    ),
    own_fields=("host", "source", "sourcetype", "index", "time", "punct", "linecount", "eventtype"),
    labels_name_fields=True,
    empties=("c6a1", "c6a2", "c6a3", "c6a4"),
    reads_seconds=True,
)
