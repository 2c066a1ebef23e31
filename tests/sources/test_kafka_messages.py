"""Messages of a partition become units with their offsets; nothing vanishes, whatever a value is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cef_bridge.sources.kafka.messages import KafkaRecord, pieces
from cef_bridge.sources.records.units import Block, Oversized

EVENT = b'{"Type": "Log", "PodName": "shop"}'
PRETTY = b'{\n  "Type": "Log",\n  "PodName": "shop"\n}'


def read(*values, first=10, max_record=1 << 20):
    records = [KafkaRecord(first + at, value) for at, value in enumerate(values)]
    return list(pieces(records, max_record))


def test_messages_that_follow_one_another_are_one_block():
    ((block, following),) = read(EVENT, EVENT + b"\n", EVENT + b"\r\n")
    assert following == 13
    assert block == Block.of_numbered([EVENT] * 3, 10)
    assert block.places()[0][0] == 10


def test_a_hole_in_the_offsets_begins_another_block():
    found = list(
        pieces([KafkaRecord(1, EVENT), KafkaRecord(2, EVENT), KafkaRecord(9, EVENT)], 1 << 20)
    )
    assert [(it.item.line, len(it.item.lines), it.next) for it in found] == [(1, 2, 3), (9, 1, 10)]


def test_tombstones_and_white_space_are_blank_lines():
    found = read(None, b"", b" \t\r\n", EVENT)
    assert [(it.item.blank, len(it.item.lines), it.next) for it in found] == [
        (1, 0, 11),
        (1, 0, 12),
        (1, 0, 13),
        (0, 1, 14),
    ]


def test_a_message_over_the_limit_is_told_with_its_offset():
    (before, large, after) = read(EVENT, b"x" * 2000, EVENT, max_record=1024)
    assert large.item == Oversized(11, 11, 2000, b"x" * 2000)
    assert (before.next, large.next, after.next) == (11, 12, 13)


def test_a_message_of_several_lines_is_cut_as_a_file_is():
    (pretty,) = read(PRETTY)
    assert list(pretty.item.lines) == [PRETTY]
    (lines,) = read(EVENT + b"\n\n" + EVENT)
    assert list(lines.item.lines) == [EVENT, EVENT]
    assert lines.item.blank == 1
    (array,) = read(b"[" + EVENT + b"," + EVENT + b"]")
    assert list(array.item.lines) == [EVENT, EVENT]
    assert array.item.lines_at == [10, 10]
    first, second = array.item.offsets
    assert 10 << 30 < first < second < 11 << 30


VALUES = st.lists(
    st.one_of(
        st.none(),
        st.sampled_from([EVENT, PRETTY, b"", b" ", EVENT + b"\n" + EVENT, b"no event", b"[", b"{"]),
        st.binary(max_size=40),
    ),
    min_size=1,
    max_size=12,
)


@given(VALUES, st.integers(0, 11))
def test_units_and_places_depend_on_their_message_alone(values, cut):
    """However a partition's messages come, each gives the same units with the same places."""

    def units(found):
        return [
            (unit, *place)
            for piece in found
            for unit, place in zip(piece.item.lines, _places(piece.item), strict=True)
        ]

    whole = read(*values)
    parts = read(*values[:cut]) + read(*values[cut:], first=10 + cut)
    assert units(whole) == units(parts)
    assert whole[-1].next == 10 + len(values)
    assert sum(it.item.blank for it in whole) == sum(it.item.blank for it in parts)
    at = [it.next for it in whole]
    assert at == sorted(at)


def _places(block):
    if block.numbered:
        return [(number,) for number, _ in block.places()]
    return block.places()
