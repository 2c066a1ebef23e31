r"""Whatever stands before a whole event on a line of its own, the event comes out, once.

Bytes are thrown at the cutter: cut events, brackets without end, log lines, wrappers, whole events.
Every one of the whole events has a number, and has to come out at any size of reads, alone or after
another process went on with the rest. The seed is new in every run and is printed when something
fails: `CEF_BRIDGE_FUZZ_SEED=123` repeats that run, `CEF_BRIDGE_FUZZ_ROUNDS` makes it longer.
"""

from __future__ import annotations

import json
import os
import random
import re

import pytest
from feeds import cut

from cef_bridge.kubearmor.decode import Decoded, EventDecoder
from cef_bridge.sources.records.blocks import BrokenLine, Oversized
from cef_bridge.sources.records.spans import parses

SEED = int(os.environ.get("CEF_BRIDGE_FUZZ_SEED") or random.SystemRandom().randrange(1 << 32))
ROUNDS = int(os.environ.get("CEF_BRIDGE_FUZZ_ROUNDS") or 200)

# What the archives' first bytes look like is judged before anything is cut, so it is left out.
_FIXED = [
    b'{"a":[\n"x",\n', b"{Foo:[a b\n", b'{"a":' * 1100 + b"\n", b'{\n"hosts": [\n', b'{\n"hosts": [',
    b"[\n", b"[", b"[{", b"[[\n", b'[\n{"a":[\n', b'{"a":', b'{"a":\n', b'{"a"\n', b'{"a":"\n',
    b'{"a":"\\\n', b'{"a":"\\', b'{"a":[1,\n', b'{"a":[1\n', b'{"a":[{}\n', b'{"a":[{},\n', b"{\n",
    b'{"a":[true,\n', b'{"a":[\n-\n', b'{"hits":{"hits":[\n', b'{"resourceLogs":[{"logRecords":[\n',
    b'[\n"x",\n', b"\xff\xfe{\n", b"\x00{\n", b"\xef\xbb\xbf{\n", b"}\n", b"]\n", b"]}\n", b",\n",
    b'"x",\n', b"\n" * 100, b" \r\n", b'{"a":[\n' * 50, b'{"a":[\n"x",\n' * 30, b"[\n" * 40, b'"\n',
    b"2026-03-03T09:00:01.3Z stdout P {\n", b"<13>Mar  3 09:00:00 host app: {\n", b"[INFO] {\n",
    b'{"a":[\n{"b":[\n', b'{"a":{\n"b":[\n  {\n', b"[1,\n2\n", b'{"a":[\n' + b'"x",\n' * 300,
]  # fmt: skip


def event(number: int, dice: random.Random) -> bytes:
    """Return an event with this number, as somebody may write it into one line."""
    fields: dict[str, object] = {
        "Type": "MatchedPolicy",
        "Operation": "File",
        "HostName": "n",
        "HostPID": number,
        "Resource": dice.choice(["/etc/shadow", '"},{ [', "a\\", "x" * 60]),
    }
    if dice.random() < 0.3:
        fields["Owner"] = {"Name": "web", "Ref": "Deployment"}
    if dice.random() < 0.2:
        fields["ATags"] = ["MITRE", {"a": [1, 2]}]
    separators = dice.choice([(",", ":"), (", ", ": ")])
    return json.dumps(fields, separators=separators).encode()


def _cut_event(dice: random.Random) -> bytes:
    fields = {"Type": "HostLog", "Tags": ["a", {"b": [1, None]}], "Owner": {"Name": "w"}, "Cut": 1}
    text = json.dumps(fields, indent=dice.choice([None, None, 0, 1, 2])).encode()
    return text[: dice.randrange(1, len(text))]


def _noise(dice: random.Random) -> bytes:
    kind = dice.random()
    if kind < 0.45:
        return dice.choice(_FIXED)
    if kind < 0.75:
        return _cut_event(dice) + b"\n"
    if kind < 0.9:
        return bytes(dice.choices(b'{}[]",:\\ \n\t\r1ae', k=dice.randrange(1, 30)))
    return dice.randbytes(dice.randrange(1, 12)).replace(b"\x1f", b"-")


def good_line(first: int, dice: random.Random) -> tuple[bytes, list[int]]:
    """Return a line that holds one event or more and nothing else, and their numbers."""
    form = dice.choice(
        ["E", "E", "E", "E,", "[E]", "[E,E],", "EE", "E,E", "E,E,", "[E],E", "E,[E]"]
    )
    parts, numbers = [], []
    for letter in form:
        if letter == "E":
            numbers.append(first + len(numbers))
            parts.append(event(numbers[-1], dice))
        else:
            parts.append(letter.encode())
    return dice.choice([b"", b" "]).join(parts), numbers


def stream(dice: random.Random) -> tuple[bytes, list[int]]:
    """Return some bytes, and the numbers of the whole events in lines that hold nothing else."""
    parts, numbers = [b"-\n"], []
    for _ in range(dice.randrange(1, 12)):
        noise = _noise(dice)
        parts.append(noise if noise.endswith(b"\n") else noise + b"\n")
        for _ in range(dice.choice([0, 1, 1, 2, 5])):
            line, more = good_line(1000 + len(numbers), dice)
            numbers += more
            parts.append(line + dice.choice([b"\n", b"\n", b"\r\n"]))
    return b"".join(parts), numbers


def numbers_of(items: list[tuple], most: int) -> list[int]:
    """Return the numbers of the events that come out, in their order.

    Closing brackets may happen to make a valid document of what was open and of one event. That is
    the one record that is right then, whatever is read from it.
    """
    decoder, found = EventDecoder(max_record=most), []
    for item in items:
        if isinstance(item, BrokenLine | Oversized):
            continue
        unit = item[0]
        if b"\n" in unit and parses(unit):
            found += map(int, re.findall(rb'"HostPID": ?(\d+)', unit))
            continue
        for each in decoder.decode(unit):
            if isinstance(each, Decoded) and (number := each.fields.get("HostPID")):
                found.append(number)
    return found


@pytest.mark.parametrize("number", range(ROUNDS))
def test_every_whole_event_comes_out_once_whatever_stands_before_it(number):
    seed = SEED + number
    print(f"CEF_BRIDGE_FUZZ_SEED={seed} CEF_BRIDGE_FUZZ_ROUNDS=1")  # noqa: T201 - shown when it fails
    dice = random.Random(seed)  # noqa: S311 - not for secrets
    data, numbers = stream(dice)
    most = dice.choice([600, 1500, 1 << 20])
    whole = cut(data, max_record=most)
    assert numbers_of(whole, most) == numbers
    for block_size in (1 << 18, dice.randrange(1, 40), dice.randrange(40, 900)):
        piece = dice.choice([1, 7, 300, 1 << 20])
        assert cut(data, max_record=most, block_size=block_size, piece=piece) == whole
