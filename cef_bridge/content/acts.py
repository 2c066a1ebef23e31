"""An event of each kind that KubeArmor reports, several of each: what a mapping is probed with.

In comes nothing, out come raw events under KubeArmor's names. Of a kind each event has values of
its own, and lacks other fields: where one value arrives in all of them, its field is. The forms are
those of `monitor/logUpdate.go` and `enforcer/bpflsm/enforcer.go`.
"""

from __future__ import annotations

from typing import NamedTuple


class ActKind(NamedTuple):
    """A kind of event: its name, and the class ids that it has (`*` for any text)."""

    name: str
    class_ids: tuple[str, ...]


KINDS = {
    kind.name: kind
    for kind in (
        ActKind("exec", ("*.process.exec.*",)),
        ActKind("ptrace", ("*.ptrace.*",)),
        ActKind("file", ("*.file.*",)),
        ActKind("connect", ("*.network.connect.*",)),
        ActKind("accept", ("*.network.accept.*",)),
        ActKind("listen", ("*.network.bind.*", "*.network.listen.*")),
        ActKind("socket", ("*.network.socket.*",)),
        ActKind("dns", ("*.network.dns.*",)),
        ActKind("setid", ("*.setid.*",)),
        ActKind("mount", ("*.mount.*", "*.umount.*")),
        ActKind("capability", ("*.capabilities.*",)),
        ActKind("device", ("*.device.*",)),
        ActKind("firewall", ("*.firewall.*",)),
        ActKind("throttle", ("*.throttle.*",)),
        ActKind("heartbeat", ("*.heartbeat.*",)),
        ActKind("gap", ("*.gap.*",)),
        ActKind("flood", ("*.flood.*",)),
    )
}
"""All kinds, by name."""

_WITHOUT_PROCESS = ("device", "firewall", "throttle", "heartbeat", "gap", "flood")
_ALERTS_ONLY = ("capability", "firewall")
_OWN = ("heartbeat", "gap", "flood")


def probes(kind: str) -> list[dict[str, object]]:
    """Return events of a kind: alerts and logs, in containers and on hosts."""
    if kind in _OWN or kind == "throttle":
        return [_own(kind, number) for number in (1, 2)]
    found = []
    for number, (is_alert, in_container) in enumerate(
        ((True, True), (True, True), (True, False), (False, True), (False, False)), start=1
    ):
        if is_alert or kind not in _ALERTS_ONLY:
            event = _where(number, in_container=in_container)
            event |= _verdict(number, kind, in_container=in_container) if is_alert else {}
            event.setdefault("Type", "ContainerLog" if in_container else "HostLog")
            event.setdefault("Result", ("Passed", "No such file or directory")[number % 2])
            event |= {} if kind in _WITHOUT_PROCESS else _who(number)
            found.append(event | what(kind, number))
    if kind == "exec":  # in a fifth of the real ones these two are absent
        found[-1].pop("ProcessName")
        found[-1].pop("ParentProcessName")
    return found


def _where(number: int, *, in_container: bool) -> dict[str, object]:
    event: dict[str, object] = {
        "Timestamp": 1770797742 + number,
        "UpdatedTime": f"2026-02-11T08:15:{41 + number}.118273Z",
        "ClusterName": f"cluster-{number}",
        "HostName": f"node-{number}",
        "NodeID": f"nodeid-{number}",
    }
    if in_container:
        event |= {
            "NamespaceName": f"namespace-{number}",
            "PodName": f"pod-{number}",
            "Owner": {"Ref": f"Kind{number}", "Name": f"owner-{number}"},
            "Labels": f"app=label-{number}",
            "ContainerID": f"4f1c7d20b6a{number}",
            "ContainerName": f"container-{number}",
            "ContainerImage": f"registry.example.com/image-{number}:3.{number}",
        }
    return event


def _who(number: int) -> dict[str, object]:
    return {
        "HostPPID": 71200 + number,
        "HostPID": 72200 + number,
        "PPID": 300 + number,
        "PID": 400 + number,
        "UID": 1000 + number,
        "UserName": f"user-{number}",
        "ParentProcessName": f"/probe/parent-{number}",
        "ProcessName": f"/probe/process-{number}",
        "Source": f"/probe/process-{number} --source {number}",
        "Cwd": f"/probe/cwd-{number}/",
        "TTY": f"pts{number}",
        "ExecEvent": {"ExecID": str(4400 + number), "ExecutableName": f"comm-{number}"},
        "ProcessHash": f"aa0{number}",
        "ParentHash": f"bb0{number}",
        "ResourceHash": f"cc0{number}",
        "HashAlgo": f"algorithm-{number}",
        "Level": ("probe\u202e", "probe\x07")[number % 2],  # what event.suspicious is about
    }


def _verdict(number: int, kind: str, *, in_container: bool) -> dict[str, object]:
    action = ("Block", "Audit", "Block")[number % 3]
    matched = "MatchedPolicy" if in_container else "MatchedHostPolicy"
    return {
        "Type": "MatchedNetworkPolicy" if kind == "firewall" else matched,
        "PolicyName": f"policy-{number}",
        "Severity": str(number + 1),
        "Tags": f"MITRE_T100{number}_probe,tag-{number}",
        "Message": f"message {number}",
        "Enforcer": ("BPFLSM", "AppArmor")[number % 2],
        "Action": action,
        # A block that does not block is rated otherwise than its policy says.
        "Result": "Permission denied" if number == 2 else "Passed",
    }


