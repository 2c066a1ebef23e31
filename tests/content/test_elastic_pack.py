"""The pack for Elastic, on noida-db: what the pipeline makes, and which events each query finds.

The documents are what the simulator of decode_cef reads. noida-db is an API that is not ours, and
it is not Elasticsearch: it has no EQL and no ES|QL.
"""

from __future__ import annotations

import json
import re

import pytest
from noida import Noida

from cef_bridge.content import acts, rule_files, shipped_rules
from cef_bridge.content.packs import elastic, registry
from cef_bridge.content.packs.attack import TACTICS, TECHNIQUES
from cef_bridge.content.packs.elastic.ingest import used_fields
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.receivers import receivers
from cef_bridge.kubearmor.classes import catalogue
from cef_bridge.siems.simulators import SIMULATORS

RULES, _ = rule_files.read(shipped_rules.rules())
NUMBERS = (".pid", ".port", "event.severity")
STREAM = "logs-cef.log-default"
COMMON = {
    "UpdatedTime": "2026-02-11T08:15:42.118273Z", "HostName": "worker-3", "NamespaceName": "shop", "PodName": "ledger-0",
    "ContainerID": "4f1c", "ContainerName": "ledger", "ContainerImage": "ledger:3.1", "HostPPID": 7, "HostPID": 8, "UID": 1000,
    "ClusterName": "prod", "Cwd": "/srv",
}  # fmt: skip
BLOCKED = COMMON | {
    "Type": "MatchedPolicy", "Operation": "Process", "ParentProcessName": "/bin/sh", "ProcessName": "/usr/bin/curl",
    "Resource": "/usr/bin/curl -d a=b x", "Data": "syscall=SYS_EXECVE", "PolicyName": "deny-curl", "Severity": "8",
    "Action": "Block", "Result": "Permission denied", "Tags": "MITRE_T1105_ingress_tool_transfer,MITRE_T1059_shell",
}  # fmt: skip


@pytest.fixture(scope="module")
def content():
    (store,) = receivers(None, ("elastic",))
    return PackContent(store, RULES)


@pytest.fixture(scope="module")
def files(content):
    return elastic.build(content)


def document(content, event, time="2026-02-11T08:15:42.118Z"):
    """Return what Elastic stores of an event in front of the pack's pipeline."""
    made = {"@timestamp": time}
    for field in SIMULATORS["elastic"].read(content.store.message(event)).fields:
        if field.name == "@timestamp":
            continue
        *path, last = field.name.split(".")
        inner = made
        for name in path:
            inner = inner.setdefault(name, {})
        inner.setdefault(last, int(field.value) if field.name.endswith(NUMBERS) else field.value)
    return made


@pytest.fixture(scope="module")
def server(tmp_path_factory, files):
    """Return noida-db with the pack, and an index template as the CEF integration has one."""
    with Noida(tmp_path_factory.mktemp("noida")) as running:
        for path, name in (
            ("/_ingest/pipeline/kubearmor-cef", "ingest-pipeline.json"),
            ("/_ingest/pipeline/logs-cef.log@custom", "ingest-pipeline-custom.json"),
            ("/_component_template/logs-cef.log@custom", "component-template.json"),
            ("/_index_template/logs-kubearmor.cef", "index-template.json"),
        ):
            assert running.ask("PUT", path, json.loads(files[name])) == {"acknowledged": True}
        integration = json.loads(files["index-template.json"]) | {
            "index_patterns": ["logs-cef.log-*"],
            "priority": 200,
        }
        integration["template"]["settings"] = {"index.default_pipeline": "logs-cef.log@custom"}
        running.ask("PUT", "/_index_template/logs-cef.log", integration)
        yield running


def stored(server, content, event, stream=STREAM):
    """Return an event as it is stored."""
    name = server.ask("POST", f"/{stream}/_doc?refresh=true", document(content, event))["_id"]
    query = {"query": {"ids": {"values": [name]}}}
    (hit,) = server.ask("POST", f"/{stream}/_search", query)["hits"]["hits"]
    return hit["_source"]


def value(source, name):
    for part in name.split("."):
        source = source.get(part) if isinstance(source, dict) else None
    return source


