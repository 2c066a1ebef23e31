"""Real collectors that die at any moment, as `kill -9` and a power cut end them: what arrives."""

from __future__ import annotations

import random
import threading
import time
from contextlib import contextmanager

import pytest
from forward_runs import Forward, converted, url, write_events
from waiting import until

from cef_bridge import generator

ROUNDS = 4
# Small rounds, so that there are many receipts and many kills between them.
OFTEN = {"confirm_interval": "200ms", "confirm_bytes": "512K"}
STREAMS = [("tcp", "lf"), ("tcp", "octet-counting"), ("tls", "lf"), ("mtls", "octet-counting")]
RECEIVERS = [
    *(("rsyslog", {"queue": "direct"}, *stream) for stream in STREAMS),
    ("rsyslog", {"queue": "disk"}, "tcp", "lf"),
    *(("syslog-ng", {}, *stream) for stream in STREAMS),
]
IDS = [" ".join([kind, *words.values(), *stream]) for kind, words, *stream in RECEIVERS]


@pytest.fixture
def moments():
    """Random moments; pytest shows the seed of a test that fails."""
    seed = random.randrange(1 << 32)  # noqa: S311 - any moment will do
    print(f"seed {seed}")  # noqa: T201 - shown with a test that fails
    return random.Random(seed)  # noqa: S311 - the same


def torn(lines, expected):
    """Return what is in a receiver's file and was never sent: lines that it was killed in."""
    return [line for line in lines if line not in expected]


@pytest.mark.parametrize(("kind", "words", "transport", "framing"), RECEIVERS, ids=IDS)
def test_every_event_arrives_however_often_the_collector_is_killed(
    tmp_path, start, authority, moments, kind, words, transport, framing
):
    source = write_events(tmp_path / "events.ndjson", 20_000)
    expected = converted(source)
    receiver = start(kind, transport=transport, framing=framing, **words)
    target = url(receiver, authority, **OFTEN)
    kills = 0
    with Forward(tmp_path, "--from", source, "--to", target, "--once") as forward:
        # Who dies three times before it ever answered is taken for one that gives no receipts.
        forward.until(1)
        while kills < ROUNDS and forward.runs():
            # Not before it writes: the kill is to fall into the flow.
            before = receiver.count()
            while receiver.count() == before and forward.runs():
                time.sleep(0.005)
            time.sleep(moments.uniform(0, 0.15))
            receiver.kill()
            kills += 1
            time.sleep(moments.uniform(0, 0.2))
            receiver.start()
        assert forward.wait() == 0, forward.log()
    missing = receiver.missing(expected)
    assert not missing, f"{len(missing)} of {len(expected)} are missing after {kills} kills"
    assert kills >= 2
    assert len(torn(receiver.lines(), set(expected))) <= kills
    told = forward.sum()
    assert told.holds()
    assert told.accepted == told.confirmed == len(expected), f"{told}\n{forward.log()}"


@contextmanager
def growing(path, *, count, seed):
    """Write events at once, and then a few more again and again, until the test is over."""
    write_events(path, count, seed=seed)
    over = threading.Event()
    more = generator.events(seed=seed + 1, kind="logs", start=generator.START + 10**12)

    def grow():
        with path.open("ab", buffering=0) as file:
            while not over.wait(0.02):
                file.write(b"".join(next(more) for _ in range(20)))

    thread = threading.Thread(target=grow)
    thread.start()

    def stop():
        over.set()
        thread.join()

    try:
        yield stop
    finally:
        stop()


@pytest.mark.parametrize("queue", ["direct", "disk"])
def test_with_a_direct_or_a_disk_queue_rsyslog_gets_every_confirmed_event_however_it_dies(
    tmp_path, start, authority, moments, queue
):
    source = tmp_path / "events.ndjson"
    receiver = start("rsyslog", queue=queue)
    # Nothing is held once the next connection stands: the receipts must be true.
    target = url(receiver, authority, confirm_hold=0, **OFTEN)
    with growing(source, count=10_000, seed=moments.randrange(1000)) as stop:
        with Forward(tmp_path, "--from", source, "--to", target) as forward:
            confirmed = 0
            for _ in range(ROUNDS):
                forward.until(confirmed + 1)
                time.sleep(moments.uniform(0, 0.3))
                receiver.kill()
                time.sleep(0.3)  # a receipt that came before may still be on its way into the queue
                confirmed = forward.sum().confirmed
                receiver.start()
                # One lane: what was confirmed is what was sent first.
                first = converted(source)[:confirmed]
                # What a disk queue kept it writes now, and what its kernel answered for comes again.
                assert not receiver.missing(first, timeout=60)
            stop()
            assert forward.terminate() == 0, forward.log()
        told = forward.sum()
        assert told.holds()
        assert not set(converted(source)[: told.confirmed]) - set(receiver.lines())


@pytest.mark.parametrize("hold", [0, 2])
def test_stock_rsyslog_loses_what_it_had_in_memory_and_confirm_hold_brings_it_back(
    tmp_path, start, authority, record_property, hold
):
    source = tmp_path / "events.ndjson"
    # It reads, keeps in memory, and its disk is slow: 256 messages each half second.
    receiver = start("rsyslog", queue="stock", lag=500_000)
    target = url(receiver, authority, confirm_hold=hold, confirm_interval="1s")
    with (
        growing(source, count=20_000, seed=1) as stop,
        Forward(tmp_path, "--from", source, "--to", target) as forward,
    ):
        forward.until(10_000)
        until(lambda: forward.sum().confirmed - len(receiver.lines()) >= 500, what="a backlog")
        receiver.kill()
        time.sleep(0.3)
        confirmed = forward.sum().confirmed
        first = set(converted(source)[:confirmed])
        lost = first - set(receiver.lines())
        record_property("confirmed", confirmed)
        record_property("lost in the collector's memory", len(lost))
        print(f"{len(lost):,} of {confirmed:,} confirmed are gone")  # noqa: T201 - as above
        assert lost, "it wrote faster than it read; nothing was shown"
        receiver.lag = 0
        receiver.start()
        forward.until(confirmed + 1)
        stop()
        forward.until(len(converted(source)))
        assert forward.terminate() == 0, forward.log()
    receiver.stop()
    # Alerts overtake telemetry, so some of `lost` were not confirmed, and came in any case.
    still = lost - set(receiver.lines())
    assert not still if hold else still


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng"])
def test_a_collector_that_stands_still_gets_everything_and_nothing_twice(
    tmp_path, start, authority, kind
):
    source = write_events(tmp_path / "events.ndjson", 20_000)
    expected = converted(source)
    receiver = start(kind)
    target = url(receiver, authority, **OFTEN)
    with Forward(tmp_path, "--from", source, "--to", target, "--once") as forward:
        forward.until(500)
        # Much longer than it is ever waited for a receipt of a collector that never gave one.
        receiver.freeze()
        time.sleep(2)
        receiver.thaw()
        assert forward.wait() == 0, forward.log()
    assert receiver.wait_for(len(expected)) == expected
    assert forward.sum().confirmed == len(expected)
