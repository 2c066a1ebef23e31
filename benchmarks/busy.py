"""What a busy cluster's relay prints, event by event, from a seeded generator.

Every kind of event is there. What an application does, it does over and over, and now and then
(novelty) it does something that never was before. The names are invented; nothing here was ever
observed. `datasets.py` makes the benchmark's sets of these events, and writes them.
"""

from __future__ import annotations

import hashlib
import json
import random
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

_START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
_NAMESPACES = ["shop", "payments", "search", "kube-system", "monitoring", "default", "batch"]
_APPS = ["web", "api", "cart", "worker", "cache", "ledger", "indexer", "gateway", "cron", "auth"]
_SHELLS = ["/bin/sh", "/bin/bash", "/usr/bin/dash"]
_PROGRAMS = {
    "/usr/bin/curl": ["-fsS http://localhost:8080/healthz", "-s http://metrics:9090/-/ready"],
    "/bin/cat": ["/proc/loadavg", "/etc/hostname", "/sys/fs/cgroup/memory.max"],
    "/usr/bin/python3": ["-m app.worker --queue default", "/opt/app/check.py --timeout 5"],
    "/bin/sleep": ["1", "5", "30"],
    "/usr/bin/pg_isready": ["-U app -d app -h 127.0.0.1 -p 5432"],
    "/bin/grep": ["-q ready /tmp/state", "-c ^processor /proc/cpuinfo"],
    "/usr/local/bin/redis-cli": ["ping", "-h 127.0.0.1 info replication"],
    "/bin/sh": ["-c exec /entrypoint.sh", "-c test -f /tmp/healthy"],
}
_FILES = [
    "/etc/ld.so.cache",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/passwd",
    "/lib/x86_64-linux-gnu/libc.so.6",
    "/lib/x86_64-linux-gnu/libm.so.6",
    "/proc/self/status",
    "/proc/meminfo",
    "/usr/lib/locale/locale-archive",
    "/usr/share/zoneinfo/UTC",
    "/opt/app/config.yaml",
    "/opt/app/__pycache__/main.cpython-311.pyc",
    "/var/run/secrets/kubernetes.io/serviceaccount/token",
    "/sys/fs/cgroup/cpu.stat",
]
_FLAGS = ["O_RDONLY", "O_RDONLY|O_CLOEXEC", "O_RDONLY|O_NONBLOCK|O_DIRECTORY|O_CLOEXEC"]
_WRITE_FLAGS = ["O_WRONLY|O_CREAT|O_TRUNC", "O_RDWR|O_CLOEXEC", "O_WRONLY|O_APPEND"]
Policy = tuple[str, str, str, str]  # name, severity, message, tags
_POLICIES: list[Policy] = [
    ("block-package-managers", "5", "Package manager in a container", "NIST,NIST_800-53_CM-7(4)"),
    ("audit-service-account", "7", "Service account token was read", "MITRE,MITRE_T1552_creds"),
    ("block-shell-history", "3", "", "MITRE_T1070_indicator_removal"),
    ("deny-write-under-bin", "8", "Write below a binary folder", "PCI_DSS,MITRE_T1036"),
    ("DefaultPosture", "", "", ""),
]
_TYPES = ["process"] * 22 + ["file"] * 52 + ["network"] * 20 + ["syscall"] * 3 + ["host"] * 3


class Mix(NamedTuple):
    """What events there are."""

    pods: int = 300
    novelty: float = 0.03  # the share of events in which something is done that never was before
    alerts: float = 0.08  # the share of events that a policy matched
    even: bool = False  # each pod does as much as any other; else the first ones do most
    alert_habits: float = 0.25  # how many things are matched, for each that is logged
    policies: tuple[Policy, ...] = tuple(_POLICIES)


class _Cluster:
    """The pods and nodes that the events come from."""

    def __init__(self, seed: int, pods: int) -> None:
        self.random = random.Random(seed)
        self.pods = [self._pod(number) for number in range(pods)]

    def _pod(self, number: int) -> dict[str, object]:
        pick = self.random.choice
        app, namespace = pick(_APPS), pick(_NAMESPACES)
        digest = hashlib.sha256(f"image {app}".encode()).hexdigest()
        container = hashlib.sha256(f"container {number}".encode()).hexdigest()
        suffix = f"{number:05x}{self.random.randrange(16**5):05x}"
        return {
            "ClusterName": "default",
            "HostName": f"node-pool-a-{number % 12:02d}.example.internal",
            "NamespaceName": namespace,
            "Owner": {"Ref": "Deployment", "Name": app, "Namespace": namespace},
            "PodName": f"{app}-{suffix[:9]}-{suffix[-5:]}",
            "Labels": f"app.kubernetes.io/name={app},app.kubernetes.io/part-of={namespace},"
            f"pod-template-hash={suffix[:9]}",
            "ContainerID": container,
            "ContainerName": app,
            "ContainerImage": f"registry.example.com/{namespace}/{app}:1.{number % 9}.0"
            f"@sha256:{digest}",
        }


