from __future__ import annotations

import pytest

from cef_bridge.delivery.receipts import (
    COPIES,
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MISSES,
    MISSES_OF_KNOWN,
    UNBOUNDED,
    EndpointHistory,
    HeldRounds,
    Mode,
    Round,
    RoundResult,
)

# What is known of an endpoint


def test_first_contact_is_one_message():
    standing = EndpointHistory(None)
    assert standing.mode is Mode.UNKNOWN
    assert standing.wants_probe(0)
    assert [standing.room(0), standing.room(1)] == [1, 0]


@pytest.mark.parametrize(("weakly", "remembered"), [(False, "strong"), (True, "weak")])
def test_who_answered_is_sent_as_much_as_there_is_and_is_remembered(weakly, remembered):
    standing = EndpointHistory(None)
    assert standing.answered(1, 0, weakly=weakly) is RoundResult.CONFIRMED
    assert standing.room(1_000_000) is None
    assert not standing.wants_probe(1e9)
    assert str(standing) == remembered
    again = EndpointHistory(remembered)
    assert again.mode is Mode.ANSWERS
    assert again.strong is not weakly


def test_nothing_is_remembered_of_who_was_not_heard():
    assert str(EndpointHistory(None)) == ""


def test_a_probe_without_an_answer_makes_a_target_of_the_window():
    standing = EndpointHistory(None)
    standing.silent(100)
    assert standing.mode is Mode.WINDOW
    assert standing.room(1_000_000) is None
    assert str(standing) == "window"
    assert EndpointHistory("window").mode is Mode.WINDOW


def test_probes_become_rarer_and_never_end():
    standing = EndpointHistory(None)
    now = 0.0
    pauses = []
    for _ in range(9):
        standing.silent(now)
        pause = next(seconds for seconds in range(1, 10_000) if standing.wants_probe(now + seconds))
        pauses.append(pause)
        now += pause
    assert pauses == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert (FIRST_PAUSE, LONGEST_PAUSE) == (60, 3600)


def test_probes_that_end_with_a_break_make_a_target_of_the_window_as_well():
    standing = EndpointHistory(None)
    for _ in range(MISSES - 1):
        standing.broke(1, 0)
        assert standing.mode is Mode.UNKNOWN
    standing.broke(0, 0)
    assert standing.mode is Mode.WINDOW


def test_who_has_answered_is_given_up_later_and_only_by_single_messages():
    standing = EndpointHistory("strong")
    for _ in range(100):
        standing.broke(500, 0)
    assert standing.mode is Mode.ANSWERS
    for _ in range(MISSES_OF_KNOWN - 1):
        standing.broke(1, 0)
    assert standing.mode is Mode.ANSWERS
    standing.broke(1, 0)
    assert standing.mode is Mode.WINDOW
    assert str(standing) == "window strong"
    assert EndpointHistory("window strong").strong


def test_an_answer_in_between_makes_up_for_misses():
    standing = EndpointHistory("strong")
    for _ in range(5 * MISSES_OF_KNOWN):
        standing.broke(1, 0)
        standing.answered(1, 0)
    assert standing.mode is Mode.ANSWERS


def test_a_target_of_the_window_that_answers_is_believed():
    standing = EndpointHistory("window")
    assert standing.answered(17, 0) is RoundResult.CONFIRMED
    assert standing.mode is Mode.ANSWERS


def test_who_once_answered_strongly_is_never_confirmed_weakly():
    standing = EndpointHistory(None)
    standing.answered(1, 0)
    assert standing.answered(10, 0, weakly=True) is RoundResult.AGAIN
    restarted = EndpointHistory(str(standing))
    assert restarted.answered(1, 0, weakly=True) is RoundResult.AGAIN


def test_who_answers_only_weakly_from_now_on_does_not_get_copies_for_ever():
    standing = EndpointHistory("strong")
    fates = []
    for _ in range(MISSES_OF_KNOWN + 3):
        fates.append(standing.answered(1, 0, weakly=True))
        if fates[-1] is RoundResult.AGAIN:
            standing.broke(1, 0)
    assert fates == [RoundResult.AGAIN] * MISSES_OF_KNOWN + [RoundResult.UNCONFIRMED] * 3


