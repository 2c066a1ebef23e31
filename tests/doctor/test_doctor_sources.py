"""What the doctor says of sources that are away, silent or full of something else, and of events."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
import time
from pathlib import Path

import brokers
import pytest
from certificates import Authority
from looking import SHORT, Collector, closed_port, event, log, look, row, statuses, write
from relay_server import NOT_SERVING, RelayServer

TO = ["file:///dev/null?name=out"]


# --- files


def test_a_file_that_does_not_exist(tmp_path):
    found = look([tmp_path / "k.log"], TO)
    assert found.broken == row(found, "files")
    assert found.sentence == (
        f"Source {tmp_path}/k.log brings nothing: no file is called {tmp_path}/k.log. Check the "
        "path, and that KubeArmor writes the file (kubearmor -logPath=PATH). A pod needs the "
        "folder as a volume."
    )
    assert row(found, "content").status == "not tried"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("none/*.log", "the folder {folder}/none does not exist"),
        ("*.log", "no file is called {folder}/*.log"),
        ("", "{folder}/ is a folder"),
    ],
)
def test_a_pattern_that_matches_nothing(tmp_path, name, said):
    found = look([f"{tmp_path}/{name}"], TO)
    assert found.broken.text == said.format(folder=tmp_path)


@contextlib.contextmanager
def nobody():
    """Be a user who is not root, who may read everything."""
    if os.getuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_file_that_may_not_be_read():
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # pytest's folders are for their owner only
        path = write(Path(folder) / "k.log", event())
        look([path], TO)  # all that is imported later is, now: nobody may not read it either
        path.chmod(0)
        with nobody():
            found = look([path], TO)
    assert found.broken == row(found, "permissions")
    assert found.broken.text == f"{path} cannot be read: Permission denied"
    assert "(----------). Let the user of cef-bridge read it." in found.broken.advice


def test_a_pipe_cannot_be_followed(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    found = look([tmp_path / "pipe"], TO, limit=SHORT)
    assert found.broken == row(found, "permissions")
    assert "is a named pipe, which cannot be followed" in found.broken.text


def test_an_empty_file(tmp_path):
    found = look([write(tmp_path / "k.log")], TO)
    assert found.broken == row(found, "content")
    assert found.broken.text == "no file has a line"


def test_a_file_of_something_else(tmp_path):
    found = look([write(tmp_path / "k.log", "GET / 200\x1b[31m", "POST / 404")], TO)
    assert found.broken == row(found, "events")
    assert found.sentence.startswith(f"Nothing is sent from source {tmp_path}/k.log: no KubeArmor")
    assert "the first begins with: GET / 200\\u001b[31m" in found.broken.text


def test_records_that_cannot_be_read_are_a_warning_beside_events(tmp_path):
    cut = json.dumps(event())[:200]
    found = look([write(tmp_path / "k.log", event(), cut, event(1), "noise")], TO)
    assert found.broken is None
    said = row(found, "events")
    assert said.status == "warning"
    assert said.text.startswith("2 events in 4 lines, 1 skipped (no KubeArmor event), 1 rejected (")


def test_events_that_the_settings_take_out_are_named_with_the_setting(tmp_path):
    path = write(tmp_path / "k.log", log(), log())
    found = look([path], ["file:///dev/null?name=a&alerts_only=yes"])
    assert found.broken == row(found, "messages for a")
    assert found.broken.text == (
        "all events of the sample are taken out: 0 messages from 2 events, 2 filtered by alerts_only"
    )


def test_events_of_which_some_are_taken_out_are_fine(tmp_path):
    path = write(tmp_path / "k.log", log(), event())
    found = look([path], ["file:///dev/null?name=a&filters=alerts_only"])
    said = row(found, "messages for a")
    assert (said.status, said.text) == ("ok", "1 message from 2 events, 1 filtered by filters")


def test_the_newest_lines_of_a_large_file_are_looked_at(tmp_path):
    path = write(tmp_path / "k.log", *["noise " * 20] * 20_000, *[event()] * 600)
    found = look([path], TO)
    assert row(found, "events").text == "500 events in 500 lines"


def test_a_packed_file_is_looked_into(tmp_path):
    path = tmp_path / "k.log.gz"
    path.write_bytes(gzip.compress(json.dumps(event()).encode() + b"\n"))
    assert row(look([path], TO), "events").text == "1 event in 1 line"


@pytest.mark.parametrize(
    ("shift", "status", "said"),
    [
        (7200, "warning", "the newest event is 2.0 h in the future"),
        (-7200, "warning", "the newest event is 2.0 h old"),
        (-10, "ok", "the newest event is "),
    ],
)
def test_the_clock_of_events_is_compared(tmp_path, shift, status, said):
    path = write(tmp_path / "k.log", event(at=time.time() + shift))
    found = row(look([path], TO), "clock")
    assert found.status == status
    assert found.text.startswith(said)


def test_a_file_that_is_quiet_for_hours_is_a_warning(tmp_path):
    path = write(tmp_path / "k.log", event())
    os.utime(path, (time.time() - 7200,) * 2)
    said = row(look([path], TO), "last written")
    assert (said.status, said.text) == ("warning", f"{path} was last written 2.0 h ago")


# --- mappings


def test_a_mapping_with_problems(tmp_path):
    own = write(tmp_path / "own.yaml", "mapping: own", "extends: splnk")
    found = look([write(tmp_path / "k.log", event())], TO, mapping=str(own))
    assert row(found, "mapping").status == "problem"
    assert f"{own}:2:10 M016 There is no shipped mapping" in found.sentence


def test_warnings_of_lint_are_warnings(tmp_path):
    own = write(tmp_path / "own.yaml", "mapping: own", "extends: splunk", "cluster: c")
    found = look([write(tmp_path / "k.log", event())], TO, mapping=str(own))
    assert found.broken is None
    assert row(found, "mapping").text.startswith(f"{own} has 1 warning: {own}:1:1 M049")


# --- a relay


def test_a_relay_that_brings_events_makes_all_fine():
    with RelayServer() as relay, Collector() as collector:
        url = f"kubearmor://127.0.0.1:{relay.port}"
        found = Sender(relay).during(lambda: look([url], [f"tcp://127.0.0.1:{collector.port}"]))
    assert statuses(found) <= {"ok", "not tried"}, found.rows
    assert "event" in row(found, "stream alerts").text
    assert row(found, "messages for").status == "ok"


class Sender:
    """Sends an alert and a log to whoever watches, again and again."""

    def __init__(self, relay: RelayServer) -> None:
        self._relay = relay

    def during(self, work):
        import threading

        stop = threading.Event()

        def send() -> None:
            while not stop.wait(0.05):
                self._relay.send("alerts", event())
                self._relay.send(
                    "logs",
                    {k: v for k, v in log().items() if v and k not in {"PolicyName", "Severity"}},
                )

        thread = threading.Thread(target=send)
        thread.start()
        try:
            return work()
        finally:
            stop.set()
            thread.join()


def test_a_silent_relay_is_a_warning_that_says_where_to_look():
    with RelayServer() as relay:
        found = look([f"kubearmor://127.0.0.1:{relay.port}"], TO, limit=SHORT)
    assert found.broken is None
    alerts, logs = row(found, "stream alerts"), row(found, "stream logs")
    assert (alerts.status, alerts.text) == ("warning", "connected, and no event in 4 seconds")
    assert "throttling" in alerts.advice
    assert "kubearmor-visibility" in logs.advice


def test_a_relay_that_is_away():
    port = closed_port()
    found = look([f"kubearmor://127.0.0.1:{port}"], TO)
    assert found.sentence == (
        f"Source kubearmor://127.0.0.1:{port} brings nothing: cannot reach 127.0.0.1:{port}: "
        "nothing listens there. Start the relay, or correct the port."
    )


def test_a_relay_that_is_something_else():
    with RelayServer(kubearmor=False) as relay:
        found = look([f"kubearmor://127.0.0.1:{relay.port}"], TO)
    assert found.broken == row(found, "stream alerts")
    assert "is not KubeArmor: it has no feeder.LogService" in found.sentence


def test_a_relay_that_speaks_tls(tmp_path):
    authority = Authority(tmp_path)
    with RelayServer(pair=authority.issue()) as relay:
        plain = look([f"kubearmor://127.0.0.1:{relay.port}"], TO)
        url = f"kubearmor://localhost:{relay.port}?tls=yes&ca={authority.ca}"
        right = look([url], TO, limit=SHORT)
        other = Authority(tmp_path / "other", "other")
        wrong = look([f"kubearmor://localhost:{relay.port}?tls=yes&ca={other.ca}"], TO)
    assert plain.broken == row(plain, "gRPC")
    assert "speaks TLS: say tls=yes" in plain.sentence
    assert right.broken is None
    assert row(right, "server certificate").text.startswith("valid until ")
    assert wrong.broken == row(wrong, "gRPC")
    assert "is not signed by an authority known here" in wrong.sentence


def test_a_relay_that_says_it_is_ill():
    with RelayServer(health=NOT_SERVING) as relay:
        found = look([f"kubearmor://127.0.0.1:{relay.port}"], TO, limit=SHORT)
    assert row(found, "gRPC").text == "it says of itself that it is not serving"


# --- Kafka


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    with brokers.noida(tmp_path_factory.mktemp("noida")) as server:
        yield server.port


def test_a_topic_with_events_and_one_to_write_to_make_all_fine(broker):
    topics = brokers.Topics(broker)
    topics.create("events")
    topics.create("cef")
    topics.send("events", [json.dumps(event(number)).encode() for number in range(20)])
    url = f"kafka://127.0.0.1:{broker}"
    found = look([f"{url}/events?group=g"], [f"{url}/cef"])
    assert not found.found, found.rows
    assert row(found, "events").text == "20 events in 20 lines"
    assert row(found, "topic cef").text == "3 partitions"
    assert row(found, "group g").text.startswith("it has no offset yet")
    assert topics.committed("g", "events") == {}


def test_a_topic_that_does_not_exist(broker):
    url = f"kafka://127.0.0.1:{broker}"
    found = look([f"{url}/nothing?group=g"], [f"{url}/nowhere"])
    assert found.broken == row(found, "topic nothing")
    assert "there is no topic nothing at" in found.sentence
    assert row(found, "topic nowhere").status == "problem"
    assert not brokers.Topics(broker).exists("nothing")


def test_a_topic_without_messages_is_a_warning(broker):
    brokers.Topics(broker).create("empty")
    found = look([f"kafka://127.0.0.1:{broker}/empty?group=g"], TO)
    assert (row(found, "messages").status, row(found, "messages").text) == (
        "warning",
        "the topic has no message",
    )


def test_a_broker_that_is_away():
    port = closed_port()
    found = look([f"kafka://127.0.0.1:{port}/t?group=g"], TO)
    assert found.broken == row(found, "TCP to")
    assert found.broken.advice == "Start the broker, or correct the port."
    assert row(found, "brokers").status == "not tried"


def test_a_server_that_is_no_broker():
    with Collector() as collector:
        found = look([f"kafka://127.0.0.1:{collector.port}/t?group=g"], TO, limit=SHORT)
    assert found.broken == row(found, "brokers")
    assert found.broken.text


def test_standard_input_is_not_read():
    found = look(["-"], TO)
    assert row(found, "standard input").status == "not tried"


def test_a_damaged_archive_hides_no_other_row(tmp_path):
    path = tmp_path / "k.log.gz"
    path.write_bytes(gzip.compress(os.urandom(3000))[:14])
    found = look([path], TO)
    assert found.broken == row(found, "events")
    assert "it cannot be read: " in found.broken.text
    assert row(found, "messages for").status == "not tried"
    assert row(found, "file", "destination").status == "ok"


def test_a_file_that_is_written_and_read(tmp_path):
    path = write(tmp_path / "k.log", event())
    found = look([path], [f"file://{path}"])
    assert found.broken == row(found, "loop")
    assert f"{path} is read by a source as well" in found.sentence