@pytest.mark.parametrize("stream", [STREAM, "logs-kubearmor.cef-default"])
def test_an_alert_gets_fields_of_ecs(server, content, stream):
    source = stored(server, content, BLOCKED, stream)
    expected = {
        "host.name": "worker-3",
        "process.executable": "/usr/bin/curl",
        "process.name": "curl",
        "process.pid": 8,
        "process.command_line": "/usr/bin/curl -d a=b x",
        "process.working_directory": "/srv",
        "process.parent.executable": "/bin/sh",
        "process.parent.name": "sh",
        "process.parent.pid": 7,
        "user.id": "1000",
        "container.id": "4f1c",
        "container.name": "ledger",
        "container.image.name": "ledger:3.1",
        "orchestrator.type": "kubernetes",
        "orchestrator.cluster.name": "prod",
        "orchestrator.namespace": "shop",
        "orchestrator.resource.name": "ledger-0",
        "orchestrator.resource.type": "pod",
        "rule.name": "deny-curl",
        "threat.framework": "MITRE ATT&CK",
        "threat.technique.id": ["T1105", "T1059"],
        "event.kind": "alert",
        "event.category": ["process"],
        "event.type": ["start"],
        "event.reason": "Permission denied",
        "event.action": "Block",
        "event.outcome": "failure",
    }
    assert {name: value(source, name) for name in expected} == expected
    assert re.match(r"20\d\d-", value(source, "event.ingested"))
    assert value(source, "error.message") is None


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"Operation": "File", "ProcessName": "/bin/cat", "ParentProcessName": "/bin/sh", "Source": "/bin/cat x", "Resource": "/etc/x",
             "Data": "syscall=SYS_OPENAT fd=-100 flags=O_RDONLY", "Result": "Passed"},
            {"process.executable": "/bin/cat", "process.name": "cat", "process.parent.executable": "/bin/sh", "file.path": "/etc/x",
             "process.pid": 8, "process.parent.pid": 7, "event.kind": "event", "event.category": ["file"], "event.type": ["access"]},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/nc", "Resource": "remoteip=192.0.2.7 port=443 protocol=TCP",
             "Data": "kprobe=tcp_connect domain=AF_INET", "Result": "Passed"},
            {"process.executable": "/bin/nc", "destination.ip": "192.0.2.7", "event.category": ["network"],
             "event.type": ["connection", "allowed"]},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/nc", "Resource": "remoteip=192.0.2.7 port=443 protocol=TCP",
             "Data": "kprobe=tcp_accept domain=AF_INET", "Result": "Permission denied"},
            {"process.executable": "/bin/nc", "source.ip": "192.0.2.7"},
        ),
        (
            {"Operation": "Network", "ProcessName": "/bin/dig", "Data": "kfunc=UDP_SENDMSG domain=a.example daddr=192.0.2.53 qtype=A",
             "Result": "Passed"},
            {"dns.question.name": "a.example", "dns.question.type": "A", "event.type": ["protocol", "allowed"]},
        ),
    ],
)  # fmt: skip
def test_a_log_gets_fields_of_ecs(server, content, event, expected):
    source = stored(server, content, COMMON | {"Type": "ContainerLog"} | event)
    assert {name: value(source, name) for name in expected} == expected
    assert value(source, "error.message") is None


def test_every_kind_of_event_is_stored_and_no_field_of_a_rule_changes(server, content):
    kept = used_fields(content) - {"@timestamp"}
    assert len(kept) > 40
    for kind in acts.KINDS:
        for event in acts.probes(kind):
            before, after = document(content, event), stored(server, content, event)
            assert value(after, "error.message") is None
            assert value(after, "event.category"), kind
            for name in kept:
                assert value(after, name) == value(before, name), (kind, name)


def test_events_of_other_products_stay_as_they_are(server):
    other = {
        "@timestamp": "2026-02-11T08:15:42.118Z",
        "observer": {"vendor": "Acme", "hostname": "gate"},
        "event": {"code": "a.b.process.exec.c"},
        "process": {"name": "x"},
    }
    name = server.ask("POST", f"/{STREAM}/_doc?refresh=true", other)["_id"]
    query = {"query": {"ids": {"values": [name]}}}
    (hit,) = server.ask("POST", f"/{STREAM}/_search", query)["hits"]["hits"]
    assert hit["_source"] == other


def test_every_class_id_has_a_category_and_a_type():
    from cef_bridge.content.packs.elastic.ingest import _KINDS

    named = {".".join(row.class_id.split(".")[2:4]) for row in catalogue()}
    assert set(_KINDS) <= named
    assert {it for it in named - set(_KINDS) if not it.startswith(("system.", "other."))} == set()


@pytest.fixture(scope="module")
def tried(server, content):
    """Store the test events of all rules; return what a query finds: rule, test, number."""
    stream = "logs-cef.log-rules"
    for rule in RULES:
        for at, test in enumerate(rule.tests):
            for number, event in enumerate(test.events):
                path = f"/{stream}/_create/{rule.name}_{at}_{number}"
                server.ask("PUT", path, document(content, event))
    server.ask("POST", f"/{stream}/_refresh")

    def find(query, **more):
        body = {"query": {"query_string": {"query": query, "analyze_wildcard": True}}, "size": 9999}
        return server.ask("POST", f"/{stream}/_search", body | more)

    def found(query):
        hits = find(query)["hits"]["hits"]
        return {tuple(hit["_id"].rsplit("_", 2)) for hit in hits}

    found.ask = find
    return found


def detection_rules(files):
    return {
        it["rule_id"]: it for it in map(json.loads, files["detection-rules.ndjson"].splitlines())
    }


@pytest.mark.parametrize(
    "rule", [it for it in RULES if len(it.documents) == 1], ids=lambda it: it.name
)
def test_the_query_of_a_rule_finds_its_events_and_no_others(tried, files, rule):
    it = detection_rules(files)[rule.main["id"]]
    assert (it["type"], it["language"]) == ("query", "lucene")
    found = tried(it["query"])
    for at, test in enumerate(rule.tests):
        hits = [hit for hit in found if hit[:2] == (rule.name, str(at))]
        assert bool(hits) == test.fires, (test.name, it["query"])


