"""The forwarder and its queue: receipts, restarts, failover, what is held, and how it ends."""

from __future__ import annotations

import logging
import select
import threading
import time

import pytest
from certificates import Authority
from forwarding import HASTY, KINDS, copies, fill, forwarding, in_order, message, target
from hostile import (
    Collector,
    EndsWithoutNotice,
    HangsWithoutReading,
    KilledBeforeItStores,
    NeverAnswers,
    ReadsSlowly,
)

from cef_bridge.delivery.receipts import COPIES
from cef_bridge.queue.queue import ALERTS, TELEMETRY, MessageBatch, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "queue" / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


def warnings(caplog):
    return [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]


def known(queue, collector, answer="strong"):
    """Let the forwarder know from earlier that this collector answers."""
    queue.remember(f"answers:tcp:127.0.0.1:{collector.port}", answer)


class ClosesWhenIdle(Collector):
    """Ends connections over which nothing comes for a moment."""

    def misbehave(self, talk):
        while select.select([talk.sock], [], [], 0.8)[0]:
            if not talk.read():
                return
        talk.fin()


class AnswersLate(Collector):
    """Reads everything at once, and thinks about it before it ends its side."""

    def misbehave(self, talk):
        talk.read_all()
        talk.pause(1.5)


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_arrives_once_in_order_and_confirmed(queue, authority, kind):
    pair = authority.issue() if kind.scheme == "tls" else None
    sent = fill(queue, 500)
    with Collector(framing=kind.framing, tls=pair) as collector:
        to = target(kind.scheme, collector.port, ca=str(authority.ca) if pair else None)
        with forwarding(queue, to, framing=kind.framing) as running:
            running.finish()
            state = running.state
        assert collector.frames() == sent
    total = queue.sum()
    assert (total.accepted, total.confirmed) == (500, 500)
    assert state.receipts >= 2
    assert (state.sent, state.resent, state.breaks, state.last_error) == (500, 0, 0, "")
    framed = 100 + (1 if kind.framing == "lf" else 4)
    assert state.sent_bytes == 500 * framed


def test_the_targets_framing_goes_before_the_mappings(queue):
    sent = fill(queue, 10)
    with Collector(framing="octet-counting") as collector:
        to = target("tcp", collector.port, framing="octet-counting")
        with forwarding(queue, to, framing="lf") as running:
            running.finish()
        assert collector.frames() == sent


def test_alerts_overtake_telemetry_and_each_lane_keeps_its_order(queue):
    telemetry = fill(queue, 100, lane=TELEMETRY)
    alerts = fill(queue, 100, start=100, lane=ALERTS)
    with Collector() as collector:
        with forwarding(queue, target("tcp", collector.port)) as running:
            running.finish()
        assert collector.frames() == alerts + telemetry


def test_what_is_appended_while_it_runs_is_confirmed_without_an_end(queue):
    with Collector() as collector:
        with forwarding(queue, target("tcp", collector.port)) as running:
            running.wait_for(lambda: running.state.connected)
            for number in range(5):
                queue.append([MessageBatch(ALERTS, [message(number)])])
                running.wait_for(lambda n=number: queue.sum().confirmed == n + 1)
            assert running.alive
        assert collector.frames() == [message(number) for number in range(5)]


def test_a_busy_connection_is_turned_over_by_time_and_by_bytes(queue):
    fill(queue, 500)
    with Collector() as collector:
        known(queue, collector)
        to = target("tcp", collector.port, confirm_interval=60, confirm_bytes=10_000)
        with forwarding(queue, to) as running:
            running.finish()
            assert running.state.receipts == 5  # rows of 50 messages: every second one is enough
        assert len(collector.received()) == 5
    with Collector() as collector:
        known(queue, collector)
        with forwarding(queue, target("tcp", collector.port, confirm_interval=0.3)) as running:
            for number in range(20):
                queue.append([MessageBatch(ALERTS, [message(number)])])
                running.stop.wait(0.05)
            running.wait_for(lambda: running.state.receipts >= 2)
            running.finish()


def test_an_end_that_is_ordered_with_nothing_to_send_is_an_end(queue):
    with forwarding(queue, target("tcp", 1)) as running:
        running.finish(5)


