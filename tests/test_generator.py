"""Synthetic events: real in form, marked as test data, the same for a seed, each with its own id."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from datetime import datetime
from itertools import islice, pairwise

import pytest

from cef_bridge.errors import UsageError
from cef_bridge.generator import CLUSTER, KINDS, START, events
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import event_id
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter

ALERT = [
    "Timestamp",
    "UpdatedTime",
    "ClusterName",
    "HostName",
    "NamespaceName",
    "Owner",
    "PodName",
    "Labels",
    "ContainerID",
    "ContainerName",
    "ContainerImage",
    "HostPPID",
    "HostPID",
    "PPID",
    "PID",
    "UID",
    "ParentProcessName",
    "ProcessName",
    "PolicyName",
    "Severity",
    "Tags",
    "ATags",
    "Message",
    "Type",
    "Source",
    "Operation",
    "Resource",
    "Data",
    "Enforcer",
    "Action",
    "Result",
    "Cwd",
    "TTY",
    "MaxAlertsPerSec",
    "DroppingAlertsInterval",
]
LOG = [
    "Timestamp",
    "UpdatedTime",
    "ClusterName",
    "HostName",
    "NamespaceName",
    "Owner",
    "PodName",
    "Labels",
    "ContainerID",
    "ContainerName",
    "ContainerImage",
    "ParentProcessName",
    "ProcessName",
    "HostPPID",
    "HostPID",
    "PPID",
    "PID",
    "UID",
    "Type",
    "Source",
    "Operation",
    "Resource",
    "Data",
    "Result",
    "Cwd",
    "TTY",
]


SHA256_OF_SEED_7 = "2f470823752d87c6b3e6a21dd26dbb6fd71429c87a19ad2455e748d10ea35b0d"


def read(*words, **options) -> list[dict[str, object]]:
    return [json.loads(line) for line in events(*words, **options)]


def test_a_seed_gives_the_same_bytes_on_every_machine():
    # When this changes on purpose, so does what users' own tests compare with: say it in the
    # changelog.
    text = b"".join(events(1000, seed=7))
    assert hashlib.sha256(text).hexdigest() == SHA256_OF_SEED_7
    assert b"".join(events(1000, seed=8)) != text


def test_a_longer_run_begins_as_a_shorter_one():
    assert list(events(50)) == list(islice(events(), 50)) == list(events(100))[:50]


def test_every_event_has_its_own_id_and_a_later_time():
    found = read(20_000)
    assert len({event_id(event) for event in found}) == 20_000
    assert all(one["UpdatedTime"] < next_one["UpdatedTime"] for one, next_one in pairwise(found))


@pytest.mark.parametrize("step", [1, 600, 5_000_000])
def test_events_are_a_step_apart_on_average(step):
    found = read(1001, step=step)
    assert found[0]["UpdatedTime"] == "2026-01-01T00:00:00.000000Z"
    assert len({event["UpdatedTime"] for event in found}) == 1001
    if step == 5_000_000:
        assert found[-1]["Timestamp"] - found[0]["Timestamp"] == pytest.approx(5000, rel=0.05)


def test_whole_seconds_and_the_full_time_agree():
    for event in read(5000, start=START + 999_999):
        told = datetime.fromisoformat(str(event["UpdatedTime"]))
        assert event["Timestamp"] == int(told.timestamp())


def test_every_event_says_that_it_is_test_data():
    for event in read(5000):
        assert event["ClusterName"] == CLUSTER == "cef-bridge-test"
        assert str(event["HostName"]).startswith("cef-bridge-test-")
        assert str(event.get("NamespaceName", "cef-bridge-test")).startswith("cef-bridge-test")
        if "PodName" in event:
            assert "cef-bridge.test/data=true" in str(event["Labels"])
        if "PolicyName" in event:
            assert str(event["PolicyName"]).startswith("test-")
            assert event["Message"] == "TEST DATA of cef-bridge generate, nothing happened"


def test_fields_stand_in_the_order_in_which_a_relay_prints_them():
    for event in read(5000):
        order = LOG if str(event["Type"]).endswith("Log") else ALERT
        assert list(event) == [name for name in order if name in event]


def test_all_kinds_of_events_come():
    found = Counter((event["Type"], event["Operation"]) for event in read(20_000))
    assert set(found) == {
        ("ContainerLog", "File"),
        ("ContainerLog", "Network"),
        ("ContainerLog", "Process"),
        ("ContainerLog", "Syscall"),
        ("HostLog", "Device"),
        ("HostLog", "File"),
        ("HostLog", "Process"),
        ("HostLog", "Syscall"),
        ("MatchedHostPolicy", "Device"),
        ("MatchedHostPolicy", "File"),
        ("MatchedHostPolicy", "Process"),
        ("MatchedNetworkPolicy", "NetworkFirewall"),
        ("MatchedPolicy", "Capabilities"),
        ("MatchedPolicy", "File"),
        ("MatchedPolicy", "Network"),
        ("MatchedPolicy", "Process"),
        ("MatchedPolicy", "Syscall"),
        ("SystemEvent", "AlertThreshold"),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_can_be_asked_for_alone(kind):
    found = read(200, 1, kind)
    alerts = [not str(event["Type"]).endswith("Log") for event in found]
    assert len(found) == 200
    if kind in ("alerts", "preset", "firewall", "throttle", "capabilities"):
        assert all(alerts)
    elif kind == "logs":
        assert not any(alerts)
    if kind in ("process", "file", "network"):
        assert {event["Operation"] for event in found} == {kind.title()}


def test_every_event_converts_and_none_is_suspicious():
    converter, decoder = Converter(load("kubearmor-cef")), EventDecoder()
    for line in events(3000):
        (found,) = decoder.decode(line)
        assert isinstance(found, Decoded)
        fate = converter.convert(found.fields)
        assert isinstance(fate, Converted)
        assert "KubeArmorSuspicious" not in fate.message
        assert "externalId=" in fate.message


def test_what_does_not_exist_cannot_be_asked_for():
    with pytest.raises(
        UsageError, match=r'^Invalid kind of event "files"\. Expected one of: all, '
    ):
        events(1, 1, "files")
    with pytest.raises(UsageError, match=r"^events begin between 1970 and 9000\."):
        events(1, start=-1)
