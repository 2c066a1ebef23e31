"""Messages of a row: one text until somebody asks for one of them."""

from __future__ import annotations

import pytest

from cef_bridge.queue.values import DamagedRowError, Joined, Stored, pack, unpack

TEXTS = [b"CEF:0|a", b"", "CEF:0|ä".encode()]


def test_what_was_packed_is_unpacked_as_a_text_and_as_messages():
    messages = unpack(pack(Joined(0, 3, b"\n".join(TEXTS))).body, 3)
    assert messages.text == b"\n".join(TEXTS)
    assert len(messages) == 3
    assert list(messages) == TEXTS
    assert messages[1:] == TEXTS[1:]
    assert messages[-1] == TEXTS[-1]


@pytest.mark.parametrize("count", [2, 4])
def test_a_body_that_holds_another_number_is_damaged(count):
    body = pack(Joined(0, 3, b"\n".join(TEXTS))).body
    with pytest.raises(DamagedRowError, match=f"it holds 3 messages and should hold {count}"):
        unpack(body, count)


def test_a_part_of_a_row_has_the_text_of_its_messages():
    messages = unpack(pack(Joined(0, 3, b"\n".join(TEXTS))).body, 3)
    whole = Stored(1, 0, 0, messages, 0.0, resent=False)
    part = whole._replace(messages=whole.messages[1:])
    assert whole.text == b"\n".join(TEXTS)
    assert part.text == b"\n".join(TEXTS[1:])
