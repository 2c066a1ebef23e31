from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.numbers import read_number, whole


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("5", 5),
        ("-007", -7),
        ("+5", 5),
        (" 5\n", 5),
        ("9" * 32, 10**32 - 1),
        ("1.5", 1.5),
        ("1.", 1.0),
        ("-.5e+1", -5.0),
        ("1.89539e+06", 1895390.0),
        ("1e999", float("inf")),
        ("9" * 33, None),
        ("", None),
        (".", None),
        ("1_0", None),
        ("nan", None),
        ("infinity", None),
        ("0x1", None),
        ("1e", None),
        ("--1", None),
        ("1 0", None),
        ("٣", None),
        ("1\u00a0", None),
    ],
)
def test_a_text_is_a_number_by_a_grammar_of_our_own(text, number):
    assert read_number(text) == number
    assert type(read_number(text)) is type(number)


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (5, 5),
        (True, None),
        (5.0, 5),
        (5.5, None),
        (float("nan"), None),
        (float("inf"), None),
        ("1.89539e+06", 1895390),
        ("-0.0", 0),
        ("1e30", int(1e30)),
        ("+67709109418241656147", 67709109418241656147),
        ("1e999", None),
        (None, None),
        ([5], None),
    ],
)
def test_a_whole_number_may_come_in_any_form(value, number):
    assert whole(value) == number


@given(st.text("0123456789+-.eE_ \tnaif٣", max_size=34))
def test_what_is_read_python_reads_the_same(text):
    """The grammar is narrower than Python's, and means the same."""
    number = read_number(text)
    if number is not None:
        assert number == (int(text) if isinstance(number, int) else float(text))
    elif re.fullmatch(r"[0-9]{1,32}", text):
        pytest.fail("plain digits are a number")
