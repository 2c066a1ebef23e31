"""The fields of an event: KubeArmor's own (raw) and those derived from them, each a row.

In comes nothing; `RAW`, `DERIVED` and `find` answer which paths exist, what they hold and how
often they change. Sources: KubeArmor's protobuf/kubearmor.proto (Alert, Log, Message) and the
format strings of monitor/logUpdate.go. Must not know mappings or formats.
"""

# ruff: noqa: E501 - the rows of tables
from __future__ import annotations

from typing import Literal, NamedTuple

Pace = Literal["workload", "verdict", "activity", "instant"]
"""How often a field changes: with the container, with the policy decision, with what a process
does, or with every event. Rules that read slow fields only are rendered once and remembered."""


class FieldRow(NamedTuple):
    """One row: `enum` values are compared without regard to case (exporters lower-case them)."""

    path: str
    kind: Literal["text", "integer", "list", "map"]
    pace: Pace
    doc: str
    since: str = ""
    enum: bool = False


_RAW = """
Timestamp             | integer | instant  | Epoch seconds.                                       | 0.1
UpdatedTime           | text    | instant  | UTC time with microseconds, set when the record was built. | 0.1
ClusterName           | text    | workload | Cluster; "default" unless configured.                | 0.1
HostName              | text    | workload | Node name.                                           | 0.1
HostIP                | text    | workload | Node address; on Message events only.                | 0.1
NodeID                | text    | workload | Machine id, or the node's name.                      | 1.6.0
NamespaceName         | text    | workload | Kubernetes namespace; container_namespace outside.   | 0.1
Owner.Ref             | text    | workload | Kind of the workload: Deployment, DaemonSet, Job …   | 0.10.0
Owner.Name            | text    | workload | Name of the workload; survives the churn of pods.    | 0.10.0
Owner.Namespace       | text    | workload | Namespace of the workload.                           | 0.10.0
PodName               | text    | workload | Pod; the container's name outside Kubernetes.        | 0.1
Labels                | text    | workload | Pod labels as k=v,k=v; order not stable. `Labels.app` reads one. | 0.4
ContainerID           | text    | workload | Container id; absent on host events.                 | 0.1
ContainerName         | text    | workload | Container name.                                      | 0.1
ContainerImage        | text    | workload | Image with digest.                                   | 0.2
HostPPID              | integer | instant  | Parent's pid in the host's pid namespace.            | 0.3
HostPID               | integer | instant  | Pid in the host's pid namespace.                     | 0.1
PPID                  | integer | instant  | Parent's pid in the container's namespace.           | 0.1
PID                   | integer | instant  | Pid in the container's namespace.                    | 0.1
UID                   | integer | activity | User id; see `user.id`.                              | 0.1
UserName              | text    | activity | User name; host events only.                         | 1.6.9
ParentProcessName     | text    | activity | Path of the parent's executable.                     | 0.2.1
ProcessName           | text    | activity | Path of the executable.                              | 0.2.1
PolicyName            | text    | verdict  | Policy that matched, or DefaultPosture.              | 0.1
Severity              | text    | verdict  | The policy's severity, "1" to "10"; absent when unrated. | 0.1 | enum
Tags                  | text    | verdict  | The policy's tags, joined by commas.                 | 0.1
ATags                 | list    | verdict  | Tags as a list.                                      | 0.7
Message               | text    | verdict  | The policy's message; the log line of a Message event. | 0.1
Level                 | text    | verdict  | Level of a Message event.                            | 0.1 | enum
Type                  | text    | verdict  | ContainerLog, HostLog, MatchedPolicy, MatchedHostPolicy … | 0.1 | enum
EventType             | text    | verdict  | Alert or Log; KubeArmor's sidekick only.             | - | enum
Source                | text    | activity | Who asked: the parent of an exec, else the command line. | 0.1
Operation             | text    | verdict  | Process, File, Network, Syscall, Capabilities, Device … | 0.1 | enum
Resource              | text    | activity | What was asked for: command line, path, socket tokens. | 0.1
Data                  | text    | activity | How: system call or hook with its arguments.         | 0.1
EventData             | map     | activity | Data (and Resource) as a map; `EventData.Lsm` reads one. | 1.6.4
Enforcer              | text    | verdict  | Who decided: BPFLSM, AppArmor, eBPF Monitor, PRESET-… | 0.3.1 | enum
Action                | text    | verdict  | Block, Audit, Allow, Audit (Block) …; alerts only.   | 0.1 | enum
Result                | text    | verdict  | Passed, or the error's text.                         | 0.1 | enum
Cwd                   | text    | activity | Working directory.                                   | 1.0.2
TTY                   | text    | activity | Terminal.                                            | 1.2.0
MaxAlertsPerSec       | integer | verdict  | Throttle: alerts a second that were allowed.         | 1.4.0
DroppingAlertsInterval | integer | verdict | Throttle: seconds of silence.                        | 1.4.0
ExecEvent.ExecID      | text    | activity | Id of a kubectl or docker exec session; "0": no session. | 1.5.7
ExecEvent.ExecutableName | text | activity | Comm of the executable, 15 bytes; never a path.      | 1.5.7
KubeArmorVersion      | text    | verdict  | Version of the emitter; some alerts only.            | 1.6.0
ProcessHash           | text    | activity | Hash of the executable.                              | 1.6.4
ParentHash            | text    | activity | Hash of the parent's executable.                     | 1.6.4
ResourceHash          | text    | activity | Hash of the file asked for.                          | 1.6.4
HashAlgo              | text    | verdict  | Algorithm of the hashes.                             | 1.6.4
cluster_id            | text    | workload | Added by AccuKnox' exporter.                         | -
component_name        | text    | workload | Added by AccuKnox' exporter.                         | -
tenant_id             | text    | workload | Added by AccuKnox' exporter.                         | -
workload              | text    | workload | Added by AccuKnox' exporter.                         | -
instanceGroup         | text    | workload | Added by AccuKnox' exporter.                         | -
instanceID            | text    | workload | Added by AccuKnox' exporter.                         | -
"""

