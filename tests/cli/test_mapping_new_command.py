"""`mapping new`: which events become examples, where the file goes, and what is never done."""

from __future__ import annotations

import gzip
import json

import pytest
from click.testing import CliRunner

from cef_bridge.cli.mapping import command
from cef_bridge.errors import UsageError
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import load, problems
from cef_bridge.workbench import testing

ALERT = {
    "Type": "MatchedPolicy",
    "Operation": "File",
    "Action": "Block",
    "ClusterName": "harbor-eu",
    "Resource": "/usr/bin/mysql -u root --password=hunter2",
}
LOG = {"Type": "ContainerLog", "Operation": "Network", "HostName": "n1", "ClusterName": "default"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *words: CliRunner().invoke(command, ["new", *words])


def lines(*events: object) -> str:
    return "".join(each if isinstance(each, str) else json.dumps(each) + "\n" for each in events)


def holds(path) -> None:
    assert problems(path) == []
    report = testing.run([str(path)])
    assert (report.problems, report.notes, report.failed) == ([], [], 0)
    assert report.ran


@pytest.mark.parametrize("parent", shipped.names())
def test_without_a_file_the_example_is_that_of_the_shipped_mapping(parent, run, tmp_path):
    result = run("acme", "--extends", parent)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == (
        f"acme.yaml: extends {parent}, cluster my-cluster (made up: write your own), 1 example\n"
        "Next: cef-bridge mapping lint acme.yaml && cef-bridge mapping test acme.yaml\n"
    )
    holds(tmp_path / "acme.yaml")
    mapping = load(tmp_path / "acme.yaml")
    assert (mapping.name, mapping.extends[0], mapping.cluster) == ("acme", parent, "my-cluster")
    assert mapping.examples[0].event == load(parent).examples[0].event


def test_the_base_is_extended_when_no_receiver_is_named(run, tmp_path):
    run("acme")
    assert load(tmp_path / "acme.yaml").extends == ("kubearmor-cef",)


def test_the_examples_are_the_first_alert_and_the_first_event_of_another_kind(run, tmp_path):
    (tmp_path / "events.json").write_text(
        lines("noise\n", LOG, {**LOG, "HostName": "n2"}, ALERT, {**ALERT, "Action": "Audit"})
    )
    result = run("acme", "--extends", "splunk", "--from", "events.json")
    assert result.stderr.startswith("acme.yaml: extends splunk, cluster harbor-eu, 2 examples\n")
    holds(tmp_path / "acme.yaml")
    alert, log = load(tmp_path / "acme.yaml").examples
    assert (alert.name, log.name) == ("an alert, from events.json:4", "a log, from events.json:2")
    assert (alert.event["Action"], log.event["HostName"]) == ("Block", "n1")
    assert alert.expect["cs6"] == log.expect["cs6"] == "harbor-eu"


def test_secrets_in_the_events_are_masked(run, tmp_path):
    (tmp_path / "events.json").write_text(lines(ALERT))
    run("acme", "--from", "events.json")
    text = (tmp_path / "acme.yaml").read_text()
    assert "hunter2" not in text
    assert "Resource: /usr/bin/mysql -u root --password=***\n" in text


def test_any_dialect_and_archive_will_do(run, tmp_path):
    wrapped = {"log": json.dumps(ALERT), "stream": "stdout", "time": "2026-03-03T09:00:00Z"}
    (tmp_path / "docker.gz").write_bytes(gzip.compress(lines(wrapped).encode()))
    assert run("acme", "--from", "docker.gz").exit_code == 0
    holds(tmp_path / "acme.yaml")
    assert load(tmp_path / "acme.yaml").examples[0].event["Action"] == "Block"


def test_a_named_cluster_stands_over_that_of_the_events(run, tmp_path):
    (tmp_path / "events.json").write_text(lines(ALERT))
    run("acme", "--from", "events.json", "--cluster", "${mine}")
    assert load(tmp_path / "acme.yaml", env={}).cluster == "${mine}"
    holds(tmp_path / "acme.yaml")


def test_a_cluster_that_is_called_default_is_no_name(run, tmp_path):
    (tmp_path / "events.json").write_text(lines({**ALERT, "ClusterName": "default"}, LOG))
    run("acme", "--from", "events.json")
    assert load(tmp_path / "acme.yaml").cluster == "my-cluster"
    assert "made up: write your own" in (tmp_path / "acme.yaml").read_text()


def test_an_event_too_long_for_an_example_is_passed_by(run, tmp_path):
    long = {**ALERT, "Resource": "x" * 40_000}
    (tmp_path / "events.json").write_text(lines(long, ALERT))
    run("acme", "--from", "events.json")
    (example,) = load(tmp_path / "acme.yaml").examples
    assert example.name == "an alert, from events.json:2"


def test_what_has_no_event_is_told_and_nothing_is_written(run, tmp_path):
    (tmp_path / "events.json").write_text("nothing\n")
    result = run("acme", "--from", "events.json")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "events.json has no event of KubeArmor that could be an example (the first 100,000 lines "
        "were looked at). Name another file."
    )
    assert not (tmp_path / "acme.yaml").exists()


