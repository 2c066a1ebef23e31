"""What holds for every mapping that ships, for the sample events and for hostile ones."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest
from hostile_events import events, sample_events
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cef_bridge.kubearmor.clock import WRAPPER_TIME
from cef_bridge.kubearmor.derive import derive
from cef_bridge.lines.check import faults
from cef_bridge.mapping import examples
from cef_bridge.mapping.language import shipped
from cef_bridge.mapping.language.dump import to_plain
from cef_bridge.mapping.load import load, problems
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.siems.registry import SIEMS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cef_bridge.lines.message import ParsedMessage
    from cef_bridge.mapping.program.compile import Output

MAPPINGS = Path(__file__).parents[2] / "mappings"
NAMES = shipped.names()
EVENTS = sample_events()
hostile = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=50)


class Line:
    """An event through a mapping: what was written, what was meant, what is read back."""

    def __init__(self, converter: Converter, raw: dict[str, object]) -> None:
        self.format = converter.program.format
        self.ipv6 = converter.program.mapping.envelope.ipv6 == "direct"
        event = derive(raw)
        self.output: Output = converter.program.evaluate(event)
        self.text = converter.write(event, self.output)
        self.meant: dict[str, str] = {}
        for hit in self.output.hits:
            assert hit.key not in self.meant
            self.meant[hit.key] = hit.text
            if hit.label:
                self.meant[f"{hit.key}Label"] = hit.label

    @property
    def faults(self) -> list[str]:
        return faults(self.text, self.format, ipv6_in_addresses=self.ipv6)

    @property
    def read(self) -> ParsedMessage:
        return self.format.parse(self.text)


def converter(name: str, max_bytes: int = 0) -> Converter:
    mapping = load(name)
    if max_bytes:
        envelope = msgspec.structs.replace(mapping.envelope, max_bytes=max_bytes)
        mapping = msgspec.structs.replace(mapping, envelope=envelope)
    return Converter(mapping, syslog_header=mapping.envelope.syslog_header)


CONVERTERS = {name: converter(name) for name in NAMES}
SIZES = (512, 800, 2048)
SMALL = {(name, size): converter(name, size) for name in NAMES for size in SIZES}
LARGE = {name: converter(name, 10_000_000) for name in NAMES}


def test_these_are_the_mappings_that_ship():
    assert sorted(path.stem for path in MAPPINGS.glob("*.yaml")) == NAMES
    assert {mapping for siem in SIEMS.values() for mapping in siem.mappings} < {*NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_mapping_has_neither_errors_nor_warnings(name):
    assert problems(name) == []


@pytest.mark.parametrize("name", NAMES)
def test_the_examples_of_a_shipped_mapping_hold(name):
    outcomes = examples.run(load(name))
    assert 3 <= len(outcomes) <= 6
    assert [outcome for outcome in outcomes if not outcome.passed] == []


@pytest.mark.parametrize("name", NAMES)
def test_the_line_of_each_sample_event_is_strict_and_read_back_as_it_was_meant(name):
    limit = load(name).envelope.max_bytes
    for raw in EVENTS:
        line = Line(CONVERTERS[name], raw)
        assert line.faults == [], line.text
        read = line.read
        assert (read.header, read.extension) == line.format.normalise(
            line.output.header, line.meant
        )
        assert len(line.text.encode()) <= limit
        assert len(line.text.splitlines()) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_key_is_the_mappings_own_or_begins_with_kubearmor(name):
    own = set(load(name).extension)
    own |= {f"{key}Label" for key in own}
    for raw in EVENTS:
        keys = Line(CONVERTERS[name], raw).read.extension
        assert [key for key in keys if key not in own and not key.startswith("KubeArmor")] == []


# --- Nothing is lost -----------------------------------------------------------------------------


def scalars(event: dict[str, object], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield path and text of all that an event says, taken apart without our own splitters."""
    for key, value in event.items():
        path = f"{prefix}{key}"
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, dict):
                yield from scalars(each, f"{path}.")
            elif each not in (None, "") and path != WRAPPER_TIME:
                yield path, str(each)


def pieces(path: str, text: str) -> list[str]:
    """Return the words of the texts that are lists of tokens; other texts whole."""
    if path == "Tags":
        return text.split(",")
    if path.partition(".")[0] not in ("Data", "Resource", "EventData"):
        return [text]
    words = re.split(r"[ ,]", text)
    return [re.sub(r"^[A-Za-z_]+=", "", word) for word in words]


