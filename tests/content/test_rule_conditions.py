"""What a rule asks as a tree: after the pipeline, with the comparisons of Sigma."""

from __future__ import annotations

import pytest

from cef_bridge.content.conditions import (
    AllOf,
    AnyOf,
    FieldMatch,
    Unless,
    Wildcard,
    condition_tree,
    fields_of,
)
from cef_bridge.content.sigma import RuleConversionError

ANY = Wildcard.TEXT
RENAMED = {
    "name": "p",
    "priority": 1,
    "transformations": [{"id": "f", "type": "field_name_mapping", "mapping": {"a": "A", "b": ["B", "C"]}}],
}  # fmt: skip


def tree(selection, condition="s", pipeline=RENAMED):
    rule = {
        "title": "t",
        "logsource": {"product": "kubearmor"},
        "detection": {"s": selection, "n": {"c": "no"}, "condition": condition},
    }
    return condition_tree(rule, pipeline)


@pytest.mark.parametrize(
    ("selection", "condition", "expected"),
    [
        ({"a": "x"}, "s", FieldMatch("A", ("x",))),
        ({"a": 7}, "s", FieldMatch("A", ("7",))),
        ({"a": "x*y?"}, "s", FieldMatch("A", ("x", ANY, "y", Wildcard.CHARACTER))),
        ({"a": r"x\*y"}, "s", FieldMatch("A", ("x*y",))),
        ({"a|contains": "x"}, "s", FieldMatch("A", (ANY, "x", ANY))),
        ({"a|endswith": ["x", "y"]}, "s", AnyOf((FieldMatch("A", (ANY, "x")), FieldMatch("A", (ANY, "y"))))),
        ({"a": "x", "c": "y"}, "s", AllOf((FieldMatch("A", ("x",)), FieldMatch("c", ("y",))))),
        # A field that has two places is in one of them.
        ({"b": "x"}, "s", AnyOf((FieldMatch("B", ("x",)), FieldMatch("C", ("x",))))),
        ({"a": "x"}, "s and not n", AllOf((FieldMatch("A", ("x",)), Unless(FieldMatch("c", ("no",)))))),
        ({"a": "x"}, "s or n", AnyOf((FieldMatch("A", ("x",)), FieldMatch("c", ("no",))))),
    ],
)  # fmt: skip
def test_a_rule_becomes_a_tree(selection, condition, expected):
    assert tree(selection, condition) == expected


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        ({"a|re": "x.*"}, "no text with wildcards"),
        ({"a|cidr": "10.0.0.0/8"}, "no text with wildcards"),
        ({"a|cased": "x"}, "no text with wildcards"),
        (["word"], "words outside of fields"),
    ],
)
def test_what_has_no_tree_is_refused(selection, why):
    with pytest.raises(RuleConversionError, match=why):
        tree(selection)


def test_a_pipeline_is_as_new_for_each_rule():
    assert tree({"a": "x"}) == tree({"a": "x"})
    assert "id" in RENAMED["transformations"][0]


def test_fields_are_listed_once_and_in_their_order():
    made = tree({"c": "y", "b": "x", "a": "x"}, "s and not n")
    assert fields_of(made) == ("c", "B", "C", "A")


@pytest.mark.parametrize(
    ("parts", "is_simple", "opens"),
    [
        (("x",), True, (False, False)),
        ((), True, (False, False)),
        ((ANY,), True, (True, False)),
        ((ANY, "x"), True, (True, False)),
        (("x", ANY), True, (False, True)),
        ((ANY, "x", ANY), True, (True, True)),
        ((ANY, ANY), True, (True, True)),
        (("x", ANY, "y"), False, (False, False)),
        ((Wildcard.CHARACTER, "x"), False, (False, False)),
        ((ANY, "x", Wildcard.CHARACTER), False, (True, False)),
    ],
)
def test_what_is_open_about_a_pattern(parts, is_simple, opens):
    match = FieldMatch("a", parts)
    assert match.is_simple == is_simple
    assert (match.opens_before, match.opens_behind) == opens
    assert match.is_any == (set(parts) == {ANY})


def test_a_pattern_as_a_regular_expression_is_anchored_and_escaped():
    match = FieldMatch("a", ("a.b", ANY, "[", Wildcard.CHARACTER))
    assert match.regex == r"^a\.b.*\[.$"
