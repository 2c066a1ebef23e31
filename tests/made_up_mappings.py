"""Mappings and events made up for hypothesis: rules that win or not by fields that stay, that come
and go, that a policy decides.
"""

from __future__ import annotations

from itertools import product

from hypothesis import strategies as st
from pod_event import IN_A_POD

from cef_bridge.mapping.language.shipped import names
from cef_bridge.sources.relay.schema import TABLE

# What an event may have besides; () leaves the field out. Each of the first four is acted upon.
ACTS: list[dict[str, object]] = [
    {"Operation": "File", "Resource": "/etc/passwd", "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY"},
    {"Operation": "Process", "Resource": "/bin/cat /etc/shadow", "Data": "syscall=SYS_EXECVE"},
    {"Operation": "Network", "Resource": "remoteip=192.0.2.7 port=443 protocol=TCP", "Data": "kprobe=tcp_connect domain=AF_INET"},
    {"Operation": "Syscall", "Resource": "/tmp/x", "Data": "syscall=SYS_UNLINKAT flags=AT_REMOVEDIR"},
    {"Operation": "Network", "Resource": "remoteip=2001:db8::7 port=53 protocol=TCPv6", "Data": "kprobe=tcp_accept domain=AF_INET6",
     "EventData": {"Remoteip": "2001:db8::7", "Port": "53", "Protocol": "TCPv6", "Kprobe": "tcp_accept", "Domain": "AF_INET6"}},
    {"Operation": "File", "Resource": "", "Data": "lsm=FILE_OPEN"},
    {"Operation": "Syscall", "Resource": "/tmp", "Data": "syscall=SYS_MOUNT source=/dev/sda target=/mnt type=ext4 flags=MS_RDONLY"},
    {"Operation": "File", "Resource": "/tmp/y", "Data": "syscall=SYS_FCHOWNAT userid=7 group=8 mode=0"},
]  # fmt: skip
VERDICTS: list[dict[str, object]] = [
    {"Type": "ContainerLog", "Result": "Passed"},
    {"Type": "ContainerLog", "Result": "Permission denied", "KubeArmorVersion": "v1.6.1"},
    {"Type": "MatchedPolicy", "Action": "Block", "Result": "Permission denied", "PolicyName": "deny-a",
     "Severity": "7", "Tags": "MITRE_T1059_shell,NIST", "ATags": ["MITRE_T1059_shell", "NIST"]},
    {"Type": "MatchedPolicy", "Action": "Audit", "Result": "Passed", "PolicyName": "audit-b",
     "Severity": "3", "Message": "seen", "Enforcer": "BPFLSM", "KubeArmorVersion": "v1.6.1"},
    {"Type": "MatchedPolicy", "Action": "", "Result": "Passed", "PolicyName": "", "Severity": ""},
]  # fmt: skip
OTHERS: dict[str, tuple[object, ...]] = {
    "Source": ("/bin/sh -c x", "/bin/cat", ""),
    "ParentProcessName": ("/bin/sh",),
    "ProcessName": ("/bin/cat", "/usr/bin/curl"),
    "Cwd": ("/", "/tmp"),
    "TTY": ("pts0",),
    "ContainerImage": ("registry.example/shop:1.2@sha256:" + "a" * 64,),
    "Labels": ("app=shop,tier=web",),
    "Owner": ({"Ref": "Deployment", "Name": "shop", "Namespace": "shop"},),
    "ExecEvent": ({"ExecID": "7", "ExecutableName": "cat"},),
    "NodeID": ("n1",),
}

PATHS = st.sampled_from(
    [
        *("Source", "Resource", "Data", "ProcessName", "ParentProcessName", "Cwd", "TTY", "UID"),
        *("Type", "Operation", "Action", "Result", "KubeArmorVersion", "PolicyName", "Severity"),
        *("Message", "Enforcer", "Tags", "tags.mitre", "PodName", "Labels.app", "Owner.Name"),
        *("ExecEvent.ExecutableName", "NodeID", "call", "flags", "data.flags", "data.fd"),
        *("cluster", "ClusterName", "event.place", "HostName", "NamespaceName", "ContainerImage"),
        *("file.path", "process.path", "image.tag", "remote.ip", "destination.port", "user.id"),
        *("event.summary", "event.verb", "event.disposition", "event.severity", "event.reason"),
    ]
)
WHEN: list[tuple[str, object]] = [
    ("KubeArmorVersion", "v1.6.1"),
    ("KubeArmorVersion", {"is": "absent"}),
    ("Result", "Passed"),
    ("Action", ["Block", "Audit"]),
    ("PolicyName", "deny-*"),
    ("Severity", {"is": "present"}),
    ("tags.mitre", "MITRE_T1059*"),
    ("Resource", "/etc/*"),
    ("Source", {"is": "absent"}),
    ("Cwd", "/tmp"),
    ("flags", "O_RDONLY"),
    ("event.kind", "alert"),
    ("PodName", "web-*"),
    ("Labels.app", {"is": "present"}),
    ("remote.ip", "192.0.*"),
    ("data.fd", {"is": "present"}),
    ("event.severity", ["5", "7"]),
    ("cluster", "production"),
    ("NamespaceName", {"not": "shop"}),
    ("Result", {"not": ["Passed", {"is": "absent"}]}),
    ("PolicyName", {"not": "deny-*"}),
    ("Source", {"not": {"is": "present"}}),
    ("Severity", {"min": "5"}),
    ("event.severity", {"max": "5"}),
    ("UID", {"min": "1", "max": "1000"}),
    ("destination.port", [{"max": "1023"}, "8443"]),
    ("tags.mitre", {"not": "MITRE_T1059*"}),
]