def test_an_end_that_is_ordered_while_nobody_can_be_reached_and_nothing_waits_is_an_end(queue):
    with forwarding(queue, target("tcp", 1)) as running:
        running.wait_for(lambda: running.state.last_error)
        running.finish(10)


def test_a_stop_ends_a_wait_for_a_connection_soon(queue):
    fill(queue, 10)
    with forwarding(queue, target("tcp", 1)) as running:
        running.wait_for(lambda: running.state.last_error)
        assert running.end() < 3
        assert "nothing listens there" in running.state.last_error
    assert queue.sum().waiting == 10


def test_an_outage_is_one_line_of_log_and_its_end_another(queue, caplog):
    caplog.set_level(logging.INFO)
    fill(queue, 10)
    with Collector() as first:
        port = first.port
    with forwarding(queue, target("tcp", port)) as running:
        running.wait_for(lambda: running.state.last_error)
        running.stop.wait(1.5)
        with Collector(port=port):
            running.finish()
    said = [each.getMessage() for each in caplog.records if each.name.endswith("progress")]
    assert said == [
        (
            f"siem: cannot reach 127.0.0.1:{port}: nothing listens there. Start the collector, or "
            "correct the port. 10 messages queued, none lost."
        ),
        f"siem: connected to 127.0.0.1:{port}",
        f"siem: 127.0.0.1:{port} takes messages again",
    ]


# Slow is not broken


def test_a_reader_slower_than_every_time_out_gets_no_copies(queue):
    sent = fill(queue, 60)
    patience = HASTY._replace(probe=0.05, idle=0.05)
    with ReadsSlowly(50, 0.03) as collector:
        with forwarding(queue, target("tcp", collector.port), patience=patience) as running:
            running.finish()
        assert collector.wait_for(60, 30)
        assert sorted(collector.frames()) == sent


def test_a_reader_that_is_known_to_answer_is_waited_for(queue):
    sent = fill(queue, 200)
    patience = HASTY._replace(probe=0.01, idle=0.01)
    with ReadsSlowly(500, 0.03) as collector:
        known(queue, collector)
        to = target("tcp", collector.port, confirm_interval=0.1)
        with forwarding(queue, to, patience=patience) as running:
            running.finish()
        assert collector.frames() == sent
    assert queue.sum().confirmed == 200


@pytest.mark.parametrize("fact", ["strong", ""], ids=["known", "unknown"])
def test_an_answer_that_comes_late_is_an_answer(queue, fact):
    sent = fill(queue, 10)
    patience = HASTY._replace(probe=0.1)
    with AnswersLate() as collector:
        queue.remember(f"answers:tcp:127.0.0.1:{collector.port}", fact)
        with forwarding(queue, target("tcp", collector.port), patience=patience) as running:
            running.wait_for(lambda: queue.sum().confirmed)
            running.finish()
        assert sorted(collector.frames()) == sent
    assert queue.sum().confirmed == 10


def test_a_known_collector_that_hangs_gets_no_copies_and_does_not_hold_up_a_stop(queue):
    fill(queue, 2000, size=1000)
    with HangsWithoutReading() as collector:
        known(queue, collector)
        with forwarding(queue, target("tcp", collector.port)) as running:
            running.wait_for(lambda: "does not read" in running.state.text)
            running.stop.wait(1.5)
            assert running.end() < 3
        assert collector.connections == 1
    total = queue.sum()
    assert (total.confirmed, total.unconfirmed) == (0, 0)


# Targets that do not answer


def test_who_never_answers_gets_a_warning_and_a_window(queue, caplog):
    sent = fill(queue, 300)
    with NeverAnswers() as collector:
        with forwarding(queue, target("tcp", collector.port, unconfirmed_window=10_000)) as running:
            running.wait_for(lambda: queue.sum().unconfirmed)
            collector.wait_for(300)
            running.wait_for(lambda: queue.sum().unconfirmed >= 150)
            assert queue.sum().in_flight >= 100  # the window's worth
            fill(queue, 100, start=300)
            running.wait_for(lambda: queue.sum().unconfirmed >= 250)
            assert running.alive
            running.finish()
        assert collector.frames()[:300] == sent
        assert copies(collector.frames()) == 1
    total = queue.sum()
    assert (total.confirmed, total.unconfirmed) == (0, 400)
    assert warnings(caplog) == [
        (
            f"siem: 127.0.0.1:{collector.port} gives no receipt when a connection is closed in order, so "
            "arrival cannot be confirmed. Messages count as unconfirmed, and leave the queue after "
            "10,000 bytes more were sent. A probe repeats from time to time."
        )
    ]


