from __future__ import annotations

import io
import json
import time

import orjson
import pytest
from feeds import Feed, blank, cut, flat, units
from hypothesis import example, given
from hypothesis import strategies as st

from cef_bridge.sources.records.blocks import Block, BrokenLine, Cutter, Oversized, blocks
from cef_bridge.sources.records.units import IDLE
from cef_bridge.sources.records.values import CUT

EVENT = {
    "Timestamp": 1692813948,
    "HostName": "node1",
    "Owner": {"Ref": "Deployment", "Name": "web"},
    "Source": 'sh -c "a },{ b" [x] \\',
    "ATags": ["MITRE", "T1611"],
    "PPID": 0,
}
LINE = orjson.dumps(EVENT)
PRETTY = orjson.dumps(EVENT, option=orjson.OPT_INDENT_2)
NOISE = b"2021-12-15 19:12:54.956241\tWARN\tFailed to send a log err:rpc error: code = Internal"


def test_lines_keep_their_bytes_and_places():
    assert cut(b"one\n\ntwo\nthree") == [
        (b"one", 1, 0),
        (b"two", 3, 5),
        (b"three", 4, 9),
    ]


def test_an_empty_stream_has_no_units():
    assert cut(b"") == []


@pytest.mark.parametrize("block_size", [1, 7, 1 << 18])
def test_lines_without_anything_in_them_are_counted_and_are_no_units(block_size):
    data = b"\n \r\n" + LINE + b"\n\n\t\nx\n" + b"\n" * 500 + LINE + b"\r\n\r\n\n  "
    options = {"block_size": block_size}
    assert units(data, **options) == [LINE, b"x", LINE]
    assert blank(data, **options) == 2 + 2 + 500 + 3


def test_a_run_of_empty_lines_is_one_block_a_read():
    found = list(blocks(Feed(b"\n" * (1 << 20)), block_size=1 << 18))
    assert [(each.blank, each.line, each.lines) for each in found] == [
        (1 << 18, 1 + (number << 18), []) for number in range(4)
    ]


def test_a_final_line_break_makes_no_further_line():
    assert units(b"a\nb\n") == units(b"a\nb") == [b"a", b"b"]


def test_ordinary_lines_leave_in_large_blocks():
    found = list(blocks(Feed((LINE + b"\n") * 5000), block_size=1 << 18))
    assert all(isinstance(each, Block) and each.single for each in found)
    assert len(found) <= 1 + 5000 * (len(LINE) + 1) // (1 << 18)
    assert sum(len(each.lines) for each in found) == 5000


def test_crlf_is_taken_off_and_offsets_still_count_it():
    assert cut(LINE + b"\r\n" + b"x\r\n\r\ny\r") == [
        (LINE, 1, 0),
        (b"x", 2, len(LINE) + 2),
        (b"y", 4, len(LINE) + 7),
    ]


def test_a_carriage_return_inside_a_line_stays():
    assert units(b"a\rb\r\r\n") == [b"a\rb\r"]


@pytest.mark.parametrize("piece", [1, 2, 1000])
def test_the_byte_order_mark_is_no_part_of_the_first_line(piece):
    assert cut(b"\xef\xbb\xbf" + LINE + b"\nx", piece=piece) == [
        (LINE, 1, 3),
        (b"x", 2, len(LINE) + 4),
    ]


def test_a_byte_order_mark_before_an_array_hides_no_element():
    assert units(b"\xef\xbb\xbf[" + LINE + b"]") == [LINE]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [LINE.decode(), "[{}]"])
def test_utf16_is_refused_with_what_to_do(encoding, text):
    assert cut(text.encode(encoding)) == [
        BrokenLine(1, 0, "the text is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8")
    ]


def test_a_pretty_printed_document_is_one_unit():
    data = NOISE + b"\n" + PRETTY + b"\n" + NOISE + b"\n" + PRETTY + b"\n" + LINE + b"\n"
    assert units(data) == [NOISE, PRETTY, NOISE, PRETTY, LINE]


def test_the_line_numbers_after_a_document_are_right():
    lines = PRETTY.count(b"\n") + 1
    assert [each[1:] for each in cut(b"x\n" + PRETTY + b"\ny\n\n" + PRETTY + b"\nz")] == [
        (1, 0),
        (2, 2),
        (2 + lines, 3 + len(PRETTY)),
        (4 + lines, 6 + len(PRETTY)),
        (4 + 2 * lines, 7 + 2 * len(PRETTY)),
    ]