def test_the_rule_with_a_threshold_counts_what_its_query_finds(tried, files, content):
    (rule,) = [it for it in content.rules if it.name == "many-denials"]
    it = detection_rules(files)[rule.id]
    assert (it["type"], it["from"], it["interval"]) == ("threshold", "now-300s", "1m")
    assert it["threshold"]["value"] == 20
    found = tried(it["query"])
    counts = {
        at: sum(hit[:2] == (rule.name, str(at)) for hit in found)
        for at, test in enumerate(rule.verdict.rule.tests)
        if test.fires
    }
    assert all(count >= 20 for count in counts.values())
    fields = it["threshold"]["field"]
    answer = tried.ask(it["query"], aggs={name: {"terms": {"field": name}} for name in fields})
    assert all(answer["aggregations"][name]["buckets"] for name in fields)


def test_the_sequence_asks_for_what_its_rules_find_in_their_order(tried, files, content):
    """EQL is not run; its events are those that the same rules find in Lucene."""
    (rule,) = [it for it in content.rules if it.name == "denied-then-done"]
    it = detection_rules(files)[rule.id]
    assert (it["type"], it["language"]) == ("eql", "eql")
    first, *events = it["query"].split("\n")
    assert first.startswith(f"sequence by {', '.join(rule.correlation.group_by)} with maxspan=300s")
    assert [event.strip() for event in events] == [
        f"[{content.condition(single, 'eql')}]" for single in rule.singles
    ]
    (at,) = [at for at, test in enumerate(rule.verdict.rule.tests) if test.fires][:1]
    for number, single in enumerate(rule.singles):
        assert (rule.name, str(at), str(number)) in tried(content.condition(single, "lucene"))


def test_each_rule_is_off_and_has_what_kibana_demands(files, content):
    rules = detection_rules(files)
    assert set(rules) == {it.id for it in content.rules}
    for rule in content.rules:
        it = rules[rule.id]
        assert it["enabled"] is False
        assert it["severity"] in ("low", "medium", "high", "critical")
        assert 0 <= it["risk_score"] <= 100
        assert it["note"].endswith(" ".join(rule.response.split()))
        assert it["index"] == ["logs-cef.log-*", "logs-kubearmor.cef-*"]
        named = {
            sub["id"]
            for threat in it["threat"]
            for technique in threat["technique"]
            for sub in technique["subtechnique"] or [technique]
        }
        assert named == set(rule.techniques)
        for threat in it["threat"]:
            assert threat["tactic"]["reference"] == (
                f"https://attack.mitre.org/tactics/{threat['tactic']['id']}/"
            )


def test_the_names_of_attack_cover_all_rules(content):
    for rule in content.rules:
        assert set(rule.tactics) <= TACTICS.keys()
        assert set(rule.techniques) <= TECHNIQUES.keys()
    for it in TECHNIQUES.values():
        assert it.parent in TECHNIQUES
        assert set(it.tactics) <= TACTICS.keys()


def test_the_dashboard_is_whole_and_its_panels_count_events(tried, files):
    objects = [json.loads(line) for line in files["dashboard.ndjson"].splitlines()]
    places = {(it["type"], it["id"]) for it in objects}
    assert len(places) == len(objects) == 10
    for it in objects:
        assert {(ref["type"], ref["id"]) for ref in it["references"]} <= places
    board = objects[-1]
    panels = json.loads(board["attributes"]["panelsJSON"])
    names = {ref["name"] for ref in board["references"]}
    assert {f"{it['panelIndex']}:{it['panelRefName']}" for it in panels} == names
    for it in objects[1:-1]:
        source = json.loads(it["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        state = json.loads(it["attributes"]["visState"])
        fields = [agg["params"]["field"] for agg in state["aggs"] if agg["type"] == "terms"]
        answer = tried.ask(
            source["query"]["query"],
            size=0,
            aggs={name: {"terms": {"field": name}} for name in fields},
        )
        if it["id"] != "kubearmor-cef-heartbeats":
            assert answer["hits"]["total"]["value"], it["id"]
            assert all(answer["aggregations"][name]["buckets"] for name in fields), it["id"]


def test_the_searches_that_prove_delivery_are_there(files, content):
    for it in content.searches:
        text = files[f"searches/{it.name}.esql"].decode()
        assert text.startswith("// ")
        assert it.query in text


def test_a_mapping_of_ones_own_makes_a_pack_with_its_fields(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(
        "mapping: acme\nextends: elastic\nheader: {device_vendor: {value: Acme}}\n"
        "extension: {cs1: null, KubeArmorPolicy: {from: PolicyName}}\n",
        encoding="utf-8",
    )
    (pack,) = registry.build(("elastic",), path)
    assert pack.left_out == ()
    text = pack.folders["elastic"]["ingest-pipeline.json"].decode()
    assert '"copy_from": "cef.extensions.KubeArmorPolicy"' in text
    assert "== 'Acme'" in pack.folders["elastic"]["ingest-pipeline-custom.json"].decode()
