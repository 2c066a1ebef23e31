"""A record that was cut costs itself: what is whole behind it comes out, wherever bytes are cut."""

from __future__ import annotations

import os
import re
from itertools import groupby, pairwise

import pytest
from feeds import Feed, cut, flat
from following import Store

from cef_bridge.kubearmor.decode import EventDecoder
from cef_bridge.sources.records import buffers
from cef_bridge.sources.records.blocks import Block, BrokenLine, Cutter, Oversized
from cef_bridge.sources.records.buffers import PATIENCE
from cef_bridge.sources.records.spans import Scanner
from cef_bridge.sources.records.units import IDLE
from cef_bridge.sources.stdin import Pipe

POISONS = [
    b'{"a":[\n"x",\n',
    b'{"a":[\n',
    b'{"a":[\n"x"\n',
    b'{"a":[\n1,\n',
    b'{"a":[\n[\n',
    b'{"a":\n',
    b'{"a":{\n',
    b'{"a":{\n"b":[\n',
    b'{"a"\n',
    b'{"a":"\n',
    b'{\n"hosts": [\n',
    b'{\n  "Tags": [\n    "x",\n',
    b"{Foo:[a b\n",
    b"{\n",
    b"[\n",
    b"[[\n",
    b"[1,\n",
    b'[\n"x",\n',
    b'[{"a":[\n"x",\n',
    b'{"a":[{},\n',
    b'{"a":[1,2,\n',
    b'{"a":' * 1100 + b"\n",
    b'{"a":[\n' * 40,
    b'{"a":[\n"x",\n' * 40,
    b'{"hits":{"hits":[\n',
]


def numbered(start: int, stop: int) -> list[bytes]:
    return [b'{"Type":"HostLog","n":%d}' % number for number in range(start, stop)]


def numbers(items: list[tuple]) -> list[int]:
    """Return the numbers of the events that stand in units of their own."""
    text = b"\n".join(each[0] for each in items if not isinstance(each, BrokenLine | Oversized))
    return [
        int(each) for each in re.findall(rb'^\{"Type":"HostLog","n":(\d+)\}$', text, re.MULTILINE)
    ]


@pytest.mark.parametrize("poison", POISONS, ids=lambda each: repr(each[:24]))
@pytest.mark.parametrize("most", [80, 1 << 20])
def test_every_line_behind_a_record_that_was_cut_comes_out(poison, most):
    found = cut(poison + b"\n".join(numbered(0, 200)) + b"\n", max_record=most)
    assert numbers(found) == list(range(200))


def read(data: bytes, **options) -> list[tuple[str, int]]:
    """Return what decode makes of the units, in runs: the kind, and how many of it."""
    decoder, kinds = EventDecoder(), []
    for each in cut(data, **options):
        if isinstance(each, BrokenLine | Oversized):
            kinds.append(type(each).__name__)
        else:
            kinds += [type(found).__name__ for found in decoder.decode(each[0])]
    return [(kind, len(list(run))) for kind, run in groupby(kinds)]


EVENT = b'{"Type":"HostLog","n":1}'
LINES = ["[E,E],", "E,E,", "[E]", "[E],", "[E,E]", "E,E", "EE", "EE,", "E,[E]", "[E],E", " [E,E],"]
BEGINNINGS = [b'{"a":[\n"x",\n', b'{"a":\n', b'{"a":[\n', b'{"a":{\n"b":[\n"x",\n']


@pytest.mark.parametrize("beginning", BEGINNINGS)
@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("count", [3, 60])
@pytest.mark.parametrize("end", ["", "E\n" * 3])
def test_a_line_of_events_in_any_form_ends_what_was_cut_before_it(beginning, line, count, end):
    text = f"{line}\n" * count + end
    data = beginning + text.replace("E", EVENT.decode()).encode()
    for most in (1 << 20, 1 << 12):
        (lost, one), events = read(data, max_record=most)
        assert one == 1
        assert lost != "Decoded"
        assert events == ("Decoded", text.count("E"))


@pytest.mark.parametrize("line", ["[E,E],", "E,E,", "E,[E],", "[E],E,"])
def test_lines_of_events_in_a_valid_document_belong_to_it(line):
    text = '{"a":[\n"x",\n' + f"{line}\n" * 3 + "E\n]}"
    data = text.replace("E", EVENT.decode()).encode()
    assert [each[0] for each in cut(data)] == [data]


@pytest.mark.parametrize("line", ["E,", "[E],", "E,E,"])
def test_a_comma_before_the_closing_bracket_makes_no_valid_document(line):
    text = f'{{"a":[\n"x",\n{line}\n]}}\n'
    found = read(text.replace("E", EVENT.decode()).encode())
    assert dict(found)["Decoded"] == text.count("E")


@pytest.mark.parametrize("cut_off", [b'{"b":', b'{"b":"x', b'{"b":[1,', b'[{"b":1},'])
def test_an_event_before_one_that_was_cut_in_its_line_is_read(cut_off):
    data = b'{"a":[\n"x",\n' + EVENT + b"," + cut_off + b"\n" + EVENT + b"\n"
    assert sum(count for kind, count in read(data) if kind == "Decoded") == 2


