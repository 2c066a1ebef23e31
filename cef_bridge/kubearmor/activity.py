"""What was done: the derived fields that `Operation`, `Data`, `Resource` and `EventData` give.

In come those fields and the event's verb, out goes an `Activity`: derived values, the tokens each
raw text consists of, and which token or field a derived value was taken from. Pure; remembered by
its caller, because processes do the same thing over and over.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from cef_bridge.casing import lower_ascii, upper_ascii
from cef_bridge.kubearmor.split import CAPITAL_KEYS, Token, split_data, split_socket


class Activity(NamedTuple):
    """What describe found.

    `values`: derived path to value. `parts`: by raw field, its tokens as (path, raw text).
    `holds`: derived path to the raw fields or token paths that it holds. `void`: token paths that
    say nothing and are not missed.
    """

    values: dict[str, str]
    parts: dict[str, tuple[tuple[str, str], ...]]
    holds: dict[str, tuple[str, ...]]
    void: frozenset[str]


_CALLS = ("syscall", "kprobe", "kfunc", "lsm")
# Values that KubeArmor writes for "nothing": an unset port, protocol 0 (HOPOPT since 1.5.0), and
# the two mount flags that its decoder always reports as 0.
NOTHING = {
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
PROTOCOLS = {"TCPV6": "TCP", "UDPV6": "UDP", "IPV6-ICMP": "ICMPv6"}
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
    """Return what an event's Data and Resource say.

    EventData fills only what they lack, since KubeArmor makes it by splitting them at every space
    (feeder.go, parseDataString).
    """
    tokens: dict[str, str] = {}
    parts: dict[str, tuple[tuple[str, str], ...]] = {}
    void: set[str] = set()
    if data:
        parts["Data"] = _take("Data", split_data(data), tokens, void)
    if resource and operation == "network":
        rows = _take("Resource", split_socket(resource), tokens, void)
        # A Resource of one bare word (a DNS name, a protocol) is a value, not a list of tokens.
        if [path for path, _ in rows] != [f"Resource.{REST}"]:
            parts["Resource"] = rows
    if event_data:
        found = only_in_event_data(event_data, data, resource)
        if rows := _take("EventData", found, tokens, void):
            parts["EventData"] = rows
    values = {f"data.{key}": value for key, value in tokens.items()}
    void.difference_update(values)
    holds: dict[str, tuple[str, ...]] = {}
    for path, key, value in _derived(operation, verb, tokens, resource):
        if value:
            values[path] = value
            if key:
                holds[path] = (key if key == "Resource" else f"data.{key}",)
    return Activity(values, parts, holds, frozenset(void))


def _take(
    field: str, found: list[Token], tokens: dict[str, str], void: set[str]
) -> tuple[tuple[str, str], ...]:
    """Add a field's tokens to those known; return them as (path, raw text)."""
    rows = []
    for key, value, raw in found:
        path = f"data.{key}"
        if not key or tokens.get(key, value) != value:
            path = f"{field}.{REST}"  # no key, or the same key with another value: kept as it is
        elif not value or (key, value) in NOTHING:
            void.add(path)
        else:
            tokens[key] = value
        rows.append((path, raw))
    return tuple(rows)


def only_in_event_data(event_data: dict[str, object], data: str, resource: str) -> list[Token]:
    """Return the entries that Data and Resource lack, under the names that keys have there."""
    said = {*data.split(" "), *resource.split(" ")}
    # Data writes userid=, EventData Userid; but SourceIP= and Class= have capitals in both.
    capital = "SourceIP" in event_data or "Class" in event_data
    found = []
    for key, value in event_data.items():
        if not isinstance(value, str) or not value:
            continue
        small = lower_ascii(key[:1]) + key[1:]
        # Words, as parseDataString cut them: looking through the texts for each would be quadratic.
        if f"{key}={value}" in said or f"{small}={value}" in said:
            continue
        name = key if capital and key in CAPITAL_KEYS else small
        # Of KubeArmor 1.6.0 to 1.6.5: Kfunc holds all the tokens, joined by commas.
        found.append(Token("" if "," in value else name, value, f"{key}={value}"))
    return found


Row: TypeAlias = tuple[str, str, str]  # derived path, the token or field it is taken from, value


