"""Fuzz one target, led by coverage, for continuous fuzzing.

    python tests/fuzz/run.py decoder --seconds 3600 [--seed N] [--found FOLDER]

needs Atheris (libFuzzer for Python): `make fuzz-targets` installs it and runs all. Inputs that
reach something new are kept in `--found`, where the next run goes on. It ends with another exit
code than 0 at the first input that a target does not take, and keeps that as crash-… there.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import atheris

sys.path.insert(0, str(Path(__file__).parent))
with atheris.instrument_imports(include=["cef_bridge"]):
    from targets import SEEDS, TARGETS, changed


def main() -> None:
    """Fuzz until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=sorted(TARGETS))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1, 2**31))
    parser.add_argument("--found", type=Path)
    asked = parser.parse_args()
    print(f"{asked.target} --seed {asked.seed}", flush=True)  # noqa: T201 - what it is for
    # libFuzzer ends the process itself: nothing behind `Fuzz` runs, and nobody deletes the folder.
    found = asked.found or Path(tempfile.mkdtemp(prefix=f"fuzz-{asked.target}-"))
    found.mkdir(parents=True, exist_ok=True)
    for at, seed in enumerate(SEEDS[asked.target]()):
        (found / f"seed-{at}").write_bytes(seed)

    def change(data: bytes, longest: int, seed: int) -> bytes:
        rng = random.Random(seed)  # noqa: S311 - a seed repeats it
        made = changed(rng, data) if rng.random() < 0.5 else atheris.Mutate(data, len(data))
        return bytes(made)[:longest]

    words = [f"-max_total_time={asked.seconds}", f"-seed={asked.seed}", "-timeout=60"]
    words += ["-max_len=16384", f"-artifact_prefix={found}/", str(found)]
    atheris.Setup([sys.argv[0], *words], TARGETS[asked.target], custom_mutator=change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
