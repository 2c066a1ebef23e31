from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from samples import DATA, units

from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Noise, Unreadable
from cef_bridge.kubearmor.derive import derive
from cef_bridge.kubearmor.json_text import loads
from cef_bridge.kubearmor.names import CANONICAL, as_written, canonical

EVENT = {"Type": "HostLog", "Operation": "File", "HostName": "h", "Resource": "/etc/my file"}
LINE = json.dumps(EVENT).encode()


def decode(*lines, **options):
    decoder = EventDecoder(**options)
    return [found for line in lines for found in decoder.decode(line)] + decoder.finish()


def fields(*lines, **options):
    """Return the events; anything else fails."""
    found = decode(*lines, **options)
    assert all(isinstance(result, Decoded) for result in found), found
    return [result.fields for result in found]


def docker(text, stream="stdout"):
    time = "2026-03-03T09:00:00.000001Z"
    return json.dumps({"log": text, "stream": stream, "time": time}).encode()


def cri(text, flag=b"F", stream=b"stdout"):
    return b"2026-03-03T09:00:00.000001111Z " + stream + b" " + flag + b" " + text


# What is an event


@pytest.mark.parametrize(
    "text",
    [
        '{"Operation":"File"}',
        '{"operation":"file"}',
        '{"OPERATION":"FILE"}',
        '{"Type":"Message"}',
        '{"type":"containerlog"}',
        '{"TYPE":"MatchedHostPolicy"}',
        '{"Type":"NotKnownYet","HostName":"h"}',
        '{"Type":"NotKnownYet","Operation":"Teleport"}',
        '{"type":"notknownyet","clustername":"c"}',
        '{"type":"Normal","Operation":"File"}',
        '{"type":"message","updatedTime":"t","message":"x"}',
        '{"ClusterName":"c","HostName":"h"}',
        '{"clustername":"c","hostname":"h","PPID":0,"UID":0}',
    ],
)
def test_a_known_type_or_operation_or_one_with_another_name_makes_an_event(text):
    assert [type(found) for found in decode(text.encode())] == [Decoded]


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" \t ",
        b"\x00\x00",
        b"{}",
        b"[]",
        b"{",
        b"[INFO] started",
        b'{"ClusterName":"c"}',
        b'{"HostName":"h"}',
        b'{"level":"info","ts":"2025-10-09 11:24:16.417205","msg":"Created a relay server (:32767)"}',
        b'{"level":"info","msg":"Type Operation"',
        b"5",
        b'"Operation"',
        b"null",
        b"{'Operation': 'File'}",
        b"Started to watch alerts",
        b'{"type":"x"}',
        b'{"Type":"x"}',
        b'{"Operation":null,"a":1}',
        b'{"type":"message","text":"hello","user":"U1"}',
        b'{"type":"Normal","operation":"CREATE"}',
        b'{"level":"info","logger":"webhook","operation":"CREATE"}',
        b'{"metadata":{"name":"x"},"involvedObject":{"kind":"Pod"},"reason":"Killing","type":"Normal"}',
        b'{"reason":"x","message":"y","source":{"host":"n"},"action":"Killing","type":"Normal"}',
        b'{"level":30,"time":1772528401000,"pid":1,"hostname":"h","type":"http","msg":"GET /"}',
        b'{"specversion":"1.0","type":"com.example.x","source":"/a","data":{"b":1}}',
        b'{"operation":"heartbeat","resource":"x"}',
        b'{"Detail":{"a":1}}',
        b'{"_source":{"a":1}}',
        b'{"hits":{"hits":[]}}',
        b'{"resourceLogs":[]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"x"}}]}]}]}',
        b'{"log":"Started\\n","stream":"stderr"}',
        b'{"log":"Started"}',
        b'{"message":"Started"}',
        b'{"log":{}}',
        b'{"log":5}',
        b"CEF:0|Accuknox|Kubearmor|1.0|Kubearmor Event|Alert|uid=0 start=2023-09-13T15:35:02Z",
        b'E1009 11:24:17 1 reflector.go:200] "x" err="\\"v1.Service\\"" type="*v1.Service"',
        b"2026-03-03T09:00:00.000001111Z stdout F",
        b"2026-03-03T09:00:00.000001111Z stderr F Started",
    ],
)
def test_everything_else_is_noise(line):
    assert decode(line) == [Noise(decode(line)[0].raw)]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            b'{"Timestamp":1692813948,"UpdatedTime":"2023-08-23T18:05:48.3',
            "not JSON: a text has no end; it begins at character 39",
        ),
        (
            b'{"Type":"HostLog","PID":1',
            "not JSON: a comma is missing, or the end was cut off at character 26",
        ),
        (
            b'{"Type":"HostLog","PID":',
            "not JSON: a value is missing or malformed at character 25",
        ),
        (b'{"Type":"HostLog"}}', "not JSON: there is more after the end at character 19"),
        (
            b'{"Type":"HostLog","Data":"\\x41"}',
            ("not JSON: invalid escape: JSON has none for this character at character 27"),
        ),
        (
            b'{"Type":"HostLog","Data":"\\u12"}',
            "not JSON: a \\u without four hexadecimal digits at character 28",
        ),
        (
            b'<134>Mar  3 09:00:01 h relay[1]: {"Type":"HostLog","Op',
            "not JSON: a text has no end; it begins at character 19",
        ),
        (
            b'{"log":"{\\"Type\\":\\"HostLog\\",\\"Op',
            "not JSON: a text has no end; it begins at character 8",
        ),
        (
            b'{"resourceLogs":[{"body":{"kvlistValue":{"values":[{"key":"Operation","value":{',
            "not JSON: a field name is missing at character 80",
        ),
        (b'{"Type":"x","a":' + b"[" * 90 + b"]" * 90 + b"}", "nested too deeply"),
        (b'{"Type":"x","a":' + b"[" * 100_000, "nested too deeply"),
        (b'{"Type":"x","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deeply"),
        (b'{"Type":"x","a":' + b"9" * 5000 + b"}", "a number is too long"),
    ],
)
def test_what_looks_like_an_event_and_is_cut_or_broken_is_unreadable(line, reason):
    (found,) = decode(line)
    label = "too-deep" if "deeply" in reason else "not-json"
    assert found == Unreadable(line, reason, label)


