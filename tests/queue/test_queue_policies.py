"""A queue at its limit: what waits, what is dropped, and that the file never is larger."""

from __future__ import annotations

import logging
import threading

import pytest
from queue_help import batch, drained, mark, numbers, opened, texts

from cef_bridge.errors import UsageError
from cef_bridge.queue.queue import ALERTS, TELEMETRY, DeadLetter, QueueStopped

LIMIT = 2 << 20
ROW = 100  # messages of 900 bytes, which half compress: about 50 kB


def load(first: int, lane: int = TELEMETRY):
    return [batch(first, ROW, lane, size=900)]


def fill(queue, lane=TELEMETRY) -> int:
    """Append until something is dropped; return how many rows that were."""
    rows = 0
    while not queue.sum().dropped:
        queue.append(load(rows * ROW, lane), [mark(rows)])
        rows += 1
        assert rows < 1000
    return rows


def test_under_block_an_append_waits_until_there_is_room_and_then_goes_on(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT) as queue:
        total = 60  # about three times what fits
        sizes = []

        def feed() -> None:
            for row in range(total):
                queue.append(load(row * ROW), [mark(row)])
                sizes.append(queue.bytes())

        feeder = threading.Thread(target=feed)
        feeder.start()
        feeder.join(1.5)
        assert feeder.is_alive()
        stuck = queue.sum().accepted
        assert 0 < stuck < total * ROW
        assert queue.marks()["stream"] == mark(stuck // ROW - 1)
        got = []
        while len(got) < total * ROW:
            assert queue.wait(20)
            stored = queue.fetch()
            if stored is not None:
                got += numbers(stored.messages)
                queue.settle([stored], "confirmed")
        feeder.join(20)
        assert got == list(range(total * ROW))
        assert queue.sum().confirmed == total * ROW
        assert max(sizes) <= LIMIT


def test_stop_waiting_ends_an_append_that_waits_and_nothing_of_it_is_stored(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT) as queue:
        ended = []

        def feed() -> None:
            try:
                for row in range(1000):
                    queue.append(load(row * ROW), [mark(row)])
            except QueueStopped as error:
                ended.append(str(error))

        feeder = threading.Thread(target=feed)
        feeder.start()
        feeder.join(1)
        assert feeder.is_alive()
        queue.stop_waiting()
        feeder.join(20)
        assert ended == [f"{queue.path}: the queue is full, and waiting has ended"]
        found = queue.sum()
        assert found.accepted == found.waiting == (queue.marks()["stream"].offset + 1) * ROW
        assert numbers(drained(queue)) == list(range(found.accepted))


def test_drop_newest_refuses_what_arrives_and_moves_the_mark(tmp_path, caplog):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_newest") as queue:
        rows = fill(queue)
        for row in range(rows, rows + 5):
            queue.append(load(row * ROW), [mark(row)], counts={"received": ROW})
        assert queue.sum().dropped == {"queue-full": 6 * ROW}
        assert queue.sum().accepted == (rows + 5) * ROW
        assert queue.marks() == {"stream": mark(rows + 4)}
        assert queue.totals()["received"] == 5 * ROW
        assert queue.bytes() <= LIMIT
        assert numbers(drained(queue)) == list(range((rows - 1) * ROW))
    said = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in said] == [
        f"{queue.path}: the queue is full, and messages are dropped (drop_newest): {ROW:,} so far"
    ]


