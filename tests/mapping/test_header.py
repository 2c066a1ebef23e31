"""The syslog header as rules make it: facility, APP-NAME, HOSTNAME, and the time's zone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from user_loop import UserLoop, compact

from cef_bridge.lines import syslog
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.mapping.program.header import names_facility

EVENT = {
    "Type": "MatchedPolicy",
    "Operation": "File",
    "HostName": "n1",
    "NamespaceName": "shop",
    "PodName": "web-1",
    "Labels": "app=web,fac=local6",
    "ProcessName": "/bin/sh",
    "Resource": "/etc/shadow",
    "Action": "Block",
    "Result": "Permission denied",
    "UpdatedTime": "2026-07-01T09:00:00.000001Z",
}


def converter(tmp_path, envelope, header="rfc5424", parent="kubearmor-cef"):
    path = tmp_path / "m.yaml"
    text = f"mapping: m\nextends: {parent}\ncluster: c\nenvelope:\n{envelope}"
    path.write_text(text, encoding="utf-8")
    return Converter(load(path), syslog_header=header)


def head(converter, **changes):
    fate = converter.convert({**EVENT, **changes})
    assert isinstance(fate, Converted)
    found, _ = syslog.split(fate.message)
    assert found is not None
    return found


def facility(converter, **changes):
    names = {code: name for name, code in syslog.FACILITIES.items()}
    return names[head(converter, **changes).priority // 8]


ROUTED = """\
  facility:
    - {value: local3, when: {NamespaceName: shop, event.kind: alert}}
    - {from: Labels.fac}
    - {value: local7}
"""


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, "local3"),
        ({"Type": "ContainerLog"}, "local6"),
        ({"NamespaceName": "bank"}, "local6"),
        ({"NamespaceName": "bank", "Labels": "fac=LOCAL5 "}, "local5"),
        ({"NamespaceName": "bank", "Labels": "fac=locl5"}, "local7"),
        ({"NamespaceName": "bank", "Labels": "fac=16"}, "local7"),
        ({"NamespaceName": "bank", "Labels": ""}, "local7"),
    ],
)
@pytest.mark.parametrize("header", ["rfc3164", "rfc5424"])
def test_the_first_rule_that_holds_and_names_a_facility_wins(tmp_path, changes, expected, header):
    assert facility(converter(tmp_path, ROUTED, header), **changes) == expected


@pytest.mark.parametrize("text", ["", "nonsense", "local8", "-1", "local3\nlocal4", "é" * 300])
def test_a_value_of_an_event_that_names_no_facility_gives_the_default(tmp_path, text):
    made = converter(tmp_path, "  facility: {from: NamespaceName}\n")
    assert facility(made, NamespaceName=text) == "local0"


def test_a_table_turns_namespaces_into_facilities(tmp_path):
    rule = "  facility: {from: NamespaceName, table: {shop: local1}, else: local2}\n"
    made = converter(tmp_path, rule)
    assert [facility(made, NamespaceName=name) for name in ("shop", "Shop", "bank")] == [
        "local1",
        "local1",
        "local2",
    ]


def test_the_rules_may_ask_for_the_severity_and_the_cluster(tmp_path):
    rules = "  facility: [{value: local5, when: {event.severity: '8', cluster: c}}, local6]\n"
    made = converter(tmp_path, rules)
    found = {severity: facility(made, Severity=severity) for severity in ("8", "1")}
    assert found == {"8": "local5", "1": "local6"}


def test_app_name_and_host_are_of_the_first_rule_that_gives_a_text(tmp_path):
    made = converter(
        tmp_path,
        "  app_name: [{from: NamespaceName, when: {event.kind: alert}}, telemetry]\n"
        "  hostname: [{from: PodName, when: {NamespaceName: shop}}, {from: HostName}]\n",
    )
    seen = [
        (found.app_name, found.hostname)
        for found in (
            head(made),
            head(made, Type="ContainerLog"),
            head(made, NamespaceName="bank"),
            head(made, NamespaceName=""),
        )
    ]
    assert seen == [("shop", "web-1"), ("telemetry", "web-1"), ("bank", "n1"), ("telemetry", "n1")]


@pytest.fixture(params=["rfc3164", "rfc5424"], scope="module")
def all_by_the_pod(request, tmp_path_factory):
    rules = (
        "  facility: {from: PodName}\n  app_name: {from: PodName}\n  hostname: {from: PodName}\n"
    )
    return UserLoop(converter(tmp_path_factory.mktemp("m"), rules, request.param))


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=400))
def test_no_text_of_an_event_can_break_the_header(all_by_the_pod, text):
    (message,) = all_by_the_pod.messages(compact({**EVENT, "PodName": text}))
    found, rest = syslog.split(message.decode())
    assert found is not None
    assert rest.startswith("CEF:0|KubeArmor|")
    assert found.priority // 8 == 16 or names_facility(text)
    assert (len(found.hostname), len(found.app_name)) <= (255, 48)


def test_the_time_stands_in_the_zone_of_the_mapping(tmp_path):
    zone = "  time_zone: Europe/Berlin\n"
    assert head(converter(tmp_path, zone, "rfc3164")).timestamp == "Jul  1 11:00:00"
    assert head(converter(tmp_path, zone)).timestamp == "2026-07-01T11:00:00.000001+02:00"
    winter = head(converter(tmp_path, zone), UpdatedTime="2026-01-01T09:00:00Z")
    assert winter.timestamp == "2026-01-01T10:00:00.000000+01:00"
    unknown = head(converter(tmp_path, zone), UpdatedTime="")
    assert unknown.timestamp == ""


ENVELOPES = {
    "facility": ROUTED,
    "app name": "  app_name: [{from: NamespaceName, when: {event.kind: alert}}, other]\n",
    "host by an alert": "  hostname: [{from: PodName, when: {event.kind: alert}}, {from: HostName}]\n",
    "zone": "  time_zone: Asia/Kathmandu\n",
    "constants": "  facility: local5\n  app_name: x\n  time_zone: UTC\n",
}


@pytest.mark.parametrize("header", ["none", "rfc3164", "rfc5424"])
@pytest.mark.parametrize("name", ENVELOPES)
def test_a_line_is_the_same_whatever_came_before(tmp_path, name, header):
    made = converter(tmp_path, ENVELOPES[name], header)
    alone = Converter(made.program.mapping, syslog_header=header)
    loop = UserLoop(made)
    full = {**EVENT, "HostPPID": 1, "HostPID": 2, "PPID": 3, "PID": 4, "Timestamp": 1782896400}
    events = [
        {**full, "NamespaceName": space, "Type": kind, "HostName": host, "Labels": labels}
        for _ in range(5)
        for space in ("shop", "bank")
        for kind in ("MatchedPolicy", "ContainerLog")
        for host in ("n1", "n2")
        for labels in ("fac=local6", "app=x")
    ]
    for raw in events:
        assert loop.messages(compact(raw)) == [alone.convert(raw).message.encode()]