# Hostile JSON that must come through


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"\xff\xfe"', "\ufffd\ufffd"),
        (b'"a\xed\xa0\x80b"', "a\ufffd\ufffd\ufffdb"),
        (rb'"\ud800"', "\ud800"),
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (b'"a\nb\x00c\x1b[2J"', "a\nb\x00c\x1b[2J"),
        (b"NaN", None),
        (b"-Infinity", None),
        (b"18446744073709551615", 2**64 - 1),
        (b"18446744073709551616", 2**64),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"[[18446744073709551616]]", [[2**64]]),
        (b"1e400", float("inf")),
        (rb'"\u2028\u0000"', "\u2028\0"),
        (b'"' + "\u202e🛡".encode() + b'"', "\u202e🛡"),
    ],
)
def test_no_argument_can_push_its_event_into_the_rejects(text, value):
    (found,) = fields(b'{"Type":"HostLog","Data":' + text + b"}")
    assert found == {"Type": "HostLog", "Data": value}
    assert derive(found).fields["event.id"]


def test_the_last_of_two_equal_names_counts():
    (found,) = fields(b'{"Type":"HostLog","Action":"Block","Action":"Audit"}')
    assert found["Action"] == "Audit"


# Names


def test_names_in_any_case_become_kubearmors():
    camel = (
        b'{"updatedTime":"t","hostPid":1,"hostPPid":2,"containerID":"c","policyName":"p",'
        b'"username":"u","nodeID":"n","kubeArmorVersion":"v","operation":"File","atags":null,'
        b'"owner":{"ref":"Deployment","name":"web","namespace":"shop"},'
        b'"execEvent":{"ExecID":"5","ExecutableName":"sh"},"MaxAlertsPerSec":10}'
    )
    assert fields(camel) == [
        {
            "UpdatedTime": "t",
            "HostPID": 1,
            "HostPPID": 2,
            "ContainerID": "c",
            "PolicyName": "p",
            "UserName": "u",
            "NodeID": "n",
            "KubeArmorVersion": "v",
            "Operation": "File",
            "ATags": None,
            "Owner": {"Ref": "Deployment", "Name": "web", "Namespace": "shop"},
            "ExecEvent": {"ExecID": "5", "ExecutableName": "sh"},
            "MaxAlertsPerSec": 10,
        }
    ]