def test_what_the_collectors_kernel_has_not_taken_does_not_leave(queue):
    fill(queue, 2000, size=1000)
    with HangsWithoutReading() as collector:
        to = target("tcp", collector.port, unconfirmed_window=1024)
        with forwarding(queue, to) as running:
            running.forwarder.finish()
            running.wait_for(lambda: "does not read" in running.state.text)
            running.stop.wait(1.5)
            assert running.alive
    assert queue.sum().unconfirmed < 1000


def test_who_did_not_answer_is_asked_again_and_believed_when_it_does(queue, caplog):
    caplog.set_level(logging.INFO)
    later = 0.0
    with NeverAnswers(well_behaved_after=2) as collector:
        to = target("tcp", collector.port)
        with forwarding(queue, to, clock=lambda: time.monotonic() + later) as running:
            fill(queue, 20)
            running.wait_for(lambda: collector.connections == 2)
            running.wait_for(lambda: len(collector.frames()) == 20)
            assert queue.sum().in_flight == 20
            later += 61
            running.wait_for(lambda: collector.connections == 3)
            fill(queue, 20, start=20)
            running.wait_for(lambda: len(collector.frames()) == 40)
            assert copies(collector.frames()) == 1
            later += 121
            # What the first two connections carried is sent again: a third one was answered.
            running.wait_for(lambda: queue.sum().confirmed == 40)
            running.finish()
        assert copies(collector.frames()) == 2
        assert queue.recall(f"answers:tcp:127.0.0.1:{collector.port}") == "strong"
    assert any("answers now" in each.getMessage() for each in caplog.records)


def test_who_never_answered_is_not_probed_first_after_a_restart(queue):
    with NeverAnswers() as collector:
        for start in (0, 10):
            fill(queue, 10, start=start)
            with forwarding(queue, target("tcp", collector.port)) as running:
                running.finish()
        assert copies(collector.frames()) == 1
        assert collector.connections == 3


def test_who_shall_not_be_asked_is_not(queue):
    sent = fill(queue, 100)
    with Collector() as collector:
        to = target("tcp", collector.port, confirm="off", confirm_interval=0.1)
        with forwarding(queue, to) as running:
            running.finish()
        assert collector.received() == [b"".join(each + b"\n" for each in sent)]
    total = queue.sum()
    assert (total.confirmed, total.unconfirmed) == (0, 100)
    assert queue.recall(f"answers:tcp:127.0.0.1:{collector.port}") is None


def test_a_collector_that_ends_tls_without_notice_is_believed_until_it_did_better(queue, authority):
    sent = fill(queue, 100)
    with EndsWithoutNotice(tls=authority.issue()) as collector:
        to = target("tls", collector.port, ca=str(authority.ca))
        with forwarding(queue, to) as running:
            running.finish()
        assert collector.frames() == sent
        assert queue.sum().confirmed == 100
        fact = f"answers:tls:127.0.0.1:{collector.port}"
        assert queue.recall(fact) == "weak"
        queue.remember(fact, "strong")
        fill(queue, 1, start=100)
        with forwarding(queue, to) as running:
            running.finish()
        assert collector.frames().count(message(100)) > 1
    total = queue.sum()
    assert (total.confirmed, total.unconfirmed) == (100, 1)


# Restarts


def test_a_collector_that_restarts_again_and_again_loses_nothing(queue):
    count = 3000
    frames = []

    def append():
        for start in range(0, count, 100):
            fill(queue, 100, start=start)
            pause.wait(0.03)

    pause = threading.Event()
    appender = threading.Thread(target=append)
    with Collector() as first:
        port = first.port
    with forwarding(queue, target("tcp", port)) as running:
        appender.start()
        for _ in range(6):
            with Collector(port=port) as collector:
                collector.wait_for(100)
            frames += collector.frames()
            running.stop.wait(0.05)
        appender.join()
        with Collector(port=port) as collector:
            running.finish()
        frames += collector.frames()
    assert sorted(set(frames)) == [message(number) for number in range(count)]
    assert in_order(frames) == sorted(set(frames))


