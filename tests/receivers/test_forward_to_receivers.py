"""What `forward` sends is what `convert` writes, in the file of a real receiver, byte for byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from forward_runs import Forward, converted, url

from cef_bridge.mapping.language.shipped import names

KINDS = Path(__file__).parent.parent / "data" / "kinds.ndjson"
RECEIVERS = [
    ("rsyslog", {}),
    ("rsyslog", {"module": "imptcp"}),
    ("rsyslog", {"transport": "tls", "driver": "ossl"}),
    ("rsyslog", {"transport": "tls", "driver": "gtls"}),
    ("rsyslog", {"transport": "mtls", "driver": "ossl"}),
    ("rsyslog", {"transport": "mtls", "driver": "gtls"}),
    ("syslog-ng", {}),
    ("syslog-ng", {"transport": "tls"}),
    ("syslog-ng", {"transport": "mtls"}),
]
IDS = [" ".join([kind, *words.values()]) for kind, words in RECEIVERS]


def assert_all_arrive(tmp_path, receiver, target, *words):
    expected = sorted(converted(KINDS, *words))
    assert len(expected) > 100
    with Forward(tmp_path, "--from", KINDS, "--to", target, "--once", *words) as forward:
        assert forward.wait() == 0, forward.log()
    # Sorted: alerts overtake. No line twice, for nothing broke.
    assert sorted(receiver.wait_for(len(expected))) == expected
    return forward.sum()


@pytest.mark.parametrize("framing", ["lf", "octet-counting"])
@pytest.mark.parametrize(("kind", "words"), RECEIVERS, ids=IDS)
def test_every_event_arrives_over_every_transport(tmp_path, start, authority, kind, words, framing):
    receiver = start(kind, framing=framing, **words)
    told = assert_all_arrive(tmp_path, receiver, url(receiver, authority))
    assert told.confirmed == told.accepted, "each of these receivers gives receipts"


@pytest.mark.parametrize("mapping", names())
def test_every_shipped_mapping_arrives(tmp_path, start, authority, mapping):
    both = [start("rsyslog"), start("syslog-ng", framing="octet-counting")]
    targets = [url(receiver, authority) for receiver in both]
    expected = sorted(converted(KINDS, "-m", mapping))
    with Forward(
        tmp_path, "--from", KINDS, "--to", targets[0], "--to", targets[1], "--once", "-m", mapping
    ) as forward:
        assert forward.wait() == 0, forward.log()
    for receiver in both:
        assert sorted(receiver.wait_for(len(expected))) == expected


@pytest.mark.parametrize("kind", ["rsyslog", "syslog-ng"])
def test_every_datagram_arrives_on_loopback_and_none_counts_as_confirmed(
    tmp_path, start, authority, kind
):
    receiver = start(kind, transport="udp")
    # A kernel keeps 92 datagrams of this size for a receiver that is not yet awake.
    told = assert_all_arrive(tmp_path, receiver, url(receiver, authority, rate=200))
    assert (told.confirmed, told.unconfirmed) == (0, told.accepted)