def test_of_two_spellings_neither_is_lost():
    (found,) = fields(b'{"Type":"x","HostName":"a","hostname":"b","HOSTNAME":"a","hostName":""}')
    assert found == {"Type": "x", "HostName": "a", "hostname": "b"}
    (found,) = fields(b'{"Type":"x","hostname":"a","HostName":"b","HostName2":"c"}')
    assert found == {"Type": "x", "hostname": "a", "HostName": "b", "HostName2": "c"}
    (found,) = fields(b'{"Type":"HostLog","hostname":"a","HOSTNAME":"b"}')
    assert found == {"Type": "HostLog", "HostName": "a", "HOSTNAME": "b"}


NAMES = sorted(CANONICAL)
FOREIGN = st.dictionaries(
    st.sampled_from(NAMES).map(lambda name: name.lower()).filter(lambda name: name not in NAMES),
    st.sampled_from(["", "x", "index", 5, None, {"a": 1}]),
    max_size=5,
)


@given(FOREIGN, st.randoms())
@example({"source": "/var/log/x", "action": "index", "type": "kubearmor"}, random.Random(1))  # noqa: S311 - an order
def test_a_name_as_kubearmor_writes_it_keeps_its_value_wherever_other_spellings_stand(foreign, by):
    own = {**EVENT, "Action": "Block", "Source": "/bin/sh", "PolicyName": "", "UpdatedTime": "t"}
    pairs = [*own.items(), *foreign.items()]
    by.shuffle(pairs)
    (found,) = fields(json.dumps(dict(pairs)).encode())
    assert {name: found[name] for name in own} == own


@given(FOREIGN, st.randoms())
def test_what_is_as_written_whatever_its_values_is_not_renamed(foreign, by):
    pairs = [*EVENT.items(), ("UpdatedTime", "t"), *foreign.items()]
    by.shuffle(pairs)
    if as_written(dict(pairs)):
        assert canonical(dict(pairs)) == dict(pairs)


def test_a_flat_owner_becomes_a_map_and_contradictions_stay():
    (found,) = fields(b'{"Type":"x","OwnerRef":"Pod","ownerName":"a","OwnerNamespace":""}')
    assert found == {"Type": "x", "Owner": {"Ref": "Pod", "Name": "a"}}
    (found,) = fields(b'{"Type":"x","Owner":{"Name":"a"},"OwnerName":"b"}')
    assert found == {"Type": "x", "Owner": {"Name": "a"}, "OwnerName": "b"}
    (found,) = fields(b'{"Type":"x","Owner":"a","OwnerName":"b"}')
    assert found == {"Type": "x", "Owner": "a", "OwnerName": "b"}


def test_a_dotted_name_goes_into_its_map():
    (found,) = fields(b'{"Type":"x","owner.Name":"a","EventData.Lsm":"FILE_OPEN"}')
    assert found == {"Type": "x", "Owner": {"Name": "a"}, "EventData": {"Lsm": "FILE_OPEN"}}


def test_a_map_and_dotted_names_become_one_map_in_any_order():
    owner, dotted = {"Owner": {"Ref": "Deployment"}}, {"Owner.Name": "shop", "owner.Ref": "Pod"}
    for found in ({**owner, **dotted}, {**dotted, **owner}):
        assert canonical(found) == {
            "Owner": {"Ref": "Deployment", "Name": "shop"},
            "owner.Ref": "Pod",
        }
    assert owner == {"Owner": {"Ref": "Deployment"}}


def test_an_event_cannot_set_what_is_concluded_from_it():
    forged = {
        **EVENT,
        "event.id": "1",
        "event.severity": 1,
        "event.time_us": 1,
        "data.fd": "1",
        "destination.ip": "203.0.113.9",
        "cluster": "prod",
        "call": "SYS_OPEN",
        WRAPPER_TIME: 1,
    }
    (found,) = fields(json.dumps(forged).encode())
    event = derive(found)
    assert event.fields["event.id"] == derive(fields(LINE)[0]).fields["event.id"]
    assert event.fields.keys().isdisjoint({"event.severity", "data.fd", "destination.ip", "call"})
    assert event.fields.keys().isdisjoint({"event.time", "event.time_us", "cluster"})
    assert event.fields["cluster_"] == "prod"
    assert event.fields["destination_ip"] == "203.0.113.9"


