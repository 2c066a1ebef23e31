"""Events in envelopes: whatever holds them, they come out as they are alone, or are rejected."""

from __future__ import annotations

import json
import sys

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge.kubearmor import decode as decoding
from cef_bridge.kubearmor import unwrap as unwrapping
from cef_bridge.kubearmor.clock import WRAPPER_TIME, timed
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise, Unreadable

EVENT = {
    "Type": "MatchedPolicy", "Operation": "File", "ClusterName": "c", "HostName": "n", "HostPID": 1,
    "ProcessName": "/bin/sh", "Source": "/bin/sh", "Resource": "/etc/shadow", "PolicyName": "p",
    "Action": "Block", "Result": "Permission denied", "UpdatedTime": "2026-03-03T09:00:00.000001Z",
}  # fmt: skip
OTHER = {**EVENT, "Resource": "/etc/passwd"}
TEXT = json.dumps(EVENT)
AT = 1772528401000000


def decode(value):
    decoder = EventDecoder()
    line = value if isinstance(value, bytes) else json.dumps(value).encode()
    return decoder.decode(line) + decoder.finish()


def paths(value, events=(EVENT,)):
    """Return the paths to the events that a line holds, which must be these."""
    found = decode(value)
    assert all(isinstance(each, Decoded) for each in found), found
    bare = [{k: v for k, v in each.fields.items() if k != WRAPPER_TIME} for each in found]
    assert bare == list(events)
    return [each.path for each in found]