def test_only_the_first_lines_are_looked_at(run, tmp_path, monkeypatch):
    monkeypatch.setattr("cef_bridge.cli.mapping.new._MOST_UNITS", 3)
    (tmp_path / "events.json").write_text(lines("a\n", "b\n", LOG, ALERT))
    run("acme", "--from", "events.json")
    (example,) = load(tmp_path / "acme.yaml").examples
    assert example.name == "a log, from events.json:3"


def test_a_file_that_is_there_stays_without_force(run, tmp_path):
    (tmp_path / "acme.yaml").write_text("mine\n")
    result = run("acme")
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == (
        "acme.yaml is there already. Name another one, or add --force."
    )
    assert (tmp_path / "acme.yaml").read_text() == "mine\n"
    assert run("acme", "--force").exit_code == 0
    holds(tmp_path / "acme.yaml")


def test_a_name_may_be_a_path_and_the_file_may_be_called_otherwise(run, tmp_path):
    (tmp_path / "siem").mkdir()
    run("siem/acme.yaml")
    assert load(tmp_path / "siem" / "acme.yaml").name == "acme"
    assert "convert -m siem/acme.yaml" in (tmp_path / "siem" / "acme.yaml").read_text()
    run("acme", "-o", "siem/it is.yaml")
    assert load(tmp_path / "siem" / "it is.yaml").name == "acme"
    holds(tmp_path / "siem" / "it is.yaml")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["a/b"], '"a/b" is no name. For a path write a/b.yaml.'),
        (["a\nb"], 'Invalid mapping name "a\\u000ab". Expected such as acme.\n"a\\u000ab.yaml" is no path that a file can contain.'),
        ([""], 'Invalid mapping name "". Expected such as acme.'),
        (["splunk"], "splunk is a mapping that comes with cef-bridge. Choose a name."),
        (["a", "--extends", "splnk"], 'There is no shipped mapping "splnk" for --extends. Did you mean "splunk"?'),
        (["a", "--cluster", " "], "--cluster has no name. Write one, or leave it out."),
        (["a", "--from", "nope"], "nope: no such file or folder"),
        (["nowhere/a.yaml"], "cannot write nowhere/a.yaml: its folder does not exist"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_told(words, told, run, tmp_path):
    result = run(*words)
    assert isinstance(result.exception, UsageError)
    assert str(result.exception) == told
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_among_the_shipped_mappings(run):
    before = sorted(shipped.folder().iterdir())
    result = run("acme", "-o", str(shipped.path("acme")))
    assert isinstance(result.exception, UsageError)
    assert sorted(shipped.folder().iterdir()) == before