# Wrappers


def test_a_docker_line_is_unwrapped_and_its_time_kept():
    (found,) = fields(docker(LINE.decode() + "\n"))
    assert found == {**EVENT, WRAPPER_TIME: 1772528400000001}


def test_a_docker_line_without_a_line_end_is_whole_when_it_is_short():
    found = decode(docker("Started to watch"), docker(LINE.decode()))
    assert [type(result) for result in found] == [Noise, Decoded]


@pytest.mark.parametrize("letter", ["x", "é", "🛡"])
def test_a_docker_line_of_sixteen_kibibytes_goes_on(letter):
    text = json.dumps({**EVENT, "Data": letter * 20000}, ensure_ascii=False).encode() + b"\n"
    # Docker cuts bytes; a character that is cut becomes replacement marks on both sides.
    parts = [text[at : at + 16384].decode(errors="replace") for at in range(0, len(text), 16384)]
    lines = [docker(part) for part in parts]
    lines.insert(1, docker("Started\n", "stderr"))
    noise, event = decode(*lines)
    assert isinstance(noise, Noise)
    assert isinstance(event, Decoded)
    assert set(event.fields["Data"]) <= {letter, "\ufffd"}


def test_parts_of_stdout_and_stderr_are_joined_apart():
    found = decode(
        cri(LINE[:20], b"P"),
        cri(b'{"Type":"Mess', b"P", b"stderr"),
        cri(LINE[20:40], b"P"),
        cri(b'age"}', b"F", b"stderr"),
        cri(LINE[40:]),
    )
    assert [result.fields["Type"] for result in found] == ["Message", "HostLog"]


@given(st.lists(st.integers(0, len(LINE)), max_size=6).map(sorted))
def test_a_line_may_be_cut_anywhere(cuts):
    edges = [0, *cuts, len(LINE)]
    parts = [LINE[a:b] for a, b in pairwise(edges)]
    lines = [cri(part, b"P") for part in parts[:-1]] + [cri(parts[-1])]
    assert fields(*lines) == [{**EVENT, WRAPPER_TIME: 1772528400000001}]


def test_a_part_may_end_in_a_space_that_belongs_to_it():
    at = LINE.index(b"my ") + 3
    (found,) = fields(cri(LINE[:at], b"P"), cri(LINE[at:]))
    assert found["Resource"] == "/etc/my file"


def test_parts_whose_rest_never_comes_are_reported():
    assert decode(cri(LINE[:20], b"P")) == [
        Unreadable(LINE[:20], "the rest of this line never came", "unfinished")
    ]


def test_an_event_after_parts_whose_rest_never_came_is_not_lost_with_them():
    found = decode(cri(LINE[:20], b"P"), cri(LINE))
    assert [type(result) for result in found] == [Unreadable, Decoded]
    assert found[0].raw == LINE[:20]


def test_the_streams_whose_lines_wait_are_bounded_and_the_oldest_is_given_up_in_the_open():
    decoder = EventDecoder()
    part = "x" * 16384
    found = [
        result
        for number in range(20)
        for result in decoder.decode(docker(f"{number} {part}", stream=f"s{number}"))
    ]
    assert [(each.raw[:2], each.reason) for each in found] == [
        (b"%d " % number, "the rest of this line never came") for number in range(4)
    ]
    assert [int(each.raw.split()[0]) for each in decoder.finish()] == list(range(4, 20))


def test_parts_that_wait_go_on_in_another_decoder():
    half = len(LINE) // 2
    first = EventDecoder()
    assert first.pending() == b""
    assert first.decode(cri(LINE[:half], b"P")) == []
    assert first.decode(cri(b"\xff\x00", b"P", b"stderr")) == []
    second = EventDecoder(pending=first.pending())
    assert second.pending() == first.pending()
    (found,) = second.decode(cri(LINE[half:]))
    assert found.fields == EVENT | {WRAPPER_TIME: found.fields[WRAPPER_TIME]}
    assert [each.raw for each in second.finish()] == [b"\xff\x00"]
    assert second.pending() == b""


