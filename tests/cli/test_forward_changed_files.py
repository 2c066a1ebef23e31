"""A running `forward` takes changed files: config, mappings, certificates, secrets; a broken one changes nothing."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import threading
import urllib.request
from collections import Counter

import pytest
from certificates import Authority
from forwards import Forward, ids, write_events
from kubelet_volumes import Volume
from waiting import until

from cef_bridge.collector.collector import Collector
from cef_bridge.lines import parse

CONFIG = """\
queue: {folder}/q
metrics: 127.0.0.1:{port}
watch: {watch}
sources:
  - from: {folder}/ka.log
destinations:
  - {{name: siem, to: "{to}", confirm_interval: 1s, mapping: acme.yaml{more}}}
"""
MAPPING = "mapping: acme\nextends: kubearmor-cef\ncluster: {}\n"
TAKEN, KEPT = "configuration reloaded", "ERROR reload failed, old configuration kept: "


@pytest.fixture
def port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def metric(port, name):
    """Return the values of a metric, by labels."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            text = answer.read().decode()
    except OSError:
        return {}
    rows = re.findall(rf"^cef_bridge_{name}(\{{.*\}})? (\S+)$", text, re.MULTILINE)
    return {labels: float(value) for labels, value in rows}


def append(path, count, seed):
    more = write_events(path.with_name("more.log"), count, seed=seed)
    with path.open("ab") as file:
        file.write(more.read_bytes())


def clusters(collector):
    return Counter(parse(text.decode()).extension["cs6"] for text in collector.messages)


def test_a_configmap_that_is_swapped_is_taken_and_a_wrong_one_is_not(tmp_path, port):
    write_events(tmp_path / "ka.log", 100)
    with Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as siem:
        config = CONFIG.format(
            folder=tmp_path, port=port, watch="yes", to=siem.urls[0], more=", syslog_header: none"
        )
        volume = Volume(
            tmp_path / "etc", {"forward.yaml": config, "acme.yaml": MAPPING.format("one")}
        )
        with Forward("--config", volume.folder / "forward.yaml") as run:
            until(lambda: clusters(siem) == {"one": 100})
            assert metric(port, "reload_ok") == {"": 1}
            volume.write({"forward.yaml": config, "acme.yaml": "mapping: ["})
            run.until_says(KEPT)
            assert metric(port, "reload_ok") == {"": 0}
            append(tmp_path / "ka.log", 100, 2)
            until(lambda: clusters(siem) == {"one": 200})
            volume.write({"forward.yaml": "sources: [", "acme.yaml": MAPPING.format("two")})
            run.until_says(KEPT, 2)
            volume.write({"forward.yaml": config, "acme.yaml": MAPPING.format("two")})
            run.until_says(TAKEN)
            append(tmp_path / "ka.log", 100, 3)
            until(lambda: clusters(siem) == {"one": 200, "two": 100})
            other = config.replace("syslog_header: none", "syslog_header: none, alerts_only: yes")
            volume.write({"forward.yaml": other, "acme.yaml": MAPPING.format("two")})
            run.until_says(TAKEN, 2)
            assert metric(port, "reload_ok") == {"": 1}
            assert metric(port, "reloads_total") == {"": 2}
            assert metric(port, "reload_failures_total") == {"": 2}
            ended = run.end()
    assert ended.code == 0
    assert (ended.err.count(KEPT), ended.err.count(TAKEN)) == (2, 2)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from: {folder}/ka.log", "from: kafka://127.0.0.1:1/events?group=one"),
        ("to: {siem}, confirm_interval: 1s", "to: kafka://127.0.0.1:1/events"),
    ],
    ids=["source", "destination"],
)
def test_a_part_that_cannot_be_made_leaves_all_others_at_work(tmp_path, before, after):
    without = tmp_path / "without"
    without.mkdir()
    (without / "confluent_kafka.py").write_text("raise ImportError")
    (tmp_path / "acme.yaml").write_text(MAPPING.format("one"))
    write_events(tmp_path / "ka.log", 100)
    config = tmp_path / "forward.yaml"
    with Collector(["tcp://127.0.0.1:0"] * 2, keep=10_000, rules=None) as siem:
        text = (
            "queue: {folder}/q\nwatch: yes\nsources:\n  - {{from: {folder}/ka.log}}\ndestinations:\n"
            "  - {{name: first, to: {first}, confirm_interval: 1s, mapping: acme.yaml}}\n"
            "  - {{name: siem, to: {siem}, confirm_interval: 1s, mapping: acme.yaml}}\n"
        )
        where = {"folder": tmp_path, "first": siem.urls[0], "siem": siem.urls[1]}
        text = text.format(**where)
        config.write_text(text)
        with Forward("--config", config, env={"PYTHONPATH": str(without)}) as run:
            until(lambda: clusters(siem) == {"one": 200})
            other = text.replace("interval: 1s", "interval: 2s", 1)
            config.write_text(other.replace(before.format(**where), after))
            run.until_says(KEPT)
            append(tmp_path / "ka.log", 100, 2)
            until(lambda: clusters(siem) == {"one": 400})
            ended = run.end()
    assert ended.code == 0
    assert "pip install 'cef-bridge[kafka]'" in ended.err


