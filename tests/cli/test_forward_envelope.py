"""`forward` as a process: the header that each destination writes, and the events it takes."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections import Counter

import pytest
from forwards import Forward, balanced, books, forward, write_events
from running import convert
from waiting import until

from cef_bridge.collector.collector import Collector

UNSAID = "sets no syslog header, so RFC 3164 is written"


@pytest.fixture
def collector():
    with Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as running:
        yield running


def url(collector):
    return f"{collector.urls[0]}?confirm_interval=1s"


def lines(log, header, *words):
    return Counter(
        line.encode() for line in convert(log, "--syslog-header", header, *words).messages
    )


def written(path, text, head="mapping: own\nextends: kubearmor-cef\ncluster: c\n"):
    path.write_text(head + text, encoding="utf-8")
    return path


def test_a_collector_gets_rfc_3164_and_a_warning_where_nobody_says_a_header(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 50)
    ended = forward("--from", log, "--to", url(collector), "--once")
    assert ended.code == 0
    assert Counter(collector.messages) == lines(log, "rfc3164")
    assert f"the mapping kubearmor-cef {UNSAID}" in ended.err
    checked = forward("--from", log, "--to", url(collector), "--check")
    assert (checked.code, UNSAID in checked.out.decode()) == (0, True)


@pytest.mark.parametrize("where", ["option", "url", "mapping", "parent"])
@pytest.mark.parametrize("header", ["none", "rfc5424"])
def test_a_header_that_is_said_is_written_without_a_warning(tmp_path, collector, where, header):
    log = write_events(tmp_path / "ka.log", 50)
    words, to = [], url(collector)
    said = f"envelope: {{syslog_header: {header}}}\n"
    mapping = written(tmp_path / "own.yaml", said if where == "mapping" else "")
    if where == "option":
        words = ["--syslog-header", header]
    elif where == "url":
        to += f"&syslog_header={header}"
    elif where == "parent":
        written(tmp_path / "parent.yaml", said, "mapping: parent\nextends: kubearmor-cef\n")
        head = "mapping: own\nextends: ./parent.yaml\ncluster: c\n"
        written(mapping, "envelope: {facility: local3}\n", head)
    words += ["--from", log, "--to", to, "-m", mapping]
    ended = forward(*words, "--once")
    assert ended.code == 0
    assert Counter(collector.messages) == lines(log, header, "-m", mapping)
    assert UNSAID not in ended.err
    assert UNSAID not in forward(*words, "--check").out.decode()


@pytest.mark.parametrize(
    ("name", "header"), [("sentinel", "rfc3164"), ("qradar-leef", "rfc3164"), ("splunk", "rfc5424")]
)
def test_a_shipped_mapping_for_a_siem_says_its_header(tmp_path, collector, name, header):
    log = write_events(tmp_path / "ka.log", 50)
    ended = forward("--from", log, "--to", url(collector), "-m", name, "--once")
    assert Counter(collector.messages) == lines(log, header, "-m", name)
    assert UNSAID not in ended.err


def test_a_file_and_standard_output_get_no_header_that_nobody_asked_for(tmp_path):
    log = write_events(tmp_path / "ka.log", 50)
    out = tmp_path / "out.cef"
    ended = forward("--from", log, "--to", f"file://{out}", "--to", "-", "--once")
    assert ended.code == 0
    assert UNSAID not in ended.err
    assert Counter(out.read_bytes().splitlines()) == lines(log, "none")
    assert Counter(ended.out.splitlines()) == lines(log, "none")


RULES = """\
envelope:
  syslog_header: rfc3164
  time_zone: Asia/Kolkata
  facility: [{value: local3, when: {event.kind: alert}}, {from: Labels.facility}, local7]
