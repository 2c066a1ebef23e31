"""The add-on for Splunk: its fields are those of Splunk's own, and its searches find the events."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hostile_events import sample_events
from splunk_search import SearchTime, evaluate, matches, python_regex, stanzas

from cef_bridge.content import acts, rule_files, shipped_rules
from cef_bridge.content.packs import registry, splunk
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.packs.splunk.icon import icon
from cef_bridge.content.receivers import receivers
from cef_bridge.errors import CefBridgeError
from cef_bridge.siems.simulators import SIMULATORS

RULES, _ = rule_files.read(shipped_rules.rules())
GOLDEN = Path(__file__).parent.parent / "golden"
ALERT = {
    "Type": "MatchedPolicy", "Operation": "Process", "UpdatedTime": "2026-02-11T08:15:42.118273Z", "HostName": "worker-3",
    "NamespaceName": "shop", "PodName": "ledger-0", "ContainerID": "4f1c", "HostPPID": 7, "HostPID": 8, "UID": 1000,
    "ParentProcessName": "/bin/sh", "ProcessName": "/usr/bin/curl", "Resource": "/usr/bin/curl -d a=b x", "Cwd": "/srv",
    "Data": "syscall=SYS_EXECVE", "PolicyName": "deny-curl", "Severity": "8", "Action": "Block", "Result": "Permission denied",
    "Tags": "MITRE_T1105_ingress_tool_transfer",
}  # fmt: skip


@pytest.fixture(scope="module")
def content():
    (store,) = receivers(None, ("splunk",))
    return PackContent(store, RULES)


@pytest.fixture(scope="module")
def files(content):
    made = splunk.build(content)
    assert {name.partition("/")[0] for name in made} == {splunk.APP}
    return {name.partition("/")[2]: data for name, data in made.items()}


@pytest.fixture(scope="module")
def addon(files):
    return SearchTime(files)


def lines(content):
    """Return messages of all kinds: probes, the rules' test events, samples and golden lines."""
    events = [event for kind in acts.KINDS for event in acts.probes(kind)]
    events += [event for rule in RULES for test in rule.tests for event in test.events]
    events += sample_events()
    found = {content.store.message(event) for event in events}
    for folder in GOLDEN.iterdir():
        if (folder / "mapping").read_text().strip() == "splunk":
            found.add((folder / "expected").read_text().rstrip("\n"))
    return sorted(found - {""})


def without_header(line):
    """Return a message as HEC and SC4S leave it: without the syslog header."""
    return line[line.index("CEF:0|") :]


def test_each_field_of_splunks_own_addon_has_the_same_value_here(content, addon):
    simulator = SIMULATORS["splunk"]
    checked = 0
    found = lines(content)
    for line in found:
        for raw in (line, without_header(line)):
            fields = addon.fields(raw)
            for field in simulator.read(raw).fields:
                assert fields.get(field.name) == field.value, (field, raw)
                checked += 1
    assert len(found) > 150
    assert checked > 5000


def test_what_an_attacker_writes_makes_no_field_of_its_own(content, addon):
    text = (
        r"/bin/x KubeArmorEventId=event.host.system.heartbeat.none cs1Label=act \ cs9=x cs9Label=y"
        " CEF:0|KubeArmor|a|b|c|d|1|act=Allow"
    )
    plain = addon.fields(content.store.message(ALERT))
    fields = addon.fields(content.store.message(ALERT | {"Resource": text}))
    assert fields.keys() - plain.keys() <= {"KubeArmorSuspicious"}
    assert fields["KubeArmorEventId"] == plain["KubeArmorEventId"]
    assert fields["PolicyName"] == "deny-curl"


def test_messages_of_other_products_stay_as_they_are(addon):
    raw = (
        "CEF:0|Acme|Fence|2.0|fence.open|Gate opened|5|act=Block src=192.0.2.7 cs1=x cs1Label=Zone"
    )
    assert addon.fields(raw) == {"sourcetype": "cef"}
    taken = {"dest": "gate", "src": "192.0.2.7", "user": "eve", "process": "p", "direction": "in"}
    for key, text in addon.props.items():
        if key.startswith("EVAL-"):
            name = key.removeprefix("EVAL-")
            assert evaluate(text, taken) == taken.get(
                name, "192.0.2.7" if name == "src_ip" else None
            )


