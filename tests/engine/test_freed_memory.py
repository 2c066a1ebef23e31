"""Whether buffers are made of memory that was used before: counted by the faults of pages."""

from __future__ import annotations

import ctypes
import sys

import commands
import pytest

BUFFERS = """
import resource, threading
from cef_bridge.engine.native import keep_freed_memory

def work():
    for _ in range(200):
        buffers = [b"x" * 300_000 for _ in range(10)]

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

{call}
print(faults())
"""


def faults(call: str) -> int:
    words = [sys.executable, "-c", BUFFERS.replace("{call}", call)]
    return int(commands.run(words, check=True, capture_output=True, text=True).stdout)


def test_memory_of_freed_buffers_is_used_again() -> None:
    if not hasattr(ctypes.CDLL(None), "gnu_get_libc_version"):
        pytest.skip("another C library")
    # 10 buffers of 74 pages; without it, those of each of 200 rounds.
    assert faults("keep_freed_memory()") < 5_000
    assert faults("") > 50_000
