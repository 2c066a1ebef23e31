from __future__ import annotations

import json
import subprocess
import sys

import orjson
import pytest
from feeds import cut, units
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.sources.records.blocks import BrokenLine, Oversized

_CUT_ARRAY = "the JSON array has no end; the input seems to be cut. Fetch it again"
_CUT = "the JSON ends in the middle; the input seems to be cut. Fetch it again"

_TEXT = st.text(st.sampled_from('},{[]"\\\n a:') | st.characters(codec="utf-8"), max_size=20)
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=12,
)
_OBJECTS = st.dictionaries(_TEXT, _JSON, max_size=4)


@given(
    st.lists(_OBJECTS, max_size=8),
    st.sampled_from([None, 0, 1, 2, "\t"]),
    st.sampled_from([(",", ":"), (", ", ": "), (" , ", " : ")]),
    st.booleans(),
    st.sampled_from([1, 3, 17, 64, 1 << 20]),
)
def test_the_units_of_an_array_are_its_elements(objects, indent, separators, ascii_only, piece):
    text = json.dumps(objects, indent=indent, separators=separators, ensure_ascii=ascii_only)
    found = units(text.encode(), piece=piece)
    assert [json.loads(unit) for unit in found] == objects


def test_elements_have_their_places():
    assert cut(b'x\n[\n  {"a": 1},\n  {"b":\n 2}, {"c": 3}\n]\ny') == [
        (b"x", 1, 0),
        (b'{"a": 1}', 3, 6),
        (b'{"b":\n 2}', 4, 18),
        (b'{"c": 3}', 5, 29),
        (b"y", 7, 40),
    ]


def test_an_empty_array_has_no_units():
    assert units(b"[]\n[ ]\n[\n]\nx") == [b"x"]


def test_arrays_may_follow_one_another():
    assert units(b'[{"a":1}][{"b":2}]\n[{"c":3}]\n{"d":4}\n') == [
        b'{"a":1}',
        b'{"b":2}',
        b'{"c":3}',
        b'{"d":4}',
    ]


def test_what_is_no_object_is_a_unit_too():
    assert units(b'[{"a":1}, 7, "x,]", null, [1,{"b":2}], garbage, {"c":3}]') == [
        b'{"a":1}',
        b"7",
        b'"x,]"',
        b"null",
        b'[1,{"b":2}]',
        b"garbage",
        b'{"c":3}',
    ]


def test_elements_without_commas_are_read_within_a_line():
    assert units(b'[{"a":1} {"b":2}\n,{"c":3}]') == [b'{"a":1}', b'{"b":2}', b'{"c":3}']


@pytest.mark.parametrize(
    "line", [b'{"b":2}', b"Started", b"2026-03-03T09:00:01Z stdout F {}", b"<13>x"]
)
def test_a_line_that_cannot_be_an_element_ends_the_array(line):
    found = cut(b'[\n{"a":1}\n' + line + b"\n" + line)
    assert found == [
        (b'{"a":1}', 2, 2),
        BrokenLine(2, 9, _CUT_ARRAY),
        (line, 3, 10),
        (line, 4, 11 + len(line)),
    ]


def test_an_element_with_invalid_utf8_is_a_unit():
    assert units(b'[{"a":"\xff"},{"b":"\\ud800"},{"c":3}]') == [
        b'{"a":"\xff"}',
        b'{"b":"\\ud800"}',
        b'{"c":3}',
    ]


def test_an_element_that_breaks_off_does_not_swallow_the_next():
    assert units(b'[{"a":1},\n{"b":"x\n{"c":3},\n{"d":4}]') == [
        b'{"a":1}',
        b'{"b":"x',
        b'{"c":3}',
        b'{"d":4}',
    ]
    assert units(b'[{"a":1},\n{"b":2,\n{"c":3},\n{"d":4}]') == [
        b'{"a":1}',
        b'{"b":2,',
        b'{"c":3}',
        b'{"d":4}',
    ]


def test_an_array_without_its_end_is_reported_after_its_elements():
    assert cut(b'[{"a":1},{"b":2},') == [
        (b'{"a":1}', 1, 1),
        (b'{"b":2}', 1, 9),
        BrokenLine(1, 17, _CUT_ARRAY),
    ]


