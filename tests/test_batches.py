"""A mapping as a function of batches says of each value what `convert` makes of it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections import Counter
from pathlib import Path

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge import batches as module
from cef_bridge.batches import batches, columns
from cef_bridge.convert.conversion import ConvertRun
from cef_bridge.engine import native
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.engine.outcomes import NO_ROW, Outcome, Value
from cef_bridge.errors import MappingError
from cef_bridge.generator import events
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.derive import derive, event_id_of, time_of
from cef_bridge.kubearmor.identity import origin_of
from cef_bridge.mapping.load import load, load_text
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.files.inputs import Input

DATA = Path(__file__).parent / "data"
FILES = sorted(path.name for path in DATA.iterdir() if path.is_file())
LINES = [line.rstrip(b"\n") for line in events(60)]
EVENT = orjson.loads(LINES[0])
TIMELESS = orjson.dumps(
    {name: value for name, value in EVENT.items() if name not in ("UpdatedTime", "Timestamp")}
)
WRONG = b'{"Type":"HostLog","Operation":"File","Resource":"/etc/pass'


class Sink:
    """Keeps what is written."""

    def __init__(self) -> None:
        self.data = b""

    def write(self, data: bytes) -> None:
        self.data += data


def converted(path: Path) -> tuple[list[str], list[tuple[str, str]], object]:
    """Return the messages, the rejects and the counts that `convert` gives of a file."""
    out, rejects = Sink(), Sink()
    run = ConvertRun(MappingEngine(Converter(load("splunk"))), out, rejects)
    run.run([Input(str(path), str(path), path.stat().st_size)])
    rows = [orjson.loads(row) for row in rejects.data.splitlines()]
    return (
        out.data.decode().split("\n")[:-1],
        [(row["reason"], row["raw"]) for row in rows],
        run.stats,
    )


@pytest.fixture(params=["auto", "python", "both"])
def convert(request, monkeypatch):
    module.compiled.cache_clear()
    if request.param == "both" and native.load() is None:
        pytest.skip("there is no native engine here")
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", request.param)
    yield batches("splunk")
    module.compiled.cache_clear()


def lines_of(outcomes: list[Outcome]) -> list[str]:
    return [each.line for each in outcomes if each.line is not None]


def rejects_of(outcomes: list[Outcome]) -> list[tuple[str, str]]:
    return [(it.rejected, it.raw.decode()) for it in outcomes if it.rejected is not None]


@pytest.mark.parametrize("name", FILES)
def test_a_file_as_one_value_gives_what_convert_gives(name, convert):
    path = DATA / name
    outcomes = convert(path.read_bytes(), [str(path)], [0])
    messages, rejects, stats = converted(path)
    assert lines_of(outcomes) == messages
    assert rejects_of(outcomes) == rejects
    counts = Counter(each.status for each in outcomes)
    assert (counts["converted"], counts["filtered"]) == (stats.converted, stats.filtered)
    assert (counts["rejected"], counts["skipped"]) == (stats.rejected, stats.noise)


def cut(data: bytes) -> tuple[list[bytes], list[int]]:
    """Return the lines of a text, and where they begin."""
    lines = data.split(b"\n")
    offsets = [sum(len(line) + 1 for line in lines[:at]) for at in range(len(lines))]
    return lines, offsets


# Of the others some records are of several lines.
@pytest.mark.parametrize(
    "name", [it for it in FILES if "pretty" not in it and it not in {"array.json", "mixed.log"}]
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_the_lines_of_a_file_as_values_give_what_convert_gives(name, size, convert):
    path = DATA / name
    lines, offsets = cut(path.read_bytes())
    loop, outcomes = convert.loop(), []
    for at in range(0, len(lines), size):
        part = zip(lines[at : at + size], offsets[at : at + size], strict=True)
        outcomes += loop.add([Value(line, str(path), offset) for line, offset in part])
    outcomes += loop.end()
    messages, rejects, _ = converted(path)
    assert lines_of(outcomes) == messages
    assert rejects_of(outcomes) == rejects


def test_the_id_of_an_event_without_a_time_is_that_of_its_place(convert, tmp_path):
    path = tmp_path / "a.ndjson"
    path.write_bytes(b"\n".join([LINES[1], TIMELESS, b"", TIMELESS, LINES[2], TIMELESS, TIMELESS]))
    lines, offsets = cut(path.read_bytes())
    outcomes = convert(lines, [str(path)] * 7, offsets)
    assert lines_of(outcomes) == converted(path)[0]
    assert [each.event_time is None for each in outcomes] == [0, 1, 1, 1, 0, 1, 1]
    ids = [each.event_id for each in outcomes]
    assert len(set(ids)) == 7
    # Another order, other batches, and no LF between them: the same ids.
    again = [
        it
        for at in (6, 5, 4, 3, 2, 1, 0)
        for it in convert([lines[at]], [str(path)], [offsets[at]])
    ]
    assert [each.event_id for each in again[::-1]] == ids
    assert convert([TIMELESS])[0].event_id == convert([LINES[0], TIMELESS])[1].event_id


def test_ids_and_times_are_those_of_the_event_whatever_the_mapping_writes(convert):
    own = batches(load_text("mapping: m\nextends: splunk\nextension: {externalId: null}\n", "m"))
    for each, line in zip(own(LINES), LINES, strict=True):
        (found,) = EventDecoder().decode(line)
        assert isinstance(found, Decoded)
        event = derive(found.fields, origin=origin_of(found.fields, "", 0))
        assert (each.event_id, each.event_time) == (event_id_of(event), time_of(event))
        assert each.event_id not in each.line
        assert each.class_id == event.kind.class_id
        assert each.lane == ("alerts" if event.kind.urgent else "telemetry")
    assert [each.event_id for each in own(LINES)] == [each.event_id for each in convert(LINES)]


def test_every_value_is_accounted_for_and_nothing_raises(convert):
    data = [LINES[0], b"", None, b"  ", b"level=info", WRONG, LINES[1].decode(), LINES[2] + b"\n",
            LINES[3] + b"\n" + LINES[4], b"[" + LINES[5] + b"," + LINES[6] + b"]", b"\xff\xfe{", b"\n\n"]  # fmt: skip
    outcomes = convert(data)
    assert [(each.row, each.status) for each in outcomes] == [
        *((0, "converted"), (1, "skipped"), (2, "skipped"), (3, "skipped"), (4, "skipped")),
        *((5, "rejected"), (6, "converted"), (7, "converted"), (8, "converted")),
        *((8, "converted"), (9, "converted"), (9, "converted"), (10, "skipped"), (11, "skipped")),
    ]
    for each in outcomes:
        assert (each.line is not None) == (each.status == "converted")
        assert (each.rejected is not None) == (each.raw is not None) == (each.status == "rejected")
    assert outcomes[5].raw == WRONG


def test_what_the_mapping_leaves_out_is_an_outcome_too():
    own = batches(load_text("mapping: m\nextends: splunk\ndrop_events: [{Operation: File}]\n", "m"))
    for each, line in zip(own(LINES), LINES, strict=True):
        assert (each.status == "filtered") == (orjson.loads(line)["Operation"] == "File")


def test_a_line_that_a_runtime_cut_goes_on_in_the_next_batch(convert):
    first, second = LINES[0][:300], LINES[0][300:]
    stamp = b"2026-01-01T00:00:00.000000001Z stdout "
    loop = convert.loop()
    assert loop.add([Value(stamp + b"P " + first, "a")]) == []
    (whole,) = loop.add([Value(stamp + b"F " + second, "a")])
    assert (whole.row, whole.line) == (0, convert(LINES[:1])[0].line)
    assert loop.add([Value(stamp + b"P " + first, "a")]) == []
    left, other = loop.add([Value(LINES[1], "b")])
    assert (left.row, left.rejected) == (NO_ROW, "the rest of this line never came")
    assert (other.row, other.status) == (0, "converted")
    assert loop.end() == []


@given(
    st.lists(
        st.sampled_from([*LINES[:4], TIMELESS, b"", b"x", b"[", b"{", b"}", WRONG, b"\n"]),
        max_size=9,
    )
)
def test_values_beside_others_give_what_they_give_alone(data):
    convert = batches("splunk")
    alone = [each._replace(row=at) for at, one in enumerate(data) for each in convert([one])]
    assert convert(data) == alone


def test_a_plan_is_compiled_once_in_another_process(tmp_path):
    (tmp_path / "plan").write_bytes(pickle.dumps(batches("splunk")))
    program = """
