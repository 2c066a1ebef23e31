from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cef_bridge.cli.excerpts import excerpt


def test_the_word_at_the_place_is_marked():
    assert excerpt("  cs2: {from: Podname}", 15, 80) == (
        "  cs2: {from: Podname}",
        "              ^^^^^^^",
    )
    assert excerpt('a: "b c" # d', 4, 80) == ('a: "b c" # d', "   ^^^^^")
    assert excerpt("a:", 3, 80) == ("a:", "  ^")
    assert excerpt("", 1, 80) == ("", "^")
    assert excerpt("a", 99, 80) == ("a", " ^")


def test_wide_letters_and_what_cannot_be_printed_move_the_mark():
    assert excerpt("界: x", 4, 80) == ("界: x", "    ^")
    assert excerpt("\t\x1b: x", 5, 80) == (" \\u001b: x", "         ^")


def test_of_a_long_line_the_part_around_the_place_is_shown():
    shown = excerpt("a" * 100 + " here " + "b" * 100, 102, 30)
    assert "here" in shown.text
    assert shown.text[shown.mark.index("^") :].startswith("here")
    assert (shown.text[0], shown.text[-1]) == ("…", "…")


@given(st.text(max_size=200), st.integers(0, 250), st.integers(10, 100))
def test_nothing_is_wider_than_the_room_and_the_mark_is_below_the_place(text, column, room):
    shown = excerpt(text, column, room)
    assert cell_len(shown.text) <= room
    assert shown.text.isprintable()
    before = shown.mark.index("^")
    assert shown.mark.strip("^ ") == ""
    assert before <= room
    place = text[max(column - 1, 0) : max(column, 1)]
    if place.isascii() and place.isprintable() and place.strip():
        at = next(n for n in range(len(shown.text)) if cell_len(shown.text[:n]) == before)
        assert shown.text[at] == place