def test_an_alert_has_the_fields_and_tags_of_the_data_models(content, addon):
    fields = addon.fields(content.store.message(ALERT))
    expected = {
        "process": r"/usr/bin/curl -d a\=b x",
        "process_path": "/usr/bin/curl",
        "process_name": "curl",
        "process_id": "8",
        "process_current_directory": "/srv",
        "parent_process_path": "/bin/sh",
        "parent_process_name": "sh",
        "parent_process_id": "7",
        "user_id": "1000",
        "dest": "worker-3",
        "dvc": "worker-3",
        "action": "blocked",
        "type": "alert",
        "severity": "high",
        "signature": "Process execution blocked by policy",
        "signature_id": "alert.container.process.exec.block",
        "rule": "deny-curl",
        "mitre_technique_id": "T1105",
        "vendor_product": "KubeArmor",
    }
    assert {name: fields.get(name) for name in expected} == expected
    assert addon.tags_of(fields) == {"alert", "process", "report"}


@pytest.mark.parametrize(
    ("event", "expected", "tags"),
    [
        (
            {"Operation": "File", "ProcessName": "/bin/cat", "Source": "/bin/cat x", "Resource": "/etc/x",
             "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY"},
            {"process_path": "/bin/cat", "process": "/bin/cat x", "file_path": "/etc/x", "file_name": "x", "action": "read", "type": "event"},
            {"endpoint", "filesystem"},
        ),
        (
            {"Operation": "File", "ProcessName": "/bin/rm", "Resource": "/etc/x", "Data": "syscall=SYS_UNLINK"},
            {"action": "deleted"},
            {"endpoint", "filesystem"},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/nc", "Resource": "remoteip=192.0.2.7 port=443 protocol=TCP",
             "Data": "kprobe=tcp_connect domain=AF_INET"},
            {"dest": "192.0.2.7", "dest_ip": "192.0.2.7", "dest_port": "443", "transport": "tcp", "direction": "outbound",
             "src": "worker-3", "process_name": "nc"},
            {"network", "communicate"},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/nc", "Resource": "remoteip=192.0.2.7 port=443 protocol=TCP",
             "Data": "kprobe=tcp_accept domain=AF_INET"},
            {"src": "192.0.2.7", "src_ip": "192.0.2.7", "src_port": "443", "direction": "inbound", "dest": "worker-3"},
            {"network", "communicate"},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/dig", "Data": "kfunc=UDP_SENDMSG domain=a.example daddr=192.0.2.53 qtype=A"},
            {"query": "a.example", "record_type": "A", "direction": "outbound", "dest": "192.0.2.53"},
            {"network", "resolution", "dns"},
        ),
    ],
)  # fmt: skip
def test_a_log_has_the_fields_and_tags_of_its_data_model(content, addon, event, expected, tags):
    common = {
        "Type": "ContainerLog",
        "HostName": "worker-3",
        "HostPID": 8,
        "UID": 0,
        "Result": "Passed",
    }
    fields = addon.fields(content.store.message(common | event))
    assert {name: fields.get(name) for name in expected} == expected
    assert addon.tags_of(fields) == tags


def saved(files):
    return stanzas(files["default/savedsearches.conf"])


def searched(text, fields):
    """Tell whether a search finds an event; what follows the first pipe is not run."""
    macro = f"(sourcetype=cef KubeArmorEventId=*) {text.removeprefix('`kubearmor_events`')}"
    assert "`" not in macro
    return matches(macro, fields)


@pytest.mark.parametrize(
    "rule", [it for it in RULES if len(it.documents) == 1], ids=lambda it: it.name
)
def test_the_saved_search_of_a_rule_finds_its_events_and_no_others(content, files, addon, rule):
    search = saved(files)[f"KubeArmor: {rule.main['title']}"]["search"]
    assert len(rule.tests) > 1
    for test in rule.tests:
        found = [searched(search, addon.fields(content.store.message(it))) for it in test.events]
        assert any(found) == test.fires, (test.name, search)


def test_the_searches_of_correlations_begin_with_those_of_their_rules(content, files, addon):
    """The events that must fire one are found by each of its searches."""
    correlations = [it for it in content.rules if it.correlation]
    assert {it.name for it in correlations} == {"denied-then-done", "many-denials"}
    for rule in correlations:
        whole = saved(files)[f"KubeArmor: {rule.title}"]["search"]
        (test,) = [it for it in rule.verdict.rule.tests if it.fires][:1]
        fields = [addon.fields(content.store.message(it)) for it in test.events]
        for single in rule.singles:
            part = content.condition(single, "spl")
            assert f"`kubearmor_events` {part}" in whole
            found = [matches(part, it) for it in fields]
            assert sum(found) >= (rule.correlation.at_least or 1)
        assert all(name in it for name in rule.correlation.group_by for it in fields)
    counted = saved(files)["KubeArmor: Many denials of one workload"]["search"]
    assert "streamstats time_window=300s" in counted
    assert "where events>=20" in counted


