"""What is remembered stays bounded, and what never comes again takes no place for good."""

from __future__ import annotations

import json

from pod_event import IN_A_POD

from cef_bridge.converter import Converted, Converter
from cef_bridge.fastpath import FastPath, sections
from cef_bridge.fastpath.memory import LONGEST_REMEMBERED, MOST_YOUNG, Memo, Memory
from cef_bridge.mapping.load import load


def event(path: str) -> dict[str, object]:
    """Return an event in KubeArmor's order of fields; it reads a file."""
    return {
        **{key: value for key, value in IN_A_POD.items() if key not in ("Type", "UID")},
        "ParentProcessName": "/bin/sh",
        "ProcessName": "/bin/cat",
        "UID": 0,
        "Type": "ContainerLog",
        "Source": "/bin/cat",
        "Operation": "File",
        "Resource": path,
        "Data": "syscall=SYS_OPENAT flags=O_RDONLY",
        "Result": "Passed",
    }


def line(path: str) -> bytes:
    return json.dumps(event(path), separators=(",", ":")).encode()


class Stream:
    """Lines through a fast path as the hot loop sends them, each message held against the plain
    path's; `known` counts those that were not parsed.
    """

    def __init__(self) -> None:
        self.fast = FastPath(Converter(load("kubearmor-cef", env={})))
        self.plain = Converter(load("kubearmor-cef", env={}))
        self.known = 0

    def send(self, path: str) -> bool:
        got: list[bytes] = []
        expected = self.plain.convert(event(path))
        assert isinstance(expected, Converted)
        if self.fast.sections.run([line(path)], 0, got.append, got.append):
            assert got == [expected.message.encode()]
            self.known += 1
            return True
        if (fate := self.fast.recall(event(path))) is None:
            assert self.fast.convert(event(path)) == expected
        else:
            assert fate == expected
            self.fast.learn(line(path), event(path))
        return False


def test_what_comes_again_is_kept_and_what_does_not_is_not():
    memory = Memory()
    memo: Memo[str] = Memo(memory)
    before = memory.left
    memo.note("key", "text", 3, 4)
    assert (memo.get("key"), memory.left) == (None, before)
    assert memo.again("key") == "text"
    assert memo.get("key") == "text"
    assert memory.left < before
    assert memo.again("key") is None
    assert memo.again("other") is None


def test_two_memos_do_not_take_each_others_texts():
    memory = Memory()
    one: Memo[str] = Memo(memory)
    other: Memo[str] = Memo(memory)
    one.note("key", "text", 3, 4)
    assert other.again("key") is None
    assert one.again("key") == "text"


def test_what_is_young_goes_when_there_is_too_much_of_it():
    memory = Memory()
    memo: Memo[str] = Memo(memory)
    memo.note("first", "text", 5, 4)
    for number in range(16):
        memo.note(number, "x", 1, MOST_YOUNG // 15)
    assert memo.again("first") is None
    assert memo.again(15) == "x"


def test_a_long_key_is_not_remembered():
    memo: Memo[str] = Memo(Memory())
    memo.note("x" * (LONGEST_REMEMBERED + 1), "text", LONGEST_REMEMBERED + 1, 4)
    assert memo.again("x" * (LONGEST_REMEMBERED + 1)) is None


def test_events_that_never_come_again_take_no_place_for_good():
    stream = Stream()
    for number in range(50):
        stream.send(f"/tmp/{number}")
    left = stream.fast._memory.left  # noqa: SLF001 - nothing else tells
    for number in range(50, 1000):
        stream.send(f"/tmp/{number}")
    assert stream.fast._memory.left == left  # noqa: SLF001 - as above
    assert stream.known == 0


def test_activities_that_do_not_come_any_more_make_room(monkeypatch):
    monkeypatch.setattr(sections, "MOST_OF_TAILS", 60_000)
    stream = Stream()
    written = 0
    for number in range(200):
        for path in ("/etc/often", f"/tmp/{number}", f"/tmp/{number}", f"/tmp/{number}"):
            written += stream.send(path)
        list(stream.fast.sections.counts()) if number % 10 == 0 else None
    assert written == stream.known > 300
    assert stream.send("/etc/often")  # was never forgotten
    assert not stream.send("/tmp/3")
    assert stream.send("/tmp/199")


def test_what_was_counted_is_told_after_it_was_forgotten(monkeypatch):
    monkeypatch.setattr(sections, "MOST_OF_TAILS", 60_000)
    stream = Stream()
    for number in range(300):
        for _ in range(3):
            stream.send(f"/tmp/{number}")
    assert sum(number for _, number in stream.fast.sections.counts()) == stream.known > 200
    stream.fast.sections.forget()
    assert list(stream.fast.sections.counts()) == []


def test_more_activities_than_there_is_room_for_are_learned_again_and_again(monkeypatch):
    monkeypatch.setattr(sections, "MOST_OF_TAILS", 60_000)
    stream = Stream()
    for _ in range(5):
        for number in range(100):
            for _ in range(3):
                stream.send(f"/tmp/{number}")
    assert stream.known > 400
