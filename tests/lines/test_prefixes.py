"""What products write before a message: all of it is read by one function, `locate`.

A word that begins `CEF:0|` or `LEEF:` is the message, never a host or a tag, in any of the forms.
"""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.collector.judge import judge
from cef_bridge.lines import parse
from cef_bridge.lines.lint.reader import read
from cef_bridge.lines.message import locate
from cef_bridge.lines.syslog import hostname3164, split
from cef_bridge.siems.parsed_line import take_apart
from cef_bridge.siems.simulators import SIMULATORS

PRIORITIES = ("<132>", "")
TIMES = ("", "Jun 21 13:41:36 ", "Jun  1 2026 13:41:36 ", "2026-06-21T13:41:36.123+02:00 ")
HOSTS = ("gate-1 ", "")
TAGS = ("gated[71]: ", "gated: ", "")
MESSAGES = (
    "CEF:0|Acme|Gate|2.1|login|In|3|act=x dst=192.0.2.1",
    "CEF:0|a b|O c|v2|5710|Attempt of it|5|act=x dst=192.0.2.1",
    "LEEF:1.0|Acme|Gate|2.1|login|act=x\tdst=192.0.2.1",
    "LEEF:2.0|a b|O c|v2|in there|^|act=x^dst=192.0.2.1",
)
MATRIX = list(product(PRIORITIES, TIMES, HOSTS, TAGS))


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize(("pri", "time", "host", "tag"), MATRIX)
def test_the_message_is_found_behind_any_header(pri, time, host, tag, message):
    prefix = pri + time + host + tag
    found = parse(prefix + message)
    assert found == parse(message)._replace(prefix=prefix)
    assert found.extension == {"act": "x", "dst": "192.0.2.1"}
    # The other readers ask the same function.
    line = read(prefix + message)
    assert (line.format, line.at) == (found.format, len(prefix))
    parts = take_apart(prefix + message)
    assert (parts.body, parts.meant) == (message, found)
    assert not [it for it in judge((prefix + message).encode()) if "no message" in it.text]


@pytest.mark.parametrize("message", MESSAGES)
@pytest.mark.parametrize(("pri", "time", "host", "tag"), MATRIX)
def test_time_host_and_tag_are_told_apart(pri, time, host, tag, message):
    place = locate(pri + time + host + tag + message)
    if not pri and not time:  # then nothing tells a host from any other word
        assert (place.header, place.between) == (None, host + tag)
        return
    assert place.header is not None
    assert place.header.priority == (132 if pri else None)
    assert place.header.timestamp == time.strip()
    assert place.header.hostname == host.strip()
    assert place.between == tag


@pytest.mark.parametrize(
    "message", ["CEF:0|a b|O|v|1|n|5|", "CEF: 0|a b|O|v|1|n|5|", "LEEF:1.0|a b|c|d|e|"]
)
def test_no_part_of_a_message_is_a_host_or_a_program(message):
    for header in ("<132>Jun 21 13:41:36 ", "Jun 21 13:41:36 ", "<132>1 2026-06-21T13:41:36Z ",
                   "<132>1 2026-06-21T13:41:36Z gate ", "<132>1 - gate app - "):  # fmt: skip
        assert split(f"{header}{message} - - - - -")[0] is None
        place = locate(f"{header}{message}")
        assert place.start == len(header)
        assert place.header is not None
        assert place.header.hostname in {"", "gate"}


def test_a_host_may_be_called_like_the_beginning_of_a_message():
    line = "<134>1 - CEF:0 - - - - CEF:0|a|b|c|d|e|5|"
    assert locate(line).start == line.rindex("CEF:0")
    assert locate("<134>Jun 21 13:41:36 CEF:0 LEEF:1.0|a|b|c|d|").format == "leef"


@pytest.mark.parametrize(
    ("prefix", "host", "between"),
    [
        ("<13>Jun 21 13:41:36 fe80::1 ", "fe80::1", ""),
        ("<13>Jun 21 13:41:36 2001:db8:: ", "2001:db8::", ""),
        ("<13>Jun 21 13:41:36 gated[71]: ", "", "gated[71]: "),
        ("<189> Jun 18 10:55:50 gate ", "gate", ""),
        ("<14>Jun 21 13:41:36 ASM:", "", "ASM:"),
        ("<166>Jun 21 2026 13:41:36: ", "", ""),
        ("<999>Jun 21 13:41:36 gate ", "gate", ""),
        ("<14>gate gated: ", "gate", "gated: "),
        ("<14>2026-06-21 13:41:36,123 gate ", "gate", ""),
        ("<14>Jun 21 13:41:36 gate\t", "", "gate\t"),
        ("88 <134>Mar  1 10:00:00 gate-1 ", "", "88 <134>Mar  1 10:00:00 gate-1 "),
    ],
)
def test_other_forms_are_read_as_far_as_they_go(prefix, host, between):
    place = locate(f"{prefix}CEF:0|a b|c|d|e|f|5|")
    assert place.start == len(prefix)
    assert (place.header.hostname if place.header else "") == host
    assert place.between == between


@given(st.sampled_from(PRIORITIES), st.sampled_from(TIMES), st.text(min_size=1, max_size=20))
def test_no_host_of_ours_is_lost(pri, time, text):
    host = hostname3164(text)
    place = locate(f"{pri}{time}{host} CEF:0|a b|c|d|e|f|5|")
    assert place.start == len(f"{pri}{time}{host} ")
    if pri or time:
        assert place.header is not None
        assert host in {place.header.hostname, "-"}


@pytest.mark.parametrize("siem", sorted(SIMULATORS))
@pytest.mark.parametrize(("pri", "time", "host", "tag"), MATRIX)
def test_no_simulator_takes_a_message_for_anything_else(siem, pri, time, host, tag):
    reading = SIMULATORS[siem].read(
        f"{pri}{time}{host}{tag}CEF:0|a b|O|v2|5710|Attempt|5|x=1 act=x"
    )
    assert "finds no event here" not in str(reading.findings)
    for field in reading.fields:
        assert not (field.key == "" and "CEF:" in field.value), field
