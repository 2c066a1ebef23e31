"""Puts this folder on the path, so that all tests find what they share in it; tells who runs apart.

`make test` runs the tests three at a time; what is marked `apart` comes after those that keep both
cores busy: tests in which processes are killed at random moments, or clocks matter. These wait more
than they compute, and run four at a time.
"""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import hypothesis
import pytest

HERE = Path(__file__).parent
APART = (
    "receivers",
    *(
        "doctor",
        "cli/test_doctor",
        "cli/test_forward",
        "cli/test_demo",
        "cli/test_receive",
        "cli/test_convert_memory",
        "cli/test_top",
    ),
    "cli/test_convert_state_kill",
    *("delivery/test_forwarder", "delivery/test_transport", "delivery/test_black_hole"),
    *("delivery/test_receipts", "delivery/test_tcp_info", "queue/test_queue_kill"),
    *(
        "sources/test_follow",
        "sources/test_relay",
        "collector/test_collector",
        "spark",
        "deploy",
        "live",
        "studio_browser",
    ),
)
# Files that take longest, the longest first: of two workers none is to begin one near the end.
LONG = (
    "engine/test_engine_equality",
    "engine/test_engine_instructions",
    "engine/test_engine_build",
    *("cli/test_convert_objects", "cli/test_convert_state", "cli/test_convert_objects_state"),
    "engine/test_engine_mutations",
    "test_costs",
    "cli/test_convert",
    *("workbench/test_explain", "workbench/test_examining", "workbench/test_diff"),
    *("siems/test_all", "mapping/test_shipped", "forward/test_pipeline", "test_event_alone"),
    *("convert/test_parallel_run", "queue/test_queue_flips", "queue/test_queue_damage"),
)


# Whoever is started in the background, or by nohup, ignores these, and so would every process that a
# test starts to send it one. A handler is not inherited.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, lambda *_: None)


# Workers of xdist say 80, and `mapping explain` heeds that in a pipe. Who pipes says nothing.
os.environ.pop("COLUMNS", None)

# Options of whoever runs the tests are none of the commands that they start. These are for the engine's
# build and for the tests themselves: where programs were unpacked to, which image is tried, seeds.
_KEPT = {
    f"CEF_BRIDGE_{_name}"
    for _name in (
        *("BUILD", "ENGINE", "PLATFORM"),
        *("DEPLOY", "FUZZ_ROUNDS", "FUZZ_SECONDS", "FUZZ_SEED", "IMAGE", "RECEIVERS"),
    )
}
for _name in [name for name in os.environ if name.startswith("CEF_BRIDGE_")]:
    if _name not in _KEPT:
        del os.environ[_name]

# Each run draws others; `--hypothesis-profile default` draws twice as many. A busy machine is no
# failing property test.
hypothesis.settings.register_profile(
    "everyday",
    max_examples=50,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow],
)
hypothesis.settings.load_profile("everyday")


def _is_apart(path: Path) -> bool:
    return path.relative_to(HERE).as_posix().startswith(APART)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import the files that the marker of a part leaves out."""
    asked = {"apart": True, "not apart": False}.get(config.getoption("markexpr"))
    if asked is None or not collection_path.is_file():
        return None
    return True if _is_apart(collection_path) != asked else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are not to wait for the processor; begin with the long files."""
    for item in items:
        if _is_apart(item.path):
            item.add_marker(pytest.mark.apart)
    items.sort(key=_turn)


def _turn(item: pytest.Item) -> int:
    """Return which file comes when: what takes a minute does not begin in the last one."""
    name = item.path.relative_to(HERE).with_suffix("").as_posix()
    return LONG.index(name) if name in LONG else len(LONG)


def pytest_collection_finish() -> None:
    """Let the collector of garbage pass over ten thousand tests that will be there to the end."""
    gc.collect()
    gc.freeze()
