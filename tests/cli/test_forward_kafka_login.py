"""A broker that wants TLS and a login: what is right goes through, what is wrong is told plainly."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from brokers import Topics, free_port, secured
from certificates import Authority
from forwards import Forward, books, forward, write_events
from waiting import until

from cef_bridge.generator import events

COUNT = 300
PASSWORD = "hunter2-hunter2"  # noqa: S105 - of a broker that ends with the test


class Broker:
    """A broker, and what a client is told about it."""

    def __init__(self, port, authority, folder):
        self.servers = f"127.0.0.1:{port}"
        self.authority = authority
        self.folder = folder
        (folder / "secret").write_text(PASSWORD)
        self.topics = Topics(
            port, **{"security.protocol": "SSL", "ssl.ca.location": str(authority.ca)}
        )

    def login(self):
        return f"sasl=scram-sha-512&user=bridge&password=file:{self.folder}/secret"


def broker_of(tmp_path_factory, name, *, login):
    folder = tmp_path_factory.mktemp(name)
    authority = Authority(folder / "ca")
    with secured(folder / "broker", authority.issue(), login=login) as port:
        yield Broker(port, authority, folder)


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    yield from broker_of(tmp_path_factory, "tls", login=False)


@pytest.fixture(scope="module")
def closed(tmp_path_factory):
    yield from broker_of(tmp_path_factory, "closed", login=True)


def test_events_go_to_a_topic_and_come_from_it(broker, tmp_path):
    broker.topics.create("lines", 1)
    words = f"tls=yes&ca={broker.authority.ca}"
    path = write_events(tmp_path / "events.ndjson", COUNT)
    to = f"kafka://{broker.servers}/lines?name=topic&{words}"
    ended = forward(
        *("--once", "--timeout", "100", "--queue", tmp_path / "queue", "--from", path, "--to", to)
    )
    assert ended.code == 0, ended.err
    assert len(broker.topics.read("lines", COUNT)) == COUNT
    broker.topics.create("events", 1)
    broker.topics.send("events", events(COUNT))
    out = tmp_path / "out.cef"
    source = f"kafka://{broker.servers}/events?group=g&{words}"
    with Forward("--from", source, "--to", f"file://{out}", "--queue", tmp_path / "q2"):
        until(lambda: out.exists() and len(out.read_bytes().splitlines()) == COUNT)


def told_at_both_ends(broker, tmp_path, words, sentence):
    path = write_events(tmp_path / "events.ndjson", 10)
    metrics = f"127.0.0.1:{free_port()}"
    run = Forward(
        *("--from", path, "--to", f"kafka://{broker.servers}/lines?name=topic&{words}"),
        *("--from", f"kafka://{broker.servers}/events?group=wrong&{words}"),
        *("--queue", tmp_path / "queue", "--metrics", metrics, "--grace", "0"),
    )
    with run:
        run.until_says(sentence, times=2)
        until(lambda: not_ready(metrics).count(sentence.rstrip(".")) == 2)
        ended = run.end()
    assert books(tmp_path / "queue")["topic"]["waiting"] == 10
    return ended.err


@pytest.mark.parametrize("known", ["none", "another"])
def test_a_certificate_of_an_authority_that_is_not_known_is_told(broker, tmp_path, known):
    strange = Authority(broker.folder / "strange", "other")
    ca = "" if known == "none" else f"&ca={strange.ca}"
    told_at_both_ends(broker, tmp_path, f"tls=yes{ca}", "not signed by an authority known here")


def test_a_broker_that_wants_tls_is_told(broker, tmp_path):
    told_at_both_ends(broker, tmp_path, "verify=yes", "whether it wants TLS or a login.")


def test_a_login_that_is_refused_is_told_and_not_shown(closed, tmp_path):
    words = f"tls=yes&ca={closed.authority.ca}&{closed.login()}"
    assert PASSWORD not in told_at_both_ends(closed, tmp_path, words, "refused the login")


def test_a_broker_that_wants_a_login_is_told(closed, tmp_path):
    words = f"tls=yes&ca={closed.authority.ca}"
    told_at_both_ends(closed, tmp_path, words, "whether it wants TLS or a login.")


def not_ready(address):
    try:
        urllib.request.urlopen(f"http://{address}/readyz", timeout=30).close()
    except urllib.error.HTTPError as error:
        with error:
            return error.read().decode()
    except OSError:
        pass
    return ""
