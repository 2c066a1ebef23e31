"""What the studio shows of events, messages and samples, hostile ones among them."""

from __future__ import annotations

import json

import pytest
from commands import COMMAND, run
from studio_server import applied, studio

from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.workbench.events import events_of

ALERT = {
    "Type": "MatchedPolicy",
    "Operation": "Process",
    "UpdatedTime": "2026-03-03T09:00:57.011905Z",
    "HostName": "node-a1",
    "NamespaceName": "shop",
    "PodName": "checkout-0",
    "Source": "/bin/sh",
    "ProcessName": "/usr/bin/curl",
    "Resource": "/usr/bin/curl http://evil.example",
    "Action": "Block",
    "Result": "Permission denied",
    "PolicyName": "deny-curl",
}
HOSTILE = [
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "\u202egnp.exe\u2066\u200f",
    "\x1b[2J\x00\x07\r\n",
    "\ud83d half a character",
    "é🙂" * 1000,
    "x" * 200_000,
]
TEXT = "mapping: acme\nextends: splunk\ncluster: h\n"


def paste(client, *events: dict[str, object]) -> list[int]:
    return client.post("/api/events", text="\n".join(map(json.dumps, events)))["numbers"]


def units(text: str, start: int, end: int) -> str:
    """Return a part of a text as a browser cuts it."""
    return text.encode("utf-16-le", "surrogatepass")[2 * start : 2 * end].decode("utf-16-le")


def test_the_line_is_the_one_that_forward_sends(client):
    number = paste(client, ALERT)[0]
    mapping = load("splunk")
    converter = Converter(mapping, syslog_header=mapping.envelope.network_header)
    line = client.post("/api/line", text=client_text("splunk"), event=number)
    assert line["outcome"] == "converted"
    assert line["message"] == converter.convert(ALERT).message
    assert line["bytes"] == len(line["message"].encode())


def client_text(name: str) -> str:
    """Return a text that says no more than a shipped mapping."""
    return f"mapping: acme\nextends: {name}\n"


@pytest.mark.parametrize("parent", ["splunk", "qradar-leef", "sentinel", "kubearmor-cef"])
@pytest.mark.parametrize("text", HOSTILE, ids=["markup", "bidi", "control", "half", "far", "long"])
def test_each_part_is_where_it_says_whatever_the_event_holds(client, parent, text):
    event = {**ALERT, "Resource": text, "PodName": text, "Labels": f"a={text}", text: text}
    number = paste(client, event)[0]
    line = client.post("/api/line", text=client_text(parent), event=number)
    assert line["outcome"] == "converted"
    assert len(line["parts"]) > 15
    for part in line["parts"]:
        shown = units(line["message"], part["start"], part["end"])
        before = units(line["message"], 0, part["start"])
        if part["key"].startswith(("header.", "syslog.")):
            assert shown
        else:
            assert before.endswith(f"{part['key']}=")
            escaped = part["value"].replace("\\", "\\\\").replace("=", "\\=").replace("\n", "\\n")
            assert shown in (part["value"], escaped.replace("\r", "\\r"))
    assert {field["path"] for field in line["fields"]} >= {"Resource", "PodName"}
    assert client.get(f"/api/event/{number}")["text"]
    assert client.get("/api/events?filter=pasted")["events"] is not None


def test_a_key_its_rule_and_its_fields_belong_together(client):
    number = paste(client, ALERT)[0]
    text = TEXT + "extension:\n  cs2: {from: NamespaceName, label: K8sNamespace}\n"
    line = client.post("/api/line", text=text, event=number)
    part = next(it for it in line["parts"] if it["key"] == "cs2")
    assert part["rule"] == {"file": "acme.yaml", "line": 5, "own": True}
    assert (part["label"], part["value"], part["fields"]) == (
        "K8sNamespace",
        "shop",
        ["NamespaceName"],
    )
    field = next(it for it in line["fields"] if it["path"] == "NamespaceName")
    assert (field["fate"], field["keys"]) == ("mapped", ["cs2"])
    parent = next(it for it in line["parts"] if it["key"] == "act")
    assert (parent["rule"]["file"], parent["rule"]["own"]) == ("kubearmor-cef.yaml", False)


