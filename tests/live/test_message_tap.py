"""The tap of a destination: bounded, off by default, ends by itself; with a clock of the test."""

from __future__ import annotations

import json

import pytest

from cef_bridge.engine.line_loop import Options
from cef_bridge.forward.message_tap import LONGEST, MOST, MOST_BYTES, RATE, SECONDS, MessageTap
from cef_bridge.generator import events
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.records.units import Block

OPTIONS = Options()


class Tapped:
    """A tap on a stream of blocks, and its clock."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.tap = MessageTap(lambda: self.now, lambda: 1e9 + self.now)
        self.converter = Converter(load("splunk"))
        self.offset = 0

    def comes(self, *lines: bytes) -> None:
        block = Block([*lines], 1, self.offset, 0, single=True)
        self.offset += sum(len(line) + 1 for line in lines)
        if self.tap.on:
            self.tap.look(block, "a.log", OPTIONS, self.converter)

    @property
    def messages(self):
        return self.tap.state().messages


@pytest.fixture
def tapped() -> Tapped:
    return Tapped()


def lines(count: int) -> list[bytes]:
    return [line.rstrip(b"\n") for line in events(count, seed=7)]


def event(**fields: str) -> bytes:
    base = {
        "Type": "ContainerLog",
        "Operation": "Process",
        "Source": "/bin/sh",
        "Resource": "/bin/ls",
    }
    return json.dumps({**base, **fields}).encode()


def test_it_is_off_until_somebody_looks_and_keeps_nothing(tapped):
    tapped.comes(*lines(10))
    assert tapped.tap.state() == (False, None, 1, ())


def test_each_message_of_a_few_is_there_with_its_event(tapped):
    tapped.tap.switch(on=True)
    found = lines(5)
    tapped.comes(*found)
    assert [each.event.encode() for each in tapped.messages] == found
    for each in tapped.messages:
        assert each.message.startswith("CEF:0|KubeArmor|")
        assert each.time == 1e9 + 1000
    assert tapped.tap.state().sampled == 1


def test_of_many_a_sample_is_kept_and_the_last_ones_of_it(tapped):
    tapped.tap.switch(on=True)
    for _ in range(200):
        tapped.now += 0.1
        tapped.comes(*lines(100))
    state = tapped.tap.state()
    assert len(state.messages) == MOST
    assert [it.time for it in state.messages] == sorted(it.time for it in state.messages)
    looked = 20_000 / state.sampled
    assert looked <= MOST + RATE * 20.1 + 20  # `sampled` is rounded
    assert state.sampled > 40


def test_what_is_kept_is_bounded_by_bytes_and_long_texts_are_cut(tapped):
    tapped.tap.switch(on=True)
    for number in range(MOST):
        tapped.now += 1
        tapped.comes(event(Data=f"{number} " + "x" * (LONGEST * 2)))
        held = tapped.messages
        assert sum(len(it.message) + len(it.event) for it in held) <= MOST_BYTES
        assert all(len(it.event) <= LONGEST for it in held)
    assert held[-1].event.endswith("…")
    assert 1 < len(held) < MOST


def test_it_ends_by_itself_and_forgets(tapped):
    tapped.tap.switch(on=True)
    tapped.comes(*lines(3))
    assert tapped.tap.state().until == 1e9 + 1000 + SECONDS
    tapped.now += SECONDS - 1
    tapped.tap.end_in_time()
    assert len(tapped.messages) == 3
    tapped.now += 1
    tapped.tap.end_in_time()
    assert not tapped.tap.on
    assert tapped.tap.state() == (False, None, 1, ())
    tapped.tap.switch(on=True)
    assert tapped.messages == ()


def test_it_ends_without_anybody_asking_when_a_block_comes(tapped):
    tapped.tap.switch(on=True)
    tapped.now += SECONDS
    tapped.comes(*lines(3))
    assert not tapped.tap.on


def test_switched_on_again_it_goes_on_and_switched_off_it_forgets(tapped):
    tapped.tap.switch(on=True)
    tapped.comes(*lines(3))
    tapped.now += 100
    tapped.tap.switch(on=True)
    assert (tapped.tap.state().until, len(tapped.messages)) == (1e9 + 1100 + SECONDS, 3)
    tapped.tap.switch(on=False)
    assert tapped.tap.state() == (False, None, 1, ())


def test_lines_that_become_no_message_are_not_there(tapped):
    tapped.tap.switch(on=True)
    tapped.comes(b"no event", b'{"a": 1}', b'{"Type":"ContainerLog","Operation":', b"", event())
    assert [json.loads(each.event)["Type"] for each in tapped.messages] == ["ContainerLog"]


def test_text_of_an_attacker_is_kept_as_it_is_written(tapped):
    tapped.tap.switch(on=True)
    tapped.comes(event(Resource="<script>alert(1)</script>\u202e\u0000"), event(Source="\udcff"))
    messages = tapped.messages
    assert "<script>alert(1)</script>" in messages[0].message
    assert len(messages) == 2
    json.dumps(messages).encode()
