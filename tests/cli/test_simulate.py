"""`cef-bridge simulate` as an operator runs it: which event, which line, what is printed."""

from __future__ import annotations

import gzip
import json
import os
import pty
from typing import NamedTuple

import commands
import pytest
from cli.running import COMMAND, DATA, event, events, plain

from cef_bridge.mapping.load import load
from cef_bridge.siems.simulators import SIMULATORS

LINE = (
    "<133>Feb 11 08:15:42 gate-1 CEF:0|Acme|Fence|2.0|fence.open|Gate opened|5|"
    "act=Open cs1=north cs1Label=Gate"
)


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, object]:
        return json.loads(self.out)


def simulate(*words: object, stdin: bytes | int = b"") -> Ran:
    done = commands.run(
        [COMMAND, "simulate", *map(str, words)],
        check=False,
        capture_output=True,
        timeout=60,
        env={**os.environ, "NO_COLOR": "1"},
        **({"input": stdin} if isinstance(stdin, bytes) else {"stdin": stdin}),
    )
    return Ran(done.returncode, done.stdout.decode(), plain(done.stderr.decode()))


@pytest.mark.parametrize("siem", SIMULATORS)
def test_the_receivers_own_mapping_is_taken_and_loses_nothing(siem):
    done = simulate("--siem", siem, "--json", event().decode())
    assert (done.code, done.err) == (0, "")
    shown = done.json
    assert list(shown) == [
        "siem",
        "mapping",
        "line",
        "time",
        "fields",
        "findings",
        "unknown",
        "sources",
    ]
    assert shown["siem"] == siem
    mapping = load(shown["mapping"])
    assert ("RFC 5424" in shown["time"]["from"]) <= (mapping.envelope.syslog_header == "rfc5424")
    assert shown["fields"]
    for finding in shown["findings"]:
        assert list(finding) == ["kind", "key", "message", "fix", "mend"]


def test_a_wrong_combination_is_told_with_what_mends_it_and_exit_code_3():
    done = simulate("--siem", "sc4s", "-m", "arcsight", event().decode())
    assert done.code == 3
    told = done.out.splitlines()
    at = next(index for index, line in enumerate(told) if line.startswith("misread: rt: "))
    assert "whole seconds" in told[at]
    assert told[at + 1] == ("  fix: Use `extends: splunk`, or envelope: {syslog_header: rfc5424}.")
    assert simulate("--siem", "sc4s", "-m", "arcsight", "--syslog-header", "rfc5424", event().decode()).code == 0  # fmt: skip


def test_a_mapping_of_ones_own_is_simulated(tmp_path):
    (tmp_path / "own.yaml").write_text(
        "mapping: own\nextends: splunk\ncluster: c\nextension:\n  shost: {from: PodName}\n"
    )
    done = simulate("--siem", "splunk", "-m", tmp_path / "own.yaml", "--json", event().decode())
    assert done.code == 3
    assert [(each["kind"], each["key"]) for each in done.json["findings"] if each["kind"] == "misread"] == [("misread", "shost")]  # fmt: skip


def test_of_a_file_the_first_event_is_taken_and_that_is_said(tmp_path):
    path = tmp_path / "events.log"
    path.write_bytes(events(3))
    done = simulate("--siem", "arcsight", "--json", path)
    assert done.err == f"{path}:1 is the first event; --event N takes another\n"
    assert done.json["fields"]["filePath"] == "/srv/file-0"
    third = simulate("--siem", "arcsight", "--json", "--event", 3, path)
    assert third.err == ""
    assert third.json["fields"]["filePath"] == "/srv/file-2"
    one = tmp_path / "one.log"
    one.write_bytes(event())
    assert simulate("--siem", "arcsight", one).err == ""


def test_an_event_that_is_not_there_is_told(tmp_path):
    path = tmp_path / "events.log"
    path.write_bytes(events(3))
    done = simulate("--siem", "arcsight", "--event", 4, path)
    assert (done.code, done.out) == (1, "")
    assert done.err == f"cef-bridge: {path} has fewer than 4 events.\n"
    assert simulate("--siem", "arcsight", "--event", 0, path).code == 2


