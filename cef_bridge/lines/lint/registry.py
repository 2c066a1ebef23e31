"""How a line rule is declared: `@reports(codes.X)` above a function, its docstring is its page.

A rule that sees line after line is a class below `@reports_across(codes.X)`. In come both, out
comes nothing until `linter` asks for all of them. Must not know any rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from cef_bridge.lines.lint.codes import LineRule
    from cef_bridge.lines.lint.parts import LineFinding, ParsedLine

    OfOneLine = Callable[[ParsedLine], Iterator[LineFinding]]


class Across(Protocol):
    """A rule with a memory, which must be bounded."""

    def see(self, line: ParsedLine) -> Iterator[LineFinding]:
        """Yield what this line makes certain."""


RuleT = TypeVar("RuleT", bound=Across)

OF_ONE_LINE: dict[LineRule, OfOneLine] = {}
ACROSS_LINES: dict[LineRule, Callable[[], Across]] = {}


def reports(code: LineRule) -> Callable[[OfOneLine], OfOneLine]:
    """Declare a function to be the rule of a code."""

    def declare(function: OfOneLine) -> OfOneLine:
        OF_ONE_LINE[code] = function
        return function

    return declare


def reports_across(code: LineRule) -> Callable[[type[RuleT]], type[RuleT]]:
    """Declare a class to be the rule of a code: one object sees all lines of a run."""

    def declare(rule: type[RuleT]) -> type[RuleT]:
        ACROSS_LINES[code] = rule
        return rule

    return declare
