"""The fast path and the plain path write the same bytes: whatever is remembered must not show."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge.converter import Converted, Converter, Filtered
from cef_bridge.events.decode import Decoded, Decoder
from cef_bridge.fastpath import FastPath
from cef_bridge.formats.check import faults
from cef_bridge.mapping.load import load
from cef_bridge.mapping.shipped import names

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "benchmarks"))
import datasets  # noqa: E402 - the benchmark's generator makes the busy lines

if TYPE_CHECKING:
    from cef_bridge.fastpath.sections import Sections

DATA = Path(__file__).parent / "data"
ORIGIN = "test\x1f7"


def sample_events() -> list[dict[str, object]]:
    """Return every event of the sample files, under KubeArmor's names."""
    found = []
    for path in sorted(DATA.iterdir()):
        decoder = Decoder()
        if path.suffix in (".ndjson", ".log"):
            for line in path.read_bytes().split(b"\n"):
                found += [each.fields for each in decoder.decode(line) if isinstance(each, Decoded)]
    assert len(found) > 150
    return found


EVENTS = sample_events()


def plain_and_fast(mapping: str, header: str) -> tuple[Converter, FastPath]:
    made = [Converter(load(mapping, env={}), syslog_header=header) for _ in range(2)]
    return made[0], FastPath(made[1])


@pytest.mark.parametrize("header", ["none", "rfc3164", "rfc5424"])
@pytest.mark.parametrize("mapping", names())
def test_sample_events_are_the_same_first_and_remembered(mapping, header):
    plain, fast = plain_and_fast(mapping, header)
    expected = [plain.convert(dict(event), ORIGIN) for event in EVENTS]
    for _ in range(3):
        assert [fast.convert(dict(event), ORIGIN) for event in EVENTS] == expected


def glance(sections: Sections, line: bytes) -> bytes | None:
    """Return the message of a line that is known by its bytes."""
    alerts: list[bytes] = []
    telemetry: list[bytes] = []
    assert sections.run([line], 0, alerts.append, telemetry.append) == len(alerts + telemetry)
    return next(iter(alerts + telemetry), None)


def glanced(converter: Converter, lines: list[bytes]) -> tuple[list[bytes], int]:
    """Convert lines as the hot loop does; return the messages and how many were not parsed."""
    fast = FastPath(converter)
    messages, known = [], 0
    for line in lines:
        message = glance(fast.sections, line)
        if message is not None:
            known += 1
        else:
            raw = json.loads(line)
            fate = fast.recall(raw)
            if fate is None:
                fate = fast.convert(raw, ORIGIN)
            elif isinstance(fate, Converted):
                fast.learn(line, raw)
            message = fate.message.encode() if isinstance(fate, Converted) else b""
        messages.append(message)
    assert sum(number for _, number in fast.sections.counts()) == known
    return messages, known


@pytest.mark.parametrize("header", ["none", "rfc3164", "rfc5424"])
@pytest.mark.parametrize("mapping", ["kubearmor-cef", "splunk", "qradar-leef"])
def test_lines_known_by_their_bytes_give_the_same_messages(mapping, header):
    lines = [datasets.line(event).rstrip() for event in datasets.events(5000, pods=6)]
    converter = Converter(load(mapping, env={}), syslog_header=header)
    messages, known = glanced(converter, lines)
    assert known > 1000
    plain = Converter(load(mapping, env={}), syslog_header=header)
    for line, message in list(zip(lines, messages, strict=True))[-4000::7]:
        fate = plain.convert(json.loads(line), ORIGIN)
        assert isinstance(fate, Converted)
        assert message == fate.message.encode()


def test_a_mapping_that_writes_cef_1_has_ipv6_in_dst_on_both_paths(tmp_path):
    path = tmp_path / "one.yaml"
    path.write_text(
        "mapping: one\nextends: kubearmor-cef\nextension: {src: {from: source.ip}, dst: {from: destination.ip},"
        " c6a2: null, c6a3: null}\nenvelope: {cef_version: 1}\n"
    )
    peer = {
        "Type": "ContainerLog",
        "Operation": "Network",
        "Resource": "remoteip=2001:db8:9::5 port=8443 protocol=TCPv6",
        "Data": "kprobe=tcp_connect domain=AF_INET6",
    }
    plain, fast = plain_and_fast(str(path), "none")
    expected = [plain.convert(dict(event), ORIGIN) for event in [*EVENTS, peer]]
    assert expected[-1].message.startswith("CEF:1|KubeArmor|")
    assert " dst=2001:db8:9::5 " in expected[-1].message
    assert faults(expected[-1].message, plain.program.format) == []
    for _ in range(3):
        assert [fast.convert(dict(event), ORIGIN) for event in [*EVENTS, peer]] == expected


