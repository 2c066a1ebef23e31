"""Messages to Splunk's HTTP Event Collector: what is confirmed, sent again, and put aside."""

from __future__ import annotations

import json
import logging

import pytest
from certificates import Authority
from forwarding import HASTY, copies, fill, forwarding, message, messages
from hec_server import (
    BAD_CHANNEL,
    BAD_INDEX,
    BUSY,
    NEVER,
    NO_CHANNEL,
    SUCCESS,
    TOKEN,
    HecServer,
)
from http_servers import (
    Always,
    Answers,
    ClosesBeforeAnswer,
    ClosesInAnswer,
    ClosesInRequest,
    ConnectProxy,
    Hangs,
)
from waiting import until

from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.lines.facts import facts_of
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture
def server():
    with HecServer() as server:
        yield server


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(f"{TOKEN}\n")
    return f"file:{path}"


@pytest.fixture
def to(server, token):
    def make(*servers, **words) -> DestinationUrl:
        ports = [each.port for each in servers or (server,)]
        return DestinationUrl(
            scheme="splunk-hec",
            endpoints=tuple(("127.0.0.1", port) for port in ports),
            **{"uses_tls": False, "token": token, "batch_wait": 0.0, **words},
        )

    return make


def channels(server) -> list[str]:
    """Return the channels of requests with events, in the order of their first one."""
    found = [
        it.headers["X-Splunk-Request-Channel"]
        for it in server.requests
        if it.path.endswith("event")
    ]
    return list(dict.fromkeys(found))


def test_messages_are_confirmed_when_the_indexer_says_that_they_are_indexed(queue, server, to):
    server.indexes_after = 3
    sent = fill(queue, 1000)
    with forwarding(queue, to()) as running:
        running.finish()
    assert server.lines() == sent
    assert queue.sum().confirmed == 1000
    asked = [json.loads(it.body)["acks"] for it in server.requests if it.path.endswith("ack")]
    assert len(asked) >= 4


def test_nothing_is_confirmed_that_is_never_acknowledged_and_it_goes_by_another_channel(
    queue, server, to, caplog
):
    server.indexes_after = NEVER
    sent = fill(queue, 100)
    with forwarding(queue, to(ack_timeout=1.0)) as running:
        until(lambda: copies(server.lines()) >= 3)
        assert queue.sum().confirmed == queue.sum().unconfirmed == 0
        assert len(channels(server)) >= 3
        running.wait_for(lambda: running.state.resent >= 200)
        server.indexes_after = 0
        running.finish()
    assert queue.sum().confirmed == 100
    assert set(server.lines()) == set(sent)
    assert (
        "no acknowledgement within 1 seconds. It is sent again on another channel." in caplog.text
    )


def test_without_acknowledgement_messages_are_unconfirmed_and_never_confirmed(queue, server, to):
    server.acks = False
    fill(queue, 100)
    with forwarding(queue, to(ack=False)) as running:
        running.finish()
    assert (queue.sum().confirmed, queue.sum().unconfirmed) == (0, 100)
    assert {it.path for it in server.requests} == {"/services/collector/event"}


def test_a_token_without_acknowledgement_is_said_before_anything_is_sent(queue, server, to, caplog):
    server.acks = False
    fill(queue, 10)
    with forwarding(queue, to()) as running:
        running.wait_for(lambda: "ACK is disabled (code 14)" in running.state.last_error)
    assert server.lines() == []
    assert queue.sum().waiting + queue.sum().in_flight == 10
    record = next(it for it in caplog.records if it.levelno == logging.ERROR)
    assert (
        "Enable indexer acknowledgment for the token, or set ack=off (unconfirmed messages)."
        " 10 messages queued, none lost." in record.message
    )


def test_a_200_without_a_number_confirms_nothing(queue, server, to):
    fill(queue, 10)
    server.next.append(Always(Answers(200, SUCCESS)))
    with forwarding(queue, to()) as running:
        running.wait_for(lambda: "gave no ackId" in running.state.last_error)
        assert queue.sum().confirmed == queue.sum().unconfirmed == 0


def test_a_200_of_something_else_is_no_fate_at_all(queue, server, to):
    fill(queue, 10)
    server.next.append(Always(Answers(200, b"<html>Welcome</html>")))
    with forwarding(queue, to(ack=False)) as running:
        running.wait_for(lambda: "Is an HTTP Event Collector there" in running.state.last_error)
        assert queue.sum().confirmed == queue.sum().unconfirmed == 0


