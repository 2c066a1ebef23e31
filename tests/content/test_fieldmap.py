"""Where a field is in a SIEM is found by converting events and parsing them as the SIEM does."""

from __future__ import annotations

import pytest

from cef_bridge.content import acts
from cef_bridge.content.fieldmap import FieldMap
from cef_bridge.content.receivers import receivers, siems_of
from cef_bridge.content.vocabulary import LOG_SOURCES, log_source
from cef_bridge.kubearmor.derive import derive
from cef_bridge.siems.registry import SIEMS
from cef_bridge.siems.simulators import SIMULATORS


@pytest.fixture(scope="module")
def maps():
    return {it.siem.name: FieldMap(it) for it in receivers()}


def place(fields, name, product, category):
    source = log_source(product, category)
    return fields.place(source.names.get(name, name), source.kinds)


@pytest.mark.parametrize(
    ("siem", "category", "field", "names"),
    [
        # An exec: the parent acts. ProcessName is absent in a fifth of them, the path is not.
        ("splunk", "process_creation", "Image", ("filePath",)),
        ("splunk", "process_creation", "ParentImage", ("sproc",)),
        ("splunk", "process_creation", "CommandLine", ("CommandLine",)),
        # Of a file event the process itself acts.
        ("splunk", "file_event", "Image", ("sproc",)),
        ("splunk", "file_event", "TargetFilename", ("filePath",)),
        ("sentinel", "file_event", "TargetFilename", ("FilePath",)),
        ("sentinel", "process_creation", "CommandLine", ("DeviceCustomString5",)),
        ("elastic", "process_creation", "Image", ("file.path",)),
        ("elastic", "network_connection", "DestinationIp", ("destination.ip",)),
        ("elastic", "network_connection", "Protocol", ("network.transport",)),
        ("qradar", "network_connection", "DestinationIp", ("Destination IP",)),
        ("qradar", "dns_query", "QueryName", ("dnsName",)),
        # Who connects acts, a listener is reached.
        ("graylog", "network_connection", "Image", ("sproc", "dproc")),
        # IPv6 has a slot of its own there.
        ("arcsight", "network_connection", "DestinationIp", ("destinationAddress", "deviceCustomIPv6Address3")),
    ],
)  # fmt: skip
def test_a_field_is_where_the_siem_has_it(maps, siem, category, field, names):
    assert place(maps[siem], field, "linux", category).names == names


def test_a_key_that_qradar_has_no_column_for_needs_a_custom_property(maps):
    found = place(maps["qradar"], "TargetFilename", "linux", "file_event")
    assert found.names == found.made == ("filePath",)
    assert place(maps["qradar"], "DestinationPort", "linux", "network_connection").made == ()


def test_what_becomes_of_characters_is_seen(maps):
    assert {name: it.changed_texts() for name, it in maps.items()} == {
        "splunk": {"=": "\\=", "\\": "\\\\"},
        "sc4s": {"=": "\\=", "\\": "\\\\"},
        "sentinel": {"|": "/"},
        "elastic": {},
        "graylog": {},
        "arcsight": {},
        "qradar": {"|": "/", "^": " "},
    }


def test_a_field_in_two_places_needs_a_category(maps):
    anywhere = place(maps["splunk"], "ProcessName", "kubearmor", "")
    assert anywhere.names == ()
    assert "a category" in anywhere.why
    assert place(maps["splunk"], "ProcessName", "kubearmor", "file").names == ("sproc",)


@pytest.mark.parametrize(
    ("extension", "why"),
    [
        ("{cs5: null}", "the mapping acme writes it to no key"),
        ("{cs5: {value: the same, label: CommandLine}}", "the mapping acme writes it to no key"),
        ("{cs5: null, KubeArmorCommand: {from: [Resource]}}", ""),
    ],
)
def test_a_field_that_a_mapping_takes_away_is_missing(tmp_path, extension, why):
    path = tmp_path / "acme.yaml"
    path.write_text(
        f"mapping: acme\nextends: splunk\nunmapped: drop\nextension: {extension}\n",
        encoding="utf-8",
    )
    (splunk,) = receivers(path, ("splunk",))
    found = place(FieldMap(splunk), "CommandLine", "linux", "process_creation")
    assert bool(found.names) is not bool(why)
    assert why in found.why


def test_a_field_that_no_rule_writes_is_found_among_those_that_are_kept(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text("mapping: acme\nextends: splunk\nextension: {cs5: null}\n", encoding="utf-8")
    (splunk,) = receivers(path, ("splunk",))
    found = place(FieldMap(splunk), "CommandLine", "linux", "process_creation")
    assert found.names == ("KubeArmorResource",)


def test_a_header_that_a_siem_makes_no_field_of_is_missing():
    (splunk,) = receivers("kubearmor-cef", ("splunk",))
    found = place(FieldMap(splunk), "event.class_id", "kubearmor", "")
    assert found == ((), (), "Splunk makes no field of the header")


def test_a_mapping_is_for_the_siems_of_what_it_extends(tmp_path):
    (tmp_path / "base.yaml").write_text("mapping: base\nextends: splunk\n", encoding="utf-8")
    path = tmp_path / "acme.yaml"
    path.write_text("mapping: acme\nextends: base.yaml\n", encoding="utf-8")
    assert siems_of(path) == ("splunk", "sc4s")
    assert siems_of("qradar-leef") == ("qradar",)
    assert siems_of("kubearmor-cef") == tuple(SIMULATORS)


def test_probes_are_of_the_class_ids_that_their_kind_names():
    for kind, it in acts.KINDS.items():
        parts = {pattern.strip("*.").split(".")[-1] for pattern in it.class_ids}
        for event in acts.probes(kind):
            class_id = str(derive(event).fields["event.class_id"]).split(".")
            assert parts & set(class_id), (kind, class_id)


def test_every_probe_is_converted_and_stored(maps):
    for name, fields in maps.items():
        for source in LOG_SOURCES:
            found = fields.place("event.class_id", source.kinds)
            assert len(found.names) == 1, (name, source.category, found.why)


def test_what_makes_fields_is_said_of_the_siems_that_have_none_for_a_key(maps):
    for name, fields in maps.items():
        place = fields.place("TTY", ("exec",))
        assert place.names, name
        assert bool(place.made) == bool(SIEMS[name].makes_fields), name
