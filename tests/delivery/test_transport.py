"""Connections over TCP: what each kind of bad day comes to, and what a receipt is worth."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from certificates import Authority
from connecting import GaveUp, Patience, connect, eventually, messages, target_of
from hostile import (
    ClosesInMidFrame,
    ClosesWithFin,
    Collector,
    HalfClosesFirst,
    HangsWithoutReading,
    HidesAReset,
    NeverAnswers,
    ReadsSlowly,
    Refuses,
    ResetsAfter,
    Stalls,
    Talks,
)

from cef_bridge.delivery import names, transport
from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.framing import frame_lf, frame_octets
from cef_bridge.delivery.transport import (
    STALLED,
    UNANSWERED,
    BrokenError,
    ConnectError,
    PeerEndedError,
    Receipt,
)

WHY_CLOSED = (
    "It was stopped or restarted, or it does not take what is sent, such as plain text when it "
    "wants TLS (tls://): check its log."
)
FRAMES = {"lf": frame_lf, "octet-counting": frame_octets}


@pytest.fixture(params=FRAMES)
def framing(request):
    return request.param


def test_a_good_collector_gives_a_strong_receipt_and_has_everything(framing):
    sent = messages(20_000)
    data = FRAMES[framing](sent)
    with Collector(framing=framing) as collector:
        connection = connect(target_of(collector))
        connection.check()
        connection.send(data, Patience())
        connection.check()
        assert connection.written() == len(data)
        assert connection.finish(Patience()) is Receipt.STRONG
        assert connection.reason == ""
        assert collector.frames() == sent


def test_a_connection_over_which_nothing_went_gives_a_receipt_too():
    with Collector() as collector:
        assert connect(target_of(collector)).finish(Patience()) is Receipt.STRONG


def test_over_ipv6_as_well():
    try:
        collector = Collector(host="::1")
    except OSError:
        pytest.skip("this machine has no IPv6")
    with collector:
        connection = connect(target_of(collector))
        assert connection.peer == f"[::1]:{collector.port}"
        connection.send(b"a\n", Patience())
        assert connection.finish(Patience()) is Receipt.STRONG


def test_all_addresses_of_a_name_are_tried():
    """Localhost is ::1 first on many machines, and the collector listens on 127.0.0.1."""
    with Collector() as collector:
        target = DestinationUrl(scheme="tcp", endpoints=(("localhost", collector.port),))
        connection = connect(target)
        assert connection.peer == f"localhost:{collector.port} (127.0.0.1)"
        assert connection.finish(Patience()) is Receipt.STRONG


# The bad days


def test_a_reset_with_unread_data_gives_no_receipt(framing):
    with ResetsAfter(3, framing=framing) as collector:
        connection = connect(target_of(collector))
        connection.send(FRAMES[framing](messages(100)), Patience())
        assert connection.finish(Patience()) is Receipt.NONE
        assert connection.reason == (
            f"127.0.0.1:{collector.port} reset the connection. It was stopped, or it rejects what is sent: check its log."
        )
        assert len(collector.frames()) == 3


def test_a_reset_is_seen_before_the_next_batch():
    with ResetsAfter(1) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(50)), Patience())
        assert eventually(lambda: broken(connection))
        connection.abandon()


def broken(connection):
    try:
        connection.check()
    except BrokenError:
        return True
    return False


def test_a_reset_while_sending_is_an_error():
    with ResetsAfter(3, framing="lf") as collector:
        connection = connect(target_of(collector))
        with pytest.raises(BrokenError, match="reset the connection"):
            connection.send(frame_lf(messages(100_000)), Patience())
        connection.abandon()


def test_an_orderly_end_is_seen_before_the_next_batch():
    with ClosesWithFin(3) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(3)), Patience())
        assert eventually(lambda: broken(connection))
        with pytest.raises(PeerEndedError) as caught:
            connection.check()
        assert str(caught.value) == (
            f"127.0.0.1:{collector.port} closed the connection. {WHY_CLOSED}"
        )
        assert connection.finish(Patience()) is Receipt.NONE


def test_an_end_in_mid_frame_gives_no_receipt(framing):
    with ClosesInMidFrame(3, framing=framing) as collector:
        connection = connect(target_of(collector))
        with contextlib.suppress(BrokenError):
            connection.send(FRAMES[framing](messages(20_000)), Patience())
        assert connection.finish(Patience()) is Receipt.NONE
        assert len(collector.frames()) == 3


def test_who_half_closes_first_gives_no_receipt():
    """Its end does not answer ours, so it says nothing about what was read."""
    with HalfClosesFirst(2) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(2)), Patience())
        assert eventually(lambda: broken(connection))
        assert connection.finish(Patience()) is Receipt.NONE
        assert connection.reason == (
            f"127.0.0.1:{collector.port} closed the connection. {WHY_CLOSED}"
        )


def test_who_half_closes_and_reads_on_can_be_sent_to():
    sent = messages(5000)
    with HalfClosesFirst() as collector:
        connection = connect(target_of(collector))
        assert eventually(lambda: broken(connection))
        connection.go_on()
        for message in sent:
            connection.check()
            connection.send(frame_lf([message]), Patience())
        assert eventually(lambda: connection.unacknowledged() == 0)
        assert connection.finish(Patience()) is Receipt.NONE
        assert collector.wait_for(len(sent))
        assert collector.frames() == sent


def test_who_has_closed_is_not_written_to_without_end():
    """The one that half-closes and the one that closes look alike until the next write."""
    with ClosesWithFin(1) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(1)), Patience())
        assert eventually(lambda: broken(connection))
        connection.go_on()
        connection.send(frame_lf(messages(1)), Patience())
        assert eventually(lambda: broken(connection))
        connection.abandon()


def test_who_stalls_longer_than_a_black_hole_lasts_is_waited_for():
    """It answers the kernel's probes; these come farther and farther apart: 0.2, 0.4 … 1.6 s."""
    sent = messages(2000, size=4000)
    patience = Patience()
    with Stalls(3, seconds=4.0) as collector:
        connection = connect(target_of(collector, tcp_user_timeout=1.0))
        connection.send(frame_lf(sent), patience)
        assert connection.finish(patience) is Receipt.STRONG
        assert collector.frames() == sent
    assert STALLED in patience.told


