"""Messages that a broker does not take, one by one; a real broker, and a queue filled by hand."""

from __future__ import annotations

import pytest
from brokers import Topics, mock, noida
from forwarding import forwarding

from cef_bridge.delivery.destination_url import parse_target
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "queue" / "siem.queue")
    yield queue
    queue.close()


def test_a_message_that_is_too_large_is_a_dead_letter_and_holds_up_nothing(queue, tmp_path, caplog):
    small = [b"CEF:0|a|b|1|c|d|5|externalId=%d" % number for number in range(20)]
    large = small[3] + b" msg=" + b"m" * 1_200_000
    queue.append([MessageBatch(ALERTS, [*small[:10], large, *small[10:]])])
    with noida(tmp_path / "broker") as server:
        topics = Topics(server.port)
        topics.create("events")
        with forwarding(queue, parse_target(f"kafka://{topics.servers}/events")) as running:
            running.finish()
        total = queue.sum()
        assert (total.confirmed, total.dead_lettered) == (20, 1)
        assert sorted(each.value() for each in topics.read("events", 20)) == sorted(small)
    assert "the broker does not take it" in caplog.text


def test_a_stop_is_followed_while_no_broker_answers_and_all_stays_in_the_queue(queue):
    queue.append([MessageBatch(ALERTS, [b"CEF:0|a|b|1|c|d|5|"] * 10)])
    with forwarding(queue, parse_target("kafka://127.0.0.1:9/events")) as running:
        running.wait_for(lambda: "no broker of 127.0.0.1:9 answers" in running.state.last_error)
    assert queue.sum().waiting + queue.sum().in_flight == 10


def test_another_broker_takes_messages_as_well(queue):
    sent = [b"CEF:0|a|b|1|c|d|5|externalId=%d" % number for number in range(500)]
    queue.append([MessageBatch(ALERTS, sent)])
    with mock() as port:
        with forwarding(queue, parse_target(f"kafka://127.0.0.1:{port}/events")) as running:
            running.finish()
        found = Topics(port).read("events", 500)
    assert sorted(each.value() for each in found) == sorted(sent)
    assert queue.sum().confirmed == 500


def test_it_is_connected_when_a_broker_has_answered_and_not_before(queue, caplog):
    caplog.set_level("INFO")
    queue.append([MessageBatch(ALERTS, [b"CEF:0|a|b|1|c|d|5|"] * 10)])
    with forwarding(queue, parse_target("kafka://127.0.0.1:9/events")) as running:
        running.wait_for(lambda: running.state.reason == "unreachable")
        assert not running.state.connected
        assert running.state.text.startswith("waiting: no broker of")
    assert "connected to" not in caplog.text
    with mock() as port:
        with forwarding(queue, parse_target(f"kafka://127.0.0.1:{port}/events")) as running:
            running.wait_for(lambda: running.state.connected)
            running.finish()
        assert queue.sum().confirmed == 10
        assert caplog.text.count(f"siem: connected to kafka://127.0.0.1:{port}/events") == 1
    assert running.state.reason == ""


def test_without_messages_it_is_connected_and_again_after_an_outage(queue, tmp_path, caplog):
    caplog.set_level("INFO")
    with noida(tmp_path / "broker") as server:
        Topics(server.port).create("events")
        server.settle()
        with forwarding(queue, parse_target(f"kafka://127.0.0.1:{server.port}/events")) as running:
            running.wait_for(lambda: running.state.connected)
            server.kill()
            running.wait_for(lambda: running.state.reason == "unreachable")
            assert not running.state.connected
            server.start()
            running.wait_for(lambda: running.state.connected)
            assert running.state.reason == ""
    assert caplog.text.count("takes messages again") == 1


def test_without_messages_and_without_a_broker_it_is_unreachable(queue):
    with forwarding(queue, parse_target("kafka://127.0.0.1:9/events")) as running:
        running.wait_for(lambda: running.state.reason == "unreachable")
        assert not running.state.connected
        assert running.end() < 5


def test_after_an_outage_it_is_connected_again(queue, tmp_path):
    def send(count, first):
        sent = [b"CEF:0|a|b|1|c|d|5|externalId=%d" % number for number in range(first, count)]
        queue.append([MessageBatch(ALERTS, sent)])

    with noida(tmp_path / "broker") as server:
        Topics(server.port).create("events")
        server.settle()
        with forwarding(queue, parse_target(f"kafka://127.0.0.1:{server.port}/events")) as running:
            send(10, 0)
            running.wait_for(lambda: queue.sum().confirmed == 10)
            assert running.state.connected
            server.kill()
            running.wait_for(lambda: not running.state.connected)
            assert running.state.reason == "unreachable"
            send(20, 10)
            server.start()
            running.wait_for(lambda: queue.sum().confirmed == 20)
            running.wait_for(lambda: running.state.connected and not running.state.reason)
            running.finish()
