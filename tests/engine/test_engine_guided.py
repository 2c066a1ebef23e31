"""The fuzzer that is led by coverage runs, and finds what it is there to find."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from cef_bridge.engine import native

pytestmark = [
    pytest.mark.skipif(native.load() is None, reason=f"no engine: {native.status()}"),
    pytest.mark.skipif(not find_spec("atheris"), reason="Atheris is not installed"),
]

GUIDED = Path(__file__).with_name("guided.py")
# A rule of the reference alone that is changed: what it writes for a port is another text.
BROKEN = """
import runpy, sys
sys.path[:0] = [{here!r}, {tests!r}]
import equality
right = equality.Both.reference
def wrong(self, data):
    return right(self, data).replace(b"dpt=443", b"dpt=444")
equality.Both.reference = wrong
sys.argv = ["guided.py", "--seconds", "60", "--found", sys.argv[1]]
runpy.run_path({guided!r}, run_name="__main__")
"""


def test_it_finds_no_difference_in_a_few_seconds(tmp_path):
    words = [sys.executable, str(GUIDED), "--seconds", "5", "--found", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DONE" in done.stderr


def test_it_prints_the_line_of_a_difference(tmp_path):
    here = GUIDED.parent
    code = BROKEN.format(here=str(here), tests=str(here.parent), guided=str(GUIDED))
    words = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    assert "dpt=444" in done.stdout, done.stdout + done.stderr
