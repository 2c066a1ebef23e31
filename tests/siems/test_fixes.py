"""The fix of a finding works: it loads as a mapping, and the finding is gone."""

from __future__ import annotations

import pytest
from reading_help import CONNECT6, EXEC, found, problems, read, written

from cef_bridge.mapping.load import load
from cef_bridge.mapping.load import problems as faults

FORGED = {**EXEC, "Resource": "echo CEF:0|Forged|X|1|id|n|1|act=Allow dvchost=nowhere"}
PIPED = {**EXEC, "Resource": "/bin/sh -c a|b"}
CASES = [
    ("splunk", "kubearmor-cef", EXEC, "rt"),
    ("splunk", "kubearmor-cef", CONNECT6, "c6a3"),
    ("splunk", "arcsight", EXEC, "header.device_event_class_id"),
    ("splunk", "arcsight", EXEC, "header.name"),
    ("splunk", "arcsight", EXEC, "header.severity"),
    ("sc4s", "kubearmor-cef", FORGED, "cs5"),
    ("sentinel", "arcsight", EXEC, "externalId"),
    ("sentinel", "arcsight", PIPED, "cs5"),
    ("sentinel", "splunk", EXEC, ""),
    ("sentinel", "kubearmor-cef", EXEC, ""),
    ("graylog", "splunk", EXEC, ""),
    ("graylog", "arcsight", FORGED, "cs5"),
    ("graylog", "kubearmor-cef", EXEC, "rt"),
    ("arcsight", "splunk", CONNECT6, "dst"),
]


@pytest.mark.parametrize(("siem", "base", "event", "key"), CASES)
def test_a_mapping_with_the_mend_has_the_finding_no_more(siem, base, event, key, tmp_path):
    reading = read(siem, written(base, event))
    wrong = [finding for finding in reading.problems if finding.key == key]
    assert len(wrong) == 1
    path = tmp_path / "fixed.yaml"
    fix = wrong[0].fix.replace("}, envelope: {", "}\nenvelope: {")
    path.write_text(f"mapping: fixed\nextends: {base}\ncluster: c\n{fix}\n")
    assert [fault for fault in faults(path) if fault.severity == "error"] == []
    again = read(siem, written(str(path), event))
    assert (wrong[0].kind, key) not in problems(again)


def test_a_note_of_ipv6_for_elastic_mends_it_too(tmp_path):
    event = {**CONNECT6, "Data": "kprobe=tcp_accept domain=AF_INET6"}
    ignored = found(read("elastic", written("kubearmor-cef", event)), "ignored")["c6a2"]
    path = tmp_path / "fixed.yaml"
    fix = ignored.fix.replace("}, envelope: {", "}\nenvelope: {")
    path.write_text(f"mapping: fixed\nextends: kubearmor-cef\ncluster: c\n{fix}\n")
    assert load(path).envelope.ipv6 == "direct"
    assert "c6a2" not in found(read("elastic", written(str(path), event)), "ignored")
