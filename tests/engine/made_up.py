"""Mappings and events made up by chance, for holding the engine against the reference.

All is made by one `random.Random`, so that a seed gives the same again. Events are KubeArmor's with
something changed: odd texts and types, fields unknown, doubled, missing, in another order, escapes,
broken bytes, and what log shippers put around them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from cef_bridge.kubearmor.fields import DERIVED, RAW
from cef_bridge.mapping.language.shipped import names

if TYPE_CHECKING:
    from random import Random

PIECES = [
    *("|", "=", "\\", "\n", "\r\n", "\t", "\x1b[2J", "\x00", "\x7f", "\x85", "\u2028", "\u202e"),
    *("\ufeff", "é", "名前", " ", "  ", "\u00a0", "\u3000", "\x1c", "CEF:0|", "CEF:١", "LEEF:2"),
    *("EF:", " act=Allow", "/", "//", ",", "^", "T1059", "MITRE", "MITRE_T1059.001_x", "t1059"),
    *("null", "10.0.0.1", "010.0.0.1", "::1", "fe80::1%eth0", "::ffff:1.2.3.4", "0", "-1", "7"),
    *("99999999999", "1.5", "Block", "block", "Audit (Block)", "Passed", "passed", "deny-a"),
    *("Permission denied", "AlertThreshold", "SystemEvent", "MatchedPolicy", "ContainerLog"),
    *("\u212a", "ſ", "İ", "ß", "Σ", "x" * 300, "🛡" * 70, "--password=hunter2", "Bearer abcdefgh1"),
    *("syscall=SYS_OPENAT fd=3 flags=O_RDWR|O_CREAT", "lsm=CAPABLE CAP_X", "lsm=SOCKET_CREATE HOPOPT"),
    *("kfunc=UDP_SENDMSG,domain=a.b,daddr=1.1.1.1,qtype=A", "kprobe=tcp_connect domain=AF_INET"),
    *("sa_family=AF_UNIX sun_path=/x y", "sun_path=/a sa_family=AF_UNIX", "sa_family=AF_UNIX"),
    *("sin_addr=1.2.3.4 sin_port=53 sa_family=AF_INET", "remotehost=svc/a/b", "domain=x", "type="),
    *("remoteip=1.2.3.4 port=0 protocol=TCPv6 remotehost=pod/a/b", "INGRESS", "ingress", "EGRESS"),
    "SourceIP=1.1.1.1 SourcePort=5 DestinationIP=::1 DestinationPort=0 Protocol=UDP",
    "syscall=SYS_MOUNT source=a target=/m filesystem=t mountflag=0 data=source=z",
    "syscall=SYS_PTRACE request=x pid=7 process=/bin/a", "syscall=SYS_FCHOWNAT userid=0 group=1 mode=7",
    "registry.example:5000/shop:1.2@sha256:" + "a" * 64, "app=shop,tier=web,app=x", "a=b c=d",
    "2023-08-23T18:05:48.301798Z", "2023-08-23 18:05:48", "sys_openat", "Class=a SubClass=b Level=",
]  # fmt: skip
KEYS = [path for path in RAW if "." not in path]
UNKNOWN = ["Foo", "foo.bar", "tenant", "cluster", "hostname", "event.id", "data.x", "Detail", "log"]
UNKNOWN += ["KubeArmorData", "Owner.Name", "owner", "@timestamp", "call", "Größe", "a b", "xy" * 40]
ODD: list[object] = [None, 0, -0.0, 7, True, 1.5, 1e-7, 1e22, 2**63, 2**64, [], {}, [""], ["a", 1]]
ODD += [["a", "b"], {"a": 1}, {"a": {"b": [None, 1.0, "\x1f"]}}, "", "x", -5, 1692813948]
TIMES = [
    "2023-08-23T18:05:48.301798Z",
    "2023-08-23T18:05:48Z",
    "1692813948",
    "",
    "soon",
    1692813948,
]
MAPS = {
    "EventData": ["Fd", "Flags", "Syscall", "Lsm", "Kfunc", "Userid", "Foo", "foo", "domain", "SourceIP", ""],
    "Owner": ["Ref", "Name", "Namespace", "UID", "name"],
    "ExecEvent": ["ExecID", "ExecutableName", "Uid"],
}  # fmt: skip
INTEGERS = [path for path, row in RAW.items() if row.kind == "integer"]


# Forms of Resource and Data that few events have.
FORMS: list[dict[str, object]] = [
    {"Operation": "Network", "Resource": "sun_path=/run/x y sa_family=AF_UNIX", "Data": "syscall=SYS_CONNECT fd=3"},
    {"Operation": "Network", "Resource": "sa_family=AF_UNIX sun_path=/run/sin_addr=1 sin_addr=2", "Data": "lsm=SOCKET_CONNECT"},
    {"Operation": "Network", "Resource": "TCP", "Data": "lsm=SOCKET_CREATE HOPOPT"},
    {"Operation": "Capabilities", "Resource": "CAP_NET_RAW", "Data": "lsm=CAPABLE CAP_NET_RAW"},
    {"Operation": "Network", "Resource": "domain=AF_INET type=SOCK_STREAM|SOCK_CLOEXEC protocol=0", "Data": "syscall=SYS_SOCKET"},
    {"Tags": "CIS,MITRE_T1059_shell,NIST 4.4", "ATags": ["CIS", "MITRE_T1059_shell", "x y"]},
    {"Source": "/bin/curl -u a:b1 https://u:pw@h/?token=x1", "Resource": "/bin/mysql -phunter2 --password hunter2 -h db"},
    {"Resource": "x Authorization: Bearer abcdefgh1", "Data": "syscall=SYS_EXECVE a=AKIAABCDEFGHIJKLMNOP", "Message": "api_key: 'q w'"},
]  # fmt: skip


def text(rng: Random) -> str:
    """Return a text of some pieces."""
    return "".join(rng.choices(PIECES, k=rng.choice([0, 1, 1, 1, 2, 3])))


def changed(rng: Random, event: dict[str, object]) -> dict[str, object]:
    """Return an event with some of its fields changed."""
    event = dict(event)
    for _ in range(rng.randrange(5)):
        _change(rng, event)
    if rng.random() < 0.02:
        event |= {f"Own{number}": text(rng) for number in range(70)}
    if rng.random() < 0.1:
        event |= rng.choice(FORMS)
    if rng.random() < 0.2:
        items = list(event.items())
        rng.shuffle(items)
        event = dict(items)
    return event


def _change(rng: Random, event: dict[str, object]) -> None:
    lists = [KEYS, list(event) or KEYS, list(MAPS), UNKNOWN]
    key = rng.choice(rng.choices(lists, weights=(4, 5, 2, 1))[0])
    chance = rng.random()
    value = event.get(key)
    if chance < 0.1:
        event.pop(key, None)
    elif chance < 0.13 or key in UNKNOWN:
        event[key] = rng.choice([*ODD, text(rng)])
    elif key in INTEGERS:
        event[key] = rng.choice([0, 1, 7, 2**31, 10**15, 10**18, event.get("HostPID", 3)])
    elif key in MAPS:
        names_ = rng.sample(MAPS[key], rng.randrange(4))
        event[key] = {name: text(rng) if rng.random() < 0.9 else rng.choice(ODD) for name in names_}
    elif key == "ATags":
        event[key] = [text(rng) for _ in range(rng.randrange(4))]
    elif key == "UpdatedTime":
        event[key] = rng.choice(TIMES)
    elif isinstance(value, str) and chance < 0.6:
        at = rng.randrange(len(value) + 1)
        event[key] = value[:at] + text(rng) + value[at:]
    else:
        event[key] = text(rng)


def line(rng: Random, event: dict[str, object]) -> bytes:
    """Return an event as a line, without its end: as JSON of many kinds, wrapped, broken."""
    if rng.random() < 0.1:
        event = respelled(rng, event)
    separators = rng.choice([(",", ":"), (", ", ": ")])
    written = json.dumps(event, ensure_ascii=rng.random() < 0.3, separators=separators)
    data = written.encode("utf-8", "surrogatepass")
    chance = rng.random()
    if chance < 0.04:
        at = rng.randrange(len(data))
        data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
    elif chance < 0.06:
        data = data[: rng.randrange(len(data))]
    elif chance < 0.1:
        data = data[:-1] + b',"Operation":"File"}'
    return wrapped(rng, data.replace(b"\n", b" "))


def respelled(rng: Random, event: dict[str, object]) -> dict[str, object]:
    """Return an event with the names of another emitter: all, or most of them, spelled another way."""
    ways = [lambda it: it[:1].lower() + it[1:], str.lower, str.upper]
    way, share = rng.choice(ways), rng.choice([1, 1, 0.9, 0.1])

    def name(key: str) -> str:
        return way(key) if rng.random() < share else key

    return {
        name(key): (
            {name(part): each for part, each in value.items()} if isinstance(value, dict) else value
        )
        for key, value in event.items()
    }


def wrapped(rng: Random, data: bytes) -> bytes:
    """Return a line with what log shippers put around it."""
    chance = rng.random()
    if chance < 0.7:
        return data
    if chance < 0.76:
        outer = {"log": f"{data.decode('utf-8', 'replace')}\n", "stream": "stdout"}
        if rng.random() < 0.8:
            outer["time"] = "2023-08-23T18:05:49.1Z"
        return json.dumps(outer, separators=(",", ":")).encode()
    prefixes = [
        b"2023-08-23T18:05:49.303111222Z stdout F ",
        b"2023-08-23T18:05:49.303111222Z stderr F:x ",
        b"2023-08-23T18:05:49Z stdout P ",
        b"<134>Aug 23 18:05:48 node kubearmor[7]: ",
        b"Aug 23 {} node: ",
        b"  \t",
        b"\xef\xbb\xbf",
    ]
    data = rng.choice(prefixes) + data if chance < 0.9 else data
    return data + rng.choice([b"\r", b" ", b"", b"\x00", b"\t\r"])


# Texts with spaces, lists, and what rules ask for most stand in it several times.
_OFTEN = ["Source", "Resource", "Data", "Message", "event.summary", "Tags", "tags.mitre", "Labels"]
PATHS = [
    *_OFTEN * 4,
    *RAW,
    *DERIVED,
    "Labels.app",
    "Labels.tier",
    "data.fd",
    "data.flags",
    "data.x",
]
PATHS += ["EventData.Fd", "EventData.Foo", "Foo", "tenant", "Owner.UID"]
TESTS: list[object] = [
    *("Passed", "7", "MITRE_T1059*", "/etc/*", "O_RDONLY", "alert", "web-*", "192.0.*", "*sh*"),
    *("[a-f]*", "connect", "file", "block", "5", "production", "?", "*"),
    *({"is": each} for each in ("ipv4", "ipv6", "present", "absent", "integer")),
    *({"not": "shop"}, {"not": ["Passed", {"is": "absent"}]}, {"min": "5"}, {"max": "1000.5"}),
    {"min": "-1", "max": "7"},
]
STEPS: list[list[object]] = [
    ["basename"], ["dirname"], ["first_word"], ["upper"], ["lower"], ["comma"], ["strip_digest"],
    *[["redact"]] * 4, [{"before": "/"}], [{"before_last": "/"}], [{"after": "="}], [{"after_last": "/"}],
    ["upper", {"replace": ["A", ""]}], [{"part": "2", "of": " "}, {"replace": ["e", "CEF:0|"]}],
    [{"between": ["/", "/"]}],
]  # fmt: skip
# Rules that many events meet: those of FORMS do.
SURE: list[dict[str, object]] = [
    *({"from": path, "via": ["redact"]} for path in ("Source", "Resource", "Message", "Data")),
    {"value": "tagged", "when": {"Tags": ["CIS", {"is": "ipv4"}]}},
    {"value": "tagged", "when": {"Tags": ["MITRE_*"]}},
]
TEMPLATES = [
    "{NamespaceName}/{PodName}",
    "{Source} {{{Result}}}",
    "{event.name}",
    "{Labels.app}:{UID}",
]


def mapping(rng: Random) -> dict[str, object]:
    """Return a mapping as YAML would have it; it may be one that the loader refuses."""
    fmt = rng.choice(["cef", "cef", "leef"])
    extension: dict[str, object] = {}
    for name in rng.sample(["Red", "Green", "Blue", "Black"], rng.randrange(1, 5)):
        key = f"{rng.choice(['KubeArmorX', 'own'])}{name}"
        extension[key] = [_rule(rng) for _ in range(rng.randrange(1, 4))]
    typed: dict[str, object] = {
        "cn3": {"from": ["data.fd", "UID"], "label": "Fd = x"},
        "spt": [{"from": ["remote.port", "destination.port"]}, {"from": "HostPID"}],
        "c6a1": {"from": ["remote.ip", "Resource"], "label": "Peer"},
        "cfp1": {"from": ["Foo", "HostPID"], "label": "Float"},
        "dst": {"from": ["Resource", "destination.ip"], "when": {"event.verb": "connect"}},
        "deviceCustomDate1": {"from": ["event.time", "Timestamp"], "label": "When"},
        "smac": {"from": ["Resource", "Foo"]},
        "ownLabels": {"spread": "Labels", "max": rng.randrange(1, 4), "only": ["a*"]},
        "ownData": {"spread": "EventData"},
        "ownOwner": {"spread": "Owner"},
        "msg": [_rule(rng), _rule(rng)],
        "KubeArmorSuspicious": {"from": "event.suspicious"},
        "rt": {"from": "event.time"},
    }
    for key in rng.sample(sorted(typed), rng.randrange(6)):
        extension[key] = typed[key]
    made: dict[str, object] = {"mapping": "own", "format": fmt, "extension": extension}
    if rng.random() < 0.6:
        parents = [name for name in names() if ("leef" in name) == (fmt == "leef")]
        made["extends"] = rng.choice(parents)
        del made["format"]
    _settings(rng, made)
    return made


def _settings(rng: Random, made: dict[str, object]) -> None:
    optional: dict[str, object] = {
        "unmapped": "drop",
        "header": {rng.choice(["name", "device_version", "device_event_class_id", "severity"]): _rule(rng)},
        "severity": [_rule(rng), {"from": "Severity"}, {"value": 2}],
        "cluster": rng.choice(["production", "default"]),
        "drop_events": [_when(rng) for _ in range(rng.randrange(1, 3))],
        "keep_events": [_when(rng) for _ in range(rng.randrange(1, 4))],
        "filters": [rng.choice(["soc_lean", "alerts_only"])],
        "drop_fields": rng.sample(["Cwd", "Source", "Owner", "ExecEvent.*", "Tags", "Data", "F*", "data.*", "UID"], 2),
        "envelope": _envelope(rng, made),
    }  # fmt: skip
    made |= {key: value for key, value in optional.items() if rng.random() < 0.2}


def _envelope(rng: Random, made: dict[str, object]) -> dict[str, object]:
    settings: dict[str, object] = {
        "max_bytes": rng.choice([512, 700, 1500]),
        "leading_key": "KubeArmorFormat",
        "truncate_first": ["KubeArmorCwd", "KubeArmorLabels"],
        "defang": ["CEF:0", "EF:"],
        "pipe": "replace",
        "ipv6": "direct",
        "cef_version": "1",
        "delimiter": rng.choice(["x09", "~"]),
        "hostname": rng.choice([{"from": ["PodName", "HostName"]}, [_rule(rng)]]),
        "facility": rng.choice(
            ["local3", [{"value": "auth", "when": _when(rng)}, {"value": "cron"}]]
        ),
        "app_name": rng.choice(["x", {"from": ["NamespaceName"]}]),
        "time_zone": rng.choice(["Europe/Berlin", "+05:30", "America/New_York"]),
    }
    leef_only, cef_only = {"delimiter"}, {"pipe", "ipv6", "cef_version"}
    wrong = cef_only if "leef" in str(made) else leef_only
    usable = sorted(settings.keys() - wrong)
    return {key: settings[key] for key in rng.sample(usable, rng.randrange(1, 5))}


def _rule(rng: Random) -> dict[str, object]:
    if rng.random() < 0.1:
        return {**rng.choice(SURE)}
    rule: dict[str, object] = {}
    chance = rng.random()
    if chance < 0.1:
        rule["value"] = "fixed = text"
    elif chance < 0.2:
        rule["template"] = rng.choice(TEMPLATES)
    else:
        rule["from"] = rng.sample(PATHS, rng.randrange(1, 3))
        optional: dict[str, object] = {
            "via": rng.choice(STEPS),
            "max_length": rng.randrange(4, 24),
            "default": "none",
            "table": {"/bin/cat": "reader", "Passed": "good", "7": "high", "é": "x"},
        }
        rule |= {key: some for key, some in optional.items() if rng.random() < 0.2}
        if "table" in rule and rng.random() < 0.4:
            rule["else"] = "other"
    if rng.random() < 0.5:
        rule["when"] = _when(rng)
    return rule


def _when(rng: Random) -> dict[str, object]:
    paths = rng.sample(PATHS, rng.randrange(1, 3))
    return {path: rng.sample(TESTS, rng.randrange(1, 3)) for path in paths}
