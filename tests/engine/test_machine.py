"""A mapping at work: lines that the engine and the reference both convert, and what if they differ."""

from __future__ import annotations

import json
from copy import copy
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest

from cef_bridge.engine import native as engine
from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import LineRange, MappingEngine
from cef_bridge.generator import events
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.decode import EventDecoder
from cef_bridge.kubearmor.identity import container_key
from cef_bridge.mapping.language.filters import FILTERS
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter, Filtered, Rejected
from cef_bridge.sources.records.units import Block

if TYPE_CHECKING:
    from collections.abc import Callable

BUILT = isinstance(engine.find(Path(engine.__file__).parents[1]), engine.Library)
pytestmark = pytest.mark.skipif(not BUILT, reason="there is no native engine here")

DATA = b"".join([*events(30, kind="alerts"), b"\n", b"no event\n", *events(30, kind="logs")])


class Other(Converter):
    """A reference that makes something else than the engine of one event in `every`."""

    def __init__(self, every: int, other: Callable[[Converted], object]) -> None:
        super().__init__(load("kubearmor-cef"))
        self._every, self._other = every, other
        self._met = []

    def convert(self, raw, origin=""):
        if raw not in self._met:
            self._met.append(raw)
        made = super().convert(raw, origin)
        odd = not (self._met.index(raw) + 1) % self._every
        return self._other(made) if odd else made


class Done:
    """Lines through a loop, ended."""

    def __init__(self, machine: MappingEngine, data: bytes = DATA, times: int = 1) -> None:
        self.messages, self.rejects = [], []
        lane = self.messages
        loop = LineLoop(machine, lane, lane, self.rejects.append, Options())
        loop.begin("events.ndjson")
        for _ in range(times):
            lines = data.split(b"\n")[:-1]
            loop.block(Block(lines, 1, 0, 0, True, data=data, end=len(data), data_line=1))
        loop.settle()
        self.stats = loop.stats
        self.text = b"".join(self.messages)


@pytest.fixture(autouse=True)
def native(monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "native")


@pytest.fixture(scope="module")
def converter():
    return Converter(load("kubearmor-cef"))


@pytest.fixture
def plain(converter):
    return Done(MappingEngine(converter))


def test_without_being_asked_nothing_is_compared(plain):
    assert (plain.stats.converted, plain.stats.left) == (60, 1)  # what is no event is Python's
    assert (plain.stats.compared, plain.stats.differed) == (0, 0)


def test_each_line_of_the_engine_is_compared_and_nothing_else_changes(converter, plain, caplog):
    done = Done(MappingEngine(converter, compare_every=1))
    assert (done.stats.compared, done.stats.differed, done.stats.left) == (61, 0, 1)
    assert (done.text, done.stats.kinds) == (plain.text, plain.stats.kinds)
    assert not caplog.records


def test_the_environment_asks_for_each_line(converter, monkeypatch):
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    assert Done(MappingEngine(converter)).stats.compared == 61
    assert Done(MappingEngine(converter, compare_every=1000)).stats.compared == 61