@pytest.mark.parametrize(
    "fault",
    [
        Answers(503, BUSY),
        Answers(400, NO_CHANNEL),
        Answers(400, BAD_CHANNEL),
        Answers(500, {"text": "Internal server error", "code": 8}),
        Answers(429, {"text": "HEC queue at capacity", "code": 26}),
        Answers(502, b"bad gateway"),
        ClosesBeforeAnswer(),
        ClosesInAnswer(),
        ClosesInRequest(),
    ],
    ids=lambda it: str(getattr(it, "said", None) or type(it).__name__)[:40],
)
def test_what_passes_by_itself_is_sent_again(queue, server, to, fault):
    sent = fill(queue, 100)
    server.next += [fault, fault]
    with forwarding(queue, to()) as running:
        running.finish()
    assert set(server.lines()) == set(sent)
    assert queue.sum().confirmed == 100
    assert running.state.last_error


@pytest.mark.parametrize("said", [NO_CHANNEL, BAD_CHANNEL], ids=["10", "11"])
def test_a_channel_that_is_not_known_is_replaced(queue, server, to, said):
    fill(queue, 10)
    server.next.append(Answers(400, said))
    with forwarding(queue, to()) as running:
        running.finish()
    assert len(channels(server)) == 2


def test_a_channel_that_the_server_forgets_is_replaced_and_its_messages_are_sent_again(
    queue, server, to
):
    server.indexes_after = NEVER
    sent = fill(queue, 50)
    with forwarding(queue, to()) as running:
        until(lambda: server.lines() == sent)
        server.forgotten.add(channels(server)[0])
        server.indexes_after = 0
        running.finish()
    assert sorted(server.lines()) == sorted(sent * 2)
    assert queue.sum().confirmed == 50


@pytest.mark.parametrize(
    ("status", "said", "todo"),
    [
        (403, {"text": "Token disabled", "code": 1}, "Enable the token there."),
        (401, {"text": "Token is required", "code": 2}, "Check the token."),
        (401, {"text": "Invalid authorization", "code": 3}, "Check the token."),
        (403, {"text": "Invalid token", "code": 4}, "Check the token."),
        (400, BAD_INDEX, "Allow this token to write to the index, or correct index=."),
        (301, b"", "It sends us elsewhere, and we do not follow. Name that host."),
        (404, b"", "Is an HTTP Event Collector there, and enabled?"),
    ],
)
def test_what_somebody_must_act_on_is_an_error_and_loses_nothing(
    queue, server, to, caplog, status, said, todo
):
    fill(queue, 100)
    server.next.append(Always(Answers(status, said, {"Location": "/"})))
    with forwarding(queue, to()) as running:
        running.wait_for(lambda: todo in running.state.last_error)
        assert not running.state.connected
    total = queue.sum()
    assert (total.waiting + total.in_flight, total.dead_lettered) == (100, 0)
    assert next(it.levelno for it in caplog.records if todo in it.message) == logging.ERROR
    assert TOKEN not in caplog.text


def test_a_renewed_token_is_taken_without_a_restart(queue, server, to, token):
    server.token = "1f1ed2c4-5b1b-4ba4-a8a2-7b5f3f8c3d2e"  # noqa: S105 - as above
    fill(queue, 10)
    with forwarding(queue, to()) as running:
        # Waits that are drawn from here are no more than half a second.
        running.forwarder._sender._backoff._most = 0.5  # noqa: SLF001
        running.wait_for(lambda: "Invalid token (code 4)" in running.state.last_error)
        with open(token.removeprefix("file:"), "w") as file:  # noqa: PTH123
            file.write(server.token)
        running.finish()
    assert queue.sum().confirmed == 10


def test_an_invalid_event_is_a_dead_letter_and_the_others_arrive(queue, server, to, caplog):
    sent = fill(queue, 100)
    server.invalid = sent[42].decode()
    with forwarding(queue, to()) as running:
        running.finish()
    assert server.lines() == sent[:42] + sent[43:]
    total = queue.sum()
    assert (total.confirmed, total.dead_lettered) == (99, 1)
    assert "400: Invalid data format (code 6). It is kept among the dead letters" in caplog.text


