"""What the simulators' tests share: lines by hand, and a reading by kind and key."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.siems.simulators import SIMULATORS

if TYPE_CHECKING:
    from cef_bridge.siems.simulators import Reading, SiemFinding

HEADER = "CEF:0|Acme|Fence|2.0|fence.open|Gate opened|5|"
RFC3164 = "<133>Feb 11 08:15:42 gate-1 "
RFC5424 = "<133>1 2026-02-11T08:15:42.118273Z gate-1 fence - - - "
LEEF = "LEEF:2.0|Acme|Fence|2.0|fence.open|^|"

CONNECT6 = {
    "Type": "ContainerLog", "Operation": "Network", "UpdatedTime": "2026-02-11T08:15:42.118273Z", "HostName": "worker-3",
    "ContainerID": "4f1c", "HostPID": 71250, "UID": 1000, "ProcessName": "/usr/bin/python3", "PodName": "ledger-0",
    "NamespaceName": "shop", "Resource": "remoteip=2001:db8:9::5 port=8443 protocol=TCPv6",
    "Data": "kprobe=tcp_connect domain=AF_INET6", "Result": "Passed",
}  # fmt: skip
EXEC = {
    "Type": "MatchedPolicy", "Operation": "Process", "UpdatedTime": "2026-02-11T08:15:42.118273Z", "HostName": "worker-3",
    "ContainerID": "4f1c", "HostPPID": 7, "HostPID": 8, "UID": 1000, "ParentProcessName": "/bin/sh", "ProcessName": "/usr/bin/curl",
    "NamespaceName": "shop", "PodName": "ledger-0", "Resource": "/usr/bin/curl -sS x", "Data": "syscall=SYS_EXECVE",
    "PolicyName": "deny-curl", "Severity": "8", "Action": "Block", "Result": "Permission denied",
}  # fmt: skip


def written(mapping: str, event: dict[str, object], header: str = "") -> str:
    """Return an event's line, with the mapping's own syslog header or another one."""
    loaded = load(mapping)
    converter = Converter(loaded, syslog_header=header or loaded.envelope.syslog_header)
    fate = converter.convert(dict(event))
    assert isinstance(fate, Converted)
    return fate.message


def read(siem: str, line: str) -> Reading:
    return SIMULATORS[siem].read(line)


def fields(reading: Reading) -> dict[str, str]:
    return {field.name: field.value for field in reading.fields}


def found(reading: Reading, kind: str) -> dict[str, SiemFinding]:
    """Return the findings of a kind by key."""
    return {finding.key: finding for finding in reading.findings if finding.kind == kind}


def problems(reading: Reading) -> set[tuple[str, str]]:
    """Return kind and key of what is lost or misread."""
    return {(finding.kind, finding.key) for finding in reading.problems}
