"""Files that are rotated again and again, and packed into new files on the way.

Whatever moment the reading meets: what was written is what is read, nothing twice.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from following import Store
from rotators import WAYS, Writer

# Copies that a glob matches are files of their own: nobody can know that they are not.
SEEN = {name: ["", "*"] if not way.copytruncate else [""] for name, way in WAYS.items()}


class Reader:
    """Reads live, is started again, or reads once; its clock is the test's."""

    def __init__(self, pattern: str, store: Store) -> None:
        self.store = store
        self.now = 0.0
        self._pattern = pattern
        self._live = None

    def live(self) -> None:
        """Read on until there is nothing new."""
        idle = 0
        while idle < 4:
            each = next(self._stream())
            self.store.take(each)
            idle = idle + 1 if each is None else 0

    def block(self) -> None:
        """Take one arrival, and no more."""
        self.store.take(next(self._stream()))

    def restart(self) -> None:
        """End, as kill -9 does, and go on from what was stored."""
        self.stop()
        self.live()
        self.now += 60  # what was rotated away is taken leave of before it is removed
        self.live()

    def once(self) -> None:
        self.stop()
        for each in self.store.follow(self._pattern, once=True):
            self.store.take(each)

    def stop(self) -> None:
        if self._live is not None:
            self._live.close()
        self._live = None

    def _stream(self):
        if self._live is None:
            options = {"poll": 0.0005, "rescan": 0.0, "clock": lambda: self.now}
            self._live = self.store.follow(self._pattern, **options)
        return self._live


def check(store: Store, writer: Writer) -> None:
    wrong = Counter(store.lines)
    wrong.subtract(writer.written)
    assert {line: number for line, number in wrong.items() if number} == {}
    assert store.notices == []
    assert store.lost == []


@pytest.fixture
def store():
    return Store()


@pytest.mark.parametrize("how", ["live", "restart", "once"])
@pytest.mark.parametrize(("way", "seen"), [(way, seen) for way in WAYS for seen in SEEN[way]])
def test_what_is_read_after_each_rotation(tmp_path, store, way, seen, how):
    log = tmp_path / "0.log"
    # What is removed after it was read once may have been added to: that it is gone is told.
    keep = WAYS[way].keep if how == "live" or (how, seen) == ("restart", "") else 99
    writer = Writer(log, WAYS[way]._replace(keep=keep))
    reader = Reader(f"{log}{seen}", store)
    for _ in range(8):
        writer.write(10)
        getattr(reader, how)()
        for _ in writer.rotate():
            pass
        reader.now += 60
        getattr(reader, how)()
        check(store, writer)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("way", WAYS)
def test_what_is_read_at_any_moment(tmp_path, store, way, seed):
    """Whatever comes between two steps of a rotation: reading, writing, a restart."""
    rng = random.Random(f"{way} {seed}")  # noqa: S311  # no secret
    log = tmp_path / "0.log"
    writer = Writer(log, WAYS[way]._replace(keep=99))
    seen = rng.choice(SEEN[way])
    reader = Reader(f"{log}{seen}", store)
    # What is packed is not read live, but once; so it is one or the other where both are seen.
    ways = rng.choice([[reader.live, reader.restart, reader.block], [reader.once]])
    if not seen:
        ways = [reader.live, reader.restart, reader.block, reader.once]

    def read() -> None:
        how = rng.choice(ways)
        if rng.random() < 0.5 and (how != reader.once or log.exists()):
            how()

    ways[0]()
    for _ in range(10):
        writer.write(rng.randint(11, 30))
        read()
        for _ in writer.rotate():
            if not WAYS[way].copytruncate and rng.random() < 0.3:
                writer.write(rng.randint(1, 20))
            read()
        if rng.random() < 0.5:
            reader.now += 60
        if WAYS[way].copytruncate:  # what was cut before it was read is not always found
            ways[0]()
    ways[0]()
    check(store, writer)
