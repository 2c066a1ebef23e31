"""The relay as a feed: a real gRPC server on loopback, its faults included."""

from __future__ import annotations

import json
import logging
import random
import socket
import threading
import time
from pathlib import Path
from typing import Self

import pytest
from certificates import Authority
from relay_server import NOT_SERVING, SERVING, RelayServer, StatusCode, Valve, encode, kind_of

from cef_bridge.errors import UsageError
from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.mapping.load import load
from cef_bridge.mapping.program.converter import Converted, Converter
from cef_bridge.sources.feed import Arrival, Notice
from cef_bridge.sources.records.units import Block, BrokenLine, Oversized
from cef_bridge.sources.relay.channel import credentials
from cef_bridge.sources.relay.errors import RelayEndpoint
from cef_bridge.sources.relay.json_lines import line_of
from cef_bridge.sources.relay.reader import RelaySettings
from cef_bridge.sources.relay.relay import Relay

DATA = Path(__file__).parent.parent / "data"
ALERT = {
    "Timestamp": 1772528400,
    "HostName": "node-a1",
    "PPID": 0,
    "UID": 0,
    "Type": "MatchedPolicy",
}
LOG = {"Timestamp": 1772528401, "HostName": "node-a1", "PPID": 0, "UID": 0, "Type": "ContainerLog"}


class Taken:
    """Takes from a feed in a thread, as the service does, and keeps what came."""

    def __init__(self, feed: Relay) -> None:
        self.feed = feed
        self.arrivals: list[Arrival] = []
        self.notices: list[Notice] = []
        self.idle = 0
        self.pace = threading.Event()  # cleared: nothing is taken
        self.pace.set()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.pace.set()
        self.feed.stop()
        self._thread.join(5)
        assert not self._thread.is_alive()

    def _run(self) -> None:
        for item in self.feed.arrivals({}):
            if isinstance(item, Arrival):
                self.arrivals.append(item)
            elif isinstance(item, Notice):
                self.notices.append(item)
            else:
                self.idle += 1
            self.pace.wait()

    def lines(self, kind: str = "") -> list[bytes]:
        found = [each for each in self.arrivals if each.name.endswith(kind)]
        return [line for each in found if isinstance(each.item, Block) for line in each.item.lines]

    def until(self, condition, timeout: float = 60) -> None:
        deadline = time.monotonic() + timeout
        while not condition():
            assert time.monotonic() < deadline, (self.feed.state(), self.notices)
            time.sleep(0.02)


def alert(number: int, **more: object) -> dict[str, object]:
    return {**ALERT, "PID": number, **more}


def numbers(lines: list[bytes]) -> list[int]:
    return [json.loads(line).get("PID", 0) for line in lines]


def relay(server: RelayServer | Valve, **words: object) -> Relay:
    words.setdefault("streams", ("alerts",))
    rng = random.Random(1)  # noqa: S311  # spreads reconnects
    return Relay([server.address], rng=rng, **words)


def samples() -> list[tuple[str, dict[str, object]]]:
    """Events of the sample file that can go over gRPC as they are."""
    found = []
    for line in (DATA / "kinds.ndjson").read_bytes().splitlines():
        try:
            event = json.loads(line)
            found.append((kind_of(event), event))
            encode(*found[-1])
        except (AttributeError, TypeError, ValueError):
            del found[len(found) - 1 :]
    assert len(found) > 80
    return found


def test_alerts_logs_and_messages_arrive_complete_and_in_the_relays_form():
    events = samples()
    with RelayServer() as server:
        feed = relay(server, streams=("alerts", "logs", "messages"))
        with Taken(feed) as taken:
            server.wait_for("alerts", "logs", "messages")
            for kind, event in events:
                server.send(kind, event)
            taken.until(lambda: len(taken.lines()) == len(events))
            assert feed.state().connected
            assert feed.state().bytes > 10_000
    for kind, message in (("alerts", "Alert"), ("logs", "Log"), ("messages", "Message")):
        convert = line_of(message)
        sent = [convert(encode(kind, event)) for each, event in events if each == kind]
        assert taken.lines(kind) == sent
        assert sent
    assert not taken.notices
    assert feed.can_wait is False
    assert {each.mark for each in taken.arrivals} == {None}
    assert {each.stream for each in taken.arrivals} == {
        f"kubearmor://127.0.0.1:{server.port} {kind}" for kind in ("alerts", "logs", "messages")
    }


