"""The rates of containers: who is over, for how long, and that nothing grows without bound."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.kubearmor.alert_rate import BURST, MOST_CONTAINERS, RATE, AlertRate
from cef_bridge.kubearmor.clock import event_time
from cef_bridge.kubearmor.identity import container_key

START = 1_772_526_400.0


def alert(container, seconds, **fields):
    stamp = datetime.fromtimestamp(START + seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return {"HostName": "n", "ContainerID": container, "UpdatedTime": stamp, **fields}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 20)), max_size=300))
def test_a_container_has_its_burst_and_its_rate_whatever_others_do(made):
    alert_rate = AlertRate()
    alone = {name: AlertRate() for name in "ab"}
    for container, seconds in sorted(made, key=lambda it: it[1]):
        event = alert(container, seconds)
        assert alert_rate.over(event) == alone[container].over(event)


def test_what_is_over_is_what_is_over_the_burst_and_the_rate():
    alert_rate = AlertRate()
    fates = [alert_rate.over(alert("a", number / 5000)) for number in range(25_000)]  # 5 seconds
    kept = fates.count(False)
    assert abs(kept - (BURST + 5 * RATE)) <= 1
    assert [alert_rate.over(alert("a", 15 + number / 100)) for number in range(500)].count(
        True
    ) == 0


def test_a_clock_that_is_set_back_takes_no_rate_away_for_long():
    alert_rate = AlertRate()
    for number in range(2000):
        alert_rate.over(alert("a", 3600 + number / 5000))
    back = [alert_rate.over(alert("a", number / 100)) for number in range(1000)]
    assert back[100:].count(True) == 0


def test_events_without_a_time_have_the_burst():
    alert_rate = AlertRate()
    fates = [alert_rate.over({"ContainerID": "a"}) for _ in range(BURST + 10)]
    assert fates == [False] * BURST + [True] * 10


def test_a_flood_is_told_of_once_a_minute_with_the_names_of_the_container():
    now = 0.0
    alert_rate = AlertRate(lambda: now)
    names = {"NamespaceName": "shop", "PodName": "web-1", "ContainerName": "web"}
    for minute in range(3):
        now = minute * 61.0
        for number in range(3000):
            alert_rate.over(alert("a", number / 5000, **names))
    assert [tuple(each) for each in alert_rate.floods] == [("n", "shop", "web-1", "web", "a")] * 3


def test_it_is_crowded_while_alerts_come_faster_than_one_container_may():
    now = 0.0
    alert_rate = AlertRate(lambda: now)
    alert_rate.came(BURST)
    assert not alert_rate.crowded
    alert_rate.came(1)
    assert alert_rate.crowded
    for _ in range(1000):  # however long it lasts
        alert_rate.came(5000)
    now = 2 * BURST / RATE
    alert_rate.came(0)
    assert not alert_rate.crowded


def test_ever_new_containers_with_long_names_take_bounded_memory():
    alert_rate = AlertRate()
    tracemalloc.start()
    for number in range(3 * MOST_CONTAINERS):
        alert_rate.over(alert(f"{number:08}" + "x" * 10_000, 0, HostName="y" * 10_000))
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size < MOST_CONTAINERS * 1024


def test_names_that_are_no_texts_are_names_of_nothing():
    alert_rate = AlertRate()
    for value in (None, 7, ["a"], {"b": 1}):
        assert not alert_rate.over({"ContainerID": value, "HostName": value, "UpdatedTime": value})


def test_by_the_key_of_its_container_and_its_time_an_alert_is_judged_the_same():
    by_event, by_key = AlertRate(), AlertRate()
    for number in range(4000):
        event = alert("ab"[number % 2], number / 5000)
        key, at = container_key(event), event_time(event)
        assert by_key.is_over(key, at) == by_event.over(event)
        if number > 3000 and by_key.has_to_tell(key):
            by_key.tell(key, event)
            assert not by_key.has_to_tell(key)
    assert len(by_event.floods) == len(by_key.floods) == 2
    assert [each.container_id for each in by_key.floods] == [*"ba"]
