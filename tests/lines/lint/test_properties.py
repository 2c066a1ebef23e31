"""What holds for any line: nothing fails, a faultless line has no error, a fault put in is found."""

from __future__ import annotations

import sys

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from transcripts import ROOT

from cef_bridge.lines import Cef, Header, Leef
from cef_bridge.lines.check import faults
from cef_bridge.lines.dictionary import CEF_KEYS
from cef_bridge.lines.lint.codes import CODES
from cef_bridge.lines.lint.linter import MOST_OF_ONE, Linter

sys.path.insert(0, str(ROOT / "tests" / "lines"))

from hostile_text import FRAGMENTS, texts  # it lives beside the formats' tests

KEYS = sorted(name for name, row in CEF_KEYS.items() if row.role == "producer")
PIECES = (
    *FRAGMENTS, "CEF:0|", "LEEF:1.0|", "LEEF:2.0|", "|", "|5|", "cs1=", " cs1Label=", " dst=", " rt=", "(", '"', "{",
    '{"a":1', "a:b ", "k:v k:v k:v k:v ", "\udc80", "#011", "|x09|", "^", "\t", "sev=", "devTime=",
)  # fmt: skip
lines = st.lists(st.sampled_from(PIECES) | st.text(max_size=4), max_size=20).map("".join)
plain = st.text(st.sampled_from("abcdefghij XYZ0123456789./:-_,\\|="), min_size=1, max_size=20)
# Of the vendor's name, as strict messages have it.
headers = st.builds(
    Header, st.just("KubeArmor"), st.just("KubeArmor"), plain, plain, plain, st.sampled_from(["0", "5", "Very-High"])
)  # fmt: skip
extensions = st.dictionaries(
    st.sampled_from([*KEYS, "KubeArmorX", "KubeArmorY"]), plain | texts, max_size=8
)


def errors(line):
    return [it for it in Linter("standard").lint(line) if it.code.severity == "error"]


def codes(line):
    return {it.code.id for it in Linter().lint(line)}


@given(lines)
def test_any_text_gives_faults_and_nothing_else(line):
    linter = Linter()
    for fault in linter.lint(line) + linter.lint(line):
        assert fault.code in CODES.values()
        assert 1 <= fault.column <= len(line) + 1
        assert fault.message.isprintable()


@given(st.lists(lines, max_size=6))
def test_each_receiver_hears_a_part_of_what_all_hear(several):
    everything, standard, splunk = Linter(), Linter("standard"), Linter("splunk")
    for line in several:
        heard = {(it.column, it.code) for it in everything.lint(line)}
        some = {(it.column, it.code) for it in splunk.lint(line)}
        assert {(it.column, it.code) for it in standard.lint(line)} <= some <= heard


def test_of_one_fault_a_line_tells_so_many_and_no_more():
    line = "CEF:0|Acme|Gate|2.1|login|In|3|" + "cnt=1 " * 500 + "act=x"
    assert sum(it.code.id == "L026" for it in Linter().lint(line)) == MOST_OF_ONE


@given(headers, extensions)
@example(Header("KubeArmor", "KubeArmor", "1", "id", "n", "5"), {"msg": "(", "KubeArmorX": "1"})
def test_a_line_that_the_strict_check_calls_faultless_has_no_error(header, extension):
    line = Cef().render(header, extension)
    if not faults(line, Cef()):
        assert errors(line) == []


@given(
    headers,
    st.dictionaries(
        st.sampled_from(["sev", "src", "devTime", "usrName", "x-y", "cs1"]),
        plain | texts,
        max_size=6,
    ),
)
def test_so_has_a_faultless_line_of_leef(header, extension):
    line = Leef().render(header, extension)
    if not faults(line, Leef()):
        assert errors(line) == []


good = st.builds(
    lambda act, msg, number: (
        f"CEF:0|KubeArmor|KubeArmor|1.4.3|id|A name|{number}|act={act} cs1=x cs1Label=Policy msg={msg} dpt=443"
    ),
    st.sampled_from(["Block", "Audit"]),
    st.text(st.sampled_from("abcxyz/. "), min_size=1).map(str.strip).filter(bool),
    st.integers(0, 10),
)


@given(good)
def test_the_lines_that_faults_are_put_into_have_none(line):
    assume("  " not in line)
    assert faults(line, Cef()) == []
    assert errors(line) == []


@pytest.mark.parametrize(
    ("code", "spoil"),
    [
        ("L001", lambda line: line.removeprefix("CEF:0")),
        ("L001", lambda line: line[line.index("act=") :]),
        ("L007", lambda line: line.replace("Block", "Bl\x07ck").replace("Audit", "Aud\nit")),
        ("L008", lambda line: line.replace("msg=", "msg=\u202e")),
        ("L009", lambda line: line + "\udcff"),
        ("L011", lambda line: line.replace("|id", "", 1)),
        ("L011", lambda line: line.replace("|A name", "", 1)),
        ("L011", lambda line: line.replace("|act=", " act=", 1)),
        ("L012", lambda line: line.replace("CEF:0", "CEF:7")),
        ("L013", lambda line: line.replace("CEF:0", "CEF:1")),
        ("L014", lambda line: line.replace("|id|", "||")),
        ("L015", lambda line: line.replace("|1.4.3|", f"|{'1' * 32}|")),
        ("L016", lambda line: line.replace("A name", r"A \| name")),
        ("L017", lambda line: line.replace("A name", "A | name")),
        ("L018", lambda line: line.replace("|act=", "1|act=")),
        ("L022", lambda line: line.replace("|act=", "|text act=")),
        ("L023", lambda line: line.replace("Block", "Bl=ck").replace("Audit", "Au=it")),
        ("L024", lambda line: line.replace("msg=", "msg=\\q")),
        ("L025", lambda line: line.replace(" msg=", " my.msg=")),
        ("L026", lambda line: f"{line} act=x"),
        ("L027", lambda line: line.replace("dpt=443", "dpt=")),
        ("L028", lambda line: f"{line} "),
        ("L030", lambda line: line.replace("|act=", "| act=")),
        ("L031", lambda line: f"{line} banana=1"),
        ("L032", lambda line: line.replace(" dpt=", " destinationPort=")),
        ("L034", lambda line: line.replace("=443", "=https")),
        ("L037", lambda line: line.replace("act=", f"act={'x' * 64}")),
        ("L045", lambda line: line.replace(" cs1Label=Policy", "")),
        ("L046", lambda line: line.replace(" cs1=x", "")),
    ],
)  # fmt: skip
@settings(max_examples=25)  # of each of so many faults
@given(line=good)
def test_a_fault_that_is_put_into_a_good_line_is_found(code, spoil, line):
    assume("  " not in line)
    assert code not in codes(line)
    assert code in codes(spoil(line))
