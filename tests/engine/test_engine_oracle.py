"""The engine's times, numbers and texts against the Python reference, over texts made up by
hypothesis that are rich in odd characters.

The engine's side is engine/examples/oracle.rs.
"""

from __future__ import annotations

import shutil
import struct

import pytest
from engine_oracle import running
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cef_bridge import casing
from cef_bridge.kubearmor import clock, numbers
from cef_bridge.lines import Cef, Leef, syslog, text
from cef_bridge.mapping.language.condition_forms import number_of
from cef_bridge.mapping.program import conditions, rules

pytestmark = pytest.mark.skipif(shutil.which("cargo") is None, reason="needs cargo")
KINDS, DATE, MAC = rules._KINDS, rules._DATE, rules._MAC  # noqa: SLF001 - what keys take
many = settings(max_examples=300, deadline=None)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    with running(tmp_path_factory.mktemp("engine")) as oracle:
        yield oracle


def answer(found: object) -> str:
    if isinstance(found, bool):
        return "yes" if found else "no"
    return "none" if found is None else str(found)


def bits(number: float) -> int:
    return struct.unpack("<Q", struct.pack("<d", number))[0]


def pieces_of(*pieces: str, most: int = 16):
    """Texts that are put together from pieces."""
    return st.lists(st.sampled_from(pieces), max_size=most).map("".join)


# Controls, white space of Python and of others, bidi, letters with odd cases, digits of no ASCII.
ODD = (
    *"\0\x07\t\n\x0b\x0c\r\x1b\x1c\x1f\x7f\x80\x85\x9f\xa0\xad\u061c\u1680\u2000\u200a\u200b\u200e",
    *"\u200f\u2027\u2028\u2029\u202a\u202e\u202f\u2065\u2066\u2069\u206a\u3000\ufeff\ufffe",
    *"\u0660\u0663\uff11\u212aſİıßΣςǅŉﬃ\U0001d7ce\U00010400\U0010ffff",
)
PLAIN = st.characters(codec="utf-8")

DIGITS = ("0", "1", "5", "9", "00", "19", "24", "59", "60", "70", "2023", "9999", "0000")
TIME_PIECES = (*DIGITS, *"-T:t .,Zz+_W", " ", "\x1f", "\u3000", "\u0663")
DATES = st.dates().map(str) | pieces_of(
    "2023", "1970", "1969", "9999", "-", "02", "29", "31", "W01"
)
TIMES = st.builds(
    "".join,
    st.tuples(
        pieces_of(" ", "\n", "\u3000", "\x1f", most=1),
        DATES,
        st.sampled_from(["T", "T", "t", " ", "  ", "_", ""]),
        st.times().map(str) | pieces_of("18", ":", "05", "24", "00", "59", "60", ".", ",", "5"),
        st.sampled_from(["", "Z", "z", "+02:00", "-0330", "+23", "+24:00", "-00:60", "+2", "Z "]),
    ),
)


@many
@given(TIMES | pieces_of(*TIME_PIECES))
@example("2023-08-23T18:05:48.301798Z")
@example("1970-01-01T00:00:00.000001Z")
@example("1970-01-01T00:00:01+00:00:01")
@example("9999-12-31T23:59:59.9999999Z")
@example("9999-12-31T23:59:59-00:01")
@example("0001-01-01T00:00:00+23:59")
@example("2024-02-29T00:00")
@example("2100-02-29T00:00")
def test_times(engine, written):
    assert engine.ask("microseconds", written) == answer(clock.microseconds(written))
    assert engine.ask("moment_text", written) == answer(clock.moment(written))


SIGNS = ("+", "-", ".", "e", "E", "_", " ", "\x1f", "\xa0", "nan", "inf", "x", "\u0663")
NUMBERS = (
    pieces_of(*DIGITS, *SIGNS)
    | st.integers().map(str)
    | st.floats().map(repr)
    | st.integers(-(10**20), 10**20).map(lambda number: f"{number}e{number % 30}")
)


