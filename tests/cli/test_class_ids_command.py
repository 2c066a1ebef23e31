"""The list of class ids in every form: read by a reader of that form, each id there exactly once."""

from __future__ import annotations

import configparser
import csv
import json
import re

import pytest
from click.testing import CliRunner

from cef_bridge.cli.mapping import command
from cef_bridge.kubearmor.classes import catalogue, classify
from cef_bridge.siems.class_ids import FORMS
from cef_bridge.siems.qradar import class_ids

CATALOGUE = {row.class_id: row for row in catalogue()}
IDS = list(CATALOGUE)


def printed(form: str) -> str:
    result = CliRunner().invoke(command, ["class-ids", "--format", form])
    assert result.exit_code == 0
    assert result.stdout.endswith("\n")
    return result.stdout


def rows(form: str) -> list[dict[str, str]]:
    return list(csv.DictReader(printed(form).splitlines(), strict=True))


def conf(text: str) -> configparser.ConfigParser:
    """Read a .conf as Splunk does: sections, `key = value`, whole-line comments with #."""
    parser = configparser.ConfigParser(interpolation=None, delimiters="=", comment_prefixes="#")
    parser.read_string(text)
    return parser


@pytest.mark.parametrize("form", sorted({*FORMS, "table"} - {"splunk-tags"}))
def test_a_form_names_every_class_once_and_no_other(form):
    found = re.findall(r"(?<![a-z.])(?:alert|log|event)(?:\.[a-z]+){4}(?![a-z.])", printed(form))
    if form == "qradar":  # the description says it again
        found = found[::2]
    assert sorted(found) == sorted(IDS)


def test_csv_has_what_the_table_has():
    assert [tuple(row.values()) for row in rows("csv")] == [tuple(row) for row in catalogue()]
    assert rows("csv")[0].keys() == {"id", "name", "category", "severity"}


def test_json_stays_what_it_was():
    result = CliRunner().invoke(command, ["class-ids", "--json"])
    assert json.loads(result.stdout) == json.loads(printed("json"))
    assert list(json.loads(result.stdout)[0]) == ["id", "name", "category", "severity"]


def test_a_form_without_comments_says_on_stderr_that_nobody_tried_it():
    for form, told in (
        ("qradar", "live QRadar"),
        ("arcsight", "SmartConnector"),
        ("splunk", "SC4S"),
    ):
        result = CliRunner().invoke(command, ["class-ids", "--format", form])
        assert told in result.stderr
        assert "#" not in result.stdout
    for form in ("splunk-eventtypes", "splunk-tags", "sentinel"):
        assert "Not tried on a live" in printed(form).split("\n\n")[0]


# IBM's "Event categories" for QRadar 7.5, and `qidmap_cli.sh -l`.
LOW_LEVEL = {
    "4002": "Firewall Permit",
    "4003": "Firewall Deny",
    "4005": "Misc Network Communication Event",
    "8006": "System Status",
    "8014": "Successful File Modification",
    "8021": "Failed File Modification",
    "8028": "File Created",
    "8033": "File Deleted",
    "8036": "System Informational",
    "8037": "System Action Allow",
    "8038": "System Action Deny",
    "8052": "Information",
    "8053": "Notice",
    "8058": "Messages",
    "9012": "Misc Policy Violation",
}


def test_qradar_gets_what_a_qid_map_entry_needs():
    found = rows("qradar")
    assert tuple(found[0]) == class_ids.COLUMNS
    for row in found:
        assert 1 <= int(row["severity"]) <= 10
        assert row["severity"] == CATALOGUE[row["event_id"]].severity
        assert LOW_LEVEL[row["low_level_category_id"]] == row["low_level_category"]
        assert len(row["event_id"]) <= 255
        assert 0 < len(row["qid_name"]) <= 255
        assert 0 < len(row["description"]) <= 2048
        # Its importer splits at commas, whatever stands around them.
        assert not set(",\"'") & set("".join(row.values()))
    assert len({row["qid_name"] for row in found}) == len(found)
    assert {row["low_level_category_id"] for row in found} == set(LOW_LEVEL)


def test_the_category_for_qradar_is_the_operation_that_such_events_have():
    for row in rows("qradar"):
        operation, verb = row["event_id"].split(".")[2:4]
        if not row["category"]:
            assert operation == "other" or (operation, verb) == ("system", "other")
            continue
        event: dict[str, object] = {"Operation": row["category"], "Type": "ContainerLog"}
        if operation == "system":
            event["Type"] = "SystemEvent" if verb == "throttle" else "CefBridge"
        made = classify(event, "", "").class_id.split(".")
        assert made[2] == operation
        if operation == "system":
            assert made[3] == verb


def test_what_was_blocked_is_a_denial_for_qradar():
    found = {row["event_id"]: row["low_level_category"] for row in rows("qradar")}
    assert found["alert.container.process.exec.block"] == "System Action Deny"
    assert found["alert.host.firewall.ingress.block"] == "Firewall Deny"
    assert found["alert.host.firewall.egress.audit"] == "Firewall Permit"
    assert found["alert.container.file.read.unblocked"] == "Misc Policy Violation"
    assert found["log.container.file.create.passed"] == "File Created"
    assert found["log.container.file.write.failed"] == "Failed File Modification"
    assert found["log.host.network.connect.passed"] == "Misc Network Communication Event"
    assert found["log.host.process.exec.denied"] == "System Action Deny"
    assert found["event.container.system.throttle.none"] == "Notice"