def test_a_last_element_that_was_cut_is_reported_with_its_bytes():
    assert cut(b'[{"a":1},\n{"b":') == [(b'{"a":1}', 1, 1), BrokenLine(2, 10, _CUT, b'{"b":')]


def test_lines_after_an_array_that_was_cut_are_still_read():
    found = cut(b'[{"a":1},{"b":"\n{"c":3}\n{"d":4}\n')
    assert found.pop(3) == BrokenLine(2, 23, _CUT_ARRAY)
    assert [each[0] for each in found] == [b'{"a":1}', b'{"b":"', b'{"c":3}', b'{"d":4}']


@pytest.mark.parametrize("piece", [7, 1 << 20])
def test_an_element_over_the_limit_is_passed_by_and_the_rest_goes_on(piece):
    long = b'{"a":"' + b"},{" * 3000 + b'"}'
    assert cut(b'[{"a":1},' + long + b',{"b":2}]', max_record=8999, piece=piece) == [
        (b'{"a":1}', 1, 1),
        Oversized(1, 9, len(long), long[:4096]),
        (b'{"b":2}', 1, 10 + len(long)),
    ]


def _hit(number: int) -> dict:
    return {
        "_index": "kubearmor",
        "_id": str(number),
        "_source": {"PID": number, "Source": '"hits":[{'},
    }


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("block_size", [64, 1 << 18])
def test_a_large_elasticsearch_result_is_taken_apart(indent, block_size):
    hits = [_hit(number) for number in range(200)]
    result = {
        "took": 3,
        "hits": {"total": {"value": 200}, "hits": hits},
        "aggregations": {"a": [1]},
    }
    data = json.dumps(result, indent=indent).encode() + b'\n{"PID":1}\n'
    found = units(data, max_record=2000, block_size=block_size)
    assert [orjson.loads(each) for each in found] == [*hits, {"PID": 1}]


@pytest.mark.parametrize("indent", [None, 1])
def test_every_log_record_of_a_large_otlp_export_is_found(indent):
    def record(number: int) -> dict:
        values = [{"key": f"k{i}", "value": {"stringValue": "},{"}} for i in range(30)]
        return {"timeUnixNano": str(number), "body": {"kvlistValue": {"values": values}}}

    scopes = [{"scope": {}, "logRecords": [record(n), record(n + 1)]} for n in range(0, 10, 2)]
    export = {
        "resourceLogs": [{"resource": {}, "scopeLogs": scopes[:3]}, {"scopeLogs": scopes[3:]}]
    }
    data = json.dumps(export, indent=indent).encode() + b"\nx"
    found = units(data, max_record=6000)
    assert [orjson.loads(each) for each in found[:-1]] == [record(n) for n in range(10)]
    assert found[-1] == b"x"


def test_a_small_result_stays_one_unit():
    data = json.dumps({"hits": {"hits": [_hit(1)]}}).encode()
    assert units(data) == [data]


def test_words_inside_a_string_open_no_array():
    data = json.dumps({"Source": '"hits":[{"PID":1}]' + "x" * 3000}).encode()
    assert cut(data + b"\nx", max_record=2000) == [
        Oversized(1, 0, len(data), data[:2000]),
        (b"x", 2, len(data) + 1),
    ]


_MEASURE = """
import resource, sys
from cef_bridge.sources.records.blocks import blocks

class Endless:
    def __init__(self, first, middle, last):
        self.parts = iter([first, *[middle] * 100, last])
    def read(self, size):
        return next(self.parts, b"")

event = b'{"PID":1,"Source":"' + b"x" * 700 + b'","Owner":{"Name":"web"}}'
middle = (event + b",") * (1_000_000 // len(event))
prefix = sys.argv[1].encode()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
count = sum(len(item.lines) for item in blocks(Endless(prefix, middle, event + b"]")))
print(count - 100 * (1_000_000 // len(event)), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("prefix", ["[", '{"took":1,"hits":{"hits":['])
def test_an_array_of_100_mb_in_one_line_takes_little_memory(prefix):
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, prefix], capture_output=True, text=True, check=True
    )
    count, kib = map(int, done.stdout.split())
    assert count == 1
    assert kib < 50 * 1024