ENVELOPES = {
    "stream": ({"stream": "stdout", "log_processed": EVENT}, "log_processed"),
    "kafka connect": ({"schema": {}, "payload": EVENT}, "payload"),
    "kafka connect, text": ({"schema": {"type": "string"}, "payload": TEXT}, "payload"),
    "stackdriver": ({"jsonPayload": EVENT, "timestamp": "2026-03-03T09:00:01Z"}, "jsonPayload"),
    "stackdriver, text": ({"textPayload": TEXT, "insertId": "x"}, "textPayload"),
    "azure": ({"TimeGenerated": "2026-03-03T09:00:01Z", "LogMessage": EVENT}, "LogMessage"),
    "azure, old": ({"TimeGenerated": "x", "Log": TEXT}, "Log"),
    "azure, a row": (
        {"Type": "ContainerLogV2", "PodName": "relay", "ContainerName": "r", "LogMessage": TEXT},
        "LogMessage",
    ),
    "loki": ({"labels": {}, "line": TEXT, "timestamp": "2026-03-03T09:00:01Z"}, "line"),
    "loki push": (
        {"streams": [{"stream": {"app": "x"}, "values": [["1772528401000000000", TEXT]]}]},
        "streams[].values[][]",
    ),
    "splunk": ({"preview": False, "result": {"_raw": TEXT, "host": "h"}}, "result._raw"),
    "splunk hec": ({"time": 1772528401, "host": "h", "event": EVENT}, "event"),
    "otel": ({"timestamp": "2026-03-03T09:00:01Z", "body": EVENT}, "body"),
    "otel, text": ({"Timestamp": "2026-03-03T09:00:01Z", "Body": TEXT}, "Body"),
    "gelf": ({"version": "1.1", "host": "h", "short_message": "x", "full_message": TEXT}, "full_message"),
    "datadog": ({"id": "x", "attributes": {"message": TEXT, "tags": ["a"]}}, "attributes.message"),
    "cloudevents": ({"specversion": "1.0", "type": "x", "source": "/y", "data": EVENT}, "data"),
    "sns": ({"Type": "Notification", "Message": TEXT, "Timestamp": "x"}, "Message"),
    "sqs": ({"Records": [{"messageId": "x", "body": TEXT}]}, "Records[].body"),
    "a shipper": ({"ClusterName": "c", "HostName": "h", "data": EVENT}, "data"),
    "two levels of text": ({"message": json.dumps({"log": TEXT})}, "message.log"),
    "three levels": ({"a": json.dumps({"b": json.dumps({"c": TEXT})})}, "a.b.c"),
    "a prefix inside": ({"line": "<134>Mar  3 09:00:01 n relay[1]: " + TEXT}, "line"),
    "a shipper's message": ({"message": "[pod/x/y] " + TEXT}, "message"),
    "cri inside": ({"Log": "2026-03-03T09:00:01.000000Z stdout F " + TEXT}, "Log"),
    "a list of texts": ({"records": [TEXT]}, "records[]"),
    ".NET's quotes": ({"a": json.dumps({"b": TEXT}).replace('\\"', "\\u0022")}, "a.b"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENVELOPES)
def test_an_envelope_needs_no_list_of_products_and_is_named_by_its_path(name):
    envelope, path = ENVELOPES[name]
    assert paths(envelope) == [path]


def test_an_envelope_may_hold_several_events():
    entries = [{"timestamp": 1772528401000, "message": json.dumps(it)} for it in (EVENT, OTHER)]
    entries.insert(1, {"timestamp": 1772528401000, "message": "Started to watch alerts"})
    cloudwatch = {"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": entries}
    assert paths(cloudwatch, (EVENT, OTHER)) == ["logEvents[].message"] * 2
    assert paths({"message": f"{TEXT}\n{json.dumps(OTHER)}\n"}, (EVENT, OTHER)) == ["message"] * 2


@pytest.mark.parametrize(
    "envelope",
    [
        {"message": TEXT, "event": {"original": TEXT}},
        {"log": TEXT + "\n", "log_processed": EVENT, "stream": "stdout"},
        {"full_log": TEXT, "data": dict(reversed(EVENT.items()))},
        {"@timestamp": "2026-03-03T09:00:01Z", "message": TEXT, "parsed": EVENT},
    ],
)
def test_an_event_that_stands_twice_in_an_envelope_is_one(envelope):
    (found,) = decode(envelope)
    assert {k: v for k, v in found.fields.items() if k != WRAPPER_TIME} == EVENT


def test_two_equal_entries_of_a_list_are_two():
    assert paths({"logEvents": [{"message": TEXT}, {"message": TEXT}]}, (EVENT, EVENT))


@pytest.mark.parametrize(
    "envelope",
    [
        {"timestamp": "2026-03-03T09:00:01Z", "body": {"Type": "HostLog"}},
        {"time": 1772528401.0, "event": {"Type": "HostLog"}},
        {"result": {"_time": "2026-03-03T09:00:01Z", "_raw": '{"Type":"HostLog"}'}},
        {"timestamp": 1, "x": {"time": "2026-03-03T09:00:01Z", "y": {"Type": "HostLog"}}},
        {"logEvents": [{"timestamp": 1772528401000, "message": '{"Type":"HostLog"}'}]},
        {"TimeGenerated": "2026-03-03T09:00:01Z", "LogMessage": {"Type": "HostLog"}},
    ],
)
def test_the_nearest_time_around_is_that_of_an_event_without_one(envelope):
    (found,) = decode(envelope)
    assert timed(found.fields) == (AT, WRAPPER_TIME)


def test_an_event_keeps_its_own_time_in_an_envelope():
    (found,) = decode({"timestamp": "2026-03-03T09:00:01Z", "body": EVENT})
    assert timed(found.fields) == (1772528400000001, "UpdatedTime")


@pytest.mark.parametrize(
    ("line", "path", "label"),
    [
        ({"log_processed": TEXT[:-3]}, "log_processed", "not-json"),
        ({"logEvents": [{"message": TEXT[:60]}]}, "logEvents[].message", "not-json"),
        ({"a": {"b": "x" * 600 + TEXT}}, "a.b", "not-json"),
        ({"a": [{k: v for k, v in EVENT.items() if k not in ("Type", "Operation", "HostName")}]}, "a[]", "no-kind"),
        (
            {"a": json.dumps({"b": json.dumps({"c": json.dumps({"d": TEXT})})})},
            "a.b.c.d",
            "too-deep",
        ),
        ({"a": "== Alert / 2025-01-29 05:58:24.249900 ==\nHostName: n"}, "a", "karmor-text"),
    ],
)  # fmt: skip
def test_what_has_an_events_names_and_cannot_be_read_is_rejected_with_its_path(line, path, label):
    (found,) = decode(line)
    assert isinstance(found, Unreadable)
    assert found.reason.startswith(f"in {path}: ")
    assert found.label == label


@pytest.mark.parametrize(
    "line",
    [
        {"msg": "x", "span": {"operation": "process", "file": "x"}},
        {"level": "info", "request": {"body": '{"type":"login","user":"u"}'}},
        {"a": {"b": [1, {"c": "{broken"}]}},
        {"kind": "Event", "involvedObject": {"kind": "Pod"}, "type": "Normal", "message": "{x}"},
        {"records": ["a", "b", {"type": "x"}]},
    ],
)
def test_an_envelope_without_an_event_is_noise_once(line):
    assert [type(each) for each in decode(line)] == [Noise]


def test_no_event_can_be_hidden_or_forged_by_what_its_own_fields_hold():
    forged = json.dumps(OTHER)
    for field in ("Source", "Resource", "Data", "Message", "EventData", "Owner", "Labels"):
        value = OTHER if field in ("EventData", "Owner") else forged
        (found,) = decode({**EVENT, field: value})
        assert found.fields["PolicyName"] == "p"
        assert found.path == ""
        new = {**EVENT, field: value, "Type": "NotKnownYet", "Operation": "NotKnownYet"}
        (found,) = decode(new)
        assert found.fields["Type"] == "NotKnownYet"


@pytest.mark.parametrize(
    "prefix",
    [
        "[pod/kubearmor-relay-6c9d5b7f88-q7w2e/relay] ",
        "[pod/x/y] 2026-03-03T09:00:01.000000001Z ",
        "[2026-03-03 09:00:01] [INFO] ",
        "[x {y}] ",
        '{app="relay"} ',
        '["a"] ',
        "[] ",
        "[1, 2] ",
    ],
)
def test_what_begins_with_a_bracket_and_is_no_json_is_a_prefix(prefix):
    assert paths((prefix + TEXT).encode()) == [""]


def test_the_text_output_of_karmor_is_rejected_once_an_event():
    lines = [
        b"== Alert / 2025-01-29 05:58:24.249900 ==", b"ClusterName: default", b"HostName: n", b"",
        b"== Log / 2025-01-29 05:58:24.249900 ==", b"HostName: n",
    ]  # fmt: skip
    decoder = EventDecoder()
    found = [each for line in lines for each in decoder.decode(line)]
    told = [each for each in found if isinstance(each, Unreadable)]
    assert [each.raw for each in told] == [lines[0], lines[4]]
    assert {each.label for each in told} == {"karmor-text"}
    assert "karmor logs --json" in told[0].reason


def test_a_part_in_an_envelope_waits_for_its_rest():
    half = len(TEXT) // 2
    decoder = EventDecoder()
    cri = "2026-03-03T09:00:01.000000Z stdout {} {}"
    assert decoder.decode(json.dumps({"line": cri.format("P", TEXT[:half])}).encode()) == []
    (found,) = decoder.decode(json.dumps({"line": cri.format("F", TEXT[half:])}).encode())
    assert found.fields["Resource"] == "/etc/shadow"


def wrap(kind, value):
    """Return a value with one more envelope around it."""
    return [
        {"a": value},
        [value],
        {"a": [value, 1]},
        {"log": json.dumps(value)},
        {"x": json.dumps(value)},
    ][kind]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 4), max_size=8))
