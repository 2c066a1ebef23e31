"""One flipped bit, anywhere in a queue's file or its log: nothing is lost without being counted."""

from __future__ import annotations

import logging
import random
import shutil
from typing import NamedTuple

import pytest
from queue_help import batch, mark, opened

from cef_bridge.queue import schema
from cef_bridge.queue.queue import ALERTS, DeadLetter, Queue

SEED = 20261128
PER_PAGE = 2


class Filled(NamedTuple):
    """A queue as it lies on the disk: what waits in it, and what was settled or is held."""

    path: object
    waiting: list[bytes]
    settled: set[bytes]


def fill(path) -> tuple[list[bytes], set[bytes]]:
    """Fill a queue so that its trees have inner pages, and its bodies pages of their own."""
    settled: set[bytes] = set()
    with opened(path) as queue:
        queue.append([batch(0, 40), batch(100, 40)])
        queue.append([batch(200, 30, lane=ALERTS)])
        queue.append([batch(1000 + place, 1, size=60) for place in range(900)])
        for place in range(6):
            first = 5000 + place * 100
            queue.append([batch(first, 80, lane=place % 2, size=700)], [mark(first)])
        queue.append([batch(9000, 2)], counts={"received": 7}, pending={"stream": b"ha"})
        queue.append([], dead=[DeadLetter("event", "why", "here", b"raw" * 20_000)])
        held = queue.fetch(5)
        queue.settle([held], "confirmed", hold=True)
        part = queue.fetch(10)
        queue.settle([part], "confirmed")
        settled.update(held.messages, part.messages)
    with opened(path) as queue:
        waiting = []
        while stored := queue.fetch():
            waiting += stored.messages
    return waiting, settled


@pytest.fixture(scope="module")
def filled(tmp_path_factory) -> Filled:
    path = tmp_path_factory.mktemp("whole") / "siem.queue"
    return Filled(path, *fill(path))


def damaged_copy(path, folder, at: int, bit: int, suffix: str = ""):
    """Copy a queue with its log, and flip one bit of the file with this suffix."""
    copy = folder / path.name
    for each in ("", "-wal"):
        if schema.beside(path, each).exists():
            shutil.copyfile(schema.beside(path, each), schema.beside(copy, each))
    with schema.beside(copy, suffix).open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))
    return copy


def judge(copy, filled: Filled) -> None:
    """Open it: it starts, and each message that waited comes out as it was, or is counted."""
    queue = Queue.open(copy)
    try:
        stored = list(iter(queue.fetch, None))
        queue.settle(stored, "confirmed")  # in one transaction
        found = [message for each in stored for message in each.messages]
        total = queue.sum()
        assert total.holds()
        lost = total.dropped.get("damaged", 0)
    finally:
        queue.close()
    whole = set(filled.waiting)
    assert set(found) <= whole | filled.settled, "a message came out that was never put in"
    assert len(found) == len(set(found)), "a message came out twice"
    assert len(whole & set(found)) + lost == len(whole)


def places(size: int) -> list[tuple[int, int]]:
    """Return which bits are flipped: many of the header and the tables' page, some of each page."""
    rng = random.Random(SEED)  # noqa: S311  # nothing is kept secret
    found = [(at, rng.randrange(8)) for at in range(0, 112, 7)]
    found += [(at, rng.randrange(8)) for at in range(112, 140, 5)]
    found += [(at, rng.randrange(8)) for at in range(14_000, schema.PAGE, 230)]
    for start in range(schema.PAGE, size, schema.PAGE):
        found.append((start + rng.randrange(12), rng.randrange(8)))
        found += [
            (start + rng.randrange(schema.PAGE), rng.randrange(8)) for _ in range(PER_PAGE - 1)
        ]
    return found


def test_a_flipped_bit_costs_at_most_what_it_is_in_and_that_is_counted(filled, tmp_path, caplog):
    wrong = []
    for at, bit in places(filled.path.stat().st_size):
        caplog.clear()
        folder = tmp_path / f"{at}-{bit}"
        folder.mkdir()
        copy = damaged_copy(filled.path, folder, at, bit)
        try:
            judge(copy, filled)
        except Exception as error:  # noqa: BLE001  # all of them, with where they came from
            wrong.append((at // schema.PAGE + 1, at % schema.PAGE, bit, repr(error)))
        said = [each for each in caplog.records if each.levelno == logging.ERROR]
        aside = [each for each in folder.iterdir() if ".damaged-" in each.name]
        if aside and not any(str(aside[0]) in each.getMessage() for each in said):
            wrong.append((at, bit, "nothing was said"))
        shutil.rmtree(folder)
    assert wrong == []


@pytest.fixture(scope="module")
def logged(tmp_path_factory) -> Filled:
    """A queue whose process was killed: most of what it holds lies in the log alone."""
    folder = tmp_path_factory.mktemp("killed")
    path, copy = folder / "siem.queue", folder / "copy" / "siem.queue"
    copy.parent.mkdir()
    with opened(path) as queue:
        for place in range(12):
            queue.append([batch(place * 100, 20, size=300)], [mark(place)])
        queue.settle([queue.fetch()], "confirmed")
        queue.append([batch(5000, 50)])
        queue.remember("last", "a transaction that is not whole at the end counts as not done")
        for suffix in ("", "-wal"):
            shutil.copyfile(schema.beside(path, suffix), schema.beside(copy, suffix))
        stored = list(iter(queue.fetch, None))
        waiting = [message for each in stored for message in each.messages]
    return Filled(copy, waiting, set(batch(0, 20, size=300).messages))


def test_a_flipped_bit_in_the_log_is_noticed_and_what_is_behind_it_stays(logged, tmp_path):
    rng = random.Random(SEED)  # noqa: S311  # nothing is kept secret
    size = schema.size(schema.beside(logged.path, "-wal"))
    frame = schema.PAGE + 24
    flips = [(at, rng.randrange(8)) for at in range(0, 32, 3)]
    for start in range(32, size, frame):
        flips.append((start + rng.randrange(24), rng.randrange(8)))
        flips.append((start + 24 + rng.randrange(schema.PAGE), rng.randrange(8)))
    wrong = []
    for at, bit in flips[:: max(len(flips) // 30, 1)]:
        folder = tmp_path / f"{at}-{bit}"
        folder.mkdir()
        try:
            judge(damaged_copy(logged.path, folder, at, bit, "-wal"), logged)
        except Exception as error:  # noqa: BLE001  # all of them, with where they came from
            wrong.append(((at - 32) // frame, (at - 32) % frame, bit, repr(error)))
        shutil.rmtree(folder)
    assert wrong == []