def test_drop_oldest_drops_what_waits_longest_and_nothing_in_flight(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_oldest") as queue:
        queue.append(load(0))
        flying = queue.fetch(ROW // 2)
        rows = fill_after(queue, 1)
        dropped = queue.sum().dropped["queue-full"]
        assert dropped % ROW == 0
        assert queue.bytes() <= LIMIT
        rest = numbers(drained(queue))
        assert rest[: ROW // 2] == list(range(ROW // 2, ROW))  # its row is in flight: it stays
        assert rest[ROW // 2 :] == list(range(ROW + dropped, rows * ROW))
        queue.settle([flying], "confirmed")
        assert queue.sum().confirmed == rows * ROW - dropped


def fill_after(queue, rows: int, most: int = 60) -> int:
    for row in range(rows, most):
        queue.append(load(row * ROW), [mark(row)])
    assert queue.sum().dropped
    return most


def test_drop_oldest_spares_what_is_held(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_oldest") as queue:
        queue.append(load(0))
        held = queue.fetch()
        queue.settle([held], "confirmed", hold=True)
        fill_after(queue, 1)
        assert queue.rewind() == ROW
        again = queue.fetch()
        assert again.messages == held.messages


def test_drop_telemetry_first_keeps_alerts_while_there_is_telemetry(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_telemetry_first") as queue:
        rows = 0
        while not queue.sum().dropped:
            queue.append(load(rows * ROW, rows % 2))
            rows += 1
        for row in range(rows, rows + 4):
            queue.append(load(row * ROW, ALERTS))
        assert queue.bytes() <= LIMIT
        alerts = [
            n for row in range(rows) if row % 2 == 0 for n in range(row * ROW, row * ROW + ROW)
        ]
        alerts += range(rows * ROW, (rows + 4) * ROW)
        found = numbers(drained(queue))
        assert found[: len(alerts)] == alerts
        telemetry = found[len(alerts) :]
        assert telemetry
        assert telemetry == sorted(telemetry)
        assert telemetry[0] > ROW  # the oldest of it went


def test_drop_telemetry_first_refuses_telemetry_where_only_alerts_wait(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_telemetry_first") as queue:
        rows = fill(queue, ALERTS)
        before = queue.sum()
        queue.append([batch(9000, ROW, TELEMETRY, 900)])
        assert queue.sum().dropped == {"queue-full": before.dropped["queue-full"] + ROW}
        assert queue.sum().waiting == before.waiting
        assert numbers(drained(queue)) == list(range(ROW, rows * ROW))  # the oldest alerts went


def test_dropping_while_a_forwarder_fetches_and_settles_keeps_the_sum(tmp_path):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy="drop_oldest") as queue:
        rows = fill_after(queue, 0)
        feeder = threading.Thread(target=fill_after, args=(queue, rows, rows + 60))
        feeder.start()
        got: list[int] = []
        while feeder.is_alive() or queue.wait(0):
            stored = queue.fetch()
            if stored is None:
                queue.wait(0.05)
                continue
            assert queue.sum().holds()
            got += numbers(stored.messages)
            queue.settle([stored], "confirmed")
            feeder.join(0.02)
        feeder.join()
        assert got == sorted(got)
        assert len(got) == queue.sum().confirmed
        assert queue.sum().accepted == (rows + 60) * ROW


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest", "drop_telemetry_first"])
def test_an_empty_queue_takes_one_append_however_small_its_limit(tmp_path, policy):
    with opened(tmp_path / "a.queue", limit=1, policy=policy) as queue:
        for first in range(0, 300, 100):
            queue.append([batch(first, 100, size=900)])
            assert numbers(drained(queue)) == list(range(first, first + 100))


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "drop_telemetry_first"])
def test_where_all_is_in_flight_what_arrives_is_dropped_and_nothing_waits(tmp_path, policy):
    with opened(tmp_path / "a.queue", limit=1, policy=policy) as queue:
        queue.append([batch(0, 10)])
        flying = queue.fetch()
        queue.append([batch(10, 5, ALERTS), batch(15, 5)], [mark(20)])
        assert queue.sum().dropped == {"queue-full": 10}
        assert queue.marks() == {"stream": mark(20)}
        queue.settle([flying], "confirmed")
        assert queue.fetch() is None


def test_dead_letters_are_kept_when_messages_are_dropped(tmp_path):
    with opened(tmp_path / "a.queue", limit=1, policy="drop_newest") as queue:
        queue.append([batch(0, 10)])
        queue.append([batch(10, 1)], dead=[DeadLetter("event", "why", "here", b"raw")])
        assert queue.totals() == {"accepted": 11, "dropped:queue-full": 1, "dead_events": 1}


@pytest.mark.parametrize("policy", ["block", "drop_oldest", "drop_newest"])
def test_a_full_queue_takes_notes_of_how_far_a_source_is(tmp_path, policy):
    with opened(tmp_path / "a.queue", limit=1, policy=policy) as queue:
        queue.append([batch(0, 10)], [mark(10)])
        queue.append([], [mark(20)], pending={"stream": b"half a li"}, counts={"filtered": 10})
        assert queue.marks() == {"stream": mark(20)}
        assert queue.sum()[:6] == (10, 0, 0, 0, 10, {})


def test_a_row_is_dropped_once_where_what_was_held_of_it_went(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4), batch(4, 4)])
        queue.settle([queue.fetch(2)], "confirmed", hold=True)
    with opened(tmp_path / "a.queue", limit=1, policy="drop_oldest") as queue:
        queue.rewind()
        queue.release()
        queue.append([batch(8, 1)])
        assert queue.sum()[:6] == (9, 2, 0, 0, 1, {"queue-full": 6})


@pytest.mark.parametrize("size", [60, 900, 30_000])
@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest", "block"])
def test_file_and_log_stay_below_the_limit_whatever_the_rows_are_like(tmp_path, size, policy):
    with opened(tmp_path / "a.queue", limit=LIMIT, policy=policy) as queue:
        if policy == "block":
            queue.stop_waiting()
        largest = 0
        for turn in range(120):
            count = [1, 7, 40][turn % 3] if size < 30_000 else 1
            try:
                queue.append([batch(turn * 40, count, size=size)] * (5 if size == 60 else 1))
            except QueueStopped:
                stored = queue.fetch()
                queue.settle([stored], "confirmed")
            largest = max(largest, queue.bytes())
        assert largest <= LIMIT
        assert largest > LIMIT // 4 or size == 60


def test_an_unknown_policy_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(UsageError) as error, opened(tmp_path / "a.queue", policy="drop-oldest"):
        pass
    assert str(error.value) == (
        "Unknown queue policy 'drop-oldest'. "
        "Expected one of: block, drop_telemetry_first, drop_oldest, drop_newest"
    )


def test_texts_of_the_tests_do_not_compress_to_nothing():
    assert len({text[10:] for text in texts(0, 100, 900)}) == 100