RESPELT = {"TCPv6": "TCP", "UDPv6": "UDP", "IPv6-ICMP": "ICMPv6"}
"""Words that a receiver's dictionary has in another form; the family is told by the address."""

DIRECTIONS = {"INGRESS": ("0", "inbound"), "EGRESS": ("1", "outbound")}

NOTHING = {
    # Go writes an integer that was never set as 0 (firewall, USB and throttle events).
    *((path, "0") for path in ("UID", "PID", "PPID", "HostPID", "HostPPID", "Timestamp")),
    ("Severity", "0"),  # a policy without a severity
    ("ExecEvent.ExecID", "0"),  # no exec session
    # KubeArmor's words for "none": protocol 0, port 0, two mount flags it always reports as 0.
    *(("Data", word) for word in ("0", "HOPOPT")),
    *(("Resource", word) for word in ("0", "HOPOPT")),
    *((f"EventData.{key}", "0") for key in ("Protocol", "Mountflag", "Flag", "SourcePort")),
    *((f"EventData.{key}", "0") for key in ("DestinationPort", "Port", "Sin_port")),
    # An exporter wrote ["null"] for "no tags".
    ("ATags", "null"),
    ("Tags", "null"),
}
"""What is left out on purpose, because it says that there is nothing."""


def excused(path: str, piece: str, raw: dict[str, object], read: ParsedMessage) -> bool:
    """Tell whether a value stands in the line in another form."""
    said = read.extension
    if path == "UpdatedTime":  # rt, and devTime in LEEF: epoch milliseconds
        epoch = int(datetime.fromisoformat(piece.upper()).timestamp() * 1000)
        return str(epoch) in (said.get("rt"), said.get("devTime"))
    if path == "Timestamp":  # seconds of the same instant: KubeArmor writes both at once
        return "UpdatedTime" in raw or piece == said.get("rt", said.get("devTime", ""))[:10]
    if path == "Result":  # what is not Passed stands in `reason` as well
        return piece.lower() in ("passed", "removed") and said["outcome"] == "success"
    if path == "Severity":
        return piece in (read.header.severity, said.get("sev"))
    if path == "EventType":  # Alert or Log, of KubeArmor's sidekick: the class id's first part
        return read.header.device_event_class_id.startswith(piece.lower())
    if piece in DIRECTIONS:
        return said.get("deviceDirection", said.get("direction")) in DIRECTIONS[piece]
    return (path, piece) in NOTHING


def lost(raw: dict[str, object], line: Line) -> list[tuple[str, str]]:
    """Return the path and text of what an event says and its line does not.

    A list's pipes become commas, and a pipe of LEEF a slash: those three count as one.
    """

    def plain(text: str) -> str:
        return re.sub(r"[|/]", ",", line.format.neutral(RESPELT.get(text, text)))

    read = line.read
    values = {plain(value) for value in (*read.extension.values(), *read.header)}
    words = {word for value in values for word in re.split(r"[ ,=]", value)}

    def found(text: str) -> bool:
        # A word of a few characters is found everywhere: it must stand for itself.
        return text in words or (len(text) > 3 and any(text in value for value in values))

    return [
        (path, piece)
        for path, text in scalars(raw)
        if plain(text) not in values
        for piece in pieces(path, text)
        if (held := plain(piece)) and not found(held) and not excused(path, piece, raw, read)
    ]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_that_a_sample_event_says_is_missing_from_its_line(name):
    missing = [(lost(raw, Line(CONVERTERS[name], raw)), raw) for raw in EVENTS]
    assert [(paths, raw) for paths, raw in missing if paths] == []


def test_a_mapping_that_drops_what_it_does_not_name_would_be_caught():
    dropping = msgspec.structs.replace(load("kubearmor-cef"), unmapped="drop")
    assert any(lost(raw, Line(Converter(dropping), raw)) for raw in EVENTS)


# --- Hostile events ------------------------------------------------------------------------------