def converted(lines: list[bytes]) -> list[str]:
    converter, decoder = Converter(load("kubearmor-cef", env={})), EventDecoder()
    found = []
    for line in lines:
        for each in decoder.decode(line):
            assert isinstance(each, Decoded)
            result = converter.convert(each.fields)
            assert isinstance(result, Converted)
            found.append(result.message)
    return found


def test_what_came_over_grpc_converts_as_the_same_events_from_a_file_do():
    events = [
        event | {"PPID": event.get("PPID", 0), "UID": event.get("UID", 0)}
        for kind, event in samples()
        if kind == "logs" and event.get("Type")
    ]
    with RelayServer() as server, Taken(relay(server, streams=("logs",))) as taken:
        server.wait_for("logs")
        server.send("logs", *events)
        taken.until(lambda: len(taken.lines()) == len(events))
    # A field that is empty in a file is not there in protobuf.
    full = [{k: v for k, v in event.items() if v != ""} for event in events]
    assert converted(taken.lines()) == converted([json.dumps(event).encode() for event in full])


def test_blocks_count_their_lines_and_bytes_over_what_could_not_be_read():
    with RelayServer() as server, Taken(relay(server, max_record=2000)) as taken:
        server.wait_for("alerts")
        server.send(
            "alerts", alert(1), b"\x0a\xff", alert(2), alert(3, Source="x" * 3000), alert(4)
        )
        taken.until(lambda: len(taken.arrivals) >= 5)
        lines = taken.lines()
    assert numbers(lines) == [1, 2, 4]
    items = [each.item for each in taken.arrivals]
    broken = next(each for each in items if isinstance(each, BrokenLine))
    assert broken == BrokenLine(
        2, len(lines[0]) + 1, "the bytes are no protobuf message of KubeArmor", b"\x0a\xff"
    )
    over = next(each for each in items if isinstance(each, Oversized))
    assert (over.line, over.size, over.head[:12]) == (4, len(lines[0]) + 3012, b'{"Timestamp"')
    last = items[-1]
    assert isinstance(last, Block)
    assert last.places() == [(5, over.offset + over.size + 1)]


def test_an_argument_that_is_no_text_neither_ends_the_stream_nor_vanishes():
    bad = encode("alerts", alert(1)) + b"\x92\x01\x04sh\xff\xfe"
    with RelayServer() as server, Taken(relay(server)) as taken:
        server.wait_for("alerts")
        server.send("alerts", bad, alert(2))
        taken.until(lambda: len(taken.lines()) == 2)
        assert taken.feed.state().reconnects == 0
    assert numbers(taken.lines()) == [1, 2]
    assert json.loads(taken.lines()[0])["Source"] == "sh\ufffd\ufffd"


def test_a_server_that_dies_and_comes_back_costs_one_notice_and_no_later_event(caplog):
    caplog.set_level(logging.INFO)
    with RelayServer() as server, Taken(relay(server)) as taken:
        server.wait_for("alerts")
        server.send("alerts", alert(1))
        taken.until(taken.lines)
        server.stop()
        taken.until(lambda: not taken.feed.state().connected)
        taken.until(lambda: "refuses connections" in taken.feed.state().text)
        server.start()
        server.wait_for("alerts")
        server.send("alerts", alert(2))
        taken.until(lambda: len(taken.lines()) == 2 and taken.notices)
        state = taken.feed.state()
    assert (state.connected, state.gaps, state.reconnects) == (True, 1, 1)
    [notice] = taken.notices
    assert notice.reason == "relay-disconnected"
    assert notice.lost is None
    assert notice.name == f"kubearmor://127.0.0.1:{server.port} alerts"
    assert notice.text.startswith("The stream was interrupted for ")
    assert " and is back. Events of that time are lost, for KubeArmor keeps none. " in notice.text
    said = [(each.levelname, each.getMessage()) for each in caplog.records]
    assert said[0] == ("INFO", f"{notice.name}: connected")
    assert [level for level, _ in said[1:]] == ["WARNING"] * len(said[1:])
    assert any("; trying again" in text for _, text in said)
    assert any(": back after " in text for _, text in said)


