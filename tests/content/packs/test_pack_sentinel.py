"""The pack for Sentinel: its KQL is Microsoft's, its rules fire as KQL, its documents keep to their forms."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta

import duckdb_kql
import kusto_service
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import validate
from security_log import COLUMNS, TABLES

from cef_bridge.batches import batches
from cef_bridge.content import rule_files, shipped_rules
from cef_bridge.content.packs import registry
from cef_bridge.content.packs.attack import TECHNIQUES
from cef_bridge.content.packs.pack_content import PackContent
from cef_bridge.content.packs.sentinel import analytic_rules, asim, kql, workbook
from cef_bridge.content.receivers import receivers
from cef_bridge.siems.sentinel.simulator import TYPES
from cef_bridge.siems.simulators import SIMULATORS

FILES, _ = rule_files.read(shipped_rules.rules())
NAMES = [it.name for it in FILES]


@pytest.fixture(scope="module")
def content():
    return PackContent(receivers(None, ("sentinel",))[0], FILES)


@pytest.fixture(scope="module")
def pack():
    (built,) = registry.build(("sentinel",))
    return built.folders["sentinel"]


@pytest.fixture(scope="module")
def queries(content, pack):
    """All queries of the pack by a name."""
    found = {
        path: yaml.safe_load(data)["query"]
        for path, data in pack.items()
        if path.startswith("analytic-rules/")
    }
    for path, data in pack.items():
        if path.startswith("parsers/"):
            # In a workspace `disabled` is a parameter of the function around it.
            text = yaml.safe_load(data)["ParserQuery"]
            found[path] = text.replace("disabled=disabled", "disabled=false")
        if path.endswith(".kql"):
            found[path] = data.decode()
    return found | {f"workbook {it.name}": it.query for it in workbook.parts(content)}


@pytest.fixture(scope="module")
def bound(queries):
    return kusto_service.bound(TABLES, queries)


def test_every_query_is_taken_by_microsofts_parser_over_the_columns_of_the_table(bound):
    assert len(bound) > 40
    assert {name: it["problems"] for name, it in bound.items() if it["problems"]} == {}


def test_the_parser_that_checks_knows_columns_types_and_operators():
    wrong = {
        "column": "CommonSecurityLog | where Nope == 1",
        "type": 'CommonSecurityLog | where SourcePort contains "x"',
        "operator": "CommonSecurityLog | wher SourcePort == 1",
    }
    found = kusto_service.bound(TABLES, wrong)
    assert all(it["problems"] for it in found.values())


def test_the_simulators_types_are_those_of_the_table():
    # cn1 to cn3: the simulator's long is FieldDeviceCustomNumberN, which holds what the int cannot.
    differ = {name for name, kind in TYPES.items() if COLUMNS.get(name) != kind}
    assert differ <= {f"DeviceCustomNumber{n}" for n in (1, 2, 3)}


# The rules of templates, from Azure-Sentinel's .script/tests/detectionTemplateSchemaValidation/Models.
TACTICS = [
    *("InitialAccess", "Execution", "Persistence", "PrivilegeEscalation", "DefenseEvasion"),
    *("CredentialAccess", "Discovery", "LateralMovement", "Collection", "Exfiltration"),
    *("CommandAndControl", "Impact", "Reconnaissance", "ResourceDevelopment"),
]
IDENTIFIERS = {
    "Account": ["Name", "FullName"],
    "DNS": ["DomainName"],
    "File": ["Directory", "Name"],
    "Host": ["HostName", "FullName", "DnsDomain"],
    "IP": ["Address"],
    "Process": ["ProcessId", "CommandLine"],
}
TEMPLATE = {
    "type": "object",
    "additionalProperties": False,
    "required": [
        *("id", "kind", "name", "description", "severity", "requiredDataConnectors", "query"),
        *("queryFrequency", "queryPeriod", "triggerOperator", "triggerThreshold", "version"),
    ],
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"const": "Scheduled"},
        "name": {"type": "string", "maxLength": 256},
        "description": {"type": "string", "maxLength": 5000},
        "severity": {"enum": ["Informational", "Low", "Medium", "High"]},
        "status": {"const": "Available"},
        "requiredDataConnectors": {
            "type": "array",
            "items": {
                "properties": {"connectorId": {"const": "CefAma"}},
                "required": ["connectorId", "dataTypes"],
            },
        },
        "query": {"type": "string", "minLength": 1, "maxLength": 10_000},
        "queryFrequency": {"pattern": "^[0-9]+[mhd]$"},
        "queryPeriod": {"pattern": "^[0-9]+[mhd]$"},
        "triggerOperator": {"enum": ["gt", "lt", "eq", "ne"]},
        "triggerThreshold": {"type": "integer", "minimum": 0, "maximum": 10_000},
        "tactics": {"type": "array", "items": {"enum": TACTICS}},
        "relevantTechniques": {
            "type": "array",
            "items": {"pattern": r"^T\d{4}(\.\d{3})?$"},
        },
        "customDetails": {
            "type": "object",
            "maxProperties": 20,
            "propertyNames": {"pattern": r"^[a-zA-Z]\w{0,19}$"},
            "additionalProperties": {"pattern": r"^[a-zA-Z_]\w*$"},
        },
        "entityMappings": {
            "type": "array",
            "minItems": 1,
            "maxItems": 5,
            "items": {
                "properties": {"fieldMappings": {"type": "array", "minItems": 1, "maxItems": 3}},
                "required": ["entityType", "fieldMappings"],
            },
        },
        "eventGroupingSettings": {
            "properties": {"aggregationKind": {"enum": ["SingleAlert", "AlertPerResult"]}}
        },
        "version": {"pattern": r"^\d+\.\d+\.\d+$", "maxLength": 20},
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_a_template_as_the_repository_checks_it(pack, bound, name):
    path = f"analytic-rules/{name}.yaml"
    made = yaml.safe_load(pack[path])
    validate(made, TEMPLATE)
    uuid.UUID(made["id"])
    columns = bound[path]["columns"]
    for entity in made["entityMappings"]:
        for field in entity["fieldMappings"]:
            assert field["identifier"] in IDENTIFIERS[entity["entityType"]]
            assert field["columnName"] in columns
    assert set(made["customDetails"].values()) <= columns.keys()
    # A technique none of whose tactics the rule has is refused.
    for technique in made["relevantTechniques"]:
        own = {it.title().replace("-", "") for it in TECHNIQUES[technique].tactics}
        assert {it.lower() for it in own} & {it.lower() for it in made["tactics"]}, technique


def test_no_rule_is_missing_in_the_template_for_the_portal(pack):
    made = json.loads(pack["analytic-rules.json"])
    titles = {f"KubeArmor - {it.main['title']}" for it in FILES}
    assert {it["properties"]["displayName"] for it in made["resources"]} == titles
    for it in made["resources"]:
        # ARM takes a text that begins with a bracket for an expression.
        assert not any(
            isinstance(value, str) and value.startswith("[") for value in it["properties"].values()
        )
        assert all(re.fullmatch(r"T\d{4}", each) for each in it["properties"]["techniques"])


# Columns that are mandatory, with their types: ASIM/dev/ASimTester/ASimTester.csv of Azure-Sentinel.
_TIMES = {"EventStartTime": "datetime", "EventEndTime": "datetime", "TimeGenerated": "datetime"}
_ALL = _TIMES | dict.fromkeys(
    ("EventType", "EventResult", "EventProduct", "EventVendor", "EventSchemaVersion", "Dvc"),
    "string",
)
MANDATORY = {
    "ASimProcessEventCreateKubeArmor": dict.fromkeys(
        (
            *("ActingProcessId", "ActorUsername", "TargetProcessCommandLine", "TargetProcessId"),
            *("TargetProcessName", "TargetUsername"),
        ),
        "string",
    ),
    "ASimFileEventKubeArmor": dict.fromkeys(
        (
            *("ActorUsername", "FilePath", "TargetFilePathType"),
            *("SrcFilePath", "SrcFilePathType"),
        ),
        "string",
    ),
    "ASimNetworkSessionKubeArmor": dict.fromkeys(("EventSeverity", "Src", "Dst"), "string")
    | {"SrcPortNumber": "int", "DstPortNumber": "int"},
    "ASimDnsKubeArmor": dict.fromkeys(
        ("DnsResponseCodeName", "EventResultDetails", "Src"), "string"
    ),
}


@pytest.mark.parametrize("name", MANDATORY)
def test_a_parser_gives_the_mandatory_columns_of_its_schema(bound, name):
    columns = bound[f"parsers/{name}.yaml"]["columns"]
    wanted = _ALL | {"EventCount": "int", "EventSchema": "string"} | MANDATORY[name]
    assert {key: columns.get(key) for key in wanted} == wanted


# ---- KQL at work, by an implementation that is not Microsoft's ----------------------------------

_DUCK = {"datetime": "TIMESTAMP", "int": "INTEGER", "long": "BIGINT", "real": "DOUBLE"}
NOW = datetime(2026, 2, 11, 8, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def database():
    database = duckdb_kql.connect()
    made = ", ".join(f'"{it}" {_DUCK.get(kind, "VARCHAR")}' for it, kind in COLUMNS.items())
    database.execute(f"CREATE TABLE CommonSecurityLog ({made})")
    yield database
    database.close()


def stored(database, content, events, every=1):
    """Put into the table what Sentinel stores of events."""
    database.execute("DELETE FROM CommonSecurityLog")
    mapping = content.mapping
    convert = batches(mapping, syslog_header=mapping.envelope.network_header)
    for number, event in enumerate(events):
        moment = NOW + timedelta(seconds=number * every)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        (outcome,) = convert(json.dumps({"UpdatedTime": text, **event}).encode())
        reading = SIMULATORS["sentinel"].read(outcome.line)
        # A column that does not exist in the table is an error here.
        values = {it.name: it.value for it in reading.fields} | {"TimeGenerated": text}
        # A text column of Log Analytics is empty, never null.
        values = {it: "" for it, kind in COLUMNS.items() if kind == "string"} | values
        names = ", ".join(f'"{it}"' for it in values)
        marks = ", ".join("?" * len(values))
        database.execute(
            f"INSERT INTO CommonSecurityLog ({names}) VALUES ({marks})",  # noqa: S608 - columns
            list(values.values()),
        )


_PREV = re.compile(r"(\w+) = prev\((\w+), (\d+)\)")
_BACK = re.compile(rf"\| sort by ([^\n]*)\n\| extend ({_PREV.pattern}[^\n]*)\n")


def found_by(database, query):
    """Return what a query finds; the other implementation knows no time of arrival and no prev()."""
    text = query.replace("ingestion_time()", "now()")
    if back := _BACK.search(text):
        order = ", ".join(f'"{it.split()[0]}"' for it in back[1].split(", "))
        columns = ", ".join(
            f'lag("{it[2]}", {it[3]}) OVER (ORDER BY {order}) AS "{it[1]}"'
            for it in _PREV.finditer(back[2])
        )
        before = duckdb_kql.to_sql(text[: back.start()])
        windowed = f"SELECT *, {columns} FROM ({before})"  # noqa: S608 - our own query
        database.execute(f"CREATE OR REPLACE TABLE Windowed AS {windowed}")
        text = "Windowed\n" + text[back.end() :]
    return duckdb_kql.query(database, text).fetchall()


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_fires_as_kql_on_its_events_and_on_no_others(content, database, name):
    rule = next(it for it in content.rules if it.name == name)
    query = kql.rule_query(content, rule)
    for test in rule.verdict.rule.tests:
        stored(database, content, test.events, test.every)
        fired = bool(found_by(database, query))
        assert fired == test.fires, test.name


@given(text=st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20))
@settings(max_examples=60, deadline=None)
def test_a_literal_is_the_text_whatever_is_in_it(text):
    found = (
        duckdb_kql.connect().execute(duckdb_kql.to_sql(f"print x = {kql.string(text)}")).fetchall()
    )
    assert found == [(text,)]


def test_literals_of_quotes_and_backslashes_are_microsofts_too():
    texts = {"quote": 'a"b', "backslash": "a\\", "both": 'a\\"; CommonSecurityLog', "n": "\\n"}
    queries = {name: f"print x = {kql.string(text)}" for name, text in texts.items()}
    assert all(not it["problems"] for it in kusto_service.bound(TABLES, queries).values())


def test_the_first_pair_of_a_key_counts(database, content):
    event = {
        "Type": "ContainerLog",
        "Operation": "Process",
        "HostName": "node-1",
        "ContainerID": "c",
        "Resource": "/bin/x",
        "ProcessName": "/bin/x",
        "Data": "syscall=SYS_EXECVE",
        "TTY": "pts0;KubeArmorTTY=forged",
        "Result": "Passed",
    }
    stored(database, content, [event])
    query = f"CommonSecurityLog\n| project x = {kql.pair_of('KubeArmorTTY')}"
    assert duckdb_kql.query(database, query).fetchall() == [("pts0",)]


FILE = {"Type": "ContainerLog", "HostName": "node-1", "Operation": "File", "Result": "Passed"}
PARSED = [
    (
        "ASimProcessEventCreateKubeArmor",
        {
            "Type": "MatchedPolicy",
            "Operation": "Process",
            "HostName": "node-1",
            "HostPPID": 5,
            "HostPID": 6,
            "UID": 0,
            "UserName": "root",
            "PodName": "ledger-0",
            "ParentProcessName": "/bin/sh",
            "ProcessName": "/usr/bin/curl",
            "Action": "Block",
            "Resource": "/usr/bin/curl -s http://x",
            "Data": "syscall=SYS_EXECVE",
            "PolicyName": "deny",
            "Severity": "8",
            "Result": "Permission denied",
        },
        {
            "EventResult": "Failure",
            "EventSeverity": "High",
            "TargetProcessName": "/usr/bin/curl",
            "CommandLine": "/usr/bin/curl -s http://x",
            "ActingProcessName": "/bin/sh",
            "TargetProcessId": "6",
            "ActorUsername": "root",
            "Dvc": "node-1",
        },
    ),
    (
        "ASimFileEventKubeArmor",
        {**FILE, "Resource": "/etc/cron.d/x", "Data": "syscall=SYS_OPENAT flags=O_WRONLY"},
        {"EventType": "FileModified", "FilePath": "/etc/cron.d/x", "TargetFileName": "x"},
    ),
    ("ASimFileEventKubeArmor", {**FILE, "Resource": "/etc/x", "Data": "flags=O_RDONLY"}, None),
    (
        "ASimNetworkSessionKubeArmor",
        {
            "Type": "ContainerLog",
            "Operation": "Network",
            "HostName": "node-1",
            "HostPID": 6,
            "ProcessName": "/usr/bin/python3",
            "Result": "Passed",
            "Resource": "remoteip=2001:db8::5 port=8443 protocol=TCPv6",
            "Data": "kprobe=tcp_connect domain=AF_INET6",
        },
        {
            "NetworkDirection": "Outbound",
            "Src": "node-1",
            "Dst": "2001:db8::5",
            "DstPortNumber": 8443,
            "DvcAction": "Allow",
        },
    ),
    (
        "ASimDnsKubeArmor",
        {
            "Type": "ContainerLog",
            "Operation": "Network",
            "HostName": "node-1",
            "HostPID": 6,
            "ProcessName": "/usr/bin/curl",
            "Result": "Passed",
            "Resource": "sa_family=AF_INET sin_port=53",
            "Data": "kfunc=UDP_SENDMSG domain=cdn.example.net daddr=10.96.0.10 qtype=A",
        },
        {"DnsQuery": "cdn.example.net", "DnsQueryTypeName": "A", "Dst": "10.96.0.10"},
    ),
]


@pytest.mark.parametrize(("name", "event", "wanted"), PARSED)
def test_a_parser_reads_an_event_as_its_schema_has_it(database, content, name, event, wanted):
    stored(database, content, [event])
    parser = next(it for it in asim.parsers(content) if it.name == name)
    sql = duckdb_kql.to_sql(parser.query.replace("disabled", "false"))
    found = database.execute(sql)
    rows = [
        dict(zip([it[0] for it in found.description], row, strict=True)) for row in found.fetchall()
    ]
    if wanted is None:
        assert rows == []
    else:
        assert {key: rows[0][key] for key in wanted} == wanted


def test_a_key_is_not_found_in_another_key_or_value(database):
    database.execute("DELETE FROM CommonSecurityLog")
    text = "MyKubeArmorTTY=a;KubeArmorCwd=/KubeArmorTTY=b;KubeArmorTTY=c"
    database.execute("INSERT INTO CommonSecurityLog (AdditionalExtensions) VALUES (?)", [text])
    query = f"CommonSecurityLog\n| project x = {kql.pair_of('KubeArmorTTY')}"
    assert duckdb_kql.query(database, query).fetchall() == [("c",)]


def test_every_column_of_a_rule_is_one_that_the_simulator_fills(content):
    for rule in content.rules:
        query = kql.rule_query(content, rule)
        names = set(re.findall(r"\b[A-Za-z_]\w+\b", re.sub(r'"(?:\\.|[^"\\])*"', "", query)))
        filled = {*TYPES, "Computer", "DeviceEventClassID", "DeviceVendor", "TimeGenerated"}
        assert names & COLUMNS.keys() <= {*filled, "AdditionalExtensions"}


def test_a_mapping_of_ones_own_gives_its_own_columns(tmp_path):
    mapping = tmp_path / "acme.yaml"
    mapping.write_text(
        "mapping: acme\nextends: sentinel\ncluster: prod\n"
        "extension: {cs1: null, deviceCustomDate1: null, flexString1: "
        "{from: PolicyName, label: Policy}}\n",
        encoding="utf-8",
    )
    content = PackContent(receivers(mapping, ("sentinel",))[0], FILES)
    rule = next(it for it in content.rules if it.name == "default-posture")
    assert 'FlexString1 =~ "DefaultPosture"' in analytic_rules.template(content, rule)["query"]
    assert "NetworkRuleName = FlexString1" in asim.parsers(content)[2].query


def test_the_same_input_makes_the_same_bytes(pack):
    (again,) = registry.build(("sentinel",))
    assert again.folders["sentinel"] == pack