@example([0] * 60)
def test_any_envelope_gives_the_event_or_a_reject_and_never_noise(kinds):
    value = EVENT
    for kind in kinds:
        value = wrap(kind, value)
    found = [each for each in decode(value) if not isinstance(each, Noise)]
    (one,) = found
    texts = sum(kind > 2 for kind in kinds)
    assert isinstance(one, Unreadable if texts > 3 else Decoded)


# Costs: the sizes double, and so do the steps.


def twice(count):
    value = {"a": [EVENT] * (count // 40 + 1)}
    for _ in range(40):
        value = {"a": value, "b": EVENT}
    return json.dumps(value).encode()


COSTLY = {
    "many objects": lambda n: json.dumps({"a": [{"b": {"c": 1}}] * n}).encode(),
    "many texts of json": lambda n: json.dumps({"a": ['{"HostName":"x"}'] * n}).encode(),
    "many broken texts": lambda n: json.dumps({"a": ['{"HostName":'] * n}).encode(),
    "many lines in a text": lambda n: json.dumps({"a": '{"HostName":\n' * n}).encode(),
    "text in text in text": lambda n: json.dumps(
        {"a": json.dumps({"b": json.dumps({"c": json.dumps({"d": "x" * n})})})}
    ).encode(),
    "an event twice at every level": twice,
    "names without an end": lambda n: b'{"a":"' + b'\\"type\\"' * n + b'"}',
    "prefixes": lambda n: b"[{ " * n,
    "keys": lambda n: json.dumps({f"Type{i}": i for i in range(n)}).encode(),
    "detail": lambda n: b'{"Detail":' * 60 + json.dumps({"x": [0] * n}).encode() + b"}" * 60,
}


def counted(line, monkeypatch):
    """Return how many steps it takes to decode a line: lines of Python, and bytes that are read."""
    steps = 0

    def read(function):
        def reading(text, **options):
            nonlocal steps
            steps += len(text)
            return function(text, **options)

        return reading

    def tracer(frame, event, _):
        nonlocal steps
        if "cef_bridge" not in frame.f_code.co_filename:
            return None
        steps += event == "line"
        return tracer

    with monkeypatch.context() as patched:
        for module, names in (
            (decoding, ("loads", "has_names", "may_be_events", "after_prefix")),
            (unwrapping, ("may_hold",)),
        ):
            for name in names:
                patched.setattr(module, name, read(getattr(module, name)))
        before = sys.gettrace()
        sys.settrace(tracer)
        try:
            decode(line)
        finally:
            sys.settrace(before)
    return steps


@pytest.mark.parametrize("name", COSTLY)
def test_no_line_costs_more_than_its_bytes(name, monkeypatch):
    small, large = COSTLY[name](400), COSTLY[name](1600)
    few, many = counted(small, monkeypatch), counted(large, monkeypatch)
    assert many <= 1.2 * few * len(large) / len(small)
    assert many <= 100 * len(large)
