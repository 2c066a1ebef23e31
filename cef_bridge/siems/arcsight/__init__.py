"""ArcSight: a SmartConnector (syslog daemon, CEF) in front of ESM or Logger."""

from __future__ import annotations

from cef_bridge.siems.siem import SettingPitfall, Siem

SIEM = Siem(
    "arcsight",
    "ArcSight",
    ("arcsight",),
    "arcsight",
    settings=(
        SettingPitfall(
            "receiver_setting",
            "ipv6",
            lambda envelope: envelope.ipv6 == "direct" and envelope.cef_version == "0",
            "Under CEF:0 ArcSight takes only IPv4 in src, dst and dvc. Remove ipv6, or say "
            '"cef_version: 1".',
        ),
    ),
    makes_fields="a mapping of additional data to a field, in the connector",
    lists_others_in="additional data: ",
)
