"""What kind of event it is: kind, scope, operation, verb, disposition, and the class id they make.

All class ids come from the tables here, so a SIEM's list of them can be finished; `catalogue`
gives it. The class id is `kind.scope.operation.verb.disposition`, and never holds a policy's name
or any text of an event. Ids are public: they do not change without a line in the changelog.
"""

from __future__ import annotations

from typing import NamedTuple

from cef_bridge.casing import lower_ascii, upper_ascii

# Verbs by call: system call, probe, or LSM hook (KubeArmor: monitor/logUpdate.go,
# enforcer/bpflsm/enforcer.go).
VERBS = {
    "SYS_EXECVE": "exec",
    "SYS_EXECVEAT": "exec",
    "SECURITY_BPRM_CHECK": "exec",
    "SYS_PTRACE": "ptrace",
    "SYS_OPEN": "open",
    "SYS_OPENAT": "open",
    "FILE_OPEN": "open",
    "FILE_PERMISSION": "open",
    "FILE_TRUNCATE": "write",
    "FILE_MKNOD": "create",
    "FILE_MKDIR": "create",
    "SYS_UNLINK": "delete",
    "SYS_UNLINKAT": "delete",
    "SYS_RMDIR": "delete",
    "FILE_UNLINK": "delete",
    "FILE_RMDIR": "delete",
    "FILE_RENAME": "rename",
    "FILE_LINK": "link",
    "FILE_SYMLINK": "link",
    "SYS_CHOWN": "attr",
    "SYS_FCHOWNAT": "attr",
    "FILE_CHMOD": "attr",
    "SYS_SOCKET": "socket",
    "SOCKET_CREATE": "socket",
    "SYS_CONNECT": "connect",
    "TCP_CONNECT": "connect",
    "SOCKET_CONNECT": "connect",
    "SYS_BIND": "bind",
    "SYS_LISTEN": "listen",
    "SYS_ACCEPT": "accept",
    "TCP_ACCEPT": "accept",
    "SOCKET_ACCEPT": "accept",
    "SOCKET_SENDMSG": "dns",
    "UDP_SENDMSG": "dns",
    "UDP_SENDSKB": "dns",
    "CAPABLE": "use",
    "SYS_SETUID": "setid",
    "SYS_SETGID": "setid",
    "SYS_MOUNT": "mount",
    "SYS_UMOUNT": "umount",
    "SYS_UMOUNT2": "umount",
}

# Operation as KubeArmor writes it -> ours, and the verbs that it can have. A call whose verb is
# not among them is "other", so that the list of class ids is closed.
KNOWN_OPERATIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "process": ("process", ("exec", "ptrace", "other")),
    "file": (
        "file",
        ("open", "read", "write", "create", "delete", "rename", "link", "attr", "other"),
    ),
    "network": ("network", ("socket", "connect", "bind", "listen", "accept", "dns", "other")),
    "syscall": (
        "syscall",
        ("exec", "ptrace", "delete", "attr", "setid", "mount", "umount", "other"),
    ),
    "capabilities": ("capabilities", ("use",)),
    "device": ("device", ("attach", "detach")),
    "networkfirewall": ("firewall", ("ingress", "egress")),
    "alertthreshold": ("system", ("throttle",)),
    # What cef-bridge says of itself (Type CefBridge), in band.
    "heartbeat": ("system", ("heartbeat",)),
    "sourcegap": ("system", ("gap",)),
    "testevent": ("system", ("test",)),
    "alertflood": ("system", ("flood",)),
}
OWN_OPERATIONS = frozenset(("heartbeat", "sourcegap", "testevent", "alertflood"))
_OWN = frozenset(verb for each in OWN_OPERATIONS for verb in KNOWN_OPERATIONS[each][1])
_OWN_TYPE = "cefbridge"
_DISPOSITIONS = {
    "alert": ("block", "unblocked", "audit", "allow", "matched"),
    "log": ("passed", "denied", "failed"),
    "event": ("none",),
}
DENIED = frozenset({"permission denied", "operation not permitted"})  # EACCES, EPERM
PASSED = frozenset({"passed", "removed"})

