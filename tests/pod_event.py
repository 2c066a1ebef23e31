"""What the events of one container have in common, for tests that are about the rest."""

from __future__ import annotations

IN_A_POD: dict[str, object] = {
    "Timestamp": 1772366400,
    "UpdatedTime": "2026-03-01T12:00:00.000447Z",
    "ClusterName": "default",
    "HostName": "node-1",
    "NamespaceName": "shop",
    "PodName": "web-1",
    "ContainerID": "a" * 64,
    "HostPPID": 1,
    "HostPID": 2,
    "PPID": 3,
    "PID": 4,
    "UID": 0,
}
