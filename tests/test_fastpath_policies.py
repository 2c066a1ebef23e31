"""One plan for all policies: whatever a policy's author wrote, the line is that of the plain path."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pod_event import IN_A_POD

from cef_bridge.converter import Converted, Converter
from cef_bridge.fastpath import FastPath
from cef_bridge.fastpath.deps import POLICY, policy_of
from cef_bridge.fastpath.plan import build
from cef_bridge.mapping.load import load
from cef_bridge.mapping.shipped import names

# Mappings of which other keys depend on the policy than of the shipped ones.
OWN = {
    "named after the policy": "header: {name: [{from: PolicyName}, {from: event.name}]}\n",
    "rated by tags": "severity: [{value: 10, when: {tags.mitre: [MITRE_T1059*]}}, {from: Severity}]\n",
    "rated by the action": "header: {severity: [{from: Action}, {from: Severity}, {value: 2}]}\n",
    "tags kept": "extension: {KubeArmorTags: null, KubeArmorMitre: null, cs1: null, msg: null}\n",
    "asks for a policy": "extension:\n  cs1: {value: ours, when: {PolicyName: [deny-*, a]}, label: P}\n",
    "cut": "extension: {cs1: {from: PolicyName, max_length: 5, label: P}, act: {from: Message}}\n",
    "filters by policy": "drop_events: [{PolicyName: [deny-*]}, {Severity: ['3'], tags.other: [x]}]\n",
    "filters by severity": "drop_events: [{event.severity: ['7', '8']}]\n",
    "message with a place": "extension: {msg: [{from: Message}, {from: event.summary}]}\n",
    "message by severity": "extension: {msg: {from: Message, when: {Severity: ['5', '9']}}}\n",
}
TEXTS = st.sampled_from(
    ["deny-shell", "audit", "a", "x|y=z\\", " ", "", "DefaultPosture", "CEF:0|a", "\x1b[1m", "n\nn", "\u202e"]
) | st.text(max_size=6)  # fmt: skip
TAGS = st.sampled_from(["MITRE_T1059_shell", "x", "NIST", "", " ", "a=b", "T1105", "null", "\n"])
FIELDS = {
    "PolicyName": TEXTS,
    "Message": TEXTS,
    "Severity": st.sampled_from(["1", "3", "5", "7", "9", "10", "0", "", "high", "11", " 4"]),
    "Enforcer": st.sampled_from(["BPFLSM", "AppArmor", "eBPF Monitor", "", "x=y"]),
    "Tags": st.lists(TAGS, max_size=3).map(",".join),
    "ATags": st.lists(TAGS, max_size=3),
}
ODD = st.sampled_from([None, 7, 7.0, True, [], {}, ["a"], "7"])


def event(**more: object) -> dict[str, object]:
    """Return an alert; what is None there is left out."""
    fields: dict[str, object] = {
        **IN_A_POD,
        "ParentProcessName": "/bin/sh",
        "ProcessName": "/bin/cat",
        **more,
        "Source": "/bin/cat /etc/passwd",
        "Operation": "File",
        "Resource": "/etc/passwd",
        "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY",
        "Action": "Block",
        "Result": "Permission denied",
        "Cwd": "/",
        "NodeID": "n1",
    }
    return {key: value for key, value in fields.items() if value is not None}


@st.composite
def policies(draw: st.DrawFn) -> dict[str, object]:
    chosen = draw(st.sets(st.sampled_from(sorted(FIELDS))))
    return {"Type": "MatchedPolicy", **{key: draw(FIELDS[key]) for key in sorted(chosen)}}


@pytest.fixture(scope="module", params=[*names(), *OWN])
def paths(request, tmp_path_factory):
    name = request.param
    if name in OWN:
        path = tmp_path_factory.mktemp("mapping") / "own.yaml"
        path.write_text(f"mapping: own\nextends: kubearmor-cef\n{OWN[name]}")
        name = str(path)
    return [Converter(load(name, env={}), syslog_header="rfc5424") for _ in range(2)]


@given(st.lists(policies(), min_size=2, max_size=5))
@settings(max_examples=30, deadline=None)
def test_every_policy_gives_the_plain_message(paths, found):
    plain, converter = paths
    fast = FastPath(converter)
    for each in found * 2:
        for action in ("Block", "Audit"):
            one = {**event(**each), "Action": action}
            expected = plain.convert(dict(one))
            assert fast.convert(dict(one)) == expected
            line = json.dumps(one, separators=(",", ":")).encode()
            for _ in range(8):  # so that it is known by its bytes
                got: list[bytes] = []
                if fast.sections.run([line], 0, got.append, got.append):
                    assert got == [expected.message.encode()]
                elif isinstance(fate := fast.recall(dict(one)), Converted):
                    assert fate == expected
                    fast.learn(line, dict(one))


@given(policies(), st.sampled_from(sorted(POLICY)), ODD)
@settings(max_examples=25, deadline=None)
def test_a_policy_of_an_odd_kind_gives_the_plain_message(paths, found, key, odd):
    plain, converter = paths
    fast = FastPath(converter)
    for each in (found, found, {**found, key: odd}, found):
        for one in (
            event(**each),
            {key: value for key, value in event(**each).items() if key != "Type"},
        ):
            assert fast.convert(dict(one)) == plain.convert(dict(one))


def test_a_hundred_policies_are_one_plan(monkeypatch):
    plans = []
    monkeypatch.setattr(
        "cef_bridge.fastpath.build", lambda *a: plans.append(build(*a)) or plans[-1]
    )
    fast = FastPath(Converter(load("kubearmor-cef", env={})))
    for number in range(100):
        policy: dict[str, object] = {
            "PolicyName": f"policy-{number}",
            "Severity": str(number % 10 + 1),
        }
        policy["Enforcer"] = ("BPFLSM", "AppArmor")[number % 2]
        tags = {"Tags": f"MITRE_T1{number:03},c{number}", "Message": f"m {number}"}
        alert = event(Type="MatchedPolicy", **policy, **tags)
        fate = fast.convert(dict(alert))
        assert isinstance(fate, Converted)
        assert f" cs1=policy-{number} " in fate.message
        if number > 2:
            assert fast.recall(alert) == fate
    assert len(plans) == 1


def test_what_a_filter_asks_for_belongs_to_the_plan(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(f"mapping: own\nextends: kubearmor-cef\n{OWN['filters by policy']}")
    assert policy_of(Converter(load(str(path), env={})).program) == {"Message", "Enforcer"}