@pytest.mark.parametrize("times", [1, 7])
@pytest.mark.parametrize("every", [2, 10, 25, 61, 100])
def test_one_line_in_so_many_is_compared(converter, plain, every, times):
    done = Done(MappingEngine(converter, compare_every=every), times=times)
    assert done.stats.compared == -(-61 * times // every)
    assert done.text == plain.text * times


@pytest.fixture
def compared():
    """Return a function: lines are compared with a reference that is another for some of them."""

    def run(every: int, other: Callable[[Converted], object]) -> Done:
        machine = MappingEngine(Converter(load("kubearmor-cef")), compare_every=1)
        machine.converter = Other(every, other)
        return Done(machine)

    return run


def tenth_byte(made: Converted) -> Converted:
    return made._replace(message=made.message[:9] + "!" + made.message[10:])


@pytest.mark.parametrize("every", [1, 2, 7])
def test_of_a_line_that_differs_the_reference_s_message_is_written(every, compared, plain, caplog):
    done = compared(every, tenth_byte)
    assert (done.stats.differed, done.stats.left) == (60 // every, 1)
    assert (done.stats.converted, done.stats.kinds) == (60, plain.stats.kinds)
    lines, before = (text.split(b"\n")[:-1] for text in (done.text, plain.text))
    for at, (line, other) in enumerate(zip(lines, before, strict=True), 1):
        assert line == (other if at % every else other[:9] + b"!" + other[10:])
    assert len(caplog.records) == min(60 // every, 10)
    assert caplog.messages[0] == (
        f"events.ndjson:{every}: the engine's message differs from the reference's at byte 10; "
        "the reference's is written"
    )


@pytest.mark.parametrize(
    ("other", "said"),
    [
        (lambda made: Filtered(made.kind), "filtered"),
        (lambda made: Filtered(made.kind, by_when=True), "routed away"),
        (lambda _: Rejected("so"), "rejected"),
        (lambda _: {}["oh"], "a fault: KeyError('oh')"),
    ],
)
def test_another_fate_is_a_difference(other, said, compared, caplog):
    done = compared(5, other)
    assert caplog.messages[0].startswith(
        f"events.ndjson:5: the engine says converted, the reference {said}; "
    )
    assert (done.stats.differed, done.stats.converted) == (12, 48)
    assert done.stats.filtered + done.stats.rejected == 12


def test_another_severity_is_a_difference(compared, caplog):
    compared(60, lambda made: made._replace(severity=11))
    assert "differ in class, severity, id, time or container" in caplog.text


@pytest.mark.parametrize("other", [{"event_id": "0" * 40}, {"time": 1}, {"time": None}])
def test_another_id_or_time_of_the_event_is_a_difference(compared, caplog, other):
    compared(60, lambda made: made._replace(**other))
    assert "differ in class, severity, id, time or container" in caplog.text


def test_what_is_routed_away_or_filtered_is_the_same(tmp_path, monkeypatch):
    path = tmp_path / "ours.yaml"
    path.write_text(
        "mapping: ours\nextends: kubearmor-cef\ndrop_events:\n  - {Operation: Process}\n"
    )
    when = [list(item) for item in FILTERS["alerts_only"]]
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "both")
    stats = Done(MappingEngine(Converter(load(str(path)), when=when))).stats
    assert (stats.differed, stats.compared) == (0, 61)
    assert stats.filtered > stats.routed_away > 0 < stats.converted


def lane_of(converter, line):
    (found,) = EventDecoder().decode(line)
    fate = converter.convert(found.fields)
    return fate.kind.urgent, fate.message.encode(), found.fields


def test_messages_are_parted_by_lane_and_late_alerts_take_the_other(converter):
    lines = [*events(700, kind="alerts"), *events(700, kind="logs")]
    Random(3).shuffle(lines)  # noqa: S311 - an order that is the same each time
    data = b"".join(lines)
    runner = MappingEngine(converter).runner()
    runner.run(LineRange(data, 0, len(data), "s", 0))
    made = [lane_of(converter, line) for line in lines]
    urgent = {at for at, (is_urgent, _, _) in enumerate(made) if is_urgent}
    assert len(urgent) > 300
    for late in (set(), set(sorted(urgent)[::3]), urgent):
        parts = list(runner.parts(late))
        for lane in (True, False):
            wanted = [text for at, (_, text, _) in enumerate(made) if (at in urgent - late) == lane]
            texts = [part.text for part in parts if part.urgent == lane]
            assert b"\n".join(texts) == b"\n".join(wanted)
            numbers = [part.number for part in parts if part.urgent == lane]
            assert numbers == [text.count(b"\n") + 1 for text in texts]
        assert max(part.number for part in parts) <= 500


@pytest.mark.parametrize(("long", "many"), [(85_000, 12), (600_000, 1)])
def test_a_part_has_so_many_bytes_at_most_but_at_least_one_message(tmp_path, long, many):
    path = tmp_path / "wide.yaml"
    path.write_text("mapping: wide\nextends: elastic\nenvelope: {max_bytes: 1000000}\n")
    event = json.loads(next(events(1, kind="alerts"))) | {"Cwd": "x" * long}
    data = b"".join([json.dumps(event).encode() + b"\n"] * 25)
    runner = MappingEngine(Converter(load(str(path)))).runner()
    runner.run(LineRange(data, 0, len(data), "s", 0))
    assert [part.number for part in runner.parts()] == [many] * (25 // many) + [1] * (25 % many)


def test_of_an_urgent_message_its_container_and_its_time_are_told(converter):
    lines = [*events(40, kind="alerts"), *events(5, kind="logs")]
    alert = json.loads(lines[0])
    del alert["UpdatedTime"], alert["Timestamp"]
    lines += [json.dumps(each).encode() + b"\n" for each in (alert, {**alert, "HostName": "é"})]
    begins = list(accumulate(map(len, lines), initial=0))
    data = b"".join(lines)
    converter = copy(converter)
    converter.assumed_time = 1_700_000_000_000_000
    runner = MappingEngine(converter).runner()
    runner.run(LineRange(data, 0, len(data), "s", 0))
    made = [lane_of(converter, line) for line in lines]
    assert list(runner.urgent()) == [
        (at, begins[at], container_key(event), event_time(event))
        for at, (is_urgent, _, event) in enumerate(made)
        if is_urgent
    ]
    assert made[-1][0]
    assert event_time(made[-1][2]) is None
