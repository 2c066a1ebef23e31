"""The lenient reader takes any line apart, and guesses as the comments of each test say."""

from __future__ import annotations

import time

import pytest

from cef_bridge.lines.lint.linter import Linter
from cef_bridge.lines.lint.reader import read

HEAD = "CEF:0|Acme|Gate|2.1|login|User logged in|3|"


def fields(text):
    return [piece.raw for piece in read(text).fields]


def pairs(text):
    return [(pair.key, pair.value) for pair in read(text).pairs]


def test_a_right_line_is_taken_apart_with_its_places():
    line = read(rf"<134>Mar  1 10:00:00 gate-1 {HEAD}act=a\=b  msg=one\ntwo")
    assert line.format == "cef"
    assert line.at == 28
    assert line.prefix.raw == ""
    assert list(line.header) == [
        "device_vendor",
        "device_product",
        "device_version",
        "device_event_class_id",
        "name",
        "severity",
    ]
    for piece in line.header.values():
        assert line.text.startswith(piece.raw, piece.at)
    assert [(pair.key, pair.raw, pair.value) for pair in line.pairs] == [
        ("act", r"a\=b ", "a=b"),
        ("msg", r"one\ntwo", "one\ntwo"),
    ]
    assert all(line.text.startswith(f"{pair.key}=", pair.at) for pair in line.pairs)


@pytest.mark.parametrize(
    ("text", "found", "pipes"),
    [
        ("CEF:0|Acme|Gate|2.1|login|In|3", ["Acme", "Gate", "2.1", "login", "In", "3"], 6),
        ("CEF:0|Acme|Gate|2.1|login|In|act=x", ["Acme", "Gate", "2.1", "login", "In"], 6),
        ("CEF:0|Acme|Gate|2.1|login|In act=x", ["Acme", "Gate", "2.1", "login", "In"], 5),
        ("CEF:0|Acme|Gate|2.1|login|In|act=x|y|z", ["Acme", "Gate", "2.1", "login", "In"], 6),
        ("CEF:0|Acme", ["Acme"], 1),
        ("CEF:0", [], 0),
        ("LEEF:2.0|Acme|Gate|2.1|sev=1\tcat=x", ["Acme", "Gate", "2.1"], 4),
    ],
)
def test_a_header_that_is_not_whole_gives_what_it_has(text, found, pipes):
    line = read(text)
    assert (fields(text), line.pipes, line.header) == (found, pipes, {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CEF:0|Acme|Gate|2.1|login|In|act=x", "The severity is missing, it seems."),
        ("CEF:0|Acme|Gate|login|User in|3|act=x", "The device version is missing, it seems."),
        ("CEF:0|Acme|Gate|2.1|User in|3|act=x", "The class id is missing, it seems."),
        ("CEF:0|Acme|Gate|2.1|login|3|act=x", "The name is missing, it seems."),
        ("CEF:0|Acme|Gate|2.1|login|In|3 act=x", "The last one, after the severity, is missing; it is required without extension, too."),
        ("CEF:0|Acme|Gate|act=x", "Of its fields these are not there, it seems: device version, class id, name, severity."),
        ("CEF:0|Acme|Gate|3|act=x", "Of its fields these are not there, it seems: device version, class id, name, severity."),
        ("LEEF:1.0|Acme|Gate|sev=1", "Not there, it seems: product version, event id."),
        ("LEEF:1.0|Acme|Gate|2.1|login", "The last one is missing."),
    ],
)  # fmt: skip
def test_which_field_of_a_header_is_missing_is_guessed(text, said):
    (message,) = [it.message for it in Linter("standard").lint(text) if it.code.id == "L011"]
    assert message.endswith(said), message


def test_a_pipe_too_many_in_the_name_moves_nothing():
    line = read("CEF:0|Acme|Gate|2.1|exec|a | b | c|7|act=x")
    assert line.header["name"].raw == "a | b | c"
    assert line.header["severity"].raw == "7"
    assert line.text[line.extra_pipe] == "|"
    assert pairs(line.text) == [("act", "x")]