def events(
    count: int,
    *,
    seed: int = 7,
    pods: int = 300,
    novelty: float = 0.03,
    mix: Mix | None = None,
) -> Iterator[dict[str, object]]:
    """Yield so many events; the same for the same arguments. `mix` replaces pods and novelty.

    A container does the same few things over and over, so each application has a fixed set of
    activities; `novelty` is the share of events in which something is done that never was before.
    """
    mix = mix or Mix(pods, novelty)
    cluster = _Cluster(seed, mix.pods)
    rng = cluster.random
    weights = list(accumulate(1 if mix.even else 1 / (rank + 5) for rank in range(mix.pods)))
    habits = {app: _habits(rng, mix) for app in _APPS}
    when = _START
    for number in range(count):
        when += timedelta(microseconds=rng.randrange(20, 900))
        pod = rng.choices(cluster.pods, cum_weights=weights)[0]
        what = rng.choice(_TYPES)
        alert = rng.random() < mix.alerts
        if rng.random() < mix.novelty:
            done = _activity(rng, what, number + 1, mix.policies if alert else ())
        else:
            done = rng.choice(habits[str(pod["ContainerName"])][what, alert])
        where = pod
        if what == "host":
            where = {key: pod[key] for key in ("ClusterName", "HostName")}
        host_pid = rng.randrange(2000, 4_000_000)
        pid = rng.randrange(60, 9000)
        yield {
            "Timestamp": int(when.timestamp()),
            "UpdatedTime": when.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            **where,
            "HostPPID": host_pid - rng.randrange(1, 900),
            "HostPID": host_pid,
            "PPID": 0 if what == "host" else rng.randrange(1, 60),
            "PID": host_pid if what == "host" else pid,
            **done,
        }


def _habits(rng: random.Random, mix: Mix) -> dict[tuple[str, bool], list[dict[str, object]]]:
    """What an application does: some executions, files, peers, and what a policy matches."""
    sizes = {"process": 20, "file": 60, "network": 25, "syscall": 3, "host": 20}
    return {
        (what, alert): [
            _activity(rng, what, 0, mix.policies if alert else ())
            for _ in range(int(size * mix.alert_habits) + 1 if alert else size)
        ]
        for what, size in sizes.items()
        for alert in (False, True)
    }


def _activity(
    rng: random.Random, what: str, number: int, policies: tuple[Policy, ...]
) -> dict[str, object]:
    """One thing done; with a number, something in it is of that number only."""
    user = {"UID": rng.choice([0, 0, 1000, 999])}
    return user | _act(rng, what, number) | _verdict(rng, what, policies)


def _act(rng: random.Random, what: str, number: int) -> dict[str, object]:
    shell = rng.choice(_SHELLS)
    program = rng.choice(list(_PROGRAMS))
    command = f"{program} {rng.choice(_PROGRAMS[program])}"
    if number and what in ("process", "host"):
        command = f"{program} --request {number:x} --note 'a=b|c' /tmp/job-{number}"
    act: dict[str, object] = {"ParentProcessName": shell, "ProcessName": program}
    tail: dict[str, object] = {"Cwd": rng.choice(["/", "/opt/app/", "/tmp/"])}
    if what == "process":
        return act | {
            "Source": shell,
            "Operation": "Process",
            "Resource": command,
            "Data": "syscall=SYS_EXECVE",
            **tail,
        }
    if what == "network":
        resource, data = _socket(rng, number)
        return (
            act
            | {"Source": command, "Operation": "Network", "Resource": resource, "Data": data}
            | tail
        )
    if what == "syscall":
        data = rng.choice(["syscall=SYS_SETUID userid=0", "syscall=SYS_SETGID userid=1000"])
        return act | {"Source": command, "Operation": "Syscall", "Data": data} | tail
    path = f"/tmp/upload-{number:07d}.part" if number else rng.choice(_FILES)
    flags = rng.choice(_FLAGS if rng.random() < 0.85 else _WRITE_FLAGS)
    data = f"syscall=SYS_OPENAT fd=-100 flags={flags}"
    if rng.random() < 0.05:
        data = rng.choice(["syscall=SYS_UNLINKAT flags=", "syscall=SYS_CHOWN userid=0 group=0"])
    return act | {"Source": command, "Operation": "File", "Resource": path, "Data": data} | tail