def what(kind: str, number: int) -> dict[str, object]:
    """Return what is done in an event of a kind; some numbers have another form than others."""
    odd = bool(number % 2)
    port = 20000 + number
    v6 = f"2001:db8::{number}"
    address = f"192.0.2.{number}" if odd else v6
    family = "AF_INET" if odd else "AF_INET6"
    remote = f"remoteip={address} port={port} protocol={'TCP' if odd else 'TCPv6'}"
    path = f"/probe/file-{number}"
    rows: dict[str, tuple[str, str, str]] = {
        "exec": ("Process", f"/probe/process-{number} --argument {number}", "syscall=SYS_EXECVE"),
        "ptrace": (
            "Process",
            f"/probe/traced-{number}",
            (
                f"syscall=SYS_PTRACE request=PTRACE_ATTACH pid=881{number} "
                f"process=/probe/traced-{number}"
            ),
        ),
        "file": ("File", path, f"syscall=SYS_OPENAT fd=-100 flags={_FLAGS[number % 3]}"),
        "connect": (
            "Network",
            f"{remote} remotehost=svc/remote/host-{number}",
            f"kprobe=tcp_connect domain={family}",
        )
        if number != 4
        else ("Network", "sa_family=AF_UNIX sun_path=/probe/socket", "syscall=SYS_CONNECT fd=4"),
        "accept": (
            "Network",
            f"{remote} remotehost=svc/remote/host-{number}",
            f"kprobe=tcp_accept domain={family}",
        ),
        "listen": (
            "Network",
            f"sin_addr=192.0.2.{number} sa_family=AF_INET sin_port={port}",
            f"syscall=SYS_BIND fd={number}",
        ),
        "socket": (
            "Network",
            f"domain={family} type=SOCK_RAW protocol={('TCP', 'ICMP', 'UDP')[number % 3]}",
            "syscall=SYS_SOCKET",
        ),
        "dns": (
            "Network",
            "sa_family=AF_INET sin_port=53",
            f"kfunc=UDP_SENDMSG domain=name-{number}.example daddr=192.0.2.{number} qtype=A",
        ),
        "setid": ("Syscall", "", f"syscall=SYS_SETUID userid={5000 + number}"),
        "mount": (
            "Syscall",
            "",
            (
                f"syscall=SYS_MOUNT source=/probe/source-{number} target={path} "
                f"filesystem=ext{number} mountflag=0 data=option-{number}"
            ),
        ),
        "capability": (
            "Capabilities",
            _CAPABILITIES[number % 3],
            f"lsm=CAPABLE {_CAPABILITIES[number % 3]}",
        ),
        "device": (
            "Device",
            f"USB CLASS-{number}",
            f"Class={number} SubClass=6 Protocol=80 Level=1 SysPath=/sys/probe/{number}",
        ),
        "firewall": (
            "NetworkFirewall",
            "INGRESS" if odd else "EGRESS",
            (
                f"SourceIP=192.0.2.{100 + number} SourcePort={port} "
                f"DestinationIP=198.51.100.{number} DestinationPort={30000 + number} "
                f"Protocol={'TCP' if odd else 'UDP'}"
            ),
        ),
    }
    operation, resource, data = rows[kind]
    return {
        name: value
        for name, value in (("Operation", operation), ("Resource", resource), ("Data", data))
        if value
    }


_FLAGS = ("O_WRONLY|O_APPEND", "O_RDONLY|O_CLOEXEC", "O_RDWR|O_CREAT")
_CAPABILITIES = ("CAP_NET_RAW", "CAP_SYS_ADMIN", "CAP_SETUID")


def _own(kind: str, number: int) -> dict[str, object]:
    """Return an event that says something of the events: of KubeArmor's throttle, or of ours."""
    if kind == "throttle":
        return _where(number, in_container=True) | {
            "Type": "SystemEvent",
            "Operation": "AlertThreshold",
            "MaxAlertsPerSec": 10 + number,
            "DroppingAlertsInterval": 30 + number,
        }
    event: dict[str, object] = {
        "Timestamp": 1770797742 + number,
        "UpdatedTime": f"2026-02-11T08:15:{41 + number}.118273Z",
        "HostName": f"forwarder-{number}",
        "Type": "CefBridge",
        "Message": f"cef-bridge: probe {number}",
    }
    if kind == "heartbeat":
        return event | {"Operation": "Heartbeat", "Queue": f"0a{number}", "HighestSeq": 90 + number}
    if kind == "gap":
        return event | {
            "Operation": "SourceGap",
            "Source": f"kubearmor://relay-{number}:32767",
            "GapReason": f"reason-{number}",
            "LostEvents": 60 + number,
        }
    return event | {
        "Operation": "AlertFlood",
        "Source": f"kubearmor://relay-{number}:32767",
        "NamespaceName": f"namespace-{number}",
        "PodName": f"pod-{number}",
        "AlertRate": 500 + number,
    }
