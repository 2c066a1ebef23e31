"""Synthetic KubeArmor events, as a relay prints them, for trials and tests of what stands behind.

In comes a seed, out come JSON lines: every kind of event, unmistakably test data (the cluster is
`cef-bridge-test`, labels, policies and messages say so), each with an id of its own because its
time is. Must not know who reads them.
"""

# ruff: noqa: E501 - what happens stands in two tables, a row each

from __future__ import annotations

import hashlib
import random
from datetime import UTC, datetime
from itertools import accumulate, islice
from itertools import count as counted
from typing import TYPE_CHECKING

import orjson

from cef_bridge.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUSTER = "cef-bridge-test"
"""The ClusterName of every event, by which test data is found and deleted."""
START = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z in epoch microseconds: the default start, so that a seed gives one text."""
STEP = 600
"""Microseconds from one event to the next, on average."""

_LATEST = 221_845_392_000_000_000  # 9000-01-01: an endless run stays within four digits of a year
_MESSAGE = "TEST DATA of cef-bridge generate, nothing happened"
_PODS = (
    ("cef-bridge-test-shop", "checkout", "Deployment"),
    ("cef-bridge-test-shop", "catalogue", "Deployment"),
    ("cef-bridge-test-payments", "ledger", "StatefulSet"),
    ("cef-bridge-test-batch", "report", "CronJob"),
)
_NODES = 3
_REPLICAS = 2

# What becomes a number of each event. No event has these values by itself.
_SECONDS, _HOST_PPID, _HOST_PID, _PPID, _PID = range(7_000_000_001, 7_000_000_006)
_TIME, _NUMBER = "@time@", "@number@"
_SLOTS = {
    b"7000000001": b"%(s)d",
    b"7000000002": b"%(a)d",
    b"7000000003": b"%(b)d",
    b"7000000004": b"%(c)d",
    b"7000000005": b"%(d)d",
    b"@time@": b"%(t)b.%(u)06dZ",
    b"@number@": b"%(n)d",
}

# The order in which KubeArmor's structs print their fields: an alert has the names of the
# processes behind the ids, a log before them.
_WHERE = (
    "Timestamp UpdatedTime ClusterName HostName NamespaceName Owner PodName Labels ContainerID "
    "ContainerName ContainerImage"
)
_NAMES, _IDS = "ParentProcessName ProcessName", "HostPPID HostPID PPID PID UID"
_WHAT, _END = "Type Source Operation Resource Data", "Result Cwd TTY"
_LOG = f"{_WHERE} {_NAMES} {_IDS} {_WHAT} {_END}".split()
_ALERT = (
    f"{_WHERE} {_IDS} {_NAMES} PolicyName Severity Tags ATags Message {_WHAT} Enforcer Action "
    f"{_END} MaxAlertsPerSec DroppingAlertsInterval"
).split()

_OPEN = "syscall=SYS_OPENAT fd=-100 flags="
_CURL = "/usr/bin/curl -fsS http://192.0.2.10:8080/healthz?run=@number@"
_USB = "Class=8 SubClass=6 Protocol=80 Level=1 SysPath=/sys/bus/usb/devices/1-3:1.0"
_FLOW = "SourceIP=192.0.2.77 SourcePort=53262 DestinationIP=198.51.100.5 DestinationPort=22"
_DNS = "kfunc=UDP_SENDMSG domain=orders.cef-bridge-test-shop.svc.cluster.local daddr=192.0.2.53"
_MMAP = "PROT_READ|PROT_WRITE,PROT_READ|PROT_EXEC,MAP_PRIVATE|MAP_ANONYMOUS"

# Kind, how often (of 1000 or so), where it happens, Operation, Resource, Data, Result.
_Row = tuple[str, int, str, str, str, str, str]
_LOGS: tuple[_Row, ...] = (
    ("process", 120, "pod", "Process", _CURL, "syscall=SYS_EXECVE", "Passed"),
    ("process", 60, "pod", "Process", "/bin/sh -c echo 'a=b | c' >/tmp/@number@", "syscall=SYS_EXECVE", "Passed"),
    ("process", 40, "host", "Process", "/usr/bin/find /var/tmp -name @number@", "syscall=SYS_EXECVE", "Passed"),
    ("file", 220, "pod", "File", "/srv/cef-bridge-test/@number@.db", f"{_OPEN}O_RDONLY|O_CLOEXEC", "Passed"),
    ("file", 110, "pod", "File", "/etc/ld.so.cache", f"{_OPEN}O_RDONLY|O_CLOEXEC", "Passed"),
    ("file", 60, "pod", "File", "/srv/cef-bridge-test/état €.log", f"{_OPEN}O_WRONLY|O_APPEND", "Passed"),
    ("file", 50, "pod", "File", "/srv/cef-bridge-test/@number@.so", f"{_OPEN}O_RDONLY", "No such file or directory"),
    ("file", 20, "pod", "File", "/srv/cef-bridge-test/@number@.tmp", "syscall=SYS_UNLINKAT flags=", "Passed"),
    ("file", 10, "pod", "File", "/srv/cef-bridge-test/upload", "syscall=SYS_CHOWN userid=1000 group=1000", "Passed"),
    ("file", 20, "host", "File", "/var/lib/cef-bridge-test/@number@", f"{_OPEN}O_RDWR|O_CREAT", "Passed"),
    ("network", 60, "pod", "Network", "remoteip=192.0.2.44 port=5432 protocol=TCP", "kprobe=tcp_connect domain=AF_INET", "Passed"),
    ("network", 20, "pod", "Network", "remoteip=2001:db8::7 port=443 protocol=TCPv6", "kprobe=tcp_connect domain=AF_INET6", "Passed"),
    ("network", 30, "pod", "Network", "remoteip=192.0.2.91 port=8080 protocol=TCP", "kprobe=tcp_accept domain=AF_INET", "Passed"),
    ("network", 30, "pod", "Network", "sa_family=AF_INET sin_port=443 sin_addr=198.51.100.44", "syscall=SYS_CONNECT fd=12", "Connection refused"),
    ("network", 30, "pod", "Network", "sa_family=AF_INET sin_port=53", f"{_DNS} qtype=A", "Passed"),
    ("network", 10, "pod", "Network", "domain=AF_UNIX type=SOCK_STREAM|SOCK_CLOEXEC protocol=HOPOPT", "syscall=SYS_SOCKET", "Passed"),
    ("syscall", 10, "pod", "Syscall", "", "syscall=SYS_SETUID userid=33", "Passed"),
    ("syscall", 5, "host", "Syscall", "", "syscall=SYS_MOUNT source=/dev/sdz1 target=/mnt/cef-bridge-test disk filesystem=ext4 mountflag=0 data=ro", "Passed"),
    ("syscall", 5, "pod", "Process", "/usr/sbin/nginx", "syscall=SYS_PTRACE request=PTRACE_ATTACH pid=4711 process=/usr/sbin/nginx", "Passed"),
    ("device", 5, "node", "Device", "USB MASS-STORAGE", _USB, "Passed"),
)  # fmt: skip
_DENIED = "Permission denied"
# The same, and the policy's short name, severity, tags, Enforcer and Action.
_ALERTS: tuple[tuple[_Row, str, str, str, str, str], ...] = (
    (("process", 20, "pod", "Process", "/usr/bin/apt install nmap", "lsm=SECURITY_BPRM_CHECK", _DENIED), "package-managers", "7", "NIST_800-53_CM-7(4),MITRE,MITRE_T1059.004_unix_shell", "BPFLSM", "Block"),
    (("process", 8, "pod", "Process", "/usr/bin/nc -l @number@", "syscall=SYS_EXECVE", "Passed"), "network-tools", "5", "MITRE_T1105_ingress_tool_transfer", "eBPF Monitor", "Audit"),
    (("process", 4, "host", "Process", "/usr/bin/less /etc/shadow", "syscall=SYS_EXECVE", "Passed"), "node-readers", "9", "", "AppArmor", "Block"),
    (("file", 20, "pod", "File", "/etc/cef-bridge-test/secrets/@number@", "lsm=FILE_OPEN", _DENIED), "secrets", "8", "MITRE_T1552_unsecured_credentials", "BPFLSM", "Block"),
    (("file", 8, "host", "File", "/etc/crontab", f"{_OPEN}O_WRONLY|O_APPEND", _DENIED), "node-cron", "6", "", "AppArmor", "Block"),
    (("network", 8, "pod", "Network", "protocol=ICMP type=SOCK_RAW", "lsm=SOCKET_CREATE protocol=ICMP type=SOCK_RAW", _DENIED), "raw-sockets", "5", "", "BPFLSM", "Block"),
    (("network", 4, "pod", "Network", "remoteip=203.0.113.9 port=4444 protocol=TCP", "kprobe=tcp_connect domain=AF_INET", "Passed"), "egress", "", "", "eBPF Monitor", "Audit"),
    (("capabilities", 8, "pod", "Capabilities", "CAP_NET_RAW", "lsm=CAPABLE CAP_NET_RAW", _DENIED), "capabilities", "5", "", "BPFLSM", "Block"),
    (("syscall", 4, "pod", "Syscall", "", "syscall=SYS_SETGID userid=0", "Operation not permitted"), "setgid", "4", "", "", "Audit"),
    (("preset", 3, "pod", "Process", "memfd:payload-@number@", "", _DENIED), "presets", "", "", "PRESET-FilelessExecutionPreset", "Block"),
    (("preset", 3, "pod", "File", "/proc/@number@/environ", "", _DENIED), "presets", "", "", "PRESET-ProtectEnvPreset", "Block"),
    (("preset", 2, "pod", "File", "", _MMAP, _DENIED), "presets", "", "", "PRESET-AnonMapExecutionPreset", "Block"),
    (("device", 3, "node", "Device", "USB MASS-STORAGE", _USB, _DENIED), "node-usb", "4", "", "USBDeviceHandler", "Block"),
    (("firewall", 6, "node", "NetworkFirewall", "INGRESS", f"{_FLOW} Protocol=TCP", "Passed"), "node-ssh", "5", "", "NetworkPolicyEnforcer", "Audit"),
    (("firewall", 4, "node", "NetworkFirewall", "EGRESS", "SourceIP=2001:db8::5 SourcePort=40022 DestinationIP=2001:db8:9::1 DestinationPort=443 Protocol=TCP", _DENIED), "node-egress", "6", "", "NetworkPolicyEnforcer", "Block"),
    (("throttle", 2, "still", "AlertThreshold", "", "", "Passed"), "", "", "", "BPFLSM", ""),
)  # fmt: skip

KINDS = (
    "all",
    "alerts",
    "logs",
    *dict.fromkeys(row[0] for row in (*_LOGS, *(a[0] for a in _ALERTS))),
)
"""What may be asked for."""


def events(
    count: int | None = None,
    seed: int = 1,
    kind: str = "all",
    *,
    start: int = START,
    step: int = STEP,
) -> Iterator[bytes]:
    """Yield so many events, without end for None, each a JSON line with its line end.

    The same for the same arguments. `start` is the first event's time in epoch microseconds, each
    next one is about `step` microseconds later, at least one. Raises UsageError for a kind that is
    none of `KINDS`, or a start before 1970 or after 9000.
    """
    if kind not in KINDS:
        raise UsageError(f'Invalid kind of event "{kind}". Expected one of: {", ".join(KINDS)}.')
    if not 0 <= start < _LATEST:
        raise UsageError("events begin between 1970 and 9000. Choose another time.")
    endless = _endless(seed, kind, start, step)
    return endless if count is None else islice(endless, count)


def _endless(seed: int, kind: str, start: int, step: int) -> Iterator[bytes]:
    lines, weights = _lines(kind)
    # Which event comes next is drawn from a table: measured twice as fast as `choices` each time.
    draw = random.Random(seed)  # noqa: S311 - seeded: one seed, one text
    bits = draw.getrandbits
    table = draw.choices(lines, cum_weights=list(accumulate(weights)), k=1 << 14)
    seconds, micros = divmod(start, 1_000_000)
    text = _text(seconds)
    half = step // 2
    for number in counted(1):
        noise = bits(64)
        host_pid = 2000 + (noise & 0x1FFFFF)
        pid = 60 + (noise >> 21 & 0x1FFF)
        yield table[noise >> 50] % {
            b"s": seconds,
            b"t": text,
            b"u": micros,
            b"a": host_pid - 1 - (pid & 0xFF),
            b"b": host_pid,
            b"c": 1 + (pid & 0x1F),
            b"d": pid,
            b"n": number,
        }
        micros += half + (step * (noise >> 34 & 0x3FF) >> 10) or 1
        if micros >= 1_000_000:
            seconds += micros // 1_000_000
            micros %= 1_000_000
            text = _text(seconds)


def _text(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _lines(kind: str) -> tuple[list[bytes], list[int]]:
    """Return the templates of a kind, for every place where it can happen, and their weights."""
    found: list[bytes] = []
    weights: list[int] = []
    rows: list[tuple[_Row, dict[str, object]]] = []
    if kind != "alerts":
        rows += [(row, _log(row)) for row in _LOGS]
    if kind != "logs":
        rows += [(alert[0], _alert(*alert)) for alert in _ALERTS]
    for row, what in rows:
        if kind not in ("all", "alerts", "logs", row[0]):
            continue
        places = _places(row[2])
        for place in places:
            found.append(_template(place | what))
            weights.append(row[1] * 24 // len(places))
    return found, weights


def _log(row: _Row) -> dict[str, object]:
    _, _, where, operation, resource, data, result = row
    host = where != "pod"
    return {
        "Type": "HostLog" if host else "ContainerLog",
        "Operation": operation,
        "Resource": resource,
        "Data": data,
        "Result": result,
        **_actor(row),
    }


def _alert(
    row: _Row, policy: str, severity: str, tags: str, enforcer: str, action: str
) -> dict[str, object]:
    _, _, where, operation, resource, data, result = row
    kind = "MatchedPolicy" if where == "pod" else "MatchedHostPolicy"
    if where == "still":
        return {
            "Type": "SystemEvent",
            "Operation": operation,
            "Enforcer": enforcer,
            "Result": result,
            "MaxAlertsPerSec": 10,
            "DroppingAlertsInterval": 30,
        }
    return {
        "Type": "MatchedNetworkPolicy" if operation == "NetworkFirewall" else kind,
        "PolicyName": f"test-{policy}",
        "Severity": severity,
        "Tags": tags,
        "ATags": tags.split(",") if tags else "",
        "Message": _MESSAGE,
        "Operation": operation,
        "Resource": resource,
        "Data": data,
        "Enforcer": enforcer,
        "Action": action,
        "Result": result,
        **_actor(row),
    }


def _actor(row: _Row) -> dict[str, object]:
    """Return who did it; devices and the firewall know of no process."""
    where, operation, resource = row[2], row[3], row[4]
    if where not in ("pod", "host"):
        return {}
    executed = operation == "Process" and "PTRACE" not in row[5]
    return {
        "HostPPID": _HOST_PPID,
        "HostPID": _HOST_PID,
        "PPID": _PPID if where == "pod" else _HOST_PPID,
        "PID": _PID if where == "pod" else _HOST_PID,
        "ParentProcessName": "/bin/sh",
        "ProcessName": resource.partition(" ")[0] if executed else "/usr/bin/python3.11",
        "Source": "/bin/sh" if executed else "/usr/bin/python3.11 /srv/app.py --port 8080",
        "Cwd": "/srv/",
    }


def _places(where: str) -> list[dict[str, object]]:
    """Return the fields of every place where something can happen."""
    when = {"Timestamp": _SECONDS, "UpdatedTime": _TIME, "ClusterName": CLUSTER}
    rest = {"PPID": 0, "UID": 0}
    if where in ("host", "node"):
        return [when | {"HostName": _node(number)} | rest for number in range(_NODES)]
    return [
        when | _pod(*pod, number * _REPLICAS + replica) | rest
        for number, pod in enumerate(_PODS)
        for replica in range(_REPLICAS)
    ]


def _node(number: int) -> str:
    return f"cef-bridge-test-node-{number % _NODES + 1}"


def _pod(namespace: str, workload: str, owner: str, number: int) -> dict[str, object]:
    digest = hashlib.sha256(f"cef-bridge-test {workload}".encode()).hexdigest()
    container = hashlib.sha256(f"cef-bridge-test {workload} {number}".encode()).hexdigest()
    return {
        "HostName": _node(number),
        "NamespaceName": namespace,
        "Owner": {"Ref": owner, "Name": workload, "Namespace": namespace},
        "PodName": f"{workload}-{digest[:9]}-{container[:5]}",
        "Labels": f"app={workload},cef-bridge.test/data=true",
        "ContainerID": container,
        "ContainerName": workload,
        "ContainerImage": f"registry.example.com/cef-bridge-test/{workload}:1.0@sha256:{digest}",
    }


def _template(fields: dict[str, object]) -> bytes:
    order = _LOG if str(fields["Type"]).endswith("Log") else _ALERT
    ordered = {name: fields[name] for name in order if fields.get(name, "") != ""}
    line = orjson.dumps(ordered, option=orjson.OPT_APPEND_NEWLINE).replace(b"%", b"%%")
    for mark, slot in _SLOTS.items():
        line = line.replace(mark, slot)
    return line
