"""Which raw fields a path depends on, so that what is computed from them can be remembered.

In come a path of the mapping language and what is known of the event (its keys, its class), out
come the top-level keys of the raw event whose values decide the path's value.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from cef_bridge.casing import lower_ascii
from cef_bridge.events.clock import WRAPPER_TIME
from cef_bridge.events.fields import DERIVED, RAW
from cef_bridge.events.names import MAPS
from cef_bridge.events.split import RESOURCE_KEYS, token_keys

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from cef_bridge.events.classes import Class
    from cef_bridge.mapping.compile import Program


@lru_cache(maxsize=4096)
def top(path: str) -> str:
    """Return the raw event's key that holds a raw path: `Owner.Name` stands in Owner."""
    head = path.partition(".")[0]
    return head if head in MAPS or head == "Labels" else path


def _keys(pace: str) -> frozenset[str]:
    return frozenset(top(path) for path, row in RAW.items() if row.pace == pace)


WORKLOAD = _keys("workload")
VERDICT = _keys("verdict")
ACTIVITY = _keys("activity")
INSTANT = _keys("instant")
KNOWN = WORKLOAD | VERDICT | ACTIVITY | INSTANT | {WRAPPER_TIME}

POLICY = frozenset({"PolicyName", "Severity", "Tags", "ATags", "Message", "Enforcer"})
"""What a policy's author chose, and who enforces it. Of the fields of a verdict these come in
hundreds of combinations, and little depends on them; so a plan is not made for one policy, but for
all (`policy_of`)."""

SCOPE = frozenset({"ContainerID", "PodName", "NamespaceName"})
PROCESS_IDS = ("HostPPID", "HostPID", "PPID", "PID")  # in the order of KubeArmor's lines
NESTED = frozenset({"Owner", "ExecEvent", "EventData", "ATags"})  # maps and a list, not one value

_CLASS = frozenset(
    f"event.{name}"
    for name in ("kind", "scope", "operation", "verb", "disposition", "class_id", "name")
) | {"process.role", "call", "flags"}
"""What a plan is made for: these are the same in all its events."""

_NETWORK = ("network.", "dns.", "destination.", "source.", "remote.", "local.")
_SUMMARY = VERDICT | {
    *("ParentProcessName", "ProcessName", "Source", "Resource", "Data"),
    *("NamespaceName", "PodName", "ContainerName", "HostName"),
}

# What decides a derived path, whatever the event is.
_DECIDED_BY = {
    "cluster": frozenset[str](),
    "event.suspicious": frozenset[str](),
    "event.reason": frozenset({"Result"}),
    "event.place": frozenset({"NamespaceName", "PodName", "HostName"}),
    "event.time": frozenset({"UpdatedTime", "Timestamp"}),
    "event.summary": _SUMMARY,
    "event.id": KNOWN,
    "event.act_key": KNOWN,
    "event.severity": KNOWN,
    "container.pid": frozenset({"PID"}),
    "container.ppid": frozenset({"PPID", "HostPPID"}),
}


def policy_of(program: Program) -> frozenset[str]:
    """Return the fields of POLICY that may differ in events of one plan: those that no filter of
    the mapping asks for, because a filter is decided once for a plan.
    """
    asked: set[str] = set()
    for condition in (each for item in program.filters for each in item):
        if condition.path == "event.severity":
            return frozenset()
        tags = lower_ascii(condition.path).startswith(("tags", "atags"))
        asked |= {"Tags", "ATags"} if tags else {top(condition.path)}
    return POLICY - asked


def deps_of(path: str, kind: Class, keys: AbstractSet[str], call: str) -> frozenset[str]:
    """Return the raw keys that decide a path's value in events of a class that have these keys.

    Class, scope and call are not among them: a plan is for one. Only keys the event has count.
    """
    return _deps(path, kind, keys, call) & keys