def test_an_event_that_is_filtered_says_by_what(client):
    number = paste(client, ALERT)[0]
    text = TEXT + "drop_events: [{NamespaceName: shop}]\n"
    line = client.post("/api/line", text=text, event=number)
    assert (line["outcome"], line["message"]) == ("filtered", "")
    assert line["reason"].startswith("Filtered by drop_events, acme.yaml:4")


def test_a_mapping_that_cannot_be_used_says_so_and_no_more(client):
    for text in ("", "a: [", "mapping: x\nextends: y\n", "\x00", "\ud800", "[" * 1000):
        line = client.post("/api/line", text=text, event=1)
        assert line["valid"] is False
        assert line["problem"]["message"]
        lint = client.post("/api/lint", text=text)
        assert lint["valid"] is False
        assert lint["findings"]


def test_lint_says_what_the_command_says(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(TEXT + "extension:\n  cs2: {from: NamespceName}\n  shost: {from: PodName}\n")
    done = run([COMMAND, "mapping", "lint", "--json", path], capture_output=True, check=False)
    said = [(it["code"], it["line"], it["column"]) for it in json.loads(done.stdout)]
    assert len(said) > 2
    with studio("-m", path) as running:
        findings = running.client.post("/api/lint", text=path.read_text())["findings"]
    own = [(it["code"], it["place"]["line"], it["place"]["column"]) for it in findings]
    assert own == said
    assert all(it["page"].startswith(it["code"]) for it in findings)


def test_the_list_of_events_is_filtered_by_all_words(client):
    paste(client, {**ALERT, "Resource": "/usr/bin/needle in hay"}, {**ALERT, "Resource": "needle"})
    found = client.get("/api/events?filter=NEEDLE%20hay&count=10")
    assert found["matching"] == 1
    row = found["events"][0]
    assert (row["title"], row["verdict"], row["pasted"]) == (
        "/usr/bin/needle in hay",
        "blocked",
        True,
    )
    assert found["total"] > found["matching"]
    later = client.get("/api/events?from=2&count=1")
    assert [it["number"] for it in later["events"]] == [3]


@pytest.mark.parametrize("text", ["", "no event", '{"a": 1}', "\x00", "[" * 5000])
def test_what_is_no_event_is_not_pasted(client, text):
    answer = client.ask("/api/events", {"text": text})
    assert answer.status == 400
    assert "no event of KubeArmor" in answer.json["error"]["message"]


def test_a_record_that_is_too_long_is_refused_with_its_size(client):
    answer = client.ask("/api/events", {"text": json.dumps({**ALERT, "Resource": "x" * (1 << 20)})})
    assert answer.status == 400
    assert "A record of 1.0 MiB is too long." in answer.json["error"]["message"]


def test_several_events_in_one_text_each_get_a_number(client):
    pretty = json.dumps([ALERT, {**ALERT, "PodName": "other"}], indent=2)
    numbers = client.post("/api/events", text=pretty)["numbers"]
    assert len(numbers) == 2
    rows = [client.get(f"/api/event/{number}")["text"] for number in numbers]
    assert [json.loads(text)["PodName"] for text in rows] == ["checkout-0", "other"]
    lines = [client.post("/api/line", text=TEXT, event=number)["message"] for number in numbers]
    assert ["cs3=other " in line for line in lines] == [False, True]


def test_a_survey_counts_as_coverage_and_diff_do(tmp_path):
    sample = tmp_path / "events.ndjson"
    sample.write_bytes(
        run([COMMAND, "generate", "--count", "3000"], capture_output=True, check=True).stdout
    )
    old, new = tmp_path / "acme.yaml", tmp_path / "new.yaml"
    old.write_text(TEXT + "drop_events: [{event.verb: dns}]\n")
    text = (
        TEXT + "drop_events: [{event.verb: connect}]\nextension: {act: null, dproc: {value: x}}\n"
    )
    new.write_text(text)
    with studio("-m", old, sample) as running:
        found = running.client.survey(text)
    done = run(
        [COMMAND, "mapping", "diff", "--json", old, new, sample], capture_output=True, check=False
    )
    diff = json.loads(done.stdout)
    events = diff["events"]
    assert found["state"] == "done"
    assert found["diff"]["changed"] == events["different"] + events["only_old"] + events["only_new"]
    assert found["diff"]["same"] == events["same"]
    names = {"added": "gained", "removed": "lost", "changed": "changed"}
    told = {
        (key["key"], names[name]): key[name]
        for key in found["diff"]["keys"]
        for name in names
        if key[name]
    }
    assert told == {(key["key"], key["change"]): key["events"] for key in diff["keys"]}
    done = run(
        [COMMAND, "mapping", "coverage", "--json", "-m", new, sample],
        capture_output=True,
        check=True,
    )
    coverage = json.loads(done.stdout)
    assert found["outcomes"] == {
        key: coverage["events"][key] for key in ("converted", "filtered", "rejected")
    }
    fields = {
        row["field"]: (row["events"], row["mapped"], row["unmapped"], row["lost"] + row["partial"])
        for row in coverage["fields"]
    }
    assert {
        row["path"]: (row["events"], row["mapped"], row["leftover"], row["lost"])
        for row in found["coverage"]
    } == fields
    assert sum(found["severities"]) == coverage["events"]["converted"]
    assert found["sizes"]["least"] <= found["sizes"]["median"] <= found["sizes"]["most"]
    own = {(row["key"], row["line"]): row["fired"] for row in found["rules"] if row["own"]}
    assert own["dproc", 5] == coverage["events"]["converted"]
    mapping = load(str(new))
    converter = Converter(mapping, syslog_header=mapping.envelope.network_header)
    from cef_bridge.sources.files.inputs import expand

    every = [converter.convert(it.fields) for it in events_of(expand([str(sample)]), [])]
    assert found["diff"]["samples"]
    for each in found["diff"]["samples"]:
        assert every[each["number"] - 1].message == each["after"]


def test_a_new_survey_of_a_page_ends_its_last_one_and_a_page_cannot_have_many(tmp_path):
    sample = tmp_path / "events.ndjson"
    sample.write_bytes(
        run([COMMAND, "generate", "--count", "20000"], capture_output=True, check=True).stdout
    )
    path = tmp_path / "acme.yaml"
    path.write_text(TEXT)
    with studio("-m", path, sample) as running:
        client = running.client
        begun = [client.post("/api/survey", text=TEXT + f"# {n}\n", page="a") for n in range(6)]
        last = client.survey(TEXT, "a")
        assert (last["state"], last["done"], last["of"]) == ("done", 20000, 20000)
        states = [client.get(f"/api/survey/{it['id']}")["state"] for it in begun]
        assert set(states) <= {"cancelled", "done"}
        assert "cancelled" in states
        answers = [client.ask("/api/survey", {"text": TEXT, "page": f"p{n}"}) for n in range(8)]
        assert 429 in {answer.status for answer in answers}
        running.end()


def test_an_example_of_any_event_passes(client):
    number = paste(
        client,
        {**ALERT, "Resource": "/bin/x --password=hunter2 é🙂\ud83d", "Extra": [1, {"a": None}]},
    )[0]
    text = client.text()
    for event in (*range(1, 28), number):
        made = client.post("/api/example", text=text, event=event, name=f"number {event}: 'x' # y")
        assert (made["passes"], made["problem"]) == (True, None)
        text = applied(text, made["edits"])
    assert "# ours 🙂" in text
    assert "hunter2" not in text
    assert client.post("/api/lint", text=text)["valid"]
    assert text.count("- name:") == 28


def test_examples_that_are_no_list_are_not_touched(client):
    text = TEXT + "examples: {event: {Operation: File}, expect: {}}\n"
    made = client.post("/api/example", text=text, event=1, name="x")
    assert (made["edits"], made["passes"]) == ([], False)
    assert "not a list" in made["problem"]["message"]


def test_a_sample_says_what_it_leaves_out(tmp_path):
    sample = tmp_path / "events.ndjson"
    sample.write_bytes(
        run([COMMAND, "generate", "--count", "20001"], capture_output=True, check=True).stdout
    )
    with studio(sample) as running:
        start = running.client.get("/api/start")
        assert start["sample"]["events"] == 20000
        assert start["sample"]["more"] is True
        _, err = running.end()
    assert "at most 20,000 events, 64 MiB" in err


def test_a_sample_without_events_is_an_error(tmp_path):
    path = tmp_path / "x.log"
    path.write_text("no event\n")
    done = run([COMMAND, "studio", path], capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no KubeArmor event found" in done.stderr