@pytest.mark.parametrize("poison", POISONS, ids=lambda each: repr(each[:24]))
def test_a_followed_file_has_what_an_archive_has_also_after_a_restart(tmp_path, poison):
    log = tmp_path / "app.log"
    data = b"\n".join(numbered(0, 3)) + b"\n" + poison + b"\n".join(numbered(3, 40)) + b"\n"
    whole = [each for each in flat(Cutter(Feed(data)).items()) if not isinstance(each, BrokenLine)]
    store = Store()
    for stop in (len(data) // 4, len(data) // 2, len(data)):
        log.write_bytes(data[:stop])
        store.quiet(log)
    log.write_bytes(data + b"x\n")
    store.run(log, until=lambda: store.lines[-1:] == [b"x"])
    assert [each for each in store.lines if each.startswith(b'{"Type"')] == numbered(0, 40)
    assert len(store.lines) == len(whole) + 1


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Silent:
    """Some bytes, and then nothing for as long as it is asked."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def read(self, _size: int) -> bytes | None:
        data, self.data = self.data, b""
        return data or None


def test_a_whole_record_waits_for_what_may_follow_it_and_no_longer():
    event = numbered(0, 1)[0]
    clock, stream = Clock(), Silent(b'{"a":[\n"x",\n' + event + b"\n")
    cutter = Cutter(stream, clock=clock)
    items = cutter.items()
    assert [next(items) for _ in range(3)] == [IDLE] * 3
    clock.now = PATIENCE - 0.1
    assert not cutter.overdue
    assert next(items) is IDLE
    clock.now = PATIENCE
    assert cutter.overdue
    broken, block = next(items), next(items)
    assert isinstance(broken, BrokenLine)
    assert isinstance(block, Block)
    assert (broken.raw, block.lines) == (b'{"a":[\n"x",', [event])
    assert next(items) is IDLE
    assert not cutter.overdue


def test_a_document_that_came_on_in_time_is_one():
    event = numbered(0, 1)[0]
    text = b'{"a":[\n"x",\n' + event + b"\n"
    clock, stream = Clock(), Silent(text)
    items = Cutter(stream, clock=clock).items()
    assert next(items) is IDLE
    clock.now, stream.data = PATIENCE * 2, b"]\n"
    assert next(items) is IDLE
    clock.now, stream.data = PATIENCE * 3, b"}\n"
    assert flat([next(items)]) == [(text + b"]\n}", 1, 0)]


def test_a_record_that_was_cut_and_holds_nothing_is_waited_for():
    clock = Clock()
    cutter = Cutter(Silent(b'{"a":[\n"x",\n'), clock=clock)
    items = cutter.items()
    assert next(items) is IDLE
    clock.now = 100.0
    assert next(items) is IDLE
    assert not cutter.overdue


def test_a_followed_file_and_a_pipe_do_not_wait_for_ever(tmp_path, monkeypatch):
    monkeypatch.setattr(buffers, "PATIENCE", 0.0)
    event = numbered(0, 1)[0]
    log = tmp_path / "app.log"
    log.write_bytes(b'{"a":[\n"x",\n' + event + b"\n")
    store = Store()
    store.run(log, until=lambda: bool(store.lines))
    assert store.lines == [event]
    assert [each.raw for each in store.lost] == [b'{"a":[\n"x",']
    store.quiet(log)
    assert store.lines == [event], "read again after a restart"


def test_what_stands_behind_a_poison_comes_out_of_a_pipe_that_stays_open(monkeypatch):

    monkeypatch.setattr(buffers, "PATIENCE", 0.0)
    event = numbered(0, 1)[0]
    reads, writes = os.pipe()
    try:
        os.write(writes, b'{"a":[\n"x",\n' + event + b"\n")
        feed = Pipe(reads, poll=0.01)
        arrivals = (each for each in feed.arrivals({}) if each is not None)
        assert next(arrivals).item.raw == b'{"a":[\n"x",'
        assert next(arrivals).item.lines == [event]
    finally:
        os.close(reads)
        os.close(writes)


@pytest.mark.parametrize(
    "shape",
    [
        b'{"a":[\n',
        b'{"a":[\n"x",\n',
        b'"x",\n',
        b"[\n",
        b'{"a":"\n',
        b'{\n"a":\n{"b":1},\n',
        b'{"a":[\n{"b":1}\n',
        b"{\n",
        b'{"a":\n',
        b'[{"b":1}],\n',
        b'{"b":1},{"c":2},\n',
        b'{"b":1},{"c":[\n',
        b'[{"b":1},{"c":[\n',
        b'{"b":1},[{"c":1},\n',
    ],
)
def test_what_is_looked_at_grows_as_the_bytes_do(monkeypatch, shape):
    """Bytes given to the parts that look at every byte, for twice as many bytes each time."""
    looked = [0]
    feed = Scanner.feed

    def counting(self, data, base, stop):
        before = self.at
        verdict = feed(self, data, base, stop)
        looked[0] += max(self.at - before, 0) + 1
        return verdict

    monkeypatch.setattr(Scanner, "feed", counting)
    costs = []
    for size in (1 << 14, 1 << 15, 1 << 16):
        looked[0] = 0
        cut(b'{"a":[\n' + shape * (size // len(shape)), max_record=1 << 12)
        costs.append(looked[0])
    for once, twice in pairwise(costs):
        assert twice <= 2.5 * once + 2000, costs