import pickle, sys
from cef_bridge import batches
found = [pickle.loads(open(sys.argv[1], "rb").read()) for _ in range(3)]
lines = {each(sys.argv[2:])[0].line[:6] for each in found}
print(*lines, batches.compiled.cache_info().misses)
"""
    words = [sys.executable, "-c", program, str(tmp_path / "plan"), LINES[0].decode()]
    assert subprocess.run(words, check=True, capture_output=True, text=True).stdout == "CEF:0| 1\n"


def test_few_plans_are_kept():
    for number in range(module.MOST_PLANS + 3):
        batches("splunk", assumed_time=1_700_000_000_000_000 + number)([TIMELESS])
    assert module.compiled.cache_info().currsize == module.MOST_PLANS


def test_options_reach_the_messages():
    (out,) = batches("splunk", syslog_header="rfc5424", assumed_time=1_700_000_000_000_000)(
        [TIMELESS]
    )
    assert out.event_time == 1_700_000_000_000_000
    assert out.line.startswith("<")
    assert batches("splunk", strict=True)([b"noise"])[0].rejected == "no KubeArmor event"
    assert batches("splunk", max_record=100)([LINES[0]])[0].status == "rejected"
    with pytest.raises(MappingError):
        batches("splnk")


def test_outcomes_by_column():
    found = columns(batches("splunk")([LINES[0], b""]))
    assert list(found) == list(Outcome._fields)
    assert found["status"] == ["converted", "skipped"]
    assert columns([])["line"] == []
