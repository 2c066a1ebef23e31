"""`explain` tells of a line what is in the line, and of each field where it went."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import msgspec
import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cef_bridge.kubearmor.derive import derive
from cef_bridge.lines.text import sanitize
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.load import load, replaced
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.workbench.explain import explain
from cef_bridge.workbench.fates import COVERED, raw_fields

if TYPE_CHECKING:
    from cef_bridge.workbench.explain import Explanation

NAMES = shipped.names()
EVENTS = sample_events()
CONNECT = {
    "Type": "ContainerLog",
    "Operation": "Network",
    "HostName": "n1",
    "HostPID": 7,
    "UID": 0,
    "Resource": "remoteip=2001:db8::7 port=443 protocol=TCPv6",
    "Data": "kprobe=tcp_connect domain=AF_INET6",
    "Result": "Passed",
}


def converter(name: str, most: int = 0) -> Converter:
    mapping = load(name)
    if most:
        envelope = msgspec.structs.replace(mapping.envelope, max_bytes=most)
        mapping = msgspec.structs.replace(mapping, envelope=envelope)
    return Converter(mapping, syslog_header=mapping.envelope.syslog_header)


CONVERTERS = {(name, most): converter(name, most) for name in NAMES for most in (0, 701)}


@pytest.fixture
def own(tmp_path):
    """Write a mapping and return a function that explains an event with it."""

    def write(text: str):
        path = tmp_path / "own.yaml"
        path.write_text(text)
        converter = Converter(load(path))
        return lambda event: explain(converter, event, replaced(path))

    return write


def row(explained, key):
    return next(row for row in (*explained.header, *explained.rows) if row.key == key)


def why(explained, key):
    return [
        (each.rule.rpartition("/")[2], each.why)
        for it in explained.unwritten
        if it.key == key
        for each in it.why
    ]


@functools.cache
def explained_samples(name: str) -> list[Explanation]:
    """Return what is told of each sample event with a shipped mapping."""
    return [explain(CONVERTERS[name, 0], raw) for raw in EVENTS]


def check(
    converter: Converter, raw: dict[str, object], explained: Explanation | None = None
) -> None:
    explained = explained or explain(converter, raw)
    fate = converter.convert(raw, "explain")
    assert isinstance(fate, Converted)
    assert explained.message == fate.message
    read = converter.program.format.parse(explained.message)
    told = []
    for each in explained.rows:
        told.append((each.key, each.value))
        if each.label:
            told.append((f"{each.key}Label", each.label))
        assert each.written in explained.message
        assert each.rule
    header, extension = converter.program.format.normalise(read.header, dict(told))
    assert list(extension.items()) == list(read.extension.items())
    assert header == read.header
    if read.format == "cef":
        named = {each.key.removeprefix("header."): each.value for each in explained.header}
        normal = converter.program.format.normalise(read.header._replace(**named), {})[0]
        assert normal == read.header
    wanted = [sanitize(path) for path, _ in raw_fields(derive(raw, origin="explain"))]
    assert [field.fate.path for field in explained.fields] == wanted


@pytest.mark.parametrize(("name", "most"), CONVERTERS)
def test_the_values_told_of_a_sample_event_are_those_of_its_line(name, most):
    told = [None] * len(EVENTS) if most else explained_samples(name)
    for raw, explained in list(zip(EVENTS, told, strict=True))[most % 2 :: 2]:
        check(CONVERTERS[name, most], raw, explained)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=80)
@given(st.sampled_from(sorted(CONVERTERS)), events)
def test_the_values_told_of_any_event_are_those_of_its_line(which, raw):
    check(CONVERTERS[which], raw)


@pytest.mark.parametrize("name", NAMES)
def test_a_rule_is_named_by_the_line_it_stands_in(name):
    for explained in explained_samples(name)[::9]:
        for each in explained.rows:
            file, _, line = each.rule.partition(":")
            if not file.endswith(".yaml"):
                assert each.rule in {"unmapped: keep", "envelope leading_key"}
                continue
            text = (shipped.folder() / file).read_text().splitlines()[int(line) - 1]
            assert f"{each.key}:" in text or "- {" in text or each.path in text, (each, text)


@pytest.mark.parametrize("name", NAMES)
def test_nothing_of_a_sample_event_is_lost_with_a_shipped_mapping(name):
    for explained in explained_samples(name):
        assert [it for it in explained.fields if it.fate.kind not in COVERED] == []


def test_the_winner_has_its_field_its_sources_and_what_was_done_to_it(own):
    explained = own(
        """\
