"""What the doctor says of collectors that are away, deaf, of another name, or that want more."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import socket
import threading
import time

import pytest
import trustme
from certificates import EXPIRED_ON, Authority, Pair
from hec_server import TOKEN, HecServer
from http_servers import Server
from looking import LIMIT, SHORT, Collector, closed_port, event, look, row, statuses, write
from noida import Noida

REFUSED = ("client certificate", "receipts")
"""TLS 1.3 refuses a client's certificate after the handshake: on a busy machine that takes a while."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def log(tmp_path):
    return write(tmp_path / "k.log", event())


def test_a_collector_that_answers_makes_all_fine(log, tmp_path):
    with Collector() as collector:
        found = look([log], [f"tcp://127.0.0.1:{collector.port}"], queue=f"{tmp_path}/q")
    assert found.sentence == "Everything works: 17 checks, no problem found."
    assert (found.found, statuses(found)) == (False, {"ok", "not tried"})
    assert row(found, "receipts").text == (
        "it closes a connection in order: messages can be confirmed"
    )
    assert collector.received == b""  # nothing was sent


def test_tls_with_a_client_certificate_makes_all_fine(log, authority):
    client = authority.issue(client=True)
    with Collector(authority.issue(), client_ca=authority.ca) as collector:
        words = f"ca={authority.ca}&cert={client.cert}&key={client.key}"
        found = look([log], [f"tls://localhost:{collector.port}?{words}"])
    assert not found.found, found.rows
    assert row(found, "TLS handshake").status == "ok"
    assert row(found, "client certificate").text == f"{client.cert} was not refused"
    assert row(found, "server certificate").text.startswith("valid until ")


def test_a_closed_port(log):
    port = closed_port()
    found = look([log], [f"tcp://127.0.0.1:{port}"])
    assert found.sentence == (
        f"Destination tcp-127.0.0.1-{port} gets nothing: cannot reach 127.0.0.1:{port}: nothing "
        "listens there. Start the collector, or correct the port."
    )
    assert row(found, "receipts").status == "not tried"
    assert row(found, "receipts").text == f"because of: TCP to 127.0.0.1:{port}"