def test_what_was_held_is_sent_again_to_a_collector_that_was_killed(queue):
    sent = fill(queue, 100)
    with Collector() as collector:
        known(queue, collector)
        to = target("tcp", collector.port, confirm_hold=2, confirm_bytes=1024)
        with forwarding(queue, to) as running:
            running.wait_for(lambda: queue.sum().confirmed == 100)
            collector.__exit__()
            with Collector(port=collector.port) as again:
                assert again.wait_for(100)
                running.wait_for(lambda: running.state.resent == 100)
                running.finish()
            # Rows of 50, and each is larger than a turn-over: the last two rounds.
            assert again.frames() == sent
    assert queue.sum().confirmed == 100


def test_an_answer_of_a_collector_that_is_gone_then_was_its_kernel_s(queue):
    sent = fill(queue, 100)
    with KilledBeforeItStores() as killed:
        known(queue, killed)
        to = target("tcp", killed.port, confirm_hold=0)
        with forwarding(queue, to) as running:
            running.wait_for(lambda: running.state.last_error)
            with Collector(port=killed.port) as collector:
                running.finish()
            assert collector.frames() == sent
    assert queue.sum().confirmed == 100


def test_what_need_not_be_held_is_not_sent_again(queue):
    fill(queue, 100)
    with Collector() as collector:
        to = target("tcp", collector.port, confirm_hold=0)
        with forwarding(queue, to) as running:
            running.wait_for(lambda: queue.sum().confirmed == 100)
            # The first goes alone, the others follow, and the collector is still there.
            running.wait_for(lambda: collector.connections == 3)
            collector.__exit__()
            with Collector(port=collector.port) as again:
                fill(queue, 1, start=100)
                running.finish()
            assert again.frames() == [message(100)]


def test_nothing_is_held_for_longer_than_said(queue):
    fill(queue, 100)
    with Collector() as collector:
        to = target("tcp", collector.port)
        with forwarding(queue, to, patience=HASTY._replace(hold=0.2)) as running:
            running.wait_for(lambda: queue.sum().confirmed == 100)
            running.stop.wait(1)
            collector.__exit__()
            with Collector(port=collector.port) as again:
                fill(queue, 1, start=100)
                running.finish()
            assert again.frames() == [message(100)]


def test_a_collector_that_ends_idle_connections_gets_few_copies_of_what_is_held(queue):
    sent = fill(queue, 20)
    with ClosesWhenIdle() as collector:
        known(queue, collector)
        with forwarding(queue, target("tcp", collector.port)) as running:
            running.wait_for(lambda: queue.sum().confirmed == 20)
            running.stop.wait(4)
            running.finish()
        frames = collector.frames()
    assert in_order(frames) == sent
    assert copies(frames) <= 1 + COPIES


def test_an_idle_connection_that_ends_with_nothing_held_is_no_trouble(queue, caplog):
    fill(queue, 20)
    with ClosesWhenIdle() as collector:
        known(queue, collector)
        to = target("tcp", collector.port, confirm_hold=0)
        with forwarding(queue, to) as running:
            running.wait_for(lambda: queue.sum().confirmed == 20)
            running.wait_for(lambda: collector.connections >= 3)
            assert running.state.breaks == 0
            fill(queue, 20, start=20)
            running.finish()
        assert len(collector.frames()) == 40
    assert warnings(caplog) == []


def test_a_stop_in_the_middle_leaves_the_rest_to_the_next_one(queue):
    sent = fill(queue, 1000)
    with ReadsSlowly(2000, 0.02) as slow:
        known(queue, slow)
        with forwarding(queue, target("tcp", slow.port)) as running:
            slow.wait_for(100)
            assert running.end() < 3
        rest = queue.sum()
        assert rest.in_flight + rest.waiting > 0
    with Collector(port=slow.port) as collector:
        with forwarding(queue, target("tcp", slow.port)) as running:
            running.finish()
        assert set(slow.frames() + collector.frames()) == set(sent)
    assert queue.sum().confirmed == 1000


