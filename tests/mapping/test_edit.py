"""Expectations changed in place: only they change, whatever stands around them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_dump import ANY_TEXT, HARD

from cef_bridge.errors import UsageError
from cef_bridge.mapping.language import nodes, reader, spec
from cef_bridge.mapping.language.dump import scalar
from cef_bridge.mapping.language.edit import ExampleEdit, updated

HEAD = "# é日本🛡\nmapping: a   # 🛡\nexamples:\n"


def edited(body: str, *changes: ExampleEdit, head: str = HEAD) -> str:
    data, _ = updated((head + body).encode(), "a.yaml", changes)
    assert data.startswith(head.encode())
    return data.decode().removeprefix(head)


def expects(data: bytes) -> list[dict[str, str | None]]:
    root, problems = nodes.read(data, "a.yaml")
    assert problems == []
    draft = reader.read(root, "a.yaml", {}, spec.ExampleFile)
    assert draft.problems == []
    return [example.expect for example in draft.said["examples"]]


ONE = "  - {event: {Type: x}, expect: %s}   # why\n"
IN_FLOW = {
    "plain": ("{act: Allow}", "{act: Block}", "Allow", "Block"),
    "plain stays plain where it can": ("{act: Allow}", "{act: 'a, b'}", "Allow", "a, b"),
    "single quotes": ("{act: 'Allow'}", "{act: 'it''s'}", "Allow", "it's"),
    "double quotes": ('{act: "Allow"}', '{act: "a\\"b\\\\"}', "Allow", 'a"b\\'),
    "absent": ("{act: Allow, cs1: x}", "{act: null, cs1: x}", "Allow", None),
    "present": ("{act: null}", "{act: Block}", None, "Block"),
    "present after a tilde": ("{act: ~}", "{act: Block}", None, "Block"),
    "present after nothing": ("{act: , b: c}", "{act: Block, b: c}", None, "Block"),
    "present after a bare key": ("{b: c, act}", "{b: c, act: Block}", None, "Block"),
    "a text that means null": ("{act: x}", "{act: 'null'}", "x", "null"),
    "an empty text": ("{act: x}", "{act: ''}", "x", ""),
    "a quoted key": ('{"act" :  x , b: c}', '{"act" :  y , b: c}', "x", "y"),
    "an address": ("{act: x}", "{act: '::1'}", "x", "::1"),
    "a line end": ("{act: 'x'}", '{act: "a\\nb"}', "x", "a\nb"),
}  # fmt: skip


@pytest.mark.parametrize("case", IN_FLOW)
def test_a_value_in_braces_changes_alone_and_keeps_its_quotes(case):
    before, after, expected, got = IN_FLOW[case]
    assert edited(ONE % before, ExampleEdit(0, "act", expected, got)) == ONE % after


BLOCK = """\
  - name: one
    event: {Type: x}
    expect:
      act:   Allow     # why
      cs1:
      msg: |
        two
        lines

      # and then
      cs2: >-
        folded
        text
      cs3: "a
        b"
      cat: last"""


def test_values_in_lines_change_alone_with_their_comments_and_indents():
    changed = edited(
        BLOCK,
        ExampleEdit(0, "act", "Allow", "Block"),
        ExampleEdit(0, "cs1", None, "x"),
        ExampleEdit(0, "msg", "two\nlines\n", "one"),
        ExampleEdit(0, "cs2", "folded text", None),
        ExampleEdit(0, "cs3", "a b", "c"),
        ExampleEdit(0, "cat", "last", "File"),
    )
    assert (
        changed
        == """\
  - name: one
    event: {Type: x}
    expect:
      act:   Block     # why
      cs1: x
      msg: one

      # and then
      cs2: null
      cs3: "c"
      cat: File"""
    )


def test_a_key_that_is_new_stands_before_the_others():
    new = ExampleEdit(0, "filtered", None, "true")
    assert edited(ONE % "{act: x}", new) == ONE % '{filtered: "true", act: x}'
    assert edited(ONE % "{}", new) == ONE % '{filtered: "true"}'
    block = "  - event: {Type: x}\n    expect:\n      act: x\n"
    assert edited(block, new) == block.replace("act", 'filtered: "true"\n      act')
    windows = block.replace("\n", "\r\n")
    assert edited(windows, new) == windows.replace("act", 'filtered: "true"\r\n      act')


def test_a_byte_order_mark_and_windows_lines_stay():
    text = "\ufeff" + (HEAD + ONE % "{act: x}").replace("\n", "\r\n")
    data, _ = updated(text.encode(), "a.yaml", [ExampleEdit(0, "act", "x", "é🛡")])
    assert data.decode() == text.replace("{act: x}", "{act: é🛡}")


def test_only_the_example_that_is_meant_changes_and_one_alone_needs_no_list():
    text = ONE % "{act: x}" + ONE % "{act: x}"
    assert edited(text, ExampleEdit(1, "act", "x", "y")) == ONE % "{act: x}" + ONE % "{act: y}"
    alone = "  event: {Type: x}\n  expect: {act: x}\n"
    assert edited(alone, ExampleEdit(0, "act", "x", "y")) == alone.replace("act: x", "act: y")


def test_where_a_change_was_made_is_told():
    _, made = updated(
        (HEAD + ONE % "{act: x}").encode(), "a.yaml", [ExampleEdit(0, "act", "x", "y")]
    )
    assert [(str(at), *rest) for at, *rest in made] == [("a.yaml:4:38", "act", "x", "y")]


def test_a_value_that_an_alias_shares_is_refused():
    shared = "  - {event: {Type: x}, expect: &e {act: x}}\n  - {event: {Type: x}, expect: *e}\n"
    with pytest.raises(UsageError, match="cannot be updated in place"):
        edited(shared, ExampleEdit(1, "act", "x", "y"))
    with pytest.raises(UsageError, match="cannot be updated in place"):
        edited(shared, ExampleEdit(0, "act", "x", "y"), ExampleEdit(1, "act", "x", "z"))
    # Where all that share it agree there is nothing in the way.
    both = edited(shared, ExampleEdit(0, "act", "x", "y"), ExampleEdit(1, "act", "x", "y"))
    assert both == shared.replace("act: x", "act: y")
    word = ONE % "{act: &a x, cs1: *a}"
    with pytest.raises(UsageError, match="cannot be updated in place"):
        edited(word, ExampleEdit(0, "act", "x", "y"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "examples: {\n",
        "a: b\n",
        "examples: []\n",
        "examples: [{expect: x}]\n",
        HEAD + ONE % "!!map {act: x}",
        HEAD + ONE % "[act]",
        HEAD + ONE % "{act: z}",
    ],
)
def test_a_file_that_has_changed_meanwhile_is_not_touched(text):
    with pytest.raises(UsageError, match=r"^a.yaml has changed meanwhile"):
        updated(text.encode(), "a.yaml", [ExampleEdit(0, "act", "x", "y")])


VALUES = st.none() | ANY_TEXT | HARD
KEYS = st.lists(
    st.sampled_from(["act", "cs1", "msg", "a b", "é", "filtered"]), unique=True, min_size=1
)
STYLES = st.sampled_from([None, "'", '"'])


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_whatever_was_expected_and_came_out_only_the_values_change(data):
    flow = data.draw(st.booleans())
    keys = data.draw(KEYS)
    rows = [(key, data.draw(VALUES), data.draw(VALUES), data.draw(STYLES)) for key in keys]
    pairs = [f"{scalar(key)}: {scalar(old, style)}" for key, old, _, style in rows]
    body = f"{{{', '.join(pairs)}}}" if flow else "".join(f"\n      {it}  # note" for it in pairs)
    text = f"# é🛡\nexamples:\n  - event: {{Type: x}}\n    expect: {body}\n# end\n"
    changes = [ExampleEdit(0, key, old, new) for key, old, new, _ in rows if old != new]
    before = text.encode()
    assert expects(before) == [{key: old for key, old, _, _ in rows}]
    after, made = updated(before, "a.yaml", changes)
    assert expects(after) == [{key: new for key, _, new, _ in rows}]
    assert len(made) == len(changes)
    assert after.decode().count("# note") == before.decode().count("# note")
    assert after.startswith(before[: before.index(b"expect:")])
    assert after.endswith(b"\n# end\n")
    if not changes:
        assert after == before
