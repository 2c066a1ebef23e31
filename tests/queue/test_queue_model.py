"""The queue against a plain model of it: whatever is done in whatever order, the sum holds.

The model keeps messages in Python lists and knows no rows, files or transactions.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cef_bridge.checkpoint import Checkpoint
from cef_bridge.queue.queue import MessageBatch, Queue, inspect

FATES = st.sampled_from(["confirmed", "unconfirmed", "dropped:refused"])


class Message:
    """One message and its state: waiting, flying, held, again (held, to be resent), reflown."""

    def __init__(self, lane: int, text: bytes) -> None:
        self.lane, self.text = lane, text
        self.state = "waiting"
        self.seen = False


class QueueAgainstModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.open()
        self.messages: list[Message] = []  # in the order of appending
        self.flights: list[tuple[object, list[Message]]] = []
        self.held: list[tuple[object, list[Message]]] = []
        self.counts = {"confirmed": 0, "unconfirmed": 0, "dropped:refused": 0, "dead_lettered": 0}
        self.buried: list[bytes] = []
        self.number = 0

    def open(self) -> None:
        self.queue = Queue.open(self.folder / "siem.queue", reserve=0)

    def teardown(self) -> None:
        self.queue.close()
        shutil.rmtree(self.folder)

    # --- rules ---

    @rule(lanes=st.lists(st.tuples(st.sampled_from([0, 1]), st.integers(0, 5)), max_size=3))
    def append(self, lanes):
        batches = []
        for lane, count in lanes:
            texts = [b"message %d" % (self.number + place) for place in range(count)]
            self.number += count
            batches.append(MessageBatch(lane, texts))
            self.messages += [Message(lane, text) for text in texts]
        assert self.queue.sequence == self.number - sum(count for _, count in lanes)
        self.queue.append(batches, [Checkpoint("stream", self.number, b"%d" % self.number)])

    @rule(most=st.none() | st.integers(1, 6))
    def fetch(self, most):
        stored = self.queue.fetch(most)
        able = [m for lane in (0, 1) for m in self.messages if m.lane == lane and self.able(m)]
        if stored is None:
            assert not able
            return
        run = able[: len(stored.messages)]
        assert stored.messages == [message.text for message in run]
        assert {message.lane for message in run} == {stored.lane}
        assert {message.seen for message in run} == {stored.resent}
        assert most is None or len(run) <= most
        for message in run:
            message.state = "flying" if message.state == "waiting" else "reflown"
        self.flights.append((stored, run))

    @precondition(lambda self: self.flights)
    @rule(data=st.data(), fate=FATES, hold=st.booleans())
    def settle(self, data, fate, hold):
        self.give(self.some(data, self.flights), "confirmed" if hold else fate, hold)

    def give(self, chosen, fate, hold):
        self.queue.settle([stored for stored, _ in chosen], fate, hold=hold)
        for stored, run in chosen:
            self.flights.remove((stored, run))
            for message in run:
                if message.state == "gone":  # buried
                    continue
                self.counts[fate] += message.state == "flying"
                message.state = "held" if hold else "gone"
                message.seen = True
            if hold:
                self.held.append((stored, run))

    @rule(most=st.none() | st.integers(1, 3), hold=st.booleans())
    def send(self, most, hold):
        """What a forwarder does most of the time; so that a few steps lead far."""
        before = len(self.flights)
        self.fetch(most)
        if len(self.flights) > before:
            self.give(self.flights[-1:], "confirmed", hold)

    @precondition(lambda self: self.held)
    @rule(data=st.data(), everything=st.booleans())
    def release(self, data, everything):
        chosen = self.held[:] if everything else self.some(data, self.held)
        self.queue.release(None if everything else [stored for stored, _ in chosen])
        for stored, run in chosen:
            self.held.remove((stored, run))
        for message in self.messages if everything else [m for _, run in chosen for m in run]:
            if message.state in ("held", "again"):
                message.state = "gone"

    @precondition(lambda self: self.flights)
    @rule(data=st.data())
    def dead_letter(self, data):
        stored, run = data.draw(st.sampled_from(self.flights))
        index = data.draw(st.integers(0, len(run) - 1))
        self.queue.dead_letter(stored, index, "too large")
        if run[index].state == "flying":
            self.counts["dead_lettered"] += 1
            self.buried.append(run[index].text)
        run[index].state = "gone"

    @rule(held=st.booleans())
    def rewind(self, held):
        count = self.queue.rewind(held=held)
        expected = 0
        for message in self.messages:
            if message.state in ("flying", "reflown"):
                message.state = "waiting" if message.state == "flying" else "again"
                message.seen = True
                expected += 1
            elif held and message.state == "held":
                message.state = "again"
                expected += 1
        assert count == expected
        self.flights.clear()

    @rule(kill=st.booleans())
    def restart(self, kill):
        if kill:  # the files as they are at this moment, opened as if after a crash
            copy = Path(tempfile.mkdtemp())
            for path in self.folder.iterdir():
                shutil.copy(path, copy)
            self.queue.close()
            shutil.rmtree(self.folder)
            self.folder = copy
        else:
            self.queue.close()
        self.open()
        for message in self.messages:
            if message.state in ("flying", "waiting"):
                message.state, message.seen = "waiting", False
            elif message.state != "gone":
                message.state, message.seen = "held", True
        self.flights.clear()

    @rule()
    def housekeeping(self):
        self.queue.housekeeping()

    @precondition(lambda self: self.buried)
    @rule()
    def replay(self):
        assert inspect(self.queue.path).replay() == len(self.buried)
        assert self.queue.take_replays() == []
        letters = self.buried, self.messages
        for lane in (0, 1):
            texts = {m.text: m for m in letters[1] if m.text in letters[0] and m.lane == lane}
            self.messages += [Message(lane, text) for text in letters[0] if text in texts]
        self.counts["dead_lettered"] -= len(self.buried)
        self.buried = []

    # --- what holds ---

    @invariant()
    def sum_holds_and_agrees(self):
        found = self.queue.sum()
        states = [message.state for message in self.messages]
        assert found.holds()
        assert found.accepted == self.number == self.queue.sequence
        assert found.in_flight == states.count("flying")
        assert found.waiting == states.count("waiting")
        assert found.confirmed == self.counts["confirmed"]
        assert found.unconfirmed == self.counts["unconfirmed"]
        assert found.dropped.get("refused", 0) == self.counts["dropped:refused"]
        assert found.dead_lettered == self.counts["dead_lettered"]
        assert self.queue.wait(0) == any(map(self.able, self.messages))
        assert (self.queue.oldest() is None) == (not any(map(self.able, self.messages)))
        if self.number:
            assert self.queue.marks() == {
                "stream": Checkpoint("stream", self.number, b"%d" % self.number)
            }

    @invariant()
    def the_file_says_the_same(self):
        status = inspect(self.queue.path).status()
        states = [message.state for message in self.messages]
        assert status.sum.holds()
        assert status.sum.waiting == states.count("flying") + states.count("waiting")
        assert status.held == sum(states.count(state) for state in ("held", "again", "reflown"))
        assert status.dead == len(self.buried)

    @staticmethod
    def able(message: Message) -> bool:
        return message.state in ("waiting", "again")

    @staticmethod
    def some(data, pairs):
        chosen = data.draw(
            st.lists(st.integers(0, len(pairs) - 1), min_size=1, max_size=4, unique=True)
        )
        return [pairs[place] for place in chosen]


TestQueueAgainstModel = QueueAgainstModel.TestCase
TestQueueAgainstModel.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
