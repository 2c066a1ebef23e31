"""Lines one by one through all rules that matter to a receiver.

In comes a line, out come its faults, all of them, in the order of their places. A rule is a row of
`codes` and a function of one line below `@reports` in a module imported here, or a class that sees
line after line below `@reports_across`; its docstring is its page (what, why, bad, good; the tests
run both). State: only what rules across lines remember, which is bounded. Must not know files.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from cef_bridge.lines.lint import (  # noqa: F401 - each declares its rules
    rules_across,
    rules_header,
    rules_labels,
    rules_leef,
    rules_line,
    rules_pairs,
    rules_values,
)
from cef_bridge.lines.lint.reader import read
from cef_bridge.lines.lint.registry import ACROSS_LINES, OF_ONE_LINE
from cef_bridge.lines.lint.rules_line import MOST_READ

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from cef_bridge.lines.lint.codes import LineRule
    from cef_bridge.lines.lint.parts import LineFinding, ParsedLine

RULES = dict(sorted(OF_ONE_LINE.items()))
ACROSS = dict(sorted(ACROSS_LINES.items()))

MOST_OF_ONE = 50
"""So many faults of one code are told of one line."""


class LineProblem(NamedTuple):
    """What is wrong with a line; the column counts characters from 1."""

    column: int
    code: LineRule
    message: str


class Linter:
    """Checks line after line, of one file or several.

    `read_by` is a receiver of `codes.RECEIVERS`: warnings about others only are left out. With
    `codes.STANDARD` only what all receivers mind is told; with "" everything but
    notes.
    """

    def __init__(self, read_by: str = "") -> None:
        self._read_by = read_by
        self._rules: list[tuple[LineRule, Callable[[ParsedLine], Iterable[LineFinding]]]] = [
            *((code, rule) for code, rule in RULES.items() if self._matters(code)),
            *((code, make().see) for code, make in ACROSS.items() if self._matters(code)),
        ]

    def _matters(self, code: LineRule) -> bool:
        if not self._read_by:
            return code.severity != "note"
        return not code.receivers or self._read_by in code.receivers

    def lint(self, text: str, size: int | None = None) -> list[LineProblem]:
        """Return the faults of a line without its line end; never fails.

        `size` is its length in bytes. Bytes that are no UTF-8 are told when they were decoded
        with "surrogateescape". Only the first MiB of a line is looked at.
        """
        line = read(text[:MOST_READ], size, self._read_by)
        faults = [
            self._fault(code, found)
            for code, rule in self._rules
            for found in islice(rule(line), MOST_OF_ONE)
        ]
        faults.sort(key=lambda fault: fault.column)
        return faults

    def _fault(self, code: LineRule, found: LineFinding) -> LineProblem:
        message = found.message
        if code.receivers and not self._read_by:
            message = f"{message} [{', '.join(code.receivers)}]"
        return LineProblem(found.at + 1, code, message)