def learned(lines: list[bytes]):
    fast = FastPath(Converter(load("kubearmor-cef", env={})))
    for _ in range(8):
        for line in lines:
            if glance(fast.sections, line) is None:
                raw = json.loads(line)
                if fast.recall(raw) is None:
                    fast.convert(raw)
                else:
                    fast.learn(line, raw)
    assert glance(fast.sections, lines[0]) is not None
    return fast.sections


LINES = [datasets.line(event).rstrip() for event in datasets.events(40, pods=1, novelty=0)]
KNOWN = learned(LINES)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"HostPPID":', b'"HostPPID":0'),  # JSON has no leading zeros
        (b'"HostPID":', b'"HostPID":0,"X":'),
        (b'{"Timestamp":', b'{"Timestamp":x'),
        (b"T12:", b"T99:"),
        (b'Z",', b'+02:00",'),
        (b"}", b"} "),
        (b'"ClusterName"', b' "ClusterName"'),
        (b'"PID":', b'"PID":1e'),
        (b'"PID":', b'"PID":-'),
        (b'"PID":', b'"PID":99999999999'),
        (b'"UpdatedTime":"2026', '"UpdatedTime":"２０２６'.encode()),
    ],
)
def test_a_line_that_differs_anywhere_else_is_not_taken_for_a_known_one(old, new):
    line = LINES[0].replace(old, new, 1)
    assert line != LINES[0]
    assert glance(KNOWN, line) is None


@pytest.mark.parametrize("year", ["1971", "1999", "2286", "2287", "3026", "9999"])
def test_a_time_that_cef_cannot_say_in_thirteen_digits_is_left_out_on_both_paths(year):
    line = LINES[0][:39] + year.encode() + LINES[0][43:]
    raw = json.loads(line)
    assert raw["UpdatedTime"].startswith(year)
    plain = Converter(load("kubearmor-cef", env={})).convert(raw, ORIGIN)
    assert glance(KNOWN, line) in {None, plain.message.encode()}
    fast = FastPath(Converter(load("kubearmor-cef", env={})))
    for _ in range(4):
        fast.convert(json.loads(LINES[0]), ORIGIN)
    assert fast.recall(json.loads(LINES[0])) is not None
    for _ in range(4):
        assert fast.convert(raw, ORIGIN) == plain


@given(st.integers(0, len(LINES[0]) - 1), st.integers(0, 255))
@example(39, ord("3"))
@settings(max_examples=150, deadline=None)
def test_one_changed_byte_gives_the_plain_message_or_none(place, byte):
    line = LINES[0][:place] + bytes([byte]) + LINES[0][place + 1 :]
    message = glance(KNOWN, line)
    if message is not None:
        fate = Converter(load("kubearmor-cef", env={})).convert(json.loads(line), ORIGIN)
        assert isinstance(fate, Converted)
        assert message == fate.message.encode()


ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-1, 2**40),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "a\nb",
            "x=1|y\\",
            "\x1b[31m",
            "\u2028",
            "\u202e",
            "CEF:0|a|b|c|d|e|9|act=allow",
            "LEEF:2.0|",
            "/" + "x" * 1100,
            "y" * 4200,
            "syscall=SYS_MOUNT source=a target=/x filesystem= mountflag=0 data=",
            "lsm=CAPABLE CAP_NET_RAW",
            "kprobe=tcp_connect domain=AF_INET6",
            "remoteip=fd00::1 port=443 protocol=TCPv6 remotehost=pod/a/b",
            "sa_family=AF_UNIX sun_path=/run/a b",
            "google.com",
            "Passed",
            "passed",
            "Permission denied",
        ]
    ),
    st.lists(st.text(max_size=4), max_size=3),
    st.dictionaries(st.sampled_from(["Name", "Ref", "a.b", "ExecID"]), st.text(max_size=4)),
)
FIELDS = sorted({key for event in EVENTS for key in event} | {"Brand New", "x.y", "New_Field"})
_PAIRS = {name: plain_and_fast(name, "rfc5424") for name in ("kubearmor-cef", "splunk")}