@pytest.fixture
def deaf():
    """Return the port of a listener whose backlog is full: it does not answer who connects."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(8):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            assert filler.connect_ex(server.getsockname()) in {0, errno.EINPROGRESS}
        time.sleep(0.05)
        yield server.getsockname()[1]


def test_a_black_hole(log, deaf):
    found = look([log], [f"tcp://127.0.0.1:{deaf}"], limit=SHORT)
    assert found.broken == row(found, "TCP to")
    assert found.broken.text == f"cannot reach 127.0.0.1:{deaf}: no answer within 4 seconds"
    assert found.broken.advice.startswith("Check the address, the route, and the firewalls")


def test_a_name_that_nobody_knows(log):
    found = look([log], ["tcp://siem.invalid:514"])
    assert found.broken == row(found, "name siem.invalid")
    assert "cannot reach siem.invalid:514: " in found.sentence
    assert row(found, "TCP to").status == "not tried"


def test_of_several_hosts_one_that_works_is_enough_for_a_warning(log):
    port = closed_port()
    with Collector() as collector:
        found = look([log], [f"tcp://127.0.0.1:{port},127.0.0.1:{collector.port}"])
    assert found.broken is None
    assert row(found, f"TCP to 127.0.0.1:{port}").status == "warning"
    assert row(found, f"TCP to 127.0.0.1:{collector.port}").status == "ok"
    assert found.sentence.startswith("No broken link found in ")


def test_localhost_with_a_server_on_one_of_its_addresses_is_fine(log):
    with Collector() as collector:
        found = look([log], [f"tcp://localhost:{collector.port}"])
    assert not found.found


def test_an_authority_that_is_not_trusted(log, authority, tmp_path):
    other = Authority(tmp_path / "other", "other")
    with Collector(authority.issue()) as collector:
        found = look([log], [f"tls://127.0.0.1:{collector.port}?ca={other.ca}"])
    assert found.broken == row(found, "TLS handshake")
    assert (
        f"the authority that issued its certificate ({authority.name.split(',')[0]}"
        in found.sentence
    )
    assert found.broken.advice == "Name the file of its CA certificate with ca=."
    assert row(found, "server certificate").status == "not tried"


def test_a_certificate_for_another_name(log, authority):
    with Collector(authority.issue("siem.example")) as collector:
        found = look([log], [f"tls://127.0.0.1:{collector.port}?ca={authority.ca}"])
    assert found.broken == row(found, "TLS handshake")
    assert "its certificate is for siem.example, not for 127.0.0.1" in found.sentence


def test_an_expired_certificate(log, authority):
    with Collector(authority.issue(expired=True)) as collector:
        url = f"tls://127.0.0.1:{collector.port}?ca={authority.ca}"
        found = look([log], [url])
        unverified = look([log], [f"{url}&verify=no"])
    assert found.broken == row(found, "TLS handshake")
    assert f"its certificate expired on {EXPIRED_ON}" in found.sentence
    assert row(unverified, "server certificate").text == f"it expired on {EXPIRED_ON}"
    assert "verify=no" in row(unverified, "TLS handshake").text


def test_a_certificate_that_soon_expires(log, tmp_path):
    ca = trustme.CA()
    soon = dt.datetime.now(dt.UTC) + dt.timedelta(days=20, hours=6)
    leaf = ca.issue_cert("127.0.0.1", not_after=soon)
    pair = Pair(tmp_path / "cert.pem", tmp_path / "key.pem")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(pair.cert))
    leaf.private_key_pem.write_to_path(str(pair.key))
    ca.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with Collector(pair) as collector:
        found = look([log], [f"tls://127.0.0.1:{collector.port}?ca={tmp_path}/ca.pem"])
    assert found.broken is None
    said = row(found, "server certificate")
    assert (said.status, said.advice) == ("warning", "Renew it there.")
    assert said.text.endswith(", in 20 days")


def test_a_client_certificate_that_is_missing_or_of_another_authority(log, authority, tmp_path):
    other = Authority(tmp_path / "other", "other").issue(client=True)
    with Collector(authority.issue(), client_ca=authority.ca) as collector:
        url = f"tls://127.0.0.1:{collector.port}?ca={authority.ca}"
        missing = look([log], [url])
        wrong = look([log], [f"{url}&cert={other.cert}&key={other.key}"])
    assert missing.broken.check in REFUSED
    assert missing.broken.advice == "Name one with cert= and key=."
    assert "it asks for a client certificate" in missing.sentence
    assert wrong.broken.check in REFUSED
    assert f"it refuses our client certificate {other.cert}" in wrong.sentence


def test_a_port_that_speaks_no_tls(log, authority):
    with HecServer() as server:
        found = look([log], [f"tls://127.0.0.1:{server.port}?ca={authority.ca}"])
    assert found.broken == row(found, "TLS handshake")
    assert "TLS" in found.broken.text


def test_a_collector_that_does_not_end_connections_is_a_warning(log):
    with Collector(closes=False) as collector:
        found = look([log], [f"tcp://127.0.0.1:{collector.port}"], limit=SHORT)
    assert found.broken is None
    said = row(found, "receipts")
    assert said.status == "warning"
    assert "did not end a connection within 4 seconds" in said.text
    assert "unconfirmed" in said.advice


def test_a_file_of_certificates_that_is_missing(log):
    found = look([log], ["tls://127.0.0.1:1?ca=/none.pem"])
    assert found.broken == row(found, "settings", "destination")
    assert "the CA file /none.pem cannot be read: No such file" in found.sentence
    assert row(found, "connection").status == "not tried"


def test_udp_answers_nothing(log):
    found = look([log], ["udp://127.0.0.1:514"])
    assert not found.found
    assert row(found, "datagrams").status == "not tried"


def test_a_folder_that_does_not_exist(log):
    found = look([log], ["file:///none/x.cef"])
    assert found.broken is not None
    assert "the folder /none is not there" in found.sentence


# --- HTTP


@pytest.fixture
def token(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    return path


def test_a_token_that_is_accepted_makes_all_fine(log, token, authority):
    with HecServer(authority.issue()) as server:
        url = f"splunk-hec://127.0.0.1:{server.port}?ca={authority.ca}&token=file:{token}"
        found = look([log], [url])
        assert not found.found, found.rows
        assert row(found, "login").text == "the token is accepted, and acknowledgment is enabled"
        assert server.lines() == []


def test_a_wrong_token(log, token, authority):
    token.write_text("another")
    with HecServer(authority.issue()) as server:
        url = f"splunk-hec://127.0.0.1:{server.port}?ca={authority.ca}&token=file:{token}"
        found = look([log], [url])
    assert found.broken == row(found, "login")
    assert "answered 403: Invalid token (code 4). Check the token." in found.sentence


def test_a_token_without_acknowledgment(log, token, authority):
    with HecServer(authority.issue()) as server:
        server.acks = False
        url = f"splunk-hec://127.0.0.1:{server.port}?ca={authority.ca}&token=file:{token}"
        found = look([log], [url])
        off = look([log], [f"{url}&ack=off"])
    assert found.broken == row(found, "login")
    assert "ACK is disabled" in found.sentence
    assert not off.found


# --- a test event


def test_nothing_is_sent_unless_asked_for_and_then_it_is_confirmed(log):
    with Collector() as collector:
        found = look([log], [f"tcp://127.0.0.1:{collector.port}"], send=True)
        until = time.monotonic() + LIMIT
        while b"CEF:0|" not in collector.received and time.monotonic() < until:
            time.sleep(0.01)
        assert collector.received.count(b"CEF:0|") >= 1
    assert (row(found, "test event").status, row(found, "test event").text) == (
        "ok",
        "sent and confirmed",
    )
    assert not found.found


def test_a_test_event_is_sent_where_no_link_is_broken(log):
    with Collector() as collector:
        urls = [
            f"tcp://127.0.0.1:{closed_port()}?name=a",
            f"tcp://127.0.0.1:{collector.port}?name=b",
        ]
        found = look([log], urls, send=True)
    assert row(found, "test event", "destination a").status == "not tried"
    assert row(found, "test event", "destination b").text == "sent and confirmed"


def test_a_check_that_never_ends_is_given_up_with_its_limit(log, monkeypatch):
    release = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: release.wait(60) and [])
    try:
        found = look([log], ["tcp://siem:514"], limit=0.5)
    finally:
        release.set()
    assert found.broken == row(found, "name siem")
    assert "the name server does not answer within 0.5 seconds" in found.sentence


class HostileServer(HecServer):
    def respond(self, handler, _) -> None:
        handler.answer(403, {"text": "no\x1b[31m\nok  source  all fine", "code": 4})


def test_what_a_server_says_cannot_forge_a_line(log, token):
    with HostileServer() as server:
        url = f"splunk-hec://127.0.0.1:{server.port}?tls=no&token=file:{token}"
        found = look([log], [url])
    assert "\\u001b[31m\\u000aok" in found.broken.text
    assert all(it.text.isprintable() and it.advice.isprintable() for it in found.rows)


# --- Elasticsearch, by a server that is not ours


def test_elasticsearch_that_answers_makes_all_fine(log, tmp_path):
    with Noida(tmp_path / "es") as server:
        found = look([log], [f"elasticsearch://127.0.0.1:{server.port}/kube?tls=no"])
        assert not found.found, found.rows
        assert row(found, "login").text == "it answers"


@pytest.mark.parametrize(
    ("status", "said", "text"),
    [
        (401, {"error": {"reason": "unable to authenticate user"}}, "Check api_key, or user and password."),
        (403, {"error": {"reason": "unauthorized for API key"}}, "Allow this user to create documents in kube."),
        (200, b"<html>", "gave no answer of the _bulk API"),
    ],
)  # fmt: skip
def test_a_login_that_elasticsearch_refuses(log, tmp_path, status, said, text):
    key = tmp_path / "key"
    key.write_text("id:key")
    with AnswersAll(status, said) as server:
        url = f"elasticsearch://127.0.0.1:{server.port}/kube?tls=no&api_key=file:{key}"
        found = look([log], [url])
    assert found.broken == row(found, "login")
    assert text in found.sentence


class AnswersAll(Server):
    def __init__(self, status: int, said: object) -> None:
        self.said = status, said
        super().__init__()

    def respond(self, handler, _) -> None:
        handler.answer(*self.said)