def test_words_before_equals_signs_are_keys_as_receivers_take_them():
    assert pairs(HEAD + "msg=a b=c (d=e f.g=h http://i/?j=k l==m") == [
        ("msg", "a"),
        ("b", "c (d=e"),
        ("f.g", "h http://i/?j=k"),
        ("l", "=m"),
    ]


@pytest.mark.parametrize(
    ("extension", "inner"),
    [
        ("msg=run (cmd=sh pid=7) act=x", {"pid": "msg"}),
        ("msg=run (cmd=sh act=x pid=7)", {}),  # act is a key of the dictionary, whatever it means
        ('cs1="curl a=1 b=2" c=3', {"a": "cs1", "b": "cs1"}),
        ("msg=smile :( AcmeGateX=1", {}),
        ("msg=plain a=1", {}),
        ("Alert=A:1 B:2 x=1 C:3 tags=y", {"x": "Alert"}),
    ],
)
def test_keys_inside_of_an_earlier_value_are_guessed(extension, inner):
    line = read(HEAD + extension)
    assert {pair.key: line.inner[pair.at] for pair in line.pairs if pair.at in line.inner} == inner


@pytest.mark.parametrize(
    ("field", "delimiter"), [("^|", "^"), ("x09|", "\t"), ("0x5E|", "^"), ("|", "\t"), ("", "\t")]
)
def test_the_delimiter_of_leef_is_read_in_each_of_its_forms(field, delimiter):
    line = read(f"LEEF:2.0|Acme|Gate|2.1|login|{field}sev=3{delimiter}cat=a=b")
    assert line.delimiter == delimiter
    assert [(pair.key, pair.value) for pair in line.pairs] == [("sev", "3"), ("cat", "a=b")]


MIB = 1 << 20


@pytest.mark.parametrize(
    "text",
    [
        "x" * MIB,
        HEAD + "=" * MIB,
        HEAD + "\\" * MIB,
        HEAD + "a=(" * (MIB // 3),
        HEAD + " a=(" * (MIB // 4),
        HEAD + ' x1="' * (MIB // 5),
        HEAD + "msg=" + "a:b " * (MIB // 4),
        HEAD + " cs1Label=1" * (MIB // 11),
        HEAD + " dst=x" * (MIB // 6),
        HEAD + "msg=" + "\x07" * MIB,
        HEAD + "msg=" + " " * MIB,
        HEAD + "cs1Label=" + "a-" * (MIB // 2),
        HEAD + "shost=" + "b2-" * (MIB // 3),
        HEAD + "rt=" + "2026-03-01T10:00" * (MIB // 16),
        HEAD + "msg=" + "{" * MIB,
        HEAD + "msg=" + '{"' + '"  ' * (MIB // 3),
        "CEF:0|" + "\\|" * (MIB // 2),
        "CEF:0|" + "|" * MIB,
        "CEF:0|a|b|c|" + "/a" * (MIB // 4) + "|" + "1.1." * (MIB // 8) + "|5|",
        "CEF:0|" + "a" * MIB + "|b|c|d|e|5|" + "aa=1",
        "LEEF:2.0|a|b|c|d|^|" + "^" * MIB,
        "LEEF:2.0|a|b|c|d|^|" + "a=b^" * (MIB // 4),
        "LEEF:1.0|a|b|c|d|" + "#011" * (MIB // 4),
        "<134>Mar  1 10:00:00 " + "h" * MIB,
        " CEF: CEF:" * (MIB // 10),
    ],
    ids=lambda text: text[:60],
)
def test_a_hostile_line_of_a_mebibyte_takes_no_more_than_seconds(text):
    begin = time.process_time()
    Linter().lint(text)
    # Linear ones take 0.1 to 2 s on a slow machine; a quadratic one takes hours.
    assert time.process_time() - begin < 20
