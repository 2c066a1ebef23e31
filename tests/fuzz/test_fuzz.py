"""The targets of continuous fuzzing take what a seed makes of their inputs, and notice what they must."""

from __future__ import annotations

import random
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import targets

HERE = Path(__file__).parent
ROUNDS = {"decoder": 60, "archive": 300, "message": 400, "config": 60, "mapping": 40}


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_target_takes_its_seeds_and_changes_of_them(name):
    rng = random.Random(20261129)  # noqa: S311 - a seed repeats it
    seeds = targets.SEEDS[name]()
    assert seeds
    for seed in seeds:
        targets.TARGETS[name](seed)
    for _ in range(ROUNDS[name]):
        data = targets.changed(rng, rng.choice(seeds))
        try:
            targets.TARGETS[name](data)
        except Exception as error:
            raise AssertionError(f"{name} does not take {data!r}") from error


def test_a_message_on_two_lines_is_noticed(monkeypatch):
    monkeypatch.setattr(targets, "text_of", lambda *_: "CEF:0|a|b|c|d|e|1|act=x\nCEF:0|forged")
    with pytest.raises(AssertionError):
        targets.decoder((targets.DATA / "seed.ndjson").read_bytes())


def test_seeds_are_good_inputs():
    """A target that refuses its seeds at once would reach nothing."""
    path = Path(targets._FOLDER.name, "good.yaml")  # noqa: SLF001
    path.write_bytes(targets.CONFIG)
    assert len(targets.load_config(path, env={"TOKEN": "x"}).destinations) == 3
    assert all(targets.parse(seed.decode()) for seed in targets.SEEDS["message"]())


@pytest.mark.skipif(not find_spec("atheris"), reason="Atheris is not installed")
@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_target_runs_under_atheris(name, tmp_path):
    words = [sys.executable, str(HERE / "run.py"), name, "--seconds", "3", "--found", str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DONE" in done.stderr