mapping: own
extends: kubearmor-cef
extension:
  cs5: {from: [Resource, Source], via: [redact], label: CommandLine}
  KubeArmorTeam: {from: NamespaceName, table: {shop: retail}, else: other}
"""
    )({"Type": "ContainerLog", "Operation": "File", "UID": 7, "HostPID": 4, "NamespaceName": "web",
       "Source": "mysql --password=hunter2"})  # fmt: skip
    command = row(explained, "cs5")
    assert (command.value, command.path) == ("mysql --password=***", "Source")
    assert command.steps == ('via redact: "mysql --password=***"',)
    assert command.notes == ("escaped: =",)
    assert command.rule.endswith("own.yaml:4")
    assert [each.rule for each in command.lost] == [
        "kubearmor-cef.yaml:116",
        "kubearmor-cef.yaml:117",
    ]
    assert row(explained, "KubeArmorTeam").steps == ('else, no row for "web"',)
    user = row(explained, "suid")
    assert (user.path, user.sources) == ("user.id", ("UID",))


def test_a_rule_that_stands_behind_the_winner_is_told_with_what_it_would_have_written(own):
    explained = own(
        "mapping: own\nextension:\n  act: [{from: Action}, {from: Result}]\n"
        "  cat: [{from: Operation, when: {event.kind: alert}}, {from: Type}]\n"
    )({"Type": "ContainerLog", "Operation": "File", "Action": "Block", "Result": "Passed"})
    assert [each.why for each in row(explained, "act").lost] == [
        'a rule before it won; it has "Passed"'
    ]
    assert [each.why for each in row(explained, "cat").lost] == [
        'when event.kind is alert: it is "log"'
    ]


def test_a_key_that_is_not_written_has_the_reason_of_each_rule():
    explained = explain(CONVERTERS["kubearmor-cef", 0], CONNECT)
    assert why(explained, "act") == [("kubearmor-cef.yaml:47", "Action not there")]
    assert why(explained, "dst")[0][1] == ('when destination.ip is {is: ipv4}: it is "2001:db8::7"')
    assert why(explained, "app")[0][1] == 'when event.verb is dns: it is "connect"'


def test_a_value_that_was_refused_is_told_with_what_the_key_takes(own):
    explained = own(
        """\
mapping: own
extension:
  dst: {from: Resource}
  dpt: {from: Resource}
  act: {from: Action, table: {Allow: ok}}
  KubeArmorDir: {from: HostName, via: dirname}
  KubeArmorLabel: {spread: Labels, only: [tier]}