def test_who_hangs_is_waited_for_as_long_as_the_caller_likes():
    patience = Patience(until=STALLED)
    with HangsWithoutReading() as collector:
        connection = connect(target_of(collector, tcp_user_timeout=0.7))
        with pytest.raises(GaveUp):
            connection.send(frame_lf(messages(20_000)), patience)
        assert connection.unacknowledged() > 0
        assert patience.told[-1] == STALLED
        connection.abandon()
        connection.abandon()


def test_who_reads_slowly_is_waited_for_and_gives_a_receipt():
    sent = messages(200)
    with ReadsSlowly(size=2000, pause=0.05) as collector:
        connection = connect(target_of(collector, tcp_user_timeout=0.5))
        connection.send(frame_lf(sent), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == sent


def test_who_never_answers_is_waited_for_as_long_as_the_caller_likes():
    patience = Patience(1.2)
    with NeverAnswers() as collector:
        connection = connect(target_of(collector, tcp_user_timeout=0.5))
        connection.send(frame_lf(messages(10)), Patience())
        with pytest.raises(GaveUp):
            connection.finish(patience)
        assert set(patience.told) == {UNANSWERED}
        assert len(collector.frames()) == 10


def test_who_talks_is_read_and_not_heeded():
    """An answer that stays unread would turn our orderly end into a reset."""
    sent = messages(5000)
    with Talks() as collector:
        connection = connect(target_of(collector))
        for start in range(0, len(sent), 100):
            connection.check()
            connection.send(frame_lf(sent[start : start + 100]), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == sent


def test_who_answers_everything_at_length_is_listened_to_while_sending():
    """Else both sides would wait for each other's full buffers."""

    class Echoes(Collector):
        small = True

        def misbehave(self, talk):
            while data := talk.read():
                talk.sock.settimeout(5)
                talk.sock.sendall(data * 4)

    sent = messages(10_000, size=2000)
    with Echoes() as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(sent), Patience())
        assert connection.finish(Patience()) is Receipt.STRONG
        assert collector.frames() == sent
        assert collector.troubles == []


# What a receipt is worth


@pytest.mark.parametrize("kind", [HidesAReset, ResetsAfter, ClosesWithFin, ClosesInMidFrame])
def test_an_end_that_hides_a_reset_is_never_taken_for_a_receipt(kind):
    """Twenty trials each, for what is read first is a race: the end, or the reset behind it."""
    sent = messages(40)

    def trial(number):
        with kind(1 + number) as collector:
            connection = connect(target_of(collector))
            receipt = Receipt.NONE
            with contextlib.suppress(BrokenError):
                for message in sent:
                    connection.send(frame_lf([message]), Patience())
                    time.sleep(0.0001 * (number % 3))
                receipt = connection.finish(Patience())
            connection.abandon()
            return receipt, collector.frames()

    with ThreadPoolExecutor(10) as pool:
        for receipt, got in pool.map(trial, range(20)):
            assert receipt is Receipt.NONE or got == sent


def test_a_collector_that_is_known_is_not_given_time_to_dislike_us():
    with Collector() as collector:
        begun = time.monotonic()
        for message in messages(10):
            connection = connect(target_of(collector))
            connection.send(frame_lf([message]), Patience())
            assert connection.finish(Patience(), wary=False) is Receipt.STRONG
        assert time.monotonic() - begun < 2.5  # else each takes 0.3 seconds
        assert collector.frames() == messages(10)


class EndsInTheMiddle(Collector):
    """Reads a little, and ends with a reset behind that, while the sender's end waits its turn."""

    small = True

    def misbehave(self, talk):
        talk.read_frames(1)
        talk.pause(0.6)
        assert talk.end_first()
        talk.reset()


def test_an_error_that_hides_behind_an_end_is_asked_for():
    """Our end stands in the kernel's queue behind what the collector has no room for. Its own comes,
    and a reset right behind: reading shows the end, and that all is over, but not the error.
    """

    def trial(_number):
        with EndsInTheMiddle() as collector:
            connection = connect(target_of(collector))
            connection.send(frame_lf(messages(300)), Patience())
            receipt = connection.finish(Patience())
            assert collector.troubles == []
            return receipt

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(trial, range(20))) == {Receipt.NONE}