@pytest.mark.parametrize("indent", [0, 1, 4, "\t"])
def test_every_way_to_indent_is_understood(indent):
    text = json.dumps(EVENT, indent=indent).encode()
    assert units(text + b"\n" + text) == [text, text]


def test_a_document_that_begins_beside_its_brace_is_one_unit():
    text = b'{"a": 1,\n "b": {\n"c": 2}}'
    assert units(text + b"\n" + text + b"\n" + LINE) == [text, text, LINE]


def test_documents_that_share_a_line_are_two():
    assert units(PRETTY + PRETTY + b"\n") == [PRETTY, PRETTY]


def test_crlf_inside_a_document_is_kept_as_white_space():
    text = PRETTY.replace(b"\n", b"\r\n")
    found = units(text + b"\r\n" + LINE + b"\r\n")
    assert found == [text, LINE]
    assert orjson.loads(found[0]) == EVENT


@pytest.mark.parametrize("size", [1, len(LINE) // 2, len(LINE) - 1])
def test_a_line_that_was_cut_does_not_swallow_the_next_one(size):
    assert units(LINE[:size] + b"\n" + LINE + b"\n" + LINE) == [LINE[:size], LINE, LINE]


def test_a_cut_line_before_noise_does_not_swallow_it():
    cri = b"2023-08-23T18:05:48.303111222Z stdout F " + LINE
    assert units(b'{"a":1,\n' + cri + b"\n" + cri) == [b'{"a":1,', cri, cri]


def test_a_document_that_was_cut_ends_where_the_next_begins():
    half = PRETTY[: PRETTY.index(b'"Source"')].rstrip()
    assert cut(half + b"\n" + PRETTY + b"\n" + LINE) == [
        BrokenLine(1, 0, CUT, half),
        (PRETTY, 1 + half.count(b"\n") + 1, len(half) + 1),
        (LINE, 2 + (half + PRETTY).count(b"\n") + 1, len(half + PRETTY) + 2),
    ]


def test_a_document_cut_at_the_end_is_reported_with_its_bytes():
    half = PRETTY[: len(PRETTY) // 2]
    assert cut(LINE + b"\n" + half) == [
        (LINE, 1, 0),
        BrokenLine(
            2,
            len(LINE) + 1,
            CUT,
            half,
        ),
    ]


def test_a_last_line_that_was_cut_is_a_unit():
    assert units(LINE + b"\n" + LINE[:50]) == [LINE, LINE[:50]]


@pytest.mark.parametrize(
    "noise",
    [
        b"[INFO] started {",
        b"[2025-01-01 10:00:00] ready",
        b"{not json",
        b"{level=info msg=x",
        b'{"a":1} and more',
        b'{"a":1},',
        b"[1] 4711",
        b"} else {",
        b"]",
    ],
)
def test_noise_that_looks_like_json_stays_one_line(noise):
    assert units(noise + b"\n" + LINE + b"\n" + noise + b"\n" + noise + b"\n" + PRETTY) == [
        noise,
        LINE,
        noise,
        noise,
        PRETTY,
    ]


def test_a_line_over_the_limit_is_reported_and_the_next_one_is_read():
    long = b"x" * 5000
    assert cut(b"a\n" + long + b"\nb", max_record=4999, block_size=64) == [
        (b"a", 1, 0),
        Oversized(2, 2, 5000, b"x" * 4096),
        (b"b", 3, 5003),
    ]
    assert units(b"a\n" + long + b"\nb", max_record=5000) == [b"a", long, b"b"]


def test_a_document_over_the_limit_is_reported_once():
    text = json.dumps({"a": ["y" * 20] * 50}, indent=1).encode()
    assert cut(text + b"\n" + LINE, max_record=len(text) - 1) == [
        Oversized(1, 0, len(text), text[: len(text) - 1]),
        (LINE, 55, len(text) + 1),
    ]


@pytest.mark.parametrize("block_size", [1, 7, 64, 4096, 1 << 20])
def test_the_shipped_samples_come_out_the_same_in_any_block_size(block_size):
    lines = [LINE, NOISE, b"", PRETTY, LINE, b"[" + LINE + b"," + PRETTY + b"]", LINE]
    data = b"\n".join(lines * 3)
    assert cut(data, block_size=block_size) == cut(data)


_PIECES = st.sampled_from(
    [LINE, PRETTY, NOISE, b"\n", b"\r\n", b"[", b"]", b",", b"{", b"}", b'"', b"\\", b"x" * 70, b" ",
     b"[\n", b"{\n", b'{"hits":[', b'"logRecords":[', b"]}", b'{"a":1}', b"\n{", b"7"]
)  # fmt: skip


@given(
    st.lists(_PIECES | st.binary(max_size=5), max_size=14).map(b"".join),
    st.integers(1, 64),
    st.integers(1, 64),
    st.sampled_from([40, 300, 1 << 20]),
)
@example(b"[" + LINE + b"," + LINE + b"\n" + LINE, 5, 5, 300)
@example(b'{"hits":[{"a":1},{"b":"' + b"x" * 70 + b'"}]}\n7', 3, 9, 40)
def test_reads_never_change_the_units(data, block_size, piece, max_record):
    whole = cut(data, max_record=max_record)
    assert cut(data, max_record=max_record, block_size=block_size, piece=piece) == whole


@given(st.lists(_PIECES | st.binary(max_size=5), max_size=14).map(b"".join))
def test_every_byte_is_in_a_unit_or_is_a_separator(data):
    rest = bytearray(data)
    for item in cut(data):
        if isinstance(item, BrokenLine) and item.reason.startswith("the text is UTF-16"):
            return
        unit, offset = (
            (item.raw, item.offset) if isinstance(item, BrokenLine) else (item[0], item[2])
        )
        assert data[offset : offset + len(unit)] == unit
        assert bytes(rest[offset : offset + len(unit)]) == unit, "a byte is in two units"
        rest[offset : offset + len(unit)] = b"\0" * len(unit)
    assert not rest.replace(b"\xef\xbb\xbf", b"").strip(b"\0 \t\r\n\f\v,[]")


@given(st.lists(_PIECES, max_size=14).map(b"".join))
def test_the_line_of_a_unit_is_where_its_offset_is(data):
    for item in cut(data, max_record=300):
        line, offset = item[:2] if isinstance(item, BrokenLine | Oversized) else item[1:]
        assert line == 1 + data.count(b"\n", 0, offset)


@given(st.lists(st.dictionaries(st.text(), st.text() | st.integers() | st.lists(st.text()))))
def test_pretty_printed_documents_come_out_whole(documents):
    texts = [json.dumps(each, indent=2).encode() for each in documents]
    assert units(b"\n".join(texts)) == texts


@pytest.mark.parametrize(
    "hostile",
    [
        b"{\n" * 100_000,
        b'{"a":\n' * 100_000,
        b"[" * 300_000,
        b'{"a' * 100_000,
        b"{x\n" * 100_000,
        (b"{\n" + b" \n" * 20) * 5_000,
        (LINE + b" x\n") * 1500,
        (b"a\n" * 16 + b"{\n}\n") * 5_000,
        b"[{" + b"},{" * 100_000,
        b'[{"a":"' + b"},{" * 100_000 + b'"}]',
        b"[" + b'{"a":"},{},{},{},{}"},' * 20_000,
        b"[" + b'{"a":1}\n' * 60_000,
        b'["' + b"\\" * 300_000,
        b"[" + b"1," * 100_000,
    ],
)
def test_hostile_input_takes_time_in_proportion(hostile):
    """Some 300 KB take well below a second each; what is quadratic would take minutes."""
    started = time.process_time()
    flat(blocks(Feed(hostile)))
    assert time.process_time() - started < 4


def test_damage_comes_after_what_was_readable():
    from cef_bridge.sources.records.units import DamagedError

    class Breaks(Feed):
        def read(self, size: int) -> bytes:
            data = super().read(size)
            if not data:
                raise DamagedError("the disk is gone")
            return data

    assert flat(blocks(Breaks(b"a\n" + LINE[:40]))) == [
        (b"a", 1, 0),
        (LINE[:40], 2, 2),
        BrokenLine(2, 42, "the disk is gone"),
    ]


WHOLE = b'{"Type":"HostLog","ATags":["T","U"],"Owner":{"Name":"a"},"HostName":"n"}'


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 18])
@pytest.mark.parametrize("place", range(1, len(WHOLE)))
def test_a_line_that_was_cut_costs_itself_and_none_behind_it(place, size):
    lines = [WHOLE, WHOLE[:place], WHOLE, WHOLE[:place], WHOLE[:place], WHOLE, WHOLE]
    units = []
    for item in blocks(io.BytesIO(b"\n".join(lines) + b"\n"), block_size=size):
        assert isinstance(item, Block)
        units += item.lines
    assert units.count(WHOLE) == 4
    assert units == lines


@pytest.mark.parametrize("tail", [b"", WHOLE[:40], NOISE, b"\n" + WHOLE])
def test_a_line_cut_inside_an_array_costs_itself_whatever_follows_the_next(tail):
    cut_line = WHOLE[: WHOLE.index(b'"U"')]
    assert units(cut_line + b"\n" + WHOLE + b"\n" + tail) == [
        cut_line,
        WHOLE,
        *(each for each in tail.splitlines() if each),
    ]


@pytest.mark.parametrize("text", [
    b'{"items":[\n{"a":1}\n]}',
    b'{"items":[\n{"a":1},\n{"b":2}\n]}',
    b'{"items":[\n{"a":1}\n,{"b":2}\n]}',
    b'{"items":[\n{"a":1}\n\n]}',
    b'{"items":[1,\n{"a":1}\n ]}',
])  # fmt: skip
def test_objects_on_lines_of_their_own_inside_an_array_belong_to_it(text):
    assert units(text + b"\n" + LINE) == [text, LINE]


class Grows(Feed):
    """Hands out what was added so far; then nothing yet, or the end."""

    def __init__(self) -> None:
        self.data = b""
        self.done = False

    def read(self, size: int) -> bytes | None:
        data, self.data = self.data[:size], self.data[size:]
        return data or (b"" if self.done else None)


def grown(pieces: list[bytes], **options) -> list:
    """Return the items of a stream that has nothing to read after each of these pieces."""
    stream = Grows()
    found = []
    items = blocks(stream, **options)
    for piece in pieces:
        stream.data += piece
        while (item := next(items, IDLE)) is not IDLE:  # UTF-16 is refused, and ends there
            found.append(item)
    stream.done = True
    return found + list(items)


@given(
    st.lists(_PIECES | st.binary(max_size=5), max_size=14),
    st.integers(1, 64),
    st.sampled_from([40, 300, 1 << 20]),
)
@example([b"[" + LINE, b"," + LINE, b"]\n", LINE], 64, 1 << 20)
@example([b'{"hits":[{"a":1},{"b":"' + b"x" * 70, b'"}]}', b"\n7"], 64, 40)
@example([b"\xff\xfe{", b"\0"], 64, 40)
@example([b"\xff\xfe{", b"\0"], 64, 40)
def test_a_stream_that_grows_has_the_units_of_the_whole(pieces, block_size, max_record):
    whole = cut(b"".join(pieces), max_record=max_record)
    assert flat(grown(pieces, max_record=max_record, block_size=block_size)) == whole


@pytest.mark.parametrize(
    "text", [LINE + b"\n", PRETTY, PRETTY + b"\n", b"[" + LINE + b",\n" + LINE]
)
def test_what_is_complete_comes_before_the_stream_is_said_to_be_idle(text):
    stream = Grows()
    stream.data = text
    items = blocks(stream)
    found = next(items)
    assert found.lines[0] in (LINE, PRETTY)
    count = len(found.lines)
    while (item := next(items)) is not IDLE:
        count += len(item.lines)
    assert count == text.count(b'"HostName"')


@given(
    st.lists(_PIECES | st.binary(max_size=5), max_size=14).map(b"".join),
    st.integers(1, 64),
    st.sampled_from([40, 300, 1 << 20]),
)
def test_a_cutter_that_begins_where_another_is_safe_gives_the_rest(data, block_size, max_record):
    whole = cut(data, max_record=max_record)
    cutter = Cutter(Feed(data), max_record=max_record, block_size=block_size)
    taken = []
    for item in cutter.items():
        taken += flat([item])
        if not taken:  # blank lines only
            continue
        offset, line = cutter.safe
        end = _end(taken[-1])
        again = Cutter(Feed(data[offset:]), max_record=max_record, offset=offset, line=line)
        rest = [each for each in flat(again.items()) if _offset(each) >= end]
        assert taken + rest == whole


def _offset(found: tuple) -> int:
    return found.offset if isinstance(found, BrokenLine | Oversized) else found[2]


def _end(found: tuple) -> int:
    if isinstance(found, Oversized):
        return found.offset + found.size
    return _offset(found) + max(len(found.raw if isinstance(found, BrokenLine) else found[0]), 1)
