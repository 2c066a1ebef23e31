"""Messages to Elasticsearch: a document each, once, and a fate each.

Against noida-db, an API that is not ours, and against a server of ours for what it cannot be made
to answer.
"""

from __future__ import annotations

import base64
import json
import logging

import pytest
from forwarding import fill, forwarding, message
from http_servers import Always, Answers, ClosesBeforeAnswer, ClosesInAnswer, Server
from noida import Noida
from waiting import until

from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.lines.facts import facts_of
from cef_bridge.queue.queue import ALERTS, MessageBatch, Queue


class BulkServer(Server):
    """Creates documents as `_bulk` says; what a `says` returns is a document's status and error."""

    def __init__(self, *args) -> None:
        self.documents: list[dict] = []
        self.says = lambda _document: None
        super().__init__(*args)

    def respond(self, handler, request) -> None:
        lines = [json.loads(line) for line in request.body.splitlines()]
        items = []
        for action, document in zip(lines[::2], lines[1::2], strict=True):
            said = self.says(document)
            if said is None:
                self.documents.append({**action["create"], **document})
                items.append({"create": {"status": 201}})
            else:
                status, kind, reason = said
                error = {"type": kind, "reason": reason}
                items.append({"create": {"status": status, "error": error}})
        handler.answer(200, {"errors": len(items) > len(self.documents), "items": items})

    def lines(self) -> list[bytes]:
        return [each["message"].encode() for each in self.documents]


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def noida(tmp_path_factory):
    with Noida(tmp_path_factory.mktemp("noida")) as noida:
        yield noida


@pytest.fixture
def server():
    with BulkServer() as server:
        yield server


def to(server, index="events", **words) -> DestinationUrl:
    return DestinationUrl(
        scheme=words.pop("scheme", "elasticsearch"),
        endpoints=(("127.0.0.1", server.port),),
        index=index,
        **{"uses_tls": False, "batch_wait": 0.0, **words},
    )


def events(queue, count: int, start: int = 0) -> list[bytes]:
    """Append lines, each with an event id of its own; return them."""
    sent = [
        b"CEF:0|K|K|1|a|n|5|externalId=%040x cs1=%d" % (number, number)
        for number in range(start, start + count)
    ]
    queue.append([MessageBatch(ALERTS, sent)])
    return sent


# Against an API that is not ours


@pytest.mark.parametrize("scheme", ["elasticsearch", "opensearch"])
def test_a_message_becomes_a_document_under_the_id_of_its_event(queue, noida, scheme):
    line = b"CEF:0|K|K|1|a|n|5|rt=1770797742118 dvchost=w-3 externalId=912ad299 msg=caf\xc3\xa9"
    queue.append([MessageBatch(ALERTS, [line])])
    with forwarding(queue, to(noida, f"one-{scheme}", scheme=scheme), facts=facts_of) as running:
        running.finish()
    assert noida.documents(f"one-{scheme}") == {
        "912ad299": {"@timestamp": "2026-02-11T08:15:42.118Z", "message": line.decode()}
    }
    assert queue.sum().confirmed == 1


def test_a_thousand_events_that_are_sent_twice_are_a_thousand_documents(queue, noida):
    for round_ in range(2):
        sent = events(queue, 1000)
        with forwarding(queue, to(noida, "twice"), facts=facts_of) as running:
            running.finish()
        assert running.state.duplicates == 1000 * round_
    assert {each["message"].encode() for each in noida.documents("twice").values()} == set(sent)
    assert noida.count("twice") == 1000
    assert (queue.sum().confirmed, queue.sum().dead_lettered) == (2000, 0)


def test_a_data_stream_takes_documents_and_knows_those_that_it_has(queue, noida):
    template = {"index_patterns": ["logs-cef-*"], "data_stream": {}}
    noida.ask("PUT", "/_index_template/cef", template)
    for _ in range(2):
        events(queue, 100)
        with forwarding(queue, to(noida, "logs-cef-default"), facts=facts_of) as running:
            running.finish()
    assert noida.count("logs-cef-default") == 100
    assert running.state.duplicates == 100


