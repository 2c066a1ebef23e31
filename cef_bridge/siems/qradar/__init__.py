"""QRadar: its Universal LEEF and Universal CEF types."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.siem import (
    NeededKey,
    SettingPitfall,
    Siem,
    ends_messages_at_lf,
    reads_version_0,
    takes_host_from_header,
)

if TYPE_CHECKING:
    from cef_bridge.mapping.language.spec import Envelope


_LISTENER_BYTES = 4096  # of its TCP listener, unless raised


def _names_the_node(envelope: Envelope) -> bool:
    first = envelope.hostname[0] if envelope.hostname else None
    return first is None or first.from_[:1] in (("HostName",), ("PodName",), ("NodeID",))


SIEM = Siem(
    "qradar",
    "QRadar",
    ("qradar", "qradar-leef"),
    "qradar-leef",
    settings=(
        reads_version_0("QRadar")._replace(mapping="qradar"),
        takes_host_from_header("QRadar"),
        SettingPitfall(
            "receiver_setting",
            "hostname",
            _names_the_node,
            "QRadar finds the log source by the header's host, and each node would be one to make "
            'by hand. Say "hostname: {from: [cluster, ClusterName]}".',
        ),
        ends_messages_at_lf("QRadar"),
        SettingPitfall(
            "receiver_setting",
            "max_bytes",
            lambda envelope: envelope.max_bytes > _LISTENER_BYTES,
            "QRadar takes 4,096 bytes of a message unless its limit was raised, and cuts the rest "
            'off. Say "max_bytes: 4096".',
        ),
    ),
    needs=(
        NeededKey("cat", "QRadar looks up its map of events by the event's id and cat."),
        NeededKey(
            "devTime", "Without it QRadar takes the header's time, in whole seconds.", "qradar-leef"
        ),
    ),
    makes_fields="a custom property",
)
