"""How many threads a run gets: as many as it may use, and one where more would only cost."""

from __future__ import annotations

import gzip
import os

import pytest

from cef_bridge.cli.jobs import cores_there, threads
from cef_bridge.sources.files.inputs import Input

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
def test_a_container_gets_no_more_threads_than_its_limit_allows(tmp_path, text, cores):
    (tmp_path / "cpu.max").write_text(text)
    assert cores_there(tmp_path / "cpu.max") == cores
    assert cores_there(tmp_path / "none") == CORES


def test_small_inputs_are_converted_by_one_thread(tmp_path):
    small, large = Input("a", "a", 4 << 20), Input("b", "b", 9 << 20)
    pipe = Input("stdin", None, None)
    assert threads(4, [small]) == 1
    assert threads(4, [small, small]) == 4
    assert threads(4, [large, pipe]) == 4
    assert threads(4, [pipe, small]) == 4
    assert threads(1, [large, pipe]) == 1
    path = tmp_path / "packed"
    path.write_bytes(gzip.compress(os.urandom(1 << 20)))
    assert threads(4, [Input("p", str(path), 1 << 20)]) == 4
    path.write_bytes(b"x" * (1 << 20))
    assert threads(4, [Input("p", str(path), 1 << 20)]) == 1