STEPS: list[list[object]] = [
    [{"before": "/"}],
    [{"after_last": "/"}],
    ["upper", {"replace": ["A", ""]}],
    [{"part": "2", "of": " "}, {"replace": ["e", "CEF:0|"]}],
    [{"between": ["/", "/"]}],
]


@st.composite
def rules(draw: st.DrawFn) -> dict[str, object]:
    rule: dict[str, object] = {}
    if draw(st.integers(0, 9)) == 0:
        rule["value"] = "fixed"
    elif draw(st.integers(0, 19)) == 0:
        rule["template"] = draw(
            st.sampled_from(["{NamespaceName}/{PodName}", "{Source} {{{Result}}}", "{event.name}"])
        )
    else:
        rule["from"] = draw(st.lists(PATHS, min_size=1, max_size=2, unique=True))
        for key, some in (
            ("via", st.sampled_from([["basename"], ["first_word"], ["upper"], *STEPS])),
            ("max_length", st.integers(4, 40)),
            ("default", st.just("none")),
            ("table", st.just({"/bin/cat": "reader", "Passed": "good", "7": "high"})),
        ):
            if draw(st.integers(0, 5)) == 0:
                rule[key] = draw(some)
    if draw(st.booleans()):
        rule["when"] = dict(draw(st.lists(st.sampled_from(WHEN), min_size=1, max_size=2)))
    return rule


# Rules for keys that hold numbers and addresses, and for a map's entries.
TYPED: dict[str, st.SearchStrategy[object]] = {
    "cn3": st.sampled_from([{"from": "data.fd", "label": "Fd"}, {"from": "UID", "label": "Uid"}]),
    "spt": st.sampled_from([{"from": ["remote.port", "destination.port"]}, {"from": "HostPID"}]),
    "c6a1": st.just({"from": ["remote.ip", "Resource"], "label": "Peer"}),
    "dst": st.just({"from": ["Resource", "destination.ip"], "when": {"event.verb": "connect"}}),
    "KubeArmorXOwn": st.sampled_from(
        [{"spread": "Labels", "max": 1}, {"spread": "Owner"}, {"spread": "ExecEvent", "max": 1}]
    ),
}


@st.composite
def mappings(draw: st.DrawFn) -> dict[str, object]:
    keys = draw(
        st.lists(st.sampled_from(["Red", "Green", "Blue", "Black"]), min_size=1, unique=True)
    )
    extension: dict[str, object] = {"rt": {"from": "event.time"}}
    prefix = draw(st.sampled_from(["KubeArmorX", "KubeArmorX", "own"]))
    for key in keys:
        extension[f"{prefix}{key}"] = draw(st.lists(rules(), min_size=1, max_size=3))
    if draw(st.booleans()):
        extension["msg"] = draw(st.lists(rules(), min_size=1, max_size=2))
    for key, some in TYPED.items():
        if draw(st.integers(0, 4)) == 0:
            extension[key] = draw(some)
    unmapped = draw(st.sampled_from(["keep"] * 5 + ["drop"]))
    mapping: dict[str, object] = {"mapping": "own", "extension": extension, "unmapped": unmapped}
    if draw(st.booleans()):  # above the shipped rules, which take most fields
        mapping["extends"] = draw(st.sampled_from(names()))
    if draw(st.integers(0, 3)) == 0:
        mapping["header"] = {draw(st.sampled_from(["name", "device_version"])): draw(rules())}
    if draw(st.integers(0, 3)) == 0:
        mapping["severity"] = [draw(rules()), {"from": "Severity"}, {"value": 2}]
    if draw(st.integers(0, 3)) == 0:
        mapping["cluster"] = draw(st.sampled_from(["production", "default"]))
    items = st.lists(st.sampled_from(WHEN), min_size=1, max_size=3).map(dict)
    for key, one_in in (("drop_events", 2), ("keep_events", 9)):
        if draw(st.integers(0, one_in)) == 0:
            mapping[key] = draw(st.lists(items, min_size=1, max_size=2))
    if draw(st.integers(0, 5)) == 0:
        mapping["filters"] = ["soc_lean"]
    if draw(st.integers(0, 7)) == 0:
        mapping["drop_fields"] = [
            draw(st.sampled_from(["Cwd", "Source", "Owner", "ExecEvent.*", "Tags"]))
        ]
    if draw(st.integers(0, 5)) == 0:
        mapping["envelope"] = {"max_bytes": 700}
    return mapping


@st.composite
def events(draw: st.DrawFn) -> list[dict[str, object]]:
    """Events that differ in what one would not look at: some fields are there, or not."""
    acts = draw(st.lists(st.sampled_from(ACTS), min_size=1, max_size=2))
    verdicts = draw(st.lists(st.sampled_from(VERDICTS), min_size=2, max_size=3))
    found = []
    for act, verdict in product(acts, verdicts):
        chosen = draw(st.sets(st.sampled_from(sorted(OTHERS)), min_size=3))
        others = {key: draw(st.sampled_from(OTHERS[key])) for key in sorted(chosen)}
        found.append(in_order({**IN_A_POD, **others, **verdict, **act}))
    return found


def in_order(event: dict[str, object]) -> dict[str, object]:
    """Return an event in KubeArmor's order, in which lines are known by their bytes."""
    fields = TABLE["Alert" if event["Type"] == "MatchedPolicy" else "Log"]
    rank = {field.name: index for index, field in enumerate(fields)}
    return {key: event[key] for key in sorted(event, key=lambda key: rank.get(key, 99))}