"""


def test_facilities_and_zones_of_rules_arrive_as_convert_writes_them(tmp_path, collector):
    log = write_events(tmp_path / "ka.log", 300)
    mapping = written(tmp_path / "own.yaml", RULES)
    ended = forward("--from", log, "--to", url(collector), "-m", mapping, "--once")
    assert ended.code == 0
    assert Counter(collector.messages) == lines(log, "rfc3164", "-m", mapping)
    facilities = Counter(int(line[1 : line.index(b">")]) // 8 for line in collector.messages)
    alerts = sum(b"|alert." in line for line in collector.messages)
    assert facilities == {19: alerts, 23: 300 - alerts}
    assert 0 < alerts < 300


def test_a_zone_and_a_facility_that_are_none_are_errors_with_their_places(tmp_path):
    mapping = written(
        tmp_path / "own.yaml",
        "envelope:\n  time_zone: Europe/Berln\n  facility: [{value: locl3, when: {HostName: a}}, local1]\n",
    )
    ended = forward("--from", "-", "--to", "tcp://127.0.0.1:1", "-m", mapping, "--check")
    assert ended.code == 2
    told = ended.out.decode()
    assert (
        f'{mapping}:5:14 M006 Unknown time zone "Europe/Berln". Did you mean "Europe/Berlin"?'
        in told
    )
    assert f'{mapping}:6:15 M006 "locl3" is no syslog facility. Did you mean "local3"?' in told


ROUTES = """\
sources: {log}
queue: {queue}
heartbeat: 1s
metrics: 127.0.0.1:{port}
destinations:
  - name: shop
    to: {shop}?confirm_interval=1s
    mapping: {mapping}
    when: {{NamespaceName: "*-shop", cluster: c}}
  - name: urgent
    to: {urgent}?confirm_interval=1s
    mapping: {mapping}
    when:
      - {{event.kind: alert, event.severity: ["8", "9", "10"]}}
      - {{event.verb: connect}}
"""


def class_ids(messages):
    return [text[text.index(b"CEF:") :].split(b"|")[4].decode() for text in messages]


def test_one_stream_is_routed_by_field_and_nothing_vanishes_uncounted(tmp_path):
    log = write_events(tmp_path / "ka.log", 1000)
    read = [json.loads(line) for line in log.read_bytes().splitlines()]
    shop = {
        number for number, it in enumerate(read) if it.get("NamespaceName", "").endswith("-shop")
    }
    mapping = written(tmp_path / "own.yaml", "envelope: {syslog_header: rfc3164}\n")
    texts = convert(log, "-m", mapping).messages
    urgent = {
        number
        for number, (_, _, _, _, kind, _, severity, _) in enumerate(
            text.split("|", 7) for text in texts
        )
        if (kind.startswith("alert.") and int(severity) >= 8) or ".connect." in kind
    }
    assert shop
    assert urgent
    assert shop - urgent
    assert len(shop | urgent) < 1000
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (
        Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as one,
        Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as other,
    ):
        config = tmp_path / "forward.yaml"
        config.write_text(
            ROUTES.format(
                log=log,
                queue=tmp_path / "q",
                port=port,
                shop=one.urls[0],
                urgent=other.urls[0],
                mapping=mapping,
            )
        )

        def ask():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as got:
                    return got.read().decode()
            except OSError:
                return ""

        nowhere = 1000 - len(shop | urgent)
        wanted = [f"cef_bridge_unrouted_total {nowhere}.0"] + [
            f'cef_bridge_routed_away_total{{destination="{name}"}} {1000 - len(taken)}.0'
            for name, taken in (("shop", shop), ("urgent", urgent))
        ]
        with Forward("--config", config) as run:
            until(lambda: all(map(ask().__contains__, wanted)))
            until(lambda: any("system.heartbeat" in it for it in class_ids(one.messages)))
            until(lambda: any("system.heartbeat" in it for it in class_ids(other.messages)))
            ended = run.end()
        assert ended.code == 0
        for name, taken, collector in (("shop", shop, one), ("urgent", urgent, other)):
            away = 1000 - len(taken)
            assert (
                f"{name}: 1,000 received, {len(taken)} converted, {away} filtered ({away} by when)"
                in ended.err
            )
            came = [text for text in collector.messages if b"system.heartbeat" not in text]
            assert Counter(text[text.index(b"CEF:") :] for text in came) == Counter(
                texts[number].encode() for number in taken
            )
    assert f"{nowhere} events not sent: no destination's when matches them" in ended.err
    for totals in books(tmp_path / "q").values():
        assert balanced(totals)
        assert totals["received"] == 1000
    again = forward("--config", config, "--once", "--timeout", "5s")
    assert f"{nowhere} events not sent" in again.err  # and not twice as many


def test_a_test_event_goes_to_a_destination_whatever_its_when(tmp_path, collector):
    config = tmp_path / "forward.yaml"
    config.write_text(
        f"sources: '-'\ndestinations: {{to: '{url(collector)}', mapping: sentinel, "
        "when: {NamespaceName: shop}}\n"
    )
    ended = forward("--config", config, "--test-event")
    assert (ended.code, len(collector.messages)) == (0, 1)
