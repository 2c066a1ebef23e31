"""Lines through the engine and through the reference: the same bytes, the same fate.

    python tests/engine/equality.py --seconds 3600 [--seed N]

makes up mappings and events until the time is over, and prints what differs. `tests/engine/
test_equality.py` does so for a while in each run of the suite.
"""

from __future__ import annotations

import argparse
import functools
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import orjson
from made_up import changed, line, mapping

from cef_bridge.engine import native as engine
from cef_bridge.errors import CefBridgeError
from cef_bridge.generator import events
from cef_bridge.kubearmor.clock import event_time, repeats
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.kubearmor.identity import container_key
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program import table
from cef_bridge.mapping.program.converter import Converted, Converter, Filtered

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = "source"
EVENTS = 200  # a mapping


class Both:
    """A mapping in both engines."""

    def __init__(self, converter: Converter) -> None:
        library = engine.load()
        assert library is not None
        self.converter = converter
        self._work = engine.Work(library.plan(table.pack(converter)))
        assumed = converter.assumed_time
        self._place = engine.BlockOrigin(SOURCE.encode(), 0, assumed)

    def native(self, data: bytes) -> bytes | None:
        """Return what the engine makes of a line: a message, "filtered", None if it is left."""
        self._work.run(data, 0, len(data), self._place)
        answer = self._work.answer
        assert answer.end != 2, "the engine has a fault"
        if answer.end:
            return None
        if answer.converted:
            (row,) = self._work.rows
            whose = (bool(row.urgent), row.container, None if row.timeless else row.time)
            return self._work.messages + repr(whose).encode()
        return b"elsewhere" if answer.routed_away else b"filtered" if answer.filtered else b"blank"

    def reference(self, data: bytes) -> bytes:
        """Return what Python makes of a line."""
        if not data.strip():
            return b"blank"
        fates = []
        for found in EventDecoder().decode(data.removesuffix(b"\r")):
            if not isinstance(found, Decoded):
                return repr(found).encode()
            origin = f"{SOURCE}\x1f0" if repeats(found.fields) else ""
            fate = self.converter.convert(found.fields, origin)
            if isinstance(fate, Filtered):
                fates.append(b"elsewhere" if fate.by_when else b"filtered")
            else:
                made = isinstance(fate, Converted)
                fates.append(whole(fate, found.fields) if made else repr(fate).encode())
        return b"\n".join(fates)


def whole(fate: Converted, event: dict[str, object]) -> bytes:
    """Return a message, its lane, whose it is and when it happened."""
    urgent = fate.kind.urgent
    whose = (urgent, container_key(event) if urgent else 0, event_time(event))
    return f"{fate.message}\n{whose}".encode()


class Difference(NamedTuple):
    """A line of which the two make different things, and the mapping."""

    mapping: object
    data: bytes
    native: bytes
    reference: bytes
    both: Both

    def __str__(self) -> str:
        pairs = enumerate(zip(self.native, self.reference, strict=False))
        at = next((at for at, (one, other) in pairs if one != other), None)
        at = min(len(self.native), len(self.reference)) if at is None else at
        begin = max(at - 80, 0)
        return (
            f"mapping   {json.dumps(self.mapping)}\nline      {self.data!r}\n"
            f"engine    …{self.native[begin : at + 120]!r}\nreference …{self.reference[begin : at + 120]!r}"
        )


class Tally:
    """How many lines were compared, and how many left the engine."""

    def __init__(self) -> None:
        self.mappings = self.lines = self.left = 0
        self.differences: list[Difference] = []

    def __str__(self) -> str:
        return (
            f"{self.lines:,} lines by {self.mappings:,} mappings: {self.left:,} left to Python, "
            f"{len(self.differences):,} differ"
        )


def converters(rng: random.Random, folder: Path) -> Iterator[tuple[object, Converter]]:
    """Yield mappings made up, at work, without end."""
    while True:
        made = mapping(rng)
        path = folder / "own.yaml"
        path.write_text(json.dumps(made))  # JSON is YAML
        when = [] if rng.random() < 0.9 else load_when(rng)
        try:
            yield (
                made,
                Converter(
                    load(str(path), env={}),
                    syslog_header=rng.choice(["none", "rfc3164", "rfc5424"]),
                    assumed_time=rng.choice([None, 1_700_000_000_000_000]),
                    max_bytes=rng.choice([None, None, 900]),
                    when=when,
                ),
            )
        except CefBridgeError:
            continue


@functools.cache
def samples() -> list[dict[str, object]]:
    """Return KubeArmor's events of every kind."""
    tests = Path(__file__).parent.parent
    lines = [*events(300, kind="alerts"), *events(200, kind="logs")]
    for name in ("seed", "kinds"):
        lines += (tests / "data" / f"{name}.ndjson").read_bytes().splitlines()
    lines += [path.read_bytes() for path in sorted(tests.glob("golden/*/event.json"))]
    corpus = tests.parent.parent / "shared" / "corpus" / "real-events.ndjson"
    lines += corpus.read_bytes().splitlines() if corpus.exists() else []
    found = [orjson.loads(each) for each in lines]
    return [each for each in found if isinstance(each, dict)]


def load_when(rng: random.Random) -> list[list[object]]:
    """Return the `when` of a destination."""
    from cef_bridge.mapping.language.filters import FILTERS

    return [list(item) for item in rng.choice(list(FILTERS.values()))]


def compare(seed: int, seconds: float, tally: Tally, enough: int = 0) -> None:
    """Make up mappings and events until the time is over, or so many differences are found."""
    rng = random.Random(seed)  # noqa: S311 - a seed repeats it
    some = samples()
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as folder:
        for made, converter in converters(rng, Path(folder)):
            if time.monotonic() > until:
                return
            both = Both(converter)
            tally.mappings += 1
            for _ in range(EVENTS):
                data = line(rng, changed(rng, rng.choice(some)))
                native = both.native(data)
                tally.lines += 1
                if native is None:
                    tally.left += 1
                elif native != (reference := both.reference(data)):
                    tally.differences.append(Difference(made, data, native, reference, both))
                    if len(tally.differences) == enough:
                        return


def main() -> int:
    """Run until the time is over; 1 if anything differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    asked = parser.parse_args()
    print(f"--seed {asked.seed}", flush=True)  # noqa: T201 - what it is for
    tally = Tally()
    compare(asked.seed, asked.seconds, tally)
    for difference in tally.differences[:5]:
        print(difference, end="\n\n")  # noqa: T201
    print(tally)  # noqa: T201
    return bool(tally.differences)


if __name__ == "__main__":
    sys.exit(main())
