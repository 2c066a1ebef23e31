"""What came in, counted: duplicates by event id, numbers that are missing, all of it bounded."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.collector.ledger import ID_KEYS, MOST_KINDS, OTHER, Ledger, PeerCounts, Sequence
from cef_bridge.mapping.language.shipped import names
from cef_bridge.mapping.load import load


def sender() -> PeerCounts:
    return PeerCounts("tcp", "127.0.0.1:5", "tcp://127.0.0.1:4")


def cef(event_id: str = "", number: int = 0, queue: str = "", key: str = "externalId") -> bytes:
    pairs = ["act=Block"]
    pairs += [f"{key}={event_id}"] if event_id else []
    pairs += [f"KubeArmorSeq={number}"] if number else []
    pairs += [f"KubeArmorQueue={queue}"] if queue else []
    return f"CEF:0|KubeArmor|KubeArmor|1|id|name|5|{' '.join(pairs)} msg=x".encode()


def leef(event_id: str, number: int, delimiter: str = "^") -> bytes:
    pairs = ["msg=x eventId=fake", f"eventId={event_id}", f"KubeArmorSeq={number}"]
    written = "x09" if delimiter == "\t" else delimiter
    return f"LEEF:2.0|KubeArmor|KubeArmor|1|id|{written}|{delimiter.join(pairs)}".encode()


def taken(*messages: bytes) -> Ledger:
    ledger, who = Ledger(), sender()
    ledger.opened(who)
    for message in messages:
        ledger.take(who, message)
    return ledger


def test_an_event_that_comes_again_is_a_duplicate_and_not_different():
    counts = taken(cef("a"), cef("b"), cef("a"), cef("a")).snapshot()
    assert (counts.messages, counts.distinct, counts.duplicates) == (4, 2, 2)


def test_messages_without_an_id_are_different_each_time():
    counts = taken(cef(), cef(), b"no message at all").snapshot()
    assert (counts.distinct, counts.duplicates, counts.without_id) == (3, 0, 3)


def test_every_shipped_mapping_writes_the_event_id_where_the_ledger_looks():
    for name in names():
        keys = {
            key
            for key, rules in load(name).extension.items()
            if "event.id" in str(rules) and "event.id_" not in str(rules)
        }
        assert keys & set(ID_KEYS), name


@pytest.mark.parametrize("key", ID_KEYS)
def test_the_id_is_found_under_each_key_also_as_the_first(key):
    first = f"CEF:0|a|b|1|id|name|5|{key}=abc msg=x".encode()
    counts = taken(cef("abc", key=key), first, f"CEF:0|a|b|1|id|name|5|{key}=abc".encode())
    assert counts.snapshot().duplicates == 2


@pytest.mark.parametrize("delimiter", ["^", "\t", "#"])
def test_leef_ids_are_found_between_delimiters_and_not_in_values(delimiter):
    counts = taken(leef("a", 1, delimiter), leef("b", 2, delimiter), leef("b", 2, delimiter))
    assert counts.snapshot().duplicates == 1
    assert counts.snapshot().queues[""][:4] == (1, 2, 0, 1)


def test_an_id_in_an_argument_is_not_the_events():
    message = b"CEF:0|a|b|1|id|name|5|msg=run externalId\\=zzz --externalId\\=zzz externalId=%d"
    assert taken(message % 1, message % 2).snapshot().duplicates == 0


def test_numbers_are_missing_only_when_they_never_come():
    messages = [cef(str(number), number) for number in range(1, 101) if number not in (7, 50, 51)]
    random.Random(4).shuffle(messages)  # noqa: S311 - two lanes: alerts overtake
    queue = taken(*messages).snapshot().queues[""]
    assert queue == (1, 100, 3, 0, ((7, 7), (50, 51)))


def test_each_queue_has_its_own_numbers():
    ledger = taken(
        cef("a", 1, "siem"), cef("b", 2, "siem"), cef("c", 1, "lake"), cef("d", 3, "lake")
    )
    counts = ledger.snapshot()
    assert counts.queues["siem"].missing == 0
    assert counts.queues["lake"].gaps == ((2, 2),)
    assert counts.missing == 1


def test_a_number_that_comes_again_with_another_event_tells_of_a_new_queue():
    counts = taken(cef("a", 1), cef("a", 1), cef("b", 1)).snapshot()
    assert (counts.duplicates, counts.queues[""].repeated, counts.reused) == (1, 2, 1)


@given(st.lists(st.integers(1, 40), max_size=80))
def test_intervals_know_what_a_set_knows(numbers):
    sequence, seen = Sequence(), set()
    for number in numbers:
        assert sequence.add(number) == (number not in seen)
        seen.add(number)
    assert sequence.repeated == len(numbers) - len(seen)
    if seen:
        missing = set(range(min(seen), max(seen))) - seen
        gaps = {each for first, last in sequence.gaps(99) for each in range(first, last + 1)}
        assert (sequence.first, sequence.last) == (min(seen), max(seen))
        assert (sequence.missing, gaps) == (len(missing), missing)


def test_senders_cannot_make_the_intervals_grow_without_end_however_many_queues_they_name():
    ledger, by = Ledger(), sender()
    for number in range(0, 60_000, 2):
        for queue in range(5):
            ledger.take(by, cef("a", number + 1, f"queue-{queue}"))
    kept = sum(map(len, ledger._sequences.values()))  # noqa: SLF001 - the bound is the claim
    assert kept == ledger._intervals == 65_536  # noqa: SLF001
    assert {each.missing for each in ledger.snapshot().queues.values()} == {29_999}


def test_a_kind_of_fault_is_remembered_by_its_beginning():
    ledger = Ledger()
    for number in range(300):
        ledger.blame(["x" * 100_000 + str(number)])
    assert ledger.snapshot().faults == {"x" * 1000: 300}


def test_a_sender_cannot_make_the_counters_grow_without_end():
    ledger = taken(*(cef(str(number), 1, f"queue-{number}") for number in range(500)))
    for number in range(1000):
        ledger.blame([f"fault {number}"])
        ledger.befell(f"trouble {number}")
    for _ in range(1000):
        ledger.opened(sender())
    counts = ledger.snapshot()
    assert len(counts.queues) == 65
    assert OTHER in counts.queues
    assert len(counts.faults) == len(counts.troubles) == MOST_KINDS + 1
    assert counts.faults[OTHER] == counts.troubles[OTHER] == 1000 - MOST_KINDS
    assert len(counts.senders) == 200
    assert counts.connections == 1001


def test_ids_are_remembered_long_but_not_for_ever():
    ledger, who = Ledger(remembered=10), sender()
    for number in range(25):
        assert not ledger.take(who, cef(f"id{number}")).duplicate
    assert ledger.take(who, cef("id15")).duplicate
    assert not ledger.take(who, cef("id1")).duplicate


@pytest.mark.parametrize("number", [b"x", b"-1", b"", b"9" * 400, b"\xb2", b"1.5"])
def test_a_number_that_is_none_is_passed_over(number):
    ledger = taken(b"CEF:0|a|b|1|id|name|5|act=x KubeArmorSeq=" + number)
    assert ledger.snapshot().queues == {}


@given(st.binary(max_size=80))
def test_nothing_that_comes_can_break_the_ledger(noise):
    for around in (b"%b", b"CEF:0|a|b|1|i|n|5|externalId=%b", b"LEEF:2.0|a|b|1|i|%b|eventId=%b"):
        taken(around.replace(b"%b", noise)).snapshot()
