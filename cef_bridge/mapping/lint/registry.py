"""How a lint rule is declared: `@reports(codes.X)` above a function whose docstring is its page.

In come functions, out comes nothing until `linter` asks for all of them. Must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.mapping.language.codes import LintRule
    from cef_bridge.mapping.lint.context import LintContext, LintFinding

    RuleFunction = Callable[[LintContext], Iterator[LintFinding]]

DECLARED: dict[LintRule, RuleFunction] = {}


def reports(code: LintRule) -> Callable[[RuleFunction], RuleFunction]:
    """Declare a function to be the rule of a code."""

    def declare(function: RuleFunction) -> RuleFunction:
        DECLARED[code] = function
        return function

    return declare