_SUBJECTS = {
    ("process", "exec"): "Process execution",
    ("process", "ptrace"): "Process tracing",
    ("process", "other"): "Process activity",
    ("file", "open"): "File open",
    ("file", "read"): "File open for reading",
    ("file", "write"): "File open for writing",
    ("file", "create"): "File creation",
    ("file", "delete"): "File deletion",
    ("file", "rename"): "File renaming",
    ("file", "link"): "File linking",
    ("file", "attr"): "File attribute change",
    ("file", "other"): "File activity",
    ("network", "socket"): "Socket creation",
    ("network", "connect"): "Network connection",
    ("network", "bind"): "Network bind",
    ("network", "listen"): "Network listen",
    ("network", "accept"): "Network accept",
    ("network", "dns"): "DNS query",
    ("network", "other"): "Network activity",
    ("syscall", "exec"): "System call execve",
    ("syscall", "ptrace"): "System call ptrace",
    ("syscall", "delete"): "System call for file deletion",
    ("syscall", "attr"): "System call for file attribute change",
    ("syscall", "setid"): "System call for user or group change",
    ("syscall", "mount"): "System call mount",
    ("syscall", "umount"): "System call umount",
    ("syscall", "other"): "System call",
    ("capabilities", "use"): "Capability use",
    ("device", "attach"): "Device attachment",
    ("device", "detach"): "Device removal",
    ("firewall", "ingress"): "Inbound network flow",
    ("firewall", "egress"): "Outbound network flow",
    ("system", "throttle"): "Alerts suppressed by throttling",
    ("system", "heartbeat"): "Forwarder heartbeat",
    ("system", "gap"): "Events may be missing",
    ("system", "test"): "Forwarder test event",
    ("system", "flood"): "Alerts of a container may be late",
    ("system", "other"): "KubeArmor message",
    ("other", "other"): "Activity",
}
_PREDICATES = {
    "block": "blocked by policy",
    "unblocked": "matched a blocking policy but was not blocked",
    "audit": "audited by policy",
    "allow": "allowed by policy",
    "matched": "matched a policy",
    "passed": "observed",
    "denied": "denied",
    "failed": "failed",
}


class Class(NamedTuple):
    """What kind of event it is; `role` says what ProcessName is in it.

    `urgent`: a SOC waits for it (alerts, and what says that events are missing); it overtakes the
    rest on its way.
    """

    kind: str
    scope: str
    operation: str
    verb: str
    disposition: str
    class_id: str
    name: str
    role: str
    urgent: bool


class ClassRow(NamedTuple):
    """One row of the published list of class ids."""

    class_id: str
    name: str
    category: str
    severity: str


def text_of(value: object) -> str:
    """Return a text for comparing with KubeArmor's words, which are ASCII: A to Z in lower case, ""
    for everything that is no text.
    """
    return lower_ascii(value) if isinstance(value, str) else ""


TYPES = frozenset(
    (
        *("matchedpolicy", "matchedhostpolicy", "matchednetworkpolicy", "matchednativepolicy"),
        *("systemevent", "message", "containerlog", "hostlog", "systemlog", _OWN_TYPE),
    )
)
"""Every Type that is known, in lower case; the last is what cef-bridge says of itself."""
OPERATIONS = frozenset(KNOWN_OPERATIONS) - OWN_OPERATIONS
"""Every Operation of KubeArmor's that is known, in lower case."""


def new_words(type_: object, operation: object) -> list[tuple[str, str]]:
    """Return (field, word) of what KubeArmor says there and this version does not know."""
    found = []
    if isinstance(type_, str) and type_ and lower_ascii(type_) not in TYPES:
        found.append(("Type", type_))
    if isinstance(operation, str) and operation and lower_ascii(operation) not in KNOWN_OPERATIONS:
        found.append(("Operation", operation))
    return found


def kind_of(event: dict[str, object]) -> str:
    """Return alert (Matched…), log (ContainerLog, HostLog) or event.

    An unknown or absent Type counts as an alert when a policy or a verdict is named (KubeArmor's
    sidekick drops Type and Action).
    """
    kind, operation = text_of(event.get("Type")), text_of(event.get("Operation"))
    # The userland throttle overwrites Type and Operation and leaves the rest of the alert.
    if kind in ("systemevent", "message", _OWN_TYPE) or operation == "alertthreshold":
        return "event"
    if kind.startswith("matched"):
        return "alert"
    if kind in ("containerlog", "hostlog", "systemlog"):
        return "log"
    sidekick = text_of(event.get("EventType"))
    if sidekick in ("alert", "log"):
        return sidekick
    if event.get("PolicyName") or event.get("Action"):
        return "alert"
    return "log" if operation else "event"


def scope_of(event: dict[str, object]) -> str:
    """Return container when a container, pod or namespace is named, else host."""
    if event.get("ContainerID") or event.get("PodName") or event.get("NamespaceName"):
        return "container"
    return "host"


