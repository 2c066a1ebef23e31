"""Keys of one's own have any name that is not nearly a key of CEF; constants stand in any key."""

from __future__ import annotations

import pytest

from cef_bridge.lines import FORMATS
from cef_bridge.mapping.examples import written
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.compile import Program
from cef_bridge.mapping.program.converter import Converter

EVENT = {"Type": "ContainerLog", "Operation": "File", "HostName": "n1", "Cwd": "/srv", "Labels": "1=a,app=b"}  # fmt: skip


@pytest.fixture
def mapping(tmp_path):
    def put(text, parent="kubearmor-cef"):
        path = tmp_path / "m.yaml"
        path.write_text(f"mapping: m\ncluster: lab\nextends: {parent}\n{text}")
        return str(path)

    return put


def codes(path):
    return [it.code for it in problems(path) if it.code != "M049"]


@pytest.mark.parametrize(
    "key", ["tenant", "team", "site", "env", "zone", "stage", "customerId2", "acmeCustomer", "X", "blueTeam7"]
)  # fmt: skip
def test_a_key_of_ones_own_may_have_any_name(mapping, key):
    path = mapping(f"extension: {{{key}: {{from: HostName}}}}\n")
    assert codes(path) == []
    assert written(Program(load(path)), dict(EVENT))[key] == "n1"


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("sourceAddress", "src"),
        ("Act", "act"),
        ("ACT", "act"),
        ("dptt", "dpt"),
        ("deviceCustomString1", "cs1"),
        ("filePth", "filePath"),
        ("externalID", "externalId"),
        ("suserr", "suser"),
        ("cs7", "cs1"),
        ("cn12", "cn1"),
        ("flexString3", "flexString1"),
    ],
)
def test_a_name_that_is_nearly_one_of_the_dictionary_is_an_error(mapping, key, meant):
    (found,) = [it for it in problems(mapping(f"extension: {{{key}: x}}\n")) if it.code != "M049"]
    assert (found.code, f'Did you mean "{meant}"?' in found.message) == ("M002", True)


@pytest.mark.parametrize(
    "rule",
    [
        "customerExternalID: acme-7",
        "customerURI: {value: https://acme.example}",
        "cs6: {value: acme-7, label: K8sCluster}",
        "deviceExternalId: {value: acme-7}",
        "cn3: {value: 7, label: CustomerNumber}",
        "tenant: acme",
    ],
)
def test_a_constant_stands_in_any_key_that_it_fits(mapping, rule):
    path = mapping(f"extension:\n  {rule}\n")
    assert codes(path) == []
    key = rule.partition(":")[0]
    assert written(Program(load(path)), dict(EVENT))[key] in rule


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("dpt: {value: acme}", ["M035"]),
        ("customerKey: {value: acme}", ["M035"]),
        (f"customerExternalID: {{value: {'x' * 201}}}", ["M035"]),
        ("customerExternalID: {from: HostName}", ["M030", "M037"]),
        ("cs6: {value: acme-7, label: Customer}", ["M033"]),
        ("tenant.id: acme", ["M024"]),
        ("cs: {spread: Labels}", ["M025"]),
        ("tenant: {spread: Labels}", ["M025"]),
    ],
)
def test_what_the_dictionary_knows_keeps_its_checks(mapping, rule, expected):
    assert codes(mapping(f"extension:\n  {rule}\n")) == expected


def test_a_key_of_ones_own_is_no_field_that_the_receiver_fills(mapping):
    assert codes(mapping("extension: {sourcetype: x}\n", "splunk")) == ["M061"]
    assert codes(mapping("extension: {sourcetype: x}\n")) == []


def test_keys_of_ones_own_are_given_up_like_those_that_begin_with_kubearmor(mapping):
    path = mapping(
        "extension: {tenant: {from: Cwd}, KubeArmorTenant: {from: Cwd}}\nenvelope: {max_bytes: 700}\n"
    )
    line = Converter(load(path)).convert({**EVENT, "Cwd": "/" + "d" * 800}).message
    said = FORMATS["cef"]().parse(line).extension
    assert not {"tenant", "KubeArmorTenant"} & said.keys()
    assert said["KubeArmorTruncated"] == "1"
    assert said["dvchost"] == "n1"
