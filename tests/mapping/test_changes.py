"""Changes of a mapping's text: what is asked for is said then, and all else stays as it was."""

from __future__ import annotations

import pytest

from cef_bridge.mapping.language.changes import changed, stated, with_example
from cef_bridge.mapping.language.spec import Example


def after(text: str, sentence: str, **known) -> str | None:
    found = stated(sentence)
    edit = changed(text, found.changes, **known)
    return None if edit is None else text[: edit.start] + edit.text + text[edit.end :]


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("envelope: {pipe: replace}", "envelope: {pipe: replace}"),
        ("Use `extends: x`, or envelope: {pipe: replace}.", "envelope: {pipe: replace}"),
        ("extension: {a: null}; a pod's name belongs in cs3", "extension: {a: null}"),
        ("extension: {a: {from: B}}, envelope: {c: d}.", "extension: {a: {from: B}}, envelope: {c: d}"),
        ('envelope: {defang: ["a}", "b"]}, or more', 'envelope: {defang: ["a}", "b"]}'),
    ],
)  # fmt: skip
def test_settings_are_read_from_a_sentence(sentence, text):
    assert stated(sentence).text == text


@pytest.mark.parametrize(
    "sentence",
    ["", "Add `label: NAME` to its rule.", "extends: qradar", "extension: {a: {…, via: x}}", "envelope: {a"],
)  # fmt: skip
def test_a_sentence_without_whole_settings_says_none(sentence):
    found = stated(sentence)
    assert found is None or not found.changes


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("mapping: a\n", "mapping: a\nenvelope:\n  pipe: replace\n"),
        ("mapping: a", "mapping: a\nenvelope:\n  pipe: replace\n"),
        ("mapping: a\r\n", "mapping: a\r\nenvelope:\r\n  pipe: replace\r\n"),
        ("envelope: {}  # x\n", "envelope: {pipe: replace}  # x\n"),
        ("envelope:  # x\n", "envelope:\n  pipe: replace  # x\n"),
        ("envelope: {pipe: keep}  # x\n", "envelope: {pipe: replace}  # x\n"),
        ("envelope: {pipe: 'keep', a: b}\n", "envelope: {pipe: replace, a: b}\n"),
        ("envelope:\n    a: b  # x\n# y\n", "envelope:\n    a: b  # x\n    pipe: replace\n# y\n"),
        ("envelope:\n  pipe: keep  # x\nb: c\n", "envelope:\n  pipe: replace  # x\nb: c\n"),
        ("a: b\n# of them\nexamples: []\n", "a: b\nenvelope:\n  pipe: replace\n# of them\nexamples: []\n"),
    ],
)  # fmt: skip
def test_a_setting_is_written_where_it_belongs(text, result):
    assert after(text, "envelope: {pipe: replace}") == result


@pytest.mark.parametrize("text", ["", "- a\n", "{a: b}\n", "a: [\n", "envelope: text\n", "a: &x {}\nenvelope: *x\n"])  # fmt: skip
def test_what_cannot_be_changed_alone_is_left(text):
    assert after(text, "envelope: {pipe: replace}") is None


def test_a_key_that_only_the_file_has_goes_and_one_of_a_parent_becomes_null():
    text = "extension:\n  a: {from: B}  # x\n  c: {from: D}  # y\n"
    change = "extension: {a: null}"
    assert after(text, change) == "extension:\n  c: {from: D}  # y\n"
    assert after(text, change, inherited={"a"}) == text.replace("{from: B}", "null")
    assert after("b: c\n", change, inherited={"a"}) == "b: c\nextension:\n  a: null\n"
    assert after("b: c\n", change) is None  # what is not there cannot go


def test_items_of_a_list_stay():
    text = 'envelope:\n  defang: ["x", "CEF:0"]  # why\n'
    change = 'envelope: {defang: ["CEF:0", "LEEF:"]}'
    assert after(text, change) == "envelope:\n  defang: [x, 'CEF:0', 'LEEF:']  # why\n"
    given = after("a: b\n", change, lists={"defang": ("y",)})
    assert given == "a: b\nenvelope:\n  defang: [y, 'CEF:0', 'LEEF:']\n"


EXAMPLE = Example({"Type": "x"}, {"act": "y"}, "one")
LINES = "- name: one\n  event:\n    Type: x\n  expect:\n    act: y\n"


def indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("a: b\n", "a: b\nexamples:\n" + indented(LINES)),
        ("a: b", "a: b\nexamples:\n" + indented(LINES)),
        ("examples:\n- {event: {}, expect: {}}  # x\nb: c\n", "examples:\n- {event: {}, expect: {}}  # x\n" + LINES + "b: c\n"),
        ("examples:\n  - {event: {}, expect: {}}", "examples:\n  - {event: {}, expect: {}}\n" + indented(LINES)),
        ("examples: []\nb: c\n", "examples:\n" + indented(LINES) + "b: c\n"),
        ("examples:\nb: c\n", "examples:\n" + indented(LINES) + "b: c\n"),
    ],
)  # fmt: skip
def test_an_example_comes_behind_the_others(text, result):
    edit = with_example(text, EXAMPLE)
    made = text[: edit.start] + edit.text + text[edit.end :]
    assert made.rstrip("\n") == result.rstrip("\n")


@pytest.mark.parametrize("text", ["", "{a: b}", "examples: {event: {}}\n", "examples: [{event: {}, expect: {}}]\n", "a: [\n"])  # fmt: skip
def test_examples_in_another_form_are_left(text):
    assert with_example(text, EXAMPLE) is None
