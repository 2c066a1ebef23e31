"""Splunk: indexes by class for SC4S, event types and tags for searches.

`splunk_metadata.csv` of Splunk Connect for Syslog has the key vendor_product_class for CEF ("Common
Event Format", "Splunk Metadata with CEF events"). Event types search KubeArmorEventId, which the
mapping `splunk` writes because nothing makes a field of CEF's header. Tags are those of the Common
Information Model. Must not know which indexes there are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.siems.class_id_rows import Form

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cef_bridge.siems.class_id_rows import ClassIdRow

NOTE = (
    "These rows were not tried on a live SC4S. The indexes kubearmor_alerts, kubearmor_logs and "
    "kubearmor_events must exist: Splunk refuses events for one that does not."
)

_PRODUCT = "KubeArmor_KubeArmor"
_INDEXES = {"alert": "kubearmor_alerts", "log": "kubearmor_logs", "event": "kubearmor_events"}

# Our operation -> tags of the data model that its events can be searched by (CIM: Endpoint, Network
# Traffic); a verb that is named stands over its operation (Endpoint.Ports, Network Resolution).
_TAGS = {
    "process": ("process", "report"),
    "file": ("endpoint", "filesystem"),
    "network": ("network", "communicate"),
    "firewall": ("network", "communicate"),
    "dns": ("network", "resolution", "dns"),
    "bind": ("listening", "port"),
    "listen": ("listening", "port"),
}
_ALERT = ("alert",)  # CIM: Alerts

_NOT_TRIED = "# Not tried on a live Splunk. Written by: cef-bridge mapping class-ids --format"


def metadata(classes: Sequence[ClassIdRow]) -> str:
    """Return rows of splunk_metadata.csv, one a class; the file has no head line."""
    return "".join(f"{_PRODUCT}_{row.class_id},index,{_INDEXES[row.kind]}\n" for row in classes)


def eventtypes(classes: Sequence[ClassIdRow]) -> str:
    """Return eventtypes.conf: the classes of one kind and data model are one event type.

    Splunk tries every event type on each event that a search finds, so there are few.
    """
    lines = [f"{_NOT_TRIED} splunk-eventtypes", "# eventtypes.conf"]
    for name, members in _groups(classes).items():
        ids = ", ".join(f'"{row.class_id}"' for row in members)
        lines += ["", f"[{name}]", f"search = sourcetype=cef KubeArmorEventId IN ({ids})"]
    return "\n".join(lines) + "\n"


def tags(classes: Sequence[ClassIdRow]) -> str:
    """Return tags.conf for these event types; one without a data model has no tags."""
    lines = [f"{_NOT_TRIED} splunk-tags", "# tags.conf"]
    for name, members in _groups(classes).items():
        first = members[0]
        found = _TAGS.get(first.verb, _TAGS.get(first.operation, ()))
        if first.kind == "alert":
            found = (*_ALERT, *found)
        if found:
            lines += ["", f"[eventtype={name}]", *(f"{tag} = enabled" for tag in found)]
    return "\n".join(lines) + "\n"


def _groups(classes: Sequence[ClassIdRow]) -> dict[str, list[ClassIdRow]]:
    groups: dict[str, list[ClassIdRow]] = {}
    for row in classes:
        verb = f"_{row.verb}" if row.verb in _TAGS else ""
        groups.setdefault(f"kubearmor_{row.kind}_{row.operation}{verb}", []).append(row)
    return groups


FORMS = {
    "splunk": Form(metadata, NOTE),
    "splunk-eventtypes": Form(eventtypes),
    "splunk-tags": Form(tags),
}
