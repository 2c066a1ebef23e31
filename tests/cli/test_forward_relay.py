"""`forward` from KubeArmor's relay to a collector with TLS, as a process, over real sockets."""

from __future__ import annotations

import json
import socket
import urllib.request
from collections import Counter

import pytest
from certificates import Authority
from forwards import Forward, balanced, books, ids
from relay_server import RelayServer
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.generator import events
from cef_bridge.lines import parse
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converter

EVENTS = [json.loads(line) for line in events(1500, seed=11)]
ALERTS = [event for event in EVENTS if "PolicyName" in event]
LOGS = [event for event in EVENTS if event.get("Type") in ("ContainerLog", "HostLog")]


@pytest.fixture
def authority(tmp_path):
    return Authority(tmp_path / "ca")


@pytest.fixture
def siem(authority):
    pair = authority.issue("localhost")
    with Collector(
        [f"tls://localhost:0?cert={pair.cert}&key={pair.key}"], keep=10_000, rules=None
    ) as running:
        yield running


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def extension(message: bytes) -> dict[str, str]:
    return parse(message[message.index(b"CEF:") :].decode()).extension


def test_the_relay_to_a_siem_with_tls_a_queue_and_metrics(tmp_path, authority, siem):
    metrics = f"127.0.0.1:{free_port()}"
    with RelayServer() as relay:
        host, port = relay.address
        words = (
            *("--from", f"kubearmor://{host}:{port}?streams=alerts,logs"),
            *(
                "--to",
                f"tls://localhost:{siem.addresses[0][1]}?ca={authority.ca}&confirm_interval=1s",
            ),
            *("-m", "splunk", "--queue", tmp_path / "q", "--metrics", metrics),
        )
        with Forward(*words) as run:
            relay.wait_for("alerts", "logs")
            relay.send("alerts", *ALERTS)
            relay.send("logs", *LOGS)
            until(lambda: siem.distinct >= len(ALERTS) + len(LOGS))
            until(lambda: "confirmed_total" in _metrics(metrics))
            ended = run.end()
    assert ended.code == 0
    converter = Converter(load("splunk"), syslog_header="rfc5424")
    expected = Counter(converter.convert(event).message.encode() for event in ALERTS + LOGS)
    assert Counter(siem.messages) == expected
    totals = books(tmp_path / "q")["tls-localhost-" + str(siem.addresses[0][1])]
    assert balanced(totals)
    assert totals["confirmed"] == len(ALERTS) + len(LOGS)


def _metrics(address: str) -> str:
    with urllib.request.urlopen(f"http://{address}/metrics", timeout=60) as answer:
        return answer.read().decode()


def test_a_relay_that_goes_away_and_comes_back_is_told_of_in_band(tmp_path, siem, authority):
    with RelayServer() as relay:
        host, port = relay.address
        target = f"tls://localhost:{siem.addresses[0][1]}?ca={authority.ca}&confirm_interval=1s"
        words = ("--from", f"kubearmor://{host}:{port}?streams=alerts", "--to", target)
        with Forward(*words, "--queue", tmp_path / "q") as run:
            relay.wait_for("alerts")
            relay.send("alerts", *ALERTS[:50])
            until(lambda: siem.distinct >= 50)
            relay.stop()
            relay.start()
            relay.wait_for("alerts", timeout=30)
            relay.send("alerts", *ALERTS[50:100])
            until(lambda: siem.distinct >= 101)
            assert run.end().code == 0
    gaps = [text for text in siem.messages if b"system.gap" in text]
    assert len(gaps) == 1
    assert extension(gaps[0])["KubeArmorGapReason"].startswith("relay-")
    assert len(set(ids(siem.messages))) == 100