def test_of_a_batch_that_is_refused_as_a_whole_the_guilty_one_is_found(queue, server, to):
    sent = fill(queue, 64)

    class RefusesOne:
        def meet(self, handler, request) -> None:
            if sent[13] in request.body:
                handler.answer(400, {"text": "Invalid data format", "code": 6})
            else:
                server.respond(handler, request)

    server.next.append(Always(RefusesOne()))
    with forwarding(queue, to()) as running:
        running.finish()
    assert sorted(server.lines()) == sorted(sent[:13] + sent[14:])
    assert (queue.sum().confirmed, queue.sum().dead_lettered) == (63, 1)


def test_too_large_requests_are_halved_and_a_message_that_is_too_large_alone_is_put_aside(
    queue, server, to
):
    server.most_bytes = 4000
    queue.append([MessageBatch(ALERTS, [message(7, 5000)])])
    sent = fill(queue, 500, start=100)
    with forwarding(queue, to()) as running:
        running.finish()
    assert server.lines() == sent
    assert (queue.sum().confirmed, queue.sum().dead_lettered) == (500, 1)


def test_batches_have_the_bytes_that_were_asked_for(queue, server, to):
    sent = fill(queue, 300)
    with forwarding(queue, to(batch_bytes=2000)) as running:
        running.finish()
    assert server.lines() == sent
    assert [len(events) for events in server.taken] == [20] * 15


def test_several_batches_wait_for_their_numbers_at_once_and_no_more_than_the_window_has(
    queue, server, to
):
    server.indexes_after = NEVER
    fill(queue, 300)
    with forwarding(queue, to(batch_bytes=1000, ack_window=5000)) as running:
        until(lambda: len(server.taken) == 5)
        asked = len(server.requests)
        until(lambda: len(server.requests) > asked + 2)
        assert len(server.taken) == 5
        server.indexes_after = 0
        running.finish()
    assert queue.sum().confirmed == 300
    assert copies(server.lines()) == 1


def test_a_number_that_a_restarted_server_gives_again_confirms_nothing_of_before(queue, server, to):
    """Its channels are gone with it; the same numbers are those of other events then."""
    server.indexes_after = NEVER
    before = fill(queue, 30, row=10)
    with forwarding(queue, to(batch_bytes=1024)) as running:
        until(lambda: server.lines() == before)
        with server.lock:  # killed before it has indexed anything, and started again
            server.taken.clear()
            server.channels.clear()
            server.indexes_after = 0
        after = fill(queue, 30, row=10, start=500)
        running.finish()
    assert set(server.lines()) == {*before, *after}
    assert queue.sum().confirmed == 60


def test_numbers_that_come_in_another_order_settle_their_own_batches(queue, server, to):
    server.indexes_after = NEVER
    fill(queue, 40, row=10)
    with forwarding(queue, to(batch_bytes=1024)) as running:
        until(lambda: len(server.taken) == 4)
        (channel,) = channels(server)
        with server.lock:
            server.channels[channel][2] = NEVER
        running.wait_for(lambda: queue.sum().confirmed == 10)
        server.indexes_after = 0
        running.finish()
    assert copies(server.lines()) == 1


def test_an_event_has_time_and_host_of_its_line_and_the_settings_of_the_destination(
    queue, server, to
):
    line = b"CEF:0|K|K|1|a|n|5|rt=1770797742118 dvchost=worker-3 externalId=9 msg=caf\xc3\xa9 \\=x"
    queue.append([MessageBatch(ALERTS, [line, b"no line of ours"])])
    with forwarding(queue, to(index="sec", source="kubearmor"), facts=facts_of) as running:
        running.finish()
    ((first, second),) = server.taken
    assert first == {
        "index": "sec",
        "sourcetype": "cef",
        "source": "kubearmor",
        "host": "worker-3",
        "time": 1770797742.118,
        "event": line.decode(),
    }
    assert "host" not in second
    assert abs(second["time"] - first["time"]) > 1e6  # when it was queued


def test_a_host_that_is_set_is_that_of_all_events(queue, server, to):
    queue.append([MessageBatch(ALERTS, [b"CEF:0|K|K|1|a|n|5|dvchost=worker-3"])])
    with forwarding(queue, to(host="cluster-1"), facts=facts_of) as running:
        running.finish()
    assert server.taken[0][0]["host"] == "cluster-1"