@given(st.sampled_from(EVENTS), st.dictionaries(st.sampled_from(FIELDS), ODD, max_size=3))
@settings(max_examples=200, deadline=None)
def test_odd_values_in_any_field_give_the_same_fate(event, odd):
    for plain, fast in _PAIRS.values():
        fast.convert(dict(event), ORIGIN)
        changed = {**event, **odd}
        changed = {key: changed[key] for key in [k for k in event if k in changed]} | odd
        assert fast.convert(dict(changed), ORIGIN) == plain.convert(dict(changed), ORIGIN)
        assert fast.convert(dict(changed), ORIGIN) == plain.convert(dict(changed), ORIGIN)


USER_MAPPINGS = {
    "workload and verdict mixed": """
        severity:
          - {value: 9, when: {NamespaceName: shop, event.kind: alert}}
          - {value: 2}
        extension:
          KubeArmorTeam:
            {from: NamespaceName, when: {event.verb: exec}, table: {shop: red}, else: grey}
          KubeArmorWhere: {from: [Labels.app, PodName], max_length: 12}
    """,
    "conditions on what is done": """
        extension:
          KubeArmorSecret: {value: "yes", when: {Resource: "/etc/*"}}
          cs5: {from: [Resource, Source], via: redact, label: CommandLine}
          KubeArmorOdd: {from: NewThing}
          KubeArmorPidText: {from: HostPID, when: {HostPID: {is: integer}}}
    """,
    "no ids, no time, all dropped": """
        extension: {rt: null, start: null, externalId: null, spid: null, dpid: null, cn1: null}
        unmapped: drop
    """,
    "filters": """
        filters: [soc_lean]
        drop_events:
          - {event.kind: log, NamespaceName: ["sh*", payments]}
          - {ProcessName: /bin/sleep}
    """,
    "drop": """
        drop: [Cwd, "EventData.*", Owner, Resource]
    """,
    "the events' own name for the cluster": """
        cluster: harbor-eu
    """,
    "a cluster that only alerts name": """
        cluster: harbor-eu
        extension:
          cs6: {from: cluster, when: {event.kind: alert}, label: K8sCluster}
    """,
    "a cluster that only the header names": """
        cluster: harbor-eu
        header: {device_product: {from: cluster}}
        extension: {cs6: null}
    """,
    "a message that alone reads a field of the container": """
        extension: {cs6: null, msg: {from: ClusterName}}
    """,
    "spread and small": """
        extension:
          KubeArmorLabel: {spread: Labels, max: 2}
        envelope: {max_bytes: 900}
    """,
}


@pytest.mark.parametrize("what", USER_MAPPINGS)
def test_mappings_of_users_are_the_same_on_both_paths(what, tmp_path):
    path = tmp_path / "own.yaml"
    lines = [line.removeprefix("        ") for line in USER_MAPPINGS[what].splitlines()]
    path.write_text("\n".join(["mapping: own", "extends: kubearmor-cef", *lines]) + "\n")
    plain, fast = plain_and_fast(str(path), "rfc5424")
    busy = list(datasets.events(400, pods=4))
    for event in [*EVENTS, *busy, *EVENTS]:
        expected = plain.convert(dict(event), ORIGIN)
        assert fast.convert(dict(event), ORIGIN) == expected
    if what == "filters":
        assert any(isinstance(plain.convert(dict(event)), Filtered) for event in busy)


def test_a_mapping_that_writes_a_header_only_is_the_same_on_both_paths(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text("mapping: own\nextension: {}\nunmapped: drop\n")
    plain, fast = plain_and_fast(str(path), "none")
    for event in [*EVENTS, *EVENTS, *EVENTS]:
        assert fast.convert(dict(event), ORIGIN) == plain.convert(dict(event), ORIGIN)