def test_a_line_without_an_event_id_gets_an_id_from_the_server(queue, noida):
    queue.append([MessageBatch(ALERTS, [b"CEF:0|K|K|1|a|n|5|act=Block", b"not a line of ours"])])
    with forwarding(queue, to(noida, "idless"), facts=facts_of) as running:
        running.finish()
    found = noida.documents("idless").values()
    assert sorted(each["message"] for each in found) == [
        "CEF:0|K|K|1|a|n|5|act=Block",
        "not a line of ours",
    ]
    assert all(each["@timestamp"].endswith("Z") for each in found)


def test_a_document_that_the_index_does_not_take_is_a_dead_letter_with_the_reason(
    queue, noida, caplog
):
    mapping = {"mappings": {"properties": {"message": {"type": "integer"}}}}
    noida.ask("PUT", "/numbers", mapping)
    queue.append([MessageBatch(ALERTS, [b"1", b"CEF:0|K|K|1|a|n|5|act=Block", b"3"])])
    with forwarding(queue, to(noida, "numbers"), facts=facts_of) as running:
        running.finish()
    assert (queue.sum().confirmed, queue.sum().dead_lettered) == (2, 1)
    assert "400 document_parsing_exception: " in caplog.text
    assert noida.count("numbers") == 2


def test_documents_go_through_the_pipeline_that_is_named(queue, noida):
    noida.ask(
        "PUT", "/_ingest/pipeline/mark", {"processors": [{"set": {"field": "a", "value": 1}}]}
    )
    fill(queue, 10)
    with forwarding(queue, to(noida, "piped", pipeline="mark"), facts=facts_of) as running:
        running.finish()
    assert {each["a"] for each in noida.documents("piped").values()} == {1}


def test_a_pipeline_that_is_not_there_puts_no_message_aside(queue, noida, caplog):
    fill(queue, 10)
    with forwarding(queue, to(noida, "piped-not", pipeline="none"), facts=facts_of) as running:
        running.wait_for(lambda: "pipeline with id [none] does not" in running.state.last_error)
    total = queue.sum()
    assert (total.waiting + total.in_flight, total.dead_lettered) == (10, 0)
    assert logging.ERROR in {it.levelno for it in caplog.records}


def test_a_server_that_is_stopped_and_comes_back_has_each_event_once(queue, tmp_path):
    with Noida(tmp_path / "own") as own:
        with forwarding(queue, to(own, "stopped", batch_bytes=2000), facts=facts_of) as running:
            sent = events(queue, 500)
            running.wait_for(lambda: queue.sum().confirmed > 0)
            own.stop()
            sent += events(queue, 500, start=500)
            running.wait_for(lambda: "cannot reach" in running.state.last_error)
            own.restart()
            running.finish()
        documents = own.documents("stopped").values()
    assert sorted(each["message"].encode() for each in documents) == sorted(sent)
    assert queue.sum().confirmed == 1000


# Against a server that errs on command


@pytest.mark.parametrize("status", [429, 500, 503])
def test_documents_that_are_refused_for_now_are_sent_again_and_no_others(queue, server, status):
    sent = fill(queue, 100)
    refused = []

    def says(document):
        if document["message"].encode() in sent[10:20] and len(refused) < 20:
            refused.append(document["message"].encode())
            return status, "es_rejected_execution_exception", "rejected execution"
        return None

    server.says = says
    with forwarding(queue, to(server)) as running:
        running.finish()
    assert server.lines() == sent[:10] + sent[20:] + sent[10:20]
    assert refused == sent[10:20] * 2
    assert queue.sum().confirmed == 100
    assert f"did not confirm 10 messages: {status} es_rejected" in running.state.last_error


@pytest.mark.parametrize(
    "fault",
    [
        Answers(429, {"error": {"reason": "too many requests"}}),
        Answers(503, {"error": {"reason": "no master"}}),
        Answers(502, b"<html>bad gateway</html>"),
        Answers(200, b"{}"),
        Answers(200, {"items": []}),
        Answers(200, b"hello"),
        ClosesBeforeAnswer(),
        ClosesInAnswer(),
    ],
    ids=lambda it: str(getattr(it, "said", None) or type(it).__name__)[:30],
)
def test_what_passes_by_itself_is_sent_again(queue, server, fault):
    sent = fill(queue, 100)
    server.next += [fault, fault]
    with forwarding(queue, to(server)) as running:
        running.finish()
    assert set(server.lines()) == set(sent)
    assert queue.sum().confirmed == 100


