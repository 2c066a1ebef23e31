"""The forwarder against collectors that behave, and what they may do."""

from __future__ import annotations

import pytest
from certificates import Authority
from forwarding import HASTY, KINDS, copies, fill, forwarding, in_order, messages, target
from hostile import Collector

from cef_bridge.delivery.queue import ALERTS, TELEMETRY, Queue


@pytest.fixture
def queue(tmp_path):
    queue = Queue.open(tmp_path / "queue" / "siem.queue")
    yield queue
    queue.close()


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_all_arrives_once_in_order_and_confirmed(queue, authority, kind):
    pair = authority.issue() if kind.scheme == "tls" else None
    sent = fill(queue, 500)
    with Collector(framing=kind.framing, tls=pair) as collector:
        to = target(kind.scheme, collector.port, ca=str(authority.ca) if pair else None)
        with forwarding(queue, to, framing=kind.framing) as running:
            running.finish()
            assert running.state.receipts >= 2
        assert collector.frames() == sent
    total = queue.sum()
    assert (total.accepted, total.confirmed) == (500, 500)
