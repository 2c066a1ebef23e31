"""A sentence that says who did what to what, where, and with which result.

For alerts that bring no message of their own (DefaultPosture, presets) and for throttle markers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

DEEDS = {
    "exec": "executed",
    "ptrace": "traced",
    "open": "opened",
    "read": "opened for reading",
    "write": "opened for writing",
    "create": "created",
    "delete": "deleted",
    "rename": "renamed",
    "link": "linked",
    "attr": "changed attributes of",
    "socket": "created a socket",
    "connect": "connected to",
    "bind": "bound",
    "listen": "listened",
    "accept": "accepted a connection",
    "dns": "asked for",
    "use": "used",
    "setid": "changed its user or group",
    "mount": "mounted",
    "umount": "unmounted",
    "attach": "was attached",
    "detach": "was removed",
    "ingress": "reached",
    "egress": "connected to",
}


def place(fields: Mapping[str, object]) -> str:
    """Return where it happened: namespace/pod (container), else the container or the node."""
    return _place(_texts(fields))


def _texts(fields: Mapping[str, object]) -> Callable[..., str]:
    def text(*paths: str) -> str:
        for path in paths:
            value = fields.get(path)
            if value.__class__ is str or value.__class__ is int:
                return str(value)
        return ""

    return text


def summary(fields: Mapping[str, object]) -> str:
    """Return the sentence, from an event's raw and derived fields; text fields must be text."""
    text = _texts(fields)
    where = _place(text)
    if text("event.verb") == "throttle":
        seconds, most = text("DroppingAlertsInterval"), text("MaxAlertsPerSec")
        span = f" for {seconds} s" if seconds else ""
        why = f": more than {most} a second" if most else ""
        return f"KubeArmor withholds alerts of {where or 'this host'}{span}{why}"
    verb = text("event.verb")
    deed = DEEDS.get(verb, "")
    target = _target(verb, text)
    if not deed and not target:
        return ""
    if not target and deed.endswith((" to", " of", " for")):
        target = "something without a name"
    who = _actor(verb, text)
    sentence = " ".join(word for word in (who, deed or "touched", target) if word)
    if where:
        sentence += f" in {where}"
    if result := text("Result"):
        sentence += f": {result}"
    action, policy = text("Action"), text("PolicyName")
    if action or policy:
        sentence += f" ({' by '.join(word for word in (action, policy) if word)})"
    return sentence


def _actor(verb: str, text: Callable[..., str]) -> str:
    if verb == "exec":
        return text("ParentProcessName", "Source") or "A process"
    if verb in ("attach", "detach"):
        return text("Resource") or "A device"
    if verb in ("ingress", "egress"):
        return text("source.ip") or "A peer"
    return text("ProcessName", "Source") or "A process"


def _target(verb: str, text: Callable[..., str]) -> str:
    if verb in ("attach", "detach", "socket", "listen", "accept", "setid"):
        return ""
    if verb in ("connect", "ingress", "egress"):
        end = _address(text("destination.ip", "remote.host"), text("destination.port"))
        return end or text("data.sun_path") or _by(text("network.protocol"))
    if verb == "bind":
        return _address(text("local.ip"), text("local.port")) or text("data.sun_path")
    if verb == "dns":
        return text("dns.name")
    if verb == "exec":
        return text("process.path")
    if verb == "use":
        return text("data.capability", "Resource") or "a capability"
    return text("file.path", "data.process", "Resource")


def _address(host: str, port: str) -> str:
    if host and port:
        return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return host


def _by(protocol: str) -> str:
    return f"a peer by {protocol}" if protocol else ""


def _place(text: Callable[..., str]) -> str:
    pod = "/".join(part for part in (text("NamespaceName"), text("PodName")) if part)
    container = text("ContainerName")
    if pod and container:
        return f"{pod} ({container})"
    return pod or container or text("HostName")
