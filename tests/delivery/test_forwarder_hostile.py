"""The forwarder against collectors on bad days: everything arrives, and copies come to an end."""

from __future__ import annotations

import socket
from functools import partial

import pytest
from certificates import Authority
from forwarding import (
    HASTY,
    KINDS,
    copies,
    fill,
    forwarding,
    in_order,
    target,
)
from hostile import (
    ClosesInMidFrame,
    ClosesWithFin,
    Collector,
    HalfClosesFirst,
    HangsWithoutReading,
    HidesAReset,
    NeverAnswers,
    Refuses,
    ResetsAfter,
    Stalls,
    Talks,
)

from cef_bridge.delivery.receipts import MISSES_OF_KNOWN
from cef_bridge.queue.queue import Queue

COUNT = 300
SOME = 10  # for those who are never good, and make us go in small steps


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "queue" / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def words(authority):
    """What a collector and its target are told, for a kind of connection."""

    def make(kind):
        if kind.scheme != "tls":
            return {"framing": kind.framing}, {}
        return {"framing": kind.framing, "tls": authority.issue()}, {"ca": str(authority.ca)}

    return make


PASSING = {
    "good": Collector,
    "resets": partial(ResetsAfter, 7, well_behaved_after=3),
    "resets at once": partial(ResetsAfter, 0, well_behaved_after=2),
    "closes": partial(ClosesWithFin, 7, well_behaved_after=3),
    "closes in mid-frame": partial(ClosesInMidFrame, 7, well_behaved_after=3),
    "hides a reset": partial(HidesAReset, 7, well_behaved_after=3),
    "stalls": partial(Stalls, 5, 1.5),
    "refuses": partial(Refuses, 1.0),
    "half-closes at once": partial(HalfClosesFirst, 0, well_behaved_after=2),
    "half-closes": partial(HalfClosesFirst, 7, well_behaved_after=3),
    "hangs": partial(HangsWithoutReading, well_behaved_after=1),
    "never answers": partial(NeverAnswers, well_behaved_after=1),
    "talks": Talks,
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", PASSING)
def test_a_collector_that_recovers_gets_everything_and_few_copies(queue, words, kind, name):
    of_collector, of_target = words(kind)
    sent = fill(queue, COUNT)
    with PASSING[name](**of_collector) as collector:
        to = target(kind.scheme, collector.port, **of_target)
        with forwarding(queue, to, framing=kind.framing) as running:
            running.finish()
        total = queue.sum()
        frames = collector.frames_with(sent)
    if name == "hangs":  # its first message waits for an answer until another one is answered
        sent = [*sent[1:], sent[0]]
    assert in_order(frames) == sent
    assert copies(frames) <= 5
    assert total.confirmed == COUNT
    if name in {"good", "stalls", "refuses", "talks"}:
        assert frames == sent


ALWAYS = {
    "resets": partial(ResetsAfter, 5),
    "closes": partial(ClosesWithFin, 5),
    "closes in mid-frame": partial(ClosesInMidFrame, 5),
    "hides a reset": partial(HidesAReset, 5),
    "half-closes at once": partial(HalfClosesFirst, 0),
    "half-closes": partial(HalfClosesFirst, 5),
    "never answers": NeverAnswers,
}


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.parametrize("name", ALWAYS)
def test_a_collector_that_is_never_good_gets_everything_and_copies_come_to_an_end(
    queue, words, kind, name
):
    of_collector, of_target = words(kind)
    sent = fill(queue, SOME)
    with ALWAYS[name](**of_collector) as collector:
        to = target(kind.scheme, collector.port, **of_target)
        patience = HASTY._replace(probe=0.25)
        with forwarding(queue, to, framing=kind.framing, patience=patience) as running:
            running.finish(60)
        frames = collector.frames_with(sent)
    assert set(frames) == set(sent)
    assert copies(frames) <= 2 * MISSES_OF_KNOWN
    total = queue.sum()
    assert total.confirmed + total.unconfirmed == SOME


def test_a_collector_that_does_not_read_is_stalled_after_a_while_and_says_so_once(queue, caplog):
    caplog.set_level("INFO")
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        fill(queue, 30_000, row=500, size=1000)
        with forwarding(queue, target("tcp", server.getsockname()[1])) as running:
            running.wait_for(lambda: running.state.reason == "stalled", 60)
            assert running.state.connected
            assert "it does not read" in running.state.text
    told = [each for each in caplog.records if getattr(each, "fields", {}).get("code") == "stalled"]
    assert len(told) == 1
    assert told[0].fields["reason"] == "stalled"
    assert told[0].fields["destination"] == "siem"