def test_a_line_over_the_limit_stays_over_it_in_another_decoder():
    first = EventDecoder(max_record=100)
    first.decode(cri(b"x" * 90, b"P"))
    first.decode(cri(b"x" * 90, b"P"))
    (found,) = EventDecoder(max_record=100, pending=first.pending()).decode(cri(b"x"))
    assert found == Unreadable(b"x" * 90, "its parts join to 181 bytes, over 100", "too-long")


@pytest.mark.parametrize(
    "pending", [b"{", b"[]", b"5", b'{"a":1}', b'{"a":["%",1]}', b'{"a":["",[]]}']
)
def test_what_no_decoder_wrote_is_refused(pending):
    with pytest.raises(ValueError, match="cannot be read"):
        EventDecoder(pending=pending)


def test_parts_over_the_limit_are_reported_and_the_next_line_is_read():
    parts = [cri(b"x" * 6000, b"P"), cri(b"x" * 6000, b"P"), cri(b"x"), cri(LINE)]
    found = decode(*parts, max_record=10_000)
    reason = "its parts join to 12001 bytes, over 10000"
    assert found[0] == Unreadable(b"x" * 4096, reason, "too-long")
    assert isinstance(found[1], Decoded)


@pytest.mark.parametrize(
    "prefix",
    [
        b"<134>Mar  3 09:00:01 node-a1 kubearmor-relay[71]: ",
        b"<134>1 2026-03-03T09:00:02.000123Z node-a1 kubearmor - - - ",
        b"Mar  3 09:00:03 node-a1 kubearmor-relay[71]: ",
        b"2026-03-03 09:00:03 INFO event ",
        b"\xef\xbb\xbf",
        b" \t",
    ],
)
def test_a_prefix_is_passed_over(prefix):
    assert fields(prefix + LINE) == [EVENT]


def test_journalds_json_is_unwrapped():
    line = json.dumps({"__REALTIME_TIMESTAMP": "1772528404000555", "MESSAGE": LINE.decode()})
    assert fields(line.encode()) == [{**EVENT, WRAPPER_TIME: 1772528404000555}]


def test_a_shippers_type_does_not_hide_the_event_inside():
    line = json.dumps({"type": "log", "message": LINE.decode(), "@timestamp": 1772528404})
    assert fields(line.encode()) == [{**EVENT, WRAPPER_TIME: 1772528404000000}]


def test_the_message_of_a_policy_is_no_wrapper():
    event = {"operation": "File", "type": "MatchedPolicy", "message": LINE.decode()}
    (found,) = fields(json.dumps(event).encode())
    assert found["Message"] == LINE.decode()


def test_wrappers_in_wrappers_are_unwrapped_but_not_without_end():
    assert fields(cri(docker(LINE.decode() + "\n")))[0]["Resource"] == "/etc/my file"
    line = LINE
    for _ in range(2000):
        line = cri(line)
    (found,) = decode(line)
    assert found.reason == "it has the names of an event, but no readable JSON object"


def test_an_array_may_hold_events_and_other_things():
    found = decode(b"[" + LINE + b', {"a": 1}, ' + LINE + b"]")
    assert [type(result) for result in found] == [Decoded, Noise, Decoded]


@pytest.mark.parametrize(
    "value",
    [
        {"intValue": "9" * 5000},
        {"intValue": "--5"},
        {"intValue": "²"},
        {"intValue": None},
        {"kvlistValue": None},
        {"kvlistValue": {"values": [None, {"value": 1}, {"key": None}]}},
        {"arrayValue": {"values": "x"}},
        {"newValue": 1},
        {},
        None,
        5,
    ],
)
def test_odd_otlp_values_are_no_fault(value):
    pairs = [
        {"key": "Type", "value": {"stringValue": "HostLog"}},
        {"key": "HostPID", "value": {"intValue": "261"}},
        {"key": "PID", "value": {"doubleValue": 7}},
        {"key": "Data", "value": value},
    ]
    (found,) = fields(json.dumps({"body": {"kvlistValue": {"values": pairs}}}).encode())
    assert (found["Type"], found["HostPID"], found["PID"]) == ("HostLog", 261, 7)
    assert derive(found).fields["event.id"]


# Whatever comes, it has a fate.

