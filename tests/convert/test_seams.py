"""Where a text is cut: a guess that holds for what KubeArmor and container runtimes write."""

from __future__ import annotations

import pytest

from cef_bridge.convert.seams import seam

RECORD = b'{"Type":"x"}\n'
CRI = b"2026-03-03T09:00:01.3Z stdout %b {}\n"


@pytest.mark.parametrize(
    ("before", "behind"),
    [
        (RECORD, RECORD),
        (RECORD, RECORD.rstrip()),
        (RECORD, b"{"),
        (RECORD, b""),
        (b'{"Type":"x"}\r\n', b'{"Type":'),
        (b'{\n  "Type": "x"\n}\n', b'{\n  "Type'),
        (b"Started to watch\n", b"Listening\n"),
        (CRI % b"F", CRI % b"P"),
        (b"<14>1 2026 host app - - {}\n", b"<14>1 2026 host"),
        (RECORD, b"Started"),
    ],
)
def test_it_is_cut_between_records_and_lines_of_a_log(before, behind):
    first = RECORD + before
    assert seam(first + behind.rstrip(b"\n")) == len(first)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no line end",
        b'[{"a":1},\n{"a":2},\n{"a":',
        b'[\n  {\n    "a": 1\n  },\n  {\n    "a": 2\n',
        b'{\n  "a": {\n    "b": 1\n  },\n',
        CRI % b"P" + CRI % b"P",
        b"\n\n\n",
        b'{"a":\n{"b":1\n',
    ],
)
def test_it_is_not_cut_inside_of_a_document_an_array_or_a_line_in_parts(text):
    assert seam(text) == -1


def test_the_last_place_is_taken():
    assert seam(RECORD * 50 + b'{"Typ') == 50 * len(RECORD)
    assert seam(RECORD * 50) == 50 * len(RECORD)