def _derived(operation: str, verb: str, tokens: dict[str, str], resource: str) -> list[Row]:
    get = tokens.get
    rows: list[Row] = [("call", key, value) for key in _CALLS if (value := get(key))]
    for key in ("flags", "flag"):
        if value := get(key):
            rows.append(("flags", key, value.replace("|", ",")))
            break
    if operation == "network":
        rows += _network(verb, tokens, resource)
    elif operation == "firewall":
        rows += _firewall(verb, tokens, resource)
    if verb == "setid":
        # KubeArmor prints the gid of setgid under "userid" too.
        group = upper_ascii(get("syscall", "")) == "SYS_SETGID"
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
    word = upper_ascii(tokens.get(key, ""))
    named = "A" <= word[:1] <= "Z" and word.isascii() and word != "HOPOPT"
    return ("network.protocol", key, PROTOCOLS.get(word, word) if named else "")


def _network(verb: str, tokens: dict[str, str], resource: str) -> list[Row]:
    get = tokens.get
    if verb == "dns":
        return _dns(tokens, resource)
    family_key = "sa_family" if "sa_family" in tokens else "domain"
    family = get(family_key, "")
    rows: list[Row] = [
        ("network.family", family_key, family if upper_ascii(family).startswith("AF_") else ""),
        ("network.socket_type", "type", get("type", "").replace("|", ",")),
        _protocol("protocol", tokens),
    ]
    ip = "remoteip" if "remoteip" in tokens else "sin_addr"
    port = "port" if "port" in tokens else "sin_port"
    if end := _ENDS.get(verb):
        rows += [(f"{end}.ip", ip, get(ip, "")), (f"{end}.port", port, get(port, ""))]
    if verb in ("connect", "accept"):
        rows += [
            ("remote.ip", ip, get(ip, "")),
            ("remote.port", port, get(port, "")),
            ("remote.host", "remotehost", get("remotehost", "")),
        ]
        # A Unix socket has no direction that a rule about the network should match.
        if upper_ascii(family) not in ("AF_UNIX", "AF_NETLINK"):
            rows.append(("network.direction", "", "outbound" if verb == "connect" else "inbound"))
    return rows


_ENDS = {"connect": "destination", "accept": "source", "bind": "local", "listen": "local"}
_DNS_PORT = "53"


def _dns(tokens: dict[str, str], resource: str) -> list[Row]:
    """Return the rows of a DNS query: `domain` is the name here, `daddr` the resolver."""
    get = tokens.get
    domain, resolver = get("domain", ""), get("daddr", "")
    family, port = get("sa_family", ""), get("sin_port", "")
    port_key = "sin_port" if port else ""
    # SOCKET_SENDMSG's Resource is the name alone; a UDP_SENDMSG's is a socket address.
    name = domain or ("" if "=" in resource else resource)
    return [
        ("network.family", "sa_family", family if upper_ascii(family).startswith("AF_") else ""),
        ("dns.name", "domain" if domain else "Resource", name),
        ("dns.type", "qtype", get("qtype", "")),
        ("destination.ip", "daddr", resolver),
        ("remote.ip", "daddr", resolver),
        ("destination.port", port_key, port or _DNS_PORT),
        ("remote.port", port_key, port or _DNS_PORT),
        ("network.protocol", "", "UDP"),
    ]


def _firewall(verb: str, tokens: dict[str, str], resource: str) -> list[Row]:
    get = tokens.get
    inbound = verb == "ingress"
    far = "Source" if inbound else "Destination"
    # Resource is INGRESS or EGRESS: the direction, and nothing else.
    held = "Resource" if lower_ascii(resource) == verb else ""
    return [
        ("source.ip", "SourceIP", get("SourceIP", "")),
        ("source.port", "SourcePort", get("SourcePort", "")),
        ("destination.ip", "DestinationIP", get("DestinationIP", "")),
        ("destination.port", "DestinationPort", get("DestinationPort", "")),
        ("remote.ip", f"{far}IP", get(f"{far}IP", "")),
        ("remote.port", f"{far}Port", get(f"{far}Port", "")),
        ("network.direction", held, "inbound" if inbound else "outbound"),
        _protocol("Protocol", tokens),
    ]
