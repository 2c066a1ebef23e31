"""A protobuf message becomes the line that kubearmor-relay prints for it, whatever is in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from grpc_tools import protoc
from hypothesis import given
from hypothesis import strategies as st
from relay_server import encode, kind_of

from cef_bridge.sources.relay.json_lines import UnreadableMessageError, escaped, line_of
from cef_bridge.sources.relay.schema import CLASSES, SERVICE, STREAMS, TABLE, file_descriptor

DATA = Path(__file__).parent.parent / "data"
ALERT, LOG, MESSAGE = line_of("Alert"), line_of("Log"), line_of("Message")


def known(event: dict[str, object]) -> bool:
    """Whether the event has nothing that the schema has not, so that it can go over gRPC."""
    names = [field.name for field in TABLE[STREAMS[kind_of(event)].message]]
    if not event.keys() <= set(names) or not {"Type", "HostName"} <= event.keys():
        return False
    return isinstance(event.get("Timestamp", 0), int) and "" not in event.values()


def relay_lines() -> list[bytes]:
    """Lines in the relay's own form: its order of fields is told by the lines themselves."""
    found = []
    for line in (DATA / "kinds.ndjson").read_bytes().splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and known(event):
            found.append(line)
    return found


def varint(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes((value & 0x7F | 0x80,))
        value >>= 7
    return out + bytes((value,))


def text(number: int, value: bytes) -> bytes:
    """A field of length-delimited wire type, by hand."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def number(field: int, value: int) -> bytes:
    return varint(field << 3) + varint(value)


def test_a_message_by_hand_becomes_the_line_that_go_prints():
    raw = (
        number(1, 1772528400)
        + text(2, b"2026-03-03T09:00:00.004096Z")
        + text(3, b"default")
        + text(4, b"node-a1")
        + number(9, 40003)
        + text(13, b"block-sh")
        + text(20, b'/bin/sh -c "a<b && c>d"')
        + number(27, 31007)
        + text(30, b"NIST")
        + text(30, b"MITRE")
        + text(31, text(2, b"web"))
        + text(36, b"")
        + text(43, text(1, b"Syscall") + text(2, b"SYS_EXECVE"))
        + text(43, text(1, b"Fd") + text(2, b"-100"))
    )
    assert ALERT(raw) == (
        b'{"Timestamp":1772528400,"UpdatedTime":"2026-03-03T09:00:00.004096Z","ClusterName":"default",'
        b'"HostName":"node-a1","Owner":{"Name":"web"},"HostPPID":31007,"HostPID":40003,"PPID":0,"UID":0,'
        b'"PolicyName":"block-sh","ATags":["NIST","MITRE"],'
        rb'"Resource":"/bin/sh -c \"a\u003cb \u0026\u0026 c\u003ed\"",'
        b'"EventData":{"Fd":"-100","Syscall":"SYS_EXECVE"},"ExecEvent":{}}'
    )


@pytest.mark.parametrize("line", relay_lines())
def test_a_line_of_a_relay_comes_back_byte_for_byte(line):
    event = json.loads(line)
    kind = kind_of(event)
    if kind != "messages":
        event.setdefault("PPID", 0)
        event.setdefault("UID", 0)
    expected = sorted_like(event, STREAMS[kind].message)
    assert line_of(STREAMS[kind].message)(encode(kind, event)) == expected


def sorted_like(event: dict[str, object], message: str) -> bytes:
    """The event as compact JSON in the table's order, by the standard library."""
    ordered = {field.name: event[field.name] for field in TABLE[message] if field.name in event}
    return escaped(json.dumps(ordered, ensure_ascii=False, separators=(",", ":")).encode())


def test_the_sample_logs_are_in_the_order_of_the_table_as_the_fast_path_expects():
    logs = [line for line in relay_lines() if kind_of(json.loads(line)) == "logs"]
    same = [line for line in logs if sorted_like(json.loads(line), "Log") == escaped(line)]
    assert len(same) > 40
    assert len(same) >= len(logs) - 3


def test_the_schema_is_what_protoc_makes_of_the_field_tables(tmp_path):
    types = {"strings": "repeated string", "map": "map<string, string>"}
    rows = ['syntax = "proto3";', "package feeder;"]
    for name, fields in TABLE.items():
        inner = [f"  {types.get(f.type, f.type)} {f.name} = {f.number};" for f in fields]
        rows += [f"message {name} {{", *inner, "}"]
    (tmp_path / "kubearmor.proto").write_text("\n".join(rows))
    arguments = ["protoc", f"-I{tmp_path}", f"--descriptor_set_out={tmp_path / 'set'}"]
    assert protoc.main([*arguments, "kubearmor.proto"]) == 0
    compiled = (tmp_path / "set").read_bytes()
    made = file_descriptor()
    for message in made.message_type:  # protoc leaves out of its files what follows from the name
        for field in (*message.field, *(f for entry in message.nested_type for f in entry.field)):
            field.ClearField("json_name")
    again = type(made).FromString(compiled[compiled.index(b"\n\x0fkubearmor.proto") :])
    for message in again.message_type:
        for field in (*message.field, *(f for entry in message.nested_type for f in entry.field)):
            field.ClearField("json_name")
    assert again == made


def test_the_numbers_of_an_alert_and_a_log_are_those_of_kubearmor():
    alert = {field.name: field.number for field in TABLE["Alert"]}
    log = {field.name: field.number for field in TABLE["Log"]}
    assert sorted(alert.values()) == list(range(1, 45))
    assert sorted(log.values()) == list(range(1, 35))
    assert [alert[name] for name in ("Owner", "HostPPID", "Labels", "EventData", "UserName")] == [
        31, 27, 29, 43, 44,
    ]  # fmt: skip
    assert [log[name] for name in ("Owner", "HostPPID", "Labels", "EventData", "UserName")] == [
        24, 22, 23, 33, 34,
    ]  # fmt: skip
    assert SERVICE == "feeder.LogService"


def test_zero_is_printed_for_ppid_and_uid_only():
    assert LOG(number(22, 0)) == b'{"PPID":0,"UID":0}'
    assert MESSAGE(text(7, b"INFO")) == b'{"Level":"INFO"}'


def test_a_negative_number_keeps_its_sign():
    minus = number(11, (1 << 64) - 1)
    assert json.loads(LOG(minus))["PID"] == -1
    assert json.loads(LOG(minus + text(14, b"\xff")))["PID"] == -1


def test_fields_that_the_schema_does_not_know_are_kept():
    raw = (
        text(4, b"node")
        + text(45, b"v2")
        + number(46, 7)
        + number(46, 8)
        + text(47, text(1, b"key") + text(2, b"value"))
        + text(48, b"\xfe\xff")
        + varint(49 << 3 | 5)
        + (5).to_bytes(4, "little")
        + text(36, text(1, b"9") + text(3, b"/bin/sh"))
    )
    found = json.loads(ALERT(raw))
    assert found["Field45"] == "v2"
    assert found["Field46"] == [7, 8]
    assert found["Field47"] == {"Field1": "key", "Field2": "value"}
    assert found["Field48"] == "/v8="
    assert found["Field49"] == 5
    assert found["ExecEvent"] == {"ExecID": "9", "Field3": "/bin/sh"}
    assert list(found)[-5:] == [f"Field{n}" for n in (45, 46, 47, 48, 49)]


def test_bytes_that_are_no_text_cost_no_more_than_themselves():
    good = text(4, b"node") + number(12, 0) + text(31, text(1, b"Job")) + text(45, b"new")
    event = json.loads(ALERT(good + text(18, b"/bin/sh \xff\xfe x") + text(43, text(1, b"A"))))
    assert event == {
        "HostName": "node",
        "Owner": {"Ref": "Job"},
        "PPID": 0,
        "UID": 0,
        "Source": "/bin/sh \ufffd\ufffd x",
        "EventData": {"A": ""},
        "Field45": "new",
    }


def test_no_bytes_in_a_nested_text_make_a_message_unreadable():
    raw = text(36, text(1, b"\xc3") + text(2, b"sh")) + text(30, b"\xff") + text(30, b"b")
    event = json.loads(ALERT(raw))
    assert event["ExecEvent"] == {"ExecID": "\ufffd", "ExecutableName": "sh"}
    assert event["ATags"] == ["\ufffd", "b"]


def test_what_is_no_message_says_so():
    for raw in (b"\x0a\xff", b"\x0f", b"\x00\x01", b"\xff" * 12):
        with pytest.raises(UnreadableMessageError):
            ALERT(raw)


@given(st.binary(max_size=200))
def test_any_bytes_are_one_line_of_json_or_unreadable(raw):
    for convert in (ALERT, LOG, MESSAGE):
        try:
            line = convert(raw)
        except UnreadableMessageError:
            continue
        assert b"\n" not in line
        assert isinstance(json.loads(line), dict)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "Resource": st.text(),
            "Source": st.text(),
            "HostPID": st.integers(-(2**31), 2**31 - 1),
            "Timestamp": st.integers(-(2**63), 2**63 - 1),
            "EventData": st.dictionaries(st.text(), st.text(), max_size=3),
        },
    )
)
def test_the_library_and_the_wire_reader_agree(event):
    """The same message, once read by protobuf and once as if it had refused it."""
    raw = encode("alerts", event)
    line = json.loads(ALERT(raw))
    repaired = json.loads(ALERT(raw + text(24, b"\xff")))
    assert repaired.pop("ContainerImage") == "\ufffd"
    assert repaired == line
    for name, value in event.items():
        assert line.get(name, type(value)()) == value


def test_every_class_reads_what_it_writes():
    for name, cls in CLASSES.items():
        assert cls.FromString(cls().SerializeToString()) == cls(), name