@pytest.mark.parametrize(
    ("status", "said", "todo"),
    [
        (400, {"error": {"reason": "bad parameter"}}, "Correct the index and the pipeline."),
        (401, {"error": {"reason": "missing credentials"}}, "Check api_key, or user and password."),
        (403, {"error": {"reason": "unauthorized"}}, "Allow this user to create documents in events."),
        (404, {"error": {"reason": "no such index"}}, "Create events, or allow it to be created."),
        (302, b"", "It sends us elsewhere, and we do not follow. Name that host."),
        (405, {"error": "no"}, "Check its log."),
    ],
)  # fmt: skip
def test_what_somebody_must_act_on_is_an_error_and_loses_nothing(
    queue, server, caplog, status, said, todo
):
    fill(queue, 100)
    server.next.append(Always(Answers(status, said)))
    with forwarding(queue, to(server)) as running:
        running.wait_for(lambda: todo in running.state.last_error)
    total = queue.sum()
    assert (total.waiting + total.in_flight, total.dead_lettered) == (100, 0)
    assert next(it.levelno for it in caplog.records if todo in it.message) == logging.ERROR


@pytest.mark.parametrize(
    "said",
    [
        (401, "security_exception", "not allowed"),
        (403, "security_exception", "not allowed"),
        (404, "index_not_found_exception", "no such index [events]"),
        (400, "index_closed_exception", "closed"),
        (400, "illegal_argument_exception", "pipeline with id [x] does not exist"),
        (400, "illegal_argument_exception", "no write index is defined for alias [events]."),
    ],
)
def test_a_document_that_waits_for_somebody_to_act_is_no_dead_letter(queue, server, said):
    fill(queue, 10)
    server.says = lambda _: said
    with forwarding(queue, to(server)) as running:
        running.wait_for(lambda: "Correct the settings there or here" in running.state.last_error)
    assert queue.sum().dead_lettered == 0


def test_requests_that_are_too_large_are_halved_down_to_the_one_that_never_fits(queue, server):
    class TooLarge:
        def meet(self, handler, request) -> None:
            if len(request.body) > 3000:
                handler.answer(413, b"")
            else:
                server.respond(handler, request)

    server.next.append(Always(TooLarge()))
    queue.append([MessageBatch(ALERTS, [message(7, 5000)])])
    sent = fill(queue, 300, start=100)
    with forwarding(queue, to(server)) as running:
        running.finish()
    assert server.lines() == sent
    assert (queue.sum().confirmed, queue.sum().dead_lettered) == (300, 1)


@pytest.mark.parametrize(
    ("said", "authorization"),
    [
        ("abc123==", "ApiKey abc123=="),
        ("id:key", f"ApiKey {base64.b64encode(b'id:key').decode()}"),
    ],
)
def test_an_api_key_is_sent_encoded_or_is_encoded(queue, server, tmp_path, said, authorization):
    (tmp_path / "key").write_text(f"{said}\n")
    fill(queue, 1)
    with forwarding(queue, to(server, api_key=f"file:{tmp_path}/key")) as running:
        running.finish()
    assert server.requests[0].headers["Authorization"] == authorization


def test_user_and_password_may_have_any_letters(queue, server):
    fill(queue, 1)
    with forwarding(queue, to(server, user="zoë", user_password="pä:ss")) as running:  # noqa: S106
        running.finish()
    said = server.requests[0].headers["Authorization"].removeprefix("Basic ")
    assert base64.b64decode(said).decode() == "zoë:pä:ss"


def test_a_secret_file_that_is_gone_is_waited_for(queue, server, tmp_path):
    fill(queue, 1)
    with forwarding(queue, to(server, api_key=f"file:{tmp_path}/none")) as running:
        running.wait_for(lambda: "cannot read the API key from" in running.state.last_error)
    assert server.requests == []


def test_the_index_and_the_pipeline_are_part_of_the_path(queue, server):
    fill(queue, 1)
    with forwarding(queue, to(server, "a.b-1", pipeline="x/y&z")) as running:
        running.finish()
    path, _, query = server.requests[0].path.partition("?")
    assert path == "/a.b-1/_bulk"
    assert query.endswith("&pipeline=x%2Fy%26z")


def test_messages_wait_for_others_before_a_request_that_is_not_full(queue, server):
    with forwarding(queue, to(server, batch_wait=1.0)) as running:
        for number in range(5):
            fill(queue, 1, start=number)
        until(lambda: len(server.documents) == 5)
        running.finish()
    assert len(server.requests) < 5