def test_a_reset_that_came_after_the_end_was_read_is_found():
    """Reading shows the end only: the error behind it must be asked for."""
    with HidesAReset(1) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(5)), Patience())
        assert eventually(lambda: broken(connection))
        time.sleep(0.1)
        with pytest.raises(BrokenError) as caught:
            connection.check()
        assert "reset the connection" in str(caught.value) or isinstance(
            caught.value, PeerEndedError
        )
        assert connection.finish(Patience()) is Receipt.NONE


def test_after_finish_the_connection_is_closed_even_if_the_caller_gave_up(recwarn):
    with NeverAnswers() as collector:
        connection = connect(target_of(collector))
        with pytest.raises(GaveUp):
            connection.finish(Patience(0))
        assert eventually(lambda: collector.talks[0].ended)
        with pytest.raises((OSError, ValueError)):
            connection.unacknowledged()
    assert not recwarn.list


# No connection


def test_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with pytest.raises(ConnectError) as caught:
            connect(DestinationUrl(scheme="tcp", endpoints=(("127.0.0.1", port),)))
    assert str(caught.value) == (
        f"cannot reach 127.0.0.1:{port}: nothing listens there. "
        "Start the collector, or correct the port."
    )
    assert not caught.value.permanent


def test_a_collector_that_comes_back_is_connected_to():
    with Refuses(0.5) as collector:
        with pytest.raises(ConnectError):
            connect(target_of(collector))

        def listens():
            try:
                connect(target_of(collector)).finish(Patience())
            except ConnectError:
                return False
            return True

        assert eventually(listens)


def test_a_name_that_nobody_knows():
    with pytest.raises(ConnectError) as caught:
        connect(
            DestinationUrl(
                scheme="tcp", endpoints=(("collector.invalid", 514),), connect_timeout=20
            )
        )
    # Without any network, the name server cannot say that there is no such name (RFC 6761).
    says = str(caught.value).removeprefix("cannot reach collector.invalid:514: ")
    assert says in {
        "its name is not known. Check the name, and the name server of this machine.",
        "the name server does not answer. Check the network and name server of this machine.",
    }


