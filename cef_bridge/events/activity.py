"""What was done: the derived fields that `Operation`, `Data`, `Resource` and `EventData` give.

In come those fields and the event's verb, out goes an `Activity`: derived values, the tokens each
raw text consists of, and which token or field a derived value was taken from. Pure; remembered by
its caller, because processes do the same thing over and over.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from cef_bridge.events.split import Token, split_data, split_socket


class Activity(NamedTuple):
    """`parts`: by raw field, its tokens as (path, raw text); `holds`: derived path to the raw
    fields or token paths that it holds; `void`: token paths that say nothing and are not missed.
    """

    values: dict[str, str]
    parts: dict[str, tuple[tuple[str, str], ...]]
    holds: dict[str, tuple[str, ...]]
    void: frozenset[str]


_CALLS = ("syscall", "kprobe", "kfunc", "lsm")
# Values that KubeArmor writes for "nothing": an unset port, protocol 0 (HOPOPT since 1.5.0), and
# the two mount flags that its decoder always reports as 0.
_NOTHING = {
    ("protocol", "0"),
    ("protocol", "HOPOPT"),
    ("Protocol", "0"),
    ("Protocol", "HOPOPT"),
    ("port", "0"),
    ("sin_port", "0"),
    ("SourcePort", "0"),
    ("DestinationPort", "0"),
    ("mountflag", "0"),
    ("flag", "0"),
}
_PROTOCOLS = {"TCPV6": "TCP", "UDPV6": "UDP", "IPV6-ICMP": "ICMPv6"}
REST = "rest"


def call_of(data: str) -> tuple[str, str]:
    """Return the call (system call, probe or hook) and the flags of a `Data` text; "" when none."""
    call = flags = ""
    for key, value, _ in split_data(data):
        if key in _CALLS:
            call = value
        elif key == "flags":
            flags = value
    return call, flags


def describe(
    *,
    operation: str,
    verb: str,
    data: str,
    resource: str,
    event_data: dict[str, object] | None = None,
) -> Activity:
    """Return what an event's Data and Resource say; EventData fills only what they lack, since it
    is made by splitting them at every space (feeder.go, parseDataString).
    """
    tokens: dict[str, str] = {}
    parts: dict[str, tuple[tuple[str, str], ...]] = {}
    void: set[str] = set()
    found: list[tuple[str, list[Token]]] = []
    if data:
        found.append(("Data", split_data(data)))
    if resource and operation == "network":
        found.append(("Resource", split_socket(resource)))
    for field, field_tokens in found:
        rows = []
        for key, value, raw in field_tokens:
            path = f"data.{key}" if key else f"{field}.{REST}"
            if key and key in tokens and tokens[key] != value:
                path = f"{field}.{REST}"  # the same key with another value: both are kept
            rows.append((path, raw))
            if not key or path.endswith(f".{REST}"):
                continue
            if not value or (key, value) in _NOTHING:
                void.add(path)
            else:
                tokens[key] = value
        parts[field] = tuple(rows)
    if field := _bare_resource(parts):
        del parts[field]
    if event_data:
        parts["EventData"] = _only_in_event_data(event_data, tokens, f"{data} {resource}")
    values = {f"data.{key}": value for key, value in tokens.items()}
    holds: dict[str, tuple[str, ...]] = {}
    for path, key, value in _derived(operation, verb, tokens, data, resource):
        if value:
            values[path] = value
            if key:
                holds[path] = (key if key == "Resource" else f"data.{key}",)
    return Activity(values, parts, holds, frozenset(void))


def _only_in_event_data(
    event_data: dict[str, object], tokens: dict[str, str], text: str
) -> tuple[tuple[str, str], ...]:
    """The entries that Data and Resource lack; those whose key is free become tokens too."""
    rows = []
    for key, value in event_data.items():
        if not isinstance(value, str) or not value or value in text:
            continue
        token = key[:1].lower() + key[1:]
        free = token not in tokens and "," not in value
        if free:
            tokens[token] = value
        rows.append((f"data.{token}" if free else f"EventData.{key}", f"{key}={value}"))
    return tuple(rows)


def _bare_resource(parts: dict[str, tuple[tuple[str, str], ...]]) -> str:
    """A Resource of one bare word (a DNS name, a protocol) is a value, not a list of tokens."""
    rows = parts.get("Resource", ())
    return "Resource" if len(rows) == 1 and rows[0][0] == f"Resource.{REST}" else ""


Row: TypeAlias = tuple[str, str, str]  # derived path, the token or field it is taken from, value


def _derived(
    operation: str, verb: str, tokens: dict[str, str], data: str, resource: str
) -> list[Row]:
    get = tokens.get
    rows: list[Row] = [("call", key, value) for key in _CALLS if (value := get(key))]
    for key in ("flags", "flag"):
        if value := get(key):
            rows.append(("flags", key, value.replace("|", ",")))
            break
    if operation == "network":
        rows += _network(verb, tokens, resource)
    elif operation == "firewall":
        rows += _firewall(verb, tokens)
    if verb == "setid":
        # KubeArmor prints the gid of setgid under "userid" too.
        group = get("syscall", "").upper() == "SYS_SETGID"
        rows.append(("target.group_id" if group else "target.user_id", "userid", get("userid", "")))
    elif verb == "attr":
        rows.append(("target.user_id", "userid", get("userid", "")))
        rows.append(("target.group_id", "group", get("group", "")))
    if verb in ("mount", "umount"):
        rows.append(("file.path", "target", get("target", "")))
    elif operation == "file" or (operation == "syscall" and verb in ("delete", "attr")):
        rows.append(("file.path", "Resource", resource))
    return rows


def _protocol(key: str, tokens: dict[str, str]) -> Row:
    word = tokens.get(key, "").upper()
    named = bool(word) and word.isascii() and word[0].isalpha() and word != "HOPOPT"
    return ("network.protocol", key, _PROTOCOLS.get(word, word) if named else "")


def _network(verb: str, tokens: dict[str, str], resource: str) -> list[Row]:
    get = tokens.get
    domain = get("domain", "")
    family = "sa_family" if "sa_family" in tokens else "domain"
    rows: list[Row] = []
    if get(family, "").startswith("AF_"):
        rows.append(("network.family", family, get(family, "")))
    if value := get("type"):
        rows.append(("network.socket_type", "type", value.replace("|", ",")))
    rows.append(_protocol("protocol", tokens))
    if verb == "dns":
        name_from = "domain" if domain else "Resource"
        port = get("sin_port", "")
        rows += [
            ("dns.name", name_from, domain or resource),
            ("dns.type", "qtype", get("qtype", "")),
            ("destination.ip", "daddr", get("daddr", "")),
            ("remote.ip", "daddr", get("daddr", "")),
            ("destination.port", "sin_port" if port else "", port or "53"),
            ("remote.port", "sin_port" if port else "", port or "53"),
            ("network.protocol", "", "UDP"),
        ]
        return rows
    ip = "remoteip" if "remoteip" in tokens else "sin_addr"
    port_key = "port" if "port" in tokens else "sin_port"
    ends = {"connect": "destination", "accept": "source", "bind": "local", "listen": "local"}
    if end := ends.get(verb):
        rows += [(f"{end}.ip", ip, get(ip, "")), (f"{end}.port", port_key, get(port_key, ""))]
    if verb in ("connect", "accept"):
        rows += [
            ("remote.ip", ip, get(ip, "")),
            ("remote.port", port_key, get(port_key, "")),
            ("remote.host", "remotehost", get("remotehost", "")),
        ]
        # A Unix socket has no direction that a rule about the network should match.
        if get(family) not in ("AF_UNIX", "AF_NETLINK"):
            rows.append(
                ("network.direction", "", "outbound" if verb == "connect" else "inbound")
            )
    return rows


def _firewall(verb: str, tokens: dict[str, str]) -> list[Row]:
    get = tokens.get
    inbound = verb == "ingress"
    far = "Source" if inbound else "Destination"
    return [
        ("source.ip", "SourceIP", get("SourceIP", "")),
        ("source.port", "SourcePort", get("SourcePort", "")),
        ("destination.ip", "DestinationIP", get("DestinationIP", "")),
        ("destination.port", "DestinationPort", get("DestinationPort", "")),
        ("remote.ip", f"{far}IP", get(f"{far}IP", "")),
        ("remote.port", f"{far}Port", get(f"{far}Port", "")),
        # Resource is INGRESS or EGRESS: the direction, and nothing else.
        ("network.direction", "Resource", "inbound" if inbound else "outbound"),
        _protocol("Protocol", tokens),
    ]
