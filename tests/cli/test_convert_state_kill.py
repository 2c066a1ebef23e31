"""kill -9 at random moments: the same command goes on, and the result is that of one run."""

from __future__ import annotations

import random
import time

import pytest
from resumes import Archive, resumed_until_done
from running import names


@pytest.mark.parametrize("seed", range(3))
def test_kill_9_at_random_moments_loses_and_repeats_nothing(tmp_path, seed):
    archive = Archive(tmp_path)
    dice = random.Random(seed)  # noqa: S311 - not for secrets

    def kill(process, _turn: int) -> None:
        time.sleep(0.3 + dice.random())
        process.kill()

    assert resumed_until_done(archive, kill, 6) >= 1
    assert archive.written() == archive.expected
    assert names(tmp_path) == archive.names