@pytest.mark.parametrize("gzip", [True, False])
def test_large_requests_are_compressed_unless_they_shall_not_be(queue, server, to, gzip):
    sent = fill(queue, 100)
    with forwarding(queue, to(gzip=gzip)) as running:
        running.finish()
    assert server.lines() == sent
    coded = {it.headers.get("Content-Encoding") for it in server.requests if b"CEF" in it.body}
    assert coded == ({"gzip"} if gzip else {None})


def test_a_server_that_is_down_is_passed_over_and_gone_back_to(queue, server, to):
    with HecServer() as first:
        port = first.port
    sent = fill(queue, 50)
    with forwarding(queue, to(first, server)) as running:
        running.wait_for(lambda: queue.sum().confirmed == 50)
        assert server.lines() == sent
        with HecServer(port=port) as back:
            for number in range(1000):  # until one goes there
                more = fill(queue, 1, start=1000 + number)
                until(lambda one=more: one[0] in server.lines() + back.lines())
                if back.lines():
                    break
            running.finish()
        assert back.lines()
    assert queue.sum().confirmed == queue.sum().accepted


def test_what_waits_for_the_second_server_is_heard_when_the_first_one_is_back(queue, server, to):
    with HecServer() as first:
        port = first.port
    server.indexes_after = NEVER
    sent = fill(queue, 50)
    with forwarding(queue, to(first, server)) as running:
        until(lambda: server.lines() == sent)
        with HecServer(port=port) as back:
            for number in range(1000):  # until one goes there
                one = fill(queue, 1, start=1000 + number)
                sent += one
                until(lambda one=one: one[0] in server.lines() + back.lines())
                if back.lines():
                    break
            running.wait_for(lambda: queue.sum().confirmed == len(back.lines()))
            server.indexes_after = 0
            running.finish()
            assert sorted(server.lines() + back.lines()) == sorted(sent)
    assert queue.sum().confirmed == len(sent)


def test_what_waits_for_a_server_that_dies_is_sent_to_the_next_one(queue, server, to):
    with HecServer() as first:
        first.indexes_after = NEVER
        sent = fill(queue, 50)
        with forwarding(queue, to(first, server)) as running:
            until(lambda: first.lines() == sent)
            first.stop()
            running.finish()
    assert sorted(server.lines()) == sorted(sent)
    assert queue.sum().confirmed == 50


def test_a_server_that_says_nothing_is_left_when_the_time_is_over(queue, server, to):
    sent = fill(queue, 10)
    hangs = Hangs()
    server.next.append(hangs)
    with forwarding(queue, to(request_timeout=1.0, connect_timeout=0.5)) as running:
        running.wait_for(lambda: "gave no answer within 1 seconds" in running.state.last_error)
        running.finish()
    hangs.over.set()
    assert set(server.lines()) == set(sent)


def test_a_word_to_stop_is_followed_while_a_server_says_nothing(queue, server, to):
    fill(queue, 10)
    hangs = Hangs()
    server.next.append(hangs)
    with forwarding(queue, to()) as running:
        assert hangs.met.wait(60)
        running.end()
    hangs.over.set()
    assert queue.sum().in_flight == 10


def test_what_waits_for_its_number_when_it_is_stopped_is_sent_by_the_next_one(queue, server, to):
    server.indexes_after = NEVER
    sent = fill(queue, 100)
    with forwarding(queue, to()):
        until(lambda: server.lines() == sent)
    assert queue.sum().in_flight == 100
    server.indexes_after = 0
    with forwarding(queue, to()) as running:
        running.finish()
    assert sorted(server.lines()) == sorted(sent * 2)
    assert (queue.sum().confirmed, running.state.resent) == (100, 100)


def test_a_cookie_of_a_load_balancer_is_sent_back(queue, server, to):
    fill(queue, 10)

    class SetsCookie:
        def meet(self, handler, _) -> None:
            handler.answer(503, BUSY, {"Set-Cookie": "AWSALB=a/b+c=; Expires=Wed, 21 Oct 2026"})

    server.next.append(SetsCookie())
    with forwarding(queue, to()) as running:
        running.finish()
    assert server.requests[-1].headers["Cookie"] == "AWSALB=a/b+c="


