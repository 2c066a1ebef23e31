"""`cef-bridge mapping coverage` as an operator and a CI run it."""

from __future__ import annotations

import json

import pytest
from running import DATA, Said, event, events, mapping


def coverage(*words: object, stdin: bytes = b"") -> Said:
    return mapping("coverage", *words, stdin=stdin)


@pytest.fixture
def lossy(tmp_path):
    path = tmp_path / "lossy.yaml"
    path.write_text("mapping: lossy\nunmapped: drop\nextension: {cat: {from: Operation}}\n")
    return path


def test_the_counts_are_those_of_all_inputs(tmp_path):
    (tmp_path / "a.ndjson").write_bytes(events(300))
    done = coverage(tmp_path / "a.ndjson", DATA / "seed.ndjson", "--json")
    assert done.returncode == 0
    told = json.loads(done.stdout)
    assert told["events"]["converted"] == 309
    kinds = ("mapped", "unmapped", "redundant", "dropped", "partial", "lost", "filtered")
    for row in told["fields"]:
        assert row["events"] == sum(row[kind] for kind in kinds)
    totals = {kind: told["totals"][kind] for kind in kinds}
    assert totals == {kind: sum(row[kind] for row in told["fields"]) for kind in kinds}
    assert told["coverage"] == 100
    assert next(row for row in told["fields"] if row["field"] == "HostName")["events"] == 309


def test_a_gate_that_is_missed_ends_with_3_and_says_by_how_much(lossy):
    done = coverage("-m", lossy, "--min", "95", stdin=events(3))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith("coverage 14.29 % is below --min 95")
    assert coverage("-m", lossy, "--min", "5", stdin=events(3)).returncode == 0
    done = coverage("-m", "splunk", "--min", "95", "--min-mapped", "100", stdin=event(Zone="x"))
    assert done.returncode == 3
    assert "mapped" in done.stderr.splitlines()[-1]


def test_what_is_new_and_what_never_fired_is_told(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(
        "mapping: own\nextends: splunk\nextension:\n  KubeArmorTeam: {from: Labels.team}\n"
    )
    done = coverage("-m", path, stdin=event(Zone="eu-1", Type="MemoryLog", Operation="Memory"))
    assert 'KubeArmor sends something new: field Zone (1 event, such as "eu-1")' in done.stdout
    assert 'KubeArmor sends something new: Type "MemoryLog" (1 event)' in done.stdout
    assert 'KubeArmor sends something new: Operation "Memory" (1 event)' in done.stdout
    assert f"KubeArmorTeam  {path}:4" in done.stdout
    assert "rules of parents never fired; --all lists them." in done.stdout
    assert "kubearmor-cef.yaml:" in coverage("-m", path, "--all", stdin=event()).stdout


def test_an_input_without_events_is_told():
    done = coverage(stdin=b"hello\nworld\n")
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("2 lines: 0 converted, 0 filtered, 0 rejected")
    assert "no KubeArmor event found" in done.stderr


def test_wrong_use_is_told_before_anything_is_read():
    assert coverage("--min", "101").returncode == 2
    assert coverage("no/such/file").returncode == 2
    assert coverage("-m", "splnuk").stderr.count('Did you mean "splunk"?') == 1


def test_what_no_terminal_and_no_utf_8_has_is_made_visible():
    hostile = rb"""{"Type":"Log\ud800","Operation":"File","Source":"a\ud800\u001b[31m\u202e","N\ud800":"\ud800"}"""
    for words in ([], ["--json"]):
        done = coverage(*words, stdin=hostile)
        assert done.returncode == 0
        assert "<U+D800>" in done.stdout
        assert not any(char in done.stdout for char in "\x1b\u202e")
