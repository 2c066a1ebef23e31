"""The server's answers are what studio/src/api.ts says, which the pages are written against."""

from __future__ import annotations

import pytest
from studio_server import studio
from transcripts import ROOT
from typescript import Literal, Name, faults, interfaces

KNOWN = interfaces((ROOT / "studio/src/api.ts").read_text("utf-8"))
BROKEN = """\
mapping: acme
extends: splunk
envelope: {syslog_header: rfc3164}
extension:
  cs2: {from: NamespceName, label: K8sNamespace}
"""
MISREAD = BROKEN.replace("NamespceName", "NamespaceName")


def holds(value: object, name: str) -> None:
    assert faults(value, Name(name), KNOWN) == []


def test_a_reader_of_interfaces_finds_what_is_not_of_its_type():
    known = interfaces('export interface A { a: string; b: (number | null)[]; c: "x" | B }'
                       "export interface B { d: { e: boolean }[] } // x")  # fmt: skip
    assert faults({"a": "", "b": [1, None], "c": {"d": [{"e": True}]}}, Name("A"), known) == []
    assert faults({"a": "", "b": [], "c": "x"}, Name("A"), known) == []
    assert faults({"a": None, "b": [""], "c": "y", "z": 1}, Name("A"), known) != []
    assert len(faults({"a": 1, "b": [True], "z": 1}, Name("A"), known)) == 4
    assert known["A"].fields["c"].members[0] == Literal("x")


def test_start(client):
    start = client.get("/api/start")
    holds(start, "Start")
    assert all(start[name] for name in ("receivers", "keys", "fields"))


def test_events(client):
    found = client.get("/api/events?count=5")
    holds(found, "EventList")
    assert len(found["events"]) == 5
    holds(client.get("/api/event/1"), "EventText")
    holds(
        client.post("/api/events", text='{"Type": "ContainerLog", "Operation": "File"}'), "Pasted"
    )


def test_lint(client):
    found = client.post("/api/lint", text=BROKEN)
    holds(found, "Lint")
    assert any(each["fixes"] for each in found["findings"])
    holds(client.post("/api/lint", text="a: [\n"), "Lint")
    holds(client.post("/api/lint", text=""), "Lint")


@pytest.mark.parametrize(
    "text",
    [BROKEN, MISREAD, MISREAD + "drop_events: [{NamespaceName: shop}]\n", "mapping: a\n"],
    ids=["invalid", "misread", "filtered", "alone"],
)
def test_line(client, text):
    for number in range(1, 20):
        holds(client.post("/api/line", text=text, event=number), "Line")


def test_line_has_all_parts_of_it(client):
    line = client.post("/api/line", text=MISREAD, event=1)
    assert all(line[name] for name in ("parts", "unwritten", "fields", "receivers"))
    findings = [it for each in line["receivers"] for it in each["findings"]]
    assert any(it["mend"] for it in findings)


def test_survey(client):
    holds(client.post("/api/survey", text=BROKEN, page="a"), "Survey")
    holds(client.survey(BROKEN), "Survey")
    found = client.survey(MISREAD)
    holds(found, "Survey")
    assert all((found["diff"]["samples"], found["coverage"], found["rules"]))
    assert len(found["severities"]) == 11


def test_example(client):
    holds(client.post("/api/example", text=MISREAD, event=1, name="one"), "Example")
    holds(client.post("/api/example", text=BROKEN, event=1, name="one"), "Example")


def test_errors(client):
    for answer in (
        client.ask("/api/event/9999999"),
        client.ask("/api/x"),
        client.ask("/api/lint", {}),
    ):
        assert answer.status >= 400
        holds(answer.json["error"], "Problem")


def test_saving(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(MISREAD)
    with studio("-m", path, "--edit") as running:
        client = running.client
        hash_ = client.get("/api/start")["mapping"]["hash"]
        holds(client.get("/api/disk"), "Disk")
        holds(client.post("/api/save", text=MISREAD, hash=hash_), "Saved")
        path.write_text(BROKEN)
        refused = client.ask("/api/save", {"text": MISREAD, "hash": hash_})
        assert refused.status == 409
        holds(refused.json["error"], "Problem")
        holds(refused.json["disk"], "MappingFile")
