"""Lines as they are on the wire, whole: a folder a case, and a bug begins as one.

tests/golden/CASE has `event.json` (an event as an exporter wrote it, over as many lines as read
well), `mapping` (a shipped mapping's name) and `expected` (the line with the mapping's own syslog
header). To add one write the first two, run `python tests/test_golden.py CASE`, read the line it
prints, and keep it in `expected`. The wire format is public: an expected line changes only with a
line in the changelog.
"""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import pytest
from user_loop import UserLoop, compact

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.lines import parse
from cef_bridge.lines.check import faults
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter

GOLDEN = Path(__file__).parent / "golden"
CASES = sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def line(folder: Path) -> str:
    """Return the line that a case's event becomes today."""
    mapping = load((folder / "mapping").read_text().strip())
    (event,) = EventDecoder().decode((folder / "event.json").read_bytes())
    assert isinstance(event, Decoded), event
    result = Converter(mapping, syslog_header=mapping.envelope.syslog_header).convert(event.fields)
    assert isinstance(result, Converted), result
    return result.message


@pytest.mark.parametrize("case", CASES)
def test_the_line_on_the_wire_is_the_one_that_was_published(case):
    folder = GOLDEN / case
    assert line(folder) + "\n" == (folder / "expected").read_text()


@cache
def in_company(mapping: str) -> dict[str, list[list[bytes]]]:
    """Return what the cases of a mapping give in the loop that users run: each four times, among
    all the others and events of every kind.
    """
    loaded = load(mapping)
    loop = UserLoop(Converter(loaded, syslog_header=loaded.envelope.syslog_header))
    kinds = (GOLDEN.parent / "data" / "kinds.ndjson").read_bytes().splitlines()
    lines = {}
    for case in CASES:
        if (GOLDEN / case / "mapping").read_text().strip() == mapping:
            (event,) = EventDecoder().decode((GOLDEN / case / "event.json").read_bytes())
            lines[case] = compact(event.fields)
    found: dict[str, list[list[bytes]]] = {case: [] for case in lines}
    for _ in range(4):
        for case, each in lines.items():
            found[case].append(loop.messages(each))
        for kind in kinds:
            loop.messages(kind)
    return found


@pytest.mark.parametrize("case", CASES)
def test_the_line_is_the_published_one_each_time_and_among_others(case):
    expected = (GOLDEN / case / "expected").read_bytes().rstrip(b"\n")
    mapping = (GOLDEN / case / "mapping").read_text().strip()
    assert in_company(mapping)[case] == [[expected]] * 4


@pytest.mark.parametrize("case", CASES)
def test_a_published_line_is_strict(case):
    folder = GOLDEN / case
    mapping = load((folder / "mapping").read_text().strip())
    fmt = Converter(mapping).program.format
    text = (folder / "expected").read_text().rstrip("\n")
    assert faults(text, fmt, ipv6_in_addresses=mapping.envelope.ipv6 == "direct") == []
    assert parse(text).format == mapping.format


def test_every_shipped_mapping_has_a_published_line():
    named = {(GOLDEN / case / "mapping").read_text().strip() for case in CASES}
    assert named == {path.stem for path in (GOLDEN.parent.parent / "mappings").glob("*.yaml")}


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(line(GOLDEN / name))  # noqa: T201 - what it is run for