def test_without_watch_only_sighup_takes_a_changed_file(tmp_path, port):
    write_events(tmp_path / "ka.log", 1)
    with Collector(["tcp://127.0.0.1:0"], keep=10_000, rules=None) as siem:
        config = CONFIG.format(folder=tmp_path, port=port, watch="no", to=siem.urls[0], more="")
        ca = Authority(tmp_path / "pki")
        client = ca.issue(client=True)
        config += (
            f"  - {{name: other, to: 'tls://127.0.0.1:1', ca: {ca.ca}, cert: {client.cert}, "
            f"key: {client.key}}}\n"
        )
        volume = Volume(
            tmp_path / "etc", {"forward.yaml": config, "acme.yaml": MAPPING.format("one")}
        )
        with Forward("--config", volume.folder / "forward.yaml") as run:
            until(lambda: siem.distinct == 1)
            volume.write({"forward.yaml": "sources: [", "acme.yaml": "mapping: ["})
            # What is looked at later than those is reported; so they were passed over.
            again = ca.issue(client=True)
            again.cert.rename(client.cert)
            again.key.rename(client.key)
            run.until_says("destination other: changed certificates or secrets taken")
            assert KEPT not in run.said()
            assert metric(port, "reload_failures_total") == {"": 0}
            assert run.end().code == 0


def test_a_secret_that_is_swapped_is_taken_and_a_wrong_one_is_not(tmp_path, port):
    write_events(tmp_path / "ka.log", 100)
    ca = Authority(tmp_path / "pki")
    server = ca.issue()
    listen = f"tls://127.0.0.1:0?cert={server.cert}&key={server.key}&client_ca={ca.ca}"

    def files(pair):
        return {
            "ca.crt": ca.ca.read_bytes(),
            "tls.crt": pair.cert.read_bytes(),
            "tls.key": pair.key.read_bytes(),
        }

    secret = Volume(tmp_path / "secret", files(ca.issue(client=True)))
    named = (
        f", ca: {secret.folder}/ca.crt, cert: {secret.folder}/tls.crt, key: {secret.folder}/tls.key"
    )
    (tmp_path / "acme.yaml").write_text(MAPPING.format("one"))
    with Collector([listen], keep=10_000, rules=None) as siem:
        to = siem.urls[0].partition("?")[0]
        (tmp_path / "forward.yaml").write_text(
            CONFIG.format(folder=tmp_path, port=port, watch="no", to=to, more=named)
        )
        with Forward("--config", tmp_path / "forward.yaml") as run:
            until(lambda: metric(port, "confirmed_total") == {'{destination="siem"}': 100})
            expiry = metric(port, "certificate_expiry_timestamp_seconds")
            assert {re.sub('file="[^"]*/', 'file="', labels) for labels in expiry} == {
                '{file="ca.crt",used_by="destination siem"}',
                '{file="tls.crt",used_by="destination siem"}',
            }
            broken = {**files(ca.issue(client=True)), "tls.key": b"half"}
            secret.write(broken)
            run.until_says("ERROR destination siem: changed files cannot be used")
            assert metric(port, "reload_ok") == {"": 0}
            assert metric(port, "certificate_expiry_timestamp_seconds") == expiry
            for number in (2, 3):  # each on a connection of its own
                append(tmp_path / "ka.log", 100, number)
                until(lambda n=number: set(metric(port, "confirmed_total").values()) == {n * 100})
            secret.write(files(ca.issue(client=True, expired=True)))
            run.until_says("destination siem: changed certificates or secrets taken")
            assert metric(port, "reload_ok") == {"": 1}
            now = metric(port, "certificate_expiry_timestamp_seconds")
            assert min(now.values()) < 1_710_000_000 < min(expiry.values())  # EXPIRED_ON
            append(tmp_path / "ka.log", 100, 4)
            until(lambda: metric(port, "destination_connected") == {'{destination="siem"}': 0})
            secret.write(files(ca.issue(client=True)))
            until(lambda: set(metric(port, "confirmed_total").values()) == {400})
            assert run.end().code == 0
        assert len(set(ids(siem.messages))) == 400


@contextlib.contextmanager
def handshakes(ca, pair):
    """Listen with TLS, as a broker that shakes hands and hangs up; yields the clients' serials."""
    seen = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.cert, pair.key)
    context.load_verify_locations(ca.ca)
    context.verify_mode = ssl.CERT_REQUIRED
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            client.settimeout(10)
            with (
                client,
                contextlib.suppress(OSError),
                context.wrap_socket(client, server_side=True) as wrapped,
            ):
                seen.append(wrapped.getpeercert()["serialNumber"])

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize("part", ["source", "destination"])
def test_kafka_takes_a_renewed_certificate(tmp_path, part):
    pytest.importorskip("confluent_kafka")
    ca = Authority(tmp_path / "pki")
    one, two = ca.issue(client=True), ca.issue(client=True)
    secret = Volume(
        tmp_path / "secret", {"tls.crt": one.cert.read_bytes(), "tls.key": one.key.read_bytes()}
    )
    words = f"tls: yes, ca: {ca.ca}, cert: {secret.folder}/tls.crt, key: {secret.folder}/tls.key"
    write_events(tmp_path / "ka.log", 1)
    with handshakes(ca, ca.issue()) as (broker, seen):
        kafka = f"kafka://127.0.0.1:{broker}/t"
        source = f"{{from: '{kafka}', group: g, {words}}}"
        destination = f"{{to: '{kafka}', name: siem, {words}}}"
        if part == "source":
            destination = "{to: 'file:///dev/null', name: siem}".replace(
                "/dev/null", str(tmp_path / "out")
            )
        else:
            source = str(tmp_path / "ka.log")
        (tmp_path / "forward.yaml").write_text(
            f"queue: {tmp_path}/q\nsources: [{source}]\ndestinations: [{destination}]\n"
        )
        with Forward("--config", tmp_path / "forward.yaml") as run:
            until(lambda: len(seen) >= 2)
            secret.write({"tls.crt": two.cert.read_bytes(), "tls.key": two.key.read_bytes()})
            run.until_says("changed certificates or secrets taken")
            until(lambda: len(set(seen)) == 2)
            run.kill()