def test_it_speaks_tls_and_believes_the_ca_that_is_named(queue, to, tmp_path):
    authority = Authority(tmp_path / "tls")
    sent = fill(queue, 100)
    with HecServer(authority.issue("localhost", "127.0.0.1")) as server:
        with forwarding(queue, to(server, uses_tls=True, ca=str(authority.ca))) as running:
            running.finish()
        assert server.lines() == sent


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({}, "the authority that issued its certificate is not trusted here. Name the file of its"),
        (
            {"ca": True, "server_name": "splunk.example"},
            "its certificate is not for splunk.example. Set server_name= to a name it covers.",
        ),
    ],
)
def test_a_certificate_that_is_not_believed_gets_no_token(queue, to, tmp_path, words, told):
    authority = Authority(tmp_path / "tls")
    fill(queue, 10)
    if "ca" in words:
        words = {**words, "ca": str(authority.ca)}
    with HecServer(authority.issue("127.0.0.1")) as server:
        with forwarding(queue, to(server, uses_tls=True, **words)) as running:
            running.wait_for(lambda: "cannot reach" in running.state.last_error)
            error = running.state.last_error
        assert server.requests == []
    assert told in error


def test_a_server_that_asks_for_a_client_certificate_gets_one_or_an_error_says_so(
    queue, to, tmp_path
):
    authority = Authority(tmp_path / "tls")
    sent = fill(queue, 10)
    client = authority.issue(client=True)
    with HecServer(authority.issue("127.0.0.1"), clients_of=authority.ca) as server:
        with forwarding(queue, to(server, uses_tls=True, ca=str(authority.ca))) as running:
            running.wait_for(lambda: running.state.last_error)
            # Its word for that comes in time, or its end of the connection does.
            assert "asks for a client certificate" in running.state.last_error
            assert "ame one with cert= and key=" in running.state.last_error
        words = {"ca": str(authority.ca), "cert": str(client.cert), "key": str(client.key)}
        with forwarding(queue, to(server, uses_tls=True, **words)) as running:
            running.finish()
        assert server.lines() == sent


def test_plain_http_there_is_said(queue, to):
    fill(queue, 1)
    with forwarding(queue, to(uses_tls=True)) as running:
        running.wait_for(lambda: "cannot reach" in running.state.last_error)
        assert "If it takes plain HTTP, set tls=no." in running.state.last_error


def test_a_proxy_of_the_environment_is_used_and_passed_over_for_hosts_of_no_proxy(
    queue, server, to, monkeypatch
):
    with HecServer() as proxy:
        monkeypatch.setenv("http_proxy", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)

        class Passes:
            def meet(self, handler, request) -> None:
                proxied.append(request)
                path = request.path.partition(str(server.port))[2]
                proxy.respond(handler, request._replace(path=path))

        proxied = []
        proxy.next.append(Always(Passes()))
        fill(queue, 10)
        with forwarding(queue, to(ack=False)) as running:
            running.finish()
        assert [it.path for it in proxied] == [
            f"http://127.0.0.1:{server.port}/services/collector/event"
        ]
        assert proxied[0].headers["Proxy-Authorization"].startswith("Basic ")
        assert "hunter2" not in f"{running.state}"
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        fill(queue, 10, start=500)
        with forwarding(queue, to()) as running:
            running.finish()
        assert server.lines() == messages(10, 500)


def test_tls_goes_through_a_proxy_and_who_is_not_let_through_is_told(
    queue, to, tmp_path, monkeypatch
):
    authority = Authority(tmp_path / "tls")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    sent = fill(queue, 100)
    with HecServer(authority.issue("127.0.0.1")) as server, ConnectProxy() as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:hunter2@127.0.0.1:{proxy.port}")
        proxy.refuses = True
        with forwarding(queue, to(server, uses_tls=True, ca=str(authority.ca))) as running:
            running.wait_for(lambda: "proxy does not let us" in running.state.last_error)
            assert "407" in running.state.last_error
            assert "hunter2" not in running.state.last_error
            proxy.refuses = False
            running.finish()
        assert server.lines() == sent
        assert proxy.asked[-1] == (f"127.0.0.1:{server.port}", "Basic dXNlcjpodW50ZXIy")


def test_patience_of_tests_is_short():
    assert HASTY.idle <= 0.1  # between two questions
