from __future__ import annotations

import contextlib
import socket
import threading
import time

import pytest

from cef_bridge.delivery.destination_url import DestinationUrl
from cef_bridge.delivery.transport import ConnectError, Datagrams, OversizeError


@contextlib.contextmanager
def listening(host="127.0.0.1"):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((host, 0))
        except OSError:
            pytest.skip("this machine has no IPv6")
        sock.settimeout(5)
        yield sock


@contextlib.contextmanager
def sending(host, port):
    target = DestinationUrl(scheme="udp", endpoints=((host, port),))
    datagrams = Datagrams(target, target.endpoints[0], stop=threading.Event())
    try:
        yield datagrams
    finally:
        datagrams.abandon()
        datagrams.abandon()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_each_message_is_one_datagram(host):
    sent = [b"<14>one\n", b"<14>two", b"x" * 8192]
    with listening(host) as collector, sending(host, collector.getsockname()[1]) as datagrams:
        for message in sent:
            datagrams.send(message)
        assert [collector.recv(65536) for _ in sent] == sent
        assert datagrams.written() == sum(map(len, sent))
        assert datagrams.refused == 0


def test_a_datagram_as_long_as_can_be_arrives_whole_and_a_longer_one_is_refused():
    """RFC 768: 65,535 bytes less the headers of IPv4 and UDP. It is never cut."""
    with listening() as collector, sending("127.0.0.1", collector.getsockname()[1]) as datagrams:
        longest = bytes(65507)
        datagrams.send(longest)
        assert collector.recv(70000) == longest
        with pytest.raises(OversizeError) as caught:
            datagrams.send(bytes(65508))
        assert str(caught.value) == (
            f"a message of 65508 bytes is longer than a datagram to {datagrams.peer} can be. "
            "Lower max_datagram, or the mapping's max_bytes."
        )
        datagrams.send(b"<14>next")
        assert collector.recv(70000) == b"<14>next"


def test_a_refusal_is_noted_and_the_message_that_came_to_know_it_is_sent_all_the_same():
    """The system reports a refusal of the datagram before instead of sending the next one."""
    with listening() as collector:
        port = collector.getsockname()[1]
    with sending("127.0.0.1", port) as datagrams:
        for number in range(5):
            datagrams.send(b"<14>nobody %d" % number)
            time.sleep(0.02)
        assert datagrams.refused == 4
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as collector:
            collector.bind(("127.0.0.1", port))
            collector.settimeout(5)
            datagrams.send(b"<14>somebody")
            assert collector.recv(1000) == b"<14>somebody"
        assert datagrams.refused == 5


def test_a_name_that_nobody_knows():
    with pytest.raises(ConnectError, match=r"^cannot reach collector\.invalid:514: "):
        Datagrams(
            DestinationUrl(scheme="udp", endpoints=(("collector.invalid", 514),)),
            ("collector.invalid", 514),
            stop=threading.Event(),
        )


def test_an_address_that_no_way_leads_to():
    """A broadcast needs a permission that nobody asked for."""
    target = DestinationUrl(scheme="udp", endpoints=(("255.255.255.255", 514),))
    with pytest.raises(ConnectError) as caught:
        Datagrams(target, target.endpoints[0], stop=threading.Event())
    assert str(caught.value).startswith("cannot send to 255.255.255.255:514: ")
