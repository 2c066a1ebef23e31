"""The fields that a rule may have, and what they are in an event: Sigma's names and KubeArmor's.

In comes a rule's log source, out come the kinds of events that it is about and the fields of these.
The taxonomy is Sigma's (sigma-specification, appendix taxonomy), as far as KubeArmor has it. Must
not know mappings or SIEMs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.content.acts import KINDS
from cef_bridge.kubearmor.fields import DERIVED, RAW

if TYPE_CHECKING:
    from collections.abc import Mapping


class LogSource(NamedTuple):
    """A log source of rules: what it is called there, and which kinds of events it has.

    `class_ids`: the events it has by their class ids, `*` for any text; none: all events. `names`:
    Sigma's name of a field -> its path here.
    """

    product: str
    category: str
    kinds: tuple[str, ...]
    class_ids: tuple[str, ...]
    names: Mapping[str, str]


_PROCESS = {
    "Image": "process.actor",
    "CommandLine": "Source",
    "ParentImage": "ParentProcessName",
    "CurrentDirectory": "Cwd",
    "User": "UserName",
    "ProcessId": "HostPID",
    "ParentProcessId": "HostPPID",
    "Computer": "HostName",
}
_EXEC = _PROCESS | {
    "Image": "process.path",
    "CommandLine": "Resource",
    "ParentImage": "process.actor",
    "Hashes": "file.hash",
}
_FILE = _PROCESS | {"TargetFilename": "file.path"}
# No DestinationHostname: remote.host is a name inside the cluster, kind/namespace/name.
_NETWORK = _PROCESS | {
    "DestinationIp": "destination.ip",
    "DestinationPort": "destination.port",
    "SourceIp": "source.ip",
    "SourcePort": "source.port",
    "Protocol": "network.protocol",
    "Initiated": "event.class_id",
}
_DNS = _PROCESS | {"QueryName": "dns.name", "record_type": "dns.type"}

PROCESS_FIELDS = tuple(_PROCESS)
"""Sigma's fields of the process, which nearly all events have."""

INITIATED = {"true": "*.network.connect.*", "false": "*.network.accept.*"}
"""What Sigma's Initiated is as a class id."""

# Sigma's file_event is a file that is made or changed: reading is none.
_WRITES = tuple(f"*.file.{verb}.*" for verb in ("write", "create", "rename", "link", "attr"))


def _ids(*kinds: str) -> tuple[str, ...]:
    return tuple(each for kind in kinds for each in KINDS[kind].class_ids)


def _own(category: str, *kinds: str, names: Mapping[str, str] = _PROCESS) -> LogSource:
    return LogSource("kubearmor", category, kinds, _ids(*kinds), names)


_FLOWS = ("connect", "accept")

LOG_SOURCES: tuple[LogSource, ...] = (
    LogSource("linux", "process_creation", ("exec",), _ids("exec"), _EXEC),
    LogSource("linux", "file_event", ("file",), _WRITES, _FILE),
    LogSource("linux", "network_connection", _FLOWS, _ids(*_FLOWS), _NETWORK),
    LogSource("linux", "dns_query", ("dns",), _ids("dns"), _DNS),
    _own("process", "exec", names=_EXEC),
    _own("process_access", "ptrace"),
    _own("file", "file", names=_FILE),
    _own("network", *_FLOWS, names=_NETWORK),
    _own("listen", "listen"),
    _own("socket", "socket"),
    _own("dns", "dns", names=_DNS),
    _own("setid", "setid"),
    _own("mount", "mount", names=_FILE),
    _own("capability", "capability"),
    _own("device", "device", names={}),
    _own("firewall", "firewall", names=_NETWORK),
    _own("throttle", "throttle", names={}),
    _own("heartbeat", "heartbeat", names={}),
    _own("gap", "gap", names={}),
    LogSource("kubearmor", "", tuple(KINDS), (), {}),
)  # fmt: skip
"""All log sources; the last one has every event."""

_OF_DATA = (
    *("data.capability", "data.filesystem", "data.process", "data.request", "data.source"),
    "data.sun_path",
)
_OF_INTERNAL_EVENTS = ("Queue", "HighestSeq", "GapReason", "LostEvents", "AlertRate")
_MISSED = ("event.time", "event.id", "event.act_key", "event.severity", "event.summary", "ATags")

PATHS: tuple[str, ...] = (
    *(path for path in (*RAW, *DERIVED) if path not in _MISSED),
    *_OF_DATA,
    *_OF_INTERNAL_EVENTS,
)
"""The paths that a rule may ask for: fields of mappings, and those of cef-bridge's own events."""


def log_source(product: str, category: str) -> LogSource | None:
    """Return the log source of a rule; None where KubeArmor has no such events.

    A category of Sigma without a product is Linux's.
    """
    for each in LOG_SOURCES:
        if (each.product, each.category) == (product or "linux", category):
            return each
    return None
