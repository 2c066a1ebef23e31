"""What an attacker writes costs no more than its bytes: linear in them, and near an ordinary event's.

The time is the thread's own, and all of it is compared with other time of the same run, so a busy
machine is no failing test. Eight times the bytes of a cost that grows with their square is eight
times the cost a byte.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import costs

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


@pytest.fixture(params=["splunk", "qradar-leef", "everything"], scope="module")
def converter(request, tmp_path_factory):
    if request.param != "everything":
        return costs.converter_of(request.param)
    path = tmp_path_factory.mktemp("mapping") / "everything.yaml"
    path.write_text(EVERYTHING)
    return costs.converter_of(str(path))


def test_no_event_costs_more_than_its_bytes(converter):
    usual = costs.ordinary(converter)
    small, large = costs.lines(CHARACTERS), costs.lines(costs.FACTOR * CHARACTERS)
    for name in costs.KINDS:
        before, after = costs.cost(converter, small[name]), costs.cost(converter, large[name])
        assert after < GROWTH * before, name
        assert max(before, after) < MOST * usual, name
