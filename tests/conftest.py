"""Puts this folder on the path, so that all tests find what they share in it; tells who runs alone.

`make test` runs most tests two at a time, and what is marked `alone` by itself afterwards: tests
in which processes are killed at random moments, clocks matter or a megabyte is counted.
"""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent
ALONE = (
    "receivers",
    *("cli/test_forward", "cli/test_demo", "cli/test_receive", "cli/test_convert_memory"),
    "cli/test_convert_state_kill",
    *("delivery/test_forwarder", "delivery/test_transport", "delivery/test_black_hole"),
    *("delivery/test_receipts", "delivery/test_tcp_info", "delivery/test_queue_kill"),
    *("sources/test_follow", "sources/test_relay", "collector/test_collector"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that need the machine for themselves."""
    for item in items:
        if str(item.path.relative_to(HERE)).startswith(ALONE):
            item.add_marker(pytest.mark.alone)