def _socket(rng: random.Random, number: int) -> tuple[str, str]:
    service = rng.randrange(180)  # pods talk to the same services over and over
    ip = f"10.{40 + service % 4}.{service % 7}.{2 + service}"
    port = (53, 443, 5432, 6379, 8080, 9090)[service % 6]
    if number:  # and now and then to the world
        ip, port = f"203.0.113.{rng.randrange(256)}", rng.randrange(1024, 65536)
    kind = rng.random()
    if kind < 0.35:
        return f"remoteip={ip} port={port} protocol=TCP", "kprobe=tcp_connect domain=AF_INET"
    if kind < 0.55:
        return f"remoteip={ip} port={port} protocol=TCP", "kprobe=tcp_accept domain=AF_INET"
    if kind < 0.75:
        tokens = ["sa_family=AF_INET", f"sin_port={port}", f"sin_addr={ip}"]
        rng.shuffle(tokens)
        return " ".join(tokens), f"syscall=SYS_CONNECT fd={rng.randrange(3, 12)}"
    if kind < 0.9:
        name = f"{rng.choice(_APPS)}.{rng.choice(_NAMESPACES)}.svc.cluster.local"
        return (
            "sa_family=AF_INET sin_port=53",
            f"kfunc=UDP_SENDMSG domain={name} daddr=10.43.0.10 qtype={rng.choice(['A', 'AAAA'])}",
        )
    return "domain=AF_UNIX type=SOCK_STREAM|SOCK_CLOEXEC protocol=HOPOPT", "syscall=SYS_SOCKET"


def _verdict(rng: random.Random, what: str, policies: tuple[Policy, ...]) -> dict[str, object]:
    host = what == "host"
    if not policies:
        failed = rng.random() < 0.3
        result = "No such file or directory" if failed and what == "file" else "Passed"
        return {"Type": "HostLog" if host else "ContainerLog", "Result": result}
    name, severity, message, tags = rng.choice(policies)
    blocked = rng.random() < 0.5
    verdict: dict[str, object] = {
        "Type": "MatchedHostPolicy" if host else "MatchedPolicy",
        "PolicyName": name,
        "Enforcer": rng.choice(["BPFLSM", "AppArmor", "eBPF Monitor"]),
        "Action": "Block" if blocked else "Audit",
        "Result": "Permission denied" if blocked else "Passed",
    }
    if severity:
        verdict["Severity"] = severity
    if tags:
        verdict |= {"Tags": tags, "ATags": tags.split(",")}
    if message:
        verdict["Message"] = message
    return verdict


# The order in which KubeArmor's Go structs print their fields (protobuf/kubearmor.pb.go): alerts
# have the names of the processes after the ids, logs before them.
_WHERE = (
    "Timestamp UpdatedTime ClusterName HostName NamespaceName Owner PodName Labels ContainerID "
    "ContainerName ContainerImage"
)
_NAMES = "ParentProcessName ProcessName"
_IDS = "HostPPID HostPID PPID PID UID"
_WHAT = "Type Source Operation Resource Data"
_LATER = "Cwd TTY ExecEvent KubeArmorVersion NodeID"  # these, and EventData, since 1.6
_LOG = f"{_WHERE} {_NAMES} {_IDS} {_WHAT} EventData Result {_LATER}".split()
_ALERT = (
    f"{_WHERE} {_IDS} {_NAMES} PolicyName Severity Tags ATags Message {_WHAT} "
    f"EventData Enforcer Action Result {_LATER}"
).split()
# Go's encoding/json writes UTF-8 as it is, but for these.
_GO = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}


def line(event: dict[str, object]) -> bytes:
    """Return an event as the relay prints it: fields in order, no spaces."""
    order = _ALERT if "PolicyName" in event else _LOG
    ordered = {key: event[key] for key in order if key in event}
    text = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    return text.translate(_GO).encode() + b"\n"
