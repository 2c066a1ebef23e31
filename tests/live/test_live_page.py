"""The live page of a running forwarder: what it says, to whom, and its tap; real collectors."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket

import pytest
from forwards import Forward, forward, write_events
from live_client import LiveClient
from transcripts import ROOT
from typescript import Name, faults, interfaces
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events

COUNTERS = {
    "received": "received_total",
    "converted": "converted_total",
    "filtered": "filtered_total",
    "rejected": "rejected_total",
    "skipped": "skipped_total",
    "blank": "blank_total",
    "confirmed": "confirmed_total",
    "unconfirmed": "unconfirmed_total",
    "deadLettered": "dead_lettered_total",
    "resent": "resent_total",
    "queued": "queue_messages",
    "inFlight": "in_flight_messages",
    "limitBytes": "queue_limit_bytes",
}


@pytest.fixture(scope="module")
def closed_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def watched(folder, *, log=None, bad=None, words=()):
    """A forwarder with a destination that is well, and perhaps one that is not."""
    folder.mkdir(parents=True, exist_ok=True)
    log = log or write_events(folder / "ka.log", 50)
    with Collector(["tcp://127.0.0.1:0"], keep=1000, rules=None) as collector:
        to = ["--to", f"{collector.urls[0]}?confirm_interval=1s&name=siem"]
        to += ["--to", f"tcp://127.0.0.1:{bad}?name=second"] if bad else []
        given = ("--from", log, *to, "--queue", folder / "q", "--grace", "0s", "-m", "splunk")
        with Forward(*given, "--metrics", "127.0.0.1:0", *words) as run:
            yield run, log, collector
            run.end()


@pytest.fixture(scope="module")
def settled(tmp_path_factory, closed_port):
    """A forwarder whose numbers do not change any more, as its client."""
    folder = tmp_path_factory.mktemp("live")
    log = write_events(folder / "ka.log", 50)
    with log.open("ab") as file:
        file.write(
            b'a line of the relay\n\n{"log": "other"}\n{"Type":"ContainerLog","Operation":}\n'
        )
    with watched(folder, log=log, bad=closed_port) as (run, _, _):
        client = LiveClient.of(run)
        until(lambda: client.destination("siem")["confirmed"] == 50)
        until(lambda: client.destination("second")["queued"] == 50)
        yield client


def test_counters_are_those_of_the_metrics_and_add_up(settled):
    live, metrics = settled.live(), settled.metrics()
    for each in live["destinations"]:
        label = ("destination", each["name"])
        assert {name: each[name] for name in COUNTERS} == {
            name: metrics[metric, label] for name, metric in COUNTERS.items()
        }
        lines = ("converted", "filtered", "rejected", "skipped", "blank")
        assert each["received"] == sum(each[name] for name in lines) == 54
        parts = ("confirmed", "unconfirmed", "inFlight", "queued", "dropped", "deadLettered")
        assert each["converted"] == sum(each[name] for name in parts) == 50
    (source,) = live["sources"]
    assert source["read"] == metrics["source_lines_total", ("source", source["name"])] == 54
    assert live["conversion"]["read"] == 54
    for name, metric in (
        ("rejects", "rejected_by_reason_total"),
        ("skipped", "skipped_by_reason_total"),
    ):
        told = {(row["destination"], row["reason"]): row["count"] for row in live[name]}
        assert told == {
            (key[1][1], key[2][1]): number
            for key, number in metrics.items()
            if key[0] == metric and number
        }
    assert {(row["reason"], row["count"]) for row in live["skipped"]} == {("json", 1), ("text", 1)}
    assert {(row["reason"], row["count"]) for row in live["rejects"]} == {("not-json", 1)}


def test_answers_are_of_the_types_that_the_page_is_written_against(settled):
    known = interfaces((ROOT / "studio/src/api.ts").read_text("utf-8"))
    until(lambda: settled.live()["history"]["times"])
    live = settled.live()
    assert faults(live, Name("Live"), known) == []
    history = live["history"]
    columns = [each[part] for each in history["destinations"] for part in ("confirmed", "queued")]
    assert {len(each) for each in (history["read"], *columns)} == {len(history["times"])}
    later = settled.ask(f"/api/live?since={history['times'][-1]}").said["history"]
    assert later["times"] == [] or later["times"][0] > history["times"][-1]
    assert faults(settled.tap("siem"), Name("Tap"), known) == []
    wrong = settled.ask("/api/tap/nobody").said["error"]
    assert faults(wrong, Name("Problem"), known) == []


def test_states_say_what_is_wrong_and_what_to_do(settled, closed_port):
    live = settled.live()
    siem, second = live["destinations"]
    assert (siem["state"], siem["error"], siem["oldest"]) == ("connected", "", None)
    assert second["state"] == "down"
    assert second["error"] == (
        f"cannot reach 127.0.0.1:{closed_port}: nothing listens there. Start the collector, or "
        "correct the port."
    )
    assert second["oldest"] > 0
    (source,) = live["sources"]
    assert (source["kind"], source["state"], source["error"]) == ("files", "connected", "")
    assert live["now"] - 3600 < source["lastEvent"] <= live["now"]
    assert (live["fault"], live["stopping"]) == ("", False)


def test_nothing_of_the_page_answers_without_the_token(settled):
    for path in ("/live", "/api/live", "/api/tap/siem", "/static/live.js", "/api/nothing"):
        for headers in ({"Authorization": None}, {"Authorization": "Bearer " + "0" * 32}):
            answer = settled.ask(path, **headers)
            assert answer.status == 401
            assert answer.said["error"]["fix"].startswith("Open the URL that was printed")
    wrong = {"Authorization": None}
    assert settled.ask("/api/tap", {"destination": "siem", "on": True}, **wrong).status == 401
    assert settled.tap("siem")["on"] is False
    assert settled.ask(f"/api/live?token={settled.token}", **wrong).status == 401


def test_the_url_of_the_page_brings_the_token_and_a_cookie_has_it_from_then_on(settled):
    page = settled.ask(f"/live?token={settled.token}", Authorization=None)
    assert page.status == 200
    assert settled.token not in page.text
    cookie = page.headers["Set-Cookie"]
    assert cookie.endswith("; Path=/; HttpOnly; SameSite=Strict")
    asked = {"Authorization": None, "Cookie": cookie.partition(";")[0]}
    assert settled.ask("/api/live", **asked).status == 200
    for name in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert settled.ask(name, **asked).status == 200
        assert settled.ask(name, Authorization=None).status == 401


def test_every_answer_forbids_foreign_scripts_and_readers(settled):
    for path in ("/live", "/api/live", "/api/nothing", "/static/live.js", "/static/../x"):
        headers = settled.ask(path).headers
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Cache-Control"] == "no-store"
        assert not [name for name in headers if name.startswith("Access-Control")]


def test_another_host_or_page_is_refused_with_the_right_token(settled):
    assert settled.ask("/api/live", Host="attacker.example").status == 403
    assert settled.ask("/live", Host=f"attacker.example:{settled.base[-5:]}").status == 403
    assert settled.ask("/api/live", Origin="http://attacker.example").status == 403
    body = {"destination": "siem", "on": True}
    assert settled.ask("/api/tap", body, Origin="http://attacker.example").status == 403
    assert settled.ask("/api/tap", body, Sec_Fetch_Site="cross-site").status == 403
    assert settled.ask("/api/tap", body, Content_Type="text/plain").status == 400
    assert settled.tap("siem")["on"] is False


def test_metrics_and_health_ask_for_no_token_and_for_no_host(settled):
    for path in ("/metrics", "/healthz", "/readyz"):
        answer = settled.ask(path, Authorization=None, Host="forwarder.monitoring.svc")
        assert answer.status == (503 if path == "/readyz" else 200)


def test_wrong_requests_say_what_is_right(settled):
    for data in ({}, [], {"destination": "siem"}, {"destination": "siem", "on": 1}, "x" * 9000):
        answer = settled.ask("/api/tap", data)
        assert (answer.status, answer.said["error"]["fix"]) == (
            400,
            'Send {"destination": "NAME", "on": true}.',
        )
    for path in ("/api/tap/nobody", "/api/tap/..%2F..", "/static/workbench.js", "/static/%2e%2e/x"):
        assert settled.ask(path).status == 404
    assert settled.ask("/api/tap", {"destination": "nobody", "on": True}).status == 404
    assert settled.ask("/api/live?since=soon").status == 400
    assert settled.ask("/elsewhere").text == "There are /metrics, /healthz, /readyz and /live.\n"


def test_the_tap_shows_messages_as_they_are_sent_with_their_events(tmp_path):
    with watched(tmp_path) as (run, log, collector):
        client = LiveClient.of(run)
        until(lambda: client.destination("siem")["confirmed"] == 50)
        assert client.tap("siem") == {"on": False, "until": None, "sampled": 1, "messages": []}
        assert client.switch("siem", on=True)["on"] is True
        hostile = {
            "Type": "ContainerLog",
            "Operation": "Process",
            "Source": "/bin/sh",
            "Resource": "<script>alert(1)</script>\x1b[2J\u202e \x00",
            "Data": "x" * (1 << 19),
        }
        with log.open("ab") as file:
            file.writelines([*events(20, seed=9), json.dumps(hostile).encode() + b"\n"])
        until(lambda: len(client.tap("siem")["messages"]) == 21)
        until(lambda: client.destination("siem")["confirmed"] == 71)
        found = client.tap("siem")
        sent = set(collector.messages)
        for each in found["messages"]:
            assert each["message"].encode() in sent
        added = [*events(20, seed=9)]
        assert sorted(it["event"] for it in found["messages"][:20]) == sorted(
            line.decode().rstrip("\n") for line in added
        )
        assert "<script>alert(1)</script>" in found["messages"][-1]["message"]
        assert len(found["messages"][-1]["event"]) == 32 << 10
        assert client.switch("siem", on=False)["messages"] == []
        assert client.tap("siem") == {"on": False, "until": None, "sampled": 1, "messages": []}


def test_a_tap_outlives_a_reload_and_the_counts_of_a_source_too(tmp_path):
    with watched(tmp_path) as (run, log, _):
        client = LiveClient.of(run)
        until(lambda: client.destination("siem")["confirmed"] == 50)
        client.switch("siem", on=True)
        run.send(signal.SIGHUP)
        run.until_says("configuration reloaded")
        with log.open("ab") as file:
            file.writelines(events(5, seed=9))
        until(lambda: len(client.tap("siem")["messages"]) == 5)
        assert client.live()["sources"][0]["read"] == 55


def test_a_collector_that_ends_and_comes_again_shows_in_states_and_queue(tmp_path):
    log = write_events(tmp_path / "ka.log", 50)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    to = f"tcp://127.0.0.1:{port}?confirm_interval=1s&name=siem"
    words = ("--from", log, "--to", to, "--queue", tmp_path / "q", "--grace", "0s")
    with Forward(*words, "-m", "splunk", "--metrics", "127.0.0.1:0") as run:
        client = LiveClient.of(run)
        until(lambda: client.destination("siem")["state"] == "down")
        until(lambda: client.destination("siem")["queued"] == 50)
        with Collector([f"tcp://127.0.0.1:{port}"], rules=None):
            until(lambda: client.destination("siem")["confirmed"] == 50)
            found = client.destination("siem")
            assert (found["state"], found["error"], found["queued"]) == ("connected", "", 0)
            assert found["lastError"].startswith("cannot reach")
        run.end()


# --- where the page is, and where it is not -------------------------------------------------------


def test_a_token_in_a_file_is_not_printed_and_a_renewed_one_is_taken(tmp_path):
    file = tmp_path / "token"
    file.write_text("first-token-0123456789\n")
    with watched(tmp_path / "run", words=("--live-token-file", file)) as (run, _, _):
        run.until_says("and the token in")
        assert "token-0123456789" not in run.said()
        base = re.search(r"live page on: (http://127\.0\.0\.1:\d+)/live,", run.said())[1]
        first, second = (LiveClient(base, f"{it}-token-0123456789") for it in ("first", "second"))
        assert [it.ask("/api/live").status for it in (first, second)] == [200, 401]
        file.write_text("second-token-0123456789\n")
        assert [it.ask("/api/live").status for it in (first, second)] == [401, 200]
        file.unlink()
        assert [it.ask("/api/live").status for it in (first, second)] == [401, 401]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("short\n", "is shorter than 16 characters"),
        ("with spaces and a lot of text\n", "has characters other than"),
        (None, "No such file or directory"),
    ],
)
def test_a_token_that_cannot_be_used_is_told_at_the_start_and_by_a_check(tmp_path, text, why):
    file = tmp_path / "token"
    if text is not None:
        file.write_text(text)
    words = ("--from", "-", "--to", f"file://{tmp_path}/out", "--live-token-file", file)
    for more in (("--metrics", "127.0.0.1:0"), ("--check",)):
        ended = forward(*words, *more)
        assert ended.code == 2
        said = ended.err + ended.out.decode()
        assert str(file) in said
        assert why in said


def test_metrics_on_other_addresses_have_no_page_without_a_token_file(tmp_path):
    log = write_events(tmp_path / "ka.log", 1)
    words = ("--from", log, "--to", f"file://{tmp_path}/out", "-m", "splunk")
    with Forward(*words, "--metrics", "0.0.0.0:0") as run:
        run.until_says("live page off: metrics listen on more than loopback.")
        run.until_says("--live-token-file FILE turns it on")
        port = re.search(r"metrics http://0\.0\.0\.0:(\d+)", run.said())[1]
        client = LiveClient(f"http://127.0.0.1:{port}", "0" * 32)
        assert client.ask("/live").status == 404
        assert client.ask("/api/live").status == 404
        assert client.ask("/api/tap", {"destination": "file-out", "on": True}).status == 404
        assert client.ask("/healthz").status == 200
        run.end()
    file = tmp_path / "token"
    file.write_text("t" * 20)
    with Forward(*words, "--metrics", "0.0.0.0:0", "--live-token-file", file) as run:
        run.until_says("and the token in")
        port = re.search(r"metrics http://0\.0\.0\.0:(\d+)", run.said())[1]
        client = LiveClient(f"http://127.0.0.1:{port}", "t" * 20)
        assert client.ask("/api/live").status == 200
        assert client.ask("/api/live", Host=f"10.1.2.3:{port}").status == 200
        assert client.ask("/api/live", Host=f"attacker.example:{port}").status == 403
        run.end()


def test_no_live_serves_metrics_alone(tmp_path):
    with watched(tmp_path, words=("--no-live",)) as (run, _, _):
        run.until_says("metrics http://127.0.0.1")
        run.until_says("connected to")
        assert "live page" not in run.said()
        base = re.search(r"metrics (http://127\.0\.0\.1:\d+)", run.said())[1]
        assert LiveClient(base, "0" * 32).ask("/live").status == 404