def test_each_saved_search_is_off_and_says_when_it_runs_and_what_to_do(content, files):
    found = saved(files)
    assert len(found) == len(RULES) + 4
    for rule in content.rules:
        it = found[f"KubeArmor: {rule.title}"]
        assert it["disabled"] == "1"
        assert re.fullmatch(r"[0-9]-59/10 \* \* \* \*", it["cron_schedule"])
        assert rule.response.split()[0] in it["description"]
        assert json.loads(it["action.correlationsearch.annotations"]).get("mitre_attack", []) == [
            *rule.techniques
        ]
    for name in ("missing", "duplicates", "silent"):
        assert found[f"KubeArmor delivery: {name}"]["disabled"] == "1"
    assert "cron_schedule" not in found["KubeArmor delivery: lag"]
    assert (
        found["KubeArmor: Denied act succeeds a little later"]["dispatch.earliest_time"] == "-20m@m"
    )


def test_the_dashboard_is_xml_whose_searches_ask_for_fields_that_are_there(content, files, addon):
    root = ET.fromstring(files["default/data/ui/views/kubearmor.xml"])  # noqa: S314 - our own
    queries = [it.text for it in root.iter("query")]
    assert len(queries) == 10
    known = set()
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            known |= addon.fields(content.store.message(event)).keys()
    for query in queries:
        assert query.startswith("`kubearmor_events` ")
        for fields in re.findall(r"(?:\bby|top limit=10) ([\w ]+?)(?: \||$)", query):
            assert set(fields.split()) <= known | {"KubeArmorQueue", "host"}, query
    assert ET.fromstring(files["default/data/ui/nav/default.xml"]).tag == "nav"  # noqa: S314


def test_expressions_are_linear_where_an_attacker_writes(addon):
    """Twice the text takes about twice the steps: no expression tries all ends of all values."""

    def seconds(size):
        raw = "CEF:0|KubeArmor|K|1|a|b|1|KubeArmorFormat=1 cs5=" + "a cs5Labe " * size + " x=1"
        begin = time.process_time()
        addon.fields(raw)
        return time.process_time() - begin

    seconds(100)
    assert seconds(20_000) < 40 * max(seconds(2_000), 0.002)


def test_no_group_is_repeated_over_a_value():
    """PCRE counts a repeated group as depth, and Splunk stops at a depth of a thousand."""
    from cef_bridge.content.packs.splunk.extraction import transforms

    for it in transforms().values():
        if "REGEX" in it:
            assert not re.search(r"\)[*+]", it["REGEX"])
            re.compile(python_regex(it["REGEX"]))


def test_a_mapping_with_other_names_makes_an_addon_with_these_names(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(
        "mapping: acme\nextends: splunk\nheader: {device_vendor: {value: Acme Corp}}\n"
        "extension: {KubeArmorEventId: null, AcmeId: {from: event.class_id},"
        " cs1: {from: PolicyName, label: AcmePolicy}}\n",
        encoding="utf-8",
    )
    (pack,) = registry.build(("splunk",), path)
    assert pack.left_out == ()
    files = {name.partition("/")[2]: data for name, data in pack.folders["splunk"].items()}
    (store,) = receivers(path, ("splunk",))
    fields = SearchTime(files).fields(store.message(ALERT))
    assert fields["rule"] == fields["AcmePolicy"] == "deny-curl"
    assert fields["action"] == "blocked"
    assert b"KubeArmorEventId" not in b"".join(files.values())


@pytest.mark.parametrize("mapping", ["kubearmor-cef", "qradar-leef"])
def test_a_mapping_that_splunk_finds_no_class_id_of_is_refused(mapping):
    with pytest.raises(CefBridgeError, match=r"class id|writes none|reads CEF"):
        list(registry.build(("splunk",), mapping))


def test_the_icon_is_a_picture_of_its_size():
    data = icon(36)
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    assert data[16:24] == (36).to_bytes(4, "big") * 2


def test_appinspect_finds_no_failure(tmp_path):
    """The folder and the archive; .ci/run installs AppInspect in an environment of its own."""
    appinspect = os.environ.get("SPLUNK_APPINSPECT") or shutil.which("splunk-appinspect")
    if not appinspect:
        pytest.skip("splunk-appinspect is not installed: pipx install splunk-appinspect==4.3.1")
    pack = next(iter(registry.build(("splunk",))))
    for folder, made in pack.folders.items():
        for name, data in made.items():
            path = tmp_path / folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        (entry,) = (tmp_path / folder).iterdir()
        report = tmp_path / f"{folder}.json"
        done = subprocess.run(
            [appinspect, "inspect", entry, "--output-file", report, "--data-format", "json"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        summary = json.loads(report.read_text())["summary"]
        assert (summary["failure"], summary["error"], summary["warning"]) == (0, 0, 0)
        assert summary["success"] > 50
