"""Graylog's language of pipeline rules: a rule's condition, and what it does.

In come conditions, out come rules and a pipeline as text. The grammar is graylog2-server's
(RuleLang.g4), the functions are those of its pipeline processor: contains, starts_with and
ends_with, with a third argument that ignores case, lowercase, regex, to_string, has_field,
set_field. Must not know content packs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cef_bridge.content.conditions import AllOf, Condition, FieldMatch, Unless

if TYPE_CHECKING:
    from collections.abc import Sequence

_IDENTIFIER = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def string(text: str) -> str:
    """Return a text as a literal."""
    return '"' + "".join(_ESCAPES.get(char, char) for char in text) + '"'


def value(field: str) -> str:
    """Return the expression for a field of the message; it is "" where the field is absent."""
    name = field if _IDENTIFIER.fullmatch(field) else f"`{field}`"
    return f"to_string($message.{name})"


def when(condition: Condition) -> str:
    """Return a condition."""
    if isinstance(condition, FieldMatch):
        return _match(condition)
    if isinstance(condition, Unless):
        return f"not ({when(condition.item)})"
    between = " and " if isinstance(condition, AllOf) else " or "
    return between.join(f"({when(it)})" for it in condition.items)


def _match(match: FieldMatch) -> str:
    text = "".join(match.texts)
    if match.is_any:
        return f"has_field({string(match.field)})"
    field = value(match.field)
    if not match.is_simple:
        return f"regex({string('(?is)' + match.regex)}, {field}).matches == true"
    if match.opens_before and match.opens_behind:
        return f"contains({field}, {string(text)}, true)"
    if match.opens_before:
        return f"ends_with({field}, {string(text)}, true)"
    if match.opens_behind:
        return f"starts_with({field}, {string(text)}, true)"
    return f"lowercase({field}) == {string(text.lower())}"


def rule(name: str, condition: Condition, field: str, text: str) -> str:
    """Return a rule that sets a field of the messages for which a condition holds."""
    return (
        f"rule {string(name)}\nwhen\n  {when(condition)}\nthen\n"
        f"  set_field({string(field)}, {string(text)});\nend\n"
    )


def pipeline(name: str, rules: Sequence[str]) -> str:
    """Return a pipeline of one stage that runs rules."""
    lines = "\n".join(f"rule {string(it)};" for it in rules)
    return f"pipeline {string(name)}\nstage 0 match either\n{lines}\nend\n"