@many
@given(NUMBERS)
@example("1692813948.3017985")
@example("1e11")
@example("99999999999.9999995")
@example("9999999999999999999")
@example("-0.0")
@example("1e308")
@example("1e400")
def test_numbers_in_texts(engine, written):
    assert engine.ask("number_text", written) == answer(clock.number(written))
    assert engine.ask("moment_text", written) == answer(clock.moment(written))
    assert engine.ask("whole", written) == answer(numbers.whole(written))
    for kind in ("integer", "long", "float", "timestamp"):
        assert engine.ask(kind, written) == answer(KINDS[kind](written))


@many
@given(st.integers(-(2**127), 2**127 - 1) | st.integers(-1, 10**20) | st.integers(0, 10**12))
@example(10**11)
@example(10**14 - 1)
@example(10**17)
@example(10**19)
def test_numbers_of_times(engine, number):
    assert engine.ask("number_int", number) == answer(clock.number(number))


FLOATS = st.floats() | st.integers(0, 2**64 - 1).map(
    lambda each: struct.unpack("<d", struct.pack("<Q", each))[0]
)

# Often in the middle of two shortest texts.
HALVES = st.builds(
    lambda number, bits: number / 2**bits, st.integers(2**45, 2**54), st.integers(1, 30)
)


@many
@given(FLOATS | st.floats(0, 1e20) | st.floats(-1, 1).map(lambda number: number / 1e4) | HALVES)
@example(1e16)
@example(9007199254740993.0)
@example(0.0001)
@example(0.00001)
@example(1.5e-5)
@example(1e-7)
@example(5e-324)
@example(562949953421312.2)
@example(2.0**-24)
@example(1.7976931348623157e308)
@example(-0.0)
def test_floats(engine, number):
    assert engine.ask("repr", bits(number)) == repr(number)
    assert engine.ask("float_text", bits(number)) == conditions.to_text(number)
    assert engine.ask("json", bits(number)) == conditions.compact_json(number)
    assert engine.ask("number_float", bits(number)) == answer(clock.number(number))


DECIMALS = st.decimals(allow_nan=False, allow_infinity=False).map(str) | pieces_of(
    *DIGITS, "-", "."
)


@many
@given(DECIMALS | pieces_of(*DIGITS, *SIGNS), DECIMALS)
@example("-0", "0.000")
@example("0.1", "0.10000000000000000000000000001")
@example("9" * 30, "9" * 30 + ".5")
@example("9" * 31, "1")
def test_numbers_that_are_compared(engine, one, other):
    numbers_ = number_of(one), number_of(other)
    expected = "none"
    if None not in numbers_:
        expected = {-1: "Less", 0: "Equal", 1: "Greater"}[
            (numbers_[0] > numbers_[1]) - (numbers_[0] < numbers_[1])
        ]
    assert engine.ask("compare", one, other) == expected


DATES_OF_CEF = st.from_regex(DATE, fullmatch=True)
MACS = st.from_regex(MAC, fullmatch=True)
ADDRESSES = st.ip_addresses().map(str) | st.ip_addresses(v=6).map(lambda address: address.exploded)
ADDRESS_PIECES = (
    *"0123456789abF::::....%/ ",
    "::",
    "ffff:",
    "10.",
    "255",
    "256",
    "01",
    "eth0",
    "\u0663",
)


def cut_and_joined(whole, pieces):
    """Texts that are nearly right: a right one with something taken out or put in."""
    return st.builds(
        lambda text, begin, end, piece: text[:begin] + piece + text[end:],
        whole,
        st.integers(0, 40),
        st.integers(0, 40),
        pieces_of(*pieces, most=2),
    )


@many
@given(ADDRESSES | cut_and_joined(ADDRESSES, ADDRESS_PIECES) | pieces_of(*ADDRESS_PIECES, most=24))
@example("::")
@example("::1.2.3.4")
@example("1.2.3.4::")
@example("1:2:3:4:5:6:7::")
@example("1::2:3:4:5:6:7:8")
@example("1:2:3:4:5:6:1.2.3.4")
@example("0000:0000:0000:0000:0000:ffff:192.168.100.228")
@example("fe80::1%eth0")
@example("010.0.0.1")
def test_addresses(engine, written):
    for kind in ("ipv4", "ipv6"):
        assert engine.ask(kind, written) == answer(KINDS[kind](written))


