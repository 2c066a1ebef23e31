"""What goes into a queue comes out of it: whole, in order, with what was stored beside it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queue_help import batch, drained, mark, numbers, opened, texts

from cef_bridge.queue.queue import (
    ALERTS,
    TELEMETRY,
    DeadLetter,
    MessageBatch,
    Queue,
    QueueStopped,
    inspect,
)

ANY = st.binary(max_size=60).map(lambda raw: raw.replace(b"\n", b"\r"))


@settings(max_examples=50, deadline=None)
@given(messages=st.lists(ANY, min_size=1, max_size=20))
def test_any_bytes_come_out_as_they_went_in(tmp_path_factory, messages):
    with opened(tmp_path_factory.mktemp("q") / "a.queue", reserve=0) as queue:
        queue.append([MessageBatch(TELEMETRY, messages)])
        assert drained(queue) == messages


def test_a_message_with_a_line_end_is_refused_before_anything_is_stored(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        with pytest.raises(ValueError, match="holds a line end"):
            queue.append([MessageBatch(TELEMETRY, [b"one", b"two\nthree"])], [mark(7)])
        assert queue.sequence == 0
        assert queue.marks() == {}


def test_alerts_overtake_telemetry_and_each_lane_keeps_its_order(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 3), batch(10, 3, ALERTS)])
        queue.append([batch(3, 3), batch(13, 3, ALERTS)])
        assert numbers(drained(queue)) == [10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5]


def test_a_probe_takes_one_message_and_the_rest_of_its_row_follows(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 5)])
        probe = queue.fetch(1)
        rest = queue.fetch()
        assert (probe.first, numbers(probe.messages)) == (0, [0])
        assert (rest.first, numbers(rest.messages)) == (1, [1, 2, 3, 4])
        queue.settle([rest], "confirmed")
        assert queue.rewind() == 1
        again = queue.fetch()
        assert numbers(again.messages) == [0]
        assert again.resent


def test_what_was_in_flight_waits_again_after_a_restart(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4), batch(4, 2)])
        queue.settle([queue.fetch(1)], "confirmed")
        assert queue.fetch() is not None
        assert queue.sum()[:5] == (6, 1, 0, 3, 2)
    with opened(tmp_path / "a.queue") as queue:
        assert queue.sum()[:5] == (6, 1, 0, 0, 5)
        assert numbers(drained(queue)) == [1, 2, 3, 4, 5]


def test_held_messages_count_once_however_often_they_are_sent(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        stored = queue.fetch()
        queue.settle([stored], "confirmed", hold=True)
        assert queue.sum()[:5] == (4, 4, 0, 0, 0)
        assert queue.fetch() is None
        assert queue.rewind() == 4
        again = queue.fetch()
        assert again.resent
        assert again.messages == stored.messages
        assert queue.sum()[:5] == (4, 4, 0, 0, 0)
        queue.settle([again], "confirmed", hold=True)
        queue.release([again])
        assert queue.sum()[:5] == (4, 4, 0, 0, 0)
        assert queue.rewind() == 0


def test_what_is_held_and_in_flight_again_is_not_released(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        stored = queue.fetch()
        queue.settle([stored], "confirmed", hold=True)
        queue.rewind()
        assert queue.fetch(3) is not None
        queue.release([stored])
        assert queue.fetch() is None  # the fourth went
        assert queue.rewind() == 3
        assert numbers(drained(queue)) == [0, 1, 2]


def test_held_messages_survive_a_restart_and_go_again_only_when_asked(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        queue.settle([queue.fetch()], "confirmed", hold=True)
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(4, 1)])
        assert numbers(queue.fetch().messages) == [4]
        assert queue.fetch() is None
        assert queue.rewind() == 5
        assert numbers(drained(queue)) == [0, 1, 2, 3, 4]
        assert queue.sum().confirmed == 5


def test_a_row_that_is_held_in_part_goes_again_as_a_whole(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        queue.settle([queue.fetch(2)], "confirmed", hold=True)
    with opened(tmp_path / "a.queue") as queue:
        assert queue.rewind() == 2
        first, second = queue.fetch(), queue.fetch()
        assert (numbers(first.messages), first.resent) == ([0, 1], True)
        assert (numbers(second.messages), second.resent) == ([2, 3], False)
        assert queue.sum()[:5] == (4, 2, 0, 2, 0)


def test_release_of_everything_forgets_what_an_earlier_process_held(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        queue.settle([queue.fetch()], "confirmed", hold=True)
    with opened(tmp_path / "a.queue") as queue:
        queue.release()
        assert queue.rewind() == 0
        assert inspect(queue.path).status().held == 0


def test_a_buried_message_leaves_the_others_in_flight_and_is_never_sent_again(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        stored = queue.fetch()
        queue.dead_letter(stored, 2, "larger than a datagram")
        assert queue.sum().dead_lettered == 1
        assert queue.sum().in_flight == 3
        queue.rewind()
        assert numbers(queue.fetch().messages) == [0, 1]  # a run of one row has no gaps
        assert numbers(queue.fetch().messages) == [3]
        queue.rewind()
        assert numbers(drained(queue)) == [0, 1, 3]
        (letter,) = inspect(queue.path).letters()
        assert letter[1:5] == ("message", "larger than a datagram", "a", stored.messages[2])


def test_settling_twice_or_after_a_rewind_counts_nothing(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append([batch(0, 4)])
        stored = queue.fetch()
        queue.rewind()
        queue.settle([stored], "confirmed")
        assert queue.sum()[:5] == (4, 0, 0, 0, 4)
        stored = queue.fetch()
        queue.settle([stored, stored], "unconfirmed")
        queue.settle([stored], "confirmed")
        assert queue.sum()[:5] == (4, 0, 4, 0, 0)


def test_a_fate_that_is_none_is_refused(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        for fate, hold in [("lost", False), ("unconfirmed", True)]:
            with pytest.raises(ValueError, match="no such result"):
                queue.settle([], fate, hold=hold)


def test_all_that_was_appended_together_is_there_after_a_restart(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        queue.append(
            [batch(0, 2), batch(2, 1, ALERTS)],
            [mark(700), mark(5, "other")],
            pending={"stream": b"half a li", "other": b"x"},
            counts={"received": 5, "filtered": 2},
            dead=[DeadLetter("event", "no mapping takes it", "file:1", b"\x00\n{")],
        )
        queue.append([], pending={"other": b""}, counts={"received": 1})
        queue.remember("answers:siem:6514", "strong")
        queue.append([], [mark(9, "gone")])
        queue.forget_mark("gone")
    with opened(tmp_path / "a.queue", clock=lambda: 1.0) as queue:
        assert queue.marks() == {"stream": mark(700), "other": mark(5, "other")}
        assert queue.pending() == {"stream": b"half a li"}
        assert queue.totals() == {"accepted": 3, "received": 6, "filtered": 2, "dead_events": 1}
        assert queue.recall("answers:siem:6514") == "strong"
        assert queue.recall("answers:other") is None
        assert queue.sequence == 3
        (letter,) = inspect(queue.path).letters()
        assert letter[1:5] == ("event", "no mapping takes it", "file:1", b"\x00\n{")


def test_oldest_is_when_the_oldest_waiting_message_was_appended(tmp_path):
    now = iter([10.0, 20.0, 30.0])
    with opened(tmp_path / "a.queue", clock=lambda: next(now)) as queue:
        assert queue.oldest() is None
        for first in range(3):
            queue.append([batch(first, 1, lane=first % 2)])
        assert queue.oldest() == 10.0
        first = queue.fetch()
        assert first.born == 10.0
        assert queue.oldest() == 20.0
        queue.rewind()
        assert queue.oldest() == 10.0


def test_wait_ends_when_something_is_appended(tmp_path):
    with opened(tmp_path / "a.queue") as queue:
        assert not queue.wait(0.01)
        later = threading.Timer(0.05, queue.append, [[batch(0, 1)]])
        later.start()
        assert queue.wait(20)
        later.join()


def test_several_feeds_and_a_forwarder_at_once_lose_and_double_nothing(tmp_path):
    feeds, rounds, size = 4, 25, 20
    got: dict[int, list[int]] = {0: [], 1: []}
    with opened(tmp_path / "a.queue") as queue:

        def feed(which: int) -> None:
            for turn in range(rounds):
                first = (which * rounds + turn) * size
                with queue.appending:
                    before = queue.sequence
                    queue.append([batch(first, size, which % 2)], [mark(turn, f"feed {which}")])
                    assert queue.sequence == before + size

        threads = [threading.Thread(target=feed, args=(which,)) for which in range(feeds)]
        for thread in threads:
            thread.start()
        flying = []
        while sum(map(len, got.values())) < feeds * rounds * size:
            stored = queue.fetch(7 if len(flying) % 3 else None)
            if stored is None:
                assert queue.wait(20)
                continue
            assert queue.sum().holds()
            got[stored.lane] += numbers(stored.messages)
            flying.append(stored)
            if len(flying) % 8 == 0:
                queue.settle(flying[-8:], "confirmed")
        queue.settle(flying, "confirmed")
        for thread in threads:
            thread.join()
        assert queue.sum().confirmed == feeds * rounds * size
        assert {m.offset for m in queue.marks().values()} == {rounds - 1}
    for which in range(feeds):  # each feed's messages came in its order
        mine = range(which * rounds * size, (which + 1) * rounds * size)
        assert [each for each in got[which % 2] if each in mine] == list(mine)


def test_a_closed_queue_says_so_in_words(tmp_path):
    queue = Queue.open(tmp_path / "a.queue")
    queue.append([batch(0, 1)])
    queue.close()
    queue.close()
    with pytest.raises(Exception, match=r"a\.queue cannot be used: the queue is closed"):
        queue.append([batch(1, 1)])


def test_stop_waiting_lets_in_what_there_is_room_for(tmp_path):
    with opened(tmp_path / "a.queue", limit=1) as queue:
        queue.stop_waiting()
        queue.append([batch(0, 1)])
        with pytest.raises(QueueStopped):
            queue.append([batch(1, 1)], [mark(1)])
        assert queue.sequence == 1
        assert queue.marks() == {}


def test_an_event_among_the_dead_letters_is_replayed_once(tmp_path):
    dead = [DeadLetter("event", "why", "file:1", b"{%d}" % each) for each in range(5)]
    with opened(tmp_path / "a.queue") as queue:
        queue.append([], dead=dead)
        view = inspect(queue.path)
        ids = [letter.id for letter in view.letters()]
        assert view.replay(ids[:3]) == 3
        assert view.replay(ids[:3]) == 0
        taken = queue.take_replays(2)
        assert [letter.raw for letter in taken] == [b"{0}", b"{1}"]
        taken += queue.take_replays()
        assert [letter.raw for letter in taken] == [b"{0}", b"{1}", b"{2}"]
        assert queue.take_replays() == []
        queue.append([batch(0, 1)], replayed=[taken[0].id])
        queue.replayed([taken[1].id])
        assert [letter.raw for letter in view.letters()] == [b"{2}", b"{3}", b"{4}"]
        assert queue.totals()["replayed"] == 2
    with opened(tmp_path / "a.queue") as queue:  # the third was taken, and nothing came of it
        assert [letter.raw for letter in queue.take_replays()] == [b"{2}"]


def test_dead_letters_are_bounded_by_number_and_by_size(tmp_path):
    with opened(tmp_path / "a.queue", dead_most=3, limit=1 << 21) as queue:
        for each in range(5):
            queue.append([], dead=[DeadLetter("event", "why", "here", b"%d" % each)])
        assert [letter.raw for letter in inspect(queue.path).letters()] == [b"2", b"3", b"4"]
        large = texts(0, 1, 200_000)[0]  # about half of that when it is compressed
        for _ in range(3):
            queue.append([], dead=[DeadLetter("message", "why", "here", large)])
        assert [letter.raw == large for letter in inspect(queue.path).letters()] == [True] * 2
        assert queue.totals()["dead_expired"] == 6
        assert queue.sum().dead_lettered == queue.sum().accepted == 3
