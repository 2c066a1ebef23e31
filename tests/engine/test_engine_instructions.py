"""What an event costs the engine grows as its bytes do, from a kilobyte to a megabyte.

Instructions are counted, by valgrind: they are the same however busy the machine is. One of every
kind that an attacker could make expensive is converted, and one for each field that is long; of a
cost that grows with the square of a field's size one of them would cost more than all others.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import orjson
import pytest
from engine_oracle import CRATE

from cef_bridge.kubearmor.fields import RAW
from cef_bridge.mapping.program.table import pack

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
import costs

pytestmark = [
    pytest.mark.skipif(shutil.which("valgrind") is None, reason="there is no valgrind here"),
    pytest.mark.skipif(shutil.which("cargo") is None, reason="there is no cargo here"),
]

KILOBYTE, MIDDLE, MEGABYTE = 1 << 10, 1 << 15, 1 << 20
# A list that is split more than once, a text that is cut: not quite so much a byte everywhere.
MOST = 1.5
# Lines of either set that the engine leaves to Python: the kinds in tests/test_costs.py; and such a
# text as UpdatedTime, EventData, MaxAlertsPerSec or DroppingAlertsInterval, which are none.
LEFT = 4


@pytest.fixture(scope="module")
def program() -> Path:
    build = ("cargo", "build", "--release", "--offline", "--locked", "--example", "run")
    subprocess.run((*build, "--target-dir", CRATE / "target"), cwd=CRATE, check=True)
    return CRATE / "target/release/examples/run"


def long_fields(size: int) -> dict[str, bytes]:
    """Return for each field that is a text an event in which it is so long."""
    numbers = {path for path, value in costs.EVENT.items() if not isinstance(value, str)}
    paths = [path for path, row in RAW.items() if row.kind != "list" and "." not in path]
    long = "/x y=z," * (size // 7)
    return {
        path: orjson.dumps({**costs.EVENT, path: long}) for path in paths if path not in numbers
    }


def instructions(program: Path, folder: Path, lines: list[bytes]) -> tuple[int, int]:
    """Return how many instructions the conversion of some lines takes, and how many were left."""
    table, events = folder / "table", folder / "events"
    table.write_bytes(pack(costs.machine_of("splunk").converter))
    events.write_bytes(b"".join(line + b"\n" for line in lines))
    tool = ("valgrind", "--tool=cachegrind", "--cache-sim=no", "--cachegrind-out-file=/dev/null")
    command = (*tool, program, table, events, "1")
    # Ten seconds; of a cost that grows with the square of a megabyte it would be days.
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=1200)
    (count,) = re.findall(r"I\s+refs:\s+([\d,]+)", done.stderr)
    (left,) = re.findall(r"(\d+) lines left", done.stdout)
    return int(count.replace(",", "")), int(left)


@pytest.mark.parametrize("make", [costs.lines, long_fields], ids=["kinds", "fields"])
def test_a_byte_costs_as_much_in_a_megabyte_as_in_a_kilobyte(program, make, tmp_path):
    spent, sizes = [], []
    for size in (KILOBYTE, MIDDLE, MEGABYTE):
        lines = list(make(size).values())
        sizes.append(sum(map(len, lines)))
        count, left = instructions(program, tmp_path, lines)
        spent.append(count)
        assert left == LEFT
    first = (spent[1] - spent[0]) / (sizes[1] - sizes[0])
    second = (spent[2] - spent[1]) / (sizes[2] - sizes[1])
    assert second < MOST * first, f"{first:.1f} and then {second:.1f} instructions a byte"