@hostile
@given(events)
@pytest.mark.parametrize("name", NAMES)
def test_no_text_in_an_event_breaks_a_line_or_forges_a_key(name, raw):
    result = CONVERTERS[name].convert(raw)
    assert isinstance(result, Converted)
    line = Line(LARGE[name], raw)
    assert line.faults == []
    assert len(line.text.splitlines()) == 1
    read = line.read
    assert (read.header, read.extension) == line.format.normalise(line.output.header, line.meant)
    assert list(read.extension) == list(line.meant)


@hostile
@given(events)
def test_splunk_finds_one_record_in_a_line_whichever_way_it_looks(raw):
    text = Line(LARGE["splunk"], raw).text
    assert text.count("CEF:0") == 1
    assert "LEEF:" not in text


def test_a_greedy_reader_takes_our_record_and_no_argument():
    raw = {
        "Type": "ContainerLog",
        "Operation": "Process",
        "HostName": "h",
        "ProcessName": "/bin/echo",
        "Resource": "echo CEF:0|KubeArmor|KubeArmor|1|x|y|1|act=Allow LEEF:2.0|a|b|c|d|^|sev=1",
    }
    text = Line(CONVERTERS["splunk"], raw).text
    record = re.match(r"(.*)(CEF:0\|.*)", text)
    assert record is not None
    assert record[2].split("|")[:7] == [
        "CEF:0",
        "KubeArmor",
        "KubeArmor",
        "unknown",
        "log.host.process.exec.passed",
        "Process execution observed",
        "1",
    ]


# How SC4S takes an extension apart (parser_cef.py); it never un-escapes.
SC4S_PAIR = re.compile(r"([^=\s]+)=((?:\\=|[^=])+)(?:\s|$)")


@hostile
@given(events)
def test_splunk_connect_reads_the_keys_that_were_written(raw):
    line = Line(LARGE["splunk"], raw)
    extension = line.text[line.text.index("CEF:0|") :].split("|", 7)[7]
    assert [key for key, _ in SC4S_PAIR.findall(extension)] == list(line.meant)


@hostile
@given(st.sampled_from(sorted(SMALL)), events)
def test_a_message_never_has_more_bytes_than_it_may_and_says_what_it_lost(which, raw):
    name, most = which
    line = Line(SMALL[which], raw)
    assert len(line.text.encode()) <= most
    assert line.faults == []
    read = line.read
    whole = Line(LARGE[name], raw)
    cut = len(whole.text.encode()) > most
    assert read.extension.get("KubeArmorTruncated") == ("1" if cut else None)
    assert set(read.extension) <= {*line.meant, "KubeArmorTruncated"}
    assert read.header.device_event_class_id == whole.read.header.device_event_class_id


@pytest.mark.parametrize("name", NAMES)
def test_the_sample_events_fit_into_512_bytes_with_what_they_are_about(name):
    kept = {"cs1", "cs2", "cs3", "cs4", "cs5", "threatAttackID", "externalId"}
    kept |= {"policy", "k8sNamespace", "k8sPod", "containerName", "commandLine", "eventId"}
    for raw in EVENTS:
        line = Line(SMALL[name, 512], raw)
        assert len(line.text.encode()) <= 512
        assert line.faults == []
        assert kept & set(line.meant) <= set(line.read.extension), line.text


def test_leef_has_the_severities_of_the_base():
    leef, base = (to_plain(load(name)) for name in ("qradar-leef", "kubearmor-cef"))
    assert leef["severity"] == base["severity"]


# --- docs/receivers.md and a page a receiver ------------------------------------------------------

DOCS = Path(__file__).parents[2] / "docs"
RECEIVERS = "\n".join(
    path.read_text() for path in [DOCS / "receivers.md", *sorted(DOCS.glob("receiver-*.md"))]
)


@pytest.mark.parametrize("name", NAMES)
def test_the_line_in_the_docs_is_what_the_mapping_writes_for_its_first_example(name):
    _, found, section = RECEIVERS.partition(f"(`{name}`)\n")
    assert found
    shown = re.search(r"```text\n(.*)\n```", section.partition("\n## ")[0])
    assert shown is not None
    written = CONVERTERS[name].convert(load(name).examples[0].event)
    assert isinstance(written, Converted)
    assert shown[1] == written.message


@pytest.mark.parametrize("text", re.findall(r"```yaml\n(.*?)```", RECEIVERS, re.DOTALL))
def test_a_mapping_in_the_docs_can_be_used_as_it_stands(text, tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(text)
    assert problems(path) == []