wrappers = st.sampled_from(
    [
        *(b"%s", b"[%s]", b"%s%s", b"<1>x: %s", b'{"log":"%s\\n"}', b'{"MESSAGE":"%s"}'),
        *(b'{"_source":%s}', b'{"hits":{"hits":[%s,%s]}}', b'{"Detail":%s,"HostName":"h"}'),
        *(b'{"body":{"kvlistValue":{"values":[%s]}}}', b'{"resourceLogs":[%s]}'),
        *(
            b'{"a":{"b":[%s,%s]}}',
            b'{"payload":"%s"}',
            b"[pod/x/y] %s",
            b'{"Type":"x","Message":"%s"}',
        ),
        *(cri(b"%s"), cri(b"%s", b"P")),
    ]
)
pieces = st.one_of(
    st.binary(max_size=20),
    st.just(LINE),
    st.integers(0, len(LINE)).map(lambda at: LINE[:at]),
    st.sampled_from([b'"Type":', b"{", b"}", b'"', b"\\", b"\\ud800", b"\xff", b"NaN", b"1e999"]),
)
blobs = st.recursive(
    st.lists(pieces, max_size=4).map(b"".join),
    lambda inner: st.builds(lambda outer, text: outer.replace(b"%s", text), wrappers, inner),
    max_leaves=4,
)


@given(st.lists(blobs, max_size=4))
@example([b"[" * 200_000])
@example([b'{"Detail":' * 5000])
@example([b'{"log":"' * 5000])
@example([b"\xed\xa0\x80{\x00}"])
def test_any_bytes_have_a_fate_and_raise_nothing(lines):
    decoder = EventDecoder(max_record=4096)
    waiting = False
    for line in lines:
        found = decoder.decode(line)
        waiting = waiting or not found
        for result in found:
            assert isinstance(result, Decoded | Noise | Unreadable)
            if isinstance(result, Decoded):
                assert derive(result.fields, origin="x").fields["event.id"]
    left = decoder.finish()
    assert all(isinstance(result, Unreadable) for result in left)
    assert waiting or not left
    assert decoder.finish() == []


