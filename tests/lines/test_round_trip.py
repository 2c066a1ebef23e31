"""For every writer a reader: `parse(render(x)) == normalise(x)`, whatever x an attacker chose."""

from __future__ import annotations

import pytest
from hostile_text import extensions, headers, texts
from hypothesis import given, settings

from cef_bridge.lines import Cef, Leef, parse

NEEDLES = ("CEF:0", "LEEF:")
WRITERS = [
    Cef(),
    Cef(pipe="replace"),
    Cef(defang=NEEDLES),
    Leef(),
    Leef(delimiter="x09", defang=NEEDLES),
    Leef(delimiter="~"),
    Leef(version="1.0"),
]
NAMES = ["cef", "cef-pipe", "cef-break", "leef", "leef-tab", "leef-tilde", "leef-1.0"]
few = settings(max_examples=40)  # for each of the seven
every_writer = pytest.mark.parametrize("writer", WRITERS, ids=NAMES)


@every_writer
@few
@given(header=headers, extension=extensions)
def test_what_was_written_is_read_back(writer, header, extension):
    message = writer.parse(writer.render(header, extension))
    assert (message.header, message.extension) == writer.normalise(header, extension)


@every_writer
@few
@given(header=headers, extension=extensions)
def test_normal_is_normal(writer, header, extension):
    normal = writer.normalise(header, extension)
    assert writer.normalise(*normal) == normal


@every_writer
@few
@given(header=headers, extension=extensions)
def test_any_text_is_one_line_of_utf8(writer, header, extension):
    line = writer.render(header, extension)
    assert len(line.splitlines()) == 1
    line.encode("utf-8")
    assert not set(line) & set("\r\n\x1b\0\u202e")


@every_writer
@few
@given(header=headers, extension=extensions)
def test_no_text_forges_a_key_or_changes_their_order(writer, header, extension):
    _, normal = writer.normalise(header, extension)
    read = parse("<134>Aug 23 18:05:48 node-1 " + writer.render(header, extension)).extension
    assert list(read) == list(normal)
    assert list(read) == [name for name, text in extension.items() if writer.neutral(text)]


@every_writer
@few
@given(text=texts)
def test_neutral_is_idempotent_and_stripped(writer, text):
    neutral = writer.neutral(text)
    assert writer.neutral(neutral) == neutral == neutral.strip()


@pytest.mark.parametrize("writer", [WRITERS[2], WRITERS[4]], ids=["cef", "leef"])
@given(header=headers, extension=extensions)
def test_a_broken_up_text_stands_nowhere_behind_the_beginning(writer, header, extension):
    line = writer.render(header, extension)
    assert not [needle for needle in NEEDLES if needle in line[4:]]


@every_writer
@few
@given(header=headers, extension=extensions)
def test_the_reference_writer_is_made_of_the_public_steps(writer, header, extension):
    pairs = ""
    for name, text in extension.items():
        row = writer.key(name)
        value = writer.neutral(text)
        if row and row.max_length:
            value = value[: row.max_length].rstrip()
        if value:
            pairs += writer.pair(name) + writer.escape(value)
    line = writer.head(header) + pairs[len(writer.separator) :]
    assert line == writer.render(header, extension)
