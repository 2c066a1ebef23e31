"""Lines that are numbered where they come from: an event's id depends on its number alone."""

from __future__ import annotations

import re

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.generator import events
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.records.units import Block

COUNT = 24
FIRST = 4711


def timeless(line: bytes) -> bytes:
    """Return an event without its times: nothing in it tells it from its repetition."""
    fields = orjson.loads(line)
    return orjson.dumps({k: v for k, v in fields.items() if "Time" not in k})


LINES = [timeless(line) for line in events(COUNT // 2)] * 2
LINES[5] = b'{"Type": "Log", "half": '  # the engine leaves it to Python


@pytest.fixture(scope="module")
def converter():
    converter = Converter(load("kubearmor-cef"))
    converter.assumed_time = 1_700_000_000_000_000
    return converter


def converted(converter, blocks, compare_every=0):
    made, rejects = [], []
    machine = MappingEngine(converter, compare_every=compare_every, most_faults=5)
    loop = LineLoop(machine, made, made, rejects.append, Options())
    loop.begin("events/3")
    for block in blocks:
        loop.block(block)
    loop.settle()
    return b"".join(made).split(b"\n")[:-1], [(it.line, it.reason) for it in rejects], loop.stats


def block(begin=0, end=COUNT):
    return Block.of_numbered(LINES[begin:end], FIRST + begin)


def test_an_event_has_the_same_id_however_its_messages_come(converter):
    whole, rejects, _ = converted(converter, [block()])
    assert len(whole) == COUNT - 1
    assert [line for line, _ in rejects] == [FIRST + 5]
    for cut in range(COUNT + 1):
        assert converted(converter, [block(0, cut), block(cut)])[:2] == (whole, rejects)
    ids = re.findall(rb"externalId=(\S+)", b"\n".join(whole))
    assert len(set(ids)) == COUNT - 1  # the second half repeats the first one's bytes


def test_the_engine_and_python_make_the_same(converter, monkeypatch):
    whole, rejects, stats = converted(converter, [block()], compare_every=1)
    assert stats.differed == 0
    monkeypatch.setenv("CEF_BRIDGE_ENGINE", "python")
    assert converted(converter, [block()])[:2] == (whole, rejects)


@given(st.integers(0, COUNT + 2))
def test_what_is_behind_a_number_is_the_same_as_if_it_had_come_alone(gone):
    assert block().behind(FIRST + gone) == block(gone)
    assert block().behind(FIRST - gone) == block()
    assert len(block().behind(FIRST + gone).lines) == max(COUNT - gone, 0)
