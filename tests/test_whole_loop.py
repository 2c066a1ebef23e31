"""The loop that `convert` and `forward` use gives each event the line that it gets alone.

Here are lines whose names and values make something else of them than their like: each comes four
times, among others with the same keys, and once more through a machine that remembers nothing.
"""

from __future__ import annotations

import functools
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.records.units import Block

MAPPINGS = ("kubearmor-cef", "splunk", "arcsight", "qradar-leef")
EVENT = {
    "Type": "MatchedPolicy", "Operation": "File", "ClusterName": "c", "HostName": "n", "HostPID": 1,
    "ProcessName": "/bin/sh", "Source": "/bin/sh", "Resource": "/etc/shadow", "PolicyName": "p",
    "Action": "Block", "Result": "Permission denied", "UpdatedTime": "2026-03-03T09:00:00.000001Z",
}  # fmt: skip


class Forgetful:
    """The reference alone, one event after another."""

    def __init__(self, converter):
        self.convert = converter.convert

    def runner(self):
        """Return none: it has no engine."""


@functools.cache
def converter(mapping):
    return Converter(load(mapping, env={}), syslog_header="rfc5424")


@functools.cache
def machine(mapping):
    return MappingEngine(converter(mapping))


def lines_of(machine, lines, **options):
    """Return the messages of some lines, the reasons of what was rejected, and the counters."""
    messages, refused = [], []
    loop = LineLoop(machine, messages, messages, refused.append, Options(**options))
    loop.begin("in")
    loop.block(Block(list(lines), 1, 0, 0, single=True))
    loop.finish(len(lines))
    loop.settle()
    stats = loop.stats
    messages = b"".join(messages).split(b"\n")[:-1]
    assert stats.converted == len(messages)
    assert stats.rejected == len(refused) == stats.labels.total()
    assert stats.lines == stats.records + stats.noise + stats.blank
    return messages, [each.reason for each in refused], stats


def check(lines, mapping):
    """Hold the remembering machine against the other one, each line four times and in turns."""
    busy = [line for _ in range(4) for line in lines] + list(reversed(lines))
    expected = lines_of(Forgetful(converter(mapping)), busy)
    found = lines_of(machine(mapping), busy)
    assert found[:2] == expected[:2]
    assert vars(found[2])["noise"] == vars(expected[2])["noise"]


def compact(event):
    return json.dumps(event, separators=(",", ":")).encode()


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize(
    "others",
    [
        [{"source": "/var/log/x", **EVENT}, {**EVENT, "source": "/var/log/y"}],
        [{"action": "index", **EVENT}, {"action": "Block", **EVENT}, {"action": "", **EVENT}],
        [{"type": "kubearmor", **EVENT}, {"type": "MatchedPolicy", **EVENT}],
        [{**EVENT, "Owner": {"Name": "a"}}, {**EVENT, "Owner": {"name": "a"}}],
        [{**EVENT, "ExecEvent": {"ExecID": "5"}}, {**EVENT, "ExecEvent": {"execid": "5"}}],
        [{"Type": "New", "Resource": "a"}, {"Type": "HostLog", "Resource": "a"}],
        [{**EVENT, "Type": "New", "Operation": "New"}, EVENT],
        [{"Type": "New", "PodName": "p", "LogMessage": text} for text in ("x", json.dumps(EVENT))],
        [{"ClusterName": "c", "HostName": "n", "line": text} for text in ("", json.dumps(EVENT))],
        [{**EVENT, "log": text} for text in ("x", "{", json.dumps({**EVENT, "Resource": "/x"}))],
        [{**EVENT, "Detail": value} for value in ("x", {"a": 1}, {"Operation": "Process"})],
        [{**EVENT, "UpdatedTime": value} for value in (1772528400004, 1.5, "?", "1772528400004")],
        [{**EVENT, "Timestamp": value} for value in (1772528400, "2026-03-03T09:00:00Z", "?")],
    ],
)
def test_an_event_gets_the_line_that_it_gets_alone(mapping, others):
    check([compact(event) for event in (EVENT, *others, EVENT)], mapping)


NAMES = st.sampled_from([*EVENT, "source", "action", "type", "Owner", "@timestamp", "log", "x"])
VALUES = st.sampled_from(
    ["", "New", "File", "MatchedPolicy", "/bin/sh", "2026-03-03T09:00:00.000001Z", None, 5]
)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=2, max_size=5),
    st.sampled_from(MAPPINGS),
    st.booleans(),
)
def test_any_events_with_such_names_get_the_lines_that_they_get_alone(changes, mapping, before):
    check([compact({**it, **EVENT} if before else {**EVENT, **it}) for it in changes], mapping)


def test_a_foreign_name_in_front_of_the_fields_changes_none_of_them():
    plain, *others = (
        lines_of(MappingEngine(converter("kubearmor-cef")), [compact(event)])[0][0].decode()
        for event in (EVENT, {"source": "/var/log/x", **EVENT}, {"action": "index", **EVENT},
                      {"type": "kubearmor", **EVENT})
    )  # fmt: skip
    extras = ("KubeArmorSource2=/var/log/x", "KubeArmorAction2=index", "KubeArmorType2=kubearmor")
    for line, extra in zip(others, extras, strict=True):
        assert f" {extra} " in line
        assert line.replace(f" {extra}", "") == plain
