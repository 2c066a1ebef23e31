"""The collector with real sockets: what it counts, and what its senders may conclude from its end."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
import time

import pytest
from certificates import Authority

from cef_bridge.collector.collector import MOST_FRAME, Collector, Received

MOST = 60.0  # seconds; no test takes them when all is well


def message(number: int, text: str = "x") -> bytes:
    return (
        f"<134>Aug 23 18:05:48 node-a1 CEF:0|KubeArmor|KubeArmor|1|id|name|5|act=Block "
        f"externalId={number:040x} KubeArmorSeq={number} msg={text}"
    ).encode()


def messages(count: int) -> list[bytes]:
    return [message(number) for number in range(1, count + 1)]


def lf(found: list[bytes]) -> bytes:
    return b"".join(each + b"\n" for each in found)


def octets(found: list[bytes]) -> bytes:
    return b"".join(b"%d %b" % (len(each), each) for each in found)


def connected(collector: Collector, at: int = 0) -> socket.socket:
    return socket.create_connection(collector.addresses[at], timeout=MOST)


def closed_in_order(sock: socket.socket) -> bool:
    """Half-close, and wait for the answer as a careful sender does."""
    sock.shutdown(socket.SHUT_WR)
    return sock.recv(1) == b""


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def tls_url(authority) -> str:
    pair = authority.issue()
    return f"tls://127.0.0.1:0?cert={pair.cert}&key={pair.key}"


@contextlib.contextmanager
def tls_connected(collector: Collector, authority: Authority, client=None):
    context = ssl.create_default_context(cafile=authority.ca)
    if client:
        context.load_cert_chain(client.cert, client.key)
    with connected(collector) as raw, context.wrap_socket(raw, server_hostname="localhost") as sock:
        yield sock


def write_and_read(collector: Collector, authority: Authority, client) -> None:
    """Write, which TLS 1.3 lets a refused sender do, and read, which tells of the refusal."""
    with tls_connected(collector, authority, client) as sock:
        sock.sendall(lf(messages(50)))
        sock.recv(1)


@pytest.mark.parametrize(("frame", "framing"), [(lf, "lf"), (octets, "octet-counting")])
def test_when_the_end_is_answered_all_was_handed_over(frame, framing):
    found: list[Received] = []
    with Collector(["tcp://127.0.0.1:0"], found.append, keep=5) as collector:
        sent = messages(3000)
        with connected(collector) as sock:
            sock.sendall(frame(sent))
            assert closed_in_order(sock)
            assert len(found) == 3000  # now, not soon
        counts = collector.snapshot()
        assert [each.message for each in found] == sent
        assert collector.messages == sent[-5:]
        assert found[7].event_id == f"{8:040x}"
        assert (counts.messages, counts.distinct, counts.faults, counts.missing) == (
            3000,
            3000,
            {},
            0,
        )
        assert collector.wait(3000, MOST, closed=True)
        (state,) = collector.snapshot().senders
        assert (state.transport, state.framing, state.ended) == ("tcp", framing, "ended")
        assert state.bytes == counts.bytes == sum(map(len, sent))


@pytest.mark.parametrize("frame", [lf, octets])
def test_messages_may_come_byte_by_byte(frame):
    with Collector(["tcp://127.0.0.1:0"], keep=9) as collector:
        sent = [message(1), message(2, "höhe €")]
        with connected(collector) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in frame(sent):
                sock.sendall(bytes([byte]))
            assert closed_in_order(sock)
        assert collector.messages == sent
        assert collector.snapshot().faults == {}


def test_tls_answers_close_notify_with_close_notify(authority, tls_url):
    with Collector([tls_url]) as collector, tls_connected(collector, authority) as sock:
        sock.sendall(lf(messages(500)))
        sock.unwrap()  # raises when a bare end is all that comes
        assert collector.snapshot().messages == 500


def test_tls_that_just_ends_is_counted_and_noted(authority, tls_url):
    with Collector([tls_url]) as collector:
        with tls_connected(collector, authority) as sock:
            sock.sendall(octets(messages(5)))
        assert collector.wait(5, MOST, closed=True)
        assert collector.snapshot().senders[0].ended == "ended without close_notify"


def test_a_client_certificate_is_asked_for_and_checked(authority, tls_url, tmp_path):
    stranger = Authority(tmp_path, "stranger").issue(client=True)
    url = f"{tls_url}&client_ca={authority.ca}"
    told: list[str] = []
    with Collector([url], on_trouble=lambda _, fault: told.append(fault.text)) as collector:
        with tls_connected(collector, authority, authority.issue(client=True)) as sock:
            sock.sendall(lf(messages(2)))
            sock.unwrap()
        for client in (None, stranger):
            with pytest.raises(ssl.SSLError, match="alert"):
                write_and_read(collector, authority, client)
        assert collector.wait(2, MOST, closed=True)
        assert collector.snapshot().messages == 2
    assert told == [
        "the TLS handshake failed: the sender showed no certificate; client_ca asks for one.",
        "the TLS handshake failed: the sender's certificate is not of client_ca, or expired.",
    ]


def test_a_sender_that_does_not_know_our_ca_is_told_of(tls_url, tmp_path):
    told: list[str] = []
    with Collector([tls_url], on_trouble=lambda _, fault: told.append(fault.text)) as collector:
        with (
            pytest.raises(ssl.SSLCertVerificationError),
            tls_connected(collector, Authority(tmp_path, "other")),
        ):
            pass
        assert collector.wait(0, MOST, closed=True)
    assert told == ["the TLS handshake failed: the sender does not know the CA of our certificate."]


def test_tls_on_a_plain_port_and_plain_text_on_a_tls_port_are_named(authority, tls_url):
    told: list[str] = []
    listeners = ["tcp://127.0.0.1:0", tls_url]
    with Collector(listeners, on_trouble=lambda _, fault: told.append(fault.text)) as collector:
        with pytest.raises((ssl.SSLError, ConnectionError)), tls_connected(collector, authority):
            pass
        with connected(collector, 1) as sock, contextlib.suppress(ConnectionError):
            sock.sendall(lf(messages(1)))
            while sock.recv(100):
                pass
        assert collector.wait(0, MOST, closed=True)
        assert collector.snapshot().messages == 0
    assert told == [
        "the sender speaks TLS. Listen on tls:// or let it send without TLS.",
        "the TLS handshake failed: the sender does not speak TLS. Listen on tcp:// or let it send TLS.",
    ]


def test_datagrams_are_messages_with_or_without_a_line_end():
    with Collector(["udp://127.0.0.1:0"], keep=9) as collector:
        with socket.socket(type=socket.SOCK_DGRAM) as sock:
            for number in (1, 2, 3):
                sock.sendto(message(number) + b"\n" * (number == 2), collector.addresses[0])
            assert collector.wait(3, MOST)
        assert collector.messages == messages(3)
        (state,) = collector.snapshot().senders
        assert (state.transport, state.framing, state.messages) == ("udp", "datagram", 3)


def test_datagrams_that_came_too_fast_are_counted_as_lost():
    go_on = threading.Event()
    with (
        Collector(["udp://127.0.0.1:0"], lambda _: go_on.wait(MOST), rules=None) as collector,
        socket.socket(type=socket.SOCK_DGRAM) as sock,
    ):
        for number in range(3000):
            sock.sendto(message(number, "x" * 8000), collector.addresses[0])
        go_on.set()
        sent = 3000
        counts = collector.snapshot()
        until = time.monotonic() + 60
        while counts.messages + counts.datagrams_lost < sent and time.monotonic() < until:
            # Each one that comes brings the kernel's count of those that were lost before it.
            sock.sendto(message(sent), collector.addresses[0])
            sent += 1
            time.sleep(0.05)
            counts = collector.snapshot()
    assert counts.datagrams_lost > 0
    assert counts.messages + counts.datagrams_lost == sent


@pytest.mark.parametrize("frame", [lf, octets])
def test_a_message_that_was_cut_does_not_count_and_is_no_fault_of_the_others(frame):
    told: list[str] = []
    with Collector(
        ["tcp://127.0.0.1:0"], on_trouble=lambda _, fault: told.append(fault.text)
    ) as collector:
        with connected(collector) as sock:
            sock.sendall(frame(messages(3))[:-20])
            size = len(frame(messages(1))) - 20
            assert closed_in_order(sock)
        counts = collector.snapshot()
        assert (counts.messages, counts.faults) == (2, {})
    assert told == [f"the connection ended within a message: {size} bytes of it do not count."]
    assert counts.troubles == {
        "the connection ended within a message: … bytes of it do not count.": 1
    }


def test_what_is_no_frame_is_a_fault_of_no_message_and_what_follows_is_read():
    told: list[str] = []
    with Collector(
        ["tcp://127.0.0.1:0"], on_trouble=lambda _, fault: told.append(fault.text)
    ) as collector:
        with connected(collector) as sock:
            sock.sendall(octets(messages(1)) + b"oh \x1b[2J no\n" + octets([message(2)]))
            assert closed_in_order(sock)
        with connected(collector) as sock:
            sock.sendall(message(3) + b"\n\n" + message(4) + b"\n")
            assert closed_in_order(sock)
        counts = collector.snapshot()
    assert (counts.distinct, counts.faulty, sum(counts.faults.values())) == (4, 0, 2)
    assert told == [
        'a frame does not begin with its length: 11 bytes, "oh <U+001B>[2J no<U+000A>".',
        'a message is empty: 1 byte, "<U+000A>".',
    ]


def test_each_faulty_message_is_handed_over_with_its_faults():
    found: list[Received] = []
    with Collector(["tcp://127.0.0.1:0"], found.append) as collector:
        with connected(collector) as sock:
            sock.sendall(lf([message(1), b"CEF:0|a|b|1|id|name|5", message(2), b"hello\xff"]))
            assert closed_in_order(sock)
        counts = collector.snapshot()
    assert [len(each.faults) for each in found] == [0, 1, 0, 2]
    assert (counts.messages, counts.faulty, sum(counts.faults.values())) == (4, 2, 3)
    assert counts.formats == {"cef": 3, "other": 1}


def test_without_rules_messages_are_only_counted():
    with Collector(["tcp://127.0.0.1:0"], rules=None) as collector:
        with connected(collector) as sock:
            sock.sendall(lf([message(1), message(1), b"hello"]))
            assert closed_in_order(sock)
        counts = collector.snapshot()
    assert (counts.messages, counts.duplicates, counts.faults) == (3, 1, {})


def test_stop_reads_what_is_there_and_ends_in_order():
    with Collector(["tcp://127.0.0.1:0"]) as collector:
        with connected(collector) as sock:
            sock.sendall(lf(messages(2000)))
            stopping = threading.Thread(target=collector.stop)
            stopping.start()
            assert sock.recv(1) == b""  # its FIN, and no reset
            sock.sendall(lf([message(2001)]))  # we are not done, and it still reads
            sock.shutdown(socket.SHUT_WR)
            stopping.join(MOST)
        assert collector.snapshot().messages == 2001
        assert collector.snapshot().senders[0].ended == "ended by us"


def test_stop_takes_those_that_have_connected_just_now():
    collector = Collector(["tcp://127.0.0.1:0"])
    collector.start()
    with contextlib.ExitStack() as sockets:
        for number in range(1, 21):
            sock = sockets.enter_context(connected(collector))
            sock.sendall(lf([message(number)]))
            sock.shutdown(socket.SHUT_WR)
        collector.stop()
    assert collector.snapshot().distinct == 20
    assert {each.ended for each in collector.snapshot().senders} == {"ended"}


def test_kill_resets():
    with Collector(["tcp://127.0.0.1:0"]) as collector:
        with connected(collector) as sock:
            sock.sendall(lf(messages(1)))
            assert collector.wait(1, MOST)
            collector.kill()
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connected(collector).close()


def test_it_starts_again_on_the_same_ports_and_goes_on_counting(tls_url):
    collector = Collector(["tcp://127.0.0.1:0", "udp://127.0.0.1:0", tls_url])
    for number, end in enumerate([collector.kill, collector.stop, collector.stop], 1):
        collector.start()
        with connected(collector) as sock:
            sock.sendall(lf([message(number)]))
            assert closed_in_order(sock)
            addresses = collector.addresses
            end()
        assert collector.addresses == addresses
        assert collector.snapshot().distinct == number
    collector.stop()


def test_start_and_stop_may_be_called_twice_and_leave_no_thread():
    before = threading.active_count()
    collector = Collector(["tcp://127.0.0.1:0", "udp://127.0.0.1:0"])
    collector.start()
    collector.start()
    with connected(collector):
        collector.stop()
        collector.stop()
        collector.kill()
    assert threading.active_count() == before


def test_a_message_that_cannot_be_handed_over_is_not_acknowledged():
    seen: list[Received] = []

    def full(received: Received) -> None:
        seen.append(received)
        raise OSError(28, "No space left on device")

    with Collector(["tcp://127.0.0.1:0"], full) as collector:
        with connected(collector) as sock:
            sock.sendall(lf(messages(3)))
            with contextlib.suppress(OSError):  # it may be over already
                sock.shutdown(socket.SHUT_WR)
            with pytest.raises(ConnectionResetError):
                sock.recv(1)
        assert not collector.wait(3, MOST)
        assert str(collector.failure) == "[Errno 28] No space left on device"
    assert len(seen) == 1


def test_too_many_connections_are_refused_and_the_others_go_on():
    with Collector(["tcp://127.0.0.1:0"], most_connections=2) as collector:
        with connected(collector) as one, connected(collector) as two:
            until = time.monotonic() + MOST
            while collector.open_connections < 2 and time.monotonic() < until:
                time.sleep(0.01)
            with connected(collector) as three:
                assert three.recv(1) == b""
            for number, sock in enumerate((one, two), 1):
                sock.sendall(lf([message(number)]))
                assert closed_in_order(sock)
        counts = collector.snapshot()
    assert (counts.refused, counts.distinct, counts.connections) == (1, 2, 2)


def test_a_reset_by_the_sender_ends_that_connection_only():
    with Collector(["tcp://127.0.0.1:0"]) as collector:
        with connected(collector) as sock:
            sock.sendall(lf(messages(1)))
            assert collector.wait(1, MOST)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        assert collector.wait(1, MOST, closed=True)
        with connected(collector) as sock:
            sock.sendall(lf([message(2)]))
            assert closed_in_order(sock)
        assert collector.snapshot().senders[0].ended == "broken off"
        assert collector.failure is None


@pytest.mark.parametrize("beginning", [b"", b"999999999 ", b"12345678901234567890 ", b"<1"])
def test_a_sender_cannot_fill_the_memory_with_one_endless_message(beginning):
    with Collector(["tcp://127.0.0.1:0"]) as collector:
        with connected(collector) as sock, contextlib.suppress(ConnectionError):
            sock.sendall(beginning)
            for _ in range(8):
                sock.sendall(b"x" * MOST_FRAME)
            closed_in_order(sock)
        collector.wait(0, MOST, closed=True)
        counts = collector.snapshot()
    assert counts.messages == 0
    assert sum(counts.faults.values()) == 1
    assert len(next(iter(counts.faults))) < 200