def test_every_cut_of_every_sample_line_has_a_fate():
    for line in units("mixed.log")[:40]:
        for at in range(0, len(line), max(1, len(line) // 50)):
            for found in decode(line[:at]):
                assert not isinstance(found, Unreadable) or found.reason


def test_a_cut_event_is_never_taken_for_noise_once_its_first_names_are_there():
    for line in (DATA / "seed.ndjson").read_bytes().splitlines():
        for at in range(40, len(line)):
            (found,) = decode(line[:at])
            assert isinstance(found, Unreadable), line[:at]


def test_json_that_is_no_object_is_read_too():
    assert loads(b"5") == 5
    assert loads(b'"x"') == "x"


# Several values in one line


@pytest.mark.parametrize("between", [b"", b" ", b",", b" , \t"])
@pytest.mark.parametrize("wrapped", ["", "cri", "docker", "syslog"])
def test_events_in_one_line_are_all_read(between, wrapped):
    line = between.join([LINE] * 3)
    wrappers = {
        "": line,
        "cri": cri(line),
        "docker": docker(line.decode()),
        "syslog": b"x: " + line,
    }
    found = fields(wrappers[wrapped])
    assert len(found) == 3
    assert all(each.items() >= EVENT.items() for each in found)


def test_an_event_with_a_comma_behind_it_is_one():
    assert fields(LINE + b",") == [EVENT]


def test_an_event_before_one_that_was_cut_in_the_same_line_is_read():
    event, rest = decode(LINE + LINE[:40])
    assert isinstance(event, Decoded)
    assert event.raw == LINE
    assert isinstance(rest, Unreadable)
    assert rest.raw == LINE[:40]


def test_a_line_that_is_broken_in_the_middle_is_not_taken_for_its_first_half():
    (found,) = decode(LINE + b'","Action":"Block"}')
    assert isinstance(found, Unreadable)


@pytest.mark.parametrize("text", [b'{"a":1}{"b":2}', b'{"a":1},', b"[{}][{}]"])
def test_several_values_that_are_no_events_are_one_line_of_noise(text):
    assert decode(text) == [Noise(text)]


def test_levels_without_end_behind_an_event_are_read_once():
    assert [type(each) for each in decode(LINE + b'{"a":' * 5000)] == [Decoded]


# A line that was cut into parts, behind one whose end never came


def _docker_part(text, flag=b"F"):
    return docker(text.decode() + "\n" * (flag == b"F"))


@pytest.mark.parametrize("wrap", [cri, _docker_part])
@pytest.mark.parametrize("cut", [b'{"a":[', LINE[:20], b'{"Type":"Host', b'{"a":{"b":'])
@pytest.mark.parametrize("again", [False, True])
def test_an_event_in_parts_behind_one_whose_rest_never_came_is_read(wrap, cut, again):
    """Also when another process read the beginning. Docker's parts have 16 KiB."""
    cut, begin = cut.ljust(1 << 14), LINE[: LINE.index(b",") + 1].ljust(1 << 14)
    decoder, found = EventDecoder(), []
    for line in (wrap(cut, flag=b"P"), wrap(begin, flag=b"P"), wrap(LINE[LINE.index(b",") + 1 :])):
        found += decoder.decode(line)
        if again:
            decoder = EventDecoder(pending=decoder.pending())
    lost, event = found
    assert isinstance(lost, Unreadable)
    assert (lost.raw, lost.label) == (cut, "unfinished")
    assert isinstance(event, Decoded)
    assert event.fields.items() >= EVENT.items()


def test_an_event_as_a_json_string_is_that_event():
    event = b'{"Type":"MatchedPolicy","Operation":"File","HostName":"n","Resource":"/etc/shadow"}'
    (found,) = EventDecoder().decode(json.dumps(event.decode()).encode())
    assert found.fields == json.loads(event)
    assert [type(each) for each in EventDecoder().decode(b'"a text"')] == [Noise]


@pytest.mark.parametrize("wrap", [cri, _docker_part])
@pytest.mark.parametrize(
    "cut", [b'{"a":', b"x" * (1 << 14), b"plain text", LINE[:20], b"[1,", b'"']
)
@pytest.mark.parametrize(
    "line",
    [
        LINE + LINE,
        b"[%b,%b]" % (LINE, LINE),
        LINE + b",",
        b"[pod/x/y] " + LINE,
        LINE.replace(b"my ", b"\\ud800"),
        LINE[:-1] + b',"HostPID":NaN}',
    ],
)
def test_a_whole_line_behind_parts_whose_rest_never_came_is_read(wrap, cut, line):
    alone = fields(wrap(line))
    assert alone
    cut = cut if wrap is cri else cut.ljust(1 << 14)
    found = decode(wrap(cut, flag=b"P"), wrap(line), wrap(LINE))
    assert [each.fields for each in found if isinstance(each, Decoded)] == alone + fields(
        wrap(LINE)
    )


def test_an_event_with_broken_letters_behind_parts_whose_rest_never_came_is_read():
    line = LINE.replace(b"my ", b"\xff")
    found = decode(cri(b'{"a":', b"P"), cri(line))
    assert [type(each) for each in found] == [Unreadable, Decoded]


@pytest.mark.parametrize("cut", [b'{"a":', b"x" * (1 << 14)])
@pytest.mark.parametrize("filler", [b"{", b"[", b'{\\"', b"x"])
def test_an_event_in_many_parts_behind_one_whose_rest_never_came_is_read(cut, filler):
    line = LINE[:-1] + b',"Data":"%b"}' % (filler * (150_000 // len(filler)))
    parts = [line[at : at + (1 << 14)] for at in range(0, len(line), 1 << 14)]
    lines = [cri(cut, b"P"), *(cri(each, b"P") for each in parts[:-1]), cri(parts[-1]), cri(LINE)]
    assert [type(each) for each in decode(*lines)] == [Unreadable, Decoded, Decoded]


def test_events_that_follow_one_another_are_not_given_up_for_the_last_of_them():
    line = LINE * 3
    at = len(LINE) + 20
    assert len(fields(cri(line[:at], b"P"), cri(line[at:]))) == 3


def test_a_whole_line_behind_parts_over_the_limit_is_read():
    found = decode(cri(b"x" * 6000, b"P"), cri(b"x" * 6000, b"P"), cri(LINE * 2), max_record=10_000)
    assert [type(each) for each in found] == [Unreadable, Decoded, Decoded]
