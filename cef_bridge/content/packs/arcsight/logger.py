"""Logger's language of field-based searches, which reads as ESM's conditions do.

In come conditions, out comes text: a field by its full name, an operator, a text in quotes. Must
not know the files of the pack.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cef_bridge.content.conditions import AllOf, Condition, FieldMatch, Unless
from cef_bridge.content.sigma import RuleConversionError

if TYPE_CHECKING:
    from collections.abc import Mapping

_OPERATORS = {
    (False, False): "=",
    (False, True): "STARTSWITH",
    (True, False): "ENDSWITH",
    (True, True): "CONTAINS",
}


def literal(text: str) -> str:
    """Return a text in quotes."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def query(condition: Condition, names: Mapping[str, str]) -> str:
    """Return a condition; `names`: fields that are found under another name.

    Raises RuleConversionError for a text with something open inside it.
    """
    if isinstance(condition, FieldMatch):
        field = names.get(condition.field, condition.field)
        if condition.is_any:
            return f"{field} IS NOT NULL"
        if not condition.is_simple:
            raise RuleConversionError("Logger compares no text with a wildcard inside it.")
        operator = _OPERATORS[condition.opens_before, condition.opens_behind]
        return f"{field} {operator} {literal(''.join(condition.texts))}"
    if isinstance(condition, Unless):
        return f"NOT ({query(condition.item, names)})"
    between = " AND " if isinstance(condition, AllOf) else " OR "
    return between.join(
        query(it, names) if isinstance(it, FieldMatch | Unless) else f"({query(it, names)})"
        for it in condition.items
    )
