from __future__ import annotations

import time
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.delivery.framing import Deframer, Garbage, frame_lf, frame_octets

# What formats make: never an LF within, never empty. Without syslog header, a message does not
# begin with a digit: it begins with CEF: or LEEF:.
lines = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda it: b"<" + it.replace(b"\n", b"")), max_size=8
)
anything = st.lists(st.binary(min_size=1, max_size=40), max_size=8)
cuts = st.lists(st.integers(min_value=0, max_value=400), max_size=10)


def pieces(data: bytes, places: list[int]) -> list[bytes]:
    places = [0, *sorted(min(place, len(data)) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(places)]


def fed(data: bytes, places: list[int], **options: int) -> tuple[list[bytes], list[Garbage]]:
    deframer = Deframer(**options)
    found = [message for piece in pieces(data, places) for message in deframer.feed(piece)]
    deframer.end()
    return found, deframer.take_garbage()


def test_lf_stands_after_each_message():
    assert frame_lf([b"CEF:0|a", b"CEF:0|b"]) == b"CEF:0|a\nCEF:0|b\n"


def test_a_length_in_bytes_and_a_space_stand_before_each_message():
    assert frame_octets(["<14>ä".encode(), b"<14>b"]) == b"6 <14>\xc3\xa45 <14>b"


def test_no_messages_are_no_bytes():
    assert frame_lf([]) == frame_octets([]) == b""


@given(lines, cuts)
def test_what_was_framed_with_lf_comes_out_in_whatever_pieces(messages, places):
    assert fed(frame_lf(messages), places) == (messages, [])


@given(anything, cuts)
def test_what_was_framed_with_lengths_comes_out_in_whatever_pieces(messages, places):
    """Also when it holds LF, digits, or looks like a frame."""
    assert fed(frame_octets(messages), places) == (messages, [])


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(
            st.sampled_from([b"3 abc", b"\n", b"12", b"9", b" ", b"<1>a", b"1000 ", b"0 ", b"x"])
        ).map(b"".join),
    ),
    cuts,
)
def test_pieces_change_nothing_and_every_byte_is_accounted_for(data, places):
    """Whatever is sent: nothing is dropped silently."""
    whole = fed(data, [], max_bytes=20)
    assert fed(data, places, max_bytes=20) == whole
    assert fed(data, list(range(len(data))), max_bytes=20) == whole
    messages, garbage = whole
    deframer = Deframer(20)
    deframer.feed(data)
    frame = frame_octets if deframer.framing == "octet-counting" else frame_lf
    assert len(frame(messages)) + sum(each.size for each in garbage) == len(data)


@pytest.mark.parametrize(
    ("begin", "framing"),
    [
        (b"5 <14>", "octet-counting"),
        (b"<14>Nov 24", "lf"),
        (b"CEF:0|", "lf"),
        (b"0 ", "lf"),  # RFC 6587: a length begins with a digit that is not 0
        (b"2026-11-24T", "lf"),
        (b"1234567890 x", "lf"),
        (b"20", None),
        (b"", None),
    ],
)
def test_the_first_bytes_tell_the_framing(begin, framing):
    whole, slow = Deframer(), Deframer()
    whole.feed(begin)
    for byte in begin:
        slow.feed(bytes([byte]))
    assert whole.framing == slow.framing == framing


def test_the_framing_is_told_once_a_connection():
    deframer = Deframer()
    assert deframer.feed(b"<14>a\n5 <14>b\n") == [b"<14>a", b"5 <14>b"]


def test_what_has_not_ended_is_pending_and_at_the_end_garbage():
    deframer = Deframer()
    assert deframer.feed(b"<14>a\n<14>half") == [b"<14>a"]
    assert deframer.pending() == 8
    assert deframer.take_garbage() == []
    deframer.end()
    assert deframer.take_garbage() == [
        Garbage("the connection ended within a message", 8, b"<14>half")
    ]


def test_a_line_that_is_too_long_costs_itself_and_not_the_next():
    assert fed(b"<1>abcdefgh\n<1>b\n", [], max_bytes=6) == (
        [b"<1>b"],
        [Garbage("a message is longer than 6 bytes", 12, b"<1>abcdefgh\n")],
    )


def test_a_frame_that_is_too_long_costs_itself_and_not_the_next():
    assert fed(b"3 abc10 0123456789" + b"3 def", [], max_bytes=6) == (
        [b"abc", b"def"],
        [Garbage("a message is longer than 6 bytes", 13, b"10 0123456789")],
    )


def test_octet_counting_finds_back_after_the_line_that_was_no_frame():
    assert fed(b"3 abc\n3 defGARBAGE 4 here\n3 ghi", []) == (
        [b"abc", b"def", b"ghi"],
        [
            Garbage("a frame does not begin with its length", 1, b"\n"),
            Garbage("a frame does not begin with its length", 15, b"GARBAGE 4 here\n"),
        ],
    )


def test_empty_lines_in_a_row_are_one_report_with_their_number():
    deframer = Deframer()
    assert deframer.feed(b"a\n" + b"\n" * 100_000 + b"b\n\n") == [b"a", b"b"]
    assert deframer.take_garbage() == [Garbage("a message is empty", 100_001, b"\n", 100_001)]


def test_an_empty_line_is_reported():
    assert fed(b"<1>a\n\n<1>b\n", []) == (
        [b"<1>a", b"<1>b"],
        [Garbage("a message is empty", 1, b"\n")],
    )


def test_endless_garbage_takes_no_memory():
    deframer = Deframer(max_bytes=1000)
    tracemalloc.start()
    try:
        for _ in range(1000):
            assert deframer.feed(b"x" * 1000) == []
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()
    assert deframer.pending() == 1_000_000
    assert deframer.feed(b"\n<1>a\n") == [b"<1>a"]
    (garbage,) = deframer.take_garbage()
    assert garbage.size == 1_000_001
    assert garbage.head == b"x" * 200


def test_a_long_frame_in_many_pieces_is_not_copied_for_each_of_them():
    """Hours instead of a second, if it were."""
    framed = frame_octets([b"x" * 20_000_000])
    deframer = Deframer(max_bytes=1 << 25)
    until = time.monotonic() + 60
    found = []
    for start in range(0, len(framed), 200):
        found += deframer.feed(framed[start : start + 200])
        assert time.monotonic() < until
    assert [len(message) for message in found] == [20_000_000]
