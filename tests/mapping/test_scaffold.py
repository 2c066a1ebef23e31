"""A mapping to begin with: whatever event it is made from, it lints and its examples pass."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hostile_events import events, texts
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge.mapping import examples
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import load, problems
from cef_bridge.workbench.scaffold import NO_CLUSTER, Taken, scaffold

if TYPE_CHECKING:
    from pathlib import Path

ALERT = {
    "Type": "MatchedPolicy",
    "Operation": "Process",
    "Action": "Block",
    "Result": "Permission denied",
    "UpdatedTime": "2026-03-03T09:00:00.004096Z",
    "ClusterName": "default",
    "NamespaceName": "shop",
    "PolicyName": "no-mysql",
    "Resource": "/usr/bin/mysql --password=hunter2 -h db",
    "Source": "/bin/sh -c 'curl -H \"Authorization: Bearer abc.def\"'",
    "EventData": {"Cmd": "--token=s3cr3t"},
    "wrapper.time": 1772528400000000,
}


def text_of(parent: str = "splunk", cluster: str | None = None, *taken: Taken) -> str:
    return scaffold(load(parent), "acme", "acme.yaml", cluster, taken or [Taken("one", ALERT)])


def holds(path: Path) -> None:
    assert [str(problem) for problem in problems(path)] == []
    outcomes = examples.run(load(path))
    assert outcomes
    assert [outcome.differences for outcome in outcomes] == [()] * len(outcomes)


@pytest.mark.parametrize("parent", shipped.names())
def test_a_scaffold_lints_without_a_word_and_its_examples_pass(parent, tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(text_of(parent))
    holds(path)
    assert load(path).cluster == NO_CLUSTER


SWITCHED_OFF = re.compile(r"^ *#(?=[^ #\n])", re.MULTILINE)


def snippets(text: str) -> list[list[int]]:
    """Return the runs of lines that are switched off, by number."""
    runs: list[list[int]] = []
    for number, line in enumerate(text.split("\n")):
        if SWITCHED_OFF.match(line):
            if runs and runs[-1][-1] == number - 1:
                runs[-1].append(number)
            else:
                runs.append([number])
    return runs


@pytest.mark.parametrize("parent", shipped.names())
def test_every_line_that_is_switched_off_is_valid_when_it_is_switched_on(parent, tmp_path):
    text = text_of(parent)
    runs = snippets(text)
    assert len(runs) == 5
    path = tmp_path / "acme.yaml"
    for chosen in [*runs, [number for run in runs for number in run]]:
        lines = text.split("\n")
        for number in chosen:
            lines[number] = lines[number].replace("#", "", 1)
        path.write_text("\n".join(lines))
        assert [str(problem) for problem in problems(path)] == []
        changed = load(path)
        before = load(parent)
        assert changed.extension != before.extension or changed.drop_events


def test_what_is_expected_is_what_comes_out_in_the_order_of_the_line_without_labels(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(text_of())
    (example,) = load(path).examples
    keys = list(example.expect)
    assert keys[:7] == [
        "header.device_vendor",
        "header.device_product",
        "header.device_version",
        "header.device_event_class_id",
        "header.name",
        "header.severity",
        "KubeArmorFormat",
    ]
    assert keys[-1] == "msg"
    assert keys.index("cs1") < keys.index("cs2") < keys.index("cs6")
    assert not [key for key in keys if key.endswith("Label")]
    assert example.expect["cs6"] == NO_CLUSTER


def test_secrets_of_an_event_do_not_get_into_the_file():
    text = text_of()
    for secret in ("hunter2", "abc.def", "s3cr3t"):
        assert secret not in text
    assert "/usr/bin/mysql --password=*** -h db" in text
    assert "wrapper.time" not in text


def test_a_cluster_is_a_literal_whatever_it_is_called(tmp_path):
    path = tmp_path / "acme.yaml"
    for name in ("prod-eu", "${HOME}", "$${X}", "no", "a: b # c", "1.10", "é\u2028🛡", "a\x85b"):
        path.write_text(text_of("splunk", name))
        assert load(path, env={}).cluster == name
        assert "made up" not in path.read_text()


def test_what_yaml_cannot_hold_is_made_such_that_it_can(tmp_path):
    deep: object = "bottom"
    for _ in range(60):
        deep = [deep]
    hostile = {
        **ALERT,
        "Half\ud800": "\udfff",
        "Nan": float("nan"),
        "Inf": float("inf"),
        "Long": 10**400,
        "Small": 5e-324,
        "Deep": deep,
        "Lines": "a\nb\u2028c\x85d\u2029",
        "x" * 300: "y" * 12_000,
        "": None,
        "<<": True,
        "Odd": ["null", "~", "1e5", "0x1", "- a", "{", "*x", " ", "\t", "\x00", "\ufeff"],
    }
    path = tmp_path / "acme.yaml"
    path.write_text(text_of("splunk", None, Taken("a: # 'b'\n\ud800", hostile)))
    holds(path)


def test_a_file_stays_readable_to_people():
    text = text_of()
    assert max(map(len, text.split("examples:")[0].split("\n"))) <= 110


@settings(max_examples=40, deadline=None)
@given(event=events, parent=st.sampled_from(shipped.names()), cluster=texts)
def test_any_event_gives_a_file_that_lints_and_whose_examples_pass(
    event, parent, cluster, tmp_path_factory
):
    path = tmp_path_factory.getbasetemp() / "hostile.yaml"
    cluster = cluster.encode("utf-8", "replace").decode()
    path.write_bytes(text_of(parent, cluster.strip(), Taken("one", event)).encode())
    holds(path)
