"""How many processes a run gets: as many as it may use, and one where more would only cost."""

from __future__ import annotations

import gzip
import os

import pytest

from cef_bridge.cli.jobs import Shares, cores_there, shares
from cef_bridge.sources.inputs import Input

CORES = len(os.sched_getaffinity(0))


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("max 100000\n", CORES),
        ("50000 100000\n", 1),
        ("100000 100000\n", 1),
        ("150000 100000\n", min(2, CORES)),
        ("99900000 100000\n", CORES),
        ("", CORES),
        ("1 0 x", CORES),
    ],
)
def test_a_container_gets_no_more_processes_than_its_limit_allows(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert cores_there(tmp_path / "cpu.max") == cores
    assert cores_there(tmp_path / "none") == CORES


def test_small_inputs_are_converted_by_one_process(tmp_path):
    small, large = Input("a", "a", 4 << 20), Input("b", "b", 9 << 20)
    pipe = Input("stdin", None, None)
    assert shares(4, [small]) == Shares(1, 0)
    assert shares(4, [small, small]) == Shares(4, 1)
    assert shares(4, [large, pipe]) == Shares(4, 1)
    assert shares(4, [pipe, small]) == Shares(4, 8 << 20)
    assert shares(1, [large, pipe]) == Shares(1, 0)
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(os.urandom(1 << 20)))
    assert shares(4, [Input("p", str(path), 1 << 20)]) == Shares(4, 1)
    path.write_bytes(b"x" * (1 << 20))
    assert shares(4, [Input("p", str(path), 1 << 20)]) == Shares(1, 0)
