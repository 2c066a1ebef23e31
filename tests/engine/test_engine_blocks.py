"""However a stream is cut into blocks, the engine and the reference give the same."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cef_bridge.convert.conversion import Results
from cef_bridge.engine import native as engine
from cef_bridge.engine.line_loop import LineLoop, Options
from cef_bridge.engine.machine import MappingEngine
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.sources.records.blocks import Block, blocks

pytestmark = pytest.mark.skipif(engine.load() is None, reason=f"no engine: {engine.status()}")

DATA = Path(__file__).parent.parent / "data"
EVENT = b'{"Timestamp":1,"HostName":"n%d","Type":"HostLog","Operation":"File","Resource":"/a"}'


class Pieces:
    """A stream that gives its pieces one at a time."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = [piece for piece in pieces if piece]

    def read(self, _size: int, /) -> bytes:
        return self._pieces.pop(0) if self._pieces else b""


class Bytes(bytearray):
    def write(self, data: bytes, /) -> None:
        self.extend(data)


def converted(
    machine: MappingEngine, stream: Pieces, most: int = 2000
) -> tuple[bytes, bytes, dict[str, object]]:
    """Return messages, rejects and counts of a stream whose records may have so many bytes."""
    out, aside = Bytes(), Bytes()
    results = Results(out, aside)
    lane = results.messages
    loop = LineLoop(machine, lane, lane, results.refuse, Options(max_record=most))
    loop.begin("stream")
    for item in blocks(stream, max_record=most):
        if isinstance(item, Block):
            loop.block(item)
        else:
            loop.lost(item)
        results.flush()
    loop.finish(1)
    results.flush()
    loop.settle()
    stats = loop.stats
    told = {name: getattr(stats, name) for name in ("blank", "noise", "converted", "rejected")}
    return bytes(out), bytes(aside), told | {"kinds": dict(stats.kinds), "in": stats.envelopes}


@pytest.fixture(scope="module")
def machines():
    native = MappingEngine(Converter(load("kubearmor-cef")))
    python = MappingEngine(Converter(load("kubearmor-cef")))
    python.native = None
    return native, python


MIXED = b"\n".join(
    [
        EVENT % 1 + b"\r",
        b"",
        b"  \t",
        EVENT % 2,
        b'{"log":"%b\\n","stream":"stdout"}' % (EVENT % 3).replace(b'"', b'\\"'),
        b"2026-02-11T08:15:42.1Z stdout P " + (EVENT % 4)[:30],
        b"2026-02-11T08:15:42.2Z stdout F " + (EVENT % 4)[30:],
        b"2026-02-11T08:15:42.2Z stdout F " + EVENT % 5,
        b"<134>Feb 11 08:15:42 n kubearmor: " + EVENT % 6,
        b"noise",
        b"[" + EVENT % 7 + b",",
        EVENT % 8 + b"]",
        b'{"Operation":"File",',
        b'"HostName":"pretty"}',
        b"\xff" + EVENT % 9,
        (EVENT % 10)[:40],
        EVENT % 11 + EVENT % 12,
        b"x" * 600,
        EVENT % 13,
    ]
)


def test_a_stream_cut_at_each_byte(machines):
    native, python = machines
    expected = converted(python, Pieces(MIXED), 400)
    assert expected[2]["converted"] == 13
    for at in range(len(MIXED) + 1):
        found = converted(native, Pieces(MIXED[:at], MIXED[at:]), 400)
        assert found == expected, MIXED[:at][-80:]


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_files_in_small_pieces(machines, path):
    native, python = machines
    data = path.read_bytes()
    expected = converted(python, Pieces(data))
    for size in (1 << 20, 997, 61):
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        assert converted(native, Pieces(*pieces)) == expected, size


BROKEN = """
import random, sys
from cef_bridge.engine import native as engine
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converter
from cef_bridge.mapping.load import load
rng = random.Random(int(sys.argv[1]))
whole = table.pack(Converter(load("kubearmor-cef")))
library = engine.load()
read = 0
for _ in range(400):
    broken = bytearray(whole)
    for _ in range(rng.choice([1, 1, 2, 8])):
        broken[rng.randrange(8, len(broken))] = rng.randrange(256)
    broken = bytes(broken[: rng.choice([len(broken)] * 5 + [rng.randrange(len(broken))])])
    try:
        plan = library.plan(broken)
    except ValueError as error:
        assert "cannot read the mapping's table: byte " in str(error), error
        continue
    read += 1
    engine.Work(plan).run(DATA, 0, len(DATA), engine.BlockOrigin(b"s", 0))
print(read)
"""


def test_a_damaged_table_is_refused_or_harmless():
    """In a process of its own: what would fail here is a crash."""
    data = (DATA / "seed.ndjson").read_bytes()
    seed = os.environ.get("CEF_BRIDGE_FUZZ_SEED", "1")
    program = f"DATA = {data!r}\n{BROKEN}"
    done = subprocess.run(
        [sys.executable, "-c", program, seed], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert 0 < int(done.stdout) < 400


def test_a_table_of_another_version_is_refused():
    library = engine.load()
    assert library is not None
    packed = table.pack(Converter(load("kubearmor-cef")))
    with pytest.raises(ValueError, match="byte 4: expected a table of this engine's version"):
        library.plan(packed[:4] + b"\xff" + packed[5:])
    with pytest.raises(ValueError, match="byte 0: expected a table"):
        library.plan(b"else" + packed[4:])