def test_a_queue_that_was_closed_in_the_middle_is_sent_by_the_next_process(queue, tmp_path):
    """Closing without settling is what kill -9 leaves behind."""
    sent = fill(queue, 200)
    with (
        HangsWithoutReading() as hung,
        forwarding(queue, target("tcp", hung.port)) as running,
    ):
        running.wait_for(lambda: running.state.sent)
    queue.close()
    again = Queue.open(tmp_path / "queue" / "siem.queue")
    with Collector(port=hung.port) as collector:
        with forwarding(again, target("tcp", collector.port)) as running:
            running.finish()
        assert collector.frames() == sent
    again.close()


# Failover


def test_the_next_endpoint_takes_over_and_the_preferred_one_comes_back(queue):
    with Collector() as first, Collector() as second:
        to = target("tcp", first.port, second.port, confirm_interval=0.2)
        with forwarding(queue, to) as running:
            a = fill(queue, 50)
            running.wait_for(lambda: queue.sum().confirmed == 50)
            assert first.frames() == a
            first.__exit__()
            b = fill(queue, 50, start=50)
            running.wait_for(lambda: queue.sum().confirmed == 100)
            assert set(second.frames()) >= set(b)
            with Collector(port=first.port) as back:
                running.wait_for(lambda: running.state.peer.endswith(str(back.port)))
                count = len(second.frames())
                c = fill(queue, 50, start=100)
                running.finish()
                assert back.frames() == c
            assert len(second.frames()) == count


def test_the_way_back_does_not_wait_for_an_idle_moment(queue):
    with Collector() as first:
        gone = first.port
    with Collector() as second:
        to = target("tcp", gone, second.port, confirm_interval=0.2)
        with forwarding(queue, to) as running:
            with Collector(port=gone) as back:
                number = 0
                while not back.frames():
                    fill(queue, 1, start=number)
                    number += 1
                    running.stop.wait(0.01)
                    assert number < 3000
                running.finish()
            frames = second.frames() + back.frames()
            assert sorted(set(frames)) == [message(each) for each in range(number)]


def test_an_endpoint_that_takes_nothing_makes_way_for_the_next(queue):
    from hostile import ResetsAfter

    sent = fill(queue, 50)
    with ResetsAfter(0) as bad, Collector() as good:
        to = target("tcp", bad.port, good.port)
        with forwarding(queue, to, patience=HASTY._replace(back=60)) as running:
            running.finish()
        assert good.frames() == sent


# Certificates


@pytest.mark.parametrize(
    ("server", "client", "says"),
    [
        ({"expired": True}, False, "expired"),
        ({"other": True}, False, "authority"),
        ({"names": ("elsewhere.example",)}, False, "name"),
        ({}, True, "certificate"),
    ],
    ids=["expired", "unknown CA", "wrong name", "refused client certificate"],
)
def test_with_a_certificate_that_is_refused_nothing_counts_as_sent(
    queue, authority, tmp_path, caplog, server, client, says
):
    fill(queue, 10)
    stranger = Authority(tmp_path / "stranger", "stranger")
    issuer = stranger if server.get("other") else authority
    pair = issuer.issue(*server.get("names", ()), expired=bool(server.get("expired")))
    words = {"ca": str(authority.ca)}
    if client:
        mine = stranger.issue(client=True)
        words |= {"cert": str(mine.cert), "key": str(mine.key)}
    with Collector(tls=pair, client_ca=authority.ca if client else None) as collector:
        with forwarding(queue, target("tls", collector.port, **words)) as running:
            running.forwarder.finish()
            running.wait_for(lambda: says in running.state.last_error)
            if client:  # which is refused after the handshake: it may not seem connected meanwhile
                running.wait_for(lambda: len(collector.refused) > 3 or running.state.connected)
            assert running.alive
            assert not running.state.connected
            assert running.state.sent <= 1
        assert collector.frames() == []
    total = queue.sum()
    assert (total.confirmed, total.unconfirmed) == (0, 0)
    assert total.waiting + total.in_flight == 10
    assert [each.levelno for each in caplog.records if "certificate" in each.getMessage()].count(
        logging.ERROR
    ) == 1
