"""Lines of text: LF alone ends one, and a line over the limit is told by its size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.sources.records.text_lines import TextLine, text_lines
from cef_bridge.sources.records.units import DamagedError


class Gives:
    """Reads as these pieces, whatever size is asked for."""

    def __init__(self, *pieces):
        self._pieces = [piece for piece in pieces if piece]

    def read(self, _size):
        return self._pieces.pop(0) if self._pieces else b""


class BreaksAfter(Gives):
    """Reads as these pieces, and is damaged behind them."""

    def read(self, size):
        piece = super().read(size)
        if not piece:
            raise DamagedError("it ends too early")
        return piece


def test_lines_come_with_their_numbers_and_without_their_ends():
    assert list(text_lines(Gives(b"one\r\n\ntw", b"o\x0b\xe2\x80\xa8\n", b"last"), 100)) == [
        (1, b"one", 3),
        (2, b"", 0),
        (3, b"two\x0b\xe2\x80\xa8", 7),
        (4, b"last", 4),
    ]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"12345\n", [(1, b"12345", 5)]),
        (b"12345\r\n", [(1, b"12345", 5)]),
        (b"123456\nx\n", [(1, b"12345", 6), (2, b"x", 1)]),
        (b"1234567890\r\n", [(1, b"12345", 11)]),
        (b"1234567890", [(1, b"12345", 10)]),
        (b"\n\n", [(1, b"", 0), (2, b"", 0)]),
        (b"", []),
    ],
)
@pytest.mark.parametrize("step", [1, 2, 3, 100])
def test_of_a_line_over_the_limit_its_beginning_is_kept(data, expected, step):
    pieces = [data[at : at + step] for at in range(0, len(data), step)]
    assert list(text_lines(Gives(*pieces), 5)) == expected


@given(
    st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\r\n", b"\xff"]), max_size=20),
    st.integers(1, 4),
)
def test_how_it_is_read_changes_nothing(pieces, most):
    whole = b"".join(pieces)
    assert list(text_lines(Gives(*pieces), most)) == list(text_lines(Gives(whole), most))
    lines = list(text_lines(Gives(whole), len(whole) + 1))
    assert [it.data for it in lines] == [it.removesuffix(b"\r") for it in whole.split(b"\n")][
        : len(lines)
    ]


def test_what_was_whole_before_the_damage_is_given():
    lines = text_lines(BreaksAfter(b"one\ntwo\nthr"), 100)
    assert [next(lines), next(lines)] == [TextLine(1, b"one", 3), TextLine(2, b"two", 3)]
    with pytest.raises(DamagedError):
        next(lines)
