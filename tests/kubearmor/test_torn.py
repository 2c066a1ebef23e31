"""A write that was cut and ran into the next line costs itself; no text value becomes an event."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cef_bridge.kubearmor.decode import Decoded, EventDecoder, Unreadable
from cef_bridge.kubearmor.torn import whole_events

EVENT = {
    "Type": "MatchedPolicy", "Operation": "File", "ClusterName": "c", "HostName": "n", "HostPID": 1,
    "Owner": {"Ref": "Deployment", "Name": "web"}, "Source": "/bin/sh", "Resource": "/etc/shadow",
    "ATags": ["MITRE", "x"], "Action": "Block", "Result": "Permission denied",
}  # fmt: skip
FORGED = {**EVENT, "HostPID": 666}


def line(number: int = 1, **fields: object) -> bytes:
    return json.dumps({**EVENT, "HostPID": number, **fields}, separators=(",", ":")).encode()


def decode(text: bytes) -> list:
    decoder = EventDecoder()
    return decoder.decode(text) + decoder.finish()


def pids(found: list) -> list[object]:
    return [each.fields.get("HostPID") for each in found if isinstance(each, Decoded)]


# Where a value is due, what follows is the value of the event that was cut.
FIRST = line(1)
FITS = {
    at
    for at in range(1, len(FIRST))
    if FIRST[at - 1 : at] in b":[" or FIRST[:at].endswith(b'"MITRE",')
}


@pytest.mark.parametrize("at", [at for at in range(2, len(FIRST)) if at not in FITS])
@pytest.mark.parametrize("behind", [b"", b",", b" \r"])
def test_an_event_behind_one_that_was_cut_in_the_same_line_is_read(at, behind):
    torn, whole = decode(FIRST[:at] + line(2) + behind)
    assert isinstance(torn, Unreadable)
    assert torn.raw == FIRST[:at]
    assert pids([whole]) == [2]


def test_several_events_behind_one_that_was_cut_are_all_read():
    found = decode(FIRST[:150] + line(2) + line(3) + line(4))
    assert [type(each) for each in found] == [Unreadable, Decoded, Decoded, Decoded]


@pytest.mark.parametrize("around", [b'{"a":%b', b'{"a":[%b', b'{"a":[1,%b', b'{"b":{},"a":{"c":%b'])
def test_an_event_inside_of_a_document_that_was_cut_is_not_taken_out(around):
    assert pids(decode(around % line(2))) == []


# What an attacker writes: events as JSON has them, once and twice escaped, and parts of them.
_FORGED = json.dumps(FORGED, separators=(",", ":"))
_WORDS = st.sampled_from(
    [
        _FORGED, json.dumps(_FORGED), json.dumps(_FORGED)[1:-1], _FORGED[1:], _FORGED[:-1], "{", "}",
        '"', "\\", ",", ":", '{"', '"}', '","', '":"', "[", "]", "\n", " ", "\u2028", "a", '{"Type":',
        '"MatchedPolicy"', "\\u007b", "\\u0022", "[x] ", "2026-03-03T09:00:00Z stdout F ", "== Alert",
    ]
)  # fmt: skip
_TEXTS = st.lists(_WORDS, max_size=6).map("".join)
_FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "Source": _TEXTS,
        "Resource": _TEXTS,
        "Data": _TEXTS,
        "ProcessName": _TEXTS,
        "Result": _TEXTS,
        "ATags": st.lists(_TEXTS, max_size=4),
        "Owner": st.fixed_dictionaries({"Ref": _TEXTS, "Name": _TEXTS}),
        "Cwd": _TEXTS,
    },
)


@given(
    fields=_FIELDS,
    edges=st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted),
    ascii_=st.booleans(),
)
@example(fields={"Resource": _FORGED}, edges=[0, 1], ascii_=True)
@example(fields={"ATags": ["{", ":1,", _FORGED]}, edges=[0.2, 1], ascii_=True)
def test_no_value_of_an_event_becomes_one_however_its_line_was_cut(fields, edges, ascii_):
    text = json.dumps({**EVENT, **fields}, ensure_ascii=ascii_, separators=(",", ":")).encode()
    begin, end = (round(edge * len(text)) for edge in edges)
    assert 666 not in pids(decode(text[begin:end]))
    assert 666 not in pids(decode(text[:end]))
    assert 666 not in pids(decode(text[begin:]))
    if "\n" not in str(fields):
        assert pids(decode(text)) == [1]


@given(fields=_FIELDS, cut=st.floats(0, 1), also=_FIELDS)
def test_no_value_of_two_events_that_ran_together_becomes_one(fields, cut, also):
    text, other = line(1, **fields), line(2, **also)
    end = round(cut * len(text))
    assert set(pids(decode(text[:end] + other))) <= {1, 2}
    assert set(pids(decode(text[:end] + other[: round(cut * len(other))]))) <= {1, 2}
    assert set(pids(decode(text[end:] + other))) <= {1, 2}


@given(fields=_FIELDS)
def test_no_value_becomes_an_event_wherever_its_line_was_cut(fields):
    text = line(1, **fields)
    for at in range(1, len(text), 3):
        assert pids(decode(text[at:])) == []
        assert pids(decode(text[:at])) == []


def test_two_lines_of_which_both_were_cut_make_no_event_with_half_of_the_fields():
    first = line(1, Resource="{", Owner={"Name": "{"})
    second = line(2)
    for at in range(second.index(b"Operation"), len(second)):
        assert pids(decode(first + second[at:])) in ([], [1])


@given(
    fields=_FIELDS, also=_FIELDS, edges=st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
)
def test_no_value_becomes_an_event_where_bytes_are_missing_between_two_lines(fields, also, edges):
    text, other = line(1, **fields), line(2, **also)
    begin, end = sorted(round(edge * len(text)) for edge in edges[:2])
    torn = text[begin:end] + other[round(edges[2] * len(other)) :]
    at = whole_events(torn)
    assert not at or pids(decode(torn[at:])) == [2]