def _operation(event: dict[str, object], kind: str, call: str, flags: str) -> tuple[str, str]:
    written = text_of(event.get("Operation"))
    ours = text_of(event.get("Type")) == _OWN_TYPE
    if written not in KNOWN_OPERATIONS or ours != (written in OWN_OPERATIONS):
        return ("system", "other") if kind == "event" else ("other", "other")
    operation, verbs = KNOWN_OPERATIONS[written]
    if operation == "firewall":
        direction = text_of(event.get("Resource"))
        return operation, "ingress" if direction.startswith("ingress") else "egress"
    if operation == "device":
        gone = "removed" in text_of(event.get("Result")) or "remove" in text_of(event.get("Action"))
        return operation, "detach" if gone else "attach"
    verb = VERBS.get(upper_ascii(call), "")
    if verb == "open":
        verb = _open_verb(upper_ascii(flags))
    elif not call and operation == "process":
        verb = "exec"  # presets report an execution without Data
    if verb not in verbs:
        verb = verbs[-1]
    return operation, verb


def _open_verb(flags: str) -> str:
    if "O_CREAT" in flags:
        return "create"
    if "O_WRONLY" in flags or "O_RDWR" in flags:
        return "write"
    return "read" if "O_RDONLY" in flags else "open"


def _disposition(event: dict[str, object], kind: str) -> str:
    action, result = text_of(event.get("Action")), text_of(event.get("Result"))
    if kind == "event":
        return "none"
    if kind == "log":
        if result in DENIED:
            return "denied"
        # An absent Result is no failure: tcp_accept events of some kernels come without one.
        return "passed" if not result or result in PASSED else "failed"
    if action.startswith("audit"):
        return "audit"
    if action == "block":
        return "unblocked" if result == "passed" else "block"
    if action in ("allow", "remove"):
        return "block" if result in DENIED else "allow"
    return "block" if not action and result in DENIED else "matched"


_ROLES = {
    "exec": "executed",
    "ptrace": "tracer",
    "accept": "listener",
    "bind": "listener",
    "listen": "listener",
}


def role_of(verb: str) -> str:
    """Return what ProcessName is in an event of a verb: executed, tracer, listener or actor."""
    return _ROLES.get(verb, "actor")


def _make() -> dict[tuple[str, ...], Class]:
    """Every class there can be, by (kind, scope, operation, verb, disposition)."""
    pairs = {
        kind: [(name, verb) for name, verbs in KNOWN_OPERATIONS.values() for verb in verbs]
        for kind in _DISPOSITIONS
    }
    own = [("system", verb) for verb in sorted(_OWN)]
    system = [("system", "throttle"), ("system", "other"), *own]
    pairs["event"] = system
    for kind in ("alert", "log"):
        pairs[kind] = [pair for pair in pairs[kind] if pair not in system] + [("other", "other")]
    classes: dict[tuple[str, ...], Class] = {}
    for kind, dispositions in _DISPOSITIONS.items():
        for scope in ("container", "host"):
            for operation, verb in pairs[kind]:
                if verb in _OWN and scope == "container":
                    continue
                for disposition in dispositions:
                    key = (kind, scope, operation, verb, disposition)
                    name = " ".join(
                        (_SUBJECTS[operation, verb], _PREDICATES.get(disposition, ""))
                    ).strip()
                    role = role_of(verb)
                    urgent = kind == "alert" or (kind == "event" and verb != "other")
                    classes[key] = Class(*key, ".".join(key), name, role, urgent)
    return classes


CLASSES = _make()


def classify(event: dict[str, object], call: str, flags: str) -> Class:
    """Return the class of an event; `call` and `flags` are those of its Data."""
    kind = kind_of(event)
    operation, verb = _operation(event, kind, call, flags)
    if verb in _OWN:  # they have no place
        return CLASSES[kind, "host", operation, verb, "none"]
    if kind == "event" and operation != "system":
        operation, verb = "system", "other"
    elif kind != "event" and operation == "system":
        operation, verb = "other", "other"
    return CLASSES[kind, scope_of(event), operation, verb, _disposition(event, kind)]


def catalogue() -> list[ClassRow]:
    """Return every class id with its name, category and the default severity of an unrated event.

    The severity is the base mapping's table for an event of the class that says nothing else.
    """
    return [
        ClassRow(row.class_id, row.name, row.operation, _default_severity(row))
        for row in CLASSES.values()
    ]


def _default_severity(row: Class) -> str:
    if row.kind == "event":
        return {"throttle": "7", "gap": "5", "flood": "5"}.get(row.verb, "1")
    if row.kind == "log":
        return {"passed": "1", "failed": "2", "denied": "3"}[row.disposition]
    if row.disposition == "unblocked":
        return "7"
    if row.operation == "device":
        return "4"
    if row.disposition == "block":
        return "5" if row.operation == "firewall" else "6"
    if row.operation == "firewall":
        return "3"
    return "5"