def _deps(path: str, kind: Class, keys: AbstractSet[str], call: str) -> frozenset[str]:
    if path in _CLASS:
        return frozenset()
    if path in _DECIDED_BY:
        return _DECIDED_BY[path]
    if path == "Tags" or path.startswith("tags."):  # the one stands in for the other
        return frozenset({"Tags", "ATags"})
    if path.startswith("image."):
        return frozenset({"ContainerImage"})
    if path == "user.id":
        return frozenset({"UID"}) if "HostPID" in keys else frozenset({"UID", "ProcessName"})
    if path.startswith(("data.", "target.", *_NETWORK)):
        if path.startswith(_NETWORK) and kind.operation not in ("network", "firewall"):
            return frozenset()
        if path == "network.direction" and kind.operation == "firewall":
            return frozenset({"Resource"})
        return _tokens(path, kind, call)
    if path in ("process.path", "file.path", "file.hash"):
        return _file(path, kind, keys)
    if path == "process.actor":
        return frozenset({_actor(kind), "Source"})
    return frozenset({top(path)})


def _tokens(path: str, kind: Class, call: str) -> frozenset[str]:
    if kind.operation != "network":
        return frozenset({"Data"})
    own = token_keys(call)
    if own is None:  # probes and hooks have tokens in Data that Resource can have too
        return frozenset({"Data", "Resource"})
    return frozenset({"Data" if path.removeprefix("data.") in own else "Resource"})


def _file(path: str, kind: Class, keys: AbstractSet[str]) -> frozenset[str]:
    alias = alias_of("file.path", kind, keys)
    if kind.verb in ("mount", "umount"):
        where = frozenset({"Data"})
    elif kind.verb == "exec":
        where = frozenset({"ProcessName", "Resource"})
    else:
        where = frozenset({alias}) if alias else frozenset()
    if path == "file.hash":
        if keys.isdisjoint(("ResourceHash", "ProcessHash")):
            return frozenset()
        return where | {"ResourceHash", "ProcessHash"}
    return where


def _actor(kind: Class) -> str:
    return "ParentProcessName" if kind.verb == "exec" else "ProcessName"


def alias_of(path: str, kind: Class, keys: AbstractSet[str]) -> str:
    """Return the raw key whose text a path simply is, "" when it takes more than that."""
    if path in RAW and "." not in path:
        return path
    if path == "process.actor":
        return name if (name := _actor(kind)) in keys else ""
    if path in ("file.path", "process.path") and kind.verb == "exec":
        return "ProcessName" if "ProcessName" in keys else ""
    if path == "file.path" and (
        (kind.operation == "file" and kind.verb not in ("mount", "umount"))
        or (kind.operation == "syscall" and kind.verb in ("delete", "attr"))
    ):
        return "Resource"
    return ""


# Which ends of a connection a network event can have, by its verb (`activity` derives them).
_ENDS: dict[str, tuple[str, ...]] = {
    "connect": ("destination.", "remote.", "network.direction"),
    "accept": ("source.", "remote.", "network.direction"),
    "bind": ("local.",),
    "listen": ("local.",),
    "dns": ("dns.", "destination.", "remote."),
}
_ANY_END = ("destination.", "source.", "remote.", "local.", "dns.", "network.direction")


def possible(paths: Iterable[str], kind: Class, keys: AbstractSet[str], call: str) -> bool:
    """Tell whether any of some paths can have a value in events of a class with these keys and
    this call. EventData may bring tokens that Data has not; such events take the plain path.
    """
    ends = _ENDS.get(kind.verb, ()) if kind.operation == "network" else None
    if ends is not None:
        paths = [p for p in paths if not p.startswith(_ANY_END) or p.startswith(ends)]
    tokens = token_keys(call)
    if tokens is not None:
        if kind.operation == "network":
            tokens |= RESOURCE_KEYS
        paths = [p for p in paths if not p.startswith("data.") or p[len("data.") :] in tokens]
    return any(
        path in _CLASS
        or path == "cluster"
        or (path == "user.id" and "HostPID" in keys)
        or bool(deps_of(path, kind, keys, call))
        or (path not in DERIVED and path not in RAW and path in keys)
        for path in paths
    )