@pytest.mark.parametrize("host", ["a" * 70 + ".example", "bad..example"])
def test_what_can_be_no_name(host):
    with pytest.raises(ConnectError) as caught:
        connect(DestinationUrl(scheme="tcp", endpoints=((host, 514),)))
    assert str(caught.value).startswith(f"cannot reach {host}:514: ")


def test_a_name_server_that_does_not_answer_is_not_waited_for(monkeypatch):
    """The system's resolver can take half a minute, and nothing can interrupt it."""
    release = threading.Event()

    def slow(*_args, **_options):
        release.wait(10)
        raise socket.gaierror(socket.EAI_AGAIN, "later")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    try:
        with pytest.raises(ConnectError) as caught:
            names.resolve(("siem", 514), socket.SOCK_STREAM, 0.3, threading.Event())
        assert str(caught.value) == (
            "cannot reach siem:514: the name server does not answer within 0.3 seconds. Check the "
            "network and name server of this machine."
        )
        stop = threading.Event()
        stop.set()
        with pytest.raises(ConnectError, match="stopped"):
            names.resolve(("siem", 514), socket.SOCK_STREAM, 60, stop)
    finally:
        release.set()
        for thread in threading.enumerate():
            if thread.name == "resolver":
                thread.join()


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


def test_no_answer(deaf):
    target = DestinationUrl(scheme="tcp", endpoints=(("127.0.0.1", deaf),), connect_timeout=0.5)
    with pytest.raises(ConnectError) as caught:
        connect(target)
    assert str(caught.value) == (
        f"cannot reach 127.0.0.1:{deaf}: no answer within 0.5 seconds. Check the address, the "
        "route, and the firewalls on the way."
    )


def test_a_stop_ends_the_attempt(deaf):
    target = DestinationUrl(scheme="tcp", endpoints=(("127.0.0.1", deaf),), connect_timeout=60)
    stop = threading.Event()
    timer = threading.Timer(0.3, stop.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(ConnectError, match="stopped while connecting"):
        transport.connect(target, target.endpoints[0], stop=stop)
    timer.join()
    assert time.monotonic() - begun < 10


def test_a_tls_collector_that_closes_without_a_word_gives_no_receipt(tmp_path):
    """OpenSSL reads all of what is no TLS, and sends no alert: its end must not look like ours."""
    with Collector(tls=Authority(tmp_path).issue()) as collector:
        target = DestinationUrl(scheme="tcp", endpoints=((collector.host, collector.port),))
        connection = connect(target)
        connection.send(frame_lf(messages(1)), Patience())
        assert connection.finish(Patience()) is Receipt.NONE
        assert connection.reason == (
            f"127.0.0.1:{collector.port} closed the connection. {WHY_CLOSED}"
        )
        assert len(collector.refused) == 1


class Says(Collector):
    """Reads a little, says something, and closes."""

    def __init__(self, text):
        super().__init__()
        self._text = text

    def misbehave(self, talk):
        talk.read()
        talk.write(self._text)


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        # RFC 8446 6: an alert, fatal, protocol_version
        (b"\x15\x03\x03\x00\x02\x02\x46", "speaks TLS. Write tls:// instead of tcp://."),
        (
            b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "is a web server and takes no syslog. Correct the port.",
        ),
    ],
)
def test_who_says_that_it_is_something_else_is_believed(said, meaning):
    with Says(said) as collector:
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(3)), Patience())
        with pytest.raises(BrokenError) as caught:
            connection.finish(Patience())
        assert str(caught.value) == f"127.0.0.1:{collector.port} {meaning}"
        assert caught.value.permanent
        connection = connect(target_of(collector))
        connection.send(frame_lf(messages(3)), Patience())
        assert eventually(lambda: broken(connection))
        with pytest.raises(BrokenError) as caught:
            connection.check()
        assert caught.value.permanent
        connection.abandon()


def test_no_socket_option_kills_a_stalled_collector():
    """TCP_USER_TIMEOUT does (measured); keepalive does not, for its probes are answered."""
    with Collector() as collector:
        connection = connect(target_of(collector))
        sock = connection._wire._sock  # noqa: SLF001 - its options can be seen nowhere else
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 0
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        connection.finish(Patience())