def test_a_stream_that_fails_on_the_server_is_opened_again_at_once():
    """KubeArmor's own server ends it with INTERNAL when an argument is no UTF-8."""
    with RelayServer() as server, Taken(relay(server, streams=("alerts", "logs"))) as taken:
        server.wait_for("alerts", "logs")
        server.send("alerts", alert(1))
        taken.until(taken.lines)
        text = "grpc: error while marshaling: string field contains invalid UTF-8"
        server.abort("alerts", StatusCode.INTERNAL, text)
        taken.until(lambda: server.watched["alerts"] == 2)
        server.wait_for("alerts")
        server.send("alerts", alert(2))
        server.send("logs", LOG)
        taken.until(lambda: len(taken.lines()) == 3 and taken.notices)
        assert server.watched["logs"] == 1, "the other stream goes on"
    [notice] = taken.notices
    assert f"Last cause: 127.0.0.1:{server.port} ended the stream ({text})." in notice.text


def test_a_stream_that_ends_well_and_brings_nothing_is_no_connection():
    with RelayServer() as server, Taken(relay(server)) as taken:
        server.wait_for("alerts")
        for _ in range(4):
            server.abort("alerts", StatusCode.OK)
            watched = server.watched["alerts"]
            taken.until(lambda seen=watched: server.watched["alerts"] > seen)
            server.wait_for("alerts")
        server.abort("alerts", StatusCode.OK)
        taken.until(lambda: "at once, without an event" in taken.feed.state().text)
        assert "does not know the filter 'all'" in taken.feed.state().text
        assert not taken.feed.state().connected
    assert not taken.notices, "it was never up"


