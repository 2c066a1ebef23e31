"""Names of earlier versions go on to work, and are shown nowhere but in schemas, as deprecated."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cef_bridge.cli import _root
from cef_bridge.delivery.destination_url import parse_target
from cef_bridge.delivery.urls import old_name
from cef_bridge.errors import MappingError
from cef_bridge.forward.config import from_urls, load_config
from cef_bridge.forward.config.places import DESTINATION_WORDS, SOURCE_WORDS
from cef_bridge.mapping.language import spec
from cef_bridge.mapping.language.reader import earlier_names
from cef_bridge.mapping.load import load

EVENT = '{"Type":"ContainerLog","Operation":"Process","HostName":"n","ClusterName":"c","Resource":"/bin/ls"}\n'


def run(*words: str, **settings):
    return CliRunner().invoke(_root, words, **settings)


def test_the_options_of_earlier_versions_still_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(EVENT)
    checked = run(
        "forward",
        "--from",
        "in.json",
        "--to",
        "file:///tmp/x",
        "--policy",
        "drop_oldest",
        "--check",
    )
    assert checked.exit_code == 0, checked.output
    assert run("convert", "in.json", "-o", "out.cef", "--state", "s").exit_code == 0
    assert run("mapping", "new", "acme", "--for", "splunk").exit_code == 0
    assert load("acme.yaml").extends[0] == "splunk"


def test_the_command_of_earlier_versions_still_works():
    old = run("mapping", "event-ids", "--json")
    assert json.loads(old.stdout) == json.loads(run("mapping", "class-ids", "--json").stdout)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (("forward",), ("--policy",)),
        (("convert",), ("--state",)),
        (("mapping", "new"), ("--for",)),
        (("mapping",), ("event-ids",)),
    ],
)
def test_help_shows_the_names_of_today_only(words, names):
    text = run(*words, "--help").stdout
    assert not [name for name in names if name in text.split()]


def test_the_words_of_a_url_of_earlier_versions_still_work():
    old = "tcp://h?confirm=window&window=2M&turnover=3s&turnover_bytes=1M&black_hole=9s"
    new = "tcp://h?confirm=off&unconfirmed_window=2M&confirm_interval=3s&confirm_bytes=1M&tcp_user_timeout=9s"
    assert parse_target(old) == parse_target(new)


def test_the_settings_of_a_config_of_earlier_versions_still_work(tmp_path):
    one = from_urls(
        ["kubearmor://h?health=1"], ["tcp://h?policy=drop_newest&only_alerts=yes&name=a"]
    )
    path = tmp_path / "f.yaml"
    path.write_text(
        "sources: {from: kubearmor://h, health: 1}\n"
        "destinations: {to: tcp://h, policy: drop_newest, only_alerts: yes, name: a}\n"
    )
    read = load_config(path, env={})
    assert (read.sources, read.destinations) == (one.sources, one.destinations)
    assert (read.sources[0].health_port, read.destinations[0].when_full) == (1, "drop_newest")
    assert read.destinations[0].alerts_only


def test_both_names_of_a_setting_are_one_too_many(tmp_path):
    path = tmp_path / "f.yaml"
    path.write_text("sources: '-'\ndestinations: {to: tcp://h, policy: block, when_full: block}\n")
    with pytest.raises(MappingError) as error:
        load_config(path, env={})
    said = f'{path}:2:44 F004 "policy" is an earlier name of "when_full". Remove one of them.'
    assert str(error.value) == said


def test_a_mapping_of_earlier_versions_is_the_same_mapping(tmp_path):
    rest = "mapping: m\ncluster: c\nunmapped: drop\n"
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text(
        f"{rest}drop: [Cwd]\n"
        'envelope: {first: KubeArmorX, shed: [KubeArmorY], break_up: ["CEF:0"]}\n'
    )
    new.write_text(
        f"{rest}drop_fields: [Cwd]\n"
        'envelope: {leading_key: KubeArmorX, truncate_first: [KubeArmorY], defang: ["CEF:0"]}\n'
    )
    one, other = load(str(old)), load(str(new))
    assert (one.drop_fields, one.envelope) == (other.drop_fields, other.envelope)
    shown = run("mapping", "show", str(old)).stdout
    assert "drop_fields:" in shown
    assert not [it for it in ("drop:", "shed:", "break_up:", " first:") if it in shown]


@pytest.mark.parametrize("first", [True, False])
def test_both_names_in_a_mapping_are_told(tmp_path, first):
    path = tmp_path / "m.yaml"
    pair = ["drop: [Cwd]", "drop_fields: [TTY]"]
    path.write_text("mapping: m\ncluster: c\n" + "\n".join(pair if first else pair[::-1]) + "\n")
    with pytest.raises(MappingError) as error:
        load(str(path))
    said = f'{path}:4:1 M007 "drop" is an earlier name of "drop_fields". Remove one of them.'
    assert str(error.value) == said


def test_a_name_of_an_earlier_version_is_no_name_of_today():
    for words in (SOURCE_WORDS, DESTINATION_WORDS):
        assert not {old_name(row) for row in words.rows.values()} & {*words.rows}
    for declared in (spec.Mapping, spec.Envelope, spec.Rule):
        assert not {*earlier_names(declared)} & {*earlier_names(declared).values()}


def test_json_has_the_keys_of_earlier_versions_as_well(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.json").write_text(f"hello\n{EVENT}")
    assert run("convert", "in.json", "-o", "out", "--report", "r.json").exit_code == 0
    report = json.loads((tmp_path / "r.json").read_text())
    assert report["skipped"] == report["noise"] == 1
    coverage = json.loads(run("mapping", "coverage", "in.json", "--json").stdout)
    assert coverage["events"]["skipped"] == coverage["events"]["noise"] == 1
    for old, new in (("kept", "unmapped"), ("repeated", "redundant"), ("partly", "partial")):
        for counts in (coverage["totals"], *coverage["fields"]):
            assert counts[old] == counts[new]
    assert coverage["shed"] == coverage["truncated"] == []
    event = EVENT.strip().replace("{", '{"New":"x",')
    explained = json.loads(run("mapping", "explain", event, "--json").stdout)
    assert {(it["outcome"], it["fate"]) for it in explained["event"]} >= {("unmapped", "kept")}
