"""The lenient reader: the strict reader's message where that takes a line, else what is good."""

from __future__ import annotations

import sys
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from transcripts import ROOT

from cef_bridge.errors import FormatError
from cef_bridge.lines import Cef, Header, Leef, parse
from cef_bridge.lines.check import faults
from cef_bridge.lines.lint.lenient import read_leniently
from cef_bridge.lines.lint.linter import Linter

sys.path.insert(0, str(ROOT / "tests" / "lines"))

from hostile_text import FRAGMENTS, extensions, headers  # it lives beside the formats' tests

HEAD = "CEF:0|Acme|Gate|2.1|login|In|5|"
PIECES = (*FRAGMENTS, "|", "|5|", " dst=", " act=x", "a.b=", "\\", "=", " ", "^", "\t", "src=")
tails = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=12).map("".join)


@given(tails)
@example(" dst=\\n")
@example(" dst=\u2003 act=x")
def test_what_the_strict_reader_takes_is_read_the_same(tail):
    for line in (tail, HEAD + tail, "LEEF:1.0|a|b|c|d|" + tail, "LEEF:2.0|a|b|c|d|^|" + tail):
        try:
            strict = parse(line)
        except FormatError:
            strict = None
        try:
            found = read_leniently(line)
        except FormatError:
            assert strict is None
            continue
        if not found.faults:
            assert found.message == strict
        assert all(text.strip() for text in found.message.extension.values())


@pytest.mark.parametrize("writer", [Cef(), Leef(), Leef(version="1.0")], ids=["cef", "leef", "1.0"])
@given(header=headers, extension=extensions)
def test_lines_of_ours_have_no_faults_and_no_value_parts_them(writer, header, extension):
    line = writer.render(header, extension)
    found = read_leniently(line)
    if found.message.format == "cef" or len(extension) > 1:
        assert found.faults == ()
        assert found.message == parse(line)


@given(
    st.dictionaries(
        st.sampled_from(["act", "msg", "cs1", "dvchost"]), st.text("ab/. "), min_size=1
    ),
    st.sampled_from([" dst=", " dst= ", r" dst=\\q", " dst=1=2", " act=x", " ad.x=1"]),
)
def test_one_bad_pair_loses_no_other(extension, bad):
    line = Cef().render(Header("Acme", "Gate", "1", "id", "name", "5"), extension)
    found = read_leniently(line + bad)
    assert set(parse(line).extension.items()) <= set(found.message.extension.items())


def test_a_hostile_line_is_read_in_one_pass():
    begin = time.process_time()
    for part in ("=", " a=", " dst=", "\\q", "|a=b", "a.b= "):
        read_leniently(HEAD + "x=1\t" + part * (200_000 // len(part)))
        read_leniently("LEEF:1.0|a|b|c|d|x=1" + part * (200_000 // len(part)))
    assert time.process_time() - begin < 60  # a quadratic one takes hours


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=TRAFFIC|src=192.0.2.1|dst=192.0.2.2", True),
        ("LEEF:2.0|Palo|PAN|8.1|allow|cat=TRAFFIC|src=192.0.2.1|dst=192.0.2.2", True),
        ("LEEF:2.0|Palo|PAN|8.1|allow||cat=TRAFFIC|src=192.0.2.1", True),
        ("LEEF:2.0|Palo|PAN|8.1|allow|||cat=TRAFFIC|src=192.0.2.1", True),
        ("LEEF:2.0|Palo|PAN|8.1|allow|^|cat=TRAFFIC|src=192.0.2.1", True),
        ("LEEF:2.0|Palo|PAN|8.1|allow|^|cat=TRAFFIC\tsrc=192.0.2.1\tdst=192.0.2.2", True),
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=TRAFFIC src=192.0.2.1 dst=192.0.2.2", True),
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=TRAFFIC, src=192.0.2.1, dst=192.0.2.2", True),
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=TRAFFIC^src=192.0.2.1^dst=192.0.2.2", True),
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=TRAFFIC", False),
        ("LEEF:1.0|Palo|PAN|8.1|allow|msg=src=a and no more", False),
        ("LEEF:1.0|Palo|PAN|8.1|allow|cat=A\tmsg=curl x|src=b dst=c proto=d", False),
        ("LEEF:2.0|Palo|PAN|8.1|allow|^|cat=A^msg=curl x src=b dst=c proto=d", False),
    ],
)
def test_attributes_that_another_character_parts_are_an_error_everywhere(line, told):
    found = [it for it in Linter("standard").lint(line) if it.code.id == "L062"]
    assert bool(found) == told
    assert any("parted by" in text for text in faults(line, Leef())) == told or "\t" in line
    assert any("parted by" in text for text in read_leniently(line).faults) == told
    if told:
        assert read_leniently(line).message.extension["src"] == "192.0.2.1"


def test_the_strict_check_keeps_to_the_words_of_the_standard():
    line = "CEF:0|KubeArmor|KubeArmor|1|id|name|low|act=x"
    assert faults(line, Cef()) == [
        'position 37: "low" is no severity. Expected 0 to 10, Unknown, Low, Medium, High or Very-High.'
    ]
