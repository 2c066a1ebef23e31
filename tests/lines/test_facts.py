"""What a destination asks of a line is what the reader of whole lines finds in it."""

from __future__ import annotations

import doctest
from pathlib import Path

import hypothesis.strategies as st
import pytest
from hostile_text import texts
from hypothesis import given

from cef_bridge.errors import FormatError
from cef_bridge.lines import Cef, Header, Leef, facts, locate, parse
from cef_bridge.lines.facts import LineFacts, facts_of

GOLDEN = sorted((Path(__file__).parent.parent / "golden").glob("*/expected"))
HEADER = Header("K", "K", "1", "alert.host.file.read.block", "rt=1 externalId=forged", "5")
KEYS = {
    "cef": ("externalId", "dvchost", "rt"),
    "leef": ("eventId", "nodeName", "devTime"),
}


def by_the_reader(line: str) -> LineFacts:
    parsed = parse(line)
    event_id, host, time = (parsed.extension.get(key, "") for key in KEYS[parsed.format])
    number = time.isascii() and time.isdigit() and len(time) <= 13
    labels = [key for key, value in parsed.extension.items() if value == "ContainerID"]
    keys = [key.removesuffix("Label") for key in labels if key.endswith("Label")] or ["containerId"]
    return LineFacts(
        event_id,
        host,
        int(time) if number else None,
        parsed.header.device_event_class_id,
        parsed.extension.get(keys[0], ""),
    )


def test_the_container_is_where_a_label_says():
    line = b"CEF:0|a|b|c|d.e|f|5|flexString2=4f1c flexString2Label=ContainerID cs1=x cs1Label=y"
    assert facts_of(line) == LineFacts(class_id="d.e", container="4f1c")
    assert facts_of(line.replace(b"|5|", rb"|5|msg=a\\\\b ")) == facts_of(line)
    assert facts_of(line.replace(b" cs1=", rb"\\=1 cs1=")).container == ""


def test_the_example_of_the_docstring_holds():
    assert doctest.testmod(facts).failed == 0


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("header", [True, False], ids=["header", "bare"])
def test_the_facts_of_a_published_line_are_what_it_says(path, header):
    line = path.read_text().rstrip("\n")
    line = line if header else line[locate(line).start :]
    assert facts_of(line.encode()) == by_the_reader(line)
    assert facts_of(line.encode()).event_id


@given(
    st.dictionaries(
        st.sampled_from(
            [*KEYS["cef"], *["msg", "cs1", "act", "cs1Label", "flexString2", "flexString2Label"]]
        ),
        texts,
    )
)
def test_a_value_cannot_pretend_to_be_a_key(extension):
    line = Cef().render(HEADER, extension)
    assert facts_of(line.encode()) == by_the_reader(line)


@given(st.dictionaries(st.sampled_from([*KEYS["leef"], "action", "containerId"]), texts))
def test_a_line_in_leef_has_facts_too(extension):
    line = Leef().render(HEADER._replace(name="", severity=""), extension)
    try:
        expected = by_the_reader(line)
    except FormatError:
        expected = LineFacts()
    assert facts_of(line.encode()) == expected


@pytest.mark.parametrize("line", [b"", b"CEF:0|a|b", b"\xff\xfe", b"hello"])
def test_of_what_is_no_line_there_are_no_facts(line):
    assert facts_of(line) == LineFacts()


@pytest.mark.parametrize("time", ["12345678901234", "Jan 1 2026", "-1", "\u0661", "1e3"])
def test_a_time_that_is_no_number_of_milliseconds_is_none(time):
    assert facts_of(f"CEF:0|a|b|c|d|e|5|rt={time}".encode()).milliseconds is None
