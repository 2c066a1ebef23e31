"""What is said of a stream that comes and goes, on a clock that the test owns."""

from __future__ import annotations

import pytest

from cef_bridge.sources.relay.outages import Outages, Overruns, duration

NAME = "kubearmor://relay:32767 alerts"
LOST = "Events of that time are lost, for KubeArmor keeps none."


def texts(outages: Outages | Overruns, now: float, *, last: bool = False) -> list[tuple[str, str]]:
    return [(each.reason, each.text) for each in outages.due(now, last=last)]


def test_the_first_connection_is_no_gap():
    outages = Outages(NAME, 0)
    assert not outages.broke(1, "refused")
    assert outages.up(5) is None
    assert texts(outages, 6) == []
    assert outages.breaks == 0


def test_an_outage_is_one_notice_when_the_stream_is_back():
    outages = Outages(NAME, 0)
    outages.up(1)
    assert outages.broke(10, "closed")
    assert not outages.broke(11, "refused")
    assert texts(outages, 12) == []
    assert outages.up(13.5) == 3.5
    [notice] = outages.due(14)
    assert notice == (
        NAME,
        "relay-disconnected",
        f"The stream was interrupted for 3.5 s and is back. {LOST} Last cause: refused.",
        None,
    )
    assert texts(outages, 100) == []
    assert (outages.breaks, outages.notices) == (1, 1)


def test_outages_that_follow_soon_are_summed_up():
    outages = Outages(NAME, 0)
    outages.up(1)
    for start in (10, 12, 14, 16):
        outages.broke(start, "no UTF-8")
        outages.up(start + 0.5)
        outages.due(start + 0.5)
    assert outages.notices == 1
    assert texts(outages, 21) == [
        (
            "relay-disconnected",
            f"The stream was interrupted 3 times for 1.5 s and is back. {LOST} Last cause: no UTF-8.",
        )
    ]


def test_a_stream_that_stays_away_is_told_once_and_again_when_it_is_back():
    outages = Outages(NAME, 0)
    outages.up(1)
    outages.broke(100, "refused")
    assert texts(outages, 159) == []
    told = f"There has been no stream for 1 min 0 s. {LOST} Cause: refused."
    assert texts(outages, 160) == [("relay-unreachable", told)]
    assert texts(outages, 500) == []
    outages.up(4000)
    assert [reason for reason, _ in texts(outages, 4001)] == ["relay-disconnected"]


def test_a_stream_that_never_was_there_is_told_too():
    outages = Outages(NAME, 0)
    assert [reason for reason, _ in texts(outages, 61)] == ["relay-unreachable"]
    assert outages.up(90) == 90
    assert [reason for reason, _ in texts(outages, 91)] == ["relay-disconnected"]


def test_at_the_end_nothing_is_held_back():
    outages = Outages(NAME, 0)
    outages.up(1)
    outages.broke(10, "closed")
    outages.up(11)
    assert len(texts(outages, 11)) == 1
    outages.broke(12, "closed")
    outages.up(13)
    outages.broke(14, "closed")
    assert [reason for reason, _ in texts(outages, 15, last=True)] == [
        "relay-disconnected",
        "relay-unreachable",
    ]
    assert texts(outages, 15, last=True) == []


def test_waits_of_less_than_a_second_are_not_reported():
    overruns = Overruns(NAME)
    overruns.add(0.6)
    assert texts(overruns, 1) == []
    overruns.add(0.6)
    [(reason, text)] = texts(overruns, 2)
    assert reason == "relay-overrun"
    assert text.startswith("Events came faster than they were taken, for 1.2 s.")
    overruns.add(5)
    assert texts(overruns, 3) == []
    assert len(texts(overruns, 12)) == 1


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (59.4, "59 s"), (185, "3 min 5 s"), (7801, "2 h 10 min")],
)
def test_times_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
