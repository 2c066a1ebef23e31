"""Lint rules about keys that one receiver needs, empties, or reads something else in.

A mapping is for a receiver when it, or one that it extends, has the name of the shipped mapping.
In comes a `LintContext`, out come findings. Must not know YAML.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.language.template import paths_of
from cef_bridge.mapping.lint.context import (
    LintFinding,
    extension,
    output_keys,
    removed,
    said_extension,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.mapping.lint.context import LintContext

_NEEDS = {
    ("splunk", "KubeArmorEventId"): "Neither SC4S nor the add-on makes fields of the header, "
    "so without it no search finds a kind of event.",
    ("splunk", "KubeArmorSeverity"): "Neither SC4S nor the add-on makes fields of the header, "
    "so without it no search finds a severity.",
    ("sentinel", "devicePayloadId"): "Sentinel's ExternalID is a number and cannot hold the "
    "event's id; this column can.",
    ("sentinel", "start"): "Sentinel's StartTime is filled from it.",
    ("qradar", "cat"): "QRadar looks up its map of events by the event's id and cat.",
    ("qradar-leef", "cat"): "QRadar looks up its map of events by the event's id and cat.",
    ("qradar-leef", "devTime"): "Without it QRadar takes the header's time, in whole seconds.",
    ("elastic", "deviceProcessName"): "ECS rules ask process.name, which is filled from it.",
}
"""(receiver, key) -> why it needs the key."""


def receiver_needs(view: LintContext) -> Iterator[LintFinding]:
    """A key that a receiver needs is written.

    The shipped mapping of a receiver says some things twice, or in a key that is not the obvious
    one, because the receiver reads them only there. Who removes such a key removes more than a
    repetition. The message says what is lost.

    Bad:
        extends: splunk
        extension:
          KubeArmorEventId: null
    Good:
        extends: splunk
        extension:
          KubeArmorEventName: null
    """
    gone = {name.text: name.at for name in removed(view)}
    for (receiver, key), why in _NEEDS.items():
        if not view.is_for(receiver) or key in view.merged.extension:
            continue
        new = not (view.parent and view.parent.is_for(receiver))
        if key in gone or new:
            yield LintFinding(gone.get(key, view.top), f"{key} is not written. {why}")


def slot_emptied(view: LintContext) -> Iterator[LintFinding]:
    """A mapping for Splunk does not use c6a1 to c6a4.

    Splunk's CEF add-on empties these keys at search time and makes no field of their labels, as it
    does for cs1 and cn1: the address is gone. The keys src, dst and dvc take IPv6 there
    (`ipv6: direct`).

    Bad:
        extends: splunk
        extension:
          c6a3: {from: destination.ip, label: DestinationIPv6Address}
    Good:
        extends: splunk
        extension:
          dst: {from: destination.ip}
    """
    if not view.is_for("splunk"):
        return
    said = said_extension(view)
    for name in output_keys(view):
        if name.text in _IPV6_SLOTS and said.get(name.text):
            message = (
                f"Splunk's add-on empties {name.text}, and the address is gone. Use src, dst, dvc "
                "or a key such as KubeArmorPeer."
            )
            yield LintFinding(name.at, message)


_IPV6_SLOTS = ("c6a1", "c6a2", "c6a3", "c6a4")

_HOSTS = frozenset(
    {"shost", "dhost", "dvchost", "sntdom", "dntdom", "sourceDnsDomain", "destinationDnsDomain"}
    | {"deviceDnsDomain", "deviceNtDomain", "identHostName", "identNetBios", "vSrcName"}
)
_NO_HOSTS = {
    "PodName": "cs3",
    "ContainerName": "cs4",
    "NamespaceName": "cs2",
    "event.place": "cs3",
    "Owner.Name": "sourceServiceName",
    "Owner.Ref": "KubeArmorOwnerRef",
    "Owner.Namespace": "cs2",
    "workload": "sourceServiceName",
}


def no_host(view: LintContext) -> Iterator[LintFinding]:
    """A key for a host's name or domain holds no pod, container, namespace or workload.

    Receivers read a host there: Splunk's add-on makes src_ip of shost and dest of dhost, ArcSight
    makes an asset of each new name, QRadar an identity. Pods come and go, and their names stay in
    those models for ever.

    Bad:
        extension:
          shost: {from: PodName}
    Good:
        extension:
          cs3: {from: PodName, label: K8sPod}
          dvchost: {from: HostName, max_length: 63}
    """
    for seen in extension(view):
        paths = (*seen.rule.from_, *paths_of(seen.rule.template))
        for path in paths if seen.key in _HOSTS else ():
            if path in _NO_HOSTS and seen.rule.table is None:
                hint = f" Use {_NO_HOSTS[path]}." if view.format == "cef" else ""
                message = f"Receivers read a host in {seen.key}, which {path} is not.{hint}"
                yield LintFinding(seen.said.get("from_", seen.rule.at), message)
