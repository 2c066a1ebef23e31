"""Conditions that hypothesis makes up, and what each means, for the tests of query languages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from cef_bridge.content.conditions import AllOf, AnyOf, FieldMatch, Unless

if TYPE_CHECKING:
    from collections.abc import Callable


def conditions_on(matches: st.SearchStrategy[FieldMatch]) -> st.SearchStrategy:
    """Return a strategy of conditions on these matches."""
    return st.recursive(
        matches,
        lambda inner: st.one_of(
            st.builds(Unless, inner),
            st.builds(AllOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=2, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


def holds(condition, matches: Callable[[FieldMatch], bool]) -> bool:
    """Tell whether a condition holds, where `matches` says so of one match."""
    if isinstance(condition, FieldMatch):
        return matches(condition)
    if isinstance(condition, Unless):
        return not holds(condition.item, matches)
    found = (holds(it, matches) for it in condition.items)
    return all(found) if isinstance(condition, AllOf) else any(found)
