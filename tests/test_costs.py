"""What an attacker writes costs no more than its bytes: linear in them, and near an ordinary event's.

The time is the thread's own, and all of it is compared with other time of the same run, so a busy
machine is no failing test. Eight times the bytes of a cost that grows with their square is eight
times the cost a byte.
"""

from __future__ import annotations

import functools
import sys
import time
import tracemalloc
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from user_loop import UserLoop, compact

from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.sources.records.units import Block

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import costs

if TYPE_CHECKING:
    from cef_bridge.engine.machine import MappingEngine

CHARACTERS = 12_000
# Growth beyond the bytes that is still taken for noise: of a quadratic cost it would be near 8.
GROWTH = 3.0
# Times the cost of an ordinary event a byte.
MOST = 10.0

EVERYTHING = """
mapping: everything
extends: splunk
extension:
  KubeArmorArgs: {from: Resource, via: redact}
  KubeArmorFrom: {from: Source, via: [redact, basename], max_length: 40}
  KubeArmorLabel: {spread: Labels}
  KubeArmorOwn: {spread: Owner, only: ["F*"]}
"""


# What the engine leaves to Python. Only who writes the JSON chooses the names in it, and the digits.
LEFT = {
    "digits",
    "fields in other spellings",
    "fields named as ours are derived",
    "fields of maps beside them",
}


@pytest.fixture(params=["splunk", "qradar-leef", "everything"], scope="module")
def mapping(request, tmp_path_factory):
    if request.param != "everything":
        return request.param
    path = tmp_path_factory.mktemp("mapping") / "everything.yaml"
    path.write_text(EVERYTHING)
    return str(path)


def by_python(mapping: str) -> MappingEngine:
    machine = costs.machine_of(mapping)
    machine.native = None
    return machine


def test_no_event_costs_more_than_its_bytes(mapping):
    machine, python = costs.machine_of(mapping), by_python(mapping)
    usual, usual_of_python = costs.ordinary(machine), costs.ordinary(python)
    small, large = costs.lines(CHARACTERS), costs.lines(costs.FACTOR * CHARACTERS)
    most, most_of_python = MOST * usual, MOST * usual_of_python
    for name in costs.KINDS:
        for each, limit in (
            (machine, most_of_python if name in LEFT else most),
            (python, most_of_python),
        ):
            before = costs.cost(each, small[name])
            enough = min(GROWTH * before, limit)
            after = costs.cost(each, large[name], enough=enough)
            assert after < GROWTH * before, name
            assert max(before, after) < limit, name


@pytest.mark.skipif(costs.machine_of("splunk").native is None, reason="there is no engine here")
def test_what_the_engine_leaves_is_known():
    loop = UserLoop(costs.machine_of("splunk"))
    left = set()
    for name, line in costs.lines(CHARACTERS).items():
        before = loop.stats.left
        loop.messages(line)
        left |= {name} if loop.stats.left > before else set()
    assert left == LEFT


def seconds(machine: MappingEngine, data: bytes, enough: float = 0) -> float:
    """Return what the lines of one block cost, in the thread's own time: the best of three.

    What costs less than `enough` is not measured again.
    """
    best = float("inf")
    for _ in range(3):
        found: list[bytes] = []
        loop = LineLoop(machine, found, found, lambda _: None, Options())
        loop.begin("costs")
        lines = data.split(b"\n")[:-1]
        block = Block(lines, 1, 0, 0, True, data=data, end=len(data), data_line=1)
        started = time.thread_time()
        loop.block(block)
        best = min(best, time.thread_time() - started)
        if best < enough:
            break
    return best


BEHIND = b"n" * (4 << 20) + b"\n"


@functools.cache
def compared(every: int) -> tuple[MappingEngine, float]:
    """Return a machine that compares one line in so many, and what BEHIND costs it alone."""
    machine = costs.machine_of("kubearmor-cef", compare_every=every)
    return machine, seconds(machine, BEHIND)


@pytest.mark.parametrize("line", [b"n", b"{", b'"', b"\xff", b'{"Type":'])
@pytest.mark.parametrize("every", [0, 1, 100])
def test_a_line_that_the_engine_leaves_does_not_cost_what_stands_behind_it(every, line):
    machine, alone = compared(every)
    lines = (line + b"\n") * 2000
    most = GROWTH * (alone + seconds(machine, lines))
    assert seconds(machine, lines + BEHIND, enough=most) < most


LONG = "x" * 250_000
TIMES = 60  # events: kept, each of their five texts would be 15 MB
KEPT = 8 << 20


def long_fields(number: int) -> dict[str, object]:
    """Return an event of long texts, no two of which are the same."""
    text = f"{number} {LONG}"
    return {
        "Type": "ContainerLog",
        "Operation": "Network",
        "UpdatedTime": f"2026-03-01T12:00:00.{number:06d}Z",
        "HostName": f"node {text}",
        "ContainerImage": f"registry.example/{text}:1",
        "Labels": f"app={text}",
        "Data": f"syscall=SYS_CONNECT fd={text}",
        "Resource": f"sa_family=AF_INET sin_addr={text}",
        "Result": f"no {text}",
        f"Field{number % 7}{LONG}": "v",
    }


def test_what_is_remembered_of_long_texts_is_bounded_by_bytes():
    loop = UserLoop(costs.machine_of("splunk"))
    loop.messages(compact(long_fields(0)))
    tracemalloc.start()
    try:
        for number in range(TIMES):
            assert len(loop.messages(compact(long_fields(number)))) == 1
        kept, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < KEPT
