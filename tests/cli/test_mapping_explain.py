"""`cef-bridge mapping explain` as an operator runs it."""

from __future__ import annotations

import json

from running import DATA, Said, event, mapping

EVENT = event(Source="cat /etc/shadow", Resource="/etc/shadow")


def explain(*words: object, stdin: bytes = b"") -> Said:
    return mapping("explain", *words, stdin=stdin)


def test_an_event_is_taken_from_stdin_a_file_or_the_command_line(tmp_path):
    path = tmp_path / "one.json"
    path.write_bytes(EVENT)
    runs = [explain("--json", path), explain("--json", EVENT.decode())]
    runs += [explain("--json", stdin=EVENT), explain("--json", "-", stdin=EVENT)]
    assert {run.returncode for run in runs} == {0}
    documents = [json.loads(run.stdout) for run in runs]
    assert all(each == documents[0] for each in documents)
    assert documents[0]["fate"] == "converted"
    row = next(each for each in documents[0]["fields"] if each["key"] == "filePath")
    assert (row["value"], row["from"], row["sources"]) == ("/etc/shadow", "file.path", ["Resource"])
    assert row["rule"].startswith("kubearmor-cef.yaml:")


def test_the_table_has_a_row_a_key_with_its_rule_and_names_what_is_missing():
    done = explain(EVENT.decode())
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].startswith("CEF:0|KubeArmor|")
    found = next(line for line in lines if line.startswith("filePath "))
    assert found.split()[:4] == ["filePath", "/etc/shadow", "file.path", "(Resource)"]
    assert "Not in this line, field absent from the event (see --all): act," in done.stdout
    assert "act  " not in done.stdout
    everything = explain("--all", EVENT.decode())
    assert "\nact " in everything.stdout
    assert "Action not there" in everything.stdout


def test_one_key_can_be_asked_for_and_a_wrong_one_is_told():
    done = explain("-k", "dst", EVENT.decode())
    assert "destination.ip" in done.stdout
    assert "filePath  " not in done.stdout
    done = explain("-k", "dstt", EVENT.decode())
    assert done.returncode == 2
    assert done.stderr == 'cef-bridge: no rule is about "dstt". Did you mean "dst"?\n'


def test_the_nth_event_can_be_asked_for_and_one_that_is_not_there_is_told():
    done = explain(DATA / "seed.ndjson", "--event", "7", "--json")
    assert json.loads(done.stdout)["class_id"] == "alert.host.process.exec.block"
    done = explain(DATA / "seed.ndjson")
    assert done.stderr.endswith(":1 is the first event; --event N takes another\n")
    done = explain(DATA / "seed.ndjson", "--event", "99")
    assert done.returncode == 1
    assert "has fewer than 99 events" in done.stderr
    done = explain("-", stdin=b"hello\n")
    assert done.returncode == 1
    assert "stdin has no event of KubeArmor" in done.stderr
    done = explain("-", stdin=b"CEF:0|a|b|c|d|e|1|\n")
    assert done.returncode == 2
    assert "is a message already" in done.stderr


def test_a_mapping_that_is_wrong_is_told_with_its_places(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("mapping: bad\nextension: {cs2: {from: NamespceName}}\n")
    done = explain("-m", path, EVENT.decode())
    assert done.returncode == 2
    assert f"{path}:2:25 M008" in done.stderr
    assert done.stdout == ""


def test_a_filtered_event_is_said_to_be(tmp_path):
    path = tmp_path / "lean.yaml"
    path.write_text("mapping: lean\nextends: splunk\nfilters: [alerts_only]\n")
    done = explain("-m", path, EVENT.decode())
    assert done.stdout == (
        "log.container.file.read.passed: filtered by filter alerts_only: event.kind is log\n"
    )
    assert json.loads(explain("-m", path, EVENT.decode(), "--json").stdout)["fate"] == "filtered"


def test_what_no_terminal_and_no_utf_8_has_is_made_visible():
    hostile = rb"""{"Type":"Log\ud800","Operation":"File","Source":"a\ud800\u001b[31m\u202e","N\ud800":"\ud800"}"""
    for words in ([], ["--json"]):
        done = explain(*words, stdin=hostile)
        assert done.returncode == 0
        assert "<U+D800>" in done.stdout
        assert not any(char in done.stdout for char in "\x1b\u202e")
