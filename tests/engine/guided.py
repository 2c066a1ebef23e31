"""Lines found by what they reach in the reference, through the engine and through the reference.

    python tests/engine/guided.py --seconds 3600 [--seed N] [--found FOLDER]

needs Atheris (libFuzzer for Python). A line that takes the reference to a place where none was
before is kept and changed further, in `--found`, where the next run goes on. It ends at the first
line of which the two make different things, and prints it as `equality.py` does. `equality.py` has
many mappings and changes an event a few times; this has few, and changes a line until a rule that
no list of pieces names is met.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from pathlib import Path

import atheris
import orjson

sys.path.append(str(Path(__file__).parent.parent))
with atheris.instrument_imports(include=["cef_bridge"]):
    from equality import Both, Difference, converters, samples
    from made_up import changed, line

    from cef_bridge.mapping.language.shipped import names
    from cef_bridge.mapping.load import load
    from cef_bridge.mapping.program.converter import Converter

MAPPINGS = 32  # the shipped ones, and made-up ones; the first byte of an input says which
LONGEST = 4096  # bytes of a line


class Guided:
    """What libFuzzer calls: a mapping's number and a line, to be tried and to be changed."""

    def __init__(self, seed: int, folder: Path) -> None:
        made_up = converters(random.Random(seed), folder)  # noqa: S311 - a seed repeats it
        self._mappings: list[tuple[object, Both]] = [
            (name, Both(Converter(load(name), syslog_header="rfc5424"))) for name in names()
        ]
        for made, converter in made_up:
            self._mappings.append((made, Both(converter)))
            if len(self._mappings) == MAPPINGS:
                break

    def try_one(self, data: bytes) -> None:
        """Convert a line both ways."""
        if not data:
            return
        made, both = self._mappings[data[0] % MAPPINGS]
        found = data[1:].replace(b"\n", b" ")
        native = both.native(found)
        reference = both.reference(found)
        if native is not None and native != reference:
            print(Difference(made, found, native, reference, both), flush=True)  # noqa: T201
            raise AssertionError("the engine and the reference differ")

    def change(self, data: bytes, longest: int, seed: int) -> bytes:
        """Return another line: bytes of it changed by libFuzzer, or fields of its event."""
        rng = random.Random(seed)  # noqa: S311 - a seed repeats it
        if rng.random() < 0.5:
            try:
                event = orjson.loads(data[1:])
            except ValueError:
                event = None
            if isinstance(event, dict):
                number = rng.randrange(MAPPINGS) if rng.random() < 0.3 else data[0]
                return (bytes([number]) + line(rng, changed(rng, event)))[:longest]
        return bytes(atheris.Mutate(data, len(data))) if data else b"\0{}"


def main() -> None:
    """Fuzz until the time is over; the exit code is libFuzzer's: 0 when nothing differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--found", type=Path)
    asked = parser.parse_args()
    print(f"--seed {asked.seed}", flush=True)  # noqa: T201 - what it is for
    # libFuzzer ends the process itself: nothing behind `Fuzz` runs, and nobody deletes the folder.
    folder = Path(tempfile.mkdtemp(prefix="guided-"))
    found = asked.found or folder / "found"
    found.mkdir(parents=True, exist_ok=True)
    for at, event in enumerate(samples()):
        start = found / f"sample-{at}"
        start.write_bytes(bytes([at % MAPPINGS]) + orjson.dumps(event)[:LONGEST])
    guided = Guided(asked.seed, folder)
    words = [f"-max_total_time={asked.seconds}", f"-seed={asked.seed % 2**31 or 1}"]
    words += [f"-max_len={LONGEST}", f"-artifact_prefix={folder}/", "-timeout=60", str(found)]
    atheris.Setup([sys.argv[0], *words], guided.try_one, custom_mutator=guided.change)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