# ESM's event categories (ESM User's Guide, "Categories").
ARCSIGHT = {
    "categoryObject": "/Host /Host/Operating|System /Host/Application /Host/Application/Service /Host/Resource/File /Host/Resource/Process /Host/Resource/Interface",
    "categoryBehavior": "/Access /Access/Start /Access/Stop /Communicate/Query /Communicate/Response /Create /Delete /Execute /Execute/Start /Execute/Stop /Modify/Attribute /Modify/Content /Modify/Configuration",
    "categoryOutcome": "/Success /Failure /Attempt",
    "categoryDeviceGroup": "/Application /Firewall /IDS/Host /Operating|System",
    "categorySignificance": "/Informational /Informational/Warning /Suspicious",
}


def test_arcsight_gets_a_categoriser_in_esm_s_words():
    text = printed("arcsight")
    assert text.startswith("event.deviceEventClassId,set.event.category")
    found = rows("arcsight")
    for name, words in ARCSIGHT.items():
        known = {word.replace("|", " ") for word in words.split()}
        assert {row[f"set.event.{name}"] for row in found} == known
    assert {row["set.event.categoryTechnique"] for row in found} == {
        "",
        "/Policy/Breach",
        "/Policy/Compliant",
    }
    for line in text.splitlines():
        assert line == line.strip()
        assert line.count(",") == 6


def test_arcsight_tells_a_block_from_what_was_let_through():
    found = {row.pop("event.deviceEventClassId"): list(row.values()) for row in rows("arcsight")}
    assert found["alert.container.process.exec.block"] == [
        "/Host/Resource/Process",
        "/Execute/Start",
        "/Failure",
        "/IDS/Host",
        "/Suspicious",
        "/Policy/Breach",
    ]
    assert found["log.host.network.connect.passed"][1:4] == [
        "/Communicate/Query",
        "/Success",
        "/Operating System",
    ]


def test_splunk_metadata_has_three_columns_and_an_index_a_kind():
    found = list(csv.reader(printed("splunk").splitlines(), strict=True))
    assert [cells[0] for cells in found] == [f"KubeArmor_KubeArmor_{each}" for each in IDS]
    assert {(cells[0].split("_")[2].split(".")[0], *cells[1:]) for cells in found} == {
        ("alert", "index", "kubearmor_alerts"),
        ("log", "index", "kubearmor_logs"),
        ("event", "index", "kubearmor_events"),
    }


def test_splunk_event_types_search_the_id_and_every_tag_is_one_of_them():
    types = conf(printed("splunk-eventtypes"))
    for name in types.sections():
        assert re.fullmatch(r"kubearmor_(alert|log|event)(_[a-z]+)+", name)
        assert list(types[name]) == ["search"]
        assert re.fullmatch(
            r'sourcetype=cef KubeArmorEventId IN \(("[a-z.]+"(, )?)+\)', types[name]["search"]
        )
    tags = conf(printed("splunk-tags"))
    named = [name.removeprefix("eventtype=") for name in tags.sections()]
    assert set(named) <= set(types.sections())
    assert all(value == "enabled" for name in tags.sections() for value in tags[name].values())
    known = {"alert", "process", "report", "endpoint", "filesystem", "network", "communicate"}
    known |= {"resolution", "dns", "listening", "port"}
    assert {tag for name in tags.sections() for tag in tags[name]} == known
    assert list(tags["eventtype=kubearmor_alert_network_dns"]) == [
        "alert",
        "network",
        "resolution",
        "dns",
    ]
    alerts = [name for name in types.sections() if name.startswith("kubearmor_alert")]
    assert all("alert" in tags[f"eventtype={name}"] for name in alerts)


KQL = re.compile(
    r"(?://[^\n]*\n)+"
    r"let KubeArmorClasses = datatable\((?P<columns>[^()]+)\)\n"
    r"\[\n(?P<rows>(?:    [^\n]+\n)+)\];\n"
    r"CommonSecurityLog\n(?P<pipes>(?:\| [^\n]+\n)+)"
)


def test_sentinel_gets_a_datatable_and_a_join_on_the_class_id():
    found = KQL.fullmatch(printed("sentinel"))
    assert found
    columns = [tuple(part.split(": ")) for part in re.split(r",\s+", found["columns"])]
    assert columns[0] == ("DeviceEventClassID", "string")
    assert {kind for _, kind in columns} == {"string", "int"}
    # A datatable is a list of literals, as JSON has them: no comma behind the last.
    values = json.loads(f"[{found['rows']}]")
    assert len(values) == len(columns) * len(IDS)
    for start, class_id in zip(range(0, len(values), len(columns)), IDS, strict=True):
        cells = dict(zip((name for name, _ in columns), values[start:], strict=False))
        assert cells["DeviceEventClassID"] == class_id
        assert cells["ClassName"] == CATALOGUE[class_id].name
        assert cells["DefaultSeverity"] == int(CATALOGUE[class_id].severity)
        assert 1 <= cells["DefaultSeverity"] <= 10
        parts = ("Kind", "Scope", "Operation", "Verb", "Disposition")
        assert [cells[part] for part in parts] == class_id.split(".")
    assert "| join kind=leftouter KubeArmorClasses on DeviceEventClassID\n" in found["pipes"]