def test_who_shall_not_be_asked_is_not_asked_and_not_believed():
    standing = EndpointHistory(None, asks=False)
    assert standing.mode is Mode.WINDOW
    assert not standing.wants_probe(1e9)
    assert standing.answered(1, 0) is RoundResult.UNCONFIRMED
    assert standing.mode is Mode.WINDOW


def test_after_a_break_generations_are_small_and_grow_with_receipts():
    standing = EndpointHistory("strong")
    standing.broke(1000, 0)
    assert standing.room(0) == 250
    assert standing.room(250) == 0
    standing.broke(3, 0)
    assert standing.room(0) == 1
    rooms = []
    while (room := standing.room(0)) is not None:
        rooms.append(room)
        standing.answered(room, 0)
    assert rooms == [2**power for power in range(17)]
    assert rooms[-1] < UNBOUNDED <= 2 * rooms[-1]


def test_a_receipt_for_less_than_was_allowed_does_not_allow_more():
    standing = EndpointHistory("strong")
    standing.broke(40, 0)
    standing.answered(9, 0)
    assert standing.room(0) == 10


def test_a_break_of_the_window_asks_again_soon_but_not_at_each_break():
    standing = EndpointHistory("window", now=0)
    for _ in range(3):
        standing.silent(1000)
    assert not standing.wants_probe(1100)
    standing.broke(5, 1100)
    assert standing.wants_probe(1100)
    standing.broke(1, 1100, probe=True)
    standing.broke(5, 1101)
    assert not standing.wants_probe(1101)
    assert standing.wants_probe(1160)


@pytest.mark.parametrize("survives", range(1, 40))
def test_every_collector_that_lives_longer_than_a_message_gets_all_in_bounded_copies(survives):
    """A collector breaks each connection after so many messages, and answers what is less."""
    standing = EndpointHistory("strong")
    copies = [0] * 300
    first = 0
    for _ in range(10_000):
        if first == len(copies):
            break
        room = standing.room(0)
        end = len(copies) if room is None else min(len(copies), first + room)
        for index in range(first, min(end, first + survives)):
            copies[index] += 1
        if end - first <= survives:
            standing.answered(end - first, 0)
            first = end
        else:
            standing.broke(end - first, 0)
    assert first == len(copies)
    assert max(copies) <= 8


# Rounds


def test_a_generation_is_due_by_age_by_size_and_when_it_falls_idle():
    def due(now):
        return round_.due(now, age=5, size=100, idle=1)

    round_ = Round()
    assert not due(1e9)
    round_.add("a", 1, 60, 60, 10.0)
    assert not due(10.9)
    assert due(11.0)
    for tenths in range(105, 150, 5):
        round_.add("b", 1, 0, 60, tenths / 10)
    assert not due(14.9)
    assert due(15.0)
    round_.clear()
    round_.add("c", 1, 60, 120, 20.0)
    round_.add("d", 1, 39, 159, 20.0)
    assert not due(20.0)
    round_.add("e", 1, 1, 160, 20.0)
    assert due(20.0)


def test_what_the_window_has_passed_leaves_in_its_order():
    round_ = Round()
    for number in range(1, 6):
        round_.add(number, 10, 100, 100 * number, 0)
    assert round_.passed(149, 50) == []
    assert [sent.what for sent in round_.passed(250, 50)] == [1, 2]
    assert round_.messages == 30
    assert list(round_) == [3, 4, 5]
    assert round_.clear() == [3, 4, 5]
    assert (bool(round_), round_.messages, round_.bytes) == (False, 0, 0)


def test_the_newest_generations_are_held_and_not_for_ever():
    held = HeldRounds(2, 60)
    assert held.add(["a"], 0) == []
    assert held.add(["b"], 50) == []
    assert held.add(["c", "d"], 55) == ["a"]
    assert held.expired(109) == []
    assert held.expired(110) == ["b"]
    assert held.clear() == ["c", "d"]
    assert not held


def test_copies_for_being_held_are_few():
    assert COPIES == 2