@pytest.mark.parametrize(
    "name", ["array.json", "pretty.json", "docker.log", "cri.log", "otlp.ndjson"]
)
def test_every_dialect_is_read(name):
    done = simulate("--siem", "sentinel", "--json", DATA / name)
    assert done.code == 0
    assert done.json["fields"]["DeviceVendor"] == "KubeArmor"


def test_archives_and_stdin_are_read(tmp_path):
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(event(5)))
    for done in (
        simulate("--siem", "graylog", "--json", path),
        simulate("--siem", "graylog", "--json", "-", stdin=event(5)),
        simulate("--siem", "graylog", "--json", stdin=event(5)),
    ):
        assert done.json["fields"]["filePath"] == "/srv/file-5"


def test_lines_of_another_product_are_read_as_they_stand(tmp_path):
    path = tmp_path / "fence.log"
    path.write_text(f"\n{LINE}\n{LINE.replace('north', 'south')}\n")
    done = simulate("--siem", "graylog", "--json", path)
    assert done.err == f"{path}:2 is the first line; --event N takes another\n"
    assert done.json["mapping"] is None
    assert done.json["line"] == LINE
    assert done.json["fields"]["Gate"] == "north"
    second = simulate("--siem", "graylog", "--json", "--event", 2, path)
    assert second.json["fields"]["Gate"] == "south"


def test_no_mapping_is_put_to_a_finished_line(tmp_path):
    path = tmp_path / "fence.log"
    path.write_text(f"{LINE}\n")
    done = simulate("--siem", "graylog", "-m", "graylog", path)
    assert done.code == 2
    assert "is a message already" in done.err


@pytest.mark.parametrize("given", ["{}", '{"a": 1}', "{not json", '{"Type":'])
def test_json_that_is_no_event_is_wrong_use(given):
    done = simulate("--siem", "graylog", given)
    assert (done.code, done.out) == (2, "")
    assert "is no event of KubeArmor" in done.err


def test_json_over_several_lines_is_one_event():
    pretty = json.dumps(json.loads(event()), indent=2)
    assert simulate("--siem", "arcsight", "--json", pretty).json["fields"]["fileName"] == "file-0"


def test_a_file_without_events_is_told(tmp_path):
    path = tmp_path / "empty.log"
    path.write_text("hello\n")
    done = simulate("--siem", "graylog", path)
    assert done.code == 1
    assert "has no event of KubeArmor and no CEF or LEEF line" in done.err


def test_an_event_that_the_mapping_filters_out_is_told(tmp_path):
    path = tmp_path / "alerts.yaml"
    path.write_text("mapping: alerts\nextends: graylog\ncluster: c\nfilters: [alerts_only]\n")
    done = simulate("--siem", "graylog", "-m", path, event().decode())
    assert done.code == 1
    assert "filters this event out" in done.err


def test_a_wrong_siem_or_mapping_is_wrong_use():
    assert simulate("--siem", "splonk", event().decode()).code == 2
    assert simulate(event().decode()).code == 2
    done = simulate("--siem", "graylog", "-m", "graylok", event().decode())
    assert (done.code, 'Did you mean "graylog"?' in done.err) == (2, True)


def test_on_a_terminal_nothing_means_the_mappings_first_example():
    ours, theirs = pty.openpty()
    try:
        done = simulate("--siem", "arcsight", "--json", stdin=theirs)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.json["fields"]["deviceHostName"] == "worker-3"


def test_the_table_has_no_control_character_and_no_cell_over_60_characters():
    hostile = event(Resource="/tmp/\x1b[2J" + "x" * 500)
    done = simulate("--siem", "sc4s", hostile.decode())
    table, _, rest = done.out.partition("\n\n")
    assert "\x1b" not in done.out
    assert table.startswith("field ")
    assert max(map(len, table.splitlines())) < 200
    assert "time: 2026-03-03T09:00:00.004233Z from the RFC 5424 header" in rest
    assert "What cannot be known here:" in rest
    assert "What is known here was read in:\n  splunk/splunk-connect-for-syslog: " in rest
