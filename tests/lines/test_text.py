from __future__ import annotations

import pytest
from hostile_text import texts
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.errors import UsageError
from cef_bridge.lines.text import cut, defang, sanitize, suspicions


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("", ""),
        ("/bin/sh -c 'echo é 日本 🛡'", "/bin/sh -c 'echo é 日本 🛡'"),
        ("\x1b[31mred", "<U+001B>[31mred"),
        ("a\tb\0c\x7fd", "a<U+0009>b<U+0000>c<U+007F>d"),
        ("a\x80b\x9fc\x85d", "a<U+0080>b<U+009F>c<U+0085>d"),
        ("a\u2028b\u2029c", "a<U+2028>b<U+2029>c"),
        ("gpj.\u202eexe", "gpj.<U+202E>exe"),
        ("\u200e\u200f\u061c\u2066\u2069", "<U+200E><U+200F><U+061C><U+2066><U+2069>"),
        ("x\ud800y\udfffz", "x<U+D800>y<U+DFFF>z"),
        ("first\r\nsecond", "first\r\nsecond"),
        ("a\u00a0b\u200db", "a\u00a0b\u200db"),
    ],
)
def test_what_may_not_stand_on_a_line_is_shown_and_all_else_is_left(raw, shown):
    assert sanitize(raw) == shown


@given(texts)
def test_sanitized_text_stays_as_it_is(text):
    assert sanitize(sanitize(text)) == sanitize(text)


@given(st.characters(categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters="\r\n"))
def test_no_control_line_separator_or_surrogate_survives(character):
    assert sanitize(f"a{character}b") == f"a<U+{ord(character):04X}>b"


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        ("plain é", ()),
        ("a\u00a0b", ()),
        ("\x1b", ("control",)),
        ("\u2028", ("control",)),
        ("\u202e", ("bidi",)),
        ("\n", ("newline",)),
        ("\r", ("newline",)),
        ("\ud800", ("surrogate",)),
        ("\ud800\n\u202e\x00", ("control", "bidi", "newline", "surrogate")),
    ],
)
def test_suspicions_are_named_in_a_fixed_order(raw, found):
    assert suspicions(raw) == found


@given(texts)
def test_text_is_suspicious_exactly_when_it_would_be_changed_or_has_a_newline(text):
    changed = sanitize(text) != text
    assert bool(suspicions(text)) == (changed or "\n" in text or "\r" in text)


@pytest.mark.parametrize(
    ("raw", "broken"),
    [
        ("nothing here", "nothing here"),
        ("CEF:0|a|b", "C<!>EF:0|a|b"),
        ("xCEF:0CEF:0 LEEF:1.0", "xC<!>EF:0C<!>EF:0 L<!>EEF:1.0"),
        ("cef:0", "cef:0"),
    ],
)
def test_a_forged_beginning_is_broken_visibly(raw, broken):
    assert defang(raw, ("CEF:0", "LEEF:")) == broken


def test_overlapping_occurrences_are_all_broken():
    assert defang("aaa", ("aa",)) == "a<!>a<!>a"


@given(
    texts,
    st.lists(st.sampled_from(["CEF:0", "LEEF:", "EF:0", "aa", "|a|b", "act="]), max_size=3).map(
        tuple
    ),
)
def test_no_needle_survives_and_breaking_up_again_changes_nothing(text, needles):
    broken = defang(text, needles)
    assert not [needle for needle in needles if needle in broken]
    assert defang(broken, needles) == broken


@pytest.mark.parametrize("needle", ["", "a", "<!", "a>b"])
def test_a_needle_that_could_come_back_is_refused(needle):
    with pytest.raises(UsageError, match="cannot be broken up"):
        defang(f"x{needle}x", (needle,))


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [("abc", 3, "abc"), ("abcd", 3, "abc"), ("ab cd", 3, "ab"), ("🛡🛡🛡", 2, "🛡🛡"), ("   ", 2, "")],
)
def test_cut_counts_code_points_and_leaves_no_trailing_space(text, most, kept):
    assert cut(text, most) == kept