@many
@given(
    DATES_OF_CEF
    | MACS
    | cut_and_joined(DATES_OF_CEF, (*DIGITS, " ", ":", ".", "\u0663", "\x85"))
    | cut_and_joined(MACS, (*DIGITS, ":", "-", "g", "\u0663"))
)
def test_dates_and_macs_of_keys(engine, written):
    for kind in ("timestamp", "mac"):
        assert engine.ask(kind, written) == answer(KINDS[kind](written))


MICROS = st.integers(-(2**63), 2**63 - 1) | st.integers(0, 253402300800_000000)


@many
@given(MICROS, st.none() | st.integers(-14 * 60, 14 * 60).map(lambda minutes: minutes * 60))
@example(253402300799_999999, 3600)
@example(0, -3600)
@example(1709251199_999999, None)
def test_times_of_headers(engine, micros, offset):
    zone = None if offset is None else lambda _: offset
    old = syslog.rfc3164_time(micros // 1000, zone)
    assert engine.ask("rfc3164_time", offset or 0, micros) == old
    new = syslog.rfc5424_time(micros, zone)
    assert engine.ask("rfc5424_time", "" if offset is None else offset, micros) == new


NEEDLES = ("CEF:0", "LEEF:", "aa", "aab", "äb", "||", "^ ")
LINE_PIECES = (*"abEF:=\\|^~, ", "CEF:", "CEF:1", *NEEDLES, "aaaa", "  ", "EF:")
TEXTS = st.lists(st.sampled_from([*LINE_PIECES, *ODD]) | PLAIN, max_size=40).map("".join)
SOME_NEEDLES = st.lists(st.sampled_from(NEEDLES), max_size=3, unique=True)


@many
@given(TEXTS, st.integers(0, 30))
def test_texts(engine, written, most):
    for name in ("strip", "lstrip", "rstrip"):
        assert engine.ask(name, written) == getattr(written, name)()
    for name in ("lower", "upper", "lower_ascii", "upper_ascii"):
        assert engine.ask(name, written) == getattr(casing, name)(written)
    assert engine.ask("sanitize", written) == text.sanitize(written)
    marks = rules.marks_of(written)
    in_order = [mark for mark in ("control", "newline", "bidi", "cef_header") if mark in marks]
    assert engine.ask("marks", written) == ",".join(in_order)
    assert engine.ask("cut", most, written) == text.cut(written, most)


@many
@given(TEXTS, SOME_NEEDLES)
@example("aaab", ["aa", "aab"])
def test_needles_are_broken_up(engine, written, needles):
    assert engine.ask("defang", *needles, written) == text.defang(written, tuple(needles))


@many
@given(
    TEXTS | st.tuples(TEXTS, st.integers(1, 20)).map(lambda both: both[0] * both[1]),
    SOME_NEEDLES,
    st.integers(0, 60),
    st.integers(0, 30),
    st.booleans(),
    st.sampled_from("^~;,\t'"),
)
@example(" " * 100 + "b", [], 0, 3, False, "^")
@example("\x1b" * 100, ["aa"], 20, 0, True, "\t")
@example("1" * 30, [], 0, 3, False, "^")
def test_what_a_format_writes(engine, written, needles, longest, most, pipe, separator):
    cef = Cef("replace" if pipe else "keep", tuple(needles), longest=longest)
    found = engine.ask("cef", int(pipe), longest, most, *needles, written)
    assert found == cef.neutral(written, most)
    leef = Leef(delimiter=separator, defang=tuple(needles), longest=longest)
    found = engine.ask("leef", ord(separator), longest, most, *needles, written)
    assert found == leef.neutral(written, most)


def test_every_character_is_taken_the_same(engine):
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    for name in ("lower", "upper", "lower_ascii", "upper_ascii"):
        assert engine.ask(name, every) == getattr(casing, name)(every)
    assert engine.ask("sanitize", every) == text.sanitize(every)
    for char in every[:0x3100]:
        assert engine.ask("strip", f"{char}x{char}") == f"{char}x{char}".strip()
        assert engine.ask("marks", char) == ",".join(rules.marks_of(char))