_DERIVED = """
cluster               | text    | workload | The mapping's `cluster` setting.
event.kind            | text    | verdict  | alert, log or event.
event.scope           | text    | workload | container or host.
event.operation       | text    | verdict  | process, file, network, syscall, capabilities, device, firewall, system, other.
event.verb            | text    | verdict  | exec, open, write, connect, bind, setid … (see the list of class ids).
event.disposition     | text    | verdict  | block, unblocked, audit, allow, matched; passed, denied, failed; none.
event.reason          | text    | verdict  | Result as written, unless it is Passed.
event.class_id        | text    | verdict  | kind.scope.operation.verb.disposition.
event.name            | text    | verdict  | The fixed sentence of the class id.
event.place           | text    | workload | Where it happened: namespace/pod, else the node.
event.severity        | integer | verdict  | The severity in the header, 1 to 10, by the mapping's rules.
event.time            | integer | instant  | Epoch milliseconds, of UpdatedTime, Timestamp, what an exporter added, or the input format.
event.id              | text    | instant  | SHA-1 that identifies the event, 40 hex digits.
event.act_key         | text    | instant  | 12 hex digits, equal in the two events of one action.
event.summary         | text    | instant  | A sentence: who did what to what, where, with which result.
event.suspicious      | text    | instant  | What had to be sanitized: control, bidi, newline, cef_header.
process.role          | text    | verdict  | What ProcessName is here: executed, tracer, listener or actor.
process.path          | text    | activity | Exec: ProcessName, else the first word of Resource.
process.actor         | text    | activity | Who acts: ParentProcessName (exec) or ProcessName, else the path in Source.
user.id               | text    | activity | UID where it means something (0 is a Go zero on firewall, USB and throttle events).
container.pid         | integer | instant  | PID, on container events.
container.ppid        | integer | instant  | PPID, on container events, when not 0 and not HostPPID.
file.path             | text    | activity | Exec: process.path; file events: Resource; mount and umount: the target.
file.hash             | text    | activity | Hash of file.path.
source.ip             | text    | activity | accept, firewall: who connected.
source.port           | integer | activity | Port of source.ip.
destination.ip        | text    | activity | connect, DNS, firewall: the destination's address.
destination.port      | integer | activity | Port of destination.ip.
remote.ip             | text    | activity | The far end, whatever the direction.
remote.port           | integer | activity | The far end's port.
remote.host           | text    | activity | kind/namespace/name of the far end, added by the relay.
local.ip              | text    | activity | bind and listen: the own end.
local.port            | integer | activity | bind and listen: the own port.
network.direction     | text    | activity | inbound or outbound.
network.protocol      | text    | activity | TCP, UDP, ICMP …; never a number.
network.family        | text    | activity | AF_INET, AF_INET6, AF_UNIX …
network.socket_type   | text    | activity | SOCK_STREAM …, joined by commas.
dns.name              | text    | activity | The name that was asked for.
dns.type              | text    | activity | A, AAAA …
call                  | text    | activity | SYS_OPENAT, tcp_connect, FILE_OPEN …: system call, probe or hook.
flags                 | text    | activity | The call's flags, joined by commas.
target.user_id        | text    | activity | setuid, chown: the user.
target.group_id       | text    | activity | setgid, chown: the group.
tags.mitre_ids        | text    | verdict  | MITRE ATT&CK ids in the tags: whole ids, joined by commas, at most 32 characters.
tags.mitre            | text    | verdict  | All MITRE tags as written, joined by commas.
tags.other            | text    | verdict  | All other tags.
image.repository      | text    | workload | ContainerImage before tag and digest.
image.tag             | text    | workload | ContainerImage's tag.
image.digest          | text    | workload | ContainerImage's digest (sha256:…).
"""


def _rows(text: str) -> dict[str, FieldRow]:
    rows = {}
    for line in text.strip().splitlines():
        path, kind, pace, doc, *rest = (cell.strip() for cell in line.split("|"))
        since = rest[0].strip("-") if rest else ""
        rows[path] = FieldRow(path, kind, pace, doc, since, "enum" in rest)  # type: ignore[arg-type]
    return rows


RAW = _rows(_RAW)
DERIVED = _rows(_DERIVED)
OPEN_PREFIXES = ("Labels.", "EventData.", "data.")
"""After one of these the rest of a path is one key, dots included."""


def find(path: str) -> FieldRow | None:
    """Return the row of a path, `Labels.app` and `data.fd` included; None for an unknown path."""
    row = RAW.get(path) or DERIVED.get(path)
    if row is None:
        for prefix in OPEN_PREFIXES:
            if path.startswith(prefix) and len(path) > len(prefix):
                pace: Pace = "workload" if prefix == "Labels." else "activity"
                return FieldRow(path, "text", pace, "")
    return row