"""
    )({"Type": "ContainerLog", "Operation": "File", "Resource": "x", "Action": "Block",
       "HostName": "n1", "Labels": "app=web"})  # fmt: skip
    assert why(explained, "dst") == [("own.yaml:3", '"x" is not what dst takes: an IPv4 address')]
    assert why(explained, "dpt")[0][1] == '"x" is not what dpt takes: a whole number of 32 bits'
    assert why(explained, "act")[0][1] == 'its table has no row for "Block", and there is no else'
    assert why(explained, "KubeArmorDir")[0][1] == "nothing is left of it after dirname"
    assert why(explained, "KubeArmorLabel")[0][1] == "Labels has no entry that tier asks for"


def test_what_is_cut_escaped_and_made_visible_is_told():
    raw = {
        "Type": "MatchedPolicy",
        "Operation": "File",
        "Action": "a" * 70,
        "Source": "x\x1b[2J=\n",
    }
    explained = explain(CONVERTERS["kubearmor-cef", 0], raw)
    action = row(explained, "act")
    assert "cut from 70 to 63 characters: act holds no more" in action.notes
    assert "the whole text is in KubeArmorAction" in action.notes
    command = row(explained, "cs5")
    assert command.written == "x<U+001B>[2J\\="
    assert command.notes == ("made visible: control, newline", "escaped: =")


def test_what_is_shed_and_shortened_for_the_size_is_told():
    raw = {**EVENTS[0], "Labels": "x" * 500, "Source": "s" * 900, "Message": "m" * 900}
    explained = explain(converter("kubearmor-cef", 1200), raw)
    assert explained.size <= explained.most == 1200
    assert why(explained, "KubeArmorLabels") == [
        ("kubearmor-cef.yaml:135", "truncated, 517 bytes: the message has 1,200 at most")
    ]
    assert any(note.startswith("shortened from 900 to ") for note in row(explained, "cs5").notes)
    assert row(explained, "KubeArmorTruncated").rule == "envelope max_bytes"
    lost = {field.fate.path: field.fate.kind for field in explained.fields}
    assert lost["Labels"] == "lost"


def test_fields_that_no_rule_reads_are_told_with_what_became_of_them(own):
    text = "mapping: own\ndrop: [Cwd]\nextension: {act: {from: Action}, fname: {from: Resource, via: basename}}\n"
    event = {"Type": "ContainerLog", "Operation": "File", "Resource": "/a/b", "Cwd": "/", "New": 7}
    kept = own(text)(event)
    assert {it.fate.path: (it.fate.kind, it.fate.kept) for it in kept.unused} == {
        "Type": ("unmapped", "KubeArmorType"),
        "Operation": ("unmapped", "KubeArmorOperation"),
        "Cwd": ("dropped", ""),
        "New": ("unmapped", "KubeArmorNew"),
    }
    resource = next(it.fate for it in kept.fields if it.fate.path == "Resource")
    assert (resource.kind, resource.keys, resource.kept) == (
        "mapped",
        ("fname",),
        "KubeArmorResource",
    )
    lost = own(text + "unmapped: drop\n")(event)
    assert {it.fate.path: it.fate.kind for it in lost.fields} == {
        "Type": "lost",
        "Operation": "lost",
        "Resource": "partial",
        "Cwd": "dropped",
        "New": "lost",
    }


def test_a_filtered_event_is_told_with_what_took_it_out(own):
    text = "mapping: own\nextends: kubearmor-cef\n"
    event = {"Type": "ContainerLog", "Operation": "File", "NamespaceName": "kube-system"}
    explained = own(text + "drop_events:\n  - {event.kind: log, NamespaceName: [kube-*]}\n")(event)
    assert explained.filtered.startswith("drop_events, ")
    assert explained.filtered.endswith("own.yaml:4: event.kind is log, NamespaceName is kube-*")
    assert (explained.message, explained.rows) == ("", ())
    explained = own(text + "filters: [alerts_only]\n")(event)
    assert explained.filtered == "filter alerts_only: event.kind is log"


def test_a_rule_that_drop_took_out_is_told(own):
    explained = own("mapping: own\nextends: kubearmor-cef\ndrop: [Cwd, UID]\n")(
        {"Type": "ContainerLog", "Operation": "File", "Cwd": "/srv", "UID": 7, "HostPID": 1}
    )
    assert why(explained, "KubeArmorCwd") == [
        ("kubearmor-cef.yaml:131", "drop names what it reads")
    ]
    assert why(explained, "suid") == [
        ("kubearmor-cef.yaml:62", "drop names what its value was taken from")
    ]


def test_fields_that_share_the_one_key_for_all_that_is_too_much_are_kept_in_it(own):
    event = {"Type": "ContainerLog", "Operation": "File", **{f"New{n:02d}": "x" for n in range(80)}}
    explained = own("mapping: own\nextension: {cat: {from: Operation}}\n")(event)
    kept = {field.fate.path: field.fate.kept for field in explained.fields}
    assert kept["New00"] == "KubeArmorNew00"
    assert kept["New79"] == "KubeArmorData"
    assert {field.fate.kind for field in explained.fields} == {"mapped", "unmapped"}
