from __future__ import annotations

import contextlib
import socket

from cef_bridge.delivery.tcp_info import ESTABLISHED, FIN_WAIT1, SIZE, Silence, TcpInfo, parse

QUIET = TcpInfo(
    state=ESTABLISHED,
    retransmits=0,
    probes=0,
    unacked=0,
    last_data_sent=0,
    last_ack_recv=0,
    rtt=0,
    total_retrans=0,
    notsent=0,
)


def test_the_kernel_says_what_we_think_it_says():
    """The fields stand where the layout has them: a real socket, with data that nobody reads."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as client,
        server.accept()[0],
    ):
        client.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while True:
                client.send(b"x" * 65536)
        info = parse(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SIZE))
        assert info.state == ESTABLISHED
        assert info.notsent > 0
        assert info.last_ack_recv < 60_000
        assert info.last_data_sent < 60_000
        assert info.probes == 0
        assert 0 < info.rtt < 1_000_000
        client.shutdown(socket.SHUT_WR)
        info = parse(client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SIZE))
        assert info.state == FIN_WAIT1


def test_an_older_kernel_says_less():
    assert parse(bytes([ESTABLISHED, 0, 0, 0])) == QUIET


def watch(looks):
    """Return how long each look says that there was silence; (time, unacknowledged, changes)."""
    silence = Silence()
    return [
        silence.seconds(now, waiting, QUIET._replace(**changes)) for now, waiting, changes in looks
    ]


def test_nothing_sent_is_no_silence():
    assert watch([(0, 0, {"last_ack_recv": 90_000}), (60, 0, {"last_ack_recv": 150_000})]) == [0, 0]


def test_what_was_sent_and_is_not_answered_is_silence_from_then_on():
    looks = [
        # idle for 90 seconds, then sent
        (100, 500, {"unacked": 1, "last_data_sent": 10, "last_ack_recv": 90_000}),
        (110, 500, {"unacked": 1, "last_data_sent": 3_000, "last_ack_recv": 100_000}),
        (130, 500, {"unacked": 1, "last_data_sent": 9_000, "last_ack_recv": 120_000}),
    ]
    assert watch(looks) == [0, 10, 30]


def test_an_answer_ends_the_silence():
    looks = [
        (100, 500, {"unacked": 1, "last_data_sent": 10, "last_ack_recv": 90_000}),
        (120, 500, {"unacked": 1, "last_data_sent": 2_000, "last_ack_recv": 1_900}),
        (121, 500, {"unacked": 1, "last_data_sent": 10, "last_ack_recv": 2_900}),
        (122, 500, {"unacked": 1, "last_data_sent": 1_010, "last_ack_recv": 3_900}),
    ]
    assert watch(looks) == [0, 0, 0, 1]


def test_answers_between_two_looks_count():
    """On a busy line something is always on its way, and the last answer is always older."""
    looks = [
        (at, 500, {"unacked": 9, "last_data_sent": 0, "last_ack_recv": 40})
        for at in range(0, 99, 9)
    ]
    assert max(watch(looks)) <= 0.04


def test_a_closed_window_whose_probes_are_answered_is_no_silence():
    """The kernel asks every two minutes in the end: the last answer may be that old."""
    looks = [(at, 9_000, {"notsent": 9_000, "last_ack_recv": at * 1000}) for at in range(0, 120, 5)]
    assert max(watch(looks)) == 0


def test_a_closed_window_whose_probes_are_not_answered_is_silence():
    looks = [
        (0, 9_000, {"notsent": 9_000, "probes": 0, "last_ack_recv": 60_000}),
        (5, 9_000, {"notsent": 9_000, "probes": 1, "last_ack_recv": 65_000}),
        (35, 9_000, {"notsent": 9_000, "probes": 2, "last_ack_recv": 95_000}),
    ]
    assert watch(looks) == [0, 0, 30]


def test_an_end_that_is_sent_again_and_again_is_silence():
    """It is no data: only the count of what was sent again moves."""
    looks = [
        (100.0, 1, {"unacked": 1, "last_data_sent": 600, "last_ack_recv": 550}),
        (
            100.5,
            1,
            {"unacked": 1, "last_data_sent": 1_100, "last_ack_recv": 1_050, "total_retrans": 2},
        ),
        (
            101.0,
            1,
            {"unacked": 1, "last_data_sent": 1_600, "last_ack_recv": 1_550, "total_retrans": 3},
        ),
        (
            109.0,
            1,
            {"unacked": 1, "last_data_sent": 9_600, "last_ack_recv": 9_550, "total_retrans": 6},
        ),
    ]
    assert watch(looks)[-1] == 8.5


def test_what_is_sent_again_and_answered_each_time_is_no_silence():
    """A receiver without room drops what it had promised to take, and says so each time."""
    looks = [
        (
            at,
            9_000,
            {"unacked": 3, "last_data_sent": 600, "last_ack_recv": 590, "total_retrans": at},
        )
        for at in range(1, 200)
    ]
    assert max(watch(looks)) == 0