@pytest.mark.parametrize(("words", "asked"), [({}, "all"), ({"alerts": "policy"}, "policy")])
def test_the_filter_is_one_that_the_server_knows(words, asked):
    with RelayServer() as server, Taken(relay(server, **words)):
        server.wait_for("alerts")
        assert [client.filter for client in server.clients] == [asked]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"alerts": "high"}, "alerts=high: KubeArmor knows all and policy only"),
        ({"logs": ""}, "logs=: KubeArmor knows all and system only"),
        (
            {"streams": ("alert",)},
            "there is no stream 'alert'; KubeArmor has alerts, logs, messages",
        ),
        ({"streams": ()}, "no stream is asked for"),
        ({"ca": "ca.pem"}, "ca is for TLS: say tls=yes as well"),
        ({"tls": True, "cert": "c.pem"}, "needs both cert=PATH and key=PATH"),
        ({"tls": True, "ca": "/nowhere/ca.pem"}, "ca=/nowhere/ca.pem cannot be read: No such file"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(words, said):
    with pytest.raises(UsageError) as raised:
        Relay([("127.0.0.1", 1)], **words)
    assert said in str(raised.value)


def test_a_file_without_a_certificate_is_refused(tmp_path):
    path = tmp_path / "ca.pem"
    path.write_text("not yet")
    with pytest.raises(UsageError, match="holds no PEM"):
        Relay([("127.0.0.1", 1)], tls=True, ca=str(path))


def test_files_that_cannot_be_read_leave_those_before_in_use(tmp_path):
    authority = Authority(tmp_path, "ours")
    place = RelayEndpoint("127.0.0.1", 1, tls=True, ca=str(authority.ca))
    before = credentials(place)
    authority.ca.write_text("half")
    assert credentials(place) is before
    authority.ca.unlink()
    assert credentials(place) is before
    with pytest.raises(UsageError, match="cannot be read"):
        credentials(place._replace(port=2))


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path):
        return Authority(tmp_path, "ours")

    @pytest.fixture
    def other(self, tmp_path):
        return Authority(tmp_path, "other")

    def arrives(self, server: RelayServer, **words: object) -> None:
        with server, Taken(relay(server, tls=True, **words)) as taken:
            server.wait_for("alerts")
            server.send("alerts", alert(7))
            taken.until(lambda: numbers(taken.lines()) == [7])

    def fails(self, server: RelayServer, said: str, caplog, **words: object) -> None:
        with server, Taken(relay(server, **words)) as taken:
            taken.until(lambda: said.format(f"127.0.0.1:{server.port}") in taken.feed.state().text)
            assert not taken.feed.state().connected
            assert server.watched["alerts"] == 0
        assert [each for each in caplog.records if each.levelname == "ERROR"], "someone must act"

    def test_tls_with_a_known_authority(self, authority):
        self.arrives(RelayServer(pair=authority.issue()), ca=str(authority.ca))

    def test_mutual_tls(self, authority):
        mine = authority.issue(client=True)
        server = RelayServer(pair=authority.issue(), client_ca=authority.ca)
        self.arrives(server, ca=str(authority.ca), cert=str(mine.cert), key=str(mine.key))

    def test_a_server_whose_certificate_has_another_name(self, authority):
        server = RelayServer(pair=authority.issue("kubearmor"))
        self.arrives(server, ca=str(authority.ca), server_name="kubearmor")

    def test_a_wrong_name(self, authority, caplog):
        server = RelayServer(pair=authority.issue("kubearmor"))
        said = "the certificate of {} is not for the name 127.0.0.1: set server_name="
        self.fails(server, said, caplog, tls=True, ca=str(authority.ca))

    def test_an_unknown_authority(self, authority, other, caplog):
        server = RelayServer(pair=authority.issue())
        said = "the certificate of {} is not signed by an authority known here"
        self.fails(server, said, caplog, tls=True, ca=str(other.ca))

    def test_an_expired_certificate(self, authority, caplog):
        server = RelayServer(pair=authority.issue(expired=True))
        said = "the certificate of {} has expired"
        self.fails(server, said, caplog, tls=True, ca=str(authority.ca))

    def test_no_client_certificate_where_one_is_wanted(self, authority, caplog):
        server = RelayServer(pair=authority.issue(), client_ca=authority.ca)
        said = "{} wants a client certificate that its own authority has signed"
        self.fails(server, said, caplog, tls=True, ca=str(authority.ca))

    def test_a_client_certificate_of_another_authority(self, authority, other, caplog):
        mine = other.issue(client=True)
        server = RelayServer(pair=authority.issue(), client_ca=authority.ca)
        words = {"ca": str(authority.ca), "cert": str(mine.cert), "key": str(mine.key)}
        said = f"{{}} refuses the client certificate {mine.cert}"
        self.fails(server, said, caplog, tls=True, **words)

    def test_tls_to_a_server_without(self, authority, caplog):
        said = "{} does not speak TLS: leave out tls=yes"
        self.fails(RelayServer(), said, caplog, tls=True, ca=str(authority.ca))

    def test_plain_text_to_a_server_with_tls(self, authority, caplog):
        said = "{} speaks TLS: say tls=yes"
        self.fails(RelayServer(pair=authority.issue()), said, caplog)


def test_a_grpc_server_that_is_not_kubearmors_gets_a_sentence():
    with RelayServer(kubearmor=False) as server, Taken(relay(server)) as taken:
        taken.until(lambda: "answers, but is not KubeArmor" in taken.feed.state().text)


