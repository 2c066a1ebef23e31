"""Which event this is: the event id, and the key that the two events of one act share.

KubeArmor numbers nothing, so the id is a SHA-1 over the fields that tell events apart. It stays
cryptographic: who chooses process arguments must not be able to make a SIEM drop the real event
as a duplicate. The recipe is public (docs/event-id.md has test vectors) and does not change.
"""

from __future__ import annotations

from json import dumps
from typing import TYPE_CHECKING

from cef_bridge.casing import lower
from cef_bridge.kubearmor.clock import repeats
from cef_bridge.kubearmor.split import split_socket, without_remote_host

if TYPE_CHECKING:
    from collections.abc import Mapping

ID_FIELDS = (
    "ClusterName",
    "HostName",
    "ContainerID",
    "UpdatedTime",
    "HostPID",
    "PID",
    "Type",
    "Operation",
    "Resource",
    "Data",
    "PolicyName",
    "Action",
    "Result",
)
CONTAINER_FIELDS = ("HostName", "ContainerID")
"""What tells a container from all others."""
_OPERATION, _RESOURCE = ID_FIELDS.index("Operation"), ID_FIELDS.index("Resource")
SEPARATOR = "\x1f"
SOCKADDR = frozenset({"sa_family", "sin_port", "sin_addr", "sun_path"})
VERB_GROUPS = {"exec": "process", "ptrace": "process"} | dict.fromkeys(
    ("open", "read", "write", "create", "delete", "rename", "link", "attr"), "file"
)


def origin_of(raw: Mapping[str, object], source: str, offset: int) -> str:
    """Return what tells an event from its repetitions where nothing in it does; "" where it does.

    `offset` is where its line begins in the source, in bytes.
    """
    return f"{source}{SEPARATOR}{offset}" if repeats(raw) else ""


def id_text(value: object) -> str:
    """Return a field as the id's recipe wants it: text as is, integers in decimal, absent empty.

    What KubeArmor never writes there (a list, a map, true) is the JSON text of it.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if value.__class__ is int:
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)


def stable_resource(resource: str) -> str:
    """Return a Network event's Resource without what differs between copies of one event.

    That is the relay's remotehost, and the order of a socket address' tokens (a Go map's, random).
    Only for Operation Network: a command line may hold ` remotehost=` too.
    """
    resource = without_remote_host(resource)
    if resource.startswith(("sa_family=", "sin_", "sun_path=")):
        tokens = split_socket(resource)
        if {token.key for token in tokens} <= SOCKADDR:
            return " ".join(sorted(token.raw for token in tokens))
    return resource


def digest(text: str) -> str:
    """Return the 40 hex digits of a recipe's text."""
    return _sha1(text).hex()


def _sha1(text: str) -> bytes:
    from hashlib import sha1  # noqa: PLC0415 - loads OpenSSL; the engine has its own

    return sha1(text.encode("utf-8", "surrogatepass"), usedforsecurity=False).digest()


def event_id(event: dict[str, object], origin: str = "") -> str:
    """Return the event's id, 40 hex digits.

    `origin` (source name, 0x1f, byte offset) is added; callers give one for an event that has no
    UpdatedTime, because nothing else would tell its repetitions apart.
    """
    texts = [
        value if (value := event.get(name)).__class__ is str else id_text(value)
        for name in ID_FIELDS
    ]
    # By the whole table, as the recipe was published: U+212A is a k.
    if lower(texts[_OPERATION]) == "network":
        texts[_RESOURCE] = stable_resource(texts[_RESOURCE])
    if origin:
        texts.append(origin)
    return digest(SEPARATOR.join(texts))


def container_key(event: Mapping[str, object]) -> int:
    """Return a number of 64 bits that tells an event's container from others.

    Its fields where they are texts, as the id's recipe joins them. Not from the hash of Python,
    which no engine knows.
    """
    values = (event.get(name) for name in CONTAINER_FIELDS)
    texts = [value if isinstance(value, str) else "" for value in values]
    return int.from_bytes(_sha1(SEPARATOR.join(texts))[:8], "big")


def verb_group(verb: str) -> str:
    """Return what an act key calls the verb; "" for acts that have no path to share."""
    return VERB_GROUPS.get(verb, "")


def act_key(host: str, container: str, host_pid: str, group: str, path: str) -> str:
    """Return 12 hex digits that the enforcer's alert and the monitor's log of one act share."""
    return digest(SEPARATOR.join((host, container, host_pid, group, path)))[:12]
