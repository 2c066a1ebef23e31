"""A collector whose machine vanishes: no end, no reset, just silence."""

from __future__ import annotations

import contextlib
import time

import pytest
from certificates import Authority
from connecting import Patience, connect, eventually, messages, target_of
from hostile import Collector, HangsWithoutReading
from networks import FAR, Cable

from cef_bridge.delivery.framing import frame_lf
from cef_bridge.delivery.transport import STALLED, BrokenError, ConnectError, Receipt

BLACK_HOLE = 1.0


@contextlib.contextmanager
def connected(cable, kind=Collector, tmp_path=None):
    """Yield a connection over the cable, and its collector."""
    authority = Authority(tmp_path) if tmp_path else None
    pair = authority.issue(FAR) if authority else None
    with cable.far(lambda: kind(host=FAR, tls=pair)) as collector:
        target = target_of(collector, authority, tcp_user_timeout=BLACK_HOLE)
        connection = cable.near(lambda: connect(target))
        try:
            yield connection, collector
        finally:
            connection.abandon()


@pytest.fixture
def cable():
    with Cable() as cable:
        yield cable


def assert_silence(connection, collector, error):
    peer = f"{FAR}:{collector.port}"
    assert connection.peer == peer
    assert str(error).startswith(f"{peer} has answered nothing for ")
    assert str(error).endswith(
        " seconds: the machine is off, or something on the way drops what is sent."
    )


def test_the_cable_carries(cable, tmp_path):
    """Else the tests below show nothing."""
    for folder in (None, tmp_path):
        with connected(cable, tmp_path=folder) as (connection, collector):
            connection.send(frame_lf(messages(1000)), Patience())
            assert connection.finish(Patience()) is Receipt.STRONG
            assert len(collector.frames()) == 1000


def test_a_black_hole_is_found_while_sending(cable):
    with connected(cable) as (connection, collector):
        connection.send(frame_lf(messages(10)), Patience())
        assert collector.wait_for(10)
        cable.cut()
        with pytest.raises(BrokenError) as caught:
            connection.send(frame_lf(messages(200_000)), Patience())
        assert_silence(connection, collector, caught.value)


def test_a_black_hole_is_found_between_small_batches(cable):
    """They fit into the kernel's buffer: sending them never has to wait."""
    with connected(cable) as (connection, collector):
        connection.send(frame_lf(messages(10)), Patience())
        assert collector.wait_for(10)
        cable.cut()
        with pytest.raises(BrokenError) as caught:
            trickle(connection)
        assert_silence(connection, collector, caught.value)


def trickle(connection):
    until = time.monotonic() + 20
    while time.monotonic() < until:
        connection.check()
        connection.send(frame_lf(messages(1)), Patience())
        time.sleep(0.2)


@pytest.mark.parametrize("tls", [False, True])
def test_a_black_hole_is_found_when_an_end_is_not_acknowledged(cable, tls, tmp_path):
    """All data was; only the end is lost."""
    with connected(cable, tmp_path=tmp_path if tls else None) as (connection, collector):
        connection.send(frame_lf(messages(10)), Patience())
        assert collector.wait_for(10)
        assert eventually(lambda: connection.unacknowledged() == 0)
        cable.cut()
        with pytest.raises(BrokenError) as caught:
            connection.finish(Patience())
        assert_silence(connection, collector, caught.value)


def test_a_black_hole_behind_a_stall_is_found(cable):
    """Nothing can be sent but probes; once they are no longer answered, nobody is there."""
    with connected(cable, HangsWithoutReading) as (connection, collector):
        patience = Patience()

        def cut_when_stalled(reason):
            patience(reason)
            if patience.told.count(STALLED) == 3:
                cable.cut()

        with pytest.raises(BrokenError) as caught:
            connection.send(frame_lf(messages(100_000)), cut_when_stalled)
        assert patience.told.count(STALLED) > 3
        assert_silence(connection, collector, caught.value)


def test_a_cable_that_is_mended_in_time_breaks_nothing(cable):
    sent = messages(20_000)
    with connected(cable) as (connection, collector):
        connection.send(frame_lf(sent[:10]), Patience())
        assert collector.wait_for(10)
        cable.cut()
        patience = Patience()

        def mend_once(reason):
            if not patience.told:
                cable.mend()
            patience(reason)

        connection.send(frame_lf(sent[10:]), mend_once)
        assert connection.finish(mend_once) is Receipt.STRONG
        assert collector.frames() == sent


def test_a_machine_that_is_not_there_is_not_connected_to(cable):
    with cable.far(lambda: Collector(host=FAR)) as collector:
        cable.cut()
        target = target_of(collector, connect_timeout=0.5)
        with pytest.raises(ConnectError, match=r"no answer within|host unreachable"):
            cable.near(lambda: connect(target))