def test_a_web_server_gets_a_sentence():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    client, _ = listener.accept()
                except OSError:
                    return
                with client:
                    client.recv(1000)
                    client.sendall(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with Taken(Relay([listener.getsockname()], streams=("alerts",))) as taken:
            taken.until(lambda: "speaks HTTP/1, not gRPC" in taken.feed.state().text)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(5)


def test_a_name_that_nobody_knows_gets_a_sentence():
    with Taken(Relay([("relay.invalid", 32767)], streams=("alerts",))) as taken:
        taken.until(lambda: "cannot resolve relay.invalid" in taken.feed.state().text)


@pytest.mark.parametrize("own_port", [False, True])
def test_a_server_that_is_not_well_is_read_all_the_same_and_said(own_port, caplog):
    with (
        RelayServer(health=None if own_port else NOT_SERVING) as server,
        RelayServer(health=NOT_SERVING) as checked,
        Taken(relay(server, health=checked.port if own_port else None)) as taken,
    ):
        server.wait_for("alerts")
        server.send("alerts", alert(1))
        taken.until(taken.lines)
        assert "it says of itself that it is not serving" in taken.feed.state().text
        assert "it says of itself that it is not serving" in caplog.text


def test_a_health_port_that_is_not_there_does_not_stop_the_stream():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    with RelayServer(health=SERVING) as server, Taken(relay(server, health=free)) as taken:
        server.wait_for("alerts")
        server.send("alerts", alert(1))
        taken.until(taken.lines)
        assert f"its health port: 127.0.0.1:{free} refuses" in taken.feed.state().text


def test_copies_from_replicas_are_one_event_and_what_one_brings_twice_is_two():
    with RelayServer() as one, RelayServer() as two:
        feed = Relay([one.address, two.address], streams=("alerts",), dedupe=30)
        with Taken(feed) as taken:
            for server in (one, two):
                server.wait_for("alerts")
            for server in (one, two, one):
                server.send("alerts", *(alert(number) for number in range(300)))
            one.send("alerts", alert(1000))
            two.send("alerts", alert(2000))
            taken.until(lambda: len(taken.lines()) >= 602)
            taken.until(lambda: feed.duplicates >= 300)
            assert "300 copies left out" in feed.state().text
    assert sorted(numbers(taken.lines())) == sorted([*range(300), *range(300), 1000, 2000])


def test_without_dedupe_every_copy_is_an_event():
    with (
        RelayServer() as one,
        RelayServer() as two,
        Taken(Relay([one.address, two.address], streams=("alerts",))) as taken,
    ):
        for server in (one, two):
            server.wait_for("alerts")
            server.send("alerts", alert(1))
        taken.until(lambda: len(taken.lines()) == 2)


def test_one_replica_that_is_away_stops_nothing():
    with RelayServer() as one, RelayServer() as two:
        feed = Relay([one.address, two.address], streams=("alerts",), dedupe=30)
        with Taken(feed) as taken:
            two.wait_for("alerts")
            one.wait_for("alerts")
            one.stop()
            taken.until(lambda: not feed.state().connected)
            two.send("alerts", alert(1))
            taken.until(taken.lines)


def test_a_slow_taker_stops_the_reading_and_hears_of_it():
    settings = RelaySettings(buffer=100_000)
    big = [alert(number, Source="x" * 8000) for number in range(3000)]
    with RelayServer(buffer=1000) as server, Taken(relay(server, settings=settings)) as taken:
        server.wait_for("alerts")
        server.send("alerts", alert(-1))
        taken.until(taken.lines)
        taken.pace.clear()
        server.send("alerts", *big[:1000])
        time.sleep(1.5)
        server.send("alerts", *big[1000:])
        # The batch that was taken, the buffer and a message more; the rest waits over there.
        assert taken.feed.state().bytes < 220_000
        assert server.waiting() == 1000, "so the relay's own buffer is full"
        taken.pace.set()
        taken.until(lambda: taken.notices)
        taken.until(lambda: server.waiting() == 0)
        server.send("alerts", alert(3000))  # there is room for it, and all others stand before it
        taken.until(lambda: 3000 in numbers(taken.lines()[-1:]))
    assert {each.reason for each in taken.notices} == {"relay-overrun"}
    said = taken.notices[0].text
    assert said.startswith("Events came faster than they were taken, for ")
    got = numbers(taken.lines())
    assert got == sorted(got)
    assert 1000 < len(got) < 3000, "what the relay dropped is lost"


@pytest.mark.parametrize("state", ["quiet", "flooded", "away", "silent"])
def test_stopping_takes_no_time_whatever_the_stream_does(state):
    with socket.create_server(("127.0.0.1", 0)) as mute, RelayServer() as server:
        feed = (
            Relay([mute.getsockname()], streams=("alerts",)) if state == "silent" else relay(server)
        )
        taken = Taken(feed)
        with taken:
            if state == "silent":
                time.sleep(0.3)
            else:
                server.wait_for("alerts")
            if state == "flooded":
                server.send("alerts", *[encode("alerts", ALERT)] * 20000)
            if state == "away":
                server.stop()
                time.sleep(0.3)
            before = threading.active_count()
            started = time.monotonic()
            feed.stop()
            feed.stop()
            taken._thread.join(5)  # noqa: SLF001  # the test is about when it ends
            assert time.monotonic() - started < (5 if state == "flooded" else 1.5)
            assert threading.active_count() < before


def test_what_was_read_before_the_stop_is_given():
    with RelayServer() as server, Taken(relay(server)) as taken:
        server.wait_for("alerts")
        server.send("alerts", alert(-1))
        taken.until(taken.lines)
        taken.pace.clear()
        server.send("alerts", *(alert(number) for number in range(200)))
        deadline = time.monotonic() + 5
        while server.waiting() and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(0.3)
        taken.feed.stop()
        taken.pace.set()
        taken._thread.join(5)  # noqa: SLF001  # as above
    assert numbers(taken.lines()) == [-1, *range(200)]


def test_a_quiet_feed_gives_the_caller_control():
    with RelayServer() as server, Taken(relay(server)) as taken:
        server.wait_for("alerts")
        taken.until(lambda: taken.idle >= 5, timeout=5)


def test_a_host_that_falls_silent_is_found_out():
    """No FIN, no reset: what a power cut or a firewall that forgets looks like."""
    settings = RelaySettings(keepalive=0.5, connect_timeout=0.5)
    with (
        RelayServer() as server,
        Valve(server.address) as valve,
        Taken(relay(valve, settings=settings)) as taken,
    ):
        server.wait_for("alerts")
        taken.until(lambda: server.checks >= 2)  # it is asked, and answers: all is well
        assert taken.feed.state().connected
        assert taken.feed.state().reconnects == 0
        valve.shut()
        taken.until(lambda: not taken.feed.state().connected)
        taken.until(lambda: "does not answer" in taken.feed.state().text)
        valve.open()
        taken.until(lambda: taken.feed.state().connected)
        server.send("alerts", alert(1))
        taken.until(lambda: 1 in numbers(taken.lines()))
        taken.until(lambda: taken.notices)
    assert "does not answer" in taken.notices[0].text


def test_a_message_over_the_limit_costs_itself_and_is_said():
    settings = RelaySettings(max_message=10_000)
    with RelayServer() as server, Taken(relay(server, settings=settings)) as taken:
        server.wait_for("alerts")
        server.send("alerts", alert(1), alert(2, Source="x" * 20_000))
        taken.until(lambda: server.watched["alerts"] == 2)
        server.wait_for("alerts")
        server.send("alerts", alert(3))
        taken.until(lambda: taken.notices and len(taken.lines()) == 2)
    assert "sent a message of more than 10,000 bytes, which is lost" in taken.notices[0].text
