"""What a scrape and a probe are told, over a real socket."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest
from prometheus_client.parser import text_string_to_metric_families

from cef_bridge.errors import UsageError
from cef_bridge.forward.credential_files import CertificateExpiry
from cef_bridge.forward.metrics import (
    DESTINATION_ROWS,
    DROPPED,
    EXPIRY,
    LAG,
    PREFIX,
    REJECTED,
    RELOAD_ROWS,
    SOURCE_ROWS,
    UNROUTED,
    Metrics,
)
from cef_bridge.forward.status import (
    DestinationStatus,
    ForwarderStatus,
    Reloads,
    SourceStatus,
    line,
    not_ready,
)
from cef_bridge.stats import LABELS

SOURCE = SourceStatus("kubearmor://relay:32767", True, "connected", 2, 1, 4096, lag={"events/0": 7})
DESTINATION = DestinationStatus(
    name="splunk",
    target="tls://siem:6514",
    connected=True,
    state="connected to siem:6514",
    last_error="",
    counts={
        "received": 123,
        "converted": 100,
        "filtered": 10,
        "rejected": 4,
        "noise": 6,
        "blank": 3,
        "rejected:not-json": 2,
        "rejected:too-long": 1,
    },
    accepted=101,
    confirmed=80,
    unconfirmed=1,
    in_flight=5,
    waiting=10,
    dropped={"queue-full": 3, "disk-full": 1},
    dead_lettered=1,
    queue_bytes=65536,
    queue_limit=1 << 20,
    oldest_age=3.5,
    sent=90,
    sent_bytes=90_000,
    resent=4,
    breaks=1,
)
EXPIRES = CertificateExpiry("/etc/client.pem", "destination splunk", 1_900_000_000.0)
VIEW = ForwarderStatus((SOURCE,), (DESTINATION,), certificates=(EXPIRES,))


@pytest.fixture
def serve():
    servers = []

    def start(view):
        server = Metrics(("127.0.0.1", 0), view)
        server.start()
        servers.append(server)
        return lambda path: get(server.address, path)

    yield start
    for server in servers:
        server.stop()


def get(address, path):
    try:
        with urllib.request.urlopen(
            f"http://{address[0]}:{address[1]}{path}", timeout=60
        ) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def values(text):
    return {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_every_metric_is_there_with_its_value(serve):
    code, text = serve(lambda: VIEW)("/metrics")
    assert code == 200
    told = values(text)
    siem = ("destination", "splunk")
    assert told["cef_bridge_received_total", siem] == 123
    assert told["cef_bridge_queued_total", siem] == 101
    assert told["cef_bridge_confirmed_total", siem] == 80
    assert told["cef_bridge_dropped_total", siem, ("reason", "disk-full")] == 1
    assert told["cef_bridge_dropped_total", siem, ("reason", "damaged")] == 0
    assert told["cef_bridge_queue_oldest_age_seconds", siem] == 3.5
    assert told["cef_bridge_destination_connected", siem] == 1
    assert told["cef_bridge_source_gaps_total", ("source", SOURCE.name)] == 2
    assert told[("cef_bridge_up",)] == 1
    names = {name for name, *_ in told}
    rows = (*SOURCE_ROWS, *DESTINATION_ROWS, DROPPED, EXPIRY, LAG, REJECTED, *RELOAD_ROWS, UNROUTED)
    for row in rows:
        suffix = "_total" if row.kind == "counter" else ""
        assert PREFIX + row.name + suffix in names


def test_what_was_taken_in_adds_up_in_the_metrics(serve):
    told = values(serve(lambda: VIEW)("/metrics")[1])
    siem = ("destination", "splunk")
    parts = ("confirmed_total", "unconfirmed_total", "dead_lettered_total", "queue_messages",
             "in_flight_messages")  # fmt: skip
    dropped = sum(value for key, value in told.items() if key[0] == "cef_bridge_dropped_total")
    total = sum(told[PREFIX + part, siem] for part in parts) + dropped
    assert told["cef_bridge_queued_total", siem] == total


def test_what_came_adds_up_in_the_metrics_and_rejected_records_by_a_closed_list_of_reasons(serve):
    strange = DESTINATION._replace(
        counts={**DESTINATION.counts, 'rejected:x"}\n': 1, "rejected": 5}
    )
    for view in (VIEW, VIEW._replace(destinations=(strange,))):
        told = values(serve(lambda view=view: view)("/metrics")[1])
        siem = ("destination", "splunk")
        parts = ("converted", "filtered", "rejected", "noise", "blank")
        total = sum(told[f"{PREFIX}{part}_total", siem] for part in parts)
        assert total == told[PREFIX + "received_total", siem] + (view is not VIEW)
        name = PREFIX + "rejected_by_reason_total"
        reasons = {key[2][1]: value for key, value in told.items() if key[0] == name}
        assert set(reasons) == set(LABELS)
        assert {label: value for label, value in reasons.items() if value} == {
            "not-json": 2,
            "too-long": 1,
            "other": 1 if view is VIEW else 2,
        }


def test_a_reload_that_failed_shows_until_the_same_files_are_right(serve):
    reloads = Reloads()
    seen = []
    for what, good in [("a", False), ("b", False), ("a", True), ("b", True)]:
        reloads = reloads.after(what, good=good)
        now = reloads
        told = values(serve(lambda now=now: VIEW._replace(reloads=now))("/metrics")[1])
        names = ("reloads_total", "reload_failures_total", "reload_ok")
        seen.append(tuple(told[(PREFIX + name,)] for name in names))
    assert seen == [(0, 1, 0), (0, 2, 0), (1, 2, 0), (2, 2, 1)]
    used_by = ("used_by", "destination splunk")
    name = "cef_bridge_certificate_expiry_timestamp_seconds"
    assert told[name, ("file", "/etc/client.pem"), used_by] == 1_900_000_000


def test_healthy_is_who_can_go_on_and_ready_is_who_brings_events_through(serve):
    twice = DESTINATION._replace(duplicates=1200)
    text = line(VIEW, VIEW._replace(destinations=(twice,)), 60)
    assert ", 1 unconfirmed, 1,200 duplicates, 1 dropped (disk-full)" in text
    broken = DESTINATION._replace(connected=False, last_error="cannot reach siem:6514: refused")
    full = DESTINATION._replace(queue_bytes=1 << 20)
    away = SOURCE._replace(connected=False, state="not connected for 5 s")
    for view, health, ready, word in [
        (VIEW, 200, 200, "ok"),
        (VIEW._replace(destinations=(broken,)), 200, 503, "cannot reach siem:6514"),
        (VIEW._replace(destinations=(full,)), 200, 503, "nearly full"),
        (VIEW._replace(sources=(away,)), 200, 503, "not connected for 5 s"),
        (VIEW._replace(stopping=True), 200, 503, "stopping"),
        (VIEW._replace(fault="source x: died"), 503, 503, "source x: died"),
    ]:
        ask = serve(lambda view=view: view)
        assert ask("/healthz")[0] == health
        code, text = ask("/readyz")
        assert code == ready
        assert word in text


def test_another_path_is_told_what_there_is(serve):
    code, text = serve(lambda: VIEW)("/")
    assert code == 404
    assert "/metrics" in text


def test_an_address_in_use_is_named():
    first = Metrics(("127.0.0.1", 0), lambda: VIEW)
    first.start()
    try:
        with pytest.raises(UsageError, match="cannot listen there: Address already in use"):
            Metrics(first.address, lambda: VIEW)
    finally:
        first.stop()


def test_the_line_a_minute_says_rates_and_what_is_wrong():
    later = DESTINATION._replace(counts={**DESTINATION.counts, "received": 720}, sent=390)
    text = line(VIEW, VIEW._replace(destinations=(later,)), 60)
    assert text == (
        "splunk: in 10/s, out 5/s, 15 in the queue (oldest 4 s), 80 confirmed, 1 unconfirmed, "
        "1 dropped (disk-full), 3 dropped (queue-full), 4 rejected; connected to siem:6514"
    )
    broken = DESTINATION._replace(connected=False, last_error="cannot reach siem:6514: refused")
    away = SOURCE._replace(connected=False, state="not connected for 5 s")
    text = line(None, ForwarderStatus((away,), (broken,)), 60)
    assert text.endswith(
        "; cannot reach siem:6514: refused | kubearmor://relay:32767: not connected for 5 s"
    )
    assert not_ready(VIEW) == []
